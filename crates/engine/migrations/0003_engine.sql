-- The client's database. One account and one device to a file; everything is encrypted at rest.
-- Instants are milliseconds since 1970 UTC. "mutable" and "immutable" say what a column is after its insert.

CREATE TABLE profile (
    id             INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    account_id     BLOB    NOT NULL,  -- immutable, 16 bytes
    handle         TEXT    NOT NULL,  -- immutable
    certificate    BLOB    NOT NULL,  -- mutable: renewed before it expires
    device_key     BLOB    NOT NULL,  -- immutable, Ed25519 seed
    vault_key      BLOB    NOT NULL,  -- immutable, 32 bytes
    vault          BLOB    NOT NULL,  -- mutable, contents as the account module encodes them
    vault_revision INTEGER NOT NULL,  -- mutable: the newest revision that the server is known to have
    vault_dirty    INTEGER NOT NULL   -- mutable: 1 while the server does not have these contents
) STRICT;

CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,  -- immutable
    value BLOB NOT NULL               -- mutable
) STRICT, WITHOUT ROWID;

-- What OpenMLS keeps: opaque to everything but the mls crate.
CREATE TABLE mls_state (
    key   BLOB NOT NULL PRIMARY KEY,  -- immutable
    value BLOB NOT NULL               -- mutable
) STRICT, WITHOUT ROWID;

CREATE TABLE contacts (
    account_id BLOB NOT NULL PRIMARY KEY,  -- immutable, 16 bytes
    handle     TEXT UNIQUE,                -- mutable, pinned; NULL until the directory has told it
    name       TEXT                        -- mutable; NULL until the person has sent one
) STRICT, WITHOUT ROWID;

CREATE TABLE conversations (
    id              INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,  -- immutable, what hosts call it
    conversation_id BLOB    NOT NULL UNIQUE,  -- mutable: changes once if the other person's creation won
    kind            INTEGER NOT NULL,         -- immutable: 1 direct, 2 notes to self
    title           TEXT,                     -- mutable; NULL where the members name it
    state           INTEGER NOT NULL,         -- mutable: 0 starting, 1 joining, 2 joined, 3 blocked
    cursor          INTEGER NOT NULL,         -- mutable: everything up to this seq is applied
    accepted_number INTEGER NOT NULL,         -- mutable: our send number that the server accepted last
    updated_at      INTEGER NOT NULL,         -- mutable: when our leaf key was last renewed
    own_turn        INTEGER NOT NULL,         -- mutable: 1 if the newest message is this account's
    name_sent       INTEGER NOT NULL,         -- mutable: 1 if the members know our display name
    active_at       INTEGER NOT NULL          -- mutable: when something was last said
) STRICT;

CREATE TABLE members (
    conversation    INTEGER NOT NULL REFERENCES conversations (id),  -- immutable
    account         BLOB    NOT NULL,  -- immutable, 16 bytes
    role            INTEGER NOT NULL,  -- mutable: 0 member, 1 admin, 2 owner
    joined_seq      INTEGER NOT NULL,  -- mutable: the place in the log where it came in last
    left_seq        INTEGER,           -- mutable; NULL while it is a member
    delivered_up_to INTEGER NOT NULL,  -- mutable: it has reported to have all up to this seq
    read_up_to      INTEGER NOT NULL,  -- mutable: it has reported to have read all up to this seq
    PRIMARY KEY (conversation, account)
) STRICT, WITHOUT ROWID;

CREATE INDEX members_by_account ON members (account);

CREATE TABLE messages (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,      -- immutable, what hosts call it
    conversation INTEGER NOT NULL REFERENCES conversations (id),  -- immutable
    message_id   BLOB    NOT NULL,  -- mutable: once, when its conversation goes on under another id
    position     INTEGER NOT NULL,  -- mutable: the order of display; the seq, or beyond every seq while pending
    seq          INTEGER,           -- mutable; NULL until the server has accepted it
    sender       BLOB    NOT NULL,  -- immutable, account id
    outgoing     INTEGER NOT NULL,  -- immutable: 1 if the own account wrote it
    text         TEXT    NOT NULL,  -- immutable
    sent_at      INTEGER NOT NULL,  -- mutable: the server's time once it is accepted
    status       INTEGER NOT NULL,  -- mutable: see store/messages.rs
    UNIQUE (conversation, message_id),
    UNIQUE (conversation, position)
) STRICT;

-- The first unread message of a conversation is found, and the unread ones are counted, by this index alone.
CREATE INDEX messages_unread ON messages (conversation, position) WHERE status = 5;

-- Delivered and read reports that are due; they leave bundled.
CREATE TABLE reports (
    conversation INTEGER NOT NULL REFERENCES conversations (id),  -- immutable
    message_id   BLOB    NOT NULL,                                -- immutable
    status       INTEGER NOT NULL,                                -- mutable: 1 delivered, 2 read
    PRIMARY KEY (conversation, message_id)
) STRICT, WITHOUT ROWID;

-- What is to leave, in this order for each conversation.
CREATE TABLE outbox (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    conversation INTEGER NOT NULL REFERENCES conversations (id),  -- immutable
    send_id      BLOB    NOT NULL UNIQUE,                         -- immutable, 16 bytes
    message      INTEGER REFERENCES messages (id),                -- immutable; NULL for reports and names
    content      BLOB    NOT NULL,                                -- mutable: names the conversation; MIMI content
    number       INTEGER,  -- mutable; NULL until it is encrypted: the send number
    ciphertext   BLOB,     -- mutable; NULL until it is encrypted for the present epoch
    parked       INTEGER NOT NULL                                 -- mutable: 1 if the server refused it for good
) STRICT;

CREATE INDEX outbox_by_conversation ON outbox (conversation, id);

-- The one commit of a conversation that is on its way. The group holds it as its pending commit.
CREATE TABLE handshakes (
    conversation INTEGER NOT NULL PRIMARY KEY REFERENCES conversations (id),  -- immutable
    kind         INTEGER NOT NULL,  -- immutable: 0 create, 1 update, 2 external join
    send_id      BLOB    NOT NULL,  -- immutable
    number       INTEGER NOT NULL,  -- mutable: the send number
    request      BLOB    NOT NULL   -- immutable: the protobuf message CreateConversation or Commit
) STRICT;

-- Entries of the log that came before those they follow.
CREATE TABLE held_entries (
    conversation INTEGER NOT NULL REFERENCES conversations (id),  -- immutable
    seq          INTEGER NOT NULL,                                -- immutable
    entry        BLOB    NOT NULL,                                -- immutable: the protobuf message LogEntry
    PRIMARY KEY (conversation, seq)
) STRICT, WITHOUT ROWID;
