//! For how long a message is kept.

use std::time::Duration;

use super::Expires;

/// For how long a message is kept: on the devices of its author since the server has accepted it, on those of others since
/// they have read it. Between [`Lifetime::MIN`] and [`Lifetime::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lifetime(u32);

impl Lifetime {
    /// The shortest: five seconds.
    pub const MIN: Self = Self(5);
    /// The longest: 366 days.
    pub const MAX: Self = Self(366 * 24 * 60 * 60);

    /// One of this many seconds; `None` if that is too short or too long.
    pub fn from_secs(seconds: u64) -> Option<Self> {
        let lifetime = Self(u32::try_from(seconds).ok()?);
        (Self::MIN..=Self::MAX).contains(&lifetime).then_some(lifetime)
    }

    /// The one that is nearest to this many seconds: what others ask for is followed as far as possible.
    pub fn nearest(seconds: u64) -> Self {
        Self(u32::try_from(seconds).unwrap_or(u32::MAX)).clamp(Self::MIN, Self::MAX)
    }

    /// What the sender of a message has chosen that was accepted at this second since 1970 UTC. An instant, which we do not
    /// send, is taken as the time that was left until then.
    pub fn chosen(expires: Expires, accepted_at_secs: u64) -> Self {
        match expires {
            Expires::Relative(seconds) => Self::nearest(seconds.into()),
            Expires::Absolute(at) => Self::nearest(u64::from(at).saturating_sub(accepted_at_secs)),
        }
    }

    /// In seconds.
    pub const fn as_secs(self) -> u32 {
        self.0
    }

    /// As a duration.
    pub fn as_duration(self) -> Duration {
        Duration::from_secs(self.0.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_short_or_too_long_is_no_lifetime() {
        for seconds in [0, 4, 366 * 24 * 60 * 60 + 1, u64::MAX] {
            assert_eq!(Lifetime::from_secs(seconds), None, "{seconds}");
        }
        for seconds in [5, 86_400, 366 * 24 * 60 * 60] {
            let lifetime = Lifetime::from_secs(seconds);
            assert_eq!(
                lifetime.map(|lifetime| u64::from(lifetime.as_secs())),
                Some(seconds)
            );
        }
    }

    #[test]
    fn whatever_a_sender_has_chosen_is_a_lifetime() {
        let accepted_at = 1_800_000_000;
        for (expires, expected) in [
            (Expires::Relative(0), Lifetime::MIN),
            (Expires::Relative(60), Lifetime(60)),
            (Expires::Relative(u32::MAX), Lifetime::MAX),
            (Expires::Absolute(0), Lifetime::MIN),
            (Expires::Absolute(1_800_000_060), Lifetime(60)),
            (Expires::Absolute(u32::MAX), Lifetime::MAX),
        ] {
            assert_eq!(Lifetime::chosen(expires, accepted_at), expected, "{expires:?}");
        }
        assert_eq!(Lifetime::chosen(Expires::Absolute(7), u64::MAX), Lifetime::MIN);
    }
}
