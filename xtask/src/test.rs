//! `cargo xtask test`: unit, property, conformance, documentation and whole-system tests.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use xshell::{Shell, cmd};

use crate::progress::Steps;
use crate::tools;
use crate::web::{self, Flavour};
use crate::workspace::{self, Profile};

/// Where the whole-system tests find the binary they start.
const BINARY_VARIABLE: &str = "XTASK_BIN";
/// Where the browser tests find the script that looks for what shuts people out.
const AXE_VARIABLE: &str = "XTASK_E2E_AXE";
/// Where the whole-system tests find the program that tries the API by its own description.
const SCHEMATHESIS_VARIABLE: &str = "XTASK_E2E_SCHEMATHESIS";
/// Where the browser tests find the web app as it is shipped.
const SHIPPED_APP_VARIABLE: &str = "XTASK_E2E_SHIPPED_APP";
/// Set to 1 for the long mode: 20,000 simulated worlds or an hour of them, more crashes.
const LONG_VARIABLE: &str = "XTASK_TEST_LONG";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Runs the long mode: 20,000 simulated worlds or an hour of them, more crashes
    #[arg(long)]
    long: bool,
    /// Runs only the tests whose name contains one of these
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let sh = workspace::shell()?;
    let has_nextest = tools::has_cargo_command(&sh, "nextest");
    let with_doc_tests = has_nextest && args.filters.is_empty();
    let mut steps = Steps::new(if with_doc_tests { 6 } else { 5 });

    steps.next("looking for the browsers and other programs that the tests need");
    tools::ensure_browsers(&sh)?;
    let axe = tools::axe(&sh)?;
    let _axe = sh.push_env(AXE_VARIABLE, axe);
    let schemathesis = tools::schemathesis(&sh)?;
    let _schemathesis = sh.push_env(SCHEMATHESIS_VARIABLE, schemathesis);
    steps.next("building the web app");
    web::build(&sh, Flavour::Test)?;
    steps.next("building it as it is shipped");
    let shipped = web::build(&sh, Flavour::Release)?;
    let _shipped = sh.push_env(SHIPPED_APP_VARIABLE, shipped);
    steps.next("building subrosa and every test");
    let binary = build(&sh)?;
    let _binary = sh.push_env(BINARY_VARIABLE, binary);
    let _long = args.long.then(|| sh.push_env(LONG_VARIABLE, "1"));
    let filters = &args.filters;

    if with_doc_tests {
        // cargo-nextest leaves these out; cargo test runs them with the others.
        steps.next("running the examples in the documentation");
        cmd!(sh, "cargo test --workspace --doc --quiet").quiet().run()?;
    }
    steps.next("running the tests");
    if has_nextest {
        cmd!(sh, "cargo nextest run --workspace --no-fail-fast {filters...}")
            .quiet()
            .run()?;
    } else {
        let mut harness_arguments = Vec::new();
        if !filters.is_empty() {
            harness_arguments.push("--".to_owned());
            harness_arguments.extend(filters.iter().cloned());
        }
        cmd!(sh, "cargo test --workspace --no-fail-fast {harness_arguments...}")
            .quiet()
            .run()?;
    }
    Ok(())
}

/// Builds the binary and the tests in one go: selected together they share one set of features, so no
/// dependency is compiled twice.
fn build(sh: &Shell) -> Result<PathBuf> {
    tools::ensure_native(sh)?;
    cmd!(sh, "cargo build --workspace --tests --examples --bin subrosa")
        .quiet()
        .run()?;
    let binary = workspace::binary("subrosa", Profile::Dev)?;
    binary
        .canonicalize()
        .with_context(|| format!("cargo built no {}", binary.display()))
}
