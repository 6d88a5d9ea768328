//! Browsers that lack something, lose something, or break: each is told plainly, and nothing is lost.

use serde_json::json;
use subrosa_e2e::{
    Server,
    browser::{Kind, Profile, Tab, WebPerson},
};

use crate::stage::{ACCEPTED, BOTH, Stage};

/// What a browser can lack, how it is taken away, and a word of how it is named.
const LACKS: &[(&str, &str)] = &[
    ("delete StorageManager.prototype.getDirectory", "file system"),
    (
        "delete Navigator.prototype.locks; delete WorkerNavigator.prototype.locks",
        "lock",
    ),
    (
        "delete self.indexedDB; Object.defineProperty(self, 'indexedDB', { value: undefined })",
        "indexed",
    ),
];

#[tokio::test]
async fn a_browser_that_lacks_a_feature_is_told_which() {
    let server = Server::start().await;
    for (prelude, named) in LACKS {
        let mut profile = Profile::new(Kind::Chromium);
        // What is not there in a page or in a worker cannot be taken away there.
        let parts: Vec<String> = prelude
            .split("; ")
            .map(|part| format!("try {{ {part} }} catch {{}}"))
            .collect();
        profile.prelude = parts.join(" ");
        let browser = profile.start().await;
        let tab = browser.open(&server.url()).await;
        tab.wait_for("unsupported").await;
        let said = tab.text("unsupported").await;
        assert!(said.to_lowercase().contains(named), "{prelude}: {said}");
    }
}

#[tokio::test]
async fn a_browser_without_workers_is_told() {
    let server = Server::start().await;
    let mut profile = Profile::new(Kind::Chromium);
    profile.prelude = "delete self.Worker".to_owned();
    let browser = profile.start().await;
    let tab = browser.open(&server.url()).await;
    tab.until("document.querySelector('[data-testid=\"unsupported\"], [data-testid=\"dead\"]') !== null")
        .await;
}

#[tokio::test]
async fn a_browser_without_service_workers_works_with_a_network() {
    let mut profile = Profile::new(Kind::Chromium);
    profile.prelude = "delete Navigator.prototype.serviceWorker".to_owned();
    let stage = Stage::set_with(profile).await;
    stage.alice.open_chat("bob").await;
    stage.alice.send_and_wait("no service worker").await;
    stage.alice.tab.reload().await;
    stage.alice.wait_message("no service worker").await;
}

#[tokio::test]
async fn a_private_window_works_or_says_what_it_lacks() {
    for kind in BOTH {
        let server = Server::start().await;
        let mut profile = Profile::new(kind);
        profile.is_private = true;
        let browser = profile.start().await;
        let tab = browser.open(&server.url()).await;
        let has_files = "navigator.storage.getDirectory().then(() => true, () => false)";
        if tab.evaluate(has_files).await == true {
            WebPerson::sign_up(&browser, &server, "alice").await;
        } else {
            tab.wait_for("unsupported").await;
        }
    }
}

/// Ways in which a worker dies.
pub(crate) const DEATHS: &[(&str, &str)] = &[
    (
        "is thrown out",
        "setTimeout(() => { throw new Error('the test ends this worker') }) && null",
    ),
    ("closes itself", "self.close()"),
];

#[tokio::test]
async fn a_worker_that_dies_is_told_and_a_reload_brings_everything_back() {
    for (how, death) in DEATHS {
        let stage = Stage::talked(Kind::Chromium).await;
        stage.browser.expect_complaint("the test ends this worker");
        let tab = &stage.alice.tab;
        tab.in_worker("worker", death).await;
        tab.wait_for("dead").await;
        assert!(!tab.text("dead").await.is_empty(), "{how}");
        tab.click("reload").await;
        stage.alice.wait_message("second").await;
        stage.alice.send_and_wait("alive again").await;
    }
}

#[tokio::test]
async fn a_page_that_is_left_and_come_back_to_works_again() {
    // Firefox does not answer its driver about a page that it brings back.
    let stage = Stage::talked(Kind::Chromium).await;
    let tab = &stage.alice.tab;
    tab.goto(&stage.alice.address("/healthz")).await;
    tab.evaluate("void history.back()").await;
    tab.wait_path("/chat/bob").await;
    // If the browser has kept the page, it is shown as it was, and then loads itself again.
    tab.wait_for_next_page().await;
    stage.alice.wait_message("second").await;
    stage.alice.send_and_wait("here again").await;
}

async fn set_quota(tab: &Tab, origin: &str, bytes: Option<u64>) {
    let mut quota = json!({ "origin": origin });
    if let Some(bytes) = bytes {
        quota["quotaSize"] = bytes.into();
    }
    tab.devtools("Storage.overrideQuotaForOrigin", quota).await;
}

#[tokio::test]
async fn a_full_storage_is_told_and_loses_nothing() {
    let stage = Stage::talked(Kind::Chromium).await;
    let tab = &stage.alice.tab;
    let origin = stage.server.url();
    let usage = tab
        .evaluate("navigator.storage.estimate().then((estimate) => estimate.usage)")
        .await;
    set_quota(tab, &origin, Some(usage.as_u64().unwrap() + 64 * 1024)).await;
    let long = "x".repeat(60_000);
    let mut written = 0;
    for number in 0.. {
        let text = format!("full {number} {long}");
        stage.alice.send(&text).await;
        written += 1;
        let outcome = format!(
            "document.querySelector('[data-testid=\"error\"], [data-testid=\"storage-strip\"]') ? 'full' \
             : Array.from(document.querySelectorAll('[data-testid=\"message\"]')).some((message) => \
               message.innerText.includes('full {number} ') && ['sent', 'delivered', 'read'].includes(message.dataset.status)) ? 'sent' : null"
        );
        tab.until(&format!("({outcome}) !== null")).await;
        if tab.evaluate(&outcome).await == "full" {
            break;
        }
        assert!(number < 100, "the storage does not get full");
    }
    set_quota(tab, &origin, None).await;
    // What could not even be stored is in the field again; what could not be encrypted leaves by itself.
    let is_somewhere = format!(
        "document.querySelector('[data-testid=\"composer\"]').value.startsWith('full') \
         || Array.from(document.querySelectorAll('[data-testid=\"message\"]')).some((message) => \
           message.innerText.includes('full {} '))",
        written - 1
    );
    tab.until(&is_somewhere).await;
    if tab.text("composer").await.starts_with("full") {
        tab.press("Enter").await;
    }
    stage
        .alice
        .wait_status(&format!("full {} ", written - 1), ACCEPTED)
        .await;
    stage.bob_says("and back").await;
    stage.alice.wait_message("and back").await;
    let texts = stage.bobs_texts().await;
    assert_eq!(
        texts.iter().filter(|text| text.starts_with("full")).count(),
        written
    );
}

/// Removes the origin's files, from a page of the origin that does not use them.
pub(crate) const REMOVE_FILES: &str = "(async () => {
    const root = await navigator.storage.getDirectory();
    for await (const name of root.keys()) {
        // A browser lets go of the files of a page some time after the page itself.
        const removed = () => root.removeEntry(name, { recursive: true }).then(() => true, (error) => {
            if (error.name !== 'NoModificationAllowedError') throw error;
            return false;
        });
        while (!await removed()) await new Promise((done) => setTimeout(done, 20));
    }
})()";
const REMOVE_DATABASES: &str = "(async () => {
    for (const { name } of await indexedDB.databases()) await new Promise((done, failed) => {
        const deleting = indexedDB.deleteDatabase(name);
        deleting.onsuccess = done;
        deleting.onerror = failed;
    });
})()";

#[tokio::test]
async fn storage_that_was_evicted_is_noticed_at_the_start_and_the_account_comes_back() {
    for kind in BOTH {
        for (what, removal) in [("files", REMOVE_FILES), ("databases", REMOVE_DATABASES)] {
            let mut stage = Stage::talked(kind).await;
            stage.browser.quit().await;
            stage.browser = stage.profile.start().await;
            stage.browser.expect_complaint("favicon.ico");
            let tab = stage.browser.open(&stage.alice.address("/healthz")).await;
            tab.evaluate(removal).await;
            tab.goto(&stage.alice.address("/")).await;
            tab.wait_for("evicted").await;
            tab.reload().await;
            tab.wait_for("evicted").await;
            tab.click("evicted-continue").await;
            stage.alice.tab = tab;
            stage.alice.sign_in().await;
            // What comes before the new device has joined is for the history of a new device.
            stage.alice.open_chat("bob").await;
            stage.alice.send_and_wait("back again").await;
            stage.bob_says(&format!("after the {what} were lost")).await;
            stage
                .alice
                .wait_message(&format!("after the {what} were lost"))
                .await;
        }
    }
}

/// Takes the lead among the tabs and does nothing with it.
pub(crate) const HOLD_THE_LEAD: &str =
    "new Promise((taken) => navigator.locks.request('subrosa-engine', () => {
    taken(true);
    return new Promise(() => {});
}))";

#[tokio::test]
async fn a_start_that_waits_for_another_tab_says_so_and_goes_on_by_itself() {
    for kind in BOTH {
        let stage = Stage::talked(kind).await;
        // Firefox wants an icon for every page.
        stage.browser.expect_complaint("favicon.ico");
        stage.alice.tab.goto("about:blank").await;
        let holder = stage.browser.open(&stage.alice.address("/healthz")).await;
        holder.evaluate(HOLD_THE_LEAD).await;
        let tab = stage.browser.open(&stage.alice.address("/chat/bob")).await;
        tab.wait_for("slow-start").await;
        holder.close().await;
        tab.wait_text("message", "second").await;
        tab.wait_gone("slow-start").await;
    }
}

#[tokio::test]
async fn storage_that_was_evicted_as_a_whole_leads_to_a_calm_start() {
    let mut stage = Stage::talked(Kind::Chromium).await;
    stage.browser.quit().await;
    stage.browser = stage.profile.start().await;
    let everything = json!({ "origin": stage.server.url(), "storageTypes": "all" });
    stage.alice.tab = stage.browser.tab().await;
    let tab = &stage.alice.tab;
    tab.devtools("Storage.clearDataForOrigin", everything).await;
    tab.goto(&stage.alice.address("/chat/bob")).await;
    stage
        .alice
        .tab
        .until("document.querySelector('[data-testid=\"evicted-continue\"], [data-testid=\"go-login\"]') !== null")
        .await;
    if stage.alice.tab.count("evicted-continue").await > 0 {
        stage.alice.tab.click("evicted-continue").await;
    }
    stage.alice.sign_in().await;
}

/// Does something to the bytes of every file of the database, while no page has it open.
async fn damage(stage: &mut Stage, how: &str) -> Tab {
    stage.browser.quit().await;
    stage.browser = stage.profile.start().await;
    // Firefox wants an icon for every page.
    stage.browser.expect_complaint("favicon.ico");
    let tab = stage.browser.open(&stage.alice.address("/healthz")).await;
    tab.evaluate(&format!(
        "(async () => {{
            const damaged = {how};
            const walk = async (folder) => {{
                for await (const handle of folder.values()) {{
                    if (handle.kind === 'directory') {{ await walk(handle); continue; }}
                    const bytes = new Uint8Array(await (await handle.getFile()).arrayBuffer());
                    const writable = await handle.createWritable();
                    await writable.write(damaged(bytes));
                    await writable.close();
                }}
            }};
            await walk(await navigator.storage.getDirectory());
        }})()",
    ))
    .await;
    tab.goto(&stage.alice.address("/chat/bob")).await;
    tab
}

#[tokio::test]
async fn a_damaged_database_is_told_and_can_be_replaced() {
    for kind in BOTH {
        let mut stage = Stage::talked(kind).await;
        let noise = "(bytes) => { for (let at = 5000; at < bytes.length; at += 97) bytes[at] ^= 0x5a; return bytes; }";
        let tab = damage(&mut stage, noise).await;
        tab.wait_for("broken").await;
        tab.click("broken-remove").await;
        tab.click("confirm").await;
        tab.wait_for("go-login").await;
        stage.alice.tab = tab;
        stage.alice.sign_in().await;
        stage.alice.open_chat("bob").await;
        stage.alice.send_and_wait("a new start").await;
    }
}

// It opened in silence, with fewer messages.
#[tokio::test]
async fn a_database_of_which_the_end_is_missing_is_told() {
    for part in ["0.5", "0.97"] {
        let mut stage = Stage::talked(Kind::Chromium).await;
        let cut = format!("(bytes) => bytes.slice(0, Math.max(4096, Math.floor(bytes.length * {part})))");
        let tab = damage(&mut stage, &cut).await;
        tab.wait_for("broken").await;
    }
}
