//! Firefox over WebDriver BiDi, which it speaks by itself.

use std::{path::Path, sync::Arc};

use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    chromium::Evaluated,
    connection::{Connection, Event, Refusal},
    keys::{Chord, Key},
    look::Look,
    seen::Seen,
};

/// The browser, as its connection shows it.
pub(super) struct Firefox {
    connection: Arc<Connection>,
    _tasks: JoinSet<()>,
}

impl Firefox {
    /// Takes a browser over. `prelude` runs in each page before anything else.
    pub(super) async fn take_over(url: &str, prelude: &str, seen: Seen) -> Result<Self, Refusal> {
        let (connection, events) = Connection::open(url).await;
        let connection = Arc::new(connection);
        let mut tasks = JoinSet::new();
        tasks.spawn(handle_events(seen, events));
        let firefox = Self {
            connection,
            _tasks: tasks,
        };
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            // A question that a page asks stays open, as it does for a person.
            "unhandledPromptBehavior": { "default": "ignore" },
        }}});
        firefox.call("session.new", capabilities).await?;
        let events = json!({ "events": ["log.entryAdded", "network.beforeRequestSent"] });
        firefox.call("session.subscribe", events).await?;
        if !prelude.is_empty() {
            let script = json!({ "functionDeclaration": format!("() => {{ {prelude} }}") });
            firefox.call("script.addPreloadScript", script).await?;
        }
        Ok(firefox)
    }

    /// Opens a tab. Returns its context.
    pub(super) async fn open_tab(&self, look: &Look) -> Result<String, Refusal> {
        let created = self
            .call("browsingContext.create", json!({ "type": "tab" }))
            .await?;
        let context = created["context"].as_str().unwrap_or_default().to_owned();
        self.look(&context, look).await?;
        Ok(context)
    }

    /// Sets the size of a page. Theme and motion are the profile's.
    pub(super) async fn look(&self, context: &str, look: &Look) -> Result<(), Refusal> {
        let viewport = json!({
            "context": context,
            "viewport": { "width": look.width, "height": look.height },
            "devicePixelRatio": look.scale,
        });
        self.call("browsingContext.setViewport", viewport).await?;
        Ok(())
    }

    pub(super) async fn call(&self, method: &str, params: Value) -> Result<Value, Refusal> {
        self.connection.call(None, method, params).await
    }

    /// Runs an expression that gives a promise of text.
    pub(super) async fn evaluate(&self, context: &str, expression: &str) -> Result<Evaluated, Refusal> {
        let params = json!({
            "expression": expression,
            "target": { "context": context },
            "awaitPromise": true,
            "userActivation": true,
        });
        let answer = self.call("script.evaluate", params).await?;
        if answer["type"] == "exception" {
            let text = answer["exceptionDetails"]["text"].as_str().unwrap_or_default();
            return Ok(Evaluated::Threw(text.to_owned()));
        }
        let text = answer["result"]["value"].as_str().unwrap_or("null");
        Ok(Evaluated::Gave(text.to_owned()))
    }

    pub(super) async fn click(&self, context: &str, x: f64, y: f64) -> Result<(), Refusal> {
        #[expect(clippy::cast_possible_truncation, reason = "a place on a screen is small")]
        let (x, y) = (x.floor() as i64, y.floor() as i64);
        let actions = json!([
            { "type": "pointerMove", "x": x, "y": y },
            { "type": "pointerDown", "button": 0 },
            { "type": "pointerUp", "button": 0 },
        ]);
        self.act(
            context,
            json!([{ "type": "pointer", "id": "mouse", "actions": actions }]),
        )
        .await
    }

    pub(super) async fn press(&self, context: &str, chords: &[Chord]) -> Result<(), Refusal> {
        let action = |kind: &str, key: &Key| json!({ "type": kind, "value": key.webdriver.to_string() });
        let mut actions = Vec::new();
        for chord in chords {
            actions.extend(chord.held.iter().map(|key| action("keyDown", key)));
            actions.push(action("keyDown", &chord.key));
            actions.push(action("keyUp", &chord.key));
            actions.extend(chord.held.iter().rev().map(|key| action("keyUp", key)));
        }
        self.act(
            context,
            json!([{ "type": "key", "id": "keyboard", "actions": actions }]),
        )
        .await
    }

    /// Puts a file into a field for files.
    pub(super) async fn choose_file(&self, context: &str, css: &str, path: &Path) -> Result<(), Refusal> {
        let params = json!({
            "expression": format!("document.querySelector({})", json!(css)),
            "target": { "context": context },
            "awaitPromise": false,
        });
        let field = self.call("script.evaluate", params).await?;
        let params = json!({
            "context": context,
            "element": { "sharedId": field["result"]["sharedId"] },
            "files": [path],
        });
        self.call("input.setFiles", params).await?;
        Ok(())
    }

    async fn act(&self, context: &str, actions: Value) -> Result<(), Refusal> {
        self.call(
            "input.performActions",
            json!({ "context": context, "actions": actions }),
        )
        .await?;
        Ok(())
    }
}

async fn handle_events(seen: Seen, mut events: mpsc::Receiver<Event>) {
    while let Some(Event { method, params, .. }) = events.recv().await {
        match method.as_str() {
            "log.entryAdded" if params["level"] == "error" => {
                let text = params["text"].as_str().unwrap_or_default();
                // Dead connections are for the page to deal with; the browser notes each.
                if !text.contains("establish a connection to the server at ws") {
                    seen.complaint("page", text.to_owned());
                }
            }
            "network.beforeRequestSent" => {
                let url = params["request"]["url"].as_str().unwrap_or_default();
                seen.request("page", url);
            }
            _ => {}
        }
    }
}
