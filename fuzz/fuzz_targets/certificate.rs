//! Anybody shows a device certificate: it has one encoding, and whoever has no key cannot make one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use subrosa_fuzz::{NOW, World, edited};
use subrosa_mls::DeviceCertificate;

fuzz_target!(|edits: &[u8]| {
    let honest = World::bob_identity().certificate.encode();
    let bytes = edited(&honest, edits);
    let Ok(certificate) = DeviceCertificate::decode(&bytes) else {
        return;
    };
    assert_eq!(certificate.encode(), bytes);
    assert_eq!(
        certificate.verify(&World::bob_key(), NOW).is_ok(),
        bytes == honest,
        "a forged certificate"
    );
});
