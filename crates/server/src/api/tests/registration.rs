use insta::assert_snapshot;
use subrosa_mls::{AccountSigningKey, DeviceSigningKey};
use subrosa_wire::{
    Base64, DeviceId,
    limits::VAULT_MAX,
    rest::{Devices, RegistrationFinish, RegistrationStart, SealedVault, Tokens, Vault},
};

use super::{
    client::{OwnDevice, Owner, PASSWORD, enrolment, new_device, random_id, registration_request},
    harness::{Answer, START, Server},
};

/// A field, and how it is changed.
type Change<'a> = (&'a str, &'a dyn Fn(&mut RegistrationFinish));

/// Somebody who signed up, the last request of it, and what it got.
async fn signed_up(server: &Server) -> (Owner, OwnDevice, RegistrationFinish) {
    let owner = Owner::new("alice");
    let (key, device_id) = new_device();
    let finish = owner.registration(server, owner.enrolment(device_id, &key)).await;
    let tokens = finish_sign_up(server, &finish).await.ok();
    let device = OwnDevice {
        device_id,
        key,
        tokens,
    };
    (owner, device, finish)
}

async fn finish_sign_up(server: &Server, finish: &RegistrationFinish) -> Answer {
    server.post("/v1/registration/finish").json(finish).send().await
}

#[tokio::test]
async fn signing_up_makes_account_device_and_session_at_once() {
    let server = Server::start().await;
    let owner = Owner::new("alice");
    let (state, request) = registration_request(PASSWORD);
    drop(state);
    let start = RegistrationStart {
        handle: owner.handle.clone(),
        registration_request: request,
    };
    let answer = server.post("/v1/registration/start").json(&start).send().await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    {
      "registration_response": "[registration_response: 86 characters]"
    }
    "#);

    let (key, device_id) = new_device();
    let finish = owner
        .registration(&server, owner.enrolment(device_id, &key))
        .await;
    let answer = server.post("/v1/registration/finish").json(&finish).send().await;
    assert_snapshot!(answer.shown(), @r#"
    201 Created
    {
      "access_expires_at": 1800000900000,
      "access_token": "[access_token: 421 characters]",
      "refresh_expires_at": 1802592000000,
      "refresh_token": "[refresh_token: 43 characters]"
    }
    "#);

    let tokens: subrosa_wire::rest::Tokens = answer.ok();
    let devices: Devices = server
        .get("/v1/devices")
        .token(&tokens.access_token)
        .send()
        .await
        .ok();
    assert_eq!(devices.devices.len(), 1);
    assert_eq!(devices.devices[0].device_id, device_id);
    assert_eq!(devices.devices[0].certificate, finish.device.certificate);
    assert!(devices.devices[0].current);
}

#[tokio::test]
async fn a_handle_belongs_to_the_first_who_finishes() {
    let server = Server::start().await;
    let (first, second) = (Owner::new("alice"), Owner::new("alice"));
    let (key, device_id) = new_device();
    let first_finish = first
        .registration(&server, first.enrolment(device_id, &key))
        .await;
    let (key, device_id) = new_device();
    let second_finish = second
        .registration(&server, second.enrolment(device_id, &key))
        .await;
    let answer = server
        .post("/v1/registration/finish")
        .json(&second_finish)
        .send()
        .await;
    assert!(answer.status.is_success());
    let answer = server
        .post("/v1/registration/finish")
        .json(&first_finish)
        .send()
        .await;
    assert_snapshot!(answer.shown(), @r#"
    409 Conflict
    {
      "code": "handle_taken",
      "detail": "@alice is taken",
      "status": 409,
      "title": "this handle is taken",
      "type": "urn:subrosa:problem:handle_taken"
    }
    "#);

    let (_, registration_request) = registration_request(PASSWORD);
    let start = RegistrationStart {
        handle: first.handle,
        registration_request,
    };
    let answer = server.post("/v1/registration/start").json(&start).send().await;
    assert_eq!(answer.code(), "handle_taken");
}

#[tokio::test]
async fn a_handle_that_looks_like_another_or_like_the_service_is_refused() {
    let server = Server::start().await;
    signed_up(&server).await;
    let start = async |handle: &str| {
        let (_, registration_request) = registration_request(PASSWORD);
        let start = RegistrationStart {
            handle: handle.parse().unwrap(),
            registration_request,
        };
        server.post("/v1/registration/start").json(&start).send().await
    };
    assert_snapshot!(start("a1_ice").await.shown(), @r#"
    409 Conflict
    {
      "code": "handle_taken",
      "detail": "@a1_ice looks like a handle that is taken",
      "status": 409,
      "title": "this handle is taken",
      "type": "urn:subrosa:problem:handle_taken"
    }
    "#);
    assert_snapshot!(start("r00t").await.shown(), @r#"
    409 Conflict
    {
      "code": "handle_taken",
      "detail": "@r00t looks like a handle that is reserved",
      "status": 409,
      "title": "this handle is taken",
      "type": "urn:subrosa:problem:handle_taken"
    }
    "#);
    // Nor does it help to leave out the first step.
    let other = Owner::new("alic3");
    let (key, device_id) = new_device();
    let mut finish = other
        .registration(&server, other.enrolment(device_id, &key))
        .await;
    for handle in ["al.ice", "adm1n"] {
        finish.handle = handle.parse().unwrap();
        assert_eq!(finish_sign_up(&server, &finish).await.code(), "handle_taken");
    }
}

#[tokio::test]
async fn whoever_lost_the_answer_of_a_sign_up_asks_again_and_goes_on() {
    let server = Server::start().await;
    let (_, first, finish) = signed_up(&server).await;
    // The answer was lost, and the server restarted before the client tried again.
    let server = server.restart().await;
    let answer = finish_sign_up(&server, &finish).await;
    assert_snapshot!(answer.shown(), @r#"
    201 Created
    {
      "access_expires_at": 0,
      "access_token": "[access_token: 0 characters]",
      "refresh_expires_at": 1802592000000,
      "refresh_token": "[refresh_token: 43 characters]"
    }
    "#);
    let mut device = OwnDevice {
        tokens: answer.ok(),
        ..first
    };
    let refreshed = device.refresh(&server).await;
    assert!(refreshed.status.is_success(), "{}", refreshed.shown());
    let devices: Devices = device.whoami(&server).await.ok();
    assert_eq!(devices.devices.len(), 1, "it is the one device");
}

#[tokio::test]
async fn a_copied_sign_up_opens_no_session_and_ends_none() {
    let server = Server::start().await;
    let (_, mut owner, finish) = signed_up(&server).await;
    for _ in 0..3 {
        let copied: Tokens = finish_sign_up(&server, &finish).await.ok();
        let thief = OwnDevice {
            device_id: owner.device_id,
            key: DeviceSigningKey::from_seed([7; 32]),
            tokens: copied,
        };
        assert_eq!(thief.whoami(&server).await.code(), "unauthenticated");
        let refused = thief.refresh_with(&server, &thief.tokens.refresh_token).await;
        assert_eq!(refused.code(), "unauthenticated");
    }
    assert!(owner.whoami(&server).await.status.is_success());
    let refreshed = owner.refresh(&server).await;
    assert!(refreshed.status.is_success(), "{}", refreshed.shown());
    // From here on the request has had its answer, and a copy of it is nothing any more.
    assert_eq!(finish_sign_up(&server, &finish).await.code(), "handle_taken");
    assert!(owner.refresh(&server).await.status.is_success());
}

#[tokio::test]
async fn a_sign_up_that_differs_in_anything_is_no_repetition() {
    let server = Server::start().await;
    let (owner, device, good) = signed_up(&server).await;
    let other = Owner::new("alice");
    let (other_key, other_device) = new_device();
    let other_record = owner
        .registration_record_with(&server, "another good password")
        .await;
    let changes: [Change<'_>; 9] = [
        ("registration_record", &|finish| {
            finish.registration_record = other_record.clone();
        }),
        ("vault", &|finish| finish.vault.ciphertext.0[0] ^= 1),
        ("password_wrap", &|finish| finish.password_wrap.0[0] ^= 1),
        ("recovery.wrap", &|finish| finish.recovery.wrap.0[0] ^= 1),
        ("recovery.succession_wrap", &|finish| {
            finish.recovery.succession_wrap.0[0] ^= 1;
        }),
        ("recovery.public_key", &|finish| {
            finish.recovery.public_key = other.recovery().public_key;
        }),
        ("device", &|finish| {
            finish.device = owner.enrolment(other_device, &other_key);
        }),
        ("certificate", &|finish| {
            let later = START.plus(std::time::Duration::from_secs(1));
            let certificate = owner.certificate(device.device_id, &device.key, later);
            finish.device = enrolment(&certificate, &device.key);
        }),
        ("account", &|finish| {
            finish.succession_key_hash = Base64(other.succession_key_hash.as_bytes().to_vec());
            finish.account_key = Base64(other.account_key.public().as_bytes().to_vec());
            finish.device = other.enrolment(other_device, &other_key);
        }),
    ];
    for (field, change) in changes {
        let mut finish = good.clone();
        change(&mut finish);
        let answer = finish_sign_up(&server, &finish).await;
        assert_eq!(answer.code(), "handle_taken", "{field}");
    }
    assert!(finish_sign_up(&server, &good).await.status.is_success());
}

#[tokio::test]
async fn a_sign_up_is_not_repeated_once_something_has_happened_in_the_account() {
    let server = Server::start().await;
    let (owner, _, finish) = signed_up(&server).await;
    let proof = owner.sign_in(&server, PASSWORD).await.proof;
    owner
        .change_password(&server, &proof, "another good password", None)
        .await
        .done();
    assert_eq!(finish_sign_up(&server, &finish).await.code(), "handle_taken");

    let server = Server::start().await;
    let (_, device, finish) = signed_up(&server).await;
    let vault = Vault {
        vault: SealedVault {
            revision: 2,
            ciphertext: Base64(b"newer".to_vec()),
        },
    };
    let put = server.put("/v1/vault").token(device.access()).json(&vault);
    assert!(put.send().await.status.is_success());
    assert_eq!(finish_sign_up(&server, &finish).await.code(), "handle_taken");

    let server = Server::start().await;
    let (_, device, finish) = signed_up(&server).await;
    let path = format!("/v1/devices/{}", device.device_id);
    server.delete(&path).token(device.access()).send().await.done();
    assert_eq!(finish_sign_up(&server, &finish).await.code(), "handle_taken");
}

#[tokio::test]
async fn nobody_takes_the_ids_of_somebody_else() {
    let server = Server::start().await;
    let (alice, device) = Owner::sign_up(&server, "alice").await;

    let mallory = Owner {
        account_key: AccountSigningKey::from_seed(*alice.account_key.seed()),
        succession_key_hash: alice.succession_key_hash,
        ..Owner::new("mallory")
    };
    let (key, device_id) = new_device();
    let finish = mallory
        .registration(&server, mallory.enrolment(device_id, &key))
        .await;
    let answer = server.post("/v1/registration/finish").json(&finish).send().await;
    assert_snapshot!(answer.shown(), @r#"
    400 Bad Request
    {
      "code": "malformed_request",
      "detail": "an account has these keys already: make new ones",
      "status": 400,
      "title": "the request is malformed",
      "type": "urn:subrosa:problem:malformed_request"
    }
    "#);

    let mallory = Owner::new("mallory");
    let finish = mallory
        .registration(&server, mallory.enrolment(device.device_id, &key))
        .await;
    let answer = server.post("/v1/registration/finish").json(&finish).send().await;
    assert_snapshot!(answer.shown(), @r#"
    422 Unprocessable Entity
    {
      "code": "bad_certificate",
      "detail": "the device id is in use: make a random one",
      "status": 422,
      "title": "the device certificate is not valid",
      "type": "urn:subrosa:problem:bad_certificate"
    }
    "#);

    // Nothing was half done: the handle is still free.
    Owner::sign_up(&server, "mallory").await;
    assert!(device.whoami(&server).await.status.is_success());
}

#[tokio::test]
async fn a_certificate_that_does_not_verify_is_refused_with_its_reason() {
    let server = Server::start().await;
    let owner = Owner::new("alice");
    let (key, device_id) = new_device();
    let issue = |of: &Owner, now| enrolment(&of.certificate(device_id, &key, now), &key);
    let day = std::time::Duration::from_hours(24);
    let good = owner.enrolment(device_id, &key);
    let mut flipped = good.clone();
    flipped.certificate.0[40] ^= 1;
    let mut truncated = good.clone();
    truncated.certificate.0.pop();
    let mut by_another_device = good.clone();
    by_another_device.signature =
        enrolment(&owner.certificate(device_id, &key, START), &new_device().0).signature;
    let foreign_account_key = Owner {
        succession_key_hash: owner.succession_key_hash,
        ..Owner::new("alice")
    };
    let foreign_succession_key = Owner {
        account_key: AccountSigningKey::from_seed(*owner.account_key.seed()),
        ..Owner::new("alice")
    };
    let cases = [
        ("foreign account key", issue(&foreign_account_key, START)),
        ("another account", issue(&foreign_succession_key, START)),
        ("not yet valid", issue(&owner, START.plus(day * 3))),
        ("expired", issue(&owner, START.minus(day * 800))),
        ("flipped bit", flipped),
        ("truncated", truncated),
        ("signed by another device", by_another_device),
    ];
    for (case, device) in cases {
        let finish = owner.registration(&server, device).await;
        let answer = server.post("/v1/registration/finish").json(&finish).send().await;
        assert_eq!(answer.code(), "bad_certificate", "{case}: {}", answer.shown());
    }
    let finish = owner.registration(&server, good).await;
    let answer = server.post("/v1/registration/finish").json(&finish).send().await;
    assert!(answer.status.is_success(), "{}", answer.shown());
}

#[tokio::test]
async fn a_clock_an_hour_off_does_not_matter() {
    let server = Server::start().await;
    let hour = std::time::Duration::from_hours(1);
    for (handle, now) in [("slow", START.minus(hour)), ("fast", START.plus(hour))] {
        let owner = Owner::new(handle);
        let (key, device_id) = new_device();
        let device = enrolment(&owner.certificate(device_id, &key, now), &key);
        let finish = owner.registration(&server, device).await;
        let answer = server.post("/v1/registration/finish").json(&finish).send().await;
        assert!(answer.status.is_success(), "{}", answer.shown());
    }
}

#[tokio::test]
async fn fields_that_are_not_what_they_must_be_are_named() {
    let server = Server::start().await;
    let owner = Owner::new("alice");
    let (key, device_id) = new_device();
    let good = owner
        .registration(&server, owner.enrolment(device_id, &key))
        .await;
    let refused = async |change: &dyn Fn(&mut subrosa_wire::rest::RegistrationFinish)| {
        let mut finish = good.clone();
        change(&mut finish);
        server
            .post("/v1/registration/finish")
            .json(&finish)
            .send()
            .await
            .shown()
    };
    assert_snapshot!(refused(&|finish| finish.account_key = Base64(vec![0; 32])).await, @r#"
    422 Unprocessable Entity
    {
      "code": "invalid_key_material",
      "detail": "account_key: these bytes are not an Ed25519 public key",
      "status": 422,
      "title": "a key, signature or password message is not valid",
      "type": "urn:subrosa:problem:invalid_key_material"
    }
    "#);
    assert_snapshot!(refused(&|finish| finish.registration_record = Base64(vec![1; 192])).await, @r#"
    422 Unprocessable Entity
    {
      "code": "invalid_key_material",
      "detail": "registration_record is not an OPAQUE RegistrationRecord",
      "status": 422,
      "title": "a key, signature or password message is not valid",
      "type": "urn:subrosa:problem:invalid_key_material"
    }
    "#);
    assert_snapshot!(refused(&|finish| finish.vault.revision = 2).await, @r#"
    400 Bad Request
    {
      "code": "malformed_request",
      "detail": "vault.revision is 2 and must be 1",
      "status": 400,
      "title": "the request is malformed",
      "type": "urn:subrosa:problem:malformed_request"
    }
    "#);
    assert_snapshot!(refused(&|finish| finish.vault.ciphertext = Base64(vec![0; VAULT_MAX + 1])).await, @r#"
    413 Payload Too Large
    {
      "code": "too_large",
      "detail": "vault.ciphertext has 131073 bytes, at most 131072 are possible",
      "status": 413,
      "title": "the request is too large",
      "type": "urn:subrosa:problem:too_large"
    }
    "#);
    assert_snapshot!(refused(&|finish| finish.password_wrap = Base64(Vec::new())).await, @r#"
    400 Bad Request
    {
      "code": "malformed_request",
      "detail": "password_wrap is empty",
      "status": 400,
      "title": "the request is malformed",
      "type": "urn:subrosa:problem:malformed_request"
    }
    "#);
    assert_snapshot!(refused(&|finish| finish.recovery.public_key = Base64(vec![2; 31])).await, @r#"
    422 Unprocessable Entity
    {
      "code": "invalid_key_material",
      "detail": "recovery.public_key: these bytes are not an Ed25519 public key",
      "status": 422,
      "title": "a key, signature or password message is not valid",
      "type": "urn:subrosa:problem:invalid_key_material"
    }
    "#);
    assert_snapshot!(refused(&|finish| finish.device.signature = Base64(vec![2; 63])).await, @r#"
    422 Unprocessable Entity
    {
      "code": "invalid_key_material",
      "detail": "device.signature has 63 bytes, not 64",
      "status": 422,
      "title": "a key, signature or password message is not valid",
      "type": "urn:subrosa:problem:invalid_key_material"
    }
    "#);
    let answer = server.post("/v1/registration/finish").json(&good).send().await;
    assert!(answer.status.is_success());
}

#[tokio::test]
async fn handles_that_could_deceive_are_refused() {
    let server = Server::start().await;
    for handle in [
        "ab",
        "1abc",
        "al ice",
        "аlice",
        "ali\u{200b}ce",
        "admin",
        "al__ice",
    ] {
        let body = serde_json::json!({ "handle": handle, "registration_request": "" });
        let answer = server.post("/v1/registration/start").json(&body).send().await;
        assert_eq!(answer.code(), "malformed_request", "{handle:?}");
    }
}

#[tokio::test]
async fn a_closed_server_takes_no_new_accounts() {
    let server = Server::start_with(|config| config.registration_open = false).await;
    let (_, registration_request) = registration_request(PASSWORD);
    let start = RegistrationStart {
        handle: "alice".parse().unwrap(),
        registration_request,
    };
    let answer = server.post("/v1/registration/start").json(&start).send().await;
    assert_snapshot!(answer.shown(), @r#"
    403 Forbidden
    {
      "code": "registration_closed",
      "detail": "ask the operator of this server for an account",
      "status": 403,
      "title": "this server does not take new accounts",
      "type": "urn:subrosa:problem:registration_closed"
    }
    "#);

    // Whoever skips the first step gets no further.
    let open = Server::start().await;
    let owner = Owner::new("alice");
    let (key, _) = new_device();
    let device = owner.enrolment(DeviceId::from_bytes(random_id()), &key);
    let finish = owner.registration(&open, device).await;
    let answer = server.post("/v1/registration/finish").json(&finish).send().await;
    assert_eq!(answer.code(), "registration_closed");
}

#[tokio::test]
async fn one_visitor_signs_up_only_so_often() {
    let server = Server::start_with(|config| config.limits.registrations_per_visitor = 4).await;
    Owner::sign_up(&server, "alice").await;
    Owner::sign_up(&server, "bob").await;
    let (_, registration_request) = registration_request(PASSWORD);
    let start = RegistrationStart {
        handle: "carol".parse().unwrap(),
        registration_request,
    };
    let answer = server.post("/v1/registration/start").json(&start).send().await;
    assert_snapshot!(answer.shown(), @r#"
    429 Too Many Requests
    {
      "code": "rate_limited",
      "detail": "too many requests",
      "retry_after_ms": 900000,
      "status": 429,
      "title": "too many requests, try again later",
      "type": "urn:subrosa:problem:rate_limited"
    }
    "#);
    let answer = server
        .post("/v1/registration/start")
        .from([192, 0, 2, 2])
        .json(&start)
        .send()
        .await;
    assert!(answer.status.is_success());
}

#[tokio::test]
async fn neither_password_nor_tokens_are_in_the_data_folder() {
    let server = Server::start().await;
    let (_, device) = Owner::sign_up(&server, "alice").await;
    let data = server.data();
    let is_there = |text: &[u8]| data.windows(text.len()).any(|window| window == text);
    assert!(is_there(b"alice"), "the test must be able to fail");
    assert!(!is_there(PASSWORD.as_bytes()));
    assert!(!is_there(device.tokens.refresh_token.as_bytes()));
    assert!(!is_there(device.tokens.access_token.as_bytes()));
    assert!(!is_there(device.key.seed()));
}
