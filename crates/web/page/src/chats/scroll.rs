//! Keeps what the user is reading in place, whatever arrives above or below it.
//!
//! At the bottom the view stays at the bottom. Elsewhere the first visible row is the anchor: after each change of size
//! it is moved back to the same pixel, before anything is painted.

use leptos::{html, prelude::*, task::spawn_local};
use web_sys::HtmlElement;

use crate::{
    browser,
    limits::{BOTTOM_WITHIN, JUMP_BEYOND, LOAD_WITHIN},
    reactive::effect,
    store::{Place, Store},
};

/// What stays in place.
#[derive(Debug, Clone, PartialEq)]
enum Anchor {
    Bottom,
    Row { key: String, top: f64 },
}

/// Sizes of the area in pixels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Measured {
    content: i32,
    area: i32,
    top: i32,
}

impl Measured {
    fn of(area: &HtmlElement) -> Self {
        Self {
            content: area.scroll_height(),
            area: area.client_height(),
            top: area.scroll_top(),
        }
    }

    /// Whether the layout changed since without the user scrolling: the browser reports both with the same event.
    fn only_sizes_differ(self, since: Self) -> bool {
        let sizes_differ = (self.content, self.area) != (since.content, since.area);
        let pushed_to_the_end = self.top < since.top && self.top >= self.content - self.area;
        sizes_differ && (self.top == since.top || pushed_to_the_end)
    }
}

/// The scrolled area of a conversation.
#[derive(Clone, Copy)]
pub(super) struct Scroller {
    store: Store,
    /// The area.
    pub(super) area: NodeRef<html::Div>,
    /// What is scrolled in it.
    pub(super) content: NodeRef<html::Div>,
    /// Whether the newest message is in view. `false` until the view has moved to where it begins, since what is in
    /// view counts as read.
    pub(super) at_bottom: RwSignal<bool>,
    /// Whether the newest message is far away.
    pub(super) is_far: RwSignal<bool>,
    anchor: StoredValue<Anchor>,
    /// What was measured with the anchor.
    measured: StoredValue<Measured>,
    /// The view is about to move: nothing before that counts.
    settling: StoredValue<bool>,
}

impl Scroller {
    pub(super) fn new(store: Store) -> Self {
        let scroller = Self {
            store,
            area: NodeRef::new(),
            content: NodeRef::new(),
            at_bottom: RwSignal::new(false),
            is_far: RwSignal::new(false),
            anchor: StoredValue::new(Anchor::Bottom),
            measured: StoredValue::new(Measured::default()),
            settling: StoredValue::new(true),
        };
        scroller.watch();
        scroller
    }

    /// Restores the position after each change of size.
    fn watch(self) {
        let observer = StoredValue::new_local(None::<web_sys::ResizeObserver>);
        effect!(move || {
            if let (Some(area), Some(content)) = (self.area.get(), self.content.get()) {
                let watched = browser::watch_size(&[&area, &content], move || self.restore());
                observer.set_value(watched);
            }
        });
        on_cleanup(move || {
            observer.update_value(|observer| {
                if let Some(observer) = observer.take() {
                    observer.disconnect();
                }
            });
        });
    }

    /// After a change was rendered: moves to the place that was asked for, or restores the position.
    pub(super) fn settle(self) {
        spawn_local(async move {
            leptos::task::tick().await;
            // The conversation may have been closed meanwhile.
            if self.area.try_get_untracked().flatten().is_none() {
                return;
            }
            match self.store.place.try_get_untracked().flatten() {
                Some(place) => {
                    self.store.place.set(None);
                    self.settling.set_value(false);
                    self.go(place);
                }
                None => self.restore(),
            }
        });
    }

    /// A conversation is being loaded: the position in the previous one no longer counts.
    pub(super) fn reset(self) {
        self.settling.try_set_value(true);
        self.anchor.try_set_value(Anchor::Bottom);
        self.at_bottom.try_set(false);
        self.is_far.try_set(false);
    }

    fn go(self, place: Place) {
        let Some(area) = self.area.try_get_untracked().flatten() else {
            return;
        };
        let mark = match place {
            Place::Bottom => None,
            Place::Unread => row(&area, "unread").map(|mark| (mark, 48.0)),
            Place::Left { key, top } => row(&area, &key).map(|row| (row, top)),
        };
        match mark {
            Some((mark, top)) => area.set_scroll_top(area.scroll_top() + pixels(top_in(&area, &mark) - top)),
            None => area.set_scroll_top(area.scroll_height()),
        }
        self.remember();
        self.load_more();
    }

    /// The user has scrolled.
    pub(super) fn scrolled(self) {
        let Some(area) = self.area.try_get_untracked().flatten() else {
            return;
        };
        if self.settling.get_value() {
            return;
        }
        if Measured::of(&area).only_sizes_differ(self.measured.get_value()) {
            return self.restore();
        }
        self.remember();
        self.load_more();
    }

    fn remember(self) {
        let Some(area) = self.area.try_get_untracked().flatten() else {
            return;
        };
        let measured = Measured::of(&area);
        self.measured.set_value(measured);
        let below = f64::from(measured.content - measured.area - measured.top);
        let has_newer = self
            .store
            .window
            .with_untracked(|window| window.as_ref().is_some_and(|window| window.has_newer));
        let at_bottom = below <= BOTTOM_WITHIN && !has_newer;
        let is_far = below > JUMP_BEYOND || has_newer;
        if self.at_bottom.get_untracked() != at_bottom {
            self.at_bottom.set(at_bottom);
        }
        if self.is_far.get_untracked() != is_far {
            self.is_far.set(is_far);
        }
        let anchor = if at_bottom {
            Some(Anchor::Bottom)
        } else {
            first_visible(&area)
        };
        if let Some(anchor) = anchor {
            self.store.keep_place(match &anchor {
                Anchor::Bottom => None,
                Anchor::Row { key, top } => Some((key, *top)),
            });
            self.anchor.set_value(anchor);
        }
    }

    fn restore(self) {
        let Some(area) = self.area.try_get_untracked().flatten() else {
            return;
        };
        if self.settling.get_value() {
            return;
        }
        match self.anchor.get_value() {
            Anchor::Bottom => area.set_scroll_top(area.scroll_height()),
            Anchor::Row { key, top } => {
                if let Some(row) = row(&area, &key) {
                    let moved = pixels(top_in(&area, &row) - top);
                    if moved != 0 {
                        area.set_scroll_top(area.scroll_top() + moved);
                    }
                }
            }
        }
        self.remember();
        self.load_more();
    }

    fn load_more(self) {
        let Some(area) = self.area.try_get_untracked().flatten() else {
            return;
        };
        let above = f64::from(area.scroll_top());
        let below = f64::from(area.scroll_height() - area.client_height()) - above;
        // The nearer end first, so that the two do not load in turns when the window is small.
        if above < LOAD_WITHIN && above <= below {
            self.store.load_older();
        } else if below < LOAD_WITHIN {
            self.store.load_newer();
        }
    }
}

fn row(area: &HtmlElement, key: &str) -> Option<HtmlElement> {
    // Keys are numbers and words of our own.
    browser::all_in(area, &format!("[data-key=\"{key}\"]"))
        .into_iter()
        .next()
}

fn top_in(area: &HtmlElement, row: &HtmlElement) -> f64 {
    row.get_bounding_client_rect().top() - area.get_bounding_client_rect().top()
}

fn first_visible(area: &HtmlElement) -> Option<Anchor> {
    let area_top = area.get_bounding_client_rect().top();
    let visible = |row: HtmlElement| {
        let rect = row.get_bounding_client_rect();
        (rect.bottom() > area_top).then(|| {
            Some(Anchor::Row {
                key: row.get_attribute("data-key")?,
                top: rect.top() - area_top,
            })
        })?
    };
    // A message, if there is one: days and lines have no place in the history by themselves.
    let first = |rows: &str| browser::all_in(area, rows).into_iter().find_map(visible);
    first("[data-id]").or_else(|| first("[data-key]"))
}

#[expect(clippy::cast_possible_truncation, reason = "pixels of a page")]
fn pixels(distance: f64) -> i32 {
    distance.round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_layout_is_told_from_a_scroll() {
        let measured = |content, area, top| Measured { content, area, top };
        let since = measured(1000, 700, 300);
        assert!(
            measured(1000, 600, 300).only_sizes_differ(since),
            "the area shrank"
        );
        assert!(
            measured(1100, 700, 300).only_sizes_differ(since),
            "a message came"
        );
        assert!(measured(900, 700, 200).only_sizes_differ(since), "a message went");
        assert!(!measured(1000, 700, 250).only_sizes_differ(since), "scrolled");
        assert!(
            !measured(1100, 700, 250).only_sizes_differ(since),
            "scrolled while a message came"
        );
    }
}
