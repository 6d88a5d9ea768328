//! The script that wasm-bindgen writes around a module, with less in it: it is written to be read, and calls what
//! module and script give each other by long names with hashes in them.

use std::collections::HashMap;
use std::convert::Infallible;

use anyhow::{Context as _, Result, bail, ensure};
use wasm_encoder::{
    ExportSection, ImportSection, Module,
    reencode::{self, Reencode, utils},
};
use wasmparser::{Export, Import, Imports, Parser, Payload};

/// How the names begin that wasm-bindgen makes up. All others are ours, or the browser's.
const MADE_UP: [&str; 3] = ["__wbg_", "__wbindgen_", "wasm_bindgen_"];

/// Script and module with short names, the script without comments and indentation.
pub(super) fn shorten(script: &str, module: &[u8]) -> Result<(String, Vec<u8>)> {
    let mut names = Names(HashMap::new());
    for part in Parser::new(0).parse_all(module) {
        match part? {
            Payload::ImportSection(section) => {
                for imports in section {
                    match imports? {
                        Imports::Single(_, import) => names.add(import.name),
                        _ => bail!("wasm-bindgen imports in a form that is not known here"),
                    }
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    names.add(export?.name);
                }
            }
            _ => {}
        }
    }
    let mut rewritten = Module::new();
    names
        .parse_core_module(&mut rewritten, Parser::new(0), module)
        .context("cannot shorten the names in a module")?;
    Ok((names.in_script(&without_comments(script)?), rewritten.finish()))
}

/// The short forms of the long names.
struct Names(HashMap<String, String>);

impl Names {
    fn add(&mut self, name: &str) {
        if MADE_UP.iter().any(|start| name.starts_with(start)) {
            let short = format!("_{}", self.0.len());
            self.0.entry(name.to_owned()).or_insert(short);
        }
    }

    fn short<'a>(&'a self, name: &'a str) -> &'a str {
        self.0.get(name).map_or(name, String::as_str)
    }

    fn in_script(&self, script: &str) -> String {
        let is_in_name = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '$';
        let mut shorter = String::with_capacity(script.len());
        let mut rest = script;
        while !rest.is_empty() {
            let name = rest.find(|letter| !is_in_name(letter)).unwrap_or(rest.len());
            shorter += self.short(&rest[..name]);
            rest = &rest[name..];
            let between = rest.find(is_in_name).unwrap_or(rest.len());
            shorter += &rest[..between];
            rest = &rest[between..];
        }
        shorter
    }
}

impl Reencode for Names {
    type Error = Infallible;

    fn parse_imports(
        &mut self,
        section: &mut ImportSection,
        imports: Imports<'_>,
    ) -> Result<(), reencode::Error> {
        match imports {
            Imports::Single(at, import) => {
                let name = &self.short(import.name).to_owned();
                utils::parse_imports(self, section, Imports::Single(at, Import { name, ..import }))
            }
            // Refused by `shorten`.
            compact => utils::parse_imports(self, section, compact),
        }
    }

    fn parse_export(
        &mut self,
        section: &mut ExportSection,
        export: Export<'_>,
    ) -> Result<(), reencode::Error> {
        let name = &self.short(export.name).to_owned();
        utils::parse_export(self, section, Export { name, ..export })
    }
}

/// The script without the lines that only people read, and without what stands before the others.
fn without_comments(script: &str) -> Result<String> {
    let mut shorter = String::with_capacity(script.len());
    let mut is_comment = false;
    for line in script.lines().map(str::trim) {
        // White space in a text of several lines would be lost.
        ensure!(
            line.matches('`').count().is_multiple_of(2),
            "wasm-bindgen's script has a text of several lines: {line}"
        );
        is_comment |= line.starts_with("/*");
        if !is_comment && !line.starts_with("//") && !line.is_empty() {
            shorter += line;
            shorter.push('\n');
        }
        is_comment &= !line.ends_with("*/");
    }
    Ok(shorter)
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{EntityType, ExportKind, FunctionSection, TypeSection};
    use wasmparser::Validator;

    use super::*;

    fn module(import: &str, export: &str) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let mut imports = ImportSection::new();
        imports.import("./page.js", import, EntityType::Function(0));
        let mut exports = ExportSection::new();
        exports.export(export, ExportKind::Func, 0);
        let mut module = Module::new();
        module.section(&types).section(&imports);
        module.section(&FunctionSection::new()).section(&exports);
        module.finish()
    }

    #[test]
    fn made_up_names_are_short_in_script_and_module() -> Result<()> {
        let script = "const imports = { __wbg_now_0123456789abcdef: () => wasm.wasm_bindgen_01___invoke };\n\
                      const __wbg_now_0123456789abcdef0 = 1;\n";
        let (script, rewritten) = shorten(
            script,
            &module("__wbg_now_0123456789abcdef", "wasm_bindgen_01___invoke"),
        )?;
        Validator::new().validate_all(&rewritten)?;
        assert_eq!(rewritten, module("_0", "_1"));
        assert_eq!(
            script,
            "const imports = { _0: () => wasm._1 };\nconst __wbg_now_0123456789abcdef0 = 1;\n"
        );
        Ok(())
    }

    #[test]
    fn other_names_stay() -> Result<()> {
        let (script, rewritten) = shorten("export let start = wasm.start;\n", &module("open", "start"))?;
        assert_eq!(rewritten, module("open", "start"));
        assert_eq!(script, "export let start = wasm.start;\n");
        Ok(())
    }

    #[test]
    fn comments_and_indentation_go_and_texts_stay() -> Result<()> {
        let script = "/** Tells.\n * Twice.\n */\nfunction tell() {\n    // now\n\n    say(\"// no `comment` /* \");\n}\n";
        assert_eq!(
            without_comments(script)?,
            "function tell() {\nsay(\"// no `comment` /* \");\n}\n"
        );
        assert!(without_comments("say(`one\n    two`);").is_err());
        Ok(())
    }
}
