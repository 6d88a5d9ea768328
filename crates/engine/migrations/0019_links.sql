-- Invite links of groups that this account has made here, or wants to revoke.
CREATE TABLE links (
    conversation INTEGER NOT NULL REFERENCES conversations (id),  -- immutable
    link_id      BLOB    NOT NULL,  -- immutable, 16 bytes
    seed         BLOB,              -- immutable, 32 bytes: the link; NULL if it was made elsewhere, and is to be revoked here
    name         TEXT,              -- immutable: what the user calls it; NULL if it has no name
    uses_max     INTEGER NOT NULL,  -- immutable: how many may come by it; 0 for any number
    expires_at   INTEGER NOT NULL,  -- immutable: when it stops to work; 0 for never
    state        INTEGER NOT NULL,  -- mutable: see store/links.rs
    wanted_at    INTEGER NOT NULL,  -- mutable: when the user wanted it so
    put          BLOB,              -- mutable, 32 bytes: the SHA-256 of the preview that the server has; NULL if it has none
    PRIMARY KEY (conversation, link_id)
) STRICT, WITHOUT ROWID;

-- Groups that this device is about to join by a link.
CREATE TABLE joins (
    conversation INTEGER NOT NULL PRIMARY KEY REFERENCES conversations (id),  -- immutable
    seed         BLOB    NOT NULL,  -- mutable, 32 bytes: the link
    is_member    INTEGER NOT NULL   -- mutable: the account is in it by now, so that the link is not needed any more
) STRICT;
