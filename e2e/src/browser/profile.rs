//! A browser's profile: the folder that outlives its processes, and how the browser is started on it.

use std::path::Path;

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;
use tokio::process::Command;

use super::{Browser, chromium::Chromium, firefox::Firefox, look::Look, seen::Seen};
use crate::process::{Process, clean_command};

/// How often a browser is started that crashes by itself before it listens, which Chromium now and then does on a
/// profile that it was killed in. Nothing of ours runs in it then.
const STARTS_MAX: usize = 3;

/// Which browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Debian's `chromium`.
    Chromium,
    /// Debian's `firefox-esr`.
    Firefox,
}

/// A profile folder.
pub struct Profile {
    kind: Kind,
    /// How its pages are shown from the next start on.
    pub look: Look,
    /// The user's languages, as in the `Accept-Language` header.
    pub languages: String,
    /// JavaScript that runs in each page before anything else; in Chromium, in each worker, too.
    pub prelude: String,
    /// Whether windows are private (Firefox) or incognito (Chromium).
    pub is_private: bool,
    folder: TempDir,
}

impl Profile {
    /// A new one.
    ///
    /// # Panics
    /// If there is no folder for it, or no such browser.
    pub fn new(kind: Kind) -> Self {
        let (program, package) = kind.program();
        assert!(
            std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
                .any(|folder| folder.join(program).exists()),
            "{program} is missing: apt-get install {package}"
        );
        Self {
            kind,
            look: Look::WIDE,
            languages: "en-US,en".to_owned(),
            prelude: String::new(),
            is_private: false,
            folder: tempfile::tempdir().unwrap_or_else(|error| panic!("no folder: {error}")),
        }
    }

    /// Which browser.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the browser.
    ///
    /// # Panics
    /// If that fails.
    pub async fn start(&self) -> Browser {
        let seen = Seen::default();
        let (process, group, url) = self.start_process().await;
        let driver = match self.kind {
            Kind::Chromium => {
                super::Driver::Chromium(Chromium::take_over(&url, &self.prelude, seen.clone()).await)
            }
            Kind::Firefox => {
                let firefox =
                    Firefox::take_over(&format!("{url}/session"), &self.prelude, seen.clone()).await;
                super::Driver::Firefox(firefox.unwrap_or_else(|refusal| panic!("Firefox: {refusal}")))
            }
        };
        Browser::new(driver, process, group, seen, self.look)
    }

    /// Starts the process, and returns the address of its remote control.
    async fn start_process(&self) -> (Process, Group, String) {
        let mark = match self.kind {
            Kind::Chromium => "DevTools listening on ",
            Kind::Firefox => "WebDriver BiDi listening on ",
        };
        let address = |notes: &[u8]| {
            let text = String::from_utf8_lossy(notes);
            let (_, rest) = text.split_once(mark)?;
            let (address, _) = rest.split_once('\n')?;
            Some(address.trim().to_owned())
        };
        for _ in 1..STARTS_MAX {
            let (process, group) = self.spawn();
            if let Some(url) = process.note_before_end(address).await {
                return (process, group, url);
            }
            #[expect(clippy::print_stderr, reason = "for whoever reads the output")]
            {
                eprintln!("{:?} has crashed at its start and is started again", self.kind);
            }
        }
        let (process, group) = self.spawn();
        let url = process
            .wait_for_note("the address of its remote control", address)
            .await;
        (process, group, url)
    }

    fn spawn(&self) -> (Process, Group) {
        let mut command = match self.kind {
            Kind::Chromium => self.chromium(),
            Kind::Firefox => self.firefox(),
        };
        // A group of its own, so that the whole tree of processes can be killed at once.
        command.process_group(0);
        let process = Process::start(command);
        let group = Group(process.id().and_then(|id| i32::try_from(id).ok()));
        (process, group)
    }

    fn chromium(&self) -> Command {
        let mut command = clean_command(Kind::Chromium.program().0, self.folder.path());
        command
            .arg("--headless=new")
            // The tests run as root in containers, where Chromium's own sandbox cannot.
            .args(["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"])
            .args(["--no-first-run", "--no-default-browser-check", "--password-store=basic"])
            .args(["--disable-background-networking", "--disable-component-update"])
            .args(["--disable-sync", "--disable-extensions", "--disable-breakpad"])
            .args(["--hide-crash-restore-bubble", "--disable-features=Translate"])
            .arg(format!("--accept-lang={}", self.languages))
            .arg("--remote-debugging-port=0");
        if self.is_private {
            command.arg("--incognito");
        }
        command
            .arg(format!(
                "--user-data-dir={}",
                self.folder.path().join("chromium").display()
            ))
            .arg("about:blank");
        command
    }

    fn firefox(&self) -> Command {
        let profile = self.folder.path().join("firefox");
        // 0 is dark, 1 is light.
        let theme = i32::from(!self.look.is_dark);
        let still = i32::from(!self.look.has_motion);
        let mut preferences = format!(
            "user_pref(\"layout.css.prefers-color-scheme.content-override\", {theme});\n\
             user_pref(\"ui.prefersReducedMotion\", {still});\n\
             user_pref(\"intl.accept_languages\", \"{}\");\n\
             user_pref(\"browser.privatebrowsing.autostart\", {});\n",
            self.languages, self.is_private,
        );
        preferences.push_str(FIREFOX_PREFERENCES);
        std::fs::create_dir_all(&profile)
            .and_then(|()| std::fs::write(profile.join("user.js"), preferences))
            .unwrap_or_else(|error| panic!("no profile: {error}"));
        let mut command = clean_command(Kind::Firefox.program().0, self.folder.path());
        command
            .args(["--headless", "--no-remote", "--remote-debugging-port", "0"])
            .arg("--profile")
            .arg(&profile)
            .env("MOZ_CRASHREPORTER_DISABLE", "1");
        command
    }
}

/// Firefox talks to nobody but the server under test.
const FIREFOX_PREFERENCES: &str = r#"
user_pref("app.update.enabled", false);
user_pref("app.normandy.enabled", false);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("browser.contentblocking.category", "standard");
user_pref("browser.newtabpage.enabled", false);
user_pref("browser.region.network.url", "");
user_pref("browser.safebrowsing.malware.enabled", false);
user_pref("browser.safebrowsing.phishing.enabled", false);
user_pref("browser.search.update", false);
user_pref("browser.sessionstore.resume_from_crash", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.startup.page", 0);
user_pref("captivedetect.canonicalURL", "");
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("extensions.update.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("network.prefetch-next", false);
user_pref("services.settings.server", "data:,#remote-settings-dummy/v1");
user_pref("toolkit.telemetry.enabled", false);
user_pref("toolkit.telemetry.server", "");
"#;

impl Kind {
    /// The program and the package that has it.
    fn program(self) -> (&'static str, &'static str) {
        match self {
            Self::Chromium => ("chromium", "chromium"),
            Self::Firefox => ("firefox-esr", "firefox-esr"),
        }
    }
}

/// The processes of one browser: dead when dropped.
pub(super) struct Group(Option<i32>);

impl Group {
    /// Ends all of them in the same instant, as a power cut would.
    pub(super) fn kill(&mut self) {
        if let Some(pid) = self.0.take().and_then(Pid::from_raw) {
            // It may be gone already.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
