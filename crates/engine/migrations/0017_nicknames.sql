-- What the user calls people. The record of the account has it for all of its devices; this is what lists read. A table of
-- its own: a nickname can come from another device before this one has heard of the person.
CREATE TABLE nicknames (
    account BLOB NOT NULL PRIMARY KEY,  -- immutable, 16 bytes
    name    TEXT NOT NULL               -- mutable
) STRICT, WITHOUT ROWID;
