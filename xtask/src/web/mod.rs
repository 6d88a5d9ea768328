//! `cargo xtask web`: the web app as the files that a server sends. Cargo compiles page and worker for wasm32,
//! wasm-bindgen writes the JavaScript around them, and every file gets its name from its content.
//!
//! What is up to date is not made again, so that a change of the page shows within seconds.

mod compress;
mod files;
mod licences;
mod modules;
mod script;
mod size;
mod split;
mod style;
mod template;
mod texts;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use xshell::Shell;

use self::{
    compress::Compression,
    files::Files,
    modules::Module,
    template::{Values, name_assets},
    texts::Texts,
};
use crate::progress::{Steps, say};
use crate::{tools, workspace};

/// Templates, styles, fonts and icons.
const SOURCES: &str = "crates/web/page";

/// In the target directory: what is compiled for the browser, apart from native builds so that neither waits
/// for the other.
const TARGET: &str = "web";

/// For whom the app is built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// For whoever works on it: quick to build, uncompressed, with names in its stack traces.
    Dev,
    /// For tests: optimised, hardly compressed.
    Test,
    /// For everybody: as small as it gets.
    Release,
}

impl Flavour {
    /// The folder of the files, below [`TARGET`]. Each flavour has its own, or they would undo each other.
    /// What a plain `cargo build` embeds is `dist`.
    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "dist-dev",
            Self::Test => "dist",
            Self::Release => "dist-release",
        }
    }

    fn compression(self) -> Option<Compression> {
        match self {
            Self::Dev => None,
            Self::Test => Some(Compression::QUICK),
            Self::Release => Some(Compression::SMALLEST),
        }
    }
}

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Builds what is shipped: slower to build, smaller to load
    #[arg(long)]
    release: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let sh = workspace::shell()?;
    let mut steps = Steps::new(1);
    steps.next("building the web app");
    let folder = build(
        &sh,
        if args.release {
            Flavour::Release
        } else {
            Flavour::Dev
        },
    )?;
    say(&format!("built {}", folder.display()));
    Ok(())
}

/// Builds the app and returns the folder of its files.
pub(crate) fn build(sh: &Shell, flavour: Flavour) -> Result<PathBuf> {
    tools::ensure_wasm(sh)?;
    let target = target_directory()?;
    let modules = modules::build(sh, &target, flavour)?;
    let files = assemble(sh, &modules)?;
    let folder = target.join(flavour.folder());
    files.write(&folder, flavour.compression())?;
    if flavour == Flavour::Release {
        size::check(&files, &folder)?;
    }
    Ok(folder)
}

/// Whose work app and binary contain, and under which licences: JSON.
pub(crate) fn licences(sh: &Shell) -> Result<Vec<u8>> {
    licences::read(sh)
}

/// Where cargo compiles for the browser.
pub(crate) fn target_directory() -> Result<PathBuf> {
    Ok(workspace::target_directory()?.join(TARGET))
}

/// Everything that the app consists of.
fn assemble(sh: &Shell, modules: &[Module]) -> Result<Files> {
    let sources = sh.current_dir().join(SOURCES);
    let mut files = Files::default();
    for module in modules {
        module.add_to(&mut files)?;
    }
    add_assets(&mut files, &sources.join("assets"))?;
    add_languages(&mut files, &sources.join("locales"))?;
    let style = name_assets(&style::read(&sources.join("style"))?, &files)?;
    files.add_named("app.css", style.into_bytes());
    files.add_named("licences.json", licences::read(sh)?);

    let read = |name: &str| {
        let path = sources.join(name);
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    files.add_named("first.js", read("first.js")?.into_bytes());
    let manifest = name_assets(&read("manifest.webmanifest")?, &files)?;
    files.add("manifest.webmanifest", manifest.into_bytes());
    let [index, service_worker] = ["index.html", "service-worker.js"].map(read);
    let (index, service_worker) = (index?, service_worker?);
    let texts = Texts::read(&sources.join("locales"))?;
    let values = Values::of(&files, texts, &[&index, &service_worker])?;
    for (name, text) in [("index.html", index), ("service-worker.js", service_worker)] {
        let filled = values
            .fill(&name_assets(&text, &files)?)
            .with_context(|| format!("in {name}"))?;
        files.add(name, filled.into_bytes());
    }
    Ok(files)
}

/// The messages of all languages but English, which comes with the page, without comments.
fn add_languages(files: &mut Files, folder: &Path) -> Result<()> {
    for path in files::below(folder)? {
        let name = file_name(&path);
        if name == "en.ftl" {
            continue;
        }
        let messages = std::fs::read_to_string(folder.join(&path))
            .with_context(|| format!("cannot read {}", path.display()))?;
        let lines = messages.split_inclusive('\n');
        let messages: String = lines.filter(|line| !line.starts_with('#')).collect();
        files.add_named(&format!("language-{name}"), messages.into_bytes());
    }
    Ok(())
}

/// Icons keep their names, since other programs remember them; all else is named after its content.
fn add_assets(files: &mut Files, folder: &Path) -> Result<()> {
    for path in files::below(folder)? {
        let content = std::fs::read(folder.join(&path))?;
        let name = file_name(&path);
        if name.starts_with("icon") {
            files.add(&format!("icons/{name}"), content);
            continue;
        }
        ensure!(
            files.named(&name).is_none(),
            "two assets have the name {name}: {}",
            path.display()
        );
        files.add_named(&name, content);
    }
    Ok(())
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}
