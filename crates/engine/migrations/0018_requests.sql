-- Conversations that others have begun wait for the user's decision. The records of the account have the decisions for all
-- of its devices; this is what lists read.

-- mutable: whether the conversation is wanted: 0 it waits for the user, 1 yes, 2 no, 3 yes, and its record does not say so
-- yet because it was there before there were decisions
ALTER TABLE conversations ADD COLUMN standing INTEGER NOT NULL DEFAULT 3;
-- mutable: the account that has added this device; NULL if it was not added
ALTER TABLE conversations ADD COLUMN added_by BLOB;

-- Whom the user has blocked. A table of its own, as for nicknames.
CREATE TABLE blocked (
    account BLOB NOT NULL PRIMARY KEY  -- immutable, 16 bytes
) STRICT, WITHOUT ROWID;
