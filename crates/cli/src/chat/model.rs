//! The state of the terminal interface: what is shown, but not how.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use subrosa_client::{
    ChatId, Connection, Conversation, Handle, LocalMessageId, Me, Message, MessageStatus, Notice, Person,
    Status, Timestamp,
};

use super::composer::Composer;
use crate::people::Names;

/// How many messages a thread loads at once.
pub(super) const PAGE: u32 = 100;
/// The most messages in a thread; `subrosa history` shows more.
pub(super) const THREAD_MESSAGES_MAX: u32 = 5_000;
/// The most drafts that are kept of chats that are not open.
const DRAFTS_MAX: usize = 1_000;

/// Everything that is shown.
#[derive(Debug)]
pub(super) struct Model {
    pub me: Me,
    pub zone: TimeZone,
    /// When the screen is drawn.
    pub now: Timestamp,
    /// Columns and rows of the terminal.
    pub width: u16,
    pub height: u16,
    /// Whether the terminal's window has the focus, as far as the terminal reports it.
    pub in_front: bool,
    pub status: Status,
    pub names: Names,
    /// The newest first.
    pub chats: Vec<Conversation>,
    /// The chat under the cursor in the list.
    pub selected: Option<ChatId>,
    pub thread: Option<Thread>,
    pub focus: Focus,
    pub overlay: Option<Overlay>,
    /// A notice that is shown until the next key.
    pub notice: Option<String>,
    drafts: HashMap<ChatId, Composer>,
    pub quit: bool,
}

/// Where keys go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Focus {
    Chats,
    Messages,
    Composer,
}

/// What is shown on top of the rest.
#[derive(Debug)]
pub(super) enum Overlay {
    Search(Search),
    /// The help, scrolled down by this many rows.
    Help(usize),
}

/// The search for people.
#[derive(Debug, Default)]
pub(super) struct Search {
    pub field: Composer,
    /// What the server found, and the text that it was searched for.
    pub found: Option<(String, Result<Vec<Person>, String>)>,
    pub selected: usize,
    /// Chats whose name matches the text.
    pub chats: Vec<ChatId>,
}

/// A search result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hit {
    Chat(ChatId),
    Person(Handle),
}

/// The open chat.
#[derive(Debug)]
pub(super) struct Thread {
    pub chat: ChatId,
    /// In ascending order of position.
    pub messages: Vec<Message>,
    /// The lines between them, in ascending order of position.
    pub notices: Vec<Notice>,
    /// How many messages were requested.
    pub wanted: u32,
    /// Whether the messages have been loaded once.
    pub is_loaded: bool,
    pub composer: Composer,
    pub scroll: Scroll,
    /// The message under the cursor, while the focus is on the messages.
    pub selected: Option<LocalMessageId>,
    /// The position of the first message that was unread when the chat was opened, or that arrived out of view.
    pub new_from: Option<i64>,
}

/// Which part of the messages is visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scroll {
    /// The newest, and the view follows as messages come.
    Newest,
    /// The top row is this row of the message at this position, and stays so as messages come.
    At { position: i64, row: usize },
}

impl Model {
    pub(super) fn new(me: Me, zone: TimeZone, width: u16, height: u16) -> Self {
        Self {
            me,
            zone,
            now: Timestamp::from_millis(0),
            width,
            height,
            in_front: true,
            status: Status::default(),
            names: Names::default(),
            chats: Vec::new(),
            selected: None,
            thread: None,
            focus: Focus::Chats,
            overlay: None,
            notice: None,
            drafts: HashMap::new(),
            quit: false,
        }
    }

    /// The chat under the cursor in the list.
    pub(super) fn selected_index(&self) -> Option<usize> {
        self.chats.iter().position(|chat| Some(chat.id) == self.selected)
    }

    pub(super) fn chat(&self, id: ChatId) -> Option<&Conversation> {
        self.chats.iter().find(|chat| chat.id == id)
    }

    /// What a chat is called.
    pub(super) fn title(&self, id: ChatId) -> String {
        self.chat(id)
            .map_or_else(|| "…".to_owned(), |chat| self.names.title(chat))
    }

    /// The chat of a message that is shown, in the open chat or as the newest of another.
    pub(super) fn chat_of(&self, message: LocalMessageId) -> Option<ChatId> {
        let open = self.thread.iter().flat_map(|thread| &thread.messages);
        let newest = self.chats.iter().filter_map(|chat| chat.last_message.as_ref());
        open.chain(newest)
            .find(|shown| shown.id == message)
            .map(|shown| shown.chat)
    }

    /// Unread messages in chats other than the open one.
    pub(super) fn unread_elsewhere(&self) -> u64 {
        let open = self.thread.as_ref().map(|thread| thread.chat);
        self.chats
            .iter()
            .filter(|chat| Some(chat.id) != open)
            .map(|chat| chat.unread)
            .sum()
    }

    /// Opens a chat, and stores the draft of the one that was open.
    pub(super) fn open(&mut self, chat: ChatId) {
        self.close_thread();
        let unread = self.chat(chat).map_or(0, |chat| chat.unread);
        let unread = u32::try_from(unread).unwrap_or(u32::MAX);
        self.thread = Some(Thread {
            chat,
            messages: Vec::new(),
            notices: Vec::new(),
            wanted: unread.saturating_add(PAGE).min(THREAD_MESSAGES_MAX),
            is_loaded: false,
            composer: self.drafts.remove(&chat).unwrap_or_default(),
            scroll: Scroll::Newest,
            selected: None,
            new_from: None,
        });
        self.selected = Some(chat);
        self.focus = Focus::Composer;
    }

    fn close_thread(&mut self) {
        if let Some(thread) = self.thread.take()
            && !thread.composer.is_empty()
            && self.drafts.len() < DRAFTS_MAX
        {
            self.drafts.insert(thread.chat, thread.composer);
        }
    }

    /// Puts a text that was not sent in front of what has been typed since.
    pub(super) fn give_back(&mut self, chat: ChatId, text: &str) {
        let composer = match &mut self.thread {
            Some(thread) if thread.chat == chat => &mut thread.composer,
            _ => self.drafts.entry(chat).or_default(),
        };
        let since = composer.take();
        composer.insert(text);
        if !since.is_empty() {
            composer.insert("\n");
            composer.insert(&since);
        }
    }

    /// The results of the search: chats first, then people without one.
    pub(super) fn hits(&self) -> Vec<Hit> {
        let Some(Overlay::Search(search)) = &self.overlay else {
            return Vec::new();
        };
        let mut hits: Vec<_> = search.chats.iter().copied().map(Hit::Chat).collect();
        if let Some((_, Ok(people))) = &search.found {
            let has_chat = |person: &Person| {
                self.chats
                    .iter()
                    .filter_map(|chat| chat.with.as_ref())
                    .any(|with| with.account_id == person.account_id)
            };
            let others = people
                .iter()
                .filter(|person| person.account_id != self.me.account_id && !has_chat(person));
            hits.extend(others.map(|person| Hit::Person(person.handle.clone())));
        }
        hits
    }
}

impl Thread {
    /// Whether there may be older messages than the loaded ones.
    pub(super) fn has_older(&self) -> bool {
        self.is_loaded
            && u32::try_from(self.messages.len()).is_ok_and(|loaded| loaded >= self.wanted)
            && self.wanted < THREAD_MESSAGES_MAX
    }

    pub(super) fn has_unread(&self) -> bool {
        self.messages
            .iter()
            .any(|message| message.status == MessageStatus::Unread)
    }

    pub(super) fn selected_index(&self) -> Option<usize> {
        self.messages
            .iter()
            .position(|message| Some(message.id) == self.selected)
    }

    pub(super) fn selected_message(&self) -> Option<&Message> {
        self.selected_index().and_then(|index| self.messages.get(index))
    }
}

impl Search {
    /// The text of the field as the start of a handle.
    pub(super) fn query(&self) -> String {
        self.field.text().trim().trim_start_matches('@').to_lowercase()
    }
}

/// The state of the connection in words.
pub(super) fn connection_text(status: &Status) -> String {
    let state = match &status.connection {
        _ if status.storage_full => "THE DISK IS FULL: nothing new can be stored".to_owned(),
        Connection::Connecting => "connecting…".to_owned(),
        Connection::Online if !status.caught_up => match &status.refusal {
            Some(refusal) => format!("cannot fetch messages ({})", refusal.title),
            None => "fetching messages…".to_owned(),
        },
        Connection::Online => "connected".to_owned(),
        Connection::Waiting { reason, .. } => format!("offline, trying again ({reason})"),
        Connection::SignedOut { reason } => format!("SIGNED OUT ({reason})"),
        Connection::Incompatible { reason, .. } => format!("CANNOT CONNECT ({reason})"),
        _ => "not connected".to_owned(),
    };
    match status.unsent {
        0 => state,
        unsent => format!("{state}, {unsent} to send"),
    }
}
