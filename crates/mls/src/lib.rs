//! The only door to OpenMLS: suites, certificates, policy, groups, the public-group view.
//!
//! Whatever the rest of Subrosa knows of MLS (RFC 9420) it knows through the types here, and none
//! of OpenMLS's own is among them. The crate owns no state: it works on a [`KeyValue`] that the
//! caller opens a transaction on, takes the time and the random source as arguments, and does no
//! IO.
//!
//! A device works with [`Mls`] and [`Group`]. A server works with [`peek()`] and [`PublicView`].
//! Both hold every commit against the same rules, [`PolicyError`] names the broken one.

pub mod limits;
mod suite;

mod keys;

mod certificate;
mod policy;

mod device;
mod group;
mod join;
mod key_package;
mod process;

pub mod padding;
mod rules;

mod peek;
mod public_view;

mod cbor;
mod codec;
mod crypto;
mod provider;
mod storage;
mod store;

pub use certificate::{CERTIFICATE_LEN, CertificateError, DeviceCertificate, UnverifiedCertificate};
pub use codec::{GroupInfoError, Malformed};
pub use device::{DeviceIdentity, Mls};
pub use group::{CommitBundle, CommitError, CommitPlan, EncryptError, Group, Member};
pub use join::{JoinError, StagedExternalJoin, StagedJoin};
pub use key_package::{
    KeyPackageError, VerifiedKeyPackage, key_package_id, verify_key_package, verify_uploaded_key_package,
};
pub use keys::{
    AccountPublicKey, AccountSigningKey, DevicePublicKey, DeviceSigningKey, InvalidPublicKey,
    InvalidSignature, KEY_LEN, SIGNATURE_LEN,
};
pub use peek::{Envelope, MessageKind, PeekError, peek};
pub use policy::{ConversationKind, GroupPolicy, InvalidPolicy};
pub use process::{CommitSender, Decrypted, ProcessError, Received, StagedCommit};
pub use provider::MlsError;
pub use public_view::{CommitEffect, PublicView, ViewError};
pub use rules::PolicyError;
pub use store::{KeyValue, KeyValueError, MemoryStore, group_prefix};
pub use suite::{CERTIFICATE_CREDENTIAL, CLASSICAL_SUITE, POLICY_EXTENSION, SUITE};
