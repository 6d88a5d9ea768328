//! How this device's clock compares with the server's.

use std::{fmt, time::Duration};

use subrosa_wire::Timestamp;

use crate::limits::CLOCK_TOLERANCE;

/// How far this device's clock is from the server's. The server may be the one that is wrong, or lie.
///
/// ```no_run
/// # fn example(client: subrosa_client::Client) {
/// if let Some(clock) = client.status().borrow().clock {
///     // "this device's clock is 3 days behind the server's"
///     println!("this device's clock is {clock}");
/// }
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockDifference {
    /// By how much.
    pub by: Duration,
    /// Whether this device's clock shows an earlier time than the server's.
    pub is_behind: bool,
}

impl ClockDifference {
    /// `None` if they differ by no more than people set their clocks wrong.
    pub(crate) fn between(here: Timestamp, server: Timestamp) -> Option<Self> {
        let is_behind = here < server;
        let by = if is_behind {
            server.since(here)
        } else {
            here.since(server)
        };
        (by > CLOCK_TOLERANCE).then_some(Self { by, is_behind })
    }
}

impl fmt::Display for ClockDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rounded: the server's time has travelled for a moment.
        let hours = (self.by.as_secs() + 1800) / 3600;
        let (number, unit) = if hours < 48 {
            (hours, "hour")
        } else {
            ((hours + 12) / 24, "day")
        };
        let plural = if number == 1 { "" } else { "s" };
        let direction = if self.is_behind { "behind" } else { "ahead of" };
        write!(f, "{number} {unit}{plural} {direction} the server's")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    fn at(hour: u64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000 + hour * HOUR)
    }

    #[test]
    fn a_difference_is_said_in_hours_and_days() {
        let said = |here, server| ClockDifference::between(at(here), at(server)).map(|it| it.to_string());
        assert_eq!(said(5, 5), None);
        assert_eq!(said(5, 6), None, "time zones are an hour apart");
        assert_eq!(said(2, 0).as_deref(), Some("2 hours ahead of the server's"));
        assert_eq!(said(0, 47).as_deref(), Some("47 hours behind the server's"));
        assert_eq!(said(0, 80).as_deref(), Some("3 days behind the server's"));
        let a_moment_less = ClockDifference {
            by: Duration::from_hours(72) - Duration::from_millis(1),
            is_behind: false,
        };
        assert_eq!(a_moment_less.to_string(), "3 days ahead of the server's");
    }
}
