//! A person at a browser.

use super::{Browser, Tab};
use crate::{Person, Server, person::PASSWORD};

/// Somebody with a tab of the web app.
pub struct WebPerson {
    /// The handle, without `@`.
    pub handle: String,
    /// The password.
    pub password: String,
    /// The recovery code, if this tab made the account.
    pub recovery_code: String,
    /// The server's address, without a slash at its end.
    pub server: String,
    /// The tab.
    pub tab: Tab,
}

impl WebPerson {
    /// Somebody who has opened the page and done nothing yet.
    pub async fn new(browser: &Browser, server: &Server, handle: &str) -> Self {
        Self::at(browser, server.url(), handle).await
    }

    /// Somebody who knows the server by this address.
    pub async fn at(browser: &Browser, server: String, handle: &str) -> Self {
        Self::at_page(browser, server, handle, "/").await
    }

    /// Somebody who begins at a page of it.
    pub async fn at_page(browser: &Browser, server: String, handle: &str, path: &str) -> Self {
        Self {
            handle: handle.to_owned(),
            password: PASSWORD.to_owned(),
            recovery_code: String::new(),
            tab: browser.open(&format!("{server}{path}")).await,
            server,
        }
    }

    /// Somebody with a new account who has chosen that nothing waits as a request, at the list of chats.
    pub async fn sign_up(browser: &Browser, server: &Server, handle: &str) -> Self {
        let person = Self::sign_up_as_most(browser, server, handle).await;
        person.welcome_everybody().await;
        person
    }

    /// Somebody with a new account who has chosen nothing, at the list of chats.
    pub async fn sign_up_as_most(browser: &Browser, server: &Server, handle: &str) -> Self {
        let mut person = Self::new(browser, server, handle).await;
        person.register("").await;
        person
    }

    /// Makes an account, and proves to have written the recovery code down.
    pub async fn register(&mut self, name: &str) {
        self.fill_registration(name).await;
        self.tab.click("register-submit").await;
        self.keep_recovery_code().await;
        self.tab.wait_for("chat-list").await;
    }

    /// Chooses in the settings that nobody has to ask, and comes back to the list. The history is left as it was.
    async fn welcome_everybody(&self) {
        let tab = &self.tab;
        tab.evaluate(&self.go("replaceState", "/settings")).await;
        for choice in ["privacy-writers", "privacy-adders"] {
            tab.choose(choice, "everybody").await;
        }
        tab.wait_for("css:[data-testid=privacy][aria-busy=false]").await;
        // What could not be saved has turned back.
        tab.until("Array.from(document.querySelectorAll('[data-testid=privacy] select')).every((list) => list.value === 'everybody')")
            .await;
        tab.evaluate(&self.go("replaceState", "/")).await;
        tab.wait_for("chat-list").await;
    }

    /// A script that goes to an address within the page.
    fn go(&self, method: &str, path: &str) -> String {
        let address = serde_json::json!(self.address(path));
        format!("void (history.{method}(null, '', {address}), dispatchEvent(new PopStateEvent('popstate')))")
    }

    /// Fills the form and does not send it.
    pub async fn fill_registration(&self, name: &str) {
        let tab = &self.tab;
        tab.click("go-register").await;
        tab.type_into("register-handle", &self.handle).await;
        if !name.is_empty() {
            tab.fill("register-name", name).await;
        }
        tab.fill("register-password", &self.password).await;
    }

    /// Reads the recovery code from the screen and types it back.
    ///
    /// # Panics
    /// If there is none.
    pub async fn keep_recovery_code(&mut self) {
        let tab = &self.tab;
        tab.wait_for("recovery-code").await;
        let groups = tab.texts("css:[data-testid='recovery-code'] span").await;
        self.recovery_code = groups.join("-");
        assert!(self.recovery_code.len() > 20, "no recovery code: {groups:?}");
        tab.click("recovery-saved").await;
        tab.fill("recovery-check", &self.recovery_code).await;
        tab.click("recovery-continue").await;
    }

    /// Signs in to an account that there is.
    pub async fn sign_in(&self) {
        self.try_to_sign_in(&self.password).await;
        self.tab.wait_for("chat-list").await;
    }

    /// Gives handle and password.
    pub async fn try_to_sign_in(&self, password: &str) {
        let tab = &self.tab;
        tab.until(
            "document.querySelector('[data-testid=\"go-login\"], [data-testid=\"login-handle\"]') !== null",
        )
        .await;
        if tab.count("login-handle").await == 0 {
            tab.click("go-login").await;
        }
        tab.fill("login-handle", &self.handle).await;
        tab.fill("login-password", password).await;
        tab.click("login-submit").await;
    }

    /// Opens the chat with somebody by its address, within the page: Firefox (ESR 153) crashes about once in a hundred
    /// times when a page is loaded anew in the moment after the sign-up.
    pub async fn open_chat(&self, handle: &str) {
        let go = self.go("pushState", &format!("/chat/{handle}"));
        self.tab.evaluate(&go).await;
        self.tab.wait_for("composer").await;
    }

    /// The address of a page.
    pub fn address(&self, path: &str) -> String {
        format!("{}{path}", self.server)
    }

    /// Types a text and presses Enter.
    pub async fn send(&self, text: &str) {
        self.tab.fill("composer", text).await;
        self.tab.press("Enter").await;
    }

    /// Types a text, presses Enter, and waits until the server has it.
    pub async fn send_and_wait(&self, text: &str) {
        self.send(text).await;
        self.wait_status(text, &["sent", "delivered", "read"]).await;
    }

    /// Waits until the field to write in holds this.
    pub async fn wait_composer(&self, text: &str) {
        let text = serde_json::json!(text);
        let condition = format!("document.querySelector('[data-testid=\"composer\"]').value === {text}");
        self.tab.until(&condition).await;
    }

    /// Waits until the field to write in holds this, as a draft that was kept, and sends it.
    pub async fn send_draft(&self, text: &str) {
        self.wait_composer(text).await;
        // A field that has just been shown gets the focus a moment later.
        self.tab.wait_for("css:[data-testid=composer]:focus").await;
        self.tab.press("Enter").await;
    }

    /// The texts of the conversation that is open, as far as they are in the page.
    pub async fn texts(&self) -> Vec<String> {
        self.tab.texts("message message-text").await
    }

    /// The own texts with one of these states, as far as they are in the page.
    pub async fn texts_with_status(&self, states: &[&str]) -> Vec<String> {
        let list = format!(
            "Array.from(document.querySelectorAll('[data-testid=\"message\"][data-outgoing=\"true\"]'))\
             .filter((message) => {}.includes(message.dataset.status))\
             .map((message) => message.querySelector('[data-testid=\"message-text\"]').innerText)",
            serde_json::json!(states)
        );
        let texts = self.tab.evaluate(&list).await;
        let texts = texts.as_array().into_iter().flatten();
        texts
            .filter_map(|text| text.as_str().map(str::to_owned))
            .collect()
    }

    /// Waits until a message that says this is shown.
    pub async fn wait_message(&self, text: &str) {
        self.tab.wait_text("message", text).await;
    }

    /// Waits until the own message that says this has one of these states.
    pub async fn wait_status(&self, text: &str, states: &[&str]) {
        let condition = format!(
            "Array.from(document.querySelectorAll('[data-testid=\"message\"][data-outgoing=\"true\"]'))\
             .some((message) => message.querySelector('[data-testid=\"message-text\"]').innerText.includes({text}) && {states}.includes(message.dataset.status))",
            text = serde_json::json!(text),
            states = serde_json::json!(states),
        );
        self.tab.until(&condition).await;
    }

    /// The same person as a further device: a terminal, signed in.
    pub async fn at_terminal(&self) -> Person {
        let person = Person::at(self.server.clone(), &self.handle);
        person.set_password(&self.password);
        person.run(&["signin", &self.handle]).await.ok();
        person
    }
}
