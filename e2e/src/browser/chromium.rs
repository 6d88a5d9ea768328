//! Chromium over the DevTools protocol: one connection, a session for each page and worker, all of them
//! watched from their first instruction on.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::timeout,
};

use super::{
    connection::{Connection, Event, Refusal},
    keys::{Chord, Key},
    look::Look,
    seen::Seen,
};
use crate::PATIENCE;

/// The browser, as its connection shows it.
pub(super) struct Chromium {
    pub(super) connection: Arc<Connection>,
    targets: Arc<Targets>,
    _tasks: JoinSet<()>,
}

/// A page or worker.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) session: String,
    pub(super) id: String,
    /// `page`, `worker`, `service_worker`, …
    pub(super) kind: String,
    pub(super) url: String,
    /// The session of the page that has started a worker.
    pub(super) parent: Option<String>,
}

struct Targets {
    all: Mutex<HashMap<String, Target>>,
    changed: watch::Sender<()>,
    /// Whether the network is cut, for those that come later.
    is_offline: Mutex<bool>,
    prelude: String,
    seen: Seen,
}

impl Chromium {
    /// Takes a browser over. `prelude` runs in each page and worker before anything else.
    pub(super) async fn take_over(url: &str, prelude: &str, seen: Seen) -> Self {
        let (connection, events) = Connection::open(url).await;
        let connection = Arc::new(connection);
        let (changed, _) = watch::channel(());
        let targets = Arc::new(Targets {
            all: Mutex::default(),
            changed,
            is_offline: Mutex::new(false),
            prelude: prelude.to_owned(),
            seen,
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(handle_events(
            Arc::clone(&connection),
            Arc::clone(&targets),
            events,
        ));
        attach_to_what_comes(&connection, None).await;
        connection
            .post(None, "Target.setDiscoverTargets", json!({ "discover": true }))
            .await;
        Self {
            connection,
            targets,
            _tasks: tasks,
        }
    }

    /// Opens a tab. Returns its session and target.
    pub(super) async fn open_tab(&self, look: &Look) -> Result<Target, Refusal> {
        let created = self
            .call(
                None,
                "Target.createTarget",
                json!({ "url": "about:blank", "newWindow": true }),
            )
            .await?;
        let id = created["targetId"].as_str().unwrap_or_default().to_owned();
        let target = self.wait_for_target(|target| target.id == id).await?;
        self.look(&target.session, look).await?;
        Ok(target)
    }

    /// Waits until there is such a page or worker.
    pub(super) async fn wait_for_target(&self, is_it: impl Fn(&Target) -> bool) -> Result<Target, Refusal> {
        let mut changes = self.targets.changed.subscribe();
        let waiting = async {
            loop {
                if let Some(target) = self.targets().into_iter().find(&is_it) {
                    return Ok(target);
                }
                if changes.changed().await.is_err() {
                    return Err(Refusal("the browser is gone".to_owned()));
                }
            }
        };
        timeout(PATIENCE, waiting).await.unwrap_or_else(|_| {
            Err(Refusal(format!(
                "no such page or worker among {:?}",
                self.targets()
            )))
        })
    }

    pub(super) fn targets(&self) -> Vec<Target> {
        self.targets.lock().values().cloned().collect()
    }

    pub(super) async fn call(
        &self,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> Result<Value, Refusal> {
        self.connection.call(session, method, params).await
    }

    /// Runs an expression that gives a promise of text.
    pub(super) async fn evaluate(&self, session: &str, expression: &str) -> Result<Evaluated, Refusal> {
        let params = json!({
            "expression": expression,
            "awaitPromise": true,
            "returnByValue": true,
            "userGesture": true,
        });
        let answer = self.call(Some(session), "Runtime.evaluate", params).await?;
        if let Some(exception) = answer.get("exceptionDetails") {
            return Ok(Evaluated::Threw(describe(exception)));
        }
        let text = answer["result"]["value"].as_str().unwrap_or("null");
        Ok(Evaluated::Gave(text.to_owned()))
    }

    /// Sets size, theme and motion of a page.
    pub(super) async fn look(&self, session: &str, look: &Look) -> Result<(), Refusal> {
        let metrics = json!({
            "width": look.width,
            "height": look.height,
            "deviceScaleFactor": look.scale,
            "mobile": false,
        });
        self.call(Some(session), "Emulation.setDeviceMetricsOverride", metrics)
            .await?;
        let (scheme, motion) = (look.scheme(), look.motion());
        let media = json!({ "features": [
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": motion },
        ]});
        self.call(Some(session), "Emulation.setEmulatedMedia", media)
            .await?;
        Ok(())
    }

    /// Cuts the network of every page and worker, or restores it. Connections that are open stay open.
    pub(super) async fn set_offline(&self, is_offline: bool) -> Result<(), Refusal> {
        *self
            .targets
            .is_offline
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = is_offline;
        // A page that hears of its network lets its worker connect: the worker has it by then.
        let mut targets = self.targets();
        targets.sort_by_key(|target| target.kind == "page");
        for target in targets {
            // A worker may end meanwhile.
            let _ = self
                .call(
                    Some(&target.session),
                    "Network.emulateNetworkConditions",
                    conditions(is_offline),
                )
                .await;
        }
        Ok(())
    }

    pub(super) async fn click(&self, session: &str, x: f64, y: f64) -> Result<(), Refusal> {
        for (kind, buttons) in [("mouseMoved", 0), ("mousePressed", 1), ("mouseReleased", 0)] {
            let button = if kind == "mouseMoved" { "none" } else { "left" };
            let params = json!({
                "type": kind, "x": x, "y": y, "button": button, "buttons": buttons, "clickCount": 1,
            });
            self.call(Some(session), "Input.dispatchMouseEvent", params)
                .await?;
        }
        Ok(())
    }

    pub(super) async fn press(&self, session: &str, chord: &Chord) -> Result<(), Refusal> {
        let mut modifiers = 0;
        for key in &chord.held {
            modifiers += key.modifier;
            self.key(session, "rawKeyDown", key, modifiers).await?;
        }
        let writes = !chord.key.text.is_empty() && modifiers & !8 == 0;
        let down = if writes { "keyDown" } else { "rawKeyDown" };
        self.key(session, down, &chord.key, modifiers).await?;
        self.key(session, "keyUp", &chord.key, modifiers).await?;
        for key in chord.held.iter().rev() {
            modifiers -= key.modifier;
            self.key(session, "keyUp", key, modifiers).await?;
        }
        Ok(())
    }

    /// Puts a file into a field for files.
    pub(super) async fn choose_file(&self, session: &str, css: &str, path: &Path) -> Result<(), Refusal> {
        let expression = format!("document.querySelector({})", json!(css));
        let field = self
            .call(
                Some(session),
                "Runtime.evaluate",
                json!({ "expression": expression }),
            )
            .await?;
        let params = json!({ "files": [path], "objectId": field["result"]["objectId"] });
        self.call(Some(session), "DOM.setFileInputFiles", params).await?;
        Ok(())
    }

    async fn key(&self, session: &str, kind: &str, key: &Key, modifiers: u32) -> Result<(), Refusal> {
        let mut params = json!({
            "type": kind,
            "key": key.name,
            "code": key.code,
            "windowsVirtualKeyCode": key.number,
            "modifiers": modifiers,
        });
        if kind == "keyDown" {
            params["text"] = key.text.as_str().into();
        }
        // What the clipboard keys do is decided by the browser's window, which a headless one has not.
        let command = match (modifiers, key.name.as_str()) {
            (2, "v") => Some("paste"),
            (2, "c") => Some("copy"),
            (2, "a") => Some("selectAll"),
            _ => None,
        };
        if let (Some(command), "rawKeyDown") = (command, kind) {
            params["commands"] = json!([command]);
        }
        self.call(Some(session), "Input.dispatchKeyEvent", params).await?;
        Ok(())
    }
}

/// What an expression led to.
pub(super) enum Evaluated {
    Gave(String),
    Threw(String),
}

impl Targets {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Target>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How a session is called in a report.
    fn place(&self, session: Option<&str>) -> String {
        let all = self.lock();
        let target = session.and_then(|session| all.get(session));
        target.map_or_else(String::new, |target| format!("{} {}", target.kind, target.url))
    }
}

async fn attach_to_what_comes(connection: &Connection, session: Option<&str>) {
    let params = json!({ "autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true });
    connection.post(session, "Target.setAutoAttach", params).await;
}

fn conditions(is_offline: bool) -> Value {
    json!({ "offline": is_offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 })
}

async fn handle_events(
    connection: Arc<Connection>,
    targets: Arc<Targets>,
    mut events: mpsc::Receiver<Event>,
) {
    while let Some(event) = events.recv().await {
        let Event {
            session,
            method,
            params,
        } = event;
        let session = session.as_deref();
        match method.as_str() {
            "Target.attachedToTarget" => welcome(&connection, &targets, session, &params).await,
            "Target.detachedFromTarget" => {
                let gone = params["sessionId"].as_str().unwrap_or_default();
                targets.lock().remove(gone);
                targets.changed.send_replace(());
            }
            "Target.targetInfoChanged" => {
                let info = &params["targetInfo"];
                let mut all = targets.lock();
                for target in all.values_mut().filter(|target| info["targetId"] == target.id) {
                    info["url"]
                        .as_str()
                        .unwrap_or_default()
                        .clone_into(&mut target.url);
                }
                drop(all);
                targets.changed.send_replace(());
            }
            "Debugger.paused" => {
                let prelude = json!({ "expression": targets.prelude });
                connection.post(session, "Runtime.evaluate", prelude).await;
                connection.post(session, "Debugger.disable", json!({})).await;
            }
            "Network.requestWillBeSent" => {
                let url = params["request"]["url"].as_str().unwrap_or_default();
                targets.seen.request(&targets.place(session), url);
            }
            "Network.webSocketCreated" => {
                let url = params["url"].as_str().unwrap_or_default();
                targets.seen.request(&targets.place(session), url);
            }
            _ => {
                if let Some(text) = complaint(&method, &params) {
                    targets.seen.complaint(&targets.place(session), text);
                }
            }
        }
    }
}

/// Sets up what the browser holds until it is told to go on.
async fn welcome(connection: &Connection, targets: &Targets, parent: Option<&str>, params: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let info = &params["targetInfo"];
    let target = Target {
        session: text(&params["sessionId"]),
        id: text(&info["targetId"]),
        kind: text(&info["type"]),
        url: text(&info["url"]),
        parent: parent.map(str::to_owned),
    };
    let session = Some(target.session.as_str());
    let is_page = target.kind == "page";
    let is_ours = is_page || target.kind.contains("worker");
    if is_ours {
        attach_to_what_comes(connection, session).await;
        for domain in ["Runtime", "Log", "Network", "Inspector"] {
            connection
                .post(session, &format!("{domain}.enable"), json!({}))
                .await;
        }
        if *targets.is_offline.lock().unwrap_or_else(PoisonError::into_inner) {
            let conditions = conditions(true);
            connection
                .post(session, "Network.emulateNetworkConditions", conditions)
                .await;
        }
    }
    if is_page {
        connection.post(session, "Page.enable", json!({})).await;
        // Every tab takes itself for the one that is looked at, as the windows of different people do.
        let focus = json!({ "enabled": true });
        connection
            .post(session, "Emulation.setFocusEmulationEnabled", focus)
            .await;
    }
    if is_page && !targets.prelude.is_empty() {
        let prelude = json!({ "source": targets.prelude });
        connection
            .post(session, "Page.addScriptToEvaluateOnNewDocument", prelude)
            .await;
    } else if is_ours && !targets.prelude.is_empty() {
        // A worker has not all of its interfaces until its first script is there: it stops before that one.
        connection.post(session, "Debugger.enable", json!({})).await;
        let first = json!({ "instrumentation": "beforeScriptExecution" });
        connection
            .post(session, "Debugger.setInstrumentationBreakpoint", first)
            .await;
    }
    connection
        .post(session, "Runtime.runIfWaitingForDebugger", json!({}))
        .await;
    targets.lock().insert(target.session.clone(), target);
    targets.changed.send_replace(());
}

/// What an event complains about, if it does.
fn complaint(method: &str, params: &Value) -> Option<String> {
    match method {
        "Runtime.consoleAPICalled" if matches!(params["type"].as_str(), Some("error" | "assert")) => {
            let words = params["args"].as_array()?.iter().map(|argument| {
                let value = &argument["value"];
                let said = value.as_str().or(argument["description"].as_str());
                said.map_or_else(|| value.to_string(), str::to_owned)
            });
            Some(words.collect::<Vec<_>>().join(" "))
        }
        "Runtime.exceptionThrown" => Some(describe(&params["exceptionDetails"])),
        "Log.entryAdded" if params["entry"]["level"] == "error" => {
            let entry = &params["entry"];
            let text = entry["text"].as_str().unwrap_or_default();
            let source = entry["source"].as_str().unwrap_or_default();
            // Answers of the server and dead connections are for the page to deal with; the browser notes each.
            let is_of_network = source == "network" || text.starts_with("WebSocket connection to ");
            (!is_of_network).then(|| format!("{source}: {text}"))
        }
        "Target.targetCrashed" => Some(format!("the page has crashed: {params}")),
        _ => None,
    }
}

fn describe(exception: &Value) -> String {
    let description = exception["exception"]["description"].as_str();
    let value = &exception["exception"]["value"];
    let text = exception["text"].as_str().unwrap_or_default();
    match (description, value) {
        (Some(description), _) => format!("{text} {description}"),
        (None, Value::Null) => text.to_owned(),
        (None, value) => format!("{text} {value}"),
    }
}
