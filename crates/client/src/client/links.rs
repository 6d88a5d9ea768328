//! Invite links: making them, and joining a group by one.

use std::time::Duration;

use subrosa_engine::{
    AskState, Command, Conversation, ConversationState, Event, Invitation, JoinRequest, LinkPreview,
    LinkSecret, LinkStanding, NewLink, Warning,
};
use subrosa_wire::{AccountId, LinkId, ProblemCode, Timestamp, problem::ProblemDocument};

use super::{Chat, Client, connection::final_error};
use crate::{
    ClientError, Connection, Events, InviteLink, Status,
    ambient::{self, SystemRandom},
    events::Update,
    limits::LINKS_PATIENCE,
    platform::timeout,
};

/// What an invite link leads to.
///
/// See [`Client::look_at_link`] for an example.
#[derive(Debug, Clone)]
pub struct LinkPage {
    /// The link.
    pub link: InviteLink,
    /// What the group is called and who invites, as whoever has made the link says: untrusted.
    pub preview: LinkPreview,
    /// How many accounts are in the group, as the server says.
    pub members: u32,
    /// Whether one only asks to join by it.
    pub needs_approval: bool,
}

/// How a new invite link can be used.
///
/// See [`Chat::create_link`] for an example.
#[derive(Debug, Clone, Default)]
pub struct LinkOptions {
    /// What the user calls it; others do not see that.
    pub name: Option<String>,
    /// Whether one only asks to join by it, and somebody inside decides.
    pub needs_approval: bool,
    /// How many accounts may come by it; `None` for any number.
    pub uses_max: Option<u32>,
    /// After how long it stops to work; `None` for never.
    pub expires_in: Option<Duration>,
}

/// An invite link of a group.
///
/// See [`Chat::links`] for an example.
#[derive(Debug, Clone)]
pub struct ChatLink {
    /// Names it, and gives nothing away.
    pub id: LinkId,
    /// The link itself; `None` if this account has not made it.
    pub link: Option<InviteLink>,
    /// What the user calls it.
    pub name: Option<String>,
    /// Whether one only asks to join by it.
    pub needs_approval: bool,
    /// Whether it can be used.
    pub standing: LinkStanding,
    /// How many accounts have come by it, as the server says; `None` if it has not said so.
    pub uses: Option<u32>,
    /// How many may; `None` for any number, or if that is not known.
    pub uses_max: Option<u32>,
    /// When it stops to work; `None` for never, or if that is not known.
    pub expires_at: Option<Timestamp>,
}

impl LinkPage {
    fn invitation(&self) -> Invitation {
        Invitation {
            secret: self.link.secret().clone(),
            preview: self.preview.clone(),
        }
    }
}

impl Client {
    /// Shows what an invite link leads to; needs the server, which learns that somebody looks.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client, text: &str) -> Result<(), Box<dyn std::error::Error>> {
    /// let page = client.look_at_link(&text.parse()?).await?;
    /// println!("@{} invites you to {}", page.preview.inviter, page.preview.name);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn look_at_link(&self, link: &InviteLink) -> Result<LinkPage, ClientError> {
        if link.server() != self.server() {
            return Err(ClientError::OtherServer(link.server().to_string()));
        }
        let shown = self.shared.rest.invite_link(link.id()).await?;
        let preview = LinkPreview::open(link.secret(), &shown.preview.0)
            .map_err(|error| ClientError::ServerMisbehaved(format!("what it shows of the link: {error}")))?;
        if preview.conversation_id != shown.conversation_id {
            return Err(ClientError::ServerMisbehaved(
                "it shows the link with another conversation than the one that it was made for".to_owned(),
            ));
        }
        Ok(LinkPage {
            link: link.clone(),
            preview,
            members: shown.members,
            needs_approval: shown.needs_approval,
        })
    }

    /// Joins the group that an invite link leads to, and waits until this device is in it. If it takes longer, it is joined
    /// later. A member of the group stays one.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # async fn example(client: subrosa_client::Client, text: &str) -> Result<(), Box<dyn std::error::Error>> {
    /// let page = client.look_at_link(&text.parse()?).await?;
    /// let group = client.join(&page, Duration::from_secs(30)).await?;
    /// group.send_text("Hello, everybody").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn join(&self, page: &LinkPage, patience: Duration) -> Result<Chat, ClientError> {
        let mut events = self.events();
        let chat = self.start_to_join(page).await?;
        let is_joined = |conversation: &Conversation| conversation.state == ConversationState::Joined;
        match timeout(patience, chat.until_let_in(&mut events, is_joined)).await {
            Ok(joined) => joined.map(|()| chat),
            Err(_) => Err(self.late("joining the group")),
        }
    }

    /// Asks to join the group that an invite link with approval leads to, and waits until those who decide can see it. They
    /// read the note, this account's name and its handle. If it takes longer, it is asked later. A member of the group
    /// stays one, and what was asked before is replaced. [`Chat::leave`] takes it back.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # async fn example(client: subrosa_client::Client, text: &str) -> Result<(), Box<dyn std::error::Error>> {
    /// let page = client.look_at_link(&text.parse()?).await?;
    /// let group = client.ask_to_join(&page, "I am Imani's sister.", Duration::from_secs(30)).await?;
    /// println!("{:?}", group.conversation().await?.and_then(|group| group.ask));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn ask_to_join(
        &self,
        page: &LinkPage,
        note: &str,
        patience: Duration,
    ) -> Result<Chat, ClientError> {
        let mut events = self.events();
        let chat = self.start_to_ask(page, note).await?;
        let is_asked = |conversation: &Conversation| {
            conversation.state == ConversationState::Joined || conversation.ask == Some(AskState::Asked)
        };
        match timeout(patience, chat.until_let_in(&mut events, is_asked)).await {
            Ok(asked) => asked.map(|()| chat),
            Err(_) => Err(self.late("asking to join the group")),
        }
    }

    /// Like [`Client::ask_to_join`], without waiting.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client, page: subrosa_client::LinkPage) -> Result<(), subrosa_client::ClientError> {
    /// let group = client.start_to_ask(&page, "").await?;
    /// // It stands in the list from now on.
    /// println!("{:?}", group.conversation().await?.and_then(|group| group.ask));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn start_to_ask(&self, page: &LinkPage, note: &str) -> Result<Chat, ClientError> {
        let invitation = Box::new(page.invitation());
        let note = note.to_owned();
        self.command(Command::AskToJoin { invitation, note }).await?;
        self.chat_behind(page).await
    }

    /// Like [`Client::join`], without waiting. [`Event::ConversationChanged`](crate::Event) tells when this device is in the
    /// group, and [`Warning::JoinRefused`](crate::Warning) why it will not be.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client, page: subrosa_client::LinkPage) -> Result<(), subrosa_client::ClientError> {
    /// let group = client.start_to_join(&page).await?;
    /// // It stands in the list from now on.
    /// println!("{:?}", group.conversation().await?.map(|conversation| conversation.state));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn start_to_join(&self, page: &LinkPage) -> Result<Chat, ClientError> {
        if page.needs_approval {
            let document = ProblemDocument::new(ProblemCode::LinkNeedsApproval, "");
            return Err(ClientError::Refused(document.into()));
        }
        self.command(Command::JoinByLink(Box::new(page.invitation())))
            .await?;
        self.chat_behind(page).await
    }

    async fn chat_behind(&self, page: &LinkPage) -> Result<Chat, ClientError> {
        let chat = self.chat_by_conversation_id(page.preview.conversation_id).await?;
        chat.ok_or_else(|| {
            ClientError::Engine(subrosa_engine::EngineError::Inconsistent(
                "a group was not joined".to_owned(),
            ))
        })
    }
}

impl Chat {
    /// Makes an invite link for the group, once there is a connection. It works as soon as [`Chat::wait_until_changed`] has
    /// returned. It is kept on this device; the other devices of the account see that there is one.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use subrosa_client::LinkOptions;
    ///
    /// # async fn example(group: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// let link = group
    ///     .create_link(LinkOptions {
    ///         uses_max: Some(30),
    ///         expires_in: Some(Duration::from_hours(7 * 24)),
    ///         ..LinkOptions::default()
    ///     })
    ///     .await?;
    /// group.wait_until_changed(Duration::from_secs(30)).await?;
    /// println!("{}", link.to_text());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn create_link(&self, options: LinkOptions) -> Result<InviteLink, ClientError> {
        let (chat, secret) = (self.id(), LinkSecret::generate(&mut SystemRandom));
        let link = NewLink {
            secret: secret.clone(),
            name: options.name,
            needs_approval: options.needs_approval,
            uses_max: options.uses_max,
            expires_at: options.expires_in.map(|wait| ambient::now().plus(wait)),
        };
        self.client().command(Command::CreateLink { chat, link }).await?;
        Ok(InviteLink::new(self.client().server().clone(), secret))
    }

    /// Revokes an invite link of the group, whoever has made it, once there is a connection.
    ///
    /// ```no_run
    /// # async fn example(group: subrosa_client::Chat, link: subrosa_client::ChatLink) -> Result<(), subrosa_client::ClientError> {
    /// group.revoke_link(link.id).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn revoke_link(&self, link: LinkId) -> Result<(), ClientError> {
        let chat = self.id();
        let command = Command::RevokeLink { chat, link };
        self.client().command(command).await.map(drop)
    }

    /// The invite links of the group; none while this device is not in it. The server is asked how often they were used, if
    /// there is a connection.
    ///
    /// ```no_run
    /// # async fn example(group: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// for link in group.links().await? {
    ///     println!("{:?}: used {:?} times", link.name, link.uses);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn links(&self) -> Result<Vec<ChatLink>, ClientError> {
        let chat = self.id();
        let is_joined = self
            .conversation()
            .await?
            .is_some_and(|conversation| conversation.state == ConversationState::Joined);
        let is_online = self.client().status().borrow().connection == Connection::Online;
        if is_joined && is_online {
            let mut events = self.client().events();
            self.client().command(Command::LookAtLinks(chat)).await?;
            until_told(&mut events, &Event::LinksChanged(chat)).await;
        }
        let host = &self.client().shared.host;
        let links = host.run(move |host| host.engine().links(chat)).await??;
        let server = self.client().server();
        Ok(links
            .into_iter()
            .map(|link| ChatLink {
                id: link.id,
                link: link.secret.map(|secret| InviteLink::new(server.clone(), secret)),
                name: link.name,
                needs_approval: link.needs_approval,
                standing: link.standing,
                uses: link.uses,
                uses_max: link.uses_max,
                expires_at: link.expires_at,
            })
            .collect())
    }

    /// Who asks to join the group, the oldest first; the server is asked, if there is a connection.
    ///
    /// ```no_run
    /// # async fn example(group: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// for request in group.join_requests().await? {
    ///     println!("{:?}: {:?}", request.name, request.note);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn join_requests(&self) -> Result<Vec<JoinRequest>, ClientError> {
        let chat = self.id();
        if self.client().status().borrow().connection == Connection::Online {
            let mut events = self.client().events();
            self.client().command(Command::LookAtJoinRequests(chat)).await?;
            until_told(&mut events, &Event::JoinRequestsChanged(chat)).await;
            // Their handles come after.
            let _ = timeout(LINKS_PATIENCE, async {
                loop {
                    let requests = self
                        .client()
                        .ask(move |engine| engine.join_requests(chat))
                        .await?;
                    let is_known = |request: &JoinRequest| request.handle().is_some();
                    if requests.iter().all(is_known) || events.next().await.is_none() {
                        return Ok::<(), ClientError>(());
                    }
                }
            })
            .await;
        }
        self.client().ask(move |engine| engine.join_requests(chat)).await
    }

    /// Adds somebody who asks to join the group, once there is a connection.
    ///
    /// ```no_run
    /// # async fn example(group: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// for request in group.join_requests().await? {
    ///     group.approve(request.account_id).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn approve(&self, account: AccountId) -> Result<(), ClientError> {
        let chat = self.id();
        let command = Command::Approve { chat, account };
        self.client().command(command).await.map(drop)
    }

    /// Refuses somebody who asks to join the group; needs the server. They do not learn of it, and can ask again.
    ///
    /// ```no_run
    /// # async fn example(group: subrosa_client::Chat) -> Result<(), subrosa_client::ClientError> {
    /// for request in group.join_requests().await? {
    ///     group.deny(request.account_id).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn deny(&self, account: AccountId) -> Result<(), ClientError> {
        let (chat, mut events) = (self.id(), self.client().events());
        self.client().command(Command::Deny { chat, account }).await?;
        until_told(&mut events, &Event::JoinRequestsChanged(chat)).await;
        let requests = self
            .client()
            .ask(move |engine| engine.join_requests(chat))
            .await?;
        if requests.iter().all(|request| request.account_id != account) {
            Ok(())
        } else {
            Err(self.client().late("refusing a request to join"))
        }
    }

    /// Waits until the group is as it should be for whoever comes by a link, or is not let in.
    async fn until_let_in(
        &self,
        events: &mut Events,
        is_so: impl Fn(&Conversation) -> bool,
    ) -> Result<(), ClientError> {
        let mut status = self.client().status();
        loop {
            let conversation = self.conversation().await?;
            if conversation.is_some_and(|conversation| is_so(&conversation)) {
                return Ok(());
            }
            tokio::select! {
                update = events.next() => match update.ok_or(ClientError::Closed)? {
                    Update::Event(Event::Warning(Warning::JoinRefused { chat, code })) if chat == self.id() => {
                        let code = code.unwrap_or(ProblemCode::LinkInvalid);
                        return Err(ClientError::Refused(ProblemDocument::new(code, "").into()));
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
}

/// Waits for this event. What the server does not say in time is not known.
async fn until_told(events: &mut Events, told: &Event) {
    let _ = timeout(LINKS_PATIENCE, async {
        while let Some(update) = events.next().await {
            if matches!(&update, Update::Event(event) if event == told) {
                break;
            }
        }
    })
    .await;
}
