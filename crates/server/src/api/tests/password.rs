use subrosa_wire::rest::PasswordStart;

use super::{
    client::{Owner, PASSWORD, new_device, registration_request},
    harness::Server,
};

#[tokio::test]
async fn a_changed_password_locks_the_old_one_out_at_once() {
    let server = Server::start().await;
    let (owner, device) = Owner::sign_up(&server, "alice").await;
    // All of these began with the old password.
    let attempt = owner.sign_in_attempt(&server, PASSWORD).await.unwrap();
    let enrolling = owner.sign_in(&server, PASSWORD).await.proof;
    let changing = owner.sign_in(&server, PASSWORD).await.proof;
    let proof = owner.sign_in(&server, PASSWORD).await.proof;

    owner
        .change_password(&server, &proof, "a new password", None)
        .await
        .done();

    assert!(owner.sign_in_attempt(&server, PASSWORD).await.is_none());
    let answer = server.post("/v1/sign-in/finish").json(&attempt).send().await;
    assert_eq!(answer.code(), "sign_in_failed");
    let (key, device_id) = new_device();
    let body = owner.enrolment(device_id, &key);
    let answer = server
        .post("/v1/devices")
        .token(&enrolling)
        .json(&body)
        .send()
        .await;
    assert_eq!(answer.code(), "sign_in_failed");
    let answer = owner
        .change_password(&server, &changing, "another password", None)
        .await;
    assert_eq!(answer.code(), "sign_in_failed");

    owner.sign_in(&server, "a new password").await;
    assert!(
        device.whoami(&server).await.status.is_success(),
        "devices stay signed in"
    );
}

#[tokio::test]
async fn the_proof_of_a_change_still_enrols_a_device() {
    let server = Server::start().await;
    let (owner, _) = Owner::sign_up(&server, "alice").await;
    let proof = owner.sign_in(&server, PASSWORD).await.proof;
    owner
        .change_password(&server, &proof, "a new password", None)
        .await
        .done();
    let (key, device_id) = new_device();
    let body = owner.enrolment(device_id, &key);
    let answer = server.post("/v1/devices").token(&proof).json(&body).send().await;
    assert!(answer.status.is_success(), "{}", answer.shown());
}

#[tokio::test]
async fn a_proof_changes_the_password_once() {
    let server = Server::start().await;
    let (owner, _) = Owner::sign_up(&server, "alice").await;
    let proof = owner.sign_in(&server, PASSWORD).await.proof;
    owner
        .change_password(&server, &proof, "a new password", None)
        .await
        .done();
    let answer = owner
        .change_password(&server, &proof, "another password", None)
        .await;
    assert_eq!(answer.code(), "sign_in_failed");
}

#[tokio::test]
async fn only_a_proof_changes_the_password() {
    let server = Server::start().await;
    let (owner, device) = Owner::sign_up(&server, "alice").await;
    let answer = owner
        .change_password(&server, device.access(), "a new password", None)
        .await;
    assert_eq!(answer.code(), "sign_in_failed");
    let (_, registration_request) = registration_request("a new password");
    let answer = server
        .post("/v1/password/start")
        .json(&PasswordStart { registration_request })
        .send()
        .await;
    assert_eq!(answer.code(), "unauthenticated");
}
