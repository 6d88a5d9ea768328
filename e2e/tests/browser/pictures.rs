//! Pictures of people: chosen from a file, shown to others, removed, and refused.

use std::path::{Path, PathBuf};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;
use subrosa_e2e::{
    Server,
    browser::{Kind, Profile, Tab, WebPerson},
};
use subrosa_web_rpc::{Answer, Event, Request};

use crate::{
    scripted_worker::ScriptedPage,
    stage::{BOTH, NO_LIMITS, Stage},
};

/// A PNG file of three stripes: red, green in the middle, blue.
const STRIPES: &str = "(() => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [1500, 500];
    const context = canvas.getContext('2d');
    ['#f00', '#0f0', '#00f'].forEach((colour, number) => {
        context.fillStyle = colour;
        context.fillRect(number * 500, 0, 500, 500);
    });
    return canvas.toDataURL('image/png').split(',')[1];
})()";

pub(crate) async fn png(tab: &Tab, folder: &Path) -> PathBuf {
    let file = tab.evaluate(STRIPES).await;
    let path = folder.join("stripes.png");
    std::fs::write(&path, BASE64_STANDARD.decode(file.as_str().unwrap()).unwrap()).unwrap();
    path
}

/// Waits until the avatar in there shows a picture, and returns its sides, and the colours of two of its corners.
pub(crate) async fn picture_in(tab: &Tab, place: &str) -> serde_json::Value {
    let picture = format!("document.querySelector('{place} .avatar[data-pictured] img')");
    tab.until(&format!("{picture} !== null")).await;
    tab.evaluate(&format!(
        "(async () => {{
            // One that is drawn anew in this moment cannot be decoded.
            let picture = null;
            while (!await picture?.decode().then(() => true, () => false)) {{
                await new Promise((done) => setTimeout(done, 20));
                picture = {picture};
            }}
            const canvas = document.createElement('canvas');
            [canvas.width, canvas.height] = [picture.naturalWidth, picture.naturalHeight];
            const context = canvas.getContext('2d');
            context.drawImage(picture, 0, 0);
            const colour = (x, y) => {{
                const [red, green, blue] = context.getImageData(x, y, 1, 1).data;
                return green > 200 && red < 80 && blue < 80 ? 'green' : `${{red}} ${{green}} ${{blue}}`;
            }};
            return [canvas.width, canvas.height, colour(2, 2), colour(canvas.width - 3, canvas.height - 3)];
        }})()"
    ))
    .await
}

/// The server has what was changed by the time that it has the first message; the second one names it.
async fn say_twice(person: &WebPerson, text: &str) {
    person.send_and_wait(&format!("{text} 1")).await;
    person.send_and_wait(&format!("{text} 2")).await;
}

const IN_LIST: &str = "[data-testid=\"chat-item\"][data-handle=\"alice\"]";
const IN_HEADER: &str = ".pane-head";
const IN_SETTINGS: &str = ".profile";

#[tokio::test]
async fn a_picture_is_seen_by_who_is_written_to_until_it_is_removed() {
    let middle = json!([256, 256, "green", "green"]);
    for kinds in [[Kind::Chromium, Kind::Firefox], [Kind::Firefox, Kind::Chromium]] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start_configured(NO_LIMITS).await;
        let profiles = kinds.map(Profile::new);
        let (browser, other_browser) = (profiles[0].start().await, profiles[1].start().await);
        let alice = WebPerson::sign_up(&browser, &server, "alice").await;
        let bob = WebPerson::sign_up(&other_browser, &server, "bob").await;

        alice.tab.click("settings-link").await;
        let file = png(&alice.tab, folder.path()).await;
        alice.tab.choose_file("picture-file", &file).await;
        assert_eq!(picture_in(&alice.tab, IN_SETTINGS).await, middle);
        alice.tab.wait_text("css:.picture .notice.ok", "saved").await;
        assert_eq!(
            picture_in(&alice.tab, "[data-testid=\"settings-link\"]").await,
            middle
        );
        alice.open_chat("bob").await;
        say_twice(&alice, "do you see me?").await;
        assert_eq!(picture_in(&bob.tab, IN_LIST).await, middle);
        bob.open_chat("alice").await;
        assert_eq!(picture_in(&bob.tab, IN_HEADER).await, middle);
        // Kept in the database, like the messages.
        bob.tab.reload().await;
        assert_eq!(picture_in(&bob.tab, IN_HEADER).await, middle);

        alice.tab.click("settings-link").await;
        alice.tab.click("picture-remove").await;
        alice.tab.click("confirm").await;
        alice.tab.wait_text("css:.picture .notice.ok", "removed").await;
        alice.tab.wait_gone("picture").await;
        alice.tab.wait_gone("picture-remove").await;
        assert_eq!(alice.tab.focused().await["testid"], "picture-choose");
        alice.open_chat("bob").await;
        say_twice(&alice, "and now?").await;
        bob.wait_message("and now? 2").await;
        bob.tab.wait_gone("picture").await;
        bob.tab.wait_for("css:.pane-head .avatar[data-letters]").await;
    }
}

#[tokio::test]
async fn the_button_opens_the_dialog_for_files_by_keyboard() {
    for kind in BOTH {
        let stage = Stage::set(kind).await;
        let tab = &stage.alice.tab;
        tab.click("settings-link").await;
        tab.wait_for("picture-choose").await;
        // Without the dialog itself, which a test cannot close.
        tab.evaluate(
            "void document.querySelector('[data-testid=\"picture-file\"]').addEventListener('click', (event) => {
                event.preventDefault();
                document.documentElement.dataset.dialog = 'asked for';
            })",
        )
        .await;
        tab.evaluate("document.querySelector('[data-testid=\"picture-choose\"]').focus()")
            .await;
        tab.press("Enter").await;
        tab.until("document.documentElement.dataset.dialog === 'asked for'")
            .await;
    }
}

#[tokio::test]
async fn what_is_no_picture_or_too_large_is_refused_in_place() {
    for kind in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let stage = Stage::set(kind).await;
        let tab = &stage.alice.tab;
        tab.click("settings-link").await;
        let text = folder.path().join("text.png");
        std::fs::write(&text, "this is a text").unwrap();
        tab.choose_file("picture-file", &text).await;
        tab.wait_text("error", "not a picture that your browser can read")
            .await;
        let large = folder.path().join("large.png");
        std::fs::File::create(&large)
            .unwrap()
            .set_len(20_000_001)
            .unwrap();
        tab.choose_file("picture-file", &large).await;
        tab.wait_text("error", "larger than 20 MB").await;
        assert_eq!(tab.count("picture").await, 0);
        // A picture that can be used makes the error go away.
        let file = png(tab, folder.path()).await;
        tab.choose_file("picture-file", &file).await;
        tab.wait_text("css:.picture .notice.ok", "saved").await;
        tab.wait_gone("error").await;
    }
}

#[tokio::test]
async fn a_picture_that_does_not_decode_leaves_the_initials() {
    const BROKEN: &[u8] = b"\x89PNG\r\n\x1a\nand nothing more";
    fn answers(request: &Request) -> Option<Answer> {
        let Request::Picture { .. } = request else {
            return None;
        };
        Some(Answer::Picture(Some(BROKEN.to_vec())))
    }
    let mut page = ScriptedPage::open("/chat/bob", answers).await;
    page.wait_for("chat-item").await;
    // What the browser makes of it is seen by the addresses that the page takes back.
    page.tab
        .evaluate(
            "void (() => {
                const revoke = URL.revokeObjectURL;
                URL.revokeObjectURL = (address) => {
                    document.documentElement.dataset.revoked = address;
                    revoke.call(URL, address);
                };
            })()",
        )
        .await;
    if let Some(bob) = &mut page.conversation.with {
        bob.picture = Some(1);
    }
    page.report(Event::Conversation(Box::new(page.conversation.clone())))
        .await;
    page.wait_for("css:[data-revoked^=\"blob:\"]").await;
    page.tab.wait_gone("picture").await;
    assert_eq!(page.tab.count("css:.avatar[data-pictured]").await, 0);
    let letters = page.tab.attribute("css:.chat .avatar", "data-letters").await;
    assert_eq!(letters, "BO");
}
