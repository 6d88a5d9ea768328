//! The keyboard in the list: the arrow keys move among its rows, and Enter in the field opens the only hit.

use leptos::{ev::KeyboardEvent, html::Div, prelude::*};
use wasm_bindgen::JsCast as _;
use web_sys::{Element, HtmlElement, HtmlInputElement};

use crate::browser;

/// What the arrow keys move among.
const ROWS: &str = "a, [data-testid=person-result], [data-testid=archived], [data-testid=blocked-people]";

fn field(event: &KeyboardEvent) -> Option<HtmlInputElement> {
    event.target()?.dyn_into().ok()
}

/// Whether the key was pressed in the field to search.
pub(super) fn in_field(event: &KeyboardEvent) -> bool {
    field(event).is_some_and(|field| field.type_() != "radio")
}

/// Whether the key was pressed at a choice, which has keys of its own.
pub(super) fn in_choice(event: &KeyboardEvent) -> bool {
    field(event).is_some_and(|field| field.type_() == "radio")
}

fn rows(list: NodeRef<Div>) -> Vec<HtmlElement> {
    list.get_untracked()
        .map(|list| browser::all_in(&list, ROWS))
        .unwrap_or_default()
}

/// Opens the conversation that was found, if it is the only one; or else the only person. Returns `false` if nothing was
/// found yet for this text.
pub(super) fn open_only_hit(list: NodeRef<Div>, prefix: &str) -> bool {
    let Some(list) = list.get_untracked() else {
        return false;
    };
    for kind in ["[data-testid=chat-item]", "[data-testid=person-result]"] {
        match browser::all_in(&list, kind).as_slice() {
            [] => {}
            [only] => {
                let handle = only.get_attribute("data-handle");
                let is_of_text = handle.is_none_or(|handle| handle.starts_with(prefix));
                if is_of_text {
                    only.click();
                }
                return is_of_text;
            }
            _ => return true,
        }
    }
    false
}

/// Moves the focus to the next or the previous row; above the first one is the field.
pub(super) fn step(event: &KeyboardEvent, list: NodeRef<Div>, by: isize) {
    let rows = rows(list);
    let focused = browser::document().active_element();
    // The button of a row counts as the row.
    let row_of = |focused: &Element| focused.closest("li").ok()??.first_element_child();
    let focused = focused.map(|focused| row_of(&focused).unwrap_or(focused));
    let here = rows
        .iter()
        .position(|row| focused.as_ref() == Some(row.unchecked_ref()));
    let next = match here {
        Some(0) if by < 0 => {
            event.prevent_default();
            return browser::focus("[data-testid=search]");
        }
        Some(here) => here.checked_add_signed(by),
        None if by > 0 => Some(0),
        None => None,
    };
    if let Some(target) = next.and_then(|next| rows.get(next)) {
        event.prevent_default();
        let _ = target.focus();
    }
}

/// Moves the focus to the first or the last row.
pub(super) fn jump(event: &KeyboardEvent, list: NodeRef<Div>, to_end: bool) {
    let rows = rows(list);
    if let Some(target) = if to_end { rows.last() } else { rows.first() } {
        event.prevent_default();
        let _ = target.focus();
    }
}
