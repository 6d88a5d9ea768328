//! Groups: three people in two browsers and a terminal.

use subrosa_e2e::{
    Person, Server,
    browser::{Kind, Profile, WebPerson},
};

use crate::stage::type_until;

/// The group in the list: it has no handle.
const GROUP: &str = "chat-item[data-handle=\"\"]";

#[tokio::test]
async fn a_group_of_the_terminal_is_talked_in_and_left_behind_in_browsers() {
    let server = Server::start().await;
    let profiles = [Kind::Chromium, Kind::Firefox].map(Profile::new);
    let (browser, other_browser) = (profiles[0].start().await, profiles[1].start().await);
    let alice = WebPerson::sign_up(&browser, &server, "alice").await;
    let bob = WebPerson::sign_up(&other_browser, &server, "bob").await;
    let carol = Person::sign_up(&server, "carol").await;
    carol
        .run(&["group", "create", "Harvest", "@alice", "@bob"])
        .await
        .ok();
    for person in [&alice, &bob] {
        person.tab.wait_text(GROUP, "Harvest").await;
        person.tab.click(GROUP).await;
        person.tab.wait_text("conversation-event", "added you").await;
        person.tab.wait_text("header", "").await;
    }
    carol
        .run(&["send", "Harvest", "Who brings the ladder?"])
        .await
        .ok();
    for person in [&alice, &bob] {
        person.wait_message("Who brings the ladder?").await;
        person.tab.wait_text("sender", "@carol").await;
    }
    alice.send_and_wait("I do").await;
    bob.wait_message("I do").await;
    bob.tab.wait_count("sender", 2).await;
    // One's own messages say nothing about who wrote them.
    assert_eq!(alice.tab.count("sender").await, 1);
    bob.send_and_wait("good").await;
    alice.tab.wait_text(GROUP, "good").await;
    let is_typing = "document.querySelector('[data-testid=\"presence\"]')?.innerText.includes('is typing')";
    type_until(&bob, "thinking", &alice, is_typing).await;
    bob.tab.fill("composer", "").await;
    carol.run(&["history", "Harvest"]).await.ok();

    // The details beside it show who is in it.
    alice.tab.wait_count("member", 2).await;

    carol
        .run(&["group", "role", "Harvest", "@bob", "admin"])
        .await
        .ok();
    bob.tab.wait_text("messages", "You are an admin now").await;
    alice.tab.wait_text("messages", "is an admin now").await;
    carol.run(&["group", "remove", "Harvest", "@alice"]).await.ok();
    alice.tab.wait_text("messages", "removed you").await;
    alice.tab.wait_text("conversation", "no longer a member").await;
    bob.send_and_wait("without Alice").await;
    assert_eq!(alice.texts().await, ["Who brings the ladder?", "I do", "good"]);
    // After a reload, too.
    alice.tab.reload().await;
    alice.tab.wait_text("conversation", "no longer a member").await;
    bob.tab.wait_text("messages", " removed ").await;
}
