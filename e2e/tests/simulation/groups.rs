//! Groups: everybody agrees on members, roles, name and messages, whoever does what at once, and whoever crashes over it.

use std::{collections::BTreeSet, time::Duration};

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use subrosa_engine::{
    ChatId, Command, CommandError, Conversation, ConversationKind, ConversationState, GivenUp, MessageStatus,
    NoticeKind, Role, Warning, Wish, content::SendToken,
};
use subrosa_wire::{AccountId, ConversationId};

use crate::{
    device::{Device, Halt},
    world::{RETENTION, World},
};

const GROUP: ConversationId = ConversationId::from_bytes(*b"one of the group");
/// What a user who has not seen that it was done tries.
const ATTEMPTS_MAX: usize = 20;

pub(crate) fn chat(device: &mut Device) -> ChatId {
    let chat = device.engine().chat_by_conversation_id(GROUP);
    chat.expect("conversations are readable")
        .expect("it has the group")
}

pub(crate) fn group(device: &mut Device) -> Option<Conversation> {
    let found = device.engine().chat_by_conversation_id(GROUP);
    let chat = found.expect("conversations are readable")?;
    device
        .engine()
        .conversation(chat)
        .expect("conversations are readable")
}

pub(crate) fn members(device: &mut Device) -> Vec<(AccountId, Role)> {
    let chat = chat(device);
    let members = device.engine().members(chat).expect("members are readable");
    members
        .into_iter()
        .map(|member| (member.account_id, member.role))
        .collect()
}

/// The texts in the group, in the order of display.
pub(crate) fn texts(device: &mut Device) -> Vec<String> {
    let chat = chat(device);
    let messages = device.engine().messages(chat, None, 1_000);
    let messages = messages.expect("messages are readable");
    messages.into_iter().map(|message| message.text).collect()
}

pub(crate) fn account(world: &World, index: usize) -> AccountId {
    world.devices[index].session.account_id
}

/// Says something in the group.
pub(crate) fn say(world: &mut World, index: usize, text: &str) {
    let mut rng = ChaCha20Rng::seed_from_u64(text.len() as u64 * 31 + index as u64);
    let command = Command::SendText {
        chat: chat(&mut world.devices[index]),
        text: text.to_owned(),
        token: SendToken::random(&mut rng),
    };
    insist(world, index, &command);
}

/// A user who has not seen that it was done asks again.
pub(crate) fn insist(world: &mut World, index: usize, command: &Command) {
    for _ in 0..ATTEMPTS_MAX {
        match world.step(index, command.clone()) {
            Ok(()) => return,
            Err(Halt::Died | Halt::Failed) => {}
            Err(Halt::Refused(error)) => panic!("refused: {error}"),
        }
    }
    panic!("it dies each time");
}

/// What the engine says to a command that it does not accept.
pub(crate) fn refusal(world: &mut World, index: usize, command: Command) -> CommandError {
    world.devices[index].is_hostile = true;
    let refused = world.step(index, command);
    world.devices[index].is_hostile = false;
    match refused {
        Err(Halt::Refused(error)) => error,
        other => panic!("not refused: {other:?}"),
    }
}

pub(crate) fn create(world: &World, others: &[usize]) -> Command {
    Command::CreateGroup {
        conversation_id: GROUP,
        group: "Harvest".into(),
        people: others.iter().map(|other| world.person(*other)).collect(),
    }
}

pub(crate) fn add(world: &mut World, index: usize, others: &[usize]) {
    let command = Command::AddMembers {
        chat: chat(&mut world.devices[index]),
        people: others.iter().map(|other| world.person(*other)).collect(),
    };
    insist(world, index, &command);
}

pub(crate) fn removal(world: &mut World, index: usize, of: usize) -> Command {
    Command::RemoveMember {
        chat: chat(&mut world.devices[index]),
        account: account(world, of),
    }
}

pub(crate) fn gift(world: &mut World, index: usize, to: usize, role: Role) -> Command {
    Command::GiveRole {
        chat: chat(&mut world.devices[index]),
        account: account(world, to),
        role,
    }
}

/// Accounts of which the first founds a group with the next two.
pub(crate) fn club(seed: u64, accounts: usize) -> World {
    let mut world = World::of_accounts(seed, accounts);
    let command = create(&world, &[1, 2]);
    insist(&mut world, 0, &command);
    world.must_settle();
    world
}

/// Everybody of these agrees on everything.
pub(crate) fn agree(world: &mut World, indexes: &[usize]) {
    world.must_settle();
    let (first, rest) = indexes.split_first().expect("somebody");
    let expected = (
        members(&mut world.devices[*first]),
        group(&mut world.devices[*first]).and_then(|group| group.title),
    );
    let accounts: Vec<_> = expected.0.iter().map(|(account, _)| *account).collect();
    let mut is_here: Vec<_> = indexes.iter().map(|index| account(world, *index)).collect();
    is_here.sort();
    is_here.dedup();
    assert_eq!(accounts, is_here);
    for index in rest {
        let device = &mut world.devices[*index];
        let found = (members(device), group(device).and_then(|group| group.title));
        assert_eq!(found, expected, "device {index}");
    }
    for index in indexes {
        let device = &mut world.devices[*index];
        assert_eq!(
            group(device).map(|group| group.state),
            Some(ConversationState::Joined)
        );
        assert_eq!(device.warnings, [], "device {index}");
    }
}

/// The lines of a device's group that are no messages, by kind, with who did it to whom.
pub(crate) fn lines(device: &Device) -> Vec<(NoticeKind, Option<AccountId>, Vec<AccountId>)> {
    let notices = device.notices.iter();
    notices
        .map(|notice| (notice.kind, notice.by, notice.who.clone()))
        .collect()
}

/// Expects that this line is the last of the first devices, as many as said.
pub(crate) fn end_with(
    world: &World,
    devices: usize,
    line: &(NoticeKind, Option<AccountId>, Vec<AccountId>),
) {
    for (index, device) in world.devices[..devices].iter().enumerate() {
        assert_eq!(lines(device).last(), Some(line), "device {index}");
    }
}

#[test]
fn a_group_is_made_with_its_members_and_everybody_knows_its_name() {
    let mut world = club(1, 3);
    agree(&mut world, &[0, 1, 2]);
    let [alice, bob, carol] = [0, 1, 2].map(|index| account(&world, index));
    let mut expected = vec![(alice, Role::Owner), (bob, Role::Member), (carol, Role::Member)];
    expected.sort();
    assert_eq!(members(&mut world.devices[0]), expected);
    for index in 0..3 {
        let group = group(&mut world.devices[index]).expect("a group");
        assert_eq!(group.title.as_deref(), Some("Harvest"));
        assert_eq!((group.kind, group.with), (ConversationKind::Group, None));
    }
    assert_eq!(
        lines(&world.devices[0]),
        [(NoticeKind::Created, Some(alice), vec![])]
    );
    for (index, me) in [(1, bob), (2, carol)] {
        let added = (NoticeKind::Added, Some(alice), vec![me]);
        assert_eq!(lines(&world.devices[index]), [added]);
    }
    for index in 0..3 {
        say(&mut world, index, "hello");
    }
    world.must_settle();
    for index in 0..3 {
        assert_eq!(texts(&mut world.devices[index]), ["hello"; 3]);
    }
}

#[test]
fn a_message_is_delivered_once_all_others_have_it() {
    let mut world = club(2, 3);
    world.cut(2);
    say(&mut world, 0, "to both");
    let status = |world: &mut World| {
        let chat = chat(&mut world.devices[0]);
        let messages = world.devices[0].engine().messages(chat, None, 10);
        messages
            .expect("messages are readable")
            .pop()
            .map(|message| message.status)
    };
    for _ in 0..10 {
        world.wait(Duration::from_secs(1));
        while world.deliver_all() {}
    }
    assert_eq!(status(&mut world), Some(MessageStatus::Sent));
    world.must_settle();
    assert_eq!(status(&mut world), Some(MessageStatus::Delivered));
}

#[test]
fn whoever_is_added_reads_from_then_on_and_learns_the_name() {
    let mut world = club(3, 4);
    say(&mut world, 0, "before");
    world.must_settle();
    // A member without any role adds, by default.
    add(&mut world, 1, &[3]);
    agree(&mut world, &[0, 1, 2, 3]);
    say(&mut world, 2, "after");
    world.must_settle();
    assert_eq!(texts(&mut world.devices[3]), ["after"]);
    let [bob, dave] = [1, 3].map(|index| account(&world, index));
    let added = (NoticeKind::Added, Some(bob), vec![dave]);
    end_with(&world, 4, &added);
}

#[test]
fn whoever_is_removed_is_told_so_reads_nothing_after_and_cannot_write() {
    let mut world = club(4, 3);
    say(&mut world, 0, "before");
    world.must_settle();
    let command = removal(&mut world, 0, 2);
    insist(&mut world, 0, &command);
    world.must_settle();
    say(&mut world, 1, "without Carol");
    agree(&mut world, &[0, 1]);
    let [alice, carol] = [0, 2].map(|index| account(&world, index));
    let removed = (NoticeKind::Removed, Some(alice), vec![carol]);
    end_with(&world, 3, &removed);
    let device = &mut world.devices[2];
    assert_eq!(
        group(device).map(|group| group.state),
        Some(ConversationState::Removed)
    );
    assert_eq!(texts(device), ["before"]);
    assert_eq!(device.warnings, []);
    let command = Command::SendText {
        chat: chat(device),
        text: "still here?".to_owned(),
        token: SendToken::random(&mut ChaCha20Rng::seed_from_u64(1)),
    };
    assert_eq!(refusal(&mut world, 2, command), CommandError::NotAMember);
}

#[test]
fn whoever_was_away_when_removed_learns_it_afterwards_and_what_waited_has_failed() {
    let mut world = club(5, 3);
    world.cut(2);
    say(&mut world, 2, "too late");
    let command = removal(&mut world, 0, 2);
    insist(&mut world, 0, &command);
    while world.deliver_all() {}
    say(&mut world, 0, "without Carol");
    while world.deliver_all() {}
    world.must_settle();
    let device = &mut world.devices[2];
    assert_eq!(
        group(device).map(|group| group.state),
        Some(ConversationState::Removed)
    );
    let chat = chat(device);
    let messages = device
        .engine()
        .messages(chat, None, 10)
        .expect("messages are readable");
    let found: Vec<_> = messages
        .iter()
        .map(|message| (message.text.as_str(), message.status))
        .collect();
    assert_eq!(found, [("too late", MessageStatus::Failed)]);
    assert_eq!(device.warnings, []);
    // And it stays so.
    world.must_settle();
    assert_eq!(
        group(&mut world.devices[2]).map(|group| group.state),
        Some(ConversationState::Removed)
    );
}

#[test]
fn whoever_was_removed_can_be_added_again_and_goes_on_in_the_same_conversation() {
    let mut world = club(6, 3);
    say(&mut world, 0, "before");
    world.must_settle();
    let first = chat(&mut world.devices[2]);
    let command = removal(&mut world, 0, 2);
    insist(&mut world, 0, &command);
    world.must_settle();
    say(&mut world, 0, "not for Carol");
    world.must_settle();
    add(&mut world, 1, &[2]);
    agree(&mut world, &[0, 1, 2]);
    say(&mut world, 0, "with Carol");
    say(&mut world, 2, "back again");
    agree(&mut world, &[0, 1, 2]);
    assert_eq!(chat(&mut world.devices[2]), first);
    assert_eq!(
        texts(&mut world.devices[2]),
        ["before", "with Carol", "back again"]
    );
}

// A device that was away meanwhile heard of the removal first, and of nothing more on that connection.
#[test]
fn whoever_was_removed_and_added_again_while_away_is_a_member() {
    let mut world = club(19, 3);
    say(&mut world, 0, "before");
    world.must_settle();
    world.cut(2);
    let command = removal(&mut world, 0, 2);
    insist(&mut world, 0, &command);
    while world.deliver_all() {}
    add(&mut world, 1, &[2]);
    while world.deliver_all() {}
    agree(&mut world, &[0, 1, 2]);
    say(&mut world, 0, "with Carol");
    say(&mut world, 2, "back again");
    agree(&mut world, &[0, 1, 2]);
    assert_eq!(
        texts(&mut world.devices[2]),
        ["before", "with Carol", "back again"]
    );
}

// A device that comes back says what it has, and others send again what it lacks: whoever was just added and claimed to have
// nothing was sent what had been said before.
#[test]
fn whoever_comes_back_is_sent_nothing_from_before_it_was_added() {
    let mut world = club(13, 4);
    say(&mut world, 0, "before Dave");
    world.must_settle();
    add(&mut world, 0, &[3]);
    agree(&mut world, &[0, 1, 2, 3]);
    world.devices[3].back_up();
    say(&mut world, 0, "with Dave");
    agree(&mut world, &[0, 1, 2, 3]);
    say(&mut world, 3, "from Dave");
    agree(&mut world, &[0, 1, 2, 3]);
    world.cut(3);
    world.devices[3].put_back();
    for _ in 0..3 {
        world.must_settle();
        world.wait(Duration::from_mins(6));
    }
    world.must_settle();
    let texts = texts(&mut world.devices[3]);
    assert!(texts.iter().any(|text| text == "with Dave"), "{texts:?}");
    assert!(texts.iter().all(|text| text != "before Dave"), "{texts:?}");
}

#[test]
fn two_who_want_the_same_at_once_both_get_it() {
    let mut world = club(7, 4);
    add(&mut world, 0, &[3]);
    add(&mut world, 1, &[3]);
    agree(&mut world, &[0, 1, 2, 3]);
    let command = removal(&mut world, 0, 3);
    insist(&mut world, 0, &command);
    say(&mut world, 1, "meanwhile");
    add(&mut world, 2, &[3]);
    world.must_settle();
    // Both wishes were carried out, in some order.
    let with_dave: BTreeSet<_> = members(&mut world.devices[0]).into_iter().collect();
    assert_eq!(with_dave, members(&mut world.devices[1]).into_iter().collect());
    assert_eq!(with_dave, members(&mut world.devices[2]).into_iter().collect());
}

#[test]
fn whoever_is_banned_goes_and_stays_out_until_readmitted() {
    let mut world = club(14, 3);
    let chat = chat(&mut world.devices[0]);
    let carol = account(&world, 2);
    insist(&mut world, 0, &Command::Ban { chat, account: carol });
    agree(&mut world, &[0, 1]);
    let chat_of_bob = crate::groups::chat(&mut world.devices[1]);
    let again = Command::AddMembers {
        chat: chat_of_bob,
        people: vec![world.person(2)],
    };
    assert_eq!(refusal(&mut world, 1, again), CommandError::Banned);
    let readmit = Command::Readmit {
        chat: chat_of_bob,
        account: carol,
    };
    assert_eq!(refusal(&mut world, 1, readmit), CommandError::NotPermitted);
    insist(&mut world, 0, &Command::Readmit { chat, account: carol });
    world.must_settle();
    add(&mut world, 1, &[2]);
    agree(&mut world, &[0, 1, 2]);
}

#[test]
fn roles_are_given_seen_and_make_a_difference() {
    let mut world = club(8, 3);
    let command = removal(&mut world, 1, 2);
    assert_eq!(refusal(&mut world, 1, command), CommandError::NotPermitted);
    let command = gift(&mut world, 1, 1, Role::Admin);
    assert_eq!(refusal(&mut world, 1, command), CommandError::NotPermitted);
    let command = gift(&mut world, 0, 1, Role::Admin);
    insist(&mut world, 0, &command);
    agree(&mut world, &[0, 1, 2]);
    let [alice, bob] = [0, 1].map(|index| account(&world, index));
    let given = (NoticeKind::RoleGiven(Role::Admin), Some(alice), vec![bob]);
    end_with(&world, 3, &given);
    let command = removal(&mut world, 1, 2);
    insist(&mut world, 1, &command);
    agree(&mut world, &[0, 1]);
}

#[test]
fn a_wish_that_is_no_longer_permitted_is_given_up_and_the_user_told() {
    let mut world = club(9, 3);
    let command = gift(&mut world, 0, 1, Role::Admin);
    insist(&mut world, 0, &command);
    agree(&mut world, &[0, 1, 2]);
    world.cut(1);
    let command = removal(&mut world, 1, 2);
    insist(&mut world, 1, &command);
    let [bob, carol] = [1, 2].map(|index| account(&world, index));
    let chat = chat(&mut world.devices[1]);
    let wishes = world.devices[1].engine().wishes(chat);
    assert_eq!(wishes.expect("wishes are readable"), [(carol, Wish::Remove)]);
    let command = gift(&mut world, 0, 1, Role::Member);
    insist(&mut world, 0, &command);
    while world.deliver_all() {}
    world.must_settle();
    let wishes = world.devices[1].engine().wishes(chat);
    assert_eq!(wishes.expect("wishes are readable"), []);
    let policy = world.devices[1].engine().policy(chat);
    let policy = policy.expect("the group is readable").expect("it is in it");
    assert!(!policy.may_remove(bob, carol) && policy.may_add(bob));
    assert_eq!(
        world.devices[1].warnings,
        [Warning::ChangeGivenUp {
            chat,
            account: carol,
            why: GivenUp::NotPermitted
        }]
    );
    world.devices[1].warnings.clear();
    agree(&mut world, &[0, 1, 2]);
}

#[test]
fn a_new_name_reaches_everybody_and_only_from_those_who_may() {
    let mut world = club(10, 3);
    let name = |world: &mut World, index: usize, name: &str| Command::Rename {
        chat: chat(&mut world.devices[index]),
        name: name.to_owned(),
    };
    let command = name(&mut world, 1, "Bob's");
    assert_eq!(refusal(&mut world, 1, command), CommandError::NotPermitted);
    let command = name(&mut world, 0, "Winter");
    insist(&mut world, 0, &command);
    agree(&mut world, &[0, 1, 2]);
    let renamed = (NoticeKind::Renamed, Some(account(&world, 0)), vec![]);
    for index in 0..3 {
        let group = group(&mut world.devices[index]).expect("a group");
        assert_eq!(group.title.as_deref(), Some("Winter"));
    }
    end_with(&world, 3, &renamed);
}

#[test]
fn a_further_device_of_a_member_is_in_the_group_and_learns_its_name() {
    let mut world = club(11, 3);
    world.add_device(1);
    world.must_settle();
    say(&mut world, 0, "to all devices");
    world.must_settle();
    let new = &mut world.devices[3];
    assert_eq!(texts(new), ["to all devices"]);
    let found = group(new).expect("a group");
    assert_eq!(
        (found.state, found.title.as_deref()),
        (ConversationState::Joined, Some("Harvest"))
    );
    assert_eq!(members(&mut world.devices[3]), members(&mut world.devices[0]));
}

#[test]
fn a_group_is_made_and_changed_whenever_somebody_crashes_over_it() {
    for commits in 0..12 {
        for is_before in [true, false] {
            let mut world = World::of_accounts(100 + u64::from(commits), 4);
            world.devices[0].die_at(commits, is_before);
            let command = create(&world, &[1, 2]);
            insist(&mut world, 0, &command);
            world.must_settle();
            world.devices[1].die_at(commits, is_before);
            add(&mut world, 1, &[3]);
            world.must_settle();
            world.devices[0].die_at(commits, is_before);
            world.devices[2].die_at(commits, is_before);
            let command = removal(&mut world, 0, 2);
            insist(&mut world, 0, &command);
            world.must_settle();
            say(&mut world, 3, "three are left");
            agree(&mut world, &[0, 1, 3]);
            for index in [0, 1, 3] {
                assert_eq!(texts(&mut world.devices[index]), ["three are left"]);
            }
            assert_eq!(
                group(&mut world.devices[2]).map(|group| group.state),
                Some(ConversationState::Removed)
            );
        }
    }
}

#[test]
fn names_and_people_that_cannot_be_are_refused() {
    let mut world = club(12, 3);
    for name in ["", "   ", "a\u{202e}b", &"n".repeat(10_000)] {
        let command = Command::Rename {
            chat: chat(&mut world.devices[0]),
            name: name.to_owned(),
        };
        let refused = refusal(&mut world, 0, command);
        assert!(matches!(refused, CommandError::Name(_)), "{name:.10}: {refused}");
    }
    let command = Command::AddMembers {
        chat: chat(&mut world.devices[0]),
        people: vec![world.person(0)],
    };
    assert_eq!(refusal(&mut world, 0, command), CommandError::OwnAccount);
    // Somebody who is in it already is no news.
    let before = world.devices[0].notices.len();
    add(&mut world, 0, &[1, 1]);
    agree(&mut world, &[0, 1, 2]);
    assert_eq!(world.devices[0].notices.len(), before);
}

// The device of whoever had added somebody applied its own commit and the removal by another together, and then added the
// person again.
#[test]
fn a_removal_by_somebody_else_is_not_undone_by_an_older_wish() {
    let mut world = club(15, 4);
    let command = Command::AddMembers {
        chat: chat(&mut world.devices[1]),
        people: vec![world.person(3)],
    };
    insist(&mut world, 1, &command);
    // The commit reaches the server and the others, and its author sees nothing of that.
    let dave = account(&world, 3);
    for _ in 0..50 {
        world.deliver_to_server(1);
        for _ in 0..5 {
            world.deliver_to_device(0);
            world.deliver_to_server(0);
        }
        if members(&mut world.devices[0])
            .iter()
            .any(|(account, _)| *account == dave)
        {
            break;
        }
        world.deliver_to_device(1);
    }
    assert!(
        members(&mut world.devices[0])
            .iter()
            .any(|(account, _)| *account == dave)
    );
    assert!(
        members(&mut world.devices[1])
            .iter()
            .all(|(account, _)| *account != dave)
    );
    world.cut(1);
    while world.deliver_all() {}
    let command = removal(&mut world, 0, 3);
    insist(&mut world, 0, &command);
    while world.deliver_all() {}
    agree(&mut world, &[0, 1, 2]);
}

#[test]
fn ticks_do_not_wait_for_whoever_came_in_later() {
    let mut world = club(16, 4);
    world.cut(2);
    say(&mut world, 0, "before Dave");
    while world.deliver_all() {}
    add(&mut world, 0, &[3]);
    while world.deliver_all() {}
    agree(&mut world, &[0, 1, 2, 3]);
    let chat = chat(&mut world.devices[0]);
    for _ in 0..10 {
        world.wait(Duration::from_secs(1));
        while world.deliver_all() {}
    }
    let messages = world.devices[0].engine().messages(chat, None, 10);
    let status = messages
        .expect("messages are readable")
        .pop()
        .map(|message| message.status);
    assert_eq!(status, Some(MessageStatus::Delivered));
}

#[test]
fn the_last_owner_stays_one_until_there_is_another() {
    let mut world = club(17, 3);
    let command = gift(&mut world, 0, 0, Role::Member);
    assert_eq!(refusal(&mut world, 0, command), CommandError::LastOwner);
    let command = gift(&mut world, 0, 1, Role::Owner);
    insist(&mut world, 0, &command);
    agree(&mut world, &[0, 1, 2]);
    let command = gift(&mut world, 0, 0, Role::Member);
    insist(&mut world, 0, &command);
    agree(&mut world, &[0, 1, 2]);
    assert!(
        members(&mut world.devices[2])
            .iter()
            .any(|(_, role)| *role == Role::Owner)
    );
}

// The log that showed the removal was gone, and the group stayed as it was for ever.
#[test]
fn whoever_was_removed_learns_it_although_the_log_is_gone() {
    let mut world = club(18, 3);
    world.cut(2);
    say(&mut world, 2, "too late");
    let command = removal(&mut world, 0, 2);
    insist(&mut world, 0, &command);
    while world.deliver_all() {}
    world.wait(RETENTION * 2);
    while world.deliver_all() {}
    world.prune();
    for _ in 0..60 {
        if world.devices[2].link.is_none() {
            world.connect(2);
        }
        while world.deliver_all() {}
        world.wait(Duration::from_secs(10));
    }
    let device = &mut world.devices[2];
    assert_eq!(
        group(device).map(|group| group.state),
        Some(ConversationState::Removed)
    );
    let chat = chat(device);
    let messages = device
        .engine()
        .messages(chat, None, 10)
        .expect("messages are readable");
    assert!(
        messages
            .iter()
            .all(|message| message.status != MessageStatus::Pending)
    );
}
