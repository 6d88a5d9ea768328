//! What somebody loads who opens the app for the first time, and its budgets.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, ensure};

use super::{
    files::{ASSETS, Files},
    split,
};
use crate::progress::say;

/// The budgets, in bytes over the network, compressed (docs/adr/0010).
const BUDGET: Weight = Weight {
    first_screen: 260_000,
    all: 1_460_000,
};

/// What a browser does not fetch at first, though the page names it: it is looked at by whoever asks for it, needed for
/// letters that neither English nor German has, or for an app that is installed.
const ON_REQUEST: [&str; 4] = ["icon-maskable", "inter-latin", "licences", "service-worker"];

/// How the files of languages begin. Of these a browser fetches one at most: the largest counts.
const LANGUAGE: &str = "assets/language-";

/// How the files begin that the first screen does not need: the worker loads beside the page, and what only somebody
/// who is signed in sees after it.
const NOT_FIRST: [&str; 2] = ["worker", split::LATER];

/// How much is loaded, in bytes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Weight {
    /// Until the first screen is usable: everything but [`NOT_FIRST`].
    first_screen: u64,
    /// In all.
    all: u64,
}

impl Weight {
    /// The weight of these files, each with its size.
    fn of<'a>(files: impl IntoIterator<Item = (&'a str, u64)>) -> Self {
        let mut weight = Self::default();
        let mut language = 0;
        for (path, size) in files {
            if path.starts_with(LANGUAGE) {
                language = language.max(size);
                continue;
            }
            weight.all += size;
            let name = path.strip_prefix(ASSETS).unwrap_or(path);
            if !NOT_FIRST.iter().any(|start| name.starts_with(start)) {
                weight.first_screen += size;
            }
        }
        // The first screen is shown in the language of the browser.
        weight.first_screen += language;
        weight.all += language;
        weight
    }

    /// Fails if this is over the budget.
    fn check(&self, budget: &Self) -> Result<()> {
        for (what, weight, budget) in [
            ("the first screen", self.first_screen, budget.first_screen),
            ("the first load", self.all, budget.all),
        ] {
            say(&format!(
                "      {weight:>9}  bytes for {what}, of at most {budget}"
            ));
            ensure!(
                weight <= budget,
                "{what} takes {weight} bytes, and may take {budget}"
            );
        }
        Ok(())
    }
}

/// Says how much the first load is, and fails if it is over one of the budgets.
pub(super) fn check(files: &Files, folder: &Path) -> Result<()> {
    let mut sizes = Vec::new();
    for path in first_load(files) {
        let size = transferred(folder, path)?;
        say(&format!("      {size:>9}  {path}"));
        sizes.push((path, size));
    }
    Weight::of(sizes).check(&BUDGET)
}

/// Every file that the first page names, and those that these name.
fn first_load(files: &Files) -> BTreeSet<&str> {
    let mut found = BTreeSet::from(["index.html"]);
    let mut waiting = vec!["index.html"];
    while let Some(path) = waiting.pop() {
        // A module names nothing that its script does not.
        let Some(text) = files
            .content(path)
            .and_then(|content| str::from_utf8(content).ok())
        else {
            continue;
        };
        for (other, _) in files.iter() {
            let name = other.rsplit('/').next().unwrap_or(other);
            let is_wanted = !ON_REQUEST.iter().any(|left_out| name.starts_with(left_out));
            if is_wanted && text.contains(name) && found.insert(other) {
                waiting.push(other);
            }
        }
    }
    found
}

/// The size of the smallest form.
fn transferred(folder: &Path, path: &str) -> Result<u64> {
    let compressed = folder.join(format!("{path}.br"));
    let file = if compressed.exists() {
        compressed
    } else {
        folder.join(path)
    };
    Ok(std::fs::metadata(file)?.len())
}

#[cfg(test)]
mod tests {
    use super::{Files, Weight, first_load};

    #[test]
    fn the_first_load_is_what_the_page_names_and_what_that_names() {
        let mut files = Files::default();
        let font = files.add_named("inter.woff2", vec![0xff]);
        let style = files.add_named("app.css", format!("url(/assets/{font})").into_bytes());
        let licences = files.add_named("licences.json", b"[]".to_vec());
        files.add_named("unused.js", b"".to_vec());
        let page = format!("<link href=/assets/{style}><meta content=/assets/{licences}>");
        files.add("index.html", page.into_bytes());
        let found: Vec<_> = first_load(&files).into_iter().collect();
        assert_eq!(
            found,
            [
                format!("assets/{style}"),
                format!("assets/{font}"),
                "index.html".to_owned()
            ]
        );
    }

    #[test]
    fn the_first_screen_is_all_but_worker_and_later_parts_in_the_largest_language() {
        let files = [
            ("index.html", 1),
            ("assets/language-de.ftl", 200),
            ("assets/language-fr.ftl", 300),
            ("assets/page.wasm", 2_000),
            ("assets/worker.wasm", 50_000),
            ("assets/worker-boot.js", 10_000),
            ("assets/later-messenger.wasm", 100_000),
        ];
        let weight = Weight {
            first_screen: 2_301,
            all: 162_301,
        };
        assert_eq!(Weight::of(files), weight);
    }

    #[test]
    fn each_budget_is_enforced() {
        let [first_screen, all] = [260, 1_250];
        let budget = Weight { first_screen, all };
        assert!(budget.check(&budget).is_ok());
        for too_much in [
            Weight {
                first_screen: 261,
                all,
            },
            Weight {
                first_screen,
                all: 1_251,
            },
        ] {
            assert!(too_much.check(&budget).is_err(), "{too_much:?}");
        }
    }
}
