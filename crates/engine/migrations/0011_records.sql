-- What the devices of this account keep in step about each conversation.
CREATE TABLE records (
    conversation_id BLOB    NOT NULL PRIMARY KEY,  -- mutable while the conversation is known to this device only
    revision        INTEGER NOT NULL,              -- mutable: the value at the server that is merged; 0 if none is
    contents        BLOB    NOT NULL,              -- mutable: a protobuf message (account/record.rs)
    changes         INTEGER NOT NULL,              -- mutable, only grows: how often the contents were changed
    is_dirty        INTEGER NOT NULL               -- mutable: 1 if the server is still to get them
) STRICT, WITHOUT ROWID;

CREATE INDEX records_to_put ON records (is_dirty) WHERE is_dirty = 1;

-- mutable: the newest change of the account's records that is merged; 0 if none is
ALTER TABLE profile ADD COLUMN records_change INTEGER NOT NULL DEFAULT 0;
-- mutable: the incarnation of the server that it is from; NULL if none is merged
ALTER TABLE profile ADD COLUMN records_incarnation BLOB;
