//! The web app as files: finds the one that a path names and answers with it. It knows nothing of what is in
//! them; `cargo xtask build` makes them, the binary carries them, and `web_dir` serves a folder instead.
//!
//! Only paths that are no route of the API come here.

mod absent;
mod answer;
mod embedded;
mod folder;
mod negotiation;

use bytes::Bytes;

pub(crate) use answer::answer;
pub use embedded::EmbeddedFile;

use self::{embedded::Embedded, folder::Folder, negotiation::Encodings};
use crate::config::Config;

/// The answer to every navigation: the app reads the rest of the address itself.
const INDEX: &str = "index.html";

/// Below it stand files that carry a hash of their content in their name.
const ASSETS: &str = "assets/";

/// Where the files are.
#[derive(Debug)]
pub enum WebApp {
    /// This build has none: the page that says so.
    Absent(String),
    /// In the binary.
    Embedded(Embedded),
    /// In a folder, read anew at each request.
    Folder(Folder),
}

/// A file as it is sent.
#[derive(Debug)]
struct Found {
    content: Bytes,
    /// What the content is compressed with.
    encoding: Option<&'static str>,
    /// Whether another client may get another encoding.
    varies: bool,
    /// Whether what stands at this path stays the same for ever.
    immutable: bool,
    /// A strong validator of these bytes, in quotes.
    etag: String,
}

impl WebApp {
    /// The files in `web_dir` if there is one, or else the embedded ones.
    pub fn open(embedded: &'static [EmbeddedFile], config: &Config) -> anyhow::Result<Self> {
        Ok(match &config.web_dir {
            Some(folder) => Self::Folder(Folder::open(folder)?),
            None if embedded.is_empty() => Self::Absent(absent::page(config)),
            None => Self::Embedded(Embedded::of(embedded)),
        })
    }

    /// The file at a path below the root, in the encoding that the client likes best.
    async fn find(&self, path: &str, encodings: Encodings) -> Option<Found> {
        match self {
            Self::Absent(_) => None,
            Self::Embedded(embedded) => embedded.find(path, encodings),
            Self::Folder(folder) => folder.find(path).await,
        }
    }
}

/// What a file is, by its name.
fn media_type(path: &str) -> &'static str {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "wasm" => "application/wasm",
        "woff2" => "font/woff2",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "txt" | "ftl" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// A strong validator: what has other bytes has another one.
fn etag(content: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    format!("\"{}\"", hex::encode(&Sha256::digest(content)[..ETAG_BYTES]))
}

/// Bytes of the hash that are enough to tell the versions of one file apart.
const ETAG_BYTES: usize = 12;
