//! Whether the user wants a conversation. What others have begun is a request until it is accepted: it can be read, and
//! nobody learns that this account is there.
//!
//! The decision stands in the account's record of the conversation, so that all devices have it.

use subrosa_mls::ConversationKind;
use subrosa_wire::AccountId;

use super::Conversation;
use crate::{
    account::record::Decision,
    api::{Audience, CommandError, ConversationState, Role, Standing},
    context::{Context, StepResult},
    records,
    store::{
        contacts, members, messages, receipts,
        wishes::{self, Wish},
    },
};

impl Conversation {
    /// Finds out whether the user wants the conversation that this device has joined. `by` has added it, if it was added.
    pub(super) fn found_standing(&mut self, cx: &mut Context<'_>, by: Option<AccountId>) -> StepResult {
        if let Some(by) = by {
            self.record.set_added_by(cx.conn, by)?;
        }
        let by = by.filter(|by| *by != cx.me.account_id);
        let mut decision = records::decision(cx.conn, self.id())?;
        if by.is_some() && self.is_group() && matches!(decision, Decision::Declined(_)) {
            // Somebody asks again.
            decision = Decision::None;
            records::decide(cx, self.id(), decision)?;
        }
        let mut standing = records::standing_by(cx.conn, decision, self.record.row(), cx.me.account_id)?;
        if standing == Standing::Request && self.needs_no_decision(cx, by)? {
            standing = Standing::Accepted;
            records::decide(cx, self.id(), Decision::Accepted)?;
        }
        self.record.set_standing(cx.conn, standing)
    }

    /// Whether the user has said that those who ask here need not be asked about.
    fn needs_no_decision(&self, cx: &Context<'_>, by: Option<AccountId>) -> StepResult<bool> {
        let (audience, by) = if self.is_group() {
            (cx.me.privacy.adders, by)
        } else {
            (cx.me.privacy.writers, self.other(cx)?)
        };
        let Some(by) = by else {
            return Ok(false);
        };
        if contacts::is_blocked(cx.conn, by)? {
            return Ok(false);
        }
        Ok(match audience {
            Audience::Everybody => true,
            Audience::Known => contacts::is_known(cx.conn, by, self.chat())?,
            Audience::Nobody => false,
        })
    }

    /// The other account of a direct conversation.
    fn other(&self, cx: &Context<'_>) -> StepResult<Option<AccountId>> {
        if self.is_group() {
            return Ok(None);
        }
        Ok(members::others(cx.conn, self.chat(), cx.me.account_id)?
            .first()
            .copied())
    }

    /// Whether it is a direct conversation with somebody whom the user has blocked.
    pub(super) fn is_with_blocked(&self, cx: &Context<'_>) -> StepResult<bool> {
        Ok(!self.is_group() && contacts::is_anybody_blocked_in(cx.conn, self.chat())?)
    }

    /// Whether another device may have unblocked the person, of which this one has not heard: what they write since is not to
    /// be dropped, and is fetched once that is known.
    pub(super) fn may_be_unblocked(&self, cx: &Context<'_>) -> StepResult<bool> {
        let is_behind = !cx.connection.synced || cx.connection.records.is_behind();
        Ok(is_behind && self.is_with_blocked(cx)?)
    }

    /// Whether others may notice that this account is here: what it has received and read, and that somebody types.
    pub(crate) fn answers(&self, cx: &Context<'_>) -> StepResult<bool> {
        Ok(self.record.standing() == Standing::Accepted && !self.is_with_blocked(cx)?)
    }

    /// Whether it is a group to which somebody whom the user has blocked has added this account.
    pub(super) fn is_by_blocked(&self, cx: &Context<'_>) -> StepResult<bool> {
        match self.record.added_by().filter(|_| self.is_group()) {
            Some(by) => Ok(contacts::is_blocked(cx.conn, by)?),
            None => Ok(false),
        }
    }

    /// Notes that something was written here: what was declined is asked about again.
    pub(super) fn written_to(&mut self, cx: &mut Context<'_>) -> StepResult {
        if self.record.standing() != Standing::Declined || self.is_group() {
            return Ok(());
        }
        let decision = records::decision(cx.conn, self.id())?;
        let standing = records::standing_by(cx.conn, decision, self.record.row(), cx.me.account_id)?;
        if standing != Standing::Declined {
            self.record.set_standing(cx.conn, standing)?;
            self.changed(cx);
        }
        Ok(())
    }

    /// Takes it up.
    pub(crate) fn accept(&mut self, cx: &mut Context<'_>) -> StepResult {
        self.check_usable()?;
        if self.record.standing() == Standing::Declined && self.is_group() {
            // This account is on its way out.
            return Err(CommandError::NotAMember.into());
        }
        records::decide(cx, self.id(), Decision::Accepted)?;
        if self.record.standing() == Standing::Accepted {
            return Ok(());
        }
        self.record.set_standing(cx.conn, Standing::Accepted)?;
        let was_written_to = messages::page(cx.conn, self.chat(), None, 1)?
            .iter()
            .any(|message| !message.outgoing);
        if was_written_to {
            // The others may see it now.
            receipts::add_change(cx.conn, self.chat())?;
        }
        self.changed(cx);
        cx.touch(self.chat());
        Ok(())
    }

    /// Takes it up because the user writes. Nothing is written to somebody who is blocked.
    pub(crate) fn accept_by_writing(&mut self, cx: &mut Context<'_>) -> StepResult {
        if self.is_with_blocked(cx)? {
            return Err(CommandError::PersonBlocked.into());
        }
        if self.record.kind() == ConversationKind::NotesToSelf {
            return Ok(());
        }
        self.accept(cx)
    }

    /// Leaves it out of lists; a group is left.
    pub(crate) fn decline(&mut self, cx: &mut Context<'_>) -> StepResult {
        match self.record.standing() {
            Standing::Request => {}
            Standing::Declined => return Ok(()),
            Standing::Accepted => return Err(CommandError::NotARequest.into()),
        }
        // By the server's clock, which is the same for all devices.
        let at = messages::newest_received_at(cx.conn, self.chat())?.unwrap_or_default();
        records::decide(cx, self.id(), Decision::Declined(at))?;
        self.record.set_standing(cx.conn, Standing::Declined)?;
        if self.is_group() && self.record.state() != ConversationState::Removed {
            self.wish_to_be_out(cx)?;
        }
        self.changed(cx);
        cx.touch(self.chat());
        Ok(())
    }

    /// Wants this account out of a group that it did not ask for. If it was made the only owner, whoever has added it is one
    /// again, or else anybody.
    fn wish_to_be_out(&mut self, cx: &mut Context<'_>) -> StepResult {
        let (chat, me) = (self.chat(), cx.me.account_id);
        let id = self.id();
        let is_only_owner = self
            .group
            .find(cx, id)?
            .is_some_and(|group| group.policy().is_only_owner(me));
        let others = members::others(cx.conn, chat, me)?;
        let by = self.record.added_by().filter(|by| others.contains(by));
        if is_only_owner && let Some(successor) = by.or(others.first().copied()) {
            wishes::set(cx.conn, chat, (successor, Wish::GiveRole(Role::Owner)), cx.now)?;
        }
        Ok(wishes::set(cx.conn, chat, (me, Wish::Leave), cx.now)?)
    }
}
