//! The vault as this device holds it: what changes in it is put to the server by the host.

use subrosa_mls::AccountPublicKey;
use subrosa_wire::{AccountId, rest};

use crate::{
    account::vault::{CONTACTS_MAX, VaultContents, VaultKey},
    api::{EngineError, Event, Warning},
    content::DisplayName,
    context::{Context, StepResult},
    database::DatabaseError,
    directory,
    store::{
        contacts, corrupt,
        profile::{self, ProfileRow},
    },
};

/// Notes a person's key in the vault, for this account's other devices.
pub(crate) fn add_contact(cx: &mut Context<'_>, account: AccountId, key: &AccountPublicKey) -> StepResult {
    change(cx, |contents| {
        // Beyond its bound the vault would be refused; the key stays pinned on this device.
        if contents.contacts.len() < CONTACTS_MAX {
            contents.contacts.insert(account, *key);
        }
    })
}

/// Stores our display name, changed here or by another device of this account.
pub(crate) fn set_own_name(cx: &mut Context<'_>, name: Option<DisplayName>) -> StepResult {
    let text = name.as_ref().map(DisplayName::to_string);
    if cx.me.name == text {
        return Ok(());
    }
    cx.me.name = text;
    change(cx, |contents| contents.display_name = name)
}

/// Takes over what another device has put into the vault; ours stays to be put.
pub(crate) fn merge(cx: &mut Context<'_>, sealed: &rest::SealedVault, theirs: &VaultContents) -> StepResult {
    for (account, key) in &theirs.contacts {
        if *account == cx.me.account_id {
            continue;
        }
        match contacts::find(cx.conn, *account)? {
            Some(contact) if contact.account_key != *key => {
                cx.warn(Warning::AccountKeyChanged(*account));
            }
            Some(_) => {}
            None => directory::pin(cx, *account, key)?,
        }
    }
    Ok(profile::set_vault_revision(cx.conn, sealed.revision, true)?)
}

fn change(cx: &mut Context<'_>, change: impl FnOnce(&mut VaultContents)) -> StepResult {
    let row = profile::load(cx.conn)?
        .ok_or_else(|| EngineError::Inconsistent("the profile vanished".to_owned()))?;
    let mut contents = contents_of(&row)?;
    change(&mut contents);
    profile::set_vault(cx.conn, &contents.encode())?;
    cx.event(Event::VaultChanged);
    Ok(())
}

/// The contents of the vault in a profile.
pub(crate) fn contents_of(row: &ProfileRow) -> Result<VaultContents, DatabaseError> {
    VaultContents::decode(&row.vault).map_err(|_| corrupt("the vault"))
}

/// The key of the vault in a profile.
pub(crate) fn key_of(row: &ProfileRow) -> Result<VaultKey, DatabaseError> {
    let bytes = row
        .vault_key
        .as_slice()
        .try_into()
        .map_err(|_| corrupt("the vault key"))?;
    Ok(VaultKey::from_bytes(bytes))
}
