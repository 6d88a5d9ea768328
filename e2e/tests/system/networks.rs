//! Servers that die and networks that fail, in the middle of a conversation.

use serde_json::Value;
use subrosa_e2e::{Person, Server};

fn texts(lines: &[Value]) -> Vec<&str> {
    let messages = lines.iter().filter(|line| line["event"] == "message");
    messages
        .map(|line| line["text"].as_str().unwrap_or_default())
        .collect()
}

#[tokio::test]
async fn after_a_power_cut_clients_reconnect_by_themselves_and_nothing_is_lost_or_doubled() {
    let mut server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    let mut bob_listens = bob.listen();
    let mut said = Vec::new();
    for round in 0..3 {
        let text = format!("before cut {round}");
        alice.send(&bob, &text).await;
        said.push(text);
        server.kill().await;
        let text = format!("in the dark {round}");
        alice
            .run(&["send", "@bob", &text, "--timeout", "0"])
            .await
            .ends_with(6);
        said.push(text);
        server.restart().await;
        let text = format!("after cut {round}");
        alice.send(&bob, &text).await;
        said.push(text.clone());
        bob_listens
            .next("the message after the cut", |line| line["text"] == text.as_str())
            .await;
    }
    assert_eq!(texts(&bob_listens.lines()), said);
    bob_listens.end().await.ok();
    assert_eq!(bob.texts(&alice).await, said);
    assert_eq!(alice.texts(&bob).await, said);
}

#[tokio::test]
async fn a_server_that_comes_back_on_the_same_address_is_found_again() {
    let mut server = Server::start().await;
    server.kill().await;
    // Nobody else asks for this address of the loopback network: its port is free when the server comes back.
    server.restart_on("127.0.0.84:0").await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    alice.send(&bob, "one").await;
    let address = server.address().to_string();
    server.kill().await;
    server.restart_on(&address).await;
    alice.send(&bob, "two").await;
    assert_eq!(bob.texts(&alice).await, ["one", "two"]);
}

#[tokio::test]
async fn a_cut_connection_is_made_again() {
    let server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    let mut bob_listens = bob.listen();
    for round in 0..4 {
        let text = format!("round {round}");
        alice.send(&bob, &text).await;
        bob_listens
            .next("the message", |line| line["text"] == text.as_str())
            .await;
        server.proxy().shut();
        server.open_proxy();
    }
    assert_eq!(
        texts(&bob_listens.lines()),
        ["round 0", "round 1", "round 2", "round 3"]
    );
}

#[tokio::test]
async fn what_a_stalled_network_holds_back_arrives_when_it_moves_again() {
    let server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    alice.send(&bob, "before").await;
    let mut bob_listens = bob.listen();
    bob_listens.message().await;
    server.proxy().stall();
    let late = alice
        .run(&["send", "@bob", "through the mud", "--timeout", "1"])
        .await;
    late.ends_with(6);
    server.open_proxy();
    alice.send(&bob, "after").await;
    bob_listens
        .next("the last message", |line| line["text"] == "after")
        .await;
    assert_eq!(
        texts(&bob_listens.lines()),
        ["before", "through the mud", "after"]
    );
}

#[tokio::test]
async fn a_server_that_is_told_to_stop_sends_its_clients_away_and_they_come_back() {
    let mut server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    alice.send(&bob, "before").await;
    let mut bob_listens = bob.listen();
    bob_listens.message().await;
    let exit = server.stop().await;
    assert_eq!(exit.code, Some(0), "{}", server.log());
    server.restart().await;
    alice.send(&bob, "after").await;
    assert_eq!(bob_listens.message().await["text"], "after");
}

#[tokio::test]
async fn a_device_that_is_told_to_slow_down_does_and_loses_nothing() {
    let server = Server::start_configured("[limits]\nframes_per_device = 12\n").await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    let said: Vec<String> = (0..6).map(|number| format!("message {number}")).collect();
    let (last, before) = said.split_last().unwrap_or_else(|| panic!("nothing is said"));
    for text in before {
        // Not necessarily in time; then it leaves with the next one.
        alice.run(&["send", "@bob", text, "--timeout", "2"]).await;
    }
    alice.run(&["send", "@bob", last, "--timeout", "50"]).await.ok();
    let received = bob.receive(said.len()).await;
    let received: Vec<_> = received.iter().map(|message| message["text"].as_str()).collect();
    assert_eq!(
        received,
        said.iter().map(|text| Some(text.as_str())).collect::<Vec<_>>()
    );
}
