//! What an engine does when the server lies: it never sends requests without end, warns once, and recovers when the
//! server is honest again.

use std::time::Duration;

use subrosa_engine::{Event, Input, Misbehaviour, Warning};
use subrosa_wire::{
    ProblemCode,
    frames::{
        Acknowledged, ClientFrame, Deliver, KeyPackagesLow, KeyPackagesPublished, LogEntry, Notice, Problem,
        ServerFrame, StateChanged, WelcomeItem, WelcomesWaiting, client_frame::Request, log_entry::Payload,
        notice, server_frame::Body,
    },
    limits::{KEY_PACKAGES_LOW, KEY_PACKAGES_TARGET},
};

use crate::device::Device;

/// Far more requests than the engine may send in one go, and far fewer than a storm.
const REQUESTS_FEW: usize = 100;

/// What an honest server answers to a device without conversations.
fn honest_answer(device: &Device, frame: &ClientFrame) -> ServerFrame {
    let body = match frame.request.as_ref().unwrap() {
        Request::Sync(_) => Body::SyncState(device.empty_state()),
        Request::AcknowledgeWelcomes(_) | Request::Acknowledge(_) => Body::Acknowledged(Acknowledged {}),
        Request::FetchGroup(_) => Body::Problem(Problem::new(ProblemCode::NotAMember, "")),
        Request::PublishKeyPackages(_) => Body::KeyPackagesPublished(KeyPackagesPublished {
            key_packages_left: KEY_PACKAGES_TARGET,
        }),
        other => panic!("asked for {other:?}"),
    };
    ServerFrame {
        request_id: frame.request_id,
        body: Some(body),
    }
}

/// Answers every request, with the lies before each answer, until there are no more requests or too many. Returns how
/// many there were.
fn converse(device: &mut Device, lies: &[ServerFrame]) -> usize {
    let mut asked = 0;
    while asked < 10 * REQUESTS_FEW
        && let Some(frame) = (!device.asked.is_empty()).then(|| device.asked.remove(0))
    {
        asked += 1;
        for lie in lies {
            device.receive(lie.clone());
        }
        let answer = honest_answer(device, &frame);
        device.receive(answer);
    }
    asked
}

fn push(body: Body) -> ServerFrame {
    ServerFrame {
        request_id: 0,
        body: Some(body),
    }
}

fn entry_of_nobody() -> ServerFrame {
    push(Body::Deliver(Deliver {
        entries: vec![LogEntry {
            conversation_id: vec![9; 16].into(),
            seq: u64::MAX,
            payload: Some(Payload::Commit(vec![0; 3].into())),
            ..LogEntry::default()
        }],
    }))
}

fn welcome(conversation_id: &[u8]) -> ServerFrame {
    push(Body::WelcomesWaiting(WelcomesWaiting {
        welcomes: vec![WelcomeItem {
            item_id: 7,
            conversation_id: conversation_id.to_vec().into(),
            welcome: vec![1, 2, 3].into(),
            ..WelcomeItem::default()
        }],
    }))
}

fn notice(kind: notice::Kind) -> ServerFrame {
    push(Body::Notice(Notice { kind: Some(kind) }))
}

/// Each lie alone, and all of them together.
fn storms() -> Vec<(&'static str, Vec<ServerFrame>)> {
    let mut storms = vec![
        (
            "an entry without conversation",
            vec![push(Body::Deliver(Deliver {
                entries: vec![LogEntry::default()],
            }))],
        ),
        ("an entry of a conversation that is none", vec![entry_of_nobody()]),
        ("a welcome without conversation", vec![welcome(&[])]),
        ("a welcome that does not open", vec![welcome(&[9; 16])]),
        (
            "a change of state",
            vec![notice(notice::Kind::StateChanged(StateChanged {}))],
        ),
        (
            "a lack of key packages",
            vec![notice(notice::Kind::KeyPackagesLow(KeyPackagesLow {
                key_packages_left: 0,
            }))],
        ),
    ];
    let all = storms.iter().flat_map(|(_, lies)| lies.clone()).collect();
    storms.push(("everything", all));
    storms
}

// The answer to each request caused by a false push led to the next push: the client sent requests as fast as the
// network allowed, until the server's rate limit blocked its own messages.
#[test]
fn false_pushes_with_every_answer_do_not_make_the_engine_ask_without_end() {
    for (what, lies) in storms() {
        let mut device = Device::new(1);
        device.step(Input::Connected).unwrap();
        let asked = converse(&mut device, &lies);
        assert!(asked < REQUESTS_FEW, "{what}: {asked} requests at one instant");
        assert!(
            device.events.contains(&Event::CaughtUp),
            "{what}: never caught up"
        );

        // A minute passes, tick by tick.
        let end = device.now.plus(Duration::from_mins(1));
        let mut asked = 0;
        while let Some(at) = device.wake_at.filter(|at| *at <= end) {
            device.now = device.now.plus(Duration::from_millis(1)).max(at);
            device.step(Input::Tick).unwrap();
            asked += converse(&mut device, &lies);
        }
        assert!(asked < 3 * REQUESTS_FEW, "{what}: {asked} requests in a minute");
    }
}

#[test]
fn a_warning_is_told_once_on_a_connection() {
    let mut device = Device::new(1);
    for _ in 0..2 {
        device.events.clear();
        device.step(Input::Connected).unwrap();
        for _ in 0..50 {
            device.receive(welcome(&[]));
        }
        assert_eq!(device.warnings().len(), 1, "{:?}", device.warnings());
    }
}

#[test]
fn different_warnings_end_at_a_bound() {
    let mut device = Device::new(1);
    device.step(Input::Connected).unwrap();
    for number in 0..1_000 {
        // Each Sync is refused in another way, and another one is requested.
        let sync = device.asked.pop().unwrap();
        device.receive(ServerFrame {
            request_id: sync.request_id,
            body: Some(Body::Problem(Problem {
                code: "unheard_of".to_owned(),
                detail: format!("reason {number}"),
                ..Problem::default()
            })),
        });
        device.now = device.now.plus(Duration::from_secs(2));
        device.receive(notice(notice::Kind::StateChanged(StateChanged {})));
    }
    let warnings = device.warnings();
    assert_eq!(warnings.len(), 101);
    assert_eq!(warnings.last(), Some(&&Warning::More));
}

#[test]
fn an_answer_to_nothing_is_passed_over() {
    let mut device = Device::new(1);
    device.step(Input::Connected).unwrap();
    for body in [None, Some(Body::Acknowledged(Acknowledged {}))] {
        device.receive(ServerFrame {
            request_id: 1 << 60,
            body,
        });
    }
    assert_eq!(device.warnings(), Vec::<&subrosa_engine::Warning>::new());
    converse(&mut device, &[]);
    assert!(device.events.contains(&Event::CaughtUp));
}

// A request with such an answer waited until the connection was cut.
#[test]
fn what_is_answered_with_nothing_or_with_something_else_is_asked_again() {
    for body in [None, Some(Body::Acknowledged(Acknowledged {}))] {
        let mut device = Device::new(1);
        device.step(Input::Connected).unwrap();
        let sync = device.asked.remove(0);
        device.receive(ServerFrame {
            request_id: sync.request_id,
            body,
        });
        assert_eq!(
            device.warnings(),
            [&Warning::ServerMisbehaved {
                chat: None,
                how: Misbehaviour::WrongAnswer
            }]
        );
        device.now = device.wake_at.unwrap();
        device.step(Input::Tick).unwrap();
        assert!(matches!(device.asked[0].request, Some(Request::Sync(_))));
        converse(&mut device, &[]);
        assert!(device.events.contains(&Event::CaughtUp));
    }
}

#[test]
fn a_device_with_few_key_packages_left_fills_them_up_once() {
    let mut device = Device::new(1);
    device.step(Input::Connected).unwrap();
    converse(&mut device, &[]);
    let low = |left| {
        Body::Notice(Notice {
            kind: Some(notice::Kind::KeyPackagesLow(KeyPackagesLow {
                key_packages_left: left,
            })),
        })
    };
    device.push(low(KEY_PACKAGES_LOW));
    assert!(device.asked.is_empty(), "there are enough");
    device.push(low(KEY_PACKAGES_LOW - 1));
    // The next notice comes while the answer is in flight.
    device.push(low(KEY_PACKAGES_LOW - 2));
    let [
        ClientFrame {
            request: Some(Request::PublishKeyPackages(publish)),
            ..
        },
    ] = &device.asked[..]
    else {
        panic!("{:?}", device.asked)
    };
    let missing = KEY_PACKAGES_TARGET - (KEY_PACKAGES_LOW - 1);
    assert_eq!(publish.one_time.len(), usize::try_from(missing).unwrap());
    assert!(publish.last_resort.is_empty(), "that one is not used up");
}
