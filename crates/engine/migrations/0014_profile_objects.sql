-- Names and pictures of people stand in sealed objects at the server; whoever has been written to has the key.

-- What this account shows.
CREATE TABLE own_profile_object (
    id              INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    generation      INTEGER NOT NULL,  -- mutable, only grows: counts the objects that the account has had
    version         INTEGER NOT NULL,  -- mutable, only grows: of the contents; 0 if there are none
    revision        INTEGER NOT NULL,  -- mutable: the object's revision at the server that is merged; 0 if none is
    picture         BLOB,              -- mutable; NULL if there is none
    picture_changed INTEGER NOT NULL,  -- mutable: when that was changed last
    changes         INTEGER NOT NULL,  -- mutable, only grows: how often the contents were changed here
    stored          INTEGER NOT NULL   -- mutable: the number of changes that the server has
) STRICT;

INSERT INTO own_profile_object (id, generation, version, revision, picture, picture_changed, changes, stored)
VALUES (1, 0, 0, 0, NULL, 0, 0, 0);

-- What others show.
CREATE TABLE profile_objects (
    account   BLOB    NOT NULL PRIMARY KEY,  -- immutable, 16 bytes
    object_id BLOB    NOT NULL,              -- mutable, 16 bytes
    key       BLOB    NOT NULL,              -- mutable, 32 bytes
    named     INTEGER NOT NULL,              -- mutable, only grows: the newest version that the person has named
    version   INTEGER NOT NULL,              -- mutable, only grows: of the contents that were opened; 0 if none were
    picture   BLOB                           -- mutable; NULL if there is none
) STRICT, WITHOUT ROWID;
