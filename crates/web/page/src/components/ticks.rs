//! The status of a sent message as ticks, which differ in shape: nobody needs to see their colours. One icon of one size,
//! so that nothing moves when it changes.

use leptos::prelude::*;
use subrosa_web_rpc::MessageStatus;

use crate::{i18n::now, reactive::text};

/// A ring, which the style sheet dashes.
const WAITING: &str = "M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17z";
/// A tick.
const SENT: &str = "M5 12.700l4.500 4.500L19 7.500";
/// A tick in a ring.
const DELIVERED: &str =
    "M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17zM8.200 12.300l2.700 2.700 5-5.300";
/// A disc with a tick cut out of it, which the style sheet fills.
const READ: &str = "M12 22a10 10 0 1 0 0-20 10 10 0 0 0 0 20zM6.600 12.400l1.500-1.500 2.800 2.800 5-5.400 1.600 1.500-6.600 7z";
/// An exclamation mark in a ring.
const FAILED: &str = "M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17zM12 7.700v5M12 16.200v.1";

/// The name of a status in the document.
pub(crate) const fn name(status: MessageStatus) -> &'static str {
    match status {
        MessageStatus::Pending => "pending",
        MessageStatus::Failed => "failed",
        MessageStatus::Sent => "sent",
        MessageStatus::Delivered => "delivered",
        MessageStatus::Read => "read",
        MessageStatus::Unread => "unread",
    }
}

fn words(status: MessageStatus) -> String {
    match status {
        MessageStatus::Pending => now!("status-pending"),
        MessageStatus::Failed => now!("status-failed"),
        MessageStatus::Sent => now!("status-sent"),
        MessageStatus::Delivered => now!("status-delivered"),
        MessageStatus::Read | MessageStatus::Unread => now!("status-read"),
    }
}

/// The ticks for a status that may change.
pub(crate) fn ticks(status: impl Fn() -> MessageStatus + Copy + Send + Sync + 'static) -> impl IntoView {
    let path = move || match status() {
        MessageStatus::Pending => WAITING,
        MessageStatus::Failed => FAILED,
        MessageStatus::Sent => SENT,
        MessageStatus::Delivered => DELIVERED,
        MessageStatus::Read | MessageStatus::Unread => READ,
    };
    view! {
        <span class="ticks" role="img" data-status=move || name(status()) aria-label=text!(words(status()))
            title=text!(words(status()))>
            <svg viewBox="0 0 24 24" width="16" height="16" fill="none" stroke="currentColor" stroke-width="2"
                stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
                <path d=path />
            </svg>
        </span>
    }
}
