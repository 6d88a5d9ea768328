//! `FetchGroup`: what a device needs to join its account's conversation by an external commit. `FetchTree`: what it needs
//! besides a Welcome.

use bytes::Bytes;
use subrosa_mls::{PublicView, ViewError};
use subrosa_wire::{
    ConversationId,
    frames::{FetchGroup, FetchTree, GroupState, Problem, RatchetTree},
};

use super::{
    Service,
    hot_view::HotView,
    problems,
    requests::{conversation_id, hash_bytes, id_bytes, malformed},
};
use crate::{
    session::Session,
    store::delivery::{GroupRecord, LogRefusal},
};

impl Service {
    pub(super) async fn fetch_group(
        &self,
        session: &Session,
        fetch: &FetchGroup,
    ) -> Result<GroupState, Problem> {
        let id = conversation_id(&fetch.conversation_id)?;
        let group = self.store.group_for(id, session.account_id).await?;
        let group = group.ok_or_else(|| Problem::from(LogRefusal::NotAMember))?;
        self.group_state(id, group, |_| Ok(())).await
    }

    /// A group as whoever wants to enter it sees it, unless `check` refuses that.
    pub(super) async fn group_state(
        &self,
        id: ConversationId,
        group: GroupRecord,
        check: impl FnOnce(&PublicView) -> Result<(), Problem> + Send + 'static,
    ) -> Result<GroupState, Problem> {
        if group.group_info.is_empty() {
            // Whoever puts the log back has more to come.
            return Err(problems::unavailable("the conversation is being restored"));
        }
        let (group, ratchet_tree, leaves) = self
            .validation
            .run(move || {
                let invalid = |error: ViewError| problems::invalid_mls(&error);
                let HotView { view, .. } = HotView::load(&group).map_err(invalid)?;
                check(&view)?;
                let tree = view.ratchet_tree().map_err(invalid)?;
                Ok::<_, Problem>((group, tree, view.leaves()))
            })
            .await??;
        Ok(GroupState {
            conversation_id: id_bytes(id.as_bytes()),
            epoch: group.epoch,
            head_seq: group.head_seq,
            group_info: group.group_info,
            ratchet_tree: Bytes::from(ratchet_tree),
            head_hash: hash_bytes(group.head_hash),
            leaves: leaves.into_iter().map(Bytes::from).collect(),
        })
    }

    pub(super) async fn fetch_tree(
        &self,
        session: &Session,
        fetch: &FetchTree,
    ) -> Result<RatchetTree, Problem> {
        let id = conversation_id(&fetch.conversation_id)?;
        let hash = fetch.tree_hash[..].try_into();
        let hash = hash.map_err(|_| malformed("tree_hash has 32 bytes"))?;
        let tree = self.store.ratchet_tree(id, session.account_id, hash).await?;
        Ok(RatchetTree {
            ratchet_tree: tree.unwrap_or_default(),
        })
    }
}
