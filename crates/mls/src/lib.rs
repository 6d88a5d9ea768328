//! Our interface to OpenMLS: suites, certificates, policy, groups, the public-group view.
//!
//! The rest of Subrosa uses MLS (RFC 9420) only through the types here, and no type of OpenMLS is
//! among them. The crate owns no state: it works on a [`KeyValue`] on which the caller has opened a
//! transaction, takes the time and the random source as arguments, and does no IO.
//!
//! A device uses [`Mls`] and [`Group`], a server [`peek()`] and [`PublicView`]. Both check every
//! commit against the same rules; [`PolicyError`] names the broken one.

pub mod limits;
mod suite;

mod account;
mod keys;

mod certificate;
mod link;
mod policy;

mod device;
mod group;
mod join;
mod key_package;
mod process;

pub mod padding;
mod rules;
mod tree_keys;

mod chain;
mod peek;
mod public_view;
mod welcome;

mod cbor;
mod codec;
mod crypto;
mod provider;
mod storage;
mod store;

pub use account::{
    AccountIdentity, InvalidAccountIdentity, InvalidSuccessionKeyHash, SUCCESSION_KEY_HASH_LEN,
    SuccessionKeyHash,
};
pub use certificate::{CERTIFICATE_LEN, CertificateError, DeviceCertificate, UnverifiedCertificate};
pub use chain::{ChainedEntry, EntryKind, LOG_CLAIM_LEN, LOG_HASH_LEN, LogClaim, LogHash, payload_hash};
pub use codec::{GroupInfoError, Malformed};
pub use device::{DeviceIdentity, Mls};
pub use group::{CommitBundle, CommitError, CommitPlan, EncryptError, Group, LeaveError, Member, Transcript};
pub use join::{JoinError, StagedExternalJoin, StagedJoin, WelcomeKey};
pub use key_package::{
    KeyPackageError, VerifiedKeyPackage, key_package_id, verify_key_package, verify_uploaded_key_package,
};
pub use keys::{
    AccountPublicKey, AccountSigningKey, DevicePublicKey, DeviceSigningKey, InvalidPublicKey,
    InvalidSignature, KEY_LEN, LinkPublicKey, LinkSigningKey, SIGNATURE_LEN, SuccessionPublicKey,
    SuccessionSigningKey,
};
pub use link::{InvalidLink, LINK_SEED_LEN, LINK_SIGNATURE_LEN, LinkSecret, LinkSignature};
pub use padding::InvalidPadding;
pub use peek::{Envelope, MessageKind, PeekError, peek, removed_leaves};
pub use policy::{
    ConversationKind, FIRST_FOUNDING, GroupPolicy, InvalidPolicy, InviteLink, Rights, Role,
    change::NotPermitted,
};
pub use process::{CommitSender, Decrypted, Leaving, MemberFault, ProcessError, Received, StagedCommit};
pub use provider::MlsError;
pub use public_view::{CommitEffect, PublicView, ViewError};
pub use rules::{AccountsChanged, PolicyError};
pub use store::{KeyValue, KeyValueError, MemoryStore, group_prefix};
pub use suite::{CERTIFICATE_CREDENTIAL, CLASSICAL_SUITE, POLICY_EXTENSION, SELF_REMOVE_PROPOSAL, SUITE};
pub use welcome::WelcomeParts;
