-- What the members of a group say about it, besides its name.

-- mutable: what it is about; NULL if that was not said
ALTER TABLE conversations ADD COLUMN description TEXT;
-- mutable: whether name, description and picture were heard from somebody who has the right to change them, with nothing
-- missed since
ALTER TABLE conversations ADD COLUMN profile_sure INTEGER NOT NULL DEFAULT 0;
-- mutable: what this device has changed and not yet told: 1 the name, 2 the description, 4 the picture, together
ALTER TABLE conversations ADD COLUMN profile_changed INTEGER NOT NULL DEFAULT 0;

-- Pictures of groups. Each stands in an object of its own at the server, which is never replaced.
CREATE TABLE group_pictures (
    conversation INTEGER NOT NULL PRIMARY KEY REFERENCES conversations (id),  -- immutable
    reference    BLOB    NOT NULL,  -- mutable, 80 bytes: the object's id, its key, the SHA-256 of the picture
    is_own       INTEGER NOT NULL,  -- mutable: whether this account has made the object
    picture      BLOB               -- mutable; NULL until it is fetched
) STRICT;

-- Pictures that this device gives to groups, until everybody is told.
CREATE TABLE new_group_pictures (
    conversation INTEGER NOT NULL PRIMARY KEY REFERENCES conversations (id),  -- immutable
    reference    BLOB,              -- mutable, as above; NULL if the picture is removed
    picture      BLOB,              -- mutable; NULL if the picture is removed
    is_stored    INTEGER NOT NULL   -- mutable: whether the server has the object
) STRICT;
