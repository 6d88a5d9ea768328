//! `subrosa group`: groups and their members.

use std::{path::PathBuf, str::FromStr, time::Duration};

use clap::{Args, Subcommand, ValueEnum};
use subrosa_client::{
    Chat, ChatId, Client, ClientError, CommandError, ConversationKind, Events, Handle, JoinRequest, Lifetime,
    NewGroup, Rights, Role, Warning, printable_line,
};

use super::{
    Patience, chats, chats::any_duration, finish_with_warnings, is_kept, next_warning, note_clock, picture,
    sent_later, sync,
};
use crate::{
    chat_name::ChatName,
    exit::usage,
    global::Global,
    instant::{iso, lifetime_words},
    output::Output,
    people::Names,
    profile,
    shapes::{ChatShape, GroupShape, JoinRequestShape, level_word, role_word},
};

/// Create groups, and change who is in them.
///
/// A change waits until the server has it. Exit code 6 means that it did not happen in time: it is stored, and the next
/// command that connects makes it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa group create Harvest @ada @ben
  subrosa group add Harvest @eva
  subrosa group role Harvest @ada admin
  subrosa group show Harvest --json
  subrosa group expire Harvest 7d
  subrosa group expire @ada off
  subrosa group leave Harvest --successor @ada
  subrosa group requests Harvest
  subrosa group approve Harvest @imani
  subrosa send Harvest 'Who brings the ladder?'")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    patience: Patience,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create a group with people
    Create {
        /// What its members call it.
        name: String,
        /// Who is in it besides you.
        #[arg(value_name = "@HANDLE")]
        people: Vec<Handle>,
        /// What it is about.
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        description: String,
        /// A file with its picture; see `subrosa picture --help`.
        #[arg(long, value_name = "FILE")]
        picture: Option<PathBuf>,
    },
    /// Show a group and its members
    Show {
        /// The group: its name or id.
        #[arg(value_name = "CHAT")]
        chat: ChatName,
        /// Do not connect; show what is stored here.
        #[arg(long)]
        offline: bool,
    },
    /// Add people
    Add {
        /// The group: its name or id.
        #[arg(value_name = "CHAT")]
        chat: ChatName,
        /// Whom to add.
        #[arg(value_name = "@HANDLE", required = true)]
        people: Vec<Handle>,
    },
    /// Remove people
    Remove {
        /// The group: its name or id.
        #[arg(value_name = "CHAT")]
        chat: ChatName,
        /// Whom to remove.
        #[arg(value_name = "@HANDLE", required = true)]
        people: Vec<Handle>,
    },
    /// Remove people, if they are members, and keep them out
    Ban {
        /// The group: its name or id.
        #[arg(value_name = "CHAT")]
        chat: ChatName,
        /// Whom to ban.
        #[arg(value_name = "@HANDLE", required = true)]
        people: Vec<Handle>,
    },
    /// Let people be added again who were banned
    Unban {
        /// The group: its name or id.
        #[arg(value_name = "CHAT")]
        chat: ChatName,
        /// Whom to let in again.
        #[arg(value_name = "@HANDLE", required = true)]
        people: Vec<Handle>,
    },
    /// List who asks to join by an invite link
    Requests {
        /// The group: its name or id.
        #[arg(value_name = "CHAT")]
        chat: ChatName,
    },
    /// Let people in who ask to join
    Approve {
        /// The group: its name or id.
        #[arg(value_name = "CHAT")]
        chat: ChatName,
        /// Who asks; everybody who does, if nobody is named.
        #[arg(value_name = "@HANDLE")]
        people: Vec<Handle>,
    },
    /// Do not let people in who ask to join
    ///
    /// They do not learn of it, and can ask again: ban those who are not to.
    Deny {
        /// The group: its name or id.
        #[arg(value_name = "CHAT")]
        chat: ChatName,
        /// Who asks; everybody who does, if nobody is named.
        #[arg(value_name = "@HANDLE")]
        people: Vec<Handle>,
    },
    /// Give somebody another role
    Role {
        /// The group: its name or id.
        #[arg(value_name = "CHAT")]
        chat: ChatName,
        /// To whom.
        #[arg(value_name = "@HANDLE")]
        person: Handle,
        /// Which role.
        role: RoleName,
    },
    /// Show or change who may do what
    ///
    /// For an announcement group: `subrosa group rights CHAT --post admins`. Admins include owners.
    Rights {
        /// The group: its name or id.
        #[arg(value_name = "CHAT")]
        chat: ChatName,
        /// Who adds people.
        #[arg(long, value_name = "WHO")]
        add: Option<Level>,
        /// Who removes and bans people of a lower role: admins or owners.
        #[arg(long, value_name = "WHO")]
        remove: Option<Level>,
        /// Who changes name, description and picture.
        #[arg(long, value_name = "WHO")]
        edit: Option<Level>,
        /// Who writes messages.
        #[arg(long, value_name = "WHO")]
        post: Option<Level>,
        /// Who pins messages.
        #[arg(long, value_name = "WHO")]
        pin: Option<Level>,
    },
    /// Leave a group
    Leave {
        /// The group: its name or id.
        #[arg(value_name = "CHAT")]
        chat: ChatName,
        /// Who becomes an owner, if you are the only one.
        #[arg(long, value_name = "@HANDLE")]
        successor: Option<Handle>,
    },
    /// Give the group another name
    Rename {
        /// The group: its name or id.
        #[arg(value_name = "CHAT")]
        chat: ChatName,
        /// The new name.
        name: String,
    },
    /// Say what the group is about
    Describe {
        /// The group: its name or id.
        #[arg(value_name = "CHAT")]
        chat: ChatName,
        /// The text, of at most 2,048 bytes; an empty one removes it.
        text: String,
    },
    /// Say for how long messages are kept, in a group or a direct conversation
    ///
    /// What is written from then on disappears: for its author this long after it was sent, for others this long after they
    /// have read it. In a group it takes the right to change the name.
    Expire {
        /// The conversation: a @handle, the name of a group, or an id.
        #[arg(value_name = "CHAT")]
        chat: ChatName,
        /// From 5 seconds to 366 days, such as `30m`, `8h`, `1d` or `1w`; `off` to keep messages.
        #[arg(value_name = "DURATION|off")]
        timer: Timer,
    },
    /// Give the group another picture
    ///
    /// A JPEG, PNG or WebP file of at most 60 KiB and 1,024 pixels on each side; see `subrosa picture --help`.
    Picture {
        /// The group: its name or id.
        #[arg(value_name = "CHAT")]
        chat: ChatName,
        /// The file with the new picture.
        #[arg(required_unless_present = "remove")]
        file: Option<PathBuf>,
        /// Remove the picture.
        #[arg(long, conflicts_with = "file")]
        remove: bool,
    },
}

/// For how long messages are kept.
#[derive(Debug, Clone, Copy)]
struct Timer(Option<Lifetime>);

impl FromStr for Timer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" {
            return Ok(Self(None));
        }
        let duration = any_duration(text)?;
        match Lifetime::from_secs(duration.as_secs()) {
            Some(lifetime) if duration.subsec_nanos() == 0 => Ok(Self(Some(lifetime))),
            _ => Err("messages are kept for whole seconds, from 5 seconds to 366 days".to_owned()),
        }
    }
}

/// Who has a right.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Level {
    Everyone,
    Admins,
    Owners,
}

impl From<Level> for Role {
    fn from(level: Level) -> Self {
        match level {
            Level::Everyone => Self::Member,
            Level::Admins => Self::Admin,
            Level::Owners => Self::Owner,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleName {
    Owner,
    Admin,
    Member,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Owner => Self::Owner,
            RoleName::Admin => Self::Admin,
            RoleName::Member => Self::Member,
        }
    }
}

pub(crate) async fn run(global: &Global, arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let client = profile::open(global).await?;
    let events = client.events();
    let patience = arguments.patience.duration();
    let ending = match &arguments.action {
        Action::Show { chat, offline } => {
            if !offline {
                sync(&client, output).await?;
            }
            let chat = find(&client, chat).await?;
            show(&chat, &client, output).await
        }
        Action::Requests { chat } => {
            sync(&client, output).await?;
            let chat = find(&client, chat).await?;
            list_requests(&chat, output).await
        }
        Action::Deny { chat, people } => {
            sync(&client, output).await?;
            let chat = find(&client, chat).await?;
            deny(&chat, people, output).await
        }
        action => {
            // What others have changed meanwhile, such as the name, counts.
            sync(&client, output).await?;
            let mut since = client.events();
            let chat = change(&client, action).await?;
            let changed = made(&chat, &mut since, patience).await;
            note_clock(&client.status().borrow(), output);
            match changed {
                Ok(()) => show_changed(&chat, &client, output).await,
                Err(error) if is_kept(&error) => {
                    show_changed(&chat, &client, output).await?;
                    Err(sent_later(&error))
                }
                Err(error) => Err(error.into()),
            }
        }
    };
    let closed = finish_with_warnings(client, events, output).await;
    ending.and(closed)
}

/// Waits until what the user wants changed in a group is changed, or was given up since.
pub(super) async fn made(chat: &Chat, since: &mut Events, patience: Duration) -> Result<(), ClientError> {
    chat.wait_until_changed(patience).await?;
    given_up(since, chat.id())
}

fn given_up(since: &mut Events, of: ChatId) -> Result<(), ClientError> {
    while let Some(warning) = next_warning(since) {
        if let Warning::ChangeGivenUp { chat, why, .. } = warning
            && chat == of
        {
            return Err(ClientError::ChangeGivenUp(why));
        }
    }
    Ok(())
}

/// Stores the change. The group that it is about.
#[expect(clippy::too_many_lines, reason = "one arm for each change")]
async fn change(client: &Client, action: &Action) -> anyhow::Result<Chat> {
    Ok(match action {
        Action::Create {
            name,
            people,
            description,
            picture,
        } => {
            let group = NewGroup {
                description: description.clone(),
                picture: picture.as_deref().map(picture::read).transpose()?,
                ..NewGroup::named(name)
            };
            client.create_group(group, people).await?
        }
        Action::Add { chat, people } => {
            let chat = find(client, chat).await?;
            chat.add_members(people).await?;
            chat
        }
        Action::Remove { chat, people } => {
            let chat = find(client, chat).await?;
            for person in people {
                chat.remove_member(person).await?;
            }
            chat
        }
        Action::Ban { chat, people } => {
            let chat = find(client, chat).await?;
            for person in people {
                chat.ban(person).await?;
            }
            chat
        }
        Action::Unban { chat, people } => {
            let chat = find(client, chat).await?;
            for person in people {
                chat.readmit(person).await?;
            }
            chat
        }
        Action::Role { chat, person, role } => {
            let chat = find(client, chat).await?;
            chat.give_role(person, (*role).into()).await?;
            chat
        }
        Action::Rights {
            chat,
            add,
            remove,
            edit,
            post,
            pin,
        } => {
            let chat = find(client, chat).await?;
            if let Some(policy) = chat.policy().await? {
                let before = *policy.rights();
                let level = |to: &Option<Level>, before| to.map_or(before, Role::from);
                let rights = Rights {
                    add: level(add, before.add),
                    remove: level(remove, before.remove),
                    profile: level(edit, before.profile),
                    post: level(post, before.post),
                    pin: level(pin, before.pin),
                };
                if rights.remove == Role::Member {
                    return Err(usage("only admins or owners can remove people"));
                }
                if rights != before {
                    chat.set_rights(rights).await?;
                }
            }
            chat
        }
        Action::Leave { chat, successor } => {
            let chat = find(client, chat).await?;
            chat.leave(successor.as_ref()).await?;
            chat
        }
        Action::Rename { chat, name } => {
            let chat = find(client, chat).await?;
            chat.rename(name).await?;
            chat
        }
        Action::Describe { chat, text } => {
            let chat = find(client, chat).await?;
            chat.describe(text).await?;
            chat
        }
        Action::Expire { chat, timer } => {
            let found = chat.find(client).await?;
            let chat = found.ok_or_else(|| usage(chat.no_conversation()))?;
            chat.set_timer(timer.0).await?;
            chat
        }
        Action::Picture { chat, file, .. } => {
            let picture = file.as_deref().map(picture::read).transpose()?;
            let chat = find(client, chat).await?;
            chat.set_group_picture(picture).await?;
            chat
        }
        Action::Approve { chat, people } => {
            let chat = find(client, chat).await?;
            for request in requests_of(&chat, people).await? {
                chat.approve(request.account_id).await?;
            }
            chat
        }
        Action::Show { chat, .. } | Action::Requests { chat } | Action::Deny { chat, .. } => {
            find(client, chat).await?
        }
    })
}

/// The requests to join of these people, or all.
async fn requests_of(chat: &Chat, people: &[Handle]) -> anyhow::Result<Vec<JoinRequest>> {
    let requests = chat.join_requests().await?;
    let is_by = |request: &JoinRequest, handle: &Handle| request.handle() == Some(handle);
    for handle in people {
        if !requests.iter().any(|request| is_by(request, handle)) {
            return Err(ClientError::Command(CommandError::UnknownJoinRequest).into());
        }
    }
    let is_meant =
        |request: &JoinRequest| people.is_empty() || people.iter().any(|handle| is_by(request, handle));
    Ok(requests.into_iter().filter(is_meant).collect())
}

async fn list_requests(chat: &Chat, output: &mut Output) -> anyhow::Result<()> {
    for request in chat.join_requests().await? {
        let handle = request
            .handle()
            .map_or_else(|| request.account_id.to_string(), |handle| format!("@{handle}"));
        let name = request.name.as_deref().map(printable_line);
        let mut lines = vec![match name {
            Some(name) => format!("{name} ({handle})  {}", iso(request.asked_at)),
            None => format!("{handle}  {}", iso(request.asked_at)),
        }];
        let note = request.note.as_deref().unwrap_or_default();
        lines.extend(note.lines().map(|line| format!("    {}", printable_line(line))));
        output.result(&JoinRequestShape::new(&request), &lines.join("\n"))?;
    }
    Ok(())
}

async fn deny(chat: &Chat, people: &[Handle], output: &mut Output) -> anyhow::Result<()> {
    for request in requests_of(chat, people).await? {
        chat.deny(request.account_id).await?;
    }
    list_requests(chat, output).await
}

/// The group that is named.
pub(super) async fn find(client: &Client, name: &ChatName) -> anyhow::Result<Chat> {
    let found = name.find(client).await?;
    let chat = found.ok_or_else(|| usage(name.no_conversation()))?;
    match chat.conversation().await? {
        Some(conversation) if conversation.kind == ConversationKind::Group => Ok(chat),
        _ => Err(usage("this conversation is not a group")),
    }
}

/// Shows what was changed: a group, or a direct conversation.
async fn show_changed(chat: &Chat, client: &Client, output: &mut Output) -> anyhow::Result<()> {
    match chat.conversation().await? {
        Some(conversation) if conversation.kind != ConversationKind::Group => {
            let names = Names::load(client).await?;
            let text = chats::line(&conversation, &names, output);
            Ok(output.result(&ChatShape::new(&conversation, &names), &text)?)
        }
        _ => show(chat, client, output).await,
    }
}

async fn show(chat: &Chat, client: &Client, output: &mut Output) -> anyhow::Result<()> {
    let Some(conversation) = chat.conversation().await? else {
        return Ok(());
    };
    let names = Names::load(client).await?;
    let (members, devices) = (chat.members().await?, chat.devices().await?);
    let epoch = chat.epoch().await?;
    let mut lines = vec![names.title(&conversation)];
    let description = conversation.description.as_deref().unwrap_or_default();
    lines.extend(
        description
            .lines()
            .map(|line| format!("    {}", printable_line(line))),
    );
    for member in &members {
        let role = match member.role {
            Role::Member => String::new(),
            role => format!("  [{}]", role_word(role)),
        };
        lines.push(format!("    {}{role}", names.display(member.account_id)));
    }
    let rights = chat.policy().await?.map(|policy| *policy.rights());
    if let Some(rights) = rights {
        lines.push(rights_line(rights));
    }
    if let Some(timer) = conversation.timer {
        lines.push(format!("    Messages disappear after {}", lifetime_words(timer)));
    }
    let shape = GroupShape::new(&conversation, epoch, (&members, &devices), rights, &names);
    Ok(output.result(&shape, &lines.join("\n"))?)
}

fn rights_line(rights: Rights) -> String {
    let Rights {
        add,
        remove,
        profile,
        post,
        pin,
    } = rights;
    let [write, add, rename, remove, pin] = [post, add, profile, remove, pin].map(level_word);
    format!("    Who writes: {write}; adds: {add}; renames: {rename}; removes: {remove}; pins: {pin}")
}
