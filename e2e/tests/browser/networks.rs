//! Networks that go and come back, servers that die, pages that are loaded again: nothing is lost or doubled.

use subrosa_e2e::browser::Kind;

use crate::stage::{ACCEPTED, BOTH, Stage, beginning};

#[tokio::test]
async fn what_is_written_without_a_network_leaves_when_it_is_back_once_and_in_order() {
    for kind in BOTH {
        let stage = Stage::talked(kind).await;
        let tab = &stage.alice.tab;
        for round in 0..2 {
            stage.server.proxy().shut();
            if kind == Kind::Chromium {
                stage.browser.set_offline(true).await;
            }
            tab.wait_for("connection-strip").await;
            for number in 0..3 {
                stage.alice.send(&format!("offline {round} {number}")).await;
            }
            stage
                .alice
                .wait_status(&format!("offline {round} 2"), &["pending"])
                .await;
            stage.server.open_proxy();
            if kind == Kind::Chromium {
                stage.browser.set_offline(false).await;
            }
            for number in 0..3 {
                stage
                    .alice
                    .wait_status(&format!("offline {round} {number}"), ACCEPTED)
                    .await;
            }
            tab.wait_gone("connection-strip").await;
        }
        let expected: Vec<String> = (0..6)
            .map(|index| format!("offline {} {}", index / 3, index % 3))
            .collect();
        assert_eq!(beginning(&stage.bobs_texts().await, "offline"), expected);
        assert_eq!(beginning(&stage.alice.texts().await, "offline"), expected);
    }
}

/// A worker whose waits between attempts do not end.
const PATIENT_WORKER: &str = "if (!self.document) {
    const wait = self.setTimeout;
    self.setTimeout = (then, time, ...rest) => wait.call(self, then, time > 0 && time <= 30000 ? 1e9 : time, ...rest);
}";

// Chromium's workers do not hear that the network is back, and waited for up to half a minute.
#[tokio::test]
async fn a_network_that_is_back_is_used_at_once() {
    let mut stage = Stage::talked(Kind::Chromium).await;
    stage.browser.quit().await;
    stage.profile.prelude = PATIENT_WORKER.to_owned();
    stage.reopen().await;
    stage.alice.send_and_wait("with a network").await;
    stage.server.proxy().shut();
    stage.browser.set_offline(true).await;
    stage.alice.tab.wait_for("connect-now").await;
    stage.alice.send("without one").await;
    stage.server.open_proxy();
    stage.browser.set_offline(false).await;
    stage.alice.wait_status("without one", ACCEPTED).await;
    stage.alice.tab.wait_gone("connection-strip").await;
}

#[tokio::test]
async fn a_network_that_swallows_everything_doubles_nothing() {
    let stage = Stage::talked(Kind::Chromium).await;
    for round in 0..3 {
        // What is sent reaches the server or not; in no case comes an answer.
        stage.server.proxy().stall();
        stage.alice.send(&format!("swallowed {round}")).await;
        stage.alice.wait_message(&format!("swallowed {round}")).await;
        stage.server.proxy().shut();
        stage.server.open_proxy();
        stage
            .alice
            .wait_status(&format!("swallowed {round}"), ACCEPTED)
            .await;
    }
    assert_eq!(
        beginning(&stage.bobs_texts().await, "swallowed"),
        ["swallowed 0", "swallowed 1", "swallowed 2"]
    );
}

#[tokio::test]
async fn a_server_that_is_killed_and_comes_back_has_lost_and_doubled_nothing() {
    let mut stage = Stage::talked(Kind::Chromium).await;
    let mut said = Vec::new();
    for round in 0..5 {
        for number in 0..4 {
            let text = format!("around a crash {round} {number}");
            stage.alice.send(&text).await;
            said.push(text);
        }
        stage.server.kill().await;
        let text = format!("around a crash {round} down");
        stage.alice.send(&text).await;
        said.push(text);
        stage.server.restart().await;
    }
    for text in &said {
        stage.alice.wait_status(text, ACCEPTED).await;
    }
    assert_eq!(beginning(&stage.bobs_texts().await, "around"), said);
    assert_eq!(beginning(&stage.alice.texts().await, "around"), said);
}

#[tokio::test]
async fn after_a_reload_and_after_a_restart_of_the_browser_everything_is_there() {
    for kind in BOTH {
        let mut stage = Stage::talked(kind).await;
        stage.alice.tab.reload().await;
        stage.alice.wait_message("second").await;
        stage.browser.quit().await;
        stage.bob_says("while the browser was closed").await;
        stage.browser = stage.profile.start().await;
        stage.alice.tab = stage.browser.open(&stage.alice.address("/")).await;
        stage.alice.tab.click("chat-item[data-handle=\"bob\"]").await;
        stage.alice.wait_message("while the browser was closed").await;
        assert_eq!(
            stage.alice.texts().await,
            ["first", "second", "while the browser was closed"]
        );
        stage.alice.send_and_wait("and I am back").await;
    }
}

#[tokio::test]
async fn the_app_opens_without_a_network_with_its_history_and_keeps_what_is_written() {
    for kind in BOTH {
        let mut stage = Stage::talked(kind).await;
        let ready =
            "navigator.serviceWorker.ready.then(() => caches.match('/')).then((kept) => kept !== undefined)";
        assert_eq!(stage.alice.tab.evaluate(ready).await, true);
        stage.browser.quit().await;
        stage.server.proxy().shut();

        stage.reopen().await;
        stage.alice.wait_message("second").await;
        stage.alice.tab.wait_for("connection-strip").await;
        stage.alice.send("written without a network").await;
        stage
            .alice
            .wait_status("written without a network", &["pending"])
            .await;
        stage.browser.quit().await;

        stage.reopen().await;
        stage
            .alice
            .wait_status("written without a network", &["pending"])
            .await;
        stage.server.open_proxy();
        stage
            .alice
            .wait_status("written without a network", ACCEPTED)
            .await;
        assert_eq!(
            stage.bobs_texts().await,
            ["first", "second", "written without a network"]
        );
    }
}
