//! The report of the browser tests: pictures of every screen and state, and measured figures, in
//! `target/browser-report/` with a page to leaf through.
//!
//! Tests run as processes of their own, so the page is written anew from the folder after each addition.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::{Look, Tab, report_folder};

/// The four ways in which every screen is shown.
pub const LOOKS: [(&str, Look); 4] = [
    ("wide-light", Look::WIDE),
    ("wide-dark", Look::WIDE.dark()),
    ("narrow-light", Look::NARROW),
    ("narrow-dark", Look::NARROW.dark()),
];

/// Takes a screen's pictures in all looks, and leaves the tab wide and light.
///
/// # Panics
/// If a picture cannot be taken or written.
pub async fn pictures(tab: &Tab, screen: &str) {
    for (name, look) in LOOKS {
        tab.look(&look).await;
        picture(tab, &format!("{screen}-{name}")).await;
    }
    tab.look(&Look::WIDE).await;
}

/// Takes one picture of a tab as it is.
///
/// # Panics
/// If it cannot be taken or written.
pub async fn picture(tab: &Tab, name: &str) {
    let picture = tab.screenshot().await;
    assert!(picture.starts_with(b"\x89PNG"), "no picture of {name}");
    write(&format!("pictures/{name}.png"), &picture);
}

/// Notes a measured figure.
///
/// # Panics
/// If it cannot be written.
pub fn figure(name: &str, value: f64, unit: &str) {
    let figure = json!({ "name": name, "value": value, "unit": unit });
    let file: String = name
        .chars()
        .map(|character| {
            if character.is_ascii_alphanumeric() {
                character
            } else {
                '-'
            }
        })
        .collect();
    write(&format!("figures/{file}.json"), figure.to_string().as_bytes());
}

/// A count as a figure.
#[expect(clippy::cast_precision_loss, reason = "nothing here is counted beyond 2^52")]
pub fn count(count: usize) -> f64 {
    count as f64
}

fn write(name: &str, bytes: &[u8]) {
    let folder = report_folder();
    write_whole(&folder.join(name), bytes);
    write_whole(&folder.join("index.html"), index(&folder).as_bytes());
}

/// Nobody sees half a file, also if two tests write the same one.
fn write_whole(path: &Path, bytes: &[u8]) {
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = fs::create_dir_all(folder).and_then(|()| {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    });
    written.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// The page: the figures, and the pictures by screen with their looks side by side.
fn index(folder: &Path) -> String {
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Subrosa in the browser</title>\n\
         <style>body{font:15px/1.45 system-ui;margin:24px;background:#faf8f7;color:#231c1f}\
         section{margin:32px 0}figure{display:inline-block;margin:0 16px 16px 0;vertical-align:top}\
         img{max-height:420px;border:1px solid #e7e0dd;border-radius:8px}td{padding:2px 16px 2px 0}\
         figcaption{font-size:13px;color:#6a5e62}</style>\n<h1>Subrosa in the browser</h1>\n<table>\n",
    );
    for path in listed(&folder.join("figures"), "json") {
        let Ok(bytes) = fs::read(&path) else { continue };
        let figure: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let (name, unit) = (figure["name"].as_str(), figure["unit"].as_str());
        let value = figure["value"].as_f64().unwrap_or_default();
        // Writing to a String does not fail.
        let _ = writeln!(
            page,
            "<tr><td>{}<td style=\"text-align:right\">{value:.1} {}",
            name.unwrap_or_default(),
            unit.unwrap_or_default()
        );
    }
    page.push_str("</table>\n");
    let mut section = String::new();
    for path in listed(&folder.join("pictures"), "png") {
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let look = LOOKS.iter().find(|(look, _)| name.ends_with(look));
        let screen = look.map_or(name.as_str(), |(look, _)| {
            name.trim_end_matches(look).trim_end_matches('-')
        });
        if screen != section {
            screen.clone_into(&mut section);
            let _ = writeln!(page, "<section><h2>{screen}</h2>");
        }
        let _ = writeln!(
            page,
            "<figure><a href=\"pictures/{name}.png\"><img loading=\"lazy\" src=\"pictures/{name}.png\" \
             alt=\"{name}\"></a><figcaption>{}</figcaption></figure>",
            look.map_or("", |(look, _)| look)
        );
    }
    page
}

fn listed(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    paths.sort();
    paths
}
