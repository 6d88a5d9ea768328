//! JSON by the browser, which spares the web app serde's library.

use js_sys::JSON;
use serde::{Serialize, de::DeserializeOwned};
use serde_wasm_bindgen::Serializer;

use super::reason;

/// Encodes a value as JSON.
pub(crate) fn to_json(value: &impl Serialize) -> Result<Vec<u8>, String> {
    let value = value
        .serialize(&Serializer::json_compatible())
        .map_err(|error| error.to_string())?;
    let json = JSON::stringify(&value).map_err(|error| reason(&error))?;
    Ok(String::from(json).into_bytes())
}

/// Decodes a value from JSON.
pub(crate) fn from_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    let json = str::from_utf8(json).map_err(|error| error.to_string())?;
    let value = JSON::parse(json).map_err(|error| reason(&error))?;
    serde_wasm_bindgen::from_value(value).map_err(|error| error.to_string())
}
