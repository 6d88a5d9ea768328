//! The web app in real browsers: Chromium and Firefox, in profiles of their own, before real servers.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod driver;
mod static_pages;
