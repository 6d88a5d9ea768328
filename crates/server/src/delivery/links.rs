//! Invite links: what members decide about them, who comes by them, and who asks to.
//!
//! Whoever uses a link shows by a signature that it has it. The signature names account and device, so it is of no use to
//! others; and whether the link still works is looked up each time, so it need not be fresh.

use bytes::Bytes;
use subrosa_mls::{GroupPolicy, LinkPublicKey, LinkSignature, PublicView, limits::LEAVES_MAX};
use subrosa_wire::{
    AccountId, Base64, ConversationId, LinkId, ProblemCode, Timestamp,
    frames::{
        AskToJoin, DenyRequest, FetchGroupByLink, FetchJoinRequests, FetchLinks, GroupState, JoinRequest,
        JoinRequests, Link, Links, Problem, PutLink, TakeBackRequest,
    },
    limits, rest,
};

use super::{
    Service, problems,
    requests::{account_id, bounded, conversation_id, id_bytes, malformed},
};
use crate::{
    session::Session,
    store::{
        delivery::LogRefusal,
        links::{JoinRequestRecord, JoinRequestWrite, LinkClosed, LinkRecord, LinkWrite},
    },
};

impl Service {
    /// Sets how a link can be used, if the policy has it and the account may add people.
    pub(super) async fn put_link(&self, session: &Session, put: PutLink) -> Result<(), Problem> {
        let id = conversation_id(&put.conversation_id)?;
        let key = access(session, id, &put.access)?.key();
        bounded("preview", &put.preview, limits::LINK_PREVIEW_MAX)?;
        if put.expires_at_ms > limits::TIME_MAX.as_millis() {
            return Err(malformed("expires_at_ms is out of range"));
        }
        self.links.check(session.device_id)?;
        self.check_is_of(id, session.account_id).await?;
        // No commit changes the policy before the link is stored.
        let turn = self.validation.turn(id).await;
        let view = self.load_view(id).await?.view;
        let policy = view.policy();
        check_may_add(policy, session.account_id)?;
        let link = policy.link(&key).ok_or(LinkClosed::Unknown)?;
        let write = LinkWrite {
            link_id: key.id(),
            conversation_id: id,
            account_id: session.account_id,
            epoch: view.epoch(),
            needs_approval: link.needs_approval,
            uses_max: Some(put.uses_max).filter(|max| *max > 0),
            expires_at: Some(put.expires_at_ms)
                .filter(|at| *at > 0)
                .map(Timestamp::from_millis),
            preview: put.preview,
            now: self.clock.now(),
        };
        self.store.put_link(write).await??;
        drop(turn);
        Ok(())
    }

    /// The links of a conversation, for those who are in it.
    pub(super) async fn fetch_links(&self, session: &Session, fetch: &FetchLinks) -> Result<Links, Problem> {
        let id = conversation_id(&fetch.conversation_id)?;
        let links = self.store.links(id, session.account_id).await?;
        let links = links.ok_or(LogRefusal::NotAMember)?;
        Ok(Links {
            links: links.iter().map(link).collect(),
        })
    }

    /// What an external commit needs, for somebody who comes by a link.
    pub(super) async fn fetch_group_by_link(
        &self,
        session: &Session,
        fetch: &FetchGroupByLink,
    ) -> Result<GroupState, Problem> {
        let id = conversation_id(&fetch.conversation_id)?;
        let access = access(session, id, &fetch.access)?;
        self.links.check(session.device_id)?;
        self.open_link(id, &access).await?;
        self.joiners.take_turn(id, session.device_id, self.clock.now())?;
        let shown = self.group_by_link(id, session.account_id, access.key()).await;
        if shown.is_err() {
            self.joiners.end_turn(id, session.device_id);
        }
        shown
    }

    async fn group_by_link(
        &self,
        id: ConversationId,
        account_id: AccountId,
        key: LinkPublicKey,
    ) -> Result<GroupState, Problem> {
        let group = self.store.group(id).await?.ok_or(LinkClosed::Unknown)?;
        self.group_state(id, group, move |view| check_lets_in(view, account_id, &key))
            .await
    }

    /// Keeps a request to join for those who may add people.
    pub(super) async fn ask_to_join(&self, session: &Session, ask: AskToJoin) -> Result<(), Problem> {
        let id = conversation_id(&ask.conversation_id)?;
        let key = access(session, id, &ask.access)?.key();
        if !ask.note.is_empty() {
            bounded("note", &ask.note, limits::JOIN_NOTE_MAX)?;
        }
        let signature = signature("signature", &ask.signature)?;
        if signature.key() != key {
            return Err(malformed("access and signature are of different links"));
        }
        signature
            .verify_request(id, session.account_id, &ask.note)
            .map_err(|_| invalid_signature())?;
        self.links.check(session.device_id)?;
        self.join_requests.check(session.account_id)?;
        if !self.open_link(id, &signature).await?.needs_approval {
            let detail = "this link lets in without asking";
            return Err(Problem::new(ProblemCode::Forbidden, detail));
        }
        let policy = self.load_view(id).await?.view.policy().clone();
        if !policy.admits(session.account_id) {
            return Err(Problem::new(ProblemCode::Banned, ""));
        }
        let write = JoinRequestWrite {
            conversation_id: id,
            link_id: key.id(),
            request: JoinRequestRecord {
                account_id: session.account_id,
                signature: signature.encode(),
                note: ask.note,
                asked_at: self.clock.now(),
            },
            requests_max: limits::JOIN_REQUESTS_MAX,
        };
        self.store.ask_to_join(write).await??;
        // Of those who may decide, those who have a role learn of it at once, and others when they look.
        for (account_id, _) in policy.roles().filter(|(account, _)| policy.may_add(*account)) {
            self.notify_account(account_id, &[]).await;
        }
        Ok(())
    }

    pub(super) async fn take_back_request(
        &self,
        session: &Session,
        take_back: &TakeBackRequest,
    ) -> Result<(), Problem> {
        let id = conversation_id(&take_back.conversation_id)?;
        Ok(self.store.drop_join_request(id, session.account_id).await?)
    }

    /// The requests that wait, for whoever may add people.
    pub(super) async fn fetch_join_requests(
        &self,
        session: &Session,
        fetch: &FetchJoinRequests,
    ) -> Result<JoinRequests, Problem> {
        let id = conversation_id(&fetch.conversation_id)?;
        self.check_decides(id, session.account_id).await?;
        let requests = self.store.join_requests(id).await?;
        Ok(JoinRequests {
            requests: requests.into_iter().map(join_request).collect(),
        })
    }

    /// Drops the request of somebody who is not let in.
    pub(super) async fn deny_request(&self, session: &Session, deny: &DenyRequest) -> Result<(), Problem> {
        let id = conversation_id(&deny.conversation_id)?;
        let denied = account_id(&deny.account_id)?;
        self.check_decides(id, session.account_id).await?;
        Ok(self.store.drop_join_request(id, denied).await?)
    }

    /// What a link leads to, for anybody.
    pub async fn invite_link(&self, link_id: LinkId) -> Result<rest::InviteLink, Problem> {
        let link = self.store.link(link_id).await?.ok_or(LinkClosed::Unknown)?;
        link.check(self.clock.now())?;
        Ok(rest::InviteLink {
            conversation_id: link.conversation_id,
            needs_approval: link.needs_approval,
            members: u32::try_from(link.members).unwrap_or(u32::MAX),
            preview: Base64(link.preview.to_vec()),
        })
    }

    /// The link of a conversation that somebody claims to have, if it still works.
    pub(super) async fn open_link(
        &self,
        id: ConversationId,
        signature: &LinkSignature,
    ) -> Result<LinkRecord, Problem> {
        let found = self.store.link(signature.key().id()).await?;
        let link = found.filter(|link| link.conversation_id == id);
        let link = link.ok_or(LinkClosed::Unknown)?;
        link.check(self.clock.now())?;
        Ok(link)
    }

    async fn check_is_of(&self, id: ConversationId, account_id: AccountId) -> Result<(), Problem> {
        if self.store.is_conversation_of(id, account_id).await? {
            Ok(())
        } else {
            Err(LogRefusal::NotAMember.into())
        }
    }

    /// Checks that an account decides who comes into a conversation.
    async fn check_decides(&self, id: ConversationId, account_id: AccountId) -> Result<(), Problem> {
        self.check_is_of(id, account_id).await?;
        check_may_add(self.load_view(id).await?.view.policy(), account_id)
    }
}

fn check_may_add(policy: &GroupPolicy, account_id: AccountId) -> Result<(), Problem> {
    if policy.may_add(account_id) {
        Ok(())
    } else {
        Err(Problem::new(
            ProblemCode::Forbidden,
            "the account may not add people",
        ))
    }
}

/// Checks that an account may enter a group by a link, apart from what the server decides about the link.
fn check_lets_in(view: &PublicView, account_id: AccountId, key: &LinkPublicKey) -> Result<(), Problem> {
    let policy = view.policy();
    if policy.link(key).ok_or(LinkClosed::Unknown)?.needs_approval {
        return Err(Problem::new(ProblemCode::LinkNeedsApproval, ""));
    }
    if !policy.admits(account_id) {
        return Err(Problem::new(ProblemCode::Banned, ""));
    }
    let count = |members: Result<usize, _>| members.map_err(|error| problems::invalid_mls(&error));
    let leaves = count(view.members().map(|members| members.len()))?;
    let leaving = count(view.leavers().map(|leavers| leavers.len()))?;
    if leaves.saturating_sub(leaving) >= LEAVES_MAX {
        return Err(Problem::new(ProblemCode::GroupFull, ""));
    }
    Ok(())
}

/// Reads the proof that this device has a link of a conversation.
fn access(session: &Session, id: ConversationId, bytes: &Bytes) -> Result<LinkSignature, Problem> {
    let access = signature("access", bytes)?;
    access
        .verify_access(id, session.account_id, session.device_id)
        .map_err(|_| invalid_signature())?;
    Ok(access)
}

fn signature(what: &str, bytes: &Bytes) -> Result<LinkSignature, Problem> {
    LinkSignature::decode(bytes).ok_or_else(|| malformed(format!("{what} is not the signature of a link")))
}

fn invalid_signature() -> Problem {
    Problem::new(
        ProblemCode::InvalidKeyMaterial,
        "the link has not signed for this conversation, account and device",
    )
}

fn link(record: &LinkRecord) -> Link {
    Link {
        link_id: id_bytes(record.link_id.as_bytes()),
        uses: u32::try_from(record.uses).unwrap_or(u32::MAX),
        uses_max: record.uses_max.unwrap_or_default(),
        expires_at_ms: record.expires_at.unwrap_or_default().as_millis(),
        created_at_ms: record.created_at.as_millis(),
    }
}

fn join_request(record: JoinRequestRecord) -> JoinRequest {
    JoinRequest {
        account_id: id_bytes(record.account_id.as_bytes()),
        signature: Bytes::copy_from_slice(&record.signature),
        note: record.note,
        asked_at_ms: record.asked_at.as_millis(),
    }
}
