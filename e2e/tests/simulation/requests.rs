//! What strangers begin waits for a decision, which holds on all devices of the account; nobody learns anything before. Who
//! is blocked does not get through.

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};
use subrosa_engine::{
    Audience, ChatId, Command, CommandError, Conversation, ConversationState, MessageStatus, Presence,
    Privacy, Standing, content::SendToken,
};

use crate::{
    groups::{account, create, group, insist, members, refusal},
    recovery::deliver,
    world::World,
};

/// The devices of one account are 0 and 2, those of the other 1 and 3.
const ALICE: usize = 0;
const BOB: [usize; 2] = [1, 3];

/// Two accounts that have not talked.
fn strangers(seed: u64) -> World {
    World::that_asks(seed).with_devices(2)
}

/// The conversation with another account's device, if the list has it.
fn listed(world: &mut World, index: usize, other: usize) -> Option<Conversation> {
    let other = account(world, other);
    let conversations = world.devices[index].engine().conversations();
    let mut conversations = conversations.expect("they are readable").into_iter();
    conversations.find(|conversation| {
        conversation
            .with
            .as_ref()
            .is_some_and(|with| with.account_id == other)
    })
}

fn chat_with(world: &mut World, index: usize, other: usize) -> ChatId {
    let other = account(world, other);
    let chat = world.devices[index].engine().direct_chat_with(other);
    chat.expect("it is readable").expect("there is one")
}

fn standing(world: &mut World, index: usize, other: usize) -> Option<Standing> {
    listed(world, index, other).map(|conversation| conversation.standing)
}

fn write(world: &mut World, index: usize, other: usize, text: &str) {
    let person = world.person(world.devices[other].account);
    insist(world, index, &Command::OpenDirect(person));
    let command = Command::SendText {
        chat: chat_with(world, index, other),
        text: text.to_owned(),
        token: SendToken::random(&mut ChaCha20Rng::seed_from_u64((text.len() * 8 + index) as u64)),
    };
    insist(world, index, &command);
    world.must_settle();
}

fn decide(world: &mut World, index: usize, other: usize, decide: fn(ChatId) -> Command) {
    let command = decide(chat_with(world, index, other));
    insist(world, index, &command);
    world.must_settle();
}

fn block(world: &mut World, index: usize, other: usize, is_blocked: bool) {
    let command = Command::Block(account(world, other), is_blocked);
    insist(world, index, &command);
    world.must_settle();
}

fn texts(world: &mut World, index: usize, other: usize) -> Vec<String> {
    let chat = chat_with(world, index, other);
    let messages = world.devices[index].engine().messages(chat, None, 100);
    messages
        .expect("they are readable")
        .into_iter()
        .map(|message| message.text)
        .collect()
}

/// How far the newest message of a device has come.
fn status(world: &mut World, index: usize, other: usize) -> MessageStatus {
    let chat = chat_with(world, index, other);
    let messages = world.devices[index].engine().messages(chat, None, 100);
    let messages = messages.expect("they are readable");
    let own = messages.iter().rfind(|message| message.outgoing);
    own.expect("it has sent something").status
}

fn presence(world: &mut World, index: usize, of: usize) -> Presence {
    let of = account(world, of);
    world.devices[index]
        .engine()
        .presence(of)
        .expect("it is readable")
}

#[test]
fn nobody_learns_that_a_stranger_was_read_until_the_user_accepts_on_any_device() {
    let mut world = strangers(901);
    for index in [ALICE, BOB[0]] {
        world.step(index, Command::SetHere(true)).expect("it is taken");
    }
    write(&mut world, ALICE, BOB[0], "hello");
    assert_eq!(standing(&mut world, ALICE, BOB[0]), Some(Standing::Accepted));
    for index in BOB {
        assert_eq!(
            standing(&mut world, index, ALICE),
            Some(Standing::Request),
            "device {index}"
        );
        let chat = chat_with(&mut world, index, ALICE);
        insist(&mut world, index, &Command::MarkRead(chat));
        let typing = Command::Type {
            chat,
            is_typing: true,
        };
        insist(&mut world, index, &typing);
        deliver(&mut world);
    }
    assert_eq!(status(&mut world, ALICE, BOB[0]), MessageStatus::Sent);
    let chat = chat_with(&mut world, ALICE, BOB[0]);
    assert_eq!(world.devices[ALICE].engine().typing(chat), []);
    assert_eq!(presence(&mut world, ALICE, BOB[0]), Presence::Unknown);

    decide(&mut world, BOB[1], ALICE, Command::Accept);
    for index in BOB {
        assert_eq!(
            standing(&mut world, index, ALICE),
            Some(Standing::Accepted),
            "device {index}"
        );
    }
    assert_eq!(status(&mut world, ALICE, BOB[0]), MessageStatus::Read);
}

#[test]
fn whoever_replies_has_accepted() {
    let mut world = strangers(902);
    write(&mut world, ALICE, BOB[0], "hello");
    write(&mut world, BOB[0], ALICE, "hello you");
    for index in BOB {
        assert_eq!(
            standing(&mut world, index, ALICE),
            Some(Standing::Accepted),
            "device {index}"
        );
    }
    // Whoever was written to has begun nothing with others.
    assert_eq!(standing(&mut world, ALICE, BOB[0]), Some(Standing::Accepted));
    assert!(status(&mut world, ALICE, BOB[0]) >= MessageStatus::Delivered);
}

#[test]
fn what_was_declined_is_out_of_the_list_until_the_stranger_writes_again() {
    let mut world = strangers(903);
    write(&mut world, ALICE, BOB[0], "hello");
    decide(&mut world, BOB[0], ALICE, Command::Decline);
    for index in BOB {
        assert_eq!(standing(&mut world, index, ALICE), None, "device {index}");
    }
    assert_eq!(status(&mut world, ALICE, BOB[0]), MessageStatus::Sent);
    world.wait(std::time::Duration::from_hours(3));
    write(&mut world, ALICE, BOB[0], "are you there?");
    for index in BOB {
        assert_eq!(
            standing(&mut world, index, ALICE),
            Some(Standing::Request),
            "device {index}"
        );
    }
    // What is wanted cannot be declined.
    decide(&mut world, BOB[0], ALICE, Command::Accept);
    let command = Command::Decline(chat_with(&mut world, BOB[0], ALICE));
    assert_eq!(refusal(&mut world, BOB[0], command), CommandError::NotARequest);
}

#[test]
fn whoever_looks_for_somebody_declined_finds_what_they_wrote() {
    let mut world = strangers(904);
    write(&mut world, ALICE, BOB[0], "hello");
    decide(&mut world, BOB[0], ALICE, Command::Decline);
    let alice = world.person(0);
    insist(&mut world, BOB[0], &Command::OpenDirect(alice));
    world.must_settle();
    for index in BOB {
        assert_eq!(
            standing(&mut world, index, ALICE),
            Some(Standing::Request),
            "device {index}"
        );
    }
}

#[test]
fn what_somebody_blocked_writes_is_dropped_on_all_devices_and_they_do_not_learn_of_it() {
    let mut world = strangers(905);
    write(&mut world, ALICE, BOB[0], "hello");
    write(&mut world, BOB[0], ALICE, "hi");
    block(&mut world, BOB[0], ALICE, true);
    write(&mut world, ALICE, BOB[0], "you cannot read this");
    for index in BOB {
        assert_eq!(texts(&mut world, index, ALICE), ["hello", "hi"], "device {index}");
    }
    assert_eq!(status(&mut world, ALICE, BOB[0]), MessageStatus::Sent);
    let command = Command::SendText {
        chat: chat_with(&mut world, BOB[1], ALICE),
        text: "?".to_owned(),
        token: SendToken::from_bytes([9; 16]),
    };
    assert_eq!(refusal(&mut world, BOB[1], command), CommandError::PersonBlocked);
    // On any device it ends.
    block(&mut world, BOB[1], ALICE, false);
    write(&mut world, ALICE, BOB[0], "but this");
    for index in BOB {
        assert_eq!(
            texts(&mut world, index, ALICE),
            ["hello", "hi", "but this"],
            "device {index}"
        );
    }
    assert!(status(&mut world, ALICE, BOB[0]) >= MessageStatus::Delivered);
}

// The device that was away dropped what was written after the other one had unblocked the writer.
#[test]
fn what_is_written_after_another_device_has_unblocked_somebody_is_not_dropped() {
    let mut world = strangers(913);
    write(&mut world, ALICE, BOB[0], "hello");
    write(&mut world, BOB[0], ALICE, "hi");
    block(&mut world, BOB[0], ALICE, true);
    world.cut(BOB[0]);
    let command = Command::Block(account(&world, ALICE), false);
    insist(&mut world, BOB[1], &command);
    deliver(&mut world);
    let command = Command::SendText {
        chat: chat_with(&mut world, ALICE, BOB[0]),
        text: "you can read this again".to_owned(),
        token: SendToken::from_bytes([8; 16]),
    };
    insist(&mut world, ALICE, &command);
    deliver(&mut world);
    world.connect(BOB[0]);
    deliver(&mut world);
    for index in BOB {
        let shown = texts(&mut world, index, ALICE);
        assert_eq!(
            shown,
            ["hello", "hi", "you can read this again"],
            "device {index}"
        );
    }
}

#[test]
fn somebody_blocked_sees_neither_presence_nor_typing() {
    let mut world = World::that_asks(906).with_devices(1);
    let (alice, bob) = (0, 1);
    write(&mut world, alice, bob, "hello");
    write(&mut world, bob, alice, "hi");
    world.step(bob, Command::SetHere(true)).expect("it is taken");
    deliver(&mut world);
    assert_eq!(presence(&mut world, alice, bob), Presence::Here);
    let command = Command::Block(account(&world, alice), true);
    insist(&mut world, bob, &command);
    deliver(&mut world);
    assert_ne!(presence(&mut world, alice, bob), Presence::Here);
    let chat = chat_with(&mut world, bob, alice);
    insist(
        &mut world,
        bob,
        &Command::Type {
            chat,
            is_typing: true,
        },
    );
    world.step(bob, Command::SetHere(false)).expect("it is taken");
    world.step(bob, Command::SetHere(true)).expect("it is taken");
    deliver(&mut world);
    let there = chat_with(&mut world, alice, bob);
    assert_eq!(world.devices[alice].engine().typing(there), []);
    assert_ne!(presence(&mut world, alice, bob), Presence::Here);
}

#[test]
fn a_request_of_somebody_blocked_is_in_no_list() {
    let mut world = strangers(907);
    write(&mut world, ALICE, BOB[0], "hello");
    block(&mut world, BOB[1], ALICE, true);
    for index in BOB {
        assert_eq!(standing(&mut world, index, ALICE), None, "device {index}");
    }
    block(&mut world, BOB[0], ALICE, false);
    for index in BOB {
        assert_eq!(
            standing(&mut world, index, ALICE),
            Some(Standing::Request),
            "device {index}"
        );
    }
}

/// Three accounts with a device each; the first one makes a group with the others.
fn invited(seed: u64) -> World {
    let mut world = World::that_asks(seed).with_accounts(3);
    let command = create(&world, &[1, 2]);
    insist(&mut world, 0, &command);
    world.must_settle();
    world
}

#[test]
fn whoever_declines_a_group_is_out_of_it_and_others_see_that_they_have_left() {
    let mut world = invited(908);
    assert_eq!(
        group(&mut world.devices[0]).map(|group| group.standing),
        Some(Standing::Accepted)
    );
    let (owner, asked) = (
        account(&world, 0),
        group(&mut world.devices[1]).expect("it has it"),
    );
    assert_eq!(asked.standing, Standing::Request);
    assert_eq!(asked.added_by, Some(owner));
    insist(&mut world, 1, &Command::Decline(asked.id));
    world.must_settle();
    let declined = group(&mut world.devices[1]).expect("it is kept");
    assert_eq!(declined.state, ConversationState::Removed);
    assert!(declined.is_hidden);
    assert_eq!(members(&mut world.devices[0]).len(), 2);

    // Whoever is asked again may think otherwise.
    let bob = world.person(1);
    let chat = group(&mut world.devices[0]).expect("it has it").id;
    insist(
        &mut world,
        0,
        &Command::AddMembers {
            chat,
            people: vec![bob],
        },
    );
    world.must_settle();
    let asked = group(&mut world.devices[1]).expect("it has it");
    assert_eq!(
        (asked.standing, asked.state),
        (Standing::Request, ConversationState::Joined)
    );
    insist(&mut world, 1, &Command::Accept(asked.id));
    world.must_settle();
    assert_eq!(
        group(&mut world.devices[1]).map(|group| group.standing),
        Some(Standing::Accepted)
    );
}

// What was wanted waited for a decision that nobody was asked for.
#[test]
fn whoever_changes_a_group_has_accepted_it_and_whoever_leaves_it_has_declined() {
    let mut world = invited(914);
    let chat = |world: &mut World, index: usize| group(&mut world.devices[index]).expect("it has it").id;
    let asked = chat(&mut world, 0);
    let rights = subrosa_engine::Rights {
        profile: subrosa_engine::Role::Member,
        ..subrosa_engine::Rights::DEFAULT
    };
    insist(&mut world, 0, &Command::SetRights { chat: asked, rights });
    world.must_settle();
    let rename = Command::Rename {
        chat: chat(&mut world, 1),
        name: "Apples".to_owned(),
    };
    insist(&mut world, 1, &rename);
    let leave = Command::Leave {
        chat: chat(&mut world, 2),
        successor: None,
    };
    insist(&mut world, 2, &leave);
    world.must_settle();
    let renamed = group(&mut world.devices[0]).expect("it has it");
    assert_eq!(renamed.title.as_deref(), Some("Apples"));
    assert_eq!(members(&mut world.devices[0]).len(), 2);
    assert_eq!(
        group(&mut world.devices[1]).map(|group| group.standing),
        Some(Standing::Accepted)
    );
    assert!(group(&mut world.devices[2]).is_some_and(|group| group.is_hidden));
}

#[test]
fn nothing_that_a_device_does_shows_in_a_group_before_the_user_accepts() {
    let mut world = invited(909);
    crate::groups::say(&mut world, 0, "hello");
    world.must_settle();
    world.wait(std::time::Duration::from_hours(24 * 8));
    world.must_settle();
    let epoch = |world: &mut World| {
        let chat = group(&mut world.devices[0]).expect("it has it").id;
        world.devices[0].engine().epoch(chat).expect("it is readable")
    };
    let before = epoch(&mut world);
    let messages = crate::groups::texts(&mut world.devices[1]);
    assert_eq!(messages, ["hello"]);
    let asked = group(&mut world.devices[1]).expect("it has it").id;
    insist(&mut world, 1, &Command::MarkRead(asked));
    world.must_settle();
    let member = account(&world, 1);
    let chat = group(&mut world.devices[0]).expect("it has it").id;
    let reported = world.devices[0]
        .engine()
        .members(chat)
        .expect("they are readable");
    let reported = reported.into_iter().find(|row| row.account_id == member);
    assert_eq!(
        reported.map(|row| (row.delivered_up_to, row.read_up_to)),
        Some((0, 0))
    );
    insist(&mut world, 1, &Command::Accept(asked));
    world.must_settle();
    assert!(epoch(&mut world) > before, "its key is renewed now");
    let reported = world.devices[0]
        .engine()
        .members(chat)
        .expect("they are readable");
    let reported = reported.into_iter().find(|row| row.account_id == member);
    assert!(reported.is_some_and(|row| row.read_up_to > 0));
}

#[test]
fn people_who_are_known_need_no_decision_to_add_and_blocked_ones_get_a_leave_at_once() {
    let mut world = World::that_asks(910).with_accounts(3);
    write(&mut world, 1, 0, "hello");
    write(&mut world, 2, 0, "hello, too");
    let owner = account(&world, 0);
    insist(&mut world, 2, &Command::Block(owner, true));
    world.must_settle();
    let command = create(&world, &[1, 2]);
    insist(&mut world, 0, &command);
    world.must_settle();
    assert_eq!(
        group(&mut world.devices[1]).map(|group| group.standing),
        Some(Standing::Accepted)
    );
    let blocked = group(&mut world.devices[2]).expect("it has been in it");
    assert!(blocked.is_hidden, "{blocked:?}");
    assert_eq!(blocked.state, ConversationState::Removed);
    assert_eq!(members(&mut world.devices[0]).len(), 2);
}

#[test]
fn each_audience_decides_who_needs_no_decision() {
    for (audience, known, unknown) in [
        (Audience::Everybody, Standing::Accepted, Standing::Accepted),
        (Audience::Known, Standing::Accepted, Standing::Request),
        (Audience::Nobody, Standing::Request, Standing::Request),
    ] {
        let mut world = World::that_asks(911).with_accounts(3);
        let chosen = Privacy {
            writers: audience,
            adders: audience,
            ..Privacy::default()
        };
        insist(&mut world, 2, &Command::SetPrivacy(chosen));
        // The first one is known by the nickname, and the second one not at all.
        let person = world.person(0);
        insist(&mut world, 2, &Command::OpenDirect(person));
        let nickname = Command::SetNickname(account(&world, 0), Some("Allie".to_owned()));
        insist(&mut world, 2, &nickname);
        world.must_settle();
        write(&mut world, 0, 2, "hello");
        write(&mut world, 1, 2, "hello");
        assert_eq!(standing(&mut world, 2, 0), Some(known), "{audience:?}");
        assert_eq!(standing(&mut world, 2, 1), Some(unknown), "{audience:?}");
        let command = create(&world, &[2]);
        insist(&mut world, 1, &command);
        world.must_settle();
        assert_eq!(
            group(&mut world.devices[2]).map(|group| group.standing),
            Some(unknown),
            "{audience:?}"
        );
    }
}

#[test]
fn a_new_device_knows_which_conversations_are_wanted_and_asks_about_the_others() {
    let mut world = World::that_asks(912).with_accounts(3);
    write(&mut world, 1, 0, "hello");
    world.cut(1);
    world.cut(0);
    // Nobody of the account is there when the stranger writes.
    let person = world.person(1);
    insist(&mut world, 2, &Command::OpenDirect(person));
    let command = Command::SendText {
        chat: chat_with(&mut world, 2, 1),
        text: "hello".to_owned(),
        token: SendToken::from_bytes([1; 16]),
    };
    insist(&mut world, 2, &command);
    deliver(&mut world);
    world.add_device(1);
    deliver(&mut world);
    world.must_settle();
    let newest = world.devices.len() - 1;
    assert_eq!(standing(&mut world, newest, 0), Some(Standing::Accepted));
    assert_eq!(standing(&mut world, newest, 2), Some(Standing::Request));
}
