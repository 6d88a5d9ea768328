//! What the handlers share.

use std::{net::IpAddr, sync::Arc};

use axum::extract::FromRef;
use subrosa_wire::AccountId;

use super::live::Live;
use crate::{
    accounts::Accounts,
    clock::Clock,
    config::Config,
    delivery::Service,
    lifecycle::Lifecycle,
    observe::Metrics,
    rate::{Limiter, RateLimited, visitor},
    web::WebApp,
};

/// The state of the API. Clones share it.
#[derive(Clone)]
pub struct AppState {
    /// The directory service.
    pub accounts: Arc<Accounts>,
    /// Delivery.
    pub delivery: Arc<Service>,
    /// Live connections.
    pub live: Live,
    /// How the process stops.
    pub lifecycle: Lifecycle,
    /// Everything that is counted.
    pub metrics: Metrics,
    /// The limits on HTTP requests.
    pub request_limits: Arc<RequestLimits>,
    /// The web app.
    pub web: Arc<WebApp>,
    /// What the operator decided.
    pub config: Arc<Config>,
}

impl FromRef<AppState> for Live {
    fn from_ref(state: &AppState) -> Self {
        state.live.clone()
    }
}

/// The limits on HTTP requests.
pub struct RequestLimits {
    per_visitor: Limiter,
    per_account: Limiter,
    searches_per_account: Limiter,
}

impl RequestLimits {
    /// The limits of a configuration.
    pub fn new(config: &Config, clock: &Arc<dyn Clock>) -> Self {
        Self {
            per_visitor: Limiter::new(config.limits.requests_per_visitor(), clock),
            per_account: Limiter::new(config.limits.requests_per_account(), clock),
            searches_per_account: Limiter::new(config.limits.searches_per_account(), clock),
        }
    }

    /// Counts a request from an address, before it is known whose it is.
    pub fn check_visitor(&self, address: IpAddr) -> Result<(), RateLimited> {
        self.per_visitor.check(visitor(address))
    }

    /// Counts a request of an account.
    pub fn check_account(&self, account_id: AccountId) -> Result<(), RateLimited> {
        self.per_account.check(account_id)
    }

    /// Counts a search for people.
    pub fn check_search(&self, account_id: AccountId) -> Result<(), RateLimited> {
        self.searches_per_account.check(account_id)
    }
}
