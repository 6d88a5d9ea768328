//! What can be chosen for a conversation in the list: its menu, and what follows from a choice.

use std::sync::Arc;

use leptos::{
    ev::{KeyboardEvent, MouseEvent},
    prelude::*,
    task::spawn_local,
};
use subrosa_web_rpc::{ChatId, ChatSetting, Conversation, Mute, Request};
use wasm_bindgen::JsCast as _;
use web_sys::{Element, HtmlElement};

use super::{blocking::Blocking, deletion::Deletion, mute::lengths};
use crate::{
    browser,
    components::{
        failure, icon,
        menu::{self, Menu, danger_item, item},
    },
    i18n::{now, t},
    link,
    model::{faces, roster::Roster},
    reactive::{memo, text},
    store::{Store, use_store},
};

/// The id of the menu: the button of each conversation names it.
pub(super) const MENU: &str = "chat-menu";
const MUTE_MENU: &str = "chat-mute-menu";
/// The conversations of the list.
const ROWS: &str = "[data-testid=chat-item]";

/// The menu of the list, for all of its conversations.
#[derive(Clone, Copy)]
pub(super) struct ChatMenu {
    store: Store,
    /// The conversation whose menu was opened last, as it was then: the menu does not change while it is open.
    of: RwSignal<Option<Arc<Conversation>>>,
    is_open: RwSignal<bool>,
    is_mute_open: RwSignal<bool>,
    /// What went wrong.
    error: RwSignal<Option<String>>,
}

impl ChatMenu {
    /// One menu for the component that calls it and for all in it.
    pub(super) fn provide(error: RwSignal<Option<String>>) -> Self {
        let menu = Self {
            store: use_store(),
            of: RwSignal::new(None),
            is_open: RwSignal::new(false),
            is_mute_open: RwSignal::new(false),
            error,
        };
        provide_context(menu);
        menu
    }

    /// Whether the menu of this conversation is open.
    pub(super) fn is_open_of(self, chat: ChatId) -> bool {
        (self.is_open.get() || self.is_mute_open.get())
            && self.of.with(|of| of.as_ref().is_some_and(|of| of.id == chat))
    }

    /// Its button was pressed, which opens it.
    pub(super) fn pressed(self, event: &MouseEvent, chat: ChatId) {
        self.take(chat);
        menu::place(event, MENU);
    }

    /// The browser's own menu was wanted.
    pub(super) fn context_wanted(self, event: &MouseEvent, chat: ChatId) {
        let row = event.current_target().and_then(row_in);
        let Some(row) = row.filter(|_| !browser::is_touch() && self.has_entries(chat)) else {
            return;
        };
        event.prevent_default();
        // The focus returns there.
        let _ = row.focus();
        // 2: by the pointer, and not by a key.
        if event.button() == 2 {
            menu::open_at_pointer(event, MENU, move || self.take(chat));
        } else {
            self.take(chat);
            menu::open_at(&row, MENU);
        }
    }

    /// A key was pressed in the row of a conversation.
    pub(super) fn keyed(self, event: &KeyboardEvent, chat: ChatId) {
        let is_wanted = event.key() == "ContextMenu" || (event.key() == "F10" && event.shift_key());
        let is_wanted = is_wanted && self.has_entries(chat);
        if let Some(row) = event.current_target().and_then(row_in).filter(|_| is_wanted) {
            event.prevent_default();
            self.take(chat);
            menu::open_at(&row, MENU);
        }
    }

    /// Whether there is a menu: what is not decided about has its choices where it is open.
    fn has_entries(self, chat: ChatId) -> bool {
        let is_request = |roster: &Roster| roster.get(&chat).is_some_and(|chat| chat.is_request);
        !self.store.roster.with_untracked(is_request)
    }

    fn take(self, chat: ChatId) {
        self.error.set(None);
        self.of.set(
            self.store
                .roster
                .with_untracked(|roster| roster.get(&chat).cloned()),
        );
    }

    /// Changes something about the conversation. The focus stays in the list, even if the row moves or goes.
    fn ask(self, chat: ChatId, request: Request) {
        let place = rows().iter().position(|row| is_of(row, chat)).unwrap_or_default();
        spawn_local(async move {
            match link::call(request).await {
                Ok(_) => {
                    request_animation_frame(move || focus_row(chat, place));
                }
                Err(failure) => {
                    self.error.try_set(Some(failure::words(&failure)));
                }
            }
        });
    }

    fn set(self, chat: ChatId, setting: ChatSetting) {
        self.ask(chat, Request::SetChat { chat, setting });
    }
}

/// The link in the row of a conversation.
fn row_in(row: web_sys::EventTarget) -> Option<HtmlElement> {
    let row: Element = row.dyn_into().ok()?;
    browser::all_in(&row, ROWS).into_iter().next()
}

fn rows() -> Vec<HtmlElement> {
    let root = browser::document().document_element();
    root.map(|root| browser::all_in(&root, ROWS)).unwrap_or_default()
}

fn is_of(row: &HtmlElement, chat: ChatId) -> bool {
    row.get_attribute("data-chat") == Some(chat.get().to_string())
}

/// If nothing has the focus any more: gives it to a conversation, or to what is in its place.
fn focus_row(chat: ChatId, place: usize) {
    let focused = browser::document().active_element();
    if focused.is_some_and(|focused| focused.tag_name() != "BODY") {
        return;
    }
    let rows = rows();
    let in_place = || rows.get(place).or_else(|| rows.last());
    if let Some(row) = rows.iter().find(|row| is_of(row, chat)).or_else(in_place) {
        let _ = row.focus();
    } else {
        browser::focus("[data-testid=archived]");
    }
}

/// The menu of the conversation for which it was opened, and the choice for how long it is muted.
#[component]
pub(super) fn ChatMenus() -> impl IntoView {
    let menu = expect_context::<ChatMenu>();
    let blocking = expect_context::<Blocking>();
    let deletion = expect_context::<Deletion>();
    let ChatMenu {
        store,
        of,
        is_open,
        is_mute_open,
        ..
    } = menu;
    let name = memo!(move || of.with(|of| of.as_deref().map(faces::name_of).unwrap_or_default()));
    let entries = move || {
        let of = of.get()?;
        let (chat, settings) = (of.id, of.settings);
        let pin = if settings.is_pinned {
            item("chat-unpin", icon::PIN, t!("unpin"), move || {
                menu.set(chat, ChatSetting::Pinned(false));
            })
        } else {
            item("chat-pin", icon::PIN, t!("pin"), move || {
                menu.set(chat, ChatSetting::Pinned(true));
            })
        };
        let mark = if of.unread > 0 || settings.is_marked_unread {
            item("chat-mark-read", icon::CHECK, t!("mark-read"), move || {
                menu.ask(chat, Request::MarkRead(chat));
            })
        } else {
            item("chat-mark-unread", icon::UNREAD, t!("mark-unread"), move || {
                menu.set(chat, ChatSetting::MarkedUnread(true));
            })
        };
        let mute = if settings.mute.is_on(store.now.get_untracked()) {
            item("chat-unmute", icon::BELL, t!("unmute"), move || {
                menu.set(chat, ChatSetting::Mute(Mute::Off));
            })
        } else {
            item("chat-mute", icon::BELL_OFF, t!("mute-choose"), || {
                menu::open_instead(MENU, MUTE_MENU);
            })
        };
        let archive = if settings.is_archived {
            item("chat-unarchive", icon::UNARCHIVE, t!("unarchive"), move || {
                menu.set(chat, ChatSetting::Archived(false));
            })
        } else {
            item("chat-archive", icon::ARCHIVE, t!("archive"), move || {
                menu.set(chat, ChatSetting::Archived(true));
            })
        };
        let block = of.with.clone().map(|with| {
            let account = with.account_id;
            if with.is_blocked {
                item("chat-unblock", icon::BAN, t!("unblock"), move || {
                    let is_blocked = false;
                    menu.ask(chat, Request::Block { account, is_blocked });
                })
            } else {
                danger_item("chat-block", icon::BAN, t!("block-choose"), move || {
                    blocking.ask(with.clone());
                })
            }
        });
        let delete = danger_item("chat-delete", icon::TRASH, t!("delete-chat-choose"), move || {
            deletion.ask(Arc::clone(&of));
        });
        Some((pin, mark, mute, archive, block, delete))
    };
    let muted = Callback::new(move |mute| {
        if let Some(chat) = of.with_untracked(|of| of.as_ref().map(|of| of.id)) {
            menu.set(chat, ChatSetting::Mute(mute));
        }
    });
    view! {
        <Menu id=MENU label=text!(now!("chat-menu", name = name.get())) is_open>{entries}</Menu>
        <Menu id=MUTE_MENU label=text!(now!("mute-menu", name = name.get())) is_open=is_mute_open>{lengths(muted)}</Menu>
    }
}
