//! Rights in a group: who writes, adds and renames, and what becomes of what was wished before they changed.

use subrosa_engine::{Command, CommandError, MessageStatus, NoticeKind, Rights, Role, content::SendToken};

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

use crate::{
    groups::{account, agree, chat, club, end_with, gift, insist, refusal, say, texts},
    world::World,
};

const ANNOUNCEMENTS: Rights = Rights {
    post: Role::Admin,
    ..Rights::DEFAULT
};

fn set(world: &mut World, index: usize, rights: Rights) -> Command {
    Command::SetRights {
        chat: chat(&mut world.devices[index]),
        rights,
    }
}

fn text(world: &mut World, index: usize) -> Command {
    Command::SendText {
        chat: chat(&mut world.devices[index]),
        text: "may I?".to_owned(),
        token: SendToken::random(&mut ChaCha20Rng::seed_from_u64(1)),
    }
}

fn rights(world: &mut World, index: usize) -> Option<Rights> {
    let chat = chat(&mut world.devices[index]);
    let policy = world.devices[index].engine().policy(chat);
    policy
        .expect("the group can be read")
        .map(|policy| *policy.rights())
}

#[test]
fn in_an_announcement_group_only_owners_and_admins_write() {
    let mut world = club(1, 3);
    let command = set(&mut world, 1, ANNOUNCEMENTS);
    assert_eq!(refusal(&mut world, 1, command), CommandError::NotPermitted);
    let command = set(&mut world, 0, ANNOUNCEMENTS);
    insist(&mut world, 0, &command);
    agree(&mut world, &[0, 1, 2]);
    for index in 0..3 {
        assert_eq!(rights(&mut world, index), Some(ANNOUNCEMENTS));
    }
    let alice = account(&world, 0);
    end_with(&world, 3, &(NoticeKind::RightsChanged, Some(alice), vec![]));
    let command = text(&mut world, 1);
    assert_eq!(refusal(&mut world, 1, command), CommandError::NotPermitted);
    say(&mut world, 0, "an announcement");
    agree(&mut world, &[0, 1, 2]);
    assert_eq!(texts(&mut world.devices[2]), ["an announcement"]);
    let command = gift(&mut world, 0, 1, Role::Admin);
    insist(&mut world, 0, &command);
    agree(&mut world, &[0, 1, 2]);
    say(&mut world, 1, "of an admin");
    agree(&mut world, &[0, 1, 2]);
    assert_eq!(texts(&mut world.devices[2]), ["an announcement", "of an admin"]);
}

#[test]
fn what_was_written_before_the_right_was_lost_and_not_sent_has_failed() {
    let mut world = club(2, 3);
    world.cut(1);
    say(&mut world, 1, "too late");
    let command = set(&mut world, 0, ANNOUNCEMENTS);
    insist(&mut world, 0, &command);
    while world.deliver_all() {}
    agree(&mut world, &[0, 1, 2]);
    let chat = chat(&mut world.devices[1]);
    let messages = world.devices[1].engine().messages(chat, None, 10);
    let messages = messages.expect("messages are readable");
    assert_eq!(messages[0].status, MessageStatus::Failed);
    assert_eq!(texts(&mut world.devices[0]), Vec::<String>::new());
    // It can be tried again once everybody may write.
    let command = set(&mut world, 0, Rights::DEFAULT);
    insist(&mut world, 0, &command);
    agree(&mut world, &[0, 1, 2]);
    insist(&mut world, 1, &Command::Retry(messages[0].id));
    agree(&mut world, &[0, 1, 2]);
    assert_eq!(texts(&mut world.devices[0]), ["too late"]);
}

#[test]
fn of_two_who_change_the_rights_at_once_the_later_one_counts() {
    let mut world = club(3, 3);
    let command = gift(&mut world, 0, 1, Role::Admin);
    insist(&mut world, 0, &command);
    agree(&mut world, &[0, 1, 2]);
    let only_admins_add = Rights {
        add: Role::Admin,
        ..Rights::DEFAULT
    };
    let command = set(&mut world, 0, ANNOUNCEMENTS);
    insist(&mut world, 0, &command);
    let command = set(&mut world, 1, only_admins_add);
    insist(&mut world, 1, &command);
    agree(&mut world, &[0, 1, 2]);
    let found = rights(&mut world, 0);
    assert!(
        found == Some(ANNOUNCEMENTS) || found == Some(only_admins_add),
        "{found:?}"
    );
    for index in 1..3 {
        assert_eq!(rights(&mut world, index), found);
    }
}

#[test]
fn rights_that_cannot_be_are_refused() {
    let mut world = club(4, 3);
    let everybody_removes = Rights {
        remove: Role::Member,
        ..Rights::DEFAULT
    };
    let command = set(&mut world, 0, everybody_removes);
    assert_eq!(refusal(&mut world, 0, command), CommandError::NotPermitted);
}
