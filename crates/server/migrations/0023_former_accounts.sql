-- Accounts that were removed from a conversation, or have left it: their devices fetch the log up to there, and no further.
CREATE TABLE former_accounts (
    -- immutable
    account      BLOB    NOT NULL CHECK (length(account) = 16),
    -- immutable
    conversation INTEGER NOT NULL REFERENCES conversations (number) ON DELETE CASCADE,
    -- immutable; the seq of the commit that removed the account
    left_seq     INTEGER NOT NULL CHECK (left_seq >= 1),
    -- immutable; the hash of the log chain there
    left_hash    BLOB    NOT NULL CHECK (length(left_hash) = 32),
    -- immutable; the epoch that the commit began
    epoch        INTEGER NOT NULL CHECK (epoch >= 1),
    PRIMARY KEY (account, conversation)
) STRICT, WITHOUT ROWID;

CREATE INDEX former_accounts_by_conversation ON former_accounts (conversation);

-- Nothing at the server depended on it, and groups would be a third kind.
ALTER TABLE conversations DROP COLUMN kind;
