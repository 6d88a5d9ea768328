//! One account on several devices, and the ways back to it.

use serde_json::json;
use subrosa_e2e::{Person, Server};

#[tokio::test]
async fn a_second_device_joins_while_the_first_is_offline_and_takes_part() {
    let server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    alice.send(&bob, "to the first device").await;
    bob.receive(1).await;

    let second = bob.second_device().await;
    alice.send(&bob, "to both devices").await;
    assert_eq!(second.receive(1).await[0]["text"], "to both devices");
    let answer = second.send(&alice, "from the second device").await;
    assert_eq!(answer["from"], "bob");

    assert_eq!(
        alice.texts(&bob).await,
        ["to the first device", "to both devices", "from the second device"]
    );
    // The first device comes back, follows the other into the group, and knows what it has written.
    let seen = bob.history(&alice).await;
    assert_eq!(seen.len(), 3);
    assert_eq!(
        (&seen[2]["outgoing"], &seen[2]["from"]),
        (&json!(true), &json!("bob"))
    );
    bob.send(&alice, "and from the first").await;
    assert_eq!(
        second.texts(&alice).await,
        ["to both devices", "from the second device", "and from the first"]
    );
}

#[tokio::test]
async fn a_second_device_can_be_the_one_that_begins_a_conversation() {
    let server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    let (alice_too, bob_too) = (alice.second_device().await, bob.second_device().await);
    alice_too.send(&bob, "hello from a tablet").await;
    for device in [&alice, &bob, &bob_too] {
        let with = if device.handle == "alice" { &bob } else { &alice };
        assert_eq!(device.texts(with).await, ["hello from a tablet"]);
    }
    bob_too.send(&alice, "hello from a laptop").await;
    assert_eq!(
        alice.texts(&bob).await,
        ["hello from a tablet", "hello from a laptop"]
    );
    assert_eq!(
        alice_too.texts(&bob).await,
        ["hello from a tablet", "hello from a laptop"]
    );
}

#[tokio::test]
async fn all_devices_are_listed_and_one_can_sign_another_out() {
    let server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    alice.send(&bob, "one").await;
    let second = bob.second_device().await;
    let devices = bob.run(&["devices"]).await.ok().lines();
    assert_eq!(devices.len(), 2);
    assert!(devices.iter().all(|device| device["certified"] == true));
    let lost = second.run(&["whoami"]).await.ok().one()["device_id"].clone();
    assert!(
        devices
            .iter()
            .any(|device| device["device_id"] == lost && device["current"] == false)
    );

    bob.run(&["devices", "--sign-out", lost.as_str().unwrap_or_default()])
        .await
        .ok();
    second.run(&["listen", "--timeout", "50"]).await.ends_with(3);
    alice.send(&bob, "two").await;
    assert_eq!(bob.texts(&alice).await, ["one", "two"]);
    assert_eq!(bob.run(&["devices"]).await.ok().lines().len(), 1);
}

#[tokio::test]
async fn the_recovery_code_replaces_a_forgotten_password_and_the_conversations_are_back() {
    let server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    alice.send(&bob, "before").await;

    let recovered = Person::new(&server, "bob");
    recovered.set_password("an entirely new password");
    let code = recovered.write("code", &bob.recovery_code);
    let code = code.to_string_lossy();
    recovered
        .run(&["recover", "bob", "--recovery-code-file", &code])
        .await
        .ok();
    alice.send(&bob, "after").await;
    assert_eq!(recovered.texts(&alice).await, ["after"]);
    recovered.send(&alice, "here again").await;
    assert_eq!(alice.texts(&bob).await, ["before", "after", "here again"]);

    let elsewhere = Person::new(&server, "bob");
    elsewhere.run(&["signin", "bob"]).await.ends_with(5);
    elsewhere.set_password("an entirely new password");
    elsewhere.run(&["signin", "bob"]).await.ok();
}

#[tokio::test]
async fn a_wrong_recovery_code_opens_nothing() {
    let server = Server::start().await;
    let bob = Person::sign_up(&server, "bob").await;
    let alice = Person::sign_up(&server, "alice").await;
    let stranger = Person::new(&server, "bob");
    let code = stranger.write("code", &alice.recovery_code);
    stranger
        .run(&["recover", "bob", "--recovery-code-file", &code.to_string_lossy()])
        .await
        .ends_with(5);
    let code = stranger.write("code", "ABCD-EFGH-JKMN-PQRS-TVWX-YZ01-2345-6789");
    stranger
        .run(&["recover", "bob", "--recovery-code-file", &code.to_string_lossy()])
        .await
        .ends_with(2);
    bob.run(&["devices"]).await.ok();
    assert!(!stranger.profile().join("key").exists());
}

#[tokio::test]
async fn a_changed_password_locks_the_old_one_out_at_once() {
    let server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    let new = bob.write("new-password", "quite another password");
    bob.run(&["passwd", "--new-password-file", &new.to_string_lossy()])
        .await
        .ok();

    let elsewhere = Person::new(&server, "bob");
    elsewhere.run(&["signin", "bob"]).await.ends_with(5);
    elsewhere.set_password("quite another password");
    elsewhere.run(&["signin", "bob"]).await.ok();
    // Devices that are signed in stay signed in.
    alice.send(&bob, "still there?").await;
    assert_eq!(bob.receive(1).await[0]["text"], "still there?");
    // The recovery code stays valid.
    let third = Person::new(&server, "bob");
    let code = third.write("code", &bob.recovery_code);
    third.set_password("the third password of this test");
    third
        .run(&["recover", "bob", "--recovery-code-file", &code.to_string_lossy()])
        .await
        .ok();
}

#[tokio::test]
async fn the_present_password_is_needed_to_change_it() {
    let server = Server::start().await;
    let bob = Person::sign_up(&server, "bob").await;
    let new = bob.write("new-password", "quite another password");
    bob.set_password("not the present password");
    bob.run(&["passwd", "--new-password-file", &new.to_string_lossy()])
        .await
        .ends_with(5);
    Person::new(&server, "bob").run(&["signin", "bob"]).await.ok();
}

#[tokio::test]
async fn signing_out_removes_everything_from_this_machine() {
    let server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    alice.send(&bob, "one").await;
    bob.receive(1).await;
    bob.run(&["signout"]).await.ends_with(2);
    bob.run(&["whoami"]).await.ok();
    bob.run(&["signout", "--yes"]).await.ok();
    assert!(!bob.profile().exists());
    bob.run(&["whoami"]).await.ends_with(3);
    // The account stays.
    bob.run(&["signin", "bob"]).await.ok();
    alice.send(&bob, "two").await;
    assert_eq!(bob.texts(&alice).await, ["two"]);
}

#[tokio::test]
async fn a_sign_out_that_the_server_cannot_hear_removes_nothing() {
    let mut server = Server::start().await;
    let bob = Person::sign_up(&server, "bob").await;
    server.stop().await;
    bob.run(&["signout", "--yes"]).await.ends_with(4);
    bob.run(&["whoami"]).await.ok();
}

#[tokio::test]
async fn an_interrupted_sign_up_leaves_no_half_made_profile() {
    let server = Server::start().await;
    server.proxy().shut();
    let alice = Person::new(&server, "alice");
    alice.run(&["signup", "alice"]).await.ends_with(4);
    alice.run(&["whoami"]).await.ends_with(3);
    server.open_proxy();
    alice.run(&["signup", "alice"]).await.ok();
    assert_eq!(alice.run(&["whoami"]).await.ok().one()["handle"], "alice");
}

#[tokio::test]
async fn devices_have_names_that_their_account_alone_knows() {
    let server = Server::start().await;
    let alice = Person::sign_up(&server, "alice").await;
    let second = alice.second_device().await;
    let id = second.run(&["whoami"]).await.ok().one()["device_id"].clone();
    let id = id.as_str().unwrap_or_default();
    let names = async |person: &Person| {
        let lines = person.run(&["devices"]).await.ok().lines();
        let mut names: Vec<_> = lines
            .iter()
            .map(|device| device["name"].as_str().unwrap_or_default().to_owned())
            .collect();
        names.sort();
        names
    };
    for name in names(&alice).await {
        assert!(name.starts_with("Terminal on "), "{name}");
    }
    alice.run(&["devices", "--rename", id, "Zoë’s laptop"]).await.ok();
    let renamed = names(&second).await;
    assert_eq!(renamed[1], "Zoë’s laptop", "{renamed:?}");
    assert_eq!(names(&alice).await, renamed);

    for (device, name) in [
        (id, "\u{202e}x"),
        ("nonsense", "a name"),
        (&"0".repeat(32), "a name"),
    ] {
        alice
            .run(&["devices", "--rename", device, name])
            .await
            .ends_with(2);
    }
    alice.run(&["devices", "--rename", id, ""]).await.ok();
    assert_eq!(names(&second).await[0], "");
}
