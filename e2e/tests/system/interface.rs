//! The command line as an interface: shapes, help, completions, the log.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;
use subrosa_e2e::{
    Person, Server,
    person::{PASSWORD, finish},
    process::{clean_command, subrosa},
};

/// Ids and times are another each time; the rest is part of the interface.
fn stable(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), stable_field(name, value)))
            .collect(),
        Value::Array(items) => items.iter().map(stable).collect(),
        other => other.clone(),
    }
}

fn stable_field(name: &str, value: &Value) -> Value {
    let Value::String(text) = value else {
        return stable(value);
    };
    let is_hex =
        |len: usize| text.len() == len && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let masked = match name {
        "account_id" | "device_id" | "conversation" if is_hex(32) => "[32 hex digits]",
        "id" if is_hex(64) => "[64 hex digits]",
        "sent_at" | "created_at" | "last_seen_at" if is_instant(text) => "[instant]",
        "server" if text.starts_with("http://127.0.0.1:") => "[server]",
        "name" if text.starts_with("Terminal on ") => "Terminal on [system]",
        "recovery_code" if is_recovery_code(text) => "[recovery code]",
        _ => text,
    };
    Value::String(masked.to_owned())
}

/// `2026-11-23T05:04:12.327Z`
fn is_instant(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    shape == "0000-00-00T00:00:00.000Z" || shape == "0000-00-00T00:00:00Z"
}

/// Eight groups of four.
fn is_recovery_code(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.len() == 8 && groups.iter().all(|group| group.len() == 4)
}

#[tokio::test]
async fn the_json_of_each_command_keeps_its_shape() {
    let mut server = Server::start().await;
    let alice = Person::new(&server, "alice");
    let bob = Person::sign_up(&server, "bob").await;
    let mut shapes = String::new();
    let mut note = |command: &str, lines: &[Value]| {
        for line in lines {
            shapes.extend([command, ": ", &stable(line).to_string(), "\n"]);
        }
    };
    note(
        "signup",
        &alice
            .run(&["signup", "alice", "--name", "Alice A."])
            .await
            .ok()
            .lines(),
    );
    note("whoami", &alice.run(&["whoami"]).await.ok().lines());
    note("devices", &alice.run(&["devices"]).await.ok().lines());
    note("privacy", &alice.run(&["privacy"]).await.ok().lines());
    note("search", &alice.run(&["search", "bo"]).await.ok().lines());
    let sent = alice.run(&["send", "@bob", "hello"]).await.ok().lines();
    note("send", &sent);
    note(
        "listen",
        &bob.run(&["listen", "--count", "1", "--timeout", "50"])
            .await
            .ok()
            .lines(),
    );
    note("chats", &bob.run(&["chats"]).await.ok().lines());
    note("history", &bob.run(&["history", "@alice"]).await.ok().lines());
    let mut alice_listens = alice.listen();
    alice_listens.status(&sent[0]["id"], "read").await;
    note("listen", &alice_listens.end().await.ok().lines());
    let new = alice.write("new", "quite another password");
    note(
        "passwd",
        &alice
            .run(&["passwd", "--new-password-file", &new.to_string_lossy()])
            .await
            .ok()
            .lines(),
    );
    let second = Person::new(&server, "bob");
    note("signin", &second.run(&["signin", "bob"]).await.ok().lines());
    let third = Person::new(&server, "bob");
    let code = third.write("code", &bob.recovery_code);
    note(
        "recover",
        &third
            .run(&["recover", "bob", "--recovery-code-file", &code.to_string_lossy()])
            .await
            .ok()
            .lines(),
    );
    note("signout", &third.run(&["signout", "--yes"]).await.ok().lines());
    note(
        "refused",
        &[alice.run(&["send", "@nobody", "hi"]).await.failure()],
    );
    server.stop().await;
    note(
        "pending",
        &alice
            .run(&["send", "@bob", "later", "--timeout", "0"])
            .await
            .lines(),
    );
    insta::assert_snapshot!(shapes);
}

#[tokio::test]
async fn each_command_explains_itself_with_an_example() {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no folder: {error}"));
    let help = |arguments: Vec<String>| {
        let mut command = clean_command(subrosa(), folder.path());
        command.args(arguments);
        finish(command)
    };
    let top = help(vec!["--help".to_owned()]).await.ok().stdout.clone();
    assert!(
        top.contains("Examples:") && top.contains("Exit codes:") && top.contains("sent_at"),
        "{top}"
    );
    let (_, commands) = top.split_once("Commands:\n").unwrap_or_else(|| panic!("{top}"));
    let names = commands
        .lines()
        .take_while(|line| line.starts_with("  "))
        .filter_map(|line| line.split_whitespace().next());
    let mut count = 0;
    for name in names.filter(|name| *name != "help") {
        let text = help(vec![name.to_owned(), "--help".to_owned()])
            .await
            .ok()
            .stdout
            .clone();
        assert!(text.contains("Example"), "{name} --help has no example:\n{text}");
        count += 1;
    }
    assert!(count >= 15, "{top}");
}

#[tokio::test]
async fn shells_get_completions() {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no folder: {error}"));
    for shell in ["bash", "zsh", "fish"] {
        let mut command = clean_command(subrosa(), folder.path());
        command.args(["completions", shell]);
        let script = finish(command).await;
        assert!(script.ok().stdout.contains("signup"), "{shell}");
    }
}

#[tokio::test]
async fn a_reader_that_goes_away_is_no_failure() {
    let server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    alice.send(&bob, &"long ".repeat(10_000)).await;
    let history = alice.plain_command(&["history", "@bob"]);
    let mut piped = clean_command("sh", alice.home());
    piped
        .arg("-c")
        .arg("{ \"$0\" \"$@\"; echo \"ended with $?\" >&2; } | head -c 10");
    piped
        .arg(history.as_std().get_program())
        .args(history.as_std().get_args());
    let finished = finish(piped).await;
    assert!(finished.stderr.contains("ended with 0"), "{}", finished.stderr);
}

#[tokio::test]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
async fn the_log_tells_of_connections_and_holds_nothing_of_what_is_said() {
    let server = Server::start().await;
    let alice = Person::sign_up(&server, "alice").await;
    let bob = Person::sign_up(&server, "bob").await;
    let file = alice.home().join("alice.log");
    let log_file = file.to_str().unwrap();
    alice
        .run(&["send", "@bob", "meet me under the rose", "--log-file", log_file])
        .await
        .ok();
    bob.run(&["send", "@alice", "I will bring the wine"]).await.ok();
    alice
        .run(&["listen", "--count", "1", "--log-file", log_file])
        .await
        .ok();
    alice
        .run(&["send", "@nobody", "is it you?", "--log-file", log_file])
        .await;

    let log = std::fs::read_to_string(&file).unwrap();
    for expected in [
        " INFO ",
        "started",
        "connected",
        "request",
        "took_ms=",
        "done",
        "failed",
    ] {
        assert!(log.contains(expected), "{expected} is missing:\n{log}");
    }
    for line in log.lines() {
        assert!(line.starts_with("20") && line.contains('Z'), "no time: {line}");
    }
    for secret in ["rose", "wine", "is it you", PASSWORD, &alice.recovery_code] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn server_and_profile_can_come_from_the_environment() {
    let server = Server::start().await;
    let alice = Person::sign_up(&server, "alice").await;
    let mut command = clean_command(subrosa(), alice.home());
    command
        .args(["whoami", "--json"])
        .env("SUBROSA_SERVER", &alice.server)
        .env("SUBROSA_PROFILE", alice.profile());
    assert_eq!(finish(command).await.ok().one()["handle"], "alice");
}
