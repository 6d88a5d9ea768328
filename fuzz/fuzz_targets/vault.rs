//! A client opens what the server says is its vault; and, as if the server knew the key, what is inside.
#![no_main]

use libfuzzer_sys::fuzz_target;
use subrosa_engine::account::{VaultContents, VaultKey, vault};
use subrosa_fuzz::World;
use subrosa_wire::rest::SealedVault;

fuzz_target!(|input: (u64, &[u8])| {
    let (revision, bytes) = input;
    let sealed = SealedVault {
        revision,
        ciphertext: bytes.into(),
    };
    assert!(
        vault::open(&sealed, &VaultKey::from_bytes([7; 32]), World::bob()).is_err(),
        "a forged vault"
    );
    if let Ok(contents) = VaultContents::decode(bytes) {
        assert!(VaultContents::decode(&contents.encode()).is_ok());
    }
});
