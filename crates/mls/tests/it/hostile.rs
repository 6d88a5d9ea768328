//! A provider for OpenMLS that computes what an attacker wants: keys that are no keys, secrets that are no secrets.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
};

use openmls::prelude::{SecretVLBytes, tls_codec};
use openmls_rust_crypto::{MemoryStorage, OpenMlsRustCrypto, RustCrypto};
use openmls_traits::{
    OpenMlsProvider,
    crypto::OpenMlsCrypto,
    random::OpenMlsRand,
    types::{
        AeadType, Ciphersuite, CryptoError, ExporterSecret, HashType, HpkeCiphertext, HpkeConfig,
        HpkeKeyPair, KemOutput, SignatureScheme,
    },
};

/// OpenMLS's own provider, until a lie is told.
#[derive(Default)]
pub(crate) struct Hostile {
    inner: OpenMlsRustCrypto,
    crypto: HostileCrypto,
    random: HostileRandom,
}

/// Changes what is encrypted.
pub(crate) type Forgery = fn(&[u8]) -> Vec<u8>;

#[derive(Default)]
pub(crate) struct HostileCrypto {
    inner: RustCrypto,
    /// How many key pairs from here on the one to spoil is; 0 for none.
    spoil: AtomicUsize,
    /// The label of what is encrypted, and the change.
    forgery: Mutex<Option<(&'static str, Forgery)>>,
    shorten_kem_output: AtomicBool,
    /// How many MACs from here on the one to spoil is; 0 for none.
    spoil_mac: AtomicUsize,
}

#[derive(Default)]
pub(crate) struct HostileRandom {
    inner: RustCrypto,
    predictable: AtomicBool,
}

impl Hostile {
    /// Turns the public key of the `n`-th key pair that is derived from here on into none: the first is 1. A
    /// coefficient of ML-KEM becomes larger than its modulus.
    pub(crate) fn spoil_key(&self, n: usize) {
        self.crypto.spoil.store(n, Relaxed);
    }

    /// Changes what is encrypted with this label of RFC 9420, section 5.1.3.
    pub(crate) fn forge(&self, label: &'static str, forgery: Forgery) {
        *self.crypto.forgery.lock().unwrap() = Some((label, forgery));
    }

    /// Cuts a byte off everything that a KEM sends.
    pub(crate) fn shorten_kem_outputs(&self) {
        self.crypto.shorten_kem_output.store(true, Relaxed);
    }

    /// Makes the next secret the same whenever this is called.
    pub(crate) fn predict_next_secret(&self) {
        self.random.predictable.store(true, Relaxed);
    }

    /// Changes the `n`-th MAC that is made from here on: the first is 1.
    pub(crate) fn spoil_mac(&self, n: usize) {
        self.crypto.spoil_mac.store(n, Relaxed);
    }

    pub(crate) fn tell_no_more_lies(&self) {
        self.spoil_key(0);
        self.spoil_mac(0);
        *self.crypto.forgery.lock().unwrap() = None;
        self.crypto.shorten_kem_output.store(false, Relaxed);
        self.random.predictable.store(false, Relaxed);
    }
}

impl OpenMlsProvider for Hostile {
    type CryptoProvider = HostileCrypto;
    type RandProvider = HostileRandom;
    type StorageProvider = MemoryStorage;

    fn storage(&self) -> &MemoryStorage {
        self.inner.storage()
    }

    fn crypto(&self) -> &HostileCrypto {
        &self.crypto
    }

    fn rand(&self) -> &HostileRandom {
        &self.random
    }
}

impl OpenMlsRand for HostileRandom {
    type Error = <RustCrypto as OpenMlsRand>::Error;

    fn random_array<const N: usize>(&self) -> Result<[u8; N], Self::Error> {
        self.inner.random_array()
    }

    fn random_vec(&self, len: usize) -> Result<Vec<u8>, Self::Error> {
        if self.predictable.swap(false, Relaxed) {
            return Ok(vec![7; len]);
        }
        self.inner.random_vec(len)
    }
}

impl HostileCrypto {
    fn shorten(&self, mut kem_output: Vec<u8>) -> Vec<u8> {
        if self.shorten_kem_output.load(Relaxed) {
            kem_output.pop();
        }
        kem_output
    }
}

impl OpenMlsCrypto for HostileCrypto {
    fn supports(&self, ciphersuite: Ciphersuite) -> Result<(), CryptoError> {
        self.inner.supports(ciphersuite)
    }

    fn supported_ciphersuites(&self) -> Vec<Ciphersuite> {
        self.inner.supported_ciphersuites()
    }

    fn hkdf_extract(&self, hash: HashType, salt: &[u8], ikm: &[u8]) -> Result<SecretVLBytes, CryptoError> {
        self.inner.hkdf_extract(hash, salt, ikm)
    }

    fn hmac(&self, hash: HashType, key: &[u8], message: &[u8]) -> Result<SecretVLBytes, CryptoError> {
        let mac = self.inner.hmac(hash, key, message)?;
        if !is_next(&self.spoil_mac) {
            return Ok(mac);
        }
        let mut spoiled = mac.as_slice().to_vec();
        spoiled[0] ^= 1;
        Ok(spoiled.into())
    }

    fn hkdf_expand(
        &self,
        hash: HashType,
        prk: &[u8],
        info: &[u8],
        len: usize,
    ) -> Result<SecretVLBytes, CryptoError> {
        self.inner.hkdf_expand(hash, prk, info, len)
    }

    fn hash(&self, hash: HashType, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.inner.hash(hash, data)
    }

    fn aead_encrypt(
        &self,
        cipher: AeadType,
        key: &[u8],
        data: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.inner.aead_encrypt(cipher, key, data, nonce, aad)
    }

    fn aead_decrypt(
        &self,
        cipher: AeadType,
        key: &[u8],
        ciphertext: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.inner.aead_decrypt(cipher, key, ciphertext, nonce, aad)
    }

    fn signature_key_gen(&self, scheme: SignatureScheme) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
        self.inner.signature_key_gen(scheme)
    }

    fn verify_signature(
        &self,
        scheme: SignatureScheme,
        data: &[u8],
        key: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        self.inner.verify_signature(scheme, data, key, signature)
    }

    fn sign(&self, scheme: SignatureScheme, data: &[u8], key: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.inner.sign(scheme, data, key)
    }

    fn hpke_seal(
        &self,
        config: HpkeConfig,
        key: &[u8],
        info: &[u8],
        aad: &[u8],
        plaintext: &[u8],
    ) -> Result<HpkeCiphertext, CryptoError> {
        let forgery = *self.forgery.lock().unwrap();
        let plaintext = match forgery {
            Some((label, forge)) if contains(info, label.as_bytes()) => forge(plaintext),
            _ => plaintext.to_vec(),
        };
        let Ok(sealed) = self.inner.hpke_seal(config, key, info, aad, &plaintext) else {
            // To a key that is none. An attacker sends anything.
            return Ok(HpkeCiphertext {
                kem_output: vec![0; 1120].into(),
                ciphertext: vec![0; 64].into(),
            });
        };
        Ok(HpkeCiphertext {
            kem_output: self.shorten(sealed.kem_output.as_slice().to_vec()).into(),
            ciphertext: sealed.ciphertext,
        })
    }

    fn hpke_open(
        &self,
        config: HpkeConfig,
        input: &HpkeCiphertext,
        key: &[u8],
        info: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.inner.hpke_open(config, input, key, info, aad)
    }

    fn hpke_setup_sender_and_export(
        &self,
        config: HpkeConfig,
        key: &[u8],
        info: &[u8],
        context: &[u8],
        len: usize,
    ) -> Result<(KemOutput, ExporterSecret), CryptoError> {
        let (kem_output, secret) = self
            .inner
            .hpke_setup_sender_and_export(config, key, info, context, len)?;
        Ok((self.shorten(kem_output), secret))
    }

    fn hpke_setup_receiver_and_export(
        &self,
        config: HpkeConfig,
        kem_output: &[u8],
        key: &[u8],
        info: &[u8],
        context: &[u8],
        len: usize,
    ) -> Result<ExporterSecret, CryptoError> {
        self.inner
            .hpke_setup_receiver_and_export(config, kem_output, key, info, context, len)
    }

    fn derive_hpke_keypair(&self, config: HpkeConfig, ikm: &[u8]) -> Result<HpkeKeyPair, CryptoError> {
        let mut pair = self.inner.derive_hpke_keypair(config, ikm)?;
        if is_next(&self.spoil) {
            pair.public[..2].copy_from_slice(&[0xFF; 2]);
        }
        Ok(pair)
    }
}

/// Counts down, and says whether it came to the end.
fn is_next(count: &AtomicUsize) -> bool {
    let left = count.load(Relaxed);
    count.store(left.saturating_sub(1), Relaxed);
    left == 1
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// A byte string with its length in front.
pub(crate) fn opaque(content: &[u8]) -> Vec<u8> {
    use tls_codec::Serialize as _;

    tls_codec::VLBytes::from(content.to_vec())
        .tls_serialize_detached()
        .unwrap()
}
