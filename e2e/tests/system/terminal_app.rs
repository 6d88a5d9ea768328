//! `subrosa chat` in a real terminal.

use rustix::process::{Pid, Signal, kill_process};
use subrosa_e2e::{
    Person, Server,
    terminal::{Screen, Terminal, size},
    until,
};

const ENTER: &str = "\r";
const CTRL_Q: &str = "\u{11}";
/// Ctrl+U: deletes what is written before the cursor.
const KILL_LINE: &str = "\u{15}";

fn chat(person: &Person) -> Terminal {
    Terminal::chat(person, 24, 80)
}

/// The app has ended, and the terminal is as it was.
async fn ends_well(terminal: Terminal, code: &str) -> Screen {
    let (screen, _) = terminal.end().await;
    assert!(screen.is_restored(), "{}", screen.text());
    assert!(
        screen.text().contains(&format!("ended with {code}")),
        "{}",
        screen.text()
    );
    screen
}

#[tokio::test]
async fn a_conversation_is_shown_written_and_left_with_a_whole_terminal() {
    let server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    alice.send(&bob, "good morning").await;
    let mut screen = chat(&bob);
    screen.connected().await;
    assert!(screen.shows("good morning").await.is_full_screen());
    screen.press(ENTER).await;
    screen.press("and a good day to you").await;
    screen.shows("and a good day to you").await;
    screen.press(ENTER).await;
    screen.shows("sent").await;
    assert_eq!(alice.texts(&bob).await, ["good morning", "and a good day to you"]);
    screen.shows("read").await;
    alice.send(&bob, "it came while you looked").await;
    screen.shows("it came while you looked").await;
    screen.press(CTRL_Q).await;
    ends_well(screen, "0").await;
}

#[tokio::test]
async fn hostile_texts_do_nothing_to_the_terminal() {
    let server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    let hostile = "\u{1b}]0;owned\u{7}\u{1b}[?1049l\u{1b}c\u{9b}2J\u{202e}desrever START";
    alice.run(&["send", "@bob", "--", hostile]).await.ok();
    alice.send(&bob, "after it").await;
    let mut screen = chat(&bob);
    screen.connected().await;
    screen.shows("after it").await;
    screen.press(ENTER).await;
    let shown = screen
        .until("the text that was hostile", |screen| {
            screen
                .rows()
                .iter()
                .filter(|row| row.contains("after it"))
                .count()
                > 1
        })
        .await;
    assert!(shown.is_full_screen(), "the message has switched the screen");
    for sequence in ["\u{1b}]0;owned", "\u{1b}c", "\u{9b}", "\u{202e}"] {
        let bytes = String::from_utf8_lossy(&shown.bytes).into_owned();
        assert!(!bytes.contains(sequence), "{sequence:?} has reached the terminal");
    }
    screen.press(CTRL_Q).await;
    ends_well(screen, "0").await;
}

#[tokio::test]
async fn the_smallest_terminal_is_survived() {
    let server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    alice.send(&bob, "hello").await;
    for (rows, columns) in [(10, 20), (1, 1), (2, 80), (24, 2)] {
        let mut screen = Terminal::chat(&bob, rows, columns);
        screen.until("the full screen", Screen::is_full_screen).await;
        screen.press("x").await;
        screen.press(CTRL_Q).await;
        let (screen, _) = screen.end().await;
        assert!(screen.is_restored());
    }
}

#[tokio::test]
async fn a_terminal_that_changes_its_size_is_filled_again() {
    let server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    alice
        .send(
            &bob,
            "one good word after the other, and never a short one among them",
        )
        .await;
    let mut screen = chat(&bob);
    screen.connected().await;
    screen.shows("one good word").await;
    screen.press(ENTER).await;
    screen.press("a draft").await;
    screen.shows("a draft").await;
    // The last line of the screen tells the keys, at any height.
    let last_line = |screen: &Screen| screen.rows().last().is_some_and(|row| row.contains("F1"));
    screen.until("the keys in the last line", last_line).await;
    let process = chat_process(&bob);
    for (rows, columns) in [(40, 120), (12, 30), (24, 80)] {
        screen.resize(process, size(rows), size(columns));
        let drawn = screen
            .until("the screen in its new size", |screen| {
                last_line(screen) && screen.text().contains("a draft")
            })
            .await;
        assert_eq!(drawn.rows().len(), usize::from(rows));
    }
    screen.press(CTRL_Q).await;
    ends_well(screen, "0").await;
}

/// A key and the news of another size can be there in the same instant. Neither may swallow the other: a key
/// that is seen only with the next one is a message that does not leave.
#[tokio::test]
async fn a_key_that_is_pressed_while_the_size_changes_is_heard_at_once() {
    let server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    alice.send(&bob, "hello").await;
    let mut screen = chat(&bob);
    screen.connected().await;
    screen.shows("hello").await;
    screen.press(ENTER).await;
    let process = chat_process(&bob);
    for _ in 0..6 {
        let mut typed = String::from("typed ");
        screen.press(&typed).await;
        for letter in 'a'..='z' {
            assert_eq!(kill_process(process, Signal::WINCH), Ok(()));
            screen.press(&letter.to_string()).await;
            typed.push(letter);
            screen.shows(&typed).await;
        }
        screen.press(KILL_LINE).await;
        screen
            .until("an empty line", |screen| !screen.text().contains("typed"))
            .await;
    }
    screen.press(CTRL_Q).await;
    ends_well(screen, "0").await;
}

#[tokio::test]
async fn people_are_found_and_written_to() {
    let server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    let mut screen = chat(&bob);
    screen.connected().await;
    // Ctrl+K: find people.
    screen.press("\u{b}").await;
    screen.shows("Find:").await;
    screen.press("ali").await;
    screen.shows("@alice").await;
    screen.press(ENTER).await;
    screen
        .until("the search is gone", |screen| !screen.text().contains("Find:"))
        .await;
    screen.press("found you").await;
    screen.shows("found you").await;
    screen.press(ENTER).await;
    screen.shows("sent").await;
    assert_eq!(alice.texts(&bob).await, ["found you"]);
    screen.press("\u{b}").await;
    screen.shows("Find:").await;
    screen.press("zzz").await;
    screen
        .until("nobody is found", |screen| !screen.text().contains("@alice"))
        .await;
    // Escape closes the search, not the app.
    screen.press("\u{1b}").await;
    screen.shows("found you").await;
    screen.press(CTRL_Q).await;
    ends_well(screen, "0").await;
}

#[tokio::test]
async fn what_is_further_up_is_scrolled_to_and_the_newest_is_found_again() {
    const PAGE_UP: &str = "\u{1b}[5~";
    const PAGE_DOWN: &str = "\u{1b}[6~";
    let server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    for number in 0..25 {
        let text = format!("message {number} of many");
        alice.run(&["send", "@bob", &text, "--timeout", "0"]).await;
    }
    alice.send(&bob, "the newest").await;
    let mut screen = chat(&bob);
    screen.connected().await;
    // In the list of chats, from which it is opened.
    screen.shows("the newest").await;
    screen.press(ENTER).await;
    screen
        .until("the newest, and the first is above", |screen| {
            let text = screen.text();
            text.contains("the newest") && !text.contains("message 0 of many")
        })
        .await;
    for _ in 0..10 {
        screen.press(PAGE_UP).await;
    }
    screen.shows("message 0 of many").await;
    // What comes meanwhile does not pull the reader away.
    alice.send(&bob, "while you read").await;
    screen
        .until("the old is still there", |screen| {
            screen.text().contains("message 0 of many")
        })
        .await;
    for _ in 0..10 {
        screen.press(PAGE_DOWN).await;
    }
    screen
        .until("the newest again", |screen| {
            let text = screen.text();
            text.contains("while you read") && !text.contains("message 0 of many")
        })
        .await;
    screen.press(CTRL_Q).await;
    ends_well(screen, "0").await;
}

#[tokio::test]
async fn a_signal_gives_the_terminal_back() {
    let server = Server::start().await;
    let bob = Person::sign_up(&server, "bob").await;
    let screen = chat(&bob);
    screen.connected().await;
    // The app has the profile open, and its process is a grandchild.
    assert_eq!(kill_process(chat_process(&bob), Signal::TERM), Ok(()));
    let (screen, _) = screen.end().await;
    assert!(screen.is_restored(), "{}", screen.text());
}

/// The process whose command line names this profile.
fn chat_process(person: &Person) -> Pid {
    let profile = person.profile().to_string_lossy().into_owned();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut found = processes.filter_map(|entry| {
        let id = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
        let line = std::fs::read_to_string(entry.path().join("cmdline")).ok()?;
        let words: Vec<&str> = line.split('\0').collect();
        (words.contains(&"chat") && words.contains(&profile.as_str())).then_some(id)
    });
    found
        .next()
        .unwrap_or_else(|| panic!("no subrosa chat on {profile}"))
}

#[tokio::test]
async fn without_a_server_the_app_opens_and_what_is_written_leaves_later() {
    let mut server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    alice.send(&bob, "before the cut").await;
    bob.history(&alice).await;
    server.kill().await;
    let mut screen = chat(&bob);
    screen.shows("before the cut").await;
    screen.press(ENTER).await;
    screen.press("written in the dark").await;
    screen.shows("written in the dark").await;
    screen.press(ENTER).await;
    screen.shows("pending").await;
    server.restart().await;
    // Ctrl+R: connect now.
    screen.press("\u{12}").await;
    screen.shows("sent").await;
    until("alice has it", async || alice.texts(&bob).await.len() == 2).await;
    screen.press(CTRL_Q).await;
    ends_well(screen, "0").await;
}

// The shell got a garbled screen, and the app a terminal that was not in raw mode.
#[tokio::test]
async fn ctrl_z_gives_the_terminal_to_the_shell_and_fg_takes_it_back() {
    let server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    alice.send(&bob, "good morning").await;
    // A shell with jobs, as people have it.
    let script = format!(
        "set -m; {}; stty -a; echo in the shell; read word; fg; echo \"ended with $?\"",
        bob.chat_command()
    );
    let file = bob.write("session.sh", &script);
    let mut screen = Terminal::start(
        &format!("bash '{}'", file.display()),
        bob.home(),
        size(24),
        size(80),
    );
    assert!(screen.shows("good morning").await.is_full_screen());
    screen.press("\u{1a}").await;
    let shell = screen.shows("in the shell").await;
    assert!(shell.is_restored(), "{}", shell.text());
    for mode in ["icanon", "echo", "isig"] {
        let is_set = shell.text().split_whitespace().any(|word| word == mode);
        assert!(is_set, "{mode}: {}", shell.text());
    }
    screen.press("back\n").await;
    let back = screen
        .until("the conversation again", |screen| {
            screen.is_full_screen() && screen.text().contains("good morning")
        })
        .await;
    assert!(!back.text().contains("in the shell"), "{}", back.text());
    // Keys reach the app one by one, as only raw mode lets them.
    screen.press(ENTER).await;
    screen.press("still here").await;
    screen.shows("still here").await;
    screen.press(CTRL_Q).await;
    ends_well(screen, "0").await;
}

#[tokio::test]
async fn what_is_typed_in_one_terminal_is_there_in_another_until_it_is_sent() {
    let server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    alice.send(&bob, "good morning").await;
    let other = bob.second_device().await;
    let mut screens = [chat(&bob), chat(&other)];
    for screen in &mut screens {
        screen.connected().await;
        screen.shows("@alice").await;
        screen.press(ENTER).await;
    }
    let [here, there] = &mut screens;
    here.press("half a thought").await;
    there.shows("half a thought").await;
    there.press(" and the rest").await;
    here.shows("half a thought and the rest").await;
    there.press(ENTER).await;
    // The field is empty, so that what is written next stands alone.
    let is_sent = || async { alice.texts(&bob).await.len() == 2 };
    until("the message arrives", is_sent).await;
    here.until("an empty field", |screen| {
        let rows = screen.rows();
        let field = &rows[rows.len().saturating_sub(3)..];
        field.iter().all(|row| !row.contains("half a thought"))
    })
    .await;
    here.press("next\r").await;
    there.shows("next").await;
    assert_eq!(
        alice.texts(&bob).await,
        ["good morning", "half a thought and the rest", "next"]
    );
    for mut screen in screens {
        screen.press(CTRL_Q).await;
        ends_well(screen, "0").await;
    }
}
