//! `subrosa requests`, `accept`, `decline`, `block` and `unblock`.

use serde_json::{Value, json};
use subrosa_e2e::{Person, Server, until};

/// The texts of a conversation.
async fn texts(person: &Person, chat: &str) -> Value {
    let history = person.run_up_to_date(&["history", chat]).await.ok().lines();
    let texts = history.iter().filter(|line| line["text"].is_string());
    texts.map(|line| line["text"].clone()).collect()
}

/// Waits until a command shows lines that pass, and gives them.
async fn shows(person: &Person, command: &[&str], passes: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    until("it is shown", async || {
        passes(&person.run_up_to_date(command).await.ok().lines())
    })
    .await;
    person.run_up_to_date(command).await.ok().lines()
}

/// Whether a history has a text.
fn has_text(text: &str) -> impl Fn(&[Value]) -> bool {
    move |history| history.iter().any(|line| line["text"] == text)
}

/// How far the newest message of a person has come.
async fn status(person: &Person, chat: &str) -> String {
    let history = person.run_up_to_date(&["history", chat]).await.ok().lines();
    let own = history.iter().rfind(|line| line["outgoing"] == true);
    own.map_or(&Value::Null, |own| &own["status"])
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test]
async fn what_a_stranger_writes_waits_as_a_request_and_a_reply_accepts_it() {
    let server = Server::start().await;
    let alice = Person::sign_up_as_most(&server, "alice").await;
    let jonas = Person::sign_up(&server, "jonas").await;
    jonas.run(&["send", "@alice", "are there any left?"]).await.ok();
    let requests = alice.run_up_to_date(&["requests"]).await.ok().lines();
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert_eq!(
        (&requests[0]["with"], &requests[0]["request"], &requests[0]["by"]),
        (&json!("jonas"), &json!(true), &json!("jonas"))
    );
    let history = alice.run_up_to_date(&["history", "@jonas"]).await.ok().lines();
    let message = history.iter().find(|line| line["text"].is_string());
    assert_eq!(message.map(|message| &message["request"]), Some(&json!(true)));
    let heard = alice
        .run(&["listen", "--count", "1", "--timeout", "20"])
        .await
        .ok()
        .lines();
    let heard = heard.iter().find(|line| line["event"] == "message");
    assert_eq!(heard.map(|heard| &heard["request"]), Some(&json!(true)));
    assert_eq!(status(&jonas, "@alice").await, "sent");

    alice.run(&["send", "@jonas", "one"]).await.ok();
    assert_eq!(
        alice.run_up_to_date(&["requests"]).await.ok().lines(),
        Vec::<Value>::new()
    );
    let chats = alice.run(&["chats"]).await.ok().lines();
    assert_eq!(chats[0]["request"], false);
    shows(&jonas, &["history", "@alice"], |history| {
        history
            .iter()
            .any(|line| line["outgoing"] == true && line["status"] == "read")
    })
    .await;
}

#[tokio::test]
async fn a_group_of_a_stranger_is_named_by_its_exact_name_only_where_requests_can_be_meant() {
    let server = Server::start().await;
    let alice = Person::sign_up_as_most(&server, "alice").await;
    let mallory = Person::sign_up(&server, "mallory").await;
    let bob = Person::sign_up(&server, "bob").await;
    // Alice has a Harvest with Bob; a stranger invites her to another one, and to something else.
    alice.run(&["group", "create", "Harvest", "@bob"]).await.ok();
    mallory.run(&["group", "create", "Harvest", "@alice"]).await.ok();
    mallory
        .run(&["group", "create", "Allotment 12", "@alice"])
        .await
        .ok();
    shows(&alice, &["requests"], |requests| requests.len() == 2).await;
    alice
        .run(&["send", "Harvest", "who brings the ladder?"])
        .await
        .ok();
    shows(&bob, &["history", "Harvest"], has_text("who brings the ladder?")).await;
    let refused = alice.run(&["send", "Allotment 12", "hello"]).await;
    refused.ends_with(2);
    alice.run(&["history", "Allotment 12"]).await.ok();

    let declined = alice.run(&["decline", "Allotment 12"]).await.ok().one();
    assert_eq!(declined["request"], false);
    let refused = alice.run(&["decline", "@mallory"]).await;
    assert_ne!(refused.code, 0);
    shows(&mallory, &["group", "show", "Allotment 12"], |group| {
        let members = group.first().and_then(|group| group["members"].as_array());
        members.is_some_and(|members| members.len() == 1)
    })
    .await;
    // The other one is accepted by its id, since two have the name.
    let requests = alice.run_up_to_date(&["requests"]).await.ok().lines();
    assert_eq!(requests.len(), 1, "{requests:?}");
    let id = requests[0]["conversation"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let accepted = alice.run(&["accept", &id]).await.ok().one();
    assert_eq!(
        (&accepted["request"], &accepted["name"]),
        (&json!(false), &json!("Harvest"))
    );
    let again = alice.run(&["decline", &id]).await;
    assert_eq!(again.ends_with(5).failure()["code"], "not_a_request");
}

#[tokio::test]
async fn somebody_blocked_is_not_heard_until_they_are_unblocked_on_any_device() {
    let server = Server::start().await;
    let alice = Person::sign_up(&server, "alice").await;
    let bob = Person::sign_up(&server, "bob").await;
    bob.run(&["send", "@alice", "hello"]).await.ok();
    alice.run(&["send", "@bob", "hi"]).await.ok();
    let second = alice.second_device().await;
    let blocked = alice.run(&["block", "@bob"]).await.ok().one();
    assert_eq!(blocked, json!({"handle": "bob", "blocked": true}));
    bob.run(&["send", "@alice", "nobody reads this"]).await.ok();
    assert_eq!(texts(&alice, "@bob").await, json!(["hello", "hi"]));
    assert_eq!(status(&bob, "@alice").await, "sent");
    let refused = alice.run(&["send", "@bob", "and now?"]).await;
    assert_eq!(refused.ends_with(5).failure()["code"], "blocked");
    let listed = shows(&second, &["block"], |blocked| blocked.len() == 1).await;
    assert_eq!(listed[0]["handle"], "bob");
    let chats = second.run_up_to_date(&["chats"]).await.ok().lines();
    assert_eq!(chats[0]["blocked"], true);

    second.run(&["unblock", "@bob"]).await.ok();
    bob.run(&["send", "@alice", "but this"]).await.ok();
    shows(&alice, &["history", "@bob"], has_text("but this")).await;
    alice.run(&["block", "@nobody"]).await.ends_with(5);
    let own = alice.run(&["block", "@alice"]).await;
    assert_ne!(own.code, 0);
}
