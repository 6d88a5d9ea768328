//! How an instant is shown, depending on how long ago it was.

/// The form of a time in the list of conversations and above a day of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Label {
    /// Today: the time of day, or "today".
    Today,
    /// "Yesterday".
    Yesterday,
    /// The day of the week.
    Weekday,
    /// Day and month.
    ThisYear,
    /// Day, month and year.
    Date,
}

/// Days are counted since 1970, years in the user's calendar.
pub(crate) fn label(day: i64, today: i64, same_year: bool) -> Label {
    match today - day {
        // The other side's clock may run ahead: that is no reason to show a date.
        -1..=0 => Label::Today,
        1 => Label::Yesterday,
        2..=6 => Label::Weekday,
        _ if same_year => Label::ThisYear,
        _ => Label::Date,
    }
}

/// The day of an instant. The offset is that of the user's time zone at that instant, as browsers give it: in minutes
/// that UTC is ahead.
pub(crate) fn day_number(at_ms: u64, offset_minutes: i64) -> i64 {
    let at_ms = i64::try_from(at_ms).unwrap_or(i64::MAX);
    at_ms
        .saturating_sub(offset_minutes * 60_000)
        .div_euclid(86_400_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_days_have_words_and_far_ones_dates() {
        assert_eq!(label(100, 100, true), Label::Today);
        assert_eq!(label(99, 100, true), Label::Yesterday);
        assert_eq!(label(94, 100, true), Label::Weekday);
        assert_eq!(label(93, 100, true), Label::ThisYear);
        assert_eq!(label(93, 100, false), Label::Date);
        assert_eq!(label(103, 100, true), Label::ThisYear);
    }

    #[test]
    fn a_day_begins_at_the_midnight_of_the_users_time_zone() {
        let noon = 12 * 3_600_000;
        assert_eq!(day_number(noon, 0), 0);
        assert_eq!(day_number(noon, -13 * 60), 1);
        assert_eq!(day_number(noon, 13 * 60), -1);
    }
}
