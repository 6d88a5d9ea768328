//! New devices of members: a line in the conversation.

use std::collections::BTreeSet;

use subrosa_mls::{CommitSender, DeviceCertificate, StagedCommit};
use subrosa_wire::{AccountId, Timestamp};

use super::Conversation;
use crate::{
    api::NoticeKind,
    context::{Context, StepResult},
    devices,
    store::seen_devices,
};

impl Conversation {
    /// Notes the devices that a commit brings in, which is about to be merged.
    pub(super) fn devices_arrive(
        &mut self,
        cx: &mut Context<'_>,
        staged: &StagedCommit,
        seq: u64,
        accepted_at: Timestamp,
    ) -> StepResult {
        let mut arriving = staged.added().to_vec();
        let by = match staged.sender() {
            CommitSender::Member(by) => by.account_id(),
            CommitSender::External(by) => {
                arriving.push(by.clone());
                by.account_id()
            }
        };
        if arriving.is_empty() {
            return Ok(());
        }
        if !seen_devices::any(cx.conn, self.chat())? {
            // Joined before this was noted.
            self.note_members(cx)?;
        }
        self.note_arrivals(cx, Some(by), &arriving, seq, accepted_at)
    }

    /// Notes who is in the group that this device has just entered. If it was in it before, those that came meanwhile
    /// are news.
    pub(super) fn devices_found(&mut self, cx: &mut Context<'_>) -> StepResult {
        if !seen_devices::any(cx.conn, self.chat())? {
            return self.note_members(cx);
        }
        let members = self.members(cx)?;
        let seq = self.record.cursor();
        self.note_arrivals(cx, None, &members, seq, cx.now)
    }

    fn note_members(&mut self, cx: &mut Context<'_>) -> StepResult {
        for device in self.members(cx)? {
            self.note(cx, &device)?;
        }
        Ok(())
    }

    fn members(&mut self, cx: &mut Context<'_>) -> StepResult<Vec<DeviceCertificate>> {
        let id = self.id();
        let members = self.group.load(cx, id)?.members()?;
        Ok(members.into_iter().map(|member| member.certificate).collect())
    }

    /// Remembers a device. The account's own ones are shown for the account, not in each conversation.
    fn note(&self, cx: &mut Context<'_>, device: &DeviceCertificate) -> StepResult {
        seen_devices::insert(cx.conn, self.chat(), device)?;
        if device.account_id() == cx.me.account_id {
            devices::seen_in_group(cx, device.device_id())?;
        }
        Ok(())
    }

    fn note_arrivals(
        &self,
        cx: &mut Context<'_>,
        by: Option<AccountId>,
        devices: &[DeviceCertificate],
        seq: u64,
        at: Timestamp,
    ) -> StepResult {
        let mut who = BTreeSet::new();
        for device in devices {
            if seen_devices::contains(cx.conn, self.chat(), device)? {
                continue;
            }
            self.note(cx, device)?;
            if device.account_id() != cx.me.account_id {
                who.insert(device.account_id());
            }
        }
        if who.is_empty() {
            return Ok(());
        }
        self.notice(
            cx,
            NoticeKind::DeviceAdded,
            by,
            who.into_iter().collect(),
            (seq, at),
        )
    }
}
