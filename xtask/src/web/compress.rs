//! Compressed forms of files, made once so that no server has to.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use brotli::enc::BrotliEncoderParams;

use super::files;

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

/// Writes both forms of each file beside it, the files side by side.
pub(super) fn write_all(files: &[(PathBuf, &[u8], Compression)]) -> Result<()> {
    std::thread::scope(|scope| {
        let workers: Vec<_> = files
            .iter()
            .map(|(path, content, compression)| scope.spawn(|| write_forms(path, content, *compression)))
            .collect();
        for worker in workers {
            worker
                .join()
                .map_err(|_| anyhow!("a thread that compresses has panicked"))??;
        }
        Ok(())
    })
}

fn write_forms(path: &Path, content: &[u8], compression: Compression) -> Result<()> {
    let [brotli, gzip] = EXTENSIONS.map(|extension| {
        let mut name = path.to_owned().into_os_string();
        name.push(".");
        name.push(extension);
        PathBuf::from(name)
    });
    let context = || format!("cannot compress {}", path.display());
    files::write(
        &brotli,
        &with_brotli(content, compression.brotli).with_context(context)?,
    )?;
    files::write(
        &gzip,
        &with_gzip(content, compression.gzip).with_context(context)?,
    )
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
