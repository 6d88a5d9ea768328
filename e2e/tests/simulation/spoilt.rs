//! Cryptography that goes wrong at one chosen place: what comes of it is authentic, and nobody but those whom it
//! concerns can find out.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use openmls::prelude::tls_codec::SecretVLBytes;
use openmls_rust_crypto::{MemoryStorage, OpenMlsRustCrypto, RustCrypto};
use openmls_traits::{
    OpenMlsProvider,
    crypto::OpenMlsCrypto,
    types::{
        AeadType, Ciphersuite, CryptoError, ExporterSecret, HashType, HpkeCiphertext, HpkeConfig,
        HpkeKeyPair, KemOutput, SignatureScheme,
    },
};

/// Where it goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Spoilt {
    Nowhere,
    /// The next tag is another one.
    NextTag,
    /// The next ciphertext for somebody's key does not open.
    NextCiphertext,
    /// Of the ciphertexts for somebody's key, every other one does not open.
    EveryOtherCiphertext,
    /// Public keys are none.
    PublicKeys,
}

/// Plain OpenMLS, but for what is spoilt.
#[derive(Default)]
pub(crate) struct SpoiltProvider {
    plain: OpenMlsRustCrypto,
    crypto: SpoiltCrypto,
}

impl SpoiltProvider {
    pub(crate) fn spoil(&self, what: Spoilt) {
        self.crypto.spoilt.store(what as u8, Ordering::SeqCst);
    }
}

impl OpenMlsProvider for SpoiltProvider {
    type CryptoProvider = SpoiltCrypto;
    type RandProvider = RustCrypto;
    type StorageProvider = MemoryStorage;

    fn storage(&self) -> &Self::StorageProvider {
        self.plain.storage()
    }

    fn crypto(&self) -> &Self::CryptoProvider {
        &self.crypto
    }

    fn rand(&self) -> &Self::RandProvider {
        self.plain.rand()
    }
}

#[derive(Default)]
pub(crate) struct SpoiltCrypto {
    plain: RustCrypto,
    spoilt: AtomicU8,
    /// How many ciphertexts were made.
    ciphertexts: AtomicUsize,
}

impl SpoiltCrypto {
    fn is(&self, what: Spoilt) -> bool {
        self.spoilt.load(Ordering::SeqCst) == what as u8
    }

    /// Whether this is spoilt the next time, which is now.
    fn take(&self, what: Spoilt) -> bool {
        let nowhere = Spoilt::Nowhere as u8;
        let taken = self
            .spoilt
            .compare_exchange(what as u8, nowhere, Ordering::SeqCst, Ordering::SeqCst);
        taken.is_ok()
    }
}

impl OpenMlsCrypto for SpoiltCrypto {
    fn hmac(&self, hash_type: HashType, key: &[u8], message: &[u8]) -> Result<SecretVLBytes, CryptoError> {
        let tag = self.plain.hmac(hash_type, key, message)?;
        if !self.take(Spoilt::NextTag) {
            return Ok(tag);
        }
        let mut tag = tag.as_slice().to_vec();
        tag[0] ^= 1;
        Ok(tag.into())
    }

    fn hpke_seal(
        &self,
        config: HpkeConfig,
        pk_r: &[u8],
        info: &[u8],
        aad: &[u8],
        ptxt: &[u8],
    ) -> Result<HpkeCiphertext, CryptoError> {
        let mut sealed = self.plain.hpke_seal(config, pk_r, info, aad, ptxt)?;
        let is_odd = self.ciphertexts.fetch_add(1, Ordering::SeqCst) % 2 == 1;
        if self.take(Spoilt::NextCiphertext) || is_odd && self.is(Spoilt::EveryOtherCiphertext) {
            let mut bytes = sealed.ciphertext.as_slice().to_vec();
            bytes[0] ^= 1;
            sealed.ciphertext = bytes.into();
        }
        Ok(sealed)
    }

    fn derive_hpke_keypair(&self, config: HpkeConfig, ikm: &[u8]) -> Result<HpkeKeyPair, CryptoError> {
        let mut pair = self.plain.derive_hpke_keypair(config, ikm)?;
        if self.is(Spoilt::PublicKeys) {
            pair.public.fill(0xFF);
        }
        Ok(pair)
    }

    // ---- as it is ----

    fn supports(&self, ciphersuite: Ciphersuite) -> Result<(), CryptoError> {
        self.plain.supports(ciphersuite)
    }

    fn supported_ciphersuites(&self) -> Vec<Ciphersuite> {
        self.plain.supported_ciphersuites()
    }

    fn hkdf_extract(
        &self,
        hash_type: HashType,
        salt: &[u8],
        ikm: &[u8],
    ) -> Result<SecretVLBytes, CryptoError> {
        self.plain.hkdf_extract(hash_type, salt, ikm)
    }

    fn hkdf_expand(
        &self,
        hash_type: HashType,
        prk: &[u8],
        info: &[u8],
        okm_len: usize,
    ) -> Result<SecretVLBytes, CryptoError> {
        self.plain.hkdf_expand(hash_type, prk, info, okm_len)
    }

    fn hash(&self, hash_type: HashType, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.plain.hash(hash_type, data)
    }

    fn aead_encrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        data: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.plain.aead_encrypt(alg, key, data, nonce, aad)
    }

    fn aead_decrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        ct_tag: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.plain.aead_decrypt(alg, key, ct_tag, nonce, aad)
    }

    fn signature_key_gen(&self, alg: SignatureScheme) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
        self.plain.signature_key_gen(alg)
    }

    fn verify_signature(
        &self,
        alg: SignatureScheme,
        data: &[u8],
        pk: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        self.plain.verify_signature(alg, data, pk, signature)
    }

    fn sign(&self, alg: SignatureScheme, data: &[u8], key: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.plain.sign(alg, data, key)
    }

    fn hpke_open(
        &self,
        config: HpkeConfig,
        input: &HpkeCiphertext,
        sk_r: &[u8],
        info: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.plain.hpke_open(config, input, sk_r, info, aad)
    }

    fn hpke_setup_sender_and_export(
        &self,
        config: HpkeConfig,
        pk_r: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        exporter_length: usize,
    ) -> Result<(KemOutput, ExporterSecret), CryptoError> {
        self.plain
            .hpke_setup_sender_and_export(config, pk_r, info, exporter_context, exporter_length)
    }

    fn hpke_setup_receiver_and_export(
        &self,
        config: HpkeConfig,
        enc: &[u8],
        sk_r: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        exporter_length: usize,
    ) -> Result<ExporterSecret, CryptoError> {
        self.plain
            .hpke_setup_receiver_and_export(config, enc, sk_r, info, exporter_context, exporter_length)
    }
}
