-- What the user wants to change in groups, until it is done or can no longer be.
CREATE TABLE wishes (
    conversation INTEGER NOT NULL REFERENCES conversations (id),  -- immutable
    account      BLOB    NOT NULL,  -- immutable, 16 bytes: whom it is about
    wish         INTEGER NOT NULL,  -- mutable: see store/wishes.rs; the latest one counts
    wanted_at    INTEGER NOT NULL,  -- mutable: when the user wanted it
    PRIMARY KEY (conversation, account)
) STRICT, WITHOUT ROWID;

-- mutable: whether the members of a group are to be told its name, whether or not something else is said
ALTER TABLE conversations ADD COLUMN announces INTEGER NOT NULL DEFAULT 0;
