-- What a program that works on messages one by one, such as `subrosa listen` or a bot, has not worked on yet.

ALTER TABLE conversations ADD COLUMN processed INTEGER NOT NULL DEFAULT 0;  -- mutable: the last such message's id; only grows
-- What came before is not worked on once more.
UPDATE conversations SET processed = (SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = 'messages');
