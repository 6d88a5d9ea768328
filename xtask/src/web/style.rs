//! One style sheet of many: joined in the order of their names, without comments and without the white space
//! that means nothing.

use std::path::Path;

use anyhow::{Context as _, Result};

/// Reads `*.css` of a folder.
pub(super) fn read(folder: &Path) -> Result<String> {
    let mut sheets = Vec::new();
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "css") {
            sheets.push(path);
        }
    }
    sheets.sort();
    let mut joined = String::new();
    for sheet in sheets {
        joined.push_str(&std::fs::read_to_string(sheet)?);
        joined.push('\n');
    }
    Ok(compact(&joined))
}

/// Leaves out comments, and white space where CSS does not need it. What is in quotes or in `url(…)` stays.
fn compact(css: &str) -> String {
    let mut compact = String::with_capacity(css.len());
    let mut rest = css;
    let mut is_spaced = false;
    while let Some(character) = rest.chars().next() {
        if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, after)| after);
            is_spaced = true;
            continue;
        }
        if character.is_ascii_whitespace() {
            rest = &rest[1..];
            is_spaced = true;
            continue;
        }
        let separates = |character: char| matches!(character, '{' | '}' | ';' | ',');
        if separates(character) {
            is_spaced = false;
            if character == '}' && compact.ends_with(';') {
                compact.pop();
            }
        }
        if is_spaced && compact.chars().next_back().is_some_and(|last| !separates(last)) {
            compact.push(' ');
        }
        is_spaced = false;
        let length = verbatim(rest).unwrap_or(character.len_utf8());
        compact.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    compact
}

/// The length of the string or unquoted URL that stands at the beginning.
fn verbatim(css: &str) -> Option<usize> {
    let quote = css.chars().next()?;
    if matches!(quote, '"' | '\'') {
        let mut is_escaped = false;
        for (index, character) in css.char_indices().skip(1) {
            match character {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                _ if character == quote => return Some(index + 1),
                _ => {}
            }
        }
        return Some(css.len());
    }
    if css.starts_with("url(") {
        return Some(css.find(')').map_or(css.len(), |end| end + 1));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::compact;

    #[test]
    fn comments_and_needless_space_are_left_out() {
        let css = "/* one */\n.a , .b > c {\n  color: red;\n  margin: calc(1px + 2px) /* two */ 0;\n}\n\n@media (x) { d { e: f } }";
        assert_eq!(
            compact(css),
            ".a,.b > c{color: red;margin: calc(1px + 2px) 0}@media (x){d{e: f}}"
        );
    }

    #[test]
    fn strings_and_addresses_stay_as_they_are() {
        let css = "a::before { content: \"/* no  comment */ \\\" ; }\"; src: url(/x/*y*/z;a) ; b: ' { ' }";
        assert_eq!(
            compact(css),
            "a::before{content: \"/* no  comment */ \\\" ; }\";src: url(/x/*y*/z;a);b: ' { '}"
        );
    }

    #[test]
    fn a_descendant_is_not_joined_with_its_pseudo_class() {
        assert_eq!(compact("a :hover{} a:hover{}"), "a :hover{}a:hover{}");
    }
}
