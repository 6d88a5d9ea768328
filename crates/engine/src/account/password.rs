//! Passwords and OPAQUE (RFC 9807): the server checks a password that it never sees.
//!
//! Signing up and changing the password run [`Registration`], signing in runs [`SignIn`]. Both end with
//! the same export key, which only client and password can make: it opens the vault.

use opaque_ke::{
    ClientLogin, ClientLoginFinishParameters, ClientRegistration, ClientRegistrationFinishParameters,
    CredentialResponse, Identifiers, RegistrationResponse,
    errors::{InternalError, ProtocolError},
};
use rand_core::CryptoRngCore;
use subrosa_wire::{
    Handle,
    limits::{PASSWORD_CHARS_MIN, PASSWORD_MAX},
    password::{PasswordSuite, SERVER_IDENTITY},
};
use zeroize::{Zeroize as _, Zeroizing};

use crate::unicode::push_nfc;

/// Length of an export key in bytes: the output of SHA-512.
const EXPORT_KEY_LEN: usize = 64;

/// A password as OPAQUE takes it: prepared after the `OpaqueString` profile (RFC 8265, section 4.2), so that
/// two keyboards that write it differently give the same bytes. Zeroized when dropped.
pub struct Password(Zeroizing<String>);

/// Why a text cannot be a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPassword {
    /// It is empty.
    #[error("a password cannot be empty")]
    Empty,
    /// Too long.
    #[error("a password has at most {PASSWORD_MAX} bytes")]
    TooLong,
    /// It contains a control character, mostly by accident.
    #[error("a password cannot contain control characters")]
    Control,
}

/// Why a password is too easy to guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WeakPassword {
    /// Too few characters.
    #[error("a password has at least {PASSWORD_CHARS_MIN} characters")]
    TooShort,
    /// It says nothing but the handle.
    #[error("the password must not be made from the handle")]
    Handle,
    /// It is among the first that anybody tries.
    #[error("this is one of the most common passwords")]
    Common,
    /// It repeats a few characters, or counts.
    #[error("the password follows a simple pattern")]
    Pattern,
}

/// Why a run of OPAQUE failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// The password is not the one of the account, the account does not exist, or the server is not the one
    /// that the account is at: which of them cannot be told.
    #[error("handle or password is wrong")]
    Refused,
    /// The server's message is not one of OPAQUE.
    #[error("the server's answer is not valid")]
    MalformedAnswer,
    /// The computation failed: most likely there is no memory for Argon2id.
    #[error("the password could not be processed")]
    Failed,
}

impl From<ProtocolError> for PasswordError {
    fn from(error: ProtocolError) -> Self {
        match error {
            ProtocolError::InvalidLoginError
            | ProtocolError::LibraryError(InternalError::SealOpenHmacError) => Self::Refused,
            ProtocolError::SerializationError
            | ProtocolError::SizeError { .. }
            | ProtocolError::ReflectedValueError => Self::MalformedAnswer,
            ProtocolError::LibraryError(_) | ProtocolError::Custom(_) => Self::Failed,
        }
    }
}

impl Password {
    /// Prepares a password: spaces of every kind become the ASCII space, letters and marks are composed
    /// (NFC), case is kept.
    pub fn prepare(typed: &str) -> Result<Self, InvalidPassword> {
        if typed.is_empty() {
            return Err(InvalidPassword::Empty);
        }
        if typed.len() > PASSWORD_MAX {
            return Err(InvalidPassword::TooLong);
        }
        let is_space = |c: char| c.is_whitespace() && !c.is_control();
        // No reallocation leaves a copy behind: no text grows to more than three times its size by NFC.
        let mut spaced = Zeroizing::new(String::with_capacity(typed.len()));
        spaced.extend(typed.chars().map(|c| if is_space(c) { ' ' } else { c }));
        let mut prepared = Zeroizing::new(String::with_capacity(3 * typed.len()));
        push_nfc(&mut prepared, &spaced);
        if prepared.chars().any(char::is_control) {
            return Err(InvalidPassword::Control);
        }
        if prepared.len() > PASSWORD_MAX {
            return Err(InvalidPassword::TooLong);
        }
        Ok(Self(prepared))
    }

    /// Checks that a new password is not one of the first guesses. A password that exists is never checked:
    /// rules change, and it has to stay good.
    pub fn check_strength(&self, handle: &Handle) -> Result<(), WeakPassword> {
        if self.0.chars().count() < PASSWORD_CHARS_MIN {
            return Err(WeakPassword::TooShort);
        }
        // Guesses are ASCII.
        let folded = Zeroizing::new(self.0.to_ascii_lowercase());
        let is_filler = |c: char| c.is_ascii_digit() || c.is_ascii_punctuation() || c == ' ';
        let core = folded.trim_matches(is_filler);
        let without_handle = Zeroizing::new(folded.replace(handle.as_str(), ""));
        if without_handle.chars().all(is_filler) && without_handle.len() < folded.len() {
            return Err(WeakPassword::Handle);
        }
        if COMMON.contains(&folded.as_str()) || COMMON_WORDS.contains(&core) {
            return Err(WeakPassword::Common);
        }
        if is_pattern(&folded) {
            return Err(WeakPassword::Pattern);
        }
        Ok(())
    }

    fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Passwords of ten characters and more that lead every list of leaked ones.
const COMMON: [&str; 24] = [
    "1q2w3e4r5t",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "1qazxsw23edc",
    "adgjmptw0147",
    "asdfghjkl;",
    "asdfghjklz",
    "correct horse battery staple",
    "correcthorsebatterystaple",
    "iloveyou12",
    "letmein123",
    "password12",
    "q1w2e3r4t5",
    "q1w2e3r4t5y6",
    "qazwsxedcr",
    "qazwsxedcrfv",
    "qwer1234qwer",
    "qwerty1234",
    "qwertyuiop",
    "qwertyuiop[]",
    "welcome123",
    "zaq12wsxcde3",
    "zxcvbnm123",
    "zxcvbnmasdf",
];

/// Words that stay common with digits and signs before and behind them.
const COMMON_WORDS: [&str; 24] = [
    "",
    "abc",
    "abcd",
    "admin",
    "administrator",
    "asdf",
    "changeme",
    "dragon",
    "football",
    "iloveyou",
    "letmein",
    "login",
    "master",
    "monkey",
    "passwort",
    "password",
    "p@ssw0rd",
    "passw0rd",
    "princess",
    "qwerty",
    "qwertz",
    "secret",
    "subrosa",
    "welcome",
];

/// Fewer than four different characters, a short piece repeated, or a run such as `abcdefghij`.
fn is_pattern(password: &str) -> bool {
    let chars: Zeroizing<Vec<char>> = Zeroizing::new(password.chars().collect());
    let mut different = Zeroizing::new(chars.to_vec());
    different.sort_unstable();
    different.dedup();
    let repeats = (1..=chars.len() / 3).any(|piece| chars.iter().zip(&chars[piece..]).all(|(a, b)| a == b));
    let steps = |step: i64| {
        chars
            .windows(2)
            .filter(|pair| i64::from(u32::from(pair[1])) - i64::from(u32::from(pair[0])) == step)
            .count()
    };
    // Most of the password counts up or down.
    let counts = steps(1).max(steps(-1)) * 4 >= (chars.len() - 1) * 3;
    different.len() < 4 || repeats || counts
}

/// What client and password make together, and the server cannot: opens the vault. Zeroized when dropped.
pub struct ExportKey(Zeroizing<[u8; EXPORT_KEY_LEN]>);

impl ExportKey {
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    fn take(key: &mut [u8]) -> Result<Self, PasswordError> {
        let bytes = <[u8; EXPORT_KEY_LEN]>::try_from(&*key).map_err(|_| PasswordError::Failed)?;
        key.zeroize();
        Ok(Self(Zeroizing::new(bytes)))
    }
}

fn identifiers(handle: &Handle) -> Identifiers<'_> {
    Identifiers {
        client: Some(handle.as_str().as_bytes()),
        server: Some(SERVER_IDENTITY),
    }
}

/// The setting of a password: between request and response.
pub struct Registration {
    password: Password,
    state: ClientRegistration<PasswordSuite>,
}

/// A password that is set as soon as the server has the record.
pub struct Registered {
    /// OPAQUE `RegistrationRecord`, for the server.
    pub record: Vec<u8>,
    /// What opens the vault.
    pub export_key: ExportKey,
}

impl Registration {
    /// Begins, and gives the OPAQUE `RegistrationRequest` for the server.
    pub fn start(
        password: Password,
        mut rng: &mut (impl CryptoRngCore + ?Sized),
    ) -> Result<(Self, Vec<u8>), PasswordError> {
        let started = ClientRegistration::<PasswordSuite>::start(&mut rng, password.as_bytes())?;
        let request = started.message.serialize().to_vec();
        Ok((
            Self {
                password,
                state: started.state,
            },
            request,
        ))
    }

    /// Takes the server's `RegistrationResponse`. Argon2id runs here: some ten milliseconds, 19 MiB.
    pub fn finish(
        self,
        response: &[u8],
        handle: &Handle,
        mut rng: &mut (impl CryptoRngCore + ?Sized),
    ) -> Result<Registered, PasswordError> {
        let response =
            RegistrationResponse::deserialize(response).map_err(|_| PasswordError::MalformedAnswer)?;
        let parameters = ClientRegistrationFinishParameters::new(identifiers(handle), None);
        let mut finished = self
            .state
            .finish(&mut rng, self.password.as_bytes(), response, parameters)?;
        Ok(Registered {
            record: finished.message.serialize().to_vec(),
            export_key: ExportKey::take(&mut finished.export_key)?,
        })
    }
}

/// A sign-in: between KE1 and KE2.
pub struct SignIn {
    password: Password,
    state: ClientLogin<PasswordSuite>,
}

impl SignIn {
    /// Begins, and gives the OPAQUE KE1 for the server.
    pub fn start(
        password: Password,
        mut rng: &mut (impl CryptoRngCore + ?Sized),
    ) -> Result<(Self, Vec<u8>), PasswordError> {
        let started = ClientLogin::<PasswordSuite>::start(&mut rng, password.as_bytes())?;
        let request = started.message.serialize().to_vec();
        Ok((
            Self {
                password,
                state: started.state,
            },
            request,
        ))
    }

    /// Takes the server's KE2, and gives KE3 and the export key. Argon2id runs here.
    pub fn finish(
        self,
        response: &[u8],
        handle: &Handle,
        mut rng: &mut (impl CryptoRngCore + ?Sized),
    ) -> Result<(Vec<u8>, ExportKey), PasswordError> {
        let response =
            CredentialResponse::deserialize(response).map_err(|_| PasswordError::MalformedAnswer)?;
        let parameters = ClientLoginFinishParameters::new(None, identifiers(handle), None);
        let mut finished = self
            .state
            .finish(&mut rng, self.password.as_bytes(), response, parameters)?;
        finished.session_key.as_mut_slice().zeroize();
        Ok((
            finished.message.serialize().to_vec(),
            ExportKey::take(&mut finished.export_key)?,
        ))
    }
}
