//! The messages of one language. The interface uses a small part of Fluent: texts with arguments, and a choice between
//! texts by a number.
//!
//! The parser is Project Fluent's. Its runtime is not used: it would bring tables of plurals and number formats that a
//! browser already has.

use std::{borrow::Cow, collections::HashMap};

use fluent_syntax::{
    ast::{Entry, Expression, InlineExpression, Pattern, PatternElement, Variant, VariantKey},
    parser,
};

use crate::{format, language::Language};

/// A value that is inserted into a text.
pub(crate) enum Argument<'a> {
    Text(Cow<'a, str>),
    Number(u64),
}

impl<'a> From<&'a str> for Argument<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}

impl<'a> From<&'a String> for Argument<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Argument<'_> {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<u64> for Argument<'_> {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

/// The messages of a language by their keys.
pub(super) struct Messages {
    language: Language,
    patterns: HashMap<&'static str, Pattern<&'static str>>,
}

impl Messages {
    /// The messages of a file. What cannot be parsed is skipped; a test makes sure that everything can.
    pub(super) fn of(language: Language, source: &'static str) -> Self {
        let resource = parser::parse_runtime(source).unwrap_or_else(|(resource, _)| resource);
        let patterns = resource
            .body
            .into_iter()
            .filter_map(|entry| match entry {
                Entry::Message(message) => Some((message.id.name, message.value?)),
                _ => None,
            })
            .collect();
        Self { language, patterns }
    }

    /// Whether the file held no messages at all.
    pub(super) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// The text with this key.
    pub(super) fn find(&self, key: &str, arguments: &[(&str, Argument<'_>)]) -> Option<String> {
        let mut text = String::new();
        self.write(self.patterns.get(key)?, arguments, &mut text);
        Some(text)
    }

    fn write(&self, pattern: &Pattern<&str>, arguments: &[(&str, Argument<'_>)], text: &mut String) {
        for element in &pattern.elements {
            match element {
                PatternElement::TextElement { value } => text.push_str(value),
                PatternElement::Placeable {
                    expression: Expression::Inline(expression),
                } => match argument(expression, arguments) {
                    Some(Argument::Text(argument)) => isolate(argument, text),
                    Some(Argument::Number(number)) => text.push_str(&format::number(*number)),
                    None => {}
                },
                PatternElement::Placeable {
                    expression: Expression::Select { selector, variants },
                } => {
                    if let Some(variant) = self.choose(argument(selector, arguments), variants) {
                        self.write(&variant.value, arguments, text);
                    }
                }
            }
        }
    }

    /// The variant for a number, or else the default one.
    fn choose<'p, 's>(
        &self,
        number: Option<&Argument<'_>>,
        variants: &'p [Variant<&'s str>],
    ) -> Option<&'p Variant<&'s str>> {
        let plural = match number {
            Some(Argument::Number(number)) => format::plural(*number, self.language),
            _ => String::new(),
        };
        let is_of = |variant: &&Variant<&str>| match variant.key {
            VariantKey::Identifier { name } => name == plural,
            VariantKey::NumberLiteral { .. } => false,
        };
        let other = || variants.iter().find(|variant| variant.default);
        variants.iter().find(is_of).or_else(other)
    }
}

/// The value of an expression. A test makes sure that the texts only use variables.
fn argument<'a>(
    expression: &InlineExpression<&str>,
    arguments: &'a [(&str, Argument<'a>)],
) -> Option<&'a Argument<'a>> {
    let InlineExpression::VariableReference { id } = expression else {
        return None;
    };
    let (_, argument) = arguments.iter().find(|(name, _)| *name == id.name)?;
    Some(argument)
}

/// Writes a text so that its direction and that of the text around it do not affect each other: a first-strong isolate
/// (Unicode UAX #9).
fn isolate(argument: &str, text: &mut String) {
    text.push('\u{2068}');
    text.push_str(argument);
    text.push('\u{2069}');
}
