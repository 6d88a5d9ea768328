//! Tables `server_secrets`, `signing_keys`, `incarnation` and `write_probe`: what is the server's own.

use rusqlite::{Connection, named_params};
use subrosa_wire::{IncarnationId, Timestamp};
use zeroize::Zeroizing;

use super::rows::{column, instant};
use crate::store::{StoreError, accounts::SigningKeyRecord};

pub(super) fn find_or_insert_secret(
    connection: &Connection,
    name: &str,
    fresh: &[u8],
) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    connection
        .prepare_cached("INSERT INTO server_secrets (name, secret) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute((name, fresh))?;
    Ok(connection
        .prepare_cached("SELECT secret FROM server_secrets WHERE name = ?1")?
        .query_row([name], |row| row.get("secret"))
        .map(Zeroizing::new)?)
}

pub(super) fn signing_keys(connection: &Connection) -> Result<Vec<SigningKeyRecord>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT kid, seed, created_at FROM signing_keys ORDER BY created_at, kid")?;
    let rows = statement.query_map([], |row| {
        Ok(SigningKeyRecord {
            kid: row.get("kid")?,
            seed: Zeroizing::new(row.get("seed")?),
            created_at: column(row, "created_at")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn insert_signing_key(
    connection: &Connection,
    key: &SigningKeyRecord,
    forget_before: Timestamp,
) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached("INSERT INTO signing_keys (kid, seed, created_at) VALUES (:kid, :seed, :created_at)")?
        .execute(named_params! {
            ":kid": key.kid,
            ":seed": key.seed.as_slice(),
            ":created_at": instant(key.created_at)?,
        })?;
    StoreError::check_affected("inserting a signing key", changed, 1)?;
    connection
        .prepare_cached("DELETE FROM signing_keys WHERE created_at < ?1 AND kid <> ?2")?
        .execute((instant(forget_before)?, &key.kid))?;
    Ok(())
}

pub(super) fn incarnation(connection: &Connection) -> Result<IncarnationId, StoreError> {
    Ok(connection
        .prepare_cached("SELECT incarnation FROM incarnation WHERE id = 1")?
        .query_row([], |row| column(row, "incarnation"))?)
}

pub(in crate::store::sqlite) fn renew_incarnation(
    connection: &Connection,
    fresh: IncarnationId,
) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached("UPDATE incarnation SET incarnation = ?1 WHERE id = 1")?
        .execute([fresh.as_bytes()])?;
    StoreError::check_affected("renewing the incarnation", changed, 1)
}

pub(super) fn probe_write(connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached(
            "INSERT INTO write_probe (id, probed_at) VALUES (1, ?1)
             ON CONFLICT (id) DO UPDATE SET probed_at = excluded.probed_at",
        )?
        .execute([instant(now)?])?;
    StoreError::check_affected("probing whether the storage can be written", changed, 1)
}
