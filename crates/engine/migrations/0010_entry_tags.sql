-- Entries that were kept without the server's tag are of no use: it does not take them back.
DELETE FROM raw_entries;

-- Whether a message is queued is asked for each one that may have to be sent again.
CREATE INDEX outbox_by_message ON outbox (message);
