-- Small values under random ids, encrypted by clients: names, pictures. Whoever knows an id can fetch its value.
CREATE TABLE objects (
    -- immutable; chosen by a client
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- immutable; the account that made it, among whose objects it counts
    account      BLOB    NOT NULL CHECK (length(account) = 16),
    -- immutable; the conversation whose accounts may replace it, NULL if only the account that made it may
    conversation INTEGER REFERENCES conversations (number) ON DELETE CASCADE,
    -- mutable, grows by one with each value
    revision     INTEGER NOT NULL CHECK (revision >= 1),
    -- mutable, replaced by each value; what clients have encrypted
    sealed       BLOB    NOT NULL,
    -- mutable; the length of the value in bytes, so that an index can have it
    size         INTEGER NOT NULL CHECK (size >= 1 AND size = length(sealed)),
    -- mutable; when the newest value was stored
    changed_at   INTEGER NOT NULL
) STRICT;

CREATE INDEX objects_by_account ON objects (account, size);
CREATE INDEX objects_by_conversation ON objects (conversation) WHERE conversation IS NOT NULL;
