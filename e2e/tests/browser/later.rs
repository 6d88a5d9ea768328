//! What is loaded after the first screen: it is there before it is needed, and when it cannot be loaded, the page says
//! so and tries again.

use subrosa_e2e::{
    Server,
    browser::{Browser, Kind, Profile, WebPerson},
    until,
};

use crate::{screens::Visitor, stage::BOTH};

/// Asks for a file that is not there, as a page does that is older than the server, until the test sets `isBack`.
const WITHHELD: &str = "if (globalThis.document) {
    const original = globalThis.fetch;
    globalThis.fetch = (what, init) =>
        original(globalThis.isBack || !String(what).includes('/later-') ? what : '/assets/later-gone.wasm', init);
}";

fn is_asked_for(browser: &Browser) -> bool {
    let requests = browser.requests();
    requests
        .iter()
        .any(|request| request.url.contains("/assets/later-"))
}

#[tokio::test]
async fn the_messenger_is_loaded_while_nobody_is_signed_in_yet() {
    for kind in BOTH {
        let server = Server::start().await;
        let profile = Profile::new(kind);
        let browser = profile.start().await;
        let tab = browser.open(&server.url()).await;
        tab.wait_for("go-register").await;
        until("the messenger is loaded", async || is_asked_for(&browser)).await;
    }
}

#[tokio::test]
async fn a_messenger_that_cannot_be_loaded_is_told_and_loaded_again_when_asked() {
    let mut visitor = Visitor::new();
    let server = Server::start().await;
    // In Firefox a page cannot use what a prelude puts in the place of `fetch`.
    let mut profile = Profile::new(Kind::Chromium);
    profile.prelude = WITHHELD.to_owned();
    let browser = profile.start().await;
    browser.expect_complaint("status");
    let mut alice = WebPerson::new(&browser, &server, "alice").await;
    alice.fill_registration("Alice").await;
    alice.tab.click("register-submit").await;
    alice.keep_recovery_code().await;
    let tab = &alice.tab;
    tab.wait_for("not-loaded").await;
    visitor.visit(tab, "67-not-loaded").await;
    tab.click("load-again").await;
    tab.wait_for("not-loaded").await;
    tab.evaluate("globalThis.isBack = true").await;
    tab.click("load-again").await;
    tab.wait_for("chat-list").await;
    visitor.end();
}
