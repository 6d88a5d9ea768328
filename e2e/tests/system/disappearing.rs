//! Messages that disappear, and conversations that are deleted on one device, from terminal to terminal.

use serde_json::{Value, json};
use subrosa_e2e::{Person, Server, until};

/// The texts of a conversation as a device has them, and its lines that are no messages.
async fn texts(person: &Person, with: &str) -> (Vec<String>, Vec<Value>) {
    let lines = person.run(&["history", with, "--offline"]).await.ok().lines();
    let (events, messages): (Vec<_>, Vec<_>) =
        lines.into_iter().partition(|line| line.get("event").is_some());
    let texts = messages
        .iter()
        .map(|line| line["text"].as_str().unwrap_or_default().to_owned());
    (texts.collect(), events)
}

#[tokio::test]
async fn messages_disappear_on_both_sides_and_the_timer_is_a_line_for_both() {
    let server = Server::start().await;
    let ada = Person::sign_up(&server, "ada").await;
    let ben = Person::sign_up(&server, "ben").await;
    ada.run(&["send", "@ben", "this stays"]).await.ok();
    ben.run_up_to_date(&["chats"]).await.ok();

    let chat = ben.run(&["group", "expire", "@ada", "5s"]).await.ok().one();
    assert_eq!((&chat["with"], &chat["expires"]), (&json!("ada"), &json!(5)));
    let lines = ada.run_up_to_date(&["history", "@ben"]).await.ok().lines();
    let event = lines.iter().find(|line| line["event"] == "expires");
    let event = event.unwrap_or_else(|| panic!("nobody is told: {lines:?}"));
    assert_eq!((&event["by"], &event["expires"]), (&json!("ben"), &json!(5)));

    let sent = ada.run(&["send", "@ben", "this does not"]).await.ok().one();
    assert_eq!(sent["expires"], 5);
    // Ben has not read it: to list it does not begin its time.
    let listed = ben.run_up_to_date(&["chats"]).await.ok().one();
    assert_eq!(listed["last_message"]["expires"], 5);
    assert_eq!(listed["last_message"].get("expires_at"), None);
    until("it disappears", async || {
        texts(&ada, "@ben").await.0 == ["this stays"]
    })
    .await;
    let read = ben.run(&["history", "@ada"]).await.ok().lines();
    assert!(
        read.iter().any(|line| line["text"] == "this does not"),
        "{read:?}"
    );
    until("it disappears", async || {
        texts(&ben, "@ada").await.0 == ["this stays"]
    })
    .await;

    ada.run(&["group", "expire", "@ben", "off"]).await.ok();
    ada.run(&["send", "@ben", "this stays, too"]).await.ok();
    let lines = ben.run_up_to_date(&["history", "@ada"]).await.ok().lines();
    let last = lines.iter().rfind(|line| line.get("text").is_some());
    assert_eq!(last.map(|line| line.get("expires")), Some(None));
    let shown = ben.run_plain(&["history", "@ada", "--offline"]).await;
    let shown = &shown.ok().stdout;
    assert!(
        shown.contains("set messages to disappear after 5 seconds"),
        "{shown}"
    );
    assert!(shown.contains("turned disappearing messages off"), "{shown}");
}

#[tokio::test]
async fn in_a_group_only_those_set_the_timer_who_may_change_its_name() {
    let server = Server::start().await;
    let ada = Person::sign_up(&server, "ada").await;
    let ben = Person::sign_up(&server, "ben").await;
    ada.run(&["group", "create", "Harvest", "@ben"]).await.ok();
    ben.run_up_to_date(&["chats"]).await.ok();
    let refused = ben.run(&["group", "expire", "Harvest", "7d"]).await;
    assert_eq!(refused.ends_with(5).failure()["code"], "not_permitted");
    let group = ada.run(&["group", "expire", "Harvest", "7d"]).await.ok().one();
    assert_eq!(group["expires"], 604_800);
    ben.run_up_to_date(&["chats"]).await.ok();
    let group = ben.run_up_to_date(&["group", "show", "Harvest"]).await.ok().one();
    assert_eq!(group["expires"], 604_800);
    for duration in ["0s", "4s", "1.5s", "-1h", "367d", "soon", "7"] {
        let arguments = ["group", "expire", "Harvest", "--", duration];
        ada.run(&arguments).await.ends_with(2);
    }
}

#[tokio::test]
async fn a_conversation_that_is_deleted_here_stays_elsewhere_and_goes_on_with_the_next_message() {
    let server = Server::start().await;
    let ada = Person::sign_up(&server, "ada").await;
    let ben = Person::sign_up(&server, "ben").await;
    ada.run(&["send", "@ben", "one"]).await.ok();
    ben.run_up_to_date(&["chats"]).await.ok();
    // There is no terminal to ask on.
    ben.run(&["chats", "delete", "@ada"]).await.ends_with(2);
    let done = ben.run(&["chats", "delete", "@ada", "--yes"]).await.ok().one();
    assert_eq!(done["done"], "deleted here");
    assert_eq!(ben.run_up_to_date(&["chats"]).await.ok().stdout, "");
    assert_eq!(texts(&ada, "@ben").await.0, ["one"]);
    ada.run(&["send", "@ben", "two"]).await.ok();
    let listed = ben.run_up_to_date(&["chats"]).await.ok().one();
    assert_eq!(listed["last_message"]["text"], "two");
    assert_eq!(texts(&ben, "@ada").await.0, ["two"]);
    ben.run(&["chats", "delete", "@eva", "--yes"]).await.ends_with(2);
}
