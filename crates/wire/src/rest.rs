//! The JSON bodies of the REST API under `/v1`: everything outside the WebSocket (accounts, sign-in, vault, devices),
//! and the log in pages.

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
    /// The answer to `GET /v1/server`: what a client needs to know before it signs in.
    ServerInfo {
        /// Version of the server software.
        version: String,
        /// The version of the WebSocket protocol that the server speaks.
        protocol_version: u32,
        /// Whether `POST /v1/registration/start` accepts new accounts.
        registration_open: bool,
        /// The server's clock, so that a client whose clock is wrong can warn the user.
        server_time: Timestamp,
    }

    // ---- sign-up ----

    /// `POST /v1/registration/start`.
    RegistrationStart {
        /// The handle for the new account.
        handle: Handle,
        /// OPAQUE RegistrationRequest (RFC 9807, section 5.1).
        registration_request: Base64,
    }

    /// The answer to `POST /v1/registration/start` and `POST /v1/password/start`.
    RegistrationChallenge {
        /// OPAQUE RegistrationResponse.
        registration_response: Base64,
    }

    /// `POST /v1/registration/finish`: creates the account, its first device and a session in one step.
    RegistrationFinish {
        /// The same handle as before.
        handle: Handle,
        /// Ed25519 public key of the account. The account id is made from it and from the next field: the
        /// first 16 bytes of SHA-256 over 21 as eight bytes, "subrosa account id v1", and both.
        account_key: Base64,
        /// SHA-256 of the account's succession key, an Ed25519 public key.
        succession_key_hash: Base64,
        /// OPAQUE RegistrationRecord.
        registration_record: Base64,
        /// The first contents of the vault and the ways to open it.
        vault: SealedVault,
        /// The vault key, wrapped by the OPAQUE export key.
        password_wrap: Base64,
        /// What checks a recovery code, and the vault key wrapped by it.
        recovery: Recovery,
        /// The first device.
        device: Enrolment,
    }

    /// What the server stores about a recovery code. The code cannot be guessed from it.
    Recovery {
        /// Ed25519 public key derived from the recovery code.
        public_key: Base64,
        /// The vault key, wrapped by a key derived from the recovery code.
        wrap: Base64,
        /// The seed of the succession key, wrapped by another key derived from the recovery code.
        succession_wrap: Base64,
    }

    /// A new device of an account.
    Enrolment {
        /// Device certificate, signed by the account key. It carries both keys of the account, which must be the
        /// account that is being signed up or signed in to.
        certificate: Base64,
        /// Signature of the device key over "subrosa enrolment v1" and the certificate. Proves that the device holds
        /// its key.
        signature: Base64,
    }

    /// The vault as the server stores it.
    SealedVault {
        /// 1 at sign-up, then one higher with each change.
        revision: u64,
        /// Sealed by the vault key.
        ciphertext: Base64,
    }

    // ---- sign-in ----

    /// `POST /v1/sign-in/start`.
    SignInStart {
        /// The handle of the account.
        handle: Handle,
        /// OPAQUE KE1 (RFC 9807, section 6.1).
        credential_request: Base64,
    }

    /// The answer to `POST /v1/sign-in/start`. It looks the same whether or not the handle exists.
    SignInChallenge {
        /// Identifies this attempt in the next step.
        attempt: Base64,
        /// OPAQUE KE2.
        credential_response: Base64,
    }

    /// `POST /v1/sign-in/finish`.
    SignInFinish {
        /// The id of the attempt.
        attempt: Base64,
        /// OPAQUE KE3.
        credential_finalization: Base64,
    }

    /// The answer to `POST /v1/sign-in/finish` and `POST /v1/recovery/finish`: all that a new device needs to open the
    /// vault.
    SignedIn {
        /// Bearer token for `POST /v1/devices` and `POST /v1/password/…`. Valid for five minutes, once for each.
        proof: String,
        /// The account. The keys in the vault must be those that its id commits to.
        account_id: AccountId,
        /// The vault.
        vault: SealedVault,
        /// The vault key, wrapped by the OPAQUE export key or, after a recovery, by the recovery code.
        wrap: Base64,
        /// The seed of the succession key, wrapped by the recovery code. Only after a recovery.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        succession_wrap: Option<Base64>,
    }

    /// `POST /v1/recovery/start`.
    RecoveryStart {
        /// The handle of the account.
        handle: Handle,
    }

    /// The answer to `POST /v1/recovery/start`. It looks the same whether or not the handle exists.
    RecoveryChallenge {
        /// Identifies this attempt in the next step.
        attempt: Base64,
        /// 32 random bytes to sign.
        nonce: Base64,
    }

    /// `POST /v1/recovery/finish`.
    RecoveryFinish {
        /// The id of the attempt.
        attempt: Base64,
        /// Signature of the recovery code's key over "subrosa recovery v1" and the nonce.
        signature: Base64,
    }

    /// `POST /v1/password/start`, with the proof of a sign-in or recovery as bearer token.
    PasswordStart {
        /// OPAQUE RegistrationRequest for the new password.
        registration_request: Base64,
    }

    /// `POST /v1/password/finish`, with the same bearer token. The old password stops working at once.
    PasswordFinish {
        /// OPAQUE RegistrationRecord for the new password.
        registration_record: Base64,
        /// The vault key, wrapped by the new export key.
        password_wrap: Base64,
        /// A new recovery code, if it replaces the old one. Only with the proof of a recovery, because wrapping the
        /// seed of the succession key again takes the old code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        recovery: Option<Recovery>,
    }

    // ---- devices and sessions ----

    /// A signed-in device's tokens: the answer to `POST /v1/registration/finish`, `POST /v1/devices`
    /// (whose body is an Enrolment, with the proof as bearer token) and `POST /v1/sessions/refresh`.
    Tokens {
        /// JWT (RFC 7519), EdDSA, 15 minutes. Empty in the answer to a repeated registration: refresh first.
        access_token: String,
        /// When it expires.
        access_expires_at: Timestamp,
        /// Opaque, 30 days, replaced at each use.
        refresh_token: String,
        /// When it expires.
        refresh_expires_at: Timestamp,
    }

    /// `POST /v1/sessions/challenge`.
    RefreshStart {
        /// The device that wants to refresh.
        device_id: DeviceId,
    }

    /// The answer to `POST /v1/sessions/challenge`, the same for devices that do not exist.
    RefreshChallenge {
        /// 32 random bytes, valid once.
        nonce: Base64,
    }

    /// `POST /v1/sessions/refresh`.
    RefreshFinish {
        /// The device.
        device_id: DeviceId,
        /// The newest refresh token it holds.
        refresh_token: String,
        /// The nonce from the challenge.
        nonce: Base64,
        /// Signature of the device key over "subrosa refresh v1", the nonce and the SHA-256 of the refresh token.
        signature: Base64,
    }

    /// A device in `GET /v1/devices`.
    Device {
        /// Its id.
        device_id: DeviceId,
        /// Its certificate, which clients verify instead of trusting the server.
        certificate: Base64,
        /// When it signed in.
        created_at: Timestamp,
        /// When it was last connected, rounded down to the hour.
        last_seen_at: Timestamp,
        /// Whether it is the requesting device.
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
        /// The account. Its id is made from the two keys below, which clients check.
        account_id: AccountId,
        /// Its handle.
        handle: Handle,
        /// Ed25519 public key of the account.
        account_key: Base64,
        /// SHA-256 of the account's succession key.
        succession_key_hash: Base64,
    }

    /// `GET /v1/people?handle_prefix=…`.
    People {
        /// People in the order of their handles.
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
        /// Its number in the log.
        seq: u64,
        /// The id that the sender chose for it.
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
        /// Entries in ascending order, without gaps.
        entries: Vec<LogEntry>,
        /// The seq of the newest entry.
        head_seq: u64,
    }

    // ---- invite links ----

    /// `GET /v1/links/{link_id}`, for anybody: what a link leads to. A link that does not work any more is a problem that
    /// says why.
    InviteLink {
        /// The conversation, for the frames that join.
        conversation_id: ConversationId,
        /// Whether one only asks to join.
        needs_approval: bool,
        /// How many accounts are in the conversation.
        members: u32,
        /// What a member has sealed under the link's wrapping key.
        preview: Base64,
    }
}

/// Labels of the signatures in this API. Each covers its label and the message (see `mls::keys`).
pub mod signing_labels {
    /// A device key signs its certificate.
    pub const ENROLMENT: &str = "subrosa enrolment v1";
    /// The key of a recovery code signs a nonce.
    pub const RECOVERY: &str = "subrosa recovery v1";
    /// A device key signs a nonce and the SHA-256 of the refresh token.
    pub const REFRESH: &str = "subrosa refresh v1";
}
