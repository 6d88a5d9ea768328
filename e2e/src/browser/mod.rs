//! Real browsers under a test's control: Debian's Chromium over the DevTools protocol, Firefox ESR over
//! WebDriver BiDi, one API over both. Pages are used as people use them, by mouse and keyboard; what is waited
//! for is waited for inside of the page, by its own changes.
//!
//! A browser that complains without being expected to (an error on the console, an uncaught exception, a
//! violation of the content security policy) fails its test when it is dropped.

mod chromium;
mod connection;
mod firefox;
mod keys;
mod look;
mod profile;
mod seen;
mod tab;

pub mod report;
pub mod web_person;

pub use look::Look;
pub use profile::{Kind, Profile};
pub use seen::{Complaint, Request};
pub use tab::Tab;
pub use web_person::WebPerson;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Value, json};

use crate::process::Process;
use chromium::Chromium;
use firefox::Firefox;
use profile::Group;
use seen::Seen;

/// A running browser.
pub struct Browser {
    inner: Arc<Inner>,
}

/// What tabs share with their browser.
struct Inner {
    driver: Driver,
    process: Mutex<Option<Process>>,
    group: Mutex<Group>,
    seen: Seen,
    look: Look,
}

enum Driver {
    Chromium(Chromium),
    Firefox(Firefox),
}

impl Browser {
    fn new(driver: Driver, process: Process, group: Group, seen: Seen, look: Look) -> Self {
        let inner = Inner {
            driver,
            process: Mutex::new(Some(process)),
            group: Mutex::new(group),
            seen,
            look,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Opens an empty tab.
    ///
    /// # Panics
    /// If that fails.
    pub async fn tab(&self) -> Tab {
        Tab::open(&self.inner).await
    }

    /// Opens a tab on a page.
    ///
    /// # Panics
    /// If that fails.
    pub async fn open(&self, url: &str) -> Tab {
        let tab = self.tab().await;
        tab.goto(url).await;
        tab
    }

    /// Cuts the network of all pages and workers or restores it, as far as the browser can: connections that
    /// are open stay open. Chromium only.
    ///
    /// # Panics
    /// If the browser is another.
    pub async fn set_offline(&self, is_offline: bool) {
        let done = self.chromium().set_offline(is_offline).await;
        done.unwrap_or_else(|refusal| panic!("{refusal}"));
    }

    /// All requests until now.
    pub fn requests(&self) -> Vec<Request> {
        self.inner.seen.requests()
    }

    /// All complaints until now.
    pub fn complaints(&self) -> Vec<Complaint> {
        self.inner.seen.complaints()
    }

    /// Complaints with this in them are what the test provokes.
    pub fn expect_complaint(&self, part: &str) {
        self.inner.seen.expect(part);
    }

    /// Whether workers whose address has this in it run, and how many. Chromium only.
    ///
    /// # Panics
    /// If the browser is another.
    pub fn workers(&self, part: &str) -> usize {
        let is_it = |target: &chromium::Target| target.kind.contains("worker") && target.url.contains(part);
        self.chromium()
            .targets()
            .iter()
            .filter(|target| is_it(target))
            .count()
    }

    /// A call in the DevTools protocol that concerns the browser. Chromium only.
    ///
    /// # Panics
    /// If it is refused, or if the browser is another.
    pub async fn devtools(&self, method: &str, params: Value) -> Value {
        let answer = self.chromium().call(None, method, params).await;
        answer.unwrap_or_else(|refusal| panic!("{method}: {refusal}"))
    }

    fn chromium(&self) -> &Chromium {
        self.inner.chromium()
    }

    /// Ends the browser as its user does.
    ///
    /// # Panics
    /// If it does not end.
    pub async fn quit(&mut self) {
        match &self.inner.driver {
            Driver::Chromium(chromium) => chromium.connection.post(None, "Browser.close", json!({})).await,
            // The answer may not come any more.
            Driver::Firefox(firefox) => drop(firefox.call("browser.close", json!({})).await),
        }
        if let Some(process) = self.inner.take_process() {
            process.exit().await;
        }
    }

    /// Ends all its processes as a power cut would.
    ///
    /// # Panics
    /// If they do not end.
    pub async fn kill(&mut self) {
        self.inner
            .group
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .kill();
        if let Some(process) = self.inner.take_process() {
            process.exit().await;
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if self.inner.take_process().is_some() {
            let mut group = self.inner.group.lock().unwrap_or_else(PoisonError::into_inner);
            group.kill();
        }
        if std::thread::panicking() {
            return;
        }
        let surprises = self.inner.seen.surprises();
        assert!(surprises.is_empty(), "the browser complained: {surprises:#?}");
    }
}

impl Inner {
    fn take_process(&self) -> Option<Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The last lines that the browser itself has written.
    fn last_words(&self) -> String {
        const LINES: usize = 30;
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        let written = process.as_ref().map(Process::stderr).unwrap_or_default();
        let said: Vec<&str> = written.lines().filter(|line| !line.contains("dbus")).collect();
        said[said.len().saturating_sub(LINES)..].join("\n")
    }

    /// # Panics
    /// If the browser is another.
    fn chromium(&self) -> &Chromium {
        match &self.driver {
            Driver::Chromium(chromium) => chromium,
            Driver::Firefox(_) => panic!("only Chromium can do this"),
        }
    }
}

/// `target/browser-report`, where pictures and figures are collected.
fn report_folder() -> PathBuf {
    let test = std::env::current_exe().unwrap_or_default();
    let target = test.ancestors().nth(3).map(PathBuf::from).unwrap_or_default();
    target.join("browser-report")
}
