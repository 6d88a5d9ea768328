//! What the members of a group say about it: its name, its description, its picture.
//!
//! Each change is a message, and the order of the log decides. Only those who have the right to change the profile are
//! believed. Whoever comes in is told what was said before, and believes whoever says so until somebody does who has the
//! right; and so does a device that may have missed something.

use subrosa_wire::{AccountId, Timestamp};

use super::Conversation;
use crate::{
    api::{CommandError, ConversationState, NoticeKind},
    content::{DisplayName, GroupDescription, GroupProfile, Meaning, PictureReference, compose, interpret},
    context::{Context, StepResult},
    profile_objects::{self, format::Picture},
    records,
    store::{
        conversations::ProfileChanges,
        group_pictures, if_readable,
        outbox::{self, OutboxRow},
    },
};

impl Conversation {
    // ---- what the user wants ----

    /// Gives the group another name.
    pub(crate) fn rename(&mut self, cx: &mut Context<'_>, name: &DisplayName) -> StepResult {
        self.check_may_change_profile(cx)?;
        if self.record.title() == Some(name.as_str()) {
            return Ok(());
        }
        self.record.set_title(name.as_str());
        self.profile_is_to_be_told(cx, |changed| changed.name = true);
        Ok(())
    }

    /// Says what the group is about.
    pub(crate) fn describe(
        &mut self,
        cx: &mut Context<'_>,
        description: Option<&GroupDescription>,
    ) -> StepResult {
        self.check_may_change_profile(cx)?;
        let description = description.map(GroupDescription::as_str);
        if self.record.description() == description {
            return Ok(());
        }
        self.record.set_description(description);
        self.profile_is_to_be_told(cx, |changed| changed.description = true);
        Ok(())
    }

    /// Gives the group another picture, or none.
    pub(crate) fn set_group_picture(&mut self, cx: &mut Context<'_>, picture: Option<Picture>) -> StepResult {
        self.check_may_change_profile(cx)?;
        let chat = self.chat();
        if profile_objects::group::shown(cx.conn, chat)? == picture {
            return Ok(());
        }
        profile_objects::group::give(cx, chat, picture)?;
        self.profile_is_to_be_told(cx, |changed| changed.picture = true);
        Ok(())
    }

    fn check_may_change_profile(&mut self, cx: &mut Context<'_>) -> StepResult {
        let policy = self.policy_to_change(cx)?;
        if policy.may_change_profile(cx.me.account_id) {
            Ok(())
        } else {
            Err(CommandError::NotPermitted.into())
        }
    }

    fn profile_is_to_be_told(&mut self, cx: &mut Context<'_>, change: impl FnOnce(&mut ProfileChanges)) {
        let mut changed = self.record.profile_changed();
        change(&mut changed);
        self.record.set_profile_changed(changed);
        self.changed(cx);
        cx.touch(self.chat());
    }

    /// Whether the user has changed something that the members are not told yet.
    pub(super) fn has_profile_to_tell(&self) -> bool {
        self.record.profile_changed().any()
    }

    /// Has everybody told what is known of the group: somebody has come in.
    pub(super) fn announce_group(&mut self, cx: &mut Context<'_>) {
        self.record.set_name_sent(false);
        self.record.set_announces(true);
        cx.touch(self.chat());
    }

    // ---- what is told ----

    /// Queues what the user has changed.
    pub(super) fn queue_profile_changes(&mut self, cx: &mut Context<'_>) -> StepResult {
        let chat = self.chat();
        let mut changed = self.record.profile_changed();
        let new = if_readable(group_pictures::find_new(cx.conn, chat))?;
        if changed.picture && new.is_none() {
            // The server does not take it.
            changed.picture = false;
            self.record.set_profile_changed(changed);
        }
        let new = new.filter(|new| changed.picture && new.can_be_told());
        let told = ProfileChanges {
            picture: new.is_some(),
            ..changed
        };
        if !told.any() {
            return Ok(());
        }
        self.record.set_profile_changed(ProfileChanges {
            picture: changed.picture && !told.picture,
            ..ProfileChanges::default()
        });
        if !self.may_change_profile(cx, cx.me.account_id)? {
            // It was taken away meanwhile. What the group is called is told again by others.
            return self.profile_is_refused(cx);
        }
        let profile = GroupProfile {
            name: self.name().filter(|_| told.name),
            description: told.description.then(|| self.description()),
            picture: new.map(|new| new.shown.map(|(reference, _)| reference)),
            is_repeated: false,
        };
        self.queue_profile(cx, &profile)
    }

    /// Queues what is known of the group, if this device has added somebody who cannot know it, or knows it for sure and is
    /// believed.
    pub(super) fn queue_known_profile(&mut self, cx: &mut Context<'_>) -> StepResult {
        let has_added = self.record.announces();
        self.record.set_announces(false);
        if !self.is_group() {
            return Ok(());
        }
        let is_believed = self.record.is_profile_sure() && self.may_change_profile(cx, cx.me.account_id)?;
        let name = self.name();
        if name.is_none() || !has_added && !is_believed {
            return Ok(());
        }
        let profile = GroupProfile {
            name,
            description: self.description().map(Some),
            picture: self.told_picture(cx)?.map(Some),
            is_repeated: true,
        };
        self.queue_profile(cx, &profile)
    }

    /// The picture that the group has once everything is said that this device has queued.
    fn told_picture(&self, cx: &Context<'_>) -> StepResult<Option<PictureReference>> {
        let new = if_readable(group_pictures::find_new(cx.conn, self.chat()))?;
        if let Some(new) = new.filter(|_| !self.record.profile_changed().picture) {
            return Ok(new.shown.map(|(reference, _)| reference));
        }
        let known = if_readable(group_pictures::find(cx.conn, self.chat()))?;
        Ok(known.map(|known| known.reference))
    }

    fn queue_profile(&mut self, cx: &mut Context<'_>, profile: &GroupProfile) -> StepResult {
        let origin = cx.origin(self.id());
        let content = compose::group_profile(&origin, cx.new_salt(), profile);
        self.queue(cx, None, &origin.encode(&content)?.1)
    }

    fn name(&self) -> Option<DisplayName> {
        let title = self.record.title();
        title.and_then(|title| DisplayName::try_from(title).ok())
    }

    fn description(&self) -> Option<GroupDescription> {
        let description = self.record.description();
        description.and_then(|text| GroupDescription::try_from(text).ok())
    }

    // ---- what is heard ----

    /// Takes note of a change by this device, once it has its place in the log: what others have said before is over.
    pub(super) fn profile_accepted(
        &mut self,
        cx: &mut Context<'_>,
        own: &OutboxRow,
        place: (u64, Timestamp),
    ) -> StepResult {
        if own.message.is_some() || !self.is_group() {
            return Ok(());
        }
        // Somebody may wait until the server has it.
        self.changed(cx);
        let Ok((_, content)) = cx.origin(self.id()).decode(&own.content) else {
            return Ok(());
        };
        match interpret(&content) {
            Meaning::GroupProfile(profile) if !profile.is_repeated => {
                if self.may_change_profile(cx, cx.me.account_id)? {
                    return self.profile_changed(cx, cx.me.account_id, &profile, place);
                }
                self.profile_is_refused(cx)
            }
            _ => Ok(()),
        }
    }

    /// Handles what a member says about the group.
    pub(super) fn profile_received(
        &mut self,
        cx: &mut Context<'_>,
        by: AccountId,
        profile: &GroupProfile,
        place: (u64, Timestamp),
    ) -> StepResult {
        if !self.is_group() {
            return Ok(());
        }
        if profile.is_repeated {
            return self.profile_repeated(cx, by, profile);
        }
        if self.may_change_profile(cx, by)? {
            return self.profile_changed(cx, by, profile, place);
        }
        tracing::debug!(chat = %self.chat(), "a member that may not changes the profile of the group");
        Ok(())
    }

    fn may_change_profile(&mut self, cx: &mut Context<'_>, account: AccountId) -> StepResult<bool> {
        let id = self.id();
        Ok(self.group.load(cx, id)?.policy().may_change_profile(account))
    }

    fn profile_changed(
        &mut self,
        cx: &mut Context<'_>,
        by: AccountId,
        profile: &GroupProfile,
        place: (u64, Timestamp),
    ) -> StepResult {
        let pending = self.pending_changes(cx)?;
        let mut kinds = Vec::new();
        if let Some(name) = &profile.name {
            // What this device says later in the log will be the newest.
            if !pending.name {
                self.record.set_title(name.as_str());
            }
            kinds.push(NoticeKind::Renamed);
        }
        if let Some(description) = &profile.description {
            if !pending.description {
                let text = description.as_ref().map(GroupDescription::as_str);
                self.record.set_description(text);
            }
            kinds.push(NoticeKind::DescriptionChanged);
        }
        if let Some(picture) = &profile.picture {
            let is_own = by == cx.me.account_id;
            profile_objects::group::announced(cx, self.chat(), picture.clone(), is_own)?;
            kinds.push(NoticeKind::PictureChanged);
        }
        for kind in kinds {
            self.notice(cx, kind, Some(by), Vec::new(), place)?;
        }
        self.keep_profile(cx, place.0, profile)?;
        self.changed(cx);
        Ok(())
    }

    /// What this device has changed and the log does not show yet: it will come after whatever comes now.
    fn pending_changes(&self, cx: &Context<'_>) -> StepResult<ProfileChanges> {
        let mut pending = self.record.profile_changed();
        let origin = cx.origin(self.id());
        for row in outbox::all(cx.conn, self.chat())? {
            let Some((_, content)) = origin.decode(&row.content).ok().filter(|_| row.message.is_none())
            else {
                continue;
            };
            if let Meaning::GroupProfile(profile) = interpret(&content)
                && !profile.is_repeated
            {
                pending.name |= profile.name.is_some();
                pending.description |= profile.description.is_some();
                pending.picture |= profile.picture.is_some();
            }
        }
        Ok(pending)
    }

    /// Handles what a member says to be known of the group: no news, if this device knows it.
    fn profile_repeated(
        &mut self,
        cx: &mut Context<'_>,
        by: AccountId,
        profile: &GroupProfile,
    ) -> StepResult {
        let may = self.may_change_profile(cx, by)?;
        let Some(name) = &profile.name else { return Ok(()) };
        if self.record.is_profile_sure() || !may && self.record.title().is_some() {
            return Ok(());
        }
        let pending = self.pending_changes(cx)?;
        if !pending.name {
            self.record.set_title(name.as_str());
        }
        if !pending.description {
            let description = profile.description.clone().flatten();
            let text = description.as_ref().map(GroupDescription::as_str);
            self.record.set_description(text);
        }
        let picture = profile.picture.clone().flatten();
        let is_own = self.has_made(cx, picture.as_ref())?;
        profile_objects::group::announced(cx, self.chat(), picture, is_own)?;
        self.record.set_profile_sure(may);
        self.keep_profile(cx, self.record.cursor(), profile)?;
        self.changed(cx);
        Ok(())
    }

    /// Whether this account has made the object of a picture, as far as this device knows.
    fn has_made(&self, cx: &Context<'_>, picture: Option<&PictureReference>) -> StepResult<bool> {
        let known = if_readable(group_pictures::find(cx.conn, self.chat()))?;
        Ok(known.is_some_and(|known| known.is_own && picture == Some(&known.reference)))
    }

    /// Handles that nobody believes what this device has said about the group: all is as it was heard last.
    fn profile_is_refused(&mut self, cx: &mut Context<'_>) -> StepResult {
        group_pictures::delete_new(cx.conn, self.chat())?;
        let heard = records::group_profile(cx, self.id())?.unwrap_or_default();
        self.show_profile(&heard);
        self.changed(cx);
        Ok(())
    }

    /// Shows name and description as they were heard.
    fn show_profile(&mut self, heard: &GroupProfile) {
        if let Some(name) = &heard.name {
            self.record.set_title(name.as_str());
        }
        let description = heard.description.as_ref().and_then(Option::as_ref);
        self.record
            .set_description(description.map(GroupDescription::as_str));
    }

    // ---- the other devices of this account ----

    /// Keeps what a group is like that this device has made.
    pub(super) fn keep_first_profile(&mut self, cx: &mut Context<'_>) -> StepResult {
        self.record.set_profile_sure(true);
        let profile = GroupProfile {
            name: self.name(),
            description: self.description().map(Some),
            ..GroupProfile::default()
        };
        self.keep_profile(cx, self.record.cursor(), &profile)
    }

    /// Keeps what was heard about the group: for the other devices of this account, and in case that nobody believes what
    /// this one says.
    fn keep_profile(&self, cx: &mut Context<'_>, seq: u64, heard: &GroupProfile) -> StepResult {
        let known = if heard.is_repeated {
            None
        } else {
            records::group_profile(cx, self.id())?
        };
        let known = known.unwrap_or_default();
        let profile = GroupProfile {
            name: heard.name.clone().or(known.name),
            description: heard.description.clone().or(known.description),
            picture: heard.picture.clone().or(known.picture),
            is_repeated: true,
        };
        records::keep_group_profile(cx, self.id(), seq, &profile)
    }

    /// Takes over what another device of this account knows of a group of which this one knows nothing.
    pub(super) fn learn_profile(&mut self, cx: &mut Context<'_>) -> StepResult {
        if !self.is_group()
            || self.record.title().is_some()
            || self.record.state() != ConversationState::Joined
        {
            return Ok(());
        }
        let Some(profile) = records::group_profile(cx, self.id())? else {
            return Ok(());
        };
        if profile.name.is_none() {
            return Ok(());
        }
        self.show_profile(&profile);
        let picture = profile.picture.flatten();
        profile_objects::group::announced(cx, self.chat(), picture, false)?;
        self.changed(cx);
        Ok(())
    }
}
