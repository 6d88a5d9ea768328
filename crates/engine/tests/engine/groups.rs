//! Groups, and a server that shows something else in their place.

use subrosa_engine::{Command, ConversationState, Input, content::SendToken};
use subrosa_test_support::SeededRng;
use subrosa_wire::{
    ConversationId, ProblemCode,
    frames::{
        ConversationHead, CreateConversation, KeyPackages, Problem, client_frame::Request, server_frame::Body,
    },
};

use crate::{changed_keys::connect, device::Device};

const GROUP: ConversationId = ConversationId::from_bytes(*b"one of the group");
const OTHER: ConversationId = ConversationId::from_bytes(*b"another's group!");

/// The device makes a group in which a text waits, and the server is asked for nobody's key packages in vain. Returns the
/// creation with its request id.
fn creating(device: &mut Device) -> (u64, CreateConversation) {
    for _ in 0..10 {
        let Some(at) = device.asked.iter().position(|frame| {
            matches!(
                frame.request,
                Some(Request::ClaimKeyPackages(_) | Request::CreateConversation(_))
            )
        }) else {
            device.now = device.wake_at.unwrap_or(device.now).max(device.now);
            device.step(Input::Tick).unwrap();
            continue;
        };
        let frame = device.asked.remove(at);
        match frame.request {
            Some(Request::CreateConversation(create)) => return (frame.request_id, create),
            _ => device.answer(frame.request_id, Body::KeyPackages(KeyPackages::default())),
        }
    }
    panic!("no group is made");
}

fn starting(seed: u64) -> Device {
    let mut device = Device::new(seed);
    connect(&mut device, |_| {});
    device.asked.clear();
    let create = Command::CreateGroup {
        conversation_id: GROUP,
        name: "Harvest".to_owned(),
        people: vec![Device::person(seed + 1)],
    };
    device.step(Input::Command(create)).unwrap();
    let chat = device.engine.chat_by_conversation_id(GROUP).unwrap().unwrap();
    let text = Command::SendText {
        chat,
        text: "for the harvest".to_owned(),
        token: SendToken::random(&mut SeededRng::new(1)),
    };
    device.step(Input::Command(text)).unwrap();
    device
}

// What waited for the group was sent to whoever had a group under the id that the server named.
#[test]
fn a_group_that_is_being_made_never_becomes_another_one() {
    let mut device = starting(1);
    let (request_id, create) = creating(&mut device);
    assert_eq!(create.conversation_id, GROUP.to_vec());
    let mut exists = Problem::new(ProblemCode::ConversationExists, "");
    exists.conversation_id = OTHER.to_vec().into();
    device.answer(request_id, Body::Problem(exists));
    assert_eq!(device.engine.chat_by_conversation_id(OTHER).unwrap(), None);
    // It is made under an id that nobody knows.
    let (_, again) = creating(&mut device);
    let id = ConversationId::try_from(&again.conversation_id[..]).unwrap();
    assert!(id != GROUP && id != OTHER);
    assert!(
        device
            .asked
            .iter()
            .all(|frame| !matches!(frame.request, Some(Request::Append(_))))
    );
}

#[test]
fn a_group_that_is_not_made_yet_is_not_entered_as_the_server_shows_it() {
    let mut device = starting(3);
    let chat = device.engine.chat_by_conversation_id(GROUP).unwrap().unwrap();
    device.step(Input::Disconnected).unwrap();
    device.asked.clear();
    connect(&mut device, |state| {
        state.conversations.push(ConversationHead {
            conversation_id: GROUP.to_vec().into(),
            head_seq: 1,
            epoch: 1,
            ..ConversationHead::default()
        });
    });
    let conversation = device.engine.conversation(chat).unwrap().unwrap();
    assert_eq!(conversation.state, ConversationState::Starting);
    assert_ne!(conversation.conversation_id, GROUP);
    assert!(
        device
            .asked
            .iter()
            .all(|frame| !matches!(frame.request, Some(Request::FetchGroup(_))))
    );
}
