//! Environment variables as a source: `SUBROSA_LISTEN`, and `SUBROSA_LOG__FORMAT` for a key of a table.
//!
//! A variable with this prefix that is neither a key of the server nor a variable of the client is refused: it is
//! most likely misspelt, and the server would run with a default that nobody wanted.

use figment::{
    Error, Metadata, Profile, Provider,
    providers::Serialized,
    value::{Dict, Map, Value},
};

use super::{Config, ConfigError};

const PREFIX: &str = "SUBROSA_";
const TABLE_SEPARATOR: &str = "__";

/// What the client of the same binary reads. Somebody who works with both has them set for both.
const OF_THE_CLIENT: [&str; 3] = ["SUBROSA_CLIENT_LOG", "SUBROSA_PROFILE", "SUBROSA_SERVER"];

/// How much of a name has to be right for another one to be taken for what was meant; 1 is all of it.
const LIKENESS_MIN: f64 = 0.6;

/// The variables that are the server's.
#[derive(Debug)]
pub(super) struct Environment {
    /// Dotted key and value.
    variables: Vec<(String, String)>,
}

impl Environment {
    /// Takes those of the variables that are the server's, and refuses one that is nobody's.
    pub(super) fn of(variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let keys = known_keys();
        let mut known = Vec::new();
        for (name, value) in variables {
            let Some(key) = name.strip_prefix(PREFIX) else {
                continue;
            };
            let key = key.to_ascii_lowercase().replace(TABLE_SEPARATOR, ".");
            if keys.iter().any(|known| first_word(known) == first_word(&key)) {
                // What is wrong with the rest of the key is found where all keys are checked.
                known.push((key, value));
            } else if !OF_THE_CLIENT.contains(&name.as_str()) {
                let nearest = nearest(&name, &keys);
                return Err(ConfigError::UnknownVariable { name, nearest });
            }
        }
        Ok(Self { variables: known })
    }
}

impl Provider for Environment {
    fn metadata(&self) -> Metadata {
        Metadata::named("environment variable").interpolater(|_, keys| variable(&keys.join(".")))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let mut values = Dict::new();
        for (key, value) in &self.variables {
            // Parsing cannot fail: what is nothing else is a string.
            let value: Value = value.parse().unwrap_or_else(|_| Value::from(value.clone()));
            merge(&mut values, figment::util::nest(key, value));
        }
        Ok(Map::from([(Profile::Default, values)]))
    }
}

/// Several variables may speak of one table.
fn merge(into: &mut Dict, value: Value) {
    let Value::Dict(_, entries) = value else { return };
    for (key, value) in entries {
        match (into.get_mut(&key), value) {
            (Some(Value::Dict(_, table)), Value::Dict(tag, more)) => merge(table, Value::Dict(tag, more)),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// The dotted keys of the whole configuration, those of tables included.
fn known_keys() -> Vec<String> {
    let defaults = Serialized::defaults(Config::default()).data().unwrap_or_default();
    let mut keys = Vec::new();
    for (key, value) in defaults.into_values().flatten() {
        match value {
            Value::Dict(_, table) => keys.extend(table.keys().map(|inner| format!("{key}.{inner}"))),
            _ => keys.push(key),
        }
    }
    // The keys without a default.
    keys.extend(["metrics_listen", "web_dir"].map(str::to_owned));
    keys
}

fn first_word(key: &str) -> &str {
    key.split('.').next().unwrap_or_default()
}

/// The variable for a key.
fn variable(key: &str) -> String {
    format!(
        "{PREFIX}{}",
        key.replace('.', TABLE_SEPARATOR).to_ascii_uppercase()
    )
}

/// The variable that was meant by this name, most likely.
fn nearest(name: &str, keys: &[String]) -> Option<String> {
    let name = name.to_ascii_uppercase();
    let likeness =
        |other: &str| strsim::normalized_levenshtein(&name[PREFIX.len()..], &other[PREFIX.len()..]);
    keys.iter()
        .map(|key| variable(key))
        .chain(OF_THE_CLIENT.map(str::to_owned))
        .map(|known| (likeness(&known), known))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, known)| known)
}
