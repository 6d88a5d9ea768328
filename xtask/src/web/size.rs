//! What somebody loads who opens the app for the first time, and its budget.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, bail};

use super::files::Files;
use crate::progress::say;

/// What the first load may be, in bytes over the network, compressed (docs/adr/0010).
///
/// The goal is 900 kB. The name of the build, which is in both modules, moves it by half a kilobyte to either side.
const FIRST_LOAD_MAX: u64 = 901_000;

/// What a browser does not fetch at first, though the page names it: it is looked at by whoever asks for it, needed for
/// letters that neither English nor German has, or for an app that is installed.
const ON_REQUEST: [&str; 4] = ["icon-maskable", "inter-latin", "licences", "service-worker"];

/// How the files of languages begin. Of these a browser fetches one at most: the largest counts.
const LANGUAGE: &str = "assets/language-";

/// Says how much the first load is, and fails if it is over the budget.
pub(super) fn check(files: &Files, folder: &Path) -> Result<()> {
    let mut total = 0;
    let mut language = 0;
    for path in first_load(files) {
        let size = transferred(folder, path)?;
        if path.starts_with(LANGUAGE) {
            language = language.max(size);
        } else {
            total += size;
        }
        say(&format!("      {size:>9}  {path}"));
    }
    total += language;
    say(&format!(
        "      {total:>9}  bytes for the first load, compressed, of at most {FIRST_LOAD_MAX}"
    ));
    if total > FIRST_LOAD_MAX {
        bail!("the first load takes {total} bytes, and may take {FIRST_LOAD_MAX}");
    }
    Ok(())
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
    use super::{Files, first_load};

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
}
