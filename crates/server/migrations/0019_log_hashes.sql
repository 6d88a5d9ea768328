-- Each entry has its place in the log chain, so that the server can show later that it has accepted it.

-- immutable; the hash of the log chain after the entry, NULL for entries from before this column
ALTER TABLE log ADD COLUMN hash BLOB CHECK (length(hash) = 32);
