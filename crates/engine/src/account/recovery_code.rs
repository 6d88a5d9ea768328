//! The recovery code: shown once at sign-up, written down, and typed in when the password is forgotten.
//!
//! Eight groups of four characters of Crockford's base32: 28 characters are random (140 bits, beyond any
//! guessing), the last four are a checksum, so that a slip of the pen is told from a wrong code. The server
//! knows a public key that is derived from the code; nothing that it keeps can be tried against guesses
//! faster than all of them.

use rand_core::CryptoRngCore;
use sha2::{Digest as _, Sha256};
use subrosa_mls::{AccountSigningKey, SuccessionSigningKey};
use subrosa_wire::{AccountId, rest::signing_labels};
use zeroize::Zeroizing;

use super::{
    secret::derive,
    wrap::{self, SealError, Way, WrapKey},
};

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const GROUP_LEN: usize = 4;
const GROUPS: usize = 8;
const CODE_LEN: usize = GROUPS * GROUP_LEN;
const RANDOM_LEN: usize = CODE_LEN - GROUP_LEN;
const CHECKSUM_LABEL: &[u8] = b"subrosa recovery code checksum v1";
const SIGNING_LABEL: &str = "subrosa recovery signing key v1";
const WRAP_LABEL: &str = "subrosa vault wrap by recovery code v1";
const SUCCESSION_WRAP_LABEL: &str = "subrosa succession wrap by recovery code v1";
const SUCCESSION_WRAP_AAD: &[u8] = b"subrosa succession seed wrap v1";

/// A recovery code: 32 values of five bits. Zeroized when dropped; shown only by [`expose`](Self::expose).
#[derive(Clone)]
pub struct RecoveryCode(Zeroizing<[u8; CODE_LEN]>);

/// Why a text is not a recovery code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRecoveryCode {
    /// A character that no code has.
    #[error("a recovery code has only letters and digits, not {0:?}")]
    Character(char),
    /// Too many or too few characters.
    #[error("a recovery code has {CODE_LEN} letters and digits, this one has {0}")]
    Length(usize),
    /// All is well-formed, but it is no code: something was mistyped.
    #[error("the recovery code has a typing error")]
    Checksum,
}

impl RecoveryCode {
    /// A new random code.
    pub fn generate(rng: &mut (impl CryptoRngCore + ?Sized)) -> Self {
        let mut code = Zeroizing::new([0; CODE_LEN]);
        rng.fill_bytes(&mut code[..RANDOM_LEN]);
        for value in &mut code[..RANDOM_LEN] {
            *value &= 0x1f;
        }
        let checksum = checksum(&code);
        code[RANDOM_LEN..].copy_from_slice(&checksum);
        Self(code)
    }

    /// Reads a code as people type it: in either case, with or without separators, O for 0, I and L for 1.
    pub fn parse(typed: &str) -> Result<Self, InvalidRecoveryCode> {
        let mut code = Zeroizing::new([0; CODE_LEN]);
        let mut len = 0;
        for c in typed
            .chars()
            .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '–' | '_' | '.'))
        {
            let value = value_of(c).ok_or(InvalidRecoveryCode::Character(c))?;
            if let Some(place) = code.get_mut(len) {
                *place = value;
            }
            len += 1;
        }
        if len != CODE_LEN {
            return Err(InvalidRecoveryCode::Length(len));
        }
        if checksum(&code) != code[RANDOM_LEN..] {
            return Err(InvalidRecoveryCode::Checksum);
        }
        Ok(Self(code))
    }

    /// The code as it is to be written down: `ABCD-EFGH-…`. Whoever sees it can take over the account.
    pub fn expose(&self) -> Zeroizing<String> {
        // Room for all of it, so that no reallocation leaves a part behind.
        let mut text = Zeroizing::new(String::with_capacity(CODE_LEN + GROUPS));
        for (index, value) in self.0.iter().enumerate() {
            if index > 0 && index % GROUP_LEN == 0 {
                text.push('-');
            }
            text.push(char::from(ALPHABET[usize::from(*value)]));
        }
        text
    }

    /// The public key by which the server recognises the code, 32 bytes of Ed25519.
    pub fn public_key(&self) -> [u8; 32] {
        *self.signing_key().public().as_bytes()
    }

    pub(super) fn sign(&self, nonce: &[u8]) -> [u8; 64] {
        self.signing_key().sign(signing_labels::RECOVERY, nonce)
    }

    /// The key that wraps the vault key for this code.
    pub fn wrap_key(&self) -> WrapKey {
        WrapKey::new(derive(&self.0[..RANDOM_LEN], WRAP_LABEL), Way::RecoveryCode)
    }

    /// Wraps the seed of an account's succession key. Nothing else than the code opens it: what falls with a
    /// password must not take the succession key along.
    pub fn wrap_succession_key(
        &self,
        key: &SuccessionSigningKey,
        account_id: AccountId,
        rng: &mut (impl CryptoRngCore + ?Sized),
    ) -> Vec<u8> {
        wrap::seal(
            &derive(&self.0[..RANDOM_LEN], SUCCESSION_WRAP_LABEL),
            key.seed(),
            &succession_aad(account_id),
            rng,
        )
    }

    /// Opens what [`wrap_succession_key`](Self::wrap_succession_key) gave for the same code and account.
    pub fn unwrap_succession_key(
        &self,
        wrapped: &[u8],
        account_id: AccountId,
    ) -> Result<SuccessionSigningKey, SealError> {
        let key = derive(&self.0[..RANDOM_LEN], SUCCESSION_WRAP_LABEL);
        let seed = wrap::open(&key, wrapped, &succession_aad(account_id))?;
        let seed = seed.as_slice().try_into().map_err(|_| SealError::Refused)?;
        Ok(SuccessionSigningKey::from_seed(seed))
    }

    fn signing_key(&self) -> AccountSigningKey {
        AccountSigningKey::from_seed(*derive(&self.0[..RANDOM_LEN], SIGNING_LABEL))
    }
}

fn succession_aad(account_id: AccountId) -> Vec<u8> {
    [SUCCESSION_WRAP_AAD, account_id.as_bytes()].concat()
}

fn value_of(c: char) -> Option<u8> {
    let c = match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        c => c,
    };
    let index = ALPHABET.iter().position(|letter| char::from(*letter) == c)?;
    u8::try_from(index).ok()
}

/// Twenty bits of a hash over the random part.
fn checksum(code: &[u8; CODE_LEN]) -> [u8; GROUP_LEN] {
    let hash = Sha256::new()
        .chain_update(CHECKSUM_LABEL)
        .chain_update(&code[..RANDOM_LEN])
        .finalize();
    [hash[0] & 0x1f, hash[1] & 0x1f, hash[2] & 0x1f, hash[3] & 0x1f]
}
