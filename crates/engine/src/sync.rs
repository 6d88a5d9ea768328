//! Sync: the state that the server reports after a reconnect.

use std::collections::BTreeSet;

use subrosa_wire::{
    DeviceId,
    frames::{ClaimKeyPackages, KeyPackages, Problem, SyncState, client_frame::Request},
    limits::WELCOMES_PER_FRAME_MAX,
};

use crate::{
    context::{Context, StepResult, is_transient},
    conversation::Conversation,
    devices, key_packages,
    misbehaviour::Misbehaviour,
    profile_objects, records,
    requests::PendingRequest,
    signals,
    step::Step,
    store::{contacts, conversations::ids},
};

impl Step<'_> {
    pub(crate) fn sync_state(&mut self, state: &SyncState) -> StepResult {
        let (cx, conversations) = (&mut self.cx, &mut *self.conversations);
        cx.connection.synced = true;
        cx.connection.sync_succeeded(cx.now);
        let own_devices: BTreeSet<_> = state
            .own_devices
            .iter()
            .filter_map(|bytes| DeviceId::try_from(&bytes[..]).ok())
            .collect();
        if own_devices.contains(&cx.me.device_id) {
            cx.connection.set_own_devices(own_devices);
            devices::listed(cx)?;
        } else {
            cx.misbehaved(None, Misbehaviour::OwnDeviceUnlisted);
        }
        confirm_devices(cx);
        let more_welcomes = state.welcomes.len() >= WELCOMES_PER_FRAME_MAX;
        for item in &state.welcomes {
            conversations.welcome(cx, item)?;
        }
        let waits_for_trees = !cx.connection.held_welcomes.is_empty();
        if more_welcomes && waits_for_trees {
            cx.connection.held_welcomes.more_wait();
        }
        if more_welcomes && !waits_for_trees || std::mem::take(&mut cx.connection.sync_wanted) {
            cx.sync_again();
        }
        cx.connection.named.clear();
        cx.connection.forget_old_attempts(cx.now);
        for head in &state.conversations {
            conversations.head(cx, head)?;
        }
        for (chat, id) in ids(cx.conn)? {
            if !cx.connection.named.contains(&id) {
                conversations.with(cx, chat, Conversation::doubt_if_unnamed)?;
            }
            cx.connection.advanced.insert(chat);
            cx.touch(chat);
        }
        records::sync_answered(cx, state.records_change, &state.incarnation)?;
        signals::synced(cx)?;
        profile_objects::synced(cx)?;
        // The answer may have been lost with an earlier connection.
        for account in contacts::without_handle(cx.conn)? {
            cx.connection.to_look_up.push(account);
        }
        key_packages::compare(cx, state)
    }

    /// Handles a refusal of Sync or of a request that follows from it. If it is transient, all of them are retried.
    pub(crate) fn refused_beside_conversations(&mut self, problem: &Problem) {
        let cx = &mut self.cx;
        if !is_transient(problem) {
            cx.refused(None, problem);
            return;
        }
        cx.connection.sync_retry.back_off(cx.now, problem.retry_after_ms);
        self.conversations.forget_acknowledgements();
    }
}

/// Asks in another way whether devices of this account are signed in that the list of devices lacks: whoever is not is
/// removed from the groups.
fn confirm_devices(cx: &mut Context<'_>) {
    if cx.connection.has_unlisted_devices() && !cx.requests.is_pending(PendingRequest::ConfirmDevices) {
        let account_id = cx.me.account_id.to_vec().into();
        cx.request(
            PendingRequest::ConfirmDevices,
            Request::ClaimKeyPackages(ClaimKeyPackages { account_id }),
        );
    }
}

/// Handles the answer: a device with a key package is signed in.
pub(crate) fn devices_confirmed(cx: &mut Context<'_>, packages: &KeyPackages) -> StepResult {
    let claimed = packages
        .devices
        .iter()
        .filter_map(|device| DeviceId::try_from(&device.device_id[..]).ok())
        .collect();
    if cx.connection.devices_claimed(&claimed) {
        cx.misbehaved(None, Misbehaviour::DevicesContradict);
    }
    for (chat, _) in ids(cx.conn)? {
        cx.touch(chat);
    }
    Ok(())
}
