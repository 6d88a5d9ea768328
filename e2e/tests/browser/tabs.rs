//! Several tabs of one browser: one leads, all work, and nobody notices when the lead changes.

use futures_util::future::join_all;
use serde_json::json;
use subrosa_e2e::browser::{Kind, WebPerson};

use crate::stage::{ACCEPTED, BOTH, Stage, beginning};

impl Stage {
    /// A further tab of Alice's browser, in the chat with Bob.
    async fn another_tab(&self) -> WebPerson {
        let alice = WebPerson::at_page(&self.browser, self.server.url(), "alice", "/chat/bob").await;
        alice.tab.wait_for("composer").await;
        alice
    }
}

#[tokio::test]
async fn two_tabs_show_and_send_the_same() {
    for kind in BOTH {
        let stage = Stage::talked(kind).await;
        let second = stage.another_tab().await;
        second.wait_message("second").await;
        second.send_and_wait("from the second tab").await;
        stage.alice.wait_message("from the second tab").await;
        stage.alice.send_and_wait("from the first tab").await;
        second.wait_message("from the first tab").await;
        stage.bob_says("to both").await;
        stage.alice.wait_message("to both").await;
        second.wait_message("to both").await;
        let said = stage.bobs_texts().await;
        assert_eq!(stage.alice.texts().await, said);
        assert_eq!(second.texts().await, said);
    }
}

#[tokio::test]
async fn tabs_that_start_in_the_same_instant_agree_on_one_leader() {
    const TABS: usize = 4;
    for kind in BOTH {
        let mut stage = Stage::talked(kind).await;
        stage.browser.quit().await;
        stage.browser = stage.profile.start().await;
        let url = stage.alice.address("/chat/bob");
        let mut tabs = Vec::new();
        for _ in 0..TABS {
            tabs.push(stage.browser.tab().await);
        }
        join_all(tabs.iter().map(|tab| tab.goto(&url))).await;
        let people: Vec<WebPerson> = tabs
            .into_iter()
            .map(|tab| WebPerson {
                handle: "alice".to_owned(),
                password: String::new(),
                recovery_code: String::new(),
                server: stage.server.url(),
                tab,
            })
            .collect();
        for (number, person) in people.iter().enumerate() {
            person.tab.wait_for("composer").await;
            person.wait_message("second").await;
            person.send_and_wait(&format!("tab {number}")).await;
        }
        let expected: Vec<String> = (0..TABS).map(|number| format!("tab {number}")).collect();
        for person in &people {
            person.wait_message(expected.last().unwrap()).await;
            assert_eq!(beginning(&person.texts().await, "tab"), expected);
        }
        assert_eq!(beginning(&stage.bobs_texts().await, "tab"), expected);
    }
}

#[tokio::test]
async fn a_leader_that_is_closed_with_something_in_flight_is_replaced_and_nothing_is_lost_or_doubled() {
    for kind in BOTH {
        let mut stage = Stage::talked(kind).await;
        let mut said = Vec::new();
        for round in 0..4 {
            let next = stage.another_tab().await;
            next.wait_message("second").await;
            // Both say something that cannot arrive; the call of the second tab may be with the first still.
            stage.server.proxy().stall();
            for (person, name) in [(&stage.alice, "leader"), (&next, "follower")] {
                let text = format!("in flight {round} {name}");
                person.send(&text).await;
                person.wait_message(&text).await;
                said.push(text);
            }
            // Said and closed in the same breath.
            let text = format!("in flight {round} at the end");
            next.send(&text).await;
            said.push(text);
            let old = std::mem::replace(&mut stage.alice, next);
            old.tab.close().await;
            stage.server.proxy().shut();
            stage.server.open_proxy();
            for text in &said {
                stage.alice.wait_status(text, ACCEPTED).await;
            }
        }
        assert_eq!(beginning(&stage.alice.texts().await, "in flight"), said);
        assert_eq!(beginning(&stage.bobs_texts().await, "in flight"), said);
    }
}

/// A draft that was sent in one tab and stayed in the other was sent twice.
#[tokio::test]
async fn tabs_share_a_draft_and_what_one_has_sent_the_other_does_not_send_again() {
    for kind in BOTH {
        let stage = Stage::talked(kind).await;
        let second = stage.another_tab().await;
        second.wait_message("second").await;
        stage.alice.tab.type_into("composer", "typed in the first").await;
        second.wait_composer("typed in the first").await;
        // An empty field is not an edit: it overwrites nothing.
        second.tab.evaluate("void document.activeElement.blur()").await;
        second.tab.type_into("composer", " and in the second").await;
        stage
            .alice
            .wait_composer("typed in the first and in the second")
            .await;
        second.tab.press("Enter").await;
        second
            .wait_status("typed in the first and in the second", ACCEPTED)
            .await;
        stage.alice.wait_composer("").await;
        stage.alice.tab.type_into("composer", "").await;
        stage.alice.tab.press("Enter").await;
        stage.alice.send_and_wait("the end").await;
        assert_eq!(
            beginning(&stage.bobs_texts().await, "typed"),
            ["typed in the first and in the second"]
        );
    }
}

#[tokio::test]
async fn what_is_being_typed_can_be_sent_after_the_lead_has_changed() {
    for kind in BOTH {
        let mut stage = Stage::talked(kind).await;
        let next = stage.another_tab().await;
        next.tab.fill("composer", "begun under another lead").await;
        let old = std::mem::replace(&mut stage.alice, next);
        old.tab.close().await;
        // The news reaches a page whose lead has changed, and all of it is loaded anew.
        stage.bob_says("news").await;
        stage.alice.wait_message("news").await;
        stage.alice.wait_composer("begun under another lead").await;
        stage.alice.tab.press("Enter").await;
        stage
            .alice
            .wait_status("begun under another lead", ACCEPTED)
            .await;
    }
}

#[tokio::test]
async fn a_leader_that_crashes_is_replaced() {
    let mut stage = Stage::talked(Kind::Chromium).await;
    stage.browser.expect_complaint("the page has crashed");
    let second = stage.another_tab().await;
    second.wait_message("second").await;
    stage.alice.send_and_wait("before the crash").await;
    // A page that crashes does not answer.
    let crash = stage.alice.tab.devtools("Page.crash", json!({}));
    let _ = tokio::time::timeout(std::time::Duration::from_millis(200), crash).await;
    second.send_and_wait("after the crash").await;
    stage.bob_says("still there?").await;
    second.wait_message("still there?").await;
    stage.alice = second;
    assert_eq!(stage.alice.texts().await, stage.bobs_texts().await);
}

#[tokio::test]
async fn signing_out_in_one_tab_signs_out_in_all() {
    for kind in BOTH {
        let stage = Stage::talked(kind).await;
        let second = stage.another_tab().await;
        second.tab.goto(&second.address("/settings")).await;
        second.tab.click("sign-out").await;
        second.tab.click("confirm").await;
        second.tab.wait_for("go-login").await;
        stage.alice.tab.wait_for("go-login").await;
        assert_eq!(stage.alice.tab.count("message").await, 0);
    }
}
