//! What every backend must do, whatever it is made of: one suite per trait, run for each backend.

pub(super) mod accounts;
pub(super) mod delivery;
mod restoring;
