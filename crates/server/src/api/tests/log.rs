use insta::assert_snapshot;

use super::{client::Owner, harness::Server};

#[tokio::test]
async fn the_log_of_a_conversation_one_is_not_in_does_not_exist() {
    let server = Server::start().await;
    let (_, device) = Owner::sign_up(&server, "alice").await;
    let path = "/v1/conversations/00000000000000000000000000000000/log";
    assert_snapshot!(server.get(path).token(device.access()).send().await.shown(), @r#"
    404 Not Found
    {
      "code": "not_a_member",
      "status": 404,
      "title": "there is no such conversation for this device",
      "type": "urn:subrosa:problem:not_a_member"
    }
    "#);
    assert_eq!(server.get(path).send().await.code(), "unauthenticated");
    let answer = server
        .get("/v1/conversations/x/log")
        .token(device.access())
        .send()
        .await;
    assert_eq!(answer.code(), "malformed_request");
    let answer = server
        .get(&format!("{path}?limit=-1"))
        .token(device.access())
        .send()
        .await;
    assert_eq!(answer.code(), "malformed_request");
}
