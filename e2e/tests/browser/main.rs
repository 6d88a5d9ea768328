//! The web app in real browsers: Chromium and Firefox, in profiles of their own, before real servers.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod stage;

mod accessibility;
mod accounts;
mod browsers;
mod cases;
mod chat_settings;
mod durability;
mod group_screens;
mod groups;
mod hostile;
mod later;
mod lies;
mod networks;
mod people;
mod pictures;
mod requests;
mod returns;
mod screens;
mod secrecy;
mod shipped;
mod signals;
mod speed;
mod tabs;
mod talking;
mod versions;
mod warnings;

mod disappearing;
mod driver;
mod scripted_worker;
mod static_pages;
