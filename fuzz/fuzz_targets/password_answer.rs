//! A client takes what a server says is its part of OPAQUE: a spoilt answer never lets it sign in, and the
//! honest one always does.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use opaque_ke::{
    CredentialRequest, RegistrationRequest, RegistrationUpload, ServerLogin, ServerLoginParameters,
    ServerRegistration, ServerSetup,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use subrosa_engine::account::{Password, PasswordError, Registration, SignIn};
use subrosa_fuzz::edited;
use subrosa_wire::{
    Handle,
    password::{PasswordSuite, SERVER_IDENTITY},
};

/// What an honest server answers to the client that starts from these seeds.
struct Honest {
    registration_response: Vec<u8>,
    credential_response: Vec<u8>,
}

static HONEST: LazyLock<Honest> = LazyLock::new(|| {
    let (handle, mut rng) = (handle(), ChaCha20Rng::seed_from_u64(3));
    let setup = ServerSetup::<PasswordSuite>::new(&mut rng);
    let name = handle.as_str().as_bytes();
    let (registration, request) = begin_registration();
    let request = RegistrationRequest::deserialize(&request).expect("ours");
    let answer = ServerRegistration::start(&setup, request, name).expect("an honest request");
    let registration_response = answer.message.serialize().to_vec();
    let registered = registration
        .finish(&registration_response, &handle, &mut rng)
        .expect("an honest answer");
    let upload = RegistrationUpload::deserialize(&registered.record).expect("ours");
    let record = ServerRegistration::finish(upload);
    let request = CredentialRequest::deserialize(&begin_sign_in().1).expect("ours");
    let parameters = ServerLoginParameters {
        context: None,
        identifiers: opaque_ke::Identifiers {
            client: Some(name),
            server: Some(SERVER_IDENTITY),
        },
    };
    let answer = ServerLogin::start(&mut rng, &setup, Some(record), request, name, parameters)
        .expect("an honest request");
    Honest {
        registration_response,
        credential_response: answer.message.serialize().to_vec(),
    }
});

fuzz_target!(|input: (bool, &[u8])| {
    let (signs_in, edits) = input;
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    if signs_in {
        let honest = &HONEST.credential_response;
        let answer = edited(honest, edits);
        match begin_sign_in().0.finish(&answer, &handle(), &mut rng) {
            // The library does not look at what follows.
            Ok(_) => assert!(answer.starts_with(honest), "a forged answer"),
            Err(error) => {
                assert!(!answer.starts_with(honest), "{error}");
                assert_ne!(error, PasswordError::Failed);
            }
        }
    } else {
        // Whoever is the server of a sign-up may choose its part: there is nothing yet to check it against.
        let honest = &HONEST.registration_response;
        let answer = edited(honest, edits);
        if let Err(error) = begin_registration().0.finish(&answer, &handle(), &mut rng) {
            assert_ne!(&answer, honest, "{error}");
            assert_ne!(error, PasswordError::Failed);
        }
    }
});

fn handle() -> Handle {
    "alice".parse().expect("a handle")
}

fn password() -> Password {
    Password::prepare("under the rose").expect("a password")
}

fn begin_registration() -> (Registration, Vec<u8>) {
    Registration::start(password(), &mut ChaCha20Rng::seed_from_u64(1)).expect("it begins")
}

fn begin_sign_in() -> (SignIn, Vec<u8>) {
    SignIn::start(password(), &mut ChaCha20Rng::seed_from_u64(2)).expect("it begins")
}
