//! The web app in this binary; empty if it was built without one (`cargo xtask build` includes it).

use subrosa_server::web::EmbeddedFile;

/// All of its files.
pub(crate) const FILES: &[EmbeddedFile] = include!(concat!(env!("OUT_DIR"), "/web_app.rs"));
