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
