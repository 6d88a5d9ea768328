//! Environment variables as a source: `SUBROSA_LISTEN`, and `SUBROSA_LOG__FORMAT` for a key of a table.
//!
//! The clients of Subrosa have variables of their own with the same prefix, so one whose first word is no key
//! of the server is none of its business.

use figment::{
    Error, Metadata, Profile, Provider,
    providers::Serialized,
    value::{Dict, Map, Value},
};

use super::Config;

const PREFIX: &str = "SUBROSA_";
const TABLE_SEPARATOR: &str = "__";

/// The variables that are the server's.
#[derive(Debug)]
pub(super) struct Environment {
    /// Dotted key and value.
    variables: Vec<(String, String)>,
}

impl Environment {
    pub(super) fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let keys = known_keys();
        let variables = variables
            .into_iter()
            .filter_map(|(name, value)| {
                let key = name
                    .strip_prefix(PREFIX)?
                    .to_ascii_lowercase()
                    .replace(TABLE_SEPARATOR, ".");
                let first = key.split('.').next()?;
                keys.iter().any(|known| known == first).then_some((key, value))
            })
            .collect();
        Self { variables }
    }
}

impl Provider for Environment {
    fn metadata(&self) -> Metadata {
        Metadata::named("environment variable")
            .interpolater(|_, keys| format!("{PREFIX}{}", keys.join(TABLE_SEPARATOR).to_ascii_uppercase()))
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

fn known_keys() -> Vec<String> {
    let defaults = Serialized::defaults(Config::default()).data().unwrap_or_default();
    let keys = defaults.into_values().flat_map(Dict::into_keys);
    // The keys without a default.
    keys.chain(["metrics_listen", "web_dir"].map(str::to_owned))
        .collect()
}
