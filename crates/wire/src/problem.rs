//! Problems: what can go wrong at the server, each with a stable code.
//!
//! Over REST a problem is an RFC 9457 document, over the WebSocket a `Problem` frame; both carry the same
//! code. Codes are part of the protocol: they are added, never renamed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The media type of a problem document (RFC 9457, section 3).
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

macro_rules! problem_codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:literal, $title:literal;)*) => {
        /// A stable problem code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ProblemCode {
            $($(#[$doc])* $name,)*
        }

        impl ProblemCode {
            /// Every code there is.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code as it is sent.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The HTTP status that goes with it.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// One line for people.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// The code with this text.
            pub fn parse(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$name),)* _ => None }
            }
        }
    };
}

problem_codes! {
    // The request itself.
    /// It cannot be read, or breaks a rule that the detail names.
    MalformedRequest = "malformed_request", 400, "the request is malformed";
    /// A frame with a request this server does not know.
    UnknownRequest = "unknown_request", 400, "this server does not know the request";
    /// A protocol version that this server does not speak.
    UnsupportedVersion = "unsupported_version", 426, "client and server speak different versions";
    /// Exceeds a limit of limits.rs.
    TooLarge = "too_large", 413, "the request is too large";
    /// The path does not exist.
    NotFound = "not_found", 404, "there is nothing here";
    /// The path does not support this method.
    MethodNotAllowed = "method_not_allowed", 405, "this method is not possible here";
    /// Too many requests; `retry_after_ms` says when to try again.
    RateLimited = "rate_limited", 429, "too many requests, try again later";

    // Authentication.
    /// No token, or one that is malformed, expired, foreign or tampered with.
    Unauthenticated = "unauthenticated", 401, "sign in first";
    /// Wrong handle, password, recovery code or proof; the server does not say which.
    SignInFailed = "sign_in_failed", 401, "handle or password is wrong";
    /// A refresh token was used twice, so the session has ended.
    TokenReused = "token_reused", 401, "the session was ended because its token was used twice";
    /// The nonce of a refresh is unknown, used or too old. Request a new one; the session is not affected.
    ChallengeExpired = "challenge_expired", 409, "the challenge is not valid any more, ask for a new one";
    /// The device was signed out.
    DeviceSignedOut = "device_signed_out", 401, "this device was signed out";
    /// Authenticated, but not allowed.
    Forbidden = "forbidden", 403, "this is not allowed";

    // Accounts.
    /// The handle is in use.
    HandleTaken = "handle_taken", 409, "this handle is taken";
    /// No such account.
    UnknownAccount = "unknown_account", 404, "there is no such account";
    /// No such device.
    UnknownDevice = "unknown_device", 404, "there is no such device";
    /// The device certificate does not verify, or names somebody else.
    BadCertificate = "bad_certificate", 422, "the device certificate is not valid";
    /// A key, a signature or an OPAQUE message is not valid, though its encoding is.
    InvalidKeyMaterial = "invalid_key_material", 422, "a key, signature or password message is not valid";
    /// The account has the maximum number of devices.
    TooManyDevices = "too_many_devices", 409, "the account has too many devices";
    /// The vault was changed by another device in the meantime.
    VaultChanged = "vault_changed", 409, "the vault was changed by another device";
    /// The server does not accept new accounts.
    RegistrationClosed = "registration_closed", 403, "this server does not take new accounts";

    // Conversations.
    /// No such conversation, or not one of this device; the server does not say which.
    NotAMember = "not_a_member", 404, "there is no such conversation for this device";
    /// The two accounts already have a direct conversation; `conversation_id` names it.
    ConversationExists = "conversation_exists", 409, "this conversation exists already";
    /// Encrypted for another epoch than the head's.
    StaleEpoch = "stale_epoch", 409, "the conversation has moved on";
    /// The send number is not the next one.
    SendOutOfOrder = "send_out_of_order", 409, "an earlier message is missing";
    /// What the message or commit claims about the log is not what the log is.
    LogDisagrees = "log_disagrees", 409, "this device and the server have different messages";
    /// The server has just begun, and some devices that may know a later state were not heard of yet. Messages are taken.
    CommitsHeld = "commits_held", 409, "the conversation takes no changes until its devices were heard";
    /// The MLS message does not verify, or breaks the group's policy.
    InvalidMlsMessage = "invalid_mls_message", 422, "the message is not valid for this group";
    /// A key package does not verify, or is not this device's.
    InvalidKeyPackage = "invalid_key_package", 422, "the key package is not valid";
    /// The entries asked for are no longer kept.
    LogPruned = "log_pruned", 410, "these messages are no longer kept";
    /// The account has no device that could be added.
    NoKeyPackages = "no_key_packages", 409, "this person has no device that can be reached";

    // Invite links.
    /// No such invite link, or not one of this conversation.
    LinkInvalid = "link_invalid", 404, "there is no such invite link";
    /// The link was revoked.
    LinkRevoked = "link_revoked", 410, "this invite link was revoked";
    /// The link's time is over.
    LinkExpired = "link_expired", 410, "this invite link has expired";
    /// As many have come by the link as may.
    LinkUsedUp = "link_used_up", 410, "this invite link was used as often as it may be";
    /// The link lets nobody in by itself: one asks, and is added.
    LinkNeedsApproval = "link_needs_approval", 403, "by this invite link one asks to join";
    /// Others join the conversation by links; `retry_after_ms` says when to try again.
    NotYourTurn = "not_your_turn", 409, "others are joining: it is not your turn yet";
    /// The account is banned from the conversation.
    Banned = "banned", 403, "this account may not join";
    /// The group has as many devices as it may have.
    GroupFull = "group_full", 409, "the group is full";

    // The server.
    /// The server failed unexpectedly; its log has the cause.
    Internal = "internal", 500, "the server failed";
    /// Overloaded, draining, or its storage is full; try again.
    Unavailable = "unavailable", 503, "the server is not available, try again later";
    /// The storage is full: nothing was stored.
    StorageFull = "storage_full", 507, "the server's storage is full";
}

impl fmt::Display for ProblemCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A problem document (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProblemDocument {
    /// `urn:subrosa:problem:` and the code.
    #[serde(rename = "type")]
    pub type_uri: String,
    /// One line for people.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable code.
    pub code: String,
    /// What happened this time; never holds a secret.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// When to try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u32>,
}

impl ProblemDocument {
    /// The document for a code.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self {
            type_uri: format!("urn:subrosa:problem:{code}"),
            title: code.title().to_owned(),
            status: code.status(),
            code: code.as_str().to_owned(),
            detail: detail.into(),
            retry_after_ms: None,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_is_unique_and_reads_back() {
        let texts: HashSet<_> = ProblemCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), ProblemCode::ALL.len());
        for code in ProblemCode::ALL {
            assert_eq!(ProblemCode::parse(code.as_str()), Some(*code));
            assert!((400..600).contains(&code.status()), "{code}");
        }
    }

    #[test]
    fn a_problem_document_keeps_its_shape() {
        let document = ProblemDocument::new(ProblemCode::HandleTaken, "@alice is taken");
        assert_eq!(
            serde_json::to_string(&document).unwrap(),
            r#"{"type":"urn:subrosa:problem:handle_taken","title":"this handle is taken","status":409,"code":"handle_taken","detail":"@alice is taken"}"#
        );
    }
}
