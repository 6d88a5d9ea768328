//! Signing up, signing in, recovery and password changes: carries the messages between the engine's
//! `account` module, which does the cryptography, and the server.

use std::path::Path;

use subrosa_engine::{
    Command, Engine, EngineError, Input, NewProfile,
    account::{
        self, ExportKey, OpenVault, Password, PasswordError, Registered, Registration, SignIn, WrapKey,
    },
    content::{DisplayName, clean_name},
    database::{Database, DatabaseKey},
};
use subrosa_mls::DeviceIdentity;
use subrosa_wire::{
    Base64, Handle, ProblemCode, limits as wire_limits,
    rest::{
        PasswordStart, RecoveryFinish, RegistrationFinish, RegistrationStart, SignInFinish, SignInStart,
        SignedIn, Tokens,
    },
};
use zeroize::Zeroizing;

pub use subrosa_engine::account::RecoveryCode;

use crate::{
    Client, ClientError, ClockDifference, ServerUrl,
    ambient::{self, SystemRandom},
    backoff::Backoff,
    error::named_version,
    limits::{CLOCK_DIFFERENCE_MAX, SIGN_UP_ATTEMPTS_MAX},
    platform::{self, Draft, Network, Profile, compute},
    rest::Rest,
    session::StoredTokens,
};

/// The name of the setting that holds the server's address.
const SERVER_SETTING: &str = "server";

/// A server, an account there, and its password.
///
/// ```
/// use subrosa_client::Credentials;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let credentials = Credentials {
///     server: "https://chat.example.org".parse()?,
///     handle: "ada".parse()?,
///     password: "a rose by any other name".to_owned().into(),
///     device_name: Some("Ada's laptop".to_owned()),
/// };
/// # Ok(())
/// # }
/// ```
pub struct Credentials {
    /// The server.
    pub server: ServerUrl,
    /// The account.
    pub handle: Handle,
    /// The password as it was typed.
    pub password: Zeroizing<String>,
    /// What the account's devices call this one. The server does not learn it.
    pub device_name: Option<String>,
}

/// A new account.
///
/// See [`Client::sign_up`] for an example.
pub struct NewAccount {
    /// The server, the wanted handle, and the password to set.
    pub credentials: Credentials,
    /// The display name.
    pub name: Option<String>,
}

impl Client {
    /// Creates an account, with this folder as its first device. Show the recovery code to the user: it is not stored
    /// anywhere.
    ///
    /// ```no_run
    /// use subrosa_client::{Client, NewAccount};
    ///
    /// # async fn example(credentials: subrosa_client::Credentials) -> Result<(), subrosa_client::ClientError> {
    /// let name = Some("Ada Lovelace".to_owned());
    /// let account = NewAccount { credentials, name };
    /// let (client, code) = Client::sign_up("/home/ada/profile".as_ref(), account).await?;
    /// println!("write this down: {}", code.expose().as_str());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn sign_up(folder: &Path, account: NewAccount) -> Result<(Self, RecoveryCode), ClientError> {
        let NewAccount {
            credentials:
                Credentials {
                    server,
                    handle,
                    password,
                    device_name,
                },
            name,
        } = account;
        let name = name.map(|name| display_name(&name)).transpose()?;
        let device_name = device_name.map(|name| display_name(&name)).transpose()?;
        let password = new_password(&password, &handle)?;
        let draft = Draft::begin(folder).await?;
        let rest = connect(&server).await?;

        let (registration, registration_request) = Registration::start(password, &mut SystemRandom)?;
        let body = RegistrationStart {
            handle: handle.clone(),
            registration_request: registration_request.into(),
        };
        let answer = rest.start_registration(&body).await?;
        let registered = finish(registration, answer.registration_response, handle.clone()).await?;

        let made = account::sign_up(
            handle.clone(),
            &registered,
            name,
            ambient::now(),
            &mut SystemRandom,
        );
        let engine = create_engine(&draft, &handle, made.identity, made.vault, device_name)?;
        let tokens = finish_registration(&rest, &made.request).await?;
        Ok((
            Self::complete(draft, engine, &server, tokens).await?,
            made.recovery_code,
        ))
    }

    /// Signs in: makes this folder another device of an account.
    ///
    /// ```no_run
    /// use subrosa_client::{Client, ClientError};
    ///
    /// # async fn example(credentials: subrosa_client::Credentials) -> Result<(), subrosa_client::ClientError> {
    /// let folder = "/home/ada/profile".as_ref();
    /// let client = match Client::sign_in(folder, credentials).await {
    ///     Err(ClientError::WrongPassword) => panic!("handle or password is wrong"),
    ///     signed_in => signed_in?,
    /// };
    /// # Ok(())
    /// # }
    /// ```
    pub async fn sign_in(folder: &Path, credentials: Credentials) -> Result<Self, ClientError> {
        let Credentials {
            server,
            handle,
            password,
            device_name,
        } = credentials;
        let device_name = device_name.map(|name| display_name(&name)).transpose()?;
        let password = prepared(&password)?;
        let draft = Draft::begin(folder).await?;
        let rest = connect(&server).await?;
        let (signed_in, export_key) = prove_password(&rest, &handle, password).await?;
        let vault = open_vault(&signed_in, &WrapKey::from(&export_key))?;
        Self::enrol(draft, &rest, &server, &handle, &signed_in, vault, device_name).await
    }

    /// Sets a new password with the recovery code, and makes this folder another device of the account.
    /// The code stays valid.
    ///
    /// ```no_run
    /// use subrosa_client::{Client, RecoveryCode};
    ///
    /// # async fn example(typed_code: String, credentials: subrosa_client::Credentials) -> Result<(), subrosa_client::ClientError> {
    /// let code = RecoveryCode::parse(&typed_code).expect("a recovery code");
    /// // The password of `credentials` is the one to set.
    /// let client = Client::recover("/home/ada/profile".as_ref(), credentials, &code).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn recover(
        folder: &Path,
        credentials: Credentials,
        code: &RecoveryCode,
    ) -> Result<Self, ClientError> {
        let Credentials {
            server,
            handle,
            password,
            device_name,
        } = credentials;
        let device_name = device_name.map(|name| display_name(&name)).transpose()?;
        let password = new_password(&password, &handle)?;
        let draft = Draft::begin(folder).await?;
        let rest = connect(&server).await?;
        let (signed_in, vault) = prove_recovery_code(&rest, &handle, code).await?;
        set_password(&rest, &handle, &signed_in, &vault, password).await?;
        Self::enrol(draft, &rest, &server, &handle, &signed_in, vault, device_name).await
    }

    /// Replaces the password. The old one stops working at once; other devices stay signed in.
    ///
    /// ```no_run
    /// use subrosa_client::ClientError;
    ///
    /// # async fn example(client: subrosa_client::Client, old: String, new: String) -> Result<(), subrosa_client::ClientError> {
    /// match client.change_password(&old, &new).await {
    ///     Err(ClientError::WrongPassword) => println!("the current password is another one"),
    ///     Err(ClientError::Password(reason)) => println!("choose another password: {reason}"),
    ///     answer => answer?,
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn change_password(&self, old: &str, new: &str) -> Result<(), ClientError> {
        let handle = self.handle();
        let old = prepared(old)?;
        let new = new_password(new, handle)?;
        let (signed_in, export_key) = prove_password(self.rest(), handle, old).await?;
        let vault = open_vault(&signed_in, &WrapKey::from(&export_key))?;
        set_password(self.rest(), handle, &signed_in, &vault, new).await
    }

    /// Replaces a forgotten password with the recovery code, which stays valid.
    ///
    /// ```no_run
    /// use subrosa_client::RecoveryCode;
    ///
    /// # async fn example(client: subrosa_client::Client, typed_code: String, new: String) -> Result<(), subrosa_client::ClientError> {
    /// let code = RecoveryCode::parse(&typed_code).expect("a recovery code");
    /// client.reset_password(&code, &new).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn reset_password(&self, code: &RecoveryCode, new: &str) -> Result<(), ClientError> {
        let handle = self.handle();
        let new = new_password(new, handle)?;
        let (signed_in, vault) = prove_recovery_code(self.rest(), handle, code).await?;
        set_password(self.rest(), handle, &signed_in, &vault, new).await
    }

    /// Makes a new recovery code, to be shown to the user; the old one, which is needed for it, stops working. The
    /// password does not change.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client, password: String, old_code: subrosa_client::RecoveryCode) -> Result<(), subrosa_client::ClientError> {
    /// let code = client.renew_recovery_code(&password, &old_code).await?;
    /// println!("write this down: {}", code.expose().as_str());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn renew_recovery_code(
        &self,
        password: &str,
        old_code: &RecoveryCode,
    ) -> Result<RecoveryCode, ClientError> {
        let (rest, handle) = (self.rest(), self.handle());
        // The password is set anew below: what was mistyped here must not become it.
        prove_password(rest, handle, prepared(password)?).await?;
        let (recovered, vault) = prove_recovery_code(rest, handle, old_code).await?;
        let registered = register_password(rest, handle, &recovered, prepared(password)?).await?;
        let (body, code) =
            account::password_and_code_change(&vault, &recovered, old_code, &registered, &mut SystemRandom)
                .map_err(|error| ClientError::ServerMisbehaved(error.to_string()))?;
        rest.finish_password(&recovered.proof, &body).await?;
        Ok(code)
    }

    async fn enrol(
        draft: Draft,
        rest: &Rest,
        server: &ServerUrl,
        handle: &Handle,
        signed_in: &SignedIn,
        vault: OpenVault,
        device_name: Option<DisplayName>,
    ) -> Result<Self, ClientError> {
        let (enrolment, identity) = account::enrol_device(&vault, ambient::now(), &mut SystemRandom);
        let engine = create_engine(&draft, handle, identity, vault, device_name)?;
        let tokens = rest.enrol_device(&signed_in.proof, &enrolment).await?;
        let client = Self::complete(draft, engine, server, tokens).await?;
        // The device enters itself in the vault: the account's other devices know it from there.
        if let Err(error) = client.vault_copy().store().await {
            tracing::info!(%error, "the vault is stored with the next connection");
        }
        Ok(client)
    }

    /// The last step: stores tokens and server, and turns the draft into a profile.
    async fn complete(
        draft: Draft,
        mut engine: Engine,
        server: &ServerUrl,
        tokens: Tokens,
    ) -> Result<Self, ClientError> {
        engine.set_setting(SERVER_SETTING, Some(server.to_string().as_bytes()))?;
        StoredTokens::new(tokens, ambient::now()).store(&mut engine)?;
        Self::start(draft.complete().await?, engine, server.clone())
    }
}

/// Opens the profile in a folder: takes its lock, and opens its engine. Returns its server, too.
pub(crate) async fn open_profile(folder: &Path) -> Result<(Profile, Engine, ServerUrl), ClientError> {
    let (profile, key) = Profile::open(folder).await?;
    let unusable = |reason: &str| ClientError::Profile {
        path: folder.to_owned(),
        reason: reason.to_owned(),
    };
    let database = Database::open(&profile.database_path(), &DatabaseKey::from_bytes(*key))
        .map_err(|error| unusable(&error.to_string()))?;
    let engine = Engine::open(database, Box::new(SystemRandom))?;
    let engine = engine.ok_or_else(|| unusable("its database holds no account"))?;
    let server = engine
        .setting(SERVER_SETTING)?
        .and_then(|bytes| std::str::from_utf8(&bytes).ok()?.parse().ok())
        .ok_or_else(|| unusable("its database names no server"))?;
    Ok((profile, engine, server))
}

fn create_engine(
    draft: &Draft,
    handle: &Handle,
    identity: DeviceIdentity,
    vault: OpenVault,
    device_name: Option<DisplayName>,
) -> Result<Engine, ClientError> {
    let database = Database::create(&draft.database_path(), &DatabaseKey::from_bytes(**draft.key()))
        .map_err(EngineError::from)?;
    let profile = NewProfile {
        handle: handle.clone(),
        identity,
        vault: vault.contents,
        vault_key: vault.key,
        vault_revision: vault.revision,
    };
    let device_id = profile.identity.certificate.device_id();
    let mut engine = Engine::create(database, &profile, Box::new(SystemRandom))?;
    if let Some(name) = device_name {
        let command = Command::NameDevice(device_id, Some(name.to_string()));
        engine.step(ambient::now(), Input::Command(command))?;
    }
    Ok(engine)
}

/// Checks that client and server speak the same version, and that this device's clock is not so wrong that what it
/// signs would be refused, before any secret is made.
async fn connect(server: &ServerUrl) -> Result<Rest, ClientError> {
    let rest = Rest::new(server.clone(), &Network::to(server)?)?;
    let info = rest.server_info().await?;
    if info.protocol_version != wire_limits::PROTOCOL_VERSION {
        return Err(ClientError::VersionMismatch {
            server: named_version(info.protocol_version),
            client: wire_limits::PROTOCOL_VERSION,
        });
    }
    match ClockDifference::between(ambient::now(), info.server_time) {
        Some(clock) if clock.by > CLOCK_DIFFERENCE_MAX => Err(ClientError::WrongClock(clock)),
        _ => Ok(rest),
    }
}

/// Creates the account at the server. If the answer is lost, the account may or may not exist, so the same request is
/// sent again: the server recognises a repetition (docs/adr/0007).
async fn finish_registration(rest: &Rest, body: &RegistrationFinish) -> Result<Tokens, ClientError> {
    let mut backoff = Backoff::default();
    for _ in 1..SIGN_UP_ATTEMPTS_MAX {
        match rest.finish_registration(body).await {
            Err(error) if may_have_arrived(&error) => {
                tracing::info!(%error, "the answer to a sign-up is missing");
                platform::sleep(backoff.next(&mut SystemRandom)).await;
            }
            answer => return answer,
        }
    }
    rest.finish_registration(body).await.map_err(|error| {
        if !may_have_arrived(&error) {
            return error;
        }
        ClientError::Unreachable {
            server: rest.server().to_string(),
            reason: format!(
                "{error} (the account may have been made: try to sign in; it has no recovery code then)"
            ),
        }
    })
}

/// Whether a request that failed in this way may have been carried out: there is no answer, or it is that of a proxy.
fn may_have_arrived(error: &ClientError) -> bool {
    matches!(error, ClientError::Unreachable { .. }) || error.is_refusal(ProblemCode::Unavailable)
}

/// Proves the password to the server, which never sees it, and receives the sealed vault.
async fn prove_password(
    rest: &Rest,
    handle: &Handle,
    password: Password,
) -> Result<(SignedIn, ExportKey), ClientError> {
    let (sign_in, credential_request) = SignIn::start(password, &mut SystemRandom)?;
    let body = SignInStart {
        handle: handle.clone(),
        credential_request: credential_request.into(),
    };
    let challenge = rest.start_sign_in(&body).await?;
    let (response, handle) = (challenge.credential_response, handle.clone());
    let (finalization, export_key) =
        compute(move || Ok(sign_in.finish(&response.0, &handle, &mut SystemRandom)?)).await?;
    let body = SignInFinish {
        attempt: challenge.attempt,
        credential_finalization: finalization.into(),
    };
    Ok((rest.finish_sign_in(&body).await?, export_key))
}

async fn prove_recovery_code(
    rest: &Rest,
    handle: &Handle,
    code: &RecoveryCode,
) -> Result<(SignedIn, OpenVault), ClientError> {
    let challenge = rest.start_recovery(handle).await?;
    let signature = account::recovery_signature(code, &challenge.nonce.0)
        .map_err(|error| ClientError::ServerMisbehaved(error.to_string()))?;
    let signed_in = rest
        .finish_recovery(&RecoveryFinish {
            attempt: challenge.attempt,
            signature,
        })
        .await?;
    let vault = open_vault(&signed_in, &code.wrap_key())?;
    Ok((signed_in, vault))
}

/// Sets a password with the proof of a sign-in or recovery.
async fn set_password(
    rest: &Rest,
    handle: &Handle,
    signed_in: &SignedIn,
    vault: &OpenVault,
    password: Password,
) -> Result<(), ClientError> {
    let registered = register_password(rest, handle, signed_in, password).await?;
    let body = account::password_change(vault, &registered, &mut SystemRandom);
    rest.finish_password(&signed_in.proof, &body).await
}

/// Runs the OPAQUE registration for an existing account.
async fn register_password(
    rest: &Rest,
    handle: &Handle,
    signed_in: &SignedIn,
    password: Password,
) -> Result<Registered, ClientError> {
    let (registration, registration_request) = Registration::start(password, &mut SystemRandom)?;
    let body = PasswordStart {
        registration_request: registration_request.into(),
    };
    let answer = rest.start_password(&signed_in.proof, &body).await?;
    finish(registration, answer.registration_response, handle.clone()).await
}

async fn finish(
    registration: Registration,
    response: Base64,
    handle: Handle,
) -> Result<Registered, ClientError> {
    compute(move || Ok(registration.finish(&response.0, &handle, &mut SystemRandom)?)).await
}

fn open_vault(signed_in: &SignedIn, way: &WrapKey) -> Result<OpenVault, ClientError> {
    account::open_vault(signed_in, way).map_err(|error| ClientError::ServerMisbehaved(error.to_string()))
}

fn prepared(typed: &str) -> Result<Password, ClientError> {
    Password::prepare(typed).map_err(|error| ClientError::Password(error.to_string()))
}

/// Checks a password that is to be set: one that is easy to guess is refused.
fn new_password(typed: &str, handle: &Handle) -> Result<Password, ClientError> {
    let password = prepared(typed)?;
    password
        .check_strength(handle)
        .map_err(|error| ClientError::Password(error.to_string()))?;
    Ok(password)
}

fn display_name(typed: &str) -> Result<DisplayName, ClientError> {
    clean_name(typed).map_err(|error| ClientError::Name(error.to_string()))
}

impl From<PasswordError> for ClientError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Refused => Self::WrongPassword,
            PasswordError::MalformedAnswer => Self::ServerMisbehaved(error.to_string()),
            PasswordError::Failed => Self::Password(error.to_string()),
        }
    }
}
