//! The device of this origin: whether somebody is signed in, and the client if so. It reports what changes to a sink
//! and knows nothing of tabs.

use std::{
    cell::{Cell, RefCell},
    path::Path,
    rc::Rc,
};

use subrosa_client::{Client, ClientError, ServerUrl, Status, forget_profile};
use subrosa_web_rpc::{Connection, Event, Failure, FailureKind, Phase, State};

use crate::{browser, browser_name, shapes};

/// The one profile of an origin.
const PROFILE: &str = "main";

/// Where the device is stored.
pub(crate) fn profile() -> &'static Path {
    PROFILE.as_ref()
}

/// The server that the app was loaded from.
pub(crate) fn server() -> Result<ServerUrl, ClientError> {
    let origin = browser::origin();
    origin
        .parse()
        .map_err(|_| ClientError::ServerMisbehaved(format!("{origin} is not the address of a server")))
}

/// What the account's other devices call this one, until somebody names it: "Firefox on Linux".
pub(crate) fn name() -> Option<String> {
    browser_name::name_of(&browser::user_agent())
}

/// Whether the device takes requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Availability {
    /// Its profile is being opened.
    Opening,
    /// It has found out what there is.
    Open,
    /// Its database was closed for a tab of another build.
    Superseded,
}

/// The device, in the worker that leads.
pub(crate) struct Device {
    availability: Cell<Availability>,
    phase: RefCell<Phase>,
    client: RefCell<Option<Client>>,
    /// Somebody is signing up or in.
    is_entering: Cell<bool>,
    /// Whether the user is looking at the app, in any of its tabs.
    is_here: Cell<bool>,
    on_event: Box<dyn Fn(Event)>,
}

impl Device {
    /// A device whose profile is not open yet. What changes is reported to `on_event`.
    pub(crate) fn new(on_event: impl Fn(Event) + 'static) -> Rc<Self> {
        Rc::new(Self {
            availability: Cell::new(Availability::Opening),
            phase: RefCell::new(Phase::Starting),
            client: RefCell::new(None),
            is_entering: Cell::new(false),
            is_here: Cell::new(false),
            on_event: Box::new(on_event),
        })
    }

    /// Whether requests can be carried out.
    pub(crate) fn is_open(&self) -> bool {
        self.availability.get() == Availability::Open
    }

    /// The client, while somebody is signed in.
    pub(crate) fn client(&self) -> Option<Client> {
        self.client.borrow().clone()
    }

    /// The client, or the failure to answer with while nobody is signed in.
    pub(crate) fn signed_in_client(&self) -> Result<Client, Failure> {
        self.client()
            .ok_or_else(|| Failure::new(FailureKind::SignedOut, "nobody is signed in here"))
    }

    // ---- how it changes ----

    /// Opening has ended: from now on requests are carried out.
    pub(crate) fn opened(&self) {
        if self.availability.get() == Availability::Opening {
            self.availability.set(Availability::Open);
        }
        self.report_state();
    }

    /// The profile did not open, for the reason that the phase names, or there is none.
    pub(crate) fn opened_without_client(&self, phase: Phase) {
        self.phase.replace(phase);
    }

    /// Makes sure that nobody else signs up or in meanwhile.
    pub(crate) fn enter(self: &Rc<Self>) -> Result<Entering, Failure> {
        let is_free = *self.phase.borrow() == Phase::SignedOut && !self.is_entering.replace(true);
        if is_free {
            Ok(Entering(Rc::clone(self)))
        } else {
            Err(Failure::new(
                FailureKind::Internal,
                "somebody is signed in here, or is about to be",
            ))
        }
    }

    /// Somebody is signed in.
    pub(crate) fn signed_in(&self, client: Client) {
        self.client.replace(Some(client));
    }

    /// Loads who is signed in: at the start, and when name or picture changes.
    pub(crate) async fn refresh_me(&self, client: &Client) {
        if let Ok(me) = client.me().await {
            let me = shapes::me(me);
            let phase = match self.phase() {
                Phase::Revoked(_) => Phase::Revoked(me),
                _ => Phase::SignedIn(me),
            };
            self.phase.replace(phase);
            self.report_state();
        }
    }

    /// Notes whether the user is looking at the app.
    pub(crate) async fn set_here(&self, is_here: bool) {
        if self.is_here.replace(is_here) != is_here {
            self.say_whether_here().await;
        }
    }

    /// Passes on to the client whether the user is looking at the app.
    pub(crate) async fn say_whether_here(&self) {
        if let Some(client) = self.client() {
            // If it cannot be passed on, the device does not work, which shows elsewhere.
            let _ = client.set_here(self.is_here.get()).await;
        }
    }

    /// The session has ended at the server: what is stored here can be read until it is removed.
    pub(crate) fn revoked(&self) {
        if let Phase::SignedIn(me) = self.phase() {
            self.phase.replace(Phase::Revoked(me));
        }
    }

    /// Removes everything that is stored here.
    pub(crate) async fn forget(&self) -> Result<(), ClientError> {
        let client = self.client.take();
        match client {
            Some(client) => client.forget().await?,
            None => forget_profile().await?,
        }
        self.phase.replace(Phase::SignedOut);
        self.report_state();
        Ok(())
    }

    /// Closes the database for a tab of another build, for good. Returns whether it was not closed before.
    pub(crate) async fn supersede(&self) -> bool {
        if self.availability.replace(Availability::Superseded) == Availability::Superseded {
            return false;
        }
        let client = self.client.take();
        if let Some(client) = client {
            // What fails to close is closed with the worker.
            let _ = client.close().await;
        }
        true
    }

    // ---- what it reports ----

    /// The state of everything but messages.
    pub(crate) fn state(&self) -> State {
        let status = match self.client() {
            Some(client) => client.status().borrow().clone(),
            None => Status::default(),
        };
        let mut state = shapes::state(self.phase(), &status);
        if self.availability.get() == Availability::Superseded {
            state.connection = Connection::Incompatible;
        }
        state
    }

    /// Reports the state as it is now.
    pub(crate) fn report_state(&self) {
        self.report(Event::State(Box::new(self.state())));
    }

    /// Reports an event.
    pub(crate) fn report(&self, event: Event) {
        (self.on_event)(event);
    }

    fn phase(&self) -> Phase {
        self.phase.borrow().clone()
    }
}

/// Somebody is signing up or in, until this is dropped.
pub(crate) struct Entering(Rc<Device>);

impl Drop for Entering {
    fn drop(&mut self) {
        self.0.is_entering.set(false);
    }
}
