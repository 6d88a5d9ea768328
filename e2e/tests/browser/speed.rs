//! How fast it is, as it is shipped: measured into the report, not asserted, because the machine decides with.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use subrosa_bench::crowd::Crowd;
use subrosa_client::Client;
use subrosa_e2e::{
    PATIENCE, Person,
    browser::{
        Kind, Request, Tab,
        report::{count, figure},
    },
    is_long,
};
use tokio::time::interval;

use crate::stage::{ACCEPTED, Stage, shipped_app};

/// Messages of the long conversation: fewer in the short mode, since a browser needs minutes to decrypt as many.
fn long() -> usize {
    if is_long() { 50_000 } else { 5_000 }
}

/// Says `flood 0`, `flood 1`, … as fast as the server takes it, and waits until it has all.
pub(crate) async fn flood(from: &Person, to: &str, count: usize) {
    flood_slowly(from, to, count, Duration::ZERO).await;
}

async fn flood_slowly(from: &Person, to: &str, count: usize, pause: Duration) {
    /// Messages that may be on their way.
    const UNSENT_MAX: u64 = 500;
    let client = Client::open_at(&from.profile(), from.server.parse().unwrap())
        .await
        .unwrap();
    client.connect();
    let chat = client.chat_with(&to.parse().unwrap()).await.unwrap().unwrap();
    let mut status = client.status();
    let mut pace = interval(pause.max(Duration::from_micros(1)));
    for number in 0..count {
        if !pause.is_zero() {
            pace.tick().await;
        }
        chat.send_text(format!("flood {number}")).await.unwrap();
        status
            .wait_for(|status| status.unsent < UNSENT_MAX)
            .await
            .unwrap();
    }
    client.settle(10 * PATIENCE).await.unwrap();
    client.close().await.unwrap();
}

async fn since_start(tab: &Tab) -> f64 {
    tab.evaluate("performance.now()").await.as_f64().unwrap()
}

/// Seconds of work of the page's main thread until now, without what this test has asked of it.
async fn main_thread(tab: &Tab) -> f64 {
    let metrics = tab.devtools("Performance.getMetrics", json!({})).await;
    let metrics = metrics["metrics"].as_array().cloned().unwrap_or_default();
    let seconds = |name: &str| {
        let metric = metrics.iter().find(|metric| metric["name"] == name);
        metric
            .and_then(|metric| metric["value"].as_f64())
            .unwrap_or_else(|| panic!("no metric {name}"))
    };
    seconds("TaskDuration") - seconds("DevToolsCommandDuration")
}

async fn first_paint(tab: &Tab) -> f64 {
    let paint = tab
        .evaluate(
            "new Promise((done) => new PerformanceObserver((list) => {
                const paint = list.getEntriesByName('first-contentful-paint')[0];
                if (paint) done(paint.startTime);
            }).observe({ type: 'paint', buffered: true }))",
        )
        .await;
    paint.as_f64().unwrap()
}

/// The bytes of what was asked for of the app, as its server sends it to browsers: compressed where that is smaller.
fn compressed(requests: &[Request]) -> usize {
    let app = shipped_app();
    let paths: BTreeSet<_> = requests
        .iter()
        .filter_map(|request| request.url.strip_prefix("http://")?.split_once('/'))
        .map(|(_, path)| if path.is_empty() { "index.html" } else { path })
        .collect();
    let size = |path: &&str| {
        let file = app.join(path);
        let smaller = app.join(format!("{path}.br"));
        // What has no file is the API's, not the app's.
        let metadata = std::fs::metadata(smaller).or_else(|_| std::fs::metadata(file));
        metadata.map_or(0, |metadata| usize::try_from(metadata.len()).unwrap())
    };
    paths.iter().map(size).sum()
}

#[tokio::test]
async fn the_first_start_and_a_start_with_history_are_measured() {
    let mut stage = Stage::talked_as_shipped(Kind::Chromium).await;
    let fresh = subrosa_e2e::browser::Profile::new(Kind::Chromium);
    let browser = fresh.start().await;
    let tab = browser.open(&stage.server.url()).await;
    tab.wait_for("go-register").await;
    figure("first visit: welcome can be used", since_start(&tab).await, "ms");
    figure(
        "first visit: first contentful paint",
        first_paint(&tab).await,
        "ms",
    );
    figure(
        "first visit: loaded",
        count(compressed(&browser.requests())) / 1000.0,
        "kB, compressed",
    );
    drop(browser);

    stage
        .alice
        .tab
        .evaluate("navigator.serviceWorker.ready.then(() => true)")
        .await;
    stage.browser.quit().await;
    stage.reopen().await;
    let tab = &stage.alice.tab;
    tab.until(
        "document.querySelector('[data-testid=\"composer\"]') !== null && \
         Array.from(document.querySelectorAll('[data-testid=\"message\"]')).some((message) => message.innerText.includes('second'))",
    )
    .await;
    figure(
        "browser started again: history there and ready to type",
        since_start(tab).await,
        "ms",
    );
    figure(
        "browser started again: first contentful paint",
        first_paint(tab).await,
        "ms",
    );
}

#[tokio::test]
async fn a_message_to_the_other_screen_is_measured() {
    let stage = Stage::talked_as_shipped(Kind::Chromium).await;
    let profile = subrosa_e2e::browser::Profile::new(Kind::Chromium);
    let browser = profile.start().await;
    let second = subrosa_e2e::browser::WebPerson::new(&browser, &stage.server, "alice").await;
    second.sign_in().await;
    second.open_chat("bob").await;
    // What is said before the new device has joined is not for it.
    second.send_and_wait("warm").await;
    stage.alice.wait_message("warm").await;
    let mut samples = Vec::new();
    for number in 0..20 {
        let text = format!("timed {number}");
        // Both browsers read the same clock.
        let arrival = format!(
            "(async () => {{
                while (!Array.from(document.querySelectorAll('[data-testid=\"message\"]')).some((message) => message.innerText.includes({0})))
                    await new Promise((done) => new MutationObserver((_, observer) => {{ observer.disconnect(); done(); }})
                        .observe(document, {{ subtree: true, childList: true, characterData: true }}));
                return performance.timeOrigin + performance.now();
            }})()",
            json!(text)
        );
        let seen = second.tab.evaluate(&arrival);
        let send = async {
            stage.alice.tab.fill("composer", &text).await;
            stage
                .alice
                .tab
                .evaluate(
                    "void document.addEventListener('keydown', () => { window.pressedAt = performance.timeOrigin + performance.now() }, { once: true, capture: true })",
                )
                .await;
            stage.alice.tab.press("Enter").await;
            stage.alice.tab.evaluate("window.pressedAt").await
        };
        let (seen, pressed) = futures_util::future::join(seen, send).await;
        samples.push(seen.as_f64().unwrap() - pressed.as_f64().unwrap());
    }
    samples.sort_by(f64::total_cmp);
    figure(
        "key press to the other screen, median",
        samples[samples.len() / 2],
        "ms",
    );
    figure(
        "key press to the other screen, worst of 20",
        samples[samples.len() - 1],
        "ms",
    );
}

/// A start of the app with messages that it has missed, and one without, in groups of several sizes: the difference is
/// what reading costs the worker.
#[tokio::test]
async fn reading_in_a_group_is_measured() {
    const MISSED: usize = 200;
    let sizes: &[usize] = if is_long() {
        &[2, 10, 100, 1_000]
    } else {
        &[2, 10, 100]
    };
    let stage = Stage::talked_as_shipped(Kind::Chromium).await;
    let tab = &stage.alice.tab;
    for devices in sizes {
        let mut crowd = Crowd::gather(&stage.server.url(), devices - 1).await.unwrap();
        crowd.invite(&"alice".parse().unwrap()).await.unwrap();
        let mut starts = Vec::new();
        for missed in [1, 1, MISSED] {
            let last = format!("the last of {missed} in {devices}, {}", starts.len());
            let mut texts = vec!["missed".to_owned(); missed - 1];
            texts.push(last.clone());
            if !starts.is_empty() {
                tab.goto("about:blank").await;
            }
            crowd.say(&texts).await.unwrap();
            tab.goto(&stage.server.url()).await;
            tab.until(&format!(
                "Array.from(document.querySelectorAll('[data-testid=\"chat-item\"]')).some((chat) => chat.innerText.includes({}))",
                json!(last)
            ))
            .await;
            starts.push(since_start(tab).await);
        }
        // With the first start it has also joined.
        figure(
            &format!("a message that was missed in a group of {devices}"),
            (starts[2] - starts[1]) / count(MISSED - 1),
            "ms",
        );
    }
}

/// Opens the chat with Bob until this stands in it: the milliseconds of the main thread's work, and of all.
async fn open_chat(tab: &Tab, shown: &str) -> (f64, f64) {
    let before = main_thread(tab).await;
    let clicked = since_start(tab).await;
    tab.click("chat-item[data-handle=\"bob\"]").await;
    // Looks at no layout, which would be work of this test's own.
    tab.until(&format!(
        "document.querySelector('[data-testid=\"{shown}\"]') !== null"
    ))
    .await;
    let all = since_start(tab).await - clicked;
    tab.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        .await;
    ((main_thread(tab).await - before) * 1000.0, all)
}

#[tokio::test]
async fn a_long_conversation_is_measured() {
    let mut stage = Stage::talked_as_shipped(Kind::Chromium).await;
    stage.alice.tab.goto(&stage.alice.address("/settings")).await;
    flood(&stage.bob, "alice", long()).await;
    let last = format!("flood {}", long() - 1);
    // A browser takes longer for so many than one wait lasts.
    let arrives = format!(
        "new Promise((done) => {{
            const end = (is_there) => {{ observer.disconnect(); done(is_there); }};
            const look = () => document.querySelector('[data-testid=\"chat-item\"]').innerText.includes({0}) && end(true);
            const observer = new MutationObserver(look);
            observer.observe(document, {{ subtree: true, childList: true, characterData: true }});
            setTimeout(() => end(false), 50000);
            look();
        }})",
        json!(last)
    );
    for _ in 0..20 {
        if stage.alice.tab.evaluate(&arrives).await == true {
            break;
        }
    }
    let tab = &stage.alice.tab;
    tab.devtools("Performance.enable", json!({})).await;
    let (work, shown) = open_chat(tab, "unread-divider").await;
    figure(
        &format!("{} messages: main thread to open, first", long()),
        work,
        "ms",
    );
    figure(
        &format!("{} messages: click to the first that is new", long()),
        shown,
        "ms",
    );
    figure(
        &format!("{} messages: elements in the page", long()),
        count(tab.count("css:*").await),
        "elements",
    );
    for _ in 0..5 {
        tab.evaluate("document.querySelector('[data-testid=\"messages\"]').scrollTo(0, 0)")
            .await;
        tab.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            .await;
    }
    tab.wait_for("jump-latest").await;
    subrosa_e2e::browser::report::pictures(tab, "chat-long-scrolled").await;
    tab.click("jump-latest").await;
    tab.wait_text("message", &last).await;
    stage.alice.send_and_wait("still fast").await;

    let mut again = Vec::new();
    for _ in 0..9 {
        tab.click("settings-link").await;
        tab.wait_for("settings").await;
        again.push(open_chat(tab, "message").await.0);
    }
    again.sort_by(f64::total_cmp);
    figure(
        &format!("{} messages: main thread to open again, median of 9", long()),
        again[again.len() / 2],
        "ms",
    );

    stage.browser.quit().await;
    stage.reopen().await;
    stage.alice.wait_status("still fast", ACCEPTED).await;
    figure(
        &format!("{} messages: browser started again, newest there", long()),
        since_start(&stage.alice.tab).await,
        "ms",
    );
}

#[tokio::test]
async fn typing_while_ten_messages_a_second_arrive_is_measured() {
    const TYPED: &str = "this is typed while the other side does not stop talking at all";
    let stage = Stage::talked_as_shipped(Kind::Chromium).await;
    let tab = &stage.alice.tab;
    tab.evaluate(
        "void (window.slow = [], new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) if (entry.name === 'keydown' || entry.name === 'input') window.slow.push(entry.duration);
        }).observe({ type: 'event', durationThreshold: 16 }))",
    )
    .await;
    let talking = flood_slowly(&stage.bob, "alice", 60, Duration::from_millis(100));
    let typing = async {
        let mut pace = interval(Duration::from_millis(80));
        for character in TYPED.chars() {
            pace.tick().await;
            let mut bytes = [0; 4];
            tab.type_text(character.encode_utf8(&mut bytes)).await;
        }
    };
    tab.click("composer").await;
    futures_util::future::join(talking, typing).await;
    assert_eq!(tab.text("composer").await, TYPED);
    stage.alice.wait_message("flood 59").await;
    let worst = tab
        .evaluate("Math.max(0, ...window.slow)")
        .await
        .as_f64()
        .unwrap();
    let slow = tab
        .evaluate("window.slow.filter((duration) => duration > 100).length")
        .await;
    figure(
        "typing among 10 messages a second: slowest key to paint",
        worst,
        "ms",
    );
    figure(
        "typing among 10 messages a second: keys over 100 ms",
        slow.as_f64().unwrap(),
        "keys",
    );
}
