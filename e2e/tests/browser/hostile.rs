//! What hostile people write, paste and link to: text stays text, and nothing is lost.

use subrosa_e2e::{
    Person,
    browser::{Kind, Look},
    tampering::{EachFrame, Honest, Tampering},
};
use subrosa_wire::frames::{Acknowledged, ServerFrame, server_frame::Body};

use crate::stage::{ACCEPTED, BOTH, BehindProxy, Stage};

/// Texts that would do something if they were more than text.
const MARKUP: &[&str] = &[
    "<img src=x onerror=\"document.title='owned'\">",
    "<script>document.title='owned'</script>",
    "</span></li></ol><iframe src=\"https://example.com\"></iframe>",
    "<style>*{display:none}</style><svg onload=document.title='owned'>",
    "javascript:document.title='owned'",
    "[click](javascript:document.title='owned') ![x](https://example.com/x.png)",
    "{{constructor.constructor('return document')()}} ${document.title='owned'}",
    "https://example.com/\"onmouseover=\"document.title='owned'",
    "&lt;b&gt;not bold&lt;/b&gt; &amp;amp;",
];

/// Elements that none of the texts may become.
const INJECTED: &str =
    "css:[data-testid=messages] :is(img, script, iframe, style, b, object, embed, [onerror], [onload])";

#[tokio::test]
async fn markup_stays_text_and_becomes_no_element() {
    for kind in BOTH {
        let stage = Stage::talked(kind).await;
        let tab = &stage.alice.tab;
        for text in MARKUP {
            stage.bob_says(text).await;
            stage.alice.wait_message(text).await;
            stage.alice.send_and_wait(text).await;
        }
        assert_eq!(tab.count(INJECTED).await, 0);
        let title = tab.evaluate("document.title").await;
        assert!(!title.as_str().unwrap().contains("owned"), "{title}");
        let texts = stage.alice.texts().await;
        for text in MARKUP {
            assert_eq!(texts.iter().filter(|shown| *shown == text).count(), 2, "{text}");
        }
        // Links lead where they say, and tell the other side nothing.
        for link in ["javascript:", "data:"] {
            assert_eq!(
                tab.count(&format!("css:[data-testid=messages] a[href^=\"{link}\"]"))
                    .await,
                0
            );
        }
        let told = "css:[data-testid=messages] a:not([rel~=noreferrer][rel~=noopener])";
        assert_eq!(tab.count(told).await, 0);
        let requests = browser_requests(&stage);
        assert!(
            !requests.iter().any(|url| url.contains("example.com")),
            "something was loaded: {requests:?}"
        );
    }
}

fn browser_requests(stage: &Stage) -> Vec<String> {
    stage
        .browser
        .requests()
        .into_iter()
        .map(|request| request.url)
        .collect()
}

// They became replacement characters, in one's own messages, too.
#[tokio::test]
async fn what_scripts_need_is_shown_and_copied_as_it_was_typed() {
    let texts = [
        "ខ្ញុំ\u{200b}ស្រលាញ់\u{200b}អ្នក",
        "می\u{200c}خواهم",
        "(שלום)\u{200f} abc\u{200e}!",
        "call \u{202a}+972 3 123\u{202c} now",
        "\u{2067}שלום \u{2066}abc\u{2069}\u{2069}",
        "Donau\u{ad}dampf\u{ad}schiff",
        "👩\u{200d}👩\u{200d}👧\u{200d}👦 ❤\u{fe0f}",
    ];
    for kind in BOTH {
        let stage = Stage::talked(kind).await;
        // As it stands in the document, which is what is copied.
        let shown = "Array.from(document.querySelectorAll('[data-testid=\"message-text\"]'))\
            .map((text) => text.textContent)";
        for text in texts {
            stage.bob_says(text).await;
            let is_shown = format!("{shown}.includes({})", serde_json::json!(text));
            stage.alice.tab.until(&is_shown).await;
        }
        stage.alice.send_and_wait(texts[0]).await;
        let shown = stage.alice.tab.evaluate(shown).await;
        let shown: Vec<_> = shown
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|text| text.as_str())
            .collect();
        for text in texts {
            assert!(shown.contains(&text), "{text:?} in {shown:?}");
        }
        assert_eq!(shown.last(), Some(&texts[0]));
    }
}

#[tokio::test]
async fn directions_combining_characters_and_a_thousand_emoji_stay_in_their_bubble() {
    for kind in BOTH {
        let stage = Stage::talked(kind).await;
        let tab = &stage.alice.tab;
        let hostile = [
            "\u{202e}gnp.exe \u{2067}isolated \u{202a}embedded".to_owned(),
            format!("Z{}", "\u{351}\u{36b}\u{343}".repeat(300)),
            "👩‍👩‍👧‍👦".repeat(1000),
            "🌹".repeat(1000),
            "a".repeat(5000),
            "مرحبا بالعالم with English and 123".to_owned(),
            "\u{200b}\u{200f}\u{feff}zero width".to_owned(),
        ];
        for (number, text) in hostile.iter().enumerate() {
            stage.bob_says(text).await;
            let marker = format!("after {number}");
            stage.bob_says(&marker).await;
            stage.alice.wait_message(&marker).await;
        }
        // Nothing that turns the direction of what stands around it: none of these is ended.
        let overrides = "/[\\u202a-\\u202e\\u2066-\\u2069]/.test(\
            Array.from(document.querySelectorAll('[data-testid=\"message-text\"]')).map((text) => text.textContent).join(''))";
        assert_eq!(tab.evaluate(overrides).await, false);
        // Nothing is wider than the window, and no bubble reaches far out of its row.
        let measured = tab
            .evaluate(
                "[document.documentElement.scrollWidth <= innerWidth,
                  Array.from(document.querySelectorAll('.bubble')).every((bubble) =>
                    (bubble.scrollWidth <= bubble.clientWidth + 1 || getComputedStyle(bubble).overflowX === 'hidden')
                    && bubble.getBoundingClientRect().right <= innerWidth)]",
            )
            .await;
        assert_eq!(measured, serde_json::json!([true, true]));
        // The list shows the start of it, in one line.
        stage.bob_says(&hostile[2]).await;
        tab.wait_text("chat-item", "👩‍👩‍👧‍👦").await;
        let line =
            "document.querySelector('[data-testid=\"chat-item\"]').getBoundingClientRect().height < 100";
        assert_eq!(tab.evaluate(line).await, true);
        stage.alice.send_and_wait("still usable").await;
    }
}

#[tokio::test]
async fn a_hostile_name_is_text_everywhere() {
    let mut stage = Stage::set(Kind::Chromium).await;
    stage.bob = Person::new(&stage.server, "mallory");
    let name = "<img src=x onerror=document.title='owned'> Bob";
    stage.bob.run(&["signup", "mallory", "--name", name]).await.ok();
    stage.bob_says("hello").await;
    let tab = &stage.alice.tab;
    tab.wait_text("chat-item", name).await;
    stage.alice.open_chat("mallory").await;
    tab.wait_text("css:h1", name).await;
    // Where there is no room for the column about the person.
    tab.look(&Look::NARROW).await;
    tab.click("about").await;
    tab.wait_for("css:dialog[open]").await;
    assert_eq!(tab.count("css:img").await, 0);
    let title = tab.evaluate("document.title").await;
    assert!(title.as_str().unwrap().contains(name), "{title}");
}

#[tokio::test]
async fn a_pasted_megabyte_is_refused_in_words_and_the_page_goes_on() {
    let stage = Stage::talked(Kind::Chromium).await;
    let tab = &stage.alice.tab;
    tab.paste("composer", &"x".repeat(1024 * 1024)).await;
    tab.wait_for("error").await;
    assert_eq!(tab.count("message").await, 2);
    tab.fill("composer", "a short one").await;
    tab.wait_gone("error").await;
    tab.press("Enter").await;
    stage.alice.wait_status("a short one", ACCEPTED).await;
    // A paste into what is there, too long only together: what was written stays.
    tab.fill("composer", "before ").await;
    tab.paste("composer", &"y".repeat(70_000)).await;
    tab.wait_for("error").await;
    assert!(tab.text("composer").await.starts_with("before "));
    // The longest text there may be.
    let longest = "ß".repeat(32 * 1024);
    tab.fill("composer", &longest).await;
    tab.wait_gone("error").await;
    tab.press("Enter").await;
    stage.alice.wait_status("ßßß", ACCEPTED).await;
    assert_eq!(stage.bobs_texts().await.last(), Some(&longest));
}

#[tokio::test]
async fn a_deep_link_to_nobody_is_told() {
    for kind in BOTH {
        let stage = Stage::set(kind).await;
        let tab = &stage.alice.tab;
        // Firefox may crash when a page is loaded anew while the sign-up is hardly over: see `WebPerson::open_chat`.
        tab.evaluate("navigator.serviceWorker.ready.then(() => true)")
            .await;
        for path in [
            "/chat/nobody",
            "/chat/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
            "/chat/%E2%80%AEevil",
            "/chat/%00%FF",
        ] {
            tab.goto(&stage.alice.address(path)).await;
            tab.wait_for("unknown-person").await;
            assert_eq!(tab.count("composer").await, 0);
        }
        // What one writes to oneself are notes.
        tab.goto(&stage.alice.address("/chat/alice")).await;
        tab.wait_text("conversation", "Notes to self").await;
        tab.goto(&stage.alice.address("/there/is/no/such/page")).await;
        tab.wait_for("chat-list").await;
        stage.alice.open_chat("bob").await;
    }
}

/// A server that answers something else than what it is asked when a message is sent.
pub(crate) fn beside_the_point() -> impl Tampering {
    EachFrame(|mut frame: ServerFrame| {
        if let Some(Body::Appended(_)) = &frame.body {
            frame.body = Some(Body::Acknowledged(Acknowledged::default()));
        }
        vec![frame]
    })
}

#[tokio::test]
async fn a_false_answer_of_the_server_is_told_wherever_one_is_and_loses_nothing() {
    let stage = Stage::talked(Kind::Chromium).await;
    let BehindProxy { alice, proxy, .. } = &stage.alice_behind_a_proxy("before").await;
    proxy.tamper(beside_the_point());
    alice.send("answered falsely").await;
    alice.tab.click("settings-link").await;
    alice.tab.wait_text("warning", "be verified").await;
    proxy.tamper(Honest);
    alice.open_chat("bob").await;
    alice.wait_status("answered falsely", ACCEPTED).await;
    let texts = stage.bobs_texts().await;
    assert_eq!(texts.iter().filter(|text| *text == "answered falsely").count(), 1);
}
