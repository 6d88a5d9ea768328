//! The driver sees what it must see: each test here would fail if the driver were blind.

use subrosa_e2e::browser::{Browser, Kind, Look, Profile};

use crate::static_pages::{StaticPage, StaticPages};

const BOTH: [Kind; 2] = [Kind::Chromium, Kind::Firefox];

/// A form whose button answers after a moment; the third key turns the theme.
const FORM: &str = r#"<!doctype html><meta name="viewport" content="width=device-width"><title>A form</title>
<style>@media (prefers-color-scheme: dark) { body { background: #111 } }</style>
<label>Name <input data-testid="name"></label><textarea data-testid="text"></textarea>
<button data-testid="greet" disabled>Greet</button><ul data-testid="list"></ul>
<script>
  const by = (id) => document.querySelector(`[data-testid="${id}"]`);
  by("name").addEventListener("input", (event) => { setTimeout(() => { by("greet").disabled = !event.target.value }, 50) });
  by("greet").addEventListener("click", (event) => setTimeout(() => {
    const item = document.createElement("li");
    item.dataset.testid = "greeting";
    item.dataset.trusted = event.isTrusted;
    item.textContent = `Good day, ${by("name").value}`;
    by("list").append(item);
  }, 50));
</script>"#;

/// A worker that appends lines to a file in the origin private file system while it holds a lock. A
/// browser gives the lock of a tab that closed to the next one before it lets go of the tab's file.
const STORE: &str = r#"<!doctype html><title>A store</title><p data-testid="state">closed</p><script>
  const worker = new Worker("/worker.js");
  worker.onmessage = (event) => {
    document.querySelector("p").textContent = event.data;
  };
  window.write = (line) => worker.postMessage(line);
</script>"#;
const STORE_WORKER: &str = r#"
  let file;
  self.onmessage = (event) => {
    const bytes = new TextEncoder().encode(`${event.data}\n`);
    file.write(bytes, { at: file.getSize() });
    file.flush();
    postMessage(`written ${event.data}`);
  };
  navigator.locks.request("store", async () => {
    if (!navigator.storage.getDirectory) { postMessage("no file system"); return; }
    const folder = await navigator.storage.getDirectory();
    const handle = await folder.getFileHandle("lines", { create: true });
    while (!file) {
      file = await handle.createSyncAccessHandle().catch((error) => {
        if (error.name !== "NoModificationAllowedError") throw error;
        return new Promise((resolve) => setTimeout(resolve, 20));
      });
    }
    const bytes = new Uint8Array(file.getSize());
    file.read(bytes, { at: 0 });
    postMessage(`open ${new TextDecoder().decode(bytes).split("\n").length - 1}`);
    await new Promise(() => {});
  });
"#;

const POLICY: &str = r#"<!doctype html><meta http-equiv="Content-Security-Policy" content="script-src 'none'">
<script>document.title = "it ran"</script>"#;

const PAGES: &[StaticPage] = &[
    ("/form", "text/html", FORM),
    ("/store", "text/html", STORE),
    ("/worker.js", "text/javascript", STORE_WORKER),
    ("/policy", "text/html", POLICY),
    (
        "/throws",
        "text/html",
        "<script>throw new Error('from the page')</script>",
    ),
    (
        "/logs",
        "text/html",
        "<script>console.error('on the', 'console')</script>",
    ),
    (
        "/worker-throws",
        "text/html",
        "<script>new Worker('/thrower.js')</script>",
    ),
    (
        "/thrower.js",
        "text/javascript",
        "throw new Error('from the worker')",
    ),
];

async fn start(kind: Kind) -> (StaticPages, Profile, Browser) {
    let pages = StaticPages::start(PAGES).await;
    let profile = Profile::new(kind);
    let browser = profile.start().await;
    (pages, profile, browser)
}

#[tokio::test]
async fn keys_and_clicks_are_those_of_a_person_and_waits_end_with_the_change() {
    for kind in BOTH {
        let (pages, _profile, mut browser) = start(kind).await;
        let tab = browser.open(&pages.url("/form")).await;
        tab.type_into("name", "Alice B.").await;
        tab.click("greet").await;
        tab.wait_text("greeting", "Good day, Alice B.").await;
        assert_eq!(tab.attribute("list greeting", "data-trusted").await, "true");
        tab.press("Tab").await;
        tab.fill("name", "ألف 🌹 e\u{301}").await;
        tab.click("greet").await;
        tab.wait_count("greeting", 2).await;
        assert_eq!(tab.texts("greeting").await[1], "Good day, ألف 🌹 e\u{301}");
        tab.type_into("text", "one").await;
        tab.press("Shift+Enter").await;
        tab.type_text("two").await;
        assert_eq!(tab.text("text").await, "one\ntwo");
        assert_eq!(tab.focused().await["testid"], "text");
        tab.reload().await;
        assert_eq!(tab.count("greeting").await, 0);
        assert!(
            browser
                .requests()
                .iter()
                .any(|request| request.url.ends_with("/form"))
        );
        browser.quit().await;
    }
}

#[tokio::test]
async fn a_page_is_shown_in_every_look() {
    for kind in BOTH {
        let pages = StaticPages::start(PAGES).await;
        let mut profile = Profile::new(kind);
        profile.look = Look::NARROW.dark();
        let browser = profile.start().await;
        let tab = browser.open(&pages.url("/form")).await;
        let measured = "[innerWidth, matchMedia('(prefers-color-scheme: dark)').matches, \
                        matchMedia('(prefers-reduced-motion: reduce)').matches]";
        assert_eq!(tab.evaluate(measured).await, serde_json::json!([360, true, true]));
        assert!(tab.screenshot().await.starts_with(b"\x89PNG"));
    }
}

#[tokio::test]
async fn what_goes_wrong_in_a_page_or_worker_is_seen() {
    for kind in BOTH {
        let (pages, _profile, browser) = start(kind).await;
        for (path, part) in [
            ("/throws", "from the page"),
            ("/logs", "on the console"),
            ("/worker-throws", "from the worker"),
            ("/policy", "Content Security Policy"),
        ] {
            // Firefox tells a violation of the policy to its own console only.
            if kind == Kind::Firefox && path == "/policy" {
                continue;
            }
            browser.expect_complaint(part);
            browser.open(&pages.url(path)).await;
            subrosa_e2e::until(part, async || {
                browser
                    .complaints()
                    .iter()
                    .any(|complaint| complaint.text.contains(part))
            })
            .await;
        }
    }
}

#[tokio::test]
#[should_panic(expected = "the browser complained")]
async fn a_browser_that_complains_fails_its_test() {
    let (pages, _profile, browser) = start(Kind::Chromium).await;
    browser.open(&pages.url("/logs")).await;
    subrosa_e2e::until("it complains", async || !browser.complaints().is_empty()).await;
    drop(browser);
}

#[tokio::test]
async fn a_profile_outlives_browsers_that_are_killed() {
    for kind in BOTH {
        let (pages, profile, mut browser) = start(kind).await;
        for round in 0..3 {
            let tab = browser.open(&pages.url("/store")).await;
            tab.wait_text("state", &format!("open {round}")).await;
            tab.evaluate(&format!("window.write('line {round}')")).await;
            tab.wait_text("state", &format!("written line {round}")).await;
            browser.kill().await;
            browser = profile.start().await;
        }
    }
}

#[tokio::test]
async fn one_tab_after_another_gets_the_lock() {
    for kind in BOTH {
        let (pages, _profile, browser) = start(kind).await;
        let first = browser.open(&pages.url("/store")).await;
        first.wait_text("state", "open 0").await;
        let second = browser.open(&pages.url("/store")).await;
        assert_eq!(second.text("state").await, "closed");
        first.close().await;
        second.wait_text("state", "open 0").await;
    }
}

#[tokio::test]
async fn workers_are_reached_and_lack_what_the_test_takes_away() {
    let pages = StaticPages::start(PAGES).await;
    let mut profile = Profile::new(Kind::Chromium);
    profile.prelude = "delete StorageManager.prototype.getDirectory".to_owned();
    let browser = profile.start().await;
    let tab = browser.open(&pages.url("/store")).await;
    tab.wait_text("state", "no file system").await;
    let name = tab.in_worker("worker.js", "self.constructor.name").await;
    assert_eq!(name, "DedicatedWorkerGlobalScope");
    browser.set_offline(true).await;
    for place in ["fetch('/form').then(() => 'there', () => 'cut')"] {
        assert_eq!(tab.evaluate(place).await, "cut");
        assert_eq!(tab.in_worker("worker.js", place).await, "cut");
    }
    browser.set_offline(false).await;
    assert_eq!(
        tab.in_worker("worker.js", "fetch('/form').then(() => 'there', () => 'cut')")
            .await,
        "there"
    );
}

#[tokio::test]
async fn a_text_is_pasted_from_the_clipboard() {
    let (pages, _profile, browser) = start(Kind::Chromium).await;
    let tab = browser.open(&pages.url("/form")).await;
    let text = "under the rose ".repeat(70_000);
    tab.paste("text", &text).await;
    let is_there = format!(
        "document.querySelector('[data-testid=\"text\"]').value.length === {}",
        text.len()
    );
    tab.until(&is_there).await;
}
