//! The tab that leads: opens the device, answers calls, tells what changes.

use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    rc::{Rc, Weak},
};

use subrosa_client::{Client, ClientError, ServerUrl, Status, forget_profile, profile_exists};
use subrosa_web_rpc::{Answer, Connection, Event, Failure, FailureKind, Phase, Request, State};

use crate::{
    between::TabId,
    browser::{self, Lock},
    failure, shapes,
    tabs::Tab,
    watch,
};

/// The one profile of an origin.
const PROFILE: &str = "main";

/// Where the device is.
pub(crate) fn profile() -> &'static std::path::Path {
    PROFILE.as_ref()
}

/// The server that the app was loaded from.
pub(crate) fn server() -> Result<ServerUrl, ClientError> {
    let origin = browser::origin();
    origin
        .parse()
        .map_err(|_| ClientError::ServerMisbehaved(format!("{origin} is not the address of a server")))
}

/// The state of the tab that leads.
pub(crate) struct Leader {
    tab: Weak<Tab>,
    lock: RefCell<Option<Lock>>,
    phase: RefCell<Phase>,
    client: RefCell<Option<Client>>,
    /// It has found out what there is, and answers.
    open: Cell<bool>,
    /// Somebody is signing up or in.
    entering: Cell<bool>,
    /// Another build has taken the lead.
    stepped_down: Cell<bool>,
    /// Calls that are being carried out.
    under_way: RefCell<HashSet<(TabId, u64)>>,
}

impl Leader {
    pub(crate) fn new(tab: &Rc<Tab>, lock: Option<Lock>) -> Rc<Self> {
        let leader = Rc::new(Self {
            tab: Rc::downgrade(tab),
            lock: RefCell::new(lock),
            phase: RefCell::new(Phase::Starting),
            client: RefCell::new(None),
            open: Cell::new(false),
            entering: Cell::new(false),
            stepped_down: Cell::new(false),
            under_way: RefCell::new(HashSet::new()),
        });
        let waiting = Rc::downgrade(&leader);
        browser::on_network(move || {
            if let Some(client) = waiting.upgrade().and_then(|leader| leader.client()) {
                client.retry_now();
            }
        });
        leader
    }

    /// Finds out what there is, and connects if somebody is signed in.
    pub(crate) async fn open(self: &Rc<Self>) {
        if self.lock.borrow().is_none() {
            self.set_phase(Phase::Unsupported {
                feature: "Web Locks".to_owned(),
            });
        } else {
            match self.open_profile().await {
                Ok(Some(client)) => self.signed_in(client).await,
                Ok(None) => self.set_phase(Phase::SignedOut),
                Err(error) => self.set_phase(failure::phase(&error)),
            }
        }
        self.open.set(true);
        self.tell_state();
    }

    async fn open_profile(&self) -> Result<Option<Client>, ClientError> {
        if !profile_exists().await? {
            return Ok(None);
        }
        Client::open_at(profile(), server()?).await.map(Some)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open.get() && !self.stepped_down.get()
    }

    /// Whether this call is not being carried out already.
    pub(crate) fn begin(&self, from: TabId, id: u64) -> bool {
        self.under_way.borrow_mut().insert((from, id))
    }

    pub(crate) fn end(&self, from: TabId, id: u64) {
        self.under_way.borrow_mut().remove(&(from, id));
    }

    /// Closes the database for a tab of another build.
    pub(crate) async fn step_down(&self) {
        if self.stepped_down.replace(true) {
            return;
        }
        let client = self.client.borrow_mut().take();
        if let Some(client) = client {
            // What fails to close is closed with the worker.
            let _ = client.close().await;
        }
        if let Some(lock) = self.lock.borrow_mut().take() {
            lock.release();
        }
        self.tell_state();
    }

    // ---- what the requests need ----

    pub(crate) fn client(&self) -> Option<Client> {
        self.client.borrow().clone()
    }

    /// The device, or why there is none.
    pub(crate) fn device(&self) -> Result<Client, Failure> {
        self.client()
            .ok_or_else(|| Failure::new(FailureKind::SignedOut, "nobody is signed in here"))
    }

    /// Takes care that nobody else signs up or in meanwhile.
    pub(crate) fn enter(self: &Rc<Self>) -> Result<Entering, Failure> {
        let is_free = *self.phase.borrow() == Phase::SignedOut && !self.entering.replace(true);
        if is_free {
            Ok(Entering(Rc::clone(self)))
        } else {
            Err(Failure::new(
                FailureKind::Internal,
                "somebody is signed in here, or is about to be",
            ))
        }
    }

    /// Somebody is signed in from now on.
    pub(crate) async fn signed_in(self: &Rc<Self>, client: Client) {
        *self.client.borrow_mut() = Some(client.clone());
        // Before anybody is answered: a page asks for conversations as soon as it knows who is signed in.
        watch::learn_who(self, &client).await;
        let updates = watch::Updates::of(&client);
        client.connect();
        wasm_bindgen_futures::spawn_local(watch::watch(Rc::clone(self), client, updates));
    }

    /// Nobody is from now on. Gives the device that was.
    pub(crate) fn signed_out(&self) -> Option<Client> {
        self.client.borrow_mut().take()
    }

    /// Removes everything here.
    pub(crate) async fn forget(&self) -> Result<(), ClientError> {
        match self.signed_out() {
            Some(client) => client.forget().await?,
            None => forget_profile().await?,
        }
        self.set_phase(Phase::SignedOut);
        self.tell_state();
        Ok(())
    }

    pub(crate) fn set_phase(&self, phase: Phase) {
        *self.phase.borrow_mut() = phase;
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase.borrow().clone()
    }

    // ---- what everybody is told ----

    pub(crate) fn state(&self) -> State {
        let status = match self.client() {
            Some(client) => client.status().borrow().clone(),
            None => Status::default(),
        };
        let mut state = shapes::state(self.phase(), &status);
        if self.stepped_down.get() {
            state.connection = Connection::Incompatible;
        }
        state
    }

    pub(crate) fn tell_state(&self) {
        self.tell(Event::State(Box::new(self.state())));
    }

    pub(crate) fn tell(&self, event: Event) {
        if let Some(tab) = self.tab.upgrade() {
            tab.tell(event);
        }
    }

    /// Carries out a request.
    pub(crate) async fn carry_out(self: &Rc<Self>, request: Request) -> Result<Answer, Failure> {
        crate::requests::carry_out(self, request).await
    }
}

/// Somebody is signing up or in, until this is dropped.
pub(crate) struct Entering(Rc<Leader>);

impl Drop for Entering {
    fn drop(&mut self) {
        self.0.entering.set(false);
    }
}
