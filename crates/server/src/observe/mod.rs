//! What an operator can see: the log and the metrics. Neither holds a token, a key, a handle or a message.

mod logs;
mod metrics;

pub use logs::start_logging;
pub use metrics::Metrics;
