//! What a command needs beyond cargo: installed where that is possible, otherwise named in one line.

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

use crate::progress::say;

/// The target that the crates of layers one to three must compile for.
pub(crate) const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// A program that is not part of Rust.
struct Program {
    name: &'static str,
    debian_package: &'static str,
}

/// The C compiler links every Rust program; OpenSSL (inside `SQLCipher`) is built by perl and make.
const NATIVE: &[Program] = &[
    Program {
        name: "cc",
        debian_package: "build-essential",
    },
    Program {
        name: "make",
        debian_package: "make",
    },
    Program {
        name: "perl",
        debian_package: "perl",
    },
];

/// Only clang compiles C (`SQLite`) for wasm32.
const WASM: &[Program] = &[Program {
    name: "clang",
    debian_package: "clang",
}];

/// Makes sure that the native build has its compilers.
pub(crate) fn ensure_native(sh: &Shell) -> Result<()> {
    ensure_programs(sh, NATIVE)
}

/// Makes sure that the wasm32 build has its compiler and its standard library.
pub(crate) fn ensure_wasm(sh: &Shell) -> Result<()> {
    ensure_programs(sh, WASM)?;
    let library = cmd!(sh, "rustc --print target-libdir --target {WASM_TARGET}")
        .quiet()
        .read()?;
    if sh.path_exists(library) {
        return Ok(());
    }
    say(&format!("      installing the Rust target {WASM_TARGET}"));
    cmd!(sh, "rustup target add {WASM_TARGET}")
        .quiet()
        .run()
        .with_context(|| {
            format!("the Rust target {WASM_TARGET} is missing: run `rustup target add {WASM_TARGET}`")
        })
}

/// Makes sure that a part of Rust is there that a minimal installation leaves out. `command` is cargo's name
/// for it, `component` rustup's.
pub(crate) fn ensure_component(sh: &Shell, command: &str, component: &str) -> Result<()> {
    if has_cargo_command(sh, command) {
        return Ok(());
    }
    say(&format!("      installing {component}"));
    cmd!(sh, "rustup component add {component}")
        .quiet()
        .run()
        .with_context(|| format!("{component} is missing: run `rustup component add {component}`"))
}

/// Whether `cargo NAME` exists.
pub(crate) fn has_cargo_command(sh: &Shell, name: &str) -> bool {
    cmd!(sh, "cargo {name} --version")
        .quiet()
        .ignore_stdout()
        .ignore_stderr()
        .run()
        .is_ok()
}

/// Installs `cargo-NAME` from crates.io, with the versions its authors locked. Takes minutes.
pub(crate) fn install_cargo_command(sh: &Shell, name: &str) -> Result<()> {
    let package = format!("cargo-{name}");
    say(&format!(
        "      installing {package} from crates.io; this takes some minutes"
    ));
    cmd!(sh, "cargo install --locked {package}")
        .quiet()
        .run()
        .with_context(|| format!("{package} is missing: run `cargo install --locked {package}`"))
}

fn ensure_programs(sh: &Shell, programs: &[Program]) -> Result<()> {
    let missing: Vec<&str> = programs
        .iter()
        .filter(|program| !is_on_path(program.name))
        .map(|program| program.debian_package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let by_hand = format!("run `sudo apt-get install {}`", missing.join(" "));
    if !is_on_path("apt-get") || !is_root(sh) {
        bail!(
            "missing: {}; {by_hand} (or your system's equivalent)",
            missing.join(", ")
        );
    }
    say(&format!("      installing {} with apt-get", missing.join(", ")));
    apt_get_install(sh, &missing).with_context(|| format!("apt-get failed; {by_hand}"))
}

fn apt_get_install(sh: &Shell, packages: &[&str]) -> Result<()> {
    let _frontend = sh.push_env("DEBIAN_FRONTEND", "noninteractive");
    let install = cmd!(
        sh,
        "apt-get install --yes --quiet --no-install-recommends {packages...}"
    );
    // A fresh machine has no package lists, an old one has stale ones: fetch them only when that is so.
    if install.run().is_err() {
        cmd!(sh, "apt-get update --quiet").quiet().run()?;
        install.run()?;
    }
    Ok(())
}

fn is_on_path(program: &str) -> bool {
    let Some(path) = std::env::var_os("PATH") else {
        return false;
    };
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn is_root(sh: &Shell) -> bool {
    cmd!(sh, "id -u").quiet().read().is_ok_and(|id| id == "0")
}
