-- The first unread message of a conversation is found, and the unread ones are counted, by this index alone.

DROP INDEX messages_unread;
CREATE INDEX messages_unread ON messages (conversation, position) WHERE status = 5;
