//! `FetchGroup`: what a device needs to join its account's conversation by an external commit. `FetchTree`: what it needs
//! besides a Welcome.

use bytes::Bytes;
use subrosa_mls::ViewError;
use subrosa_wire::frames::{FetchGroup, FetchTree, GroupState, Problem, RatchetTree};

use super::{
    Service,
    hot_view::HotView,
    problems,
    requests::{conversation_id, hash_bytes, malformed},
};
use crate::{session::Session, store::delivery::LogRefusal};

impl Service {
    pub(super) async fn fetch_group(
        &self,
        session: &Session,
        fetch: &FetchGroup,
    ) -> Result<GroupState, Problem> {
        let id = conversation_id(&fetch.conversation_id)?;
        let group = self.store.group_for(id, session.account_id).await?;
        let group = group.ok_or_else(|| Problem::from(LogRefusal::NotAMember))?;
        if group.group_info.is_empty() {
            // Whoever puts the log back has more to come.
            return Err(problems::unavailable("the conversation is being restored"));
        }
        let (group, ratchet_tree, leaves) = self
            .validation
            .run(move || {
                let HotView { view, .. } = HotView::load(&group)?;
                Ok((group, view.ratchet_tree()?, view.leaves()))
            })
            .await?
            .map_err(|error: ViewError| problems::invalid_mls(&error))?;
        Ok(GroupState {
            conversation_id: fetch.conversation_id.clone(),
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
