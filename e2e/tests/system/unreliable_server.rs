//! A server that answers late, not now, or never: clients wait, ask again, and lose nothing.

use subrosa_e2e::tampering::{EachFrame, Honest, Tampering};
use subrosa_wire::frames::{ServerFrame, server_frame::Body};

use crate::lying_server::Stage;

/// Answers the first request of each kind that a device needs to come up to date as a server does that has no
/// time.
#[derive(Default)]
struct Overloaded(Vec<&'static str>);

impl Tampering for Overloaded {
    fn to_client(&mut self, mut frame: ServerFrame) -> Vec<ServerFrame> {
        let kind = match &frame.body {
            Some(Body::SyncState(_)) => "sync",
            Some(Body::Account(_)) => "account",
            Some(Body::KeyPackagesPublished(_)) => "key packages",
            Some(Body::LogPage(_)) => "log",
            Some(Body::Acknowledged(_)) => "acknowledgement",
            _ => return vec![frame],
        };
        if !self.0.contains(&kind) {
            self.0.push(kind);
            let code = subrosa_wire::ProblemCode::Unavailable;
            frame.body = Some(Body::Problem(subrosa_wire::frames::Problem::new(code, "no time")));
        }
        vec![frame]
    }
}

#[tokio::test]
async fn a_server_without_time_is_asked_again_on_the_same_connection() {
    let Stage {
        server: _server,
        proxy,
        alice,
        bob,
    } = Stage::of_strangers().await;
    alice.send(&bob, "one").await;
    alice.send(&bob, "two").await;
    proxy.tamper(Overloaded::default());
    let received = bob.receive(2).await;
    assert_eq!(
        (&received[0]["text"], &received[1]["text"]),
        (&"one".into(), &"two".into())
    );
    assert_eq!(bob.texts(&alice).await, ["one", "two"]);
}

#[tokio::test]
async fn a_name_whose_answer_was_lost_is_asked_for_again() {
    let Stage {
        server: _server,
        proxy,
        alice,
        bob,
    } = Stage::of_strangers().await;
    proxy.tamper(EachFrame(|frame: ServerFrame| match frame.body {
        Some(Body::Account(_)) => Vec::new(),
        _ => vec![frame],
    }));
    alice.send(&bob, "who am i?").await;
    let mut bob_listens = bob.listen();
    bob_listens.message().await;
    bob_listens.kill().await;
    proxy.tamper(Honest);
    assert_eq!(bob.texts(&alice).await, ["who am i?"]);
}

/// The directory answers after the message is there.
#[tokio::test]
async fn the_first_message_of_somebody_waits_for_their_handle() {
    let Stage {
        server: _server,
        proxy,
        alice,
        bob,
    } = Stage::of_strangers().await;
    let (mut answers, mut is_shown) = (Vec::new(), false);
    proxy.tamper(EachFrame(move |frame: ServerFrame| match &frame.body {
        Some(Body::Account(_)) if !is_shown => {
            answers.push(frame);
            Vec::new()
        }
        // What is acknowledged to the server is shown: the receipt goes out after it. The server may answer it first.
        Some(Body::ReceiptPut(_)) => {
            is_shown = true;
            std::iter::once(frame).chain(answers.drain(..)).collect()
        }
        _ => vec![frame],
    }));
    let mut bob_listens = bob.listen();
    bob_listens.note("connected").await;
    alice.send(&bob, "who am i").await;
    let message = bob_listens.message().await;
    assert_eq!(
        (&message["text"], &message["from"]),
        (&"who am i".into(), &"alice".into())
    );
    bob_listens.end().await.ok();
}
