//! A page whose worker is played by the test: for what only a server that lies, or a long history, leads to.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use subrosa_e2e::{
    PATIENCE, Server,
    browser::{Browser, Kind, Profile, Tab},
};
use subrosa_web_rpc::{
    Answer, Audience, Call, ChatSettings, Connection, Contact, Conversation, ConversationKind,
    ConversationState, Event, Failure, FailureKind, Me, Phase, Presence, Privacy, Request, Role, State,
    ToPage, decode, encode,
};
use subrosa_wire::{AccountId, DeviceId, Timestamp};

/// In place of the worker: keeps what the page posts until the test takes it.
const SCRIPTED: &str = "if (globalThis.document) {
    globalThis.posted = [];
    globalThis.Worker = class {
        constructor() { globalThis.scripted = this; }
        postMessage(buffer) { posted.push(btoa(String.fromCharCode(...new Uint8Array(buffer)))); }
        terminate() {}
    };
}";

/// Until the page has been drawn.
pub(crate) const FRAMES: &str =
    "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))";

/// Between two looks at what the page has posted.
const PAUSE: Duration = Duration::from_millis(20);

/// A page and what its worker answers.
pub(crate) struct ScriptedPage {
    pub(crate) tab: Tab,
    pub(crate) state: State,
    pub(crate) conversation: Conversation,
    /// The answers to what is not about state and conversations, by what a request must be like.
    pub(crate) answers: fn(&Request) -> Option<Answer>,
    /// What the page has asked and [`Self::wait_asked`] has not taken.
    asked: Mutex<Vec<Request>>,
    _browser: Browser,
    _profile: Profile,
    _server: Server,
}

impl ScriptedPage {
    /// Alice's page; she has a conversation with Bob. In Firefox a page cannot use what a prelude puts in the place of
    /// `Worker`.
    pub(crate) async fn open(path: &str, answers: fn(&Request) -> Option<Answer>) -> Self {
        let server = Server::start().await;
        let mut profile = Profile::new(Kind::Chromium);
        SCRIPTED.clone_into(&mut profile.prelude);
        let browser = profile.start().await;
        let tab = browser.open(&format!("{}{path}", server.url())).await;
        tab.until("globalThis.scripted?.onmessage").await;
        let page = Self {
            tab,
            state: state(),
            conversation: conversation(),
            answers,
            asked: Mutex::new(Vec::new()),
            _browser: browser,
            _profile: profile,
            _server: server,
        };
        page.post(&ToPage::Ready { life: None }).await;
        page
    }

    /// The worker reports something.
    pub(crate) async fn report(&self, event: Event) {
        self.post(&ToPage::Event(event)).await;
    }

    /// Answers the page until it shows this.
    pub(crate) async fn wait_for(&self, what: &str) {
        let answering = async {
            while self.answer_all().await || self.tab.count(what).await == 0 {
                tokio::time::sleep(PAUSE).await;
            }
        };
        let result = tokio::time::timeout(PATIENCE, answering).await;
        assert!(result.is_ok(), "the page does not show {what}");
        // What is in a dialog is shown a moment after it is there.
        self.tab.wait_for(what).await;
    }

    /// All that the page has asked since the last time, if this is among it.
    fn asked_with(&self, wanted: &Request) -> Option<Vec<Request>> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.contains(wanted).then(|| std::mem::take(&mut *asked))
    }

    /// Answers the page until it has asked this. Returns all that it has asked since the last time.
    pub(crate) async fn wait_asked(&self, wanted: &Request) -> Vec<Request> {
        let answering = async {
            loop {
                let asks = self.answer_all().await;
                if let Some(asked) = self.asked_with(wanted) {
                    return asked;
                }
                if !asks {
                    tokio::time::sleep(PAUSE).await;
                }
            }
        };
        let asked = tokio::time::timeout(PATIENCE, answering).await;
        asked.unwrap_or_else(|_| panic!("the page does not ask {wanted:?}"))
    }

    /// Answers what the page has asked; whether it has asked anything.
    async fn answer_all(&self) -> bool {
        let posted = self.tab.evaluate("posted.splice(0)").await;
        let posted = posted.as_array().unwrap();
        for call in posted {
            let bytes = BASE64_STANDARD.decode(call.as_str().unwrap()).unwrap();
            let Call { id, request } = decode(&bytes).unwrap();
            let result = self.answer(&request);
            self.asked
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(request);
            self.post(&ToPage::Answer { id, result }).await;
        }
        !posted.is_empty()
    }

    fn answer(&self, request: &Request) -> Result<Answer, Failure> {
        if let Some(answer) = (self.answers)(request) {
            return Ok(answer);
        }
        match request {
            Request::State => Ok(Answer::State(Box::new(self.state.clone()))),
            Request::Conversations => Ok(Answer::Conversations(vec![self.conversation.clone()])),
            Request::Conversation(_) | Request::OpenChat(_) => {
                Ok(Answer::Conversation(Some(Box::new(self.conversation.clone()))))
            }
            Request::Messages { .. } => Ok(Answer::Messages {
                messages: Vec::new(),
                has_older: false,
                has_newer: false,
                notices: Vec::new(),
            }),
            Request::MarkRead(_)
            | Request::KeepDraft { .. }
            | Request::SetChat { .. }
            | Request::SetTyping { .. }
            | Request::SetHere(_)
            | Request::UnsavedCode => Ok(Answer::Done),
            _ => Err(Failure::new(
                FailureKind::Unreachable,
                "the test does not answer this",
            )),
        }
    }

    async fn post(&self, message: &ToPage) {
        let bytes = BASE64_STANDARD.encode(encode(message));
        let post = format!(
            "void scripted.onmessage({{ data: Uint8Array.from(atob('{bytes}'), (letter) => letter.charCodeAt(0)).buffer }})"
        );
        self.tab.evaluate(&post).await;
    }
}

pub(crate) fn bob() -> Contact {
    Contact {
        account_id: AccountId::from_bytes([0xb0; 16]),
        handle: Some("bob".parse().unwrap()),
        former_handle: None,
        name: Some("Bob Okafor".to_owned()),
        picture: None,
        nickname: None,
        is_blocked: false,
    }
}

/// Noon of a day that is long over, so that pictures do not change with the day.
pub(crate) fn noon() -> Timestamp {
    Timestamp::from_millis(1_764_072_000_000)
}

pub(crate) fn conversation() -> Conversation {
    Conversation {
        id: subrosa_web_rpc::ChatId::new(1),
        kind: ConversationKind::Direct,
        title: None,
        description: None,
        picture: None,
        with: Some(bob()),
        role: Role::Member,
        members: Vec::new(),
        former_members: Vec::new(),
        wishes: Vec::new(),
        presence: Presence::Unknown,
        typing: Vec::new(),
        unread: 0,
        first_unread: None,
        last_message: None,
        active_at: noon(),
        state: ConversationState::Joined,
        quarantine: None,
        hidden: false,
        is_request: false,
        added_by: None,
        settings: ChatSettings::default(),
        draft: None,
        timer: None,
    }
}

fn state() -> State {
    State {
        phase: Phase::SignedIn(Me {
            account_id: AccountId::from_bytes([0xa1; 16]),
            handle: "alice".parse().unwrap(),
            name: Some("Alice Lindqvist".to_owned()),
            picture: None,
            device_id: DeviceId::from_bytes([1; 16]),
            privacy: Privacy {
                read_receipts: true,
                typing: true,
                last_seen: true,
                writers: Audience::Known,
                adders: Audience::Known,
            },
        }),
        connection: Connection::Online,
        caught_up: true,
        refusal: None,
        unsent: 0,
        storage_full: false,
        clock_difference_ms: None,
    }
}
