-- Conversations, their logs and groups, what waits for devices. Ids are 16 bytes, instants milliseconds
-- since 1970 UTC. Nothing here can be read without a key that only devices hold.
--
-- Accounts and devices are known by id only, without foreign keys: the directory is another part, with a
-- life of its own.

CREATE TABLE conversations (
    -- immutable; short, so that the log is ordered by it; never used twice
    number     INTEGER PRIMARY KEY AUTOINCREMENT CHECK (number < 2147483648),
    -- immutable
    id         BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    -- immutable; 1 direct, 2 notes to self
    kind       INTEGER NOT NULL CHECK (kind IN (1, 2)),
    -- mutable, only grows; the newest entry of the log
    head_seq   INTEGER NOT NULL CHECK (head_seq BETWEEN 1 AND 4294967295),
    -- mutable, only grows; the epoch after the newest commit of the log
    epoch      INTEGER NOT NULL CHECK (epoch >= 0),
    -- mutable, only grows; the oldest entry that is kept, head_seq + 1 if none is
    first_seq  INTEGER NOT NULL CHECK (first_seq BETWEEN 1 AND head_seq + 1),
    -- immutable
    created_at INTEGER NOT NULL
) STRICT;

-- Whose a conversation is: rows come and go with its commits.
CREATE TABLE conversation_accounts (
    -- immutable
    account      BLOB    NOT NULL CHECK (length(account) = 16),
    -- immutable
    conversation INTEGER NOT NULL REFERENCES conversations (number) ON DELETE CASCADE,
    PRIMARY KEY (account, conversation)
) STRICT, WITHOUT ROWID;

CREATE INDEX conversation_accounts_by_conversation ON conversation_accounts (conversation);

-- At most one direct conversation for two accounts; an account with itself has its notes to self. Other kinds
-- are not here.
CREATE TABLE direct_pairs (
    -- immutable; the account with the lower id
    lower        BLOB    NOT NULL CHECK (length(lower) = 16),
    -- immutable; the account with the higher id
    higher       BLOB    NOT NULL CHECK (length(higher) = 16 AND lower <= higher),
    -- immutable
    conversation INTEGER NOT NULL UNIQUE REFERENCES conversations (number) ON DELETE CASCADE,
    PRIMARY KEY (lower, higher)
) STRICT, WITHOUT ROWID;

-- The devices in a group, at the head of its log.
CREATE TABLE members (
    -- immutable
    conversation     INTEGER NOT NULL REFERENCES conversations (number) ON DELETE CASCADE,
    -- immutable
    device           BLOB    NOT NULL CHECK (length(device) = 16),
    -- immutable
    account          BLOB    NOT NULL CHECK (length(account) = 16),
    -- mutable by joining anew; the commit that made it a member: what follows is for it
    joined_seq       INTEGER NOT NULL,
    -- mutable, only grows; up to here the device has stored the log
    acked_seq        INTEGER NOT NULL CHECK (acked_seq >= joined_seq),
    -- mutable; number of its newest entry, 0 if it has sent nothing
    last_send_number INTEGER NOT NULL,
    -- mutable; place of its newest entry, 0 if it has sent nothing
    last_send_seq    INTEGER NOT NULL,
    -- mutable; 1 once the device is signed out: it cannot send, and pruning does not wait for it
    signed_out       INTEGER NOT NULL CHECK (signed_out IN (0, 1)),
    PRIMARY KEY (conversation, device)
) STRICT, WITHOUT ROWID;

CREATE INDEX members_by_device ON members (device, conversation);

-- The logs. There is no further index: a random one costs two thirds of the throughput.
CREATE TABLE log (
    -- immutable; conversations.number * 2^32 + seq, so that a log lies together, in order
    position    INTEGER PRIMARY KEY,
    -- immutable
    send_id     BLOB    NOT NULL CHECK (length(send_id) = 16),
    -- immutable
    accepted_at INTEGER NOT NULL,
    -- immutable; the epoch of the group after this entry
    epoch       INTEGER NOT NULL,
    -- immutable
    is_commit   INTEGER NOT NULL CHECK (is_commit IN (0, 1)),
    -- immutable; MLSMessage
    payload     BLOB    NOT NULL
) STRICT;

-- The public state of each group at the head of its log.
CREATE TABLE groups (
    -- immutable
    conversation INTEGER PRIMARY KEY REFERENCES conversations (number) ON DELETE CASCADE,
    -- mutable, replaced by each commit; equals conversations.epoch
    epoch        INTEGER NOT NULL,
    -- mutable, replaced by each commit; what the next commit is validated against
    public_view  BLOB    NOT NULL,
    -- mutable, replaced by each commit; MLSMessage with the GroupInfo, without ratchet tree
    group_info   BLOB    NOT NULL
) STRICT;

-- A Welcome and its ratchet tree, once for all devices that the commit at this place added.
CREATE TABLE welcomes (
    -- immutable; as log.position, though the entry may be pruned before
    position     INTEGER PRIMARY KEY,
    -- immutable
    welcome      BLOB    NOT NULL,
    -- immutable
    ratchet_tree BLOB    NOT NULL
) STRICT;

-- What waits for a device.
CREATE TABLE inbox (
    -- immutable; ascending, never used twice
    item_id  INTEGER PRIMARY KEY AUTOINCREMENT,
    -- immutable
    device   BLOB    NOT NULL CHECK (length(device) = 16),
    -- immutable
    position INTEGER NOT NULL REFERENCES welcomes (position)
) STRICT;

CREATE INDEX inbox_by_device ON inbox (device, item_id);
CREATE INDEX inbox_by_position ON inbox (position);

CREATE TABLE key_packages (
    -- immutable; the oldest is given out first
    number         INTEGER PRIMARY KEY AUTOINCREMENT,
    -- immutable
    device         BLOB    NOT NULL CHECK (length(device) = 16),
    -- immutable; SHA-256 of the key package: the same one is not kept twice
    hash           BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    -- immutable; 1 if it is given out when no other is left, and stays
    is_last_resort INTEGER NOT NULL CHECK (is_last_resort IN (0, 1)),
    -- immutable; MLSMessage with a KeyPackage
    key_package    BLOB    NOT NULL
) STRICT;

CREATE INDEX key_packages_by_device ON key_packages (device, is_last_resort, number);
CREATE UNIQUE INDEX key_packages_last_resort ON key_packages (device) WHERE is_last_resort = 1;
