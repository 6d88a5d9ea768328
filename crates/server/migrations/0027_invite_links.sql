-- Invite links of conversations, and those who ask to join. That a link works is decided by the group's policy, of which
-- needs_approval and revoked_at are a copy; how often and how long is decided here.

CREATE TABLE links (
    -- immutable; a hash of the link's public key
    id             BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- immutable
    conversation   INTEGER NOT NULL REFERENCES conversations (number) ON DELETE CASCADE,
    -- mutable, as the group's policy says; 1 if one only asks to join
    needs_approval INTEGER NOT NULL CHECK (needs_approval IN (0, 1)),
    -- mutable, only grows; how many accounts have come by it
    uses           INTEGER NOT NULL CHECK (uses >= 0),
    -- mutable; how many may, NULL for any number
    uses_max       INTEGER CHECK (uses_max >= 1),
    -- mutable; when it stops to work, NULL for never
    expires_at     INTEGER,
    -- mutable; what members have sealed for those who have the link, empty once it is revoked
    preview        BLOB    NOT NULL,
    -- immutable
    created_at     INTEGER NOT NULL,
    -- mutable; when the policy lost it, NULL as long as it has it
    revoked_at     INTEGER
) STRICT;

CREATE INDEX links_by_conversation ON links (conversation);
CREATE INDEX links_by_revocation ON links (revoked_at) WHERE revoked_at IS NOT NULL;

-- Accounts that ask to join: at most one request of each for a conversation, and none of those who are in it.
CREATE TABLE join_requests (
    -- immutable
    conversation INTEGER NOT NULL REFERENCES conversations (number) ON DELETE CASCADE,
    -- immutable
    account      BLOB    NOT NULL CHECK (length(account) = 16),
    -- mutable by asking again; the link by which it came, with which it goes
    link         BLOB    NOT NULL REFERENCES links (id) ON DELETE CASCADE,
    -- mutable by asking again; public key and signature of the link
    signature    BLOB    NOT NULL CHECK (length(signature) = 96),
    -- mutable by asking again; what the account has sealed for those who decide
    note         BLOB    NOT NULL,
    -- mutable by asking again
    asked_at     INTEGER NOT NULL,
    PRIMARY KEY (conversation, account)
) STRICT, WITHOUT ROWID;

CREATE INDEX join_requests_by_link ON join_requests (link);
CREATE INDEX join_requests_by_age ON join_requests (asked_at);
