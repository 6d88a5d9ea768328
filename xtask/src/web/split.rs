//! What of a module is loaded only later: the functions that carry `#[wasm_split]`, and what only they need, become
//! modules of their own. The library that Leptos uses for it does the work; what it writes gets our names.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use wasm_encoder::{Module, RawSection};
use wasm_split_cli_support::Options;
use wasmparser::{Parser, Payload};

use super::Flavour;

/// How the names of the files begin that are not loaded at first.
pub(super) const LATER: &str = "later-";

/// How the library begins the import by which a module asks for another one.
const LOADER: &str = "__wasm_split_load_";

/// Whether a module has parts to be loaded later.
pub(super) fn is_marked(module: &[u8]) -> Result<bool> {
    for part in Parser::new(0).parse_all(module) {
        if let Payload::ImportSection(section) = part? {
            for import in section.into_imports() {
                if import?.name.starts_with(LOADER) {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

/// What wasm-bindgen gets to see, and further files by their names.
type Split = (Vec<u8>, BTreeMap<String, Vec<u8>>);

/// Splits the module `NAME`. Returns what wasm-bindgen gets to see, and the files of the rest: `NAME-parts.js`, which
/// loads them, and a `later-*.wasm` for each.
pub(super) fn split(name: &str, module: &[u8], scratch: &Path, flavour: Flavour) -> Result<Split> {
    let script_name = format!("{name}-parts.js");
    let main = scratch.join("main.wasm");
    let (link_name, main_module) = (format!("./{script_name}"), format!("./{name}.js"));
    let mut options = Options::new(module);
    options.output_dir = scratch;
    options.main_out_path = &main;
    options.link_name = &link_name;
    options.main_module = &main_module;
    let parts = wasm_split_cli_support::transform(options)
        .map_err(|error| anyhow!("cannot split the module: {error:#}"))?;

    let script_path = scratch.join(&script_name);
    let mut script = std::fs::read_to_string(&script_path)?;
    let mut files = BTreeMap::new();
    for path in parts.split_modules {
        let written = path
            .file_name()
            .context("a part without a name")?
            .to_string_lossy();
        let part = written.strip_prefix("split_").unwrap_or(&written);
        let ours = format!("{LATER}{part}");
        script = script.replace(&format!("\"./{written}\""), &format!("\"./{ours}\""));
        let part = std::fs::read(&path)?;
        std::fs::remove_file(&path)?;
        let part = if flavour == Flavour::Dev {
            part
        } else {
            without_names(&part)?
        };
        files.insert(ours, part);
    }
    files.insert(script_name, script.into_bytes());
    let main_content = std::fs::read(&main)?;
    std::fs::remove_file(&main)?;
    std::fs::remove_file(&script_path)?;
    Ok((main_content, files))
}

/// A module without what a browser does not need: wasm-bindgen does the same to the one it sees.
fn without_names(module: &[u8]) -> Result<Vec<u8>> {
    let mut shorter = Module::new();
    for part in Parser::new(0).parse_all(module) {
        let part = part?;
        if matches!(part, Payload::CustomSection(_)) {
            continue;
        }
        if let Some((id, range)) = part.as_section() {
            shorter.section(&RawSection {
                id,
                data: &module[range],
            });
        }
    }
    Ok(shorter.finish())
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{CodeSection, CustomSection, Function, FunctionSection, TypeSection};
    use wasmparser::Validator;

    use super::*;

    #[test]
    fn names_go_and_the_code_stays() -> Result<()> {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let mut functions = FunctionSection::new();
        functions.function(0);
        let mut code = CodeSection::new();
        let mut function = Function::new([]);
        function.instructions().end();
        code.function(&function);
        let mut bare = Module::new();
        bare.section(&types).section(&functions).section(&code);
        let mut named = bare.clone();
        named.section(&CustomSection {
            name: "name".into(),
            data: b"names"[..].into(),
        });
        let shorter = without_names(&named.finish())?;
        Validator::new().validate_all(&shorter)?;
        assert_eq!(shorter, bare.finish());
        Ok(())
    }
}
