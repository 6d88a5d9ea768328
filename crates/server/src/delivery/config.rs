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
    /// Accounts whose key packages one account claims; `None` for no limit.
    pub claims: Option<Rate>,
    /// Claims by others of one account's key packages that are answered with one-time ones. After that there are those of
    /// last resort. `None` for no limit.
    pub one_time_claims: Option<Rate>,
    /// Changes of account records by one device; `None` for no limit.
    pub records: Option<Rate>,
    /// Receipts of one device; `None` for no limit.
    pub receipts: Option<Rate>,
    /// Signals of one device; `None` for no limit.
    pub signals: Option<Rate>,
    /// Changes of sealed objects by one device; `None` for no limit.
    pub objects: Option<Rate>,
    /// Uses of invite links by one device, and changes of them; `None` for no limit.
    pub links: Option<Rate>,
    /// Requests to join of one account, each of which is announced to those who decide; `None` for no limit.
    pub join_requests: Option<Rate>,
}

impl Default for DeliveryConfig {
    fn default() -> Self {
        Self {
            retention: Duration::from_hours(90 * 24),
            prune_interval: Duration::from_mins(1),
            requests: Rate::per(1_000, Duration::from_secs(10)),
            commits: Rate::per(600, Duration::from_mins(1)),
            claims: Rate::per(1_200, Duration::from_hours(1)),
            one_time_claims: Rate::per(40, Duration::from_hours(24)),
            records: Rate::per(300, Duration::from_mins(1)),
            receipts: Rate::per(1_200, Duration::from_mins(1)),
            signals: Rate::per(120, Duration::from_mins(2)),
            objects: Rate::per(120, Duration::from_mins(1)),
            links: Rate::per(60, Duration::from_mins(1)),
            join_requests: Rate::per(20, Duration::from_hours(1)),
        }
    }
}
