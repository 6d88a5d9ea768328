//! Disappearing messages, and a chat that is deleted on one device.

use subrosa_e2e::browser::{Kind, Look, report::LOOKS};
use subrosa_web_rpc::{Event, LocalMessageId, Message, MessageStatus, Notice, NoticeKind, Request};
use subrosa_wire::AccountId;

use crate::{
    screens::Visitor,
    scripted_worker::{ScriptedPage, bob, noon},
    stage::Stage,
};

const BOB: &str = "chat-item[data-handle=\"bob\"]";

#[tokio::test]
async fn messages_disappear_from_the_screen_while_one_looks_at_it() {
    let stage = Stage::talked(Kind::Chromium).await;
    let (alice, tab) = (&stage.alice, &stage.alice.tab);
    tab.look(&Look::WIDE).await;
    tab.wait_text("timer-state", "Off").await;
    tab.click("timer-row").await;
    tab.click("timer-week").await;
    tab.wait_text("timer-state", "7 days").await;
    tab.wait_for("header-timer").await;
    let is_said = "Array.from(document.querySelectorAll('[data-testid=conversation-event]'))\
        .some((event) => event.textContent.startsWith('You set messages to disappear after'))";
    tab.until(is_said).await;

    // From the terminal: shorter than the menu has it.
    stage.bob.run_up_to_date(&["chats"]).await.ok();
    let chat = stage
        .bob
        .run(&["group", "expire", "@alice", "5s"])
        .await
        .ok()
        .one();
    assert_eq!(chat["expires"], 5);
    tab.wait_text("timer-state", "5 seconds").await;
    stage.bob_says("gone soon").await;
    alice.wait_message("gone soon").await;
    tab.wait_for("fleeting").await;
    // It is read, since it is looked at.
    tab.wait_gone("fleeting").await;
    assert_eq!(alice.texts().await, ["first", "second"]);
    tab.wait_text(BOB, "second").await;

    alice.send("mine, too").await;
    tab.wait_for("fleeting").await;
    tab.wait_gone("fleeting").await;
    assert_eq!(alice.texts().await, ["first", "second"]);

    // A length that the menu does not have.
    tab.click("timer-row").await;
    tab.click("timer-own").await;
    tab.fill("timer-count", "400").await;
    tab.choose("timer-unit", "Days").await;
    tab.until("document.querySelector('[data-testid=timer-submit]').disabled")
        .await;
    tab.fill("timer-count", "12").await;
    tab.choose("timer-unit", "Hours").await;
    tab.click("timer-submit").await;
    tab.wait_text("timer-state", "12 hours").await;
    tab.click("timer-row").await;
    tab.click("timer-off").await;
    tab.wait_text("timer-state", "Off").await;
    tab.wait_gone("header-timer").await;

    // Deleted here, and nowhere else.
    tab.evaluate(&format!(
        "document.querySelector('[data-testid={}]').focus()",
        "chat-item"
    ))
    .await;
    tab.press("Shift+F10").await;
    tab.click("chat-delete").await;
    tab.click("confirm").await;
    tab.wait_gone("chat-item").await;
    tab.wait_path("/").await;
    assert_eq!(stage.bobs_texts().await[..2], ["first", "second"]);
    stage.bob_says("are you there?").await;
    tab.wait_text(BOB, "are you there?").await;
    tab.click(BOB).await;
    alice.wait_message("are you there?").await;
    assert_eq!(alice.texts().await, ["are you there?"]);
}

#[tokio::test]
async fn the_timer_and_the_deletion_of_a_chat_are_pictured_and_axe_finds_nothing() {
    let mut visitor = Visitor::new();
    let page = ScriptedPage::open("/chat/bob", |_| None).await;
    let tab = &page.tab;
    page.wait_for("composer").await;
    let chat = page.conversation.id;
    let mut conversation = page.conversation.clone();
    conversation.timer = Some(7 * 86_400);
    page.report(Event::Conversation(Box::new(conversation))).await;
    page.report(Event::Notice(Box::new(Notice {
        chat,
        position: 1,
        at: noon(),
        kind: NoticeKind::TimerChanged(Some(7 * 86_400)),
        by: Some(bob()),
        who: Vec::new(),
        by_user: false,
        about_user: false,
    })))
    .await;
    for (position, outgoing) in [(2, false), (3, true)] {
        page.report(Event::Message(Box::new(Message {
            id: LocalMessageId::new(position),
            chat,
            sender: if outgoing {
                AccountId::from_bytes([0xa1; 16])
            } else {
                bob().account_id
            },
            outgoing,
            text: "The door opens with 4711".to_owned(),
            sent_at: noon(),
            status: if outgoing {
                MessageStatus::Delivered
            } else {
                MessageStatus::Read
            },
            position,
            lifetime: Some(7 * 86_400),
        })))
        .await;
    }
    tab.wait_count("fleeting", 2).await;
    visitor.visit(tab, "a0-timer").await;
    visitor.visit_in_forced_colours(tab, "a0-timer").await;
    tab.look(&Look::WIDE).await;
    tab.click("timer-row").await;
    tab.wait_for("timer-off").await;
    visitor.visit_in(tab, "a1-timer-menu", &LOOKS[..2]).await;
    tab.look(&Look::WIDE).await;
    tab.click("timer-month").await;
    let seconds = Some(30 * 86_400);
    page.wait_asked(&Request::SetTimer { chat, seconds }).await;
    tab.click("timer-row").await;
    tab.click("timer-own").await;
    tab.wait_for("timer-submit").await;
    visitor.visit(tab, "a2-timer-own").await;
    tab.press("Escape").await;
    tab.wait_gone("timer-submit").await;
    tab.evaluate("document.querySelector('[data-testid=chat-item]').focus()")
        .await;
    tab.press("Shift+F10").await;
    tab.wait_for("chat-delete").await;
    visitor.visit_in(tab, "a3-chat-menu", &LOOKS[..2]).await;
    tab.look(&Look::WIDE).await;
    tab.click("chat-delete").await;
    tab.wait_for("confirm").await;
    visitor.visit(tab, "a4-delete-chat").await;
    tab.click("confirm").await;
    page.wait_asked(&Request::DeleteHere(chat)).await;
    visitor.end();
}
