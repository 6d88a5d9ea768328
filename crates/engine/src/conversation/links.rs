//! Invite links of groups: making and revoking them, and what the server keeps of each.
//!
//! What the user wants is a row until it is so, as with wishes (see `groups.rs`). A link can be used once the policy names it
//! and the server has its limits and its preview: those are put after each start until the server has confirmed them, and
//! again when the preview has changed, or when the server has lost them.
//!
//! The account's other devices find the links in its record of the group.

use subrosa_mls::{GroupPolicy, InviteLink, limits::LINKS_MAX};
use subrosa_wire::{
    LinkId,
    frames::{FetchLinks, Links, Problem, PutLink, client_frame::Request},
};

use super::Conversation;
use crate::{
    api::{CommandError, Event, GivenUp, LinkUses, NewLink, Warning},
    content::{GroupDescription, clean_name},
    context::{Context, StepResult, is_transient},
    invitations::LinkPreview,
    limits::WISH_AGE_MAX,
    records,
    requests::PendingRequest,
    store::links::{self, LinkRow, LinkStep},
};

impl Conversation {
    // ---- what the user wants ----

    /// Wants a link. Does nothing if it is there.
    pub(crate) fn create_link(&mut self, cx: &mut Context<'_>, link: NewLink) -> StepResult {
        let policy = self.policy_to_add(cx)?;
        let name = link.name.map(|name| clean_name(&name)).transpose();
        let name = name.map_err(CommandError::from)?;
        let (chat, id) = (self.chat(), link.secret.id());
        let rows = links::all(cx.conn, chat)?;
        if rows.iter().any(|row| row.id == id) || has_link(&policy, id) {
            return Ok(());
        }
        let wanted = rows.iter().filter(|row| row.step == LinkStep::Wanted).count();
        if policy.links().len() + wanted >= LINKS_MAX {
            return Err(CommandError::TooManyLinks.into());
        }
        let row = LinkRow {
            id,
            secret: Some(link.secret),
            name: name.map(|name| name.to_string()),
            needs_approval: link.needs_approval,
            uses_max: link.uses_max.unwrap_or_default(),
            expires_at: link.expires_at,
            step: LinkStep::Wanted,
            wanted_at: cx.now,
            put: None,
        };
        links::insert(cx.conn, chat, &row)?;
        self.changed(cx);
        cx.touch(chat);
        Ok(())
    }

    /// Wants a link to let nobody in any more, whoever has made it.
    pub(crate) fn revoke_link(&mut self, cx: &mut Context<'_>, id: LinkId) -> StepResult {
        let policy = self.policy_to_add(cx)?;
        let chat = self.chat();
        let row = links::all(cx.conn, chat)?.into_iter().find(|row| row.id == id);
        match row {
            None if !has_link(&policy, id) => return Err(CommandError::UnknownLink.into()),
            None => links::insert(
                cx.conn,
                chat,
                &LinkRow {
                    id,
                    secret: None,
                    name: None,
                    needs_approval: false,
                    uses_max: 0,
                    expires_at: None,
                    step: LinkStep::Unwanted,
                    wanted_at: cx.now,
                    put: None,
                },
            )?,
            // A commit that names it may be on its way: the row stays until the policy is known to lack it.
            Some(_) => links::set_step(cx.conn, (chat, id), LinkStep::Unwanted, cx.now)?,
        }
        self.changed(cx);
        cx.touch(chat);
        Ok(())
    }

    /// Wants to know how often the links were used.
    pub(crate) fn look_at_links(&mut self, cx: &mut Context<'_>) -> StepResult {
        self.policy_to_change(cx)?;
        self.fetch_links(cx);
        Ok(())
    }

    // ---- what is to be committed ----

    /// Takes note of what the policy names by now, gives up what can no longer be done, and puts what the server lacks.
    pub(super) fn tend_links(&mut self, cx: &mut Context<'_>) -> StepResult {
        let (chat, id, me) = (self.chat(), self.id(), cx.me.account_id);
        if !self.is_group() {
            return Ok(());
        }
        let rows = links::all(cx.conn, chat)?;
        let policy = self.group.load(cx, id)?.policy();
        if rows.is_empty() && policy.links().is_empty() {
            return Ok(());
        }
        let policy = policy.clone();
        let may = policy.may_add(me);
        let rows = self.with_those_of_other_devices(cx, rows, &policy)?;
        for row in &rows {
            let is_named = has_link(&policy, row.id);
            let why = if !may {
                Some(GivenUp::NotPermitted)
            } else if cx.now.since(row.wanted_at) > WISH_AGE_MAX {
                Some(GivenUp::TooOld)
            } else {
                None
            };
            match (row.step, why) {
                (LinkStep::Wanted, _) if is_named => {
                    links::set_step(cx.conn, (chat, row.id), LinkStep::Made, row.wanted_at)?;
                    if let Some(link) = row.kept() {
                        records::keep_link(cx, id, &link)?;
                    }
                    self.changed(cx);
                }
                (LinkStep::Made | LinkStep::Unwanted, _) if !is_named => {
                    records::forget_link(cx, id, row.id)?;
                    links::delete(cx.conn, chat, row.id)?;
                    self.changed(cx);
                }
                (LinkStep::Wanted | LinkStep::Unwanted, Some(why)) => self.give_up_link(cx, row, why)?,
                _ => {}
            }
        }
        if may {
            let rows = links::all(cx.conn, chat)?;
            self.put_links(cx, &rows);
            self.compare_links(cx, &rows);
        }
        Ok(())
    }

    /// The links, and those that other devices of this account have made and the policy names.
    fn with_those_of_other_devices(
        &self,
        cx: &mut Context<'_>,
        rows: Vec<LinkRow>,
        policy: &GroupPolicy,
    ) -> StepResult<Vec<LinkRow>> {
        let (chat, id) = (self.chat(), self.id());
        let is_unknown = |link: &InviteLink| rows.iter().all(|row| row.id != link.key.id());
        if !policy.links().iter().any(is_unknown) {
            return Ok(rows);
        }
        for link in records::links(cx, id)? {
            let named = policy.link(&link.secret.public_key());
            let Some(named) = named.filter(|named| is_unknown(named)) else {
                continue;
            };
            links::insert(
                cx.conn,
                chat,
                &LinkRow {
                    id: link.secret.id(),
                    secret: Some(link.secret),
                    name: link.name,
                    needs_approval: named.needs_approval,
                    uses_max: link.uses_max,
                    expires_at: link.expires_at,
                    step: LinkStep::Made,
                    wanted_at: cx.now,
                    // The device that has made it has put one: which, is not known here.
                    put: Some([0; 32]),
                },
            )?;
            self.changed(cx);
        }
        Ok(links::all(cx.conn, chat)?)
    }

    /// The policy with the links that the user wants and without those that they do not; `None` if it is so.
    pub(super) fn policy_with_links(&mut self, cx: &mut Context<'_>) -> StepResult<Option<GroupPolicy>> {
        let (chat, id) = (self.chat(), self.id());
        let rows = links::all(cx.conn, chat)?;
        if rows.iter().all(|row| row.step == LinkStep::Made) {
            return Ok(None);
        }
        let before = self.group.load(cx, id)?.policy().clone();
        let mut policy = before.clone();
        for row in rows {
            match (row.step, &row.secret) {
                (LinkStep::Wanted, Some(secret)) => {
                    let link = InviteLink {
                        key: secret.public_key(),
                        needs_approval: row.needs_approval,
                    };
                    match policy.clone().with_link(link) {
                        Ok(with_link) => policy = with_link,
                        Err(error) => {
                            tracing::warn!(%chat, %error, "the policy does not take another link");
                            self.give_up_link(cx, &row, GivenUp::TooManyLinks)?;
                        }
                    }
                }
                (LinkStep::Unwanted, _) => {
                    let named = policy.links().iter().find(|link| link.key.id() == row.id);
                    if let Some(key) = named.map(|link| link.key) {
                        policy = policy.without_link(&key);
                    }
                }
                _ => {}
            }
        }
        Ok((policy.links() != before.links()).then_some(policy))
    }

    /// Gives up all changes of links: the group does not take them.
    pub(super) fn give_up_links(&mut self, cx: &mut Context<'_>, why: GivenUp) -> StepResult {
        for row in links::all(cx.conn, self.chat())? {
            if row.step != LinkStep::Made {
                self.give_up_link(cx, &row, why)?;
            }
        }
        Ok(())
    }

    fn give_up_link(&self, cx: &mut Context<'_>, row: &LinkRow, why: GivenUp) -> StepResult {
        let (chat, account) = (self.chat(), cx.me.account_id);
        if row.step == LinkStep::Unwanted && row.secret.is_some() {
            // It is what it was.
            links::set_step(cx.conn, (chat, row.id), LinkStep::Made, row.wanted_at)?;
        } else {
            links::delete(cx.conn, chat, row.id)?;
        }
        cx.warn(Warning::ChangeGivenUp { chat, account, why });
        self.changed(cx);
        Ok(())
    }

    // ---- what the server has ----

    /// Puts the links that the policy names and the server lacks, or of which it has an older preview.
    fn put_links(&self, cx: &mut Context<'_>, rows: &[LinkRow]) {
        if self.live.link_retry.is_waiting(cx.now) {
            return;
        }
        let Some(preview) = self.preview(cx) else {
            return;
        };
        let (chat, id, hash) = (self.chat(), self.id(), preview.hash());
        for row in rows {
            let Some(secret) = row.secret.as_ref().filter(|_| row.step == LinkStep::Made) else {
                continue;
            };
            let pending = PendingRequest::PutLink {
                chat,
                link: row.id,
                preview: hash,
            };
            if row.put == Some(hash) || cx.requests.is_pending(pending) || !cx.requests.have_room() {
                continue;
            }
            let (me, device) = (cx.me.account_id, cx.me.device_id);
            let put = PutLink {
                conversation_id: id.to_vec().into(),
                access: secret.prove_access(id, me, device).encode().to_vec().into(),
                uses_max: row.uses_max,
                expires_at_ms: row.expires_at.unwrap_or_default().as_millis(),
                preview: preview.seal(secret, cx.rng()).into(),
            };
            cx.request(pending, Request::PutLink(put));
        }
    }

    /// What those who have a link see of the group.
    fn preview(&self, cx: &Context<'_>) -> Option<LinkPreview> {
        let name = self.record.title().and_then(|title| clean_name(title).ok())?;
        let description = self.record.description();
        Some(LinkPreview {
            conversation_id: self.id(),
            name,
            description: description.and_then(|text| GroupDescription::try_from(text).ok()),
            inviter: cx.me.handle.clone(),
            inviter_name: cx.me.name.as_deref().and_then(|name| clean_name(name).ok()),
        })
    }

    /// Notes that the server has a link, with this preview.
    pub(crate) fn link_put(&mut self, cx: &mut Context<'_>, link: LinkId, preview: [u8; 32]) -> StepResult {
        self.live.link_retry.succeeded();
        links::set_put(cx.conn, (self.chat(), link), Some(preview))?;
        self.changed(cx);
        cx.touch(self.chat());
        Ok(())
    }

    /// Handles that the server does not take a link. One that it refuses for good would let nobody in, and goes.
    pub(crate) fn link_refused(
        &mut self,
        cx: &mut Context<'_>,
        (link, preview): (LinkId, [u8; 32]),
        problem: &Problem,
    ) -> StepResult {
        let chat = self.chat();
        cx.touch(chat);
        if is_transient(problem) {
            self.live.link_retry.back_off(cx.now, problem.retry_after_ms);
            return Ok(());
        }
        let row = links::all(cx.conn, chat)?.into_iter().find(|row| row.id == link);
        match row {
            // Somebody may have revoked it, or what it shows stays as it was.
            Some(row) if row.put.is_some() => links::set_put(cx.conn, (chat, link), Some(preview))?,
            Some(row) if row.step == LinkStep::Made => {
                links::set_step(cx.conn, (chat, link), LinkStep::Unwanted, cx.now)?;
                cx.refused(None, problem);
                let (account, why) = (cx.me.account_id, GivenUp::NotPermitted);
                cx.warn(Warning::ChangeGivenUp { chat, account, why });
            }
            _ => {}
        }
        Ok(())
    }

    /// Looks once on each connection whether the server still has the links.
    fn compare_links(&mut self, cx: &mut Context<'_>, rows: &[LinkRow]) {
        let has_put = rows.iter().any(|row| row.put.is_some());
        if has_put && cx.requests.have_room() && !std::mem::replace(&mut self.live.are_links_compared, true) {
            self.fetch_links(cx);
        }
    }

    fn fetch_links(&self, cx: &mut Context<'_>) {
        let pending = PendingRequest::FetchLinks { chat: self.chat() };
        if !cx.requests.is_pending(pending) {
            let conversation_id = self.id().to_vec().into();
            cx.request(pending, Request::FetchLinks(FetchLinks { conversation_id }));
        }
    }

    /// Handles what the server says of the links.
    pub(crate) fn links_fetched(&mut self, cx: &mut Context<'_>, fetched: &Links) -> StepResult {
        let chat = self.chat();
        let uses: Vec<_> = fetched.links.iter().filter_map(LinkUses::of_frame).collect();
        if !std::mem::replace(&mut self.live.are_links_put_again, true) {
            for row in links::all(cx.conn, chat)? {
                if row.put.is_some() && uses.iter().all(|link| link.id != row.id) {
                    // It has lost it.
                    links::set_put(cx.conn, (chat, row.id), None)?;
                    cx.touch(chat);
                }
            }
        }
        cx.connection.link_uses.insert(chat, uses);
        cx.event(Event::LinksChanged(chat));
        Ok(())
    }
}

/// Whether a policy names a link.
pub(super) fn has_link(policy: &GroupPolicy, id: LinkId) -> bool {
    policy.links().iter().any(|link| link.key.id() == id)
}
