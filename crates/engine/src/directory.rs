//! People: what the server's directory says about them, and what is pinned.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use subrosa_mls::AccountIdentity;
use subrosa_wire::{
    AccountId, Handle,
    frames::{Account, LookUpAccount, client_frame::Request, look_up_account},
    rest,
};

use crate::{
    account::vault::VaultContact,
    api::{Event, Warning},
    context::{Context, StepResult},
    misbehaviour::Misbehaviour,
    requests::PendingRequest,
    store::{contacts, if_readable},
    vault,
};

/// Asks for the handle of a person whose account came with a group, if the question is not under way.
pub(crate) fn look_up(cx: &mut Context<'_>, account: AccountId) {
    if cx.requests.is_pending(PendingRequest::LookUp { account }) {
        return;
    }
    let by = look_up_account::By::AccountId(account.to_vec().into());
    cx.request(
        PendingRequest::LookUp { account },
        Request::LookUpAccount(LookUpAccount { by: Some(by) }),
    );
}

/// Has the directory asked who has an account, unless that is known. The account gets no place in the vault before the
/// answer: ids that nobody has could fill it.
pub(crate) fn wonder(cx: &mut Context<'_>, account: AccountId) -> StepResult {
    if account == cx.me.account_id {
        return Ok(());
    }
    match contacts::find(cx.conn, account)? {
        Some(contact) if contact.handle.is_some() || contact.former_handle.is_some() => return Ok(()),
        Some(_) => {}
        None => contacts::insert(cx.conn, account)?,
    }
    if cx.connection.is_open {
        cx.connection.to_look_up.push(account);
    }
    Ok(())
}

/// Handles the directory's answer.
pub(crate) fn account_found(cx: &mut Context<'_>, asked: AccountId, found: &Account) -> StepResult {
    let (Ok(account), Ok(handle)) = (
        AccountId::try_from(&found.account_id[..]),
        found.handle.parse::<Handle>(),
    ) else {
        cx.misbehaved(None, Misbehaviour::MalformedAccount);
        return Ok(());
    };
    if account != asked {
        cx.misbehaved(None, Misbehaviour::WrongAccount);
        return Ok(());
    }
    if AccountIdentity::named_by(account, &found.account_key, &found.succession_key_hash).is_err() {
        cx.misbehaved(None, Misbehaviour::FalseKeys(account));
        return Ok(());
    }
    learn(cx, account, &handle)?;
    Ok(())
}

/// Compares a person in the directory with what is pinned, and pins it at first contact. The account id commits to
/// the keys, but only the directory vouches for the handle. Returns whether the handle belongs to this account as
/// far as is known; if not, the user is warned.
pub(crate) fn learn(cx: &mut Context<'_>, account: AccountId, handle: &Handle) -> StepResult<bool> {
    if !fits(cx, account, handle)? {
        return Ok(false);
    }
    match contacts::find(cx.conn, account)? {
        Some(contact) if contact.handle.is_some() => return Ok(true),
        Some(_) => {}
        None => contacts::insert(cx.conn, account)?,
    }
    pin(cx, account, handle)?;
    Ok(true)
}

/// Whether what the directory says of a person fits to what is pinned; if not, the user is warned. Pins nothing.
pub(crate) fn fits(cx: &mut Context<'_>, account: AccountId, handle: &Handle) -> StepResult<bool> {
    if let Some(known) = pinned_to_another(cx, account, handle)? {
        cx.warn(Warning::HandleReassigned(known));
        return Ok(false);
    }
    let pinned = if account == cx.me.account_id {
        Some(cx.me.handle.clone())
    } else {
        contacts::find(cx.conn, account)?.and_then(|contact| contact.handle)
    };
    if pinned.is_some_and(|pinned| pinned != *handle) {
        // Handles do not change. Taking the new one would set the pinned one free for somebody else.
        cx.misbehaved(None, Misbehaviour::HandleChanged(account));
        return Ok(false);
    }
    Ok(true)
}

/// Leaves out of a list of people those whom the directory shows in another way than they are pinned, and all that
/// share a handle which is not pinned: at most one of them is who the list says.
pub(crate) fn leave_out_unfit(
    cx: &mut Context<'_>,
    people: Vec<rest::Person>,
) -> StepResult<Vec<rest::Person>> {
    let mut shared = false;
    let mut owners: BTreeMap<Handle, AccountId> = BTreeMap::new();
    let mut doubled = BTreeSet::new();
    for person in &people {
        let owner = owners.entry(person.handle.clone()).or_insert(person.account_id);
        if *owner != person.account_id {
            doubled.insert(person.handle.clone());
        }
    }
    let mut fit = Vec::new();
    for person in people {
        let is_pinned = person.handle == cx.me.handle
            || if_readable(contacts::find_by_handle(cx.conn, &person.handle))?.is_some();
        if doubled.contains(&person.handle) && !is_pinned {
            shared = true;
        } else if cx.about_person(|cx| fits(cx, person.account_id, &person.handle))? == Some(true) {
            fit.push(person);
        }
    }
    if shared {
        cx.misbehaved(None, Misbehaviour::HandleShared);
    }
    Ok(fit)
}

/// Gives a handle to the account that the directory shows for it, because the user has accepted it. The account that
/// had the handle keeps its conversation, without it.
pub(crate) fn accept(cx: &mut Context<'_>, account: AccountId, handle: &Handle) -> StepResult {
    let holder = contacts::find_by_handle(cx.conn, handle)?.map(|contact| contact.account_id);
    if holder == Some(account) {
        return Ok(());
    }
    if contacts::find(cx.conn, account)?.is_none() {
        contacts::insert(cx.conn, account)?;
    }
    let mut moves = contacts::handle_moves(cx.conn, account)?;
    if let Some(holder) = holder {
        moves = moves.max(contacts::handle_moves(cx.conn, holder)?);
    }
    // Newer than what any device of this account has said of either.
    let moves = moves.saturating_add(1);
    if let Some(holder) = holder {
        release(cx, holder, moves)?;
    }
    contacts::set_handle_moves(cx.conn, account, moves)?;
    pin(cx, account, handle)
}

fn pin(cx: &mut Context<'_>, account: AccountId, handle: &Handle) -> StepResult {
    contacts::set_handle(cx.conn, account, handle)?;
    vault::write_contact(cx, account)?;
    cx.event(Event::ContactChanged(account));
    Ok(())
}

fn release(cx: &mut Context<'_>, account: AccountId, moves: u32) -> StepResult {
    contacts::release_handle(cx.conn, account)?;
    contacts::set_handle_moves(cx.conn, account, moves)?;
    vault::write_contact(cx, account)?;
    cx.event(Event::ContactChanged(account));
    Ok(())
}

/// The other account that this handle is pinned to, if any.
fn pinned_to_another(cx: &Context<'_>, account: AccountId, handle: &Handle) -> StepResult<Option<AccountId>> {
    let owner = if *handle == cx.me.handle {
        Some(cx.me.account_id)
    } else {
        contacts::find_by_handle(cx.conn, handle)?.map(|contact| contact.account_id)
    };
    Ok(owner.filter(|owner| *owner != account))
}

/// Adds a new person whose handle is not known yet. The vault carries them to this account's other devices.
pub(crate) fn add(cx: &mut Context<'_>, account: AccountId) -> StepResult {
    contacts::insert(cx.conn, account)?;
    vault::write_contact(cx, account)
}

/// Takes over what another device of this account knows about a person. What this device already knows stays, unless
/// the user has moved a handle there.
pub(crate) fn merge_contact(cx: &mut Context<'_>, account: AccountId, theirs: &VaultContact) -> StepResult {
    let known = contacts::find(cx.conn, account)?;
    if known.is_none() {
        add(cx, account)?;
    }
    let known = known.and_then(|contact| contact.handle);
    if theirs.moves > contacts::handle_moves(cx.conn, account)? {
        return follow_move(cx, account, known.as_ref(), theirs);
    }
    match &theirs.handle {
        Some(handle) if theirs.moves == contacts::handle_moves(cx.conn, account)? => {
            // Either it is what is pinned here, or the user is warned.
            learn(cx, account, handle)?;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The user has moved a handle to or from this person, on another device.
fn follow_move(
    cx: &mut Context<'_>,
    account: AccountId,
    known: Option<&Handle>,
    theirs: &VaultContact,
) -> StepResult {
    let Some(handle) = &theirs.handle else {
        contacts::set_handle_moves(cx.conn, account, theirs.moves)?;
        if known.is_some() {
            return release(cx, account, theirs.moves);
        }
        return vault::write_contact(cx, account);
    };
    if let Some(holder) = pinned_to_another(cx, account, handle)? {
        if holder == cx.me.account_id || contacts::handle_moves(cx.conn, holder)? >= theirs.moves {
            // The user has decided otherwise here, at the same time: it is asked again.
            cx.warn(Warning::HandleReassigned(holder));
            return Ok(());
        }
        release(cx, holder, theirs.moves)?;
    }
    contacts::set_handle_moves(cx.conn, account, theirs.moves)?;
    pin(cx, account, handle)
}

/// Pins the people that the vault names, in a new profile: before it has asked the directory anything.
pub(crate) fn insert_pinned(
    conn: &Connection,
    me: AccountId,
    people: &BTreeMap<AccountId, VaultContact>,
) -> StepResult {
    for (account, contact) in people {
        if *account == me {
            continue;
        }
        contacts::insert(conn, *account)?;
        contacts::set_handle_moves(conn, *account, contact.moves)?;
        if let Some(handle) = &contact.former_handle {
            contacts::set_handle(conn, *account, handle)?;
            contacts::release_handle(conn, *account)?;
        }
        // No device writes a handle twice. If one did, the first account keeps it.
        if let Some(handle) = &contact.handle
            && contacts::find_by_handle(conn, handle)?.is_none()
        {
            contacts::set_handle(conn, *account, handle)?;
        }
    }
    Ok(())
}
