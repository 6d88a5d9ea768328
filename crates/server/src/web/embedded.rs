//! The files that the binary carries, compressed beforehand.

use std::collections::HashMap;

use bytes::Bytes;

use super::{ASSETS, Found, etag, negotiation::Encodings};

/// One file of the web app, as the binary carries it.
#[derive(Debug, Clone, Copy)]
pub struct EmbeddedFile {
    /// Its path below the root, without a slash in front: `assets/app-0123456789abcdef.css`.
    pub path: &'static str,
    /// Its bytes.
    pub content: &'static [u8],
    /// The same, compressed with brotli, where that is smaller.
    pub brotli: Option<&'static [u8]>,
    /// The same, compressed with gzip, where that is smaller.
    pub gzip: Option<&'static [u8]>,
}

/// The files by their paths.
#[derive(Debug)]
pub struct Embedded {
    files: HashMap<&'static str, Variants>,
}

#[derive(Debug)]
struct Variants {
    plain: Variant,
    brotli: Option<Variant>,
    gzip: Option<Variant>,
}

#[derive(Debug, Clone)]
struct Variant {
    content: &'static [u8],
    etag: String,
}

impl Embedded {
    pub(super) fn of(files: &'static [EmbeddedFile]) -> Self {
        let variants = |file: &EmbeddedFile| Variants {
            plain: Variant::of(file.content),
            brotli: file.brotli.map(Variant::of),
            gzip: file.gzip.map(Variant::of),
        };
        Self {
            files: files.iter().map(|file| (file.path, variants(file))).collect(),
        }
    }

    pub(super) fn find(&self, path: &str, encodings: Encodings) -> Option<Found> {
        let file = self.files.get(path)?;
        let (name, variant) = encodings
            .best(file.brotli.as_ref(), file.gzip.as_ref())
            .map_or((None, &file.plain), |(name, variant)| (Some(name), variant));
        Some(Found {
            content: Bytes::from_static(variant.content),
            encoding: name,
            varies: file.brotli.is_some() || file.gzip.is_some(),
            immutable: path.starts_with(ASSETS),
            etag: variant.etag.clone(),
        })
    }
}

impl Variant {
    fn of(content: &'static [u8]) -> Self {
        Self {
            content,
            etag: etag(content),
        }
    }
}
