use std::time::Duration;

use insta::assert_snapshot;
use subrosa_wire::{
    DeviceId,
    limits::{ACCESS_TOKEN_LIFETIME, CHALLENGE_LIFETIME, REFRESH_TOKEN_LIFETIME},
    rest::{RefreshStart, Tokens},
};

use super::{
    client::{Owner, Refresh, new_device, random_id},
    harness::{START, Server},
};
use crate::limits::{ACCESS_TOKEN_LEEWAY, ATTEMPTS_UNDER_WAY_MAX, SIGNING_KEY_LIFETIME};

#[tokio::test]
async fn a_refresh_gives_new_tokens() {
    let server = Server::start().await;
    let (_, mut device) = Owner::sign_up(&server, "alice").await;
    let before = device.tokens.clone();
    let start = RefreshStart {
        device_id: device.device_id,
    };
    assert_snapshot!(server.post("/v1/sessions/challenge").json(&start).send().await.shown(), @r#"
    200 OK
    {
      "nonce": "[nonce: 43 characters]"
    }
    "#);
    server.clock.advance(Duration::from_mins(10));
    assert_snapshot!(device.refresh(&server).await.shown(), @r#"
    200 OK
    {
      "access_expires_at": 1800001500000,
      "access_token": "[access_token: 421 characters]",
      "refresh_expires_at": 1802592600000,
      "refresh_token": "[refresh_token: 64 characters]"
    }
    "#);
    assert_ne!(before.refresh_token, device.tokens.refresh_token);
    assert_ne!(before.access_token, device.tokens.access_token);
    assert!(device.whoami(&server).await.status.is_success());
}

#[tokio::test]
async fn an_access_token_ends_after_fifteen_minutes() {
    let server = Server::start().await;
    let (_, mut device) = Owner::sign_up(&server, "alice").await;
    server.clock.advance(ACCESS_TOKEN_LIFETIME);
    assert!(device.whoami(&server).await.status.is_success(), "the leeway");
    server.clock.advance(ACCESS_TOKEN_LEEWAY);
    assert_eq!(device.whoami(&server).await.code(), "unauthenticated");
    assert!(device.refresh(&server).await.status.is_success());
    assert!(device.whoami(&server).await.status.is_success());
}

#[tokio::test]
async fn a_refresh_token_ends_after_thirty_days() {
    let server = Server::start().await;
    let (_, mut device) = Owner::sign_up(&server, "alice").await;
    server
        .clock
        .set(START.plus(REFRESH_TOKEN_LIFETIME).minus(Duration::from_millis(1)));
    assert!(device.refresh(&server).await.status.is_success());
    server.clock.advance(REFRESH_TOKEN_LIFETIME);
    assert_snapshot!(device.refresh(&server).await.shown(), @r#"
    401 Unauthorized
    {
      "code": "unauthenticated",
      "detail": "the refresh token is not valid for this device",
      "status": 401,
      "title": "sign in first",
      "type": "urn:subrosa:problem:unauthenticated"
    }
    "#);
}

#[tokio::test]
async fn a_refresh_whose_answer_was_lost_can_be_repeated() {
    let server = Server::start().await;
    let (_, device) = Owner::sign_up(&server, "alice").await;
    let token = device.tokens.refresh_token.clone();
    for _lost in 0..3 {
        assert!(device.refresh_with(&server, &token).await.status.is_success());
    }
    let tokens: Tokens = device.refresh_with(&server, &token).await.ok();
    assert!(
        device
            .refresh_with(&server, &tokens.refresh_token)
            .await
            .status
            .is_success()
    );
}

#[tokio::test]
async fn an_older_token_ends_the_session() {
    let server = Server::start().await;
    let (owner, mut device) = Owner::sign_up(&server, "alice").await;
    let other = owner.add_device(&server).await;
    let oldest = device.tokens.refresh_token.clone();
    assert!(device.refresh(&server).await.status.is_success());
    assert!(device.refresh(&server).await.status.is_success());

    // The newest but one was used to get the newest: the oldest can come from a copy only.
    assert_snapshot!(device.refresh_with(&server, &oldest).await.shown(), @r#"
    401 Unauthorized
    {
      "code": "token_reused",
      "detail": "an older refresh token was used, the session was ended",
      "status": 401,
      "title": "the session was ended because its token was used twice",
      "type": "urn:subrosa:problem:token_reused"
    }
    "#);
    assert_eq!(device.whoami(&server).await.code(), "device_signed_out");
    assert_eq!(device.refresh(&server).await.code(), "device_signed_out");
    assert!(
        other.whoami(&server).await.status.is_success(),
        "other devices are not concerned"
    );
}

#[tokio::test]
async fn a_copy_of_a_device_that_refreshes_is_found_out() {
    let server = Server::start().await;
    let (_, mut device) = Owner::sign_up(&server, "alice").await;
    let copied = device.tokens.refresh_token.clone();
    assert!(device.refresh(&server).await.status.is_success());
    // The thief comes second with what was copied before: it looks like a lost answer, until the owner comes.
    assert!(device.refresh_with(&server, &copied).await.status.is_success());
    assert_eq!(device.refresh(&server).await.code(), "token_reused");
}

#[tokio::test]
async fn a_stolen_token_without_the_device_key_is_useless_and_harmless() {
    let server = Server::start().await;
    let (_, mut device) = Owner::sign_up(&server, "alice").await;
    let old = device.tokens.refresh_token.clone();
    assert!(device.refresh(&server).await.status.is_success());
    assert!(device.refresh(&server).await.status.is_success());
    let (thief, _) = new_device();
    for token in [device.tokens.refresh_token.clone(), old] {
        let refresh = Refresh {
            token,
            ..device.begin_refresh(&server).await
        };
        assert_eq!(refresh.send(&server, &thief).await.code(), "unauthenticated");
    }
    assert!(
        device.refresh(&server).await.status.is_success(),
        "the session goes on"
    );
}

#[tokio::test]
async fn a_nonce_is_good_once_for_its_device_and_not_for_long() {
    let server = Server::start().await;
    let (owner, device) = Owner::sign_up(&server, "alice").await;
    let other = owner.add_device(&server).await;

    let refresh = device.begin_refresh(&server).await;
    assert!(refresh.send(&server, &device.key).await.status.is_success());
    assert_snapshot!(refresh.send(&server, &device.key).await.shown(), @r#"
    409 Conflict
    {
      "code": "challenge_expired",
      "detail": "ask for a new challenge",
      "status": 409,
      "title": "the challenge is not valid any more, ask for a new one",
      "type": "urn:subrosa:problem:challenge_expired"
    }
    "#);

    let refresh = device.begin_refresh(&server).await;
    server.clock.advance(CHALLENGE_LIFETIME);
    assert_eq!(
        refresh.send(&server, &device.key).await.code(),
        "challenge_expired"
    );

    let refresh = Refresh {
        nonce: other.begin_refresh(&server).await.nonce,
        ..device.begin_refresh(&server).await
    };
    assert_eq!(
        refresh.send(&server, &device.key).await.code(),
        "challenge_expired"
    );
}

/// What is kept of each question is room that strangers could fill, and then nobody could refresh any more.
#[tokio::test]
async fn however_many_ask_for_a_nonce_a_device_gets_its_tokens() {
    let server = Server::start().await;
    let (_, mut device) = Owner::sign_up(&server, "alice").await;
    let refresh = device.begin_refresh(&server).await;
    for _ in 0..=ATTEMPTS_UNDER_WAY_MAX {
        let start = RefreshStart {
            device_id: DeviceId::from_bytes([7; 16]),
        };
        server.state.accounts.start_refresh(&start);
    }
    assert!(refresh.send(&server, &device.key).await.status.is_success());
    device.tokens = device.refresh_with(&server, &refresh.token).await.ok();
    assert!(device.whoami(&server).await.status.is_success());
}

#[tokio::test]
async fn a_device_that_does_not_exist_is_answered_like_one_that_does() {
    let server = Server::start().await;
    let (_, mut device) = Owner::sign_up(&server, "alice").await;
    let (wrong_key, _) = new_device();
    let known = device
        .begin_refresh(&server)
        .await
        .send(&server, &wrong_key)
        .await
        .shown();
    device.device_id = DeviceId::from_bytes(random_id());
    let unknown = device
        .begin_refresh(&server)
        .await
        .send(&server, &wrong_key)
        .await
        .shown();
    assert_eq!(known, unknown);
}

#[tokio::test]
async fn tokens_outlive_a_restart_and_a_new_signing_key() {
    let server = Server::start().await;
    let (_, mut device) = Owner::sign_up(&server, "alice").await;
    let server = server.restart().await;
    assert!(device.refresh(&server).await.status.is_success());
    // 29 days and 23:59 later the old key signs one more token, then the next key takes over.
    server
        .clock
        .set(START.plus(SIGNING_KEY_LIFETIME).minus(Duration::from_mins(1)));
    assert!(device.refresh(&server).await.status.is_success());
    server.clock.advance(Duration::from_mins(2));
    let old = device.tokens.access_token.clone();
    assert!(device.refresh(&server).await.status.is_success());
    let header = |token: &str| token.split('.').next().unwrap().to_owned();
    assert_ne!(header(&old), header(device.access()), "another kid");
    assert!(
        server
            .get("/v1/vault")
            .token(&old)
            .send()
            .await
            .status
            .is_success()
    );
    assert!(device.whoami(&server).await.status.is_success());
}

/// A refresh token that is newer than the database was taken for reuse, and the device was signed out.
#[tokio::test]
async fn every_device_goes_on_at_a_server_whose_folder_was_put_back() {
    let server = Server::start().await;
    let (owner, mut device) = Owner::sign_up(&server, "alice").await;
    let mut other = owner.add_device(&server).await;
    let mut again = owner.add_device(&server).await;
    let copy = server.copy_of_folder();
    for _ in 0..3 {
        assert!(device.refresh(&server).await.status.is_success());
        assert!(other.refresh(&server).await.status.is_success());
    }
    let lost = other.refresh_with(&server, &other.tokens.refresh_token).await;
    assert!(lost.status.is_success());
    again.enrol_again(&owner, &server).await;

    let server = server.restart_on(copy).await;
    for device in [&mut device, &mut other, &mut again] {
        for _ in 0..2 {
            let refreshed = device.refresh(&server).await;
            assert!(refreshed.status.is_success(), "{}", refreshed.shown());
            assert!(device.whoami(&server).await.status.is_success());
        }
    }
}

#[tokio::test]
async fn a_copy_of_a_device_is_found_out_at_a_server_whose_folder_was_put_back() {
    let server = Server::start().await;
    let (_, mut device) = Owner::sign_up(&server, "alice").await;
    let copy = server.copy_of_folder();
    assert!(device.refresh(&server).await.status.is_success());
    let stolen = device.tokens.refresh_token.clone();
    for _ in 0..2 {
        assert!(device.refresh(&server).await.status.is_success());
    }
    let server = server.restart_on(copy).await;
    // To this database even the stolen token is from the future; the owner's is from further ahead.
    let thief: Tokens = device.refresh_with(&server, &stolen).await.ok();
    assert!(device.refresh(&server).await.status.is_success());
    assert_eq!(
        device.refresh_with(&server, &thief.refresh_token).await.code(),
        "token_reused"
    );
}

#[tokio::test]
async fn an_older_token_ends_the_session_at_a_server_whose_folder_was_put_back() {
    let server = Server::start().await;
    let (_, mut device) = Owner::sign_up(&server, "alice").await;
    let copy = server.copy_of_folder();
    assert!(device.refresh(&server).await.status.is_success());
    let stolen = device.tokens.refresh_token.clone();
    assert!(device.refresh(&server).await.status.is_success());
    let server = server.restart_on(copy).await;
    for _ in 0..2 {
        assert!(device.refresh(&server).await.status.is_success());
    }
    assert_eq!(device.refresh_with(&server, &stolen).await.code(), "token_reused");
}

#[tokio::test]
async fn a_token_that_is_ahead_of_the_database_ends_after_thirty_days() {
    let server = Server::start().await;
    let (_, mut device) = Owner::sign_up(&server, "alice").await;
    let copy = server.copy_of_folder();
    assert!(device.refresh(&server).await.status.is_success());
    let server = server.restart_on(copy).await;
    server.clock.advance(REFRESH_TOKEN_LIFETIME);
    assert_eq!(device.refresh(&server).await.code(), "unauthenticated");
}

#[tokio::test]
async fn the_tokens_of_a_device_are_old_once_it_has_signed_in_anew() {
    let server = Server::start().await;
    let (owner, mut device) = Owner::sign_up(&server, "alice").await;
    for _ in 0..2 {
        assert!(device.refresh(&server).await.status.is_success());
    }
    let before = device.tokens.refresh_token.clone();
    device.enrol_again(&owner, &server).await;
    assert_eq!(device.refresh_with(&server, &before).await.code(), "token_reused");
}

/// A sign-out is undone with everything else: the operator's chapter says so.
#[tokio::test]
async fn a_device_that_was_signed_out_after_a_copy_is_signed_in_where_the_copy_is_put_back() {
    let server = Server::start().await;
    let (owner, device) = Owner::sign_up(&server, "alice").await;
    let mut other = owner.add_device(&server).await;
    let copy = server.copy_of_folder();
    let path = format!("/v1/devices/{}", other.device_id);
    server.delete(&path).token(device.access()).send().await.done();
    assert_eq!(other.refresh(&server).await.code(), "device_signed_out");
    let server = server.restart_on(copy).await;
    assert!(other.refresh(&server).await.status.is_success());
}

#[tokio::test]
async fn a_device_that_signed_in_after_a_copy_signs_in_again_where_the_copy_is_put_back() {
    let server = Server::start().await;
    let (owner, _) = Owner::sign_up(&server, "alice").await;
    let copy = server.copy_of_folder();
    let mut other = owner.add_device(&server).await;
    let server = server.restart_on(copy).await;
    assert_eq!(other.refresh(&server).await.code(), "unauthenticated");
    other.enrol_again(&owner, &server).await;
    assert!(other.refresh(&server).await.status.is_success());
}
