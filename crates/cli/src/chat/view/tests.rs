//! What the screen looks like. Snapshots show bold and the like as plain text: no information depends on them.

#![expect(clippy::unwrap_used, reason = "a test that cannot draw to memory has failed")]

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use proptest::prelude::*;
use ratatui::{Terminal, backend::TestBackend};
use subrosa_client::{Connection, MessageStatus, Presence, Status, Timestamp};

use super::{
    super::{
        fixtures::*,
        model::Search,
        update::{Input, update},
    },
    *,
};

fn screen(model: &Model) -> String {
    let mut terminal = Terminal::new(TestBackend::new(model.width, model.height)).unwrap();
    terminal.draw(|frame| draw(model, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let rows = (0..model.height).map(|y| {
        let mut row = String::new();
        let mut x = 0;
        while x < model.width {
            let symbol = buffer[(x, y)].symbol();
            row.push_str(symbol);
            // A wide character covers the cell after it.
            x += u16::try_from(wrap::columns(symbol)).unwrap().max(1);
        }
        row.trim_end().to_owned()
    });
    rows.collect::<Vec<_>>().join("\n")
}

fn online() -> Status {
    Status {
        connection: Connection::Online,
        caught_up: true,
        ..Status::default()
    }
}

fn talk(width: u16, height: u16) -> Model {
    let mut model = model(
        width,
        height,
        vec![
            received(1, "Are you coming tonight? The others will be there from six.", 0),
            sent(2, "Yes, a bit later.", 60, MessageStatus::Read),
            sent(3, "日本語 and a\nsecond line", 120, MessageStatus::Delivered),
            sent(4, "Shall I bring something?", 180, MessageStatus::Pending),
        ],
    );
    model.status = online();
    model
}

#[test]
fn a_wide_screen() {
    let mut model = talk(120, 40);
    model.height = 22;
    insta::assert_snapshot!(screen(&model));
}

#[test]
fn a_narrow_screen() {
    insta::assert_snapshot!(screen(&talk(40, 12)));
}

#[test]
fn the_list_on_a_narrow_screen() {
    let mut model = talk(40, 12);
    model.focus = Focus::Chats;
    insta::assert_snapshot!(screen(&model));
}

#[test]
fn somebody_who_is_typing() {
    let mut model = talk(80, 18);
    model.chats[0].typing = vec![bob().account_id];
    model.chats[1].typing = vec![carol().account_id];
    model.chats[1].presence = Presence::Here;
    insta::assert_snapshot!(screen(&model));
}

/// The title of the open chat, which may have the list to its left.
fn title_at(model: &Model) -> String {
    let screen = screen(model);
    let row = screen.lines().nth(1).unwrap();
    row.rsplit('│').next().unwrap().to_owned()
}

fn hours_ago(hours: u64) -> Presence {
    Presence::LastSeen(Timestamp::from_millis(NOON - hours * 3_600_000))
}

#[test]
fn what_the_other_person_is_doing_stands_beside_the_name() {
    let shown = |presence| {
        let mut model = talk(40, 12);
        model.chats[0].presence = presence;
        title_at(&model)
    };
    assert_eq!(shown(Presence::Unknown), "Bob (@bob)");
    assert_eq!(shown(Presence::Here), "Bob (@bob) · online");
    assert_eq!(shown(hours_ago(2)), "Bob (@bob) · last seen 10:00");
    assert_eq!(shown(hours_ago(20)), "Bob (@bob) · last seen yesterday 16:00");
    assert_eq!(shown(hours_ago(48)), "Bob (@bob) · last seen 21 November");
    let mut typing = talk(40, 12);
    typing.chats[0].presence = Presence::Here;
    typing.chats[0].typing = vec![bob().account_id];
    assert_eq!(title_at(&typing), "Bob (@bob) · typing…");
}

#[test]
fn a_name_that_is_too_long_beside_what_the_person_is_doing_gives_way_to_the_handle() {
    let shown = |width, presence| {
        let mut model = talk(width, 12);
        let name = "Robert the Exceedingly Longwinded of 日本";
        model.names = crate::people::Names::new(&me(), &[contact(1, "bob", Some(name)), carol()]);
        model.chats[0].presence = presence;
        title_at(&model)
    };
    assert_eq!(
        shown(100, Presence::Here),
        "Robert the Exceedingly Longwinded of 日本 (@bob) · online"
    );
    assert_eq!(shown(40, Presence::Here), "@bob · online");
    assert_eq!(shown(40, hours_ago(24 * 400)), "@bob · last seen 19 October 2025");
    // There the name is worth more.
    assert_eq!(shown(20, hours_ago(2)), "Robert the Exceedin…");
    assert_eq!(
        shown(40, Presence::Unknown),
        "Robert the Exceedingly Longwinded of 日…"
    );
}

#[test]
fn of_a_chat_that_does_not_go_on_the_title_says_so_and_nothing_else() {
    let mut model = talk(40, 12);
    model.chats[0].state = ConversationState::Quarantined;
    model.chats[0].presence = Presence::Here;
    assert!(!screen(&model).contains("online"), "{}", screen(&model));
}

#[test]
fn what_one_does_in_a_state_of_the_chat_fits_forty_columns() {
    for (state, keys) in [
        (ConversationState::Blocked, "Ctrl+T tries again · F1 help"),
        (
            ConversationState::Quarantined,
            "Ctrl+T tries again · Ctrl+X hides it",
        ),
        (ConversationState::CutOff, "Ctrl+T comes back · F1 help"),
    ] {
        let mut model = talk(40, 12);
        model.chats[0].state = state;
        assert!(screen(&model).ends_with(keys), "{state:?}: {}", screen(&model));
    }
}

#[test]
fn colour_marks_what_is_unread_and_what_has_failed_beside_the_words() {
    let messages = vec![sent(1, "lost", 60, MessageStatus::Failed), unread(2, "new", 120)];
    let mut model = model(80, 14, messages);
    model.thread.as_mut().unwrap().new_from = Some(2);
    let mut terminal = Terminal::new(TestBackend::new(model.width, model.height)).unwrap();
    terminal.draw(|frame| draw(&model, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let coloured = |colour| {
        let cells = buffer.content().iter().filter(|cell| cell.fg == colour);
        cells.map(ratatui::buffer::Cell::symbol).collect::<String>()
    };
    assert_eq!(coloured(Color::Red), "you 12:01 · ✗ FAILED");
    assert!(coloured(Color::Cyan).contains("(3 new) @carol"));
    assert!(coloured(Color::Cyan).contains(" 1 new "));
}

#[test]
fn twenty_columns() {
    insta::assert_snapshot!(screen(&talk(20, 10)));
}

#[test]
fn offline_with_something_to_send() {
    let mut model = talk(60, 12);
    model.status = Status {
        connection: Connection::Waiting {
            reason: "connection refused".into(),
            retry_in: Duration::from_secs(3),
        },
        unsent: 2,
        ..Status::default()
    };
    insta::assert_snapshot!(screen(&model));
}

#[test]
fn a_full_disk_is_not_called_offline() {
    let mut model = talk(60, 12);
    model.status = Status {
        connection: Connection::Waiting {
            reason: "the disk is full".into(),
            retry_in: Duration::from_secs(3),
        },
        storage_full: true,
        ..Status::default()
    };
    let header = screen(&model).lines().next().unwrap().to_owned();
    assert_eq!(
        header,
        "@alice · THE DISK IS FULL: nothing new can be stored · 3 ne…"
    );
}

#[test]
fn new_messages_and_a_failed_one_that_is_selected() {
    let mut model = model(
        60,
        14,
        vec![
            received(1, "old", 0),
            sent(2, "lost", 60, MessageStatus::Failed),
            unread(3, "new one", 120),
            unread(4, "new two", 130),
        ],
    );
    let thread = model.thread.as_mut().unwrap();
    thread.new_from = Some(3);
    thread.selected = Some(thread.messages[1].id);
    model.focus = Focus::Messages;
    insta::assert_snapshot!(screen(&model));
}

#[test]
fn nothing_yet() {
    let mut model = model(40, 8, Vec::new());
    model.chats.clear();
    model.thread = None;
    model.focus = Focus::Chats;
    insta::assert_snapshot!(screen(&model));
}

#[test]
fn the_help() {
    let mut model = talk(80, 30);
    model.overlay = Some(Overlay::Help(0));
    insta::assert_snapshot!(screen(&model));
}

#[test]
fn the_search() {
    let mut model = talk(80, 18);
    let mut search = Search::default();
    search.field.insert_line("ca");
    model.overlay = Some(Overlay::Search(search));
    update(
        &mut model,
        Input::Key(KeyEvent::new(KeyCode::Char('r'), KeyModifiers::NONE)),
    );
    insta::assert_snapshot!(screen(&model));
}

#[test]
fn the_cursor_is_where_the_user_is() {
    let cursor = |model: &Model| {
        let mut terminal = Terminal::new(TestBackend::new(model.width, model.height)).unwrap();
        terminal.draw(|frame| draw(model, frame)).unwrap();
        terminal.backend().cursor_position()
    };
    let mut model = talk(60, 14);
    if let Some(thread) = &mut model.thread {
        thread.composer.insert("日本a");
    }
    // List 22, divider 1, prompt 2, two wide characters and one narrow.
    assert_eq!(
        cursor(&model),
        Position {
            x: 22 + 1 + 2 + 5,
            y: 12
        }
    );
    model.focus = Focus::Chats;
    assert_eq!(cursor(&model), Position { x: 0, y: 1 });
}

/// Whatever the text, the size and the keys: there is no control character on the screen, and nothing panics.
fn arbitrary_key() -> impl Strategy<Value = KeyEvent> {
    let code = prop_oneof![
        any::<char>().prop_map(KeyCode::Char),
        proptest::sample::select(vec![
            KeyCode::Enter,
            KeyCode::Esc,
            KeyCode::Tab,
            KeyCode::BackTab,
            KeyCode::Up,
            KeyCode::Down,
            KeyCode::Left,
            KeyCode::Right,
            KeyCode::PageUp,
            KeyCode::PageDown,
            KeyCode::Home,
            KeyCode::End,
            KeyCode::Backspace,
            KeyCode::Delete,
            KeyCode::F(1),
            KeyCode::Char('k'),
            KeyCode::Char('j'),
        ]),
    ];
    let modifiers = prop_oneof![
        3 => Just(KeyModifiers::NONE),
        1 => Just(KeyModifiers::CONTROL),
        1 => Just(KeyModifiers::ALT),
    ];
    (code, modifiers).prop_map(|(code, modifiers)| KeyEvent::new(code, modifiers))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_text_on_any_screen_after_any_keys_is_drawn(
        texts in proptest::collection::vec(any::<String>(), 0..6),
        name in any::<String>(),
        keys in proptest::collection::vec(arbitrary_key(), 0..30),
        sizes in proptest::collection::vec((0_u16..90, 0_u16..30), 1..4),
    ) {
        let messages = (1..).zip(&texts).map(|(at, text)| unread(at, text, at)).collect();
        let mut model = model(80, 24, messages);
        model.names = crate::people::Names::new(&me(), &[contact(1, "bob", Some(&name)), carol()]);
        let mut keys = keys.into_iter();
        for (width, height) in sizes {
            update(&mut model, Input::Resized(width, height));
            for key in keys.by_ref().take(10) {
                update(&mut model, Input::Key(key));
            }
            let shown = screen(&model);
            let steers = |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c);
            prop_assert!(!shown.chars().any(steers), "{:?}", shown);
        }
    }
}
