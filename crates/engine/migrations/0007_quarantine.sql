-- A conversation that cannot be processed is set aside, until the user asks to try again.

ALTER TABLE conversations ADD COLUMN quarantined TEXT;     -- mutable; NULL unless it is set aside: why, for a report
ALTER TABLE conversations ADD COLUMN retried_at INTEGER;   -- mutable; NULL until it was tried again: the cursor then
ALTER TABLE conversations ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;  -- mutable: 1 while no list shows it
