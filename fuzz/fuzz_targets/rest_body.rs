//! Either side reads a JSON body of the REST API; the first byte says which.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::{Serialize, de::DeserializeOwned};
use subrosa_wire::rest;

fn read<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    if let Ok(body) = serde_json::from_slice::<T>(bytes) {
        let written = serde_json::to_vec(&body).expect("it was read from JSON");
        serde_json::from_slice::<T>(&written).expect("we wrote it");
    }
}

fuzz_target!(|input: (u8, &[u8])| {
    let (kind, bytes) = input;
    match kind % 24 {
        0 => read::<rest::ServerInfo>(bytes),
        1 => read::<rest::RegistrationStart>(bytes),
        2 => read::<rest::RegistrationChallenge>(bytes),
        3 => read::<rest::RegistrationFinish>(bytes),
        4 => read::<rest::SignInStart>(bytes),
        5 => read::<rest::SignInChallenge>(bytes),
        6 => read::<rest::SignInFinish>(bytes),
        7 => read::<rest::SignedIn>(bytes),
        8 => read::<rest::RecoveryStart>(bytes),
        9 => read::<rest::RecoveryChallenge>(bytes),
        10 => read::<rest::RecoveryFinish>(bytes),
        11 => read::<rest::PasswordStart>(bytes),
        12 => read::<rest::PasswordFinish>(bytes),
        13 => read::<rest::Enrolment>(bytes),
        14 => read::<rest::Tokens>(bytes),
        15 => read::<rest::RefreshStart>(bytes),
        16 => read::<rest::RefreshChallenge>(bytes),
        17 => read::<rest::RefreshFinish>(bytes),
        18 => read::<rest::SealedVault>(bytes),
        19 => read::<rest::Vault>(bytes),
        20 => read::<rest::Devices>(bytes),
        21 => read::<rest::Person>(bytes),
        22 => read::<rest::People>(bytes),
        _ => read::<rest::LogPage>(bytes),
    }
});
