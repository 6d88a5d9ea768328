//! Invite links, and requests to join.
//!
//! Whether a link is one of its group was decided by the group's policy; the store adds what only a transaction can: that a
//! link lets in as many as it may, that it goes with the commit that revokes it, and how many requests wait.

use async_trait::async_trait;
use bytes::Bytes;
use subrosa_mls::{GroupPolicy, LINK_SIGNATURE_LEN};
use subrosa_wire::{AccountId, ConversationId, LinkId, Timestamp};

use super::{StoreError, delivery::LogRefusal};

/// What a member decides about a link.
#[derive(Debug, Clone)]
pub struct LinkWrite {
    /// The link.
    pub link_id: LinkId,
    /// Its conversation.
    pub conversation_id: ConversationId,
    /// The account that decides.
    pub account_id: AccountId,
    /// The epoch of the group whose policy has the link.
    pub epoch: u64,
    /// Whether one only asks by it, as the policy says.
    pub needs_approval: bool,
    /// How many accounts may come by it; `None` for any number.
    pub uses_max: Option<u32>,
    /// When it stops to work; `None` for never.
    pub expires_at: Option<Timestamp>,
    /// What those see who have it.
    pub preview: Bytes,
    /// The server's time.
    pub now: Timestamp,
}

/// A link that a group has after a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptLink {
    /// The link.
    pub link_id: LinkId,
    /// Whether one only asks by it.
    pub needs_approval: bool,
}

impl KeptLink {
    /// Those of a policy.
    pub fn all(policy: &GroupPolicy) -> Vec<Self> {
        let links = policy.links().iter().map(|link| Self {
            link_id: link.key.id(),
            needs_approval: link.needs_approval,
        });
        links.collect()
    }
}

/// A link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkRecord {
    /// The link.
    pub link_id: LinkId,
    /// Its conversation.
    pub conversation_id: ConversationId,
    /// How many accounts are in that.
    pub members: u64,
    /// Whether one only asks by it.
    pub needs_approval: bool,
    /// How many accounts have come by it.
    pub uses: u64,
    /// How many may; `None` for any number.
    pub uses_max: Option<u32>,
    /// When it stops to work; `None` for never.
    pub expires_at: Option<Timestamp>,
    /// What those see who have it; empty once it is revoked.
    pub preview: Bytes,
    /// When it was put first.
    pub created_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Why nobody comes by a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkClosed {
    /// There is none, or it is one of another conversation.
    Unknown,
    /// The group's policy lost it.
    Revoked,
    /// Its time is over.
    Expired,
    /// As many have come by it as may.
    UsedUp,
}

impl LinkRecord {
    /// Whether somebody may come by it, or ask to.
    pub fn check(&self, now: Timestamp) -> Result<(), LinkClosed> {
        if self.revoked_at.is_some() {
            return Err(LinkClosed::Revoked);
        }
        if self.expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Err(LinkClosed::Expired);
        }
        if self.uses_max.is_some_and(|max| self.uses >= u64::from(max)) {
            return Err(LinkClosed::UsedUp);
        }
        Ok(())
    }
}

/// An account asks to join.
#[derive(Debug, Clone)]
pub struct JoinRequestWrite {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The link by which it comes.
    pub link_id: LinkId,
    /// The request.
    pub request: JoinRequestRecord,
    /// The most requests that may wait in a conversation.
    pub requests_max: usize,
}

/// A request to join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinRequestRecord {
    /// Who asks.
    pub account_id: AccountId,
    /// The signature of the link.
    pub signature: [u8; LINK_SIGNATURE_LEN],
    /// What the account has sealed for those who decide; may be empty.
    pub note: Bytes,
    /// When it asked.
    pub asked_at: Timestamp,
}

/// Why nobody can ask so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskRefusal {
    /// Nobody comes by this link.
    Link(LinkClosed),
    /// The account is in the conversation.
    IsMember,
    /// Too many wait already.
    TooMany,
}

/// The storage of invite links. Every write is durable when its future resolves.
///
/// Uses are counted, and revoked links closed, by the writes of [`DeliveryStore`](super::DeliveryStore).
#[async_trait]
pub trait LinkStore: Send + Sync {
    /// Sets what is decided about a link, if the group is in the epoch that the write names. What was used counts on. A
    /// link of another conversation is none.
    async fn put_link(&self, write: LinkWrite) -> Result<Result<(), LogRefusal>, StoreError>;

    /// A link, also one that is closed.
    async fn link(&self, link_id: LinkId) -> Result<Option<LinkRecord>, StoreError>;

    /// The links of a conversation that are not revoked, the oldest first; `None` if it is not one of the account.
    async fn links(
        &self,
        conversation_id: ConversationId,
        account_id: AccountId,
    ) -> Result<Option<Vec<LinkRecord>>, StoreError>;

    /// Keeps a request, which replaces one of the same account. It waits until the account comes in, the link is revoked, or
    /// it is dropped.
    async fn ask_to_join(&self, write: JoinRequestWrite) -> Result<Result<(), AskRefusal>, StoreError>;

    /// The requests that wait in a conversation, the oldest first.
    async fn join_requests(
        &self,
        conversation_id: ConversationId,
    ) -> Result<Vec<JoinRequestRecord>, StoreError>;

    /// Drops the request of an account, if there is one.
    async fn drop_join_request(
        &self,
        conversation_id: ConversationId,
        account_id: AccountId,
    ) -> Result<(), StoreError>;

    /// Forgets links that were revoked, and requests that were made, before these instants.
    async fn forget_links(
        &self,
        revoked_before: Timestamp,
        asked_before: Timestamp,
    ) -> Result<(), StoreError>;
}
