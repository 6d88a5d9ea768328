//! `subrosa accept`: a request, or another account for a known handle, after the user has compared the account ids.

use clap::{Args, value_parser};
use subrosa_client::{AccountId, ClientError, CommandError, HandleComparison, Person, Standing};

use super::{finish_with_warnings, requests};

use crate::{
    chat_name::ChatName,
    exit::{refused, usage},
    global::Global,
    output::{Output, can_ask, is_confirmed},
    people::grouped,
    profile,
    shapes::AcceptShape,
};

/// Accept a request, or another account for a handle.
///
/// A request is what somebody has begun whom you don't know: a conversation or a group (`subrosa requests` lists them).
/// Until you accept it or reply, they don't learn that you have received or read anything.
///
/// A handle never changes its account by itself: either the server shows a wrong account now, or the known one was
/// wrong from the beginning, or the person has a new account. Ask the person for the account id, which `subrosa whoami`
/// shows, on a way that does not lead over this server. The other account keeps its conversation, without the handle.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa accept @ben
  subrosa accept 'Allotment 12'
  subrosa accept @ben --account 0123456789abcdef0123456789abcdef")]
pub(crate) struct Arguments {
    /// The request: a @handle, or the name or the id of a group. Or the handle whose account has changed.
    #[arg(value_name = "CHAT")]
    pub(crate) chat: ChatName,
    /// How long to wait for the server to take that a request is accepted.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = value_parser!(u64).range(0..=86_400))]
    timeout: u64,
    /// Accept this account without asking, and no other. Required without a terminal.
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<AccountId>,
}

pub(crate) async fn run(global: &Global, arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let client = profile::open(global).await?;
    if arguments.account.is_none()
        && let Some(chat) = arguments.chat.find_with_requests(&client).await?
        && chat.standing().await? != Standing::Accepted
    {
        let events = client.events();
        chat.accept().await?;
        let ending = requests::show_changed(&client, &chat, arguments.timeout, output).await;
        let closed = finish_with_warnings(client, events, output).await;
        return ending.and(closed);
    }
    let Some(handle) = &arguments.chat.as_handle() else {
        return Err(ClientError::Command(CommandError::NotARequest).into());
    };
    let comparison = client.compare_handle(handle).await?;
    let Some(shown) = comparison.shown.clone() else {
        return Err(ClientError::UnknownPerson(handle.as_str().to_owned()).into());
    };
    if !comparison.differs() {
        return Err(refused(&match comparison.known {
            Some(_) => format!(
                "the server shows the known account for @{}: there is nothing to accept",
                handle.as_str()
            ),
            None => format!(
                "nobody is known as @{} yet: `subrosa send` begins a conversation",
                handle.as_str()
            ),
        }));
    }
    if !output.is_json() || arguments.account.is_none() {
        explain(&comparison, &shown, output);
    }
    confirm(&arguments, &shown, output)?;
    let shown_id = shown.account_id;
    client.accept_handle(shown).await?;
    output.result(
        &AcceptShape {
            handle: handle.as_str(),
            known: comparison.known.map(|known| known.account_id.to_string()),
            shown: Some(shown_id.to_string()),
            accepted: true,
        },
        &format!(
            "@{} is the account {} from now on.",
            handle.as_str(),
            grouped(shown_id)
        ),
    )?;
    super::finish_after_sync(client, output).await
}

fn explain(comparison: &HandleComparison, shown: &Person, output: &mut Output) {
    let handle = shown.handle.as_str();
    let known = comparison.known.as_ref().map(|known| grouped(known.account_id));
    output.note(&format!(
        "known as @{handle} until now:  {}\nshown by the server now:  {}\n\
         If you did not expect this, keep what is known, and ask the person some other way which of the two is theirs.",
        known.unwrap_or_default(),
        grouped(shown.account_id)
    ));
}

fn confirm(arguments: &Arguments, shown: &Person, output: &mut Output) -> anyhow::Result<()> {
    match arguments.account {
        Some(account) if account == shown.account_id => Ok(()),
        Some(_) => Err(refused(
            "the server shows another account than the one given: nothing was changed",
        )),
        None if !can_ask() => Err(usage("there is no terminal to confirm on: use --account")),
        None => {
            output.note("type yes to accept the account that the server shows:");
            if is_confirmed()? {
                Ok(())
            } else {
                Err(usage("nothing was changed"))
            }
        }
    }
}
