//! Who asks to join a group, as those see it who decide about that.
//!
//! What the server says of it is kept for the connection only: it has the requests, and drops them when the account comes in.
//! Each is checked against the links of the group, so the server can hide one, and make up none.

use subrosa_mls::{GroupPolicy, LinkSignature};
use subrosa_wire::{
    AccountId, Timestamp,
    frames::{DenyRequest, FetchJoinRequests, JoinRequest, JoinRequests, Problem, client_frame::Request},
};

use super::Conversation;
use crate::{
    api::{CommandError, Event},
    context::{Context, StepResult, is_transient},
    directory,
    join_note::Asking,
    misbehaviour::Misbehaviour,
    requests::PendingRequest,
    store::contacts,
};

impl Conversation {
    /// Wants to know who asks to join.
    pub(crate) fn look_at_join_requests(&mut self, cx: &mut Context<'_>) -> StepResult {
        self.policy_to_add(cx)?;
        self.fetch_join_requests(cx);
        Ok(())
    }

    /// Wants somebody in the group who asks to join it. The server drops the request once they are.
    pub(crate) fn approve_request(&mut self, cx: &mut Context<'_>, account: AccountId) -> StepResult {
        self.policy_to_add(cx)?;
        let contact = contacts::find(cx.conn, account)?;
        let is_known = contact.is_some_and(|contact| contact.handle.is_some());
        let asking = cx.connection.join_requests.get(&self.chat());
        let asks = asking.is_none_or(|asking| asking.iter().any(|one| one.account == account));
        if !(is_known && asks) {
            return Err(CommandError::UnknownJoinRequest.into());
        }
        self.add_members(cx, &[account])
    }

    /// Refuses somebody who asks to join.
    pub(crate) fn deny_request(&mut self, cx: &mut Context<'_>, account: AccountId) -> StepResult {
        self.policy_to_add(cx)?;
        if !cx.connection.is_open {
            return Err(CommandError::NotConnected.into());
        }
        let (chat, id) = (self.chat(), self.id());
        let asking = cx.connection.join_requests.get(&chat);
        if asking.is_none_or(|asking| asking.iter().all(|one| one.account != account)) {
            return Err(CommandError::UnknownJoinRequest.into());
        }
        let pending = PendingRequest::DenyRequest { chat, account };
        if !cx.requests.is_pending(pending) {
            let request = DenyRequest {
                conversation_id: id.to_vec().into(),
                account_id: account.to_vec().into(),
            };
            cx.request(pending, Request::DenyRequest(request));
        }
        Ok(())
    }

    /// Finds out whether this account decides about requests to join, and fetches those that wait.
    pub(super) fn tend_join_requests(&mut self, cx: &mut Context<'_>) -> StepResult {
        if !self.is_group() {
            return Ok(());
        }
        let (chat, id, me) = (self.chat(), self.id(), cx.me.account_id);
        let policy = self.group.load(cx, id)?.policy();
        let decides = decides(policy, me);
        if let Some(asking) = cx.connection.join_requests.get_mut(&chat) {
            let before = asking.len();
            asking.retain(|one| may_ask(policy, one));
            if asking.len() < before {
                self.join_requests_changed(cx);
            }
        }
        if decides && !self.live.are_join_requests_fetched && cx.requests.have_room() {
            self.live.are_join_requests_fetched = true;
            self.fetch_join_requests(cx);
        }
        if !decides && cx.connection.join_requests.remove(&chat).is_some() {
            self.join_requests_changed(cx);
        }
        Ok(())
    }

    fn fetch_join_requests(&self, cx: &mut Context<'_>) {
        let pending = PendingRequest::FetchJoinRequests { chat: self.chat() };
        if !cx.requests.is_pending(pending) {
            let conversation_id = self.id().to_vec().into();
            cx.request(
                pending,
                Request::FetchJoinRequests(FetchJoinRequests { conversation_id }),
            );
        }
    }

    /// Handles what the server says of who asks to join.
    pub(crate) fn join_requests_fetched(
        &mut self,
        cx: &mut Context<'_>,
        fetched: &JoinRequests,
    ) -> StepResult {
        let id = self.id();
        let Some(policy) = self.group.find(cx, id)?.map(|group| group.policy().clone()) else {
            return Ok(());
        };
        let mut asking: Vec<Asking> = Vec::new();
        for request in &fetched.requests {
            match self.read_request(&policy, request) {
                Ok(Some(one)) if asking.iter().all(|other| other.account != one.account) => asking.push(one),
                Ok(_) => {}
                Err(how) => self.server_misbehaved(cx, how),
            }
        }
        for one in &asking {
            directory::wonder(cx, one.account)?;
        }
        cx.connection.join_requests.insert(self.chat(), asking);
        self.join_requests_changed(cx);
        Ok(())
    }

    /// Reads a request; `None` if it is too late for it.
    fn read_request(
        &self,
        policy: &GroupPolicy,
        request: &JoinRequest,
    ) -> Result<Option<Asking>, Misbehaviour> {
        let forged = Misbehaviour::JoinRequestForged;
        let account = AccountId::try_from(&request.account_id[..]).map_err(|_| forged.clone())?;
        let signature = LinkSignature::decode(&request.signature).ok_or_else(|| forged.clone())?;
        signature
            .verify_request(self.id(), account, &request.note)
            .map_err(|_| forged)?;
        let asking = Asking {
            account,
            link: signature.key().id(),
            note: request.note.to_vec(),
            asked_at: Timestamp::from_millis(request.asked_at_ms),
        };
        Ok(may_ask(policy, &asking).then_some(asking))
    }

    /// Notes that the server has dropped a request.
    pub(crate) fn request_denied(&self, cx: &mut Context<'_>, account: AccountId) {
        if let Some(asking) = cx.connection.join_requests.get_mut(&self.chat()) {
            asking.retain(|one| one.account != account);
        }
        self.join_requests_changed(cx);
    }

    /// Handles that the server does not show who asks, or does not drop a request.
    pub(crate) fn join_requests_refused(&mut self, cx: &mut Context<'_>, problem: &Problem) {
        if is_transient(problem) {
            // With the next Sync.
            self.live.are_join_requests_fetched = false;
        }
        // Whoever waits for the answer looks again.
        self.join_requests_changed(cx);
    }

    fn join_requests_changed(&self, cx: &mut Context<'_>) {
        cx.event(Event::JoinRequestsChanged(self.chat()));
        self.changed(cx);
    }
}

/// Whether somebody may ask by the link that they have: it may have been revoked since, and the account banned.
fn may_ask(policy: &GroupPolicy, asking: &Asking) -> bool {
    let link = policy.links().iter().find(|link| link.key.id() == asking.link);
    link.is_some_and(|link| link.needs_approval) && policy.admits(asking.account)
}

/// Whether an account decides about requests to join.
fn decides(policy: &GroupPolicy, account: AccountId) -> bool {
    policy.may_add(account) && policy.links().iter().any(|link| link.needs_approval)
}
