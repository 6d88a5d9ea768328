//! The texts of the interface: Fluent messages, one file for each language, chosen at run time. English is part of the
//! page, as the fallback for a language that cannot be loaded; other languages are loaded when they are chosen.
//!
//! Every text of the interface comes from here. What people wrote is isolated when it is inserted into a sentence, so
//! that its direction cannot reorder the sentence.

mod messages;

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    sync::LazyLock,
};

use futures_channel::oneshot;
use leptos::{prelude::*, task::spawn_local};

pub(crate) use self::messages::Argument;
use self::messages::Messages;
use crate::{
    browser,
    language::{self, Language},
    limits::LANGUAGE_WITHIN,
};

const KEPT_AS: &str = "subrosa-language";
const ENGLISH: &str = include_str!("../../locales/en.ftl");

/// The language that was chosen last and could not be loaded.
static MISSING: LazyLock<ArcRwSignal<Option<Language>>> = LazyLock::new(|| ArcRwSignal::new(None));

thread_local! {
    /// How often a language was chosen, so that one that loads after a later choice is ignored.
    static CHOICES: Cell<u32> = const { Cell::new(0) };
    /// The languages that are loaded.
    static MESSAGES: RefCell<HashMap<Language, Messages>> =
        RefCell::new(HashMap::from([(Language::English, Messages::of(Language::English, ENGLISH))]));
}

/// The language that was chosen last, if it could not be loaded. The previous one stays.
pub(crate) fn missing() -> Option<Language> {
    MISSING.get()
}

/// Starts with the language that was chosen in this browser, or with the browser's own, and follows what is chosen in its
/// other tabs. While a language takes long to load, the page is in English.
pub(crate) async fn start() {
    let kept = browser::kept(KEPT_AS);
    let language =
        Language::of_tags(kept.into_iter().chain(browser::languages())).unwrap_or(Language::English);
    let (end, ended) = oneshot::channel();
    let end = Rc::new(Cell::new(Some(end)));
    let too_long = Rc::clone(&end);
    set_timeout(move || drop(too_long.take()), LANGUAGE_WITHIN);
    wasm_bindgen_futures::spawn_local(async move {
        take_up(language, |_| {}).await;
        drop(end.take());
    });
    let _: Result<(), _> = ended.await;
    // Until a language that takes longer is here, the page is in English.
    mark_root();
    browser::when_kept_elsewhere(KEPT_AS, |kept| {
        if let Some(language) = Language::of_tags(kept) {
            spawn_local(take_up(language, |_| {}));
        }
    });
}

/// Switches to a language, and remembers it.
pub(crate) fn choose(language: Language) {
    spawn_local(take_up(language, |language| {
        browser::keep(KEPT_AS, Some(language.tag()));
    }));
}

/// The user has seen that the language could not be loaded.
pub(crate) fn forget_missing() {
    MISSING.try_set(None);
}

async fn take_up(language: Language, and_then: impl FnOnce(Language)) {
    let choice = CHOICES.get() + 1;
    CHOICES.set(choice);
    let is_here = load(language).await;
    if CHOICES.get() != choice {
        return;
    }
    if is_here {
        and_then(language);
        MISSING.set(None);
        language::show(language);
    } else {
        MISSING.set(Some(language));
    }
    mark_root();
}

/// Says to the browser in which language the page is shown.
fn mark_root() {
    let shown = language::shown_untracked();
    browser::set_root_attribute("lang", shown.tag());
    browser::set_root_attribute("dir", shown.direction());
}

/// The messages of a language; `None` if they could not be loaded.
async fn messages_of(language: Language) -> Option<Messages> {
    let source = match language {
        Language::English => ENGLISH,
        // Leaked: it is needed for as long as the page lives.
        Language::German => browser::fetch_named("subrosa-language-de").await?.leak(),
    };
    Some(Messages::of(language, source)).filter(|messages| !messages.is_empty())
}

/// Loads the messages of a language, unless they are there. Returns whether they are.
async fn load(language: Language) -> bool {
    if MESSAGES.with_borrow(|here| here.contains_key(&language)) {
        return true;
    }
    let Some(messages) = messages_of(language).await else {
        return false;
    };
    MESSAGES.with_borrow_mut(|here| here.insert(language, messages));
    true
}

/// The text with this key in the language of the interface.
pub(crate) fn find_text(key: &str, arguments: &[(&str, Argument<'_>)]) -> String {
    let language = language::shown();
    MESSAGES
        .with_borrow(|here| {
            let find = |language| here.get(&language)?.find(key, arguments);
            find(language).or_else(|| find(Language::English))
        })
        .unwrap_or_else(|| key.to_owned())
}

/// A text that follows the language: `t!("key")`, `t!("key", name = value)`.
macro_rules! t {
    ($key:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::reactive::text!($crate::i18n::now!($key $(, $name = $value)*))
    };
}
/// A text as it is now, as a `String`.
macro_rules! now {
    ($key:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::i18n::find_text($key, &[$((stringify!($name), $crate::i18n::Argument::from($value))),*])
    };
}
pub(crate) use {now, t};

#[cfg(test)]
mod tests;
