-- Handles that look alike: the server gives only one of them to an account. See `Handle::skeleton`.

-- immutable; the handle with characters that are easily confused made one. NULL if the account had its handle before
-- this rule and an earlier account looks like it: both keep their handles, and nobody else gets a third.
ALTER TABLE accounts ADD COLUMN handle_skeleton TEXT;

UPDATE accounts AS account
SET handle_skeleton =
    replace(replace(replace(replace(replace(handle, '_', ''), '.', ''), 'i', 'l'), '1', 'l'), '0', 'o');

UPDATE accounts AS later
SET handle_skeleton = NULL
WHERE EXISTS (
    SELECT 1 FROM accounts AS earlier
    WHERE earlier.handle_skeleton = later.handle_skeleton
      AND (earlier.created_at, earlier.account_id) < (later.created_at, later.account_id)
);

CREATE UNIQUE INDEX accounts_by_skeleton ON accounts (handle_skeleton);
