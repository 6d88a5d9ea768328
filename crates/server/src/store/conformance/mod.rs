//! What every backend must do, whatever it is made of: one suite per trait, run for each backend.

pub(super) mod accounts;
mod audiences;
pub(super) mod delivery;
pub(super) mod links;
pub(super) mod objects;
pub(super) mod receipts;
pub(super) mod records;
mod restoring;
