//! The ratchet tree that a Welcome leads to: it comes along if it is small, and is fetched if it is large. Where the server
//! does not keep it any more, this device joins by an external commit.

use subrosa_mls::{JoinError, payload_hash};
use subrosa_wire::{
    ConversationId,
    frames::{FetchTree, Problem, RatchetTree, WelcomeItem, client_frame::Request},
};

use super::Conversations;
use crate::{
    context::{Context, StepResult, is_transient},
    key_packages,
    misbehaviour::Misbehaviour,
    requests::PendingRequest,
    store::{conversations, if_readable},
};

/// What has become of a Welcome.
pub(super) enum Handled {
    /// It is never needed again.
    Done,
    /// It is handled again once its tree is here.
    WaitsForTree,
}

/// Where the tree is.
pub(super) enum Tree {
    /// With the Welcome, unless that cannot be opened anyway.
    Here,
    /// It was requested, or will be.
    IsFetched,
    /// Nowhere.
    Gone,
}

/// Sees to it that the tree of a Welcome comes here, if this device can open the Welcome.
pub(super) fn tree_of(cx: &mut Context<'_>, id: ConversationId, item: &WelcomeItem) -> StepResult<Tree> {
    if !item.ratchet_tree.is_empty() {
        return Ok(Tree::Here);
    }
    match cx.mls().welcome_key(&item.welcome) {
        Ok(Some(_)) => {}
        Err(JoinError::Mls(error)) => return Err(error.into()),
        // What is wrong is found when it is opened.
        Ok(None) | Err(_) => return Ok(Tree::Here),
    }
    if item.tree_hash.is_empty() {
        return Ok(Tree::Gone);
    }
    if cx.connection.held_welcomes.hold(id, item) {
        cx.request(
            PendingRequest::FetchTree { id },
            Request::FetchTree(FetchTree {
                conversation_id: item.conversation_id.clone(),
                tree_hash: item.tree_hash.clone(),
            }),
        );
    }
    Ok(Tree::IsFetched)
}

impl Conversations {
    /// Handles the tree for a Welcome; an empty one if the server does not keep it any more.
    pub(crate) fn tree_fetched(
        &mut self,
        cx: &mut Context<'_>,
        id: ConversationId,
        tree: &RatchetTree,
    ) -> StepResult {
        let Some(mut item) = cx.connection.held_welcomes.take(id) else {
            return Ok(());
        };
        let is_right = payload_hash(&tree.ratchet_tree)[..] == item.tree_hash[..];
        if is_right {
            item.ratchet_tree = tree.ratchet_tree.clone();
        } else if !tree.ratchet_tree.is_empty() {
            let known = if_readable(conversations::find(cx.conn, id))?;
            let error =
                JoinError::Invalid("the ratchet tree is another one than the server has named".into());
            cx.misbehaved(known.map(|row| row.chat), Misbehaviour::WelcomeForged(error));
        }
        item.tree_hash.clear();
        self.welcome(cx, &item)?;
        if cx.connection.held_welcomes.take_room() {
            cx.sync_again();
        }
        key_packages::replace_used(cx)
    }

    /// Handles the refusal of the tree.
    pub(crate) fn fetch_tree_refused(
        &mut self,
        cx: &mut Context<'_>,
        id: ConversationId,
        problem: &Problem,
    ) -> StepResult {
        if is_transient(problem) {
            // The Welcome comes again with the next Sync.
            cx.connection.held_welcomes.take(id);
            cx.connection.sync_retry.back_off(cx.now, problem.retry_after_ms);
            return Ok(());
        }
        self.tree_fetched(cx, id, &RatchetTree::default())
    }
}
