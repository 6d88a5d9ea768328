//! Compressed forms of files, made once so that no server has to.

use std::io::Write as _;

use anyhow::{Context as _, Result, anyhow};
use brotli::enc::BrotliEncoderParams;

/// The names of the compressed forms: brotli, gzip.
pub(super) const EXTENSIONS: [&str; 2] = ["br", "gz"];

/// How hard to try.
#[derive(Clone, Copy)]
pub(super) struct Compression {
    brotli: i32,
    gzip: u32,
}

impl Compression {
    /// Takes no time to speak of.
    pub(super) const QUICK: Self = Self { brotli: 4, gzip: 3 };
    /// Takes seconds.
    pub(super) const SMALLEST: Self = Self { brotli: 11, gzip: 9 };
}

/// Whether compression makes such a file smaller. Fonts and pictures are compressed already.
pub(super) fn is_worthwhile(path: &str) -> bool {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    matches!(
        extension,
        "html" | "js" | "css" | "json" | "webmanifest" | "wasm" | "svg" | "txt" | "ftl"
    )
}

/// The compressed forms of a content, in the order of [`EXTENSIONS`].
pub(super) type Forms = [Vec<u8>; EXTENSIONS.len()];

/// Makes the forms of each content, all of them side by side. The names stand in errors.
pub(super) fn compress_all(contents: &[(&str, &[u8])], compression: Compression) -> Result<Vec<Forms>> {
    std::thread::scope(|scope| {
        let workers: Vec<_> = contents
            .iter()
            .map(|(name, content)| {
                scope.spawn(move || {
                    forms(content, compression).with_context(|| format!("cannot compress {name}"))
                })
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| {
                worker
                    .join()
                    .map_err(|_| anyhow!("a thread that compresses has panicked"))?
            })
            .collect()
    })
}

fn forms(content: &[u8], compression: Compression) -> Result<Forms> {
    Ok([
        with_brotli(content, compression.brotli)?,
        with_gzip(content, compression.gzip)?,
    ])
}

fn with_brotli(content: &[u8], quality: i32) -> Result<Vec<u8>> {
    let parameters = BrotliEncoderParams {
        quality,
        size_hint: content.len(),
        ..BrotliEncoderParams::default()
    };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &*content, &mut compressed, &parameters)?;
    Ok(compressed)
}

fn with_gzip(content: &[u8], level: u32) -> Result<Vec<u8>> {
    // The header holds no time and no name: the same content gives the same bytes.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}
