//! The API as its users see it: one file per resource, each test a rule.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod client;
mod documented;
mod harness;

mod devices;
mod health;
mod layers;
mod links;
mod log;
mod logs;
mod pages;
mod password;
mod people;
mod problems;
mod recovery;
mod registration;
mod sessions;
mod sign_in;
mod storage;
mod vault;
mod web;
