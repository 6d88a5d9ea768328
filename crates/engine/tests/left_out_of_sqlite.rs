//! The web app uses SQLite without some of its features (`.cargo/config.toml`). SQLite ignores the keywords of most of
//! them without an error, and native tests have all of them. So this test searches the engine's statements for them.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The features that SQLite can omit, and their keywords as the engine would write them. (Those with functions instead
/// of keywords are features of rusqlite, none of which is enabled.)
const WORDS: [(&str, &[&str]); 14] = [
    ("AUTOINCREMENT", &["AUTOINCREMENT"]),
    ("AUTOVACUUM", &["auto_vacuum", "incremental_vacuum"]),
    ("COMPOUND_SELECT", &["UNION", "EXCEPT", "INTERSECT"]),
    ("EXPLAIN", &["EXPLAIN "]),
    ("GENERATED_COLUMNS", &["GENERATED ALWAYS", " STORED", " VIRTUAL"]),
    ("INCRBLOB", &["blob_open", "ZeroBlob"]),
    (
        "INTROSPECTION_PRAGMAS",
        &["function_list", "module_list", "pragma_list"],
    ),
    ("JSON", &["json_", "->>"]),
    ("LIKE_OPTIMIZATION", &[" LIKE ", " GLOB "]),
    ("OR_OPTIMIZATION", &[" OR "]),
    (
        "SCHEMA_PRAGMAS",
        &["table_info", "table_list", "index_list", "foreign_key_list"],
    ),
    ("TEMPDB", &["TEMP TABLE", "TEMPORARY"]),
    ("UTF16", &["UTF-16"]),
    ("XFER_OPT", &["SELECT *"]),
];

/// The migrations, and the sources without their unit tests.
fn sources() -> Vec<PathBuf> {
    let crate_root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    let mut folders = vec![crate_root.join("migrations"), crate_root.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("tests.rs") {
                sources.push(path);
            }
        }
    }
    sources
}

#[test]
fn no_statement_needs_what_browsers_do_not_get_of_sqlite() {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cargo/config.toml");
    let config = fs::read_to_string(config).unwrap();
    let left_out: Vec<_> = config
        .split_whitespace()
        .filter_map(|flag| flag.trim_matches('"').strip_prefix("-DSQLITE_OMIT_"))
        .collect();
    assert!(left_out.contains(&"EXPLAIN"), "{left_out:?}");
    let words = WORDS.iter().filter(|(feature, _)| left_out.contains(feature));
    let words: Vec<_> = words.flat_map(|(_, words)| words.iter()).collect();
    for path in sources() {
        let source = fs::read_to_string(&path).unwrap();
        for (number, line) in (1..).zip(source.lines()) {
            // `INSERT OR IGNORE` is another OR.
            let statement = line.replace("INSERT OR ", "");
            let is_comment = statement.trim_start().starts_with("//");
            let found = words
                .iter()
                .find(|word| !is_comment && statement.contains(**word));
            assert_eq!(found, None, "{}:{number}", path.display());
        }
    }
}
