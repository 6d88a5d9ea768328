//! `subrosa search`: people by the start of their handle.

use clap::Args;

use crate::{global::Global, output::Output, profile, shapes::PersonShape};

/// Search for people by the start of their handle.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  subrosa search ali")]
pub(crate) struct Arguments {
    /// The first characters of the handle.
    text: String,
}

pub(crate) async fn run(global: &Global, arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let client = profile::open(global).await?;
    let prefix = arguments.text.trim().trim_start_matches('@').to_lowercase();
    let people = client.search_people(&prefix).await?;
    for person in &people {
        output.result(&PersonShape::new(person), &format!("@{}", person.handle.as_str()))?;
    }
    if people.is_empty() {
        output.note(&format!("no handle starts with {prefix}"));
    }
    Ok(client.close().await?)
}
