-- One row: which life of the database this is. When it changes, devices know that the server may lack
-- what they have seen of it.
CREATE TABLE incarnation (
    -- immutable
    id          INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    -- mutable; 16 random bytes, others after each restore
    incarnation BLOB    NOT NULL CHECK (length(incarnation) = 16)
) STRICT;

INSERT INTO incarnation (id, incarnation) VALUES (1, randomblob(16));
