//! The MLS group of a conversation, loaded when first used and then kept in memory.

use subrosa_mls::Group;
use subrosa_wire::ConversationId;

use crate::{
    api::EngineError,
    context::{Context, StepResult},
};

/// A group, with the number of its members, if it is in memory.
///
/// It matches the database whenever a step is committed. After an MLS error or a rollback it may be ahead, so it is
/// dropped.
#[derive(Default)]
pub(super) struct LoadedGroup(Option<(Group, usize)>);

impl LoadedGroup {
    /// The group, loaded if it is not in memory; `None` if there is none.
    pub(super) fn find(
        &mut self,
        cx: &mut Context<'_>,
        id: ConversationId,
    ) -> StepResult<Option<&mut Group>> {
        if self.0.is_none()
            && let Some(group) = cx.mls().load_group(id)?
        {
            self.replace(group);
        }
        Ok(self.0.as_mut().map(|(group, _)| group))
    }

    /// The group of a conversation that has one.
    pub(super) fn load(&mut self, cx: &mut Context<'_>, id: ConversationId) -> StepResult<&mut Group> {
        self.find(cx, id)?
            .ok_or_else(|| EngineError::Inconsistent("a conversation without its group".to_owned()))
    }

    /// Keeps a group that was just created or joined.
    pub(super) fn replace(&mut self, group: Group) {
        let members = group.member_count();
        self.0 = Some((group, members));
    }

    /// Drops the group from memory; it is loaded again when needed.
    pub(super) fn unload(&mut self) {
        self.0 = None;
    }

    /// Deletes the group, in memory and in the database.
    pub(super) fn delete(&mut self, cx: &mut Context<'_>, id: ConversationId) -> StepResult {
        self.unload();
        Ok(cx.mls().delete_group(id)?)
    }

    /// How many leaves are in memory, counted when the group was loaded.
    pub(super) fn loaded_leaves(&self) -> usize {
        self.0.as_ref().map_or(0, |(_, members)| *members)
    }
}
