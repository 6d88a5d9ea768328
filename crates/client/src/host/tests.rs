//! The engine's thread, with an engine without an account at any server.

#![expect(clippy::unwrap_used, reason = "a test whose engine fails has failed")]

use subrosa_engine::{ChatId, CommandError, content::SendToken};
use subrosa_wire::{
    ProblemCode,
    frames::{Problem, SyncState},
};

use super::*;
use crate::fake::FakeDevice;

#[tokio::test]
async fn a_connection_begins_with_a_request_and_is_settled_by_its_answer() {
    let device = FakeDevice::new();
    let (outgoing, mut frames) = mpsc::channel(8);
    device
        .host
        .run(|host| host.connected(outgoing))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(device.host.status().borrow().requests_under_way, 1);
    let request_id = frames.recv().await.unwrap().request_id;
    let state = SyncState {
        key_packages_left: 100,
        has_last_resort_key_package: true,
        ..SyncState::default()
    };
    let frame = ServerFrame {
        request_id,
        body: Some(Body::SyncState(state)),
    };
    device
        .host
        .run(|host| host.received(frame))
        .await
        .unwrap()
        .unwrap();
    assert!(device.host.status().borrow().is_settled());
}

// Whoever waited learned only that it took too long.
#[tokio::test]
async fn why_sync_is_refused_is_known_until_it_is_not() {
    let device = FakeDevice::new();
    let (outgoing, mut frames) = mpsc::channel(8);
    device
        .host
        .run(|host| host.connected(outgoing))
        .await
        .unwrap()
        .unwrap();
    let answer = async |frames: &mut mpsc::Receiver<ClientFrame>, body| {
        let request_id = frames.recv().await.unwrap().request_id;
        let frame = ServerFrame {
            request_id,
            body: Some(body),
        };
        device
            .host
            .run(|host| host.received(frame))
            .await
            .unwrap()
            .unwrap();
    };
    let problem = Problem::new(ProblemCode::Unavailable, "no room");
    answer(&mut frames, Body::Problem(problem)).await;
    let refusal = device.host.status().borrow().refusal.clone().unwrap();
    assert_eq!(
        (refusal.known_code(), refusal.detail.as_str()),
        (Some(ProblemCode::Unavailable), "no room")
    );
    // The engine asks again by itself.
    let state = SyncState {
        key_packages_left: 100,
        has_last_resort_key_package: true,
        ..SyncState::default()
    };
    answer(&mut frames, Body::SyncState(state)).await;
    let status = device.host.status().borrow().clone();
    assert!(status.caught_up);
    assert_eq!(status.refusal, None);
}

#[tokio::test]
async fn a_way_out_that_is_full_is_given_up() {
    let device = FakeDevice::new();
    let (outgoing, mut frames) = mpsc::channel(1);
    outgoing.try_send(ClientFrame::default()).unwrap();
    device
        .host
        .run(|host| host.connected(outgoing))
        .await
        .unwrap()
        .unwrap();
    frames.recv().await.unwrap();
    // The connection's writer notices by the end of the channel.
    assert!(frames.recv().await.is_none());
    assert_eq!(device.host.status().borrow().requests_under_way, 0);
}

#[tokio::test]
async fn a_command_that_is_not_taken_leaves_the_connection_alone() {
    let device = FakeDevice::new();
    let (outgoing, mut frames) = mpsc::channel(8);
    device
        .host
        .run(|host| host.connected(outgoing))
        .await
        .unwrap()
        .unwrap();
    frames.recv().await.unwrap();
    let command = Command::SendText {
        chat: ChatId::new(3),
        text: "hi".into(),
        token: SendToken::from_bytes([1; 16]),
    };
    let refused = device.host.run(|host| host.command(command)).await.unwrap();
    assert!(matches!(
        refused,
        Err(EngineError::Command(CommandError::UnknownConversation))
    ));
    assert!(matches!(frames.try_recv(), Err(mpsc::error::TryRecvError::Empty)));
}

#[tokio::test]
async fn a_lost_connection_forgets_its_requests() {
    let device = FakeDevice::new();
    let (outgoing, _frames) = mpsc::channel(8);
    device
        .host
        .run(|host| host.connected(outgoing))
        .await
        .unwrap()
        .unwrap();
    let waiting = Connection::Waiting {
        reason: "gone".into(),
        retry_in: Duration::ZERO,
    };
    let shown = waiting.clone();
    device
        .host
        .run(|host| host.disconnected(waiting))
        .await
        .unwrap()
        .unwrap();
    let status = device.host.status().borrow().clone();
    assert_eq!(
        (status.connection, status.requests_under_way, status.caught_up),
        (shown, 0, false)
    );
    // An answer that arrives nevertheless is not recognised.
    let late = ServerFrame {
        request_id: 1,
        body: Some(Body::Problem(Problem::default())),
    };
    device
        .host
        .run(|host| host.received(late))
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_stopped_thread_takes_no_jobs() {
    let device = FakeDevice::new();
    device.host.stop().await;
    let refused = device.host.run(|_| ()).await;
    assert!(matches!(refused, Err(ClientError::Closed)));
}
