//! `cargo xtask fuzz`: each target for a while, with the nightly toolchain that cargo-fuzz needs.

use anyhow::{Context as _, Result, ensure};
use xshell::{Shell, cmd};

use crate::progress::Steps;
use crate::{tools, workspace};

/// One file per target.
const TARGETS: &str = "fuzz/fuzz_targets";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The targets to run; all when none is named
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// How long each target runs
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u32,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let sh = workspace::shell()?;
    let known = known_targets(&sh)?;
    for target in &args.targets {
        ensure!(
            known.contains(target),
            "no fuzz target {target}; there are {}",
            known.join(", ")
        );
    }
    let chosen = if args.targets.is_empty() {
        &known
    } else {
        &args.targets
    };

    let mut steps = Steps::new(chosen.len() + 2);
    steps.next("looking for cargo-fuzz and the nightly toolchain");
    ensure_cargo_fuzz(&sh)?;
    steps.next("building the fuzz targets (minutes the first time)");
    // Within the one target directory, so that cleaning that one cleans all.
    let target_dir = workspace::target_directory()?.join("fuzz");
    cmd!(sh, "cargo +nightly fuzz build --target-dir {target_dir}")
        .quiet()
        .run()?;

    let limit = format!("-max_total_time={}", args.seconds);
    for target in chosen {
        steps.next(&format!("fuzzing {target} for {} seconds", args.seconds));
        let seeds = format!("fuzz/seeds/{target}");
        // The first folder takes what the fuzzer finds, the second is only read.
        let mut folders = vec![format!("fuzz/corpus/{target}")];
        sh.create_dir(&folders[0])?;
        folders.extend(sh.path_exists(&seeds).then_some(seeds));
        cmd!(
            sh,
            "cargo +nightly fuzz run --target-dir {target_dir} {target} {folders...} -- {limit} -len_control=10 -timeout=30 -verbosity=0"
        )
        .quiet()
        .run()
        .with_context(|| format!("{target} has a finding: its input is in fuzz/artifacts/{target}"))?;
    }
    Ok(())
}

fn known_targets(sh: &Shell) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for path in sh.read_dir(TARGETS)? {
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    Ok(names)
}

fn ensure_cargo_fuzz(sh: &Shell) -> Result<()> {
    tools::ensure_native(sh)?;
    if !tools::has_cargo_command(sh, "fuzz") {
        tools::install_cargo_command(sh, "fuzz")?;
    }
    cmd!(sh, "rustc +nightly --version")
        .quiet()
        .ignore_stdout()
        .run()
        .context("the nightly toolchain is missing: run `rustup toolchain install nightly --profile minimal`")
}
