//! Times and numbers in the format of the user's language and region, by the browser's `Intl`.

use std::{cell::RefCell, collections::HashMap, sync::LazyLock};

use js_sys::{Array, Date, Function, Intl::PluralRules, Object, Reflect};
use leptos::prelude::*;
use wasm_bindgen::JsValue;

use crate::{
    browser,
    language::{self, Language},
    model::{
        labels::{Label, label},
        letters,
    },
};

/// The formats of an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Style {
    Time,
    Weekday,
    DayMonth,
    Date,
    Heading,
    HeadingWithYear,
    Full,
    Stamp,
}

impl Style {
    const fn options(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Time => &[("hour", "2-digit"), ("minute", "2-digit")],
            Self::Weekday => &[("weekday", "short")],
            Self::DayMonth => &[("day", "numeric"), ("month", "short")],
            Self::Date => &[("day", "2-digit"), ("month", "2-digit"), ("year", "2-digit")],
            Self::Heading => &[("weekday", "long"), ("day", "numeric"), ("month", "long")],
            Self::HeadingWithYear => &[("day", "numeric"), ("month", "long"), ("year", "numeric")],
            Self::Full => &[("dateStyle", "full"), ("timeStyle", "short")],
            Self::Stamp => &[("dateStyle", "short"), ("timeStyle", "short")],
        }
    }
}

thread_local! {
    // One formatter for each style and language; making one takes far longer than using it.
    static FORMATTERS: RefCell<HashMap<(Language, Style), Function>> = RefCell::new(HashMap::new());
    static PLURALS: RefCell<HashMap<Language, PluralRules>> = RefCell::new(HashMap::new());
}

/// The time zone that times are shown in, by its name in the tz database.
static ZONE: LazyLock<ArcRwSignal<String>> = LazyLock::new(|| ArcRwSignal::new(zone_now()));

fn zone_now() -> String {
    let options = js_sys::Intl::DateTimeFormat::new(&Array::new(), &Object::new()).resolved_options();
    let zone = browser::property(&options, "timeZone");
    zone.and_then(|zone| zone.as_string()).unwrap_or_default()
}

/// Looks whether the user's time zone has changed. All times that are shown follow it.
pub(crate) fn look_at_zone() {
    let zone = zone_now();
    if ZONE.with_untracked(|shown| *shown != zone) {
        FORMATTERS.with_borrow_mut(HashMap::clear);
        ZONE.set(zone);
    }
}

/// Subscribes to the time zone: for what depends on days.
pub(crate) fn follow_zone() {
    ZONE.track();
}

/// The time of day.
pub(crate) fn time(at_ms: u64) -> String {
    write(Style::Time, at_ms)
}

/// Date and time in full, for the tooltip of a short one.
pub(crate) fn full(at_ms: u64) -> String {
    write(Style::Full, at_ms)
}

/// Date and time in short, for a message that is copied.
pub(crate) fn stamp(at_ms: u64) -> String {
    write(Style::Stamp, at_ms)
}

/// The short form for the list of conversations.
pub(crate) fn brief(at_ms: u64, today: i64) -> String {
    match how(at_ms, today) {
        Label::Today => write(Style::Time, at_ms),
        Label::Yesterday => capitalised(&relative_day(-1)),
        Label::Weekday => write(Style::Weekday, at_ms),
        Label::ThisYear => write(Style::DayMonth, at_ms),
        Label::Date => write(Style::Date, at_ms),
    }
}

/// The heading of a day.
pub(crate) fn heading(at_ms: u64, today: i64) -> String {
    match how(at_ms, today) {
        Label::Today => capitalised(&relative_day(0)),
        Label::Yesterday => capitalised(&relative_day(-1)),
        Label::Weekday | Label::ThisYear => write(Style::Heading, at_ms),
        Label::Date => write(Style::HeadingWithYear, at_ms),
    }
}

/// The day of an instant within a sentence, such as "yesterday" or "3 May".
pub(crate) fn day(at_ms: u64, today: i64) -> String {
    match how(at_ms, today) {
        Label::Today => relative_day(0),
        Label::Yesterday => relative_day(-1),
        Label::Weekday | Label::ThisYear => write(Style::DayMonth, at_ms),
        Label::Date => write(Style::HeadingWithYear, at_ms),
    }
}

/// Whether an instant was today or yesterday, so that its time of day says more than its date.
pub(crate) fn is_recent(at_ms: u64, today: i64) -> bool {
    matches!(how(at_ms, today), Label::Today | Label::Yesterday)
}

/// The date of an instant in short, without the year if that is this one.
pub(crate) fn short_date(at_ms: u64, today: i64) -> String {
    match how(at_ms, today) {
        Label::Date => write(Style::Date, at_ms),
        _ => write(Style::DayMonth, at_ms),
    }
}

/// A number.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of people's things are exact in a double"
)]
pub(crate) fn number(value: u64) -> String {
    if !cfg!(target_arch = "wasm32") {
        return value.to_string();
    }
    let number = js_sys::Number::from(value as f64);
    number.to_locale_string(&locale(language::shown())).into()
}

/// The plural category of a number in a language, by its Unicode name (UTS #35): `one`, `other` or one of four more.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of people's things are exact in a double"
)]
pub(crate) fn plural(value: u64, language: Language) -> String {
    if !cfg!(target_arch = "wasm32") {
        return if value == 1 { "one" } else { "other" }.to_owned();
    }
    PLURALS.with_borrow_mut(|kept| {
        let rules = kept.entry(language).or_insert_with(|| {
            let locales = Array::of1(&language.tag().into());
            PluralRules::new(&locales, &Object::new())
        });
        rules.select(value as f64).into()
    })
}

fn how(at_ms: u64, today: i64) -> Label {
    follow_zone();
    label(
        browser::day_of(at_ms),
        today,
        date(at_ms).get_full_year() == date(browser::now_ms()).get_full_year(),
    )
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of a time of people are exact in a double"
)]
fn date(at_ms: u64) -> Date {
    Date::new(&JsValue::from_f64(at_ms as f64))
}

/// The browser's own tag for the language, which names a region, or else the language's.
fn locale(language: Language) -> String {
    let of_language = |tag: &String| tag.split('-').next() == Some(language.tag());
    browser::languages()
        .into_iter()
        .find(of_language)
        .unwrap_or_else(|| language.tag().to_owned())
}

fn write(style: Style, at_ms: u64) -> String {
    follow_zone();
    let language = language::shown();
    let format = FORMATTERS.with_borrow_mut(|kept| {
        kept.entry((language, style))
            .or_insert_with(|| formatter(language, style))
            .clone()
    });
    format
        .call1(&JsValue::UNDEFINED, &date(at_ms))
        .ok()
        .and_then(|text| text.as_string())
        .unwrap_or_default()
}

fn formatter(language: Language, style: Style) -> Function {
    let options = Object::new();
    for (name, value) in style.options() {
        let _ = Reflect::set(&options, &(*name).into(), &(*value).into());
    }
    js_sys::Intl::DateTimeFormat::new(&Array::of1(&locale(language).into()), &options).format()
}

/// "today", "yesterday".
fn relative_day(days: i32) -> String {
    let options = Object::new();
    let _ = Reflect::set(&options, &"numeric".into(), &"auto".into());
    let locales = Array::of1(&locale(language::shown()).into());
    js_sys::Intl::RelativeTimeFormat::new(&locales, &options)
        .format(f64::from(days), "day")
        .into()
}

fn capitalised(text: &str) -> String {
    let first = text.chars().next().map_or(0, char::len_utf8);
    letters::upper_case(&text[..first]) + &text[first..]
}
