//! People talk: browser and browser, browser and terminal.

use subrosa_e2e::{
    Person, Server,
    browser::{Kind, Profile, WebPerson},
    tampering::{Honest, Tampering},
    terminal::Terminal,
    until,
};
use subrosa_wire::frames::{ClientFrame, append, client_frame::Request};

use crate::stage::{ACCEPTED, BOTH, BehindProxy, Stage, texts};

#[tokio::test]
async fn two_browsers_talk_and_the_ticks_follow() {
    let server = Server::start().await;
    let (chromium, firefox) = (Profile::new(Kind::Chromium), Profile::new(Kind::Firefox));
    let (browser, other_browser) = (chromium.start().await, firefox.start().await);
    let alice = WebPerson::sign_up(&browser, &server, "alice").await;
    let bob = WebPerson::sign_up(&other_browser, &server, "bob").await;

    alice.open_chat("bob").await;
    alice.send_and_wait("the conversation begins").await;
    bob.tab
        .wait_text("chat-item[data-handle=\"alice\"]", "the conversation begins")
        .await;
    bob.open_chat("alice").await;
    alice.wait_status("the conversation begins", &["read"]).await;
    bob.send("and goes on").await;
    alice.wait_message("and goes on").await;
    bob.wait_status("and goes on", &["read"]).await;

    // Bob looks elsewhere; then nothing can reach the server.
    bob.tab.goto(&bob.address("/settings")).await;
    server.proxy().shut();
    alice.send("how do you do?").await;
    alice.wait_status("how do you do?", &["pending"]).await;
    server.open_proxy();
    alice.wait_status("how do you do?", &["sent", "delivered"]).await;
    alice.wait_status("how do you do?", &["delivered"]).await;
    bob.open_chat("alice").await;
    bob.wait_message("how do you do?").await;
    alice.wait_status("how do you do?", &["read"]).await;
    assert_eq!(alice.texts().await, bob.texts().await);
}

#[tokio::test]
async fn a_browser_and_a_terminal_talk() {
    for kind in BOTH {
        let stage = Stage::talked(kind).await;
        let mut said = vec!["first".to_owned(), "second".to_owned()];
        for turn in 0..3 {
            for word in ["one", "two"] {
                let text = format!("alice {turn} {word}");
                stage.alice.send_and_wait(&text).await;
                said.push(text);
            }
            let text = format!("bob {turn}");
            stage.bob_says(&text).await;
            stage.alice.wait_message(&text).await;
            said.push(text);
        }
        assert_eq!(stage.bobs_texts().await, said);
        assert_eq!(stage.alice.texts().await, said);
        // A command that ends does not wait for its receipts to leave; the next one sends them.
        until("Alice sees that it was read", async || {
            stage.bobs_texts().await;
            let read = stage.alice.texts_with_status(&["read"]).await;
            read.contains(&"alice 2 two".to_owned())
        })
        .await;
    }
}

#[tokio::test]
async fn people_are_found_by_handle_and_a_chat_begins_with_a_click() {
    for kind in BOTH {
        let stage = Stage::set(kind).await;
        let tab = &stage.alice.tab;
        tab.type_into("search", "bo").await;
        tab.click("person-result[data-handle=\"bob\"]").await;
        tab.wait_path("/chat/bob").await;
        stage.alice.send_and_wait("found you").await;
        assert_eq!(stage.bobs_texts().await, ["found you"]);
        tab.wait_text("chat-item[data-handle=\"bob\"]", "found you").await;
        tab.type_into("search", "zzz").await;
        tab.wait_text("people", "").await;
        tab.wait_gone("person-result").await;
        tab.press("Escape").await;
        tab.wait_count("chat-item", 1).await;
    }
}

#[tokio::test]
async fn enter_sends_shift_enter_breaks_and_a_draft_is_kept() {
    for kind in BOTH {
        let stage = Stage::talked(kind).await;
        let tab = &stage.alice.tab;
        tab.type_into("composer", "one line").await;
        tab.press("Shift+Enter").await;
        tab.type_text("and another").await;
        assert_eq!(tab.text("composer").await, "one line\nand another");
        tab.press("Enter").await;
        stage.alice.wait_status("and another", ACCEPTED).await;
        assert_eq!(tab.text("composer").await, "");
        assert_eq!(stage.bobs_texts().await[2], "one line\nand another");
        // Nothing but spaces is no message.
        tab.type_into("composer", "   ").await;
        tab.press("Enter").await;
        tab.fill("composer", "not finished").await;
        tab.click("settings-link").await;
        tab.wait_for("settings").await;
        tab.wait_text("chat-item", "not finished").await;
        tab.reload().await;
        tab.wait_text("chat-item", "not finished").await;
        stage.alice.open_chat("bob").await;
        stage.alice.wait_composer("not finished").await;
        stage.alice.wait_message("and another").await;
        assert_eq!(tab.count("message").await, 3);
    }
}

#[tokio::test]
async fn drafts_and_what_was_read_are_the_same_in_browser_and_terminal() {
    let stage = Stage::talked(Kind::Chromium).await;
    let alice = &stage.alice;
    let terminal = Person::at(stage.server.url(), "alice");
    terminal.run(&["signin", "alice"]).await.ok();
    let mut screen = Terminal::chat(&terminal, 24, 80);
    screen.connected().await;
    alice.tab.type_into("composer", "typed in the browser").await;
    screen.shows("@bob").await;
    screen.press("\r").await;
    screen.shows("typed in the browser").await;
    screen.press(" and the terminal").await;
    alice.wait_composer("typed in the browser and the terminal").await;
    screen.press("\r").await;
    alice.wait_composer("").await;
    alice.wait_message("typed in the browser and the terminal").await;
    // What is open in the terminal is read there.
    alice.tab.click("settings-link").await;
    alice.tab.wait_for("settings").await;
    stage.bob_says("read in the terminal").await;
    alice
        .tab
        .wait_text("chat-item[data-handle=\"bob\"]", "read in the terminal")
        .await;
    alice.tab.wait_gone("unread").await;
}

#[tokio::test]
async fn what_is_typed_stays_with_its_conversation() {
    for kind in BOTH {
        let stage = Stage::talked(kind).await;
        let (alice, tab) = (&stage.alice, &stage.alice.tab);
        let carol = Person::sign_up(&stage.server, "carol").await;
        carol.run(&["send", "@alice", "this is carol"]).await.ok();
        tab.fill("composer", "for bob").await;
        tab.click("chat-item[data-handle=\"carol\"]").await;
        alice.wait_message("this is carol").await;
        alice.wait_composer("").await;
        tab.fill("composer", "for carol").await;
        tab.click("chat-item[data-handle=\"bob\"]").await;
        alice.wait_message("second").await;
        alice.send_draft("for bob").await;
        alice.wait_status("for bob", ACCEPTED).await;
        tab.click("chat-item[data-handle=\"carol\"]").await;
        alice.wait_message("this is carol").await;
        alice.send_draft("for carol").await;
        alice.wait_status("for carol", ACCEPTED).await;
        assert_eq!(stage.bobs_texts().await, ["first", "second", "for bob"]);
        assert_eq!(texts(&carol, "alice").await, ["this is carol", "for carol"]);
    }
}

#[tokio::test]
async fn what_is_new_is_counted_divided_and_read_once_seen() {
    let stage = Stage::talked(Kind::Chromium).await;
    let tab = &stage.alice.tab;
    tab.goto(&stage.alice.address("/settings")).await;
    for number in 1..=3 {
        stage.bob_says(&format!("news {number}")).await;
        tab.wait_text("chat-item[data-handle=\"bob\"] unread", &number.to_string())
            .await;
    }
    assert!(
        tab.evaluate("document.title")
            .await
            .as_str()
            .unwrap()
            .starts_with("(3)")
    );
    tab.click("chat-item[data-handle=\"bob\"]").await;
    tab.wait_for("unread-divider").await;
    tab.wait_text("message", "news 3").await;
    tab.wait_gone("unread").await;
    // That it was read is told a moment after it is shown.
    until("Bob sees that all of it was read", async || {
        let history = stage.bob.run(&["history", "@alice"]).await.ok().lines();
        history.iter().filter(|line| line["status"] == "read").count() >= 3
    })
    .await;
}

/// What is drawn anew with each message follows what it is made of once more each time, and takes longer and longer.
#[tokio::test]
async fn a_further_new_message_changes_the_words_in_the_list_and_draws_nothing_anew() {
    let stage = Stage::talked(Kind::Chromium).await;
    let tab = &stage.alice.tab;
    tab.click("settings-link").await;
    tab.wait_for("settings").await;
    stage.bob_says("one").await;
    tab.wait_text("unread", "1").await;
    tab.evaluate(
        "(() => {
            window.redrawn = 0;
            new MutationObserver((changes) => { window.redrawn += changes.length })
                .observe(document.querySelector('[data-testid=\"unread\"]'), { subtree: true, childList: true, attributes: true });
        })()",
    )
    .await;
    stage.bob_says("two").await;
    tab.wait_text("unread", "2").await;
    assert_eq!(tab.evaluate("window.redrawn").await, 0);
}

#[tokio::test]
async fn a_long_conversation_keeps_a_window_in_the_page_and_jumps_to_the_latest() {
    const COUNT: usize = 450;
    let stage = Stage::set(Kind::Chromium).await;
    stage.bob_says("message 0").await;
    let tab = &stage.alice.tab;
    tab.wait_text("chat-item", "message 0").await;
    crate::speed::flood(&stage.bob, "alice", COUNT).await;
    // A browser on a busy machine may take longer for so many than one wait lasts.
    for number in (0..COUNT).step_by(50).chain([COUNT - 1]) {
        let newest = "document.querySelector('[data-testid=\"chat-item\"]').innerText.match(/flood (\\d+)/)";
        tab.until(&format!("Number({newest}?.[1]) >= {number}")).await;
    }
    stage.alice.open_chat("bob").await;
    // It begins where it was left, and what has not been in view is not read.
    tab.wait_for("unread-divider").await;
    tab.wait_for("jump-latest").await;
    tab.wait_for("chat-item unread").await;
    assert!(
        tab.count("message").await < 300,
        "the whole conversation is in the page"
    );
    tab.evaluate("document.querySelector('[data-testid=\"messages\"]').scrollTo(0, 0)")
        .await;
    tab.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        .await;
    tab.wait_for("jump-latest").await;
    tab.click("jump-latest").await;
    tab.wait_text("message", &format!("flood {}", COUNT - 1)).await;
    tab.wait_gone("jump-latest").await;
    tab.wait_gone("chat-item unread").await;
    assert!(
        tab.count("message").await < 300,
        "the whole conversation is in the page"
    );
}

/// Makes what a client appends unreadable, so that the server refuses it for good.
pub(crate) struct Spoilt;

impl Tampering for Spoilt {
    fn to_server(&mut self, mut frame: ClientFrame) -> Vec<ClientFrame> {
        if let Some(Request::Append(append)) = &mut frame.request
            && let Some(append::Payload::ApplicationMessage(bytes)) = &mut append.payload
        {
            *bytes = vec![0; 3].into();
        }
        vec![frame]
    }
}

#[tokio::test]
async fn a_message_that_failed_is_tried_again_or_deleted() {
    let stage = Stage::talked(Kind::Chromium).await;
    let BehindProxy { alice, proxy, .. } = &stage.alice_behind_a_proxy("still true").await;
    proxy.tamper(Spoilt);
    for text in ["to be sent again", "to be forgotten"] {
        alice.send(text).await;
        alice.wait_status(text, &["failed"]).await;
    }
    // The message itself says it: nothing else does.
    assert_eq!(alice.tab.count("warning").await, 0);
    proxy.tamper(Honest);
    alice.tab.click("message[data-status=\"failed\"] retry").await;
    alice.wait_status("to be sent again", ACCEPTED).await;
    alice.tab.click("message[data-status=\"failed\"] discard").await;
    alice.tab.wait_gone("message[data-status=\"failed\"]").await;
    let texts = stage.bobs_texts().await;
    assert!(texts.contains(&"to be sent again".to_owned()), "{texts:?}");
    assert!(!texts.contains(&"to be forgotten".to_owned()), "{texts:?}");
}
