//! What the machine can do at best: the limits that the server is held against, measured in the same run.

pub(crate) mod inserts;
pub(crate) mod relay;
pub(crate) mod sync;
