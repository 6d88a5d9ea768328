//! The one state of the page: what the engine has reported, by answers and events, and nothing else.

mod conversation;
mod events;

use std::collections::HashMap;

use leptos::prelude::*;
use subrosa_web_rpc::{
    Answer, ChatId, ChatSetting, Connection, Contact, Me, Phase, Request, Secret, State, Warning,
};
use subrosa_wire::Timestamp;

use conversation::LeftAt;
pub(crate) use conversation::Place;

use crate::{
    browser, format, limits, link,
    model::{
        roster::{self, Roster},
        window::Window,
    },
    reactive::memo,
};

/// The kinds of phase, without what changes within one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing is known yet.
    Starting,
    /// Nobody is signed in.
    SignedOut,
    /// Somebody is signed in.
    SignedIn,
    /// The server has ended the session.
    Revoked,
    /// The browser lacks a feature that the app needs.
    Unsupported,
    /// The browser has removed this device's data.
    Evicted,
    /// The database does not open.
    Broken,
    /// The worker is gone.
    Dead,
}

/// How far a sign-up has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SignUpStep {
    /// Nobody is signing up.
    None,
    /// The account is being created: the form stays until the recovery code is there.
    Working,
    /// The user has to save the recovery code.
    Code {
        code: Secret,
        /// Whether it was just made. One that was kept from an earlier visit is not shown before the user wants it.
        is_new: bool,
    },
}

/// The state of the page. Cheap to copy.
#[derive(Clone, Copy)]
pub(crate) struct Store {
    /// The state of everything but messages; `None` until the engine has answered.
    pub(crate) state: RwSignal<Option<State>>,
    /// Why the worker is gone, once it is.
    pub(crate) dead: RwSignal<Option<String>>,
    /// All conversations.
    pub(crate) roster: RwSignal<Roster>,
    /// Whether they have been loaded.
    pub(crate) loaded: RwSignal<bool>,
    /// The conversation that is open.
    pub(crate) open: RwSignal<Option<ChatId>>,
    /// Its loaded messages; `None` while they are being loaded.
    pub(crate) window: RwSignal<Option<Window>>,
    /// The position of its first unread message.
    pub(crate) unread_from: RwSignal<Option<i64>>,
    /// Where the view of the open conversation goes next.
    pub(crate) place: RwSignal<Option<Place>>,
    /// Where the user was in each conversation that was not left at its end.
    left_at: StoredValue<HashMap<ChatId, LeftAt>>,
    /// Whether a page of messages is being loaded.
    loading: StoredValue<bool>,
    /// Warnings to the user, the newest last, each with a number.
    pub(crate) warnings: RwSignal<Vec<(u64, Warning)>>,
    warned: StoredValue<u64>,
    /// How far a sign-up has come.
    pub(crate) sign_up_step: RwSignal<SignUpStep>,
    /// How often everything was loaded again, perhaps because another tab leads.
    pub(crate) reloads: RwSignal<u32>,
    /// How often the rights in some group have changed, which its entry in the list does not show.
    pub(crate) rights_changed: RwSignal<u32>,
    /// Whom the user has blocked.
    pub(crate) blocked: RwSignal<Vec<Contact>>,
    /// Whether the browser's storage is almost full.
    pub(crate) storage_low: RwSignal<bool>,
    /// Today, in days since 1970.
    pub(crate) today: RwSignal<i64>,
    /// The time, once a minute.
    pub(crate) now: RwSignal<Timestamp>,
    /// Whether this browser remembers an account that the worker has not reported yet.
    is_missed: RwSignal<bool>,
    stage: Memo<Stage>,
    me: Memo<Option<Me>>,
    connection: Memo<Option<Connection>>,
    unread: Memo<u64>,
}

/// The setting that remembers that there is an account.
const ACCOUNT: &str = "subrosa-account";

impl Store {
    /// Starts the worker. The state is empty until the worker has answered.
    pub(crate) fn start() -> Self {
        let state = RwSignal::new(None::<State>);
        let dead = RwSignal::new(None::<String>);
        let roster = RwSignal::new(Roster::new());
        let now = RwSignal::new(Timestamp::from_millis(browser::now_ms()));
        let is_missed = RwSignal::new(browser::kept(ACCOUNT).is_some());
        let store = Self {
            state,
            dead,
            roster,
            loaded: RwSignal::new(false),
            open: RwSignal::new(None),
            window: RwSignal::new(None),
            unread_from: RwSignal::new(None),
            place: RwSignal::new(None),
            left_at: StoredValue::new(HashMap::new()),
            loading: StoredValue::new(false),
            warnings: RwSignal::new(Vec::new()),
            warned: StoredValue::new(0),
            sign_up_step: RwSignal::new(SignUpStep::None),
            reloads: RwSignal::new(0),
            rights_changed: RwSignal::new(0),
            blocked: RwSignal::new(Vec::new()),
            storage_low: RwSignal::new(false),
            today: RwSignal::new(browser::day_of(browser::now_ms())),
            now,
            is_missed,
            stage: memo!(move || {
                if dead.with(Option::is_some) {
                    return Stage::Dead;
                }
                match state.with(|state| stage_of(state.as_ref())) {
                    Stage::SignedOut if is_missed.get() => Stage::Evicted,
                    other => other,
                }
            }),
            me: Memo::new(move |old: Option<&Option<Me>>| {
                match state.with(|state| stage_of(state.as_ref())) {
                    // Nobody signs out while another tab takes the lead.
                    Stage::Starting => old.cloned().flatten(),
                    _ => state.with(|state| me_of(state.as_ref())),
                }
            }),
            connection: memo!(move || state.with(|state| Some(state.as_ref()?.connection.clone()))),
            unread: memo!(move || roster.with(|roster| roster::unread(roster, now.get()))),
        };
        link::start(
            move |event| store.take(event),
            move |reason| store.dead.set(Some(reason)),
        );
        store.ask_state();
        let look = move || {
            format::look_at_zone();
            store.today.set(browser::day_of(browser::now_ms()));
            store.look_at_mutes();
        };
        let _ = set_interval_with_handle(look, limits::LOOK_EVERY);
        // The worker waits longer after each attempt, and Chromium's workers do not hear that the network is back.
        let _ = window_event_listener_untyped("online", move |_| store.connect_now());
        let _ = window_event_listener_untyped("visibilitychange", move |_| {
            if browser::is_visible() {
                look();
                store.connect_now();
            }
        });
        store
    }

    /// Notes the time. What was archived and muted may be back in the list once it is not muted any more.
    fn look_at_mutes(self) {
        let before = self.now.get_untracked();
        let now = Timestamp::from_millis(browser::now_ms());
        let has_ended = |roster: &Roster| roster::has_mute_ended(roster, before, now);
        if self.roster.with_untracked(has_ended) {
            self.load();
        }
        self.now.set(now);
    }

    /// Takes the mark of a conversation away that was marked as unread.
    pub(crate) fn clear_mark(self, chat: ChatId) {
        let is_marked = |roster: &Roster| Some(roster.get(&chat)?.settings.is_marked_unread);
        if self.roster.with_untracked(is_marked) == Some(true) {
            let setting = ChatSetting::MarkedUnread(false);
            leptos::task::spawn_local(async move {
                // If it fails, the mark stays, as it does on the other devices.
                let _ = link::call(Request::SetChat { chat, setting }).await;
            });
        }
    }

    /// Ends the wait between two attempts to connect.
    pub(crate) fn connect_now(self) {
        // An attempt that is under way may fail, and ends its wait at once then.
        if let Some(Connection::Waiting { .. } | Connection::Connecting) = self.connection.get_untracked() {
            leptos::task::spawn_local(async {
                let _ = link::call(Request::ConnectNow).await;
            });
        }
    }

    /// What the app can do at all.
    pub(crate) fn stage(self) -> Stage {
        self.stage.get()
    }

    /// Who is signed in, or was.
    pub(crate) fn me(self) -> Option<Me> {
        self.me.get()
    }

    /// Whether this browser remembers an account that the worker has not reported yet.
    pub(crate) fn remembers_account(self) -> bool {
        self.is_missed.get()
    }

    /// Asks for the recovery code, if the user has not saved it yet.
    pub(crate) fn ask_for_unsaved_code(self) {
        leptos::task::spawn_local(async move {
            if let Ok(Answer::RecoveryCode(code)) = link::call(Request::UnsavedCode).await
                && self.sign_up_step.get_untracked() == SignUpStep::None
            {
                self.sign_up_step.set(SignUpStep::Code { code, is_new: false });
            }
        });
    }

    /// Remembers outside of the database whether there is an account, to notice when the database is lost.
    pub(crate) fn remember_account(self, is_here: bool) {
        browser::keep(ACCOUNT, is_here.then_some("1"));
        self.is_missed.set(false);
    }

    /// The connection to the server.
    pub(crate) fn connection(self) -> Option<Connection> {
        self.connection.get()
    }

    /// Unread messages.
    pub(crate) fn unread(self) -> u64 {
        self.unread.get()
    }

    fn ask_state(self) {
        leptos::task::spawn_local(async move {
            if let Ok(Answer::State(state)) = link::call(Request::State).await {
                self.put_state(*state);
            }
        });
    }

    /// Loads the conversations.
    pub(crate) fn load(self) {
        leptos::task::spawn_local(async move {
            if let Ok(Answer::Conversations(all)) = link::call(Request::Conversations).await {
                self.roster
                    .set(all.into_iter().map(|one| (one.id, one.into())).collect());
                self.loaded.set(true);
            }
            if let Ok(Answer::Contacts(blocked)) = link::call(Request::BlockedPeople).await {
                self.blocked.set(blocked);
            }
        });
    }

    /// Forgets everything about the account that was signed in.
    pub(crate) fn clear(self) {
        self.roster.set(Roster::new());
        self.loaded.set(false);
        self.blocked.set(Vec::new());
        self.sign_up_step.set(SignUpStep::None);
        self.left_at.set_value(HashMap::new());
        self.close();
        self.warnings.set(Vec::new());
        self.storage_low.set(false);
    }

    /// The user has seen a warning.
    pub(crate) fn dismiss(self, number: u64) {
        self.warnings
            .update(|warnings| warnings.retain(|(other, _)| *other != number));
    }
}

/// The state of the page.
pub(crate) fn use_store() -> Store {
    expect_context()
}

fn stage_of(state: Option<&State>) -> Stage {
    match state.map(|state| &state.phase) {
        None | Some(Phase::Starting) => Stage::Starting,
        Some(Phase::SignedOut) => Stage::SignedOut,
        Some(Phase::SignedIn(_)) => Stage::SignedIn,
        Some(Phase::Revoked(_)) => Stage::Revoked,
        Some(Phase::Unsupported { .. }) => Stage::Unsupported,
        Some(Phase::Evicted) => Stage::Evicted,
        Some(Phase::Broken { .. }) => Stage::Broken,
    }
}

fn me_of(state: Option<&State>) -> Option<Me> {
    match &state?.phase {
        Phase::SignedIn(me) | Phase::Revoked(me) => Some(me.clone()),
        _ => None,
    }
}
