//! Invite links: whoever has one comes in, and nobody else does, whoever crashes over it and whoever is faster. A link that
//! was revoked, dropped with a removal, or used up lets nobody in, and whoever comes by it is told so.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use subrosa_e2e::tampering::Tampering;
use subrosa_engine::{
    Command, CommandError, ConversationState, GroupLink, Invitation, LinkPreview, LinkSecret, LinkStanding,
    NewLink, NoticeKind, Role, Standing, Warning,
};
use subrosa_wire::{
    ProblemCode,
    frames::{ClientFrame, Problem, ServerFrame, client_frame::Request, server_frame::Body},
};

use crate::{
    groups::{
        GROUP, account, agree, chat, club, group, insist, lines, members, refusal, removal, say, texts,
    },
    recovery::deliver,
    world::World,
};

pub(crate) fn secret(byte: u8) -> LinkSecret {
    LinkSecret::from_seed([byte; 32])
}

fn creation(world: &mut World, index: usize, byte: u8, uses_max: Option<u32>) -> Command {
    Command::CreateLink {
        chat: chat(&mut world.devices[index]),
        link: NewLink {
            secret: secret(byte),
            name: Some("for the village".to_owned()),
            needs_approval: false,
            uses_max,
            expires_at: None,
        },
    }
}

fn create_link(world: &mut World, index: usize, byte: u8, uses_max: Option<u32>) {
    let command = creation(world, index, byte, uses_max);
    insist(world, index, &command);
    world.must_settle();
}

pub(crate) fn links(world: &mut World, index: usize) -> Vec<GroupLink> {
    let chat = chat(&mut world.devices[index]);
    world.devices[index]
        .engine()
        .links(chat)
        .expect("links are readable")
}

pub(crate) fn revocation(world: &mut World, index: usize, byte: u8) -> Command {
    Command::RevokeLink {
        chat: chat(&mut world.devices[index]),
        link: secret(byte).id(),
    }
}

/// What is shown to whoever has the link of a group called Harvest.
pub(crate) fn invitation(byte: u8) -> Box<Invitation> {
    Box::new(Invitation {
        secret: secret(byte),
        preview: LinkPreview {
            conversation_id: GROUP,
            name: "Harvest".try_into().expect("a name"),
            description: None,
            inviter: "person0".parse().expect("a handle"),
            inviter_name: None,
        },
    })
}

pub(crate) fn join(world: &mut World, index: usize, byte: u8) {
    insist(world, index, &Command::JoinByLink(invitation(byte)));
}

/// Why the device was not let in.
pub(crate) fn why_not(world: &mut World, index: usize) -> Vec<Option<ProblemCode>> {
    let warnings = std::mem::take(&mut world.devices[index].warnings);
    warnings
        .into_iter()
        .map(|warning| match warning {
            Warning::JoinRefused { code, .. } => code,
            other => panic!("{other}"),
        })
        .collect()
}

/// Whether the list of conversations has the group.
pub(crate) fn is_listed(world: &mut World, index: usize) -> bool {
    let conversations = world.devices[index].engine().conversations();
    let conversations = conversations.expect("they are readable");
    conversations
        .iter()
        .any(|conversation| conversation.conversation_id == GROUP)
}

fn is_outside(world: &mut World, index: usize, code: ProblemCode) {
    assert_eq!(why_not(world, index), [Some(code)]);
    assert!(!is_listed(world, index));
    let somebody = account(world, index);
    assert!(
        members(&mut world.devices[0])
            .iter()
            .all(|(account, _)| *account != somebody)
    );
}

#[test]
fn whoever_has_the_link_comes_in_as_a_member_and_everybody_sees_it() {
    let mut world = club(1_001, 4);
    create_link(&mut world, 0, 1, None);
    let link = links(&mut world, 0).pop().expect("a link");
    assert_eq!(link.standing, LinkStanding::Ready);
    assert_eq!(link.name.as_deref(), Some("for the village"));
    assert_eq!(link.secret.expect("it was made here").seed(), &[1; 32]);
    // Others see that there is one, and do not have it.
    let link = links(&mut world, 1).pop().expect("a link");
    assert!(link.secret.is_none());

    join(&mut world, 3, 1);
    let joining = group(&mut world.devices[3]).expect("it is in the list at once");
    assert_eq!(
        (joining.title.as_deref(), joining.state, joining.standing),
        (Some("Harvest"), ConversationState::Joining, Standing::Accepted)
    );
    agree(&mut world, &[0, 1, 2, 3]);
    let carol = account(&world, 3);
    assert!(members(&mut world.devices[0]).contains(&(carol, Role::Member)));
    let expected = (NoticeKind::JoinedByLink, Some(carol), vec![carol]);
    for index in 0..4 {
        assert_eq!(
            lines(&world.devices[index]).last(),
            Some(&expected),
            "device {index}"
        );
    }
    for index in 0..4 {
        say(&mut world, index, "hello");
    }
    world.must_settle();
    for index in 0..4 {
        assert_eq!(texts(&mut world.devices[index]), ["hello"; 4], "device {index}");
    }
    let look = Command::LookAtLinks(chat(&mut world.devices[0]));
    insist(&mut world, 0, &look);
    world.must_settle();
    assert_eq!(links(&mut world, 0)[0].uses, Some(1));
}

#[test]
fn several_come_at_once_and_all_of_them_come_in() {
    let mut world = club(1_002, 7);
    create_link(&mut world, 0, 1, None);
    for index in 3..7 {
        join(&mut world, index, 1);
    }
    say(&mut world, 0, "while they come");
    agree(&mut world, &[0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_link_is_made_and_used_across_crashes_of_both_sides() {
    for commits in 0..6 {
        for is_before in [false, true] {
            let mut world = club(1_003 + u64::from(commits), 4);
            world.devices[0].die_at(commits, is_before);
            create_link(&mut world, 0, 1, None);
            world.devices[0].live_on();
            world.must_settle();
            assert_eq!(links(&mut world, 0).len(), 1, "{commits} {is_before}");
            assert_eq!(links(&mut world, 0)[0].standing, LinkStanding::Ready);
            world.devices[3].die_at(commits, is_before);
            join(&mut world, 3, 1);
            world.must_settle();
            world.devices[3].live_on();
            agree(&mut world, &[0, 1, 2, 3]);
        }
    }
}

#[test]
fn a_link_works_again_after_the_server_was_started_again() {
    let mut world = club(1_010, 4);
    create_link(&mut world, 0, 1, None);
    world.server.restart();
    for index in 0..4 {
        world.cut(index);
    }
    join(&mut world, 3, 1);
    world.must_settle();
    agree(&mut world, &[0, 1, 2, 3]);
}

#[test]
fn a_revoked_link_lets_nobody_in() {
    let mut world = club(1_011, 4);
    create_link(&mut world, 0, 1, None);
    // Whoever may add people may revoke, whoever has made it.
    let command = revocation(&mut world, 1, 1);
    insist(&mut world, 1, &command);
    world.must_settle();
    for index in 0..3 {
        assert!(links(&mut world, index).is_empty(), "device {index}");
    }
    join(&mut world, 3, 1);
    world.must_settle();
    is_outside(&mut world, 3, ProblemCode::LinkRevoked);
    // Another link leads in, and the group is in the list again.
    create_link(&mut world, 0, 2, None);
    join(&mut world, 3, 2);
    agree(&mut world, &[0, 1, 2, 3]);
    assert!(is_listed(&mut world, 3));
}

#[test]
fn a_link_that_is_revoked_while_somebody_joins_lets_them_in_or_tells_them() {
    for seed in 0..4 {
        let mut world = club(1_020 + seed, 4);
        create_link(&mut world, 0, 1, None);
        let command = revocation(&mut world, 0, 1);
        insist(&mut world, 0, &command);
        join(&mut world, 3, 1);
        world.must_settle();
        if group(&mut world.devices[3]).is_some_and(|group| group.state == ConversationState::Joined) {
            agree(&mut world, &[0, 1, 2, 3]);
        } else {
            is_outside(&mut world, 3, ProblemCode::LinkRevoked);
            agree(&mut world, &[0, 1, 2]);
        }
        assert!(links(&mut world, 0).is_empty());
    }
}

#[test]
fn no_more_come_by_a_link_than_may() {
    let mut world = club(1_030, 6);
    create_link(&mut world, 0, 1, Some(2));
    for index in 3..6 {
        join(&mut world, index, 1);
    }
    world.must_settle();
    let mut out = 0;
    for index in 3..6 {
        if group(&mut world.devices[index]).is_some_and(|group| group.state == ConversationState::Joined) {
            continue;
        }
        out += 1;
        is_outside(&mut world, index, ProblemCode::LinkUsedUp);
    }
    assert_eq!(out, 1);
    assert_eq!(members(&mut world.devices[0]).len(), 5);
}

#[test]
fn whoever_is_removed_does_not_come_back_by_a_link() {
    let mut world = club(1_040, 4);
    create_link(&mut world, 0, 1, None);
    join(&mut world, 3, 1);
    world.must_settle();
    let command = removal(&mut world, 0, 3);
    insist(&mut world, 0, &command);
    world.must_settle();
    assert!(links(&mut world, 0).is_empty());
    join(&mut world, 3, 1);
    world.must_settle();
    assert_eq!(why_not(&mut world, 3), [Some(ProblemCode::LinkRevoked)]);
    // What was said while they were there stays.
    let state = group(&mut world.devices[3]).map(|group| group.state);
    assert_eq!(state, Some(ConversationState::Removed));
    assert!(is_listed(&mut world, 3));

    // With another link they are back.
    create_link(&mut world, 0, 2, None);
    join(&mut world, 3, 2);
    agree(&mut world, &[0, 1, 2, 3]);
    say(&mut world, 3, "back");
    say(&mut world, 0, "welcome");
    world.must_settle();
    for index in 0..4 {
        let texts = texts(&mut world.devices[index]);
        assert!(texts.contains(&"back".to_owned()) && texts.contains(&"welcome".to_owned()));
    }
}

#[test]
fn whoever_is_banned_stays_out_whatever_link_they_have() {
    let mut world = club(1_041, 4);
    let ban = Command::Ban {
        chat: chat(&mut world.devices[0]),
        account: account(&world, 2),
    };
    insist(&mut world, 0, &ban);
    world.must_settle();
    create_link(&mut world, 0, 1, None);
    join(&mut world, 2, 1);
    world.must_settle();
    assert_eq!(why_not(&mut world, 2), [Some(ProblemCode::Banned)]);
    assert_eq!(members(&mut world.devices[0]).len(), 2);
}

#[test]
fn a_link_that_nobody_has_made_leads_nowhere() {
    let mut world = club(1_042, 4);
    join(&mut world, 3, 9);
    world.must_settle();
    is_outside(&mut world, 3, ProblemCode::LinkInvalid);
}

#[test]
fn who_could_not_join_by_a_link_can_be_added_by_hand() {
    let mut world = club(1_043, 4);
    join(&mut world, 3, 9);
    world.must_settle();
    assert_eq!(why_not(&mut world, 3), [Some(ProblemCode::LinkInvalid)]);
    crate::groups::add(&mut world, 0, &[3]);
    agree(&mut world, &[0, 1, 2, 3]);
    assert!(is_listed(&mut world, 3));
}

#[test]
fn a_member_who_opens_a_link_stays_what_they_are() {
    let mut world = club(1_044, 3);
    create_link(&mut world, 0, 1, None);
    let before = lines(&world.devices[1]);
    join(&mut world, 1, 1);
    agree(&mut world, &[0, 1, 2]);
    assert_eq!(lines(&world.devices[1]), before);
}

#[test]
fn another_device_of_whoever_has_joined_comes_after_and_asks_nothing() {
    let mut world = club(1_045, 4);
    create_link(&mut world, 0, 1, None);
    join(&mut world, 3, 1);
    world.must_settle();
    world.add_device(3);
    let second = world.devices.len() - 1;
    world.must_settle();
    say(&mut world, 0, "to all of them");
    world.must_settle();
    let conversation = group(&mut world.devices[second]).expect("it has the group");
    assert_eq!(
        (conversation.state, conversation.standing),
        (ConversationState::Joined, Standing::Accepted)
    );
    assert_eq!(conversation.title.as_deref(), Some("Harvest"));
    assert_eq!(texts(&mut world.devices[second]), ["to all of them"]);
}

/// Nobody but admins adds people from now on.
pub(crate) fn let_admins_add(world: &mut World) {
    let rights = Command::SetRights {
        chat: chat(&mut world.devices[0]),
        rights: subrosa_engine::Rights {
            add: Role::Admin,
            ..subrosa_engine::Rights::DEFAULT
        },
    };
    insist(world, 0, &rights);
    world.must_settle();
}

#[test]
fn only_who_may_add_people_makes_links() {
    let mut world = club(1_046, 3);
    let_admins_add(&mut world);
    let command = creation(&mut world, 1, 1, None);
    assert_eq!(refusal(&mut world, 1, command), CommandError::NotPermitted);
    create_link(&mut world, 0, 2, None);
    let command = revocation(&mut world, 1, 2);
    assert_eq!(refusal(&mut world, 1, command), CommandError::NotPermitted);
    let unknown = revocation(&mut world, 0, 7);
    assert_eq!(refusal(&mut world, 0, unknown), CommandError::UnknownLink);
}

#[test]
fn a_group_has_only_so_many_links_and_the_same_command_makes_one() {
    let mut world = club(1_047, 3);
    for byte in 1..=16 {
        let command = creation(&mut world, 0, byte, None);
        insist(&mut world, 0, &command);
        insist(&mut world, 0, &command);
    }
    world.must_settle();
    assert_eq!(links(&mut world, 0).len(), 16);
    let command = creation(&mut world, 0, 17, None);
    assert_eq!(refusal(&mut world, 0, command), CommandError::TooManyLinks);
}

#[test]
fn a_link_outlives_a_server_that_goes_back_to_before_it_was_made() {
    let mut world = club(1_048, 4);
    for index in 0..4 {
        world.cut(index);
    }
    world.server.keep();
    world.must_settle();
    create_link(&mut world, 0, 1, None);
    for index in 0..4 {
        world.cut(index);
    }
    world.server.roll_back();
    world.must_settle();
    world.wait(Duration::from_mins(12));
    world.must_settle();
    for index in 0..4 {
        world.devices[index].warnings.clear();
    }
    join(&mut world, 3, 1);
    world.must_settle();
    world.wait(Duration::from_mins(2));
    world.must_settle();
    assert_eq!(members(&mut world.devices[0]).len(), 4);
}

/// Shows groups that do not verify, this many times.
struct Garbled(u32);

impl Tampering for Garbled {
    fn to_client(&mut self, mut frame: ServerFrame) -> Vec<ServerFrame> {
        if let Some(Body::GroupState(state)) = &mut frame.body
            && self.0 > 0
        {
            self.0 -= 1;
            let mut garbled = state.group_info.to_vec();
            if let Some(last) = garbled.last_mut() {
                *last ^= 1;
            }
            state.group_info = garbled.into();
        }
        vec![frame]
    }
}

#[test]
fn a_server_that_shows_nonsense_to_a_newcomer_delays_them_and_no_more() {
    let mut world = club(1_050, 4);
    create_link(&mut world, 0, 1, None);
    world.lie_to(3, Garbled(3));
    join(&mut world, 3, 1);
    for _ in 0..4 {
        world.must_settle();
        world.wait(Duration::from_mins(1));
    }
    let warnings = std::mem::take(&mut world.devices[3].warnings);
    assert!(!warnings.is_empty());
    assert!(
        warnings
            .iter()
            .all(|warning| matches!(warning, Warning::ServerMisbehaved { .. })),
        "{warnings:?}"
    );
    agree(&mut world, &[0, 1, 2, 3]);
}

/// Takes no link, or says to have lost them all, and counts how often it is given one.
struct Careless {
    puts: Arc<AtomicUsize>,
    takes: bool,
    forgets: bool,
    put: Vec<u64>,
}

impl Careless {
    /// Stands between the server and the first device. How often a link was put.
    fn serve(world: &mut World, takes: bool, forgets: bool) -> Arc<AtomicUsize> {
        let puts = Arc::default();
        world.lie_to(
            0,
            Self {
                puts: Arc::clone(&puts),
                takes,
                forgets,
                put: Vec::new(),
            },
        );
        puts
    }
}

impl Tampering for Careless {
    fn to_server(&mut self, frame: ClientFrame) -> Vec<ClientFrame> {
        if matches!(frame.request, Some(Request::PutLink(_))) {
            self.puts.fetch_add(1, Ordering::Relaxed);
            self.put.push(frame.request_id);
        }
        vec![frame]
    }

    fn to_client(&mut self, mut frame: ServerFrame) -> Vec<ServerFrame> {
        if !self.takes && self.put.contains(&frame.request_id) {
            self.put.clear();
            frame.body = Some(Body::Problem(Problem::new(ProblemCode::Forbidden, "")));
        }
        if let Some(Body::Links(links)) = &mut frame.body
            && self.forgets
        {
            links.links.clear();
        }
        vec![frame]
    }
}

#[test]
fn a_link_that_the_server_does_not_take_is_revoked_and_the_user_told() {
    let mut world = club(1_051, 3);
    let puts = Careless::serve(&mut world, false, false);
    create_link(&mut world, 0, 1, None);
    let warnings = std::mem::take(&mut world.devices[0].warnings);
    assert!(
        warnings
            .iter()
            .any(|warning| matches!(warning, Warning::ChangeGivenUp { .. })),
        "{warnings:?}"
    );
    assert!(links(&mut world, 0).is_empty() && links(&mut world, 1).is_empty());
    assert_eq!(puts.load(Ordering::Relaxed), 1);
}

#[test]
fn a_server_that_says_to_have_lost_a_link_gets_it_again_once_on_each_connection() {
    let mut world = club(1_052, 3);
    let puts = Careless::serve(&mut world, true, true);
    create_link(&mut world, 0, 1, None);
    let before = puts.load(Ordering::Relaxed);
    assert!((1..=2).contains(&before), "{before}");
    for _ in 0..3 {
        let look = Command::LookAtLinks(chat(&mut world.devices[0]));
        insist(&mut world, 0, &look);
        deliver(&mut world);
    }
    assert_eq!(puts.load(Ordering::Relaxed), before);
    world.must_settle();
    assert_eq!(puts.load(Ordering::Relaxed), before + 1);
    assert_eq!(links(&mut world, 0)[0].standing, LinkStanding::Ready);
}

#[test]
fn what_a_link_shows_follows_the_name_of_the_group() {
    let mut world = club(1_053, 3);
    let puts = Careless::serve(&mut world, true, false);
    create_link(&mut world, 0, 1, None);
    let rename = Command::Rename {
        chat: chat(&mut world.devices[0]),
        name: "Winter".to_owned(),
    };
    assert_eq!(puts.load(Ordering::Relaxed), 1);
    insist(&mut world, 0, &rename);
    world.must_settle();
    assert_eq!(puts.load(Ordering::Relaxed), 2);
}

#[test]
fn a_link_is_on_all_devices_of_whoever_has_made_it_and_on_new_ones() {
    let mut world = club(1_054, 3);
    world.add_device(0);
    let second = world.devices.len() - 1;
    world.must_settle();
    create_link(&mut world, 0, 1, Some(5));
    world.add_device(0);
    let third = world.devices.len() - 1;
    world.must_settle();
    for index in [second, third] {
        let link = links(&mut world, index).pop().expect("a link");
        assert_eq!(
            link.secret.map(|secret| *secret.seed()),
            Some([1; 32]),
            "device {index}"
        );
        assert_eq!(
            (link.name.as_deref(), link.uses_max, link.standing),
            (Some("for the village"), Some(5), LinkStanding::Ready)
        );
    }
    assert!(links(&mut world, 1).pop().expect("a link").secret.is_none());
    // Revoked on one of them, it is gone from all.
    let command = revocation(&mut world, second, 1);
    insist(&mut world, second, &command);
    world.must_settle();
    for index in [0, second, third] {
        assert!(links(&mut world, index).is_empty(), "device {index}");
    }
}

#[test]
fn two_devices_that_make_links_at_once_have_both() {
    let mut world = club(1_055, 3);
    world.add_device(0);
    let second = world.devices.len() - 1;
    world.must_settle();
    for (index, byte) in [(0, 1), (second, 2)] {
        let command = creation(&mut world, index, byte, None);
        insist(&mut world, index, &command);
    }
    world.must_settle();
    world.must_settle();
    for index in [0, second] {
        let links = links(&mut world, index);
        assert_eq!(links.len(), 2, "device {index}");
        assert!(links.iter().all(|link| link.secret.is_some()), "device {index}");
    }
}

/// Counts how often the group is shown to somebody outside.
struct Counting(Arc<AtomicUsize>);

impl Tampering for Counting {
    fn to_client(&mut self, frame: ServerFrame) -> Vec<ServerFrame> {
        if matches!(frame.body, Some(Body::GroupState(_))) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
        vec![frame]
    }
}

#[test]
fn of_many_who_come_at_once_each_fetches_the_group_about_once() {
    let joiners = 20;
    let mut world = club(1_056, 3 + joiners);
    create_link(&mut world, 0, 1, None);
    let shown = Arc::new(AtomicUsize::new(0));
    for index in 3..3 + joiners {
        world.lie_to(index, Counting(Arc::clone(&shown)));
        join(&mut world, index, 1);
    }
    world.must_settle();
    let all: Vec<usize> = (0..3 + joiners).collect();
    agree(&mut world, &all);
    let shown = shown.load(Ordering::Relaxed);
    assert!((joiners..=2 * joiners).contains(&shown), "{shown} times");
}
