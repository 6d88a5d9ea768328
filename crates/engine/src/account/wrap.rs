//! Sealing: AES-256-GCM with a random nonce, and the vault key wrapped for each way to open the vault.
//!
//! Layout of everything sealed here: version (1 byte), nonce (12), ciphertext with tag (16).

use aes_gcm::{
    Aes256Gcm, KeyInit as _, Nonce,
    aead::{Aead as _, Payload},
};
use rand_core::CryptoRngCore;
use subrosa_wire::AccountId;
use zeroize::Zeroizing;

use super::{
    password::ExportKey,
    secret::{SECRET_LEN, VaultKey, derive},
};

const VERSION: u8 = 1;
const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;
/// What sealing adds, in bytes.
pub const SEAL_OVERHEAD: usize = 1 + NONCE_LEN + TAG_LEN;

/// What sealing with padding adds at least.
pub(crate) const PADDED_OVERHEAD: usize = SEAL_OVERHEAD + LEN_LEN;
/// The length of the length of padded contents.
const LEN_LEN: usize = size_of::<u32>();

/// One of few sealed sizes: `size_min`, or twice as much, and so on, up to `size_max`.
pub(crate) fn doubled_size(len_min: usize, size_min: usize, size_max: usize) -> usize {
    let mut size = size_min;
    while size < len_min && size < size_max {
        size *= 2;
    }
    size.min(size_max)
}

const PASSWORD_LABEL: &str = "subrosa vault wrap by password v1";
const WRAP_AAD: &[u8] = b"subrosa vault key wrap v1";

/// What is sealed does not open: it was changed, it belongs elsewhere, or the key is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The version is not one that this build knows.
    #[error("sealed by a version that is not known: {0}")]
    Version(u8),
    /// It does not authenticate.
    #[error("it was sealed with another key or changed")]
    Refused,
}

/// Padded contents do not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PaddedError {
    Seal(SealError),
    /// The seal holds, but this is not as [`seal_padded`] makes it.
    Padding(&'static str),
}

/// A way to open the vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The export key of the password.
    Password,
    /// The recovery code.
    RecoveryCode,
}

impl Way {
    fn number(self) -> u8 {
        match self {
            Self::Password => 1,
            Self::RecoveryCode => 2,
        }
    }
}

/// A key that wraps the vault key. Zeroized when dropped.
pub struct WrapKey {
    key: Zeroizing<[u8; SECRET_LEN]>,
    way: Way,
}

impl From<&ExportKey> for WrapKey {
    fn from(export_key: &ExportKey) -> Self {
        Self::new(derive(export_key.as_bytes(), PASSWORD_LABEL), Way::Password)
    }
}

impl WrapKey {
    pub(super) fn new(key: Zeroizing<[u8; SECRET_LEN]>, way: Way) -> Self {
        Self { key, way }
    }

    /// Wraps the vault key of an account.
    pub fn wrap(
        &self,
        vault_key: &VaultKey,
        account_id: AccountId,
        rng: &mut (impl CryptoRngCore + ?Sized),
    ) -> Vec<u8> {
        seal(&self.key, vault_key.as_bytes(), &self.aad(account_id), rng)
    }

    /// Unwraps the vault key of an account.
    pub fn unwrap_key(&self, wrapped: &[u8], account_id: AccountId) -> Result<VaultKey, SealError> {
        let bytes = open(&self.key, wrapped, &self.aad(account_id))?;
        Ok(VaultKey::from_bytes(
            bytes.as_slice().try_into().map_err(|_| SealError::Refused)?,
        ))
    }

    fn aad(&self, account_id: AccountId) -> Vec<u8> {
        [WRAP_AAD, account_id.as_bytes(), &[self.way.number()]].concat()
    }
}

/// Seals a text that is bound to `aad`. The nonce is random: a key seals fewer than 2^32 texts.
pub(crate) fn seal(
    key: &[u8; SECRET_LEN],
    plaintext: &[u8],
    aad: &[u8],
    rng: &mut (impl CryptoRngCore + ?Sized),
) -> Vec<u8> {
    let mut nonce = [0; NONCE_LEN];
    rng.fill_bytes(&mut nonce);
    // AES-GCM refuses only what is longer than 64 GiB.
    #[expect(
        clippy::expect_used,
        reason = "what is sealed here has at most some hundred KiB"
    )]
    let ciphertext = Aes256Gcm::new(key.into())
        .encrypt(Nonce::from_slice(&nonce), Payload { msg: plaintext, aad })
        .expect("the text is shorter than 64 GiB");
    [&[VERSION], nonce.as_slice(), &ciphertext].concat()
}

/// Opens what [`seal`] gave for the same key and the same `aad`.
pub(crate) fn open(
    key: &[u8; SECRET_LEN],
    sealed: &[u8],
    aad: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let (version, rest) = sealed.split_first().ok_or(SealError::Refused)?;
    if *version != VERSION {
        return Err(SealError::Version(*version));
    }
    let (nonce, ciphertext) = rest.split_at_checked(NONCE_LEN).ok_or(SealError::Refused)?;
    Aes256Gcm::new(key.into())
        .decrypt(Nonce::from_slice(nonce), Payload { msg: ciphertext, aad })
        .map(Zeroizing::new)
        .map_err(|_| SealError::Refused)
}

/// Seals contents behind their length, padded with zeros, so that the size tells little. `sealed_len` gives the sealed
/// length for the least one that is possible.
pub(crate) fn seal_padded(
    key: &[u8; SECRET_LEN],
    contents: &[u8],
    sealed_len: impl Fn(usize) -> usize,
    aad: &[u8],
    rng: &mut (impl CryptoRngCore + ?Sized),
) -> Vec<u8> {
    // A message that long does not exist: protobuf ends at 2 GiB.
    let len = u32::try_from(contents.len()).unwrap_or(u32::MAX);
    let len_min = contents.len() + PADDED_OVERHEAD;
    let padded_len = sealed_len(len_min).max(len_min) - SEAL_OVERHEAD;
    let mut padded = Zeroizing::new(Vec::with_capacity(padded_len));
    padded.extend_from_slice(&len.to_be_bytes());
    padded.extend_from_slice(contents);
    padded.resize(padded_len, 0);
    seal(key, &padded, aad, rng)
}

/// Opens what [`seal_padded`] gave for the same arguments.
pub(crate) fn open_padded(
    key: &[u8; SECRET_LEN],
    sealed: &[u8],
    sealed_len: impl Fn(usize) -> usize,
    aad: &[u8],
) -> Result<Zeroizing<Vec<u8>>, PaddedError> {
    let padded = open(key, sealed, aad).map_err(PaddedError::Seal)?;
    let length = PaddedError::Padding("length");
    let (len, rest) = padded.split_first_chunk::<LEN_LEN>().ok_or(length)?;
    let len = usize::try_from(u32::from_be_bytes(*len)).map_err(|_| length)?;
    let (contents, padding) = rest.split_at_checked(len).ok_or(length)?;
    let is_so_long = sealed.len() == sealed_len(len + PADDED_OVERHEAD);
    if !is_so_long || padding.iter().any(|byte| *byte != 0) {
        return Err(PaddedError::Padding("padding"));
    }
    Ok(Zeroizing::new(contents.to_vec()))
}
