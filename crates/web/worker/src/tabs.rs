//! This worker among those of the other tabs: who leads, and where calls and answers go.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use subrosa_web_rpc::{Answer, BUILD, Call, Event, Failure, ToPage, decode, encode};
use wasm_bindgen_futures::spawn_local;
use web_sys::BroadcastChannel;

use crate::{
    between::{Between, TabId},
    browser::{self, Lock},
    leader::Leader,
};

/// The lock of whoever has the database open, of any build.
const LOCK: &str = "subrosa-engine";
/// The channel on which every worker names its build when it starts.
const BUILDS: &str = "subrosa-builds";

/// A worker.
pub(crate) struct Tab {
    id: TabId,
    /// Held as long as the worker lives. It has to be kept: Firefox gives a lock on that nobody could release.
    life: RefCell<Option<Lock>>,
    channel: Option<BroadcastChannel>,
    /// Who leads, as far as is known here.
    leader: Cell<Option<TabId>>,
    /// Set while this tab leads.
    leading: RefCell<Option<Rc<Leader>>>,
    /// Calls of the own page that another tab is to answer, in the order of asking.
    unanswered: RefCell<BTreeMap<u64, Call>>,
}

/// Starts this tab's worker: it follows until it gets the lock.
pub(crate) fn start() {
    let tab = Rc::new_cyclic(|tab: &std::rc::Weak<Tab>| {
        let hearing = tab.clone();
        let channel = browser::channel(&format!("subrosa-{BUILD}"), move |bytes| {
            if let (Some(tab), Ok(message)) = (hearing.upgrade(), decode(&bytes)) {
                tab.hear(message);
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
        // The page is of the same build: what cannot be read was not sent by it.
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
    tab.say(&Between::WhoLeads);
    yield_to_newer_builds(&tab);
    spawn_local(async move {
        match Lock::acquire(LOCK).await {
            Some(lock) => tab.lead(Some(lock)).await,
            // Without locks nobody knows of the others; the leader says what is missing.
            None => tab.lead(None).await,
        }
    });
}

impl Tab {
    /// Takes the lead: opens the database, then answers what waits here and elsewhere.
    async fn lead(self: Rc<Self>, lock: Option<Lock>) {
        let leader = Leader::new(&self, lock);
        *self.leading.borrow_mut() = Some(Rc::clone(&leader));
        self.leader.set(Some(self.id));
        leader.open().await;
        self.say(&Between::Leads(self.id));
        for (_, call) in self.unanswered.take() {
            self.carry_out(&leader, self.id, call);
        }
        self.tell(Event::Reload);
    }

    /// The own page asks for something.
    fn call(self: &Rc<Self>, call: Call) {
        let leader = self.leading.borrow().clone();
        if let Some(leader) = leader.filter(|leader| leader.is_open()) {
            self.carry_out(&leader, self.id, call);
        } else {
            self.unanswered.borrow_mut().insert(call.id, call.clone());
            self.say(&Between::Call { from: self.id, call });
        }
    }

    fn hear(self: &Rc<Self>, message: Between) {
        match message {
            Between::WhoLeads => {
                if self
                    .leading
                    .borrow()
                    .as_ref()
                    .is_some_and(|leader| leader.is_open())
                {
                    self.say(&Between::Leads(self.id));
                }
            }
            Between::Leads(id) => {
                if self.leader.replace(Some(id)) != Some(id) {
                    for call in self.unanswered.borrow().values() {
                        let (from, call) = (self.id, call.clone());
                        self.say(&Between::Call { from, call });
                    }
                }
            }
            Between::Call { from, call } => {
                let leader = self.leading.borrow().clone();
                if let Some(leader) = leader.filter(|leader| leader.is_open()) {
                    self.carry_out(&leader, from, call);
                }
            }
            Between::Answer { to, id, result } => {
                if to == self.id && self.unanswered.borrow_mut().remove(&id).is_some() {
                    browser::post_to_page(&encode(&ToPage::Answer { id, result }));
                }
            }
            Between::Event(event) => browser::post_to_page(&encode(&ToPage::Event(event))),
        }
    }

    fn carry_out(self: &Rc<Self>, leader: &Rc<Leader>, from: TabId, call: Call) {
        // A follower that has just learned who leads repeats what it has asked already.
        if !leader.begin(from, call.id) {
            return;
        }
        let (tab, leader) = (Rc::clone(self), Rc::clone(leader));
        spawn_local(async move {
            let id = call.id;
            let result = leader.carry_out(call.request).await;
            leader.end(from, id);
            tab.answer(from, id, result);
        });
    }

    fn answer(&self, to: TabId, id: u64, result: Result<Answer, Failure>) {
        if to == self.id {
            browser::post_to_page(&encode(&ToPage::Answer { id, result }));
        } else {
            self.say(&Between::Answer { to, id, result });
        }
    }

    /// Tells every page of an event; only who leads does.
    pub(crate) fn tell(&self, event: Event) {
        browser::post_to_page(&encode(&ToPage::Event(event.clone())));
        self.say(&Between::Event(event));
    }

    fn say(&self, message: &Between) {
        if let Some(channel) = &self.channel {
            browser::post(channel, &encode(message));
        }
    }
}

/// Tabs of two builds cannot share an engine. The one that starts later has the server's present build: the
/// other gives the lead up, and its page asks to be loaded again.
fn yield_to_newer_builds(tab: &Rc<Tab>) {
    let hearing = Rc::clone(tab);
    let channel = browser::channel(BUILDS, move |build| {
        if build != BUILD.as_bytes() {
            let leading = hearing.leading.borrow().clone();
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
