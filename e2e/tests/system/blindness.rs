//! The server is blind: of what people say, of their names, passwords, codes and private keys nothing is on
//! the wire, in the server's folder, log, metrics or memory; and a client's profile is not readable either.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use rusqlite::types::ValueRef;
use subrosa_e2e::{
    Person, Server,
    recording::Recording,
    secrets::{Secrets, files},
};

const MESSAGE: &str = "MARKER-message-5f1c0b7d the rose is red";
const ANSWER: &str = "MARKER-answer-93aa1c44 and what is under it stays there";
const NAME: &str = "MARKER name 7b2e";
const PASSWORD: &str = "MARKER-password-e0d9 of alice";
const NEW_PASSWORD: &str = "MARKER-password-4c11 of alice, the new one";

/// A conversation in which everything that must stay secret is used.
struct Stage {
    server: Server,
    alice: Person,
    bob: Person,
    second: Person,
    secrets: Secrets,
}

impl Stage {
    async fn play() -> Self {
        let server = Server::start_configured("[log]\nfilter = \"trace\"\n").await;
        server.proxy().record();
        let mut alice = Person::new(&server, "alice");
        alice.set_password(PASSWORD);
        let account = alice.run(&["signup", "alice", "--name", NAME]).await.ok().one();
        account["recovery_code"]
            .as_str()
            .unwrap_or_default()
            .clone_into(&mut alice.recovery_code);
        let bob = Person::sign_up(&server, "bob").await;
        alice.send(&bob, MESSAGE).await;
        bob.history(&alice).await;
        bob.send(&alice, ANSWER).await;
        alice.history(&bob).await;

        let new = alice.write("new-password", NEW_PASSWORD);
        alice
            .run(&["passwd", "--new-password-file", &new.to_string_lossy()])
            .await
            .ok();
        let second = Person::new(&server, "alice");
        second.set_password(NEW_PASSWORD);
        second.run(&["signin", "alice"]).await.ok();
        bob.send(&alice, ANSWER).await;
        second.history(&bob).await;
        // Somebody who mistypes a password has typed most of it.
        let wrong = Person::new(&server, "alice");
        wrong.set_password(PASSWORD);
        wrong.run(&["signin", "alice"]).await.ends_with(5);
        let recovered = Person::new(&server, "alice");
        recovered.set_password(PASSWORD);
        let code = recovered.write("code", &alice.recovery_code);
        recovered
            .run(&[
                "recover",
                "alice",
                "--recovery-code-file",
                &code.to_string_lossy(),
            ])
            .await
            .ok();

        let mut secrets = Secrets::default();
        secrets.add("the message", MESSAGE.as_bytes());
        secrets.add("the answer", ANSWER.as_bytes());
        secrets.add("the display name", NAME.as_bytes());
        secrets.add("the name of a device", b"Terminal on ");
        secrets.add("the password", PASSWORD.as_bytes());
        secrets.add("the new password", NEW_PASSWORD.as_bytes());
        secrets.add("bob's password", subrosa_e2e::person::PASSWORD.as_bytes());
        for person in [&alice, &bob] {
            secrets.add("a recovery code", person.recovery_code.as_bytes());
            secrets.add(
                "a recovery code",
                person.recovery_code.replace('-', "").as_bytes(),
            );
        }
        Self {
            server,
            alice,
            bob,
            second,
            secrets,
        }
    }

    /// Adds what the clients keep for themselves. Their profiles are closed by now.
    fn add_private_keys(&mut self) {
        for (who, person) in [
            ("alice", &self.alice),
            ("bob", &self.bob),
            ("alice's second device", &self.second),
        ] {
            self.secrets.add_profile(who, &person.profile());
        }
        assert!(
            self.secrets.needles() > 500,
            "only {} forms to look for",
            self.secrets.needles()
        );
    }
}

#[tokio::test]
async fn nothing_secret_is_on_the_wire() {
    let mut stage = Stage::play().await;
    stage.add_private_keys();
    let recordings = stage.server.proxy().recordings();
    let mut streams = Vec::new();
    for Recording { to_server, to_client } in &recordings {
        streams.push(to_server.clone());
        streams.push(to_client.clone());
    }
    for recording in &recordings {
        streams.extend(recording.client_messages());
        streams.extend(recording.server_messages());
    }
    for stream in &streams {
        stage.secrets.assert_absent("the wire", stream);
    }

    // The search sees what there is to see: the handle in REST bodies, and inside of masked frames a device
    // id, which every key package names.
    let has = |streams: &[Vec<u8>], bytes: &[u8]| {
        let mut wanted = Secrets::default();
        wanted.add("what is public", bytes);
        streams.iter().any(|stream| !wanted.find_in(stream).is_empty())
    };
    assert!(has(&streams, br#""handle":"alice""#));
    let device = stage.bob.run(&["whoami"]).await.ok().one()["device_id"].clone();
    let device = hex::decode(device.as_str().unwrap_or_default()).unwrap_or_default();
    let frames: Vec<_> = recordings.iter().flat_map(Recording::client_messages).collect();
    assert!(has(&frames, &device));
}

#[tokio::test]
async fn nothing_secret_is_in_the_servers_folder_log_or_metrics() {
    let mut stage = Stage::play().await;
    stage.add_private_keys();
    let metrics = stage.server.get("/metrics").await;
    assert!(
        metrics.status == 200 && metrics.body.contains("subrosa_"),
        "{metrics:?}"
    );
    stage.secrets.assert_absent("/metrics", metrics.body.as_bytes());
    // While it runs, with the write-ahead log; and when it has been closed.
    stage.secrets.assert_absent_in_folder(&stage.server.data());
    stage.server.stop().await;
    for (who, person) in [
        ("alice", &stage.alice),
        ("bob", &stage.bob),
        ("second", &stage.second),
    ] {
        stage.secrets.add_tokens(who, &person.profile());
    }
    stage.secrets.assert_absent_in_folder(&stage.server.data());
    stage
        .secrets
        .assert_absent("the log", stage.server.log().as_bytes());
    let values = values(&stage.server.database());
    for (place, value) in &values {
        stage.secrets.assert_absent(place, value);
    }

    // The search sees what there is to see.
    assert!(
        values.iter().any(|(_, value)| value == b"alice"),
        "the handle is not in the database"
    );
    assert!(
        stage.server.log().contains("an account signed up"),
        "the log is empty"
    );
    for name in ["alice", "bob"] {
        assert!(
            !stage.server.log().contains(&format!("\"{name}\"")),
            "a handle is in the log"
        );
    }
}

#[tokio::test]
async fn nothing_secret_is_in_the_servers_memory() {
    let mut stage = Stage::play().await;
    stage.add_private_keys();
    let memory = memory(stage.server.id());
    assert!(
        memory.len() > 1_000_000,
        "only {} bytes of memory were read",
        memory.len()
    );
    stage.secrets.assert_absent("the server's memory", &memory);
    let mut public = Secrets::default();
    public.add("the folder", stage.server.data().to_string_lossy().as_bytes());
    assert!(!public.find_in(&memory).is_empty(), "the search sees nothing");
}

#[tokio::test]
async fn nothing_secret_is_readable_in_a_clients_profile() {
    let mut stage = Stage::play().await;
    stage.add_private_keys();
    for (who, person) in [
        ("alice", &stage.alice),
        ("bob", &stage.bob),
        ("second", &stage.second),
    ] {
        stage.secrets.add_tokens(who, &person.profile());
    }
    for person in [&stage.alice, &stage.bob, &stage.second] {
        let key = person.profile().join("key").display().to_string();
        for (name, bytes) in files(&person.profile()) {
            // What opens the profile, and nothing else, is beside it.
            if name == key {
                assert_eq!(bytes.len(), 32, "{name}");
            } else {
                stage.secrets.assert_absent(&name, &bytes);
            }
        }
        let database = std::fs::read(person.profile().join("profile.db")).unwrap_or_default();
        assert!(database.len() > 10_000, "the profile was not found");
        assert!(
            !database.starts_with(b"SQLite format 3"),
            "the profile is not encrypted"
        );
    }
    for (path, mode) in [("", 0o700), ("key", 0o600), ("profile.db", 0o600)] {
        let path = stage.alice.profile().join(path);
        let found = std::fs::metadata(&path).map(|metadata| metadata.permissions().mode() & 0o777);
        assert_eq!(found.ok(), Some(mode), "{}", path.display());
    }
}

#[tokio::test]
async fn a_damaged_profile_is_told_and_never_guessed_around() {
    let server = Server::start().await;
    let alice = Person::sign_up(&server, "alice").await;
    let path = alice.profile().join("profile.db");
    let intact = std::fs::read(&path).unwrap_or_default();
    let mut flipped = intact.clone();
    flipped[5_000] ^= 1;
    for damaged in [
        &flipped[..],
        &intact[..intact.len() / 2],
        b"no database at all",
        b"",
    ] {
        assert!(std::fs::write(&path, damaged).is_ok());
        let refused = alice.run(&["chats", "--offline"]).await;
        let told = refused.ends_with(1).failure()["error"].to_string();
        assert!(
            told.contains("damaged") || told.contains("not a database") || told.contains("malformed"),
            "{told}"
        );
        assert_eq!(
            std::fs::read(&path).unwrap_or_default(),
            damaged,
            "the damaged file was changed"
        );
    }
    assert!(std::fs::write(&path, &intact).is_ok());
    alice.run(&["chats", "--offline"]).await.ok();
}

/// Every value of every table, with its place: long values are scattered over the pages of the file.
fn values(database: &Path) -> Vec<(String, Vec<u8>)> {
    read_values(database).unwrap_or_else(|error| panic!("{}: {error}", database.display()))
}

/// Through the engine once, which lets SQLite and its cipher initialise in order.
fn read_values(database: &Path) -> rusqlite::Result<Vec<(String, Vec<u8>)>> {
    drop(subrosa_engine::database::Database::in_memory());
    let connection = rusqlite::Connection::open(database)?;
    let mut tables = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
    let tables: Vec<String> = tables
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut values = Vec::new();
    for table in tables {
        let mut statement = connection.prepare(&format!("SELECT * FROM \"{table}\""))?;
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            for (index, column) in columns.iter().enumerate() {
                if let ValueRef::Blob(bytes) | ValueRef::Text(bytes) = row.get_ref(index)? {
                    values.push((format!("{table}.{column}"), bytes.to_vec()));
                }
            }
        }
    }
    Ok(values)
}

/// All that a process has written to its memory.
fn memory(id: u32) -> Vec<u8> {
    let maps = std::fs::read_to_string(format!("/proc/{id}/maps"));
    let maps = maps.unwrap_or_else(|error| panic!("the server's memory map: {error}"));
    let mut file = File::open(format!("/proc/{id}/mem"));
    let file = file
        .as_mut()
        .unwrap_or_else(|error| panic!("the server's memory: {error}"));
    let mut memory = Vec::new();
    for line in maps.lines().filter(|line| line.contains(" rw-p ")) {
        let range = line.split(' ').next().and_then(|range| range.split_once('-'));
        let parse = |text| u64::from_str_radix(text, 16).unwrap_or_default();
        let Some((start, end)) = range.map(|(start, end)| (parse(start), parse(end))) else {
            continue;
        };
        if file.seek(SeekFrom::Start(start)).is_ok() {
            // A guard page or a mapping that is gone by now: what could be read before it counts.
            let _ = file.take(end - start).read_to_end(&mut memory);
        }
    }
    memory
}
