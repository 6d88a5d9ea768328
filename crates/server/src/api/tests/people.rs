use insta::assert_snapshot;
use subrosa_wire::rest::{People, Person};

use super::{client::Owner, harness::Server};

async fn found(server: &Server, token: &str, text: &str) -> Vec<String> {
    let people: People = server
        .get(&format!("/v1/people?handle_prefix={text}"))
        .token(token)
        .send()
        .await
        .ok();
    people
        .people
        .iter()
        .map(|person| person.handle.to_string())
        .collect()
}

#[tokio::test]
async fn people_are_found_by_the_beginning_of_their_handle() {
    let server = Server::start().await;
    let (_, device) = Owner::sign_up(&server, "alice").await;
    for handle in ["albert", "al_b", "bob", "al.c"] {
        Owner::sign_up(&server, handle).await;
    }
    let token = device.access();
    assert_eq!(
        found(&server, token, "al").await,
        ["al.c", "al_b", "albert", "alice"]
    );
    assert_eq!(found(&server, token, "%40ALI").await, ["alice"]);
    assert_eq!(found(&server, token, "al_").await, ["al_b"], "no wildcard");
    assert_eq!(found(&server, token, "%25%25").await, Vec::<String>::new());
    assert_eq!(found(&server, token, "zz").await, Vec::<String>::new());
    let answer = server
        .get("/v1/people?handle_prefix=bo")
        .token(token)
        .send()
        .await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    {
      "people": [
        {
          "account_id": "[account_id: 32 characters]",
          "account_key": "[account_key: 43 characters]",
          "handle": "bob",
          "succession_key_hash": "[succession_key_hash: 43 characters]"
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn a_search_needs_a_character_and_a_session() {
    let server = Server::start().await;
    let (_, device) = Owner::sign_up(&server, "alice").await;
    let answer = server
        .get("/v1/people?handle_prefix=")
        .token(device.access())
        .send()
        .await;
    assert_snapshot!(answer.shown(), @r#"
    400 Bad Request
    {
      "code": "malformed_request",
      "detail": "handle_prefix has 1 to 32 characters",
      "status": 400,
      "title": "the request is malformed",
      "type": "urn:subrosa:problem:malformed_request"
    }
    "#);
    assert_eq!(
        server.get("/v1/people?handle_prefix=al").send().await.code(),
        "unauthenticated"
    );
    let answer = server.get("/v1/people").token(device.access()).send().await;
    assert_eq!(answer.code(), "malformed_request");
}

#[tokio::test]
async fn a_person_is_found_by_the_whole_handle() {
    let server = Server::start().await;
    let (alice, device) = Owner::sign_up(&server, "alice").await;
    let person: Person = server
        .get("/v1/people/alice")
        .token(device.access())
        .send()
        .await
        .ok();
    assert_eq!(person.account_id, alice.account_id());
    assert_eq!(person.account_key.0, alice.account_key.public().as_bytes());
    let answer = server
        .get("/v1/people/nobody")
        .token(device.access())
        .send()
        .await;
    assert_snapshot!(answer.shown(), @r#"
    404 Not Found
    {
      "code": "unknown_account",
      "detail": "there is no such account",
      "status": 404,
      "title": "there is no such account",
      "type": "urn:subrosa:problem:unknown_account"
    }
    "#);
    let answer = server
        .get("/v1/people/no%20body")
        .token(device.access())
        .send()
        .await;
    assert_eq!(answer.code(), "malformed_request");
}

#[tokio::test]
async fn searches_are_limited_by_account() {
    let server = Server::start_with(|config| config.limits.searches_per_account = 2).await;
    let (_, alice) = Owner::sign_up(&server, "alice").await;
    let (_, bob) = Owner::sign_up(&server, "bob").await;
    for _ in 0..2 {
        found(&server, alice.access(), "al").await;
    }
    let answer = server
        .get("/v1/people?handle_prefix=al")
        .token(alice.access())
        .send()
        .await;
    assert_eq!(answer.code(), "rate_limited");
    found(&server, bob.access(), "al").await;
}
