-- How far each device in a group has received and read the conversation, encrypted by it for the other members: the
-- newest value alone. A receipt goes with the device's membership.
CREATE TABLE receipts (
    -- immutable
    conversation INTEGER NOT NULL,
    -- immutable
    device       BLOB    NOT NULL,
    -- mutable, only grows; chosen by the device
    version      INTEGER NOT NULL CHECK (version >= 1),
    -- mutable, only grows; orders the changes of all receipts of the conversation: when the newest value was stored, in
    -- milliseconds since 1970 UTC, or the next number after the conversation's newest change if that is higher
    change       INTEGER NOT NULL CHECK (change >= 1),
    -- mutable, replaced by each value; what the device has encrypted
    sealed       BLOB    NOT NULL CHECK (length(sealed) >= 1),
    PRIMARY KEY (conversation, device),
    FOREIGN KEY (conversation, device) REFERENCES members (conversation, device) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX receipts_by_change ON receipts (conversation, change);

-- mutable, only grows; the newest change of the conversation's receipts, even if that receipt is gone: its number is not
-- given out again. 0 if there was none
ALTER TABLE conversations ADD COLUMN receipts_change INTEGER NOT NULL DEFAULT 0 CHECK (receipts_change >= 0);
