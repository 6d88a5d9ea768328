//! Links with approval: whoever has one asks, somebody inside decides, and nobody is let in, or shown as asking, whom no link has
//! signed for.

use subrosa_e2e::tampering::Tampering;
use subrosa_engine::{
    AskState, Audience, Command, CommandError, Conversation, ConversationState, JoinRequest, Misbehaviour,
    NewLink, NoticeKind, Privacy, Standing, Warning,
};
use subrosa_wire::{
    ProblemCode,
    frames::{ServerFrame, server_frame::Body},
};

use crate::{
    groups::{account, agree, chat, club, group, insist, lines, members, refusal, removal, say, texts},
    links::{invitation, is_listed, join, let_admins_add, revocation, secret, why_not},
    recovery::deliver,
    world::World,
};

const NOTE: &str = "I'm Imani's sister.";

/// Makes a link by which others ask.
fn guard(world: &mut World) {
    let command = Command::CreateLink {
        chat: chat(&mut world.devices[0]),
        link: NewLink {
            secret: secret(1),
            name: None,
            needs_approval: true,
            uses_max: None,
            expires_at: None,
        },
    };
    insist(world, 0, &command);
    world.must_settle();
}

/// A group of three, with a link by which others ask.
fn guarded(seed: u64, accounts: usize) -> World {
    let mut world = club(seed, accounts);
    guard(&mut world);
    world
}

fn ask(world: &mut World, index: usize) {
    let command = Command::AskToJoin {
        invitation: invitation(1),
        note: NOTE.to_owned(),
    };
    insist(world, index, &command);
}

/// Who asks, as a device sees it. Only those with a role learn of it without looking.
fn requests(world: &mut World, index: usize) -> Vec<JoinRequest> {
    let chat = chat(&mut world.devices[index]);
    if index > 0 {
        insist(world, index, &Command::LookAtJoinRequests(chat));
        world.must_settle();
    }
    world.devices[index]
        .engine()
        .join_requests(chat)
        .expect("they are readable")
}

fn approval(world: &mut World, index: usize, of: usize) -> Command {
    Command::Approve {
        chat: chat(&mut world.devices[index]),
        account: account(world, of),
    }
}

fn denial(world: &mut World, index: usize, of: usize) -> Command {
    Command::Deny {
        chat: chat(&mut world.devices[index]),
        account: account(world, of),
    }
}

fn taking_back(world: &mut World, index: usize) -> Command {
    Command::Leave {
        chat: chat(&mut world.devices[index]),
        successor: None,
    }
}

fn shown(world: &mut World, index: usize) -> Conversation {
    group(&mut world.devices[index]).expect("it is in the list")
}

fn is_in(world: &mut World, index: usize) -> bool {
    let somebody = account(world, index);
    let members = members(&mut world.devices[0]);
    members.iter().any(|(account, _)| *account == somebody)
}

#[test]
fn whoever_asks_is_outside_until_somebody_inside_lets_them_in() {
    let mut world = guarded(1_100, 4);
    ask(&mut world, 3);
    world.must_settle();
    let asking = shown(&mut world, 3);
    assert_eq!(
        (asking.state, asking.ask, asking.title.as_deref()),
        (ConversationState::Joining, Some(AskState::Asked), Some("Harvest"))
    );
    assert!(!is_in(&mut world, 3));
    let stranger = account(&world, 3);
    // All three may add people. Whoever has made the link reads the note.
    for (index, note) in [(0, Some(NOTE)), (1, None)] {
        let requests = requests(&mut world, index);
        assert_eq!(requests.len(), 1, "device {index}");
        assert_eq!(requests[0].account_id, stranger);
        assert_eq!(requests[0].note.as_deref(), note);
        assert_eq!(shown(&mut world, index).join_requests, 1);
        let contact = requests[0].contact.as_ref().expect("the directory was asked");
        assert!(contact.handle.is_some());
    }

    let command = approval(&mut world, 1, 3);
    insist(&mut world, 1, &command);
    agree(&mut world, &[0, 1, 2, 3]);
    let joined = shown(&mut world, 3);
    assert_eq!(
        (joined.state, joined.ask, joined.standing),
        (ConversationState::Joined, None, Standing::Accepted)
    );
    let added = (NoticeKind::Added, Some(account(&world, 1)), vec![stranger]);
    assert_eq!(lines(&world.devices[0]).last(), Some(&added));
    for index in 0..3 {
        assert!(requests(&mut world, index).is_empty(), "device {index}");
        assert_eq!(shown(&mut world, index).join_requests, 0);
    }
    say(&mut world, 3, "thank you");
    world.must_settle();
    assert_eq!(texts(&mut world.devices[0]), ["thank you"]);
}

#[test]
fn whoever_was_not_let_in_does_not_learn_of_it_and_can_ask_again() {
    let mut world = guarded(1_101, 4);
    ask(&mut world, 3);
    world.must_settle();
    let command = denial(&mut world, 0, 3);
    insist(&mut world, 0, &command);
    deliver(&mut world);
    world.must_settle();
    assert!(requests(&mut world, 0).is_empty() && requests(&mut world, 1).is_empty());
    assert_eq!(shown(&mut world, 3).ask, Some(AskState::Asked));
    assert_eq!(refusal(&mut world, 0, command), CommandError::UnknownJoinRequest);
    ask(&mut world, 3);
    world.must_settle();
    assert_eq!(requests(&mut world, 0).len(), 1);
}

#[test]
fn whoever_takes_a_request_back_is_not_let_in() {
    let mut world = guarded(1_102, 4);
    ask(&mut world, 3);
    world.must_settle();
    let command = taking_back(&mut world, 3);
    insist(&mut world, 3, &command);
    assert!(!is_listed(&mut world, 3));
    world.must_settle();
    assert!(requests(&mut world, 0).is_empty());
    assert!(!is_listed(&mut world, 3));
    // Nothing of it is left: they can ask again, and come in.
    ask(&mut world, 3);
    world.must_settle();
    let command = approval(&mut world, 0, 3);
    insist(&mut world, 0, &command);
    agree(&mut world, &[0, 1, 2, 3]);
}

#[test]
fn whoever_is_let_in_after_they_have_changed_their_mind_is_asked() {
    let mut world = guarded(1_103, 4);
    let privacy = Privacy {
        adders: Audience::Nobody,
        ..Privacy::default()
    };
    insist(&mut world, 3, &Command::SetPrivacy(privacy));
    ask(&mut world, 3);
    world.must_settle();
    world.cut(3);
    let command = taking_back(&mut world, 3);
    insist(&mut world, 3, &command);
    let command = approval(&mut world, 0, 3);
    insist(&mut world, 0, &command);
    world.must_settle();
    if is_in(&mut world, 3) {
        assert_eq!(shown(&mut world, 3).standing, Standing::Request);
    } else {
        assert!(!is_listed(&mut world, 3));
    }
}

#[test]
fn one_asks_and_lets_in_across_crashes_of_both_sides() {
    for commits in 0..6 {
        for is_before in [false, true] {
            let mut world = guarded(1_110 + u64::from(commits), 4);
            world.devices[3].die_at(commits, is_before);
            ask(&mut world, 3);
            world.must_settle();
            world.devices[3].live_on();
            world.must_settle();
            assert_eq!(requests(&mut world, 0).len(), 1, "{commits} {is_before}");
            world.devices[0].die_at(commits, is_before);
            let command = approval(&mut world, 0, 3);
            insist(&mut world, 0, &command);
            world.must_settle();
            world.devices[0].live_on();
            agree(&mut world, &[0, 1, 2, 3]);
            assert_eq!(shown(&mut world, 3).standing, Standing::Accepted);
        }
    }
}

#[test]
fn nobody_joins_without_asking_by_a_link_that_needs_approval() {
    let mut world = guarded(1_120, 4);
    join(&mut world, 3, 1);
    world.must_settle();
    assert_eq!(why_not(&mut world, 3), [Some(ProblemCode::LinkNeedsApproval)]);
    assert!(!is_in(&mut world, 3));
}

#[test]
fn one_is_told_at_once_that_one_cannot_ask() {
    let mut world = guarded(1_121, 4);
    let command = revocation(&mut world, 0, 1);
    insist(&mut world, 0, &command);
    world.must_settle();
    ask(&mut world, 3);
    world.must_settle();
    assert_eq!(why_not(&mut world, 3), [Some(ProblemCode::LinkRevoked)]);
    assert!(!is_listed(&mut world, 3));

    let mut world = guarded(1_122, 4);
    let ban = Command::Ban {
        chat: chat(&mut world.devices[0]),
        account: account(&world, 2),
    };
    // A ban drops no link.
    insist(&mut world, 0, &ban);
    world.must_settle();
    ask(&mut world, 2);
    world.must_settle();
    let why = why_not(&mut world, 2);
    assert!(
        matches!(why[..], [Some(ProblemCode::Banned | ProblemCode::LinkRevoked)]),
        "{why:?}"
    );
}

#[test]
fn a_link_that_is_revoked_takes_its_requests_along() {
    let mut world = guarded(1_123, 4);
    ask(&mut world, 3);
    world.must_settle();
    let command = revocation(&mut world, 1, 1);
    insist(&mut world, 1, &command);
    world.must_settle();
    assert!(requests(&mut world, 0).is_empty() && requests(&mut world, 1).is_empty());
}

#[test]
fn only_who_may_add_people_sees_who_asks() {
    let mut world = guarded(1_124, 4);
    ask(&mut world, 3);
    world.must_settle();
    let_admins_add(&mut world);
    assert_eq!(requests(&mut world, 0).len(), 1);
    assert_eq!(shown(&mut world, 1).join_requests, 0);
    let command = approval(&mut world, 1, 3);
    assert_eq!(refusal(&mut world, 1, command), CommandError::NotPermitted);
    let look = Command::LookAtJoinRequests(chat(&mut world.devices[1]));
    assert_eq!(refusal(&mut world, 1, look), CommandError::NotPermitted);
}

#[test]
fn whoever_was_removed_asks_and_comes_back() {
    let mut world = club(1_125, 4);
    let command = removal(&mut world, 0, 2);
    insist(&mut world, 0, &command);
    world.must_settle();
    guard(&mut world);
    ask(&mut world, 2);
    world.must_settle();
    assert_eq!(shown(&mut world, 2).ask, Some(AskState::Asked));
    let command = approval(&mut world, 0, 2);
    insist(&mut world, 0, &command);
    agree(&mut world, &[0, 1, 2]);
}

#[test]
fn a_note_that_is_too_long_is_refused() {
    let mut world = guarded(1_126, 4);
    let command = Command::AskToJoin {
        invitation: invitation(1),
        note: "x".repeat(501),
    };
    assert_eq!(refusal(&mut world, 3, command), CommandError::NoteTooLong);
    assert!(!is_listed(&mut world, 3));
}

/// Shows requests with another note than they were made with, or of another account.
struct Forging {
    note: bool,
}

impl Tampering for Forging {
    fn to_client(&mut self, mut frame: ServerFrame) -> Vec<ServerFrame> {
        if let Some(Body::JoinRequests(requests)) = &mut frame.body {
            for request in &mut requests.requests {
                if self.note {
                    request.note = b"let me in".to_vec().into();
                } else {
                    request.account_id = vec![7; 16].into();
                }
            }
        }
        vec![frame]
    }
}

#[test]
fn a_server_makes_up_no_request() {
    for note in [true, false] {
        let mut world = guarded(1_127, 4);
        world.lie_to(0, Forging { note });
        ask(&mut world, 3);
        world.must_settle();
        assert!(requests(&mut world, 0).is_empty());
        let warnings = std::mem::take(&mut world.devices[0].warnings);
        assert!(
            warnings.iter().any(|warning| matches!(
                warning,
                Warning::ServerMisbehaved {
                    how: Misbehaviour::JoinRequestForged,
                    ..
                }
            )),
            "{warnings:?}"
        );
        // Others see it as it is.
        assert_eq!(requests(&mut world, 1).len(), 1);
    }
}
