//! Account records without a server: when they are put and fetched, and what a refusal leads to.

use std::time::Duration;

use subrosa_engine::{ChatId, Command, Engine, Input, Misbehaviour, database::Database};
use subrosa_test_support::SeededRng;
use subrosa_wire::{
    ProblemCode,
    frames::{
        AccountRecord, Problem, PutRecord, RecordChanged, RecordPut, RecordsPage, client_frame::Request,
        server_frame::Body,
    },
};

use crate::{
    device::Device,
    others::{Others, invited},
};

/// Somebody types, and pauses for long enough.
fn type_text(device: &mut Device, chat: ChatId, text: &str) {
    keep(device, chat, text);
    pause(device);
}

fn keep(device: &mut Device, chat: ChatId, text: &str) {
    let shown = draft(device, chat);
    let text = text.to_owned();
    device.step(Command::KeepDraft { chat, text, shown }).unwrap();
}

fn pause(device: &mut Device) {
    device.now = device.now.plus(Duration::from_secs(2));
    device.step(Input::Tick).unwrap();
}

fn draft(device: &Device, chat: ChatId) -> String {
    let conversation = device.engine.conversation(chat).unwrap().unwrap();
    conversation.draft.unwrap_or_default()
}

/// Takes out the records that the device wants to put, with the ids of the requests.
fn puts(device: &mut Device) -> Vec<(u64, PutRecord)> {
    let (puts, others) = std::mem::take(&mut device.asked)
        .into_iter()
        .partition::<Vec<_>, _>(|frame| matches!(frame.request, Some(Request::PutRecord(_))));
    device.asked = others;
    puts.into_iter()
        .map(|frame| match frame.request {
            Some(Request::PutRecord(put)) => (frame.request_id, put),
            other => panic!("{other:?}"),
        })
        .collect()
}

/// The answer to a record that is stored as this change.
fn stored(put: &PutRecord, after_change: u64, change: u64) -> Body {
    Body::RecordPut(RecordPut {
        stored: true,
        record: Some(AccountRecord {
            conversation_id: put.conversation_id.clone(),
            revision: put.replaces + 1,
            change,
            sealed: Vec::new().into(),
        }),
        after_change,
    })
}

/// As another device of the account gets it.
fn pushed(put: &PutRecord, after_change: u64, change: u64) -> Body {
    Body::RecordChanged(RecordChanged {
        record: Some(record(put, change)),
        after_change,
    })
}

fn record(put: &PutRecord, change: u64) -> AccountRecord {
    AccountRecord {
        conversation_id: put.conversation_id.clone(),
        revision: put.replaces + 1,
        change,
        sealed: put.sealed.clone(),
    }
}

fn refused(code: ProblemCode) -> Body {
    Body::Problem(Problem::new(code, ""))
}

/// Steps on until something is asked, and checks on the way that the engine never wants to be called at once.
fn wait_for_puts(device: &mut Device) -> Vec<(u64, PutRecord)> {
    for _ in 0..20 {
        let puts = puts(device);
        if !puts.is_empty() {
            return puts;
        }
        let wake_at = device.wake_at.unwrap();
        assert!(wake_at > device.now, "it wants to be called at once");
        device.now = wake_at;
        device.step(Input::Tick).unwrap();
    }
    panic!("nothing is put");
}

fn wants_to_be_called_later(device: &Device) {
    assert!(device.wake_at.is_none_or(|at| at > device.now));
}

fn connect(device: &mut Device, others: &mut Others, lie: impl FnMut(&mut Body)) {
    device.step(Input::Connected).unwrap();
    others.converse_lying(device, lie);
}

#[test]
fn a_draft_leaves_the_device_after_a_pause_and_at_once_when_it_is_empty() {
    let (mut device, _, chat) = invited();
    for text in ["h", "ha", "half"] {
        keep(&mut device, chat, text);
        device.now = device.now.plus(Duration::from_secs(1));
        device.step(Input::Tick).unwrap();
        assert_eq!(puts(&mut device), []);
    }
    let sent = wait_for_puts(&mut device);
    assert_eq!(sent.len(), 1);
    device.answer(sent[0].0, stored(&sent[0].1, 0, 1));
    keep(&mut device, chat, "");
    let emptied = puts(&mut device);
    assert_eq!(emptied.len(), 1);
    assert_eq!(emptied[0].1.replaces, 1);
    device.answer(emptied[0].0, stored(&emptied[0].1, 1, 2));
    assert!(!device.engine.has_records_to_put());
    wants_to_be_called_later(&device);
}

#[test]
fn who_types_without_a_pause_is_not_waited_for_for_ever() {
    let (mut device, _, chat) = invited();
    for second in 0..20 {
        keep(&mut device, chat, &"x".repeat(second + 1));
        device.now = device.now.plus(Duration::from_secs(1));
        device.step(Input::Tick).unwrap();
    }
    assert!(!puts(&mut device).is_empty());
}

// The instant of the next attempt stayed in the past, and a host that slept until then never slept.
#[test]
fn a_record_that_is_refused_for_the_moment_is_put_again_after_a_while() {
    let (mut device, _, chat) = invited();
    type_text(&mut device, chat, "half a thought");
    for code in [ProblemCode::RateLimited, ProblemCode::Unavailable] {
        let sent = wait_for_puts(&mut device);
        wants_to_be_called_later(&device);
        device.answer(sent[0].0, refused(code));
        wants_to_be_called_later(&device);
    }
    let sent = wait_for_puts(&mut device);
    device.answer(sent[0].0, stored(&sent[0].1, 0, 1));
    wants_to_be_called_later(&device);
    assert_eq!(device.warnings(), [] as [&_; 0]);
}

#[test]
fn a_server_that_knows_no_records_is_left_alone() {
    let (mut device, mut others, chat) = invited();
    type_text(&mut device, chat, "half a thought");
    let sent = wait_for_puts(&mut device);
    device.answer(sent[0].0, refused(ProblemCode::UnknownRequest));
    type_text(&mut device, chat, "a whole thought");
    assert_eq!(puts(&mut device), []);
    wants_to_be_called_later(&device);
    assert_eq!(device.warnings(), [] as [&_; 0]);
    assert_eq!(draft(&device, chat), "a whole thought");
    // The next server may be a newer one.
    let mut refusals = 0;
    connect(&mut device, &mut others, |body| {
        refusals += u32::from(matches!(body, Body::Problem(_)));
    });
    assert_eq!(refusals, 1);
}

#[test]
fn a_record_that_finds_no_room_is_told_once_and_the_others_go_on() {
    let (mut device, _, chat) = invited();
    type_text(&mut device, chat, "half a thought");
    let sent = wait_for_puts(&mut device);
    device.answer(sent[0].0, refused(ProblemCode::Forbidden));
    assert_eq!(device.warnings().len(), 1);
    assert_eq!(puts(&mut device), []);
    wants_to_be_called_later(&device);
    assert_eq!(draft(&device, chat), "half a thought");
    type_text(&mut device, chat, "a whole thought");
    assert_eq!(puts(&mut device).len(), 1);
}

#[test]
fn what_lies_between_two_changes_is_fetched() {
    let (mut device, mut others, chat) = invited();
    type_text(&mut device, chat, "half a thought");
    let (_, put) = wait_for_puts(&mut device).remove(0);
    // Another device has made the changes 3 and 5; this one hears of the latter.
    device.push(pushed(&put, 3, 5));
    let asked = device.asked.pop().unwrap();
    assert!(matches!(
        asked.request,
        Some(Request::FetchRecords(fetch)) if fetch.after_change == 0
    ));
    let page = RecordsPage {
        records: vec![record(&put, 5)],
        newest_change: 5,
    };
    device.answer(asked.request_id, Body::RecordsPage(page));
    assert_eq!(device.warnings(), [] as [&_; 0]);
    // Nothing is missing after the next connection.
    let mut fetched = 0;
    connect(&mut device, &mut others, |body| match body {
        Body::SyncState(state) => state.records_change = 5,
        Body::RecordsPage(_) => fetched += 1,
        _ => {}
    });
    assert_eq!(fetched, 0);
}

#[test]
fn changes_that_are_named_and_not_handed_out_are_asked_for_after_a_while() {
    let (mut device, mut others, _) = invited();
    let mut fetched = 0;
    connect(&mut device, &mut others, |body| match body {
        Body::SyncState(state) => state.records_change = 9,
        Body::RecordsPage(_) => fetched += 1,
        _ => {}
    });
    assert_eq!(fetched, 1);
    wants_to_be_called_later(&device);
}

#[test]
fn a_page_that_is_not_in_order_is_told_and_asked_for_after_a_while() {
    let (mut device, mut others, chat) = invited();
    type_text(&mut device, chat, "half a thought");
    let (_, put) = wait_for_puts(&mut device).remove(0);
    let mut fetched = 0;
    connect(&mut device, &mut others, |body| match body {
        Body::SyncState(state) => state.records_change = 9,
        Body::RecordsPage(page) => {
            fetched += 1;
            page.records = vec![record(&put, 9), record(&put, 9)];
            page.newest_change = 9;
        }
        _ => {}
    });
    assert_eq!(fetched, 1);
    wants_to_be_called_later(&device);
    let told = device.warnings();
    assert!(
        told.iter()
            .any(|warning| format!("{warning:?}").contains(&format!("{:?}", Misbehaviour::WrongAnswer))),
        "{told:?}"
    );
}

#[test]
fn drafts_that_an_earlier_build_kept_are_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let (path, key) = (
        folder.path().join("device.db"),
        subrosa_engine::database::DatabaseKey::from_bytes([7; 32]),
    );
    let mut device = Device::with_database(1, Database::create(&path, &key).unwrap());
    device.step(Command::OpenDirect(Device::person(2))).unwrap();
    let chat = device.engine.conversations().unwrap()[0].id;
    let setting = format!("draft/{chat}");
    device
        .engine
        .set_setting(&setting, Some(b"half a thought"))
        .unwrap();
    drop(device);
    let database = Database::open(&path, &key).unwrap();
    let engine = Engine::open(database, Box::new(SeededRng::new(3)))
        .unwrap()
        .unwrap();
    let conversation = engine.conversation(chat).unwrap().unwrap();
    assert_eq!(conversation.draft.as_deref(), Some("half a thought"));
    assert!(engine.setting(&setting).unwrap().is_none());
}

#[test]
fn a_draft_that_no_message_could_hold_is_refused() {
    let (mut device, _, chat) = invited();
    let text = "x".repeat(subrosa_wire::limits::MESSAGE_TEXT_MAX + 1);
    let shown = String::new();
    assert!(device.step(Command::KeepDraft { chat, text, shown }).is_err());
    assert_eq!(draft(&device, chat), "");
}
