//! Copying several messages: who wrote what and when, as lines, without what is on the page only for the eye.

use leptos::{ev::ClipboardEvent, prelude::*};
use subrosa_web_rpc::{Conversation, ConversationKind};
use subrosa_wire::AccountId;
use wasm_bindgen::JsCast as _;
use web_sys::{Element, Range};

use super::entry::Entry;
use crate::{browser, format, i18n::now, model::faces, store::Store};

/// Copies what is selected. Where that is within one message, the browser does so.
pub(super) fn copy(event: &ClipboardEvent, store: Store, entry: Entry) {
    let Some(lines) = selection().and_then(|range| lines(&range, store, entry)) else {
        return;
    };
    if let Some(data) = event.clipboard_data()
        && data.set_data("text/plain", &lines.join("\n")).is_ok()
    {
        event.prevent_default();
    }
}

fn selection() -> Option<Range> {
    let selection = browser::window().get_selection().ok()??;
    selection.get_range_at(0).ok()
}

/// A line for each message that is selected, at least in part; `None` if it is only one.
fn lines(selected: &Range, store: Store, entry: Entry) -> Option<Vec<String>> {
    let area: Element = browser::first("[data-testid=messages]")?;
    let rows = browser::all_in(&area, "[data-id]");
    let lines: Vec<_> = rows
        .iter()
        .filter(|row| selected.intersects_node(row).unwrap_or(false))
        .filter_map(|row| {
            let text = selected_text(selected, &row.query_selector(".bubble-text").ok()??)?;
            let key = row.get_attribute("data-id")?;
            store.window.with_untracked(|window| {
                let message = window.as_ref()?.message_of(&key)?;
                let who = if message.outgoing {
                    now!("you")
                } else {
                    untrack(|| entry.with(|entry| Some(name_of(entry?, &message.sender))))?
                };
                Some(format!(
                    "[{}] {who}: {text}",
                    format::stamp(message.sent_at.as_millis())
                ))
            })
        })
        .collect();
    (lines.len() > 1).then_some(lines)
}

/// Who has written a message: in a group a member, elsewhere the other person.
fn name_of(conversation: &Conversation, sender: &AccountId) -> String {
    match conversation.kind {
        ConversationKind::Group => faces::name_in(conversation, sender),
        _ => faces::name_of(conversation),
    }
}

/// The part of an element's text that is selected; `None` if that is nothing.
fn selected_text(selected: &Range, element: &Element) -> Option<String> {
    let part = Range::new().ok()?;
    part.select_node_contents(element).ok()?;
    if selected
        .compare_boundary_points(Range::START_TO_START, &part)
        .ok()?
        > 0
    {
        part.set_start(&selected.start_container().ok()?, selected.start_offset().ok()?)
            .ok()?;
    }
    if selected.compare_boundary_points(Range::END_TO_END, &part).ok()? < 0 {
        part.set_end(&selected.end_container().ok()?, selected.end_offset().ok()?)
            .ok()?;
    }
    let text: String = part.unchecked_ref::<js_sys::Object>().to_string().into();
    (!text.trim().is_empty()).then_some(text)
}
