//! Keys and pasted text.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use subrosa_client::{
    ChatId, Conversation, ConversationState, Handle, LocalMessageId, MessageStatus, folded,
};
use subrosa_wire::{fold::finds, limits::MESSAGE_TEXT_MAX};

use super::{
    super::{
        composer::Composer,
        geometry::{Geometry, transcript_rows},
        model::{Focus, Hit, Model, Overlay, PAGE, Scroll, Search, THREAD_MESSAGES_MAX, Thread},
        transcript::{RowKind, scroll_to, top},
        view::HELP_ROWS,
    },
    Effect, clamp_hit, keep_draft, open, reload, seen, typed,
};

/// How many rows a key scrolls the help by.
const HELP_STEP: usize = 5;

/// A key was pressed.
pub(super) fn key(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    if key.kind == KeyEventKind::Release {
        return Vec::new();
    }
    model.notice = None;
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match (key.code, control) {
        (KeyCode::Char('c' | 'q'), true) => model.quit = true,
        (KeyCode::Char('k'), true) => model.overlay = Some(Overlay::Search(Search::default())),
        (KeyCode::Char('r'), true) => return vec![Effect::RetryConnection],
        (KeyCode::Char('t'), true) => return try_again(model),
        (KeyCode::Char('x'), true) => return hide(model),
        (KeyCode::Char('n'), true) => return neighbour(model, 1),
        (KeyCode::Char('p'), true) => return neighbour(model, -1),
        (KeyCode::F(1), _) => {
            model.overlay = match model.overlay {
                Some(Overlay::Help(_)) => None,
                _ => Some(Overlay::Help(0)),
            };
        }
        _ => {
            return match (&model.overlay, model.focus) {
                (Some(Overlay::Search(_)), _) => search_key(model, key),
                (Some(Overlay::Help(row)), _) => {
                    model.overlay = help_key(*row, key);
                    Vec::new()
                }
                (None, Focus::Chats) => chats_key(model, key),
                (None, Focus::Messages) => messages_key(model, key),
                (None, Focus::Composer) => composer_key(model, key),
            };
        }
    }
    search_chats(model);
    Vec::new()
}

/// Scrolls the help; any other key closes it.
fn help_key(row: usize, key: KeyEvent) -> Option<Overlay> {
    let last = HELP_ROWS.saturating_sub(1);
    match key.code {
        KeyCode::Up | KeyCode::PageUp => Some(Overlay::Help(row.saturating_sub(HELP_STEP))),
        KeyCode::Down | KeyCode::PageDown => Some(Overlay::Help((row + HELP_STEP).min(last))),
        _ => None,
    }
}

/// Text was pasted.
pub(super) fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    model.notice = None;
    match &mut model.overlay {
        Some(Overlay::Search(search)) => {
            search.field.insert_line(text);
            return searched(model);
        }
        Some(Overlay::Help(_)) => model.overlay = None,
        None => {}
    }
    let mut is_too_long = false;
    if let Some(thread) = &mut model.thread {
        model.focus = Focus::Composer;
        is_too_long = !fits(&thread.composer, text);
        if !is_too_long {
            thread.composer.insert(text);
        }
    }
    if is_too_long {
        model.notice = Some(format!(
            "a message has at most {MESSAGE_TEXT_MAX} bytes: nothing was pasted"
        ));
        return Vec::new();
    }
    typed(model).into_iter().collect()
}

fn fits(composer: &Composer, more: &str) -> bool {
    composer.text().len() + Composer::clean(more).len() <= MESSAGE_TEXT_MAX
}

// ---- the list of chats ----

fn chats_key(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    match key.code {
        KeyCode::Up | KeyCode::Char('k') => select_chat(model, -1),
        KeyCode::Down | KeyCode::Char('j') => select_chat(model, 1),
        KeyCode::PageUp => select_chat(model, -10),
        KeyCode::PageDown => select_chat(model, 10),
        KeyCode::Home => select_chat(model, isize::MIN),
        KeyCode::End => select_chat(model, isize::MAX),
        KeyCode::Enter | KeyCode::Right | KeyCode::Char('l') => {
            if let Some(chat) = model.selected {
                return open(model, chat);
            }
        }
        KeyCode::Tab if model.thread.is_some() => {
            model.focus = Focus::Composer;
            return seen(model).into_iter().collect();
        }
        KeyCode::BackTab if model.thread.is_some() => enter_messages(model),
        KeyCode::Char('/') => model.overlay = Some(Overlay::Search(Search::default())),
        KeyCode::Char('?') => model.overlay = Some(Overlay::Help(0)),
        KeyCode::Char('q') => model.quit = true,
        _ => {}
    }
    search_chats(model);
    Vec::new()
}

fn select_chat(model: &mut Model, by: isize) {
    let last = model.chats.len().saturating_sub(1);
    let index = model
        .selected_index()
        .unwrap_or_default()
        .saturating_add_signed(by)
        .min(last);
    model.selected = model.chats.get(index).map(|chat| chat.id);
}

/// Opens the next or the previous chat in the list.
fn neighbour(model: &mut Model, by: isize) -> Vec<Effect> {
    model.overlay = None;
    select_chat(model, by);
    model.selected.map(|chat| open(model, chat)).unwrap_or_default()
}

// ---- the messages ----

fn messages_key(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    match key.code {
        KeyCode::Up | KeyCode::Char('k') => return select_message(model, -1),
        KeyCode::Down | KeyCode::Char('j') => return select_message(model, 1),
        KeyCode::PageUp => return scroll_page(model, Direction::Up),
        KeyCode::PageDown => return scroll_page(model, Direction::Down),
        KeyCode::Home | KeyCode::Char('g') => return select_message(model, isize::MIN),
        KeyCode::End | KeyCode::Char('G') => return select_message(model, isize::MAX),
        KeyCode::Char('r') => return on_failed(model, Effect::Retry),
        KeyCode::Char('d') => return on_failed(model, Effect::Discard),
        KeyCode::Enter | KeyCode::Tab | KeyCode::Char('i') => leave_messages(model, Focus::Composer),
        KeyCode::Esc | KeyCode::BackTab | KeyCode::Left => leave_messages(model, Focus::Chats),
        KeyCode::Char('/') => model.overlay = Some(Overlay::Search(Search::default())),
        KeyCode::Char('?') => model.overlay = Some(Overlay::Help(0)),
        _ => {}
    }
    search_chats(model);
    Vec::new()
}

fn enter_messages(model: &mut Model) {
    model.focus = Focus::Messages;
    if let Some(thread) = &mut model.thread {
        thread.selected = thread.messages.last().map(|message| message.id);
    }
}

fn leave_messages(model: &mut Model, focus: Focus) {
    model.focus = focus;
    if let Some(thread) = &mut model.thread {
        thread.selected = None;
    }
}

fn select_message(model: &mut Model, by: isize) -> Vec<Effect> {
    let Some(thread) = &mut model.thread else {
        return Vec::new();
    };
    let last = thread.messages.len().saturating_sub(1);
    let from = thread.selected_index().unwrap_or(last);
    let to = from.saturating_add_signed(by).min(last);
    thread.selected = thread.messages.get(to).map(|message| message.id);
    let wants_older = by < 0 && to == 0;
    show_selected(model);
    let older = if wants_older { load_older(model) } else { None };
    older.into_iter().chain(seen(model)).collect()
}

/// Scrolls so that the selected message and its header are visible.
fn show_selected(model: &mut Model) {
    let Some(thread) = &model.thread else { return };
    let Some(position) = thread.selected_message().map(|message| message.position) else {
        return;
    };
    let (rows, height) = transcript_rows(model, thread);
    let Some(first) = rows.iter().position(|row| row.position == position) else {
        return;
    };
    let last = rows
        .iter()
        .rposition(|row| row.position == position)
        .unwrap_or(first);
    // A message without a header of its own belongs to the one above it.
    let first = rows[..first]
        .iter()
        .rposition(|row| matches!(row.kind, RowKind::Header | RowKind::FailedHeader))
        .map_or(first, |header| {
            if rows[first].kind == RowKind::Text && first - header < height {
                header
            } else {
                first
            }
        });
    let seen_from = top(&rows, thread.scroll, height);
    let scroll = if first < seen_from || last >= seen_from + height && last - first >= height {
        scroll_to(&rows, first, height)
    } else if last >= seen_from + height {
        scroll_to(&rows, (last + 1).saturating_sub(height), height)
    } else {
        thread.scroll
    };
    if let Some(thread) = &mut model.thread {
        thread.scroll = scroll;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

fn scroll_page(model: &mut Model, direction: Direction) -> Vec<Effect> {
    let Some(thread) = &model.thread else {
        return Vec::new();
    };
    let (rows, height) = transcript_rows(model, thread);
    let from = top(&rows, thread.scroll, height);
    // One row stays, so that readers find their place again.
    let step = height.saturating_sub(1).max(1);
    let to = match direction {
        Direction::Up => from.saturating_sub(step),
        Direction::Down => from + step,
    };
    let scroll = scroll_to(&rows, to, height);
    let selected = thread.selected.and_then(|_| {
        let view = rows
            .get(to.min(rows.len().saturating_sub(height))..)
            .unwrap_or_default();
        let edge = match direction {
            Direction::Up => view.first(),
            Direction::Down => view.iter().take(height).next_back(),
        }?;
        thread
            .messages
            .iter()
            .find(|message| message.position == edge.position)
            .map(|message| message.id)
    });
    if let Some(thread) = &mut model.thread {
        thread.scroll = scroll;
        thread.selected = selected;
    }
    let older = if direction == Direction::Up && from == to.min(from) && to == 0 {
        load_older(model)
    } else {
        None
    };
    older.into_iter().chain(seen(model)).collect()
}

/// Requests older messages.
fn load_older(model: &mut Model) -> Option<Effect> {
    let thread = model.thread.as_mut().filter(|thread| thread.has_older())?;
    // The position is tied to a message: it must not be "the newest" while older ones are added at the top.
    if thread.scroll == Scroll::Newest
        && let Some(message) = thread.messages.first()
    {
        thread.scroll = Scroll::At {
            position: message.position,
            row: 0,
        };
    }
    thread.wanted = thread.wanted.saturating_add(PAGE).min(THREAD_MESSAGES_MAX);
    Some(reload(thread))
}

fn on_failed(model: &mut Model, effect: impl FnOnce(LocalMessageId) -> Effect) -> Vec<Effect> {
    let failed = model.thread.as_ref().and_then(Thread::selected_message);
    if let Some(message) = failed.filter(|message| message.status == MessageStatus::Failed) {
        return vec![effect(message.id)];
    }
    model.notice = Some("only a message that failed can be tried again or deleted".to_owned());
    Vec::new()
}

/// The chat that a key is about, and its state: the open one, or in the list the chosen one.
fn chat_at_hand(model: &Model) -> Option<(ChatId, ConversationState)> {
    let chat = match model.focus {
        Focus::Chats => model.selected,
        Focus::Messages | Focus::Composer => model.thread.as_ref().map(|thread| thread.chat),
    };
    model.chat(chat?).map(|chat| (chat.id, chat.state))
}

fn try_again(model: &mut Model) -> Vec<Effect> {
    if let Some((
        chat,
        ConversationState::Quarantined | ConversationState::CutOff | ConversationState::Blocked,
    )) = chat_at_hand(model)
    {
        return vec![Effect::TryAgain(chat)];
    }
    model.notice = Some("only a chat that is set aside, blocked or cut off can be tried again".to_owned());
    Vec::new()
}

fn hide(model: &mut Model) -> Vec<Effect> {
    if let Some((chat, ConversationState::Quarantined)) = chat_at_hand(model) {
        return vec![Effect::Hide(chat)];
    }
    model.notice = Some("only a chat that is set aside can be hidden".to_owned());
    Vec::new()
}

// ---- the composer ----

fn composer_key(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    let columns = Geometry::of(model).composer_columns();
    let Some(thread) = &mut model.thread else {
        model.focus = Focus::Chats;
        return Vec::new();
    };
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    let composer = &mut thread.composer;
    let bytes_before = composer.text().len();
    match key.code {
        KeyCode::Enter if alt || key.modifiers.contains(KeyModifiers::SHIFT) => composer.insert("\n"),
        KeyCode::Char('j') if control => composer.insert("\n"),
        KeyCode::Enter => return send(model),
        KeyCode::Tab => {
            model.focus = Focus::Chats;
            model.selected = Some(thread.chat);
        }
        KeyCode::BackTab => enter_messages(model),
        KeyCode::Esc => model.focus = Focus::Chats,
        KeyCode::PageUp => return scroll_page(model, Direction::Up),
        KeyCode::PageDown => return scroll_page(model, Direction::Down),
        KeyCode::End if control => {
            thread.scroll = Scroll::Newest;
            return seen(model).into_iter().collect();
        }
        KeyCode::Up => {
            if !composer.up(columns) {
                enter_messages(model);
            }
        }
        KeyCode::Down => {
            composer.down(columns);
        }
        _ => {
            if !edit(composer, key) {
                model.notice = Some(format!("a message has at most {MESSAGE_TEXT_MAX} bytes"));
            }
        }
    }
    // Whatever changes the text changes its length.
    let is_changed = |thread: &Thread| thread.composer.text().len() != bytes_before;
    if model.thread.as_ref().is_some_and(is_changed) {
        return typed(model).into_iter().collect();
    }
    Vec::new()
}

/// Handles the keys that edit a text. Returns whether what was typed did fit.
fn edit(field: &mut Composer, key: KeyEvent) -> bool {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    match key.code {
        KeyCode::Backspace if alt || control => field.delete_word(),
        KeyCode::Char('w' | 'h') if control => field.delete_word(),
        KeyCode::Char('u') if control => field.delete_to_start(),
        KeyCode::Char('a') if control => field.start_of_line(),
        KeyCode::Char('e') if control => field.end_of_line(),
        KeyCode::Backspace => field.backspace(),
        KeyCode::Delete => field.delete(),
        KeyCode::Left => field.left(),
        KeyCode::Right => field.right(),
        KeyCode::Home => field.start_of_line(),
        KeyCode::End => field.end_of_line(),
        KeyCode::Char(character) if !control => {
            let typed = character.to_string();
            if !fits(field, &typed) {
                return false;
            }
            field.insert(&typed);
        }
        _ => {}
    }
    true
}

fn send(model: &mut Model) -> Vec<Effect> {
    let Some(thread) = &mut model.thread else {
        return Vec::new();
    };
    if thread.composer.text().trim().is_empty() {
        return Vec::new();
    }
    thread.scroll = Scroll::Newest;
    thread.new_from = None;
    // Whoever gets the message knows that the typing is over.
    thread.is_typing = false;
    let send = Effect::Send {
        chat: thread.chat,
        text: thread.composer.take(),
    };
    [send].into_iter().chain(keep_draft(model)).collect()
}

// ---- the search ----

fn search_key(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    let hits = model.hits();
    let Some(Overlay::Search(search)) = &mut model.overlay else {
        return Vec::new();
    };
    match key.code {
        KeyCode::Esc => model.overlay = None,
        KeyCode::Up | KeyCode::BackTab => search.selected = search.selected.saturating_sub(1),
        KeyCode::Down | KeyCode::Tab => {
            search.selected = (search.selected + 1).min(hits.len().saturating_sub(1));
        }
        KeyCode::Enter => {
            return match hits.get(search.selected) {
                Some(Hit::Chat(chat)) => {
                    let chat = *chat;
                    model.overlay = None;
                    open(model, chat)
                }
                Some(Hit::Person(handle)) => vec![Effect::OpenChat(handle.clone())],
                // The search has not answered yet: take the handle as it was typed.
                None => match search.query().parse::<Handle>() {
                    Ok(handle) => vec![Effect::OpenChat(handle)],
                    Err(error) => {
                        model.notice = Some(error.to_string());
                        Vec::new()
                    }
                },
            };
        }
        _ => {
            edit(&mut search.field, key);
            return searched(model);
        }
    }
    Vec::new()
}

/// The text of the search may have changed.
fn searched(model: &mut Model) -> Vec<Effect> {
    search_chats(model);
    let Some(Overlay::Search(search)) = &mut model.overlay else {
        return Vec::new();
    };
    let query = search.query();
    if search.found.as_ref().is_some_and(|(of, _)| *of == query) {
        return Vec::new();
    }
    search.found = None;
    search.selected = 0;
    if query.is_empty() {
        return Vec::new();
    }
    vec![Effect::Search(query)]
}

/// Finds the chats whose name matches the text of the search.
pub(super) fn search_chats(model: &mut Model) {
    let Some(Overlay::Search(search)) = &model.overlay else {
        return;
    };
    let query = folded(&search.query());
    let fits = |chat: &Conversation| finds(&query, &folded(&model.names.title(chat)));
    let chats = model
        .chats
        .iter()
        .filter(|chat| fits(chat))
        .map(|chat| chat.id)
        .collect();
    if let Some(Overlay::Search(search)) = &mut model.overlay {
        search.chats = chats;
    }
    clamp_hit(model);
}
