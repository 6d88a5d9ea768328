//! The key of the database, wrapped by a WebCrypto key that stays in the browser. That key is not extractable, so the
//! bytes of the origin's storage alone do not reveal the database.

use idb::{DatabaseEvent as _, Factory, ObjectStoreParams, Query, TransactionMode, TransactionResult};
use js_sys::{Array, Object, Reflect, Uint8Array};
use rand_core::RngCore as _;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{CryptoKey, DedicatedWorkerGlobalScope, SubtleCrypto};

use super::reason;
use crate::{
    ClientError,
    ambient::SystemRandom,
    platform::{KEY_LEN, Key},
};

const DATABASE: &str = "subrosa";
const STORE: &str = "keys";
const WRAPPING: &str = "wrapping";
const PROFILE: &str = "profile";
/// Length of the nonce of AES-GCM, in bytes; the sealed key follows it.
const NONCE_LEN: usize = 12;

/// The key, if there is a profile.
pub(super) async fn load() -> Result<Option<Key>, ClientError> {
    let database = open().await?;
    let transaction = database
        .transaction(&[STORE], TransactionMode::ReadOnly)
        .map_err(failed)?;
    let store = transaction.object_store(STORE).map_err(failed)?;
    let wrapping = get(&store, WRAPPING).await?;
    let sealed = get(&store, PROFILE).await?;
    database.close();
    let (Some(wrapping), Some(sealed)) = (wrapping, sealed) else {
        return Ok(None);
    };
    let (wrapping, sealed) = match (wrapping.dyn_into::<CryptoKey>(), sealed.dyn_into::<Uint8Array>()) {
        (Ok(wrapping), Ok(sealed)) => (wrapping, sealed.to_vec()),
        _ => return Err(unusable("the stored key is not a key")),
    };
    let Some((nonce, ciphertext)) = sealed.split_at_checked(NONCE_LEN) else {
        return Err(unusable("the stored key is too short"));
    };
    let opening = subtle()?
        .decrypt_with_object_and_u8_array(&algorithm(nonce)?, &wrapping, ciphertext)
        .map_err(|error| unusable(&reason(&error)))?;
    let opened = JsFuture::from(opening)
        .await
        .map_err(|_| unusable("the stored key does not open"))?;
    let opened = Uint8Array::new(&opened);
    if opened.length() as usize != KEY_LEN {
        return Err(unusable("the stored key has another length"));
    }
    let mut key = Key::default();
    opened.copy_to(key.as_mut());
    // The browser's copy, too.
    opened.fill(0, 0, opened.length());
    Ok(Some(key))
}

/// Stores the key, wrapped by a new wrapping key, in one transaction.
pub(super) async fn store(key: &Key) -> Result<(), ClientError> {
    let wrapping = new_wrapping_key().await?;
    let mut nonce = [0; NONCE_LEN];
    SystemRandom.fill_bytes(&mut nonce);
    let sealing = subtle()?
        .encrypt_with_object_and_u8_array(&algorithm(&nonce)?, &wrapping, key.as_ref())
        .map_err(|error| unusable(&reason(&error)))?;
    let ciphertext = JsFuture::from(sealing)
        .await
        .map_err(|error| unusable(&reason(&error)))?;
    let sealed = [&nonce[..], &Uint8Array::new(&ciphertext).to_vec()].concat();

    let database = open().await?;
    let transaction = database
        .transaction(&[STORE], TransactionMode::ReadWrite)
        .map_err(failed)?;
    let store = transaction.object_store(STORE).map_err(failed)?;
    for (name, value) in [
        (WRAPPING, JsValue::from(wrapping)),
        (PROFILE, Uint8Array::from(sealed.as_slice()).into()),
    ] {
        store.put(&value, Some(&name.into())).map_err(failed)?;
    }
    committed(transaction.await.map_err(failed)?)?;
    database.close();
    Ok(())
}

/// Removes the key and the key that wraps it.
pub(super) async fn remove() -> Result<(), ClientError> {
    let database = open().await?;
    let transaction = database
        .transaction(&[STORE], TransactionMode::ReadWrite)
        .map_err(failed)?;
    transaction
        .object_store(STORE)
        .and_then(|store| store.clear())
        .map_err(failed)?;
    committed(transaction.await.map_err(failed)?)?;
    database.close();
    Ok(())
}

async fn open() -> Result<idb::Database, ClientError> {
    let factory = Factory::new().map_err(|_| ClientError::Unsupported("IndexedDB"))?;
    let mut request = factory.open(DATABASE, Some(1)).map_err(failed)?;
    request.on_upgrade_needed(|event| {
        // A failure here fails the request.
        let _ = event
            .database()
            .and_then(|database| database.create_object_store(STORE, ObjectStoreParams::new()));
    });
    request.await.map_err(failed)
}

async fn get(store: &idb::ObjectStore, name: &str) -> Result<Option<JsValue>, ClientError> {
    let request = store.get(Query::Key(name.into())).map_err(failed)?;
    let found = request.await.map_err(failed)?;
    Ok(found.filter(|value| !value.is_undefined() && !value.is_null()))
}

fn committed(result: TransactionResult) -> Result<(), ClientError> {
    match result {
        TransactionResult::Committed => Ok(()),
        TransactionResult::Aborted => Err(unusable("the browser did not store the key")),
    }
}

async fn new_wrapping_key() -> Result<CryptoKey, ClientError> {
    let usages = Array::of2(&"encrypt".into(), &"decrypt".into());
    let parameters = object(&[("name", "AES-GCM".into()), ("length", 256.into())])?;
    let generating = subtle()?
        .generate_key_with_object(&parameters, false, &usages)
        .map_err(|error| unusable(&reason(&error)))?;
    let key = JsFuture::from(generating)
        .await
        .map_err(|error| unusable(&reason(&error)))?;
    Ok(key.unchecked_into())
}

fn algorithm(nonce: &[u8]) -> Result<Object, ClientError> {
    object(&[("name", "AES-GCM".into()), ("iv", Uint8Array::from(nonce).into())])
}

fn object(members: &[(&str, JsValue)]) -> Result<Object, ClientError> {
    let object = Object::new();
    for (name, value) in members {
        Reflect::set(&object, &(*name).into(), value).map_err(|error| unusable(&reason(&error)))?;
    }
    Ok(object)
}

fn subtle() -> Result<SubtleCrypto, ClientError> {
    let scope = js_sys::global()
        .dyn_into::<DedicatedWorkerGlobalScope>()
        .map_err(|_| ClientError::Unsupported("dedicated workers"))?;
    let crypto = scope.crypto().map_err(|error| unusable(&reason(&error)))?;
    let subtle = crypto.subtle();
    if subtle.is_undefined() {
        return Err(ClientError::Unsupported("WebCrypto (the page needs https)"));
    }
    Ok(subtle)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: idb::Error) -> ClientError {
    unusable(&error.to_string())
}

fn unusable(reason: &str) -> ClientError {
    ClientError::Profile {
        path: DATABASE.into(),
        reason: reason.to_owned(),
    }
}
