//! What stands in for the app in a build without it: what this server is, and how to get the app.

use crate::{config::Config, pages};

/// The page at `/`.
pub(super) fn page(config: &Config) -> String {
    let url = pages::escape(&config.public_url);
    let registration = if config.registration_open {
        "Anyone may sign up here."
    } else {
        "New accounts are made by its operator."
    };
    pages::page(
        "Subrosa",
        &format!(
            "<h1>Subrosa</h1>\
             <p>This is a server for private messages. It carries them from device to device and cannot read \
             them: the keys stay with the people who write. {registration}</p>\
             <p>This build has no web app. <code>cargo xtask build</code> makes one that has, and \
             <code>subrosa serve --web-dir DIR</code> serves one from a folder.</p>\
             <p>In a terminal:</p>\
             <pre>subrosa signup YOUR_HANDLE --server {url}\nsubrosa chat --server {url}</pre>\
             <p><a href=\"/docs\">The API</a></p>"
        ),
    )
}
