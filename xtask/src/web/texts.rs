//! The texts of what is shown before the app is there, in every language at once: a script of a few lines names the
//! language at `<html>`, and the style sheet shows the texts in it.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::files;

/// The messages of each language, by its tag.
#[derive(Default)]
pub(super) struct Texts(Vec<(String, String)>);

impl Texts {
    /// Reads `*.ftl` of a folder.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let mut texts = Vec::new();
        for path in files::below(folder)? {
            let language = path.with_extension("").to_string_lossy().into_owned();
            let messages = std::fs::read_to_string(folder.join(&path))
                .with_context(|| format!("cannot read {}", path.display()))?;
            texts.push((language, messages));
        }
        Ok(Self(texts))
    }

    /// A message of one line in all languages, as HTML.
    pub(super) fn in_all_languages(&self, key: &str) -> Result<String> {
        let mut html = String::new();
        for (language, messages) in &self.0 {
            let start = format!("{key} = ");
            let text = messages
                .lines()
                .find_map(|line| line.strip_prefix(&start))
                .with_context(|| format!("there is no {key} in the language {language}"))?;
            let text = text.replace('&', "&amp;").replace('<', "&lt;");
            write!(html, "<span lang=\"{language}\">{text}</span>")?;
        }
        Ok(html)
    }
}

#[cfg(test)]
mod tests {
    use super::Texts;

    #[test]
    fn a_text_is_there_in_every_language_or_not_at_all() {
        let texts = [("en", "a = An & a <b>\n"), ("de", "# Text\nab = x\na = Rosa\n")];
        let texts = Texts(
            texts
                .map(|(language, text)| (language.to_owned(), text.to_owned()))
                .to_vec(),
        );
        let html = texts.in_all_languages("a").ok();
        let expected = "<span lang=\"en\">An &amp; a &lt;b></span><span lang=\"de\">Rosa</span>";
        assert_eq!(html.as_deref(), Some(expected));
        assert!(texts.in_all_languages("ab").is_err());
    }
}
