-- Links by which one asks to join, and groups that this account has asked to join.
ALTER TABLE links ADD COLUMN needs_approval INTEGER NOT NULL DEFAULT 0;  -- immutable: one only asks by it
ALTER TABLE joins ADD COLUMN ask INTEGER NOT NULL DEFAULT 0;  -- mutable: how far a request to join has come, see store/joins.rs
ALTER TABLE joins ADD COLUMN note BLOB NOT NULL DEFAULT x'';  -- mutable: what goes along with the request, sealed
