//! fdatasync: what one durable message costs that shares it with nobody.

use std::{fs::File, io::Write as _, path::Path, time::Duration};

use anyhow::{Context as _, Result};

use crate::clock;

/// Appends `bytes` to a file in `folder` and syncs, again and again; returns how often in a second.
pub(crate) fn appends_per_s(folder: &Path, bytes: usize, measured: Duration) -> Result<f64> {
    let path = folder.join("fdatasync");
    let mut file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
    let message = vec![0x5a; bytes];
    let begun = clock::now();
    let mut appends = 0_u32;
    while begun.elapsed() < measured {
        file.write_all(&message)?;
        file.sync_data()?;
        appends += 1;
    }
    let rate = f64::from(appends) / begun.elapsed().as_secs_f64();
    std::fs::remove_file(&path)?;
    Ok(rate)
}
