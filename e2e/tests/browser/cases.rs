//! What people report about messengers, each as a rule: in a page whose worker is played by the test.

use serde_json::json;
use subrosa_e2e::{
    Server,
    browser::{Kind, Look, Profile, report},
};
use subrosa_web_rpc::{
    Answer, ChatId, ConversationState, Event, LocalMessageId, Message, MessageStatus, Page, Person, Request,
};
use subrosa_wire::{AccountId, Timestamp, limits::MESSAGE_TEXT_MAX};

use crate::{
    scripted_worker::{FRAMES, ScriptedPage, bob, noon},
    stage::BOTH,
};

pub(crate) const CHAT: ChatId = ChatId::new(1);
const MINUTE: u64 = 60_000;

/// A message some minutes after noon.
pub(crate) fn message(number: i64, outgoing: bool, minutes: u64, text: &str) -> Message {
    Message {
        id: LocalMessageId::new(number),
        chat: CHAT,
        sender: if outgoing {
            AccountId::from_bytes([0xa1; 16])
        } else {
            bob().account_id
        },
        outgoing,
        text: text.to_owned(),
        sent_at: Timestamp::from_millis(noon().as_millis() + minutes * MINUTE),
        status: MessageStatus::Read,
        position: number * 10,
        lifetime: None,
    }
}

/// Answers as a worker does that has these messages.
pub(crate) fn page_of(all: &[Message], request: &Request) -> Option<Answer> {
    let Request::Messages { page, limit, .. } = request else {
        return None;
    };
    let limit = usize::try_from(*limit).unwrap();
    let (from, to) = match page {
        Page::Newest => (all.len().saturating_sub(limit), all.len()),
        Page::Before(position) => {
            let to = all.partition_point(|message| message.position < *position);
            (to.saturating_sub(limit), to)
        }
        Page::From(position) => {
            let from = all.partition_point(|message| message.position < *position);
            (from, all.len().min(from + limit))
        }
    };
    Some(Answer::Messages {
        has_older: from > 0,
        has_newer: to < all.len(),
        messages: all[from..to].to_vec(),
        notices: Vec::new(),
    })
}

pub(crate) fn nothing(_: &Request) -> Option<Answer> {
    None
}

pub(crate) fn a_few(request: &Request) -> Option<Answer> {
    let all = vec![
        message(1, false, 0, "Did you get home well?"),
        message(2, false, 1, "And is the garden still there?"),
        message(3, true, 2, "Yes, and \u{200b}yes.\nSee for yourself"),
        message(4, true, 30, "🌹"),
        message(5, false, 31, "🥶🍎"),
        message(6, false, 32, "שלום\nזאת שורה ארוכה יותר"),
    ];
    page_of(&all, request)
}

pub(crate) fn many(request: &Request) -> Option<Answer> {
    let text = |number: i64| format!("message {number}");
    let all: Vec<_> = (1..=150)
        .map(|number| message(number, number % 3 == 0, number.unsigned_abs(), &text(number)))
        .collect();
    page_of(&all, request)
}

fn every_status(request: &Request) -> Option<Answer> {
    let statuses = [
        MessageStatus::Read,
        MessageStatus::Delivered,
        MessageStatus::Sent,
        MessageStatus::Pending,
        MessageStatus::Failed,
    ];
    let all = (1..).zip(statuses).map(|(number, status)| Message {
        status,
        ..message(number, true, number.unsigned_abs() * 10, "Gate at 8:30?")
    });
    page_of(&all.collect::<Vec<_>>(), request)
}

#[tokio::test]
async fn every_status_has_a_shape_of_its_own() {
    let page = ScriptedPage::open("/chat/bob", every_status).await;
    page.wait_for("message").await;
    let shapes = "Array.from(document.querySelectorAll('.row .ticks path')).map((path) => {
        const style = getComputedStyle(path);
        return path.getAttribute('d') + (style.strokeDasharray === 'none' ? '' : ' dashed') + (style.fill === 'none' ? '' : ' filled');
    })";
    let shapes = page.tab.evaluate(shapes).await;
    let shapes: Vec<_> = shapes
        .as_array()
        .unwrap()
        .iter()
        .map(|shape| shape.as_str().unwrap())
        .collect();
    assert_eq!(shapes.len(), 5);
    for (number, shape) in shapes.iter().enumerate() {
        assert!(
            !shapes[..number].contains(shape),
            "two look the same: {shapes:#?}"
        );
    }
    assert!(
        shapes[0].ends_with("filled") && shapes[3].ends_with("dashed"),
        "{shapes:#?}"
    );
    report::pictures(&page.tab, "39-ticks").await;
}

#[tokio::test]
async fn forced_colours_leave_the_open_chat_a_badge_and_the_search_field_to_be_seen() {
    let mut page = ScriptedPage::open("/chat/bob", a_few).await;
    page.wait_for("message").await;
    page.conversation.unread = 3;
    page.report(Event::Conversation(Box::new(page.conversation.clone())))
        .await;
    page.wait_for("unread").await;
    let forced = json!({ "features": [{ "name": "forced-colors", "value": "active" }] });
    page.tab.devtools("Emulation.setEmulatedMedia", forced).await;
    let edges = "[
        getComputedStyle(document.querySelector('[data-testid=chat-item][aria-current]')).outlineStyle,
        getComputedStyle(document.querySelector('[data-testid=unread]')).borderTopStyle,
        getComputedStyle(document.querySelector('.search')).borderTopStyle,
    ]";
    assert_eq!(page.tab.evaluate(edges).await, json!(["solid", "solid", "solid"]));
    report::picture(&page.tab, "38-forced-colours").await;
}

#[tokio::test]
async fn an_empty_chat_of_a_device_that_came_later_does_not_ask_to_say_hello() {
    let mut page = ScriptedPage::open("/chat/bob", nothing).await;
    page.wait_for("conversation-start").await;
    page.tab.wait_text("conversation-start", "aren’t here").await;
    page.tab
        .wait_text("chat-item", "No messages on this device yet")
        .await;
    page.conversation.state = ConversationState::Starting;
    page.report(Event::Conversation(Box::new(page.conversation.clone())))
        .await;
    page.tab.wait_text("conversation-start", "Say hello").await;
    page.tab.wait_text("chat-item", "No messages yet").await;
}

#[tokio::test]
async fn on_a_touch_device_enter_makes_a_new_line_and_the_button_sends() {
    fn answers(request: &Request) -> Option<Answer> {
        match request {
            Request::SendText { text, .. } => Some(Answer::Message(Box::new(message(9, true, 40, text)))),
            _ => a_few(request),
        }
    }
    let page = ScriptedPage::open("/chat/bob", answers).await;
    page.wait_for("message").await;
    page.tab
        .devtools(
            "Emulation.setTouchEmulationEnabled",
            json!({ "enabled": true, "maxTouchPoints": 1 }),
        )
        .await;
    page.tab.until("matchMedia('(pointer: coarse)').matches").await;
    page.tab.type_into("composer", "one").await;
    page.tab.press("Enter").await;
    page.tab.type_text("two").await;
    assert_eq!(page.tab.text("composer").await, "one\ntwo");
    page.tab.click("send").await;
    page.wait_for("message[data-id=\"9\"]").await;
    assert_eq!(page.tab.text("composer").await, "");
}

#[tokio::test]
async fn what_a_pasted_text_replaces_does_not_count() {
    let page = ScriptedPage::open("/chat/bob", a_few).await;
    page.wait_for("message").await;
    let long = |letter: &str| letter.repeat(MESSAGE_TEXT_MAX - 10);
    page.tab.fill("composer", &long("a")).await;
    page.tab
        .evaluate("void document.querySelector('[data-testid=composer]').select()")
        .await;
    page.tab.paste("composer", &long("b")).await;
    page.tab
        .until("document.querySelector('[data-testid=composer]').value.startsWith('b')")
        .await;
    page.tab.paste("composer", &long("c")).await;
    page.tab.wait_for("error").await;
    assert!(page.tab.text("composer").await.starts_with("bb"));
}

/// A server on which only Carol is found.
fn with_carol(request: &Request) -> Option<Answer> {
    match request {
        Request::SearchPeople(_) => Some(Answer::People(vec![Person {
            account_id: AccountId::from_bytes([0xca; 16]),
            handle: "carol".parse().unwrap(),
        }])),
        _ => a_few(request),
    }
}

#[tokio::test]
async fn enter_in_the_search_opens_the_only_hit() {
    let page = ScriptedPage::open("/", with_carol).await;
    page.wait_for("chat-item").await;
    page.tab.type_into("search", "bo").await;
    page.tab.press("Enter").await;
    // It gets the focus a moment after it is shown.
    page.wait_for("css:[data-testid=composer]:focus").await;
    page.tab.wait_path("/chat/bob").await;
    // No conversation has this name, but a person has.
    page.tab.fill("search", "ca").await;
    page.wait_for("person-result").await;
    page.tab.press("Enter").await;
    page.tab.wait_path("/chat/carol").await;
}

// It did nothing.
#[tokio::test]
async fn enter_in_the_search_waits_for_the_answer() {
    let page = ScriptedPage::open("/", with_carol).await;
    page.wait_for("chat-item").await;
    page.tab.type_into("search", "ca").await;
    page.tab.press("Enter").await;
    page.wait_for("composer").await;
    page.tab.wait_path("/chat/carol").await;
}

#[tokio::test]
async fn back_returns_to_where_one_was_in_a_conversation() {
    let page = ScriptedPage::open("/chat/bob", many).await;
    page.wait_for("message[data-id=\"150\"]").await;
    let scroll = "document.querySelector('[data-testid=messages]').scrollTop = ";
    page.tab.evaluate(&format!("void ({scroll}0)")).await;
    page.wait_for("message[data-id=\"70\"]").await;
    page.tab
        .evaluate("void document.querySelector('[data-id=\"72\"]').scrollIntoView({ block: 'start' })")
        .await;
    // The page hears of it when it is drawn.
    page.tab.evaluate(FRAMES).await;
    let top = "Math.round(document.querySelector('[data-id=\"72\"]')?.getBoundingClientRect().top ?? -1)";
    let was = page.tab.evaluate(top).await.as_f64().unwrap();
    page.tab.click("settings-link").await;
    page.wait_for("settings").await;
    page.tab.evaluate("history.back()").await;
    page.wait_for("message[data-id=\"72\"]").await;
    page.tab.until(&format!("Math.abs({top} - {was}) < 4")).await;
    // A click on the chat leads to its end, as always.
    page.tab.click("settings-link").await;
    page.wait_for("settings").await;
    page.tab.click("chat-item").await;
    page.wait_for("message[data-id=\"150\"]").await;
}

#[tokio::test]
async fn theme_and_language_chosen_in_one_tab_reach_the_others() {
    for kind in BOTH {
        let server = Server::start().await;
        let profile = Profile::new(kind);
        let browser = profile.start().await;
        let first = browser.open(&server.url()).await;
        first.wait_for("go-register").await;
        let second = browser.open(&server.url()).await;
        second.wait_for("go-register").await;
        second.click("language-de").await;
        first.until("document.documentElement.lang === 'de'").await;
        second
            .evaluate("localStorage.setItem('subrosa-theme', 'dark')")
            .await;
        first
            .until("document.documentElement.dataset.theme === 'dark'")
            .await;
    }
}

#[tokio::test]
async fn a_changed_time_zone_is_followed_when_the_page_is_seen_again() {
    let page = ScriptedPage::open("/chat/bob", a_few).await;
    page.wait_for("message").await;
    let times = "Array.from(document.querySelectorAll('.row time')).map((time) => time.textContent).join()";
    let shown = |zone: &'static str| {
        let page = &page;
        async move {
            page.tab
                .devtools("Emulation.setTimezoneOverride", json!({ "timezoneId": zone }))
                .await;
            page.tab
                .evaluate("void document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))")
                .await;
            page.tab.evaluate("new Promise((done) => setTimeout(done))").await;
            page.tab.evaluate(times).await
        }
    };
    let in_london = shown("Europe/London").await;
    let in_tokyo = shown("Asia/Tokyo").await;
    assert_ne!(in_london, in_tokyo);
    assert_eq!(shown("Europe/London").await, in_london);
}

#[tokio::test]
async fn several_messages_are_copied_with_names_and_times_as_lines() {
    let page = ScriptedPage::open("/chat/bob", a_few).await;
    page.wait_for("message").await;
    let copy = |from: &str, to: &str| {
        let texts = "[data-testid=message-text]";
        format!(
            "(() => {{
                const text = (id) => document.querySelector(`[data-id=\"${{id}}\"] {texts}`);
                const nodes = document.createTreeWalker(text({from}), NodeFilter.SHOW_TEXT);
                while (nodes.nextNode() && !nodes.currentNode.data);
                getSelection().setBaseAndExtent(nodes.currentNode, 4, text({to}), text({to}).childNodes.length);
                const clipboardData = new DataTransfer();
                const event = new ClipboardEvent('copy', {{ clipboardData, bubbles: true, cancelable: true }});
                text({from}).dispatchEvent(event);
                return [event.defaultPrevented, clipboardData.getData('text/plain')];
            }})()"
        )
    };
    let copied = page.tab.evaluate(&copy("1", "3")).await;
    assert_eq!(copied[0], true);
    let copied = copied[1].as_str().unwrap();
    let lines: Vec<_> = copied.lines().collect();
    assert_eq!(lines.len(), 4, "{copied}");
    assert!(
        lines[0].starts_with('[') && lines[0].ends_with("] Bob Okafor: you get home well?"),
        "{copied}"
    );
    assert!(
        lines[1].ends_with("] Bob Okafor: And is the garden still there?"),
        "{copied}"
    );
    // What somebody typed stays, and only that is invisible.
    assert!(lines[2].ends_with("] You: Yes, and \u{200b}yes."), "{copied}");
    assert_eq!(lines[3], "See for yourself");
    let ours = ['\u{2068}', '\u{2069}', '\u{200e}'];
    assert!(!copied.contains(ours), "{copied:?}");
    // The browser itself copies a part of one message.
    let copied = page.tab.evaluate(&copy("1", "1")).await;
    assert_eq!(copied[0], false);
}

#[tokio::test]
async fn every_form_with_a_password_names_the_user_for_password_managers() {
    let page = ScriptedPage::open("/settings", nothing).await;
    page.wait_for("password-old").await;
    let names = "Array.from(document.querySelectorAll('form:has([type=password])'))
        .map((form) => form.querySelector('[autocomplete=username]')?.value)";
    assert_eq!(page.tab.evaluate(names).await, json!(["alice", "alice"]));
}

#[tokio::test]
async fn lines_from_right_to_left_begin_at_the_right() {
    let page = ScriptedPage::open("/chat/bob", a_few).await;
    page.wait_for("message").await;
    let edges = "(() => {
            const range = document.createRange();
            range.selectNodeContents(document.querySelector('[data-id=\"6\"] [data-testid=message-text]'));
            const lines = Array.from(range.getClientRects()).filter((line) => line.width > 1);
            return [lines.length, Math.abs(lines[0].right - lines[1].right) < 2, Math.abs(lines[0].left - lines[1].left) > 10];
        })()";
    assert_eq!(page.tab.evaluate(edges).await, json!([2, true, true]));
}

#[tokio::test]
async fn the_skip_link_is_there_only_with_a_conversation() {
    let page = ScriptedPage::open("/", a_few).await;
    page.wait_for("chat-item").await;
    assert_eq!(page.tab.count("css:.skip").await, 0);
    page.tab.click("chat-item").await;
    page.wait_for("message").await;
    assert_eq!(page.tab.count("css:.skip").await, 1);
}

#[tokio::test]
async fn only_the_keyboard_brings_a_ring_around_the_field_to_write_in() {
    let page = ScriptedPage::open("/chat/bob", a_few).await;
    page.wait_for("css:[data-testid=composer]:focus").await;
    let ring = "getComputedStyle(document.querySelector('.composer')).outlineStyle";
    assert_eq!(page.tab.evaluate(ring).await, "none");
    page.tab.click("composer").await;
    assert_eq!(page.tab.evaluate(ring).await, "none");
    page.tab.press("Shift+Tab").await;
    page.tab.press("Tab").await;
    assert_eq!(page.tab.evaluate(ring).await, "solid");
}

#[tokio::test]
async fn the_time_stands_on_the_last_message_of_a_cluster_and_emoji_alone_are_large() {
    let page = ScriptedPage::open("/chat/bob", a_few).await;
    page.wait_for("message").await;
    let rows = "Array.from(document.querySelectorAll('[data-testid=message]')).map((row) => [
        row.querySelector('.stamp').getBoundingClientRect().width > 4,
        getComputedStyle(row.querySelector('.bubble-text')).fontSize,
        row.querySelector('.bubble').title !== '',
    ])";
    let rows = page.tab.evaluate(rows).await;
    let expected = json!([
        [false, "15px", true],
        [true, "15px", true],
        [true, "15px", true],
        [true, "56px", true],
        [false, "44px", true],
        [true, "15px", true],
    ]);
    assert_eq!(rows, expected);
    assert_eq!(page.tab.count("css:.row .avatar").await, 0);
    report::pictures(&page.tab, "37-clusters-and-emoji").await;
}

#[tokio::test]
async fn the_column_with_details_is_closed_and_opened_again_by_the_header() {
    let page = ScriptedPage::open("/chat/bob", a_few).await;
    page.wait_for("details").await;
    page.tab.click("details-close").await;
    page.tab.wait_gone("details").await;
    page.tab.click("header").await;
    page.tab.wait_for("details").await;
    page.tab
        .evaluate("void document.querySelector('[data-testid=details]').focus()")
        .await;
    page.tab.press("Escape").await;
    page.tab.wait_gone("details").await;
    assert_eq!(
        page.tab
            .evaluate("localStorage.getItem('subrosa-details-closed')")
            .await,
        "1"
    );
    // Where there is no room for the column, the header opens a dialog.
    page.tab.look(&Look::NARROW).await;
    page.tab.click("header").await;
    page.tab.wait_for("css:dialog[open]").await;
}

/// The app never comes, so only what stands in the page before it can be seen.
#[tokio::test]
async fn newcomers_see_the_first_page_before_the_app_is_there() {
    const LATE: &str = "if (globalThis.document) {
        const original = globalThis.fetch;
        const release = new Promise((done) => { globalThis.release = done; });
        globalThis.fetch = async (what, init) => {
            if (String(what).includes('/page-')) await release;
            return original(what, init);
        };
    }";
    let server = Server::start().await;
    for (languages, create) in [("en-GB,en", "Create account"), ("fr,de-AT", "Konto anlegen")] {
        let mut profile = Profile::new(Kind::Chromium);
        profile.prelude = LATE.to_owned();
        profile.languages = languages.to_owned();
        let browser = profile.start().await;
        let tab = browser.open(&server.url()).await;
        tab.wait_for("css:.first.auth-shell").await;
        assert_eq!(tab.count("go-register").await, 0, "the app is there");
        assert_eq!(tab.texts("css:.first .button.primary").await, [create]);
        // What is chosen now is what the app begins with.
        tab.click("css:.first .button.primary").await;
        tab.evaluate("void release()").await;
        tab.wait_for("register-handle").await;
        assert_eq!(tab.evaluate("location.href.includes('#')").await, false);
        // Who has an account sees the shapes of what comes.
        tab.evaluate("localStorage.setItem('subrosa-account', '1')").await;
        tab.reload().await;
        tab.wait_for("css:.first.boot").await;
        tab.wait_gone("css:.first .button.primary").await;
    }
}

#[tokio::test]
async fn a_question_that_was_put_away_is_asked_again_at_once() {
    let page = ScriptedPage::open("/settings", nothing).await;
    page.wait_for("sign-out").await;
    // A browser tells a page that a dialog was closed only some time afterwards: here, after it was opened again.
    let quickly = "(async () => {
        const press = (testid) => document.querySelector(`[data-testid='${testid}']`).click();
        const dialog = document.querySelector('dialog');
        let told = false;
        dialog.addEventListener('close', () => told = true);
        press('cancel');
        for (let turn = 0; turn < 100; turn++) await null;
        const isEarly = !told;
        press('sign-out');
        while (!told) await new Promise(requestAnimationFrame);
        await new Promise(requestAnimationFrame);
        return isEarly;
    })()";
    page.tab.click("sign-out").await;
    page.wait_for("confirm").await;
    assert_eq!(
        page.tab.evaluate(quickly).await,
        true,
        "this browser tells it at once"
    );
    page.wait_for("confirm").await;
}
