//! What only a server that lies, a clumsy member or a broken network leads to: how it looks, and that it can be
//! answered with the keyboard.

use subrosa_web_rpc::{
    Answer, ChatId, ConversationState, Device, Event, MemberMisbehaviour, Message, MessageStatus, Notice,
    NoticeKind, Request, Warning,
};
use subrosa_wire::{AccountId, DeviceId, Timestamp};

use crate::{
    screens::Visitor,
    scripted_worker::{ScriptedPage, bob, noon},
};

const CHAT: ChatId = ChatId::new(1);

/// An account that the server shows under Bob's handle.
const OTHER: AccountId = AccountId::from_bytes([0x3c; 16]);

fn device(number: u8, days: u64, certified: bool) -> Device {
    Device {
        id: DeviceId::from_bytes([number; 16]),
        name: None,
        created_at: Timestamp::from_millis(noon().as_millis() - days * 86_400_000),
        last_seen_at: noon(),
        current: number == 1,
        certified,
    }
}

fn talk(chat: ChatId) -> Answer {
    let message = |number: i64, outgoing: bool, text: &str| Message {
        id: subrosa_web_rpc::LocalMessageId::new(number),
        chat,
        sender: if outgoing {
            AccountId::from_bytes([0xa1; 16])
        } else {
            bob().account_id
        },
        outgoing,
        text: text.to_owned(),
        sent_at: Timestamp::from_millis(noon().as_millis() + number.unsigned_abs() * 60_000),
        status: MessageStatus::Read,
        position: number * 10,
        lifetime: None,
    };
    let notice = |position, by| Notice {
        by_user: false,
        about_user: false,
        chat,
        position,
        at: noon(),
        kind: NoticeKind::DeviceAdded,
        by,
        who: vec![bob()],
    };
    Answer::Messages {
        messages: vec![
            message(1, true, "Are the crates dry?"),
            message(2, false, "All of them. New phone, by the way!"),
            message(3, true, "See you at the gate."),
        ],
        has_older: false,
        has_newer: false,
        notices: vec![notice(15, Some(bob())), notice(25, None)],
    }
}

fn answers(request: &Request) -> Option<Answer> {
    match request {
        Request::Messages { chat, .. } => Some(talk(*chat)),
        Request::CompareHandle(_) => Some(Answer::HandleComparison {
            known: Some(bob().account_id),
            shown: Some(OTHER),
        }),
        Request::AcceptHandle { .. } | Request::TryAgain(_) => Some(Answer::Done),
        Request::Devices => Some(Answer::Devices(vec![
            device(1, 3, true),
            device(2, 40, true),
            device(3, 1, false),
        ])),
        _ => None,
    }
}

fn reassigned() -> Event {
    Event::Warning(Warning::HandleReassigned {
        chat: Some(CHAT),
        account: bob().account_id,
        handle: bob().handle,
    })
}

#[tokio::test]
async fn the_screens_of_warnings_are_pictured_and_axe_finds_nothing() {
    let mut visitor = Visitor::new();
    let mut page = ScriptedPage::open("/chat/bob", answers).await;
    page.wait_for("message").await;
    visitor.visit(&page.tab, "70-lines-about-devices").await;

    page.report(reassigned()).await;
    page.wait_for("compare-accounts").await;
    visitor.visit(&page.tab, "71-another-account").await;
    page.tab.click("compare-accounts").await;
    page.wait_for("account-shown").await;
    visitor.visit(&page.tab, "72-compare-accounts").await;
    page.tab.click("compare-keep").await;
    page.tab.click("css:[data-testid=warning] .icon-button").await;
    page.tab.wait_gone("warning").await;

    for (state, what, screen) in [
        (ConversationState::Blocked, "blocked", "73-blocked"),
        (ConversationState::CutOff, "cut-off", "75-cut-off"),
        (ConversationState::Quarantined, "set-aside", "76-set-aside"),
    ] {
        page.conversation.state = state;
        page.conversation.quarantine = (state == ConversationState::Quarantined)
            .then(|| "a conversation without its group: entry 12 of epoch 3".to_owned());
        page.report(Event::Conversation(Box::new(page.conversation.clone())))
            .await;
        page.wait_for(what).await;
        visitor.visit(&page.tab, screen).await;
        if state == ConversationState::Blocked {
            page.tab.click("blocked-compare").await;
            page.tab.wait_for("blocked-again").await;
            page.tab.wait_for("css:[data-testid=blocked-keep]:focus").await;
            visitor.visit(&page.tab, "74-blocked-again").await;
            page.tab.press("Escape").await;
            page.tab.wait_gone("blocked-again").await;
        }
    }
    page.conversation.state = ConversationState::Joined;
    page.report(Event::Conversation(Box::new(page.conversation.clone())))
        .await;
    page.tab.wait_gone("set-aside").await;

    page.state.caught_up = false;
    page.state.refusal = Some("unavailable: the server cannot do this now (it is being moved)".to_owned());
    page.report(Event::State(Box::new(page.state.clone()))).await;
    page.wait_for("refused-strip").await;
    visitor.visit(&page.tab, "77-refused").await;
    page.state.caught_up = true;
    page.report(Event::State(Box::new(page.state.clone()))).await;
    page.tab.wait_gone("refused-strip").await;

    page.state.clock_difference_ms = Some(-3 * 86_400_000);
    page.report(Event::State(Box::new(page.state.clone()))).await;
    page.wait_for("clock-strip").await;
    visitor.visit(&page.tab, "77-wrong-clock").await;
    page.state.clock_difference_ms = None;
    page.report(Event::State(Box::new(page.state.clone()))).await;
    page.tab.wait_gone("clock-strip").await;

    page.report(Event::Warning(Warning::UnknownDevice(DeviceId::from_bytes(
        [3; 16],
    ))))
    .await;
    page.report(Event::Warning(Warning::MemberMisbehaved {
        chat: CHAT,
        member: bob(),
        how: MemberMisbehaviour::BrokenRule,
        detail: "a commit that removes somebody".to_owned(),
    }))
    .await;
    page.wait_for("to-devices").await;
    visitor.visit(&page.tab, "78-unknown-device").await;
    page.tab.click("to-devices").await;
    page.wait_for("device").await;
    visitor.visit(&page.tab, "79-devices").await;
    page.tab
        .evaluate("document.querySelector('[data-testid=\"device\"]').closest('section').scrollIntoView()")
        .await;
    visitor.visit(&page.tab, "79-devices-below").await;
    page.tab.click("device-rename").await;
    page.tab.wait_for("device-new-name").await;
    visitor.visit(&page.tab, "79-rename-device").await;
    page.tab.press("Escape").await;
    page.tab.wait_gone("device-new-name").await;
    page.tab.click("device-sign-out").await;
    page.tab.wait_for("confirm").await;
    visitor.visit(&page.tab, "79-sign-out-device").await;
    page.tab.press("Escape").await;
    page.tab.wait_gone("confirm").await;
    // Hidden radio buttons below the fold made the whole page scroll beside its column.
    let scrolls = "document.documentElement.scrollHeight > innerHeight";
    assert_eq!(page.tab.evaluate(scrolls).await, false);
    visitor.end();
}

#[tokio::test]
async fn accounts_are_compared_and_accepted_with_the_keyboard_alone() {
    let page = ScriptedPage::open("/chat/bob", answers).await;
    page.wait_for("message").await;
    // Nothing takes the focus away later.
    page.wait_for("css:[data-testid=composer]:focus").await;
    page.report(reassigned()).await;
    page.wait_for("compare-accounts").await;
    page.tab
        .evaluate("document.querySelector('[data-testid=\"compare-accounts\"]').focus()")
        .await;
    page.tab.press("Enter").await;
    page.wait_for("css:[data-testid=compare-keep]:focus").await;
    page.wait_for("account-shown").await;
    // To keep things as they are is what Enter does.
    assert_eq!(page.tab.focused().await["testid"], "compare-keep");
    page.tab.press("Escape").await;
    page.tab.wait_gone("compare-keep").await;
    assert_eq!(page.tab.focused().await["testid"], "compare-accounts");
    page.tab.press("Enter").await;
    page.wait_for("css:[data-testid=compare-keep]:focus").await;
    page.wait_for("compare-accept").await;
    page.tab.press("Shift+Tab").await;
    assert_eq!(page.tab.focused().await["testid"], "compare-accept");
    page.tab.press("Enter").await;
    page.wait_for("css:body:not(:has(dialog[open]))").await;
    page.tab.wait_gone("warning").await;
}
