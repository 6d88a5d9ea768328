//! Handles as people type them into a search.

/// What a search looks for in handles.
pub(crate) fn prefix(search: &str) -> String {
    search.trim().trim_start_matches('@').to_ascii_lowercase()
}

/// Whether a handle can start with this.
pub(crate) fn could_start(prefix: &str) -> bool {
    !prefix.is_empty()
        && prefix.len() <= 32
        && prefix
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.')
}
