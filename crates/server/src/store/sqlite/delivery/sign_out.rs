//! What remains of a device that was signed out: its leaves, until other devices remove them.

use subrosa_wire::DeviceId;

use super::{key_packages, welcomes};
use crate::store::{StoreError, sqlite::WriteContext};

pub(in crate::store::sqlite) fn run(
    context: &mut WriteContext,
    device_id: DeviceId,
) -> Result<(), StoreError> {
    key_packages::clear(&context.connection, device_id)?;
    welcomes::clear(&context.connection, device_id)?;
    context
        .connection
        .prepare_cached("UPDATE members SET signed_out = 1 WHERE device = ?1")?
        .execute([device_id.as_bytes()])?;
    // Rare, and it may be in any number of conversations.
    context.cache.clear();
    Ok(())
}
