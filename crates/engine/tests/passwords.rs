//! Passwords, and OPAQUE against the server side of it.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use opaque_ke::{
    CredentialFinalization, CredentialRequest, Identifiers, RegistrationRequest, RegistrationUpload,
    ServerLogin, ServerLoginParameters, ServerRegistration, ServerSetup,
};
use subrosa_engine::account::VaultKey;
use subrosa_engine::account::{
    InvalidPassword, Password, PasswordError, Registered, Registration, SignIn, WeakPassword, WrapKey,
};
use subrosa_test_support::SeededRng;
use subrosa_wire::{
    AccountId, Handle,
    limits::PASSWORD_MAX,
    password::{PasswordSuite, SERVER_IDENTITY},
};

const ACCOUNT: AccountId = AccountId::from_bytes([0xaa; 16]);

/// The server side, as in RFC 9807.
struct Server {
    setup: ServerSetup<PasswordSuite>,
    rng: SeededRng,
}

impl Server {
    fn new(seed: u64) -> Self {
        let mut rng = SeededRng::new(seed);
        Self {
            setup: ServerSetup::new(&mut rng),
            rng,
        }
    }

    fn register(&self, request: &[u8], handle: &Handle) -> Vec<u8> {
        let request = RegistrationRequest::<PasswordSuite>::deserialize(request).unwrap();
        let credential = handle.as_str().as_bytes();
        ServerRegistration::start(&self.setup, request, credential)
            .unwrap()
            .message
            .serialize()
            .to_vec()
    }

    /// Answers KE1; a record of `None` is an account that does not exist.
    fn answer(
        &mut self,
        request: &[u8],
        handle: &Handle,
        record: Option<&[u8]>,
    ) -> (ServerLogin<PasswordSuite>, Vec<u8>) {
        let record = record.map(|record| {
            ServerRegistration::finish(RegistrationUpload::<PasswordSuite>::deserialize(record).unwrap())
        });
        let started = ServerLogin::start(
            &mut self.rng,
            &self.setup,
            record,
            CredentialRequest::deserialize(request).unwrap(),
            handle.as_str().as_bytes(),
            parameters(handle),
        )
        .unwrap();
        let answer = started.message.serialize().to_vec();
        (started.state, answer)
    }
}

fn parameters(handle: &Handle) -> ServerLoginParameters<'_, '_> {
    let identifiers = Identifiers {
        client: Some(handle.as_str().as_bytes()),
        server: Some(SERVER_IDENTITY),
    };
    ServerLoginParameters {
        context: None,
        identifiers,
    }
}

fn alice() -> Handle {
    "alice".parse().unwrap()
}

fn password(text: &str) -> Password {
    Password::prepare(text).unwrap()
}

fn register(server: &Server, text: &str) -> Registered {
    let mut rng = SeededRng::new(1);
    let (registration, request) = Registration::start(password(text), &mut rng).unwrap();
    registration
        .finish(&server.register(&request, &alice()), &alice(), &mut rng)
        .unwrap()
}

fn sign_in(
    server: &mut Server,
    record: Option<&[u8]>,
    text: &str,
) -> Result<(Vec<u8>, subrosa_engine::account::ExportKey), PasswordError> {
    let mut rng = SeededRng::new(2);
    let (sign_in, request) = SignIn::start(password(text), &mut rng).unwrap();
    let (state, answer) = server.answer(&request, &alice(), record);
    let (finalization, export_key) = sign_in.finish(&answer, &alice(), &mut rng)?;
    let finalization_read = CredentialFinalization::deserialize(&finalization).unwrap();
    assert!(state.finish(finalization_read, parameters(&alice())).is_ok());
    Ok((finalization, export_key))
}

#[test]
fn a_sign_in_gives_the_export_key_of_the_registration() {
    let mut server = Server::new(9);
    let registered = register(&server, "a long pass phrase");
    let (_, export_key) = sign_in(&mut server, Some(&registered.record), "a long pass phrase").unwrap();

    let vault_key = VaultKey::from_bytes([5; 32]);
    let wrapped = WrapKey::from(&registered.export_key).wrap(&vault_key, ACCOUNT, &mut SeededRng::new(3));
    assert!(WrapKey::from(&export_key).unwrap_key(&wrapped, ACCOUNT) == Ok(vault_key));
}

#[test]
fn the_same_password_from_another_keyboard_is_the_same_password() {
    let mut server = Server::new(9);
    let registered = register(&server, "caf\u{e9} au\u{a0}lait");
    assert!(sign_in(&mut server, Some(&registered.record), "cafe\u{301} au lait").is_ok());
    assert!(sign_in(&mut server, Some(&registered.record), "Caf\u{e9} au lait").is_err());
}

#[test]
fn a_wrong_password_and_an_unknown_account_look_alike() {
    let mut server = Server::new(9);
    let registered = register(&server, "a long pass phrase");
    let wrong = sign_in(&mut server, Some(&registered.record), "a wrong pass phrase").err();
    let unknown = sign_in(&mut server, None, "a long pass phrase").err();
    assert_eq!(
        (wrong, unknown),
        (Some(PasswordError::Refused), Some(PasswordError::Refused))
    );
}

#[test]
fn another_server_with_the_same_record_is_refused() {
    let registered = register(&Server::new(9), "a long pass phrase");
    let refused = sign_in(
        &mut Server::new(10),
        Some(&registered.record),
        "a long pass phrase",
    )
    .err();
    assert_eq!(refused, Some(PasswordError::Refused));
}

#[test]
fn a_changed_or_cut_answer_of_the_server_is_an_error() {
    let mut server = Server::new(9);
    let registered = register(&server, "a long pass phrase");
    let start = || SignIn::start(password("a long pass phrase"), &mut SeededRng::new(2)).unwrap();
    let (_, answer) = server.answer(&start().1, &alice(), Some(&registered.record));
    let finish = |answer: &[u8]| {
        start()
            .0
            .finish(answer, &alice(), &mut SeededRng::new(4))
            .map(drop)
    };
    assert_eq!(finish(&answer), Ok(()));
    for position in (0..answer.len()).step_by(23) {
        let mut changed = answer.clone();
        changed[position] ^= 1;
        assert!(finish(&changed).is_err(), "byte {position}");
    }
    for len in [0, 1, 31, 32, answer.len() - 1] {
        assert_eq!(
            finish(&answer[..len]),
            Err(PasswordError::MalformedAnswer),
            "cut to {len}"
        );
    }
}

#[test]
fn a_text_that_cannot_be_a_password_is_refused() {
    for (text, why) in [
        ("", InvalidPassword::Empty),
        ("with\ttab", InvalidPassword::Control),
        ("with\nline", InvalidPassword::Control),
        ("with\u{85}", InvalidPassword::Control),
        (&"a".repeat(PASSWORD_MAX + 1), InvalidPassword::TooLong),
    ] {
        assert_eq!(Password::prepare(text).err(), Some(why), "{text:?}");
    }
    assert!(Password::prepare(&"a".repeat(PASSWORD_MAX)).is_ok());
}

#[test]
fn the_first_guesses_are_no_passwords() {
    for (text, why) in [
        ("tooshort1", WeakPassword::TooShort),
        ("éééééééé", WeakPassword::TooShort),
        ("alice12345", WeakPassword::Handle),
        ("2024-Alice!", WeakPassword::Handle),
        ("alicealice", WeakPassword::Handle),
        ("Password123!", WeakPassword::Common),
        ("letmein!!!!", WeakPassword::Common),
        ("qwertyuiop", WeakPassword::Common),
        ("correcthorsebatterystaple", WeakPassword::Common),
        ("0987612345", WeakPassword::Common),
        ("abcdefghij", WeakPassword::Pattern),
        ("zyxwvutsrqponm", WeakPassword::Pattern),
        ("aaaaaaaaaa", WeakPassword::Pattern),
        ("ababababab", WeakPassword::Pattern),
        ("moonmoonmoon", WeakPassword::Pattern),
    ] {
        assert_eq!(password(text).check_strength(&alice()), Err(why), "{text:?}");
    }
    for text in [
        "a long pass phrase",
        "Tr0ub4dor&3x",
        "malice in wonder",
        "grüne soße mit ei",
        "xK9#mQ2$vL",
    ] {
        assert_eq!(password(text).check_strength(&alice()), Ok(()), "{text:?}");
    }
}
