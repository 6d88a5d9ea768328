//! The two WebAssembly modules of the app, and the JavaScript that wasm-bindgen writes around them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use wasm_bindgen_cli_support::Bindgen;
use xshell::{Shell, cmd};

use super::{
    Flavour,
    files::{self, Files},
    script, split,
};
use crate::{tools::WASM_TARGET, workspace};

/// The crates, and the names of their files.
const MODULES: [(&str, &str); 2] = [("subrosa-web-page", "page"), ("subrosa-web-worker", "worker")];

/// Names the build inside of it: pages of different builds do not talk to each other.
const BUILD_VARIABLE: &str = "XTASK_WEB_BUILD";

/// What makes of a compiled module what is loaded: it is made again when this changes.
const MADE_BY: &[u8] = concat!(
    include_str!("modules.rs"),
    include_str!("split.rs"),
    include_str!("script.rs")
)
.as_bytes();

/// One module, ready to be loaded.
pub(super) struct Module {
    name: &'static str,
    /// By name: the scripts, which may import each other, and the WebAssembly that they load.
    files: BTreeMap<String, Vec<u8>>,
}

impl Module {
    /// Adds its files. The one to start it from is `NAME-boot`.
    pub(super) fn add_to(&self, files: &mut Files) -> Result<()> {
        let name = self.name;
        let added = files.add_linked(&self.files)?;
        let hashed = |file: &str| added.get(file).with_context(|| format!("there is no {file}"));
        let [script, wasm] = [hashed(&format!("{name}.js"))?, hashed(&format!("{name}.wasm"))?];
        let boot = format!(
            "import init from \"./{script}\";\n\
             await init({{ module_or_path: \"/assets/{wasm}\" }});\n"
        );
        files.add_named(&format!("{name}-boot.js"), boot.into_bytes());
        Ok(())
    }
}

/// Compiles both and binds what has changed.
pub(super) fn build(sh: &Shell, target: &Path, flavour: Flavour) -> Result<Vec<Module>> {
    let profile = match flavour {
        Flavour::Dev => "dev",
        Flavour::Test => "web",
        Flavour::Release => "web-release",
    };
    let packages = MODULES.map(|(package, _)| ["--package", package]).concat();
    // Not while somebody waits: a new name compiles everything above the one crate that holds it again.
    let _name = (flavour == Flavour::Release).then(|| sh.push_env(BUILD_VARIABLE, build_name(sh)));
    let paths = match flavour {
        Flavour::Dev | Flavour::Test => Vec::new(),
        Flavour::Release => workspace::neutral_paths(sh)?,
    };
    cmd!(
        sh,
        "cargo build --lib {packages...} --target {WASM_TARGET} --target-dir {target} --profile {profile} {paths...}"
    )
    .quiet()
    .run()?;
    let compiled = target.join(WASM_TARGET).join(match profile {
        "dev" => "debug",
        other => other,
    });
    MODULES
        .iter()
        .map(|&(package, name)| {
            let wasm = compiled.join(format!("{}.wasm", package.replace('-', "_")));
            bind(name, &wasm, &compiled.join("bound"), flavour)
                .with_context(|| format!("cannot bind {}", wasm.display()))
        })
        .collect()
}

/// Splits and binds a compiled module, unless `kept` holds what was made of the same input.
fn bind(name: &'static str, compiled: &Path, kept: &Path, flavour: Flavour) -> Result<Module> {
    let input = std::fs::read(compiled)?;
    let key = files::hash(&[&input[..], MADE_BY].concat());
    let kept = kept.join(name);
    let folder = kept.join(key);
    if !folder.exists() {
        let unfinished = kept.join("unfinished");
        for old in [&kept, &unfinished] {
            if old.exists() {
                std::fs::remove_dir_all(old)?;
            }
        }
        for (file, content) in made_of(name, input, &unfinished, flavour)? {
            files::write(&unfinished.join(file), &content)?;
        }
        std::fs::rename(&unfinished, &folder)?;
    }
    let mut module = Module {
        name,
        files: BTreeMap::new(),
    };
    for file in files::below(&folder)? {
        let content = std::fs::read(folder.join(&file))?;
        module.files.insert(file.to_string_lossy().into_owned(), content);
    }
    Ok(module)
}

/// What is loaded of a compiled module: `NAME.js`, `NAME.wasm`, and what of it is loaded later.
fn made_of(
    name: &'static str,
    compiled: Vec<u8>,
    scratch: &Path,
    flavour: Flavour,
) -> Result<BTreeMap<String, Vec<u8>>> {
    let (main, mut files) = if split::is_marked(&compiled)? {
        split::split(name, &compiled, scratch, flavour)?
    } else {
        (compiled, BTreeMap::new())
    };
    let mut output = Bindgen::new()
        .input_bytes(name, main)
        .web(true)?
        .typescript(false)
        .omit_default_module_path(true)
        .keep_debug(false)
        // The parts call the main module through its table of functions.
        .keep_lld_exports(!files.is_empty())
        .remove_name_section(flavour != Flavour::Dev)
        .remove_producers_section(true)
        .generate_output()?;
    let scripts = output.snippets().iter().filter(|(_, inline)| !inline.is_empty());
    let foreign: Vec<_> = scripts
        .map(|(package, _)| package)
        .chain(output.local_modules().keys())
        .chain(output.npm_dependencies().keys())
        .map(String::as_str)
        .collect();
    ensure!(
        foreign.is_empty(),
        "a crate brings JavaScript of its own ({}): the app has none but wasm-bindgen's",
        foreign.join(", ")
    );
    let script = output.js().to_owned();
    if let Some(import) = unknown_import(&script) {
        bail!("nothing gives the module what it needs: {import} (a C function that no crate brings?)");
    }
    let wasm = output.wasm_mut().emit_wasm();
    let (script, wasm) = if flavour == Flavour::Release {
        script::shorten(&script, &wasm)?
    } else {
        (script, wasm)
    };
    files.insert(format!("{name}.js"), script.into_bytes());
    files.insert(format!("{name}.wasm"), wasm);
    Ok(files)
}

/// An import that no browser can resolve: it would fail only when the script is loaded.
fn unknown_import(script: &str) -> Option<&str> {
    script
        .lines()
        .find(|line| line.starts_with("import ") && !line.contains("\"./") && !line.contains("'./"))
}

/// The version and the commit that is checked out; without git the version alone.
fn build_name(sh: &Shell) -> String {
    let commit = cmd!(sh, "git rev-parse --short=16 HEAD")
        .quiet()
        .ignore_stderr()
        .read()
        .unwrap_or_default();
    format!("{}+{commit}", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests {
    use super::unknown_import;

    #[test]
    fn an_import_from_nowhere_is_found() {
        assert_eq!(unknown_import("let a;\nimport * as b from \"./c.js\";\n"), None);
        let from_c = "import * as import1 from \"env\"";
        assert_eq!(unknown_import(&format!("let a;\n{from_c}\nlet b;")), Some(from_c));
    }
}
