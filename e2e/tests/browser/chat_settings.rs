//! What the user chooses for a conversation: pinned, muted, archived, marked as unread.

use serde_json::{Value, json};
use subrosa_e2e::{
    Person, Server,
    browser::{Look, Profile, Tab, WebPerson, report::LOOKS},
};
use subrosa_web_rpc::{
    ChatId, ChatSetting, ChatSettings, Contact, Conversation, ConversationKind, Event, LocalMessageId,
    Message, MessageStatus, Mute, Presence, Request,
};
use subrosa_wire::{AccountId, Timestamp};

use crate::{
    screens::Visitor,
    scripted_worker::{ScriptedPage, noon},
    stage::{BOTH, NO_LIMITS, Stage},
};

const BOB: &str = "chat-item[data-handle=\"bob\"]";
const CAROL: &str = "chat-item[data-handle=\"carol\"]";

/// Waits until the list shows exactly these conversations, in this order.
async fn wait_order(tab: &Tab, handles: &[&str]) {
    let shown =
        "Array.from(document.querySelectorAll('[data-testid=chat-item]'), (chat) => chat.dataset.handle)";
    let wanted = json!(handles).to_string();
    tab.until(&format!("JSON.stringify({shown}) === '{wanted}'"))
        .await;
}

/// Gives the focus to the conversation with somebody in the list.
async fn focus(tab: &Tab, handle: &str) {
    tab.evaluate(&format!(
        "document.querySelector('[data-testid=chat-item][data-handle={handle}]').focus()"
    ))
    .await;
}

/// Chooses from the menu of a conversation, which the keyboard opens.
async fn choose(tab: &Tab, handle: &str, item: &str) {
    focus(tab, handle).await;
    tab.press("Shift+F10").await;
    tab.click(item).await;
    tab.wait_gone(item).await;
}

/// Waits until the conversation with somebody has the focus.
async fn wait_focus(tab: &Tab, handle: &str) {
    tab.until(&format!("document.activeElement.dataset.handle === '{handle}'"))
        .await;
}

async fn carol(server: &Server) -> Person {
    let carol = Person::sign_up(server, "carol").await;
    carol.run(&["send", "@alice", "I am new here"]).await.ok();
    carol
}

#[tokio::test]
async fn chats_are_pinned_muted_archived_and_marked_unread_by_their_menu() {
    for kind in BOTH {
        let stage = Stage::set(kind).await;
        let tab = &stage.alice.tab;
        stage.bob_says("hello").await;
        tab.wait_text(BOB, "hello").await;
        let carol = carol(&stage.server).await;
        wait_order(tab, &["carol", "bob"]).await;

        // Pinned: on top, whatever is said elsewhere.
        choose(tab, "bob", "chat-pin").await;
        wait_order(tab, &["bob", "carol"]).await;
        tab.wait_for(&format!("{BOB} pinned")).await;
        wait_focus(tab, "bob").await;

        // Muted.
        tab.until("document.title.startsWith('(2)')").await;
        focus(tab, "carol").await;
        tab.press("Shift+F10").await;
        tab.click("chat-mute").await;
        tab.wait_for("mute-hour").await;
        tab.until("document.activeElement.dataset.testid === 'mute-hour'")
            .await;
        tab.press("End").await;
        tab.press("Enter").await;
        tab.wait_for(&format!("{CAROL} muted")).await;
        wait_focus(tab, "carol").await;
        carol.run(&["send", "@alice", "quiet now"]).await.ok();
        tab.wait_text(&format!("{CAROL} unread"), "2").await;
        tab.until("document.title.startsWith('(1)')").await;

        // Marked as unread until it is opened.
        choose(tab, "bob", "chat-mark-read").await;
        tab.wait_gone(&format!("{BOB} unread")).await;
        choose(tab, "bob", "chat-mark-unread").await;
        tab.wait_for(&format!("{BOB} marked-unread")).await;
        assert_eq!(tab.attribute(BOB, "data-unread").await, "true");
        tab.click(BOB).await;
        tab.wait_gone("marked-unread").await;
        // The open one stays marked, until it is chosen again.
        choose(tab, "bob", "chat-mark-unread").await;
        tab.wait_for("marked-unread").await;
        tab.click(BOB).await;
        tab.wait_gone("marked-unread").await;
        tab.press("Escape").await;
        tab.wait_gone("composer").await;

        // Archived until something is said.
        choose(tab, "bob", "chat-archive").await;
        wait_order(tab, &["carol"]).await;
        wait_focus(tab, "carol").await;
        stage.bob_says("are you there?").await;
        wait_order(tab, &["bob", "carol"]).await;
        tab.wait_gone("archived").await;

        // Whatever is muted stays there.
        choose(tab, "carol", "chat-archive").await;
        wait_order(tab, &["bob"]).await;
        carol.run(&["send", "@alice", "nobody hears me"]).await.ok();
        tab.wait_text("archived", "1").await;
        tab.click("archived").await;
        tab.wait_text(CAROL, "nobody hears me").await;
        wait_order(tab, &["carol"]).await;
        tab.until("document.activeElement.dataset.testid === 'archived-back'")
            .await;
        // A search finds all of them, from here, too.
        tab.fill("search", "bo").await;
        wait_order(tab, &["bob"]).await;
        tab.press("Escape").await;
        wait_order(tab, &["carol"]).await;
        tab.press("Escape").await;
        wait_order(tab, &["bob"]).await;
        tab.until("document.activeElement.dataset.testid === 'search'")
            .await;
        tab.fill("search", "carol").await;
        wait_order(tab, &["carol"]).await;

        // All of it outlives the page.
        tab.reload().await;
        wait_order(tab, &["bob"]).await;
        tab.wait_for(&format!("{BOB} pinned")).await;
        tab.click("archived").await;
        tab.wait_for(&format!("{CAROL} muted")).await;
        choose(tab, "carol", "chat-unmute").await;
        // What was said while it was muted brings it back. It was the only one there.
        wait_order(tab, &["bob", "carol"]).await;
        tab.wait_gone("archived-back").await;
        choose(tab, "bob", "chat-unpin").await;
        wait_order(tab, &["carol", "bob"]).await;
    }
}

#[tokio::test]
async fn what_is_chosen_for_a_chat_is_the_same_in_another_browser() {
    let server = Server::start_configured(NO_LIMITS).await;
    let profiles = BOTH.map(Profile::new);
    let (browser, other_browser) = (profiles[0].start().await, profiles[1].start().await);
    let alice = WebPerson::sign_up(&browser, &server, "alice").await;
    let bob = Person::sign_up(&server, "bob").await;
    bob.run(&["send", "@alice", "hello"]).await.ok();
    let _carol = carol(&server).await;
    let second = WebPerson::at(&other_browser, server.url(), "alice").await;
    second.sign_in().await;
    wait_order(&alice.tab, &["carol", "bob"]).await;
    // A new device lists them as it has joined them, in any order.
    second.tab.wait_count("chat-item", 2).await;

    choose(&alice.tab, "bob", "chat-pin").await;
    wait_order(&second.tab, &["bob", "carol"]).await;
    choose(&second.tab, "carol", "chat-archive").await;
    wait_order(&alice.tab, &["bob"]).await;
    choose(&alice.tab, "bob", "chat-mark-read").await;
    alice.tab.wait_gone(&format!("{BOB} unread")).await;
    choose(&alice.tab, "bob", "chat-mark-unread").await;
    second.tab.wait_for("marked-unread").await;

    // Muted in the details on one, unmuted on the other.
    second.tab.click(BOB).await;
    alice.tab.wait_gone("marked-unread").await;
    second.tab.wait_text("mute-state", "Off").await;
    second.tab.click("mute-row").await;
    second.tab.click("mute-week").await;
    second.tab.wait_text("mute-state", "Until").await;
    alice.tab.wait_for(&format!("{BOB} muted")).await;
    choose(&alice.tab, "bob", "chat-unmute").await;
    second.tab.wait_text("mute-state", "Off").await;
    second.tab.wait_gone("muted").await;
}

const GROUP: ChatId = ChatId::new(3);

fn contact(number: u8, handle: &str, name: &str) -> Contact {
    Contact {
        account_id: AccountId::from_bytes([number; 16]),
        handle: Some(handle.parse().unwrap()),
        former_handle: None,
        name: Some(name.to_owned()),
        picture: None,
        nickname: None,
        is_blocked: false,
    }
}

fn said(chat: ChatId, sender: u8, text: &str, status: MessageStatus) -> Message {
    Message {
        id: LocalMessageId::new(chat.get()),
        chat,
        sender: AccountId::from_bytes([sender; 16]),
        outgoing: status == MessageStatus::Delivered,
        text: text.to_owned(),
        sent_at: noon(),
        status,
        position: 1,
        lifetime: None,
    }
}

/// A conversation of the list; those with higher numbers were active earlier.
fn chat(number: u8, handle: &str, name: &str, text: &str) -> Conversation {
    let id = ChatId::new(number.into());
    Conversation {
        id,
        with: Some(contact(number, handle, name)),
        last_message: Some(said(id, number, text, MessageStatus::Read)),
        active_at: Timestamp::from_millis(noon().as_millis() - u64::from(number)),
        ..crate::scripted_worker::conversation()
    }
}

fn chats() -> Vec<Conversation> {
    let settings = ChatSettings::default();
    let archived = ChatSettings {
        is_archived: true,
        ..settings
    };
    let mut ben = chat(4, "ben", "Ben Okafor", "Great. See you there.");
    ben.last_message = Some(said(
        ben.id,
        0xa1,
        "Great. See you there.",
        MessageStatus::Delivered,
    ));
    ben.presence = Presence::Online;
    let mut choir = chat(
        3,
        "x00",
        "",
        "Rehearsal moves to seven, and the hall is another one",
    );
    choir.kind = ConversationKind::Group;
    choir.with = None;
    choir.title = Some("Rosewater choir".to_owned());
    choir.unread = 4;
    choir.settings.mute = Mute::ForEver;
    let mut notes = chat(9, "x00", "", "Seed list for spring, draft 2");
    notes.kind = ConversationKind::NotesToSelf;
    notes.with = None;
    notes.settings.is_pinned = true;
    let mut chiara = chat(5, "chiara", "Chiara Moretti", "Shall we meet on Saturday?");
    chiara.settings.is_marked_unread = true;
    let mut dmitri = chat(6, "dmitri", "Dmitri K.", "A photo of the gate");
    dmitri.settings = ChatSettings {
        mute: Mute::ForEver,
        is_pinned: true,
        is_marked_unread: true,
        ..settings
    };
    let mut imani = chat(7, "imani", "Imani", "I can take the early shift");
    imani.settings = archived;
    let mut noor = chat(8, "noor", "Noor", "See you there!");
    noor.settings = ChatSettings {
        mute: Mute::ForEver,
        ..archived
    };
    noor.unread = 12;
    vec![ben, choir, notes, chiara, dmitri, imani, noor]
}

/// Presses the right button of the mouse in the middle of what matches first.
async fn press_right(tab: &Tab, css: &str) {
    let place = format!(
        "(() => {{ const area = document.querySelector('{css}').getBoundingClientRect(); \
         return [area.x + area.width / 2, area.y + area.height / 2]; }})()"
    );
    let place = tab.evaluate(&place).await;
    for kind in ["mousePressed", "mouseReleased"] {
        let buttons = if kind == "mousePressed" { 2 } else { 0 };
        let press = json!({
            "type": kind, "x": place[0], "y": place[1], "button": "right", "buttons": buttons, "clickCount": 1,
        });
        tab.devtools("Input.dispatchMouseEvent", press).await;
    }
}

async fn turn(tab: &Tab, direction: &str) {
    tab.evaluate(&format!("void (document.documentElement.dir = '{direction}')"))
        .await;
}

#[tokio::test]
async fn the_menu_of_a_chat_and_the_archived_ones_are_pictured_and_axe_finds_nothing() {
    let mut visitor = Visitor::new();
    let page = ScriptedPage::open("/", |_| None).await;
    let tab = &page.tab;
    page.wait_for("chat-item").await;
    for chat in chats() {
        page.report(Event::Conversation(Box::new(chat))).await;
    }
    tab.wait_text("archived", "2").await;
    assert_eq!(tab.evaluate("document.title").await, Value::from("Subrosa"));
    visitor.visit(tab, "90-chat-list").await;
    visitor.visit_in_forced_colours(tab, "90-chat-list").await;

    // By a key.
    let chiara = "[data-testid=chat-item][data-handle=chiara]";
    focus(tab, "chiara").await;
    tab.press("Shift+F10").await;
    tab.wait_for("chat-archive").await;
    visitor.visit(tab, "91-chat-menu").await;
    visitor.visit_in_forced_colours(tab, "91-chat-menu").await;
    tab.press("Escape").await;
    tab.wait_gone("chat-archive").await;
    wait_focus(tab, "chiara").await;

    // By the other button of the mouse: the menu does not close when that is released.
    press_right(tab, chiara).await;
    tab.wait_for("chat-mark-read").await;
    tab.evaluate(crate::scripted_worker::FRAMES).await;
    visitor
        .visit_in(tab, "92-chat-menu-at-pointer", &LOOKS[..2])
        .await;
    tab.click("chat-mute").await;
    tab.wait_for("mute-week").await;
    visitor.visit(tab, "93-mute").await;
    visitor.visit_in_forced_colours(tab, "93-mute").await;
    tab.click("mute-for-ever").await;
    page.wait_asked(&Request::SetChat {
        chat: ChatId::new(5),
        setting: ChatSetting::Mute(Mute::ForEver),
    })
    .await;
    turn(tab, "rtl").await;
    press_right(tab, "[data-testid=chat-item][data-handle=dmitri]").await;
    tab.wait_for("chat-unpin").await;
    visitor.visit_in(tab, "92-chat-menu-rtl", &LOOKS[..1]).await;
    tab.press("Escape").await;
    tab.wait_gone("chat-unpin").await;
    turn(tab, "ltr").await;

    tab.click("archived").await;
    tab.wait_for("archived-back").await;
    tab.wait_count("chat-item", 2).await;
    visitor.visit(tab, "94-archived").await;
    visitor.visit_in_forced_colours(tab, "94-archived").await;
    tab.press("ArrowDown").await;
    tab.press("Escape").await;
    tab.until("document.activeElement.dataset.testid === 'archived'")
        .await;
    // In the details.
    tab.look(&Look::WIDE).await;
    tab.click("chat-item[data-handle=dmitri]").await;
    page.wait_for("mute-row").await;
    tab.click("mute-row").await;
    tab.wait_for("mute-end").await;
    visitor.visit_in(tab, "95-mute-in-details", &LOOKS[..2]).await;
    visitor.end();
}

// Somebody who is about to press it must not lose it.
#[tokio::test]
async fn a_menu_stays_as_it_is_while_messages_arrive() {
    let page = ScriptedPage::open("/", |_| None).await;
    let tab = &page.tab;
    page.wait_for("chat-item").await;
    let choir = chats().into_iter().find(|chat| chat.id == GROUP).unwrap();
    let read = Conversation {
        unread: 0,
        ..choir.clone()
    };
    page.report(Event::Conversation(Box::new(read))).await;
    tab.wait_for("chat-item[data-chat=\"3\"]").await;
    tab.evaluate("document.querySelector('[data-chat=\"3\"]').focus()")
        .await;
    tab.press("Shift+F10").await;
    tab.until("document.activeElement.dataset.testid === 'chat-pin'")
        .await;
    tab.press("ArrowDown").await;
    page.report(Event::Conversation(Box::new(choir))).await;
    tab.wait_for("chat-item unread").await;
    assert_eq!(tab.focused().await["testid"], "chat-mark-unread");
}
