//! The web app that this binary carries; none when it was built without (`cargo xtask build` builds with).

use subrosa_server::web::EmbeddedFile;

/// Every file of it.
pub(crate) const FILES: &[EmbeddedFile] = include!(concat!(env!("OUT_DIR"), "/web_app.rs"));
