//! The state of the terminal interface: what is shown, but not how.

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
    pub attention: Attention,
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
    pub quit: bool,
}

/// Whether the user is looking at the app.
#[derive(Debug)]
pub(super) struct Attention {
    /// Whether the terminal's window has the focus, as far as the terminal reports it.
    pub in_front: bool,
    /// Whether no key was pressed for a while.
    pub is_idle: bool,
    /// Whether the user was last reported to be here.
    pub is_here: bool,
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
    /// The draft as it is stored, with what a terminal does not show. What was typed since differs from it.
    pub stored: String,
    /// Whether the user was last reported to be typing here.
    pub is_typing: bool,
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
            attention: Attention {
                in_front: true,
                is_idle: false,
                is_here: true,
            },
            status: Status::default(),
            names: Names::default(),
            chats: Vec::new(),
            selected: None,
            thread: None,
            focus: Focus::Chats,
            overlay: None,
            notice: None,
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

    /// The chat that is open.
    pub(super) fn open_chat(&self) -> Option<&Conversation> {
        self.chat(self.thread.as_ref()?.chat)
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

    /// Unread messages in chats other than the open one, without those that are muted.
    pub(super) fn unread_elsewhere(&self) -> u64 {
        let open = self.thread.as_ref().map(|thread| thread.chat);
        self.chats
            .iter()
            .filter(|chat| Some(chat.id) != open && !chat.settings.mute.is_on(self.now))
            .map(|chat| chat.unread)
            .sum()
    }

    /// Opens a chat with its draft. What was typed in the one that was open is to be kept before; see [`Self::draft_to_keep`].
    pub(super) fn open(&mut self, chat: ChatId) {
        let stored = self.chat(chat).and_then(|chat| chat.draft.clone());
        let stored = stored.unwrap_or_default();
        let composer = Composer::with(&stored);
        let unread = self.chat(chat).map_or(0, |chat| chat.unread);
        let unread = u32::try_from(unread).unwrap_or(u32::MAX);
        self.thread = Some(Thread {
            chat,
            messages: Vec::new(),
            notices: Vec::new(),
            wanted: unread.saturating_add(PAGE).min(THREAD_MESSAGES_MAX),
            is_loaded: false,
            stored,
            composer,
            is_typing: false,
            scroll: Scroll::Newest,
            selected: None,
            new_from: None,
        });
        self.selected = Some(chat);
        self.focus = Focus::Composer;
    }

    /// Whether something was typed that is not kept.
    pub(super) fn is_draft_unkept(&self) -> bool {
        self.thread.as_ref().is_some_and(Thread::has_typed)
    }

    /// What was typed, if it differs from the draft, with its chat and that draft. It counts as kept from here on.
    pub(super) fn draft_to_keep(&mut self) -> Option<(ChatId, String, String)> {
        let thread = self.thread.as_mut()?;
        if !thread.has_typed() {
            return None;
        }
        let text = thread.composer.text().to_owned();
        let shown = std::mem::replace(&mut thread.stored, text.clone());
        let chat = thread.chat;
        self.set_draft(chat, &text);
        Some((chat, text, shown))
    }

    /// Notes that what was typed is not kept after all.
    pub(super) fn draft_not_kept(&mut self, chat: ChatId, shown: String) {
        self.set_draft(chat, &shown);
        if let Some(thread) = self.thread.as_mut().filter(|thread| thread.chat == chat) {
            thread.stored = shown;
        }
    }

    /// Shows the draft of the open chat as another device has left it, unless something was typed here since.
    pub(super) fn show_draft(&mut self) {
        let Some(open) = self.thread.as_ref().map(|thread| thread.chat) else {
            return;
        };
        let Some(chat) = self.chat(open) else { return };
        let stored = chat.draft.clone().unwrap_or_default();
        if let Some(thread) = &mut self.thread
            && !thread.has_typed()
            && thread.stored != stored
        {
            thread.composer = Composer::with(&stored);
            thread.stored = stored;
        }
    }

    /// Puts a text that was not sent in front of what has been typed since. Returns the draft of its chat, and what it was
    /// before, if that is not open.
    pub(super) fn give_back(&mut self, chat: ChatId, text: &str) -> Option<(String, String)> {
        let in_front_of = |since: &str| {
            if since.is_empty() {
                text.to_owned()
            } else {
                format!("{text}\n{since}")
            }
        };
        if let Some(thread) = self.thread.as_mut().filter(|thread| thread.chat == chat) {
            thread.composer = Composer::with(&in_front_of(thread.composer.text()));
            return None;
        }
        let shown = self.chat(chat).and_then(|chat| chat.draft.clone());
        let shown = shown.unwrap_or_default();
        let draft = in_front_of(&shown);
        self.set_draft(chat, &draft);
        Some((draft, shown))
    }

    fn set_draft(&mut self, chat: ChatId, text: &str) {
        if let Some(chat) = self.chats.iter_mut().find(|found| found.id == chat) {
            chat.draft = (!text.is_empty()).then(|| text.to_owned());
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
    /// Whether something was typed since the draft was stored.
    fn has_typed(&self) -> bool {
        self.composer.text() != Composer::clean(&self.stored)
    }

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
