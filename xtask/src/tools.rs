//! What a command needs beyond cargo: installed where that is possible, otherwise named in one line.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use xshell::{PushEnv, Shell, cmd};

use crate::progress::say;
use crate::workspace;

/// The target that the crates of layers one to three must compile for.
pub(crate) const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// A program that is not part of Rust.
struct Program {
    name: &'static str,
    debian_package: &'static str,
}

/// The C compiler links every Rust program; where the system has no OpenSSL (for `SQLCipher`), perl and make
/// build it.
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

/// What finds OpenSSL on Debian, and its headers.
const OPENSSL: &[&str] = &["pkg-config", "libssl-dev"];
/// Tells the `openssl-sys` crate to take the system's OpenSSL (any value), or to build it (0).
const OPENSSL_NO_VENDOR: &str = "OPENSSL_NO_VENDOR";

/// Only clang compiles C (`SQLite`) for wasm32.
const WASM: &[Program] = &[Program {
    name: "clang",
    debian_package: "clang",
}];

/// The browsers that the tests drive.
const BROWSERS: &[Program] = &[
    Program {
        name: "chromium",
        debian_package: "chromium",
    },
    Program {
        name: "firefox-esr",
        debian_package: "firefox-esr",
    },
];

/// With what browsers draw emoji, and the Debian package of it.
const EMOJI_FONT: (&str, &str) = (
    "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf",
    "fonts-noto-color-emoji",
);

/// Fetches the one script that a test needs from npm.
const NPM: &[Program] = &[Program {
    name: "npm",
    debian_package: "npm",
}];

/// Runs Schemathesis.
const PYTHON: &[Program] = &[Program {
    name: "python3",
    debian_package: "python3",
}];
/// What Debian leaves out of Python: the module that makes an environment with pip in it.
const PYTHON_VENV: &str = "python3-venv";
/// Schemathesis and all that it needs, with versions.
const SCHEMATHESIS_REQUIREMENTS: &str = "e2e/schemathesis/requirements.txt";

/// Builds the book.
const MDBOOK_VERSION: &str = "0.5.4";

/// What the browser tests take from npm: their names, versions and hashes.
const NPM_MANIFESTS: [&str; 2] = ["e2e/package.json", "e2e/package-lock.json"];

/// Makes sure that the native build has its compilers, and OpenSSL.
pub(crate) fn ensure_native(sh: &Shell) -> Result<()> {
    ensure_programs(sh, NATIVE)?;
    if has_openssl(sh) {
        return Ok(());
    }
    if can_install(sh) {
        // Without it the build only takes longer.
        apt_get_install(sh, OPENSSL).ok();
    }
    if !has_openssl(sh) {
        say(&format!(
            "      building OpenSSL, which takes minutes; `sudo apt-get install {}` saves them",
            OPENSSL.join(" ")
        ));
        sh.set_var(OPENSSL_NO_VENDOR, "0");
    }
    Ok(())
}

/// Lets what is built bring its own OpenSSL while the result is kept. That one contains neither the time of its build
/// nor the folder, or no two builds would be the same.
pub(crate) fn with_own_openssl(sh: &Shell) -> [PushEnv<'_>; 3] {
    [
        sh.push_env(OPENSSL_NO_VENDOR, "0"),
        // https://reproducible-builds.org/specs/source-date-epoch/
        sh.push_env("SOURCE_DATE_EPOCH", "0"),
        // Where it looks for modules, of which it is built without any, is below the folder of its build by default.
        sh.push_env("GNUMAKEFLAGS", "ENGINESDIR=/nonexistent MODULESDIR=/nonexistent"),
    ]
}

/// The target triple of this machine.
pub(crate) fn host(sh: &Shell) -> Result<String> {
    Ok(cmd!(sh, "rustc --print host-tuple").quiet().read()?)
}

fn has_openssl(sh: &Shell) -> bool {
    cmd!(sh, "pkg-config --exists libcrypto")
        .quiet()
        .ignore_stderr()
        .run()
        .is_ok()
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

/// Makes sure that the browsers are there.
pub(crate) fn ensure_browsers(sh: &Shell) -> Result<()> {
    ensure_programs(sh, BROWSERS)?;
    let (font, package) = EMOJI_FONT;
    if can_install(sh) && !sh.path_exists(font) {
        // Without it only the pictures lack something.
        apt_get_install(sh, &[package]).ok();
    }
    Ok(())
}

/// The path of axe-core's script, fetched from npm when it is not there: what it finds in a page shuts somebody out.
/// It runs in tests and is no part of the app.
pub(crate) fn axe(sh: &Shell) -> Result<PathBuf> {
    let folder = workspace::target_directory()?.join("npm");
    let lock = sh.read_file(NPM_MANIFESTS[1])?;
    // Written last: a folder without it, or with another one, is made again.
    let installed = folder.join("installed.json");
    if !sh.read_file(&installed).is_ok_and(|of| of == lock) {
        ensure_programs(sh, NPM)?;
        say("      fetching axe-core from npm");
        sh.create_dir(&folder)?;
        for manifest in NPM_MANIFESTS {
            sh.copy_file(manifest, &folder)?;
        }
        // What is not of the hash in the lock file is refused.
        cmd!(
            sh,
            "npm ci --prefix {folder} --ignore-scripts --no-audit --no-fund --silent"
        )
        .quiet()
        .run()
        .context("npm could not fetch axe-core")?;
        sh.write_file(installed, lock)?;
    }
    Ok(folder.join("node_modules/axe-core/axe.min.js"))
}

/// The path of Schemathesis, installed from `PyPI` into an environment of its own when it is not there.
pub(crate) fn schemathesis(sh: &Shell) -> Result<PathBuf> {
    let folder = workspace::target_directory()?.join("schemathesis");
    let programs = folder.join(if cfg!(windows) { "Scripts" } else { "bin" });
    let program = programs.join(format!("schemathesis{}", std::env::consts::EXE_SUFFIX));
    let requirements = sh.read_file(workspace::root().join(SCHEMATHESIS_REQUIREMENTS))?;
    // A copy that is written last says that all of it is there.
    let installed = folder.join("requirements.txt");
    if program.exists() && sh.read_file(&installed).is_ok_and(|copy| copy == requirements) {
        return Ok(program);
    }
    ensure_python_venv(sh)?;
    say("      installing Schemathesis from PyPI");
    cmd!(sh, "python3 -m venv --clear {folder}").quiet().run()?;
    let pip = programs.join("pip");
    cmd!(
        sh,
        "{pip} install --quiet --disable-pip-version-check --requirement {SCHEMATHESIS_REQUIREMENTS}"
    )
    .quiet()
    .run()
    .context("pip could not install Schemathesis")?;
    sh.write_file(&installed, &requirements)?;
    Ok(program)
}

fn ensure_python_venv(sh: &Shell) -> Result<()> {
    ensure_programs(sh, PYTHON)?;
    let has_venv = || {
        cmd!(sh, "python3 -c 'import ensurepip, venv'")
            .quiet()
            .ignore_stderr()
            .run()
            .is_ok()
    };
    if has_venv() {
        return Ok(());
    }
    let by_hand = format!("run `sudo apt-get install {PYTHON_VENV}`");
    if !can_install(sh) {
        bail!("missing: {PYTHON_VENV}; {by_hand} (or your system's equivalent)");
    }
    apt_get_install(sh, &[PYTHON_VENV]).with_context(|| format!("apt-get failed; {by_hand}"))
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

/// The path of mdBook, installed below the target directory when it is not there. Takes a minute or two: as a
/// library it would add a hundred crates to every build of xtask.
pub(crate) fn mdbook(sh: &Shell) -> Result<PathBuf> {
    let folder = workspace::target_directory()?.join("tools");
    let program = folder.join(format!("bin/mdbook{}", std::env::consts::EXE_SUFFIX));
    if !program.exists() {
        ensure_programs(sh, NATIVE)?;
        say("      installing mdBook from crates.io; this takes some minutes");
        cmd!(
            sh,
            "cargo install --locked --root {folder} --no-default-features --version {MDBOOK_VERSION} mdbook"
        )
        .quiet()
        .run()
        .context("mdBook cannot be installed")?;
    }
    Ok(program)
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
    if !can_install(sh) {
        bail!(
            "missing: {}; {by_hand} (or your system's equivalent)",
            missing.join(", ")
        );
    }
    apt_get_install(sh, &missing).with_context(|| format!("apt-get failed; {by_hand}"))
}

/// Installs packages of Debian; asks for its current lists when it does not find them.
pub(crate) fn apt_get_install(sh: &Shell, packages: &[&str]) -> Result<()> {
    say(&format!("      installing {} with apt-get", packages.join(", ")));
    let _frontend = sh.push_env("DEBIAN_FRONTEND", "noninteractive");
    let install = cmd!(
        sh,
        "apt-get install --yes --quiet --no-install-recommends --option DPkg::Lock::Timeout=600 {packages...}"
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

/// Whether this is Debian or one of its children, and somebody who may change it.
pub(crate) fn can_install(sh: &Shell) -> bool {
    is_on_path("apt-get") && is_root(sh)
}

fn is_root(sh: &Shell) -> bool {
    cmd!(sh, "id -u").quiet().read().is_ok_and(|id| id == "0")
}
