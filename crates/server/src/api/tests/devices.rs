use insta::assert_snapshot;
use subrosa_wire::{DeviceId, limits::DEVICES_PER_ACCOUNT_MAX, rest::Devices};

use super::{
    client::{Owner, PASSWORD, enrolment, new_device, random_id},
    harness::{START, Server},
};

#[tokio::test]
async fn devices_are_listed_oldest_first_with_their_certificates() {
    let server = Server::start().await;
    let (owner, first) = Owner::sign_up(&server, "alice").await;
    server.clock.advance(std::time::Duration::from_secs(5000));
    let second = owner.add_device(&server).await;
    let answer = server.get("/v1/devices").token(second.access()).send().await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    {
      "devices": [
        {
          "certificate": "[certificate: 258 characters]",
          "created_at": 1800000000000,
          "current": false,
          "device_id": "[device_id: 32 characters]",
          "last_seen_at": 1800000000000
        },
        {
          "certificate": "[certificate: 258 characters]",
          "created_at": 1800005000000,
          "current": true,
          "device_id": "[device_id: 32 characters]",
          "last_seen_at": 1800003600000
        }
      ]
    }
    "#);
    let devices: Devices = answer.ok();
    let ids: Vec<DeviceId> = devices.devices.iter().map(|device| device.device_id).collect();
    assert_eq!(ids, [first.device_id, second.device_id]);
}

#[tokio::test]
async fn a_device_renews_its_own_certificate_and_no_other() {
    const YEAR: std::time::Duration = std::time::Duration::from_hours(365 * 24);
    let server = Server::start().await;
    let (alice, device) = Owner::sign_up(&server, "alice").await;
    let (bob, _) = Owner::sign_up(&server, "bob").await;
    let renewed = alice.certificate(device.device_id, &device.key, START.plus(YEAR / 730));
    let put = async |device_id: DeviceId, body: &subrosa_wire::rest::Enrolment| {
        let path = format!("/v1/devices/{device_id}/certificate");
        server.put(&path).token(device.access()).json(body).send().await
    };
    let body = enrolment(&renewed, &device.key);
    put(device.device_id, &body).await.done();
    let devices: Devices = device.whoami(&server).await.ok();
    assert_eq!(devices.devices[0].certificate.0, renewed.encode());

    let (other_key, other_id) = new_device();
    let too_early = alice.certificate(device.device_id, &device.key, START.plus(YEAR));
    for refused in [
        enrolment(
            &bob.certificate(device.device_id, &device.key, START),
            &device.key,
        ),
        alice.enrolment(device.device_id, &other_key),
        alice.enrolment(other_id, &device.key),
        enrolment(&renewed, &other_key),
        enrolment(&too_early, &device.key),
    ] {
        assert_eq!(put(device.device_id, &refused).await.code(), "bad_certificate");
    }
    assert_eq!(put(other_id, &body).await.code(), "unknown_device");
    let devices: Devices = device.whoami(&server).await.ok();
    assert_eq!(devices.devices[0].certificate.0, renewed.encode());
}

#[tokio::test]
async fn a_signed_out_device_is_out_at_once() {
    let server = Server::start().await;
    let (owner, first) = Owner::sign_up(&server, "alice").await;
    let mut second = owner.add_device(&server).await;
    let path = format!("/v1/devices/{}", second.device_id);
    server.delete(&path).token(first.access()).send().await.done();

    assert_eq!(second.whoami(&server).await.code(), "device_signed_out");
    assert_eq!(second.refresh(&server).await.code(), "device_signed_out");
    let devices: Devices = first.whoami(&server).await.ok();
    assert_eq!(devices.devices.len(), 1);
    server.delete(&path).token(first.access()).send().await.done();
}

#[tokio::test]
async fn a_device_can_sign_itself_out() {
    let server = Server::start().await;
    let (_, device) = Owner::sign_up(&server, "alice").await;
    let path = format!("/v1/devices/{}", device.device_id);
    server.delete(&path).token(device.access()).send().await.done();
    assert_eq!(device.whoami(&server).await.code(), "device_signed_out");
}

#[tokio::test]
async fn a_device_of_somebody_else_is_no_device() {
    let server = Server::start().await;
    let (_, alice) = Owner::sign_up(&server, "alice").await;
    let (_, bob) = Owner::sign_up(&server, "bob").await;
    for device_id in [bob.device_id, DeviceId::from_bytes(random_id())] {
        let answer = server
            .delete(&format!("/v1/devices/{device_id}"))
            .token(alice.access())
            .send()
            .await;
        assert_eq!(answer.code(), "unknown_device");
    }
    assert!(bob.whoami(&server).await.status.is_success());
    let answer = server
        .delete("/v1/devices/nonsense")
        .token(alice.access())
        .send()
        .await;
    assert_eq!(answer.code(), "malformed_request");
}

#[tokio::test]
async fn an_account_has_a_limit_of_devices() {
    let server = Server::start_with(|config| {
        config.limits.sign_ins_per_handle_and_visitor = 0;
        config.limits.requests_per_account = 0;
    })
    .await;
    let (owner, first) = Owner::sign_up(&server, "alice").await;
    for _ in 1..DEVICES_PER_ACCOUNT_MAX {
        owner.add_device(&server).await;
    }
    let proof = owner.sign_in(&server, PASSWORD).await.proof;
    let (key, device_id) = new_device();
    let body = owner.enrolment(device_id, &key);
    let answer = server.post("/v1/devices").token(&proof).json(&body).send().await;
    assert_snapshot!(answer.shown(), @r#"
    409 Conflict
    {
      "code": "too_many_devices",
      "detail": "sign out one of the other devices first",
      "status": 409,
      "title": "the account has too many devices",
      "type": "urn:subrosa:problem:too_many_devices"
    }
    "#);

    // With one device less the same proof is still good.
    let devices: Devices = first.whoami(&server).await.ok();
    let path = format!("/v1/devices/{}", devices.devices[3].device_id);
    server.delete(&path).token(first.access()).send().await.done();
    let answer = server.post("/v1/devices").token(&proof).json(&body).send().await;
    assert!(answer.status.is_success(), "{}", answer.shown());
}

#[tokio::test]
async fn a_device_that_enrols_again_gets_a_new_session() {
    let server = Server::start().await;
    let (owner, mut device) = Owner::sign_up(&server, "alice").await;
    let proof = owner.sign_in(&server, PASSWORD).await.proof;
    let body = owner.enrolment(device.device_id, &device.key);
    device.tokens = server
        .post("/v1/devices")
        .token(&proof)
        .json(&body)
        .send()
        .await
        .ok();
    assert!(device.refresh(&server).await.status.is_success());
    let devices: Devices = device.whoami(&server).await.ok();
    assert_eq!(devices.devices.len(), 1);
}

#[tokio::test]
async fn an_id_is_never_used_for_another_device() {
    let server = Server::start().await;
    let (owner, first) = Owner::sign_up(&server, "alice").await;
    let second = owner.add_device(&server).await;
    let path = format!("/v1/devices/{}", second.device_id);
    server.delete(&path).token(first.access()).send().await.done();
    let (bob, _) = Owner::sign_up(&server, "bob").await;
    let (other_key, _) = new_device();
    let cases = [
        ("signed out", &owner, second.device_id, &second.key),
        ("another key", &owner, first.device_id, &other_key),
        ("another account", &bob, first.device_id, &first.key),
    ];
    for (case, owner, device_id, key) in cases {
        let proof = owner.sign_in(&server, PASSWORD).await.proof;
        let body = owner.enrolment(device_id, key);
        let answer = server.post("/v1/devices").token(&proof).json(&body).send().await;
        assert_eq!(answer.code(), "bad_certificate", "{case}");
    }
    assert!(first.whoami(&server).await.status.is_success());
}

#[tokio::test]
async fn a_refused_certificate_does_not_use_the_proof_up() {
    let server = Server::start().await;
    let (owner, _) = Owner::sign_up(&server, "alice").await;
    let (bob, _) = Owner::sign_up(&server, "bob").await;
    let proof = owner.sign_in(&server, PASSWORD).await.proof;
    let (key, device_id) = new_device();
    let body = bob.enrolment(device_id, &key);
    let answer = server.post("/v1/devices").token(&proof).json(&body).send().await;
    assert_eq!(answer.code(), "bad_certificate");
    let body = owner.enrolment(device_id, &key);
    let answer = server.post("/v1/devices").token(&proof).json(&body).send().await;
    assert!(answer.status.is_success());
}

#[tokio::test]
async fn a_device_that_asks_is_seen() {
    let server = Server::start().await;
    let (_, mut device) = Owner::sign_up(&server, "alice").await;
    let [five_hours, minutes] = [
        std::time::Duration::from_hours(5),
        std::time::Duration::from_mins(5),
    ];
    server.clock.set(START.plus(five_hours).minus(minutes));
    assert!(device.refresh(&server).await.status.is_success());
    // Its access token outlives the hour, and it is the token that is seen.
    server.clock.set(START.plus(five_hours).plus(minutes));
    let devices: Devices = device.whoami(&server).await.ok();
    assert_eq!(devices.devices[0].last_seen_at, START.plus(five_hours));
}
