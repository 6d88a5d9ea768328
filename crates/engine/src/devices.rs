//! The devices of this account: what the vault says of them, what the server and the groups say, and what the user has
//! been told.
//!
//! The vault's list is written by the devices themselves, so that a server can neither hide one nor slip one in. Where
//! the two differ, the vault is fetched first and some time is left: a device that has just signed in enters itself a
//! moment later, and one that signs another out writes that down a moment later.

use std::collections::BTreeSet;

use rusqlite::Connection;
use subrosa_mls::DeviceCertificate;
use subrosa_wire::DeviceId;

use crate::{
    account::vault::VaultContents,
    api::{Event, Warning},
    context::{Context, StepResult},
    limits::{DEVICE_GRACE, OWN_DEVICES_MAX},
    store::own_devices::{self, DeviceState, OwnDevice},
    vault,
};

/// When the devices are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judging {
    /// The vault was just fetched.
    AfterFetch,
    /// The vault was fetched some time ago, or could not be.
    Otherwise,
}

/// Notes in a new profile that none of the devices that the vault names is news.
pub(crate) fn insert_known(
    conn: &Connection,
    this: &DeviceCertificate,
    contents: &VaultContents,
) -> StepResult {
    for device in contents
        .devices
        .keys()
        .filter(|device| **device != this.device_id())
    {
        own_devices::set(conn, *device, DeviceState::Known, this.not_before())?;
    }
    Ok(())
}

/// Handles the list of signed-in devices, which Sync has just brought.
pub(crate) fn listed(cx: &mut Context<'_>) -> StepResult {
    if vault::contents(cx)?.devices.is_empty() {
        // Written before vaults had a list: what the server lists begins it.
        let listed: Vec<_> = cx.connection.own_devices().iter().copied().collect();
        for device in &listed {
            if *device != cx.me.device_id {
                own_devices::set(cx.conn, *device, DeviceState::Known, cx.now)?;
            }
        }
        vault::enter_devices(cx, &listed, cx.now)?;
    }
    vault::enter_this_device(cx)?;
    judge_and_ask(cx)
}

/// The time has come to look again.
pub(crate) fn tick(cx: &mut Context<'_>) -> StepResult {
    if cx.connection.devices_at.is_none_or(|at| at > cx.now) {
        return Ok(());
    }
    judge_and_ask(cx)
}

fn judge_and_ask(cx: &mut Context<'_>) -> StepResult {
    judge(cx, Judging::Otherwise)?;
    if cx.connection.devices_at.is_some() {
        let now = cx.now;
        cx.connection.vault_asked_at.get_or_insert(now);
        cx.event(Event::VaultWanted);
    }
    Ok(())
}

/// Notes that a device of this account is in a conversation.
pub(crate) fn seen_in_group(cx: &mut Context<'_>, device: DeviceId) -> StepResult {
    if device == cx.me.device_id || own_devices::find(cx.conn, device)?.is_some() || is_full(cx)? {
        return Ok(());
    }
    own_devices::set(cx.conn, device, DeviceState::UnknownYet, cx.now)?;
    if cx.connection.synced {
        judge_and_ask(cx)?;
    }
    Ok(())
}

fn is_full(cx: &Context<'_>) -> StepResult<bool> {
    Ok(own_devices::count(cx.conn)? >= OWN_DEVICES_MAX)
}

/// Compares vault and server, tells the user what is news, and notes when to look again.
pub(crate) fn judge(cx: &mut Context<'_>, judging: Judging) -> StepResult {
    cx.connection.devices_at = None;
    if !cx.connection.synced {
        return Ok(());
    }
    let contents = vault::contents(cx)?;
    let known = own_devices::all(cx.conn)?;
    let mut devices: BTreeSet<_> = contents.devices.keys().copied().collect();
    devices.extend(known.keys().copied());
    let listed = cx.connection.own_devices().clone();
    devices.extend(listed.iter().copied().take(OWN_DEVICES_MAX));
    devices.remove(&cx.me.device_id);
    for device in devices {
        let facts = Facts {
            is_in_vault: contents.devices.get(&device).map(|entry| !entry.is_signed_out),
            is_listed: listed.contains(&device),
            known: known.get(&device).copied(),
        };
        judge_one(cx, device, facts, judging)?;
    }
    Ok(())
}

/// What is known about a device.
#[derive(Debug, Clone, Copy)]
struct Facts {
    /// `Some(false)` if the vault says that it was signed out.
    is_in_vault: Option<bool>,
    is_listed: bool,
    known: Option<OwnDevice>,
}

fn judge_one(cx: &mut Context<'_>, device: DeviceId, facts: Facts, judging: Judging) -> StepResult {
    let state = facts.known.map(|known| known.state);
    match (facts.is_in_vault, facts.is_listed) {
        (Some(true), true) => {
            let is_news = matches!(
                state,
                None | Some(DeviceState::UnknownYet | DeviceState::UnlistedTold)
            );
            if is_news {
                cx.warn(Warning::NewDevice(device));
            }
            if state != Some(DeviceState::Known) {
                own_devices::set(cx.conn, device, DeviceState::Known, cx.now)?;
            }
        }
        // The device has signed in since the list was made, or so it seems.
        (Some(true), false) if cx.is_syncing() || !cx.connection.is_list_newer() => cx.sync_again(),
        (Some(true), false) => {
            let told = DeviceState::UnlistedTold;
            if wait(cx, device, facts.known, DeviceState::UnlistedYet, told, judging)? {
                cx.warn(Warning::DeviceUnlisted(device));
                vault::sign_device_out(cx, device)?;
            }
        }
        (Some(false), false) => own_devices::delete(cx.conn, device)?,
        (None, false) if !matches!(state, Some(DeviceState::UnknownYet | DeviceState::UnknownTold)) => {
            own_devices::delete(cx.conn, device)?;
        }
        (None | Some(false), _) => {
            if facts.known.is_none() && is_full(cx)? {
                return Ok(());
            }
            let told = DeviceState::UnknownTold;
            if wait(cx, device, facts.known, DeviceState::UnknownYet, told, judging)? {
                cx.warn(Warning::UnknownDevice(device));
            }
        }
    }
    Ok(())
}

/// Whether what differs has lasted for long enough to be told; it is told once.
fn wait(
    cx: &mut Context<'_>,
    device: DeviceId,
    known: Option<OwnDevice>,
    yet: DeviceState,
    told: DeviceState,
    judging: Judging,
) -> StepResult<bool> {
    let since = match known {
        Some(known) if known.state == told => return Ok(false),
        // A clock that was ahead does not make it wait for ever.
        Some(known) if known.state == yet && known.since <= cx.now => known.since,
        _ => {
            own_devices::set(cx.conn, device, yet, cx.now)?;
            cx.now
        }
    };
    // A server that keeps the vault back does not keep the device secret.
    let asked_at = cx.connection.vault_asked_at.unwrap_or(cx.now);
    let at_last = since.plus(DEVICE_GRACE * 2).max(asked_at.plus(DEVICE_GRACE));
    let fetched_at = since.plus(DEVICE_GRACE);
    let is_due = match judging {
        Judging::AfterFetch => cx.now >= fetched_at,
        Judging::Otherwise => cx.now >= at_last,
    };
    if is_due {
        own_devices::set(cx.conn, device, told, cx.now)?;
        return Ok(true);
    }
    let at = if cx.now < fetched_at { fetched_at } else { at_last };
    let earliest = &mut cx.connection.devices_at;
    *earliest = Some(earliest.map_or(at, |earliest| earliest.min(at)));
    Ok(false)
}
