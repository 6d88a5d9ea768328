//! Anybody shows a device certificate: it has one encoding, and whoever has no key of the account cannot make one.
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
    let is_bobs = certificate
        .verify(NOW)
        .is_ok_and(|certificate| certificate.account_id() == World::bob());
    assert_eq!(is_bobs, bytes == honest, "a forged certificate");
});
