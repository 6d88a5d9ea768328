//! The map of the crates as a rule: a crate depends only on lower layers, and the lower three stay pure.
//!
//! The layers are listed here and nowhere else; a crate that is missing from the list fails the check.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use cargo_metadata::{DependencyKind, Metadata, PackageId};

/// Lowest first. Crates that stand together must not know each other.
const LAYERS: &[(&str, &[&str])] = &[
    ("L0, for tests", &[TEST_SUPPORT]),
    ("L1, what crosses the network", &["subrosa-wire"]),
    ("L2, groups", &["subrosa-mls"]),
    ("L3, the engine", &["subrosa-engine"]),
    ("L4, the two ends", &["subrosa-client", "subrosa-server"]),
    ("the load generator", &["subrosa-bench"]),
    ("L5, between page and worker", &["subrosa-web-rpc"]),
    (
        "L5, the programs",
        &["subrosa", "subrosa-web-page", "subrosa-web-worker"],
    ),
    ("tools", &["subrosa-e2e", "xtask"]),
];

/// Crates that compile for wasm32 and do no input or output of their own.
pub(crate) const PURE: &[&str] = &["subrosa-wire", "subrosa-mls", "subrosa-engine"];

/// What tests share. No crate may link it, only its tests.
const TEST_SUPPORT: &str = "subrosa-test-support";

/// What a pure crate must not reach: a runtime, a server, a client.
const IMPURE: &[&str] = &["axum", "hyper", "mio", "reqwest", "tokio"];

/// What must not even be linked, and why.
const NEVER: &[(&str, &str, &str)] = &[
    ("subrosa-server", "subrosa-engine", SERVER_IS_BLIND),
    ("subrosa-server", "subrosa-client", SERVER_IS_BLIND),
    ("subrosa-web-page", "subrosa-client", PAGE_ONLY_SHOWS),
    ("subrosa-web-page", "subrosa-engine", PAGE_ONLY_SHOWS),
    ("subrosa-web-page", "subrosa-mls", PAGE_ONLY_SHOWS),
    ("subrosa", "subrosa-web-rpc", "it carries the web app as files"),
];

const SERVER_IS_BLIND: &str = "they meet in subrosa-wire and subrosa-mls only";
const PAGE_ONLY_SHOWS: &str = "it asks its worker, and holds no key";

/// The dependencies of each crate, by name.
#[derive(Default)]
struct Graph {
    members: BTreeSet<String>,
    /// Normal, build and development dependencies: tests keep to the layers, too.
    any: BTreeMap<String, BTreeSet<String>>,
    /// What is linked into the crate itself.
    normal: BTreeMap<String, BTreeSet<String>>,
}

/// Fails with one line for each broken rule.
pub(crate) fn check(metadata: &Metadata) -> Result<()> {
    let broken = broken_rules(&Graph::of(metadata)?);
    if broken.is_empty() {
        return Ok(());
    }
    bail!("the layers are broken:\n  {}", broken.join("\n  "));
}

fn broken_rules(graph: &Graph) -> Vec<String> {
    let mut broken = Vec::new();
    for member in &graph.members {
        let Some(layer) = layer_of(member) else {
            broken.push(format!(
                "{member} has no layer: give it one in xtask/src/layers.rs"
            ));
            continue;
        };
        for dependency in graph.any.get(member).into_iter().flatten() {
            if layer_of(dependency).is_some_and(|lower| lower >= layer) {
                broken.push(format!(
                    "{member} ({}) depends on {dependency} ({}), which is not below it",
                    LAYERS[layer].0,
                    layer_of(dependency).map_or("", |lower| LAYERS[lower].0),
                ));
            }
        }
    }
    for (member, dependencies) in &graph.normal {
        if graph.members.contains(member) && dependencies.contains(TEST_SUPPORT) {
            broken.push(format!(
                "{member} depends on {TEST_SUPPORT}, which is a development dependency only"
            ));
        }
    }
    for (from, to, reason) in NEVER {
        if closure(&graph.any, from, &graph.members).contains(*to) {
            broken.push(format!("{from} reaches {to}: {reason}"));
        }
    }
    for pure in PURE {
        let reached = closure(&graph.normal, pure, &BTreeSet::new());
        for impure in IMPURE.iter().filter(|name| reached.contains(**name)) {
            broken.push(format!(
                "{pure} reaches {impure}: layers one to three do no input or output"
            ));
        }
    }
    broken
}

fn layer_of(name: &str) -> Option<usize> {
    LAYERS.iter().position(|(_, crates)| crates.contains(&name))
}

/// Every crate that `start` reaches over `edges`. A non-empty `within` keeps the walk inside these crates.
fn closure(
    edges: &BTreeMap<String, BTreeSet<String>>,
    start: &str,
    within: &BTreeSet<String>,
) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![start.to_owned()];
    while let Some(name) = waiting.pop() {
        for next in edges.get(&name).into_iter().flatten() {
            if (within.is_empty() || within.contains(next)) && reached.insert(next.clone()) {
                waiting.push(next.clone());
            }
        }
    }
    reached
}

impl Graph {
    fn of(metadata: &Metadata) -> Result<Self> {
        let Some(resolve) = &metadata.resolve else {
            bail!("cargo metadata gave no dependency graph");
        };
        let names: BTreeMap<&PackageId, &str> = metadata
            .packages
            .iter()
            .map(|package| (&package.id, package.name.as_str()))
            .collect();
        let name_of = |id: &PackageId| names.get(id).copied().unwrap_or_default().to_owned();

        let mut graph = Self {
            members: metadata.workspace_members.iter().map(name_of).collect(),
            ..Self::default()
        };
        for node in &resolve.nodes {
            for dependency in &node.deps {
                let to = name_of(&dependency.pkg);
                if dependency
                    .dep_kinds
                    .iter()
                    .any(|kind| kind.kind == DependencyKind::Normal)
                {
                    graph
                        .normal
                        .entry(name_of(&node.id))
                        .or_default()
                        .insert(to.clone());
                }
                graph.any.entry(name_of(&node.id)).or_default().insert(to);
            }
        }
        Ok(graph)
    }
}

#[cfg(test)]
mod tests {
    use super::{Graph, broken_rules};

    /// A graph in which every edge is a normal dependency.
    fn graph(edges: &[(&str, &[&str])]) -> Graph {
        let mut graph = Graph::default();
        for (from, to) in edges {
            graph.members.insert((*from).to_owned());
            let to: std::collections::BTreeSet<_> = to.iter().map(|name| (*name).to_owned()).collect();
            graph.any.insert((*from).to_owned(), to.clone());
            graph.normal.insert((*from).to_owned(), to);
        }
        graph
    }

    #[test]
    fn lower_layers_may_be_used() {
        let fine = graph(&[
            ("subrosa-server", &["subrosa-mls", "subrosa-wire", "tokio"]),
            ("subrosa-mls", &["subrosa-wire", "openmls"]),
            ("subrosa-wire", &["prost"]),
        ]);
        assert_eq!(broken_rules(&fine), Vec::<String>::new());
    }

    #[test]
    fn higher_and_equal_layers_are_refused() {
        let upward = graph(&[("subrosa-wire", &["subrosa-mls"]), ("subrosa-mls", &[])]);
        assert!(broken_rules(&upward)[0].starts_with("subrosa-wire (L1"));
        let sideways = graph(&[("subrosa-client", &["subrosa-server"]), ("subrosa-server", &[])]);
        assert_eq!(broken_rules(&sideways).len(), 1);
    }

    #[test]
    fn the_server_never_reaches_the_engine() {
        let seeing = graph(&[("subrosa-server", &["subrosa-engine"]), ("subrosa-engine", &[])]);
        assert!(broken_rules(&seeing)[0].contains("subrosa-server reaches subrosa-engine"));
    }

    #[test]
    fn the_page_never_reaches_the_engine() {
        let knowing = graph(&[
            ("subrosa-web-page", &["subrosa-web-rpc"]),
            ("subrosa-web-rpc", &["subrosa-engine"]),
            ("subrosa-engine", &[]),
        ]);
        assert!(broken_rules(&knowing)[0].contains("subrosa-web-page reaches subrosa-engine"));
    }

    #[test]
    fn a_pure_crate_reaches_no_runtime_even_through_others() {
        let mut indirect = graph(&[("subrosa-engine", &["innocent"])]);
        indirect
            .normal
            .insert("innocent".to_owned(), ["tokio".to_owned()].into());
        assert!(broken_rules(&indirect)[0].contains("subrosa-engine reaches tokio"));
    }

    #[test]
    fn only_tests_use_the_test_support() {
        let mut shared = graph(&[
            ("subrosa-wire", &["subrosa-test-support"]),
            ("subrosa-test-support", &[]),
        ]);
        assert!(broken_rules(&shared)[0].contains("subrosa-wire depends on subrosa-test-support"));
        shared.normal.clear();
        assert_eq!(broken_rules(&shared), Vec::<String>::new());
    }

    #[test]
    fn a_crate_without_a_layer_is_refused() {
        assert!(broken_rules(&graph(&[("subrosa-extra", &[])]))[0].contains("has no layer"));
    }
}
