//! Groups: what the user wants changed in them, and what their commits have changed.
//!
//! A wish is a row of its own until the group is as wished. It is judged anew in each epoch, so that it survives the loss of
//! a race; what can no longer be done is given up, and the user told.

use std::{collections::BTreeMap, time::Duration};

use subrosa_mls::{
    CommitError, CommitPlan, ConversationKind, Group, GroupPolicy, LeaveError, NotPermitted, PolicyError,
    Role, VerifiedKeyPackage,
};
use subrosa_wire::{AccountId, ConversationId, Timestamp};

use super::Conversation;
use crate::{
    ChatId,
    account::record::Decision,
    api::{CommandError, ConversationState, Event, GivenUp, NoticeKind, Rights, Standing, Warning},
    content::{DisplayName, GroupDescription},
    context::{Context, StepResult},
    directory,
    limits::{ADDED_ACCOUNTS_MAX, ADDED_AT_ONCE_MAX, GROUP_MEMBERS_MAX, WISH_AGE_MAX},
    profile_objects::{self, format::Picture},
    records,
    store::{
        contacts,
        conversations::{self, ConversationRow},
        corrupt, members, outbox,
        wishes::{self, Wish, WishRow},
    },
};

/// How long an account that has no key packages is left alone.
const NO_KEY_PACKAGES_RETRY: Duration = Duration::from_mins(1);
/// How long nobody is added whom the server has just refused.
const REFUSED_RETRY: Duration = Duration::from_mins(10);

/// Whom a wish is about that is about the group as a whole: no account has this id.
const NOBODY: AccountId = AccountId::from_bytes([0; 16]);

/// A change of a group, as far as it can be made now.
pub(super) enum NextChange {
    /// Nothing is wished.
    Nothing,
    /// Key packages are being claimed.
    Waits,
    /// Something, as soon as no ciphertext of this epoch is on its way.
    AfterSends,
    /// To be committed.
    Commit(CommitPlan),
    /// This device proposes to leave.
    Leave,
}

/// What a group is to be like, checked.
pub(crate) struct GroupToMake {
    pub name: DisplayName,
    pub description: Option<GroupDescription>,
    pub picture: Option<Picture>,
    pub rights: Rights,
    /// Who is in it besides this account; they are in the contacts.
    pub people: Vec<AccountId>,
}

/// Makes a group. Does nothing if there is a conversation with this id.
pub(crate) fn create_group(cx: &mut Context<'_>, id: ConversationId, new: GroupToMake) -> StepResult {
    if conversations::find(cx.conn, id)?.is_some() {
        return Ok(());
    }
    let me = cx.me.account_id;
    if new.people.len() >= GROUP_MEMBERS_MAX {
        return Err(CommandError::GroupFull.into());
    }
    if GroupPolicy::group(me).with_rights(new.rights).is_err() {
        return Err(CommandError::NotPermitted.into());
    }
    let state = ConversationState::Starting;
    let mut row = new_row(cx, (id, state), &new.name, new.description.as_ref())?;
    let chat = row.chat;
    row.profile_changed.picture = new.picture.is_some();
    conversations::update(cx.conn, &row)?;
    if new.picture.is_some() {
        profile_objects::group::give(cx, chat, new.picture)?;
    }
    if new.rights != Rights::DEFAULT {
        wishes::set(cx.conn, chat, (NOBODY, Wish::SetRights(new.rights)), cx.now)?;
    }
    records::decide(cx, id, Decision::Accepted)?;
    members::enter(cx.conn, chat, me, Role::Owner, 0)?;
    for account in new.people {
        members::enter(cx.conn, chat, account, Role::Member, 0)?;
    }
    cx.event(Event::ConversationChanged(chat));
    cx.touch(chat);
    Ok(())
}

/// The row of a group that is new here, with what it is called and about: to be stored.
pub(super) fn new_row(
    cx: &Context<'_>,
    (id, state): (ConversationId, ConversationState),
    name: &DisplayName,
    description: Option<&GroupDescription>,
) -> StepResult<ConversationRow> {
    let chat = conversations::insert(cx.conn, id, ConversationKind::Group, state, cx.now)?;
    let mut row =
        conversations::load(cx.conn, chat)?.ok_or_else(|| corrupt("a conversation that is gone"))?;
    row.title = Some(name.to_string());
    row.description = description.map(|text| text.as_str().to_owned());
    Ok(row)
}

/// The policy of a group that is being made.
pub(super) fn first_policy(cx: &Context<'_>, chat: ChatId) -> StepResult<GroupPolicy> {
    let mut policy = GroupPolicy::group(cx.me.account_id);
    for row in wishes::all(cx.conn, chat)? {
        if let Wish::SetRights(rights) = row.wish
            && let Ok(with_rights) = policy.clone().with_rights(rights)
        {
            policy = with_rights;
        }
    }
    Ok(policy)
}

impl Conversation {
    pub(super) fn is_group(&self) -> bool {
        self.record.kind() == ConversationKind::Group
    }

    // ---- what the user wants ----

    /// The policy of a group in which the user can change something. Who changes it wants to be in it.
    pub(super) fn policy_to_change(&mut self, cx: &mut Context<'_>) -> StepResult<GroupPolicy> {
        if !self.is_group() {
            return Err(CommandError::NotAGroup.into());
        }
        self.check_usable()?;
        if self.record.state() != ConversationState::Joined {
            return Err(CommandError::NotYet.into());
        }
        if self.record.standing() == Standing::Request {
            self.accept(cx)?;
        }
        let id = self.id();
        Ok(self.group.load(cx, id)?.policy().clone())
    }

    /// The same for whoever may add people, by hand or by links.
    pub(super) fn policy_to_add(&mut self, cx: &mut Context<'_>) -> StepResult<GroupPolicy> {
        let policy = self.policy_to_change(cx)?;
        if policy.may_add(cx.me.account_id) {
            Ok(policy)
        } else {
            Err(CommandError::NotPermitted.into())
        }
    }

    /// Wants people in the group. They are in the contacts.
    pub(crate) fn add_members(&mut self, cx: &mut Context<'_>, people: &[AccountId]) -> StepResult {
        let policy = self.policy_to_add(cx)?;
        if people.iter().any(|account| policy.banned().contains(account)) {
            return Err(CommandError::Banned.into());
        }
        let known = members::all(cx.conn, self.chat())?.len();
        if known + people.len() > GROUP_MEMBERS_MAX {
            return Err(CommandError::GroupFull.into());
        }
        for account in people {
            self.wish(cx, *account, Wish::Add)?;
        }
        Ok(())
    }

    /// Wants a member out of the group.
    pub(crate) fn remove_member(&mut self, cx: &mut Context<'_>, account: AccountId) -> StepResult {
        let policy = self.policy_to_change(cx)?;
        self.check_in_group(cx, account)?;
        if !policy.may_remove(cx.me.account_id, account) {
            return Err(CommandError::NotPermitted.into());
        }
        self.wish(cx, account, Wish::Remove)
    }

    /// Wants a member to have another role.
    pub(crate) fn give_role(&mut self, cx: &mut Context<'_>, account: AccountId, role: Role) -> StepResult {
        let policy = self.policy_to_change(cx)?;
        self.check_in_group(cx, account)?;
        if !policy.may_give_role(cx.me.account_id, account, role) {
            return Err(CommandError::NotPermitted.into());
        }
        if policy.is_only_owner(account) && role < Role::Owner {
            return Err(CommandError::LastOwner.into());
        }
        self.wish(cx, account, Wish::GiveRole(role))
    }

    /// Wants somebody out of the group, member or not, and kept out.
    pub(crate) fn ban(&mut self, cx: &mut Context<'_>, account: AccountId) -> StepResult {
        self.wish_about_ban(cx, account, Wish::Ban)
    }

    /// Wants somebody no longer kept out of the group.
    pub(crate) fn readmit(&mut self, cx: &mut Context<'_>, account: AccountId) -> StepResult {
        self.wish_about_ban(cx, account, Wish::Readmit)
    }

    fn wish_about_ban(&mut self, cx: &mut Context<'_>, account: AccountId, wish: Wish) -> StepResult {
        let policy = self.policy_to_change(cx)?;
        if !policy.may_ban(cx.me.account_id, account) {
            return Err(CommandError::NotPermitted.into());
        }
        self.wish(cx, account, wish)
    }

    /// Wants other rights in the group.
    pub(crate) fn set_rights(&mut self, cx: &mut Context<'_>, rights: Rights) -> StepResult {
        let policy = self.policy_to_change(cx)?;
        if !policy.may_change_rights(cx.me.account_id, &rights) || policy.with_rights(rights).is_err() {
            return Err(CommandError::NotPermitted.into());
        }
        self.wish(cx, NOBODY, Wish::SetRights(rights))
    }

    /// Refuses what this account may not say.
    pub(crate) fn check_may_post(&mut self, cx: &mut Context<'_>) -> StepResult {
        if self.may_post(cx, cx.me.account_id)? {
            Ok(())
        } else {
            Err(CommandError::NotPermitted.into())
        }
    }

    /// Whether an account may write messages here, as far as this device knows.
    pub(super) fn may_post(&mut self, cx: &mut Context<'_>, account: AccountId) -> StepResult<bool> {
        let id = self.id();
        if !self.is_group() {
            return Ok(true);
        }
        let group = self.group.find(cx, id)?;
        Ok(group.is_none_or(|group| group.policy().may_post(account)))
    }

    /// Wants this account out of the group. The only owner names a successor, unless nobody else is there.
    pub(crate) fn leave(&mut self, cx: &mut Context<'_>, successor: Option<AccountId>) -> StepResult {
        if self.is_group() && self.record.standing() == Standing::Request {
            return self.decline(cx);
        }
        if self.take_back_request(cx)? {
            return Ok(());
        }
        let policy = self.policy_to_change(cx)?;
        let me = cx.me.account_id;
        let members = members::all(cx.conn, self.chat())?;
        if policy.is_only_owner(me) && members.len() > 1 {
            let successor = successor.filter(|account| *account != me);
            let successor = successor.ok_or(CommandError::LastOwner)?;
            self.check_in_group(cx, successor)?;
            self.wish(cx, successor, Wish::GiveRole(Role::Owner))?;
        }
        self.wish(cx, me, Wish::Leave)
    }

    fn wish(&self, cx: &mut Context<'_>, account: AccountId, wish: Wish) -> StepResult {
        if account == cx.me.account_id && wish != Wish::Leave && self.is_leaving(cx)? {
            // The account's other devices may be out of the group by now.
            return Err(CommandError::NotAMember.into());
        }
        wishes::set(cx.conn, self.chat(), (account, wish), cx.now)?;
        self.changed(cx);
        cx.touch(self.chat());
        Ok(())
    }

    /// Whether the user wants to leave.
    fn is_leaving(&self, cx: &Context<'_>) -> StepResult<bool> {
        let wished = wishes::all(cx.conn, self.chat())?;
        Ok(wished.iter().any(|row| row.wish == Wish::Leave))
    }

    fn check_in_group(&self, cx: &Context<'_>, account: AccountId) -> StepResult {
        let members = members::all(cx.conn, self.chat())?;
        if members.iter().any(|member| member.account == account) {
            Ok(())
        } else {
            Err(CommandError::UnknownMember.into())
        }
    }

    // ---- what is to be committed ----

    /// What can be done now of what the user wants.
    pub(super) fn next_change(&mut self, cx: &mut Context<'_>, is_sending: bool) -> StepResult<NextChange> {
        let chat = self.chat();
        self.live.adding.clear();
        let wished = wishes::all(cx.conn, chat)?;
        let links = self.policy_with_links(cx)?;
        if wished.is_empty() && links.is_none() {
            return Ok(NextChange::Nothing);
        }
        let id = self.id();
        let group = self.group.load(cx, id)?;
        let (policy, me) = (group.policy().clone(), cx.me.account_id);
        let is_alone = group.accounts()?.len() == 1;
        let has_leavers = group.has_leavers();
        let mut to_add = Vec::new();
        let (mut other, mut leave) = (None, None);
        for row in wished {
            let account = row.account;
            let is_member = !group.devices_of(account)?.is_empty();
            let may = match row.wish {
                Wish::Add => policy.may_add(me) && policy.admits(account),
                Wish::Remove => policy.may_remove(me, account),
                Wish::Ban | Wish::Readmit => policy.may_ban(me, account),
                Wish::GiveRole(role) => policy.may_give_role(me, account, role),
                Wish::Leave => true,
                Wish::SetRights(rights) => policy.may_change_rights(me, &rights),
            };
            let why = if is_done(group, row)? {
                None
            } else if matches!(row.wish, Wish::GiveRole(_)) && !is_member {
                Some(GivenUp::NotInGroup)
            } else if !may {
                Some(GivenUp::NotPermitted)
            } else if cx.now.since(row.wanted_at) > WISH_AGE_MAX {
                Some(GivenUp::TooOld)
            } else {
                match row.wish {
                    Wish::Add => to_add.push(account),
                    Wish::Leave => leave = Some(row),
                    _ => other = other.or(Some(row)),
                }
                continue;
            };
            if let Some(why) = why {
                give_up(cx, chat, account, why)?;
            } else {
                wishes::delete(cx.conn, chat, account)?;
                cx.event(Event::ConversationChanged(chat));
            }
        }
        match (other, leave) {
            (None, _) if links.is_some() && is_sending => Ok(NextChange::AfterSends),
            (None, _) if links.is_some() => Ok(NextChange::Commit(CommitPlan {
                policy: links,
                ..CommitPlan::default()
            })),
            // Somebody who is leaving can be added again once they are out.
            (None, None) if has_leavers && !to_add.is_empty() && !is_sending => {
                Ok(NextChange::Commit(CommitPlan::default()))
            }
            (None, None) => Ok(self.next_addition(cx, to_add, is_sending)),
            _ if is_sending => Ok(NextChange::AfterSends),
            (Some(row), _) => self.change_for(cx, row),
            (None, Some(_)) if !is_alone && policy.is_only_owner(me) => {
                // The successor has gone meanwhile, or is no owner any more.
                give_up(cx, chat, me, GivenUp::LastOwner)?;
                Ok(NextChange::Nothing)
            }
            (None, Some(row)) => self.next_step_out(cx, row),
        }
    }

    /// What comes next on the way out: what was said is sent, the other devices of this account and its role go, then this
    /// device.
    fn next_step_out(&mut self, cx: &mut Context<'_>, row: WishRow) -> StepResult<NextChange> {
        let id = self.id();
        if outbox::has_any(cx.conn, self.chat())? {
            return Ok(NextChange::Nothing);
        }
        let me = cx.me.account_id;
        let group = self.group.load(cx, id)?;
        let is_last_device = group.devices_of(me)?.len() == 1;
        if group.has_leavers() {
            return Ok(NextChange::Commit(CommitPlan::default()));
        }
        if is_last_device && group.policy().role_of(me) == Role::Member {
            return Ok(NextChange::Leave);
        }
        self.change_for(cx, row)
    }

    /// The commit for what the user wants, other than adding people.
    fn change_for(&mut self, cx: &mut Context<'_>, row: WishRow) -> StepResult<NextChange> {
        let (chat, id, account) = (self.chat(), self.id(), row.account);
        let group = self.group.load(cx, id)?;
        let remove: Vec<_> = match row.wish {
            Wish::Remove | Wish::Ban => group.devices_of(account)?.to_vec(),
            Wish::Leave => {
                let this = cx.me.device_id;
                let devices = group.devices_of(account)?.iter().copied();
                devices.filter(|device| *device != this).collect()
            }
            _ => Vec::new(),
        };
        let mut policy = group.policy().clone();
        // Whoever is removed may have a link, and would be back at once.
        let drops_links =
            matches!(row.wish, Wish::Remove | Wish::Ban) && !remove.is_empty() && !policy.links().is_empty();
        if drops_links {
            policy = policy.without_links();
        }
        let policy = match row.wish {
            Wish::GiveRole(role) => policy.with_role(account, role).map(Some),
            Wish::Ban => policy.with_ban(account, true).map(Some),
            Wish::Readmit => policy.with_ban(account, false).map(Some),
            Wish::SetRights(rights) => policy.with_rights(rights).map(Some),
            // Whoever goes leaves the role behind.
            _ if policy.role_of(account) > Role::Member => policy.with_role(account, Role::Member).map(Some),
            _ if drops_links => Ok(Some(policy)),
            _ => Ok(None),
        };
        Ok(match policy {
            Ok(policy) => NextChange::Commit(CommitPlan {
                remove,
                policy,
                ..CommitPlan::default()
            }),
            Err(error) => {
                tracing::warn!(%chat, %error, "the policy cannot be changed so");
                give_up(cx, chat, account, GivenUp::NotPermitted)?;
                cx.touch(chat);
                NextChange::Nothing
            }
        })
    }

    /// The commit that adds people whose key packages there are.
    fn next_addition(
        &mut self,
        cx: &mut Context<'_>,
        mut to_add: Vec<AccountId>,
        is_sending: bool,
    ) -> NextChange {
        to_add.retain(|account| !self.live.is_without_key_packages(*account, cx.now));
        to_add.truncate(if self.live.adds_one_by_one {
            1
        } else {
            ADDED_ACCOUNTS_MAX
        });
        if to_add.is_empty() {
            return NextChange::Nothing;
        }
        if !self.has_claimed(cx, &to_add) {
            return NextChange::Waits;
        }
        if is_sending {
            return NextChange::AfterSends;
        }
        let (mut add, _) = self.verify_claimed(cx);
        add.retain(|package| to_add.contains(&package.certificate().account_id()));
        for account in to_add {
            if !add
                .iter()
                .any(|package| package.certificate().account_id() == account)
            {
                let until = cx.now.plus(NO_KEY_PACKAGES_RETRY);
                self.live.has_no_key_packages(account, until);
            }
        }
        cut_to_batch(&mut add);
        if add.is_empty() {
            return NextChange::Nothing;
        }
        self.live.adding = add
            .iter()
            .map(|package| package.certificate().account_id())
            .collect();
        NextChange::Commit(CommitPlan {
            add,
            ..CommitPlan::default()
        })
    }

    /// Handles that a change cannot be committed as it is. An error of the store ends the step.
    pub(super) fn change_impossible(&mut self, cx: &mut Context<'_>, error: CommitError) -> StepResult {
        let chat = self.chat();
        let adding: Vec<_> = std::mem::take(&mut self.live.adding).into_iter().collect();
        tracing::warn!(%chat, %error, "a change of the group cannot be made");
        let why = match error {
            CommitError::Mls(error) => return Err(error.into()),
            CommitError::Policy(PolicyError::NotPermitted(NotPermitted::Full)) => GivenUp::GroupFull,
            CommitError::Policy(PolicyError::NotPermitted(_)) => GivenUp::NotPermitted,
            // The key packages contradict each other or the group.
            _ => GivenUp::Unsuitable,
        };
        match adding.as_slice() {
            [account] if why != GivenUp::NotPermitted => give_up(cx, chat, *account, why)?,
            // One of several people may bring that about for all.
            [_, _, ..] if why != GivenUp::NotPermitted => self.live.adds_one_by_one = true,
            _ => {
                for row in wishes::all(cx.conn, chat)? {
                    give_up(cx, chat, row.account, GivenUp::NotPermitted)?;
                }
                self.give_up_links(cx, GivenUp::NotPermitted)?;
            }
        }
        cx.touch(chat);
        self.group.unload();
        Ok(())
    }

    /// Handles that this device cannot propose to leave: a commit is in between, or the account has a role again.
    pub(super) fn leaving_impossible(&mut self, cx: &mut Context<'_>, error: LeaveError) -> StepResult {
        if let LeaveError::Mls(error) = error {
            return Err(error.into());
        }
        tracing::warn!(chat = %self.chat(), %error, "this device cannot leave now");
        self.back_off(cx, None);
        Ok(())
    }

    /// Handles that the server has refused to add people for good: one of their devices may have been signed out meanwhile.
    /// Each attempt uses up key packages of theirs.
    pub(super) fn addition_refused(&mut self, cx: &Context<'_>) {
        let adding = std::mem::take(&mut self.live.adding);
        if adding.len() > 1 {
            // One of them may be the reason.
            self.live.adds_one_by_one = true;
            return;
        }
        let until = cx.now.plus(REFUSED_RETRY);
        for account in adding {
            self.live.has_no_key_packages(account, until);
        }
    }

    // ---- what has changed ----

    /// Handles that a commit of this device has taken effect: whoever came in with it is told what they need.
    pub(super) fn own_change_applied(&mut self, cx: &mut Context<'_>, place: (u64, Timestamp)) -> StepResult {
        let me = cx.me.account_id;
        self.live.adding.clear();
        if self.members_changed(cx, Some(me), place)? {
            self.announce_group(cx);
        }
        Ok(())
    }

    /// Takes over who is in the group now, and in which role, with a line for each change. Returns whether somebody came in.
    pub(super) fn members_changed(
        &mut self,
        cx: &mut Context<'_>,
        by: Option<AccountId>,
        (seq, at): (u64, Timestamp),
    ) -> StepResult<bool> {
        if !self.is_group() {
            return Ok(false);
        }
        let (chat, id) = (self.chat(), self.id());
        let group = self.group.load(cx, id)?;
        let mut now = BTreeMap::new();
        for account in group.accounts()? {
            now.insert(account, group.policy().role_of(account));
        }
        let known: BTreeMap<_, _> = members::all(cx.conn, chat)?
            .into_iter()
            .map(|row| (row.account, row.role))
            .collect();
        let mut added = Vec::new();
        for (account, role) in &now {
            match known.get(account) {
                None => {
                    meet(cx, *account)?;
                    members::enter(cx.conn, chat, *account, *role, seq)?;
                    added.push(*account);
                }
                Some(old) if old != role => {
                    members::set_role(cx.conn, chat, *account, *role)?;
                    self.notice(cx, NoticeKind::RoleGiven(*role), by, vec![*account], (seq, at))?;
                }
                Some(_) => {}
            }
        }
        let gone: Vec<_> = known
            .keys()
            .copied()
            .filter(|account| !now.contains_key(account))
            .collect();
        for account in &gone {
            members::leave(cx.conn, chat, *account, seq)?;
        }
        let has_added = !added.is_empty();
        // Nobody who adds others was not there before.
        let (joined, added): (Vec<_>, Vec<_>) = added.into_iter().partition(|account| by == Some(*account));
        for (kind, who) in [(NoticeKind::Added, added), (NoticeKind::JoinedByLink, joined)] {
            if !who.is_empty() {
                self.notice(cx, kind, by, who, (seq, at))?;
            }
        }
        let (left, removed): (Vec<_>, Vec<_>) = gone.iter().partition(|account| by == Some(**account));
        for (kind, who) in [(NoticeKind::Left, left), (NoticeKind::Removed, removed)] {
            if !who.is_empty() {
                self.notice(cx, kind, by, who, (seq, at))?;
            }
        }
        self.forget_wishes(cx, &gone)?;
        self.changed(cx);
        Ok(has_added)
    }

    /// Forgets what is as it was wished by now, and what was wished for somebody who has just gone: a later change by
    /// others is not to be undone.
    fn forget_wishes(&mut self, cx: &mut Context<'_>, gone: &[AccountId]) -> StepResult {
        let (chat, id) = (self.chat(), self.id());
        for row in wishes::all(cx.conn, chat)? {
            let is_over = match row.wish {
                Wish::Ban | Wish::Readmit | Wish::SetRights(_) => false,
                _ => gone.contains(&row.account),
            };
            if is_over || is_done(self.group.load(cx, id)?, row)? {
                wishes::delete(cx.conn, chat, row.account)?;
            }
        }
        Ok(())
    }

    /// Takes over who is in a group that this device has just entered. Whoever was added is told so in one line; who else was
    /// there before is no news.
    pub(super) fn members_found(&mut self, cx: &mut Context<'_>, by: Option<AccountId>) -> StepResult {
        if !self.is_group() {
            return Ok(());
        }
        let (chat, id, me) = (self.chat(), self.id(), cx.me.account_id);
        let place = (self.record.cursor(), cx.now);
        let known = members::all(cx.conn, chat)?;
        if !known.is_empty() {
            // It is known from before, or was created here. Who has done what meanwhile is not known.
            self.members_changed(cx, None, place)?;
            return Ok(());
        }
        let group = self.group.load(cx, id)?;
        let policy = group.policy().clone();
        for account in group.accounts()? {
            meet(cx, account)?;
            members::enter(cx.conn, chat, account, policy.role_of(account), place.0)?;
        }
        match by {
            Some(by) if by != me => self.notice(cx, NoticeKind::Added, Some(by), vec![me], place),
            // Another device of this account is in it, and knows.
            _ => Ok(()),
        }
    }

    /// Tells who may do what from now on, if a commit has changed that.
    pub(super) fn rights_changed(
        &mut self,
        cx: &mut Context<'_>,
        before: Rights,
        by: AccountId,
        place: (u64, Timestamp),
    ) -> StepResult {
        let id = self.id();
        if self.group.load(cx, id)?.policy().rights() == &before {
            return Ok(());
        }
        self.changed(cx);
        self.notice(cx, NoticeKind::RightsChanged, Some(by), Vec::new(), place)
    }

    /// Notes that the group was created by this account.
    pub(super) fn was_created(&mut self, cx: &mut Context<'_>, at: Timestamp) -> StepResult {
        let me = cx.me.account_id;
        self.record.set_announces(true);
        self.profile_of_new_group(cx)?;
        self.notice(
            cx,
            NoticeKind::Created,
            Some(me),
            Vec::new(),
            (self.record.cursor(), at),
        )
    }
}

/// Gives up what the user wanted, and tells the user.
fn give_up(cx: &mut Context<'_>, chat: ChatId, account: AccountId, why: GivenUp) -> StepResult {
    wishes::delete(cx.conn, chat, account)?;
    let account = if account == NOBODY {
        cx.me.account_id
    } else {
        account
    };
    cx.warn(Warning::ChangeGivenUp { chat, account, why });
    cx.event(Event::ConversationChanged(chat));
    Ok(())
}

/// Leaves as many devices as one commit adds, all of a person or none.
pub(super) fn cut_to_batch(add: &mut Vec<VerifiedKeyPackage>) {
    let account = |package: &VerifiedKeyPackage| package.certificate().account_id();
    add.sort_by_key(account);
    let mut end = add.len();
    while end > ADDED_AT_ONCE_MAX {
        let last = account(&add[end - 1]);
        end = add.partition_point(|package| account(package) < last);
    }
    add.truncate(end);
}

/// Whether a group is as it was wished.
fn is_done(group: &Group, row: WishRow) -> StepResult<bool> {
    let is_member = !group.devices_of(row.account)?.is_empty();
    let policy = group.policy();
    Ok(match row.wish {
        Wish::Add => is_member,
        Wish::Remove => !is_member,
        Wish::GiveRole(role) => is_member && policy.role_of(row.account) == role,
        Wish::Ban => policy.banned().contains(&row.account),
        Wish::Readmit => !policy.banned().contains(&row.account),
        // Then the group is gone.
        Wish::Leave => false,
        Wish::SetRights(rights) => *policy.rights() == rights,
    })
}

/// Has somebody who came with a group among the contacts.
pub(super) fn meet(cx: &mut Context<'_>, account: AccountId) -> StepResult {
    if account == cx.me.account_id {
        return Ok(());
    }
    match contacts::find(cx.conn, account)? {
        Some(contact) if contact.handle.is_some() => {}
        Some(_) => cx.connection.to_look_up.push(account),
        None => {
            directory::add(cx, account)?;
            cx.connection.to_look_up.push(account);
        }
    }
    Ok(())
}
