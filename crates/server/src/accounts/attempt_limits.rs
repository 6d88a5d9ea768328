//! How often somebody may try: each limit holds for handles that exist and for those that do not.

use std::{net::IpAddr, sync::Arc};

use subrosa_wire::Handle;

use crate::{
    clock::Clock,
    rate::{Limiter, Rate, RateLimited, visitor},
};

/// The rates; `None` is no limit.
#[derive(Debug, Clone, Copy)]
pub struct AttemptRates {
    /// Sign-ins and recoveries of one handle by one visitor.
    pub per_handle_and_visitor: Option<Rate>,
    /// Sign-ins and recoveries of one handle by everybody: high, or strangers could lock its owner out.
    pub per_handle: Option<Rate>,
    /// Sign-ins and recoveries by one visitor.
    pub per_visitor: Option<Rate>,
    /// Sign-ups by one visitor.
    pub registrations_per_visitor: Option<Rate>,
}

pub(super) struct AttemptLimits {
    per_handle_and_visitor: Limiter,
    per_handle: Limiter,
    per_visitor: Limiter,
    registrations_per_visitor: Limiter,
}

impl AttemptLimits {
    pub(super) fn new(rates: &AttemptRates, clock: &Arc<dyn Clock>) -> Self {
        Self {
            per_handle_and_visitor: Limiter::new(rates.per_handle_and_visitor, clock),
            per_handle: Limiter::new(rates.per_handle, clock),
            per_visitor: Limiter::new(rates.per_visitor, clock),
            registrations_per_visitor: Limiter::new(rates.registrations_per_visitor, clock),
        }
    }

    /// Counts an attempt to enter an account. The narrowest limit comes first, so that a visitor who has used
    /// up its own does not use up everybody's.
    pub(super) fn check_entry(&self, handle: &Handle, address: IpAddr) -> Result<(), RateLimited> {
        let visitor = visitor(address);
        self.per_visitor.check(visitor)?;
        self.per_handle_and_visitor.check((handle, visitor))?;
        self.per_handle.check(handle)
    }

    /// Counts an attempt to sign up.
    pub(super) fn check_registration(&self, address: IpAddr) -> Result<(), RateLimited> {
        self.registrations_per_visitor.check(visitor(address))
    }
}
