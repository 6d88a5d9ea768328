-- mutable, only grows: when the person was there last, as far as this device has seen; NULL if it has not
ALTER TABLE contacts ADD COLUMN last_seen INTEGER;
