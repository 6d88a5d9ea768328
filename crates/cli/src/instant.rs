//! Instants as people and scripts read them.

use jiff::{Timestamp as Instant, civil::Date, tz::TimeZone};
use subrosa_client::{Lifetime, Timestamp};

/// ISO 8601 in UTC with milliseconds, for JSON: `2026-11-23T04:12:05.123Z`.
pub(crate) fn iso(timestamp: Timestamp) -> String {
    instant(timestamp).strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// ISO 8601 in UTC without characters that are special in file names: `20261123T041205Z`.
pub(crate) fn in_file_name(timestamp: Timestamp) -> String {
    instant(timestamp).strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// Day and minute, for people: `2026-11-23 04:12`.
pub(crate) fn day_and_minute(timestamp: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(instant(timestamp))
        .strftime("%Y-%m-%d %H:%M")
        .to_string()
}

/// The minute of the day: `04:12`.
pub(crate) fn minute(timestamp: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(instant(timestamp)).strftime("%H:%M").to_string()
}

/// When something was, as briefly as is clear: the minute today, the weekday in the last week, otherwise the date.
pub(crate) fn brief(timestamp: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (then, today) = (day(timestamp, zone), day(now, zone));
    let days = today.since(then).map_or(i32::MAX, |span| span.get_days());
    match days {
        0 => minute(timestamp, zone),
        1..=6 => then.strftime("%a").to_string(),
        _ if then.year() == today.year() => then.strftime("%-d %b").to_string(),
        _ => then.strftime("%-d %b %Y").to_string(),
    }
}

/// When something was last the case: `04:12` today, `yesterday 04:12`, otherwise the day, `23 November`.
pub(crate) fn last_time(timestamp: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (then, today) = (day(timestamp, zone), day(now, zone));
    let days = today.since(then).map_or(i32::MAX, |span| span.get_days());
    match days {
        0 => minute(timestamp, zone),
        1 => format!("yesterday {}", minute(timestamp, zone)),
        _ if then.year() == today.year() => then.strftime("%-d %B").to_string(),
        _ => then.strftime("%-d %B %Y").to_string(),
    }
}

/// For how long a message is kept, in the largest unit that fits: `7 days`.
pub(crate) fn lifetime_words(lifetime: Lifetime) -> String {
    let seconds = lifetime.as_secs();
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let fits = |(length, _): &(u32, &str)| seconds.is_multiple_of(*length);
    let (length, unit) = units.into_iter().find(fits).unwrap_or((1, "second"));
    match seconds / length {
        1 => format!("1 {unit}"),
        count => format!("{count} {unit}s"),
    }
}

/// The day.
pub(crate) fn day(timestamp: Timestamp, zone: &TimeZone) -> Date {
    zone.to_datetime(instant(timestamp)).date()
}

/// A day with its name: `Monday, 23 November 2026`.
pub(crate) fn long_day(day: Date) -> String {
    day.strftime("%A, %-d %B %Y").to_string()
}

/// Instants come from the server: one beyond the calendar is shown as the calendar's last.
fn instant(timestamp: Timestamp) -> Instant {
    let millis = i64::try_from(timestamp.as_millis()).unwrap_or(i64::MAX);
    Instant::from_millisecond(millis).unwrap_or(Instant::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_millis(1_795_407_125_007);

    #[test]
    fn an_instant_is_written_in_utc_with_milliseconds() {
        assert_eq!(iso(AT), "2026-11-23T04:12:05.007Z");
        assert_eq!(iso(Timestamp::from_millis(0)), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn an_instant_beyond_the_calendar_is_its_last() {
        assert!(iso(Timestamp::from_millis(u64::MAX)).starts_with("9999-12-3"));
    }

    #[test]
    fn a_brief_instant_says_no_more_than_it_must() {
        let days = |days: u64| Timestamp::from_millis(AT.as_millis() + days * 86_400_000);
        let shown = |at: u64, now: u64| brief(days(at), days(now), &TimeZone::UTC);
        assert_eq!(shown(0, 0), "04:12");
        assert_eq!(shown(0, 1), "Mon");
        assert_eq!(shown(0, 6), "Mon");
        assert_eq!(shown(0, 7), "23 Nov");
        assert_eq!(shown(0, 60), "23 Nov 2026");
        // The other clock is ahead of this one.
        assert_eq!(shown(1, 0), "24 Nov");
    }

    #[test]
    fn what_was_last_the_case_yesterday_has_its_minute() {
        let days = |days: u64| Timestamp::from_millis(AT.as_millis() + days * 86_400_000);
        let shown = |at: u64, now: u64| last_time(days(at), days(now), &TimeZone::UTC);
        assert_eq!(shown(0, 0), "04:12");
        assert_eq!(shown(0, 1), "yesterday 04:12");
        assert_eq!(shown(0, 2), "23 November");
        assert_eq!(shown(0, 60), "23 November 2026");
        // The clock was set back.
        assert_eq!(shown(1, 0), "24 November");
    }

    #[test]
    fn people_see_their_own_time_zone() {
        let zone = TimeZone::fixed(jiff::tz::offset(-5));
        assert_eq!(day_and_minute(AT, &zone), "2026-11-22 23:12");
        assert_eq!(minute(AT, &zone), "23:12");
        assert_eq!(long_day(day(AT, &zone)), "Sunday, 22 November 2026");
    }
}
