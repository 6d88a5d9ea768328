//! Ways into an account, what can be changed about it, and the ways out.

use serde_json::json;
use subrosa_e2e::{
    Person, Server,
    browser::{Kind, Profile, Tab, WebPerson},
    until,
};

use crate::stage::{BOTH, Stage};

#[tokio::test]
async fn who_signs_up_gets_a_recovery_code_and_is_asked_for_it() {
    for kind in BOTH {
        let server = Server::start().await;
        let profile = Profile::new(kind);
        let browser = profile.start().await;
        let mut alice = WebPerson::new(&browser, &server, "alice").await;
        alice.password = "alice".to_owned();
        alice.fill_registration("Alice").await;
        let tab = &alice.tab;
        // It is judged a moment after it was typed.
        tab.until("document.querySelector('.meter').dataset.level === '1'")
            .await;
        tab.click("register-submit").await;
        tab.wait_for("css:#register-password:focus").await;
        assert_eq!(
            tab.count("recovery-code").await,
            0,
            "a password like the handle was taken"
        );
        subrosa_e2e::person::PASSWORD.clone_into(&mut alice.password);
        let tab = &alice.tab;
        tab.fill("register-password", &alice.password).await;
        tab.until("document.querySelector('.meter').dataset.level > 1")
            .await;
        tab.click("register-submit").await;
        tab.wait_for("recovery-code").await;
        let shown = tab.text("recovery-code").await;
        // Who leaves before that finds the code again.
        tab.click("recovery-saved").await;
        tab.wait_for("recovery-check").await;
        assert_eq!(
            tab.count("recovery-code").await,
            0,
            "the code is shown where it is asked for"
        );
        tab.reload().await;
        tab.wait_for("recovery-check").await;
        assert_eq!(
            tab.count("recovery-code").await,
            0,
            "the code is shown to whoever opens the browser"
        );
        tab.click("recovery-later").await;
        tab.wait_for("empty-list").await;
        tab.reload().await;
        tab.wait_for("recovery-again").await;
        tab.click("recovery-again").await;
        tab.wait_for("recovery-code").await;
        assert_eq!(tab.text("recovery-code").await, shown);
        tab.click("recovery-saved").await;
        tab.fill("recovery-check", "NOT-THE-CODE").await;
        tab.click("recovery-continue").await;
        tab.wait_for("recovery-again").await;
        tab.click("recovery-again").await;
        alice.keep_recovery_code().await;
        alice.tab.wait_for("empty-list").await;
        alice.tab.reload().await;
        alice.tab.wait_for("empty-list").await;
        assert_eq!(alice.tab.count("recovery-code").await, 0);
        // A terminal takes the code that the page has shown.
        let terminal = Person::new(&server, "alice");
        terminal.set_password("another password of hers");
        let code = terminal.write("code", &alice.recovery_code);
        let recovered = terminal
            .run(&[
                "recover",
                "alice",
                "--recovery-code-file",
                &code.to_string_lossy(),
            ])
            .await;
        recovered.ok();
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_without_telling_whether_the_handle_exists() {
    for kind in BOTH {
        let server = Server::start().await;
        let _alice = Person::sign_up(&server, "alice").await;
        let profile = Profile::new(kind);
        let browser = profile.start().await;
        let mut said = Vec::new();
        for handle in ["alice", "nobody"] {
            let stranger = WebPerson::new(&browser, &server, handle).await;
            stranger.try_to_sign_in("not her password").await;
            said.push(stranger.tab.text("error").await);
        }
        assert_eq!(said[0], said[1]);
        assert!(said[0].len() > 10, "{said:?}");
    }
}

#[tokio::test]
async fn a_handle_that_is_taken_is_told_in_place() {
    let server = Server::start().await;
    let _alice = Person::sign_up(&server, "alice").await;
    let profile = Profile::new(Kind::Chromium);
    let browser = profile.start().await;
    let stranger = WebPerson::new(&browser, &server, "alice").await;
    stranger.fill_registration("").await;
    stranger.tab.click("register-submit").await;
    stranger.tab.wait_for("css:#register-handle-hint.bad").await;
    assert_eq!(stranger.tab.text("register-handle").await, "alice");
}

#[tokio::test]
async fn an_account_made_at_a_terminal_is_signed_in_to_in_a_browser_and_finds_its_conversations() {
    for kind in BOTH {
        let server = Server::start().await;
        let (alice, bob) = (
            Person::sign_up(&server, "alice").await,
            Person::sign_up(&server, "bob").await,
        );
        alice.send(&bob, "before the browser").await;
        bob.receive(1).await;
        let profile = Profile::new(kind);
        let browser = profile.start().await;
        let web = WebPerson::new(&browser, &server, "alice").await;
        web.sign_in().await;
        web.tab.click("chat-item[data-handle=\"bob\"]").await;
        web.send_and_wait("from the browser").await;
        bob.send(&alice, "to the terminal and the browser").await;
        web.wait_message("to the terminal and the browser").await;
        assert!(alice.texts(&bob).await.contains(&"from the browser".to_owned()));
    }
}

#[tokio::test]
async fn a_password_and_a_name_are_the_same_however_a_keyboard_composes_their_letters() {
    for kind in BOTH {
        let server = Server::start().await;
        let profile = Profile::new(kind);
        let browser = profile.start().await;
        let mut alice = WebPerson::new(&browser, &server, "alice").await;
        alice.password = "stu\u{308}rmische ha\u{308}fen 17".to_owned();
        // More marks on one letter than any language has.
        alice
            .fill_registration("Zoe\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}")
            .await;
        alice.tab.click("register-submit").await;
        alice.tab.wait_for("error").await;
        alice.tab.fill("register-name", "Zoe\u{308}").await;
        alice.tab.click("register-submit").await;
        alice.keep_recovery_code().await;
        alice.tab.wait_for("chat-list").await;
        let terminal = Person::at(server.url(), "alice");
        terminal.set_password("st\u{fc}rmische h\u{e4}fen 17");
        terminal.run(&["signin", "alice"]).await.ok();
        until("the terminal has the name", async || {
            terminal.run(&["chats"]).await.ok();
            terminal.run(&["whoami"]).await.ok().one()["name"] == "Zo\u{eb}"
        })
        .await;
    }
}

#[tokio::test]
async fn who_has_lost_the_password_comes_back_by_the_recovery_code() {
    let server = Server::start().await;
    let lost = Person::sign_up(&server, "alice").await;
    let profile = Profile::new(Kind::Chromium);
    let browser = profile.start().await;
    let alice = WebPerson::new(&browser, &server, "alice").await;
    let tab = &alice.tab;
    tab.click("go-login").await;
    tab.click("go-recover").await;
    tab.fill("recover-handle", "alice").await;
    tab.fill("recover-password", "a new password of hers").await;
    tab.fill("recover-code", "not a code").await;
    tab.click("recover-submit").await;
    tab.wait_for("error").await;
    tab.fill("recover-code", &lost.recovery_code).await;
    tab.click("recover-submit").await;
    tab.wait_for("chat-list").await;
    let terminal = Person::new(&server, "alice");
    terminal.run(&["signin", "alice"]).await.ends_with(5);
    terminal.set_password("a new password of hers");
    terminal.run(&["signin", "alice"]).await.ok();
}

/// What a page of the app has stored in the browser: the names of files and tables that hold something, and of
/// everything else that there is.
pub(crate) async fn stored(tab: &Tab) -> serde_json::Value {
    tab.evaluate(
        "(async () => {
            // A file of the database's pool begins with a page that names its use.
            const EMPTY = 4096;
            const files = [];
            const walk = async (folder, path) => {
                for await (const [name, handle] of folder.entries()) {
                    if (handle.kind === 'directory') await walk(handle, `${path}${name}/`);
                    else if ((await handle.getFile()).size > EMPTY) files.push(`${path}${name}`);
                }
            };
            await walk(await navigator.storage.getDirectory(), '/');
            const records = [];
            for (const { name } of await indexedDB.databases()) {
                const database = await new Promise((done, failed) => {
                    const opening = indexedDB.open(name);
                    opening.onsuccess = () => done(opening.result);
                    opening.onerror = failed;
                });
                for (const store of database.objectStoreNames) {
                    const keys = await new Promise((done) => {
                        database.transaction(store).objectStore(store).getAllKeys().onsuccess =
                            (event) => done(event.target.result);
                    });
                    records.push(...keys.map((key) => `${name}.${store}.${key}`));
                }
                database.close();
            }
            return {
                files,
                records,
                local: Object.keys(localStorage),
                session: Object.keys(sessionStorage),
                cached: (await Promise.all((await caches.keys()).map(async (name) =>
                    (await (await caches.open(name)).keys()).map((request) => new URL(request.url).pathname)))).flat(),
                cookie: document.cookie,
            };
        })()",
    )
    .await
}

#[tokio::test]
async fn signing_out_asks_and_then_removes_everything_local() {
    for kind in BOTH {
        let stage = Stage::talked(kind).await;
        let tab = &stage.alice.tab;
        tab.evaluate("navigator.serviceWorker.ready.then(() => true)")
            .await;
        let before = stored(tab).await;
        assert_ne!(
            before["files"],
            json!([]),
            "the database is not where the test looks"
        );
        assert_ne!(
            before["records"],
            json!([]),
            "the key is not where the test looks"
        );

        tab.click("settings-link").await;
        tab.click("sign-out").await;
        tab.click("cancel").await;
        tab.wait_gone("css:dialog").await;
        tab.wait_for("sign-out").await;
        tab.click("sign-out").await;
        tab.click("confirm").await;
        tab.wait_for("go-login").await;

        let after = stored(tab).await;
        assert_eq!(after["files"], json!([]), "{after:#}");
        assert_eq!(after["records"], json!([]), "{after:#}");
        assert_eq!(after["session"], json!([]), "{after:#}");
        let cached = after["cached"].as_array().cloned().unwrap_or_default();
        let is_shell = |path: &serde_json::Value| {
            let path = path.as_str().unwrap_or_default();
            path == "/"
                || path.starts_with("/assets/")
                || path.starts_with("/icons/")
                || path.ends_with(".webmanifest")
        };
        assert!(cached.iter().all(is_shell), "{cached:?}");
        tab.reload().await;
        tab.wait_for("go-login").await;

        // The device is gone at the server, too, and a new sign-in works in the same place.
        let terminal = stage.alice.at_terminal().await;
        assert_eq!(terminal.run(&["devices"]).await.ok().lines().len(), 1);
        stage.alice.sign_in().await;
    }
}

#[tokio::test]
async fn a_device_signed_out_at_a_terminal_says_so_and_is_removed_by_its_user() {
    let stage = Stage::talked(Kind::Chromium).await;
    let terminal = stage.alice.at_terminal().await;
    let devices = terminal.run(&["devices"]).await.ok().lines();
    let other = devices.iter().find(|device| device["current"] == false);
    let other = other.and_then(|device| device["device_id"].as_str()).unwrap();
    terminal.run(&["devices", "--sign-out", other]).await.ok();

    let tab = &stage.alice.tab;
    tab.wait_for("revoked-strip").await;
    // What is here can be read, and nothing can be sent.
    tab.wait_text("message", "second").await;
    tab.wait_gone("composer").await;
    tab.reload().await;
    tab.wait_for("revoked-strip").await;
    tab.wait_text("message", "second").await;
    tab.click("revoked-remove").await;
    tab.click("confirm").await;
    tab.wait_for("go-login").await;
    assert_eq!(stored(tab).await["files"], json!([]));
    stage.alice.sign_in().await;
}

#[tokio::test]
async fn a_lost_device_is_signed_out_on_the_account_page() {
    let stage = Stage::set(Kind::Chromium).await;
    let terminal = stage.alice.at_terminal().await;
    let lost = terminal.run(&["whoami"]).await.ok().one()["device_id"].clone();
    let tab = &stage.alice.tab;
    tab.goto(&stage.alice.address("/settings")).await;
    tab.wait_count("device", 2).await;
    let lost = lost.as_str().unwrap();
    // It is recognised by its name, which can be changed.
    let item = format!("device[data-id=\"{lost}\"]");
    tab.wait_text(&item, "Terminal on").await;
    tab.click(&format!("{item} device-rename")).await;
    tab.fill("device-new-name", "the phone I lost").await;
    tab.click("device-rename-submit").await;
    tab.wait_text(&item, "the phone I lost").await;
    tab.click(&format!("device[data-id=\"{lost}\"] device-sign-out"))
        .await;
    tab.click("confirm").await;
    tab.wait_count("device", 1).await;
    let refused = terminal.run(&["devices"]).await;
    assert_ne!(refused.code, 0, "{refused:?}");
}

#[tokio::test]
async fn name_password_and_recovery_code_are_changed_on_the_account_page() {
    let mut stage = Stage::talked(Kind::Chromium).await;
    let tab = &stage.alice.tab;
    tab.goto(&stage.alice.address("/settings")).await;
    // What is below moves when they are there.
    tab.wait_for("device").await;
    tab.fill("profile-name", "Alice under the rose").await;
    tab.click("profile-submit").await;
    tab.wait_for("css:.notice.ok").await;

    tab.fill("password-old", "not her password").await;
    tab.fill("password-new", "another password of hers").await;
    tab.click("password-submit").await;
    tab.wait_for("error").await;
    tab.fill("password-old", &stage.alice.password).await;
    tab.click("password-submit").await;
    tab.until("document.querySelectorAll('.notice.ok').length > 1")
        .await;
    "another password of hers".clone_into(&mut stage.alice.password);

    let tab = &stage.alice.tab;
    let old_code = stage.alice.recovery_code.clone();
    tab.fill("renew-password", &stage.alice.password).await;
    tab.fill("renew-code", &old_code).await;
    tab.click("renew-submit").await;
    stage.alice.keep_recovery_code().await;
    assert_ne!(stage.alice.recovery_code, old_code);

    let terminal = stage.alice.at_terminal().await;
    drop(terminal);
    let recovering = Person::new(&stage.server, "alice");
    for (code, exit) in [(&old_code, 5), (&stage.alice.recovery_code, 0)] {
        let file = recovering.write("code", code);
        let recovered = recovering
            .run(&[
                "recover",
                "alice",
                "--recovery-code-file",
                &file.to_string_lossy(),
            ])
            .await;
        recovered.ends_with(exit);
    }
    // The name travels with what she says.
    stage.alice.open_chat("bob").await;
    stage.alice.send_and_wait("who am I?").await;
    // What others show is fetched beside the messages, and no command waits for it.
    until("Bob has the name", async || {
        let chats = stage.bob.run(&["chats"]).await;
        chats.ok().stdout.contains("Alice under the rose")
    })
    .await;
}

/// The languages are files of their own. The browser's protocol is needed to take one away.
#[tokio::test]
async fn a_language_that_cannot_be_loaded_is_told_and_the_one_before_it_stays() {
    let stage = Stage::set(Kind::Chromium).await;
    let tab = &stage.alice.tab;
    tab.goto(&stage.alice.address("/settings")).await;
    tab.wait_for("settings").await;
    tab.devtools("Network.enable", json!({})).await;
    tab.devtools("Network.setBypassServiceWorker", json!({ "bypass": true }))
        .await;
    tab.devtools("Network.setBlockedURLs", json!({ "urls": ["*language-de*"] }))
        .await;
    tab.click("css:label:has([data-testid=\"language-de\"])").await;
    tab.wait_text("language-missing", "could not be loaded").await;
    let still =
        "document.querySelector('[data-testid=\"language-en\"]').checked && document.documentElement.lang";
    assert_eq!(tab.evaluate(still).await, json!("en"));

    tab.devtools("Network.setBlockedURLs", json!({ "urls": [] }))
        .await;
    tab.click("css:label:has([data-testid=\"language-de\"])").await;
    tab.wait_text("css:h1", "Konto").await;
    tab.wait_gone("language-missing").await;
}

#[tokio::test]
async fn theme_and_language_are_kept() {
    for kind in BOTH {
        let stage = Stage::set(kind).await;
        let tab = &stage.alice.tab;
        tab.click("settings-link").await;
        tab.click("css:label:has([data-testid=\"language-de\"])").await;
        tab.wait_text("css:h1", "Konto").await;
        tab.click("css:label:has([data-testid=\"theme-dark\"])").await;
        tab.until("document.documentElement.dataset.theme === 'dark'")
            .await;
        tab.reload().await;
        tab.wait_text("css:h1", "Konto").await;
        let (language, theme) = (
            tab.evaluate("document.documentElement.lang").await,
            tab.evaluate("document.documentElement.dataset.theme").await,
        );
        assert_eq!((language, theme), (json!("de"), json!("dark")));
    }
}
