//! Tokens: how long they are used, and how they are replaced.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read its own input has failed"
)]

use std::time::Duration;

use subrosa_wire::{problem::ProblemDocument, rest::RefreshChallenge};

use super::*;
use crate::fake::{FakeDevice, FakeRest, answer, problem};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn tokens(access: &str, refresh: &str) -> Tokens {
    Tokens {
        access_token: access.into(),
        access_expires_at: Timestamp::from_millis(1),
        refresh_token: refresh.into(),
        refresh_expires_at: Timestamp::from_millis(2),
    }
}

fn stored() -> StoredTokens {
    StoredTokens::new(tokens("a", "r"), NOW)
}

/// Received long ago by any clock.
fn old() -> StoredTokens {
    StoredTokens::new(tokens("a", "r"), Timestamp::from_millis(0))
}

fn json(body: &impl Serialize) -> String {
    answer(
        "200 OK",
        "application/json",
        &serde_json::to_string(body).unwrap(),
    )
}

fn challenge() -> String {
    json(&RefreshChallenge {
        nonce: vec![7; 32].into(),
    })
}

#[test]
fn a_token_is_used_for_fourteen_minutes_whatever_the_server_s_clock_says() {
    assert!(stored().is_fresh(NOW));
    assert!(stored().is_fresh(NOW.plus(Duration::from_secs(14 * 60 - 1))));
    assert!(!stored().is_fresh(NOW.plus(Duration::from_mins(14))));
}

#[test]
fn a_clock_that_was_set_back_makes_a_token_old() {
    assert!(!stored().is_fresh(NOW.minus(Duration::from_millis(1))));
}

#[test]
fn stored_tokens_keep_their_shape() {
    let json = serde_json::to_string(&stored()).unwrap();
    assert_eq!(
        json,
        r#"{"access_token":"a","refresh_token":"r","received_at":1800000000000}"#
    );
    let back: StoredTokens = serde_json::from_str(&json).unwrap();
    assert_eq!(back.refresh_token, "r");
}

#[tokio::test]
async fn an_old_token_is_replaced_once_however_many_ask_and_stored_before_it_is_used() {
    let device = FakeDevice::new();
    let fake = FakeRest::answering(vec![challenge(), json(&tokens("a2", "r2"))]).await;
    let tasks = Tasks::default();
    let session = Session::start(
        &tasks,
        fake.rest.clone(),
        device.host.clone(),
        device.device_id,
        Some(old()),
    );
    let (one, two) = tokio::join!(session.access_token(), session.access_token());
    assert_eq!((one.unwrap().as_str(), two.unwrap().as_str()), ("a2", "a2"));
    let kept = device
        .host
        .run(|host| StoredTokens::load(host.engine()))
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(kept.refresh_token, "r2");
    let requests = fake.requests().await;
    assert!(requests[1].contains(r#""refresh_token":"r""#) && requests[1].contains(r#""signature":""#));
}

#[tokio::test]
async fn after_a_lost_answer_the_old_token_is_used_once_more() {
    let device = FakeDevice::new();
    let lost = String::new();
    let fake = FakeRest::answering(vec![challenge(), lost, challenge(), json(&tokens("a2", "r2"))]).await;
    let tasks = Tasks::default();
    let session = Session::start(
        &tasks,
        fake.rest.clone(),
        device.host.clone(),
        device.device_id,
        Some(old()),
    );
    let first = session.access_token().await;
    assert!(matches!(first, Err(ClientError::Unreachable { .. })), "{first:?}");
    assert_eq!(session.access_token().await.unwrap(), "a2");
    let requests = fake.requests().await;
    assert!(requests[3].contains(r#""refresh_token":"r""#), "{}", requests[3]);
}

#[tokio::test]
async fn a_reused_token_ends_the_session() {
    let device = FakeDevice::new();
    let reused = problem(&ProblemDocument::new(ProblemCode::TokenReused, ""));
    let fake = FakeRest::answering(vec![challenge(), reused]).await;
    let tasks = Tasks::default();
    let session = Session::start(
        &tasks,
        fake.rest.clone(),
        device.host.clone(),
        device.device_id,
        Some(old()),
    );
    let ended = session.access_token().await;
    assert!(matches!(ended, Err(ClientError::SignedOut(_))), "{ended:?}");
}

#[tokio::test]
async fn a_challenge_of_another_length_is_not_signed() {
    let device = FakeDevice::new();
    let long = json(&RefreshChallenge {
        nonce: vec![7; 33].into(),
    });
    let fake = FakeRest::answering(vec![long]).await;
    let tasks = Tasks::default();
    let session = Session::start(
        &tasks,
        fake.rest.clone(),
        device.host.clone(),
        device.device_id,
        Some(old()),
    );
    let refused = session.access_token().await;
    assert!(
        matches!(refused, Err(ClientError::ServerMisbehaved(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn without_tokens_one_is_signed_out() {
    let device = FakeDevice::new();
    let fake = FakeRest::answering(Vec::new()).await;
    let tasks = Tasks::default();
    let session = Session::start(
        &tasks,
        fake.rest.clone(),
        device.host.clone(),
        device.device_id,
        None,
    );
    assert!(matches!(
        session.access_token().await,
        Err(ClientError::SignedOut(_))
    ));
}
