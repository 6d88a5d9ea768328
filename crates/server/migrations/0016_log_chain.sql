-- The log chain: a running hash over every entry of a log. Logs from before it begin their chain here.

-- mutable, replaced by each entry; the hash of the log chain at head_seq
ALTER TABLE conversations ADD COLUMN head_hash BLOB NOT NULL
    DEFAULT x'0000000000000000000000000000000000000000000000000000000000000000' CHECK (length(head_hash) = 32);

-- immutable; the device that sent the entry, NULL for entries from before the log chain
ALTER TABLE log ADD COLUMN sender BLOB CHECK (length(sender) = 16);

-- immutable; the hash of the log chain before the commit, NULL for Welcomes from before it
ALTER TABLE welcomes ADD COLUMN hash_before BLOB CHECK (length(hash_before) = 32);

-- members.joined_seq: the place before the commit that made the device a member, so that this commit is for it, too.
