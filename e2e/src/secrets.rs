//! Secrets, and the search for them in bytes: as they are, and in every form in which software is used to
//! write them down.

use std::path::Path;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use ciborium::Value;
use memchr::memmem;
use subrosa_engine::database::{Database, DatabaseKey};

/// Shorter byte strings would be found by chance.
const SECRET_LEN_MIN: usize = 12;

/// What must not be found.
#[derive(Default)]
pub struct Secrets(Vec<Needle>);

struct Needle {
    name: String,
    form: &'static str,
    bytes: Vec<u8>,
}

impl Secrets {
    /// Adds a secret.
    ///
    /// # Panics
    /// If it is so short that it would be found by chance.
    pub fn add(&mut self, name: &str, secret: &[u8]) {
        assert!(
            secret.len() >= SECRET_LEN_MIN,
            "{name} is too short to be searched for"
        );
        for (form, bytes) in forms(secret) {
            if !self.0.iter().any(|needle| needle.bytes == bytes) {
                self.0.push(Needle {
                    name: name.to_owned(),
                    form,
                    bytes,
                });
            }
        }
    }

    /// How many secrets, each in how many forms, are looked for.
    pub fn needles(&self) -> usize {
        self.0.len()
    }

    /// The names of the secrets that are in these bytes, with the form in which they are there.
    pub fn find_in(&self, haystack: &[u8]) -> Vec<String> {
        let found = self
            .0
            .iter()
            .filter(|needle| memmem::find(haystack, &needle.bytes).is_some());
        found
            .map(|needle| format!("{} ({})", needle.name, needle.form))
            .collect()
    }

    /// None of the secrets is in these bytes.
    ///
    /// # Panics
    /// If one is.
    #[track_caller]
    pub fn assert_absent(&self, place: &str, haystack: &[u8]) {
        let found = self.find_in(haystack);
        let count = found.len();
        assert!(
            found.is_empty(),
            "{place} holds {count} secrets, among them {:?}",
            &found[..count.min(5)]
        );
    }

    /// None of the secrets is in the files of a folder, nor in the folders below it.
    ///
    /// # Panics
    /// If one is, or if the folder cannot be read.
    #[track_caller]
    pub fn assert_absent_in_folder(&self, folder: &Path) {
        for (name, bytes) in files(folder) {
            self.assert_absent(&name, &bytes);
        }
    }

    /// Adds every private key and secret that a client's profile holds, which must be closed.
    ///
    /// # Panics
    /// If the profile cannot be read.
    pub fn add_profile(&mut self, who: &str, profile: &Path) {
        let (key, database) = open(profile);
        self.add(&format!("{who}'s database key"), &key);
        let added = self
            .add_account_keys(who, &database)
            .and_then(|()| self.add_group_secrets(who, &database));
        added.unwrap_or_else(|error| panic!("{}: {error}", profile.display()));
    }

    /// Adds the tokens that a client's profile holds, which must be closed. They are presented to the
    /// server, so that they are on the wire and in its memory, but nowhere else.
    ///
    /// # Panics
    /// If the profile cannot be read.
    pub fn add_tokens(&mut self, who: &str, profile: &Path) {
        let (_, database) = open(profile);
        let added = self.add_stored_tokens(who, &database);
        added.unwrap_or_else(|error| panic!("{}: {error}", profile.display()));
    }

    fn add_account_keys(&mut self, who: &str, database: &Database) -> rusqlite::Result<()> {
        let sql = "SELECT device_key, vault_key, vault FROM profile";
        let (device_key, vault_key, vault): (Vec<u8>, Vec<u8>, Vec<u8>) =
            database
                .connection()
                .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        self.add(&format!("{who}'s device key"), &device_key);
        self.add(&format!("{who}'s vault key"), &vault_key);
        // Account, backup and profile key: the 32-byte fields of the vault's protobuf message.
        let fields = [(0x12, "account key"), (0x1a, "backup key"), (0x22, "profile key")];
        for (tag, name) in fields {
            let at = memmem::find(&vault, &[tag, 32]).unwrap_or_else(|| panic!("the vault has no {name}"));
            self.add(&format!("{who}'s {name}"), &vault[at + 2..at + 34]);
        }
        Ok(())
    }

    fn add_group_secrets(&mut self, who: &str, database: &Database) -> rusqlite::Result<()> {
        let mut statement = database.connection().prepare("SELECT value FROM mls_state")?;
        let mut rows = statement.query([])?;
        let before = self.0.len();
        while let Some(row) = rows.next()? {
            let value: Vec<u8> = row.get(0)?;
            if let Ok(value) = ciborium::from_reader::<Value, _>(value.as_slice()) {
                collect(&value, None, &mut |name, secret| {
                    self.add(&format!("{who}'s {name} of a group or key package"), secret);
                });
            }
        }
        assert!(
            self.0.len() > before,
            "no private key was found in the groups of {who}"
        );
        Ok(())
    }

    fn add_stored_tokens(&mut self, who: &str, database: &Database) -> rusqlite::Result<()> {
        let mut statement = database.connection().prepare("SELECT value FROM settings")?;
        let mut rows = statement.query([])?;
        let before = self.0.len();
        while let Some(row) = rows.next()? {
            let value: Vec<u8> = row.get(0)?;
            let Ok(serde_json::Value::Object(tokens)) = serde_json::from_slice(&value) else {
                continue;
            };
            for name in ["access_token", "refresh_token"] {
                if let Some(token) = tokens.get(name).and_then(serde_json::Value::as_str) {
                    self.add(&format!("{who}'s {name}"), token.as_bytes());
                }
            }
        }
        assert!(
            self.0.len() > before,
            "no token was found in the settings of {who}"
        );
        Ok(())
    }
}

/// The database of a profile, and its key.
fn open(profile: &Path) -> ([u8; 32], Database) {
    let fail = |what: &str| -> ! { panic!("{}: {what}", profile.display()) };
    let key = std::fs::read(profile.join("key")).unwrap_or_else(|_| fail("no key"));
    let key: [u8; 32] = key
        .try_into()
        .unwrap_or_else(|_| fail("the key has another length"));
    let database = Database::open(&profile.join("profile.db"), &DatabaseKey::from_bytes(key));
    (key, database.unwrap_or_else(|error| fail(&error.to_string())))
}

/// Runs SQL on the database of a profile, which must be closed.
///
/// # Panics
/// If that fails.
pub fn change_profile(profile: &Path, sql: &str) {
    let (_, database) = open(profile);
    let changed = database.connection().execute_batch(sql);
    changed.unwrap_or_else(|error| panic!("{}: {error}", profile.display()));
}

/// Every file of a folder and of those below it, with its name.
///
/// # Panics
/// If something cannot be read.
pub fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let fail = |error: std::io::Error| -> ! { panic!("{}: {error}", folder.display()) };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| fail(error)) {
        let path = entry.unwrap_or_else(|error| fail(error)).path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if path.is_file() {
            let bytes = std::fs::read(&path).unwrap_or_else(|error| fail(error));
            files.push((path.display().to_string(), bytes));
        }
    }
    files
}

/// The ways in which a byte string may be written down.
fn forms(secret: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let hexadecimal = hex::encode(secret);
    let numbers: Vec<String> = secret.iter().map(u8::to_string).collect();
    let mut cbor_array = Vec::new();
    for byte in secret {
        if *byte < 24 {
            cbor_array.push(*byte);
        } else {
            cbor_array.extend([0x18, *byte]);
        }
    }
    let mut forms = vec![
        ("as it is", secret.to_vec()),
        ("upper-case hex", hexadecimal.to_uppercase().into_bytes()),
        ("hex", hexadecimal.into_bytes()),
        ("numbers", numbers.join(",").into_bytes()),
        ("spaced numbers", numbers.join(", ").into_bytes()),
        ("CBOR array", cbor_array),
        ("UTF-16", secret.iter().flat_map(|byte| [*byte, 0]).collect()),
    ];
    // Base64 of something longer that holds the secret: the characters depend on where a group of three
    // bytes begins, so that only whole groups inside of the secret are looked for.
    for skipped in 0..3 {
        let whole = &secret[skipped..];
        let whole = &whole[..whole.len() / 3 * 3];
        forms.push(("base64", STANDARD_NO_PAD.encode(whole).into_bytes()));
        forms.push(("base64url", URL_SAFE_NO_PAD.encode(whole).into_bytes()));
    }
    forms
}

/// Byte strings of a CBOR value that stand in a field whose name says that they are secret.
fn collect(value: &Value, secret_field: Option<&str>, found: &mut dyn FnMut(&str, &[u8])) {
    match value {
        Value::Map(entries) => {
            for (key, value) in entries {
                let key = key.as_text().unwrap_or_default();
                let is_secret = ["private", "secret"].iter().any(|part| key.contains(part));
                let is_public = ["public", "context"].iter().any(|part| key.contains(part));
                let inherited = if is_public { None } else { secret_field };
                collect(value, if is_secret { Some(key) } else { inherited }, found);
            }
        }
        Value::Array(items) => {
            let bytes: Option<Vec<u8>> = items
                .iter()
                .map(|item| item.as_integer().and_then(|number| u8::try_from(number).ok()))
                .collect();
            match bytes {
                Some(bytes) if bytes.len() >= SECRET_LEN_MIN => {
                    collect(&Value::Bytes(bytes), secret_field, found);
                }
                _ => items.iter().for_each(|item| collect(item, secret_field, found)),
            }
        }
        Value::Bytes(bytes) if bytes.len() >= SECRET_LEN_MIN => {
            if let Some(name) = secret_field {
                found(name, bytes);
            }
        }
        Value::Tag(_, inner) => collect(inner, secret_field, found),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"under the rose\x00\xff\x17\x18";

    fn is_found(haystack: &[u8]) -> bool {
        let mut secrets = Secrets::default();
        secrets.add("the secret", SECRET);
        !secrets.find_in(haystack).is_empty()
    }

    #[test]
    fn a_secret_is_found_however_it_is_written_and_whatever_stands_around_it() {
        for before in ["", "a", "ab", "abc"] {
            let text = [before.as_bytes(), SECRET, b"after"].concat();
            assert!(is_found(&text));
            assert!(is_found(hex::encode(&text).as_bytes()));
            assert!(is_found(hex::encode_upper(&text).as_bytes()));
            assert!(is_found(STANDARD_NO_PAD.encode(&text).as_bytes()));
            assert!(is_found(URL_SAFE_NO_PAD.encode(&text).as_bytes()));
            assert!(is_found(format!("{text:?}").as_bytes()));
            assert!(is_found(
                serde_json::to_string(&text).unwrap_or_default().as_bytes()
            ));
            let mut cbor = Vec::new();
            assert!(ciborium::into_writer(&text, &mut cbor).is_ok());
            assert!(is_found(&cbor));
        }
    }

    #[test]
    fn another_text_is_not_the_secret() {
        assert!(!is_found(b"under the rows\x00\xff\x17\x18"));
        assert!(!is_found(&SECRET[1..]));
    }

    #[test]
    fn private_keys_are_found_in_stored_state() {
        let key = Value::Bytes(vec![7; 32]);
        let numbers = Value::Array(vec![Value::Integer(9.into()); 32]);
        let map = |name: &str, value: &Value| Value::Map(vec![(Value::Text(name.into()), value.clone())]);
        let mut found = Vec::new();
        let mut note = |name: &str, secret: &[u8]| found.push(format!("{name} {}", secret[0]));
        collect(&map("private_key", &map("vec", &key)), None, &mut note);
        collect(&Value::Array(vec![map("init_secret", &numbers)]), None, &mut note);
        collect(&map("public_key", &key), None, &mut note);
        collect(&map("message_secrets", &map("context", &key)), None, &mut note);
        assert_eq!(found, ["private_key 7", "init_secret 9"]);
    }
}
