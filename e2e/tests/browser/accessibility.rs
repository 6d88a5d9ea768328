//! Everybody can use it: by keyboard alone, enlarged, mirrored.

use subrosa_e2e::{
    Server,
    browser::{Kind, Look, Profile, Tab, WebPerson, report},
};

use crate::stage::{ACCEPTED, BOTH, Stage};

/// More stops than any page has.
const STOPS_MAX: usize = 60;

/// Walks with the Tab key to something, back if it stands before what has the focus, and looks at each stop on the
/// way. Never past an end of the page: there Firefox gives the focus to its own window, and without a screen nobody
/// comes back.
async fn walk_to(tab: &Tab, testid: &str) {
    let is_before = format!(
        "(() => {{
            const [from, to] = [document.activeElement, document.querySelector('[data-testid=\"{testid}\"]')];
            return from !== document.body && Boolean(to.compareDocumentPosition(from) & Node.DOCUMENT_POSITION_FOLLOWING);
        }})()"
    );
    let mut way = Vec::new();
    for _ in 0..STOPS_MAX {
        let stop = tab.focused().await;
        if stop["testid"] == testid {
            return;
        }
        // A heading that has the focus only says where one is.
        if !stop.is_null() && stop["tag"] != "h1" {
            assert_eq!(stop["hasRing"], true, "no focus is seen after {way:?}: {stop}");
            way.push(format!("{} {}", stop["tag"], stop["testid"]));
        }
        let is_before = tab.evaluate(&is_before).await == true;
        tab.press(if is_before { "Shift+Tab" } else { "Tab" }).await;
    }
    panic!("the keyboard does not reach {testid}: {way:?}");
}

#[tokio::test]
async fn everything_is_done_by_keyboard_alone() {
    for kind in BOTH {
        let server = Server::start().await;
        let bob = subrosa_e2e::Person::sign_up(&server, "bob").await;
        let profile = Profile::new(kind);
        let browser = profile.start().await;
        let mut alice = WebPerson::new(&browser, &server, "alice").await;
        let tab = &alice.tab;
        tab.wait_for("go-register").await;
        walk_to(tab, "go-register").await;
        tab.press("Enter").await;
        // What gets the focus by itself gets it a moment after it is shown.
        tab.wait_for("css:[data-testid=register-handle]:focus").await;
        walk_to(tab, "register-handle").await;
        tab.type_text("alice").await;
        walk_to(tab, "register-password").await;
        tab.type_text(&alice.password).await;
        walk_to(tab, "register-submit").await;
        tab.press("Enter").await;
        tab.wait_for("recovery-code").await;
        tab.wait_for("css:.card h1:focus").await;
        let groups = tab.texts("css:[data-testid='recovery-code'] span").await;
        alice.recovery_code = groups.join("-");
        walk_to(tab, "recovery-saved").await;
        tab.press("Enter").await;
        tab.wait_for("css:[data-testid=recovery-check]:focus").await;
        walk_to(tab, "recovery-check").await;
        tab.type_text(&alice.recovery_code).await;
        tab.press("Enter").await;
        tab.wait_for("chat-list").await;
        walk_to(tab, "search").await;
        tab.type_text("bob").await;
        tab.wait_for("person-result").await;
        tab.press("ArrowDown").await;
        assert_eq!(tab.focused().await["testid"], "person-result");
        tab.press("Enter").await;
        tab.wait_for("css:[data-testid=composer]:focus").await;
        walk_to(tab, "composer").await;
        tab.type_text("by keyboard").await;
        tab.press("Enter").await;
        alice.wait_status("by keyboard", ACCEPTED).await;
        assert_eq!(crate::stage::texts(&bob, "alice").await, ["by keyboard"]);
        tab.press("Escape").await;
        tab.wait_path("/").await;
        tab.wait_for("css:[data-testid=chat-item]:focus").await;
        walk_to(tab, "settings-link").await;
        tab.press("Enter").await;
        tab.wait_for("settings").await;
        walk_to(tab, "sign-out").await;
        tab.press("Enter").await;
        tab.wait_for("confirm").await;
        tab.press("Escape").await;
        tab.wait_gone("confirm").await;
        assert_eq!(tab.focused().await["testid"], "sign-out", "the focus went astray");
        tab.press("Enter").await;
        tab.wait_for("confirm").await;
        walk_to(tab, "confirm").await;
        tab.press("Enter").await;
        tab.wait_for("go-login").await;
    }
}

#[tokio::test]
async fn new_messages_are_announced_politely_in_a_log() {
    let stage = Stage::talked(Kind::Chromium).await;
    let tab = &stage.alice.tab;
    assert_eq!(tab.attribute("messages", "role").await, "log");
    tab.wait_for("css:[data-testid=messages][aria-live=polite]").await;
    for testid in ["composer", "send", "settings-link", "search"] {
        let label = tab.attribute(testid, "aria-label").await;
        assert!(!label.is_empty(), "{testid} has no name");
    }
}

#[tokio::test]
async fn nothing_is_cut_off_at_360_pixels_nor_enlarged_four_times() {
    for kind in BOTH {
        let stage = Stage::talked(kind).await;
        let tab = &stage.alice.tab;
        stage
            .alice
            .send_and_wait("a somewhat longer message that has to be wrapped on a narrow screen")
            .await;
        // 1280 by 1024 enlarged to 400 % (WCAG 2.2, 1.4.10).
        let enlarged = Look {
            width: 320,
            height: 256,
            scale: 4.0,
            ..Look::WIDE
        };
        for look in [Look::NARROW, enlarged] {
            tab.look(&look).await;
            for path in ["/", "/settings", "/chat/bob"] {
                tab.goto(&stage.alice.address(path)).await;
                tab.until("document.querySelector('[data-testid=\"chat-list\"]') !== null")
                    .await;
                let wider = "Array.from(document.querySelectorAll('body, main, .side, .messages, .settings-scroll')).every((area) => area.scrollWidth <= area.clientWidth + 1)";
                tab.until(wider).await;
            }
            tab.wait_for("composer").await;
            tab.click("composer").await;
            stage
                .alice
                .send_and_wait(&format!("written at {}", look.width))
                .await;
            // Back leads to the list.
            tab.click("back").await;
            tab.wait_for("chat-item").await;
        }
        if kind == Kind::Chromium {
            tab.goto(&stage.alice.address("/chat/bob")).await;
            tab.wait_for("composer").await;
            report::picture(tab, "chat-enlarged").await;
        }
    }
}
