use insta::assert_snapshot;
use subrosa_mls::AccountSigningKey;
use subrosa_wire::{
    Base64,
    limits::CHALLENGE_LIFETIME,
    rest::{RecoveryChallenge, RecoveryFinish, RecoveryStart, SignedIn, signing_labels},
};

use super::{
    client::{Owner, PASSWORD, new_device},
    harness::Server,
};

#[tokio::test]
async fn the_recovery_code_opens_the_vault_and_sets_a_new_password() {
    let server = Server::start().await;
    let (owner, device) = Owner::sign_up(&server, "alice").await;
    let answer = owner.recover(&server, &owner.recovery_key).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    {
      "account_id": "[account_id: 32 characters]",
      "proof": "[proof: 43 characters]",
      "succession_wrap": "[succession_wrap: 44 characters]",
      "vault": {
        "ciphertext": "[ciphertext: 7 characters]",
        "revision": 1
      },
      "wrap": "[wrap: 38 characters]"
    }
    "#);
    let signed_in: SignedIn = answer.ok();
    assert_eq!(signed_in.wrap.0, b"wrapped by the recovery code");
    assert_eq!(
        signed_in.succession_wrap.map(|wrap| wrap.0),
        Some(b"seed wrapped by the recovery code".to_vec())
    );

    owner
        .change_password(&server, &signed_in.proof, "a new password", None)
        .await
        .done();
    assert!(owner.sign_in_attempt(&server, PASSWORD).await.is_none());
    let signed_in_again = owner.sign_in(&server, "a new password").await;
    assert_eq!(signed_in_again.account_id, owner.account_id());
    assert_eq!(signed_in_again.wrap.0, b"wrapped by the new password");

    // The account is the same, its devices are still there, and the proof adds the new one.
    assert!(device.whoami(&server).await.status.is_success());
    let (key, device_id) = new_device();
    let body = owner.enrolment(device_id, &key);
    let answer = server
        .post("/v1/devices")
        .token(&signed_in.proof)
        .json(&body)
        .send()
        .await;
    assert!(answer.status.is_success(), "{}", answer.shown());
}

#[tokio::test]
async fn a_wrong_code_and_a_handle_that_does_not_exist_are_answered_alike() {
    let server = Server::start().await;
    let (owner, _) = Owner::sign_up(&server, "alice").await;
    let wrong = AccountSigningKey::from_seed([1; 32]);
    let of_alice = owner.recover(&server, &wrong).await.shown();
    let of_nobody = Owner::new("nobody").recover(&server, &wrong).await.shown();
    assert_eq!(of_alice, of_nobody);
    assert_snapshot!(of_alice, @r#"
    401 Unauthorized
    {
      "code": "sign_in_failed",
      "detail": "handle, password or recovery code is wrong, or the sign-in took too long",
      "status": 401,
      "title": "handle or password is wrong",
      "type": "urn:subrosa:problem:sign_in_failed"
    }
    "#);
}

#[tokio::test]
async fn a_recovery_is_good_once_and_not_for_long() {
    let server = Server::start().await;
    let (owner, _) = Owner::sign_up(&server, "alice").await;
    let start = RecoveryStart {
        handle: owner.handle.clone(),
    };
    for late in [false, true] {
        let challenge: RecoveryChallenge = server.post("/v1/recovery/start").json(&start).send().await.ok();
        let finish = RecoveryFinish {
            attempt: challenge.attempt,
            signature: Base64(
                owner
                    .recovery_key
                    .sign(signing_labels::RECOVERY, &challenge.nonce.0)
                    .to_vec(),
            ),
        };
        if late {
            server.clock.advance(CHALLENGE_LIFETIME);
        } else {
            assert!(
                server
                    .post("/v1/recovery/finish")
                    .json(&finish)
                    .send()
                    .await
                    .status
                    .is_success()
            );
        }
        let answer = server.post("/v1/recovery/finish").json(&finish).send().await;
        assert_eq!(answer.code(), "sign_in_failed");
    }
}

#[tokio::test]
async fn a_replaced_code_opens_nothing() {
    let server = Server::start().await;
    let (owner, _) = Owner::sign_up(&server, "alice").await;
    let recovered: SignedIn = owner.recover(&server, &owner.recovery_key).await.ok();
    let proof = recovered.proof;
    let renewed = Owner {
        recovery_key: AccountSigningKey::from_seed([5; 32]),
        ..Owner::new("alice")
    };
    owner
        .change_password(&server, &proof, PASSWORD, Some(renewed.recovery()))
        .await
        .done();
    assert_eq!(
        owner.recover(&server, &owner.recovery_key).await.code(),
        "sign_in_failed"
    );
    assert!(
        owner
            .recover(&server, &renewed.recovery_key)
            .await
            .status
            .is_success()
    );
}

#[tokio::test]
async fn a_password_does_not_replace_the_code() {
    let server = Server::start().await;
    let (owner, _) = Owner::sign_up(&server, "alice").await;
    let proof = owner.sign_in(&server, PASSWORD).await.proof;
    let renewed = Owner {
        recovery_key: AccountSigningKey::from_seed([5; 32]),
        ..Owner::new("alice")
    };
    let answer = owner
        .change_password(&server, &proof, PASSWORD, Some(renewed.recovery()))
        .await;
    assert_eq!(answer.code(), "forbidden");
    assert!(
        owner
            .recover(&server, &owner.recovery_key)
            .await
            .status
            .is_success()
    );
    // The proof is as good as before for what a password may do.
    owner
        .change_password(&server, &proof, "a new password", None)
        .await
        .done();
}

#[tokio::test]
async fn trying_codes_is_limited_like_trying_passwords() {
    let server = Server::start_with(|config| config.limits.sign_ins_per_handle_and_visitor = 2).await;
    let start = RecoveryStart {
        handle: "nobody".parse().unwrap(),
    };
    for _ in 0..2 {
        assert!(
            server
                .post("/v1/recovery/start")
                .json(&start)
                .send()
                .await
                .status
                .is_success()
        );
    }
    assert_eq!(
        server.post("/v1/recovery/start").json(&start).send().await.code(),
        "rate_limited"
    );
}
