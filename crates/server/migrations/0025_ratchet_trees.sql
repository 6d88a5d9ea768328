-- Ratchet trees apart from the Welcomes that lead to them, and what only one device needs of a Welcome beside it in its
-- inbox.

-- The tree after a commit that added devices, as long as one of their Welcomes waits.
CREATE TABLE ratchet_trees (
    -- immutable; as welcomes.position
    position INTEGER PRIMARY KEY,
    -- immutable; SHA-256 of the tree, NULL for trees from before this table: they go out with their Welcomes
    hash     BLOB    CHECK (length(hash) = 32),
    -- immutable
    tree     BLOB    NOT NULL
) STRICT;

CREATE INDEX ratchet_trees_by_hash ON ratchet_trees (hash);

INSERT INTO ratchet_trees (position, tree) SELECT position, ratchet_tree FROM welcomes;
ALTER TABLE welcomes DROP COLUMN ratchet_tree;

-- immutable; the secrets for this device, without which welcomes.welcome is only what the devices have in common; NULL for
-- Welcomes from before this column, which are whole
ALTER TABLE inbox ADD COLUMN secrets BLOB;
