//! What remains of a device that was signed out: its leaves, until other devices remove them.

use subrosa_wire::DeviceId;

use super::{key_packages, welcomes};
use crate::store::{StoreError, sqlite::Desk};

pub(in crate::store::sqlite) fn run(desk: &mut Desk, device_id: DeviceId) -> Result<(), StoreError> {
    key_packages::clear(&desk.connection, device_id)?;
    welcomes::clear(&desk.connection, device_id)?;
    desk.connection
        .prepare_cached("UPDATE members SET signed_out = 1 WHERE device = ?1")?
        .execute([device_id.as_bytes()])?;
    // Rare, and it may be in any number of conversations.
    desk.cache.clear();
    Ok(())
}
