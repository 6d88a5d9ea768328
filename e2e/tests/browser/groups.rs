//! Groups: created, talked in and changed by people in two browsers and at terminals.

use subrosa_e2e::{
    Person, Server,
    browser::{Kind, Look, Profile, Tab, WebPerson},
};

use crate::{
    pictures::{picture_in, png},
    scripted_worker::FRAMES,
    stage::{BOTH, type_until},
};

/// The group in the list: it has no handle.
const GROUP: &str = "chat-item[data-handle=\"\"]";

#[tokio::test]
async fn a_group_of_the_terminal_is_talked_in_and_left_behind_in_browsers() {
    let server = Server::start().await;
    let profiles = [Kind::Chromium, Kind::Firefox].map(Profile::new);
    let (browser, other_browser) = (profiles[0].start().await, profiles[1].start().await);
    let alice = WebPerson::sign_up(&browser, &server, "alice").await;
    let bob = WebPerson::sign_up(&other_browser, &server, "bob").await;
    let carol = Person::sign_up(&server, "carol").await;
    carol
        .run(&["group", "create", "Harvest", "@alice", "@bob"])
        .await
        .ok();
    for person in [&alice, &bob] {
        person.tab.wait_text(GROUP, "Harvest").await;
        person.tab.click(GROUP).await;
        person.tab.wait_text("conversation-event", "added you").await;
        person.tab.wait_text("header", "").await;
    }
    carol
        .run(&["send", "Harvest", "Who brings the ladder?"])
        .await
        .ok();
    for person in [&alice, &bob] {
        person.wait_message("Who brings the ladder?").await;
        person.tab.wait_text("sender", "@carol").await;
    }
    alice.tab.wait_text("sender-role", "Owner").await;
    alice.send_and_wait("I do").await;
    bob.wait_message("I do").await;
    bob.tab.wait_count("sender", 2).await;
    bob.tab.wait_count("sender-role", 1).await;
    // One's own messages say nothing about who wrote them.
    assert_eq!(alice.tab.count("sender").await, 1);
    bob.send_and_wait("good").await;
    alice.tab.wait_text(GROUP, "good").await;
    let is_typing = "document.querySelector('[data-testid=\"presence\"]')?.innerText.includes('is typing')";
    type_until(&bob, "thinking", &alice, is_typing).await;
    bob.tab.fill("composer", "").await;
    carol.run(&["history", "Harvest"]).await.ok();

    // The details beside it show who is in it.
    alice.tab.wait_count("member", 3).await;

    carol
        .run(&["group", "role", "Harvest", "@bob", "admin"])
        .await
        .ok();
    bob.tab.wait_text("messages", "You are an admin now").await;
    alice.tab.wait_text("messages", "is an admin now").await;
    alice.tab.wait_text("sender-role", "Admin").await;
    carol.run(&["group", "remove", "Harvest", "@alice"]).await.ok();
    alice.tab.wait_text("messages", "removed you").await;
    alice.tab.wait_text("conversation", "no longer a member").await;
    bob.send_and_wait("without Alice").await;
    assert_eq!(alice.texts().await, ["Who brings the ladder?", "I do", "good"]);
    // After a reload, too.
    alice.tab.reload().await;
    alice.tab.wait_text("conversation", "no longer a member").await;
    bob.tab.wait_text("messages", " removed ").await;
}

/// The button of a member in the details.
fn button_of(handle: &str) -> String {
    format!("member[data-handle=\"{handle}\"] member-button")
}

/// The role of a member in the details.
fn role_of(handle: &str) -> String {
    format!("member[data-handle=\"{handle}\"] role")
}

async fn open_new_group(tab: &Tab) {
    tab.click("new").await;
    tab.click("new-group").await;
    tab.wait_for("people-search").await;
}

/// Finds somebody at the server by their handle and chooses them with Enter.
async fn choose(tab: &Tab, handle: &str) {
    tab.fill("people-search", &format!("@{handle}")).await;
    tab.wait_for(&format!("candidate[data-handle=\"{handle}\"]"))
        .await;
    tab.press("Enter").await;
    tab.wait_text("chip", handle).await;
}

/// Does something about a member, and says yes to the question.
async fn change(tab: &Tab, handle: &str, action: &str) {
    tab.click(&button_of(handle)).await;
    tab.click(action).await;
    tab.click("confirm").await;
    tab.wait_gone("confirm").await;
}

#[tokio::test]
async fn a_group_is_created_and_changed_in_the_browser() {
    let server = Server::start().await;
    let profiles = [Kind::Chromium, Kind::Firefox].map(Profile::new);
    let (browser, other_browser) = (profiles[0].start().await, profiles[1].start().await);
    let alice = WebPerson::sign_up(&browser, &server, "alice").await;
    let bob = WebPerson::sign_up(&other_browser, &server, "bob").await;
    let carol = Person::sign_up(&server, "carol").await;
    let _dave = Person::sign_up(&server, "dave").await;

    let tab = &alice.tab;
    open_new_group(tab).await;
    choose(tab, "bob").await;
    choose(tab, "carol").await;
    // Nobody is taken off but the last, and only where nothing is typed.
    tab.type_text("x").await;
    tab.press("Backspace").await;
    tab.wait_count("chip", 2).await;
    tab.press("Backspace").await;
    tab.wait_count("chip", 1).await;
    tab.type_into("people-search", "nobody_here").await;
    tab.wait_text("picker-hint", "No one has this handle.").await;
    tab.press("Escape").await;
    tab.until("document.querySelector('#people-search').value === ''")
        .await;
    choose(tab, "carol").await;
    tab.wait_text("people-count", "3 people, including you").await;
    tab.until("document.querySelector('[data-testid=new-group-create]').disabled")
        .await;
    tab.fill("group-name", "Harvest").await;
    tab.press("Enter").await;
    tab.wait_gone("new-group-form").await;
    tab.wait_text("conversation", "Harvest").await;
    tab.wait_text("messages", "You created the group").await;
    tab.wait_text("conversation-start", "Say hello").await;
    tab.wait_count("member", 3).await;
    bob.tab.wait_text(GROUP, "Harvest").await;
    bob.tab.click(GROUP).await;
    bob.tab.wait_text("messages", "added you").await;
    alice.send_and_wait("Who brings the ladder?").await;
    bob.wait_message("Who brings the ladder?").await;
    carol.run(&["chats"]).await.ok();
    carol.run(&["send", "Harvest", "I do"]).await.ok();
    alice.wait_message("I do").await;
    // Members add people, and change nothing else.
    bob.tab.wait_for("add-people").await;
    assert_eq!(bob.tab.count("edit-group").await, 0);

    tab.click("add-people").await;
    choose(tab, "dave").await;
    tab.click("add-people-submit").await;
    tab.wait_count("member", 4).await;
    tab.wait_text("messages", "You added").await;

    tab.click(&button_of("bob")).await;
    tab.click("make-admin").await;
    tab.wait_text(&role_of("bob"), "Admin").await;
    bob.tab.wait_text("messages", "You are an admin now").await;
    bob.tab.click("edit-group").await;
    bob.tab.wait_for("group-new-name").await;
    bob.tab.fill("group-new-name", "Winter").await;
    bob.tab.click("edit-group-submit").await;
    bob.tab.wait_gone("group-new-name").await;
    tab.wait_text("messages", "changed the name of the group").await;
    tab.wait_text(GROUP, "Winter").await;

    // An admin of Firefox removes somebody; the keyboard does not lose its place.
    change(&bob.tab, "dave", "member-remove").await;
    assert_eq!(bob.tab.focused().await["testid"], "members-title");
    bob.tab.wait_count("member", 3).await;
    tab.wait_count("member", 3).await;

    change(tab, "carol", "member-ban").await;
    tab.wait_count("member", 2).await;
    assert_eq!(carol.run(&["chats"]).await.ok().one()["state"], "removed");
    tab.wait_for("banned").await;
    tab.click("add-people").await;
    tab.fill("people-search", "carol").await;
    tab.wait_text("candidate", "Banned").await;
    tab.press("Enter").await;
    assert_eq!(tab.count("chip").await, 0);
    tab.press("Escape").await;
    tab.press("Escape").await;
    tab.wait_gone("people-search").await;
    tab.click("readmit").await;
    tab.wait_count("banned", 0).await;
    tab.click("add-people").await;
    choose(tab, "carol").await;
    tab.click("add-people-submit").await;
    tab.wait_count("member", 3).await;
    // Until then she is only being added.
    tab.wait_count("pending", 0).await;
    alice.send_and_wait("Welcome back").await;
    let received = carol.receive(2).await;
    assert_eq!(received[1]["text"], "Welcome back", "{received:?}");

    // The group goes over to Bob.
    change(tab, "bob", "make-owner").await;
    tab.wait_text(&role_of("bob"), "Owner").await;
    bob.tab.wait_text("messages", "You are an owner now").await;
    change(tab, "alice", "make-member").await;
    tab.wait_gone("edit-group").await;
    bob.tab.wait_text("messages", "is an ordinary member now").await;
    // What is between the two of them is a conversation of its own.
    tab.click(&button_of("bob")).await;
    tab.click("member-message").await;
    tab.wait_path("/chat/bob").await;
}

#[tokio::test]
async fn a_group_of_one_keeps_its_owner() {
    let server = Server::start().await;
    let profile = Profile::new(Kind::Chromium);
    let browser = profile.start().await;
    let alice = WebPerson::sign_up(&browser, &server, "alice").await;
    let tab = &alice.tab;
    open_new_group(tab).await;
    tab.wait_text("people-count", "Only you so far").await;
    tab.fill("group-name", "Plans").await;
    tab.click("new-group-create").await;
    tab.wait_text(&role_of("alice"), "Owner").await;
    tab.click(&button_of("alice")).await;
    tab.click("make-member").await;
    tab.click("confirm").await;
    tab.wait_text("error", "Make someone else an owner first").await;
    tab.click("cancel").await;
    tab.wait_gone("confirm").await;
    tab.wait_text(&role_of("alice"), "Owner").await;
}

#[tokio::test]
async fn a_group_that_was_typed_is_discarded_only_after_a_question() {
    for kind in BOTH {
        let server = Server::start().await;
        let profile = Profile::new(kind);
        let browser = profile.start().await;
        let alice = WebPerson::sign_up(&browser, &server, "alice").await;
        let tab = &alice.tab;
        // Nothing was typed: nothing is asked. Everything by keyboard.
        tab.wait_for("new").await;
        tab.evaluate("document.querySelector('[data-testid=new]').focus()")
            .await;
        tab.press("Enter").await;
        tab.wait_for("new-chat").await;
        tab.until("document.activeElement.dataset.testid === 'new-chat'")
            .await;
        tab.press("Escape").await;
        tab.wait_gone("new-chat").await;
        assert_eq!(tab.focused().await["testid"], "new");
        tab.press("Enter").await;
        tab.until("document.activeElement.dataset.testid === 'new-chat'")
            .await;
        tab.press("ArrowDown").await;
        assert_eq!(tab.focused().await["testid"], "new-group");
        tab.press("Enter").await;
        tab.wait_for("people-search").await;
        tab.until("document.activeElement.id === 'people-search'").await;
        tab.press("Escape").await;
        tab.wait_gone("people-search").await;
        assert_eq!(tab.focused().await["testid"], "new");

        open_new_group(tab).await;
        tab.fill("group-name", "Harvest").await;
        tab.press("Escape").await;
        tab.wait_for("confirm").await;
        // The question is put away, however often: what was typed stays.
        for _ in 0..2 {
            tab.press("Escape").await;
            tab.wait_gone("confirm").await;
            assert_eq!(tab.text("group-name").await, "Harvest");
            tab.press("Escape").await;
            tab.wait_for("confirm").await;
        }
        tab.click("cancel").await;
        tab.wait_gone("confirm").await;
        tab.click("new-group-close").await;
        tab.click("confirm").await;
        tab.wait_gone("new-group-form").await;
        open_new_group(tab).await;
        assert_eq!(tab.text("group-name").await, "");
        tab.click("new-group-cancel").await;
        tab.wait_gone("new-group-form").await;
    }
}

#[tokio::test]
async fn on_a_narrow_page_a_group_is_created_in_two_steps_and_its_details_are_a_dialog() {
    for kind in BOTH {
        let server = Server::start().await;
        let _bob = Person::sign_up(&server, "bob").await;
        let _carol = Person::sign_up(&server, "carol").await;
        let profile = Profile::new(kind);
        let browser = profile.start().await;
        let alice = WebPerson::sign_up(&browser, &server, "alice").await;
        let tab = &alice.tab;
        tab.look(&Look::NARROW).await;
        open_new_group(tab).await;
        tab.wait_gone("group-name").await;
        choose(tab, "bob").await;
        tab.click("new-group-next").await;
        tab.wait_gone("people-search").await;
        tab.until("document.activeElement.id === 'group-name'").await;
        tab.click("new-group-back").await;
        tab.wait_text("chip", "bob").await;
        tab.click("new-group-next").await;
        tab.fill("group-name", "Harvest").await;
        tab.click("new-group-create").await;
        tab.wait_gone("new-group-form").await;
        tab.wait_text("messages", "You created the group").await;
        tab.click("about").await;
        tab.wait_count("member", 2).await;
        // A dialog above a dialog: what is pressed beside it closes neither by mistake.
        tab.click("add-people").await;
        choose(tab, "carol").await;
        tab.click("add-people-submit").await;
        tab.wait_gone("people-search").await;
        tab.wait_count("member", 3).await;
        tab.click(&button_of("carol")).await;
        tab.click("member-remove").await;
        tab.wait_for("confirm").await;
        tab.press("Escape").await;
        tab.wait_gone("confirm").await;
        tab.wait_count("member", 3).await;
        tab.click(&button_of("bob")).await;
        tab.click("member-message").await;
        tab.wait_path("/chat/bob").await;
        tab.wait_gone("member").await;
        tab.wait_for("composer").await;
    }
}

#[tokio::test]
async fn whoever_may_chooses_who_writes_and_the_last_owner_leaves_with_a_successor() {
    let server = Server::start().await;
    let profiles = [Kind::Chromium, Kind::Firefox].map(Profile::new);
    let (browser, other_browser) = (profiles[0].start().await, profiles[1].start().await);
    let alice = WebPerson::sign_up(&browser, &server, "alice").await;
    let bob = WebPerson::sign_up(&other_browser, &server, "bob").await;
    let carol = Person::sign_up(&server, "carol").await;
    let tab = &alice.tab;
    open_new_group(tab).await;
    choose(tab, "bob").await;
    choose(tab, "carol").await;
    tab.fill("group-name", "News").await;
    tab.click("new-group-create").await;
    tab.wait_text("messages", "You created the group").await;
    bob.tab.wait_text(GROUP, "News").await;
    bob.tab.click(GROUP).await;
    bob.tab.wait_for("composer").await;
    bob.tab.wait_for("leave-group").await;
    assert_eq!(bob.tab.count("permissions").await, 0);

    // An announcement group, and back.
    tab.click("post-admins").await;
    tab.wait_text("messages", "You changed who may do what").await;
    bob.tab.wait_for("only-admins-write").await;
    bob.tab.wait_text("messages", "changed who may do what").await;
    alice.send_and_wait("an announcement").await;
    bob.wait_message("an announcement").await;
    // Whoever types elsewhere goes on there when the field comes back.
    bob.tab.type_into("search", "new").await;
    tab.click("post-everyone").await;
    bob.tab.wait_for("composer").await;
    bob.tab.evaluate(FRAMES).await;
    assert_eq!(bob.tab.focused().await["testid"], "search");
    bob.tab.press("Escape").await;
    bob.send_and_wait("thank you").await;

    // A member just goes.
    bob.tab.click("leave-group").await;
    bob.tab.wait_for("confirm").await;
    assert_eq!(bob.tab.count("leave-successor").await, 0);
    bob.tab.click("cancel").await;
    bob.tab.wait_gone("confirm").await;
    bob.tab.click("leave-group").await;
    bob.tab.click("confirm").await;
    bob.tab.wait_text("messages", "You left the group").await;
    bob.tab.wait_gone("leave-group").await;
    tab.wait_text("messages", "left").await;
    tab.wait_count("member", 2).await;
    alice.send_and_wait("two of us").await;

    // Whoever owns it alone names somebody.
    tab.click("leave-group").await;
    tab.wait_text("leave-successor", "carol").await;
    tab.click("confirm").await;
    tab.wait_text("messages", "You left the group").await;
    let shown = carol.run_up_to_date(&["group", "show", "News"]).await.ok().one();
    assert_eq!(shown["members"].as_array().map(Vec::len), Some(1), "{shown}");
    assert_eq!(shown["members"][0]["role"], "owner", "{shown}");
}

#[tokio::test]
async fn a_group_has_a_picture_and_says_what_it_is_about() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start().await;
    let profiles = [Kind::Chromium, Kind::Firefox].map(Profile::new);
    let (browser, other_browser) = (profiles[0].start().await, profiles[1].start().await);
    let alice = WebPerson::sign_up(&browser, &server, "alice").await;
    let bob = WebPerson::sign_up(&other_browser, &server, "bob").await;
    let tab = &alice.tab;
    open_new_group(tab).await;
    choose(tab, "bob").await;
    let file = png(tab, folder.path()).await;
    tab.choose_file("group-picture-file", &file).await;
    tab.wait_for("picture-preview").await;
    // What was chosen is asked about before it is thrown away.
    tab.press("Escape").await;
    tab.wait_for("confirm").await;
    tab.click("cancel").await;
    tab.wait_gone("confirm").await;
    tab.fill("group-name", "Harvest").await;
    tab.fill(
        "group-about",
        "Ladders, crates,\nand who brings soup: https://example.org/soup",
    )
    .await;
    tab.click("new-group-form post-admins").await;
    tab.click("new-group-create").await;
    tab.wait_gone("new-group-form").await;
    tab.wait_text("group-about", "and who brings soup").await;
    let middle = serde_json::json!([256, 256, "green", "green"]);
    let in_list = "[data-testid=\"chat-item\"][data-handle=\"\"]";
    assert_eq!(picture_in(tab, in_list).await, middle);
    assert_eq!(picture_in(tab, ".pane-head").await, middle);

    // Bob sees it as soon as he is in it, and cannot change it.
    bob.tab.wait_text(GROUP, "Harvest").await;
    bob.tab.click(GROUP).await;
    bob.tab.wait_for("only-admins-write").await;
    bob.tab.wait_text("group-about", "Ladders, crates,").await;
    assert_eq!(bob.tab.count("css:[data-testid=group-about] a").await, 1);
    assert_eq!(picture_in(&bob.tab, ".pane-head").await, middle);
    bob.tab.wait_for("leave-group").await;
    assert_eq!(bob.tab.count("edit-group").await, 0);

    // It is changed, and taken away again.
    tab.click("edit-group").await;
    tab.wait_for("group-new-about").await;
    tab.fill("group-new-about", "Only soup").await;
    tab.click("group-picture-remove").await;
    tab.until("document.activeElement.dataset.testid === 'group-picture-choose'")
        .await;
    tab.click("edit-group-submit").await;
    tab.wait_gone("group-new-about").await;
    tab.wait_text("messages", "You changed the picture of the group")
        .await;
    tab.wait_text("messages", "You changed what the group is about")
        .await;
    bob.tab
        .wait_text("messages", "changed the picture of the group")
        .await;
    bob.tab
        .wait_text("messages", "changed what the group is about")
        .await;
    bob.tab.wait_text("group-about", "Only soup").await;
    bob.tab
        .wait_for("css:.pane-head .avatar:not([data-pictured])")
        .await;
    // An empty text takes it away.
    tab.click("edit-group").await;
    tab.wait_for("group-new-about").await;
    tab.fill("group-new-about", " ").await;
    tab.click("edit-group-submit").await;
    tab.wait_gone("group-new-about").await;
    bob.tab.wait_gone("group-about").await;
}
