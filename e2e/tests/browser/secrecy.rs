//! What the browser keeps and whom it talks to: nothing readable, no cookie, nobody but the server.

use serde_json::json;
use subrosa_e2e::{
    browser::Kind,
    secrets::{Secrets, files},
};

use crate::stage::{BOTH, Stage};

const MESSAGE: &str = "MARKER-message-5f1c0b7d the rose is red";
const ANSWER: &str = "MARKER-answer-93aa1c44 and what is under it stays there";
const DRAFT: &str = "MARKER-draft-77c0a1b2 not finished yet";
const NAME: &str = "MARKER name 7b2e of alice";
const CONTROL: &str = "MARKER-control-0c1d2e3f which is to be found";

#[tokio::test]
async fn nothing_secret_is_readable_in_the_browsers_profile() {
    for kind in BOTH {
        let mut stage = Stage::set(kind).await;
        let tab = &stage.alice.tab;
        tab.click("settings-link").await;
        tab.fill("profile-name", NAME).await;
        tab.click("profile-submit").await;
        tab.wait_for("css:.notice.ok").await;
        stage.alice.open_chat("bob").await;
        stage.alice.send_and_wait(MESSAGE).await;
        stage.bob_says(ANSWER).await;
        stage.alice.wait_message(ANSWER).await;
        tab.fill("composer", DRAFT).await;
        tab.click("settings-link").await;
        tab.wait_text("chat-item", "MARKER-draft").await;

        let mut secrets = Secrets::default();
        secrets.add("a message", MESSAGE.as_bytes());
        secrets.add("an answer", ANSWER.as_bytes());
        secrets.add("a draft", DRAFT.as_bytes());
        secrets.add("a name", NAME.as_bytes());
        secrets.add("the password", stage.alice.password.as_bytes());
        let code = &stage.alice.recovery_code;
        secrets.add("the recovery code", code.as_bytes());
        secrets.add("the recovery code", code.replace('-', "").as_bytes());
        // The search sees what the app would have stored in the same places.
        let mut control = Secrets::default();
        control.add("the control", CONTROL.as_bytes());
        tab.evaluate(&format!(
            "(async () => {{
                localStorage.setItem('control', {text});
                const file = await (await navigator.storage.getDirectory()).getFileHandle('control', {{ create: true }});
                const writable = await file.createWritable();
                await writable.write({text});
                await writable.close();
                const database = await new Promise((done) => {{
                    const opening = indexedDB.open('control');
                    opening.onupgradeneeded = () => opening.result.createObjectStore('control');
                    opening.onsuccess = () => done(opening.result);
                }});
                await new Promise((done) => {{
                    const writing = database.transaction('control', 'readwrite');
                    writing.objectStore('control').put({text}, 'control');
                    writing.oncomplete = done;
                }});
                database.close();
            }})()",
            text = json!(CONTROL)
        ))
        .await;
        stage.browser.quit().await;

        let files = files(stage.profile.folder());
        let controls: Vec<_> = files
            .iter()
            .filter(|(_, bytes)| !control.find_in(bytes).is_empty())
            .map(|(name, _)| name)
            .collect();
        assert!(controls.len() >= 2, "the search sees too little: {controls:?}");
        for (name, bytes) in &files {
            secrets.assert_absent(name, bytes);
        }
        stage.browser = stage.profile.start().await;
    }
}

#[tokio::test]
async fn no_request_leaves_for_anybody_but_the_server_and_no_cookie_is_set() {
    let stage = Stage::talked(Kind::Chromium).await;
    let tab = &stage.alice.tab;
    for path in ["/settings", "/chat/nobody", "/", "/chat/bob"] {
        tab.goto(&stage.alice.address(path)).await;
        tab.wait_for("chat-list").await;
    }
    tab.evaluate("navigator.serviceWorker.ready.then(() => true)")
        .await;
    tab.goto(&stage.alice.address("/settings")).await;
    tab.click("licences").await;
    let host = stage.server.url().replace("http://", "");
    let ours = ["http://", "ws://", "blob:http://"].map(|scheme| format!("{scheme}{host}"));
    let requests = stage.browser.requests();
    assert!(
        requests.iter().any(|request| request.url.starts_with("ws://")),
        "no WebSocket was seen"
    );
    assert!(
        requests
            .iter()
            .any(|request| request.place.starts_with("service_worker")),
        "the service worker was not seen"
    );
    assert!(
        requests
            .iter()
            .any(|request| request.place.starts_with("worker ")),
        "the worker was not seen"
    );
    for request in &requests {
        let is_ours =
            ours.iter().any(|start| request.url.starts_with(start)) || request.url.starts_with("data:");
        assert!(is_ours, "{request:?}");
        // Tokens and texts do not stand in addresses.
        assert!(!request.url.contains("token"), "{request:?}");
    }
    let cookies = stage.browser.devtools("Storage.getCookies", json!({})).await;
    assert_eq!(cookies["cookies"], json!([]));
    let kept = crate::accounts::stored(tab).await;
    assert_eq!(kept["cookie"], "");
    assert_eq!(kept["session"], json!([]));
}

#[tokio::test]
async fn the_page_is_framed_by_nobody_and_runs_no_script_but_its_own() {
    let stage = Stage::talked(Kind::Chromium).await;
    let tab = &stage.alice.tab;
    stage.browser.expect_complaint("Content Security Policy");
    stage.browser.expect_complaint("TrustedScript");
    stage.browser.expect_complaint("TrustedHTML");
    stage.browser.expect_complaint("TrustedTypePolicy");
    stage.browser.expect_complaint("Trusted Type");
    let tried = tab
        .evaluate(
            "(async () => {
                const outcome = {};
                const element = document.createElement('script');
                try { element.textContent = 'window.ranInline = true'; document.body.append(element); } catch {}
                outcome.inline = window.ranInline === true;
                try { document.body.insertAdjacentHTML('beforeend', '<b id=injected></b>'); } catch {}
                outcome.markup = document.getElementById('injected') !== null;
                outcome.elsewhere = await fetch('https://example.com/').then(() => true, () => false);
                outcome.policy = 'refused';
                try { trustedTypes.createPolicy('other', {}); outcome.policy = 'made'; } catch {}
                return outcome;
            })()",
        )
        .await;
    assert_eq!(
        tried,
        json!({ "inline": false, "markup": false, "elsewhere": false, "policy": "refused" })
    );
}
