//! What most tests begin with: a server, Alice at a browser, Bob at a terminal.

use std::{path::PathBuf, time::Duration};

use serde_json::json;
use subrosa_e2e::{
    Person, Server,
    browser::{Browser, Kind, Profile, WebPerson},
    tampering::TamperingProxy,
};
use tokio::time::interval;

/// Nobody is to slow down here.
pub(crate) const NO_LIMITS: &str = "[limits]\nframes_per_device = 0\ncommits_per_device = 0\nregistrations_per_visitor = 0\n\
     requests_per_visitor = 0\nrequests_per_account = 0\nsearches_per_account = 0\n\
     key_package_claims_per_account = 0\nrecord_changes_per_device = 0\n";

pub(crate) const BOTH: [Kind; 2] = [Kind::Chromium, Kind::Firefox];

/// Accepted by the server, whatever came after.
pub(crate) const ACCEPTED: &[&str] = &["sent", "delivered", "read"];

/// The environment variable with the folder of the web app as it is shipped; `cargo xtask test` sets it.
const SHIPPED_APP: &str = "XTASK_E2E_SHIPPED_APP";

/// The folder of the web app as it is shipped, with compressed forms beside its files.
pub(crate) fn shipped_app() -> PathBuf {
    let folder = std::env::var_os(SHIPPED_APP);
    let folder = folder.unwrap_or_else(|| {
        panic!("{SHIPPED_APP} is not set: cargo xtask web --release, and name the folder that it says")
    });
    folder.into()
}

pub(crate) struct Stage {
    pub(crate) alice: WebPerson,
    pub(crate) browser: Browser,
    pub(crate) profile: Profile,
    pub(crate) bob: Person,
    pub(crate) server: Server,
}

/// Alice at a second browser, behind a proxy that can change what she and the server say to each other.
pub(crate) struct BehindProxy {
    pub(crate) alice: WebPerson,
    pub(crate) browser: Browser,
    pub(crate) proxy: TamperingProxy,
    pub(crate) profile: Profile,
}

impl Stage {
    /// Signs Alice in there and lets her say something.
    pub(crate) async fn alice_behind_a_proxy(&self, says: &str) -> BehindProxy {
        let proxy = TamperingProxy::before(self.server.address()).await;
        let profile = Profile::new(Kind::Chromium);
        let browser = profile.start().await;
        let alice = WebPerson::at(&browser, proxy.url(), "alice").await;
        alice.sign_in().await;
        alice.open_chat("bob").await;
        alice.send_and_wait(says).await;
        // This device was not in the conversation yet: the message moved to it, and stands there once.
        let said = alice.texts().await;
        assert_eq!(said.iter().filter(|text| *text == says).count(), 1, "{said:?}");
        BehindProxy {
            alice,
            browser,
            proxy,
            profile,
        }
    }

    pub(crate) async fn set(kind: Kind) -> Self {
        Self::set_with(Profile::new(kind)).await
    }

    pub(crate) async fn set_with(profile: Profile) -> Self {
        Self::set_before(Server::start_configured(NO_LIMITS).await, profile).await
    }

    async fn set_before(server: Server, profile: Profile) -> Self {
        let bob = Person::sign_up(&server, "bob").await;
        let browser = profile.start().await;
        let alice = WebPerson::sign_up(&browser, &server, "alice").await;
        Self {
            alice,
            browser,
            profile,
            bob,
            server,
        }
    }

    /// Alice has said something and Bob has answered.
    pub(crate) async fn talked(kind: Kind) -> Self {
        Self::set(kind).await.talk().await
    }

    /// The same with the app as it is shipped.
    pub(crate) async fn talked_as_shipped(kind: Kind) -> Self {
        let web_dir = format!("web_dir = {}\n{NO_LIMITS}", json!(shipped_app()));
        let server = Server::start_configured(&web_dir).await;
        Self::set_before(server, Profile::new(kind)).await.talk().await
    }

    async fn talk(self) -> Self {
        self.alice.open_chat("bob").await;
        self.alice.send_and_wait("first").await;
        self.bob_says("second").await;
        self.alice.wait_message("second").await;
        self
    }

    pub(crate) async fn bob_says(&self, text: &str) {
        self.bob
            .run(&["send", "--timeout", "120", "@alice", text])
            .await
            .ok();
    }

    /// The texts of the conversation as Bob has them.
    pub(crate) async fn bobs_texts(&self) -> Vec<String> {
        texts(&self.bob, "alice").await
    }

    /// Starts the browser again on its profile and opens the chat with Bob.
    pub(crate) async fn reopen(&mut self) {
        self.browser = self.profile.start().await;
        self.alice.tab = self.browser.open(&self.alice.address("/chat/bob")).await;
    }
}

/// The texts of a conversation as somebody at a terminal has them who is up to date.
pub(crate) async fn texts(person: &Person, with: &str) -> Vec<String> {
    let history = person
        .run_up_to_date(&["history", &format!("@{with}"), "--limit", "1000000"])
        .await;
    let lines = history.ok().lines();
    let text = |line: &serde_json::Value| line["text"].as_str().map(str::to_owned);
    // What is no message has no text.
    lines.iter().filter_map(text).collect()
}

/// Types this, and then on and on until the other one's page is like this: that somebody types may get lost on the way,
/// and is shown for some seconds only. Returns what was typed.
pub(crate) async fn type_until(writer: &WebPerson, text: &str, reader: &WebPerson, is_shown: &str) -> String {
    writer.tab.type_into("composer", text).await;
    let mut next_key = interval(Duration::from_secs(1));
    let shown = reader.tab.until(is_shown);
    tokio::pin!(shown);
    loop {
        tokio::select! {
            () = &mut shown => break,
            _ = next_key.tick() => writer.tab.type_text("x").await,
        }
    }
    writer.tab.text("composer").await
}

/// Those of the texts that begin so.
pub(crate) fn beginning(texts: &[String], with: &str) -> Vec<String> {
    texts
        .iter()
        .filter(|text| text.starts_with(with))
        .cloned()
        .collect()
}
