-- The life of keys: which key packages this device has made, and when leaf keys and the certificate are renewed.

-- The key packages of which this device has the private part.
CREATE TABLE key_packages (
    number         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,  -- immutable, ascending as they were made
    reference      BLOB    NOT NULL UNIQUE,  -- immutable, KeyPackageRef (RFC 9420): names the private part in mls_state
    hash           BLOB    UNIQUE,    -- immutable, SHA-256: names it at the server; NULL if it was made before this table
    is_last_resort INTEGER NOT NULL,  -- immutable: 1 if it can be used more than once
    made_at        INTEGER NOT NULL,  -- mutable: set back if the clock was fast
    is_used        INTEGER NOT NULL,  -- mutable: 1 once a Welcome was opened by one of last resort
    replaced_at    INTEGER,           -- mutable; NULL until the server has a newer one of last resort
    key_package    BLOB               -- mutable, MLSMessage; NULL once the server has it, unless it is of last resort
) STRICT;

-- Those that were made before: nobody knows when, so their age counts from the first look at it.
INSERT INTO key_packages (reference, is_last_resort, made_at, is_used)
SELECT substr(key, 3), 0, 9223372036854775807, 0 FROM mls_state WHERE key >= x'6b2f' AND key < x'6b30';

-- mutable: when our leaf key is renewed even if nothing is sent
ALTER TABLE conversations ADD COLUMN update_due INTEGER NOT NULL DEFAULT 0;

-- Those that are joined and due are found by it.
CREATE INDEX conversations_by_update_due ON conversations (update_due) WHERE state = 2;

-- mutable: when the certificate was last put to the server to be renewed
ALTER TABLE profile ADD COLUMN certificate_tried_at INTEGER NOT NULL DEFAULT 0;
