//! What is not possible is refused, with a reason and an exit code, and nothing is half done.

use subrosa_e2e::{
    Person, Server, is_long,
    tampering::{Tampering, TamperingProxy},
};
use subrosa_wire::frames::{ServerFrame, server_frame::Body};

const DAY_MS: u64 = 24 * 3600 * 1000;

/// As a program of the future would leave a profile.
const NEWER_SCHEMA: &str = "PRAGMA user_version = 9999";

#[tokio::test]
async fn a_wrong_password_and_an_unknown_handle_get_the_same_answer() {
    let server = Server::start().await;
    let _alice = Person::sign_up(&server, "alice").await;
    let stranger = Person::new(&server, "alice");
    stranger.set_password("not her password");
    let wrong_password = stranger.run(&["signin", "alice"]).await;
    let unknown_handle = stranger.run(&["signin", "nobody"]).await;
    wrong_password.ends_with(5);
    unknown_handle.ends_with(5);
    assert_eq!(wrong_password.failure(), unknown_handle.failure());
    assert!(!stranger.profile().join("key").exists());
}

#[tokio::test]
async fn guessing_passwords_is_stopped() {
    let server = Server::start_configured("[limits]\nsign_ins_per_handle_and_visitor = 3\n").await;
    let alice = Person::sign_up(&server, "alice").await;
    let stranger = Person::new(&server, "alice");
    stranger.set_password("not her password");
    for _ in 0..3 {
        stranger.run(&["signin", "alice"]).await.ends_with(5);
    }
    let stopped = stranger.run(&["signin", "alice"]).await;
    assert_eq!(stopped.ends_with(5).failure()["code"], "rate_limited");
    // Her devices go on.
    alice.run(&["devices"]).await.ok();
}

#[tokio::test]
async fn somebody_who_is_not_there_cannot_be_written_to() {
    let server = Server::start().await;
    let alice = Person::sign_up(&server, "alice").await;
    let refused = alice.run(&["send", "@nobody", "hello?"]).await;
    assert!(
        refused.ends_with(5).stderr.contains("nobody"),
        "{}",
        refused.stderr
    );
    assert_eq!(alice.run(&["chats"]).await.ok().stdout, "");
}

#[tokio::test]
async fn a_handle_has_one_owner() {
    let server = Server::start().await;
    let _alice = Person::sign_up(&server, "alice").await;
    let other = Person::new(&server, "alice");
    let refused = other.run(&["signup", "Alice"]).await;
    assert_eq!(refused.ends_with(5).failure()["code"], "handle_taken");
}

#[tokio::test]
async fn handles_that_could_deceive_are_refused() {
    let server = Server::start().await;
    let person = Person::new(&server, "somebody");
    for handle in [
        "аlice",
        "ali\u{200b}ce",
        "\u{202e}ecila",
        "al ice",
        "admin",
        "a",
        "alice\u{1b}[1m",
        "👩‍🌾farmer",
    ] {
        let refused = person.run(&["signup", handle]).await;
        refused.ends_with(2);
        assert!(
            !refused.stderr.contains(['\u{1b}', '\u{202e}', '\u{200b}']),
            "{:?}",
            refused.stderr
        );
    }
}

#[tokio::test]
async fn names_that_could_deceive_are_refused() {
    let server = Server::start().await;
    let person = Person::new(&server, "somebody");
    for name in ["a\u{202e}b", "a\u{200b}b", "a\u{1b}[1mb", "a\nb", "", "   "] {
        person
            .run(&["signup", "somebody", "--name", name])
            .await
            .ends_with(2);
    }
    person
        .run(&["signup", "somebody", "--name", "Some 👩‍🌾 Body"])
        .await
        .ok();
}

#[tokio::test]
async fn a_text_has_at_most_64_kib() {
    let server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    // Two bytes each.
    let longest = "ß".repeat(32 * 1024);
    alice.send(&bob, &longest).await;
    let file = alice.write("text", &format!("{longest}x"));
    let mut command = tokio::process::Command::new("sh");
    let send = alice.command(&["send", "@bob", "-"]);
    let words: Vec<_> = send
        .as_std()
        .get_args()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    command
        .arg("-c")
        .arg(format!("exec \"$0\" \"$@\" < '{}'", file.display()));
    command.arg(send.as_std().get_program()).args(words);
    let refused = subrosa_e2e::person::finish(command).await;
    refused.ends_with(2);
    assert!(refused.stderr.contains("65536"), "{}", refused.stderr);
    for texts in [bob.texts(&alice).await, alice.texts(&bob).await] {
        assert_eq!(texts, std::slice::from_ref(&longest));
    }
}

#[tokio::test]
async fn an_empty_text_is_refused() {
    let server = Server::start().await;
    let (alice, _bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    alice.run(&["send", "@bob", ""]).await.ends_with(2);
}

#[tokio::test]
async fn weak_passwords_are_refused() {
    let server = Server::start().await;
    let person = Person::new(&server, "somebody");
    for password in ["short", "somebody", "1234567890", "aaaaaaaaaaaaaaa", ""] {
        person.set_password(password);
        person.run(&["signup", "somebody"]).await.ends_with(2);
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told() {
    // Nobody listens on port 1.
    let alice = Person::at("http://127.0.0.1:1".to_owned(), "alice");
    let failed = alice.run(&["signup", "alice"]).await;
    failed.ends_with(4);
    assert!(failed.stderr.contains("127.0.0.1:1"), "{}", failed.stderr);
}

// The process ended while the thread of the database still ran, and crashed in the exit handlers of the cryptography
// library once in about a hundred times.
#[tokio::test]
async fn a_command_that_fails_ends_with_its_code_every_time() {
    let runs = if is_long() { 1_000 } else { 60 };
    let server = Server::start().await;
    let mut alice = Person::sign_up(&server, "alice").await;
    let _bob = Person::sign_up(&server, "bob").await;
    for _ in 0..runs {
        alice.run(&["send", "@bob", ""]).await.ends_with(2);
    }
    "http://127.0.0.1:1".clone_into(&mut alice.server);
    for _ in 0..runs {
        alice.run(&["devices"]).await.ends_with(4);
    }
}

#[tokio::test]
async fn something_else_than_a_subrosa_server_is_told() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let Ok(listener) = listener else {
        panic!("no free port")
    };
    let Ok(address) = listener.local_addr() else {
        panic!("no address")
    };
    let mut others = tokio::task::JoinSet::new();
    others.spawn(async move {
        use tokio::io::AsyncWriteExt as _;
        while let Ok((mut visitor, _)) = listener.accept().await {
            let _ = visitor.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await;
        }
    });
    let alice = Person::at(format!("http://{address}"), "alice");
    alice.run(&["signup", "alice"]).await.ends_with(4);
}

#[tokio::test]
async fn nobody_is_signed_in_in_a_new_profile() {
    let server = Server::start().await;
    let nobody = Person::new(&server, "nobody");
    for command in [
        &["whoami"][..],
        &["chats"],
        &["history", "@bob"],
        &["send", "@bob", "hi"],
        &["listen"],
        &["devices"],
    ] {
        nobody.run(command).await.ends_with(3);
    }
}

#[tokio::test]
async fn a_profile_is_open_in_one_process_at_a_time() {
    let server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    alice.send(&bob, "hi").await;
    let mut listening = bob.listen();
    listening.message().await;
    let refused = bob.run(&["whoami"]).await;
    refused.ends_with(1);
    assert!(refused.stderr.contains("in use"), "{}", refused.stderr);
    listening.kill().await;
    bob.run(&["whoami"]).await.ok();
}

// Four of five failed, and what they should have sent was gone.
#[tokio::test]
async fn commands_given_at_once_with_one_profile_wait_for_each_other() {
    let server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    alice.send(&bob, "before").await;
    // None waits for the server: a command gives up if others have the profile for too long.
    let (alice, texts) = (&alice, ["one", "two", "three", "four", "five"]);
    let sends = texts.map(|text| async move { alice.run(&["send", "@bob", text, "--timeout", "0"]).await });
    for sent in futures_util::future::join_all(sends).await {
        assert!(matches!(sent.code, 0 | 6), "{sent:?}");
    }
    alice.send(&bob, "then").await;
    let mut texts = bob.texts(alice).await;
    texts.sort_unstable();
    assert_eq!(texts, ["before", "five", "four", "one", "then", "three", "two"]);
}

#[tokio::test]
async fn a_closed_server_takes_no_new_accounts() {
    let server = Server::start_configured("registration_open = false\n").await;
    let refused = Person::new(&server, "alice").run(&["signup", "alice"]).await;
    assert_eq!(refused.ends_with(5).failure()["code"], "registration_closed");
}

#[tokio::test]
async fn without_a_terminal_nothing_waits_for_input() {
    let server = Server::start().await;
    let alice = Person::sign_up(&server, "alice").await;
    let _bob = Person::sign_up(&server, "bob").await;
    for (command, way_out) in [
        (&["signout"][..], "--yes"),
        (&["send", "@bob"], "'-'"),
        (&["chat"], "scripts"),
    ] {
        let refused = alice.run_plain(command).await;
        refused.ends_with(2);
        assert!(refused.stderr.contains(way_out), "{}", refused.stderr);
    }
    let stranger = Person::new(&server, "carol");
    let password = stranger.write("password", subrosa_e2e::person::PASSWORD);
    let password = ["--password-file", &password.to_string_lossy()].map(str::to_owned);
    for (person, words, files, way_out) in [
        (
            &stranger,
            &["signup", "carol"][..],
            &[][..],
            "use --password-file",
        ),
        (&stranger, &["signin", "carol"], &[], "use --password-file"),
        (&stranger, &["recover", "carol"], &[], "use --recovery-code-file"),
        (&alice, &["passwd"], &[], "use --password-file"),
        (&alice, &["passwd"], &password, "use --new-password-file"),
    ] {
        let mut asking = subrosa_e2e::process::clean_command(subrosa_e2e::process::subrosa(), person.home());
        asking
            .args(words)
            .args(files)
            .args(["--server", &person.server, "--profile"])
            .arg(person.profile());
        let refused = subrosa_e2e::person::finish(asking).await;
        refused.ends_with(2);
        assert!(refused.stderr.contains(way_out), "{words:?}: {}", refused.stderr);
    }
}

/// A server of a later version, which speaks another protocol.
struct Later;

impl Tampering for Later {
    fn to_client(&mut self, mut frame: ServerFrame) -> Vec<ServerFrame> {
        if let Some(Body::Ready(ready)) = &mut frame.body {
            ready.protocol_version = 3;
        }
        vec![frame]
    }

    fn to_client_over_rest(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        String::from_utf8_lossy(&bytes)
            .replace("\"protocol_version\":2", "\"protocol_version\":3")
            .into_bytes()
    }
}

#[tokio::test]
async fn a_server_of_another_protocol_version_is_told_by_every_command_in_the_same_way() {
    let server = Server::start().await;
    let (mut alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    alice.send(&bob, "before the update").await;
    let proxy = TamperingProxy::before(server.address()).await;
    proxy.tamper(Later);
    alice.server = proxy.url();
    for command in [
        &["listen", "--timeout", "50"][..],
        &["chats"],
        &["history", "@bob"],
        &["send", "@bob", "hi"],
    ] {
        let failure = alice.run(command).await.ends_with(4).failure();
        assert_eq!(failure["code"], "unsupported_version", "{command:?}: {failure}");
        assert!(
            failure["error"]
                .as_str()
                .is_some_and(|error| error.contains("version")),
            "{command:?}: {failure}"
        );
    }
    // What is here is shown to whoever asks for no more.
    let here = alice.run(&["history", "@bob", "--offline"]).await;
    assert_eq!(here.ok().lines()[0]["text"], "before the update");
    let newcomer = Person::at(proxy.url(), "carol");
    let failure = newcomer.run(&["signup", "carol"]).await.ends_with(4).failure();
    assert_eq!(failure["code"], "unsupported_version", "{failure}");
}

#[tokio::test]
async fn with_json_every_line_is_an_object_and_a_refusal_has_a_code() {
    let server = Server::start().await;
    let alice = Person::sign_up(&server, "alice").await;
    let _bob = Person::sign_up(&server, "bob").await;
    for (command, code, problem) in [
        (&["send", "@nobody", "hi"][..], 5, Some("unknown_account")),
        (&["signup", "alice"], 1, None),
        (&["frobnicate"], 2, None),
        (&["send"], 2, None),
        (&["send", "@bob", ""], 2, None),
    ] {
        let refused = alice.run(command).await;
        refused.ends_with(code);
        let failure = refused.failure();
        assert_eq!(refused.notes().len(), 1, "{command:?}: {}", refused.stderr);
        assert_eq!(failure["exit_code"], code, "{command:?}: {failure}");
        assert_eq!(failure["code"].as_str(), problem, "{command:?}: {failure}");
    }
    let other = Person::new(&server, "alice");
    other.set_password("not this one either");
    let failure = other.run(&["signin", "alice"]).await.ends_with(5).failure();
    assert_eq!(failure["code"], "sign_in_failed", "{failure}");
    let failure = other.run(&["signup", "alice"]).await.ends_with(5).failure();
    assert_eq!(failure["code"], "handle_taken", "{failure}");
    // A note beside a success is an object, too.
    let nobody = alice.run(&["search", "zz"]).await;
    assert!(nobody.ok().notes()[0]["note"].is_string(), "{}", nobody.stderr);
}

#[tokio::test]
async fn a_profile_of_a_newer_version_is_told_and_left_as_it_is() {
    let server = Server::start().await;
    let alice = Person::sign_up(&server, "alice").await;
    subrosa_e2e::secrets::change_profile(&alice.profile(), NEWER_SCHEMA);
    let path = alice.profile().join("profile.db");
    let before = std::fs::read(&path).unwrap_or_default();
    let refused = alice.run(&["chats", "--offline"]).await;
    let told = refused.ends_with(1).failure()["error"].to_string();
    assert!(told.contains("newer"), "{told}");
    assert_eq!(std::fs::read(&path).unwrap_or_default(), before);
}

/// A server whose clock shows another time.
struct AnotherTime {
    days_ahead: u64,
}

impl Tampering for AnotherTime {
    fn to_client(&mut self, mut frame: ServerFrame) -> Vec<ServerFrame> {
        if let Some(Body::Ready(ready)) = &mut frame.body {
            ready.server_time_ms += self.days_ahead * DAY_MS;
        }
        vec![frame]
    }

    fn to_client_over_rest(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((before, after)) = text.split_once("\"server_time\":") else {
            return bytes;
        };
        let digits = after
            .find(|next: char| !next.is_ascii_digit())
            .unwrap_or_default();
        let at: u64 = after[..digits].parse().unwrap_or_default();
        let changed = at + self.days_ahead * DAY_MS;
        format!("{before}\"server_time\":{changed}{}", &after[digits..]).into_bytes()
    }
}

// The server was blamed.
#[tokio::test]
async fn a_clock_that_is_wrong_is_told() {
    let server = Server::start().await;
    let proxy = TamperingProxy::before(server.address()).await;
    let mut alice = Person::sign_up(&server, "alice").await;
    let bob = Person::sign_up(&server, "bob").await;
    alice.server = proxy.url();
    proxy.tamper(AnotherTime { days_ahead: 3 });
    let behind = "this device's clock is 3 days behind the server's";
    for command in [&["chats"][..], &["send", "@bob", "hello"]] {
        let finished = alice.run(command).await;
        assert!(finished.ok().stderr.contains(behind), "{}", finished.stderr);
    }
    assert_eq!(bob.texts(&alice).await, ["hello"]);
    let listening = alice.listen();
    listening.note(behind).await;
    listening.end().await.ok();

    // What a new device signs would be refused, so that none is made.
    let carol = Person::at(proxy.url(), "carol");
    let refused = carol.run(&["signup", "carol"]).await;
    refused.ends_with(1);
    assert!(refused.stderr.contains(behind), "{}", refused.stderr);
    proxy.tamper(AnotherTime { days_ahead: 0 });
    carol.run(&["signup", "carol"]).await.ok();
}
