//! This device's copy of the vault. The host uploads its changes to the server.

use rusqlite::Connection;
use subrosa_wire::{AccountId, DeviceId, Timestamp, rest};

use crate::{
    account::vault::{CONTACTS_MAX, VaultContact, VaultContents, VaultKey},
    api::{CommandError, EngineError, Event},
    content::DisplayName,
    context::{Context, StepResult},
    database::DatabaseError,
    devices, directory,
    misbehaviour::Misbehaviour,
    profile_objects,
    store::{
        contacts, conversations, corrupt,
        profile::{self, ProfileRow},
    },
};

/// A vault to be stored at the server.
#[derive(Debug, Clone)]
pub struct VaultToPut {
    /// What the server gets.
    pub sealed: rest::SealedVault,
    /// How many changes are in it.
    pub(crate) changes: u64,
}

/// Writes what is known about a person into the vault, for this account's other devices.
pub(crate) fn write_contact(cx: &mut Context<'_>, account: AccountId) -> StepResult {
    let Some(contact) = contacts::find(cx.conn, account)? else {
        return Ok(());
    };
    let entry = VaultContact {
        handle: contact.handle,
        former_handle: contact.former_handle,
        moves: contacts::handle_moves(cx.conn, account)?,
    };
    change(cx, |contents| {
        // The server would refuse a larger vault. This device still knows the person.
        let has_room = contents.contacts.len() < CONTACTS_MAX;
        if has_room || contents.contacts.contains_key(&account) {
            contents.contacts.insert(account, entry);
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
    change(cx, |contents| {
        contents.display_name = name;
        contents.display_name_changes = contents.display_name_changes.saturating_add(1);
    })
}

/// Enters this device, if it is not entered.
pub(crate) fn enter_this_device(cx: &mut Context<'_>) -> StepResult {
    let (me, now) = (cx.me.device_id, cx.now);
    enter_devices(cx, &[me], now)
}

/// Enters devices that are not entered.
pub(crate) fn enter_devices(cx: &mut Context<'_>, ids: &[DeviceId], now: Timestamp) -> StepResult {
    let contents = contents(cx)?;
    let missing: Vec<_> = ids.iter().filter(|id| !contents.has_device(**id)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    change(cx, |contents| {
        for id in missing {
            contents.add_device(*id, now);
        }
    })
}

/// Names a device of this account.
pub(crate) fn name_device(cx: &mut Context<'_>, device: DeviceId, name: Option<DisplayName>) -> StepResult {
    if device == cx.me.device_id {
        enter_this_device(cx)?;
    }
    if !contents(cx)?.has_device(device) {
        return Err(CommandError::UnknownDevice.into());
    }
    change(cx, |contents| contents.name_device(device, name))
}

/// Notes that a device of this account was signed out.
pub(crate) fn sign_device_out(cx: &mut Context<'_>, device: DeviceId) -> StepResult {
    if !contents(cx)?.has_device(device) {
        return Ok(());
    }
    change(cx, |contents| contents.sign_device_out(device))
}

/// Merges what another device of this account has stored at the server, unless it is older than what was seen before.
/// What is still to be stored afterwards is the host's to store.
pub(crate) fn merge(cx: &mut Context<'_>, theirs: &VaultContents, revision: u64) -> StepResult {
    let row = row(cx)?;
    if revision < row.vault_newest {
        cx.misbehaved(
            None,
            Misbehaviour::VaultRolledBack {
                revision,
                newest: row.vault_newest,
            },
        );
        // Stored over it: otherwise a server that has lost a revision could never store this vault again.
        profile::set_vault_revision(cx.conn, revision, true)?;
        cx.event(Event::VaultChanged);
        return Ok(());
    }
    for (account, contact) in &theirs.contacts {
        if *account != cx.me.account_id {
            cx.about_person(|cx| directory::merge_contact(cx, *account, contact))?;
        }
    }
    let ours = contents(cx)?;
    let is_renamed = theirs.display_name_changes > ours.display_name_changes;
    if is_renamed {
        cx.me.name = theirs.display_name.as_ref().map(DisplayName::to_string);
        conversations::forget_name_sent(cx.conn)?;
    }
    change(cx, |contents| {
        contents.merge_devices(&theirs.devices);
        if theirs.display_name_changes > contents.display_name_changes {
            contents.display_name.clone_from(&theirs.display_name);
            contents.display_name_changes = theirs.display_name_changes;
        }
    })?;
    if is_renamed {
        profile_objects::renamed_elsewhere(cx)?;
    }
    cx.connection.vault_fetched();
    devices::judge(cx, devices::Judging::AfterFetch)?;
    let is_same = *contents(cx)?.encode() == *theirs.encode();
    Ok(profile::set_vault_revision(cx.conn, revision, !is_same)?)
}

/// The contents.
pub(crate) fn contents(cx: &Context<'_>) -> StepResult<VaultContents> {
    Ok(contents_of(&row(cx)?)?)
}

fn row(cx: &Context<'_>) -> StepResult<ProfileRow> {
    profile::load(cx.conn)?.ok_or_else(|| EngineError::Inconsistent("the profile vanished".to_owned()))
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
    let before = row(cx)?.vault;
    let mut contents = VaultContents::decode(&before).map_err(|_| corrupt("the vault"))?;
    change(&mut contents);
    let after = contents.encode();
    if *after != *before {
        profile::set_vault(cx.conn, &after)?;
        cx.event(Event::VaultChanged);
    }
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
