//! The server's side of OPAQUE (RFC 9807): it helps a client to turn a password into a key, and checks that it
//! did, without learning either.

use opaque_ke::{
    CredentialFinalization, CredentialRequest, Identifiers, RegistrationRequest, RegistrationUpload,
    ServerLogin, ServerLoginParameters, ServerRegistration, ServerSetup,
};
use subrosa_wire::{
    Base64, Handle,
    password::{PasswordSuite, SERVER_IDENTITY},
};
use zeroize::Zeroizing;

use super::AccountError;
use crate::{
    random,
    store::{Store, StoreError},
};

/// Under this name the setup is stored.
const SETUP_SECRET: &str = "opaque_server_setup_v1";

/// The server's long-lived OPAQUE keys. Whoever has them and a record can try passwords offline; whoever has
/// only one of the two cannot.
pub(super) struct PasswordServer {
    setup: ServerSetup<PasswordSuite>,
    // Read for handles that do not exist, so that both cases do the same work.
    decoy_record: Vec<u8>,
}

/// What waits for the client's last message.
pub(super) struct PasswordAttempt(ServerLogin<PasswordSuite>);

impl PasswordServer {
    /// Loads the keys, and makes them the first time.
    pub(super) async fn open(store: &dyn Store) -> Result<Self, StoreError> {
        let fresh = ServerSetup::<PasswordSuite>::new(&mut random::rng());
        let fresh = Zeroizing::new(fresh.serialize().to_vec());
        let stored = store.server_secret(SETUP_SECRET, fresh).await?;
        let setup = ServerSetup::deserialize(&stored).map_err(|error| StoreError::InvalidRow {
            table: "server_secrets",
            reason: format!("the OPAQUE setup cannot be read: {error}"),
        })?;
        Ok(Self {
            decoy_record: decoy_record(&setup),
            setup,
        })
    }

    /// Answers a `RegistrationRequest`, for a new account or a new password.
    pub(super) fn start_registration(
        &self,
        handle: &Handle,
        request: &Base64,
    ) -> Result<Base64, AccountError> {
        let request = RegistrationRequest::deserialize(&request.0)
            .map_err(|_| invalid("registration_request is not an OPAQUE RegistrationRequest"))?;
        let started = ServerRegistration::start(&self.setup, request, handle.as_str().as_bytes())
            .map_err(|_| invalid("registration_request is not usable"))?;
        Ok(Base64(started.message.serialize().to_vec()))
    }

    /// Answers a `CredentialRequest`. Without a record the answer is made up, and nobody can tell.
    pub(super) fn start_sign_in(
        &self,
        handle: &Handle,
        record: Option<&[u8]>,
        request: &Base64,
    ) -> Result<(PasswordAttempt, Base64), AccountError> {
        let request = CredentialRequest::deserialize(&request.0)
            .map_err(|_| invalid("credential_request is not an OPAQUE KE1"))?;
        let registration =
            ServerRegistration::deserialize(record.unwrap_or(&self.decoy_record)).map_err(|error| {
                StoreError::InvalidRow {
                    table: "accounts",
                    reason: format!("the password record cannot be read: {error}"),
                }
            })?;
        let started = ServerLogin::start(
            &mut random::rng(),
            &self.setup,
            record.is_some().then_some(registration),
            request,
            handle.as_str().as_bytes(),
            parameters(handle),
        )
        .map_err(|_| invalid("credential_request is not usable"))?;
        let response = Base64(started.message.serialize().to_vec());
        Ok((PasswordAttempt(started.state), response))
    }
}

impl PasswordAttempt {
    /// Checks the client's last message: whoever made it knows the password.
    pub(super) fn finish(self, handle: &Handle, finalization: &Base64) -> Result<(), AccountError> {
        let finalization = CredentialFinalization::deserialize(&finalization.0)
            .map_err(|_| invalid("credential_finalization is not an OPAQUE KE3"))?;
        self.0
            .finish(finalization, parameters(handle))
            .map(drop)
            .map_err(|_| AccountError::SignInFailed)
    }
}

/// A record as it will be stored; what a client sends is checked by its form, more is not possible.
pub(super) fn checked_record(record: &Base64) -> Result<Vec<u8>, AccountError> {
    let upload = RegistrationUpload::<PasswordSuite>::deserialize(&record.0)
        .map_err(|_| invalid("registration_record is not an OPAQUE RegistrationRecord"))?;
    Ok(ServerRegistration::finish(upload).serialize().to_vec())
}

fn parameters(handle: &Handle) -> ServerLoginParameters<'_, '_> {
    ServerLoginParameters {
        context: None,
        identifiers: Identifiers {
            client: Some(handle.as_str().as_bytes()),
            server: Some(SERVER_IDENTITY),
        },
    }
}

/// A record of the right form that belongs to nobody: a public key, then masking key and envelope of zeroes
/// (RFC 9807, section 4.1.1).
fn decoy_record(setup: &ServerSetup<PasswordSuite>) -> Vec<u8> {
    /// SHA-512, then nonce and tag of the envelope.
    const MASKING_KEY_AND_ENVELOPE_LEN: usize = 64 + 32 + 64;
    let mut record = setup.keypair().public().serialize().to_vec();
    record.resize(record.len() + MASKING_KEY_AND_ENVELOPE_LEN, 0);
    record
}

fn invalid(what: &str) -> AccountError {
    AccountError::InvalidKeyMaterial(what.to_owned())
}
