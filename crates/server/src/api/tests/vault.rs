use insta::assert_snapshot;
use subrosa_wire::{
    Base64,
    limits::VAULT_MAX,
    rest::{SealedVault, Vault},
};

use super::{client::Owner, harness::Server};

fn vault(revision: u64, ciphertext: &[u8]) -> Vault {
    Vault {
        vault: SealedVault {
            revision,
            ciphertext: Base64(ciphertext.to_vec()),
        },
    }
}

#[tokio::test]
async fn the_vault_comes_back_as_it_was_put() {
    let server = Server::start().await;
    let (_, device) = Owner::sign_up(&server, "alice").await;
    assert_snapshot!(server.get("/v1/vault").token(device.access()).send().await.shown(), @r#"
    200 OK
    {
      "vault": {
        "ciphertext": "[ciphertext: 7 characters]",
        "revision": 1
      }
    }
    "#);
    server
        .put("/v1/vault")
        .token(device.access())
        .json(&vault(2, b"second"))
        .send()
        .await
        .done();
    let stored: Vault = server.get("/v1/vault").token(device.access()).send().await.ok();
    assert_eq!(
        (stored.vault.revision, stored.vault.ciphertext.0),
        (2, b"second".to_vec())
    );
}

#[tokio::test]
async fn of_two_devices_that_change_the_vault_one_has_to_look_again() {
    let server = Server::start().await;
    let (owner, first) = Owner::sign_up(&server, "alice").await;
    let second = owner.add_device(&server).await;
    server
        .put("/v1/vault")
        .token(first.access())
        .json(&vault(2, b"first"))
        .send()
        .await
        .done();
    let answer = server
        .put("/v1/vault")
        .token(second.access())
        .json(&vault(2, b"other"))
        .send()
        .await;
    assert_snapshot!(answer.shown(), @r#"
    409 Conflict
    {
      "code": "vault_changed",
      "detail": "the vault is not at the revision before this one: fetch it and merge",
      "status": 409,
      "title": "the vault was changed by another device",
      "type": "urn:subrosa:problem:vault_changed"
    }
    "#);
    let answer = server
        .put("/v1/vault")
        .token(second.access())
        .json(&vault(4, b"other"))
        .send()
        .await;
    assert_eq!(answer.code(), "vault_changed");
    server
        .put("/v1/vault")
        .token(second.access())
        .json(&vault(3, b"merged"))
        .send()
        .await
        .done();
}

#[tokio::test]
async fn a_repeated_change_is_no_change() {
    let server = Server::start().await;
    let (_, device) = Owner::sign_up(&server, "alice").await;
    for _lost_answer in 0..2 {
        server
            .put("/v1/vault")
            .token(device.access())
            .json(&vault(2, b"same"))
            .send()
            .await
            .done();
    }
}

#[tokio::test]
async fn a_vault_has_a_limit() {
    let server = Server::start().await;
    let (_, device) = Owner::sign_up(&server, "alice").await;
    let full = vault(2, &vec![7; VAULT_MAX]);
    server
        .put("/v1/vault")
        .token(device.access())
        .json(&full)
        .send()
        .await
        .done();
    let answer = server
        .put("/v1/vault")
        .token(device.access())
        .json(&vault(3, &vec![7; VAULT_MAX + 1]))
        .send()
        .await;
    assert_snapshot!(answer.shown(), @r#"
    413 Payload Too Large
    {
      "code": "too_large",
      "detail": "vault.ciphertext has 131073 bytes, at most 131072 are possible",
      "status": 413,
      "title": "the request is too large",
      "type": "urn:subrosa:problem:too_large"
    }
    "#);
    for revision in [0, 1, u64::MAX] {
        let answer = server
            .put("/v1/vault")
            .token(device.access())
            .json(&vault(revision, b"x"))
            .send()
            .await;
        assert_eq!(answer.code(), "malformed_request", "{revision}");
    }
}

#[tokio::test]
async fn nobody_sees_the_vault_of_somebody_else() {
    let server = Server::start().await;
    let (_, alice) = Owner::sign_up(&server, "alice").await;
    let (_, bob) = Owner::sign_up(&server, "bob").await;
    server
        .put("/v1/vault")
        .token(alice.access())
        .json(&vault(2, b"of alice"))
        .send()
        .await
        .done();
    let stored: Vault = server.get("/v1/vault").token(bob.access()).send().await.ok();
    assert_eq!(stored.vault.ciphertext.0, b"vault");
    assert_eq!(server.get("/v1/vault").send().await.code(), "unauthenticated");
}
