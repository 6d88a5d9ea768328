//! `cargo xtask check`: what must hold before a change is merged, beside the tests.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::progress::{Steps, say};
use crate::{fmt, layers, tools, workspace};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Installs cargo-deny when it is missing (minutes), and asks the advisory database (network)
    #[arg(long)]
    supply_chain: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let sh = workspace::shell()?;
    let mut steps = Steps::new(5);

    steps.next("checking the layers");
    layers::check(&workspace::metadata()?)?;

    steps.next("checking the format");
    fmt::check(&sh)?;

    steps.next("linting every target");
    tools::ensure_component(&sh, "clippy", "clippy")?;
    tools::ensure_native(&sh)?;
    cmd!(sh, "cargo clippy --workspace --all-targets").quiet().run()?;

    steps.next("checking that layers one to three compile for wasm32");
    check_wasm(&sh)?;

    steps.next("checking licences, bans and sources");
    check_supply_chain(&sh, args.supply_chain)
}

/// Each crate by itself: checked together, one could lend another a feature that it lacks.
fn check_wasm(sh: &Shell) -> Result<()> {
    tools::ensure_wasm(sh)?;
    let target = tools::WASM_TARGET;
    for package in layers::PURE {
        cmd!(sh, "cargo check --package {package} --target {target}")
            .quiet()
            .run()?;
    }
    Ok(())
}

/// Advisories are news from outside: they must not turn an unchanged tree red, so they are asked for by name.
fn check_supply_chain(sh: &Shell, thorough: bool) -> Result<()> {
    if !tools::has_cargo_command(sh, "deny") {
        if !thorough {
            say(
                "      left out: cargo-deny is not installed (`cargo xtask check --supply-chain` installs it)",
            );
            return Ok(());
        }
        tools::install_cargo_command(sh, "deny")?;
    }
    let advisories = thorough.then_some("advisories");
    cmd!(
        sh,
        "cargo deny --log-level error --workspace check licenses bans sources {advisories...}"
    )
    .quiet()
    .run()?;
    Ok(())
}
