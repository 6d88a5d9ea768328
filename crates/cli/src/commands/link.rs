//! `subrosa link`, `subrosa room` and `subrosa join`: invite links of groups.

use std::time::Duration;

use clap::{Args, Subcommand, value_parser};
use subrosa_client::{
    AskState, Chat, ChatLink, Client, InviteLink, LinkId, LinkOptions, LinkStanding, NewGroup, printable_line,
};

use super::{
    Patience, finish_with_warnings,
    group::{find, made},
    is_kept, note_clock, sent_later, sync,
};
use crate::{
    chat_name::ChatName,
    exit::usage,
    global::Global,
    instant::iso,
    output::Output,
    people::Names,
    profile,
    shapes::{ChatShape, LinkShape, RoomShape},
};

/// How a new link can be used.
#[derive(Debug, Args)]
struct Limits {
    /// How many people may come by it.
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    uses: Option<u32>,
    /// After how many days it stops to work.
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..=36_500))]
    days: Option<u64>,
    /// One only asks to join by it, and those who may add people decide; see `subrosa group requests --help`.
    #[arg(long)]
    approve: bool,
}

impl Limits {
    fn options(&self, name: Option<&String>) -> LinkOptions {
        LinkOptions {
            name: name.cloned(),
            needs_approval: self.approve,
            uses_max: self.uses,
            expires_in: self.days.map(|days| Duration::from_hours(24 * days)),
        }
    }
}

/// Make, list and revoke invite links of groups.
///
/// Whoever has a link can join the group, and hand the link on. Whoever may add people may make and revoke links. When
/// somebody is removed or banned, all links are revoked with it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa link create Harvest --uses 30 --days 7
  subrosa link list Harvest
  subrosa link revoke Harvest 0123456789abcdef0123456789abcdef
  subrosa join 'https://chat.example.org/#AS5…'")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    patience: Patience,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a link
    Create {
        /// The group: its name or id.
        #[arg(value_name = "CHAT")]
        chat: ChatName,
        #[command(flatten)]
        limits: Limits,
        /// What you call it.
        #[arg(long, value_name = "TEXT")]
        name: Option<String>,
    },
    /// List the links of a group
    ///
    /// The links themselves are on the devices of whoever has made them; how often each was used, the server counts.
    List {
        /// The group: its name or id.
        #[arg(value_name = "CHAT")]
        chat: ChatName,
    },
    /// Let nobody in by a link any more
    Revoke {
        /// The group: its name or id.
        #[arg(value_name = "CHAT")]
        chat: ChatName,
        /// The id of the link, as `subrosa link list` shows it.
        link_id: LinkId,
    },
}

/// Create rooms: groups with an invite link.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa room create 'Allotment 12'
  subrosa room create Party --uses 50 --days 3 --json")]
pub(crate) struct RoomArguments {
    #[command(subcommand)]
    action: RoomAction,
    #[command(flatten)]
    patience: Patience,
}

#[derive(Debug, Subcommand)]
enum RoomAction {
    /// Create a group and a link to it
    Create {
        /// What its members call it.
        name: String,
        /// What it is about.
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        description: String,
        #[command(flatten)]
        limits: Limits,
    },
}

/// Join a group by an invite link.
///
/// By some links one only asks to join: those who may add people see your name, your handle and your note, and decide. Until
/// then its state is asked; `subrosa group leave` takes it back.
///
/// Exit code 6 means that it did not happen in time: the next command that connects goes on with it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa join 'https://chat.example.org/#AS5…'")]
pub(crate) struct JoinArguments {
    /// The link.
    link: String,
    /// What those who decide read, if one only asks to join by this link.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    note: String,
    #[command(flatten)]
    patience: Patience,
}

pub(crate) async fn run(global: &Global, arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let client = profile::open(global).await?;
    let events = client.events();
    let patience = arguments.patience.duration();
    sync(&client, output).await?;
    let ending = match &arguments.action {
        Action::Create { chat, limits, name } => {
            let chat = find(&client, chat).await?;
            let link = create((&client, &chat), limits.options(name.as_ref()), patience, output).await;
            match link {
                Ok(link) => show(&link, output),
                Err(error) => Err(error),
            }
        }
        Action::List { chat } => {
            let chat = find(&client, chat).await?;
            list(&chat, output).await
        }
        Action::Revoke { chat, link_id } => {
            let chat = find(&client, chat).await?;
            revoke((&client, &chat), *link_id, patience, output).await
        }
    };
    let closed = finish_with_warnings(client, events, output).await;
    ending.and(closed)
}

pub(crate) async fn run_room(
    global: &Global,
    arguments: RoomArguments,
    output: &mut Output,
) -> anyhow::Result<()> {
    let client = profile::open(global).await?;
    let events = client.events();
    let patience = arguments.patience.duration();
    sync(&client, output).await?;
    let RoomAction::Create {
        name,
        description,
        limits,
    } = &arguments.action;
    let group = NewGroup {
        description: description.clone(),
        ..NewGroup::named(name)
    };
    let ending = create_room(&client, group, limits, patience, output).await;
    let closed = finish_with_warnings(client, events, output).await;
    ending.and(closed)
}

pub(crate) async fn run_join(
    global: &Global,
    arguments: JoinArguments,
    output: &mut Output,
) -> anyhow::Result<()> {
    let link: InviteLink = arguments
        .link
        .parse()
        .map_err(|error| usage(format!("{error}")))?;
    let client = profile::open(global).await?;
    let events = client.events();
    sync(&client, output).await?;
    let ending = join(
        (&client, &link),
        &arguments.note,
        arguments.patience.duration(),
        output,
    )
    .await;
    let closed = finish_with_warnings(client, events, output).await;
    ending.and(closed)
}

async fn create_room(
    client: &Client,
    group: NewGroup,
    limits: &Limits,
    patience: Duration,
    output: &mut Output,
) -> anyhow::Result<()> {
    let chat = client.create_group(group, &[]).await?;
    chat.wait_until_changed(patience)
        .await
        .map_err(|error| kept(error, output, client))?;
    let link = create((client, &chat), limits.options(None), patience, output).await?;
    let Some(conversation) = chat.conversation().await? else {
        return Ok(());
    };
    let names = Names::load(client).await?;
    let text = link.link.as_ref().map(InviteLink::to_text).unwrap_or_default();
    let shape = RoomShape {
        chat: ChatShape::new(&conversation, &names),
        link: text.clone(),
        link_id: link.id.to_string(),
    };
    let lines = format!("{}\n    {text}", names.title(&conversation));
    Ok(output.result(&shape, &lines)?)
}

/// Makes a link, and waits until it can be used.
async fn create(
    (client, chat): (&Client, &Chat),
    options: LinkOptions,
    patience: Duration,
    output: &mut Output,
) -> anyhow::Result<ChatLink> {
    let mut since = client.events();
    let link = chat.create_link(options).await?;
    made(chat, &mut since, patience)
        .await
        .map_err(|error| kept(error, output, client))?;
    let found = chat
        .links()
        .await?
        .into_iter()
        .find(|other| other.id == link.id());
    found.ok_or_else(|| {
        subrosa_client::ClientError::ChangeGivenUp(subrosa_client::GivenUp::NotPermitted).into()
    })
}

async fn list(chat: &Chat, output: &mut Output) -> anyhow::Result<()> {
    for link in chat.links().await? {
        show(&link, output)?;
    }
    Ok(())
}

async fn revoke(
    (client, chat): (&Client, &Chat),
    link_id: LinkId,
    patience: Duration,
    output: &mut Output,
) -> anyhow::Result<()> {
    let mut since = client.events();
    chat.revoke_link(link_id).await?;
    made(chat, &mut since, patience)
        .await
        .map_err(|error| kept(error, output, client))?;
    Ok(output.result(&LinkShape::revoked(link_id), "The link is revoked.")?)
}

async fn join(
    (client, link): (&Client, &InviteLink),
    note: &str,
    patience: Duration,
    output: &mut Output,
) -> anyhow::Result<()> {
    let page = client.look_at_link(link).await?;
    let joined = if page.needs_approval {
        client.ask_to_join(&page, note, patience).await
    } else {
        client.join(&page, patience).await
    };
    note_clock(&client.status().borrow(), output);
    let (chat, ending) = match joined {
        Ok(chat) => (Some(chat), Ok(())),
        Err(error) if is_kept(&error) => {
            let id = page.preview.conversation_id;
            (client.chat_by_conversation_id(id).await?, Err(sent_later(&error)))
        }
        Err(error) => return Err(error.into()),
    };
    let Some(chat) = chat else { return ending };
    if let Some(conversation) = chat.conversation().await? {
        let names = Names::load(client).await?;
        let title = names.title(&conversation);
        let text = match conversation.ask {
            Some(AskState::Asked) => format!("You have asked to join {title}: somebody in it decides."),
            Some(AskState::Waiting) => format!("You will ask to join {title}."),
            None if ending.is_ok() => format!("You are in {title}."),
            None => format!("You will be in {title}."),
        };
        output.result(&ChatShape::new(&conversation, &names), &text)?;
    }
    ending
}

/// What a command says that has waited in vain.
fn kept(error: subrosa_client::ClientError, output: &mut Output, client: &Client) -> anyhow::Error {
    note_clock(&client.status().borrow(), output);
    if is_kept(&error) {
        sent_later(&error)
    } else {
        error.into()
    }
}

fn show(link: &ChatLink, output: &mut Output) -> anyhow::Result<()> {
    let mut words = Vec::new();
    match link.standing {
        LinkStanding::Ready => {}
        LinkStanding::Unwanted => words.push("being revoked".to_owned()),
        _ => words.push("not ready yet".to_owned()),
    }
    words.push(match (link.uses, link.uses_max) {
        (Some(uses), Some(max)) => format!("used {uses} of {max} times"),
        (Some(1), None) => "used once".to_owned(),
        (Some(uses), None) => format!("used {uses} times"),
        (None, Some(max)) => format!("for {max} uses"),
        (None, None) => "for any number of uses".to_owned(),
    });
    if let Some(at) = link.expires_at {
        words.push(format!("until {}", iso(at)));
    }
    if link.needs_approval {
        words.push("one asks to join by it".to_owned());
    }
    let name = link.name.as_deref().map(printable_line);
    let text = match &link.link {
        Some(link) => link.to_text(),
        None => "(made by somebody else)".to_owned(),
    };
    let lines = format!(
        "{}{}  {}\n    {text}",
        name.map(|name| format!("{name}  ")).unwrap_or_default(),
        link.id,
        words.join(", ")
    );
    Ok(output.result(&LinkShape::new(link), &lines)?)
}
