-- Entries of a third kind: the proposal with which a device leaves.

-- immutable; 1 if the entry is such a proposal, and then is_commit is 0
ALTER TABLE log ADD COLUMN is_leave INTEGER NOT NULL DEFAULT 0 CHECK (is_leave IN (0, 1));
