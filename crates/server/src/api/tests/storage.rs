use insta::assert_snapshot;

use super::{
    client::{Owner, new_device},
    harness::Server,
};
use crate::store::StoreError;

/// Lets the database grow to so many pages and no more; 0 is as large as it likes.
async fn limit_pages(server: &Server, pages: i64) {
    server
        .store
        .write("test", move |context| {
            let pages = if pages == 0 { 1_000_000 } else { pages };
            context
                .connection
                .pragma_update(None, "max_page_count", pages)
                .map_err(StoreError::from)
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_full_disk_refuses_and_leaves_nothing_half_done() {
    let server = Server::start().await;
    let (_, device) = Owner::sign_up(&server, "alice").await;
    // SQLite takes a limit below the present size for the present size.
    limit_pages(&server, 1).await;
    let owner = Owner::new("bob");
    let (key, device_id) = new_device();
    let mut finish = owner
        .registration(&server, owner.enrolment(device_id, &key))
        .await;
    finish.vault.ciphertext.0 = vec![7; 100_000];
    let answer = server.post("/v1/registration/finish").json(&finish).send().await;
    assert_snapshot!(answer.shown(), @r#"
    507 Insufficient Storage
    {
      "code": "storage_full",
      "status": 507,
      "title": "the server's storage is full",
      "type": "urn:subrosa:problem:storage_full"
    }
    "#);
    assert!(
        device.whoami(&server).await.status.is_success(),
        "reading goes on"
    );
    assert!(
        server
            .get("/v1/people/bob")
            .token(device.access())
            .send()
            .await
            .status
            .is_client_error()
    );

    limit_pages(&server, 0).await;
    let answer = server.post("/v1/registration/finish").json(&finish).send().await;
    assert!(answer.status.is_success(), "{}", answer.shown());
}

#[tokio::test]
async fn a_server_without_storage_is_alive_and_not_ready() {
    let server = Server::start().await;
    server.store.close().await;
    assert_snapshot!(server.get("/readyz").send().await.shown(), @r#"
    503 Service Unavailable
    {
      "code": "unavailable",
      "retry_after_ms": 15000,
      "status": 503,
      "title": "the server is not available, try again later",
      "type": "urn:subrosa:problem:unavailable"
    }
    "#);
    assert!(server.get("/healthz").send().await.status.is_success());
}
