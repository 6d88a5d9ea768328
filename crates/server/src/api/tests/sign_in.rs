use std::time::Duration;

use insta::assert_snapshot;
use subrosa_wire::{
    Base64,
    limits::{CHALLENGE_LIFETIME, SIGN_IN_PROOF_LIFETIME},
    rest::{RecoveryChallenge, RecoveryFinish, RecoveryStart, SignInChallenge, SignInFinish, SignInStart},
};

use metrics_exporter_prometheus::PrometheusBuilder;

use super::{
    client::{Owner, PASSWORD, new_device},
    harness::Server,
};
use crate::clock::Stopwatch;

fn credential_request() -> Base64 {
    use opaque_ke::ClientLogin;
    let started =
        ClientLogin::<subrosa_wire::password::PasswordSuite>::start(&mut rand_core::OsRng, b"guess");
    Base64(started.unwrap().message.serialize().to_vec())
}

#[tokio::test]
async fn the_right_password_opens_the_vault() {
    let server = Server::start().await;
    let (owner, _) = Owner::sign_up(&server, "alice").await;
    let finish = owner.sign_in_attempt(&server, PASSWORD).await.unwrap();
    let answer = server.post("/v1/sign-in/finish").json(&finish).send().await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    {
      "account_id": "[account_id: 32 characters]",
      "proof": "[proof: 43 characters]",
      "vault": {
        "ciphertext": "[ciphertext: 7 characters]",
        "revision": 1
      },
      "wrap": "[wrap: 31 characters]"
    }
    "#);
    let signed_in: subrosa_wire::rest::SignedIn = answer.ok();
    assert_eq!(signed_in.account_id, owner.account_id());
    assert_eq!(signed_in.vault.ciphertext.0, b"vault");
    assert_eq!(signed_in.wrap.0, b"wrapped by the password");
}

#[tokio::test]
async fn a_handle_that_does_not_exist_is_answered_like_one_that_does() {
    let server = Server::start().await;
    Owner::sign_up(&server, "alice").await;
    let mut shown = Vec::new();
    for handle in ["alice", "nobody"] {
        let start = SignInStart {
            handle: handle.parse().unwrap(),
            credential_request: credential_request(),
        };
        let started = server.post("/v1/sign-in/start").json(&start).send().await;
        let challenge: SignInChallenge = started.ok();
        let finish = SignInFinish {
            attempt: challenge.attempt,
            credential_finalization: Base64(vec![7; 64]),
        };
        let finished = server.post("/v1/sign-in/finish").json(&finish).send().await;
        shown.push(format!("{}\n{}", started.shown(), finished.shown()));
    }
    assert_eq!(shown[0], shown[1]);
    assert_snapshot!(shown[0], @r#"
    200 OK
    {
      "attempt": "[attempt: 43 characters]",
      "credential_response": "[credential_response: 427 characters]"
    }
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

/// A sign-in with a wrong password and a recovery with a wrong code, each to its end.
async fn guess(server: &Server, handle: &str) {
    let start = SignInStart {
        handle: handle.parse().unwrap(),
        credential_request: credential_request(),
    };
    let challenge: SignInChallenge = server.post("/v1/sign-in/start").json(&start).send().await.ok();
    let finish = SignInFinish {
        attempt: challenge.attempt,
        credential_finalization: Base64(vec![7; 64]),
    };
    let refused = server.post("/v1/sign-in/finish").json(&finish).send().await;
    assert_eq!(refused.code(), "sign_in_failed");

    let start = RecoveryStart {
        handle: handle.parse().unwrap(),
    };
    let challenge: RecoveryChallenge = server.post("/v1/recovery/start").json(&start).send().await.ok();
    let finish = RecoveryFinish {
        attempt: challenge.attempt,
        signature: Base64(vec![7; 64]),
    };
    let refused = server.post("/v1/recovery/finish").json(&finish).send().await;
    assert_eq!(refused.code(), "sign_in_failed");
}

#[tokio::test]
async fn the_storage_is_asked_the_same_for_a_handle_that_exists_and_for_one_that_does_not() {
    let server = Server::start().await;
    Owner::sign_up(&server, "alice").await;
    let mut counted = Vec::new();
    for handle in ["alice", "nobody"] {
        let recorder = PrometheusBuilder::new().build_recorder();
        // The test has one thread, on which the requests are answered, too.
        let recording = metrics::set_default_local_recorder(&recorder);
        guess(&server, handle).await;
        drop(recording);
        let rendered = recorder.handle().render();
        let mut counts: Vec<String> = rendered
            .lines()
            .filter(|line| line.starts_with("subrosa_store_") && line.contains("_seconds_count"))
            // The clean-up runs whenever its time has come.
            .filter(|line| !line.contains("prune"))
            .map(str::to_owned)
            .collect();
        counts.sort();
        counted.push(counts);
    }
    assert_eq!(counted[0], counted[1]);
    assert_snapshot!(counted[0].join("\n"), @r#"subrosa_store_read_seconds_count{name="credentials"} 2"#);
}

/// The same queries are not the same time: what follows them counts, too. A server that left out its part of
/// OPAQUE for an unknown handle would take a fraction of the time. Guesses alternate and medians are compared,
/// so that a busy machine slows both alike.
#[tokio::test]
async fn a_guess_takes_as_long_for_a_handle_that_exists_as_for_one_that_does_not() {
    const ROUNDS: usize = 101;
    let server = Server::start_with(|config| {
        config.limits.sign_ins_per_handle_and_visitor = 0;
        config.limits.sign_ins_per_handle = 0;
        config.limits.sign_ins_per_visitor = 0;
        config.limits.requests_per_visitor = 0;
    })
    .await;
    Owner::sign_up(&server, "alice").await;
    let mut took = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (took, handle) in took.iter_mut().zip(["alice", "nobody"]) {
            let watch = Stopwatch::start();
            guess(&server, handle).await;
            took.push(watch.elapsed());
        }
    }
    let [known, unknown] = took.map(|mut took| {
        took.sort_unstable();
        took[ROUNDS / 2]
    });
    assert!(
        known < 2 * unknown && unknown < 2 * known,
        "known {known:?}, unknown {unknown:?}"
    );
}

#[tokio::test]
async fn the_answer_for_a_handle_that_does_not_exist_stays_the_same_where_that_of_others_does() {
    // RFC 9807, section 10.9: the oblivious function must not give away that there is no record.
    let server = Server::start().await;
    Owner::sign_up(&server, "alice").await;
    let request = credential_request();
    for handle in ["alice", "nobody"] {
        let mut evaluated = Vec::new();
        for _ in 0..2 {
            let start = SignInStart {
                handle: handle.parse().unwrap(),
                credential_request: request.clone(),
            };
            let challenge: SignInChallenge = server.post("/v1/sign-in/start").json(&start).send().await.ok();
            evaluated.push(challenge.credential_response.0[..32].to_vec());
        }
        assert_eq!(evaluated[0], evaluated[1], "{handle}");
    }
}

#[tokio::test]
async fn the_challenge_survives_a_restart_of_the_server() {
    let server = Server::start().await;
    let (owner, device) = Owner::sign_up(&server, "alice").await;
    let server = server.restart().await;
    owner.sign_in(&server, PASSWORD).await;
    assert!(
        device.whoami(&server).await.status.is_success(),
        "and so do tokens"
    );
}

#[tokio::test]
async fn a_wrong_password_an_unknown_attempt_and_a_late_one_fail_alike() {
    let server = Server::start().await;
    let (owner, _) = Owner::sign_up(&server, "alice").await;
    assert!(
        owner.sign_in_attempt(&server, "wrong").await.is_none(),
        "the client notices it by itself"
    );

    let good = owner.sign_in_attempt(&server, PASSWORD).await.unwrap();
    let mut forged = owner.sign_in_attempt(&server, PASSWORD).await.unwrap();
    forged.credential_finalization.0[0] ^= 1;
    let unknown = SignInFinish {
        attempt: Base64(vec![0; 32]),
        ..good.clone()
    };
    let short = SignInFinish {
        attempt: Base64(vec![0; 3]),
        ..good.clone()
    };
    let late = owner.sign_in_attempt(&server, PASSWORD).await.unwrap();
    let mut shown = Vec::new();
    for finish in [&forged, &unknown, &short] {
        shown.push(
            server
                .post("/v1/sign-in/finish")
                .json(finish)
                .send()
                .await
                .shown(),
        );
    }
    server.clock.advance(CHALLENGE_LIFETIME);
    shown.push(server.post("/v1/sign-in/finish").json(&late).send().await.shown());
    assert!(shown.iter().all(|answer| *answer == shown[0]), "{shown:#?}");
}

#[tokio::test]
async fn an_attempt_is_good_once() {
    let server = Server::start().await;
    let (owner, _) = Owner::sign_up(&server, "alice").await;
    let finish = owner.sign_in_attempt(&server, PASSWORD).await.unwrap();
    assert!(
        server
            .post("/v1/sign-in/finish")
            .json(&finish)
            .send()
            .await
            .status
            .is_success()
    );
    let answer = server.post("/v1/sign-in/finish").json(&finish).send().await;
    assert_eq!(answer.code(), "sign_in_failed");
}

#[tokio::test]
async fn guessing_is_limited_for_handles_that_exist_and_for_those_that_do_not() {
    let server = Server::start_with(|config| config.limits.sign_ins_per_handle_and_visitor = 3).await;
    Owner::sign_up(&server, "alice").await;
    for handle in ["alice", "nobody"] {
        let start = SignInStart {
            handle: handle.parse().unwrap(),
            credential_request: credential_request(),
        };
        for _ in 0..3 {
            let answer = server.post("/v1/sign-in/start").json(&start).send().await;
            assert!(answer.status.is_success(), "{handle}");
        }
        let answer = server.post("/v1/sign-in/start").json(&start).send().await;
        assert_eq!(answer.code(), "rate_limited", "{handle}");
        assert_eq!(answer.headers["retry-after"], "100");
        // Its owner, from elsewhere, is not locked out.
        let answer = server
            .post("/v1/sign-in/start")
            .from([192, 0, 2, 9])
            .json(&start)
            .send()
            .await;
        assert!(answer.status.is_success(), "{handle}");
    }
    server.clock.advance(Duration::from_secs(100));
    let start = SignInStart {
        handle: "alice".parse().unwrap(),
        credential_request: credential_request(),
    };
    assert!(
        server
            .post("/v1/sign-in/start")
            .json(&start)
            .send()
            .await
            .status
            .is_success()
    );
}

#[tokio::test]
async fn many_visitors_together_cannot_guess_for_ever() {
    let server = Server::start_with(|config| config.limits.sign_ins_per_handle = 5).await;
    Owner::sign_up(&server, "alice").await;
    let start = SignInStart {
        handle: "alice".parse().unwrap(),
        credential_request: credential_request(),
    };
    for visitor in 0..5 {
        let answer = server
            .post("/v1/sign-in/start")
            .from([198, 51, 100, visitor])
            .json(&start)
            .send()
            .await;
        assert!(answer.status.is_success());
    }
    let answer = server
        .post("/v1/sign-in/start")
        .from([198, 51, 100, 99])
        .json(&start)
        .send()
        .await;
    assert_eq!(answer.code(), "rate_limited");
}

#[tokio::test]
async fn one_visitor_cannot_try_every_handle() {
    let server = Server::start_with(|config| config.limits.sign_ins_per_visitor = 3).await;
    for (index, expected) in [true, true, true, false].into_iter().enumerate() {
        let handle = format!("person{index}").parse().unwrap();
        let start = SignInStart {
            handle,
            credential_request: credential_request(),
        };
        let answer = server.post("/v1/sign-in/start").json(&start).send().await;
        assert_eq!(answer.status.is_success(), expected);
    }
}

#[tokio::test]
async fn a_proof_enrols_one_device_and_no_second_one() {
    let server = Server::start().await;
    let (owner, _) = Owner::sign_up(&server, "alice").await;
    let proof = owner.sign_in(&server, PASSWORD).await.proof;
    let (key, device_id) = new_device();
    let body = owner.enrolment(device_id, &key);
    assert!(
        server
            .post("/v1/devices")
            .token(&proof)
            .json(&body)
            .send()
            .await
            .status
            .is_success()
    );
    let (key, device_id) = new_device();
    let body = owner.enrolment(device_id, &key);
    let answer = server.post("/v1/devices").token(&proof).json(&body).send().await;
    assert_eq!(answer.code(), "sign_in_failed");
}

#[tokio::test]
async fn a_proof_ends_after_five_minutes() {
    let server = Server::start().await;
    let (owner, _) = Owner::sign_up(&server, "alice").await;
    let proof = owner.sign_in(&server, PASSWORD).await.proof;
    server.clock.advance(SIGN_IN_PROOF_LIFETIME);
    let (key, device_id) = new_device();
    let body = owner.enrolment(device_id, &key);
    let answer = server.post("/v1/devices").token(&proof).json(&body).send().await;
    assert_eq!(answer.code(), "sign_in_failed");
}

#[tokio::test]
async fn proofs_and_access_tokens_do_not_stand_in_for_each_other() {
    let server = Server::start().await;
    let (owner, device) = Owner::sign_up(&server, "alice").await;
    let proof = owner.sign_in(&server, PASSWORD).await.proof;
    assert_eq!(
        server.get("/v1/vault").token(&proof).send().await.code(),
        "unauthenticated"
    );
    let (key, device_id) = new_device();
    let body = owner.enrolment(device_id, &key);
    let answer = server
        .post("/v1/devices")
        .token(device.access())
        .json(&body)
        .send()
        .await;
    assert_eq!(answer.code(), "sign_in_failed");
}
