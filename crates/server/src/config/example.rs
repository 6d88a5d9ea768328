//! The example file: every key, its default, and what it is for.

/// The text of `docs/config.example.toml`.
pub const EXAMPLE: &str = include_str!("../../../../docs/config.example.toml");
