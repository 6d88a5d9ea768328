use insta::assert_snapshot;

use super::harness::Server;
use crate::store::StoreError;

/// A conversation of two accounts, and a link of it with these limits.
async fn with_link(server: &Server, limits: &'static str) {
    let filled = server.store.write("test", move |context| {
        context.connection.execute_batch(&format!(
            "INSERT INTO conversations (id, head_seq, head_hash, epoch, first_seq, created_at)
                 VALUES (zeroblob(16), 1, zeroblob(32), 1, 1, 1);
             INSERT INTO conversation_accounts VALUES (zeroblob(16), 1), (x'01010101010101010101010101010101', 1);
             INSERT INTO links (id, conversation, needs_approval, uses, preview, created_at, uses_max, expires_at, revoked_at)
                 VALUES (zeroblob(16), 1, 1, 1, x'010203', 1, {limits});"
        ))?;
        Ok::<_, StoreError>(())
    });
    assert_eq!(filled.await, Ok(()));
}

const PATH: &str = "/v1/links/00000000000000000000000000000000";

#[tokio::test]
async fn anybody_sees_what_a_link_leads_to() {
    let server = Server::start().await;
    with_link(&server, "2, NULL, NULL").await;
    assert_snapshot!(server.get(PATH).send().await.shown(), @r#"
    200 OK
    {
      "conversation_id": "[conversation_id: 32 characters]",
      "members": 2,
      "needs_approval": true,
      "preview": "[preview: 4 characters]"
    }
    "#);
}

#[tokio::test]
async fn a_link_that_does_not_work_any_more_says_why() {
    for (limits, expected) in [
        ("NULL, NULL, 5", (410, "link_revoked")),
        ("NULL, 1, NULL", (410, "link_expired")),
        ("1, NULL, NULL", (410, "link_used_up")),
    ] {
        let server = Server::start().await;
        with_link(&server, limits).await;
        let answer = server.get(PATH).send().await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), expected);
    }
}

#[tokio::test]
async fn a_link_that_nobody_has_made_does_not_exist() {
    let server = Server::start().await;
    assert_snapshot!(server.get(PATH).send().await.shown(), @r#"
    404 Not Found
    {
      "code": "link_invalid",
      "status": 404,
      "title": "there is no such invite link",
      "type": "urn:subrosa:problem:link_invalid"
    }
    "#);
    for id in ["x", "0000000000000000000000000000000G"] {
        let answer = server.get(&format!("/v1/links/{id}")).send().await;
        assert_eq!(answer.code(), "malformed_request");
    }
}
