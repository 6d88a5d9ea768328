//! Who types, who is online, what was read, and the switches that keep it from others: between real people, and in a
//! page whose worker is played by the test.

use std::time::Duration;

use serde_json::json;
use subrosa_e2e::{
    Server,
    browser::{Browser, Kind, Look, Profile, Tab, WebPerson, report},
};
use subrosa_web_rpc::{Answer, Audience, ConversationState, Event, Phase, Presence, Privacy, Request};
use subrosa_wire::Timestamp;

use crate::{
    cases::{CHAT, a_few, many, message, nothing},
    screens::Visitor,
    scripted_worker::{FRAMES, ScriptedPage, bob, noon},
    stage::type_until,
};

// ---- between real people ----

/// Alice at Chromium and Bob at Firefox, in their conversation.
struct Two {
    alice: WebPerson,
    bob: WebPerson,
    _browser: Browser,
    _bobs_browser: Browser,
    _profiles: [Profile; 2],
    server: Server,
}

impl Two {
    async fn talking() -> Self {
        let server = Server::start().await;
        let profiles = [Profile::new(Kind::Chromium), Profile::new(Kind::Firefox)];
        let (browser, bobs_browser) = (profiles[0].start().await, profiles[1].start().await);
        let alice = WebPerson::sign_up(&browser, &server, "alice").await;
        let bob = WebPerson::sign_up(&bobs_browser, &server, "bob").await;
        alice.open_chat("bob").await;
        alice.send_and_wait("are you there?").await;
        bob.tab.wait_for("chat-item").await;
        bob.open_chat("alice").await;
        bob.send_and_wait("I am").await;
        alice.wait_message("I am").await;
        // Each new connection says in its conversations who is there: in this one, which there was not before.
        alice.tab.reload().await;
        alice.wait_message("I am").await;
        Self {
            alice,
            bob,
            _browser: browser,
            _bobs_browser: bobs_browser,
            _profiles: profiles,
            server,
        }
    }
}

/// That the other one types: below the messages, in the header and in the list.
const IS_TYPING: &str = "document.querySelector('[data-testid=\"typing\"]') !== null && \
    ['presence', 'chat-item'].every((name) => \
        document.querySelector(`[data-testid=\"${name}\"]`)?.innerText.includes('typing…'))";

#[tokio::test]
async fn typing_is_shown_until_the_message_comes_or_the_text_is_gone() {
    let two = Two::talking().await;
    for (writer, reader) in [(&two.alice, &two.bob), (&two.bob, &two.alice)] {
        type_until(writer, "hm", reader, IS_TYPING).await;
        writer.tab.evaluate("void document.activeElement.select()").await;
        writer.tab.press("Backspace").await;
        reader.tab.wait_gone("typing").await;
        let text = format!("well, says {}", writer.handle);
        let text = type_until(writer, &text, reader, IS_TYPING).await;
        writer.tab.press("Enter").await;
        reader.wait_message(&text).await;
        // Not at once: what says so once more may be overtaken by the message.
        reader.tab.wait_gone("typing").await;
        reader.tab.wait_text("chat-item", &text).await;
        let text = format!("and, says {}", writer.handle);
        let text = type_until(writer, &text, reader, IS_TYPING).await;
        writer.tab.click("settings-link").await;
        reader.tab.wait_gone("typing").await;
        writer.open_chat(&reader.handle).await;
        writer.send_draft(&text).await;
        reader.wait_message(&text).await;
    }
}

#[tokio::test]
async fn whoever_looks_is_online_and_whoever_looks_away_was_seen_last() {
    let two = Two::talking().await;
    let (alice, bob) = (&two.alice, &two.bob);
    alice.tab.wait_text("presence", "online").await;
    alice.tab.wait_for("chat-item online").await;
    bob.tab.wait_text("presence", "online").await;
    look_away(&alice.tab).await;
    bob.tab.wait_text("presence", "last seen").await;
    bob.tab.wait_gone("online").await;
    // The same the other way around, in the other browser.
    alice.tab.wait_text("presence", "online").await;
    look_away(&bob.tab).await;
    alice.tab.wait_text("presence", "last seen").await;
}

/// The window loses the focus, as when somebody turns to another one.
async fn look_away(tab: &Tab) {
    tab.evaluate("(document.hasFocus = () => false, dispatchEvent(new Event('blur')))")
        .await;
}

#[tokio::test]
async fn without_read_receipts_neither_side_sees_read_and_every_device_has_the_switch() {
    let two = Two::talking().await;
    let (alice, bob) = (&two.alice, &two.bob);
    alice.wait_status("are you there?", &["read"]).await;
    let profile = Profile::new(Kind::Chromium);
    let browser = profile.start().await;
    let second = WebPerson::new(&browser, &two.server, "alice").await;
    second.sign_in().await;
    second.tab.click("settings-link").await;
    second.tab.wait_for("css:#privacy-read-receipts:checked").await;

    alice.tab.click("settings-link").await;
    alice.tab.click("privacy-read-receipts").await;
    second
        .tab
        .wait_for("css:#privacy-read-receipts:not(:checked)")
        .await;
    assert_eq!(
        second.tab.count("css:#privacy-typing:checked").await,
        1,
        "the others stay as they are"
    );
    alice.open_chat("bob").await;
    for round in 0..3 {
        for (writer, reader) in [(alice, bob), (bob, alice)] {
            let text = format!("{} says {round}", writer.handle);
            writer.send(&text).await;
            reader.wait_message(&text).await;
            reader.tab.wait_gone("chat-item unread").await;
            writer.wait_status(&text, &["delivered"]).await;
        }
    }
    for person in [alice, bob] {
        let read = person.texts_with_status(&["read"]).await;
        let is_new = |text: &String| text.contains("says");
        assert!(!read.iter().any(is_new), "{} sees {read:?}", person.handle);
    }

    // Back on at the other device.
    second.tab.click("privacy-read-receipts").await;
    alice.tab.click("settings-link").await;
    alice.tab.wait_for("css:#privacy-read-receipts:checked").await;
    alice.open_chat("bob").await;
    bob.send("and now?").await;
    alice.wait_message("and now?").await;
    bob.wait_status("and now?", &["read"]).await;
}

#[tokio::test]
async fn whoever_hides_typing_and_presence_shows_none_and_sees_none() {
    let two = Two::talking().await;
    let (alice, bob) = (&two.alice, &two.bob);
    for person in [alice, bob] {
        person.tab.wait_text("presence", "online").await;
    }
    alice.tab.click("settings-link").await;
    alice.tab.click("privacy-last-seen").await;
    alice.tab.click("privacy-typing").await;
    alice.tab.wait_gone("online").await;
    alice.open_chat("bob").await;
    bob.tab.wait_text("presence", "last seen").await;
    assert_eq!(alice.tab.count("presence").await, 0);
    for (writer, reader) in [(alice, bob), (bob, alice)] {
        let text = format!("quietly, says {}", writer.handle);
        writer.tab.type_into("composer", &text).await;
        writer.tab.press("Enter").await;
        reader.wait_message(&text).await;
        assert_eq!(reader.tab.count("typing").await, 0);
    }
    assert_eq!(alice.tab.count("presence").await, 0);
}

// ---- in a page whose worker is played ----

/// Bob types, or has stopped.
async fn types(page: &mut ScriptedPage, is_typing: bool) {
    page.conversation.typing = is_typing.then(|| bob().account_id).into_iter().collect();
    page.report(Event::Conversation(Box::new(page.conversation.clone())))
        .await;
    if is_typing {
        page.tab.wait_text("chat-item", "typing…").await;
    } else {
        page.tab.wait_gone("css:.chat-last .accent").await;
    }
}

/// Shows what is known of Bob.
async fn is(page: &mut ScriptedPage, presence: Presence) {
    page.conversation.presence = presence;
    page.report(Event::Conversation(Box::new(page.conversation.clone())))
        .await;
}

const FROM_END: &str = "(() => {
    const area = document.querySelector('[data-testid=messages]');
    return area.scrollHeight - area.clientHeight - Math.ceil(area.scrollTop);
})()";

fn top(css: &str) -> String {
    format!("document.querySelector('{css}').getBoundingClientRect().top")
}

#[tokio::test]
async fn a_message_takes_the_place_of_the_typing_and_nothing_jumps() {
    let mut page = ScriptedPage::open("/chat/bob", many).await;
    page.wait_for("message[data-id=\"150\"]").await;
    types(&mut page, true).await;
    page.wait_for("typing").await;
    page.tab.until(&format!("{FROM_END} <= 1")).await;
    let bubble = page.tab.evaluate(&top(".typing .bubble")).await.as_f64().unwrap();
    // The worker reports the message before the conversation in which nobody types any more.
    page.report(Event::Message(Box::new(message(151, false, 151, "message 151"))))
        .await;
    page.wait_for("message[data-id=\"151\"]").await;
    assert_eq!(page.tab.count("typing").await, 0, "both are there");
    page.tab.evaluate(FRAMES).await;
    let in_its_place = page.tab.evaluate(&top("[data-id=\"151\"] .bubble")).await;
    let moved = (in_its_place.as_f64().unwrap() - bubble).abs();
    assert!(moved < 2.0, "by {moved} pixels");
    assert!(page.tab.evaluate(FROM_END).await.as_f64().unwrap() <= 1.0);
    // The next one would follow the first closely.
    types(&mut page, true).await;
    page.wait_for("typing").await;
    page.tab.until(&format!("{FROM_END} <= 1")).await;
    let bubble = page.tab.evaluate(&top(".typing .bubble")).await.as_f64().unwrap();
    page.report(Event::Message(Box::new(message(152, false, 151, "message 152"))))
        .await;
    page.wait_for("message[data-id=\"152\"]").await;
    page.tab.evaluate(FRAMES).await;
    let in_its_place = page.tab.evaluate(&top("[data-id=\"152\"] .bubble")).await;
    let moved = (in_its_place.as_f64().unwrap() - bubble).abs();
    assert!(moved < 2.0, "by {moved} pixels");
}

#[tokio::test]
async fn typing_does_not_move_somebody_who_reads_further_up() {
    let mut page = ScriptedPage::open("/chat/bob", many).await;
    page.wait_for("message[data-id=\"150\"]").await;
    // Somewhere in the middle, and just above what still counts as the end.
    for from_end in [900, 60] {
        let scroll = format!(
            "(() => {{
                const area = document.querySelector('[data-testid=messages]');
                area.scrollTop = area.scrollHeight - area.clientHeight - {from_end};
            }})()"
        );
        page.tab.evaluate(&scroll).await;
        page.tab.evaluate(FRAMES).await;
        let place = top("[data-id=\"140\"]");
        let was = page.tab.evaluate(&place).await.as_f64().unwrap();
        for is_typing in [true, false, true, false] {
            types(&mut page, is_typing).await;
            page.tab.evaluate(FRAMES).await;
            let moved = (page.tab.evaluate(&place).await.as_f64().unwrap() - was).abs();
            assert!(moved < 1.0, "by {moved} pixels, {from_end} pixels from the end");
        }
    }
}

#[tokio::test]
async fn only_the_dots_move_without_end_and_nothing_for_whoever_wants_no_motion() {
    let mut page = ScriptedPage::open("/chat/bob", a_few).await;
    page.wait_for("message").await;
    let endless = "document.getAnimations().filter((one) => one.effect.getTiming().iterations === Infinity)
        .map((one) => one.effect.target.parentElement.className)";
    let all = "document.getAnimations().filter((one) => one.effect.target.closest('.typing')).length";
    for (has_motion, dots) in [(true, json!(["dots", "dots", "dots"])), (false, json!([]))] {
        let look = Look {
            has_motion,
            ..Look::WIDE
        };
        page.tab.look(&look).await;
        types(&mut page, true).await;
        page.wait_for("typing").await;
        assert_eq!(page.tab.evaluate(endless).await, dots);
        assert_eq!(page.tab.evaluate(all).await == 0, !has_motion);
        types(&mut page, false).await;
        page.tab.wait_gone("typing").await;
    }
}

#[tokio::test]
async fn typing_is_reported_now_and_then_while_there_is_text() {
    let mut page = ScriptedPage::open("/chat/bob", a_few).await;
    page.wait_for("message").await;
    let says = |is_typing| Request::SetTyping {
        chat: CHAT,
        is_typing,
    };
    let count = |asked: &[Request], is_typing| {
        asked
            .iter()
            .filter(|request| **request == says(is_typing))
            .count()
    };
    page.tab.type_into("composer", &"a".repeat(60)).await;
    let asked = page.wait_asked(&says(true)).await;
    assert!(count(&asked, true) < 20, "with each key");
    page.tab.fill("composer", "b").await;
    page.tab.press("Backspace").await;
    let asked = page.wait_asked(&says(false)).await;
    assert_eq!(count(&asked, false), 1);
    // A field that was empty before says nothing.
    page.tab.type_into("composer", "  ").await;
    page.tab.fill("composer", "c").await;
    let asked = page.wait_asked(&says(true)).await;
    assert_eq!(count(&asked, false), 0);
    page.tab.click("settings-link").await;
    page.wait_asked(&says(false)).await;
    // What is written in a conversation that is set aside waits, and nobody sees it being written.
    page.conversation.state = ConversationState::Quarantined;
    page.report(Event::Conversation(Box::new(page.conversation.clone())))
        .await;
    page.tab.click("chat-item").await;
    page.wait_for("composer").await;
    page.tab.fill("composer", "later").await;
    let kept = Request::KeepDraft {
        chat: CHAT,
        text: "later".to_owned(),
        shown: String::new(),
    };
    let asked = page.wait_asked(&kept).await;
    assert_eq!(count(&asked, true), 0);
}

#[tokio::test]
async fn presence_is_said_in_words_in_the_header_and_for_the_ear_in_the_list() {
    let mut page = ScriptedPage::open("/chat/bob", a_few).await;
    page.wait_for("message").await;
    // The page's clock stands still at noon of a day in another year, so that no day ends meanwhile.
    let now = Duration::from_millis(noon().as_millis()) + Duration::from_hours(100 * 24);
    page.tab
        .evaluate(&format!(
            "void (Date.now = () => {}, document.dispatchEvent(new Event('visibilitychange', {{ bubbles: true }})))",
            now.as_millis()
        ))
        .await;
    page.tab.wait_text("header", "").await;
    assert_eq!(page.tab.count("presence").await, 0);
    assert_eq!(page.tab.count("online").await, 0);
    is(&mut page, Presence::Online).await;
    page.tab.wait_text("presence", "online").await;
    page.tab.wait_for("chat-item online").await;
    let heard = "document.querySelector('.chat-name').textContent.trim()";
    page.tab.until(&format!("{heard} === 'Bob Okafor online'")).await;
    types(&mut page, true).await;
    page.tab.wait_text("presence", "typing…").await;
    types(&mut page, false).await;
    page.tab.wait_text("presence", "online").await;
    let ago = |time: Duration| {
        Timestamp::from_millis(u64::try_from(now.saturating_sub(time).as_millis()).unwrap_or_default())
    };
    for (at, words) in [
        (ago(Duration::ZERO), "last seen today at "),
        (ago(Duration::from_hours(24)), "last seen yesterday at "),
        (noon(), "last seen on 11/25/25"),
    ] {
        is(&mut page, Presence::LastSeen(at)).await;
        page.tab
            .until(&format!(
                "document.querySelector('[data-testid=presence]').textContent.replace(/[\\u2068\\u2069]/g, '').startsWith({})",
                json!(words)
            ))
            .await;
        page.tab.wait_gone("online").await;
        page.tab.look(&Look::NARROW).await;
        page.tab.evaluate(FRAMES).await;
        let is_whole = "(({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth)(document.querySelector('[data-testid=presence]'))";
        assert_eq!(page.tab.evaluate(is_whole).await, true, "{words} is cut off");
        page.tab.look(&Look::WIDE).await;
    }
    // What is wrong with the conversation is said first.
    page.conversation.state = ConversationState::Blocked;
    is(&mut page, Presence::Online).await;
    page.tab.wait_gone("presence").await;
}

#[tokio::test]
async fn the_user_is_here_while_the_page_is_looked_at_and_used() {
    let page = ScriptedPage::open("/chat/bob", a_few).await;
    // Long waits end when the test says so.
    page.tab
        .evaluate(
            "void (() => {
                const original = window.setTimeout;
                window.late = [];
                window.setTimeout = (run, ms, ...rest) => ms > 250_000 ? late.push(run) : original(run, ms, ...rest);
            })()",
        )
        .await;
    page.wait_for("message").await;
    page.wait_asked(&Request::SetHere(true)).await;
    let seen = |state: &str| {
        format!(
            "void (Object.defineProperty(document, 'visibilityState', {{ configurable: true, get: () => '{state}' }}),
                document.dispatchEvent(new Event('visibilitychange', {{ bubbles: true }})))"
        )
    };
    page.tab.evaluate(&seen("hidden")).await;
    page.wait_asked(&Request::SetHere(false)).await;
    page.tab.evaluate(&seen("visible")).await;
    page.wait_asked(&Request::SetHere(true)).await;
    // Another tab may lead now.
    page.report(Event::Reload).await;
    page.wait_asked(&Request::SetHere(true)).await;
    page.tab
        .evaluate("void (Date.now = ((now) => () => now() + 6 * 60_000)(Date.now), late.splice(0).forEach((run) => run()))")
        .await;
    page.wait_asked(&Request::SetHere(false)).await;
    page.tab.press("ArrowDown").await;
    page.wait_asked(&Request::SetHere(true)).await;
}

#[tokio::test]
async fn a_switch_that_is_not_saved_turns_back_and_says_why() {
    fn saves(request: &Request) -> Option<Answer> {
        matches!(request, Request::SetPrivacy(_)).then_some(Answer::Done)
    }
    let mut page = ScriptedPage::open("/settings", nothing).await;
    let all = Privacy {
        read_receipts: true,
        typing: true,
        last_seen: true,
        writers: Audience::Known,
        adders: Audience::Known,
    };
    let is_on = |name: &str| format!("css:#privacy-{name}:checked");
    page.wait_for(&is_on("typing")).await;
    assert_eq!(page.tab.count("css:[role=switch]:checked").await, 3);
    page.tab.click("privacy-typing").await;
    let wanted = Privacy { typing: false, ..all };
    page.wait_asked(&Request::SetPrivacy(wanted)).await;
    page.tab.wait_for("css:.setting [role=alert]").await;
    page.tab.wait_for(&is_on("typing")).await;

    // Two in a row, by mouse on the words and by keyboard; what the second one says holds both.
    page.answers = saves;
    page.tab.click("css:label[for=privacy-typing]").await;
    page.tab
        .evaluate("void document.querySelector('#privacy-last-seen').focus()")
        .await;
    page.tab.press("Space").await;
    let both = Privacy {
        typing: false,
        last_seen: false,
        ..all
    };
    // The worker reports before it answers.
    if let Phase::SignedIn(me) = &mut page.state.phase {
        me.privacy = both;
    }
    page.report(Event::State(Box::new(page.state.clone()))).await;
    page.wait_asked(&Request::SetPrivacy(both)).await;
    page.tab.wait_gone("css:.setting [role=alert]").await;
    page.tab.wait_count("css:[role=switch]:checked", 1).await;
    // On another device.
    if let Phase::SignedIn(me) = &mut page.state.phase {
        me.privacy = all;
    }
    page.report(Event::State(Box::new(page.state.clone()))).await;
    page.tab.wait_count("css:[role=switch]:checked", 3).await;
}

#[tokio::test]
async fn typing_presence_and_switches_are_pictured_and_axe_finds_nothing() {
    let mut visitor = Visitor::new();
    let mut page = ScriptedPage::open("/chat/bob", a_few).await;
    page.wait_for("message").await;
    is(&mut page, Presence::Online).await;
    page.tab.wait_for("presence").await;
    visitor.visit(&page.tab, "40-online").await;
    types(&mut page, true).await;
    page.tab.wait_for("typing").await;
    visitor.visit(&page.tab, "41-typing").await;
    types(&mut page, false).await;
    is(&mut page, Presence::LastSeen(noon())).await;
    page.tab.wait_text("presence", "last seen").await;
    visitor.visit(&page.tab, "42-last-seen").await;
    types(&mut page, true).await;
    is(&mut page, Presence::Online).await;
    page.tab.look(&Look::NARROW).await;
    page.tab.click("back").await;
    page.tab.wait_for("chat-item").await;
    visitor.visit(&page.tab, "43-typing-in-the-list").await;
    page.tab.click("settings-link").await;
    page.wait_for("privacy-typing").await;
    page.tab.click("privacy-typing").await;
    page.wait_for("css:.setting [role=alert]").await;
    let into_view = "void document.querySelector('#privacy-title').scrollIntoView()";
    page.tab.evaluate(into_view).await;
    visitor.visit(&page.tab, "54-privacy").await;
    visitor.end();

    page.tab.look(&Look::WIDE).await;
    let forced = json!({ "features": [{ "name": "forced-colors", "value": "active" }] });
    page.tab.devtools("Emulation.setEmulatedMedia", forced).await;
    page.tab.evaluate(into_view).await;
    let differs = "(() => {
        const style = (css) => getComputedStyle(document.querySelector(css));
        const mark = style('[data-testid=online]');
        return [
            style('.switch:checked').backgroundColor !== style('.switch').borderColor || style('.switch:checked').borderStyle === 'solid',
            mark.backgroundColor !== mark.borderTopColor,
        ];
    })()";
    assert_eq!(page.tab.evaluate(differs).await, json!([true, true]));
    report::picture(&page.tab, "44-forced-colours").await;
}
