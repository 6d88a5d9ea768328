//! Names and pictures of people, from terminal to terminal.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use serde_json::json;
use subrosa_e2e::{Person, Server, until};

/// The head of a PNG file of this width.
fn picture(width: u16) -> Vec<u8> {
    let head = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0";
    [
        &head[..],
        &width.to_be_bytes(),
        &[0, 0, 0, 2, 8, 6, 0, 0, 0, 0, 0, 0, 0],
    ]
    .concat()
}

/// Whether somebody with this name is in a device's list of chats.
async fn shows(device: &Person, name: &str) -> bool {
    let chats = device.run(&["chats"]).await.ok().lines();
    chats.iter().any(|chat| chat["name"] == name)
}

#[tokio::test]
async fn a_name_is_seen_by_the_other_and_by_their_new_device_at_once() {
    let server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    assert_eq!(
        alice.run(&["name", "Ada Lovelace"]).await.ok().one(),
        json!({"name": "Ada Lovelace"})
    );
    alice.send(&bob, "hello").await;
    // He stays until his new device knows: what others show is fetched beside the messages, and no command waits for it.
    let mut bob_listens = bob.listen();
    bob_listens.message().await;
    let second = bob.second_device().await;
    until("the new device shows it", async || {
        shows(&second, "Ada Lovelace").await
    })
    .await;
    bob_listens.end().await.ok();
    until("so does the first", async || shows(&bob, "Ada Lovelace").await).await;
    assert_eq!(
        alice.run_plain(&["name", "--remove"]).await.ok().stdout,
        "no name\n"
    );
}

#[tokio::test]
async fn a_picture_is_set_and_removed_and_what_is_none_is_refused() {
    let mut server = Server::start().await;
    let alice = Person::sign_up(&server, "alice").await;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let good = write("good.png", &picture(256));
    assert_eq!(
        alice.run(&["picture", &good]).await.ok().one(),
        json!({"picture": true})
    );
    assert_eq!(alice.run(&["picture"]).await.ok().one(), json!({"picture": true}));
    for bad in [
        write("text.png", b"not a picture"),
        write("wide.png", &picture(4096)),
    ] {
        let refused = alice.run(&["picture", &bad]).await;
        assert!(refused.stderr.contains("picture"), "{}", refused.stderr);
        assert_eq!(alice.run(&["picture"]).await.ok().one(), json!({"picture": true}));
    }
    alice.run(&["picture", "/nowhere.png"]).await.ends_with(1);
    server.stop().await;
    let removed = alice.run(&["picture", "--remove", "--timeout", "1"]).await;
    assert_eq!(removed.ends_with(6).one(), json!({"picture": false}));
}

#[tokio::test]
async fn a_nickname_is_shown_on_all_devices_of_who_gave_it_and_to_nobody_else() {
    let server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    bob.run(&["name", "Bob Okafor"]).await.ok();
    bob.send(&alice, "hello").await;
    alice.receive(1).await;
    let second = alice.second_device().await;
    let given = alice.run(&["nickname", "@bob", " Uncle  Bob "]).await.ok().one();
    assert_eq!(
        given,
        json!({"handle": "bob", "nickname": "Uncle Bob", "name": "Bob Okafor"})
    );
    let nickname = async |device: &Person| {
        let shown = device.run(&["nickname", "@bob"]).await.ok().one();
        shown["nickname"].as_str().map(str::to_owned)
    };
    assert_eq!(
        second.run_up_to_date(&["chats"]).await.ok().one()["nickname"],
        "Uncle Bob"
    );
    assert_eq!(nickname(&second).await.as_deref(), Some("Uncle Bob"));
    let history = second
        .run_plain(&["chats", "--offline"])
        .await
        .ok()
        .stdout
        .clone();
    assert!(history.contains("Uncle Bob (@bob)"), "{history}");
    assert_eq!(
        second.run(&["nickname", "@bob", "--remove"]).await.ok().one()["nickname"],
        json!(null)
    );
    alice.run_up_to_date(&["chats"]).await.ok();
    assert_eq!(nickname(&alice).await, None);
    assert_eq!(
        alice.run_plain(&["nickname", "@bob"]).await.ok().stdout,
        "no nickname\n"
    );
    // Whom nobody knows here cannot be called anything.
    alice.run(&["nickname", "@carol", "Caro"]).await.ends_with(5);
    alice.run(&["nickname", "@bob", "B\u{202e}ob"]).await.ends_with(2);
}
