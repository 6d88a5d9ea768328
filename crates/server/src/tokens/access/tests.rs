#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::time::Duration;

use jsonwebtoken::EncodingKey;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::store::SqliteStore;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const SESSION: Session = Session {
    account_id: AccountId::from_bytes([1; 16]),
    device_id: DeviceId::from_bytes([2; 16]),
};

async fn tokens(issuer: &str) -> (AccessTokens, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(folder.path()).unwrap());
    (
        AccessTokens::open(store, issuer.to_owned(), NOW).await.unwrap(),
        folder,
    )
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// A token with other contents and the same signature.
fn with_part(token: &str, index: usize, change: impl FnOnce(&mut Value)) -> String {
    let mut value = part(token, index);
    change(&mut value);
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    parts[index] = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&value).unwrap());
    parts.join(".")
}

/// A token that this server's own key signs, whatever it says.
fn signed(tokens: &AccessTokens, header: &Header, claims: &Value) -> String {
    let key = tokens.newest_key(NOW).unwrap();
    let mut header = header.clone();
    header.kid = Some(key.kid.clone());
    jsonwebtoken::encode(&header, claims, &key.signing).unwrap()
}

fn header() -> Header {
    Header {
        typ: Some(TOKEN_TYPE.to_owned()),
        ..Header::new(Algorithm::EdDSA)
    }
}

#[tokio::test]
async fn a_token_names_account_and_device_until_it_ends() {
    let (tokens, _folder) = tokens("https://a.example").await;
    let issued = tokens.issue(SESSION, NOW).await.unwrap();
    assert_eq!(issued.expires_at, NOW.plus(ACCESS_TOKEN_LIFETIME));
    assert_eq!(tokens.verify(&issued.token, NOW), Ok(SESSION));
    let end = issued.expires_at.plus(ACCESS_TOKEN_LEEWAY);
    assert_eq!(
        tokens.verify(&issued.token, end.minus(Duration::from_millis(1))),
        Ok(SESSION)
    );
    assert_eq!(tokens.verify(&issued.token, end), Err(TokenRefused::Expired));
    // A server whose clock was set back still takes the tokens it gave out.
    assert_eq!(
        tokens.verify(&issued.token, NOW.minus(Duration::from_hours(1))),
        Ok(SESSION)
    );
}

#[tokio::test]
async fn a_token_keeps_its_shape() {
    let (tokens, _folder) = tokens("https://a.example").await;
    let token = tokens.issue(SESSION, NOW).await.unwrap().token;
    let (mut header, mut claims) = (part(&token, 0), part(&token, 1));
    assert_eq!(header["kid"].take().as_str().unwrap().len(), 16);
    assert_eq!(claims["jti"].take().as_str().unwrap().len(), 22);
    assert_eq!(header, json!({ "typ": "at+jwt", "alg": "EdDSA", "kid": null }));
    assert_eq!(
        claims,
        json!({
            "iss": "https://a.example",
            "aud": "subrosa",
            "sub": "01010101010101010101010101010101",
            "dev": "02020202020202020202020202020202",
            "iat": 1_800_000_000,
            "exp": 1_800_000_900,
            "jti": null,
        })
    );
}

#[tokio::test]
async fn a_token_that_was_tampered_with_is_refused() {
    let (tokens, _folder) = tokens("https://a.example").await;
    let token = tokens.issue(SESSION, NOW).await.unwrap().token;
    let later = with_part(&token, 1, |claims| claims["exp"] = json!(4_000_000_000_u64));
    assert_eq!(tokens.verify(&later, NOW), Err(TokenRefused::Invalid));
    let other = with_part(&token, 1, |claims| claims["sub"] = json!("03".repeat(16)));
    assert_eq!(tokens.verify(&other, NOW), Err(TokenRefused::Invalid));
    for position in (0..token.len()).step_by(7) {
        let mut bytes = token.clone().into_bytes();
        bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
        let tampered = String::from_utf8(bytes).unwrap();
        assert!(tokens.verify(&tampered, NOW).is_err(), "position {position}");
        assert!(
            tokens.verify(&token[..position], NOW).is_err(),
            "length {position}"
        );
    }
    assert_eq!(
        tokens.verify(&"x".repeat(ACCESS_TOKEN_LEN_MAX + 1), NOW),
        Err(TokenRefused::Malformed)
    );
}

#[tokio::test]
async fn the_token_does_not_choose_how_it_is_verified() {
    let (tokens, _folder) = tokens("https://a.example").await;
    let token = tokens.issue(SESSION, NOW).await.unwrap().token;
    let without_signature = |token: &str| format!("{}.", token.rsplit_once('.').unwrap().0);
    for algorithm in ["none", "None", "HS256", "ES256"] {
        let other = with_part(&token, 0, |header| header["alg"] = json!(algorithm));
        assert_eq!(
            tokens.verify(&other, NOW),
            Err(TokenRefused::Malformed),
            "{algorithm}"
        );
        assert!(
            tokens.verify(&without_signature(&other), NOW).is_err(),
            "{algorithm}"
        );
    }
    // The public key as the secret of an HMAC: the oldest trick.
    let key = tokens.newest_key(NOW).unwrap();
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some(key.kid.clone());
    header.typ = Some(TOKEN_TYPE.to_owned());
    let secret = EncodingKey::from_secret(key.verifying.as_bytes());
    let confused = jsonwebtoken::encode(&header, &part(&token, 1), &secret).unwrap();
    assert_eq!(tokens.verify(&confused, NOW), Err(TokenRefused::Malformed));
}

#[tokio::test]
async fn a_token_of_another_server_is_refused() {
    let (here, _folder) = tokens("https://a.example").await;
    let (there, _other_folder) = tokens("https://a.example").await;
    let foreign = there.issue(SESSION, NOW).await.unwrap().token;
    assert_eq!(here.verify(&foreign, NOW), Err(TokenRefused::UnknownKey));
    let kid = here.newest_key(NOW).unwrap().kid.clone();
    let renamed = with_part(&foreign, 0, |header| header["kid"] = json!(kid));
    assert_eq!(here.verify(&renamed, NOW), Err(TokenRefused::Invalid));
}

#[tokio::test]
async fn every_claim_must_be_there_and_be_ours() {
    let (tokens, _folder) = tokens("https://a.example").await;
    let claims = part(&tokens.issue(SESSION, NOW).await.unwrap().token, 1);
    assert_eq!(
        tokens.verify(&signed(&tokens, &header(), &claims), NOW),
        Ok(SESSION)
    );
    for claim in ["iss", "aud", "sub", "dev", "iat", "exp", "jti"] {
        let mut without = claims.clone();
        without.as_object_mut().unwrap().remove(claim);
        let refused = tokens.verify(&signed(&tokens, &header(), &without), NOW);
        assert_eq!(refused, Err(TokenRefused::Invalid), "without {claim}");
        let mut other = claims.clone();
        other[claim] = json!("other");
        // The name of a token is anything.
        if claim != "jti" {
            let refused = tokens.verify(&signed(&tokens, &header(), &other), NOW);
            assert_eq!(refused, Err(TokenRefused::Invalid), "another {claim}");
        }
    }
    let jwt = Header {
        typ: Some("JWT".to_owned()),
        ..header()
    };
    assert_eq!(
        tokens.verify(&signed(&tokens, &jwt, &claims), NOW),
        Err(TokenRefused::Malformed)
    );
}

#[tokio::test]
async fn signing_keys_take_turns_and_are_forgotten() {
    let (tokens, _folder) = tokens("https://a.example").await;
    let first = tokens.issue(SESSION, NOW).await.unwrap().token;
    let later = NOW.plus(SIGNING_KEY_LIFETIME);
    let second = tokens.issue(SESSION, later).await.unwrap().token;
    assert_ne!(part(&first, 0)["kid"], part(&second, 0)["kid"]);
    assert_eq!(
        tokens.verify(&first, NOW),
        Ok(SESSION),
        "the old key still verifies"
    );
    let much_later = NOW.plus(SIGNING_KEY_LIFETIME * 2 + Duration::from_secs(1));
    tokens.issue(SESSION, much_later).await.unwrap();
    assert_eq!(tokens.verify(&first, NOW), Err(TokenRefused::UnknownKey));
    assert_eq!(tokens.store.signing_keys().await.unwrap().len(), 2);
}
