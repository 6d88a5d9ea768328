//! A tab: what a person sees and does in it.
//!
//! Elements are named by their `data-testid`, with further conditions behind it and nested by spaces:
//! `chat-item[data-handle="bob"] unread`. What begins with `css:` is a CSS selector as it stands.

use std::{path::Path, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::{
    Driver, Inner,
    chromium::{Evaluated, Target},
    connection::Refusal,
    keys::{Chord, Key},
    look::Look,
    report_folder,
};
use crate::PATIENCE;

/// What is run inside of the page.
const IN_PAGE: &str = include_str!("in_page.js");

/// Until the page has been drawn.
const FRAMES: &str = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))";

/// What a page could be waiting for: locks, its service worker, its own files.
const WAITS_FOR: &str = "(async () => JSON.stringify({
    locks: await navigator.locks?.query(),
    serviceWorkers: (await navigator.serviceWorker?.getRegistrations() ?? []).map((one) =>
        [one.installing, one.waiting, one.active].map((worker) => worker?.state ?? null)),
    isControlled: Boolean(navigator.serviceWorker?.controller),
    files: performance.getEntriesByType('resource').map((file) =>
        `${file.name} ${Math.round(file.startTime)}-${Math.round(file.responseEnd)} ms`),
}))()";

/// A tab. It stays open when this is dropped.
pub struct Tab {
    inner: Arc<Inner>,
    handle: Handle,
}

enum Handle {
    Chromium(Target),
    Firefox { context: String },
}

impl Tab {
    pub(super) async fn open(inner: &Arc<Inner>) -> Self {
        let opened = match &inner.driver {
            Driver::Chromium(chromium) => chromium.open_tab(&inner.look).await.map(Handle::Chromium),
            Driver::Firefox(firefox) => firefox
                .open_tab(&inner.look)
                .await
                .map(|context| Handle::Firefox { context }),
        };
        Self {
            inner: Arc::clone(inner),
            handle: opened.unwrap_or_else(|refusal| panic!("no tab: {refusal}")),
        }
    }

    // ---- where it is ----

    /// Goes to an address and waits until the page is loaded.
    ///
    /// # Panics
    /// If it does not load.
    pub async fn goto(&self, url: &str) {
        let went = match (&self.inner.driver, &self.handle) {
            (Driver::Chromium(_), Handle::Chromium(_)) => {
                // The answer may come while the page before it is still there.
                self.mark_page().await;
                let answer = self.devtools("Page.navigate", json!({ "url": url })).await;
                assert!(answer["errorText"].is_null(), "{url}: {answer}");
                self.wait_for_next_page().await;
                Ok(())
            }
            (Driver::Firefox(firefox), Handle::Firefox { context }) => {
                let to = json!({ "context": context, "url": url, "wait": "complete" });
                match firefox.call("browsingContext.navigate", to.clone()).await {
                    // Of a page that nothing else moves: seen once, and why is not known.
                    Err(refusal) if refusal.0.contains("interrupted") => {
                        firefox.call("browsingContext.navigate", to).await.map(drop)
                    }
                    went => went.map(drop),
                }
            }
            _ => unreachable!("a tab belongs to its browser"),
        };
        went.unwrap_or_else(|refusal| panic!("{url}: {refusal}"));
    }

    /// Loads the page again.
    ///
    /// # Panics
    /// If it does not load.
    pub async fn reload(&self) {
        match (&self.inner.driver, &self.handle) {
            (Driver::Chromium(_), Handle::Chromium(_)) => {
                self.mark_page().await;
                self.devtools("Page.reload", json!({})).await;
                self.wait_for_next_page().await;
            }
            (Driver::Firefox(firefox), Handle::Firefox { context }) => {
                let again = json!({ "context": context, "wait": "complete" });
                let answer = match firefox.call("browsingContext.reload", again.clone()).await {
                    // By the page, which was on its way to another address of its own.
                    Err(refusal) if refusal.0.contains("interrupted") => {
                        firefox.call("browsingContext.reload", again).await
                    }
                    answer => answer,
                };
                answer.unwrap_or_else(|refusal| panic!("reload: {refusal}"));
            }
            _ => unreachable!("a tab belongs to its browser"),
        }
    }

    /// Marks the page that is here, so that [`Self::wait_for_next_page`] tells it from the one that follows.
    pub async fn mark_page(&self) {
        self.evaluate("window.isMarkedByTest = true").await;
    }

    /// Waits until another page than the marked one is here and loaded.
    pub async fn wait_for_next_page(&self) {
        self.until("!window.isMarkedByTest && document.readyState === 'complete'")
            .await;
    }

    /// The address without the server's part.
    pub async fn path(&self) -> String {
        let path = self.evaluate("location.pathname").await;
        path.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the address is this, without the server's part.
    pub async fn wait_path(&self, path: &str) {
        self.until(&format!("location.pathname === {}", json!(path)))
            .await;
    }

    /// Closes it.
    ///
    /// # Panics
    /// If that is refused.
    pub async fn close(self) {
        let closed = match (&self.inner.driver, &self.handle) {
            (Driver::Chromium(chromium), Handle::Chromium(target)) => {
                let which = json!({ "targetId": target.id });
                chromium.call(None, "Target.closeTarget", which).await
            }
            (Driver::Firefox(firefox), Handle::Firefox { context }) => {
                let which = json!({ "context": context });
                firefox.call("browsingContext.close", which).await
            }
            _ => unreachable!("a tab belongs to its browser"),
        };
        closed.unwrap_or_else(|refusal| panic!("the tab does not close: {refusal}"));
    }

    // ---- what is seen ----

    /// Waits until something is visible.
    pub async fn wait_for(&self, what: &str) {
        self.in_page("visible", json!({ "css": css(what) })).await;
    }

    /// Waits until nothing of it is visible.
    pub async fn wait_gone(&self, what: &str) {
        self.in_page("gone", json!({ "css": css(what) })).await;
    }

    /// Waits until there are so many.
    pub async fn wait_count(&self, what: &str, count: usize) {
        self.in_page("wait_count", json!({ "css": css(what), "count": count }))
            .await;
    }

    /// Waits until one of them says this.
    pub async fn wait_text(&self, what: &str, part: &str) {
        self.in_page("wait_text", json!({ "css": css(what), "part": part }))
            .await;
    }

    /// Waits until an expression is true; it is looked at whenever the document changes, and now and then.
    pub async fn until(&self, condition: &str) {
        let argument = format!("{{ condition: {}, isSo: () => ({condition}) }}", json!(condition));
        self.run("until", &argument).await;
    }

    /// How many there are now.
    pub async fn count(&self, what: &str) -> usize {
        let count = self.in_page("count", json!({ "css": css(what) })).await;
        count
            .as_u64()
            .and_then(|count| usize::try_from(count).ok())
            .unwrap_or_default()
    }

    /// What the first visible one says, or what is typed into it.
    pub async fn text(&self, what: &str) -> String {
        string(&self.in_page("text", json!({ "css": css(what) })).await)
    }

    /// What all of them say now.
    pub async fn texts(&self, what: &str) -> Vec<String> {
        strings(&self.in_page("texts", json!({ "css": css(what) })).await)
    }

    /// An attribute of the first visible one; empty if it has none.
    pub async fn attribute(&self, what: &str, name: &str) -> String {
        let argument = json!({ "css": css(what), "name": name });
        string(&self.in_page("attribute", argument).await)
    }

    /// An attribute of all of them now.
    pub async fn attributes(&self, what: &str, name: &str) -> Vec<String> {
        let argument = json!({ "css": css(what), "name": name });
        strings(&self.in_page("attributes", argument).await)
    }

    /// The value of an expression, also of a promise.
    ///
    /// # Panics
    /// If it throws.
    pub async fn evaluate(&self, expression: &str) -> Value {
        let wrapped = format!("(async () => JSON.stringify((await ({expression})) ?? null))()");
        self.ask(&wrapped).await
    }

    /// Runs a script of a test in the page, whatever the page's own policy is.
    ///
    /// # Panics
    /// If it throws.
    pub async fn run_script(&self, source: &str) {
        self.ask(&format!("{source}\n;'null'")).await;
    }

    /// What has the keyboard; null if nothing has.
    pub async fn focused(&self) -> Value {
        self.in_page("focused", json!({})).await
    }

    /// A picture, as PNG.
    ///
    /// # Panics
    /// If there is none.
    pub async fn screenshot(&self) -> Vec<u8> {
        let picture = self.try_screenshot().await;
        picture.unwrap_or_else(|refusal| panic!("no picture: {refusal}"))
    }

    async fn try_screenshot(&self) -> Result<Vec<u8>, Refusal> {
        let picture = match (&self.inner.driver, &self.handle) {
            (Driver::Chromium(chromium), Handle::Chromium(target)) => {
                let params = json!({ "format": "png" });
                chromium
                    .call(Some(&target.session), "Page.captureScreenshot", params)
                    .await
            }
            (Driver::Firefox(firefox), Handle::Firefox { context }) => {
                let params = json!({ "context": context });
                firefox.call("browsingContext.captureScreenshot", params).await
            }
            _ => unreachable!("a tab belongs to its browser"),
        }?;
        let text = picture["data"].as_str().unwrap_or_default();
        Ok(STANDARD.decode(text).unwrap_or_default())
    }

    /// Shows the page in another way: size, and in Chromium theme and motion.
    ///
    /// # Panics
    /// If that is refused.
    pub async fn look(&self, look: &Look) {
        let done = match (&self.inner.driver, &self.handle) {
            (Driver::Chromium(chromium), Handle::Chromium(target)) => {
                chromium.look(&target.session, look).await
            }
            (Driver::Firefox(firefox), Handle::Firefox { context }) => firefox.look(context, look).await,
            _ => unreachable!("a tab belongs to its browser"),
        };
        done.unwrap_or_else(|refusal| panic!("{look:?}: {refusal}"));
        // Chromium answers before the page has its new size, and a page hears of it when it is drawn the next time.
        if matches!(self.inner.driver, Driver::Chromium(_)) {
            self.until(&format!("innerWidth === {}", look.width)).await;
        }
        self.evaluate(FRAMES).await;
    }

    // ---- what is done ----

    /// Clicks the first visible one, once it can be clicked.
    pub async fn click(&self, what: &str) {
        self.click_at(&json!({ "css": css(what), "part": null })).await;
    }

    /// Clicks the first visible one that says this.
    pub async fn click_text(&self, what: &str, part: &str) {
        self.click_at(&json!({ "css": css(what), "part": part })).await;
    }

    /// Presses until it has hit: what moves away after it was found gets nothing, and what has come into its place does
    /// not either.
    async fn click_at(&self, argument: &Value) {
        /// Nothing moves for as long as this.
        const PRESSES_MAX: usize = 100;
        for _ in 0..PRESSES_MAX {
            let place = self.in_page("place", argument.clone()).await;
            let (x, y) = (
                place["x"].as_f64().unwrap_or_default(),
                place["y"].as_f64().unwrap_or_default(),
            );
            self.press_at(x, y).await;
            if self.in_page("pressed", json!({})).await == true {
                return;
            }
        }
        self.fail(&format!("it moves away from each press: {argument}"))
            .await;
    }

    async fn press_at(&self, x: f64, y: f64) {
        let done = match (&self.inner.driver, &self.handle) {
            (Driver::Chromium(chromium), Handle::Chromium(target)) => {
                chromium.click(&target.session, x, y).await
            }
            (Driver::Firefox(firefox), Handle::Firefox { context }) => firefox.click(context, x, y).await,
            _ => unreachable!("a tab belongs to its browser"),
        };
        done.unwrap_or_else(|refusal| panic!("a click: {refusal}"));
    }

    /// Types a text into a field, key by key.
    pub async fn type_into(&self, what: &str, text: &str) {
        self.in_page("focus", json!({ "css": css(what) })).await;
        self.type_text(text).await;
    }

    /// Types a text to where the keyboard is.
    pub async fn type_text(&self, text: &str) {
        let chords = text.chars().map(|character| Chord {
            held: Vec::new(),
            key: Key::of(character),
        });
        self.press_all(&chords.collect::<Vec<_>>()).await;
    }

    /// Replaces what stands in a field by a text that arrives at once, as from an input method or by paste.
    ///
    /// # Panics
    /// If that is refused.
    pub async fn fill(&self, what: &str, text: &str) {
        self.in_page("focus", json!({ "css": css(what) })).await;
        self.evaluate("document.activeElement.select?.()").await;
        match (&self.inner.driver, &self.handle) {
            (Driver::Chromium(_), Handle::Chromium(_)) => {
                self.devtools("Input.insertText", json!({ "text": text })).await;
            }
            _ => {
                self.in_page("insert", json!({ "text": text })).await;
            }
        }
    }

    /// Chooses from a list, by the value of the choice.
    pub async fn choose(&self, what: &str, value: &str) {
        self.wait_for(what).await;
        self.evaluate(&format!(
            "void ((list) => {{ list.value = {}; list.dispatchEvent(new Event('change', {{ bubbles: true }})); }})(document.querySelector({}))",
            json!(value),
            json!(css(what)),
        ))
        .await;
    }

    /// Chooses a file in a field for files, which may be hidden, as the browser's dialog does.
    ///
    /// # Panics
    /// If that is refused.
    pub async fn choose_file(&self, what: &str, path: &Path) {
        let css = css(what);
        self.until(&format!("document.querySelector({}) !== null", json!(css)))
            .await;
        let chosen = match (&self.inner.driver, &self.handle) {
            (Driver::Chromium(chromium), Handle::Chromium(target)) => {
                chromium.choose_file(&target.session, &css, path).await
            }
            (Driver::Firefox(firefox), Handle::Firefox { context }) => {
                firefox.choose_file(context, &css, path).await
            }
            _ => unreachable!("a tab belongs to its browser"),
        };
        chosen.unwrap_or_else(|refusal| panic!("{what}: {refusal}"));
    }

    /// Puts a text on the clipboard and pastes it. Chromium only.
    pub async fn paste(&self, what: &str, text: &str) {
        let origin = self.evaluate("location.origin").await;
        let grant =
            json!({ "origin": origin, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
        let granted = self
            .inner
            .chromium()
            .call(None, "Browser.grantPermissions", grant)
            .await;
        granted.unwrap_or_else(|refusal| panic!("{refusal}"));
        self.evaluate(&format!("navigator.clipboard.writeText({})", json!(text)))
            .await;
        self.in_page("focus", json!({ "css": css(what) })).await;
        self.press("Control+v").await;
    }

    /// Presses a key: `Enter`, `Shift+Enter`, `a`.
    pub async fn press(&self, chord: &str) {
        self.press_all(&[Chord::parse(chord)]).await;
    }

    async fn press_all(&self, chords: &[Chord]) {
        let done = match (&self.inner.driver, &self.handle) {
            (Driver::Chromium(chromium), Handle::Chromium(target)) => {
                let mut done = Ok(());
                for chord in chords {
                    done = chromium.press(&target.session, chord).await;
                    if done.is_err() {
                        break;
                    }
                }
                done
            }
            (Driver::Firefox(firefox), Handle::Firefox { context }) => firefox.press(context, chords).await,
            _ => unreachable!("a tab belongs to its browser"),
        };
        done.unwrap_or_else(|refusal| panic!("a key: {refusal}"));
    }

    // ---- below the surface, in Chromium only ----

    /// A call in the DevTools protocol that concerns this page.
    ///
    /// # Panics
    /// If it is refused, or if the browser is another.
    pub async fn devtools(&self, method: &str, params: Value) -> Value {
        let answer = self
            .inner
            .chromium()
            .call(Some(self.session()), method, params)
            .await;
        answer.unwrap_or_else(|refusal| panic!("{method}: {refusal}"))
    }

    /// Runs an expression in the page's own worker, once it has one whose address has this in it.
    ///
    /// # Panics
    /// If there is none, or if the browser is another.
    pub async fn in_worker(&self, part: &str, expression: &str) -> Value {
        let chromium = self.inner.chromium();
        let session = self.session();
        let worker = chromium
            .wait_for_target(|target| {
                let is_own = target.kind == "worker" && target.parent.as_deref() == Some(session);
                is_own && target.url.contains(part)
            })
            .await;
        let worker = worker.unwrap_or_else(|refusal| panic!("no worker {part}: {refusal}"));
        let wrapped = format!("(async () => JSON.stringify((await ({expression})) ?? null))()");
        match chromium.evaluate(&worker.session, &wrapped).await {
            Ok(Evaluated::Gave(text)) => serde_json::from_str(&text).unwrap_or_default(),
            Ok(Evaluated::Threw(error)) => panic!("{expression}: {error}"),
            // A worker that is told to end does not answer.
            Err(_) => Value::Null,
        }
    }

    fn session(&self) -> &str {
        match &self.handle {
            Handle::Chromium(target) => &target.session,
            Handle::Firefox { .. } => panic!("only Chromium can do this"),
        }
    }

    // ---- how ----

    async fn in_page(&self, name: &str, argument: Value) -> Value {
        self.run(name, &argument.to_string()).await
    }

    async fn run(&self, name: &str, argument: &str) -> Value {
        let patience = PATIENCE.as_millis();
        self.ask(&format!("({IN_PAGE})({}, {argument}, {patience})", json!(name)))
            .await
    }

    /// Asks the page, and its successor if it goes away meanwhile.
    async fn ask(&self, expression: &str) -> Value {
        /// A page that goes leaves a moment in which there is none.
        const PAUSE: Duration = Duration::from_millis(20);
        let asking = async {
            loop {
                match self.evaluate_once(expression).await {
                    Ok(Evaluated::Gave(text)) => return Ok(text),
                    Ok(Evaluated::Threw(error)) => return Err(error),
                    Err(refusal) if is_between_pages(&refusal) => sleep(PAUSE).await,
                    Err(refusal) => return Err(refusal.to_string()),
                }
            }
        };
        let answer = match timeout(2 * PATIENCE, asking).await {
            Ok(answer) => answer,
            Err(elapsed) => Err(format!("the page does not answer: {elapsed}")),
        };
        match answer {
            Ok(text) => serde_json::from_str(&text).unwrap_or_default(),
            Err(error) => self.fail(&error).await,
        }
    }

    async fn evaluate_once(&self, expression: &str) -> Result<Evaluated, Refusal> {
        match (&self.inner.driver, &self.handle) {
            (Driver::Chromium(chromium), Handle::Chromium(target)) => {
                chromium.evaluate(&target.session, expression).await
            }
            (Driver::Firefox(firefox), Handle::Firefox { context }) => {
                firefox.evaluate(context, expression).await
            }
            _ => unreachable!("a tab belongs to its browser"),
        }
    }

    /// Says what went wrong, with a picture of it.
    async fn fail(&self, error: &str) -> ! {
        let name = std::thread::current().name().unwrap_or("test").replace("::", "-");
        let path = report_folder().join("failures").join(format!("{name}.png"));
        let picture = timeout(Duration::from_secs(5), self.try_screenshot()).await;
        if let (Ok(Ok(picture)), Some(folder)) = (picture, path.parent()) {
            // The failure is told in any case.
            let _ = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, picture));
        }
        let waits = timeout(Duration::from_secs(5), self.evaluate_once(WAITS_FOR)).await;
        let waits = match waits {
            Ok(Ok(Evaluated::Gave(text) | Evaluated::Threw(text))) => text,
            Ok(Err(refusal)) => refusal.to_string(),
            Err(elapsed) => elapsed.to_string(),
        };
        let complaints = self.inner.seen.complaints();
        panic!(
            "{error}\n--- picture: {}\n--- it waits for: {waits}\n--- complaints: {complaints:#?}\n--- the browser: {}",
            path.display(),
            self.inner.last_words()
        );
    }
}

/// Whether the page was left while it was asked.
fn is_between_pages(refusal: &Refusal) -> bool {
    const SAID: &[&str] = &[
        "navigated",
        "context was destroyed",
        "Cannot find context",
        "Promise was collected",
        "no such frame",
        "discarded",
        "no such realm",
        "AbortError",
        "actor",
    ];
    SAID.iter().any(|part| refusal.0.contains(part))
}

/// The CSS selector of what is named by test ids.
fn css(what: &str) -> String {
    if let Some(css) = what.strip_prefix("css:") {
        return css.to_owned();
    }
    let mut parts = Vec::new();
    for part in what.split(' ') {
        let (name, conditions) = part.split_at(part.find('[').unwrap_or(part.len()));
        parts.push(format!("[data-testid=\"{name}\"]{conditions}"));
    }
    parts.join(" ")
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(string).collect()
}

#[cfg(test)]
mod tests {
    use super::css;

    #[test]
    fn test_ids_become_selectors() {
        assert_eq!(css("send"), r#"[data-testid="send"]"#);
        assert_eq!(
            css(r#"chat-item[data-handle="bob"] unread"#),
            r#"[data-testid="chat-item"][data-handle="bob"] [data-testid="unread"]"#
        );
        assert_eq!(css("css:dialog[open] > p"), "dialog[open] > p");
    }
}
