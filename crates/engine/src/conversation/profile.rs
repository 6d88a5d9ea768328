//! What the members of a conversation say about it: of a group its name, its description, its picture; of any one for how
//! long messages are kept.
//!
//! Each change is a message, and the order of the log decides. Only those who have the right to change the profile are
//! believed; in a direct conversation that is either side. Whoever comes in is told what was said before, and where in the log: of two values the one that was said later
//! holds, also for a device that has missed something. Whoever knows nothing believes whoever says so first, until somebody
//! does who has the right.

use subrosa_wire::{AccountId, Timestamp};

use super::Conversation;
use crate::{
    api::{CommandError, ConversationState, GivenUp, NoticeKind, Warning},
    content::{
        DisplayName, GroupDescription, GroupProfile, Lifetime, Meaning, PictureReference, ProfilePlaces,
        compose, interpret,
    },
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
        let is_so = match &picture {
            Some(_) => profile_objects::group::shown(cx.conn, chat)? == picture,
            None => self.told_picture(cx)?.is_none() && !self.record.profile_changed().picture,
        };
        if is_so {
            return Ok(());
        }
        profile_objects::group::give(cx, chat, picture)?;
        self.profile_is_to_be_told(cx, |changed| changed.picture = true);
        Ok(())
    }

    /// Changes for how long messages are kept that are written from now on; `None` for good.
    pub(crate) fn set_timer(&mut self, cx: &mut Context<'_>, timer: Option<Lifetime>) -> StepResult {
        if self.is_group() {
            self.check_may_change_profile(cx)?;
        } else {
            self.check_usable()?;
            self.accept_by_writing(cx)?;
        }
        if self.record.timer() == timer {
            return Ok(());
        }
        self.record.set_timer(timer);
        self.profile_is_to_be_told(cx, |changed| changed.timer = true);
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
        if !self.may_change_profile(cx, cx.me.account_id)? {
            return self.profile_is_refused(cx);
        }
        self.record.set_profile_changed(ProfileChanges {
            picture: changed.picture && !told.picture,
            ..ProfileChanges::default()
        });
        let profile = GroupProfile {
            name: self.name().filter(|_| told.name),
            description: told.description.then(|| self.description()),
            picture: new.map(|new| new.shown.map(|(reference, _)| reference)),
            timer: told.timer.then(|| self.record.timer()),
            places: None,
        };
        self.queue_profile(cx, &profile)
    }

    /// Queues what was heard of the group, if this device has added somebody who cannot know it, or is believed.
    pub(super) fn queue_heard_profile(&mut self, cx: &mut Context<'_>) -> StepResult {
        let has_added = self.record.announces();
        self.record.set_announces(false);
        if !self.is_group() || !has_added && !self.may_change_profile(cx, cx.me.account_id)? {
            return Ok(());
        }
        let heard = self.record.heard_profile();
        let is_hearsay = heard.places.unwrap_or_default() == ProfilePlaces::default();
        if heard.name.is_none() || is_hearsay && !has_added {
            return Ok(());
        }
        let heard = heard.clone();
        self.queue_profile(cx, &heard)
    }

    /// The picture that the group has once everything is said that this device has queued.
    fn told_picture(&self, cx: &Context<'_>) -> StepResult<Option<PictureReference>> {
        let new = if_readable(group_pictures::find_new(cx.conn, self.chat()))?;
        Ok(match new {
            Some(new) => new.shown.map(|(reference, _)| reference),
            None => self.record.heard_profile().picture.clone().flatten(),
        })
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

    /// What the group is like that this device has made.
    pub(super) fn profile_of_new_group(&mut self, cx: &mut Context<'_>) -> StepResult {
        let seq = self.record.cursor().max(1);
        let description = self.description();
        let heard = GroupProfile {
            name: self.name(),
            places: Some(ProfilePlaces {
                name: seq,
                description: if description.is_some() { seq } else { 0 },
                picture: 0,
                timer: 0,
            }),
            description: description.map(Some),
            picture: None,
            timer: None,
        };
        self.keep_heard(cx, heard)
    }

    /// Takes note of a change by this device, once it has its place in the log: what others have said before is over.
    pub(super) fn profile_accepted(
        &mut self,
        cx: &mut Context<'_>,
        own: &OutboxRow,
        place: (u64, Timestamp),
    ) -> StepResult {
        if own.message.is_some() {
            return Ok(());
        }
        // Somebody may wait until the server has it.
        self.changed(cx);
        match self.own_change(cx, own) {
            Some(_) if !self.may_change_profile(cx, cx.me.account_id)? => self.profile_is_refused(cx),
            Some(profile) => self.profile_changed(cx, cx.me.account_id, profile, place),
            None => Ok(()),
        }
    }

    /// Handles that the server has refused what stood in this row for good.
    pub(super) fn profile_row_dropped(&mut self, cx: &mut Context<'_>, own: &OutboxRow) -> StepResult {
        if self.own_change(cx, own).is_some() {
            return self.profile_is_refused(cx);
        }
        Ok(())
    }

    /// The change of the profile that a row of the outbox carries.
    fn own_change(&self, cx: &Context<'_>, own: &OutboxRow) -> Option<GroupProfile> {
        if own.message.is_some() {
            return None;
        }
        let (_, content) = cx.origin(self.id()).decode(&own.content).ok()?;
        match interpret(&content) {
            Meaning::GroupProfile(profile) if profile.places.is_none() => Some(profile),
            _ => None,
        }
    }

    /// Handles what a member says about the group.
    pub(super) fn profile_received(
        &mut self,
        cx: &mut Context<'_>,
        by: AccountId,
        mut profile: GroupProfile,
        place: (u64, Timestamp),
    ) -> StepResult {
        if !self.is_group() {
            if profile.places.is_some() {
                // Nobody comes in who would have to be told: that is no way past the line that a change has.
                tracing::debug!(chat = %self.chat(), "what was said of a direct conversation is repeated");
                return Ok(());
            }
            // It is called what the person is called.
            profile = GroupProfile {
                timer: profile.timer,
                ..GroupProfile::default()
            };
        }
        let may = self.may_change_profile(cx, by)?;
        if let Some(places) = profile.places {
            // It was said before this.
            let up_to = if may { place.0.saturating_sub(1) } else { 0 };
            self.learn_profile(cx)?;
            let before = self.record.heard_profile().clone();
            self.take_over(cx, &profile, places, up_to)?;
            let timer = self.record.heard_profile().timer.flatten();
            if before.timer.flatten() != timer && before.places.unwrap_or_default().name > 0 {
                // Whoever has just come in is told; for others it is a change that they have missed.
                self.notice(cx, NoticeKind::TimerChanged(timer), Some(by), Vec::new(), place)?;
            }
            Ok(())
        } else if may {
            self.profile_changed(cx, by, profile, place)
        } else {
            tracing::debug!(chat = %self.chat(), "a member that may not changes the profile of the group");
            Ok(())
        }
    }

    fn may_change_profile(&mut self, cx: &mut Context<'_>, account: AccountId) -> StepResult<bool> {
        let id = self.id();
        Ok(!self.is_group() || self.group.load(cx, id)?.policy().may_change_profile(account))
    }

    fn profile_changed(
        &mut self,
        cx: &mut Context<'_>,
        by: AccountId,
        profile: GroupProfile,
        (seq, at): (u64, Timestamp),
    ) -> StepResult {
        let mut heard = self.record.heard_profile().clone();
        let mut places = heard.places.unwrap_or_default();
        let mut kinds = Vec::new();
        if profile.name.is_some() {
            if heard.name != profile.name {
                kinds.push(NoticeKind::Renamed);
            }
            (heard.name, places.name) = (profile.name, seq);
        }
        if profile.description.is_some() {
            if heard.description.clone().flatten() != profile.description.clone().flatten() {
                kinds.push(NoticeKind::DescriptionChanged);
            }
            (heard.description, places.description) = (profile.description, seq);
        }
        if let Some(picture) = profile.picture {
            if heard.picture.clone().flatten() != picture {
                kinds.push(NoticeKind::PictureChanged);
            }
            profile_objects::group::announced(cx, self.chat(), picture.clone(), by == cx.me.account_id)?;
            (heard.picture, places.picture) = (Some(picture), seq);
        }
        if let Some(timer) = profile.timer {
            if heard.timer.flatten() != timer {
                kinds.push(NoticeKind::TimerChanged(timer));
            }
            (heard.timer, places.timer) = (Some(timer), seq);
        }
        for kind in kinds {
            self.notice(cx, kind, Some(by), Vec::new(), (seq, at))?;
        }
        heard.places = Some(places);
        self.keep_heard(cx, heard)
    }

    /// Takes over what was said later than what is known here, at `up_to` at the latest; at 0, only what is not known at all.
    fn take_over(
        &mut self,
        cx: &mut Context<'_>,
        told: &GroupProfile,
        places: ProfilePlaces,
        up_to: u64,
    ) -> StepResult {
        let mut heard = self.record.heard_profile().clone();
        let mut known = heard.places.unwrap_or_default();
        // That no timer was heard of is the rule, and says nothing: who may not set it is believed by newcomers alone.
        let is_timer_unknown = heard.timer.is_none() && known.name == 0;
        let is_news =
            |is_unknown: bool, told_at: u64, known_at: u64| is_unknown || told_at.min(up_to) > known_at;
        if told.name.is_some() && is_news(heard.name.is_none(), places.name, known.name) {
            heard.name.clone_from(&told.name);
            known.name = places.name.min(up_to);
        }
        if told.description.is_some()
            && is_news(heard.description.is_none(), places.description, known.description)
        {
            heard.description.clone_from(&told.description);
            known.description = places.description.min(up_to);
        }
        if let Some(picture) = &told.picture
            && is_news(heard.picture.is_none(), places.picture, known.picture)
        {
            let is_own = self.has_made(cx, picture.as_ref())?;
            profile_objects::group::announced(cx, self.chat(), picture.clone(), is_own)?;
            heard.picture = Some(picture.clone());
            known.picture = places.picture.min(up_to);
        }
        if told.timer.is_some() && is_news(is_timer_unknown, places.timer, known.timer) {
            heard.timer = told.timer;
            known.timer = places.timer.min(up_to);
        }
        heard.places = Some(known);
        if heard == *self.record.heard_profile() {
            return Ok(());
        }
        self.keep_heard(cx, heard)
    }

    /// Whether this account has made the object of a picture, as far as this device knows.
    fn has_made(&self, cx: &Context<'_>, picture: Option<&PictureReference>) -> StepResult<bool> {
        let known = if_readable(group_pictures::find(cx.conn, self.chat()))?;
        Ok(known.is_some_and(|known| known.is_own && picture == Some(&known.reference)))
    }

    /// Keeps what was heard, and shows it as far as this device has not changed it. This account's other devices get what
    /// somebody has said who may.
    fn keep_heard(&mut self, cx: &mut Context<'_>, heard: GroupProfile) -> StepResult {
        let is_hearsay = heard.places.unwrap_or_default() == ProfilePlaces::default();
        if !is_hearsay {
            records::keep_group_profile(cx, self.id(), &heard)?;
        }
        self.record.set_heard_profile(heard);
        self.show_heard(cx)
    }

    /// Shows what was heard, but for what this device says later in the log.
    fn show_heard(&mut self, cx: &mut Context<'_>) -> StepResult {
        let mut pending = self.record.profile_changed();
        for row in outbox::all(cx.conn, self.chat())? {
            if let Some(profile) = self.own_change(cx, &row) {
                pending.name |= profile.name.is_some();
                pending.description |= profile.description.is_some();
                pending.timer |= profile.timer.is_some();
            }
        }
        let heard = self.record.heard_profile().clone();
        if let Some(name) = heard.name.filter(|_| !pending.name) {
            self.record.set_title(name.as_str());
        }
        if !pending.description {
            let description = heard.description.flatten();
            let text = description.as_ref().map(GroupDescription::as_str);
            self.record.set_description(text);
        }
        if !pending.timer {
            self.record.set_timer(heard.timer.flatten());
        }
        self.changed(cx);
        Ok(())
    }

    /// Handles that nobody will believe what this device wanted to say about the group: all is as it was heard last.
    fn profile_is_refused(&mut self, cx: &mut Context<'_>) -> StepResult {
        self.forget_profile_changes(cx)?;
        let (chat, account) = (self.chat(), cx.me.account_id);
        let why = GivenUp::NotPermitted;
        cx.warn(Warning::ChangeGivenUp { chat, account, why });
        Ok(())
    }

    /// Forgets what the user has changed and is not told yet.
    pub(super) fn forget_profile_changes(&mut self, cx: &mut Context<'_>) -> StepResult {
        profile_objects::group::give_up(cx, self.chat())?;
        self.record.set_profile_changed(ProfileChanges::default());
        self.show_heard(cx)
    }

    /// Handles that the server has lost what was said after this place: whoever has heard it and may, says it again.
    pub(super) fn resend_profile(&mut self, cx: &mut Context<'_>, after: u64) -> StepResult {
        let mut heard = self.record.heard_profile().clone();
        let mut places = heard.places.unwrap_or_default();
        let (id, me) = (self.id(), cx.me.account_id);
        let may = !self.is_group() || {
            let group = self.group.find(cx, id)?;
            group.is_some_and(|group| group.policy().may_change_profile(me))
        };
        let mut changed = self.record.profile_changed();
        for (place, changed) in [
            (&mut places.name, &mut changed.name),
            (&mut places.description, &mut changed.description),
            (&mut places.timer, &mut changed.timer),
        ] {
            if *place > after {
                *place = 0;
                *changed |= may;
            }
        }
        places.picture = if places.picture > after { 0 } else { places.picture };
        heard.places = Some(places);
        self.record.set_heard_profile(heard);
        self.record.set_profile_changed(changed);
        Ok(())
    }

    // ---- the other devices of this account ----

    /// Takes over what another device of this account has heard later.
    pub(super) fn learn_profile(&mut self, cx: &mut Context<'_>) -> StepResult {
        if self.record.state() != ConversationState::Joined {
            return Ok(());
        }
        let Some(profile) = records::group_profile(cx, self.id())? else {
            return Ok(());
        };
        let places = profile.places.unwrap_or_default();
        self.take_over(cx, &profile, places, u64::MAX)?;
        let heard = self.record.heard_profile();
        if heard.places.unwrap_or_default().has_later_than(places) {
            let heard = heard.clone();
            records::keep_group_profile(cx, self.id(), &heard)?;
        }
        Ok(())
    }
}
