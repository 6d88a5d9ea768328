//! What figment finds wrong, in the words of an operator: which key, why, and where it is from.

use figment::{Error, Source, error::Kind};

use super::ConfigError;

/// The first thing that is wrong.
pub(super) fn of(error: Error) -> ConfigError {
    let place = match &error.metadata {
        Some(metadata) => match &metadata.source {
            Some(Source::File(path)) => format!("in {}", path.display()),
            _ => format!("from the {}", metadata.name),
        },
        None => "from the defaults".to_owned(),
    };
    let key = if error.path.is_empty() {
        "the configuration".to_owned()
    } else {
        error.path.join(".")
    };
    let reason = match error.kind {
        Kind::UnknownField(_, known) => format!("there is no such key, only {}", known.join(", ")),
        Kind::UnknownVariant(found, known) => format!("`{found}` is none of {}", known.join(", ")),
        kind => kind.to_string().trim_end().to_owned(),
    };
    ConfigError::Invalid { key, reason, place }
}
