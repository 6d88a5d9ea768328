//! `subrosa privacy`: what others see of the account.

use std::time::Duration;

use clap::{Args, ValueEnum, value_parser};
use subrosa_client::{Audience, Client, ClientError, Privacy};
use tokio::time::Instant;

use super::{exchanged, finish_with_warnings, is_kept, note_clock, sent_later, sync_with_choices};
use crate::{global::Global, output::Output, profile, shapes::PrivacyShape};

/// Show or change what others see of you.
///
/// What you switch off, you don't see of others either. What other people than those you choose write, or add you to, waits
/// until you accept it (`subrosa requests`); people you know are those whom you have written to or accepted, or given a
/// nickname. All of this is the same on all of your devices.
///
/// Exit code 6 means that the server could not be reached in time: the change is stored, and the next command
/// that connects sends it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa privacy
  subrosa privacy --read-receipts off
  subrosa privacy --typing off --last-seen off --json
  subrosa privacy --messages everybody --groups nobody")]
pub(crate) struct Arguments {
    /// Whether others see that you have read their messages.
    #[arg(long, value_name = "on|off", hide_possible_values = true)]
    read_receipts: Option<Switch>,
    /// Whether others see that you are typing.
    #[arg(long, value_name = "on|off", hide_possible_values = true)]
    typing: Option<Switch>,
    /// Whether others see that you are online, and when you were last.
    #[arg(long, value_name = "on|off", hide_possible_values = true)]
    last_seen: Option<Switch>,
    /// Whose messages reach you without being asked: everybody's, those of people you know, or nobody's.
    #[arg(long, value_name = "everybody|known|nobody", hide_possible_values = true)]
    messages: Option<Whom>,
    /// Who adds you to groups without being asked.
    #[arg(long, value_name = "everybody|known|nobody", hide_possible_values = true)]
    groups: Option<Whom>,
    /// Do not connect; show what is stored here.
    #[arg(long, conflicts_with_all = ["read_receipts", "typing", "last_seen", "messages", "groups"])]
    offline: bool,
    /// How long to wait for the server after a change.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = value_parser!(u64).range(0..=86_400))]
    timeout: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Whom {
    Everybody,
    Known,
    Nobody,
}

impl From<Whom> for Audience {
    fn from(whom: Whom) -> Self {
        match whom {
            Whom::Everybody => Self::Everybody,
            Whom::Known => Self::Known,
            Whom::Nobody => Self::Nobody,
        }
    }
}

impl Arguments {
    fn is_change(&self) -> bool {
        let switches = [self.read_receipts, self.typing, self.last_seen];
        let audiences = [self.messages, self.groups];
        switches.iter().any(Option::is_some) || audiences.iter().any(Option::is_some)
    }

    /// The switches after the change that was asked for.
    fn applied_to(&self, privacy: Privacy) -> Privacy {
        let applied = |wanted: Option<Switch>, is_on| wanted.map_or(is_on, |wanted| wanted == Switch::On);
        Privacy {
            read_receipts: applied(self.read_receipts, privacy.read_receipts),
            typing: applied(self.typing, privacy.typing),
            last_seen: applied(self.last_seen, privacy.last_seen),
            writers: self.messages.map_or(privacy.writers, Audience::from),
            adders: self.groups.map_or(privacy.adders, Audience::from),
        }
    }
}

pub(crate) async fn run(global: &Global, arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let client = profile::open(global).await?;
    let events = client.events();
    let ending = if arguments.is_change() {
        change(&client, &arguments, output).await
    } else {
        look(&client, &arguments, output).await
    };
    let closed = finish_with_warnings(client, events, output).await;
    ending.and(closed)
}

async fn look(client: &Client, arguments: &Arguments, output: &mut Output) -> anyhow::Result<()> {
    if !arguments.offline {
        sync_with_choices(client, output).await?;
    }
    show(client, output).await
}

async fn change(client: &Client, arguments: &Arguments, output: &mut Output) -> anyhow::Result<()> {
    let until = Instant::now() + Duration::from_secs(arguments.timeout);
    let known = client.me().await?.privacy;
    client.set_privacy(arguments.applied_to(known)).await?;
    client.connect();
    let stored = stored(client, arguments, until).await;
    note_clock(&client.status().borrow(), output);
    match stored {
        Ok(()) => show(client, output).await,
        Err(error) if is_kept(&error) => {
            show(client, output).await?;
            Err(sent_later(&error))
        }
        Err(error) => Err(error.into()),
    }
}

/// Waits until the server has the change.
async fn stored(client: &Client, arguments: &Arguments, until: Instant) -> Result<(), ClientError> {
    exchanged(client, until.saturating_duration_since(Instant::now())).await?;
    // Another device may have set a switch that seemed to be right already.
    let known = client.me().await?.privacy;
    let wanted = arguments.applied_to(known);
    if wanted != known {
        client.set_privacy(wanted).await?;
        exchanged(client, until.saturating_duration_since(Instant::now())).await?;
    }
    Ok(())
}

async fn show(client: &Client, output: &mut Output) -> anyhow::Result<()> {
    let privacy = client.me().await?.privacy;
    let word = |is_on| if is_on { "on" } else { "off" };
    let text = format!(
        "read receipts: {}\ntyping: {}\nlast seen: {}\nmessages without being asked: {}\n\
         groups without being asked: {}",
        word(privacy.read_receipts),
        word(privacy.typing),
        word(privacy.last_seen),
        audience_words(privacy.writers),
        audience_words(privacy.adders)
    );
    output.result(&PrivacyShape::from(privacy), &text)?;
    Ok(())
}

const fn audience_words(audience: Audience) -> &'static str {
    match audience {
        Audience::Everybody => "from everybody",
        Audience::Known => "from people you know",
        Audience::Nobody => "from nobody",
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        reason = "a test that cannot read its own command line has failed"
    )]
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn arguments(words: &[&str]) -> Arguments {
        let words = ["privacy"].iter().chain(words);
        Line::try_parse_from(words).unwrap().arguments
    }

    #[test]
    fn only_the_switches_that_are_named_are_changed() {
        let before = Privacy {
            typing: false,
            ..Privacy::default()
        };
        let change = arguments(&["--read-receipts", "off", "--last-seen", "on"]);
        assert!(change.is_change());
        assert_eq!(
            change.applied_to(before),
            Privacy {
                read_receipts: false,
                typing: false,
                last_seen: true,
                ..before
            }
        );
        assert_eq!(arguments(&[]).applied_to(before), before);
        assert!(!arguments(&["--offline"]).is_change());
    }
}
