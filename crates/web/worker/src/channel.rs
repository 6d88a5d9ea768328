//! What the workers of several tabs say to each other.

use serde::{Deserialize, Serialize};
use subrosa_web_rpc::{Answer, Call, Event, Failure};

/// Names a worker for as long as it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct TabId([u8; 16]);

impl TabId {
    /// A random id.
    pub(crate) fn new() -> Self {
        use rand_core::RngCore as _;
        let mut bytes = [0; 16];
        subrosa_client::ambient::SystemRandom.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The name of the lock that the worker holds for as long as it lives. Its page waits for that lock: nothing else
    /// shows every way in which a worker can die.
    pub(crate) fn life(self) -> String {
        format!("subrosa-life-{:032x}", u128::from_be_bytes(self.0))
    }
}

/// A message on the channel of one build. Every worker of the build receives it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum ChannelMessage {
    /// Asks who leads.
    WhoLeads,
    /// This tab leads: calls that nobody has answered are sent again.
    Leads(TabId),
    /// A page's call, for the tab that leads.
    Call {
        /// The tab that waits for the answer.
        from: TabId,
        /// The call; its id is unique within that tab.
        call: Call,
    },
    /// The answer to a call, for one tab.
    Answer {
        /// The tab that asked.
        to: TabId,
        /// The id of its call.
        id: u64,
        /// The outcome.
        result: Result<Answer, Failure>,
    },
    /// Something changed, for every page.
    Event(Event),
}
