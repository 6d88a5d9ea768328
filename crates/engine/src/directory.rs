//! People: what the server's directory says about them, and what is pinned.

use subrosa_mls::AccountIdentity;
use subrosa_wire::{
    AccountId, Handle,
    frames::{Account, LookUpAccount, client_frame::Request, look_up_account},
};

use crate::{
    api::{Event, Warning},
    context::{Context, StepResult},
    misbehaviour::Misbehaviour,
    requests::PendingRequest,
    store::contacts,
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
    if let Some(known) = pinned_to_another(cx, account, handle)? {
        cx.warn(Warning::HandleReassigned(known));
        return Ok(false);
    }
    match contacts::find(cx.conn, account)? {
        Some(contact) if contact.handle.as_ref() == Some(handle) => return Ok(true),
        Some(contact) if contact.handle.is_some() => {
            // Handles do not change. Taking the new one would set the pinned one free for somebody else.
            cx.misbehaved(None, Misbehaviour::HandleChanged(account));
            return Ok(false);
        }
        Some(_) => {}
        None => contacts::insert(cx.conn, account)?,
    }
    contacts::set_handle(cx.conn, account, handle)?;
    vault::add_contact(cx, account, Some(handle))?;
    cx.event(Event::ContactChanged(account));
    Ok(true)
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
    vault::add_contact(cx, account, None)
}

/// Takes over what another device of this account knows about a person. What this device already knows stays.
pub(crate) fn merge_contact(cx: &mut Context<'_>, account: AccountId, handle: Option<&Handle>) -> StepResult {
    let known = contacts::find(cx.conn, account)?;
    match handle {
        Some(handle) if known.as_ref().is_none_or(|contact| contact.handle.is_none()) => {
            if !learn(cx, account, handle)? && known.is_none() {
                add(cx, account)?;
            }
            Ok(())
        }
        _ if known.is_none() => add(cx, account),
        _ => Ok(()),
    }
}
