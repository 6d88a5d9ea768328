//! The components that screens are built from.
//!
//! No component or screen may nest an element that has nothing dynamic in another one: Leptos writes such elements as
//! `innerHTML`, which Trusted Types refuse. `shape` is for those.

pub(crate) mod avatar;
pub(crate) mod button;
pub(crate) mod dialog;
pub(crate) mod failure;
pub(crate) mod field;
pub(crate) mod icon;
pub(crate) mod menu;
pub(crate) mod missing_language;
pub(crate) mod notice;
pub(crate) mod password;
pub(crate) mod picture_file;
pub(crate) mod pictures;
pub(crate) mod report;
pub(crate) mod skeleton;
pub(crate) mod ticks;

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        reason = "a test that cannot read its own input has failed"
    )]

    /// Such an element crashed the app in a browser with Trusted Types.
    #[test]
    fn no_element_in_a_view_holds_nothing_but_a_literal() {
        let mut folders = vec![std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let source = std::fs::read_to_string(&path).unwrap();
                for (number, line) in source.lines().enumerate() {
                    let literal = line.split(">\"").skip(1).find(|rest| {
                        rest.split_once('"')
                            .is_some_and(|(_, rest)| rest.starts_with("</"))
                    });
                    let in_string = line.contains('\\');
                    assert!(
                        literal.is_none() || in_string,
                        "{}:{}: {line}",
                        path.display(),
                        number + 1
                    );
                }
            }
        }
    }
}
