//! Who asks: the outcome of authentication, which everything behind it trusts.

use subrosa_wire::{AccountId, DeviceId};

/// A signed-in device of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Session {
    /// The account.
    pub account_id: AccountId,
    /// The device of that account.
    pub device_id: DeviceId,
}
