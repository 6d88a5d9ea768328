//! People: their page, what the user calls them, and the groups in common.

use subrosa_e2e::{
    Person, Server,
    browser::{Kind, Look, Profile, Tab, WebPerson},
};

use crate::stage::{BOTH, NO_LIMITS};

/// The group in the list: it has no handle.
const GROUP: &str = "chat-item[data-handle=\"\"]";
const BOB: &str = "chat-item[data-handle=\"bob\"]";
/// The button of Bob in the members of a group.
const MEMBER: &str = "member[data-handle=\"bob\"] member-button";

#[tokio::test]
async fn a_nickname_is_shown_everywhere_on_all_devices_until_it_is_removed() {
    let server = Server::start_configured(NO_LIMITS).await;
    let profiles = BOTH.map(Profile::new);
    let (browser, other_browser) = (profiles[0].start().await, profiles[1].start().await);
    let alice = WebPerson::sign_up(&browser, &server, "alice").await;
    let bob = Person::sign_up(&server, "bob").await;
    bob.run(&["name", "Bob Okafor"]).await.ok();
    bob.run(&["group", "create", "Harvest", "@alice"]).await.ok();
    bob.run(&["send", "Harvest", "Who brings the ladder?"]).await.ok();
    bob.run(&["send", "@alice", "are you there?"]).await.ok();
    let second = WebPerson::at(&other_browser, server.url(), "alice").await;
    second.sign_in().await;

    // From the name above what somebody has written in a group.
    let tab = &alice.tab;
    tab.wait_text(BOB, "Bob Okafor").await;
    tab.click(GROUP).await;
    alice.wait_message("Who brings the ladder?").await;
    tab.wait_text("conversation-event", "Bob Okafor").await;
    tab.click("sender").await;
    tab.wait_text("person-name", "Bob Okafor").await;
    tab.wait_text("person-handle", "@bob").await;
    tab.click("nickname").await;
    tab.wait_for("nickname-field").await;
    tab.fill("nickname-field", "  Uncle   Bob ").await;
    tab.press("Enter").await;
    tab.wait_gone("nickname-field").await;
    tab.wait_text("person-name", "Uncle Bob").await;
    tab.wait_text("own-name", "Bob Okafor").await;
    assert_eq!(tab.focused().await["testid"], "nickname");
    tab.press("Escape").await;
    tab.wait_gone("person").await;
    tab.wait_text("sender", "Uncle Bob").await;
    tab.wait_text("conversation-event", "Uncle Bob").await;
    tab.wait_text("member[data-handle=\"bob\"]", "Uncle Bob").await;
    tab.wait_text(BOB, "Uncle Bob").await;
    tab.wait_text(GROUP, "Uncle Bob").await;

    // On the other device, from the header of the conversation with him.
    let tab = &second.tab;
    tab.wait_text(BOB, "Uncle Bob").await;
    tab.click(BOB).await;
    tab.wait_text("details person-name", "Uncle Bob").await;
    tab.wait_text("details own-name", "Bob Okafor").await;
    // This device has not heard the name of the group yet.
    tab.wait_text("details shared-group", "2 members").await;
    tab.click("details nickname").await;
    tab.wait_for("nickname-remove").await;
    tab.click("nickname-remove").await;
    tab.wait_gone("nickname-field").await;
    tab.wait_text("details person-name", "Bob Okafor").await;
    tab.wait_gone("own-name").await;
    alice.tab.wait_text("sender", "Bob Okafor").await;
    alice.tab.wait_text(BOB, "Bob Okafor").await;
    tab.click("details shared-group").await;
    tab.wait_text("members-title", "2 members").await;
}

/// Opens the details of a group, and waits until they have all that moves the members.
async fn open_details(tab: &Tab) {
    tab.click("about").await;
    tab.wait_for("leave-group").await;
}

#[tokio::test]
async fn the_page_of_a_member_leads_to_them_and_to_groups_in_common() {
    for kind in BOTH {
        let server = Server::start_configured(NO_LIMITS).await;
        let profile = Profile::new(kind);
        let browser = profile.start().await;
        let alice = WebPerson::sign_up(&browser, &server, "alice").await;
        let bob = Person::sign_up(&server, "bob").await;
        for name in ["Harvest", "Choir"] {
            bob.run(&["group", "create", name, "@alice"]).await.ok();
        }
        let tab = &alice.tab;
        // The details are a dialog here, and the person another one above it.
        tab.look(&Look::NARROW).await;
        tab.click_text(GROUP, "Harvest").await;
        open_details(tab).await;
        tab.click(MEMBER).await;
        tab.click("member-profile").await;
        tab.wait_count("shared-group", 2).await;
        tab.until("document.activeElement.dataset.testid === 'person-message'")
            .await;
        // Back to where one came from, and the keyboard with it.
        tab.press("Escape").await;
        tab.wait_gone("person").await;
        tab.until("document.activeElement.dataset.testid === 'member-button'")
            .await;
        tab.click(MEMBER).await;
        tab.click("member-profile").await;
        tab.click_text("shared-group", "Choir").await;
        tab.wait_gone("css:dialog[open]").await;
        tab.wait_text("conversation", "Choir").await;
        open_details(tab).await;
        tab.click(MEMBER).await;
        tab.click("member-profile").await;
        tab.click("person-message").await;
        tab.wait_gone("css:dialog[open]").await;
        tab.wait_path("/chat/bob").await;
        tab.wait_for("composer").await;
    }
}

#[tokio::test]
async fn somebody_banned_whom_this_device_has_never_met_is_shown_by_their_handle() {
    let server = Server::start_configured(NO_LIMITS).await;
    let profile = Profile::new(Kind::Chromium);
    let browser = profile.start().await;
    let alice = WebPerson::sign_up(&browser, &server, "alice").await;
    let bob = Person::sign_up(&server, "bob").await;
    let _mallory = Person::sign_up(&server, "mallory").await;
    bob.run(&["group", "create", "Harvest", "@mallory"]).await.ok();
    bob.run(&["group", "ban", "Harvest", "@mallory"]).await.ok();
    bob.run(&["group", "add", "Harvest", "@alice"]).await.ok();
    bob.run(&["group", "role", "Harvest", "@alice", "admin"])
        .await
        .ok();
    let tab = &alice.tab;
    tab.click(GROUP).await;
    tab.wait_text("messages", "You are an admin now").await;
    tab.wait_text("banned", "@mallory").await;
}

#[tokio::test]
async fn notes_to_self_are_begun_from_the_empty_list_and_the_menu_and_are_on_all_devices() {
    for kind in BOTH {
        let server = Server::start_configured(NO_LIMITS).await;
        let profile = Profile::new(kind);
        let browser = profile.start().await;
        let alice = WebPerson::sign_up(&browser, &server, "alice").await;
        let tab = &alice.tab;
        tab.click("notes-begin").await;
        tab.wait_text("conversation", "Notes to self").await;
        tab.wait_text("conversation-start", "Only you can read").await;
        alice.send_and_wait("Buy a ladder").await;
        tab.wait_text("chat-item", "Buy a ladder").await;
        let terminal = alice.at_terminal().await;
        terminal.run(&["send", "@alice", "and a crate"]).await.ok();
        alice.wait_message("and a crate").await;
        // The same ones from the menu, and found by what they are called.
        tab.press("Escape").await;
        tab.wait_gone("composer").await;
        tab.click("new").await;
        tab.click("notes-to-self").await;
        alice.wait_message("Buy a ladder").await;
        assert_eq!(tab.count("chat-item").await, 1);
        tab.fill("search", "notes").await;
        tab.wait_text("chat-item", "Notes to self").await;
    }
}
