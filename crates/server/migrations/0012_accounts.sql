-- The directory: accounts, how they sign in, their vaults, devices and sessions; and the server's own keys.
-- Ids are 16 bytes, instants milliseconds since 1970 UTC. There is no password here, nothing that a password
-- could be guessed from without the server's own secret, and nothing that opens a vault.

-- Secrets of the server itself: whoever reads them can pose as it, so the file is readable by its owner only.
CREATE TABLE server_secrets (
    -- immutable; what the secret is for
    name   TEXT NOT NULL PRIMARY KEY,
    -- immutable; its bytes
    secret BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- The keys that sign access tokens; the newest one signs, older ones verify until their tokens have ended.
CREATE TABLE signing_keys (
    -- immutable; `kid` in the header of a token
    kid        TEXT    NOT NULL PRIMARY KEY,
    -- immutable; Ed25519 seed
    seed       BLOB    NOT NULL CHECK (length(seed) = 32),
    -- immutable
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    -- immutable; made from the two keys below
    account_id          BLOB    NOT NULL PRIMARY KEY CHECK (length(account_id) = 16),
    -- immutable; in its normal form
    handle              TEXT    NOT NULL UNIQUE,
    -- immutable; Ed25519
    account_key         BLOB    NOT NULL CHECK (length(account_key) = 32),
    -- immutable; SHA-256 of the succession key
    succession_key_hash BLOB    NOT NULL CHECK (length(succession_key_hash) = 32),
    -- mutable, only grows; one more with each change of the password: what began before is void
    credential_revision INTEGER NOT NULL CHECK (credential_revision >= 1),
    -- mutable; OPAQUE RegistrationRecord
    password_record     BLOB    NOT NULL,
    -- mutable; the vault key, wrapped by the OPAQUE export key
    password_wrap       BLOB    NOT NULL,
    -- mutable; Ed25519, derived from the recovery code
    recovery_key        BLOB    NOT NULL CHECK (length(recovery_key) = 32),
    -- mutable; the vault key, wrapped by a key derived from the recovery code
    recovery_wrap       BLOB    NOT NULL,
    -- mutable; the seed of the succession key, wrapped by another key derived from the recovery code
    succession_wrap     BLOB    NOT NULL,
    -- mutable, grows by one with each change
    vault_revision      INTEGER NOT NULL CHECK (vault_revision >= 1),
    -- mutable; sealed by the vault key
    vault               BLOB    NOT NULL,
    -- immutable
    created_at          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Devices stay after they have signed out: an id is never used twice.
CREATE TABLE devices (
    -- immutable
    device_id     BLOB    NOT NULL PRIMARY KEY CHECK (length(device_id) = 16),
    -- immutable
    account_id    BLOB    NOT NULL REFERENCES accounts (account_id),
    -- immutable; Ed25519
    device_key    BLOB    NOT NULL CHECK (length(device_key) = 32),
    -- mutable by signing in anew; signed by the account key
    certificate   BLOB    NOT NULL,
    -- immutable
    created_at    INTEGER NOT NULL,
    -- mutable; rounded down to the hour
    last_seen_at  INTEGER NOT NULL,
    -- mutable once; NULL as long as the device is signed in
    signed_out_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX devices_by_account ON devices (account_id, created_at);

-- The session of a signed-in device. Tokens are known by their SHA-256 only.
CREATE TABLE sessions (
    -- immutable
    device_id         BLOB    NOT NULL PRIMARY KEY REFERENCES devices (device_id),
    -- mutable; the refresh token given out last, never used so far
    newest_token      BLOB    NOT NULL CHECK (length(newest_token) = 32),
    -- mutable; the one that was used to get it; NULL until the first refresh
    previous_token    BLOB    CHECK (length(previous_token) = 32),
    -- mutable; when the newest token ends
    expires_at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row, written to learn whether the storage can be written.
CREATE TABLE write_probe (
    -- immutable
    id        INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    -- mutable
    probed_at INTEGER NOT NULL
) STRICT;
