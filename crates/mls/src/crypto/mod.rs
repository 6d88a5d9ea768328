//! The cryptography of our two suites, built on `RustCrypto` and dalek, behind the traits of OpenMLS and HPKE.
//!
//! OpenMLS has its own provider, which tests compare with this one. But it supports every suite, so a stranger's
//! bytes would choose the code that parses them, and the web app would include curves that no conversation uses.

use std::convert::Infallible;

use aes_gcm::{
    Aes128Gcm, Aes256Gcm, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use hkdf::{
    Hkdf,
    hmac::{Hmac, Mac},
};
use hpke_rs::Hpke;
use hpke_rs_crypto::{
    HpkeCrypto, HpkeTestRng, TryCryptoRng, TryRng, error,
    types::{AeadAlgorithm, KdfAlgorithm, KemAlgorithm},
};
use openmls_traits::{
    crypto::OpenMlsCrypto,
    types::{
        AeadType, Ciphersuite, CryptoError, ExporterSecret, HashType, HpkeAeadType, HpkeCiphertext,
        HpkeConfig, HpkeKdfType, HpkeKemType, HpkeKeyPair, KemOutput, SignatureScheme,
    },
};
use sha2::{Digest as _, Sha256, Sha384};
use x_wing::kem::{Decapsulate as _, Decapsulator as _, Encapsulate as _, KeyExport as _, TryKeyInit as _};
use zeroize::{Zeroize, Zeroizing};

use crate::suite::{CIPHERSUITE, CLASSICAL_CIPHERSUITE};

/// Length of an AES-GCM nonce in bytes.
const NONCE_LEN: usize = 12;
/// Length of an X25519 key, and of an X-Wing decapsulation key, in bytes.
const SECRET_LEN: usize = 32;

/// The cryptography for OpenMLS.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Crypto;

impl OpenMlsCrypto for Crypto {
    fn supports(&self, ciphersuite: Ciphersuite) -> Result<(), CryptoError> {
        if [CIPHERSUITE, CLASSICAL_CIPHERSUITE].contains(&ciphersuite) {
            Ok(())
        } else {
            Err(CryptoError::UnsupportedCiphersuite)
        }
    }

    fn supported_ciphersuites(&self) -> Vec<Ciphersuite> {
        vec![CIPHERSUITE, CLASSICAL_CIPHERSUITE]
    }

    fn hkdf_extract(
        &self,
        hash: HashType,
        salt: &[u8],
        ikm: &[u8],
    ) -> Result<tls_codec::SecretVLBytes, CryptoError> {
        let kdf = kdf_of_hash(hash)?;
        Ok(extract(kdf, salt, ikm).ok_or(CryptoError::UnsupportedKdf)?.into())
    }

    fn hkdf_expand(
        &self,
        hash: HashType,
        prk: &[u8],
        info: &[u8],
        len: usize,
    ) -> Result<tls_codec::SecretVLBytes, CryptoError> {
        let kdf = kdf_of_hash(hash)?;
        Ok(expand(kdf, prk, info, len)
            .ok_or(CryptoError::HkdfOutputLengthInvalid)?
            .into())
    }

    fn hmac(
        &self,
        hash: HashType,
        key: &[u8],
        message: &[u8],
    ) -> Result<tls_codec::SecretVLBytes, CryptoError> {
        let tag = match hash {
            HashType::Sha2_256 => mac::<Hmac<Sha256>>(key, message),
            HashType::Sha2_384 => mac::<Hmac<Sha384>>(key, message),
            HashType::Sha2_512 => return Err(CryptoError::UnsupportedHashAlgorithm),
        };
        Ok(tag.ok_or(CryptoError::CryptoLibraryError)?.into())
    }

    fn hash(&self, hash: HashType, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        match hash {
            HashType::Sha2_256 => Ok(Sha256::digest(data).to_vec()),
            HashType::Sha2_384 => Ok(Sha384::digest(data).to_vec()),
            HashType::Sha2_512 => Err(CryptoError::UnsupportedHashAlgorithm),
        }
    }

    fn aead_encrypt(
        &self,
        cipher: AeadType,
        key: &[u8],
        data: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        seal(aead_of(cipher)?, key, nonce, aad, data).map_err(|error| aead_failure(&error))
    }

    fn aead_decrypt(
        &self,
        cipher: AeadType,
        key: &[u8],
        ciphertext: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        open(aead_of(cipher)?, key, nonce, aad, ciphertext).map_err(|error| aead_failure(&error))
    }

    fn signature_key_gen(&self, scheme: SignatureScheme) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
        only_ed25519(scheme)?;
        let mut seed = Zeroizing::new([0; SECRET_LEN]);
        getrandom::fill(seed.as_mut()).map_err(|_| CryptoError::InsufficientRandomness)?;
        let key = SigningKey::from_bytes(&seed);
        Ok((key.to_bytes().to_vec(), key.verifying_key().to_bytes().to_vec()))
    }

    fn verify_signature(
        &self,
        scheme: SignatureScheme,
        data: &[u8],
        public_key: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        only_ed25519(scheme)?;
        let key = VerifyingKey::try_from(public_key).map_err(|_| CryptoError::InvalidPublicKey)?;
        let signature = Signature::from_slice(signature).map_err(|_| CryptoError::InvalidSignature)?;
        key.verify_strict(data, &signature)
            .map_err(|_| CryptoError::InvalidSignature)
    }

    fn sign(&self, scheme: SignatureScheme, data: &[u8], key: &[u8]) -> Result<Vec<u8>, CryptoError> {
        only_ed25519(scheme)?;
        let key = SigningKey::try_from(key).map_err(|_| CryptoError::InvalidLength)?;
        Ok(key.sign(data).to_bytes().to_vec())
    }

    fn hpke_seal(
        &self,
        config: HpkeConfig,
        public_key: &[u8],
        info: &[u8],
        aad: &[u8],
        plaintext: &[u8],
    ) -> Result<HpkeCiphertext, CryptoError> {
        let (kem_output, ciphertext) = hpke_sender(&config)?
            .seal(&public_key.into(), info, aad, plaintext, None, None, None)
            .map_err(|_| CryptoError::HpkeEncryptionError)?;
        Ok(HpkeCiphertext {
            kem_output: kem_output.into(),
            ciphertext: ciphertext.into(),
        })
    }

    fn hpke_open(
        &self,
        config: HpkeConfig,
        input: &HpkeCiphertext,
        secret_key: &[u8],
        info: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let (kem_output, ciphertext) = (input.kem_output.as_slice(), input.ciphertext.as_slice());
        hpke(&config)?
            .open(
                kem_output,
                &secret_key.into(),
                info,
                aad,
                ciphertext,
                None,
                None,
                None,
            )
            .map_err(|_| CryptoError::HpkeDecryptionError)
    }

    fn hpke_setup_sender_and_export(
        &self,
        config: HpkeConfig,
        public_key: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        exporter_length: usize,
    ) -> Result<(KemOutput, ExporterSecret), CryptoError> {
        let (kem_output, context) = hpke_sender(&config)?
            .setup_sender(&public_key.into(), info, None, None, None)
            .map_err(|_| CryptoError::SenderSetupError)?;
        let secret = context
            .export(exporter_context, exporter_length)
            .map_err(|_| CryptoError::ExporterError)?;
        Ok((kem_output, secret.into()))
    }

    fn hpke_setup_receiver_and_export(
        &self,
        config: HpkeConfig,
        kem_output: &[u8],
        secret_key: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        exporter_length: usize,
    ) -> Result<ExporterSecret, CryptoError> {
        let secret = hpke(&config)?
            .setup_receiver(kem_output, &secret_key.into(), info, None, None, None)
            .map_err(|_| CryptoError::ReceiverSetupError)?
            .export(exporter_context, exporter_length)
            .map_err(|_| CryptoError::ExporterError)?;
        Ok(secret.into())
    }

    fn derive_hpke_keypair(&self, config: HpkeConfig, ikm: &[u8]) -> Result<HpkeKeyPair, CryptoError> {
        let pair = hpke(&config)?
            .derive_key_pair(ikm)
            .map_err(|_| CryptoError::CryptoLibraryError)?;
        let (private, public) = pair.into_keys();
        Ok(HpkeKeyPair {
            private: private.as_slice().into(),
            public: public.as_slice().into(),
        })
    }
}

/// Whether these bytes are a public key of the KEM of our suite, X-Wing: an encapsulation key of ML-KEM-768 that
/// passes the checks of FIPS 203, section 7.2, then one of X25519, which any 32 bytes are (RFC 7748, section 5).
///
/// OpenMLS does not look at such a key until it encrypts to it, and fails then. So whoever reads one for the
/// first time asks this.
pub(crate) fn is_hpke_public_key(bytes: &[u8]) -> bool {
    x_wing::EncapsulationKey::new_from_slice(bytes).is_ok()
}

fn only_ed25519(scheme: SignatureScheme) -> Result<(), CryptoError> {
    if scheme == SignatureScheme::ED25519 {
        Ok(())
    } else {
        Err(CryptoError::UnsupportedSignatureScheme)
    }
}

fn kdf_of_hash(hash: HashType) -> Result<KdfAlgorithm, CryptoError> {
    match hash {
        HashType::Sha2_256 => Ok(KdfAlgorithm::HkdfSha256),
        HashType::Sha2_384 => Ok(KdfAlgorithm::HkdfSha384),
        HashType::Sha2_512 => Err(CryptoError::UnsupportedHashAlgorithm),
    }
}

fn aead_of(cipher: AeadType) -> Result<AeadAlgorithm, CryptoError> {
    match cipher {
        AeadType::Aes128Gcm => Ok(AeadAlgorithm::Aes128Gcm),
        AeadType::Aes256Gcm => Ok(AeadAlgorithm::Aes256Gcm),
        AeadType::ChaCha20Poly1305 => Err(CryptoError::UnsupportedAeadAlgorithm),
    }
}

fn aead_failure(error: &error::Error) -> CryptoError {
    match error {
        error::Error::AeadOpenError => CryptoError::AeadDecryptionError,
        error::Error::AeadInvalidNonce => CryptoError::InvalidLength,
        _ => CryptoError::CryptoLibraryError,
    }
}

/// HPKE in base mode (RFC 9180, section 5.1.1), with the algorithms of one of our suites.
fn hpke(config: &HpkeConfig) -> Result<Hpke<HpkePrimitives>, CryptoError> {
    let (kem, kdf, cipher) = match config {
        HpkeConfig(HpkeKemType::XWingKemDraft6, HpkeKdfType::HkdfSha384, HpkeAeadType::AesGcm256) => (
            KemAlgorithm::XWingDraft06,
            KdfAlgorithm::HkdfSha384,
            AeadAlgorithm::Aes256Gcm,
        ),
        HpkeConfig(HpkeKemType::DhKem25519, HpkeKdfType::HkdfSha256, HpkeAeadType::AesGcm128) => (
            KemAlgorithm::DhKem25519,
            KdfAlgorithm::HkdfSha256,
            AeadAlgorithm::Aes128Gcm,
        ),
        _ => return Err(CryptoError::UnsupportedCiphersuite),
    };
    Ok(Hpke::new(hpke_rs::Mode::Base, kem, kdf, cipher))
}

/// The same for the sender, who needs randomness: HPKE cannot report that there is none, so this checks it first.
fn hpke_sender(config: &HpkeConfig) -> Result<Hpke<HpkePrimitives>, CryptoError> {
    getrandom::u64().map_err(|_| CryptoError::InsufficientRandomness)?;
    hpke(config)
}

/// `None` for a key of a length that the MAC does not accept.
fn mac<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    let mac = <M as Mac>::new_from_slice(key).ok()?;
    Some(mac.chain_update(message).finalize().into_bytes().to_vec())
}

fn extract(kdf: KdfAlgorithm, salt: &[u8], ikm: &[u8]) -> Option<Vec<u8>> {
    match kdf {
        KdfAlgorithm::HkdfSha256 => Some(Hkdf::<Sha256>::extract(Some(salt), ikm).0.to_vec()),
        KdfAlgorithm::HkdfSha384 => Some(Hkdf::<Sha384>::extract(Some(salt), ikm).0.to_vec()),
        KdfAlgorithm::HkdfSha512 => None,
    }
}

/// `None` if the length is more than HKDF can output, or the secret is too short.
fn expand(kdf: KdfAlgorithm, prk: &[u8], info: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut okm = vec![0; len];
    match kdf {
        KdfAlgorithm::HkdfSha256 => Hkdf::<Sha256>::from_prk(prk).ok()?.expand(info, &mut okm).ok()?,
        KdfAlgorithm::HkdfSha384 => Hkdf::<Sha384>::from_prk(prk).ok()?.expand(info, &mut okm).ok()?,
        KdfAlgorithm::HkdfSha512 => return None,
    }
    Some(okm)
}

/// AES-GCM with the key size of either suite.
#[cfg_attr(
    not(target_arch = "wasm32"),
    expect(clippy::large_enum_variant, reason = "it lives on the stack, for one call")
)]
enum AesGcm {
    With128(Aes128Gcm),
    With256(Aes256Gcm),
}

impl AesGcm {
    fn new(cipher: AeadAlgorithm, key: &[u8]) -> Result<Self, error::Error> {
        match cipher {
            AeadAlgorithm::Aes128Gcm => Aes128Gcm::new_from_slice(key).map(Self::With128),
            AeadAlgorithm::Aes256Gcm => Aes256Gcm::new_from_slice(key).map(Self::With256),
            _ => return Err(error::Error::UnknownAeadAlgorithm),
        }
        .map_err(|_| error::Error::CryptoLibraryError("a key of another length".to_owned()))
    }
}

fn seal(
    cipher: AeadAlgorithm,
    key: &[u8],
    nonce: &[u8],
    aad: &[u8],
    msg: &[u8],
) -> Result<Vec<u8>, error::Error> {
    let (nonce, payload) = (nonce_of(nonce)?, Payload { msg, aad });
    match AesGcm::new(cipher, key)? {
        AesGcm::With128(aes) => aes.encrypt(nonce, payload),
        AesGcm::With256(aes) => aes.encrypt(nonce, payload),
    }
    .map_err(|_| error::Error::CryptoLibraryError("too long for AES-GCM".to_owned()))
}

fn open(
    cipher: AeadAlgorithm,
    key: &[u8],
    nonce: &[u8],
    aad: &[u8],
    msg: &[u8],
) -> Result<Vec<u8>, error::Error> {
    let (nonce, payload) = (nonce_of(nonce)?, Payload { msg, aad });
    match AesGcm::new(cipher, key)? {
        AesGcm::With128(aes) => aes.decrypt(nonce, payload),
        AesGcm::With256(aes) => aes.decrypt(nonce, payload),
    }
    .map_err(|_| error::Error::AeadOpenError)
}

type AesNonce = Nonce<<Aes256Gcm as aes_gcm::aead::AeadCore>::NonceSize>;

fn nonce_of(nonce: &[u8]) -> Result<&AesNonce, error::Error> {
    if nonce.len() == NONCE_LEN {
        Ok(Nonce::from_slice(nonce))
    } else {
        Err(error::Error::AeadInvalidNonce)
    }
}

/// The cryptography for HPKE.
#[derive(Debug)]
struct HpkePrimitives;

impl HpkeCrypto for HpkePrimitives {
    type HpkePrng = SystemRandom;

    fn name() -> String {
        "Subrosa".to_owned()
    }

    fn supports_kdf(kdf: KdfAlgorithm) -> Result<(), error::Error> {
        match kdf {
            KdfAlgorithm::HkdfSha256 | KdfAlgorithm::HkdfSha384 => Ok(()),
            KdfAlgorithm::HkdfSha512 => Err(error::Error::UnknownKdfAlgorithm),
        }
    }

    fn supports_kem(kem: KemAlgorithm) -> Result<(), error::Error> {
        match kem {
            KemAlgorithm::XWingDraft06 | KemAlgorithm::DhKem25519 => Ok(()),
            _ => Err(error::Error::UnknownKemAlgorithm),
        }
    }

    fn supports_aead(cipher: AeadAlgorithm) -> Result<(), error::Error> {
        match cipher {
            AeadAlgorithm::Aes128Gcm | AeadAlgorithm::Aes256Gcm => Ok(()),
            _ => Err(error::Error::UnknownAeadAlgorithm),
        }
    }

    fn prng() -> SystemRandom {
        SystemRandom
    }

    fn kdf_extract(kdf: KdfAlgorithm, salt: &[u8], ikm: &[u8]) -> Result<Vec<u8>, error::Error> {
        extract(kdf, salt, ikm).ok_or(error::Error::UnknownKdfAlgorithm)
    }

    fn kdf_expand(
        kdf: KdfAlgorithm,
        prk: &[u8],
        info: &[u8],
        output_size: usize,
    ) -> Result<Vec<u8>, error::Error> {
        expand(kdf, prk, info, output_size).ok_or(error::Error::HpkeInvalidOutputLength)
    }

    /// X25519; a public key of small order is refused (RFC 9180, section 7.1.4).
    fn dh(kem: KemAlgorithm, public_key: &[u8], secret_key: &[u8]) -> Result<Vec<u8>, error::Error> {
        let secret = x25519_secret(kem, secret_key)?;
        let public: [u8; SECRET_LEN] = public_key
            .try_into()
            .map_err(|_| error::Error::KemInvalidPublicKey)?;
        let shared = secret.diffie_hellman(&x25519_dalek::PublicKey::from(public));
        if shared.was_contributory() {
            Ok(shared.as_bytes().to_vec())
        } else {
            Err(error::Error::KemInvalidPublicKey)
        }
    }

    fn secret_to_public(kem: KemAlgorithm, secret_key: &[u8]) -> Result<Vec<u8>, error::Error> {
        let secret = x25519_secret(kem, secret_key)?;
        Ok(x25519_dalek::PublicKey::from(&secret).as_bytes().to_vec())
    }

    fn kem_key_gen(kem: KemAlgorithm, random: &mut SystemRandom) -> Result<(Vec<u8>, Vec<u8>), error::Error> {
        let mut seed = Zeroizing::new([0; SECRET_LEN]);
        let Ok(()) = random.try_fill_bytes(seed.as_mut());
        match kem {
            KemAlgorithm::DhKem25519 => Ok((Self::secret_to_public(kem, seed.as_ref())?, seed.to_vec())),
            _ => Self::kem_key_gen_derand(kem, seed.as_ref()),
        }
    }

    /// `GenerateKeyPairDerand` (draft-connolly-cfrg-xwing-kem-06, section 5.2): the seed is the decapsulation key.
    fn kem_key_gen_derand(kem: KemAlgorithm, seed: &[u8]) -> Result<(Vec<u8>, Vec<u8>), error::Error> {
        let secret = x_wing_secret(kem, seed)?;
        Ok((
            secret.encapsulation_key().to_bytes().to_vec(),
            secret.as_bytes().to_vec(),
        ))
    }

    fn kem_encaps(
        kem: KemAlgorithm,
        public_key: &[u8],
        random: &mut SystemRandom,
    ) -> Result<(Vec<u8>, Vec<u8>), error::Error> {
        if kem != KemAlgorithm::XWingDraft06 {
            return Err(error::Error::UnknownKemAlgorithm);
        }
        let key = x_wing::EncapsulationKey::new_from_slice(public_key)
            .map_err(|_| error::Error::KemInvalidPublicKey)?;
        let (ciphertext, shared) = key.encapsulate_with_rng(random);
        Ok((shared.to_vec(), ciphertext.to_vec()))
    }

    fn kem_decaps(kem: KemAlgorithm, ciphertext: &[u8], secret_key: &[u8]) -> Result<Vec<u8>, error::Error> {
        let secret = x_wing_secret(kem, secret_key)?;
        let ciphertext =
            x_wing::Ciphertext::try_from(ciphertext).map_err(|_| error::Error::KemInvalidCiphertext)?;
        Ok(secret.decapsulate(&ciphertext).to_vec())
    }

    /// Only the NIST curves need this.
    fn dh_validate_sk(_: KemAlgorithm, _: &[u8]) -> Result<Vec<u8>, error::Error> {
        Err(error::Error::UnknownKemAlgorithm)
    }

    fn aead_seal(
        cipher: AeadAlgorithm,
        key: &[u8],
        nonce: &[u8],
        aad: &[u8],
        msg: &[u8],
    ) -> Result<Vec<u8>, error::Error> {
        seal(cipher, key, nonce, aad, msg)
    }

    fn aead_open(
        cipher: AeadAlgorithm,
        key: &[u8],
        nonce: &[u8],
        aad: &[u8],
        msg: &[u8],
    ) -> Result<Vec<u8>, error::Error> {
        open(cipher, key, nonce, aad, msg)
    }
}

fn x25519_secret(kem: KemAlgorithm, bytes: &[u8]) -> Result<x25519_dalek::StaticSecret, error::Error> {
    if kem != KemAlgorithm::DhKem25519 {
        return Err(error::Error::UnknownKemAlgorithm);
    }
    let bytes: [u8; SECRET_LEN] = bytes.try_into().map_err(|_| error::Error::KemInvalidSecretKey)?;
    Ok(bytes.into())
}

fn x_wing_secret(kem: KemAlgorithm, bytes: &[u8]) -> Result<x_wing::DecapsulationKey, error::Error> {
    if kem != KemAlgorithm::XWingDraft06 {
        return Err(error::Error::UnknownKemAlgorithm);
    }
    let bytes: [u8; SECRET_LEN] = bytes.try_into().map_err(|_| error::Error::KemInvalidSecretKey)?;
    Ok(bytes.into())
}

/// The random source of the operating system or the browser. HPKE creates it itself and accepts no other; only
/// ciphertexts depend on it.
struct SystemRandom;

impl TryRng for SystemRandom {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Never fails: the source has just worked in [`hpke_sender`].
    #[expect(
        clippy::expect_used,
        reason = "without randomness there is no key that could be used"
    )]
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        getrandom::fill(bytes).expect("the system gives random bytes");
        Ok(())
    }
}

impl TryCryptoRng for SystemRandom {}

impl HpkeTestRng for SystemRandom {
    type Error = Infallible;

    fn try_fill_test_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.try_fill_bytes(bytes)
    }

    /// Does nothing: tests cannot choose the bytes.
    fn seed(&mut self, _: &[u8]) {}
}

impl Zeroize for SystemRandom {
    /// Does nothing: there is nothing to reset.
    fn zeroize(&mut self) {}
}

#[cfg(test)]
mod tests;
