//! How often each way to go wrong, and each way back, was reached over all worlds of this process.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use subrosa_engine::Warning;

use crate::{
    hostile::{Malice, Stranger},
    wishes::Deed,
    world::World,
};

static TALLY: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());

/// The enums whose variants are counted, as they stand in the code: what is never reached shall be seen, too.
const SOURCES: [(&str, &str, &str); 3] = [
    (
        "Warning",
        "api",
        include_str!("../../../crates/engine/src/api.rs"),
    ),
    ("Misbehaviour", "misbehaviour", MISBEHAVIOUR),
    ("MemberMisbehaviour", "misbehaviour", MISBEHAVIOUR),
];
const MISBEHAVIOUR: &str = include_str!("../../../crates/engine/src/misbehaviour.rs");

const WORLDS: &str = "worlds";

fn tally() -> MutexGuard<'static, BTreeMap<String, u64>> {
    TALLY.lock().unwrap_or_else(PoisonError::into_inner)
}

fn add(what: String, count: u64) {
    *tally().entry(what).or_default() += count;
}

/// Counts what happened in a world.
pub(crate) fn count(world: &mut World) {
    add(WORLDS.to_owned(), 1);
    for liar in &world.hostile_liars {
        for (lie, count) in liar.told() {
            add(format!("lie {lie}"), *count);
        }
    }
    for device in &mut world.devices {
        let recovered = device.recovered();
        // Its fields, as it shows itself.
        for (rung, count) in numbers(&format!("{recovered:?}")) {
            add(format!("rung {rung}"), count);
        }
        for warning in &device.warnings {
            add(format!("Warning::{}", variant(&format!("{warning:?}"))), 1);
            match warning {
                Warning::ServerMisbehaved { how, .. } => {
                    add(format!("Misbehaviour::{}", variant(&format!("{how:?}"))), 1);
                }
                Warning::MemberMisbehaved { how, .. } => {
                    add(format!("MemberMisbehaviour::{}", variant(&format!("{how:?}"))), 1);
                }
                _ => {}
            }
        }
    }
}

/// How many worlds there were.
pub(crate) fn worlds() -> u64 {
    tally().get(WORLDS).copied().unwrap_or(0)
}

/// Counts what a hostile member did, or tried to do.
pub(crate) fn harmed(what: Malice, let_in: bool) {
    add(format!("member {}{}", what.name(), refused(let_in)), 1);
}

/// Counts what a stranger did, or tried to do.
pub(crate) fn accosted(how: Stranger, let_in: bool) {
    add(format!("stranger {}{}", how.name(), refused(let_in)), 1);
}

/// Counts what a user wanted changed in a group, or was not allowed to want.
pub(crate) fn changed(deed: Deed, is_accepted: bool) {
    let end = if is_accepted { "" } else { ", refused" };
    add(format!("group {}{end}", deed.name()), 1);
}

fn refused(let_in: bool) -> &'static str {
    if let_in { "" } else { ", refused by the server" }
}

/// The name of a variant, from what it shows.
fn variant(shown: &str) -> &str {
    let end = shown.find(|c: char| !c.is_alphanumeric());
    &shown[..end.unwrap_or(shown.len())]
}

/// The fields of a struct of numbers, from what it shows.
fn numbers(shown: &str) -> impl Iterator<Item = (&str, u64)> {
    let fields = shown
        .split_once('{')
        .map_or("", |(_, fields)| fields)
        .trim_end_matches('}');
    fields.split(',').filter_map(|field| {
        let (name, count) = field.split_once(':')?;
        Some((name.trim(), count.trim().parse().ok()?))
    })
}

/// The variants of an enum in this source.
fn variants<'a>(name: &str, source: &'a str) -> Vec<&'a str> {
    let start = format!("pub enum {name} {{\n");
    let body = source.split_once(&start).map_or("", |(_, rest)| rest);
    let body = body.split_once("\n}").map_or("", |(body, _)| body);
    let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
    lines
        .filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()))
        .map(variant)
        .collect()
}

/// Prints all of it, one line each.
#[expect(
    clippy::print_stderr,
    reason = "it is what somebody who runs these tests wants to know"
)]
pub(crate) fn print(what: &str) {
    let mut counts = tally().clone();
    for (name, _, source) in SOURCES {
        for variant in variants(name, source) {
            counts.entry(format!("{name}::{variant}")).or_default();
        }
    }
    eprintln!("{what}:");
    for (what, count) in counts {
        eprintln!("{count:>9}  {what}");
    }
}

#[test]
fn the_variants_of_an_enum_are_found_in_its_source() {
    let found = variants("MemberMisbehaviour", MISBEHAVIOUR);
    assert!(
        found.contains(&"InvalidContent") && found.contains(&"BrokenRule"),
        "{found:?}"
    );
    assert!(variants("Warning", SOURCES[0].2).contains(&"More"));
}
