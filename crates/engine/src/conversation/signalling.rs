//! Signals of one conversation: sealed with the key of the epoch, and opened.

use subrosa_mls::FIRST_FOUNDING;
use subrosa_wire::{AccountId, DeviceId, frames};

use super::Conversation;
use crate::{
    api::ConversationState,
    context::{Context, StepResult},
    receipts::format::epoch_of,
    signals::{
        self,
        format::{Sender, Signal},
    },
    store::receipts,
};

impl Conversation {
    /// Seals a signal; `None` if this device is not in the conversation.
    pub(crate) fn seal_signal(
        &mut self,
        cx: &mut Context<'_>,
        signal: Signal,
    ) -> StepResult<Option<frames::Signal>> {
        if self.record.state() != ConversationState::Joined || self.record.is_entering() {
            return Ok(None);
        }
        let (epoch, key) = self.receipt_key(cx)?;
        let sender = self.sender((cx.me.account_id, cx.me.device_id));
        let sealed = signal.seal((epoch, &key), &sender, cx.rng());
        Ok(Some(frames::Signal {
            conversation_id: self.id().to_vec().into(),
            device_id: Vec::new().into(),
            sealed: sealed.into(),
        }))
    }

    /// Opens a signal. One that does not open is nothing to worry about: it may be from another epoch.
    pub(crate) fn signal_received(&mut self, cx: &mut Context<'_>, signal: &frames::Signal) -> StepResult {
        let is_joined = self.record.state() == ConversationState::Joined && !self.record.is_entering();
        let (Ok(device), Ok(epoch), true) = (
            DeviceId::try_from(&signal.device_id[..]),
            epoch_of(&signal.sealed),
            is_joined && self.answers(cx)?,
        ) else {
            return Ok(());
        };
        let Some(key) = receipts::key(cx.conn, self.chat(), epoch)? else {
            return Ok(());
        };
        let id = self.id();
        let group = self.group.load(cx, id)?;
        if epoch.saturating_add(1) < group.epoch() {
            return Ok(());
        }
        let account = group.account_of(device)?;
        let Some(account) = account.filter(|account| *account != cx.me.account_id) else {
            return Ok(());
        };
        match Signal::open(&signal.sealed, &key, &self.sender((account, device))) {
            Ok(Some(opened)) => signals::received(cx, self.chat(), (account, device), opened),
            Ok(None) => Ok(()),
            Err(error) => {
                tracing::debug!(chat = %self.chat(), %error, "a signal is not used");
                Ok(())
            }
        }
    }

    fn sender(&self, (account, device): (AccountId, DeviceId)) -> Sender {
        Sender {
            conversation: self.id(),
            founding: FIRST_FOUNDING,
            account,
            device,
        }
    }
}
