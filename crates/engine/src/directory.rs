//! People: what the server's directory says of them, and what is pinned.

use subrosa_mls::AccountPublicKey;
use subrosa_wire::{
    AccountId, Handle,
    frames::{Account, LookUpAccount, client_frame::Request, look_up_account},
};

use crate::{
    api::{Event, Warning},
    context::{Context, StepResult},
    requests::PendingRequest,
    store::contacts,
    vault,
};

/// Asks for the handle of a person whose key came with a group.
pub(crate) fn look_up(cx: &mut Context<'_>, account: AccountId) {
    let by = look_up_account::By::AccountId(account.to_vec().into());
    cx.request(
        PendingRequest::LookUp { account },
        Request::LookUpAccount(LookUpAccount { by: Some(by) }),
    );
}

/// The directory's answer.
pub(crate) fn account_found(cx: &mut Context<'_>, asked: AccountId, found: &Account) -> StepResult {
    let (Ok(account), Ok(key), Ok(handle)) = (
        AccountId::try_from(&found.account_id[..]),
        AccountPublicKey::try_from(&found.account_key[..]),
        found.handle.parse::<Handle>(),
    ) else {
        cx.warn(Warning::ForgedByServer {
            conversation: None,
            what: "a malformed account".to_owned(),
        });
        return Ok(());
    };
    if account != asked {
        cx.warn(Warning::ForgedByServer {
            conversation: None,
            what: "another account".to_owned(),
        });
        return Ok(());
    }
    learn(cx, account, &key, &handle)?;
    Ok(())
}

/// Compares what the directory says of a person with what is pinned, and pins it at first contact.
/// Returns whether the key is the known one; if not the user is warned.
pub(crate) fn learn(
    cx: &mut Context<'_>,
    account: AccountId,
    key: &AccountPublicKey,
    handle: &Handle,
) -> StepResult<bool> {
    match contacts::find(cx.conn, account)? {
        Some(contact) if contact.account_key != *key => {
            cx.warn(Warning::AccountKeyChanged(account));
            return Ok(false);
        }
        Some(contact) if contact.handle.as_ref() == Some(handle) => return Ok(true),
        Some(_) => {}
        None => pin(cx, account, key)?,
    }
    contacts::set_handle(cx.conn, account, handle)?;
    cx.event(Event::ContactChanged(account));
    Ok(true)
}

/// Pins the account key of a person met for the first time; the vault carries it to the other devices.
pub(crate) fn pin(cx: &mut Context<'_>, account: AccountId, key: &AccountPublicKey) -> StepResult {
    contacts::insert(cx.conn, account, key)?;
    vault::add_contact(cx, account, key)
}
