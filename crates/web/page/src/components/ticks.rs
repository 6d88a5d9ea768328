//! The status of a sent message as ticks. One icon of one size, so that nothing moves when it changes.

use leptos::prelude::*;
use subrosa_web_rpc::MessageStatus;

use crate::{i18n::now, reactive::text};

const CLOCK: &str = "M12 19.500a7.500 7.500 0 1 0 0-15 7.500 7.500 0 0 0 0 15zM12 8v4.200l2.700 1.600";
const ONE: &str = "M5.500 12.700l4 4 9-9.400";
const TWO: &str = "M1.800 12.700l4 4 8.700-9.400M9.300 15.200l1.500 1.500 9.200-9.400";
const FAILED: &str = "M12 19.500a7.500 7.500 0 1 0 0-15 7.500 7.500 0 0 0 0 15zM12 8.300v4.200M12 15.500v.1";

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
        MessageStatus::Pending => CLOCK,
        MessageStatus::Failed => FAILED,
        MessageStatus::Sent => ONE,
        MessageStatus::Delivered | MessageStatus::Read | MessageStatus::Unread => TWO,
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
