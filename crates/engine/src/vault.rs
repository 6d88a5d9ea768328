//! This device's copy of the vault. The host uploads its changes to the server.

use rusqlite::Connection;
use subrosa_wire::{AccountId, Handle};

use crate::{
    account::vault::{CONTACTS_MAX, VaultContents, VaultKey},
    api::{EngineError, Event},
    content::DisplayName,
    context::{Context, StepResult},
    database::DatabaseError,
    store::{
        corrupt,
        profile::{self, ProfileRow},
    },
};

/// Adds a person to the vault, for this account's other devices, with the handle if it is known.
pub(crate) fn add_contact(cx: &mut Context<'_>, account: AccountId, handle: Option<&Handle>) -> StepResult {
    change(cx, |contents| {
        // The server would refuse a larger vault. This device still knows the person.
        let has_room = contents.contacts.len() < CONTACTS_MAX;
        if has_room || contents.contacts.contains_key(&account) {
            contents.contacts.insert(account, handle.cloned());
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

/// Our display name, as it is stored.
pub(crate) fn own_name(conn: &Connection) -> Result<Option<String>, EngineError> {
    let row =
        profile::load(conn)?.ok_or_else(|| EngineError::Inconsistent("the profile vanished".to_owned()))?;
    Ok(contents_of(&row)?
        .display_name
        .as_ref()
        .map(DisplayName::to_string))
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

/// The vault's contents in a profile.
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
