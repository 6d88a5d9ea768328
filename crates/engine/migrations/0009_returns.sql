-- What is needed when the server, or this profile, goes back to an earlier state.

-- The newest entries of each log as the server has shown them, for a server that has lost them. They lie in the order of
-- their logs.
CREATE TABLE raw_entries (
    position    INTEGER NOT NULL PRIMARY KEY,  -- immutable: conversations.id * 2^32 + seq
    kept_at     INTEGER NOT NULL,              -- immutable: by the clock of this device
    hash_before BLOB,                          -- immutable: the log chain before it; NULL if it was not known
    entry       BLOB    NOT NULL               -- immutable: the protobuf message LogEntry, without conversation id
) STRICT;

-- immutable; the salt of the content, to send the same message again; NULL for messages of others, and from before
ALTER TABLE messages ADD COLUMN salt BLOB;
-- mutable; NULL unless our messages after this seq are to be sent again once this device is in the group
ALTER TABLE conversations ADD COLUMN resend_after INTEGER;
-- mutable: when our leaf was last replaced because this profile had gone back; 0 if it never was
ALTER TABLE conversations ADD COLUMN leaf_replaced_at INTEGER NOT NULL DEFAULT 0;
