//! The functions of a WebAssembly module in an order that compresses well: each beside the one that it is most like,
//! and those that are the same in all once. What a compressor has seen just before costs it less to name, and
//! compilers write generic code many times over with small differences: this saves a twentieth of what is loaded.
//!
//! The module does the same as before. Pointers to functions are slots of its table, which stay where they are.

use std::collections::HashMap;
use std::convert::Infallible;

use anyhow::{Context as _, Result};
use wasm_encoder::{
    CodeSection, FunctionSection, Module,
    reencode::{self, Reencode, utils},
};
use wasmparser::{
    CodeSectionReader, CustomSectionReader, FunctionBody, FunctionSectionReader, Parser, Payload, TypeRef,
};

/// How many bytes of a function are compared at a time: an instruction or two.
const GRAM: usize = 4;

/// The same module with its functions in another order.
pub(super) fn by_likeness(module: &[u8]) -> Result<Vec<u8>> {
    let mut module = module.to_vec();
    while let Some(smaller) = without_twins(&module)? {
        module = smaller;
    }
    let parts = Parts::of(&module)?;
    let kept = chain(&parts.functions);
    let mut places = vec![0; kept.len()];
    for (place, &function) in kept.iter().enumerate() {
        places[function] = place;
    }
    rewrite(&module, &parts, &kept, &places)
}

/// The same module with functions that are the same only once; nothing if there are none. What calls them may be the
/// same then, too.
fn without_twins(module: &[u8]) -> Result<Option<Vec<u8>>> {
    let parts = Parts::of(module)?;
    let mut kept = Vec::new();
    let mut known = HashMap::new();
    let places: Vec<_> = parts
        .functions
        .iter()
        .enumerate()
        .map(|(index, function)| {
            *known.entry((function.kind, function.body)).or_insert_with(|| {
                kept.push(index);
                kept.len() - 1
            })
        })
        .collect();
    if kept.len() == places.len() {
        return Ok(None);
    }
    rewrite(module, &parts, &kept, &places).map(Some)
}

/// A chain of all functions that begins with the longest and goes on with the one which is most like the last: the
/// greatest share of what stands in either stands in both.
fn chain(functions: &[Function]) -> Vec<usize> {
    let mut known = HashMap::new();
    let grams: Vec<Vec<usize>> = functions
        .iter()
        .map(|function| {
            let mut grams: Vec<_> = function
                .body
                .windows(GRAM)
                .map(|gram| {
                    let next = known.len();
                    *known.entry(gram).or_insert(next)
                })
                .collect();
            grams.sort_unstable();
            grams.dedup();
            grams
        })
        .collect();
    // Who has it, of those that are not yet in the chain.
    let mut owners = vec![Vec::new(); known.len()];
    for (function, grams) in grams.iter().enumerate() {
        for &gram in grams {
            owners[gram].push(function);
        }
    }
    let mut longest: Vec<_> = (0..functions.len()).collect();
    longest.sort_by_key(|&function| functions[function].body.len());

    let mut chain = Vec::with_capacity(functions.len());
    let mut is_in_chain = vec![false; functions.len()];
    let mut shared = vec![0_u64; functions.len()];
    let mut next = None;
    loop {
        let Some(last) = next.take().or_else(|| longest.pop()) else {
            return chain;
        };
        if is_in_chain[last] {
            continue;
        }
        is_in_chain[last] = true;
        chain.push(last);
        let mut alike = Vec::new();
        for &gram in &grams[last] {
            owners[gram].retain(|&other| {
                if is_in_chain[other] {
                    return false;
                }
                if shared[other] == 0 {
                    alike.push(other);
                }
                shared[other] += 1;
                true
            });
        }
        // Of several that are as like as each other the first, or builds of the same would differ.
        alike.sort_unstable();
        let mut best = (0, 1);
        for other in alike {
            let both = std::mem::take(&mut shared[other]);
            let either = (grams[last].len() + grams[other].len()) as u64 - both;
            if both * best.1 > best.0 * either {
                best = (both, either);
                next = Some(other);
            }
        }
    }
}

/// What has an order in a module.
struct Parts<'a> {
    /// How many functions are imported. They come first and stay.
    imported: u32,
    functions: Vec<Function<'a>>,
}

struct Function<'a> {
    /// Index of its type.
    kind: u32,
    body: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(module: &'a [u8]) -> Result<Self> {
        let mut imported = 0;
        let mut kinds: Vec<u32> = Vec::new();
        let mut bodies = Vec::new();
        for part in Parser::new(0).parse_all(module) {
            match part? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                    }
                }
                Payload::FunctionSection(section) => kinds = section.into_iter().collect::<Result<_, _>>()?,
                Payload::CodeSectionEntry(body) => bodies.push(body.as_bytes()),
                _ => {}
            }
        }
        let functions = kinds
            .into_iter()
            .zip(bodies)
            .map(|(kind, body)| Function { kind, body })
            .collect();
        Ok(Self { imported, functions })
    }
}

/// The module with the functions that are `kept`, in that order; `places` says for each function which of them it is
/// now. Sections that browsers do not read are left out.
fn rewrite(module: &[u8], parts: &Parts, kept: &[usize], places: &[usize]) -> Result<Vec<u8>> {
    let mut indices: Vec<_> = (0..parts.imported).collect();
    for &place in places {
        indices.push(parts.imported + u32::try_from(place)?);
    }
    let mut rewritten = Module::new();
    let mut rewriter = Rewriter {
        functions: &parts.functions,
        kept,
        indices,
    };
    rewriter
        .parse_core_module(&mut rewritten, Parser::new(0), module)
        .context("cannot put the functions of a module in order")?;
    Ok(rewritten.finish())
}

struct Rewriter<'a> {
    functions: &'a [Function<'a>],
    kept: &'a [usize],
    /// The new index of each function, imported ones included.
    indices: Vec<u32>,
}

impl Reencode for Rewriter<'_> {
    type Error = Infallible;

    fn function_index(&mut self, index: u32) -> Result<u32, reencode::Error> {
        Ok(self.indices[index as usize])
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        _: FunctionSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        for &function in self.kept {
            functions.function(self.functions[function].kind);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: CodeSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        let bodies: Vec<FunctionBody> = section.into_iter().collect::<Result<_, _>>()?;
        for &function in self.kept {
            utils::parse_function_body(self, code, bodies[function].clone())?;
        }
        Ok(())
    }

    fn parse_custom_section(
        &mut self,
        _: &mut Module,
        _: CustomSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{
        ConstExpr, ElementSection, Elements, EntityType, ExportKind, ExportSection, Function, ImportSection,
        RefType, TableSection, TableType, TypeSection, ValType,
    };
    use wasmparser::{ElementItems, Operator, Validator};

    use super::*;

    /// A module that imports function 0. Each function of its own adds up some numbers and calls others; all are
    /// exported by their number, and the first one lies in the table.
    fn module(functions: &[(&[i32], &[u32])]) -> Result<Vec<u8>> {
        let count = u32::try_from(functions.len())?;
        let mut types = TypeSection::new();
        types.ty().function([], []);
        types.ty().function([ValType::I32], []);
        let mut imports = ImportSection::new();
        imports.import("./page.js", "told", EntityType::Function(0));
        let mut declared = FunctionSection::new();
        let mut tables = TableSection::new();
        tables.table(TableType {
            element_type: RefType::FUNCREF,
            table64: false,
            minimum: 1,
            maximum: None,
            shared: false,
        });
        let mut exports = ExportSection::new();
        let mut elements = ElementSection::new();
        elements.active(
            None,
            &ConstExpr::i32_const(0),
            Elements::Functions([1][..].into()),
        );
        let mut code = CodeSection::new();
        for (index, (numbers, called)) in (1..=count).zip(functions) {
            declared.function(0);
            exports.export(&index.to_string(), ExportKind::Func, index);
            let mut body = Function::new([]);
            for &number in *numbers {
                body.instructions().i32_const(number).drop();
            }
            for &other in *called {
                body.instructions().call(other);
            }
            body.instructions().end();
            code.function(&body);
        }
        let mut module = Module::new();
        module
            .section(&types)
            .section(&imports)
            .section(&declared)
            .section(&tables);
        module.section(&exports).section(&elements).section(&code);
        Ok(module.finish())
    }

    /// Whether each export and each slot of the table does the same in both.
    fn do_the_same(one: &[u8], other: &[u8]) -> Result<bool> {
        Validator::new().validate_all(other)?;
        Ok(meanings(one)? == meanings(other)?)
    }

    /// What exports and slots of the table do, calls written out.
    fn meanings(module: &[u8]) -> Result<Vec<String>> {
        let parts = Parts::of(module)?;
        let mut meanings = Vec::new();
        for part in Parser::new(0).parse_all(module) {
            match part? {
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        meanings.push(format!("{}: {}", export.name, meaning(&parts, export.index)?));
                    }
                }
                Payload::ElementSection(section) => {
                    for element in section {
                        if let ElementItems::Functions(functions) = element?.items {
                            for function in functions {
                                meanings.push(meaning(&parts, function?)?);
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(meanings)
    }

    fn meaning(parts: &Parts, index: u32) -> Result<String> {
        let Some(own) = index.checked_sub(parts.imported) else {
            return Ok("import".to_owned());
        };
        let body = parts.functions[own as usize].body;
        let mut meaning = Vec::new();
        for operator in FunctionBody::new(wasmparser::BinaryReader::new(body, 0)).get_operators_reader()? {
            meaning.push(match operator? {
                Operator::Call { function_index } => format!("({})", self::meaning(parts, function_index)?),
                operator => format!("{operator:?} "),
            });
        }
        Ok(meaning.concat())
    }

    fn bodies(module: &[u8]) -> Result<Vec<Vec<u8>>> {
        let parts = Parts::of(module)?;
        Ok(parts
            .functions
            .iter()
            .map(|function| function.body.to_vec())
            .collect())
    }

    #[test]
    fn functions_that_are_alike_stand_beside_each_other() -> Result<()> {
        let plain = module(&[
            (&[1000, 2000, 3000, 4000, 5000], &[]),
            (&[-77, -88, -99], &[0]),
            (&[1000, 2000, 3000, 4000, 6000], &[2]),
            (&[-77, -88, -100], &[0]),
        ])?;
        let ordered = by_likeness(&plain)?;
        let lengths: Vec<_> = bodies(&ordered)?.iter().map(Vec::len).collect();
        assert!(lengths.is_sorted_by(|one, other| one >= other), "{lengths:?}");
        assert!(do_the_same(&plain, &ordered)?);
        assert_eq!(by_likeness(&plain)?, ordered);
        Ok(())
    }

    #[test]
    fn functions_that_are_the_same_are_there_once_and_so_are_those_that_differ_in_calling_them() -> Result<()>
    {
        let plain = module(&[
            (&[1, 2, 3], &[]),
            (&[1, 2, 3], &[]),
            (&[4], &[1, 0]),
            (&[4], &[2, 0]),
            (&[4], &[2, 1]),
        ])?;
        let ordered = by_likeness(&plain)?;
        assert_eq!(bodies(&ordered)?.len(), 3);
        assert!(do_the_same(&plain, &ordered)?);
        Ok(())
    }

    #[test]
    fn what_is_no_module_is_an_error() {
        assert!(by_likeness(b"\0asm").is_err());
    }
}
