//! This worker among those of the other tabs: who leads, and where calls, answers and events go.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use subrosa_web_rpc::{Answer, BUILD, Call, Event, Failure, ToPage, decode, encode};
use wasm_bindgen_futures::spawn_local;
use web_sys::BroadcastChannel;

use crate::{
    browser::{self, Lock},
    channel::{ChannelMessage, TabId},
    leader::Leader,
};

/// The lock of the worker that has the database open, whatever its build.
const LOCK: &str = "subrosa-engine";
/// The channel on which every worker names its build when it starts.
const BUILDS: &str = "subrosa-builds";

/// A worker.
pub(crate) struct Tab {
    id: TabId,
    /// Held as long as the worker lives. It must stay referenced: Firefox passes a lock on once nobody can release it.
    life: RefCell<Option<Lock>>,
    channel: Option<BroadcastChannel>,
    /// The tab that leads, as far as this one knows.
    leader: Cell<Option<TabId>>,
    /// Set while this tab leads.
    leading: RefCell<Option<Rc<Leader>>>,
    /// Calls of this tab's page that another tab is to answer, oldest first.
    unanswered: RefCell<BTreeMap<u64, Call>>,
}

/// Starts this tab's worker: it follows until it gets the lock.
pub(crate) fn start() {
    let tab = Rc::new_cyclic(|tab: &std::rc::Weak<Tab>| {
        let receiving = tab.clone();
        let channel = browser::channel(&format!("subrosa-{BUILD}"), move |bytes| {
            if let (Some(tab), Ok(message)) = (receiving.upgrade(), decode(&bytes)) {
                tab.receive(message);
            }
        });
        Tab {
            id: TabId::new(),
            life: RefCell::new(None),
            channel,
            leader: Cell::new(None),
            leading: RefCell::new(None),
            unanswered: RefCell::new(BTreeMap::new()),
        }
    });
    let calling = Rc::clone(&tab);
    browser::listen_to_page(move |bytes| {
        // The page is of the same build: it sends nothing that cannot be read.
        if let Ok(call) = decode::<Call>(&bytes) {
            calling.call(call);
        }
    });
    let living = Rc::clone(&tab);
    spawn_local(async move {
        let name = living.id.life();
        let lock = Lock::acquire(&name).await;
        let life = lock.is_some().then_some(name);
        *living.life.borrow_mut() = lock;
        browser::post_to_page(&encode(&ToPage::Ready { life }));
    });
    tab.send(&ChannelMessage::WhoLeads);
    yield_to_newer_builds(&tab);
    spawn_local(async move {
        match Lock::acquire(LOCK).await {
            Some(lock) => tab.lead(Some(lock)).await,
            // Without locks the tabs cannot agree on one; the leader says what is missing.
            None => tab.lead(None).await,
        }
    });
}

impl Tab {
    /// Takes the lead: opens the database, then answers the calls that wait here and in other tabs.
    async fn lead(self: Rc<Self>, lock: Option<Lock>) {
        let tab = Rc::downgrade(&self);
        let leader = Rc::new(Leader::new(lock, move |event| {
            if let Some(tab) = tab.upgrade() {
                tab.broadcast(event);
            }
        }));
        *self.leading.borrow_mut() = Some(Rc::clone(&leader));
        self.leader.set(Some(self.id));
        leader.open().await;
        self.send(&ChannelMessage::Leads(self.id));
        for (_, call) in self.unanswered.take() {
            self.carry_out(Rc::clone(&leader), self.id, call);
        }
        self.broadcast(Event::Reload);
    }

    /// This tab's page asks for something.
    fn call(self: &Rc<Self>, call: Call) {
        if let Some(leader) = self.open_leader() {
            self.carry_out(leader, self.id, call);
        } else {
            self.unanswered.borrow_mut().insert(call.id, call.clone());
            self.send(&ChannelMessage::Call { from: self.id, call });
        }
    }

    /// This worker's lead, once it answers calls.
    fn open_leader(&self) -> Option<Rc<Leader>> {
        let leader = self.leading.borrow().clone();
        leader.filter(|leader| leader.is_open())
    }

    fn receive(self: &Rc<Self>, message: ChannelMessage) {
        match message {
            ChannelMessage::WhoLeads => {
                if self.open_leader().is_some() {
                    self.send(&ChannelMessage::Leads(self.id));
                }
            }
            ChannelMessage::Leads(id) => {
                if self.leader.replace(Some(id)) != Some(id) {
                    for call in self.unanswered.borrow().values() {
                        let (from, call) = (self.id, call.clone());
                        self.send(&ChannelMessage::Call { from, call });
                    }
                }
            }
            ChannelMessage::Call { from, call } => {
                if let Some(leader) = self.open_leader() {
                    self.carry_out(leader, from, call);
                }
            }
            ChannelMessage::Answer { to, id, result } => {
                if to == self.id && self.unanswered.borrow_mut().remove(&id).is_some() {
                    browser::post_to_page(&encode(&ToPage::Answer { id, result }));
                }
            }
            ChannelMessage::Event(event) => browser::post_to_page(&encode(&ToPage::Event(event))),
        }
    }

    fn carry_out(self: &Rc<Self>, leader: Rc<Leader>, from: TabId, call: Call) {
        let tab = Rc::clone(self);
        spawn_local(async move {
            let id = call.id;
            if let Some(result) = leader.answer(from, call).await {
                tab.answer(from, id, result);
            }
        });
    }

    fn answer(&self, to: TabId, id: u64, result: Result<Answer, Failure>) {
        if to == self.id {
            browser::post_to_page(&encode(&ToPage::Answer { id, result }));
        } else {
            self.send(&ChannelMessage::Answer { to, id, result });
        }
    }

    /// Sends an event to every page. Only the worker that leads does so.
    fn broadcast(&self, event: Event) {
        browser::post_to_page(&encode(&ToPage::Event(event.clone())));
        self.send(&ChannelMessage::Event(event));
    }

    fn send(&self, message: &ChannelMessage) {
        if let Some(channel) = &self.channel {
            browser::post(channel, &encode(message));
        }
    }
}

/// Tabs of two builds cannot share an engine. The one that starts later has the build that the server serves now: the
/// other stops leading, and its page asks to be reloaded.
fn yield_to_newer_builds(tab: &Rc<Tab>) {
    let receiving = Rc::clone(tab);
    let channel = browser::channel(BUILDS, move |build| {
        if build != BUILD.as_bytes() {
            let leading = receiving.leading.borrow().clone();
            if let Some(leader) = leading {
                spawn_local(async move { leader.step_down().await });
            }
        }
    });
    if let Some(channel) = channel {
        browser::post(&channel, BUILD.as_bytes());
        // It listens as long as the worker lives.
        std::mem::forget(channel);
    }
}
