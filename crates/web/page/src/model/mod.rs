//! What the page decides without a browser: pure functions, tested natively.

pub(crate) mod candidates;
pub(crate) mod clusters;
pub(crate) mod code;
pub(crate) mod edit;
pub(crate) mod emoji;
pub(crate) mod faces;
pub(crate) mod handles;
pub(crate) mod labels;
pub(crate) mod letters;
pub(crate) mod links;
pub(crate) mod members;
pub(crate) mod pictures;
pub(crate) mod preview;
pub(crate) mod roster;
pub(crate) mod route;
pub(crate) mod rows;
#[cfg(test)]
pub(crate) mod samples;
pub(crate) mod warnings;
pub(crate) mod window;
