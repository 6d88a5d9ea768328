-- What the devices of an account keep in step about each conversation, encrypted by them: the newest value alone. A
-- conversation is known by its id only, since a record outlives it. Rows are never deleted, so the newest change of an
-- account is the highest one here.
CREATE TABLE account_records (
    -- immutable
    account      BLOB    NOT NULL CHECK (length(account) = 16),
    -- immutable
    conversation BLOB    NOT NULL CHECK (length(conversation) = 16),
    -- mutable, grows by one with each value
    revision     INTEGER NOT NULL CHECK (revision >= 1),
    -- mutable, only grows; orders the changes of all records of the account: when the newest value was stored, in
    -- milliseconds since 1970 UTC, or the next number after the account's newest change if that is higher
    change       INTEGER NOT NULL CHECK (change >= 1),
    -- mutable, replaced by each value; what the devices have encrypted
    sealed       BLOB    NOT NULL CHECK (length(sealed) >= 1),
    PRIMARY KEY (account, conversation)
) STRICT;

CREATE UNIQUE INDEX account_records_by_change ON account_records (account, change);
