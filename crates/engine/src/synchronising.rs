//! What the server tells after a reconnect, and the directory's answers.

use subrosa_mls::{AccountPublicKey, Mls};
use subrosa_wire::{
    AccountId, ConversationId, DeviceId, Handle,
    frames::{
        Account, ConversationHead, LookUpAccount, Problem, PublishKeyPackages, SyncState,
        client_frame::Request, look_up_account,
    },
    limits::{KEY_PACKAGES_LOW, KEY_PACKAGES_TARGET, WELCOMES_PER_FRAME_MAX},
};

use crate::{
    api::{ConversationState, Event, Warning},
    database::KvTable,
    live::{Asked, Live},
    step::{Step, StepResult, is_passing},
    store::{contacts, conversations},
};

impl Step<'_> {
    pub(crate) fn sync_state(&mut self, state: &SyncState) -> StepResult {
        self.live.synced = true;
        self.live.sync_retry.succeeded();
        self.live.own_devices = state
            .own_devices
            .iter()
            .filter_map(|bytes| DeviceId::try_from(&bytes[..]).ok())
            .collect();
        let suspects = std::mem::take(&mut self.live.suspects);
        self.live.gone.extend(suspects);
        let Live {
            gone, own_devices, ..
        } = &mut *self.live;
        gone.retain(|device| !own_devices.contains(device));
        let more_welcomes = state.welcomes.len() >= WELCOMES_PER_FRAME_MAX;
        for item in &state.welcomes {
            self.welcome(item)?;
        }
        if more_welcomes || std::mem::take(&mut self.live.sync_wanted) {
            self.sync_again();
        }
        for head in &state.conversations {
            self.conversation_head(head)?;
        }
        for row in conversations::all(self.conn)? {
            self.live.advanced.insert(row.key);
            self.touch(row.key);
            // The answer may have been lost with an earlier connection.
            let is_nameless = contacts::find(self.conn, row.peer)?.is_some_and(|peer| peer.handle.is_none());
            if is_nameless && !self.live.is_looking_up(row.peer) {
                self.look_up(row.peer);
            }
        }
        self.publish_key_packages(state.key_packages_left, state.has_last_resort_key_package)
    }

    /// A refusal of Sync or of what follows from it. If it passes, all of that is asked for again.
    pub(crate) fn refused_beside_conversations(&mut self, problem: &Problem) {
        if !is_passing(problem) {
            self.refused(problem);
            return;
        }
        self.live.sync_retry.back_off(self.now, problem.retry_after_ms);
        self.live.forget_acknowledgements();
    }

    fn conversation_head(&mut self, head: &ConversationHead) -> StepResult {
        let Ok(id) = ConversationId::try_from(&head.conversation_id[..]) else {
            self.warn(Warning::ForgedByServer {
                conversation: None,
                what: "a conversation without id".to_owned(),
            });
            return Ok(());
        };
        let Some(mut row) = conversations::find(self.conn, id)? else {
            // A conversation of the account that this device is not in yet, and no Welcome waits.
            if !self.live.is_syncing() {
                self.join(id);
            }
            return Ok(());
        };
        let live = self.live.conversation(row.key);
        live.head = live.head.max(head.head_seq);
        match row.state {
            ConversationState::Joined if !head.member => self.rejoin(&mut row),
            ConversationState::Joined if head.head_seq < self.live.cursor_at_sync(row.key, row.cursor) => {
                // What this device has from beyond the end is not in the log, and what will stand there it
                // would pass over.
                self.warn(Warning::ForgedByServer {
                    conversation: Some(id),
                    what: "the log has become shorter".to_owned(),
                });
                self.rejoin(&mut row)
            }
            ConversationState::Starting
            | ConversationState::Joining
            | ConversationState::Joined
            | ConversationState::Blocked => Ok(()),
        }
    }

    /// Fills up the key packages at the server, so that others can add this device while it is away.
    pub(crate) fn publish_key_packages(&mut self, left: u32, has_last_resort: bool) -> StepResult {
        let is_asked = self
            .live
            .in_flight
            .values()
            .any(|asked| matches!(asked, Asked::PublishKeyPackages));
        if is_asked || (left >= KEY_PACKAGES_LOW && has_last_resort) || !self.live.may_publish(self.now) {
            return Ok(());
        }
        let store = KvTable::new(self.conn);
        let mls = Mls::new(&store, &mut *self.rng, self.now);
        let device = &self.identity.device;
        let count = usize::try_from(KEY_PACKAGES_TARGET.saturating_sub(left)).unwrap_or_default();
        let one_time = mls.key_packages(device, count)?;
        let last_resort = if has_last_resort {
            Vec::new()
        } else {
            mls.last_resort_key_package(device)?
        };
        self.ask(
            Asked::PublishKeyPackages,
            Request::PublishKeyPackages(PublishKeyPackages {
                one_time: one_time.into_iter().map(Into::into).collect(),
                last_resort: last_resort.into(),
            }),
        );
        Ok(())
    }

    /// Learns the handle of a person whose key came with a group.
    pub(crate) fn look_up(&mut self, account: AccountId) {
        let by = look_up_account::By::AccountId(account.to_vec().into());
        self.ask(
            Asked::LookUp { account },
            Request::LookUpAccount(LookUpAccount { by: Some(by) }),
        );
    }

    pub(crate) fn account_found(&mut self, asked: AccountId, found: &Account) -> StepResult {
        let (Ok(account), Ok(key), Ok(handle)) = (
            AccountId::try_from(&found.account_id[..]),
            AccountPublicKey::try_from(&found.account_key[..]),
            found.handle.parse::<Handle>(),
        ) else {
            self.warn(Warning::ForgedByServer {
                conversation: None,
                what: "a malformed account".to_owned(),
            });
            return Ok(());
        };
        if account != asked {
            self.warn(Warning::ForgedByServer {
                conversation: None,
                what: "another account".to_owned(),
            });
            return Ok(());
        }
        self.learn(account, &key, &handle)?;
        Ok(())
    }

    /// Compares what the directory says of a person with what is pinned, and pins it at first contact.
    /// Returns whether the key is the known one; if not the user is told.
    pub(crate) fn learn(
        &mut self,
        account: AccountId,
        key: &AccountPublicKey,
        handle: &Handle,
    ) -> StepResult<bool> {
        match contacts::find(self.conn, account)? {
            Some(contact) if contact.account_key != *key => {
                self.warn(Warning::AccountKeyChanged(account));
                return Ok(false);
            }
            Some(contact) if contact.handle.as_ref() == Some(handle) => return Ok(true),
            Some(_) => {}
            None => self.pin(account, key)?,
        }
        contacts::set_handle(self.conn, account, handle)?;
        self.event(Event::ContactChanged(account));
        Ok(true)
    }
}
