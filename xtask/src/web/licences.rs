//! Whose work the app and the binary contain, and under which licences: the page shows it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};
use serde::Serialize;
use xshell::Shell;

use crate::tools::{self, WASM_TARGET};
use crate::workspace;

/// One work of others.
#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct Work {
    name: String,
    version: String,
    licence: String,
}

/// What no manifest names: it is compiled or copied into what cargo knows.
const BESIDE_CRATES: [(&str, &str); 4] = [
    ("Inter", "OFL-1.1"),
    ("OpenSSL", "Apache-2.0"),
    ("SQLCipher, Copyright (c) 2008-2026 Zetetic LLC", "BSD-3-Clause"),
    ("SQLite", "public domain"),
];

/// The list as JSON: `[{"name", "version", "licence"}]`, in the order of names.
pub(super) fn read(sh: &Shell) -> Result<Vec<u8>> {
    let host = tools::host(sh)?;
    let mut works: BTreeSet<Work> = BESIDE_CRATES
        .iter()
        .map(|(name, licence)| Work {
            name: (*name).to_owned(),
            version: String::new(),
            licence: (*licence).to_owned(),
        })
        .collect();
    works.extend(linked(
        &metadata(WASM_TARGET)?,
        &["subrosa-web-page", "subrosa-web-worker"],
    )?);
    works.extend(linked(&metadata(&host)?, &["subrosa"])?);
    Ok(serde_json::to_vec(&works)?)
}

/// The dependency graph as it is on one platform.
fn metadata(target: &str) -> Result<Metadata> {
    MetadataCommand::new()
        .manifest_path(workspace::root().join("Cargo.toml"))
        .other_options(vec!["--filter-platform".to_owned(), target.to_owned()])
        .exec()
        .context("cargo metadata failed")
}

/// Everything outside of the workspace that these packages reach without their tests and build scripts.
fn linked(metadata: &Metadata, roots: &[&str]) -> Result<Vec<Work>> {
    let resolve = metadata
        .resolve
        .as_ref()
        .context("cargo metadata gave no dependency graph")?;
    let nodes: BTreeMap<&PackageId, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let mut waiting: Vec<&PackageId> = metadata
        .packages
        .iter()
        .filter(|package| roots.contains(&package.name.as_str()))
        .map(|package| &package.id)
        .collect();
    let mut reached: BTreeSet<&PackageId> = waiting.iter().copied().collect();
    while let Some(id) = waiting.pop() {
        for dependency in nodes.get(id).into_iter().flat_map(|node| &node.deps) {
            let is_linked = dependency
                .dep_kinds
                .iter()
                .any(|kind| kind.kind == DependencyKind::Normal);
            if is_linked && reached.insert(&dependency.pkg) {
                waiting.push(&dependency.pkg);
            }
        }
    }
    let works = metadata
        .packages
        .iter()
        .filter(|package| package.source.is_some() && reached.contains(&package.id))
        .map(|package| Work {
            name: package.name.to_string(),
            version: package.version.to_string(),
            licence: package.license.clone().unwrap_or_default().replace('/', " OR "),
        })
        .collect();
    Ok(works)
}
