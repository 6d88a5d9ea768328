//! The interface as its user sees it, without a terminal and without a server.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot find its own chat has failed"
)]

use crossterm::event::{KeyCode, KeyModifiers};
use subrosa_client::{Connection, ConversationId, MessageStatus};

use super::{
    super::{
        fixtures::*,
        geometry::transcript_rows,
        model::{Hit, PAGE},
        transcript::top,
    },
    *,
};

fn press(model: &mut Model, code: KeyCode) -> Vec<Effect> {
    update(model, Input::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

fn press_with(model: &mut Model, code: KeyCode, modifiers: KeyModifiers) -> Vec<Effect> {
    update(model, Input::Key(KeyEvent::new(code, modifiers)))
}

fn type_text(model: &mut Model, text: &str) -> Vec<Effect> {
    text.chars()
        .flat_map(|character| press(model, KeyCode::Char(character)))
        .collect()
}

fn composed(model: &Model) -> &str {
    model.thread.as_ref().unwrap().composer.text()
}

fn top_row(model: &Model) -> String {
    let thread = model.thread.as_ref().unwrap();
    let (rows, height) = transcript_rows(model, thread);
    rows[top(&rows, thread.scroll, height)].text.clone()
}

fn many(count: i64) -> Vec<Message> {
    (1..=count)
        .map(|at| received(at, &format!("text {at}"), at * 60))
        .collect()
}

// ---- a chat that is set aside ----

#[test]
fn a_chat_that_is_set_aside_can_be_tried_again_and_hidden_and_no_other_can() {
    let control = |model: &mut Model, letter| press_with(model, KeyCode::Char(letter), KeyModifiers::CONTROL);
    let mut model = model(80, 24, Vec::new());
    assert_eq!(control(&mut model, 't'), []);
    assert!(model.notice.is_some());
    let chat = model.chats.iter_mut().find(|chat| chat.id == CHAT).unwrap();
    chat.state = ConversationState::Quarantined;
    assert_eq!(control(&mut model, 't'), [Effect::TryAgain(CHAT)]);
    assert_eq!(control(&mut model, 'x'), [Effect::Hide(CHAT)]);
    // What is written in it waits.
    type_text(&mut model, "hi");
    assert!(matches!(
        press(&mut model, KeyCode::Enter)[..],
        [Effect::Send { .. }]
    ));
}

// ---- writing ----

#[test]
fn enter_sends_and_empties_the_composer() {
    let mut model = model(80, 24, Vec::new());
    type_text(&mut model, "hi ?/q");
    let effects = press(&mut model, KeyCode::Enter);
    assert_eq!(
        effects,
        [Effect::Send {
            chat: CHAT,
            text: "hi ?/q".into()
        }]
    );
    assert_eq!(composed(&model), "");
}

#[test]
fn alt_enter_begins_a_new_line() {
    let mut model = model(80, 24, Vec::new());
    type_text(&mut model, "a");
    press_with(&mut model, KeyCode::Enter, KeyModifiers::ALT);
    press_with(&mut model, KeyCode::Char('j'), KeyModifiers::CONTROL);
    type_text(&mut model, "b");
    assert_eq!(composed(&model), "a\n\nb");
}

#[test]
fn a_text_that_was_not_taken_comes_back_before_what_was_written_since() {
    let mut model = model(80, 24, Vec::new());
    type_text(&mut model, "since");
    let not_sent = |text: &str, chat| Input::NotSent {
        chat,
        text: text.into(),
        why: "the disk is full".into(),
    };
    update(&mut model, not_sent("first", CHAT));
    assert_eq!(composed(&model), "first\nsince");
    assert_eq!(model.notice.as_deref(), Some("the disk is full"));
    update(&mut model, not_sent("other", OTHER_CHAT));
    press_with(&mut model, KeyCode::Char('n'), KeyModifiers::CONTROL);
    assert_eq!(composed(&model), "other");
}

#[test]
fn nothing_but_space_is_not_sent() {
    let mut model = model(80, 24, Vec::new());
    type_text(&mut model, "  ");
    assert_eq!(press(&mut model, KeyCode::Enter), []);
    assert_eq!(composed(&model), "  ");
}

#[test]
fn a_paste_that_is_too_long_is_refused_as_a_whole() {
    let mut model = model(80, 24, Vec::new());
    update(&mut model, Input::Paste("x".repeat(64 * 1024 + 1)));
    assert_eq!(composed(&model), "");
    assert!(model.notice.as_ref().unwrap().contains("65536"));
    update(&mut model, Input::Paste("x".repeat(64 * 1024)));
    assert_eq!(composed(&model).len(), 64 * 1024);
    type_text(&mut model, "y");
    assert_eq!(composed(&model).len(), 64 * 1024);
}

#[test]
fn a_draft_waits_in_its_chat() {
    let mut model = model(80, 24, Vec::new());
    type_text(&mut model, "half a thought");
    press_with(&mut model, KeyCode::Char('n'), KeyModifiers::CONTROL);
    assert_eq!(model.thread.as_ref().unwrap().chat, OTHER_CHAT);
    assert_eq!(composed(&model), "");
    press_with(&mut model, KeyCode::Char('p'), KeyModifiers::CONTROL);
    assert_eq!(composed(&model), "half a thought");
}

#[test]
fn a_draft_is_kept_after_a_pause_in_another_chat_and_when_it_was_sent() {
    let mut model = model(80, 24, Vec::new());
    let keep = |text: &str, shown: &str| Effect::KeepDraft {
        chat: CHAT,
        text: text.to_owned(),
        shown: shown.to_owned(),
    };
    type_text(&mut model, "half");
    assert_eq!(update(&mut model, Input::Paused), [keep("half", "")]);
    assert_eq!(update(&mut model, Input::Paused), []);
    type_text(&mut model, " a thought");
    let effects = press_with(&mut model, KeyCode::Char('n'), KeyModifiers::CONTROL);
    assert!(effects.contains(&keep("half a thought", "half")), "{effects:?}");
    press_with(&mut model, KeyCode::Char('p'), KeyModifiers::CONTROL);
    let effects = press(&mut model, KeyCode::Enter);
    assert!(effects.contains(&keep("", "half a thought")), "{effects:?}");
}

#[test]
fn a_draft_that_could_not_be_kept_stays_in_the_field_and_is_tried_again() {
    let mut model = model(80, 24, Vec::new());
    type_text(&mut model, "half");
    let kept = update(&mut model, Input::Paused);
    update(
        &mut model,
        Input::NotKept {
            chat: CHAT,
            shown: String::new(),
            why: "the disk is full".into(),
        },
    );
    assert_eq!(model.notice.as_deref(), Some("the disk is full"));
    let chats = model.chats.clone();
    update(&mut model, Input::Chats(chats, names()));
    assert_eq!(composed(&model), "half");
    assert_eq!(update(&mut model, Input::Paused), kept);
}

// It grew with each pause, and could not be deleted.
#[test]
fn a_draft_with_what_a_terminal_does_not_show_is_replaced_by_what_is_made_of_it() {
    let mut model = model(80, 24, Vec::new());
    let mut chats = model.chats.clone();
    chats[0].draft = Some("a\tb".to_owned());
    update(&mut model, Input::Chats(chats.clone(), names()));
    assert_eq!(composed(&model), "a    b");
    update(&mut model, Input::Chats(chats, names()));
    assert_eq!(update(&mut model, Input::Paused), []);
    type_text(&mut model, "c");
    let keep = Effect::KeepDraft {
        chat: CHAT,
        text: "a    bc".to_owned(),
        shown: "a\tb".to_owned(),
    };
    assert_eq!(update(&mut model, Input::Paused), [keep]);
}

#[test]
fn a_draft_of_another_device_is_shown_unless_something_was_typed_since() {
    let mut model = model(80, 24, Vec::new());
    let shows = |model: &mut Model, draft: &str| {
        let mut chats = model.chats.clone();
        chats[0].draft = Some(draft.to_owned());
        update(model, Input::Chats(chats, names()));
        composed(model).to_owned()
    };
    assert_eq!(shows(&mut model, "from the browser"), "from the browser");
    type_text(&mut model, "!");
    assert_eq!(shows(&mut model, "something else"), "from the browser!");
}

// ---- what others see ----

fn typing(chat: ChatId, is_typing: bool) -> Effect {
    Effect::Type { chat, is_typing }
}

#[test]
fn each_key_that_changes_the_text_is_reported_and_no_other() {
    let mut model = model(80, 24, Vec::new());
    assert_eq!(
        type_text(&mut model, "hi"),
        [typing(CHAT, true), typing(CHAT, true)]
    );
    for code in [KeyCode::Left, KeyCode::Home, KeyCode::Up, KeyCode::BackTab] {
        assert_eq!(press(&mut model, code), [], "{code:?}");
    }
    model.focus = Focus::Composer;
    assert_eq!(update(&mut model, Input::Paste("!".into())), [typing(CHAT, true)]);
    // What is typed into the search is nobody's business.
    press_with(&mut model, KeyCode::Char('k'), KeyModifiers::CONTROL);
    assert_eq!(type_text(&mut model, "c"), [Effect::Search("c".into())]);
}

#[test]
fn whoever_deletes_what_they_have_typed_has_stopped() {
    let mut model = model(80, 24, Vec::new());
    type_text(&mut model, "hi");
    assert_eq!(press(&mut model, KeyCode::Backspace), [typing(CHAT, true)]);
    assert_eq!(press(&mut model, KeyCode::Backspace), [typing(CHAT, false)]);
    assert_eq!(press(&mut model, KeyCode::Backspace), []);
}

#[test]
fn whoever_opens_another_chat_has_stopped_typing_unless_the_text_was_sent() {
    let mut model = model(80, 24, Vec::new());
    let next = |model: &mut Model| press_with(model, KeyCode::Char('n'), KeyModifiers::CONTROL);
    let back = |model: &mut Model| press_with(model, KeyCode::Char('p'), KeyModifiers::CONTROL);
    type_text(&mut model, "half");
    assert_eq!(next(&mut model)[0], typing(CHAT, false));
    // The draft is there again, and nobody has typed.
    back(&mut model);
    assert!(!next(&mut model).contains(&typing(CHAT, false)));
    back(&mut model);
    type_text(&mut model, "!");
    press(&mut model, KeyCode::Enter);
    assert!(!next(&mut model).contains(&typing(CHAT, false)));
}

#[test]
fn typing_in_a_chat_that_cannot_be_written_in_is_not_reported() {
    for state in [
        ConversationState::Blocked,
        ConversationState::CutOff,
        ConversationState::Quarantined,
        ConversationState::Joining,
    ] {
        let mut model = model(80, 24, Vec::new());
        model.chats[0].state = state;
        assert_eq!(type_text(&mut model, "hi"), [], "{state:?}");
        assert_eq!(
            press_with(&mut model, KeyCode::Char('u'), KeyModifiers::CONTROL),
            []
        );
    }
}

#[test]
fn the_user_is_here_while_the_terminal_has_the_focus_and_keys_are_pressed() {
    let mut model = model(80, 24, Vec::new());
    assert_eq!(begin()[0], Effect::SetHere(true));
    assert_eq!(press(&mut model, KeyCode::Left), []);
    assert_eq!(
        update(&mut model, Input::InFront(false)),
        [Effect::SetHere(false)]
    );
    assert_eq!(update(&mut model, Input::Idle), []);
    // The focus alone does not say that somebody is looking.
    assert_eq!(update(&mut model, Input::InFront(true)), []);
    assert_eq!(press(&mut model, KeyCode::Left), [Effect::SetHere(true)]);
    assert_eq!(update(&mut model, Input::Idle), [Effect::SetHere(false)]);
    assert_eq!(update(&mut model, Input::Idle), []);
    assert_eq!(
        update(&mut model, Input::Paste("hi".into())),
        [typing(CHAT, true), Effect::SetHere(true)]
    );
}

#[test]
fn whoever_leaves_has_stopped_typing_and_is_no_longer_here() {
    let mut model = model(80, 24, Vec::new());
    type_text(&mut model, "half");
    let keep = Effect::KeepDraft {
        chat: CHAT,
        text: "half".into(),
        shown: String::new(),
    };
    assert_eq!(
        leave(&mut model),
        [typing(CHAT, false), keep, Effect::SetHere(false)]
    );
    assert_eq!(leave(&mut model), []);
    // Back from the shell.
    assert_eq!(press(&mut model, KeyCode::Left), [Effect::SetHere(true)]);
}

#[test]
fn what_others_do_is_loaded_with_the_list() {
    let mut model = model(80, 24, Vec::new());
    for event in [
        Event::TypingChanged(CHAT),
        Event::PresenceChanged(bob().account_id),
        Event::PrivacyChanged(me().privacy),
    ] {
        assert_eq!(update(&mut model, Input::Event(event)), [Effect::LoadChats]);
    }
}

// ---- chats ----

#[test]
fn a_chat_is_opened_from_the_list() {
    let mut model = model(80, 24, Vec::new());
    press(&mut model, KeyCode::Tab);
    assert_eq!(model.focus, Focus::Chats);
    press(&mut model, KeyCode::Down);
    let effects = press(&mut model, KeyCode::Enter);
    assert!(effects.contains(&Effect::LoadMessages {
        chat: OTHER_CHAT,
        limit: PAGE + 3
    }));
    assert_eq!(model.focus, Focus::Composer);
}

#[test]
fn the_list_ends_at_its_ends() {
    let mut model = model(80, 24, Vec::new());
    model.focus = Focus::Chats;
    for (key, expected) in [
        (KeyCode::Up, CHAT),
        (KeyCode::End, OTHER_CHAT),
        (KeyCode::Down, OTHER_CHAT),
        (KeyCode::Home, CHAT),
    ] {
        press(&mut model, key);
        assert_eq!(model.selected, Some(expected), "{key:?}");
    }
}

#[test]
fn a_conversation_that_goes_on_under_another_id_on_the_wire_stays_as_it_is_shown() {
    let mut model = model(80, 12, many(50));
    type_text(&mut model, "half");
    press(&mut model, KeyCode::PageUp);
    let seen = top_row(&model);
    let effects = update(&mut model, Input::Event(Event::ConversationMoved(CHAT)));
    assert_eq!(effects, []);
    let id = ConversationId::from_bytes([7; 16]);
    let moved = |message| Message {
        conversation_id: id,
        ..message
    };
    let mut chats = model.chats.clone();
    chats[0].conversation_id = id;
    update(&mut model, Input::Chats(chats, names()));
    update(
        &mut model,
        Input::Messages(CHAT, many(50).into_iter().map(moved).collect(), Vec::new()),
    );
    assert_eq!(model.selected, Some(CHAT));
    assert_eq!(composed(&model), "half");
    assert_eq!(top_row(&model), seen);
}

// ---- reading ----

#[test]
fn what_is_seen_is_marked_as_read() {
    let mut model = model(80, 24, many(3));
    let more = vec![received(1, "a", 0), unread(2, "b", 1)];
    let effects = update(&mut model, Input::Messages(CHAT, more, Vec::new()));
    assert_eq!(effects, [Effect::MarkRead(CHAT)]);
    assert_eq!(model.thread.as_ref().unwrap().new_from, None);
}

#[test]
fn what_is_not_seen_is_not_marked_as_read() {
    let more = || vec![received(1, "a", 0), unread(2, "b", 1)];
    // Another window has the focus.
    let mut behind = model(80, 24, many(3));
    update(&mut behind, Input::InFront(false));
    assert_eq!(update(&mut behind, Input::Messages(CHAT, more(), Vec::new())), []);
    assert_eq!(behind.thread.as_ref().unwrap().new_from, Some(2));
    assert_eq!(
        update(&mut behind, Input::InFront(true)),
        [Effect::MarkRead(CHAT), Effect::SetHere(true)]
    );
    // The list covers the chat.
    let mut narrow = model(40, 24, many(3));
    narrow.focus = Focus::Chats;
    assert_eq!(update(&mut narrow, Input::Messages(CHAT, more(), Vec::new())), []);
    // The user has scrolled up.
    let mut scrolled = model(80, 12, many(50));
    press(&mut scrolled, KeyCode::PageUp);
    let mut messages = many(50);
    messages.push(unread(51, "new", 99_999));
    assert_eq!(
        update(&mut scrolled, Input::Messages(CHAT, messages, Vec::new())),
        []
    );
    assert_eq!(scrolled.thread.as_ref().unwrap().new_from, Some(51));
}

#[test]
fn the_place_stays_while_messages_come_and_older_ones_are_loaded() {
    let mut model = model(
        80,
        12,
        (1..=100)
            .map(|at| received(at, &format!("text {at}"), at * 60))
            .collect(),
    );
    press(&mut model, KeyCode::PageUp);
    let seen = top_row(&model);
    update(
        &mut model,
        Input::Messages(
            CHAT,
            (1..=120)
                .map(|at| received(at, &format!("text {at}"), at * 60))
                .collect(),
            Vec::new(),
        ),
    );
    assert_eq!(top_row(&model), seen);
    update(&mut model, Input::Resized(100, 14));
    assert_eq!(top_row(&model), seen);
}

#[test]
fn scrolling_to_the_top_asks_for_older_messages_once() {
    let mut model = model(
        80,
        12,
        (1..=i64::from(PAGE)).map(|at| received(at, "text", at)).collect(),
    );
    let mut asked = Vec::new();
    for _ in 0..60 {
        asked.extend(press(&mut model, KeyCode::PageUp));
    }
    assert_eq!(
        asked.first(),
        Some(&Effect::LoadMessages {
            chat: CHAT,
            limit: 2 * PAGE
        })
    );
    assert_eq!(asked.len(), 1, "{asked:?}");
}

#[test]
fn page_down_returns_to_the_newest() {
    let mut model = model(80, 12, many(50));
    for _ in 0..3 {
        press(&mut model, KeyCode::PageUp);
    }
    assert_ne!(model.thread.as_ref().unwrap().scroll, Scroll::Newest);
    for _ in 0..3 {
        press(&mut model, KeyCode::PageDown);
    }
    assert_eq!(model.thread.as_ref().unwrap().scroll, Scroll::Newest);
}

#[test]
fn the_selected_message_is_always_seen() {
    let mut model = model(80, 12, many(50));
    press(&mut model, KeyCode::BackTab);
    for key in [KeyCode::Up; 30]
        .into_iter()
        .chain([KeyCode::Down; 20])
        .chain([KeyCode::Home, KeyCode::End])
    {
        press(&mut model, key);
        let thread = model.thread.as_ref().unwrap();
        let position = thread.selected_message().unwrap().position;
        let (rows, height) = transcript_rows(&model, thread);
        let first = top(&rows, thread.scroll, height);
        assert!(
            rows[first..]
                .iter()
                .take(height)
                .any(|row| row.position == position),
            "{position}"
        );
    }
}

#[test]
fn a_failed_message_is_tried_again_or_deleted() {
    let failed = sent(2, "lost", 60, MessageStatus::Failed);
    let mut model = model(80, 24, vec![received(1, "a", 0), failed.clone()]);
    press(&mut model, KeyCode::Up);
    assert_eq!(model.focus, Focus::Messages);
    assert_eq!(press(&mut model, KeyCode::Char('r')), [Effect::Retry(failed.id)]);
    assert_eq!(
        press(&mut model, KeyCode::Char('d')),
        [Effect::Discard(failed.id)]
    );
    press(&mut model, KeyCode::Up);
    assert_eq!(press(&mut model, KeyCode::Char('d')), []);
    assert!(model.notice.is_some());
}

// ---- search ----

#[test]
fn the_search_shows_chats_first_and_asks_the_server_for_others() {
    let mut model = model(80, 24, Vec::new());
    press_with(&mut model, KeyCode::Char('k'), KeyModifiers::CONTROL);
    assert_eq!(model.hits(), [Hit::Chat(CHAT), Hit::Chat(OTHER_CHAT)]);
    let effects = type_text(&mut model, "@Car");
    let searches = ["c", "ca", "car"].map(|query| Effect::Search(query.into()));
    assert_eq!(effects, searches);
    assert_eq!(model.hits(), [Hit::Chat(OTHER_CHAT)]);
    let person = |id: u8, handle: &str| Person {
        account_id: contact(id, handle, None).account_id,
        handle: handle.parse().unwrap(),
        account_key: Vec::new().into(),
        succession_key_hash: Vec::new().into(),
    };
    let found = vec![person(2, "carol"), person(5, "carla")];
    update(&mut model, Input::Found("ca".into(), Ok(vec![person(6, "cat")])));
    assert_eq!(
        model.hits().len(),
        1,
        "an answer to an earlier question is dropped"
    );
    update(&mut model, Input::Found("car".into(), Ok(found)));
    assert_eq!(
        model.hits(),
        [Hit::Chat(OTHER_CHAT), Hit::Person("carla".parse().unwrap())]
    );
    press(&mut model, KeyCode::Down);
    assert_eq!(
        press(&mut model, KeyCode::Enter),
        [Effect::OpenChat("carla".parse().unwrap())]
    );
    update(&mut model, Input::Opened(CHAT));
    assert!(model.overlay.is_none());
}

#[test]
fn a_typed_handle_is_opened_before_the_search_has_ended() {
    let mut model = model(80, 24, Vec::new());
    press_with(&mut model, KeyCode::Char('k'), KeyModifiers::CONTROL);
    type_text(&mut model, "zoe");
    assert_eq!(
        press(&mut model, KeyCode::Enter),
        [Effect::OpenChat("zoe".parse().unwrap())]
    );
}

// ---- the rest ----

#[test]
fn what_went_wrong_is_told_until_the_next_key() {
    let mut model = model(80, 24, Vec::new());
    update(&mut model, Input::Failed("nobody is called @zoe here".into()));
    assert!(model.notice.is_some());
    press(&mut model, KeyCode::Left);
    assert!(model.notice.is_none());
}

#[test]
fn another_account_under_a_known_handle_is_told_with_the_handle() {
    let mut model = model(80, 24, Vec::new());
    update(
        &mut model,
        Input::Event(Event::Warning(Warning::HandleReassigned(bob().account_id))),
    );
    let notice = model.notice.unwrap();
    assert!(
        notice.contains("@bob") && notice.starts_with("WARNING"),
        "{notice}"
    );
}

#[test]
fn an_event_of_another_chat_loads_only_the_list() {
    let mut model = model(80, 24, Vec::new());
    let effects = update(&mut model, Input::Event(Event::ConversationChanged(OTHER_CHAT)));
    assert_eq!(effects, [Effect::LoadChats]);
}

#[test]
fn keys_that_quit() {
    for (code, modifiers) in [('c', KeyModifiers::CONTROL), ('q', KeyModifiers::CONTROL)] {
        let mut model = model(80, 24, Vec::new());
        press_with(&mut model, KeyCode::Char(code), modifiers);
        assert!(model.quit);
    }
    let mut writing = model(80, 24, Vec::new());
    press(&mut writing, KeyCode::Char('q'));
    assert!(!writing.quit, "q is a letter while one writes");
}

#[test]
fn the_connection_is_known() {
    let mut model = model(80, 24, Vec::new());
    let status = Status {
        connection: Connection::Online,
        ..Status::default()
    };
    update(&mut model, Input::Status(status.clone()));
    assert_eq!(model.status, status);
}
