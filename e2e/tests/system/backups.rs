//! Backups: made under load, interrupted, refused, restored, and what a restore means for those who are signed in.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rustix::process::Signal;
use serde_json::Value;
use subrosa_e2e::{
    Person, Server,
    person::{Finished, finish},
    process::{Process, clean_command, subrosa},
    until,
};
use tokio::process::Command;

/// The database in a data folder or a backup.
const DATABASE: &str = "subrosa.db";

fn command(server: &Server, arguments: &[&str], path: &Path) -> Command {
    let mut command = clean_command(subrosa(), server.folder());
    command
        .arg("--json")
        .args(arguments)
        .arg(path)
        .arg("--data")
        .arg(server.data());
    command
}

async fn back_up(server: &Server, to: &Path) -> Finished {
    finish(command(server, &["backup", "--to"], to)).await
}

async fn restore(server: &Server, from: &Path) -> Finished {
    finish(command(server, &["restore"], from)).await
}

fn query<T: rusqlite::types::FromSql>(folder: &Path, sql: &str) -> T {
    let found =
        Connection::open(folder.join(DATABASE)).and_then(|it| it.query_row(sql, [], |row| row.get(0)));
    found.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// Names of the files in a folder with their contents.
fn files(folder: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries
        .flatten()
        .map(|entry| (entry.path(), std::fs::read(entry.path()).ok()))
        .collect();
    files.sort();
    files
}

/// Starts the server with tokens of another issuer: every device renews its own at the next request.
pub(crate) async fn restart_with_other_tokens(server: &mut Server, number: u32) {
    let toml = format!("public_url = \"http://localhost:{number}\"\n");
    std::fs::write(server.folder().join("config.toml"), toml).unwrap_or_else(|error| panic!("{error}"));
    server.restart().await;
}

#[tokio::test]
async fn a_backup_under_load_holds_what_was_acknowledged_before_it() {
    let mut server =
        Server::start_configured("[limits]\nframes_per_device = 0\ncommits_per_device = 0\n").await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    alice.send(&bob, "shall we?").await;
    bob.send(&alice, "let us").await;
    let talk = |person: &Person, to: &Person| {
        let mut command = clean_command(env!("CARGO_BIN_EXE_talker"), person.home());
        command
            .arg(person.profile())
            .args([&person.server, &to.handle, &person.handle]);
        Process::start(command)
    };
    let talkers = [talk(&alice, &bob), talk(&bob, &alice)];
    let sent = || -> usize {
        let lines = talkers.iter().map(Process::stdout);
        lines.map(|lines| lines.matches("sent ").count()).sum()
    };
    for number in 1..=5_usize {
        until("more is acknowledged", async || sent() >= number * 20).await;
        let acknowledged = sent();
        let to = server.folder().join(format!("backup {number}"));
        let backup = back_up(&server, &to).await.ok().one();
        assert_eq!(backup["backup"], *to.to_string_lossy());
        assert_eq!((&backup["accounts"], &backup["devices"]), (&2.into(), &2.into()));
        let entries: i64 = query(&to, "SELECT count(*) FROM log");
        assert_eq!(backup["entries"], entries);
        assert!(
            entries >= i64::try_from(acknowledged).unwrap_or(i64::MAX),
            "{entries} of {acknowledged}"
        );
        let whole: String = query(&to, "PRAGMA integrity_check");
        assert_eq!(whole, "ok");
    }
    for talker in talkers {
        talker.signal(Signal::TERM);
        assert_eq!(talker.exit().await.code, Some(0));
    }
    server.stop().await;
    restore(&server, &server.folder().join("backup 1")).await.ok();
    server.restart().await;
}

#[tokio::test]
async fn a_backup_that_is_killed_leaves_nothing_that_looks_complete() {
    // Tens of megabytes take long enough to be caught at it.
    const FILLER: &str = "CREATE TABLE filler (bytes BLOB) STRICT;
        WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 64)
        INSERT INTO filler SELECT randomblob(1048576) FROM n";
    const ATTEMPTS: usize = 20;
    let server = Server::start().await;
    let filled = Connection::open(server.database()).and_then(|it| it.execute_batch(FILLER));
    assert_eq!(filled, Ok(()));
    let mut killed = 0;
    for number in 0..ATTEMPTS {
        let to = server.folder().join(format!("backup {number}"));
        let unfinished = server.folder().join(format!("backup {number}.incomplete"));
        let process = Process::start(command(&server, &["backup", "--to"], &to));
        until("the backup has begun", async || {
            unfinished.exists() || to.exists()
        })
        .await;
        process.kill().await;
        if to.exists() {
            // It was faster.
            let whole: String = query(&to, "PRAGMA integrity_check");
            assert_eq!(whole, "ok");
            continue;
        }
        killed += 1;
        let again = back_up(&server, &to).await;
        again.ends_with(1);
        assert!(again.stderr.contains(".incomplete"), "{}", again.stderr);
        assert!(!to.exists());
        assert!(std::fs::remove_dir_all(&unfinished).is_ok());
        back_up(&server, &to).await.ok();
        break;
    }
    assert!(killed > 0, "every backup was faster than its death");
}

#[tokio::test]
async fn a_backup_has_a_name_of_its_own_and_replaces_nothing() {
    let server = Server::start().await;
    let into = server.folder().join("backups");
    assert!(std::fs::create_dir(&into).is_ok());
    let first = back_up(&server, &into).await.ok().one();
    let path = PathBuf::from(first["backup"].as_str().unwrap_or_default());
    assert_eq!(path.parent(), Some(into.as_path()));
    let before = files(&path);
    for taken in [&path, &path.join(DATABASE), &server.data()] {
        let refused = back_up(&server, taken).await;
        refused.ends_with(1);
        assert!(refused.stderr.contains("exists already"), "{}", refused.stderr);
    }
    assert_eq!(files(&path), before);

    let mut beside = clean_command(subrosa(), server.folder());
    beside.args(["--json", "backup", "--data", "data"]);
    let backup = finish(beside).await.ok().one();
    let path = PathBuf::from(backup["backup"].as_str().unwrap_or_default());
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    assert!(name.starts_with("data-backup-"), "{name}");
    assert!(path.join(DATABASE).is_file());

    let mut nothing = clean_command(subrosa(), server.folder());
    nothing.args(["--json", "backup", "--data", "no such folder", "--to", "backup"]);
    let refused = finish(nothing).await;
    refused.ends_with(1);
    assert!(refused.stderr.contains("no such folder"), "{}", refused.stderr);
}

#[tokio::test]
async fn a_restore_refuses_the_folder_of_a_running_server() {
    let server = Server::start().await;
    let alice = Person::sign_up(&server, "alice").await;
    let backup = server.folder().join("backup");
    back_up(&server, &backup).await.ok();
    let refused = restore(&server, &backup).await;
    refused.ends_with(1);
    let data = server.data().to_string_lossy().into_owned();
    assert!(
        refused.stderr.contains(&data) && refused.stderr.contains("in use"),
        "{}",
        refused.stderr
    );
    // Nor does it take the folder of a running server for a backup.
    let mut other = clean_command(subrosa(), server.folder());
    other.arg("restore").arg(server.data()).args(["--data", "other"]);
    let refused = finish(other).await;
    refused.ends_with(1);
    assert!(refused.stderr.contains("subrosa backup"), "{}", refused.stderr);
    alice.run(&["devices"]).await.ok();
}

#[tokio::test]
async fn a_copy_that_is_not_whole_is_not_restored() {
    let mut server = Server::start().await;
    let _alice = Person::sign_up(&server, "alice").await;
    let backup = server.folder().join("backup");
    back_up(&server, &backup).await.ok();
    server.stop().await;
    let intact = std::fs::read(backup.join(DATABASE)).unwrap_or_default();
    let before = files(&server.data());
    let mut noise = intact.clone();
    for byte in &mut noise[..4096] {
        *byte ^= 0x5a;
    }
    let half = &intact[..intact.len() / 2];
    for (what, content) in [
        ("noise", &noise[..]),
        ("half", half),
        ("nothing", b""),
        ("text", b"no database"),
    ] {
        assert!(std::fs::write(backup.join(DATABASE), content).is_ok());
        let refused = restore(&server, &backup).await;
        refused.ends_with(1);
        assert!(refused.stderr.contains("damaged"), "{what}: {}", refused.stderr);
        assert_eq!(files(&server.data()), before, "{what}");
    }
    assert!(std::fs::write(backup.join(DATABASE), &intact).is_ok());
    let newer = "INSERT INTO schema_version VALUES (9999, 'of the future')";
    let changed = Connection::open(backup.join(DATABASE)).and_then(|it| it.execute(newer, []));
    assert_eq!(changed, Ok(1));
    let refused = restore(&server, &backup).await;
    refused.ends_with(1);
    assert!(refused.stderr.contains("newer"), "{}", refused.stderr);
    assert_eq!(files(&server.data()), before);
    server.restart().await;
}

#[tokio::test]
async fn whoever_was_signed_in_stays_signed_in_after_an_older_copy_was_restored() {
    let mut server = Server::start().await;
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    let laptop = alice.second_device().await;
    let backup = server.folder().join("backup");
    back_up(&server, &backup).await.ok();
    for number in 1..4 {
        server.stop().await;
        restart_with_other_tokens(&mut server, number).await;
        for device in [&alice, &laptop, &bob] {
            device.run(&["devices"]).await.ok();
        }
    }
    server.stop().await;
    let incarnation = |folder: &Path| query::<Vec<u8>>(folder, "SELECT incarnation FROM incarnation");
    let restored = restore(&server, &backup).await.ok().one();
    assert_eq!(
        (&restored["accounts"], &restored["devices"]),
        (&2.into(), &3.into())
    );
    let kept = PathBuf::from(restored["kept"].as_str().unwrap_or_default());
    assert_eq!(incarnation(&kept), incarnation(&backup));
    assert_ne!(incarnation(&server.data()), incarnation(&backup));
    restart_with_other_tokens(&mut server, 9).await;
    for device in [&alice, &laptop, &bob] {
        let devices: Vec<Value> = device.run(&["devices"]).await.ok().lines();
        assert!(!devices.is_empty());
    }
    alice.send(&bob, "still here").await;
    assert_eq!(bob.texts(&alice).await, ["still here"]);
}
