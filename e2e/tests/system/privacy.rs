//! What others see of somebody: whether they have read, are typing, are there.

use std::time::Duration;

use serde_json::json;
use subrosa_client::Client;
use subrosa_e2e::{PATIENCE, Person, Server, terminal::Terminal, until};
use tokio::time::interval;

const ENTER: &str = "\r";
const CTRL_Q: &str = "\u{11}";

/// Two people who have written to each other.
async fn alice_and_bob(server: &Server) -> (Person, Person) {
    let (alice, bob) = (
        Person::sign_up(server, "alice").await,
        Person::sign_up(server, "bob").await,
    );
    alice.send(&bob, "the conversation begins").await;
    bob.receive(1).await;
    bob.send(&alice, "and goes on").await;
    alice.receive(1).await;
    (alice, bob)
}

#[tokio::test]
async fn the_switches_are_the_same_on_all_devices_of_an_account() {
    let server = Server::start().await;
    let first = Person::sign_up(&server, "bob").await;
    let second = first.second_device().await;
    let shows = |read_receipts: bool, last_seen: bool| {
        json!({
            "read_receipts": read_receipts, "typing": true, "last_seen": last_seen,
            "messages": "everybody", "groups": "everybody",
        })
    };
    let all_on = shows(true, true);
    assert_eq!(second.run_up_to_date(&["privacy"]).await.ok().one(), all_on);

    let changed = first
        .run(&["privacy", "--read-receipts", "off", "--last-seen", "off"])
        .await;
    let two_off = shows(false, false);
    assert_eq!(changed.ok().one(), two_off);
    assert_eq!(second.run_up_to_date(&["privacy"]).await.ok().one(), two_off);
    let plain = second.run_plain(&["privacy", "--offline"]).await;
    assert_eq!(
        plain.ok().stdout,
        "read receipts: off\ntyping: on\nlast seen: off\nmessages without being asked: from everybody\n\
         groups without being asked: from everybody\n"
    );

    // The first device does not know that the second has switched it on, and off is what it has.
    second.run(&["privacy", "--read-receipts", "on"]).await.ok();
    first.run(&["privacy", "--read-receipts", "off"]).await.ok();
    assert_eq!(second.run_up_to_date(&["privacy"]).await.ok().one(), two_off);
}

#[tokio::test]
async fn a_change_that_the_server_cannot_get_is_kept_and_sent_later() {
    let mut server = Server::start().await;
    let first = Person::sign_up(&server, "bob").await;
    let second = first.second_device().await;
    server.stop().await;
    let changed = first.run(&["privacy", "--typing", "off", "--timeout", "1"]).await;
    assert_eq!(changed.ends_with(6).one()["typing"], false);
    server.restart().await;
    // However long the server takes.
    let first_listens = first.listen();
    first_listens.note("connected").await;
    until("the other device knows", async || {
        second.run(&["privacy"]).await.ok().one()["typing"] == false
    })
    .await;
    first_listens.end().await.ok();
}

#[tokio::test]
async fn what_somebody_without_read_receipts_has_read_stays_delivered() {
    let server = Server::start().await;
    let (alice, bob) = alice_and_bob(&server).await;
    bob.run(&["privacy", "--read-receipts", "off"]).await.ok();
    let message = alice.send(&bob, "have you seen this?").await;
    let mut alice_listens = alice.listen();
    // He stays until she has heard of it: a command that ends does not wait for a slow server.
    let mut bob_listens = bob.listen();
    bob_listens.message().await;
    alice_listens.status(&message["id"], "delivered").await;
    bob_listens.end().await.ok();
    let shown = bob.run(&["history", "@alice", "--offline"]).await.ok().lines();
    assert_eq!(shown[2]["status"], "unread");
    assert_eq!(bob.history(&alice).await[2]["status"], "read");
    // What comes after it shows that nothing else was to come.
    bob.send(&alice, "perhaps").await;
    alice_listens.message().await;
    alice_listens.end().await.ok();
    let status = |messages: Vec<serde_json::Value>| messages[2]["status"].clone();
    assert_eq!(status(alice.history(&bob).await), "delivered");

    bob.run(&["privacy", "--read-receipts", "on"]).await.ok();
    let message = alice.send(&bob, "and this?").await;
    let mut alice_listens = alice.listen();
    bob.history(&alice).await;
    // What has not left with the command leaves now.
    let _bob_listens = bob.listen();
    alice_listens.status(&message["id"], "read").await;
}

#[tokio::test]
async fn listen_prints_nothing_about_those_who_type_come_and_go() {
    let server = Server::start().await;
    let (alice, bob) = alice_and_bob(&server).await;
    let mut in_json = bob.listen();
    in_json.note("connected").await;
    let client = Client::open(&alice.profile()).await;
    let client = client.unwrap_or_else(|error| panic!("{error}"));
    client.connect();
    let settled = client.settle(PATIENCE).await;
    assert!(settled.is_ok(), "{settled:?}");
    let handle = "bob".parse().unwrap_or_else(|error| panic!("{error}"));
    let chat = client.chat_with(&handle).await.ok().flatten();
    let chat = chat.unwrap_or_else(|| panic!("no conversation"));
    assert!(client.set_here(true).await.is_ok());
    assert!(chat.set_typing(true).await.is_ok());
    assert!(chat.set_typing(false).await.is_ok());
    assert!(client.set_here(false).await.is_ok());
    assert!(client.settle(PATIENCE).await.is_ok());
    assert!(chat.send_text("after all that").await.is_ok());
    assert_eq!(in_json.message().await["text"], "after all that");
    assert!(client.close().await.is_ok());
    let listened = in_json.end().await;
    let events: Vec<_> = listened
        .lines()
        .iter()
        .map(|line| line["event"].clone())
        .collect();
    assert!(
        events.iter().all(|event| event == "message" || event == "status"),
        "{events:?}"
    );
    assert!(
        listened.stderr.lines().all(|line| line.contains("connected")),
        "{}",
        listened.stderr
    );
}

/// Types on and on until the other one sees it: what says so may get lost, and is shown for some seconds only.
async fn types_until_shown(typing: &mut Terminal, other: &Terminal, text: &str) {
    let mut next_key = interval(Duration::from_secs(1));
    let shown = other.shows(text);
    tokio::pin!(shown);
    loop {
        tokio::select! {
            _ = &mut shown => return,
            _ = next_key.tick() => typing.press("x").await,
        }
    }
}

#[tokio::test]
async fn the_app_shows_who_is_there_and_who_types_and_that_they_have_left() {
    let server = Server::start().await;
    let (alice, bob) = alice_and_bob(&server).await;
    let mut alices = Terminal::chat(&alice, 24, 80);
    alices.connected().await;
    alices.press(ENTER).await;
    let mut bobs = Terminal::chat(&bob, 24, 80);
    bobs.connected().await;
    bobs.press(ENTER).await;
    alices.shows("@bob · online").await;
    types_until_shown(&mut bobs, &alices, "@bob · typing…").await;
    bobs.press(CTRL_Q).await;
    bobs.end().await;
    // At once, and not when it has not been heard of for a while.
    alices.shows("@bob · last seen ").await;
    alices.press(CTRL_Q).await;
    alices.end().await;
}
