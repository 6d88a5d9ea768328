//! What an operator can set of delivery.

use std::time::Duration;

use crate::rate::Rate;

/// What an operator can set of delivery.
#[derive(Debug, Clone)]
pub struct DeliveryConfig {
    /// How long entries are kept for devices that have not fetched them.
    pub retention: Duration,
    /// How often entries that are no longer needed are deleted.
    pub prune_interval: Duration,
    /// Requests of one device; `None` for no limit.
    pub requests: Option<Rate>,
    /// Commits of one device, each of which costs a validation; `None` for no limit.
    pub commits: Option<Rate>,
    /// Claims of key packages by one account; `None` for no limit.
    pub claims: Option<Rate>,
}

impl Default for DeliveryConfig {
    fn default() -> Self {
        Self {
            retention: Duration::from_hours(90 * 24),
            prune_interval: Duration::from_mins(1),
            requests: Rate::per(1_000, Duration::from_secs(10)),
            commits: Rate::per(600, Duration::from_mins(1)),
            claims: Rate::per(120, Duration::from_hours(1)),
        }
    }
}
