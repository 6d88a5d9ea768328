//! `cargo xtask book`: the book in docs/book as a website, by mdBook.

use anyhow::Result;
use xshell::cmd;

use crate::progress::{Steps, say};
use crate::{tools, workspace};

pub(crate) fn run() -> Result<()> {
    let sh = workspace::shell()?;
    let mut steps = Steps::new(2);
    steps.next("looking for mdBook");
    let mdbook = tools::mdbook(&sh)?;
    steps.next("building the book");
    let folder = workspace::target_directory()?.join("book");
    cmd!(sh, "{mdbook} build docs/book --dest-dir {folder}")
        .quiet()
        .run()?;
    say(&format!("built {}", folder.join("index.html").display()));
    Ok(())
}
