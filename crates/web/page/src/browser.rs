//! What the page needs of the browser itself.

use js_sys::{Array, Date, Function, Reflect};
use leptos::prelude::*;
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Document, Element, HtmlElement, Storage, Window};

/// The window.
///
/// # Panics
/// Without one; the page runs in a document only.
#[expect(clippy::expect_used, reason = "a page without a window cannot be")]
pub(crate) fn window() -> Window {
    web_sys::window().expect("a page has a window")
}

/// The document.
///
/// # Panics
/// Without one; the page runs in a document only.
#[expect(clippy::expect_used, reason = "a window of a page has a document")]
pub(crate) fn document() -> Document {
    window().document().expect("a window has a document")
}

/// The content of a `<meta>` element of the page.
pub(crate) fn meta(name: &str) -> Option<String> {
    let element = document()
        .query_selector(&format!("meta[name=\"{name}\"]"))
        .ok()??;
    element
        .get_attribute("content")
        .filter(|content| !content.is_empty())
}

/// The text of a file that the page's head names.
pub(crate) async fn fetch_named(name: &str) -> Option<String> {
    let request = window().fetch_with_str(&meta(name)?);
    let response: web_sys::Response = JsFuture::from(request).await.ok()?.dyn_into().ok()?;
    if !response.ok() {
        return None;
    }
    JsFuture::from(response.text().ok()?).await.ok()?.as_string()
}

/// Milliseconds since 1970.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a time after 1970"
)]
pub(crate) fn now_ms() -> u64 {
    Date::now() as u64
}

/// The day of an instant in the user's time zone, in days since 1970.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "minutes of a day; a time of people"
)]
pub(crate) fn day_of(at_ms: u64) -> i64 {
    let offset = Date::new(&JsValue::from_f64(at_ms as f64)).get_timezone_offset();
    crate::model::labels::day_number(at_ms, offset as i64)
}

/// The user's preferred languages, most preferred first.
pub(crate) fn languages() -> Vec<String> {
    window()
        .navigator()
        .languages()
        .iter()
        .filter_map(|tag| tag.as_string())
        .collect()
}

/// Sets an attribute of `<html>`.
pub(crate) fn set_root_attribute(name: &str, value: &str) {
    if let Some(root) = document().document_element() {
        let _ = root.set_attribute(name, value);
    }
}

/// Notes at `<html>` whether the user last used the keyboard to move or the pointer: browsers show the ring of
/// `:focus-visible` around a text field after a click, too.
pub(crate) fn follow_input() {
    let _ = window_event_listener(leptos::ev::keydown, |event| {
        if event.key() == "Tab" {
            set_root_attribute("data-input", "keyboard");
        }
    });
    let _ = window_event_listener(leptos::ev::pointerdown, |_| {
        set_root_attribute("data-input", "pointer");
    });
}

/// Reads a setting of this browser. Nothing secret, and nothing about messages, is stored this way.
pub(crate) fn kept(name: &str) -> Option<String> {
    local_storage()?.get_item(name).ok()?
}

/// Stores or removes a setting of this browser.
pub(crate) fn keep(name: &str, value: Option<&str>) {
    let Some(storage) = local_storage() else { return };
    // If storage is full or forbidden, only the setting is lost at the next start.
    let _ = match value {
        Some(value) => storage.set_item(name, value),
        None => storage.remove_item(name),
    };
}

fn local_storage() -> Option<Storage> {
    window().local_storage().ok()?
}

/// Reads a mark of this tab that outlives a reload.
pub(crate) fn tab_mark(name: &str) -> Option<String> {
    window().session_storage().ok()??.get_item(name).ok()?
}

/// Leaves a mark in this tab that outlives a reload.
pub(crate) fn leave_tab_mark(name: &str, value: &str) {
    if let Ok(Some(storage)) = window().session_storage() {
        let _ = storage.set_item(name, value);
    }
}

/// Loads the page again.
pub(crate) fn reload() {
    let _ = window().location().reload();
}

/// Takes the fragment, with its `#`, from the page's address.
pub(crate) fn take_fragment() -> String {
    let fragment = window().location().hash().unwrap_or_default();
    if !fragment.is_empty()
        && let (Ok(path), Ok(history)) = (window().location().pathname(), window().history())
    {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&path));
    }
    fragment
}

/// 16 random bytes.
pub(crate) fn random_token() -> [u8; 16] {
    let mut token = [0; 16];
    // Browsers always have randomness; without it, calls could not be told apart.
    let _ = window()
        .crypto()
        .map(|crypto| crypto.get_random_values_with_u8_array(&mut token));
    token
}

/// Whether this page is on the screen.
pub(crate) fn is_visible() -> bool {
    document().visibility_state() == web_sys::VisibilityState::Visible
}

/// Whether the user is looking at this page.
pub(crate) fn is_looked_at() -> bool {
    is_visible() && document().has_focus().unwrap_or(false)
}

/// Whether a media query matches now.
pub(crate) fn matches(query: &str) -> bool {
    let list = window().match_media(query).ok().flatten();
    list.is_some_and(|list| list.matches())
}

/// Whether the device is used by touch: it has a keyboard on the screen, without another key for a new line than Enter.
pub(crate) fn is_touch() -> bool {
    matches("(pointer: coarse)")
}

/// Calls back when another tab changes a setting of this browser, with its new value.
pub(crate) fn when_kept_elsewhere(name: &'static str, then: impl Fn(Option<String>) + 'static) {
    let _ = window_event_listener_untyped("storage", move |event| {
        if property(&event, "key").and_then(|key| key.as_string()).as_deref() == Some(name) {
            then(kept(name));
        }
    });
}

/// Calls back once nobody holds a Web Lock any more.
pub(crate) fn when_free(lock: &str, then: impl FnOnce() + 'static) {
    let locks = property(&window().navigator(), "locks").unwrap_or_default();
    if let Some(request) = property(&locks, "request").and_then(|request| request.dyn_into::<Function>().ok())
    {
        let granted = Closure::once_into_js(then);
        let _ = request.call2(&locks, &lock.into(), &granted);
    }
}

/// Focuses the first element that matches, after the next rendering.
pub(crate) fn focus_soon(selector: &'static str) {
    request_animation_frame(move || {
        if !is_writing() {
            focus(selector);
        }
    });
}

/// Whether a field already has the focus: it must not move while the user types, or a password could end up in the
/// field for the handle.
pub(crate) fn is_writing() -> bool {
    let active = document().active_element();
    active.is_some_and(|element| matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA"))
}

/// Focuses the first element that matches.
pub(crate) fn focus(selector: &str) {
    if let Some(element) = first(selector).and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        let _ = element.focus();
    }
}

/// The first element that matches.
pub(crate) fn first(selector: &str) -> Option<Element> {
    document().query_selector(selector).ok()?
}

/// The last element that matches.
pub(crate) fn last(selector: &str) -> Option<HtmlElement> {
    all_in(&document().document_element()?, selector).pop()
}

/// Scrolls as far as it takes to see an element.
pub(crate) fn show(element: &Element) {
    let options = web_sys::ScrollIntoViewOptions::new();
    options.set_block(web_sys::ScrollLogicalPosition::Nearest);
    element.scroll_into_view_with_scroll_into_view_options(&options);
}

/// All matching elements within another, in order.
pub(crate) fn all_in(root: &Element, selector: &str) -> Vec<HtmlElement> {
    let Ok(list) = root.query_selector_all(selector) else {
        return Vec::new();
    };
    (0..list.length())
        .filter_map(|index| list.item(index)?.dyn_into().ok())
        .collect()
}

/// Copies a text to the clipboard.
pub(crate) async fn copy(text: &str) -> bool {
    let clipboard = window().navigator().clipboard();
    if clipboard.is_undefined() {
        return false;
    }
    wasm_bindgen_futures::JsFuture::from(clipboard.write_text(text))
        .await
        .is_ok()
}

/// Lets the user save a text as a file.
pub(crate) fn save_text(file_name: &str, text: &str) -> Result<(), JsValue> {
    let options = web_sys::BlobPropertyBag::new();
    options.set_type("text/plain;charset=utf-8");
    let blob = web_sys::Blob::new_with_str_sequence_and_options(&Array::of1(&text.into()), &options)?;
    let address = web_sys::Url::create_object_url_with_blob(&blob)?;
    let link: web_sys::HtmlAnchorElement = document().create_element("a")?.unchecked_into();
    link.set_href(&address);
    link.set_download(file_name);
    link.click();
    set_timeout(
        move || {
            let _ = web_sys::Url::revoke_object_url(&address);
        },
        std::time::Duration::from_secs(10),
    );
    Ok(())
}

/// Watches the size of elements. The callback runs before the next paint.
pub(crate) fn watch_size(
    elements: &[&Element],
    changed: impl FnMut() + 'static,
) -> Option<web_sys::ResizeObserver> {
    let callback = Closure::<dyn FnMut()>::new(changed).into_js_value();
    let observer = web_sys::ResizeObserver::new(callback.unchecked_ref()).ok()?;
    for element in elements {
        observer.observe(element);
    }
    Some(observer)
}

/// A property of a JavaScript object, if it is there.
pub(crate) fn property(object: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(object, &name.into())
        .ok()
        .filter(|value| !value.is_undefined() && !value.is_null())
}
