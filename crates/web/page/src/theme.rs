//! The theme: light, dark, or the system's.

use leptos::prelude::*;

use crate::browser;

const KEPT_AS: &str = "subrosa-theme";

/// A theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    System,
    Light,
    Dark,
}

impl Theme {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// Its name in the document.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// Starts with the theme that was chosen in this browser, and follows what is chosen in its other tabs.
pub(crate) fn start() -> RwSignal<Theme> {
    let signal = RwSignal::new(named(browser::kept(KEPT_AS).as_deref()));
    show(signal.get_untracked());
    browser::when_kept_elsewhere(KEPT_AS, move |kept| {
        let theme = named(kept.as_deref());
        show(theme);
        signal.set(theme);
    });
    signal
}

fn named(name: Option<&str>) -> Theme {
    Theme::ALL
        .into_iter()
        .find(|theme| Some(theme.name()) == name)
        .unwrap_or(Theme::System)
}

fn show(theme: Theme) {
    browser::set_root_attribute("data-theme", theme.name());
}

/// Switches to a theme, and remembers it.
pub(crate) fn choose(signal: RwSignal<Theme>, theme: Theme) {
    show(theme);
    browser::keep(KEPT_AS, (theme != Theme::System).then(|| theme.name()));
    signal.set(theme);
}
