#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use fluent_syntax::parser;

use super::*;

fn source(language: Language) -> &'static str {
    match language {
        Language::English => ENGLISH,
        Language::German => include_str!("../../locales/de.ftl"),
    }
}

/// The keys of a language, each with the names of its arguments.
fn messages(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    let resource = parser::parse_runtime(source(language));
    assert!(
        resource.is_ok(),
        "{language:?}: {:?}",
        resource.err().map(|(_, errors)| errors)
    );
    let mut messages = BTreeMap::new();
    let mut key = String::new();
    for line in source(language).lines() {
        if let Some((name, _)) = line
            .split_once(" =")
            .filter(|_| line.starts_with(|c: char| c.is_ascii_lowercase()))
        {
            name.clone_into(&mut key);
            messages.insert(key.clone(), BTreeSet::new());
        }
        for part in line.split('$').skip(1) {
            let name: String = part
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            messages.get_mut(&key).unwrap().insert(name);
        }
    }
    messages
}

/// What stands on the page before the app is there must know every language, too.
#[test]
fn the_first_page_is_there_in_every_language() {
    let script = include_str!("../../first.js");
    let style = include_str!("../../style/10-base.css");
    for language in Language::ALL {
        let tag = language.tag();
        assert!(script.contains(&format!("'{tag}'")), "{tag}");
        assert!(
            style.contains(&format!(":root[lang=\"{tag}\"] .first [lang=\"{tag}\"]")),
            "{tag}"
        );
    }
}

/// All `"key"` that follow these openings in the sources of the page.
fn used_keys() -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    let mut folders = vec![std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("i18n/mod.rs") && !path.ends_with("tests.rs") {
                let source = std::fs::read_to_string(&path).unwrap();
                for (at, _) in source.match_indices("t!(").chain(source.match_indices("now!(")) {
                    // `format!(` ends like `t!(`.
                    let is_other = source[..at].ends_with(|c: char| c.is_ascii_lowercase());
                    let arguments = source[at..].split_once('(').unwrap().1.trim_start();
                    if let Some(key) = arguments.strip_prefix('"').filter(|_| !is_other) {
                        keys.insert(key.split('"').next().unwrap().to_owned());
                    }
                }
            }
        }
    }
    keys
}

#[test]
fn every_language_has_every_text_with_the_same_arguments() {
    let english = messages(Language::English);
    for language in Language::ALL {
        let other = messages(language);
        for (key, arguments) in &english {
            assert_eq!(other.get(key), Some(arguments), "{language:?}: {key}");
        }
        assert_eq!(
            other.len(),
            english.len(),
            "{language:?} has texts that English has not"
        );
    }
}

#[test]
fn every_text_that_is_used_exists_and_none_is_left_over() {
    let english: BTreeSet<String> = messages(Language::English).into_keys().collect();
    let used = used_keys();
    assert_eq!(
        used.difference(&english).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "used and not written"
    );
    assert_eq!(
        english.difference(&used).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "written and not used"
    );
}

#[test]
fn a_text_of_a_person_cannot_turn_the_sentence_around() {
    let text = now!("composer-label", name = "\u{202e}evil");
    assert!(text.contains("\u{2068}\u{202e}evil\u{2069}"), "{text:?}");
}

#[test]
fn numbers_choose_their_plural() {
    assert_eq!(now!("unread-divider", count = 1), "1 new message");
    assert_eq!(now!("unread-divider", count = 2), "2 new messages");
}

#[test]
fn the_browsers_first_language_that_is_spoken_here_is_taken() {
    let tags = |tags: &[&str]| Language::of_tags(tags.iter().map(|tag| (*tag).to_owned()));
    assert_eq!(tags(&["fr-FR", "de-AT", "en"]), Some(Language::German));
    assert_eq!(tags(&["fr"]), None);
}

/// A letter that the first font lacks would make every browser load another one.
#[test]
fn every_text_is_written_in_letters_of_the_font_that_is_loaded_at_first() {
    let style = include_str!("../../style/00-tokens.css");
    let (_, font) = style.split_once("inter-basic.woff2").unwrap();
    let (_, ranges) = font.split_once("unicode-range: ").unwrap();
    let (ranges, _) = ranges.split_once(';').unwrap();
    let ranges: Vec<_> = ranges
        .split(", ")
        .map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let code = |text: &str| u32::from_str_radix(text.trim_start_matches("U+"), 16).unwrap();
            code(first)..=code(last)
        })
        .collect();
    for language in Language::ALL {
        let letters = source(language).chars().filter(|letter| !letter.is_control());
        for letter in letters {
            let is_there = ranges.iter().any(|range| range.contains(&u32::from(letter)));
            assert!(is_there, "{language:?}: {letter:?}");
        }
    }
}
