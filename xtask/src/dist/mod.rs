//! `cargo xtask dist`: what a release consists of, as one archive with its checksum. The same commit gives the same
//! bytes, whoever builds it and in which folder, with the same compilers: nobody has to believe whoever publishes it.

mod archive;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use sha2::{Digest as _, Sha256};
use xshell::{Shell, cmd};

use self::archive::{Archive, Mode};
use crate::progress::{Steps, say};
use crate::web::{self, Flavour};
use crate::workspace::{self, Profile};
use crate::{build, tools};

/// In the target directory: archive and checksum.
const FOLDER: &str = "dist";

/// The checksum, in the form that `sha256sum --check` reads.
const CHECKSUMS: &str = "SHA256SUMS";

/// What goes into the archive as it is in the repository, and under which name.
const DOCUMENTS: [(&str, &str); 7] = [
    ("CHANGELOG.md", "CHANGELOG.md"),
    ("LICENSE-APACHE", "LICENSE-APACHE"),
    ("LICENSE-MIT", "LICENSE-MIT"),
    ("README.md", "README.md"),
    ("SECURITY.md", "SECURITY.md"),
    ("docs/book/src", "book"),
    ("docs/config.example.toml", "config.example.toml"),
];

/// Variables with flags for the compiler. Cargo would take them in place of those that make a build reproducible.
const FOREIGN_FLAGS: [&str; 2] = ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Builds what is committed twice, in two folders, and compares: takes as long as two builds from nothing
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    for variable in FOREIGN_FLAGS {
        ensure!(
            std::env::var_os(variable).is_none(),
            "{variable} is set, and what it says would be in the archive: unset it"
        );
    }
    let sh = workspace::shell()?;
    if args.check { check(&sh) } else { make(&sh) }
}

/// Builds the archive.
fn make(sh: &Shell) -> Result<()> {
    let mut steps = Steps::new(3);
    steps.next("building the web app");
    let app = web::build(sh, Flavour::Release)?;
    let _app = sh.push_env(build::APP_VARIABLE, app);
    steps.next("building subrosa");
    let binary = build::subrosa(sh, Profile::Release)?;

    steps.next("packing");
    if !cmd!(sh, "git status --porcelain").quiet().read()?.is_empty() {
        say("      warning: there are changes that are not committed, and they are in the archive");
    }
    let host = tools::host(sh)?;
    let name = format!("subrosa-{}-{host}", env!("CARGO_PKG_VERSION"));
    let commit_time = cmd!(sh, "git log -1 --format=%ct").quiet().read()?;
    let mut archive = Archive::new(name.clone(), commit_time.parse().context("git gave no time")?);
    archive.add("subrosa", Mode::Program, sh.read_binary_file(binary)?);
    archive.add("licences.json", Mode::Document, web::licences(sh)?);
    for (path, inside) in DOCUMENTS {
        add(&mut archive, &sh.current_dir().join(path), inside)?;
    }
    let packed = archive.pack()?;

    let folder = workspace::target_directory()?.join(FOLDER);
    let file = format!("{name}.tar.gz");
    let sum = hex::encode(Sha256::digest(&packed));
    sh.create_dir(&folder)?;
    sh.write_file(folder.join(&file), packed)?;
    sh.write_file(folder.join(CHECKSUMS), format!("{sum}  {file}\n"))?;
    say(&format!("built {}\n      {sum}", folder.join(file).display()));
    Ok(())
}

/// Adds a file, or the files of a folder.
fn add(archive: &mut Archive, path: &Path, inside: &str) -> Result<()> {
    let context = || format!("cannot read {}", path.display());
    if path.is_dir() {
        for entry in std::fs::read_dir(path).with_context(context)? {
            let entry = entry?;
            let name = entry.file_name();
            add(archive, &entry.path(), &format!("{inside}/{}", name.display()))?;
        }
    } else {
        archive.add(inside, Mode::Document, std::fs::read(path).with_context(context)?);
    }
    Ok(())
}

/// Builds the commit that is checked out in two clones, whose folders have names of different lengths.
fn check(sh: &Shell) -> Result<()> {
    let folder = workspace::target_directory()?.join("dist-check");
    let mut steps = Steps::new(5);
    steps.next("cloning what is committed");
    sh.remove_path(&folder)?;
    let root = sh.current_dir();
    let clones = ["one", "another/folder"].map(|name| folder.join(name));
    for clone in &clones {
        cmd!(sh, "git clone --quiet {root} {clone}").quiet().run()?;
    }
    let mut built = Vec::new();
    for clone in &clones {
        steps.next(&format!("building in {}", clone.display()));
        let target = clone.join("target");
        let _folder = sh.push_dir(clone);
        let _target = sh.push_env("CARGO_TARGET_DIR", &target);
        cmd!(sh, "cargo xtask dist").quiet().run()?;
        built.push(packed_in(&target.join(FOLDER))?);
    }
    steps.next("comparing");
    let [one, other] = &built[..] else {
        bail!("there are not two archives")
    };
    if sh.read_binary_file(one)? != sh.read_binary_file(other)? {
        let [one, other] = [one, other].map(|path| contents(sh, path));
        bail!(
            "the two builds differ in {}: they are in {}",
            different(&one?, &other?).join(", "),
            folder.display()
        );
    }
    steps.next("removing both");
    let sum = hex::encode(Sha256::digest(sh.read_binary_file(one)?));
    sh.remove_path(&folder)?;
    say(&format!("the two builds are the same: {sum}"));
    Ok(())
}

/// The one archive in a folder.
fn packed_in(folder: &Path) -> Result<PathBuf> {
    std::fs::read_dir(folder)?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "gz"))
        .with_context(|| format!("there is no archive in {}", folder.display()))
}

fn contents(sh: &Shell, path: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    archive::unpack(&sh.read_binary_file(path)?)
}

/// The names of what differs; "the form of the archive" if nothing in it does.
fn different(one: &BTreeMap<String, Vec<u8>>, other: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let names = one.keys().chain(other.keys());
    let mut different: Vec<_> = names
        .filter(|name| one.get(*name) != other.get(*name))
        .cloned()
        .collect();
    different.sort();
    different.dedup();
    if different.is_empty() {
        different.push("the form of the archive".to_owned());
    }
    different
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_between_two_builds_is_named() {
        let files = |files: &[(&str, &str)]| {
            let files = files.iter();
            let files = files.map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()));
            files.collect::<BTreeMap<_, _>>()
        };
        let one = files(&[("subrosa", "1"), ("README.md", "same"), ("only here", "")]);
        let other = files(&[("subrosa", "2"), ("README.md", "same"), ("only there", "")]);
        assert_eq!(different(&one, &other), ["only here", "only there", "subrosa"]);
        assert_eq!(different(&one, &one), ["the form of the archive"]);
    }

    #[test]
    fn the_documents_of_the_archive_exist() {
        for (path, _) in DOCUMENTS {
            assert!(workspace::root().join(path).exists(), "{path}");
        }
    }
}
