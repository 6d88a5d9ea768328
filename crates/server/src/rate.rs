//! Rate limits per visitor, account or handle, in bounded memory.
//!
//! A limiter is a fixed number of buckets; a secret hash chooses the bucket of a key. So memory does not grow
//! with the number of keys, nobody can be put into a bucket on purpose, and strangers share one only when there
//! are more of them than buckets.

use std::{
    hash::{BuildHasher as _, Hash, RandomState},
    net::IpAddr,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use governor::{
    Quota, RateLimiter, clock::Clock as _, middleware::NoOpMiddleware, state::keyed::DashMapStateStore,
};
use subrosa_wire::Timestamp;

use crate::{clock::Clock, limits::RATE_LIMITER_BUCKETS};

/// How often something may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// So often at once.
    pub burst: NonZeroU32,
    /// Once more after this time.
    pub period: Duration,
}

impl Rate {
    /// `count` times in `time`, all of them at once if need be; `None`, which is no limit, for a count of 0.
    pub fn per(count: u32, time: Duration) -> Option<Self> {
        NonZeroU32::new(count).map(|burst| Self {
            burst,
            period: time / count,
        })
    }
}

/// The bucket is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many requests")]
pub struct RateLimited {
    /// When to come back.
    pub retry_after: Duration,
}

/// One limit, for every key by itself.
pub struct Limiter {
    hasher: RandomState,
    /// What a full bucket holds.
    burst: NonZeroU32,
    // `None` if there is no limit.
    buckets: Option<RateLimiter<u32, DashMapStateStore<u32>, ForwardClock, NoOpMiddleware<Duration>>>,
}

impl Limiter {
    /// A limiter with every bucket full.
    pub fn new(rate: Option<Rate>, clock: &Arc<dyn Clock>) -> Self {
        let quota = rate.and_then(|rate| Some(Quota::with_period(rate.period)?.allow_burst(rate.burst)));
        Self {
            hasher: RandomState::new(),
            burst: rate.map_or(NonZeroU32::MIN, |rate| rate.burst),
            buckets: quota.map(|quota| {
                RateLimiter::new(
                    quota,
                    DashMapStateStore::default(),
                    ForwardClock::new(Arc::clone(clock)),
                )
            }),
        }
    }

    /// Takes one from the bucket of `key`.
    pub fn check(&self, key: impl Hash) -> Result<(), RateLimited> {
        self.check_many(key, NonZeroU32::MIN)
    }

    /// Takes `count` from the bucket of `key`, or nothing if there is less in it. If no bucket holds this many, all that
    /// one holds is enough.
    pub fn check_many(&self, key: impl Hash, count: NonZeroU32) -> Result<(), RateLimited> {
        let Some(buckets) = &self.buckets else {
            return Ok(());
        };
        let bucket = self.hasher.hash_one(key) % u64::from(RATE_LIMITER_BUCKETS);
        // The remainder is below RATE_LIMITER_BUCKETS, which is a u32.
        let bucket = u32::try_from(bucket).unwrap_or_default();
        match buckets.check_key_n(&bucket, count.min(self.burst)) {
            Ok(Err(not_until)) => Err(RateLimited {
                retry_after: not_until.wait_time_from(buckets.clock().now()),
            }),
            // The count is not beyond what a bucket holds.
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }
}

/// What counts as one visitor: an IPv4 address, or the /64 network of an IPv6 address, which is what a
/// household gets.
pub fn visitor(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(std::net::Ipv6Addr::from_bits(
            address.to_bits() & (u128::MAX << 64),
        )),
    }
}

/// The time that has passed by a wall clock that may be set back: then it stands still, so that nobody is
/// locked out for an hour because the clock was an hour ahead.
#[derive(Debug)]
struct ForwardClock {
    clock: Arc<dyn Clock>,
    progress: Mutex<Progress>,
}

#[derive(Debug)]
struct Progress {
    seen: Timestamp,
    passed: Duration,
}

impl ForwardClock {
    fn new(clock: Arc<dyn Clock>) -> Self {
        let progress = Mutex::new(Progress {
            seen: clock.now(),
            passed: Duration::ZERO,
        });
        Self { clock, progress }
    }
}

impl governor::clock::Clock for ForwardClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let passed = now.since(progress.seen);
        progress.passed += passed;
        progress.seen = now;
        progress.passed
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "a test stops at the first surprise")]

    use super::*;
    use crate::clock::ManualClock;

    const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn limiter(clock: &Arc<ManualClock>) -> Limiter {
        let shared: Arc<dyn Clock> = clock.clone();
        Limiter::new(Rate::per(2, Duration::from_mins(1)), &shared)
    }

    #[test]
    fn a_bucket_empties_and_fills_again_with_time() {
        let clock = Arc::new(ManualClock::new(START));
        let limiter = limiter(&clock);
        assert_eq!(limiter.check("key"), Ok(()));
        assert_eq!(limiter.check("key"), Ok(()));
        let refused = limiter.check("key").expect_err("the bucket is empty");
        assert_eq!(refused.retry_after, Duration::from_secs(30));
        clock.advance(refused.retry_after);
        assert_eq!(limiter.check("key"), Ok(()));
        assert!(limiter.check("key").is_err());
    }

    #[test]
    fn many_are_taken_at_once_or_none() {
        let clock = Arc::new(ManualClock::new(START));
        let limiter = limiter(&clock);
        let two = NonZeroU32::MIN.saturating_add(1);
        assert_eq!(limiter.check("key"), Ok(()));
        let refused = limiter.check_many("key", two).expect_err("one is left");
        assert_eq!(refused.retry_after, Duration::from_secs(30));
        assert_eq!(limiter.check("key"), Ok(()));
    }

    #[test]
    fn more_than_a_bucket_holds_takes_all_of_it() {
        let clock = Arc::new(ManualClock::new(START));
        let limiter = limiter(&clock);
        assert_eq!(limiter.check_many("key", NonZeroU32::MAX), Ok(()));
        assert!(limiter.check("key").is_err());
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let clock = Arc::new(ManualClock::new(START));
        let limiter = limiter(&clock);
        assert_eq!(limiter.check("key"), Ok(()));
        assert_eq!(limiter.check("key"), Ok(()));
        clock.set(START.minus(Duration::from_hours(1)));
        assert!(limiter.check("key").is_err());
        clock.advance(Duration::from_secs(30));
        assert_eq!(limiter.check("key"), Ok(()));
    }

    #[test]
    fn no_rate_is_no_limit() {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(START));
        let limiter = Limiter::new(Rate::per(0, Duration::from_mins(1)), &clock);
        assert!((0..1000).all(|_| limiter.check("key").is_ok()));
    }

    #[test]
    fn a_household_is_one_visitor() {
        let visitor = |address: &str| visitor(address.parse().expect("an address"));
        assert_eq!(visitor("2001:db8::1"), visitor("2001:db8::ffff:1"));
        assert_ne!(visitor("2001:db8::1"), visitor("2001:db8:0:1::1"));
        assert_eq!(visitor("::ffff:192.0.2.1"), visitor("192.0.2.1"));
        assert_ne!(visitor("192.0.2.1"), visitor("192.0.2.2"));
    }
}
