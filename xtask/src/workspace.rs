//! Where things are: the root of the checkout, the target directory, the binaries in it.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use cargo_metadata::{Metadata, MetadataCommand};
use xshell::{Shell, cmd};

/// How a binary is built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Quick to build.
    Dev,
    /// What is shipped and measured.
    Release,
}

impl Profile {
    /// The arguments that select the profile in cargo.
    pub(crate) fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Dev => &[],
            Self::Release => &["--release"],
        }
    }

    fn directory(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

/// The root of the checkout: the parent of this crate. Cargo says at run time where that is, and is right even where
/// checkouts share a target directory and this program was compiled in another one.
pub(crate) fn root() -> PathBuf {
    let mut root = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    root.pop();
    root
}

/// A shell at the root of the checkout.
pub(crate) fn shell() -> Result<Shell> {
    let sh = Shell::new()?;
    sh.change_dir(root());
    Ok(sh)
}

/// What cargo knows of the workspace, with the resolved dependency graph.
pub(crate) fn metadata() -> Result<Metadata> {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .exec()
        .context("cargo metadata failed")
}

/// The directory into which cargo builds.
pub(crate) fn target_directory() -> Result<PathBuf> {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .context("cargo metadata failed")?;
    Ok(metadata.target_directory.into())
}

/// Arguments of cargo that keep the folders of this machine out of what is compiled: a panic names the source by a
/// path that is the same wherever it was built.
pub(crate) fn neutral_paths(sh: &Shell) -> Result<Vec<String>> {
    let cargo_home = match std::env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => std::env::home_dir()
            .context("there is no home folder")?
            .join(".cargo"),
    };
    // Where rustup's component rust-src is installed the compiler names the standard library by its folder, and
    // otherwise by the commit that it was built from.
    let version = cmd!(sh, "rustc --version --verbose").quiet().read()?;
    let commit = version
        .lines()
        .find_map(|line| line.strip_prefix("commit-hash: "))
        .context("rustc does not say its commit")?;
    let sysroot = PathBuf::from(cmd!(sh, "rustc --print sysroot").quiet().read()?).canonicalize()?;
    let library = format!("/rustc/{commit}");
    // The last one that fits counts: the target directory often lies below the root.
    let folders = [
        (root(), "/subrosa"),
        (target_directory()?, "/target"),
        (cargo_home, "/cargo"),
        (sysroot.join("lib/rustlib/src/rust"), library.as_str()),
    ];
    let flags = folders.map(|(folder, name)| {
        // A string of Rust with its quotes is one of TOML, too, for a path that people give to a folder.
        format!("{:?}", format!("--remap-path-prefix={}={name}", folder.display()))
    });
    Ok(vec![
        "--config".to_owned(),
        // By a condition that always holds, these come to those of .cargo/config.toml.
        format!("target.'cfg(all())'.rustflags = [{}]", flags.join(", ")),
    ])
}

/// The path of a built binary; it exists once it was built.
pub(crate) fn binary(name: &str, profile: Profile) -> Result<PathBuf> {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    Ok(target_directory()?.join(profile.directory()).join(file))
}
