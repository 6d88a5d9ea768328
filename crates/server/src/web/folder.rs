//! A folder of files, for development and for an app that somebody builds themselves: what is in it now is what
//! is served, uncompressed.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use super::{Found, INDEX, etag};
use crate::limits::WEB_FILE_BYTES_MAX;

/// A folder, by its real path.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    pub(super) fn open(folder: &Path) -> anyhow::Result<Self> {
        let root = folder
            .canonicalize()
            .with_context(|| format!("web_dir: cannot use the folder {}", folder.display()))?;
        ensure!(
            root.join(INDEX).is_file(),
            "web_dir: there is no {INDEX} in {}",
            folder.display()
        );
        Ok(Self { root })
    }

    /// Reads a file. Nothing outside of the folder is read, wherever a link in it leads.
    pub(super) async fn find(&self, path: &str) -> Option<Found> {
        if !is_plain(path) {
            return None;
        }
        let file = tokio::fs::canonicalize(self.root.join(path)).await.ok()?;
        if !file.starts_with(&self.root) {
            return None;
        }
        let metadata = tokio::fs::metadata(&file).await.ok()?;
        if !metadata.is_file() || metadata.len() > WEB_FILE_BYTES_MAX {
            return None;
        }
        let content = tokio::fs::read(&file).await.ok()?;
        Some(Found {
            etag: etag(&content),
            content: content.into(),
            encoding: None,
            varies: false,
            // Whoever works on a file may well leave its name as it is.
            immutable: false,
        })
    }
}

/// Whether a path is made of ordinary names only: none is hidden, none leads upwards, nothing is escaped.
fn is_plain(path: &str) -> bool {
    path.split('/').all(|name| {
        !name.is_empty()
            && !name.starts_with('.')
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    })
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn only_ordinary_names_are_looked_up() {
        for plain in ["index.html", "assets/page-0a.js", "icons/192.png"] {
            assert!(is_plain(plain), "{plain}");
        }
        for odd in [
            "",
            "/etc/passwd",
            "..",
            "assets/../x",
            "assets/..",
            "a//b",
            ".git/config",
            "a/.b",
            "%2e%2e/x",
            "a\\b",
            "c:x",
            "a b",
            "a\0",
        ] {
            assert!(!is_plain(odd), "{odd:?}");
        }
    }
}
