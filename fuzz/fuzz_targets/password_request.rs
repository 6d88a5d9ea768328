//! The server takes what a client says is its part of OPAQUE: it answers, or refuses what does not fit, and
//! nobody signs in.
#![no_main]

use axum::http::{Request, StatusCode};
use libfuzzer_sys::fuzz_target;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use serde::Serialize;
use subrosa_engine::account::{Password, Registration, SignIn};
use subrosa_fuzz::{Server, edited};
use subrosa_wire::{
    Base64, Handle,
    rest::{RegistrationStart, SignInChallenge, SignInFinish, SignInStart},
};

/// Length of an OPAQUE KE3: the MAC of SHA-512.
const FINALIZATION_LEN: usize = 64;

fuzz_target!(|input: (u8, &[u8])| {
    let (step, edits) = input;
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let password = Password::prepare("under the rose").expect("a password");
    match step % 3 {
        0 => {
            let (_, request) = Registration::start(password, &mut rng).expect("it begins");
            let start = RegistrationStart {
                handle: handle(),
                registration_request: Base64(edited(&request, edits)),
            };
            post("/v1/registration/start", &start);
        }
        1 => {
            let (_, request) = SignIn::start(password, &mut rng).expect("it begins");
            let start = SignInStart {
                handle: handle(),
                credential_request: Base64(edited(&request, edits)),
            };
            post("/v1/sign-in/start", &start);
        }
        _ => {
            let (_, request) = SignIn::start(password, &mut rng).expect("it begins");
            let start = SignInStart {
                handle: handle(),
                credential_request: Base64(request),
            };
            let (status, body) = post("/v1/sign-in/start", &start);
            // After very many runs in one instant, too many are under way.
            if status != StatusCode::OK {
                return;
            }
            let challenge: SignInChallenge = serde_json::from_slice(&body).expect("an honest server");
            let finish = SignInFinish {
                attempt: challenge.attempt,
                credential_finalization: Base64(edited(&[7; FINALIZATION_LEN], edits)),
            };
            let (status, _) = post("/v1/sign-in/finish", &finish);
            assert!(status.is_client_error(), "a forged proof");
        }
    }
});

fn handle() -> Handle {
    "nobody".parse().expect("a handle")
}

fn post(path: &str, body: &impl Serialize) -> (StatusCode, Vec<u8>) {
    let request = Request::builder()
        .method("POST")
        .uri(path)
        .header("content-type", "application/json")
        .body(serde_json::to_vec(body).expect("JSON"))
        .expect("a request");
    Server::with(|server| server.answer_http(request))
}
