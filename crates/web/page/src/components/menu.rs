//! Menus: actions that open from a button. The arrow keys move among them; Escape, a choice, and a click beside the menu
//! close it, and the focus returns to the button. Opening and closing is the browser's own (`popover`).

use leptos::{
    ev::{KeyboardEvent, MouseEvent},
    html::Div,
    prelude::*,
};
use wasm_bindgen::JsCast as _;
use web_sys::HtmlElement;

use super::icon;
use crate::browser;

/// Distance between the button and its menu, in pixels.
const GAP: f64 = 4.0;
/// A menu opens upwards if there is less room than this below its button, and more above it; in pixels.
const ROOM: f64 = 300.0;

/// A menu. Its button names the id in `popovertarget`, and calls [`place`] when it is pressed.
#[component]
pub(crate) fn Menu(
    /// Unique in the page.
    id: &'static str,
    /// What it is called for those who do not see it.
    label: impl Fn() -> String + Send + Sync + 'static,
    /// The [`item`]s.
    children: Children,
) -> impl IntoView {
    let menu = NodeRef::<Div>::new();
    let toggled = move |event: web_sys::Event| {
        let state = browser::property(&event, "newState").and_then(|state| state.as_string());
        if state.as_deref() == Some("open") {
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
            on:toggle=toggled on:keydown=keyed on:click=move |_| close(menu)>
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
    drawn(name, "", path, label, run)
}

/// An action of a menu that takes something away.
pub(crate) fn danger_item(
    name: &'static str,
    path: &'static str,
    label: impl Fn() -> String + Send + Sync + 'static,
    run: impl Fn() + 'static,
) -> AnyView {
    drawn(name, "danger", path, label, run)
}

fn drawn(
    name: &'static str,
    class: &'static str,
    path: &'static str,
    label: impl Fn() -> String + Send + Sync + 'static,
    run: impl Fn() + 'static,
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
    let button = event
        .current_target()
        .and_then(|button| button.dyn_into::<HtmlElement>().ok());
    let menu = browser::document()
        .get_element_by_id(id)
        .and_then(|menu| menu.dyn_into::<HtmlElement>().ok());
    let (Some(button), Some(menu), Some(root)) = (button, menu, browser::document().document_element())
    else {
        return;
    };
    let area = button.get_bounding_client_rect();
    let (width, height) = (f64::from(root.client_width()), f64::from(root.client_height()));
    let below = height - area.bottom();
    let (top, bottom) = if below < ROOM && area.top() > below {
        ("auto".to_owned(), format!("{}px", height - area.top() + GAP))
    } else {
        (format!("{}px", area.bottom() + GAP), "auto".to_owned())
    };
    let is_mirrored = root.get_attribute("dir").as_deref() == Some("rtl");
    let end = if is_mirrored {
        area.left()
    } else {
        width - area.right()
    };
    for (property, value) in [
        ("inset-block-start", top),
        ("inset-block-end", bottom),
        ("inset-inline-end", format!("{}px", end.max(GAP))),
    ] {
        // A browser that does not know one of them shows the menu somewhere else.
        let _ = menu.style().set_property(property, &value);
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
