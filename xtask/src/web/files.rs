//! The files of the app in memory, and how they get to disk: only what differs is written, so that whoever
//! embeds them sees no change where there is none.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use super::compress::{self, Compression};

/// Where files stand that carry the hash of their content in their name.
pub(super) const ASSETS: &str = "assets/";

/// Hexadecimal digits of a hash in a name.
const HASH_DIGITS: usize = 16;

/// Files by their path below the root.
#[derive(Default)]
pub(super) struct Files {
    contents: BTreeMap<String, Vec<u8>>,
    /// `app.css` → `assets/app-0123456789abcdef.css`
    names: BTreeMap<String, String>,
}

impl Files {
    /// Adds a file under this very path.
    pub(super) fn add(&mut self, path: &str, content: Vec<u8>) {
        self.contents.insert(path.to_owned(), content);
    }

    /// Adds a file among the assets, its name extended by the hash of its content, and returns the new name.
    pub(super) fn add_named(&mut self, name: &str, content: Vec<u8>) -> String {
        let hashed = hashed_name(name, &hash(&content));
        self.add_asset(name, &hashed, content);
        hashed
    }

    /// Adds files that name each other as `"./NAME"`, each under a name with a hash, and returns these by the plain ones.
    /// Scripts may import each other in a circle, so they share the hash of them all; a module of WebAssembly names
    /// nothing.
    pub(super) fn add_linked(
        &mut self,
        linked: &BTreeMap<String, Vec<u8>>,
    ) -> Result<BTreeMap<String, String>> {
        let is_script = |name: &str| {
            Path::new(name)
                .extension()
                .is_some_and(|extension| extension == "js")
        };
        let mut names = BTreeMap::new();
        let mut scripts = Vec::new();
        for (name, content) in linked {
            if is_script(name) {
                scripts.push((name, String::from_utf8(content.clone())?));
            } else {
                names.insert(name.clone(), self.add_named(name, content.clone()));
            }
        }
        for (_, script) in &mut scripts {
            for (name, hashed) in &names {
                *script = script.replace(&format!("\"./{name}\""), &format!("\"./{hashed}\""));
            }
        }
        let whole: String = scripts.iter().map(|(_, script)| script.as_str()).collect();
        let hash = hash(whole.as_bytes());
        for (name, _) in &scripts {
            names.insert((*name).clone(), hashed_name(name, &hash));
        }
        for (name, mut script) in scripts {
            // Only where it is imported: the module knows the other one by its plain name.
            for (other, hashed) in names.iter().filter(|(other, _)| is_script(other)) {
                script = script.replace(&format!("from \"./{other}\""), &format!("from \"./{hashed}\""));
            }
            self.add_asset(name, &names[name], script.into_bytes());
        }
        Ok(names)
    }

    fn add_asset(&mut self, name: &str, hashed: &str, content: Vec<u8>) {
        let path = format!("{ASSETS}{hashed}");
        self.names.insert(name.to_owned(), path.clone());
        self.contents.insert(path, content);
    }

    /// The path of the asset that was added under this name.
    pub(super) fn named(&self, name: &str) -> Option<&str> {
        self.names.get(name).map(String::as_str)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.contents
            .iter()
            .map(|(path, content)| (path.as_str(), content.as_slice()))
    }

    pub(super) fn content(&self, path: &str) -> Option<&[u8]> {
        self.contents.get(path).map(Vec::as_slice)
    }

    /// Makes `folder` hold these files, with their compressed forms beside them, and nothing else.
    pub(super) fn write(&self, folder: &Path, compression: Option<Compression>) -> Result<()> {
        let mut expected = BTreeSet::new();
        let mut to_compress = Vec::new();
        for (path, content) in self.iter() {
            let is_new = write_if_different(&folder.join(path), content)?;
            expected.insert(path.to_owned());
            if compression.is_some() && compress::is_worthwhile(path) {
                let forms = forms_of(path);
                if is_new || !forms.iter().all(|form| folder.join(form).exists()) {
                    to_compress.push((path, content));
                }
                expected.extend(forms);
            }
        }
        if let Some(compression) = compression {
            let compressed = compress::compress_all(&to_compress, compression)?;
            for ((path, _), forms) in to_compress.iter().zip(compressed) {
                for (form, content) in forms_of(path).iter().zip(forms) {
                    write(&folder.join(form), &content)?;
                }
            }
        }
        for path in below(folder)? {
            if !expected.contains(&path.to_string_lossy().replace('\\', "/")) {
                std::fs::remove_file(folder.join(path))?;
            }
        }
        Ok(())
    }
}

/// The paths of a file's compressed forms.
fn forms_of(path: &str) -> [String; compress::EXTENSIONS.len()] {
    compress::EXTENSIONS.map(|extension| format!("{path}.{extension}"))
}

/// `app.css` → `app-0123456789abcdef.css`
fn hashed_name(name: &str, hash: &str) -> String {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, "bin"));
    format!("{stem}-{hash}.{extension}")
}

/// The name of a content.
pub(super) fn hash(content: &[u8]) -> String {
    let mut digits = hex::encode(Sha256::digest(content));
    digits.truncate(HASH_DIGITS);
    digits
}

/// Whether the file had to be written. It is never there by half.
pub(super) fn write_if_different(path: &Path, content: &[u8]) -> Result<bool> {
    if std::fs::read(path).is_ok_and(|present| present == content) {
        return Ok(false);
    }
    write(path, content)?;
    Ok(true)
}

/// Writes a file as a whole.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<()> {
    let failure = || format!("cannot write {}", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(failure)?;
    }
    let mut unfinished = path.to_owned().into_os_string();
    unfinished.push(".unfinished");
    std::fs::write(&unfinished, content).with_context(failure)?;
    std::fs::rename(&unfinished, path).with_context(failure)
}

/// The files below a folder, by their paths relative to it; none if it does not exist.
pub(super) fn below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting = vec![PathBuf::new()];
    while let Some(relative) = waiting.pop() {
        let Ok(entries) = std::fs::read_dir(folder.join(&relative)) else {
            continue;
        };
        for entry in entries {
            let entry = entry?;
            let path = relative.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                waiting.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use std::collections::BTreeMap;

    use super::{Files, hash};

    #[test]
    fn a_name_changes_with_the_content_and_only_with_it() {
        let mut files = Files::default();
        assert_eq!(
            files.add_named("app.css", b"a".to_vec()),
            format!("app-{}.css", hash(b"a"))
        );
        assert_eq!(files.named("app.css"), Some("assets/app-ca978112ca1bbdca.css"));
        assert_ne!(hash(b"a"), hash(b"b"));
    }

    fn linked(part: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let script =
            b"import * as import1 from \"./parts.js\";\nconst imports = { \"./parts.js\": import1 };\n";
        let parts =
            b"import { initSync } from \"./page.js\";\nfetch(new URL(\"./part.wasm\", import.meta.url));\n";
        BTreeMap::from([
            ("page.js".to_owned(), script.to_vec()),
            ("parts.js".to_owned(), parts.to_vec()),
            ("part.wasm".to_owned(), part.to_vec()),
        ])
    }

    #[test]
    fn scripts_that_import_each_other_find_each_other_and_what_they_load() {
        let mut files = Files::default();
        let names = files.add_linked(&linked(b"part")).unwrap();
        let content = |name: &str| {
            let content = files.content(files.named(name).unwrap()).unwrap();
            str::from_utf8(content).unwrap()
        };
        let (page, parts, part) = (&names["page.js"], &names["parts.js"], &names["part.wasm"]);
        assert_eq!(
            content("page.js"),
            format!(
                "import * as import1 from \"./{parts}\";\nconst imports = {{ \"./parts.js\": import1 }};\n"
            )
        );
        assert_eq!(
            content("parts.js"),
            format!(
                "import {{ initSync }} from \"./{page}\";\nfetch(new URL(\"./{part}\", import.meta.url));\n"
            )
        );
    }

    #[test]
    fn scripts_get_other_names_when_what_they_load_does() {
        let names = |part: &[u8]| Files::default().add_linked(&linked(part)).unwrap();
        let (before, after) = (names(b"part"), names(b"other"));
        for (name, hashed) in &before {
            assert_ne!(hashed, &after[name]);
        }
    }
}
