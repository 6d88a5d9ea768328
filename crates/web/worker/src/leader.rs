//! The worker that leads: it holds the lock of the origin, opens the device, and answers calls.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    rc::Rc,
};

use subrosa_client::{Client, ClientError, profile_exists};
use subrosa_web_rpc::{Answer, Call, Event, Failure, Phase, Request};
use wasm_bindgen_futures::spawn_local;

use crate::{
    browser::Lock,
    channel::TabId,
    device::{self, Device},
    failure, requests, watch,
};

/// What a worker has only while it leads.
pub(crate) struct Leader {
    lock: RefCell<Option<Lock>>,
    device: Rc<Device>,
    /// Calls that are being carried out.
    in_progress: RefCell<HashSet<(TabId, u64)>>,
    /// The tabs that have said whether the user is looking at them, and still live; `true` for those that are looked at.
    tabs: RefCell<HashMap<TabId, bool>>,
}

impl Leader {
    /// Takes the lead. What changes at the device is reported to `on_event`.
    pub(crate) fn new(lock: Option<Lock>, on_event: impl Fn(Event) + 'static) -> Self {
        Self {
            lock: RefCell::new(lock),
            device: Device::new(on_event),
            in_progress: RefCell::new(HashSet::new()),
            tabs: RefCell::new(HashMap::new()),
        }
    }

    /// Finds out what is stored here, and connects if somebody is signed in.
    pub(crate) async fn open(&self) {
        if self.lock.borrow().is_none() {
            self.device.opened_without_client(Phase::Unsupported {
                feature: "Web Locks".to_owned(),
            });
        } else {
            match open_client().await {
                Ok(Some(client)) => watch::start(&self.device, client).await,
                Ok(None) => self.device.opened_without_client(Phase::SignedOut),
                Err(error) => self.device.opened_without_client(failure::phase(&error)),
            }
        }
        self.device.opened();
    }

    /// Whether calls are answered.
    pub(crate) fn is_open(&self) -> bool {
        self.device.is_open()
    }

    /// Carries out the call of a tab; `None` if it is being carried out already: a follower that has just learned
    /// who leads repeats what it has asked.
    pub(crate) async fn answer(self: &Rc<Self>, from: TabId, call: Call) -> Option<Result<Answer, Failure>> {
        let key = (from, call.id);
        if !self.in_progress.borrow_mut().insert(key) {
            return None;
        }
        let result = match call.request {
            Request::SetHere(is_here) => {
                self.set_here(from, is_here).await;
                Ok(Answer::Done)
            }
            request => requests::carry_out(&self.device, request).await,
        };
        self.in_progress.borrow_mut().remove(&key);
        Some(result)
    }

    /// Notes whether the user is looking at a tab. The user is here while any tab is looked at.
    async fn set_here(self: &Rc<Self>, tab: TabId, is_here: bool) {
        let is_new = self.tabs.borrow_mut().insert(tab, is_here).is_none();
        if is_new {
            // A tab that is closed or crashes may not say so.
            let leader = Rc::clone(self);
            spawn_local(async move {
                if let Some(life) = Lock::acquire(&tab.life()).await {
                    life.release();
                    leader.tabs.borrow_mut().remove(&tab);
                    leader.follow_tabs().await;
                }
            });
        }
        self.follow_tabs().await;
    }

    async fn follow_tabs(&self) {
        let is_here = self.tabs.borrow().values().any(|is_here| *is_here);
        self.device.set_here(is_here).await;
    }

    /// Closes the database and lets a tab of another build lead.
    pub(crate) async fn step_down(&self) {
        if !self.device.supersede().await {
            return;
        }
        if let Some(lock) = self.lock.take() {
            lock.release();
        }
        self.device.report_state();
    }
}

async fn open_client() -> Result<Option<Client>, ClientError> {
    if !profile_exists().await? {
        return Ok(None);
    }
    Client::open_at(device::profile(), device::server()?)
        .await
        .map(Some)
}
