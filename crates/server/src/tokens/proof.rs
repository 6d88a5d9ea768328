//! Proofs of a sign-in: short-lived bearer tokens that enrol one device and change the password once.
//!
//! They live in memory: after a restart the user signs in again.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use subrosa_wire::{Timestamp, limits::SIGN_IN_PROOF_LIFETIME};

use crate::{
    expiring::{ExpiringMap, Full},
    limits::SIGN_IN_PROOFS_MAX,
    random,
    store::accounts::AccountRecord,
};

/// By what an account was entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// The password.
    Password,
    /// The recovery code.
    RecoveryCode,
}

/// Who has signed in, and what the proof can still be used for.
#[derive(Debug, Clone)]
pub struct Proof {
    /// The account.
    pub account: AccountRecord,
    /// The credentials by which it was entered: when they change, the proof is void.
    pub revision: u64,
    /// By what the account was entered: a new recovery code takes the old one.
    pub entry: Entry,
    /// Whether it can still enrol a device.
    pub enrols: bool,
    /// Whether it can still change the password.
    pub changes_password: bool,
}

/// The proofs that are out.
pub struct Proofs {
    proofs: ExpiringMap<Proof>,
}

impl Default for Proofs {
    fn default() -> Self {
        Self {
            proofs: ExpiringMap::new(SIGN_IN_PROOFS_MAX, SIGN_IN_PROOF_LIFETIME),
        }
    }
}

impl Proofs {
    /// Gives out a proof for an account that was entered with the credentials of `revision`.
    pub fn give(
        &self,
        account: AccountRecord,
        revision: u64,
        entry: Entry,
        now: Timestamp,
    ) -> Result<String, Full> {
        let token = URL_SAFE_NO_PAD.encode(random::bytes::<32>());
        let proof = Proof {
            account,
            revision,
            entry,
            enrols: true,
            changes_password: true,
        };
        self.proofs.insert(key(&token), proof, now)?;
        Ok(token)
    }

    /// What a token proves; `None` if nothing.
    pub fn find(&self, token: &str, now: Timestamp) -> Option<Proof> {
        self.proofs.find(&key(token), now)
    }

    /// Uses the proof to enrol a device; `None` if it proves nothing or was used for that.
    pub fn use_to_enrol(&self, token: &str, now: Timestamp) -> Option<Proof> {
        self.proofs.change(&key(token), now, |proof| {
            std::mem::take(&mut proof.enrols).then(|| proof.clone())
        })?
    }

    /// Takes a use back, because nothing came of it.
    pub fn unuse_to_enrol(&self, token: &str, now: Timestamp) {
        self.proofs.change(&key(token), now, |proof| proof.enrols = true);
    }

    /// Uses the proof to change the password; `None` if it proves nothing or was used for that.
    pub fn use_to_change_password(&self, token: &str, now: Timestamp) -> Option<Proof> {
        self.proofs.change(&key(token), now, |proof| {
            std::mem::take(&mut proof.changes_password).then(|| proof.clone())
        })?
    }

    /// Takes a use back, because nothing came of it.
    pub fn unuse_to_change_password(&self, token: &str, now: Timestamp) {
        self.proofs
            .change(&key(token), now, |proof| proof.changes_password = true);
    }

    /// Lets the proof stand for the credentials that replaced those it was given for, by its own doing.
    pub fn carry_over(&self, token: &str, revision: u64, now: Timestamp) {
        self.proofs
            .change(&key(token), now, |proof| proof.revision = revision);
    }
}

/// Looked up by hash, so that the time of a look-up says nothing about the tokens that are out.
fn key(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
