-- Refresh tokens are counted, so that a database that was put back from an older copy recognises those given out since.

-- mutable, only grows; how many tokens the device had before the newest one. Sessions from before the count begin here.
ALTER TABLE sessions ADD COLUMN newest_counter INTEGER NOT NULL DEFAULT 0 CHECK (newest_counter >= 0);
