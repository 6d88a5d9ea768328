-- Messages that disappear, and conversations that are deleted on this device.

-- mutable: for how many seconds what is written here is kept; NULL for good. It is what is shown: what was heard, and what
-- this device has changed.
ALTER TABLE conversations ADD COLUMN timer INTEGER;

-- immutable: for how many seconds it is kept once its time has begun; NULL for good
ALTER TABLE messages ADD COLUMN lifetime INTEGER;
-- mutable: when it disappears; NULL until its time has begun, and if it is kept for good
ALTER TABLE messages ADD COLUMN expires_at INTEGER;

CREATE INDEX messages_by_expiry ON messages (expires_at) WHERE expires_at IS NOT NULL;

-- immutable: the number that the line tells, in the unit of its kind; NULL if it tells none
ALTER TABLE notices ADD COLUMN value INTEGER;

-- The ids of messages that are deleted here: if they are sent again, they are not shown again.
CREATE TABLE gone_messages (
    conversation INTEGER NOT NULL REFERENCES conversations (id),  -- immutable
    message_id   BLOB    NOT NULL,                                -- immutable
    gone_at      INTEGER NOT NULL,                                -- immutable: by the clock of this device
    PRIMARY KEY (conversation, message_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX gone_messages_by_age ON gone_messages (gone_at);
