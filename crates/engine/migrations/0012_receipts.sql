-- Receipts are registers: one small sealed value for each device in a conversation, in place of messages.

-- What is due leaves as a receipt.
CREATE TABLE own_receipts (
    conversation INTEGER NOT NULL PRIMARY KEY REFERENCES conversations (id),  -- immutable
    version      INTEGER NOT NULL,  -- mutable, only grows: of the last receipt that was sent
    since        INTEGER NOT NULL,  -- mutable: nothing is said about what stands up to this seq
    exceptions   BLOB    NOT NULL,  -- mutable: seqs after that which were not received, 8 bytes each, ascending
    changes      INTEGER NOT NULL,  -- mutable, only grows: how often there was something to report
    reported     INTEGER NOT NULL   -- mutable: the number of changes that the server has
) STRICT;

CREATE INDEX own_receipts_due ON own_receipts (conversation) WHERE changes > reported;

-- Of what was received before, only what is still to be reported or read is covered.
INSERT INTO own_receipts (conversation, version, since, exceptions, changes, reported)
SELECT c.id, 0,
       MIN(c.cursor,
           COALESCE((SELECT MIN(m.seq) - 1 FROM messages m
                     WHERE m.conversation = c.id AND m.outgoing = 0 AND m.status = 5), c.cursor),
           COALESCE((SELECT MIN(m.seq) - 1 FROM reports r
                     JOIN messages m ON m.conversation = r.conversation AND m.message_id = r.message_id
                     WHERE r.conversation = c.id), c.cursor)),
       x'', EXISTS (SELECT 1 FROM reports r WHERE r.conversation = c.id), 0
FROM conversations c;

DROP TABLE reports;

-- The newest receipt of each other device that was opened.
CREATE TABLE receipts (
    conversation INTEGER NOT NULL REFERENCES conversations (id),  -- immutable
    device       BLOB    NOT NULL,  -- immutable, 16 bytes
    account      BLOB    NOT NULL,  -- immutable, 16 bytes
    version      INTEGER NOT NULL,  -- mutable, only grows
    since        INTEGER NOT NULL,  -- mutable: nothing is said about what stands up to this seq
    delivered    INTEGER NOT NULL,  -- mutable: received up to this seq
    read         INTEGER NOT NULL,  -- mutable: read up to this seq
    exceptions   BLOB    NOT NULL,  -- mutable: seqs that were not received, 8 bytes each, ascending
    PRIMARY KEY (conversation, device)
) STRICT, WITHOUT ROWID;

-- The keys under which the receipts of an epoch are sealed.
CREATE TABLE receipt_keys (
    conversation INTEGER NOT NULL REFERENCES conversations (id),  -- immutable
    epoch        INTEGER NOT NULL,  -- immutable
    key          BLOB    NOT NULL,  -- immutable, 32 bytes
    began_at     INTEGER NOT NULL,  -- immutable: when this device came into the epoch
    PRIMARY KEY (conversation, epoch)
) STRICT, WITHOUT ROWID;

CREATE INDEX messages_sent ON messages (conversation, seq) WHERE outgoing = 1;

-- Where messages stand that were sent again for somebody and keep their first place.
CREATE TABLE resent_messages (
    conversation INTEGER NOT NULL REFERENCES conversations (id),  -- immutable
    seq          INTEGER NOT NULL,                                -- immutable
    message      INTEGER NOT NULL REFERENCES messages (id),       -- mutable: a log can begin again at an earlier place
    PRIMARY KEY (conversation, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX resent_messages_by_message ON resent_messages (message);

-- Whether something that was sent has not arrived is found by this index alone.
CREATE INDEX messages_undelivered ON messages (conversation) WHERE status = 2;

-- mutable: the newest change of the receipts at the server that was looked at; 0 if none was
ALTER TABLE conversations ADD COLUMN receipts_change INTEGER NOT NULL DEFAULT 0;
