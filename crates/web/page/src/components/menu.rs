//! Menus: actions that open from a button. The arrow keys move among them; Escape, a choice, and a click beside the menu
//! close it, and the focus returns to the button. Opening and closing is the browser's own (`popover`).

use std::{cell::Cell, rc::Rc, time::Duration};

use leptos::{
    ev::{self, KeyboardEvent, MouseEvent},
    html::Div,
    leptos_dom::helpers::WindowListenerHandle,
    prelude::*,
};
use wasm_bindgen::JsCast as _;
use web_sys::{Element, HtmlElement};

use super::icon;
use crate::{browser, reactive::text};

/// Distance between the button and its menu, in pixels.
const GAP: f64 = 4.0;
/// A menu opens upwards if there is less room than this below its button, and more above it; in pixels.
const ROOM: f64 = 300.0;
/// The most room that a menu takes beside the pointer, in pixels.
const WIDTH_MAX: f64 = 296.0;

/// A menu. Its button names the id in `popovertarget`, and calls [`place`] when it is pressed.
#[component]
pub(crate) fn Menu(
    /// Unique in the page.
    id: &'static str,
    /// What it is called for those who do not see it.
    label: impl Fn() -> String + Send + Sync + 'static,
    /// Follows whether it is open.
    #[prop(optional)]
    is_open: RwSignal<bool>,
    /// The [`item`]s.
    children: Children,
) -> impl IntoView {
    let menu = NodeRef::<Div>::new();
    let toggled = move |event: web_sys::Event| {
        let state = browser::property(&event, "newState").and_then(|state| state.as_string());
        let opens = state.as_deref() == Some("open");
        is_open.set(opens);
        if opens {
            step(menu, |_, _| 0);
        }
    };
    let keyed = move |event: KeyboardEvent| {
        match event.key().as_str() {
            "ArrowDown" => step(menu, |here, count| here.map_or(0, |here| here + 1) % count),
            "ArrowUp" => step(menu, |here, count| (here.unwrap_or(0) + count - 1) % count),
            "Home" => step(menu, |_, _| 0),
            "End" => step(menu, |_, count| count - 1),
            "Escape" => close(menu),
            // The focus moves on from the button.
            "Tab" => return close(menu),
            _ => return,
        }
        event.prevent_default();
    };
    view! {
        <div class="menu" id=id popover="auto" role="menu" aria-label=label node_ref=menu
            on:toggle=toggled on:keydown=keyed on:click=move |_| close(menu) on:contextmenu=|event| event.prevent_default()>
            {children()}
        </div>
    }
}

/// An action of a menu.
pub(crate) fn item(
    name: &'static str,
    path: &'static str,
    label: impl Fn() -> String + Send + Sync + 'static,
    run: impl Fn() + 'static,
) -> AnyView {
    drawn(name, "", path, text!(label()), Box::new(run))
}

/// An action of a menu that takes something away.
pub(crate) fn danger_item(
    name: &'static str,
    path: &'static str,
    label: impl Fn() -> String + Send + Sync + 'static,
    run: impl Fn() + 'static,
) -> AnyView {
    drawn(name, "danger", path, text!(label()), Box::new(run))
}

// One piece of code for all items.
fn drawn(
    name: &'static str,
    class: &'static str,
    path: &'static str,
    label: impl Fn() -> String + Send + Sync + 'static,
    run: Box<dyn Fn()>,
) -> AnyView {
    view! {
        <button type="button" role="menuitem" tabindex="-1" class=class data-testid=name on:click=move |_| run()>
            {icon::icon(path)}<span>{label}</span>
        </button>
    }
    .into_any()
}

/// Puts a menu at the button that was pressed: below it, or above where there is more room; their ends in a line.
pub(crate) fn place(event: &MouseEvent, id: &str) {
    let button = event.current_target();
    if let Some(button) = button.and_then(|button| button.dyn_into::<Element>().ok()) {
        place_at(&button, id);
    }
}

/// Opens a menu at an element, as a button in its place would.
pub(crate) fn open_at(element: &Element, id: &str) {
    place_at(element, id);
    show(id);
}

/// Opens a menu where the pointer is, after `prepare`. It begins there, or ends there if there is no room.
pub(crate) fn open_at_pointer(event: &MouseEvent, id: &'static str, prepare: impl FnOnce() + 'static) {
    let (x, y) = (f64::from(event.client_x()), f64::from(event.client_y()));
    let open = move || {
        prepare();
        place_beside(x, y, id);
        show(id);
    };
    if event.buttons() == 0 {
        return open();
    }
    // A press closes what is open once it ends, and so a menu that has opened during it.
    let waiting = Rc::new(Cell::new(None::<(WindowListenerHandle, _)>));
    let ended = Rc::clone(&waiting);
    let listener = window_event_listener(ev::pointerup, move |_| {
        if let Some((listener, open)) = ended.take() {
            listener.remove();
            set_timeout(open, Duration::ZERO);
        }
    });
    waiting.set(Some((listener, open)));
}

/// Opens a menu in the place of another one that has just been used.
pub(crate) fn open_instead(of: &'static str, id: &'static str) {
    // Until then the other one has closed, and the focus has returned to where it was.
    request_animation_frame(move || {
        if let (Some(old), Some(new)) = (by_id(of), by_id(id)) {
            for side in SIDES {
                let at = old.style().get_property_value(side).unwrap_or_default();
                let _ = new.style().set_property(side, &at);
            }
            show(id);
        }
    });
}

/// The sides by which a menu is placed.
const SIDES: [&str; 4] = [
    "inset-block-start",
    "inset-block-end",
    "inset-inline-start",
    "inset-inline-end",
];

fn place_at(element: &Element, id: &str) {
    let Some(root) = browser::document().document_element() else {
        return;
    };
    let area = element.get_bounding_client_rect();
    let end = if is_mirrored(&root) {
        area.left()
    } else {
        f64::from(root.client_width()) - area.right()
    };
    let [top, bottom] = rows(&root, area.top(), area.bottom());
    put(id, [top, bottom, "auto".to_owned(), pixels(end.max(GAP))]);
}

fn place_beside(x: f64, y: f64, id: &str) {
    let Some(root) = browser::document().document_element() else {
        return;
    };
    let width = f64::from(root.client_width());
    let start = if is_mirrored(&root) { width - x } else { x };
    let [top, bottom] = rows(&root, y, y);
    let auto = || "auto".to_owned();
    let [start, end] = if width - start < WIDTH_MAX {
        [auto(), pixels((width - start).min(width - WIDTH_MAX).max(GAP))]
    } else {
        [pixels(start), auto()]
    };
    put(id, [top, bottom, start, end]);
}

/// Where a menu begins below something, or ends above it where there is more room.
fn rows(root: &Element, top: f64, bottom: f64) -> [String; 2] {
    let height = f64::from(root.client_height());
    let below = height - bottom;
    if below < ROOM && top > below {
        ["auto".to_owned(), pixels(height - top + GAP)]
    } else {
        [pixels(bottom + GAP), "auto".to_owned()]
    }
}

fn put(id: &str, sides: [String; 4]) {
    if let Some(menu) = by_id(id) {
        for (side, at) in SIDES.into_iter().zip(sides) {
            // A browser that does not know one of them shows the menu somewhere else.
            let _ = menu.style().set_property(side, &at);
        }
    }
}

// Whole ones: the code that writes others would be 7 kB of the page.
#[expect(clippy::cast_possible_truncation, reason = "distances on a screen are small")]
fn pixels(distance: f64) -> String {
    format!("{}px", distance as i32)
}

fn is_mirrored(root: &Element) -> bool {
    root.get_attribute("dir").as_deref() == Some("rtl")
}

fn by_id(id: &str) -> Option<HtmlElement> {
    browser::document().get_element_by_id(id)?.dyn_into().ok()
}

fn show(id: &str) {
    if let Some(menu) = by_id(id) {
        // It may be open already.
        let _ = menu.show_popover();
    }
}

fn close(menu: NodeRef<Div>) {
    if let Some(menu) = menu.get_untracked() {
        // It may be closed already.
        let _ = menu.hide_popover();
    }
}

/// Moves the focus to another item, named by the one that has it and how many there are, which is more than none.
fn step(menu: NodeRef<Div>, to: impl FnOnce(Option<usize>, usize) -> usize) {
    let Some(menu) = menu.get_untracked() else {
        return;
    };
    let items = browser::all_in(&menu, "[role=menuitem]");
    let focused = browser::document().active_element();
    let here = items
        .iter()
        .position(|item| focused.as_ref() == Some(item.unchecked_ref()));
    if !items.is_empty()
        && let Some(next) = items.get(to(here, items.len()))
    {
        let _ = next.focus();
    }
}
