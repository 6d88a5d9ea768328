//! Fills in what only the build knows: `/assets/NAME` becomes the name with the hash, `{{word}}` its value, `{{text KEY}}`
//! a text of the interface in all languages.

use anyhow::{Context as _, Result, bail};

use super::{
    files::{ASSETS, Files, hash},
    texts::Texts,
};

/// The value of each word.
pub(super) struct Values {
    words: Vec<(&'static str, String)>,
    texts: Texts,
}

impl Values {
    /// Everything but the files of the `templates` is there.
    pub(super) fn of(files: &Files, texts: Texts, templates: &[&str]) -> Result<Self> {
        let url = |name: &str| {
            let path = files.named(name);
            path.map(|path| format!("/{path}"))
                .with_context(|| format!("there is no {name}"))
        };
        let preload = format!(
            "<link rel=\"modulepreload\" href=\"{}\">\n\
             <link rel=\"modulepreload\" href=\"{}\">\n\
             <link rel=\"preload\" href=\"{}\" as=\"fetch\" type=\"application/wasm\" crossorigin>",
            url("page.js")?,
            url("page-parts.js")?,
            url("page.wasm")?,
        );
        // The page itself is kept as `/`, which the service worker adds.
        let shell: Vec<String> = files.iter().map(|(path, _)| format!("/{path}")).collect();
        let words = vec![
            ("worker", url("worker-boot.js")?),
            ("licences", url("licences.json")?),
            ("build", build(files, templates)),
            ("css", url("app.css")?),
            ("boot", url("page-boot.js")?),
            ("preload", preload),
            ("shell", serde_json::to_string(&shell)?),
        ];
        Ok(Self { words, texts })
    }

    /// The text with every word replaced. A word that does not exist is an error.
    pub(super) fn fill(&self, text: &str) -> Result<String> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            filled.push_str(before);
            let (word, after) = after.split_once("}}").context("a {{ without its }}")?;
            if let Some(key) = word.strip_prefix("text ") {
                filled.push_str(&self.texts.in_all_languages(key)?);
            } else if let Some((_, value)) = self.words.iter().find(|(known, _)| *known == word) {
                filled.push_str(value);
            } else {
                bail!("there is no value for {{{{{word}}}}}");
            }
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

/// Names the whole: it changes when any file does.
fn build(files: &Files, templates: &[&str]) -> String {
    let mut whole = String::new();
    for (path, content) in files.iter() {
        whole.push_str(path);
        whole.push_str(&hash(content));
    }
    for template in templates {
        whole.push_str(&hash(template.as_bytes()));
    }
    hash(whole.as_bytes())
}

/// Replaces the plain name of each asset by the one with the hash. A name that does not exist is an error.
pub(super) fn name_assets(text: &str, files: &Files) -> Result<String> {
    let mut named = String::with_capacity(text.len());
    let mut rest = text;
    let prefix = format!("/{ASSETS}");
    while let Some((before, after)) = rest.split_once(&prefix) {
        named.push_str(before);
        let end = after
            .find(|character: char| !(character.is_ascii_alphanumeric() || "-_.".contains(character)))
            .unwrap_or(after.len());
        let (name, after) = after.split_at(end);
        if name.is_empty() {
            named.push_str(&prefix);
        } else {
            let path = files
                .named(name)
                .with_context(|| format!("there is no asset {prefix}{name}"))?;
            named.push('/');
            named.push_str(path);
        }
        rest = after;
    }
    named.push_str(rest);
    Ok(named)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::{Files, Texts, Values, name_assets};

    #[test]
    fn assets_get_their_hashed_names_and_unknown_ones_are_refused() {
        let mut files = Files::default();
        let hashed = files.add_named("inter.woff2", b"font".to_vec());
        assert_eq!(
            name_assets("a url(/assets/inter.woff2) b", &files).unwrap(),
            format!("a url(/assets/{hashed}) b")
        );
        assert!(name_assets("/assets/other.woff2", &files).is_err());
        let whole_folder = "path.startsWith('/assets/')";
        assert_eq!(name_assets(whole_folder, &files).unwrap(), whole_folder);
    }

    #[test]
    fn every_word_has_a_value() {
        let values = Values {
            words: vec![("css", "/assets/app.css".to_owned())],
            texts: Texts::default(),
        };
        assert_eq!(
            values.fill("<a href=\"{{css}}\">").unwrap(),
            "<a href=\"/assets/app.css\">"
        );
        assert!(values.fill("{{cssx}}").is_err());
        assert!(values.fill("{{css").is_err());
    }
}
