//! The three tokens: what proves a sign-in, what a device shows with each request, and what it renews that with.

mod access;
mod nonce;
mod proof;
mod refresh;
mod signing_key;

pub use access::{AccessToken, AccessTokens, TokenRefused};
pub use nonce::{RefreshNonce, RefreshNonces};
pub use proof::{Entry, Proof, Proofs};
pub use refresh::{RefreshClaims, RefreshToken, RefreshTokens, hash};
