//! What is deleted is gone from the files. The test decrypts every page of the database and of the log beside it.

use std::{fs, path::Path, time::Duration};

use aes_gcm::aes::{
    Aes256,
    cipher::{BlockDecrypt as _, KeyInit as _},
};
use subrosa_engine::{
    ChatId, Command, Engine, Input,
    content::SendToken,
    database::{Database, DatabaseKey},
};
use subrosa_test_support::SeededRng;
use subrosa_wire::frames::{WelcomesWaiting, server_frame::Body};
use tempfile::TempDir;

use crate::{changed_keys::welcome_of_the_impostor, device::Device};

const KEY: [u8; 32] = [7; 32];
const PAGE_LEN: usize = 4096;
/// SQLCipher ends each page with an initialisation vector and a tag of HMAC-SHA512.
const VECTOR_LEN: usize = 16;
const TAG_LEN: usize = 64;
/// SQLite's log begins with a header, and so does each of its pages.
const LOG_HEADER_LEN: usize = 32;
const FRAME_HEADER_LEN: usize = 24;

/// The plaintext of a page: AES-256 in CBC mode. (Of the first page, which begins with a salt, two blocks are not.)
fn decrypt(page: &[u8]) -> Vec<u8> {
    let cipher = Aes256::new(&KEY.into());
    let (sealed, end) = page.split_at(PAGE_LEN - VECTOR_LEN - TAG_LEN);
    let mut previous = &end[..VECTOR_LEN];
    let mut plaintext = Vec::with_capacity(sealed.len());
    for sealed in sealed.chunks_exact(16) {
        let mut block = *aes_gcm::aes::Block::from_slice(sealed);
        cipher.decrypt_block(&mut block);
        plaintext.extend(block.iter().zip(previous).map(|(byte, mask)| byte ^ mask));
        previous = sealed;
    }
    plaintext
}

/// The plaintext of every page in the folder, whatever page it was or is.
fn pages(folder: &Path) -> Vec<Vec<u8>> {
    let mut pages = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        if path.to_string_lossy().ends_with("-wal") {
            let frames = bytes.get(LOG_HEADER_LEN..).unwrap_or_default();
            for frame in frames.chunks_exact(FRAME_HEADER_LEN + PAGE_LEN) {
                pages.push(frame[FRAME_HEADER_LEN..].to_vec());
            }
        } else {
            pages.extend(bytes.chunks_exact(PAGE_LEN).map(<[u8]>::to_vec));
        }
    }
    pages.iter().map(|page| decrypt(page)).collect()
}

fn count(folder: &Path, secret: &[u8]) -> usize {
    let holds = |page: &Vec<u8>| page.windows(secret.len()).any(|window| window == secret);
    pages(folder).iter().filter(|page| holds(page)).count()
}

/// The private init keys of the key packages in a database, but for their ends, by row. (The leaf's key goes into the
/// group with the Welcome.)
fn private_keys(database: &Database) -> Vec<(Vec<u8>, Vec<u8>)> {
    const FIELD: &[u8] = b"private_init_key";
    let mut statement = database
        .connection()
        .prepare("SELECT key, value FROM mls_state WHERE key >= x'6b2f' AND key < x'6b30'")
        .unwrap();
    let rows = statement.query_map([], |row| {
        let value: Vec<u8> = row.get(1)?;
        let field = value.windows(FIELD.len()).position(|window| window == FIELD);
        let key = field.unwrap() + FIELD.len();
        Ok((row.get(0)?, value[key + 8..key + 32].to_vec()))
    });
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

/// Closes the engine and opens it again. Returns the private keys that were there in between.
fn reopen(device: &mut Device, file: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    device.engine = Device::new(9).engine;
    let database = Database::open(file, &DatabaseKey::from_bytes(KEY)).unwrap();
    let keys = private_keys(&database);
    device.engine = Engine::open(database, Box::new(SeededRng::new(5)))
        .unwrap()
        .unwrap();
    keys
}

// A key was in the database as it was before the log, and in the log as often as its page was written, until 4 MB
// of pages were.
#[test]
fn a_private_key_that_was_used_up_is_in_no_page_of_the_database_or_its_log() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("profile.db");
    let mut device =
        Device::with_database(1, Database::create(&file, &DatabaseKey::from_bytes(KEY)).unwrap());
    let welcome = welcome_of_the_impostor(&mut device);
    let before = reopen(&mut device, &file);
    let found: Vec<_> = before
        .iter()
        .map(|(_, secret)| count(folder.path(), secret))
        .collect();
    assert!(
        !found.is_empty() && found.iter().all(|count| *count > 0),
        "the search does not find what is there: {found:?}"
    );

    device.step(Input::Connected).unwrap();
    device.push(Body::WelcomesWaiting(WelcomesWaiting {
        welcomes: vec![welcome],
    }));
    device.now = device.now.plus(Duration::from_secs(10));
    device.step(Input::Tick).unwrap();
    // Looked for while the engine is open: nothing waits for its end.
    let found: Vec<_> = before
        .iter()
        .map(|(_, secret)| count(folder.path(), secret))
        .collect();
    let after = reopen(&mut device, &file);
    assert_eq!(after.len() + 1, before.len(), "one was used up");
    for ((row, _), found) in before.iter().zip(found) {
        let is_kept = after.iter().any(|(kept, _)| kept == row);
        assert_eq!(found > 0, is_kept, "{found} pages, kept: {is_kept}");
    }
}

/// Closes the engine, does something with the database and opens it again.
fn meanwhile(device: &mut Device, file: &Path, act: impl FnOnce(&Database)) {
    device.engine = Device::new(9).engine;
    let database = Database::open(file, &DatabaseKey::from_bytes(KEY)).unwrap();
    act(&database);
    device.engine = Engine::open(database, Box::new(SeededRng::new(5)))
        .unwrap()
        .unwrap();
}

/// Writes these texts into the notes to self of a device whose database is in a file.
fn writer(file: &Path, texts: &[&str]) -> (Device, ChatId) {
    let mut device = Device::with_database(1, Database::create(file, &DatabaseKey::from_bytes(KEY)).unwrap());
    device.step(Command::OpenNotes).unwrap();
    let me = device.account();
    let chat = device.engine.direct_chat_with(me).unwrap().unwrap();
    for text in texts {
        let command = Command::SendText {
            chat,
            text: (*text).to_owned(),
            token: SendToken::random(&mut SeededRng::new(7)),
        };
        device.step(command).unwrap();
    }
    (device, chat)
}

#[test]
fn the_text_of_a_message_that_has_disappeared_is_in_no_page_of_the_database_or_its_log() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("profile.db");
    let [secret, other] = ["the door opens with 4711", "the window does not"];
    let (mut device, chat) = writer(&file, &[secret, other]);
    assert!(
        count(folder.path(), secret.as_bytes()) > 1,
        "it is not found where it is"
    );
    // As if it had been sent long ago.
    meanwhile(&mut device, &file, |database| {
        let due = "UPDATE messages SET lifetime = 5, expires_at = 1 WHERE text LIKE '%4711'";
        assert_eq!(database.connection().execute(due, []).unwrap(), 1);
    });
    device.step(Input::Tick).unwrap();
    device.now = device.now.plus(Duration::from_secs(10));
    device.step(Input::Tick).unwrap();
    assert_eq!(count(folder.path(), secret.as_bytes()), 0);
    assert!(count(folder.path(), other.as_bytes()) > 0);
    let left = device.engine.messages(chat, None, 10).unwrap();
    assert_eq!(
        left.iter().map(|message| &message.text).collect::<Vec<_>>(),
        [other]
    );
}

#[test]
fn the_texts_of_a_conversation_that_was_deleted_are_in_no_page_of_the_database_or_its_log() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("profile.db");
    let texts = ["the door opens with 4711", "the window does not"];
    let (mut device, chat) = writer(&file, &texts);
    device.step(Command::DeleteHere(chat)).unwrap();
    device.now = device.now.plus(Duration::from_secs(10));
    device.step(Input::Tick).unwrap();
    for text in texts {
        assert_eq!(count(folder.path(), text.as_bytes()), 0, "{text}");
    }
}

// The clock was ahead when the time of the message began.
#[test]
fn a_clock_that_is_set_back_keeps_nothing_for_longer_than_its_lifetime() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("profile.db");
    let (mut device, chat) = writer(&file, &["one"]);
    meanwhile(&mut device, &file, |database| {
        let ahead = "UPDATE messages SET lifetime = 60, expires_at = 1 << 60";
        assert_eq!(database.connection().execute(ahead, []).unwrap(), 1);
    });
    device.step(Input::Tick).unwrap();
    device.now = device.now.plus(Duration::from_secs(59));
    device.step(Input::Tick).unwrap();
    assert_eq!(device.engine.messages(chat, None, 10).unwrap().len(), 1);
    device.now = device.now.plus(Duration::from_secs(1));
    device.step(Input::Tick).unwrap();
    assert_eq!(device.engine.messages(chat, None, 10).unwrap(), []);
}
