-- The log chain, and the way back into a conversation that this device was in.

-- mutable: the hash of the log chain at the cursor; NULL while it is not known
ALTER TABLE conversations ADD COLUMN chain BLOB;
-- mutable: the place of the commit that began the group's epoch; 0 while it is not known
ALTER TABLE conversations ADD COLUMN epoch_seq INTEGER NOT NULL DEFAULT 0;
-- mutable: 1 after a Welcome, until the commit that it belongs to was found in the log
ALTER TABLE conversations ADD COLUMN entering INTEGER NOT NULL DEFAULT 0;
-- conversations.state: also 4 cut off

-- What was encrypted before says nothing about the log.
UPDATE outbox SET number = NULL, ciphertext = NULL WHERE parked = 0;

-- The log chain at the places of the current epoch, to compare it with what others claim.
CREATE TABLE log_hashes (
    conversation INTEGER NOT NULL REFERENCES conversations (id),  -- immutable
    seq          INTEGER NOT NULL,                                -- immutable
    hash         BLOB    NOT NULL,                                -- mutable, 32 bytes: replaced if ours was wrong
    PRIMARY KEY (conversation, seq)
) STRICT, WITHOUT ROWID;

-- The newest send number of each device, to notice what is missing.
CREATE TABLE send_numbers (
    conversation INTEGER NOT NULL REFERENCES conversations (id),  -- immutable
    device       BLOB    NOT NULL,                                -- immutable, 16 bytes
    number       INTEGER NOT NULL,                                -- mutable
    PRIMARY KEY (conversation, device)
) STRICT, WITHOUT ROWID;

-- The state in which this device left a group that it is coming back to. What it enters must descend from it.
CREATE TABLE former_states (
    conversation INTEGER NOT NULL PRIMARY KEY REFERENCES conversations (id),  -- immutable
    public_view  BLOB    NOT NULL,  -- immutable: the public state of the group
    seq          INTEGER NOT NULL,  -- immutable: everything up to here was applied
    chain        BLOB,              -- immutable: the hash of the log chain there; NULL if it was not known
    epoch_seq    INTEGER NOT NULL,  -- immutable: the place of the commit that began the epoch
    epoch_chain  BLOB               -- immutable: the hash of the log chain there; NULL if it was not known
) STRICT;
