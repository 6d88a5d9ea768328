-- Entries that were kept without the server's tag are of no use: it does not take them back.
DELETE FROM raw_entries;
