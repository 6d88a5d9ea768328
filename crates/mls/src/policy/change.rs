//! Whether a commit may change a group as it does. Judged by the policy before it; the one after it must be well-formed.

use std::collections::BTreeSet;

use subrosa_wire::AccountId;

use super::{ConversationKind, GroupPolicy, Rights, Role};
use crate::{
    keys::LinkPublicKey,
    limits::LEAVES_MAX,
    link::{JoinStatement, LinkSignature},
};

/// What a commit does to a group, by accounts.
pub(crate) struct Change<'a> {
    /// The account of the device that makes the commit.
    pub(crate) by: AccountId,
    pub(crate) before: &'a GroupPolicy,
    pub(crate) after: &'a GroupPolicy,
    /// The accounts that have leaves after it.
    pub(crate) members_after: &'a BTreeSet<AccountId>,
    /// The accounts of leaves that are added, without that of a device that joins.
    pub(crate) added: &'a BTreeSet<AccountId>,
    /// The accounts of leaves that are removed.
    pub(crate) removed: &'a BTreeSet<AccountId>,
}

/// Why a group must not be changed so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotPermitted {
    /// Something changes that is fixed when the conversation is created.
    #[error("the kind, the founding and the accounts of a conversation never change")]
    Fixed,
    /// A device joins although its account has no device in the group, and without a link.
    #[error("account {0} is not a member")]
    Join(AccountId),
    /// A device joins by a link that the group does not have.
    #[error("account {0} comes by a link that the group does not have")]
    JoinByUnknownLink(AccountId),
    /// A device joins by a link by which one only asks.
    #[error("account {0} comes by a link that only lets one ask to join")]
    JoinUnasked(AccountId),
    /// A device joins by a link that has not signed for it, in this group and epoch.
    #[error("account {0} comes by a link that has not signed for it")]
    JoinUnsigned(AccountId),
    /// The committer may not add people.
    #[error("account {0} may not add people")]
    Add(AccountId),
    /// The committer may not remove this account.
    #[error("account {by} may not remove {whom}")]
    Remove {
        /// The account that wants to.
        by: AccountId,
        /// The account that would be removed.
        whom: AccountId,
    },
    /// Somebody would be removed with some devices only.
    #[error("a removal must remove all devices of {0}")]
    RemovedInPart(AccountId),
    /// The committer may not give this account this role, or take its role away.
    #[error("account {by} may not change the role of {whom}")]
    Role {
        /// The account that wants to.
        by: AccountId,
        /// The account whose role would change.
        whom: AccountId,
    },
    /// The committer may not change these rights.
    #[error("account {0} may not change the rights")]
    Rights(AccountId),
    /// The committer may not make or revoke invite links.
    #[error("account {0} may not change the invite links")]
    Links(AccountId),
    /// The committer may not ban or readmit people.
    #[error("account {0} may not change who is banned")]
    Ban(AccountId),
    /// The committer may not change parts of the policy that this build does not know.
    #[error("account {0} may not change the policy")]
    Policy(AccountId),
    /// A role is given to, or left with, an account that is not a member.
    #[error("account {0} has a role and is not a member")]
    RoleOfNobody(AccountId),
    /// The group would have too many devices.
    #[error("a group has at most {LEAVES_MAX} devices")]
    Full,
    /// Somebody is a member and banned.
    #[error("account {0} is banned")]
    Banned(AccountId),
}

impl GroupPolicy {
    /// Whether a member may add people, by hand or by a link. So they may also make, change and revoke links.
    pub fn may_add(&self, by: AccountId) -> bool {
        self.role_of(by) >= self.rights.add
    }

    /// Whether a member may remove another one.
    pub fn may_remove(&self, by: AccountId, whom: AccountId) -> bool {
        let rank = self.role_of(by);
        rank >= self.rights.remove && self.role_of(whom) < rank
    }

    /// Whether a member may ban somebody, who is then removed if they are a member, or readmit them.
    pub fn may_ban(&self, by: AccountId, whom: AccountId) -> bool {
        by != whom && self.role_of(by) >= self.rights.remove && self.role_of(whom) < self.role_of(by)
    }

    /// Whether a member may change the name, the picture and the description.
    pub fn may_change_profile(&self, by: AccountId) -> bool {
        self.role_of(by) >= self.rights.profile
    }

    /// Whether a member may write messages.
    pub fn may_post(&self, by: AccountId) -> bool {
        self.role_of(by) >= self.rights.post
    }

    /// Whether a member may change the rights to these: admins move each between levels up to their own.
    pub fn may_change_rights(&self, by: AccountId, to: &Rights) -> bool {
        let rank = self.role_of(by);
        let mut changed = self
            .rights
            .all()
            .into_iter()
            .zip(to.all())
            .filter(|(old, new)| old != new);
        changed.all(|(old, new)| rank >= Role::Admin && rank >= old && rank >= new)
    }

    /// Whether nobody but this account is an owner.
    pub fn is_only_owner(&self, account: AccountId) -> bool {
        let mut owners = self.roles.iter().filter(|(_, role)| **role == Role::Owner);
        owners.next().is_some_and(|(owner, _)| *owner == account) && owners.next().is_none()
    }

    /// Whether a member may give a member this role: one gives up one's own role, and changes roles below it. Only owners
    /// make and unmake owners. In a group without an owner whoever has the highest role that there is stands in.
    pub fn may_give_role(&self, by: AccountId, whom: AccountId, role: Role) -> bool {
        let highest = self.roles.values().copied().max().unwrap_or_default();
        let (rank, old) = (self.role_of(by), self.role_of(whom));
        let gives_up = whom == by && role < old;
        let is_below = old < rank && role < rank;
        rank == highest || gives_up || is_below
    }
}

impl Change<'_> {
    /// Checks everything. Does nothing for conversations that name their accounts: nothing in their policies ever changes,
    /// which [`crate::rules`] sees to.
    pub(crate) fn check(&self) -> Result<(), NotPermitted> {
        if self.before.kind != ConversationKind::Group {
            return Ok(());
        }
        if (self.before.kind, &self.before.accounts) != (self.after.kind, &self.after.accounts) {
            return Err(NotPermitted::Fixed);
        }
        self.check_members()?;
        self.check_roles()?;
        self.check_rights()?;
        self.check_links()?;
        self.check_bans()?;
        if self.before.unknown != self.after.unknown && self.rank() < Role::Owner {
            return Err(NotPermitted::Policy(self.by));
        }
        Ok(())
    }

    /// The committer's role before the commit.
    fn rank(&self) -> Role {
        self.before.role_of(self.by)
    }

    fn check_members(&self) -> Result<(), NotPermitted> {
        let by = self.by;
        if self.added.iter().any(|account| *account != by) && !self.before.may_add(by) {
            return Err(NotPermitted::Add(by));
        }
        for whom in self.removed.iter().copied().filter(|account| *account != by) {
            if !self.before.may_remove(by, whom) {
                return Err(NotPermitted::Remove { by, whom });
            }
            if self.members_after.contains(&whom) {
                return Err(NotPermitted::RemovedInPart(whom));
            }
        }
        Ok(())
    }

    fn check_roles(&self) -> Result<(), NotPermitted> {
        let (by, before, after) = (self.by, self.before, self.after);
        let named: BTreeSet<_> = before.roles.keys().chain(after.roles.keys()).copied().collect();
        for whom in named {
            let (old, new) = (before.role_of(whom), after.role_of(whom));
            if new > Role::Member && !self.members_after.contains(&whom) {
                return Err(NotPermitted::RoleOfNobody(whom));
            }
            // Whoever is removed loses the role with it.
            let leaves = !self.members_after.contains(&whom);
            if old != new && !leaves && !before.may_give_role(by, whom, new) {
                return Err(NotPermitted::Role { by, whom });
            }
        }
        Ok(())
    }

    fn check_rights(&self) -> Result<(), NotPermitted> {
        if self.before.may_change_rights(self.by, &self.after.rights) {
            Ok(())
        } else {
            Err(NotPermitted::Rights(self.by))
        }
    }

    /// Whoever removes somebody may drop all links with it, by which they could come back.
    fn check_links(&self) -> Result<(), NotPermitted> {
        let removes_somebody = self.removed.iter().any(|account| *account != self.by);
        let drops_all = removes_somebody && self.after.links.is_empty();
        if self.before.links == self.after.links || self.before.may_add(self.by) || drops_all {
            Ok(())
        } else {
            Err(NotPermitted::Links(self.by))
        }
    }

    fn check_bans(&self) -> Result<(), NotPermitted> {
        if let Some(account) = self.after.banned.intersection(self.members_after).next() {
            return Err(NotPermitted::Banned(*account));
        }
        if self.before.banned != self.after.banned && self.rank() < self.before.rights.remove {
            return Err(NotPermitted::Ban(self.by));
        }
        Ok(())
    }
}

/// Checks that a device of an account that is not a member may join, as a member without a role. Returns the link by
/// which it comes.
pub(crate) fn check_join(
    policy: &GroupPolicy,
    link: Option<&LinkSignature>,
    join: &JoinStatement<'_>,
) -> Result<LinkPublicKey, NotPermitted> {
    let account_id = join.account_id();
    let signature = link.ok_or(NotPermitted::Join(account_id))?;
    let key = signature.key();
    let unknown = NotPermitted::JoinByUnknownLink(account_id);
    if policy.link(&key).ok_or(unknown)?.needs_approval {
        return Err(NotPermitted::JoinUnasked(account_id));
    }
    let verified = signature.verify_join(join);
    verified.map_err(|_| NotPermitted::JoinUnsigned(account_id))?;
    Ok(key)
}

/// Checks that the members of a group fit its policy, for one that is seen for the first time.
pub(crate) fn check_members(policy: &GroupPolicy, members: &BTreeSet<AccountId>) -> Result<(), NotPermitted> {
    if let Some(account) = policy.banned.intersection(members).next() {
        return Err(NotPermitted::Banned(*account));
    }
    match policy.roles.keys().find(|account| !members.contains(account)) {
        Some(account) => Err(NotPermitted::RoleOfNobody(*account)),
        None => Ok(()),
    }
}
