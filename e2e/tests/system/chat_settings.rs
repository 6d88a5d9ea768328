//! `subrosa chats pin`, `mute`, `archive` and the like.

use serde_json::{Value, json};
use subrosa_e2e::{Person, Server};

#[tokio::test]
async fn what_is_chosen_for_a_conversation_holds_on_all_devices_and_is_undone() {
    let server = Server::start().await;
    let alice = Person::sign_up(&server, "alice").await;
    let bob = Person::sign_up(&server, "bob").await;
    let carol = Person::sign_up(&server, "carol").await;
    bob.run(&["send", "@alice", "hello"]).await.ok();
    alice.run_up_to_date(&["chats"]).await.ok();
    carol.run(&["send", "@alice", "hello, too"]).await.ok();
    let second = alice.second_device().await;
    let with = async |person: &Person| -> Value {
        let chats = person.run_up_to_date(&["chats"]).await.ok().lines();
        chats.iter().map(|chat| chat["with"].clone()).collect()
    };
    assert_eq!(with(&alice).await, json!(["carol", "bob"]));

    let pinned = alice.run(&["chats", "pin", "@bob"]).await.ok().one();
    assert_eq!(
        (&pinned["with"], &pinned["pinned"]),
        (&"bob".into(), &true.into())
    );
    assert_eq!(with(&second).await, json!(["bob", "carol"]));
    alice.run(&["chats", "archive", "@bob"]).await.ok();
    assert_eq!(with(&second).await, json!(["carol", "bob"]));

    let muted = alice
        .run(&["chats", "mute", "@carol", "--for", "8h"])
        .await
        .ok()
        .one();
    assert_eq!(muted["muted"], true);
    assert!(muted["muted_until"].is_string(), "{muted}");
    let muted = alice.run(&["chats", "mute", "@carol"]).await.ok().one();
    assert_eq!((&muted["muted"], muted.get("muted_until")), (&true.into(), None));
    let unread = alice.run(&["chats", "unread", "@carol"]).await.ok().one();
    assert_eq!(unread["marked_unread"], true);
    let listed = second.run_plain(&["chats"]).await;
    let lines = &listed.ok().stdout;
    assert!(lines.contains("[marked unread]  [muted]"), "{lines}");
    assert!(lines.contains("[pinned]  [archived]"), "{lines}");

    // What is archived comes back with the next message.
    bob.run(&["send", "@alice", "are you there?"]).await.ok();
    let chats = second.run_up_to_date(&["chats"]).await.ok().lines();
    assert_eq!(
        (&chats[0]["with"], &chats[0]["archived"]),
        (&"bob".into(), &false.into())
    );
    for (undo, who, what) in [("unpin", "@bob", "pinned"), ("unmute", "@carol", "muted")] {
        let chat = second.run(&["chats", undo, who]).await.ok().one();
        assert_eq!(chat[what], false, "{undo}");
    }
}

#[tokio::test]
async fn durations_and_conversations_that_cannot_be_are_refused() {
    let server = Server::start().await;
    let alice = Person::sign_up(&server, "alice").await;
    for duration in ["0h", "soon", "-1h", "8", "1s"] {
        let arguments = ["chats", "mute", "@bob", &format!("--for={duration}")];
        alice.run(&arguments).await.ends_with(2);
    }
    alice.run(&["chats", "pin", "@bob"]).await.ends_with(2);
    alice.run(&["chats", "pin", "Harvest"]).await.ends_with(2);
    assert_eq!(alice.run(&["chats"]).await.ok().stdout, "");
}
