//! What the workers of several tabs say to each other.

use serde::{Deserialize, Serialize};
use subrosa_web_rpc::{Answer, Call, Event, Failure};

/// Names a worker for as long as it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct TabId([u8; 16]);

impl TabId {
    /// A new one.
    pub(crate) fn new() -> Self {
        use rand_core::RngCore as _;
        let mut bytes = [0; 16];
        subrosa_client::ambient::SystemRandom.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The lock that the worker holds as long as it lives: nothing else tells its page of every death.
    pub(crate) fn life(self) -> String {
        let digits: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("subrosa-life-{digits}")
    }
}

/// A message on the channel of one build. Everybody hears it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Between {
    /// Who leads?
    WhoLeads,
    /// This tab does: calls that were not answered by another are repeated to it.
    Leads(TabId),
    /// A page's call, for whoever leads.
    Call {
        /// The tab that waits for the answer.
        from: TabId,
        /// The call; its id is unique in that tab.
        call: Call,
    },
    /// What came of it, for one tab.
    Answer {
        /// The tab that asked.
        to: TabId,
        /// The id of its call.
        id: u64,
        /// What came of it.
        result: Result<Answer, Failure>,
    },
    /// Something changed, for all.
    Event(Event),
}
