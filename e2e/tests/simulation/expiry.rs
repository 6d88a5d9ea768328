//! Messages that disappear: for the author after sending, for others after reading, on every device, and for good.

use std::time::Duration;

use proptest::prelude::*;
use subrosa_engine::{
    ChatId, Command, CommandError, Conversation, Input, Lifetime, Message, MessageStatus, NoticeKind, Role,
};

use crate::{
    action::Action,
    device::Device,
    groups::{self, account, agree, club, gift, insist, lines, refusal},
    world::World,
};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const ALMOST_AN_HOUR: Duration = Duration::from_mins(59);

fn hour() -> Lifetime {
    Lifetime::from_secs(3_600).expect("an hour is a lifetime")
}

/// The lifetime in worlds in which anything can happen: longer than all of it takes.
const LONG: Duration = Duration::from_hours(60 * 24);

impl World {
    /// A user has messages disappear from then on, or not any more. One who may not does not mind.
    pub(crate) fn set_timer(&mut self, index: usize, is_on: bool) {
        if let Some(chat) = self.devices[index].chat() {
            let timer = Lifetime::from_secs(LONG.as_secs()).filter(|_| is_on);
            let _ = self.step(index, Command::SetTimer { chat, timer });
        }
    }

    /// What has a lifetime is gone from every device once it was read and its time is over, and all the rest is there.
    pub(crate) fn check_expiry(&mut self) -> Result<(), TestCaseError> {
        for index in 0..self.devices.len() {
            self.devices[index].live_on();
            if let Some(chat) = self.devices[index].chat() {
                let _ = self.step(index, Command::MarkRead(chat));
            }
        }
        let before: Vec<_> = self.devices.iter_mut().map(Device::messages).collect();
        if before.iter().flatten().all(|message| message.lifetime.is_none()) {
            return Ok(());
        }
        self.wait(LONG + HOUR);
        for (index, before) in before.into_iter().enumerate() {
            let _ = self.step(index, Input::Tick);
            let after = self.devices[index].messages();
            // The time of what waits to be sent has not begun, unless it was sent before.
            let waits =
                |message: &&Message| message.lifetime.is_some() && message.status == MessageStatus::Pending;
            let left: Vec<_> = after.iter().filter(|message| !waits(message)).collect();
            let lasting = before.iter().filter(|message| message.lifetime.is_none());
            prop_assert_eq!(left, lasting.collect::<Vec<_>>(), "device {}", index);
        }
        Ok(())
    }
}

/// Two accounts that have talked, each with two devices: 0 and 2 are of the first, 1 and 3 of the second.
fn world(seed: u64) -> World {
    let mut world = World::talking(seed, 1);
    world.must_settle();
    for account in [0, 1] {
        world.add_device(account);
        world.must_settle();
    }
    world
}

fn chat(world: &mut World, index: usize) -> ChatId {
    world.devices[index].chat().expect("it has the conversation")
}

fn conversation(world: &mut World, index: usize) -> Conversation {
    let chat = chat(world, index);
    let conversation = world.devices[index].engine().conversation(chat);
    conversation.expect("it is readable").expect("there is one")
}

fn set_timer(world: &mut World, index: usize, timer: Option<Lifetime>) {
    let command = Command::SetTimer {
        chat: chat(world, index),
        timer,
    };
    insist(world, index, &command);
    world.must_settle();
}

fn read(world: &mut World, index: usize) {
    let command = Command::MarkRead(chat(world, index));
    insist(world, index, &command);
    world.must_settle();
}

/// Says something, and returns it.
fn say(world: &mut World, index: usize) -> String {
    world.send_text(index);
    world.must_settle();
    let messages = world.devices[index].messages();
    messages.last().expect("it is stored").text.clone()
}

/// The devices that have a text.
fn have(world: &mut World, text: &str) -> Vec<usize> {
    let devices = world.devices.iter_mut().enumerate();
    devices
        .filter_map(|(index, device)| {
            let messages = device.messages();
            messages
                .iter()
                .any(|message| message.text == text)
                .then_some(index)
        })
        .collect()
}

/// Lets this time pass while all are connected.
fn pass(world: &mut World, time: Duration) {
    world.wait(time);
    while world.deliver_all() {}
    world.wait(Duration::from_millis(1));
}

#[test]
fn the_timer_is_the_same_on_all_devices_of_both_sides_and_a_line_for_all() {
    let mut world = world(401);
    let other = account(&world, 1);
    set_timer(&mut world, 1, Some(hour()));
    for index in 0..4 {
        assert_eq!(
            conversation(&mut world, index).timer,
            Some(hour()),
            "device {index}"
        );
        let line = (NoticeKind::TimerChanged(Some(hour())), Some(other), vec![]);
        assert_eq!(lines(&world.devices[index]).last(), Some(&line), "device {index}");
    }
    // What is so already is no change.
    let before = lines(&world.devices[0]).len();
    set_timer(&mut world, 0, Some(hour()));
    assert_eq!(lines(&world.devices[0]).len(), before);
    set_timer(&mut world, 2, None);
    for index in 0..4 {
        assert_eq!(conversation(&mut world, index).timer, None, "device {index}");
    }
    // A device that comes later finds it in the record of the account.
    set_timer(&mut world, 0, Some(hour()));
    world.add_device(1);
    world.must_settle();
    assert_eq!(conversation(&mut world, 4).timer, Some(hour()));
}

#[test]
fn a_message_disappears_after_sending_for_its_author_and_after_reading_for_others() {
    let mut world = world(402);
    set_timer(&mut world, 0, Some(hour()));
    let text = say(&mut world, 0);
    assert_eq!(have(&mut world, &text), [0, 1, 2, 3]);
    let unread = conversation(&mut world, 1).unread;
    pass(&mut world, ALMOST_AN_HOUR);
    assert_eq!(have(&mut world, &text), [0, 1, 2, 3]);
    pass(&mut world, MINUTE * 2);
    // Nobody has read it, so it waits.
    assert_eq!(have(&mut world, &text), [1, 3]);
    assert_eq!(conversation(&mut world, 1).unread, unread);
    read(&mut world, 3);
    pass(&mut world, ALMOST_AN_HOUR);
    assert_eq!(have(&mut world, &text), [1, 3]);
    pass(&mut world, MINUTE * 2);
    assert_eq!(have(&mut world, &text), [] as [usize; 0]);
    assert_eq!(conversation(&mut world, 1).unread, 0);
    // What was said before stays, and so does what the list shows.
    let last = conversation(&mut world, 1).last_message.expect("there is one");
    assert!(last.lifetime.is_none());
}

#[test]
fn a_message_has_the_timer_of_when_it_was_written_whatever_is_chosen_later() {
    let mut world = world(403);
    set_timer(&mut world, 0, Some(hour()));
    let short = say(&mut world, 0);
    set_timer(&mut world, 1, None);
    let lasting = say(&mut world, 1);
    read(&mut world, 1);
    read(&mut world, 0);
    pass(&mut world, HOUR * 2);
    assert_eq!(have(&mut world, &short), [] as [usize; 0]);
    assert_eq!(have(&mut world, &lasting), [0, 1, 2, 3]);
}

#[test]
fn a_device_that_was_away_counts_from_when_it_learns_that_the_account_has_read() {
    let mut world = world(404);
    set_timer(&mut world, 0, Some(hour()));
    let text = say(&mut world, 0);
    world.cut(3);
    let command = Command::MarkRead(chat(&mut world, 1));
    insist(&mut world, 1, &command);
    pass(&mut world, HOUR * 2);
    assert_eq!(have(&mut world, &text), [3]);
    world.must_settle();
    assert_eq!(have(&mut world, &text), [3]);
    pass(&mut world, HOUR + MINUTE);
    assert_eq!(have(&mut world, &text), [] as [usize; 0]);
}

// A device of the author that was away would have deleted it in the moment in which it came.
#[test]
fn what_another_device_of_the_account_has_sent_is_shown_for_a_minute_at_least() {
    let mut world = world(405);
    set_timer(&mut world, 0, Some(hour()));
    world.cut(2);
    world.send_text(0);
    while world.deliver_all() {}
    let text = world.devices[0].messages().pop().expect("it is stored").text;
    pass(&mut world, HOUR * 2);
    assert_eq!(have(&mut world, &text), [1, 3]);
    world.connect(2);
    while world.deliver_all() {}
    assert_eq!(have(&mut world, &text), [1, 2, 3]);
    pass(&mut world, MINUTE * 2);
    assert_eq!(have(&mut world, &text), [1, 3]);
}

#[test]
fn what_waits_to_be_sent_has_all_of_its_time_once_it_is_sent() {
    let mut world = world(406);
    set_timer(&mut world, 0, Some(hour()));
    world.cut(0);
    world.send_text(0);
    let text = world.devices[0].messages().pop().expect("it is stored").text;
    world.wait(HOUR * 3);
    world.must_settle();
    assert_eq!(have(&mut world, &text), [0, 1, 2, 3]);
    pass(&mut world, HOUR + MINUTE);
    assert_eq!(have(&mut world, &text), [1, 3]);
}

#[test]
fn what_has_disappeared_does_not_come_back_with_a_server_that_went_back() {
    let mut world = world(407);
    set_timer(&mut world, 0, Some(hour()));
    world.act(Action::Keep);
    let text = say(&mut world, 0);
    let lasting = say(&mut world, 1);
    for index in 0..4 {
        read(&mut world, index);
    }
    pass(&mut world, HOUR * 2);
    assert_eq!(have(&mut world, &text), [] as [usize; 0]);
    for index in 0..4 {
        world.cut(index);
    }
    world.act(Action::RollBack);
    world.must_settle();
    for device in &mut world.devices {
        device.warnings.clear();
    }
    // That one would have gone as well by now; what matters is that nothing is stuck.
    assert_eq!(have(&mut world, &text), [] as [usize; 0]);
    assert_eq!(have(&mut world, &lasting), [] as [usize; 0]);
    set_timer(&mut world, 1, None);
    let after = say(&mut world, 1);
    assert_eq!(have(&mut world, &after), [0, 1, 2, 3]);
}

#[test]
fn in_a_group_those_set_the_timer_who_may_change_its_profile() {
    let mut world = club(408, 4);
    let set = |world: &mut World, index: usize, timer| Command::SetTimer {
        chat: groups::chat(&mut world.devices[index]),
        timer,
    };
    let command = set(&mut world, 1, Some(hour()));
    assert_eq!(refusal(&mut world, 1, command), CommandError::NotPermitted);
    let command = gift(&mut world, 0, 1, Role::Admin);
    insist(&mut world, 0, &command);
    agree(&mut world, &[0, 1, 2]);
    // Two at once: the later one in the log wins.
    for (index, seconds) in [(0, 60), (1, 600)] {
        world.cut(index);
        let command = set(&mut world, index, Lifetime::from_secs(seconds));
        insist(&mut world, index, &command);
    }
    agree(&mut world, &[0, 1, 2]);
    let timer = |world: &mut World, index: usize| {
        let group = groups::group(&mut world.devices[index]);
        group.expect("it has the group").timer
    };
    let everywhere = timer(&mut world, 2);
    assert!(everywhere.is_some());
    for index in 0..2 {
        assert_eq!(timer(&mut world, index), everywhere, "device {index}");
    }
    // Who comes in is told.
    groups::add(&mut world, 0, &[3]);
    world.must_settle();
    assert_eq!(timer(&mut world, 3), everywhere);
}

#[test]
fn a_timer_can_be_set_before_anything_is_said() {
    let mut world = World::new(409, 1);
    world.must_settle();
    let peer = world.person(1);
    insist(&mut world, 0, &Command::OpenDirect(peer));
    let command = Command::SetTimer {
        chat: chat(&mut world, 0),
        timer: Some(hour()),
    };
    insist(&mut world, 0, &command);
    world.must_settle();
    let text = say(&mut world, 0);
    assert_eq!(conversation(&mut world, 1).timer, Some(hour()));
    let theirs = world.devices[1].messages();
    let message = theirs.iter().find(|message| message.text == text);
    assert_eq!(message.expect("it came").lifetime, Some(hour()));
}

#[test]
fn a_conversation_that_is_deleted_here_comes_back_with_the_next_message_and_without_the_old_ones() {
    let mut world = world(410);
    let old = say(&mut world, 0);
    let command = Command::DeleteHere(chat(&mut world, 1));
    insist(&mut world, 1, &command);
    world.must_settle();
    assert_eq!(have(&mut world, &old), [0, 2, 3]);
    let listed = world.devices[1].engine().conversations();
    assert_eq!(listed.expect("they are readable"), []);
    assert_eq!(conversation(&mut world, 3).unread, 0);
    let new = say(&mut world, 0);
    assert_eq!(have(&mut world, &new), [0, 1, 2, 3]);
    let listed = world.devices[1].engine().conversations();
    assert_eq!(listed.expect("they are readable").len(), 1);
    assert_eq!(world.devices[1].messages().len(), 1);
    // What was not sent yet is dropped with it.
    world.cut(1);
    world.send_text(1);
    let unsent = world.devices[1].messages().pop().expect("it is stored").text;
    let command = Command::DeleteHere(chat(&mut world, 1));
    insist(&mut world, 1, &command);
    world.must_settle();
    pass(&mut world, MINUTE);
    assert_eq!(world.devices[1].messages(), []);
    assert!(have(&mut world, &unsent).is_empty());
}

#[test]
fn nothing_is_lost_or_kept_whenever_a_device_crashes_over_it() {
    for commits in 0..6 {
        for is_before in [true, false] {
            let mut world = world(420 + u64::from(commits));
            world.devices[0].die_at(commits, is_before);
            set_timer(&mut world, 0, Some(hour()));
            let text = say(&mut world, 0);
            world.devices[1].die_at(commits, is_before);
            let command = Command::MarkRead(chat(&mut world, 1));
            insist(&mut world, 1, &command);
            world.must_settle();
            read(&mut world, 1);
            world.devices[1].die_at(commits, is_before);
            pass(&mut world, HOUR * 2);
            world.must_settle();
            pass(&mut world, MINUTE);
            assert_eq!(have(&mut world, &text), [] as [usize; 0], "{commits} {is_before}");
        }
    }
}
