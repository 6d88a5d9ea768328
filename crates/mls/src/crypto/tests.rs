//! Our provider against the one that comes with OpenMLS, which can do the same and more.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use openmls_rust_crypto::RustCrypto;

use super::*;

const SUITES: [Ciphersuite; 2] = [CIPHERSUITE, CLASSICAL_CIPHERSUITE];

fn other() -> RustCrypto {
    RustCrypto::default()
}

/// Runs with ours first and OpenMLS's second, and the other way round.
fn both_ways(test: impl Fn(&dyn Provider, &dyn Provider)) {
    test(&Crypto, &other());
    test(&other(), &Crypto);
}

/// What has two sides, without the generics that forbid a trait object.
trait Provider {
    fn seal(&self, suite: Ciphersuite, public: &[u8]) -> HpkeCiphertext;
    fn open(&self, suite: Ciphersuite, private: &[u8], sealed: &HpkeCiphertext) -> Vec<u8>;
    fn send_export(&self, suite: Ciphersuite, public: &[u8]) -> (Vec<u8>, Vec<u8>);
    fn receive_export(&self, suite: Ciphersuite, private: &[u8], kem_output: &[u8]) -> Vec<u8>;
    fn sign(&self, key: &[u8]) -> Vec<u8>;
    fn verify(&self, key: &[u8], signature: &[u8]) -> bool;
}

impl<T: OpenMlsCrypto> Provider for T {
    fn seal(&self, suite: Ciphersuite, public: &[u8]) -> HpkeCiphertext {
        self.hpke_seal(suite.hpke_config(), public, b"info", b"aad", b"hello")
            .unwrap()
    }

    fn open(&self, suite: Ciphersuite, private: &[u8], sealed: &HpkeCiphertext) -> Vec<u8> {
        self.hpke_open(suite.hpke_config(), sealed, private, b"info", b"aad")
            .unwrap()
    }

    fn send_export(&self, suite: Ciphersuite, public: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let (kem_output, secret) = self
            .hpke_setup_sender_and_export(suite.hpke_config(), public, b"info", b"context", 32)
            .unwrap();
        (kem_output, secret.to_vec())
    }

    fn receive_export(&self, suite: Ciphersuite, private: &[u8], kem_output: &[u8]) -> Vec<u8> {
        self.hpke_setup_receiver_and_export(suite.hpke_config(), kem_output, private, b"info", b"context", 32)
            .unwrap()
            .to_vec()
    }

    fn sign(&self, key: &[u8]) -> Vec<u8> {
        OpenMlsCrypto::sign(self, SignatureScheme::ED25519, b"signed", key).unwrap()
    }

    fn verify(&self, key: &[u8], signature: &[u8]) -> bool {
        self.verify_signature(SignatureScheme::ED25519, b"signed", key, signature)
            .is_ok()
    }
}

#[test]
fn what_one_provider_seals_the_other_opens() {
    for suite in SUITES {
        let keys = Crypto.derive_hpke_keypair(suite.hpke_config(), &[7; 64]).unwrap();
        both_ways(|ours, theirs| {
            let sealed = ours.seal(suite, &keys.public);
            assert_eq!(theirs.open(suite, &keys.private, &sealed), b"hello");
            let (kem_output, secret) = ours.send_export(suite, &keys.public);
            assert_eq!(theirs.receive_export(suite, &keys.private, &kem_output), secret);
        });
    }
}

#[test]
fn the_same_secret_gives_the_same_keys() {
    for suite in SUITES {
        for ikm in [[0; 48], [7; 48], [255; 48]] {
            let ours = Crypto.derive_hpke_keypair(suite.hpke_config(), &ikm).unwrap();
            let theirs = other().derive_hpke_keypair(suite.hpke_config(), &ikm).unwrap();
            assert_eq!(ours.public, theirs.public);
            assert_eq!(ours.private[..], theirs.private[..]);
        }
    }
}

#[test]
fn hashes_macs_and_derived_keys_are_the_same() {
    for hash in [HashType::Sha2_256, HashType::Sha2_384] {
        for len in [0, 1, 55, 64, 127, 128, 129, 1_000] {
            let data = vec![3; len];
            assert_eq!(
                Crypto.hash(hash, &data).unwrap(),
                other().hash(hash, &data).unwrap()
            );
            let mac = Crypto.hmac(hash, &data, b"message").unwrap();
            assert_eq!(mac, other().hmac(hash, &data, b"message").unwrap());
            let prk = Crypto.hkdf_extract(hash, &data, b"ikm").unwrap();
            assert_eq!(prk, other().hkdf_extract(hash, &data, b"ikm").unwrap());
            let okm = Crypto.hkdf_expand(hash, prk.as_slice(), &data, len).unwrap();
            assert_eq!(
                okm,
                other().hkdf_expand(hash, prk.as_slice(), &data, len).unwrap()
            );
        }
        let too_long = 255 * 48 + 1;
        assert!(Crypto.hkdf_expand(hash, &[1; 48], b"", too_long).is_err());
        assert!(
            Crypto.hkdf_expand(hash, &[1; 8], b"", 16).is_err(),
            "the secret is too short"
        );
    }
}

#[test]
fn ciphertexts_are_the_same_and_changed_ones_do_not_open() {
    for (aead, key) in [
        (AeadType::Aes128Gcm, &[9; 32][..16]),
        (AeadType::Aes256Gcm, &[9; 32]),
    ] {
        let mut sealed = Crypto
            .aead_encrypt(aead, key, b"hello", &[1; 12], b"aad")
            .unwrap();
        let theirs = other()
            .aead_encrypt(aead, key, b"hello", &[1; 12], b"aad")
            .unwrap();
        assert_eq!(sealed, theirs);
        assert_eq!(
            Crypto.aead_decrypt(aead, key, &sealed, &[1; 12], b"aad").unwrap(),
            b"hello"
        );
        sealed[0] ^= 1;
        assert_eq!(
            Crypto.aead_decrypt(aead, key, &sealed, &[1; 12], b"aad"),
            Err(CryptoError::AeadDecryptionError)
        );
    }
}

#[test]
fn signatures_pass_both_ways() {
    let (private, public) = Crypto.signature_key_gen(SignatureScheme::ED25519).unwrap();
    both_ways(|ours, theirs| {
        let mut signature = ours.sign(&private);
        assert!(theirs.verify(&public, &signature));
        signature[10] ^= 1;
        assert!(!theirs.verify(&public, &signature));
        assert!(!theirs.verify(&public, &signature[..63]));
    });
}

#[test]
fn malformed_input_is_refused() {
    let aead = |key: &[u8], nonce: &[u8]| {
        Crypto
            .aead_encrypt(AeadType::Aes256Gcm, key, b"", nonce, b"")
            .unwrap_err()
    };
    assert_eq!(aead(&[0; 31], &[0; 12]), CryptoError::CryptoLibraryError);
    assert_eq!(aead(&[0; 32], &[0; 11]), CryptoError::InvalidLength);
    assert_eq!(
        Crypto.aead_decrypt(AeadType::Aes256Gcm, &[0; 32], &[], &[0; 12], b""),
        Err(CryptoError::AeadDecryptionError)
    );
    for suite in SUITES {
        for public in [&[][..], &[0; 31], &[0; 32], &[255; 1216], &[0; 1217]] {
            let sealed = Crypto.hpke_seal(suite.hpke_config(), public, b"", b"", b"");
            assert!(sealed.is_err(), "{suite:?} seals for {} bytes", public.len());
        }
        let keys = Crypto.derive_hpke_keypair(suite.hpke_config(), &[7; 48]).unwrap();
        for len in [0, 31, 32, 1119, 1121] {
            let input = HpkeCiphertext {
                kem_output: vec![0; len].into(),
                ciphertext: vec![0; 16].into(),
            };
            let opened = Crypto.hpke_open(suite.hpke_config(), &input, &keys.private, b"", b"");
            assert_eq!(opened, Err(CryptoError::HpkeDecryptionError));
        }
    }
}

#[test]
fn other_suites_and_algorithms_are_refused() {
    for suite in other().supported_ciphersuites() {
        let is_ours = SUITES.contains(&suite);
        assert_eq!(Crypto.supports(suite).is_ok(), is_ours, "{suite:?}");
        let derived = Crypto.derive_hpke_keypair(suite.hpke_config(), &[7; 48]);
        assert_eq!(derived.is_ok(), is_ours, "{suite:?}");
    }
    assert!(Crypto.hash(HashType::Sha2_512, b"").is_err());
    assert!(
        Crypto
            .aead_encrypt(AeadType::ChaCha20Poly1305, &[0; 32], b"", &[0; 12], b"")
            .is_err()
    );
    assert!(
        Crypto
            .signature_key_gen(SignatureScheme::ECDSA_SECP256R1_SHA256)
            .is_err()
    );
}
