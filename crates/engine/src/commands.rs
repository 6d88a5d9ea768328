//! The commands of the user. Each is checked, then stored; the queue carries it out.

use std::collections::BTreeSet;

use subrosa_mls::AccountIdentity;
use subrosa_wire::{AccountId, ConversationId, limits::MESSAGE_TEXT_MAX, rest};

use crate::{
    ChatId, LocalMessageId,
    api::{Command, CommandError, MessageStatus, NewGroup},
    content::{
        DisplayName, GroupDescription, InvalidDescription, InvalidMessageText, MessageText, clean_name,
    },
    context::{Context, StepResult},
    conversation::{self, Conversation, GroupToMake},
    directory,
    profile_objects::{self, format::Picture},
    records, signals,
    step::Step,
    store::{conversations, if_readable, messages},
    vault,
};

impl Step<'_> {
    #[expect(clippy::too_many_lines, reason = "one arm for each command")]
    pub(crate) fn command(&mut self, command: Command) -> StepResult {
        match command {
            Command::OpenDirect(person) => self.about_person(|cx| open_direct(cx, &person)),
            Command::OpenNotes => {
                let me = self.cx.me.account_id;
                conversation::open_direct(&mut self.cx, me)
            }
            Command::SendText { chat, text, token } => {
                let text = MessageText::try_from(text.as_str()).map_err(CommandError::from)?;
                self.in_conversation(chat, |conversation, cx| {
                    conversation.check_usable()?;
                    conversation.check_may_post(cx)?;
                    conversation.accept_by_writing(cx)?;
                    conversation.queue_text(cx, &text, token)
                })
            }
            Command::CreateGroup {
                conversation_id,
                group,
                people,
            } => self.create_group(conversation_id, group, &people),
            Command::AddMembers { chat, people } => {
                let people = self.meet_all(&people)?;
                self.in_conversation(chat, |conversation, cx| conversation.add_members(cx, &people))
            }
            Command::RemoveMember { chat, account } => {
                self.in_conversation(chat, |conversation, cx| conversation.remove_member(cx, account))
            }
            Command::GiveRole { chat, account, role } => {
                self.in_conversation(chat, |conversation, cx| conversation.give_role(cx, account, role))
            }
            Command::Ban { chat, account } => {
                self.in_conversation(chat, |conversation, cx| conversation.ban(cx, account))
            }
            Command::SetRights { chat, rights } => {
                self.in_conversation(chat, |conversation, cx| conversation.set_rights(cx, rights))
            }
            Command::Leave { chat, successor } => {
                self.in_conversation(chat, |conversation, cx| conversation.leave(cx, successor))
            }
            Command::CreateLink { chat, link } => {
                self.in_conversation(chat, |conversation, cx| conversation.create_link(cx, link))
            }
            Command::RevokeLink { chat, link } => {
                self.in_conversation(chat, |conversation, cx| conversation.revoke_link(cx, link))
            }
            Command::LookAtLinks(chat) => self.in_conversation(chat, Conversation::look_at_links),
            Command::LookAtJoinRequests(chat) => {
                self.in_conversation(chat, Conversation::look_at_join_requests)
            }
            Command::Approve { chat, account } => {
                self.in_conversation(chat, |conversation, cx| conversation.approve_request(cx, account))
            }
            Command::Deny { chat, account } => {
                self.in_conversation(chat, |conversation, cx| conversation.deny_request(cx, account))
            }
            Command::AskToJoin { invitation, note } => {
                self.conversations.ask_to_join(&mut self.cx, &invitation, &note)
            }
            Command::JoinByLink(invitation) => self.conversations.join_by_link(&mut self.cx, &invitation),
            Command::Readmit { chat, account } => {
                self.in_conversation(chat, |conversation, cx| conversation.readmit(cx, account))
            }
            Command::Rename { chat, name } => {
                let name = group_name(&name)?;
                self.in_conversation(chat, |conversation, cx| conversation.rename(cx, &name))
            }
            Command::Describe { chat, description } => {
                let description = group_description(&description)?;
                self.in_conversation(chat, |conversation, cx| {
                    conversation.describe(cx, description.as_ref())
                })
            }
            Command::SetGroupPicture { chat, picture } => {
                let picture = checked_picture(picture)?;
                self.in_conversation(chat, |conversation, cx| {
                    conversation.set_group_picture(cx, picture)
                })
            }
            Command::SetTimer { chat, timer } => {
                self.in_conversation(chat, |conversation, cx| conversation.set_timer(cx, timer))
            }
            Command::DeleteHere(chat) => self.in_conversation(chat, Conversation::delete_here),
            Command::Retry(message) => self.with_failed(message, |conversation, cx, message| {
                conversation.accept_by_writing(cx)?;
                conversation.retry(cx, message)
            }),
            Command::Discard(message) => self.with_failed(message, Conversation::discard),
            Command::MarkRead(chat) => self.in_conversation(chat, Conversation::mark_read),
            Command::KeepDraft { chat, text, shown } => {
                if text.len() > MESSAGE_TEXT_MAX {
                    return Err(CommandError::Text(InvalidMessageText::TooLong(text.len())).into());
                }
                self.in_conversation(chat, |conversation, cx| {
                    conversation.keep_draft(cx, &text, &shown)
                })
            }
            Command::TryAgain(chat) => self.in_conversation(chat, Conversation::try_again),
            Command::Hide(chat) => self.in_conversation(chat, |conversation, cx| conversation.hide(cx)),
            Command::SetChat(chat, setting) => {
                self.in_conversation(chat, |conversation, cx| conversation.set(cx, setting))
            }
            Command::Type { chat, is_typing } => self.in_conversation(chat, |conversation, cx| {
                if conversation.answers(cx)? {
                    signals::type_in(cx, chat, is_typing);
                }
                Ok(())
            }),
            Command::SetHere(is_here) => signals::set_here(&mut self.cx, is_here),
            Command::SetPrivacy(privacy) => records::set_privacy(&mut self.cx, privacy),
            Command::SetPicture(picture) => {
                profile_objects::set_picture(&mut self.cx, checked_picture(picture)?)
            }
            Command::SetName(name) => {
                let name = name_or_none(name)?;
                vault::set_own_name(&mut self.cx, name)?;
                profile_objects::name_changed(&mut self.cx)?;
                Ok(conversations::forget_name_sent(self.cx.conn)?)
            }
            Command::LookUp(account) => self.about_person(|cx| directory::wonder(cx, account)),
            Command::Accept(chat) => self.in_conversation(chat, Conversation::accept),
            Command::Decline(chat) => self.in_conversation(chat, Conversation::decline),
            Command::Block(account, is_blocked) => {
                self.about_person(|cx| records::block(cx, account, is_blocked))
            }
            Command::SetNickname(account, name) => {
                let name = name_or_none(name)?;
                self.about_person(|cx| records::set_nickname(cx, account, name))
            }
            Command::AcceptHandle(person) => self.about_person(|cx| accept_handle(cx, &person)),
            Command::NameDevice(device, name) => {
                vault::name_device(&mut self.cx, device, name_or_none(name)?)
            }
            Command::DeviceSignedOut(device) => vault::sign_device_out(&mut self.cx, device),
        }
    }

    fn create_group(&mut self, id: ConversationId, group: NewGroup, people: &[rest::Person]) -> StepResult {
        let new = GroupToMake {
            name: group_name(&group.name)?,
            description: group_description(&group.description)?,
            picture: checked_picture(group.picture)?,
            rights: group.rights,
            people: self.meet_all(people)?,
        };
        conversation::create_group(&mut self.cx, id, new)
    }

    /// Works on what is stored about a person.
    fn about_person(&mut self, act: impl FnOnce(&mut Context<'_>) -> StepResult) -> StepResult {
        match self.cx.about_person(act)? {
            Some(()) => Ok(()),
            None => Err(CommandError::NotProcessed.into()),
        }
    }

    /// Has people whom the directory shows among the contacts. Each is named once.
    fn meet_all(&mut self, people: &[rest::Person]) -> StepResult<Vec<AccountId>> {
        let mut accounts = BTreeSet::new();
        for person in people {
            self.about_person(|cx| meet(cx, person))?;
            accounts.insert(person.account_id);
        }
        Ok(accounts.into_iter().collect())
    }

    fn in_conversation(
        &mut self,
        chat: ChatId,
        act: impl FnOnce(&mut Conversation, &mut Context<'_>) -> StepResult,
    ) -> StepResult {
        if self.conversations.with(&mut self.cx, chat, act)?.is_some() {
            return Ok(());
        }
        Err(match if_readable(conversations::load(self.cx.conn, chat))? {
            Some(_) => CommandError::NotProcessed.into(),
            None => CommandError::UnknownConversation.into(),
        })
    }

    /// Works on a message that has failed.
    fn with_failed(
        &mut self,
        id: LocalMessageId,
        act: impl FnOnce(&mut Conversation, &mut Context<'_>, LocalMessageId) -> StepResult,
    ) -> StepResult {
        let message = messages::find_local(self.cx.conn, id)?
            .filter(|message| message.status == MessageStatus::Failed)
            .ok_or(CommandError::UnknownMessage)?;
        self.in_conversation(message.chat, |conversation, cx| act(conversation, cx, id))
    }
}

fn open_direct(cx: &mut Context<'_>, person: &rest::Person) -> StepResult {
    meet(cx, person)?;
    conversation::open_direct(cx, person.account_id)
}

/// Has a person whom the directory shows among the contacts.
fn meet(cx: &mut Context<'_>, person: &rest::Person) -> StepResult {
    check_person(cx, person)?;
    if !directory::learn(cx, person.account_id, &person.handle)? {
        return Err(CommandError::HandleReassigned.into());
    }
    Ok(())
}

/// A name as it was typed, or that there is to be none.
fn name_or_none(name: Option<String>) -> Result<Option<DisplayName>, CommandError> {
    Ok(name.map(|name| clean_name(&name)).transpose()?)
}

fn group_name(name: &str) -> Result<DisplayName, CommandError> {
    Ok(clean_name(name)?)
}

/// A description; `None` if it is blank.
fn group_description(text: &str) -> Result<Option<GroupDescription>, CommandError> {
    match GroupDescription::try_from(text) {
        Ok(description) => Ok(Some(description)),
        Err(InvalidDescription::Empty) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn checked_picture(picture: Option<Vec<u8>>) -> Result<Option<Picture>, CommandError> {
    Ok(picture.map(Picture::try_from).transpose()?)
}

fn accept_handle(cx: &mut Context<'_>, person: &rest::Person) -> StepResult {
    check_person(cx, person)?;
    if person.handle == cx.me.handle {
        return Err(CommandError::HandleReassigned.into());
    }
    directory::accept(cx, person.account_id, &person.handle)
}

/// Refuses this account itself, and a person whose keys are not those that the account id names.
fn check_person(cx: &Context<'_>, person: &rest::Person) -> Result<(), CommandError> {
    if person.account_id == cx.me.account_id {
        return Err(CommandError::OwnAccount);
    }
    AccountIdentity::named_by(
        person.account_id,
        &person.account_key.0,
        &person.succession_key_hash.0,
    )
    .map_err(|_| CommandError::InvalidPerson)?;
    Ok(())
}
