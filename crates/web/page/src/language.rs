//! The languages of the interface, and the one that is shown. Their texts are in [`crate::i18n`].

use std::sync::LazyLock;

use leptos::prelude::*;

/// A language of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Language {
    English,
    German,
}

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

    /// Its name in the language itself.
    pub(crate) const fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
        }
    }

    /// The direction it is written in, as in the `dir` attribute.
    pub(crate) const fn direction(self) -> &'static str {
        match self {
            Self::English | Self::German => "ltr",
        }
    }

    /// The language of the first of these tags that the interface has.
    pub(crate) fn of_tags(tags: impl IntoIterator<Item = String>) -> Option<Self> {
        tags.into_iter().find_map(|tag| {
            let primary = tag.split('-').next()?.to_ascii_lowercase();
            Self::ALL.into_iter().find(|language| language.tag() == primary)
        })
    }
}

static SHOWN: LazyLock<ArcRwSignal<Language>> = LazyLock::new(|| ArcRwSignal::new(Language::English));

/// The language of the interface. A view that reads it is updated when it changes.
pub(crate) fn shown() -> Language {
    SHOWN.get()
}

/// The language of the interface, without subscribing to it.
pub(crate) fn shown_untracked() -> Language {
    SHOWN.get_untracked()
}

/// Switches the interface to this language, whose messages must be loaded.
pub(crate) fn show(language: Language) {
    SHOWN.set(language);
}
