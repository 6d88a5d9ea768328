-- Changes of the vault that cannot get lost, handles that a person can move, and the devices that people are shown.

-- mutable: counts the changes made here, so that one made while the vault is being stored is not taken for stored.
ALTER TABLE profile ADD COLUMN vault_changes INTEGER NOT NULL DEFAULT 0;
-- mutable: the highest revision that was ever seen; only grows. The server's own revision goes back with a backup.
ALTER TABLE profile ADD COLUMN vault_newest INTEGER NOT NULL DEFAULT 0;
UPDATE profile SET vault_newest = vault_revision;

-- mutable; NULL unless the user has accepted another account for the handle that was pinned to this one.
ALTER TABLE contacts ADD COLUMN former_handle TEXT;
-- mutable: how often the user has moved a handle to or from this account; only grows.
ALTER TABLE contacts ADD COLUMN handle_moves INTEGER NOT NULL DEFAULT 0;

-- What the user has been told about the devices of the own account, this one excepted.
CREATE TABLE own_devices (
    device_id BLOB    NOT NULL PRIMARY KEY,  -- immutable, 16 bytes
    state     INTEGER NOT NULL,              -- mutable: see store/own_devices.rs
    since     INTEGER NOT NULL               -- mutable: when it got into this state
) STRICT, WITHOUT ROWID;

-- Every device that has been in a conversation: one that comes back with the same key is no news.
CREATE TABLE seen_devices (
    conversation INTEGER NOT NULL REFERENCES conversations (id),  -- immutable
    device_id    BLOB    NOT NULL,                                -- immutable, 16 bytes
    device_key   BLOB    NOT NULL,                                -- immutable, 32 bytes
    PRIMARY KEY (conversation, device_id, device_key)
) STRICT, WITHOUT ROWID;

-- Lines of a conversation that are no messages.
CREATE TABLE notices (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    conversation INTEGER NOT NULL REFERENCES conversations (id),  -- immutable
    position     INTEGER NOT NULL,  -- immutable: the order of display, among the messages; the seq of the commit
    at           INTEGER NOT NULL,  -- immutable: the server's time of the commit
    kind         INTEGER NOT NULL,  -- immutable: 1 devices were added
    by           BLOB,              -- immutable, account id; NULL if this device did not see who did it
    who          BLOB    NOT NULL   -- immutable: account ids, one after the other
) STRICT;

CREATE INDEX notices_by_position ON notices (conversation, position);
