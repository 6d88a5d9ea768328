//! The files of the database: a pool of files in the origin private file system, which one worker holds open.

use sqlite_wasm_vfs::sahpool::{OpfsSAHError, OpfsSAHPoolCfgBuilder, OpfsSAHPoolUtil, install};

use super::sleep;
use crate::{
    ClientError,
    limits::{POOL_ATTEMPTS_MAX, POOL_RETRY_AFTER},
};

/// The folder of the pool.
const DIRECTORY: &str = "subrosa";

/// Opens the pool, or returns the one that is open. A browser may hold the files of a closed page a moment longer, so
/// opening is retried for some seconds.
pub(super) async fn open() -> Result<OpfsSAHPoolUtil, ClientError> {
    let options = OpfsSAHPoolCfgBuilder::new().directory(DIRECTORY).build();
    let mut attempts = 1;
    loop {
        match install::<sqlite_wasm_rs::WasmOsCallback>(&options, false).await {
            Ok(pool) => return Ok(pool),
            Err(error) if is_held(&error) && attempts < POOL_ATTEMPTS_MAX => {
                attempts += 1;
                sleep(POOL_RETRY_AFTER).await;
            }
            Err(error) if is_held(&error) => return Err(ClientError::ProfileInUse(DIRECTORY.into())),
            Err(error) => return Err(unusable(&error)),
        }
    }
}

/// Why the pool cannot be used.
pub(super) fn unusable(error: &OpfsSAHError) -> ClientError {
    match error {
        OpfsSAHError::NotSupported => ClientError::Unsupported("the origin private file system"),
        // Firefox in a private window.
        OpfsSAHError::Opfs {
            operation: "get OPFS root",
            ..
        } => ClientError::Unsupported("the origin private file system (a private window may lack it)"),
        error => ClientError::Profile {
            path: DIRECTORY.into(),
            reason: error.to_string(),
        },
    }
}

fn is_held(error: &OpfsSAHError) -> bool {
    let OpfsSAHError::Opfs { message, .. } = error else {
        return false;
    };
    message.contains("NoModificationAllowedError") || message.contains("InvalidStateError")
}
