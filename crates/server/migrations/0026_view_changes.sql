-- The public state of a group apart from its group info, and, of a large one, what has changed since it was stored.

CREATE TABLE group_views (
    -- immutable
    conversation INTEGER PRIMARY KEY REFERENCES conversations (number) ON DELETE CASCADE,
    -- mutable, replaced from time to time; with the changes since, what the next commit is validated against
    public_view  BLOB    NOT NULL
) STRICT;

INSERT INTO group_views (conversation, public_view) SELECT conversation, public_view FROM groups;
ALTER TABLE groups DROP COLUMN public_view;

-- What has changed a group since its view was stored, in the order of the positions.
CREATE TABLE view_changes (
    -- immutable; as log.position, though the entry may be pruned before
    position INTEGER PRIMARY KEY,
    -- immutable; 1 if it is the proposal of a device that leaves, 0 if it is a commit
    is_leave INTEGER NOT NULL CHECK (is_leave IN (0, 1)),
    -- immutable; MLSMessage
    payload  BLOB    NOT NULL
) STRICT;
