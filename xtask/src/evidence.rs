//! What is promised, as a rule: each test that SECURITY.md names exists, and a directed test reaches each way to
//! misbehave, each warning, and each step of the way back.
//!
//! It reads the sources as text. Whether a test shows what it stands for is for people to judge.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context as _, Result, bail, ensure};

/// The page whose claims name the tests that show them.
const CLAIMS: &str = "SECURITY.md";

/// Where tests may stand.
const SOURCES: &[&str] = &["bench", "crates", "e2e", "fuzz", "xtask"];

/// Where the directed tests stand: worlds at random reach much, and nobody knows what.
const DIRECTED: &[&str] = &["crates/engine/tests/engine", "e2e/tests/simulation"];

/// The enums of which a directed test reaches each variant, and where they stand.
const ENUMS: &[(&str, &str)] = &[
    ("Misbehaviour", "crates/engine/src/misbehaviour.rs"),
    ("ForeignGroup", "crates/engine/src/misbehaviour.rs"),
    ("MemberMisbehaviour", "crates/engine/src/misbehaviour.rs"),
    ("Warning", "crates/engine/src/api.rs"),
];

/// What counts the steps of the way back, and where it stands.
const COUNTS: (&str, &str) = ("RecoveryCounts", "crates/engine/src/api.rs");

/// Fails with one line for each promise that no test shows.
pub(crate) fn check(root: &Path) -> Result<()> {
    let mut broken = Vec::new();
    let mut sources = Vec::new();
    for folder in SOURCES {
        read_rust(&root.join(folder), &mut sources)?;
    }
    let claims = read(&root.join(CLAIMS))?;
    for name in unknown_tests(&claims, &sources) {
        broken.push(format!("{CLAIMS} names {name}, and there is no such test"));
    }
    let mut directed = Vec::new();
    for folder in DIRECTED {
        read_rust(&root.join(folder), &mut directed)?;
    }
    for (name, file) in ENUMS {
        let variants = items(&read(&root.join(file))?, &format!("pub enum {name} {{"), "");
        ensure!(!variants.is_empty(), "{file} has no enum {name}");
        for path in variants.iter().map(|variant| format!("{name}::{variant}")) {
            if !directed.iter().any(|source| is_named_alone(source, &path)) {
                broken.push(format!("no directed test names {path} on a line of its own"));
            }
        }
    }
    let (name, file) = COUNTS;
    let counts = items(&read(&root.join(file))?, &format!("pub struct {name} {{"), "pub ");
    ensure!(!counts.is_empty(), "{file} has no struct {name}");
    for field in counts.iter().map(|count| format!(".{count}")) {
        if !directed.iter().any(|source| source.contains(&field)) {
            broken.push(format!("no directed test looks at {name}{field}"));
        }
    }
    if broken.is_empty() {
        return Ok(());
    }
    bail!("what is promised is not tested:\n  {}", broken.join("\n  "));
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}

/// Reads every Rust file below a folder.
fn read_rust(folder: &Path, sources: &mut Vec<String>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("target") {
            read_rust(&path, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(read(&path)?);
        }
    }
    Ok(())
}

/// The names of tests in code font on a page that no source has.
fn unknown_tests(page: &str, sources: &[String]) -> BTreeSet<String> {
    let tests: BTreeSet<_> = sources.iter().flat_map(|source| tests(source)).collect();
    page.split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| is_test_name(name) && !tests.contains(name))
        .map(str::to_owned)
        .collect()
}

/// Whether a word is written as the names of our tests are: at least three words of a sentence.
fn is_test_name(word: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    word.chars().all(is_letter) && word.matches('_').count() >= 2
}

/// The functions of a source that are tests, or rules that a suite runs for every store.
fn tests(source: &str) -> impl Iterator<Item = &str> {
    let names = source.split("fn ").skip(1);
    names.filter_map(|rest| rest.split('(').next().filter(|name| is_test_name(name)))
}

/// The names of the variants or fields of an item that begins with `head`, each with `prefix`.
fn items(source: &str, head: &str, prefix: &str) -> Vec<String> {
    const INDENT: &str = "    ";
    let lines = source.lines().skip_while(|line| *line != head).skip(1);
    lines
        .take_while(|line| *line != "}")
        .filter_map(|line| line.strip_prefix(INDENT)?.strip_prefix(prefix))
        .filter(|line| line.starts_with(|letter: char| letter.is_ascii_alphabetic()))
        .map(|line| {
            let end = line.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            line[..end.unwrap_or(line.len())].to_owned()
        })
        .collect()
}

/// Whether a line names this variant, and does not leave open which of several it is.
fn is_named_alone(source: &str, path: &str) -> bool {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let names = |line: &str| {
        line.match_indices(path)
            .any(|(at, _)| !line[..at].ends_with(is_part) && !line[at + path.len()..].starts_with(is_part))
    };
    let lines: Vec<_> = source.lines().map(str::trim).collect();
    lines.iter().enumerate().any(|(number, line)| {
        let next = lines.get(number + 1);
        let leaves_open =
            line.contains(" | ") || line.starts_with("| ") || next.is_some_and(|next| next.starts_with("| "));
        names(line) && !leaves_open
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn every_promise_of_this_repository_is_tested() {
        check(&crate::workspace::root()).unwrap();
    }

    #[test]
    fn a_test_that_is_named_and_does_not_exist_is_found() {
        let source = "#[test]\nfn a_rule_that_holds() {}\n".to_owned();
        let page = "| read | `subrosa whoami` | `a_rule_that_holds`, `a_rule_of_old` |";
        let unknown = unknown_tests(page, &[source]);
        assert_eq!(unknown, ["a_rule_of_old".to_owned()].into());
    }

    #[test]
    fn variants_and_fields_are_found_and_what_belongs_to_them_is_not() {
        let source = "pub enum Way {\n    /// Text.\n    #[error(\"no\")]\n    First {\n        /// Text.\n        seq: u64,\n    },\n    \
                      Second(u8),\n    Third,\n}\npub struct Counts {\n    pub one: u64,\n}\n";
        assert_eq!(items(source, "pub enum Way {", ""), ["First", "Second", "Third"]);
        assert_eq!(items(source, "pub struct Counts {", "pub "), ["one"]);
    }

    #[test]
    fn a_variant_counts_where_it_is_named_alone() {
        assert!(is_named_alone("how: Way::First { .. },", "Way::First"));
        for other in [
            "OtherWay::First",
            "Way::FirstOfAll",
            "Way::First | Way::Second",
            "Way::First\n    | Way::Second",
            "Way::Second\n    | Way::First",
        ] {
            assert!(!is_named_alone(other, "Way::First"), "{other}");
        }
    }
}
