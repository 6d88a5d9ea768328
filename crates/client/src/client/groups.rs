//! Groups: conversations whose members come and go.

use std::time::Duration;

use rand_core::RngCore as _;
use subrosa_engine::{
    Command, CommandError, ConversationKind, ConversationState, Event, GroupPolicy, NewGroup, Picture,
    Rights, Role, Warning, Wish,
};
use subrosa_wire::{AccountId, ConversationId, Handle, rest::Person};

use super::{Chat, Client, connection::final_error};
use crate::{ClientError, Status, ambient::SystemRandom, events::Update, platform::timeout};

/// A change of a group that concerns one account; see [`Chat::change_member`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MemberChange {
    /// See [`Chat::remove_member`].
    Remove,
    /// See [`Chat::ban`].
    Ban,
    /// See [`Chat::readmit`].
    Readmit,
    /// See [`Chat::give_role`].
    GiveRole(Role),
}

impl Client {
    /// Starts a group; needs the server, which says who the people are. It is made there as soon as there is a connection.
    /// People without a device that can be added are added as soon as they have one.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// let people = ["ada", "ben"].map(|handle| handle.parse().expect("a handle"));
    /// let group = client.create_group("Harvest", &people).await?;
    /// group.send_text("Who brings the ladder?").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// With a picture, a description, and rights of its own:
    ///
    /// ```no_run
    /// use subrosa_client::{NewGroup, Rights, Role};
    ///
    /// # async fn example(client: subrosa_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let news = NewGroup {
    ///     description: "What is new in the orchard".to_owned(),
    ///     picture: Some(std::fs::read("apple.png")?),
    ///     rights: Rights { post: Role::Admin, ..Rights::DEFAULT },
    ///     ..NewGroup::named("News")
    /// };
    /// client.create_group(news, &["ada".parse()?]).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn create_group(
        &self,
        group: impl Into<NewGroup>,
        people: &[Handle],
    ) -> Result<Chat, ClientError> {
        let mut id = [0; 16];
        SystemRandom.fill_bytes(&mut id);
        self.create_group_once(ConversationId::from_bytes(id), group, people)
            .await
    }

    /// Like [`Client::create_group`], for callers that cannot know whether an earlier call arrived: with the same id there
    /// is one group, which is returned each time. The id is chosen at random.
    ///
    /// ```no_run
    /// use subrosa_client::ConversationId;
    ///
    /// # async fn example(client: subrosa_client::Client, random: [u8; 16]) -> Result<(), subrosa_client::ClientError> {
    /// let id = ConversationId::from_bytes(random);
    /// let first = client.create_group_once(id, "Harvest", &[]).await?;
    /// let again = client.create_group_once(id, "Harvest", &[]).await?;
    /// assert_eq!(first.id(), again.id());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn create_group_once(
        &self,
        conversation_id: ConversationId,
        group: impl Into<NewGroup>,
        people: &[Handle],
    ) -> Result<Chat, ClientError> {
        let group = group.into();
        let people = self.people(people).await?;
        self.command(Command::CreateGroup {
            conversation_id,
            group,
            people,
        })
        .await?;
        let chat = self.chat_by_conversation_id(conversation_id).await?;
        chat.ok_or_else(|| {
            ClientError::Engine(subrosa_engine::EngineError::Inconsistent(
                "a group was not made".to_owned(),
            ))
        })
    }

    async fn people(&self, handles: &[Handle]) -> Result<Vec<Person>, ClientError> {
        let mut people = Vec::with_capacity(handles.len());
        for handle in handles {
            people.push(self.person(handle).await?);
        }
        Ok(people)
    }
}

impl Chat {
    /// Adds people to the group, once there is a connection; needs the server, which says who they are.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # async fn example(group: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// group.add_members(&["eva".parse().expect("a handle")]).await?;
    /// group.wait_until_changed(Duration::from_secs(30)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn add_members(&self, people: &[Handle]) -> Result<(), ClientError> {
        let people = self.client().people(people).await?;
        let chat = self.id();
        self.client()
            .command(Command::AddMembers { chat, people })
            .await
            .map(drop)
    }

    /// Removes a member from the group, once there is a connection.
    ///
    /// ```no_run
    /// # async fn example(group: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// group.remove_member(&"ben".parse().expect("a handle")).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn remove_member(&self, handle: &Handle) -> Result<(), ClientError> {
        let account = self.member(handle).await?;
        self.change_member(account, MemberChange::Remove).await
    }

    /// Removes somebody from the group, if they are a member, and keeps them out, once there is a connection.
    ///
    /// ```no_run
    /// # async fn example(group: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// group.ban(&"mallory".parse().expect("a handle")).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn ban(&self, handle: &Handle) -> Result<(), ClientError> {
        let account = self.member(handle).await?;
        self.change_member(account, MemberChange::Ban).await
    }

    /// Lets somebody be added to the group again, once there is a connection.
    ///
    /// ```no_run
    /// # async fn example(group: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// group.readmit(&"mallory".parse().expect("a handle")).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn readmit(&self, handle: &Handle) -> Result<(), ClientError> {
        let account = self.member(handle).await?;
        self.change_member(account, MemberChange::Readmit).await
    }

    /// Gives a member of the group another role, once there is a connection.
    ///
    /// ```no_run
    /// use subrosa_client::Role;
    ///
    /// # async fn example(group: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// group.give_role(&"ada".parse().expect("a handle"), Role::Admin).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn give_role(&self, handle: &Handle, role: Role) -> Result<(), ClientError> {
        let account = self.member(handle).await?;
        self.change_member(account, MemberChange::GiveRole(role)).await
    }

    /// Removes, bans or readmits an account or gives it another role, once there is a connection: also one whose handle is
    /// not known.
    ///
    /// ```no_run
    /// use subrosa_client::MemberChange;
    ///
    /// # async fn example(group: subrosa_client::Chat, member: subrosa_client::Member) -> Result<(), subrosa_client::ClientError> {
    /// group.change_member(member.account_id, MemberChange::Remove).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn change_member(&self, account: AccountId, change: MemberChange) -> Result<(), ClientError> {
        let chat = self.id();
        let command = match change {
            MemberChange::Remove => Command::RemoveMember { chat, account },
            MemberChange::Ban => Command::Ban { chat, account },
            MemberChange::Readmit => Command::Readmit { chat, account },
            MemberChange::GiveRole(role) => Command::GiveRole { chat, account, role },
        };
        self.client().command(command).await.map(drop)
    }

    /// Changes who may do what in the group, once there is a connection.
    ///
    /// ```no_run
    /// use subrosa_client::{Rights, Role};
    ///
    /// # async fn example(group: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// // Only owners and admins write.
    /// let rights = Rights { post: Role::Admin, ..Rights::DEFAULT };
    /// group.set_rights(rights).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn set_rights(&self, rights: Rights) -> Result<(), ClientError> {
        let chat = self.id();
        self.client()
            .command(Command::SetRights { chat, rights })
            .await
            .map(drop)
    }

    /// Leaves the group with all devices of this account, once there is a connection. The only owner names a successor,
    /// unless nobody else is in the group.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # async fn example(group: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// group.leave(Some(&"ada".parse().expect("a handle"))).await?;
    /// group.wait_until_changed(Duration::from_secs(30)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn leave(&self, successor: Option<&Handle>) -> Result<(), ClientError> {
        let chat = self.id();
        let successor = match successor {
            Some(handle) => Some(self.member(handle).await?),
            None => None,
        };
        self.client()
            .command(Command::Leave { chat, successor })
            .await
            .map(drop)
    }

    /// Gives the group another name.
    ///
    /// ```no_run
    /// # async fn example(group: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// group.rename("Harvest 2027").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn rename(&self, name: &str) -> Result<(), ClientError> {
        let (chat, name) = (self.id(), name.to_owned());
        self.client()
            .command(Command::Rename { chat, name })
            .await
            .map(drop)
    }

    /// Says what the group is about; a blank text removes that. At most 2,048 bytes, of any number of lines.
    ///
    /// ```no_run
    /// # async fn example(group: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// group.describe("We meet on Saturdays at nine, by the old barn.").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn describe(&self, description: &str) -> Result<(), ClientError> {
        let (chat, description) = (self.id(), description.to_owned());
        self.client()
            .command(Command::Describe { chat, description })
            .await
            .map(drop)
    }

    /// Gives the group another picture, of the kind that [`Client::set_picture`] takes; `None` removes it.
    ///
    /// ```no_run
    /// # async fn example(group: subrosa_client::Chat) -> Result<(), Box<dyn std::error::Error>> {
    /// group.set_group_picture(Some(std::fs::read("apple.png")?)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn set_group_picture(&self, picture: Option<Vec<u8>>) -> Result<(), ClientError> {
        let chat = self.id();
        self.client()
            .command(Command::SetGroupPicture { chat, picture })
            .await
            .map(drop)
    }

    /// The picture of the group. Untrusted, like its name.
    ///
    /// ```no_run
    /// # async fn example(group: subrosa_client::Chat) -> Result<(), Box<dyn std::error::Error>> {
    /// if let Some(picture) = group.group_picture().await? {
    ///     std::fs::write("picture", picture.as_bytes())?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn group_picture(&self) -> Result<Option<Picture>, ClientError> {
        let chat = self.id();
        self.client().ask(move |engine| engine.group_picture(chat)).await
    }

    /// Waits until the group is as it was wanted: made, with everybody in it and out of it, or left, and until the server
    /// has what is said about it. On
    /// [`ClientError::ChangeGivenUp`] something cannot be done any more; on any other error it stays wanted.
    ///
    /// See [`Chat::add_members`] for an example.
    pub async fn wait_until_changed(&self, patience: Duration) -> Result<(), ClientError> {
        match timeout(patience, self.until_changed()).await {
            Ok(changed) => changed,
            Err(_) => Err(self.client().late("changing the group")),
        }
    }

    async fn until_changed(&self) -> Result<(), ClientError> {
        let chat = self.id();
        let mut events = self.client().events();
        let mut status = self.client().status();
        loop {
            let is_started = self.conversation().await?.is_none_or(|conversation| {
                conversation.state != ConversationState::Starting
                    || conversation.kind != ConversationKind::Group
            });
            if is_started && !self.client().ask(move |engine| engine.has_wishes(chat)).await? {
                return Ok(());
            }
            tokio::select! {
                update = events.next() => match update.ok_or(ClientError::Closed)? {
                    Update::Event(Event::Warning(Warning::ChangeGivenUp { chat: of, why, .. })) if of == chat => {
                        return Err(ClientError::ChangeGivenUp(why));
                    }
                    _ => {}
                },
                given_up = status.wait_for(Status::is_final) => {
                    let given_up = given_up.map_err(|_| ClientError::Closed)?;
                    return Err(final_error(&given_up));
                }
            }
        }
    }

    /// The policy of the group: who owns and manages it, who may do what, and who is banned. `None` while this device is not
    /// in it.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client, group: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// let me = client.me().await?.account_id;
    /// if group.policy().await?.is_some_and(|policy| policy.may_add(me)) {
    ///     group.add_members(&["eva".parse().expect("a handle")]).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn policy(&self) -> Result<Option<GroupPolicy>, ClientError> {
        let id = self.id();
        let host = &self.client().shared.host;
        Ok(host.run(move |host| host.engine().policy(id)).await??)
    }

    /// What the user wants changed in the group and is not changed yet, one change for each account.
    ///
    /// ```no_run
    /// # async fn example(group: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// for (account, wish) in group.wishes().await? {
    ///     println!("{account}: {wish:?}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn wishes(&self) -> Result<Vec<(AccountId, Wish)>, ClientError> {
        let id = self.id();
        self.client().ask(move |engine| engine.wishes(id)).await
    }

    /// The epoch that the group is in; `None` while this device is not in it.
    ///
    /// ```no_run
    /// # async fn example(group: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// println!("epoch {:?}", group.epoch().await?);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn epoch(&self) -> Result<Option<u64>, ClientError> {
        let id = self.id();
        let host = &self.client().shared.host;
        Ok(host.run(move |host| host.engine().epoch(id)).await??)
    }

    /// Whom a handle belongs to, as far as is known here.
    async fn member(&self, handle: &Handle) -> Result<AccountId, ClientError> {
        let me = &self.client().shared.me;
        if *handle == me.handle {
            return Ok(me.account_id);
        }
        let asked = handle.clone();
        let contact = self
            .client()
            .ask(move |engine| engine.contact_by_handle(&asked))
            .await?;
        match contact {
            Some(contact) => Ok(contact.account_id),
            None => Err(ClientError::Command(CommandError::UnknownMember)),
        }
    }
}
