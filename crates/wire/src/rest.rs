//! The JSON bodies of the REST API under `/v1`: what happens outside a session (accounts, sign-in, vault,
//! devices), and the log for those who prefer pages to frames.

use serde::{Deserialize, Serialize};

use crate::{AccountId, ConversationId, DeviceId, Handle, SendId, Timestamp, base64_bytes::Base64};

macro_rules! body {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }
    )*};
}

body! {
    /// `GET /v1/server`: what a client must know before it signs in.
    ServerInfo {
        /// Version of the server software.
        version: String,
        /// The version of the WebSocket protocol that the server speaks.
        protocol_version: u32,
        /// Whether `POST /v1/registration/start` takes new accounts.
        registration_open: bool,
        /// The server's clock, so that a client with a wrong one can say so.
        server_time: Timestamp,
    }

    // ---- sign-up ----

    /// `POST /v1/registration/start`.
    RegistrationStart {
        /// The handle wanted.
        handle: Handle,
        /// OPAQUE RegistrationRequest (RFC 9807, section 5.1).
        registration_request: Base64,
    }

    /// The answer to it, and to `POST /v1/password/start`.
    RegistrationChallenge {
        /// OPAQUE RegistrationResponse.
        registration_response: Base64,
    }

    /// `POST /v1/registration/finish`: makes account, first device and session in one step.
    RegistrationFinish {
        /// The same handle as before.
        handle: Handle,
        /// Made by the client, random.
        account_id: AccountId,
        /// Ed25519 public key of the account.
        account_key: Base64,
        /// OPAQUE RegistrationRecord.
        registration_record: Base64,
        /// The first contents of the vault and the ways to open it.
        vault: SealedVault,
        /// The vault key, wrapped by the OPAQUE export key.
        password_wrap: Base64,
        /// How a recovery code is checked, and the vault key wrapped by it.
        recovery: Recovery,
        /// The first device.
        device: Enrolment,
    }

    /// What the server keeps of a recovery code: nothing that could be guessed from it.
    Recovery {
        /// Ed25519 public key derived from the recovery code.
        public_key: Base64,
        /// The vault key, wrapped by a key derived from the recovery code.
        wrap: Base64,
    }

    /// A device that wants to become one of the account.
    Enrolment {
        /// Device certificate, signed by the account key.
        certificate: Base64,
        /// By the device key over "subrosa enrolment v1" and the certificate: the device holds its key.
        signature: Base64,
    }

    /// The vault as the server holds it.
    SealedVault {
        /// 1 at sign-up, one more with each change.
        revision: u64,
        /// Sealed by the vault key.
        ciphertext: Base64,
    }

    // ---- sign-in ----

    /// `POST /v1/sign-in/start`.
    SignInStart {
        /// Whose account.
        handle: Handle,
        /// OPAQUE KE1 (RFC 9807, section 6.1).
        credential_request: Base64,
    }

    /// The answer to it. It looks the same whether the handle exists or not.
    SignInChallenge {
        /// Names this attempt in the next step.
        attempt: Base64,
        /// OPAQUE KE2.
        credential_response: Base64,
    }

    /// `POST /v1/sign-in/finish`.
    SignInFinish {
        /// The attempt.
        attempt: Base64,
        /// OPAQUE KE3.
        credential_finalization: Base64,
    }

    /// The answer to it and to `POST /v1/recovery/finish`: all that a new device needs to open the vault.
    SignedIn {
        /// Bearer token for `POST /v1/devices` and `POST /v1/password/…`; valid five minutes, once each.
        proof: String,
        /// The account.
        account_id: AccountId,
        /// Its public key, to be compared with the one in the vault.
        account_key: Base64,
        /// The vault.
        vault: SealedVault,
        /// The vault key, wrapped by the way of this sign-in (export key or recovery code).
        wrap: Base64,
    }

    /// `POST /v1/recovery/start`.
    RecoveryStart {
        /// Whose account.
        handle: Handle,
    }

    /// The answer to it. It looks the same whether the handle exists or not.
    RecoveryChallenge {
        /// Names this attempt in the next step.
        attempt: Base64,
        /// 32 random bytes to be signed.
        nonce: Base64,
    }

    /// `POST /v1/recovery/finish`.
    RecoveryFinish {
        /// The attempt.
        attempt: Base64,
        /// By the key of the recovery code over "subrosa recovery v1" and the nonce.
        signature: Base64,
    }

    /// `POST /v1/password/start`, with the proof of a sign-in or recovery as bearer token.
    PasswordStart {
        /// OPAQUE RegistrationRequest for the new password.
        registration_request: Base64,
    }

    /// `POST /v1/password/finish`, with the same bearer token. The old password is locked out at once.
    PasswordFinish {
        /// OPAQUE RegistrationRecord for the new password.
        registration_record: Base64,
        /// The vault key, wrapped by the new export key.
        password_wrap: Base64,
        /// A new recovery code, if the old one is to be replaced.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        recovery: Option<Recovery>,
    }

    // ---- devices and sessions ----

    /// A signed-in device's tokens: the answer to `POST /v1/registration/finish`, `POST /v1/devices`
    /// (whose body is an Enrolment, with the proof as bearer token) and `POST /v1/sessions/refresh`.
    Tokens {
        /// JWT (RFC 7519), EdDSA, 15 minutes. Empty in the answer to a repeated registration: refresh first.
        access_token: String,
        /// When it ends.
        access_expires_at: Timestamp,
        /// Opaque, 30 days, replaced at each use.
        refresh_token: String,
        /// When it ends.
        refresh_expires_at: Timestamp,
    }

    /// `POST /v1/sessions/challenge`.
    RefreshStart {
        /// The device that wants to refresh.
        device_id: DeviceId,
    }

    /// The answer to it, the same for devices that do not exist.
    RefreshChallenge {
        /// 32 random bytes, good once.
        nonce: Base64,
    }

    /// `POST /v1/sessions/refresh`.
    RefreshFinish {
        /// The device.
        device_id: DeviceId,
        /// The newest refresh token it holds.
        refresh_token: String,
        /// From the challenge.
        nonce: Base64,
        /// By the device key over "subrosa refresh v1", nonce and SHA-256 of the refresh token.
        signature: Base64,
    }

    /// A device in `GET /v1/devices`.
    Device {
        /// Its id.
        device_id: DeviceId,
        /// Its certificate: clients check it, the server's word is not enough.
        certificate: Base64,
        /// When it signed in.
        created_at: Timestamp,
        /// When it was last connected, rounded down to the hour.
        last_seen_at: Timestamp,
        /// Whether it is the one that asks.
        current: bool,
    }

    /// `GET /v1/devices`.
    Devices {
        /// Signed-in devices, oldest first. `DELETE /v1/devices/{device_id}` signs one out.
        devices: Vec<Device>,
    }

    // ---- directory and vault ----

    /// A person in the directory.
    Person {
        /// The account.
        account_id: AccountId,
        /// Its handle.
        handle: Handle,
        /// Ed25519 public key of the account.
        account_key: Base64,
    }

    /// `GET /v1/people?handle_prefix=…`.
    People {
        /// In the order of their handles.
        people: Vec<Person>,
    }

    /// `GET /v1/vault`, and `PUT /v1/vault` with revision one higher than the one it replaces.
    Vault {
        /// The vault.
        vault: SealedVault,
    }

    // ---- the log ----

    /// An entry of the log.
    LogEntry {
        /// Its place.
        seq: u64,
        /// The sender's id for it.
        send_id: SendId,
        /// When the server stored it.
        accepted_at: Timestamp,
        /// MLSMessage: a PrivateMessage, or a PublicMessage with a commit.
        mls_message: Base64,
    }

    /// `GET /v1/conversations/{conversation_id}/log?after_seq=…&limit=…`.
    LogPage {
        /// The conversation.
        conversation_id: ConversationId,
        /// Ascending, without gaps.
        entries: Vec<LogEntry>,
        /// The newest seq.
        head_seq: u64,
    }
}

/// Labels of what keys sign in this API; each signature is over label and message (see `mls`' keys).
pub mod signing_labels {
    /// By a device key over its certificate.
    pub const ENROLMENT: &str = "subrosa enrolment v1";
    /// By the key of a recovery code over a nonce.
    pub const RECOVERY: &str = "subrosa recovery v1";
    /// By a device key over a nonce and the SHA-256 of the refresh token.
    pub const REFRESH: &str = "subrosa refresh v1";
}
