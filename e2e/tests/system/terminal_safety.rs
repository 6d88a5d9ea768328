//! Whatever others write, no terminal obeys it.

use subrosa_e2e::{Finished, Person, Server};

/// Texts that would do something to a terminal, or to the eyes of who reads it.
const HOSTILE: [&str; 10] = [
    "\u{1b}[2J\u{1b}[H cleared",
    "\u{1b}]0;title\u{7} titled",
    "\u{1b}]52;c;cm0gLXJmIH4=\u{7} clipboard",
    "\u{9b}31m C1 colour \u{90}q\u{9c}",
    "\u{202e}desrever\u{202c} \u{2066}isolated\u{2069}",
    "zero\u{200b}width\u{200d}joiner\u{feff}mark",
    "back\u{8}\u{8}\u{8}\u{8}space\rreturn",
    "\u{7f}delete \u{0}",
    "\u{e0041}\u{e0042} tags \u{ad}soft",
    "line\n2026-01-01 00:00  @alice: forged line",
];

/// Characters that must not reach a terminal: what it would obey, and what turns a text around or hides in it.
fn obeyed(text: &str) -> Vec<char> {
    let is_obeyed = |character: &char| {
        (character.is_control() && *character != '\n' && *character != '\t')
            || matches!(
                character,
                '\u{202d}' | '\u{202e}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
            )
    };
    text.chars().filter(is_obeyed).collect()
}

#[track_caller]
fn is_safe(finished: &Finished) {
    finished.ok();
    assert!(obeyed(&finished.stdout).is_empty(), "{:?}", finished.stdout);
    assert!(obeyed(&finished.stderr).is_empty(), "{:?}", finished.stderr);
}

#[tokio::test]
async fn hostile_texts_are_shown_and_not_obeyed() {
    let server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    let mut sent = 0;
    for text in HOSTILE {
        let finished = alice.run(&["send", "@bob", "--", &text.replace('\0', "")]).await;
        sent += usize::from(finished.code == 0);
        is_safe(&finished);
        is_safe(&bob.run_plain(&["chats"]).await);
    }
    assert_eq!(sent, HOSTILE.len());
    let count = sent.to_string();
    is_safe(&bob.run_plain(&["history", "@alice"]).await);
    is_safe(&bob.run(&["history", "@alice"]).await);
    is_safe(&alice.run_plain(&["history", "@bob"]).await);
    let second = bob.second_device().await;
    for text in HOSTILE {
        alice
            .run(&["send", "@bob", "--", &text.replace('\0', "")])
            .await
            .ok();
    }
    is_safe(
        &second
            .run_plain(&["listen", "--count", &count, "--timeout", "50"])
            .await,
    );
}

#[tokio::test]
async fn a_text_of_several_lines_cannot_pass_for_several_messages() {
    let server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    alice.send(&bob, "real\n2026-11-23 00:00  you: forged").await;
    let shown = bob.run_plain(&["history", "@alice"]).await;
    let lines: Vec<&str> = shown.ok().stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{}", shown.stdout);
    assert!(lines[1].starts_with(' '), "{}", shown.stdout);
    assert_eq!(bob.run(&["history", "@alice"]).await.ok().lines().len(), 1);
}

#[tokio::test]
async fn what_was_typed_wrong_is_echoed_safely() {
    let server = Server::start().await;
    let alice = Person::sign_up(&server, "alice").await;
    for arguments in [
        &["send", "@\u{1b}[31mbob", "hi"][..],
        &["\u{1b}]0;title\u{7}"],
        &["history", "@bob", "--limit", "\u{202e}1"],
        &["search", "\u{1b}[2J"],
    ] {
        let finished = alice.run_plain(arguments).await;
        assert!(obeyed(&finished.stdout).is_empty(), "{:?}", finished.stdout);
        assert!(obeyed(&finished.stderr).is_empty(), "{:?}", finished.stderr);
    }
}
