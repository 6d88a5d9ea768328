//! The words of the interface: Fluent messages, one file for each language, chosen at run time.
//!
//! Every text that a person reads comes from here. Texts of people that are put into a sentence are isolated, so
//! that their direction cannot turn the sentence around.

mod messages;

use std::{cell::LazyCell, sync::LazyLock};

use leptos::prelude::*;

pub(crate) use self::messages::Argument;
use self::messages::Messages;
use crate::browser;

/// A language of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Language {
    English,
    German,
}

const KEPT_AS: &str = "subrosa-language";

impl Language {
    /// All of them.
    pub(crate) const ALL: [Self; 2] = [Self::English, Self::German];

    /// The language tag (BCP 47).
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// What its speakers call it.
    pub(crate) const fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
        }
    }

    /// Which way it is written.
    pub(crate) const fn direction(self) -> &'static str {
        match self {
            Self::English | Self::German => "ltr",
        }
    }

    const fn source(self) -> &'static str {
        match self {
            Self::English => include_str!("../locales/en.ftl"),
            Self::German => include_str!("../locales/de.ftl"),
        }
    }

    /// The first of these tags that is spoken here.
    fn of_tags(tags: impl IntoIterator<Item = String>) -> Option<Self> {
        tags.into_iter().find_map(|tag| {
            let primary = tag.split('-').next()?.to_ascii_lowercase();
            Self::ALL.into_iter().find(|language| language.tag() == primary)
        })
    }
}

static CHOSEN: LazyLock<ArcRwSignal<Language>> = LazyLock::new(|| ArcRwSignal::new(Language::English));

thread_local! {
    static ENGLISH: LazyCell<Messages> = LazyCell::new(|| Messages::of(Language::English));
    static GERMAN: LazyCell<Messages> = LazyCell::new(|| Messages::of(Language::German));
}

/// The language of the interface. Whoever asks within a view is asked again when it changes.
pub(crate) fn language() -> Language {
    CHOSEN.get()
}

/// Takes up the language that was chosen here before, or the browser's.
pub(crate) fn start() {
    let kept = browser::kept(KEPT_AS);
    let language =
        Language::of_tags(kept.into_iter().chain(browser::languages())).unwrap_or(Language::English);
    apply(language);
}

/// Chooses a language, for now and later.
pub(crate) fn choose(language: Language) {
    browser::keep(KEPT_AS, Some(language.tag()));
    apply(language);
}

fn apply(language: Language) {
    CHOSEN.set(language);
    browser::set_root_attribute("lang", language.tag());
    browser::set_root_attribute("dir", language.direction());
}

/// The text with this key in the language of the interface.
pub(crate) fn find_text(key: &str, arguments: &[(&str, Argument<'_>)]) -> String {
    let messages = match CHOSEN.get() {
        Language::English => &ENGLISH,
        Language::German => &GERMAN,
    };
    messages
        .with(|messages| messages.find(key, arguments))
        .unwrap_or_else(|| key.to_owned())
}

/// A text that follows the language: `t!("key")`, `t!("key", name = value)`.
macro_rules! t {
    ($key:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::reactive::text!($crate::i18n::now!($key $(, $name = $value)*))
    };
}
/// A text as it is now.
macro_rules! now {
    ($key:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::i18n::find_text($key, &[$((stringify!($name), $crate::i18n::Argument::from($value))),*])
    };
}
pub(crate) use {now, t};

#[cfg(test)]
mod tests;
