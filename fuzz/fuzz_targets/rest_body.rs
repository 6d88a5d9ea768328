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
    match kind % 12 {
        0 => read::<rest::RegistrationStart>(bytes),
        1 => read::<rest::RegistrationFinish>(bytes),
        2 => read::<rest::SignInStart>(bytes),
        3 => read::<rest::SignInFinish>(bytes),
        4 => read::<rest::RecoveryFinish>(bytes),
        5 => read::<rest::PasswordFinish>(bytes),
        6 => read::<rest::Enrolment>(bytes),
        7 => read::<rest::RefreshFinish>(bytes),
        8 => read::<rest::SignedIn>(bytes),
        9 => read::<rest::Devices>(bytes),
        10 => read::<rest::People>(bytes),
        _ => read::<rest::LogPage>(bytes),
    }
});
