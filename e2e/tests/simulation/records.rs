//! Account records: the devices of an account keep read marks and drafts in step, whatever the server does.

use std::collections::HashMap;

use subrosa_e2e::tampering::{EachFrame, Honest};
use subrosa_engine::{Command, Misbehaviour, Warning};
use subrosa_wire::frames::{AccountRecord, ServerFrame, server_frame::Body};

use crate::{
    action::Action,
    recovery::{deliver, told},
    world::World,
};

/// The devices of account 0. Device 1 is one of the other account.
const HERE: usize = 0;
const THERE: usize = 2;

/// Somebody types into the conversation with the other account.
fn type_text(world: &mut World, index: usize, text: &str) {
    let chat = world.devices[index].chat().expect("it has the conversation");
    let (text, shown) = (text.to_owned(), draft(world, index));
    world
        .step(index, Command::KeepDraft { chat, text, shown })
        .expect("a draft is kept");
}

fn draft(world: &mut World, index: usize) -> String {
    world.devices[index].draft()
}

fn unread(world: &mut World, index: usize) -> u64 {
    let device = &mut world.devices[index];
    let chat = device.chat().expect("it has the conversation");
    let conversation = device.engine().conversation(chat).expect("it can be read");
    conversation.map_or(0, |conversation| conversation.unread)
}

fn records_of(body: &mut Body) -> Vec<&mut AccountRecord> {
    match body {
        Body::RecordsPage(page) => page.records.iter_mut().collect(),
        Body::RecordPut(put) => put.record.iter_mut().collect(),
        Body::RecordChanged(changed) => changed.record.iter_mut().collect(),
        _ => Vec::new(),
    }
}

#[test]
fn a_draft_is_shown_on_every_device_of_the_account_and_no_other() {
    let mut world = World::talking(61, 2);
    type_text(&mut world, HERE, "half a thought");
    world.settle_drafts();
    assert_eq!(draft(&mut world, THERE), "half a thought");
    assert_eq!(draft(&mut world, 1), "");
    type_text(&mut world, THERE, "a whole thought");
    world.settle_drafts();
    assert_eq!(draft(&mut world, HERE), "a whole thought");
    // It was sent.
    type_text(&mut world, THERE, "");
    world.settle_drafts();
    assert_eq!(draft(&mut world, HERE), "");
}

#[test]
fn a_device_that_was_away_and_one_that_is_new_have_the_draft() {
    let mut world = World::talking(62, 2);
    world.cut(THERE);
    type_text(&mut world, HERE, "half a thought");
    world.settle_drafts();
    world.connect(THERE);
    deliver(&mut world);
    assert_eq!(draft(&mut world, THERE), "half a thought");
    world.cut(HERE);
    world.add_device(0);
    world.must_settle();
    let newest = world.devices.len() - 1;
    assert_eq!(draft(&mut world, newest), "half a thought");
}

#[test]
fn what_was_typed_on_two_devices_at_once_is_all_there() {
    let mut world = World::talking(63, 2);
    for (index, text) in [(HERE, "Dear Alice"), (THERE, "milk, eggs")] {
        world.cut(index);
        type_text(&mut world, index, text);
    }
    world.connect(HERE);
    world.settle_drafts();
    world.connect(THERE);
    world.settle_drafts();
    let both = draft(&mut world, HERE);
    assert_eq!(draft(&mut world, THERE), both);
    assert!(
        both.contains("Dear Alice") && both.contains("milk, eggs"),
        "{both}"
    );
}

// The other one deleted it unseen.
#[test]
fn a_draft_that_arrives_while_somebody_types_stays() {
    for text in ["ok", ""] {
        let mut world = World::talking(68, 2);
        type_text(&mut world, THERE, "from the other device");
        world.settle_drafts();
        let chat = world.devices[HERE].chat().expect("it has the conversation");
        let command = Command::KeepDraft {
            chat,
            text: text.to_owned(),
            shown: String::new(),
        };
        world.step(HERE, command).expect("a draft is kept");
        world.settle_drafts();
        let both = draft(&mut world, HERE);
        assert_eq!(draft(&mut world, THERE), both);
        assert!(
            both.contains("from the other device") && both.contains(text),
            "{both}"
        );
    }
}

#[test]
fn what_was_read_on_one_device_is_read_on_one_that_was_away() {
    let mut world = World::talking(64, 2);
    deliver(&mut world);
    for index in [HERE, THERE] {
        world.act(Action::MarkRead(u8::try_from(index).expect("it is small")));
    }
    world.must_settle();
    world.cut(THERE);
    world.send_text(1);
    deliver(&mut world);
    assert_eq!(unread(&mut world, HERE), 1);
    world.act(Action::MarkRead(u8::try_from(HERE).expect("it is small")));
    deliver(&mut world);
    world.connect(THERE);
    deliver(&mut world);
    assert_eq!(unread(&mut world, THERE), 0);
}

/// Somebody calls the other account by a name of their own.
fn call(world: &mut World, index: usize, name: Option<&str>) {
    let peer = world.devices[index].peer.expect("there is another account");
    world
        .step(index, Command::SetNickname(peer, name.map(str::to_owned)))
        .expect("it is given");
}

fn nickname(world: &mut World, index: usize) -> Option<String> {
    let device = &mut world.devices[index];
    let peer = device.peer.expect("there is another account");
    let contact = device.engine().contact(peer).expect("it can be read");
    contact.and_then(|contact| contact.nickname)
}

#[test]
fn a_nickname_is_shown_on_every_device_of_the_account_also_on_a_new_one_and_on_no_other() {
    let mut world = World::talking(72, 2);
    call(&mut world, HERE, Some("Uncle Bob"));
    deliver(&mut world);
    assert_eq!(nickname(&mut world, THERE).as_deref(), Some("Uncle Bob"));
    assert_eq!(nickname(&mut world, 1), None);
    world.add_device(0);
    world.must_settle();
    let newest = world.devices.len() - 1;
    assert_eq!(nickname(&mut world, newest).as_deref(), Some("Uncle Bob"));
    call(&mut world, newest, None);
    deliver(&mut world);
    assert_eq!(nickname(&mut world, HERE), None);
}

#[test]
fn of_two_nicknames_that_were_given_apart_all_devices_show_the_later_one() {
    let mut world = World::talking(73, 2);
    world.cut(HERE);
    world.cut(THERE);
    call(&mut world, HERE, Some("Bobby"));
    call(&mut world, THERE, Some("Robert"));
    call(&mut world, THERE, Some("Robert the Great"));
    for index in [HERE, THERE] {
        world.connect(index);
        deliver(&mut world);
    }
    let shown = nickname(&mut world, HERE);
    assert_eq!(shown.as_deref(), Some("Robert the Great"));
    assert_eq!(nickname(&mut world, THERE), shown);
}

#[test]
fn a_draft_survives_a_server_that_goes_back() {
    let mut world = World::talking(65, 2);
    world.act(Action::Keep);
    type_text(&mut world, HERE, "half a thought");
    world.settle_drafts();
    for index in 0..world.devices.len() {
        world.cut(index);
    }
    world.act(Action::RollBack);
    world.must_settle();
    world.settle_drafts();
    world.add_device(0);
    world.must_settle();
    world.settle_drafts();
    for index in [HERE, THERE, world.devices.len() - 1] {
        assert_eq!(draft(&mut world, index), "half a thought", "device {index}");
    }
}

#[test]
fn an_old_value_that_a_server_shows_again_changes_nothing() {
    let mut world = World::talking(66, 2);
    type_text(&mut world, HERE, "old");
    world.settle_drafts();
    let mut oldest = HashMap::new();
    world.lie_to(
        THERE,
        EachFrame(move |mut frame: ServerFrame| {
            for record in frame.body.as_mut().map(records_of).unwrap_or_default() {
                let old = oldest
                    .entry(record.conversation_id.clone())
                    .or_insert_with(|| record.clone());
                (record.sealed, record.revision) = (old.sealed.clone(), old.revision);
            }
            vec![frame]
        }),
    );
    world.cut(THERE);
    world.connect(THERE);
    deliver(&mut world);
    type_text(&mut world, THERE, "new");
    world.settle_drafts();
    assert_eq!(draft(&mut world, THERE), "new");
    world.lie_to(THERE, Honest);
    world.cut(THERE);
    world.connect(THERE);
    world.settle_drafts();
    assert_eq!(
        (draft(&mut world, HERE), draft(&mut world, THERE)),
        ("new".to_owned(), "new".to_owned())
    );
}

#[test]
fn a_record_that_no_device_has_written_is_refused_and_replaced() {
    let mut world = World::talking(67, 2);
    type_text(&mut world, HERE, "half a thought");
    world.settle_drafts();
    told(&mut world, THERE);
    world.lie_to(
        THERE,
        EachFrame(|mut frame: ServerFrame| {
            for record in frame.body.as_mut().map(records_of).unwrap_or_default() {
                let mut sealed = record.sealed.to_vec();
                if let Some(last) = sealed.last_mut() {
                    *last ^= 1;
                }
                record.sealed = sealed.into();
            }
            vec![frame]
        }),
    );
    type_text(&mut world, HERE, "a whole thought");
    world.settle_drafts();
    assert_eq!(draft(&mut world, THERE), "half a thought");
    let warnings = told(&mut world, THERE);
    assert!(
        warnings.iter().any(|warning| matches!(
            warning,
            Warning::ServerMisbehaved {
                how: Misbehaviour::RecordForged,
                ..
            }
        )),
        "{warnings:?}"
    );
    world.lie_to(THERE, Honest);
    world.settle_drafts();
    let both = draft(&mut world, HERE);
    assert_eq!(draft(&mut world, THERE), both);
    assert!(both.contains("a whole thought"), "{both}");
}
