//! The icons: one path each, on a grid of 24 by 24.

use leptos::prelude::*;

pub(crate) const ROSE: &str = "M12 13a5 5 0 0 1-5-5c0-2.100 1.300-3.900 3.100-4.600M12 13a5 5 0 0 0 5-5 4.900 4.900 0 0 0-6.900-4.600M10.100 3.400C8.900 4.600 8.700 7.300 10.300 8.500c1.100.8 2.900.4 3.200-1 .2-1-.6-1.900-1.500-1.700M16.900 7c-.5 1.900-2 3.300-4.100 3.500-1.200.1-2.300-.2-3.300-.8M12 13v8.500M12 18.300c-2.200.2-3.800-.7-4.500-2.500 2.300-.4 3.900.5 4.500 2.500zM12 20.500c2.200.2 3.800-.7 4.500-2.500-2.300-.4-3.900.5-4.500 2.500z";
pub(crate) const PLUS: &str = "M12 5v14M5 12h14";
pub(crate) const SEARCH: &str =
    "M10.500 17a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13zM15.300 15.300 20 20";
pub(crate) const CLOSE: &str = "M6.500 6.500l11 11M17.500 6.500l-11 11";
pub(crate) const BACK: &str = "M14.500 5.500 8 12l6.500 6.500";
pub(crate) const FORWARD: &str = "M9.500 5.500 16 12l-6.500 6.500";
pub(crate) const DOWN: &str = "M12 5v13.500M6 12.500l6 6 6-6";
pub(crate) const SEND: &str = "M5 12h13.500M12.500 6l6 6-6 6";
pub(crate) const LOCK: &str = "M7 10.500h10a1.500 1.500 0 0 1 1.500 1.500v6.500A1.500 1.500 0 0 1 17 20H7a1.500 1.500 0 0 1-1.500-1.500V12A1.500 1.500 0 0 1 7 10.500zM8.500 10.500V7.500a3.500 3.500 0 0 1 7 0v3";
pub(crate) const EYE: &str = "M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12zM12 14.800a2.800 2.800 0 1 0 0-5.600 2.800 2.800 0 0 0 0 5.600z";
pub(crate) const EYE_OFF: &str = "M4 4l16 16M9.800 5.800A9 9 0 0 1 12 5.500c6 0 9.500 6.500 9.500 6.500a16 16 0 0 1-3 3.700M6.200 7.600A16 16 0 0 0 2.500 12S6 18.500 12 18.500a9 9 0 0 0 4.300-1.100M10 10a2.800 2.800 0 0 0 4 4";
pub(crate) const PANEL: &str = "M4.500 5h15v14h-15zM14.500 5v14";
pub(crate) const INFO: &str =
    "M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17zM12 11v5.500M12 7.700v.1";
pub(crate) const WARN: &str = "M12 4 3 19.500h18L12 4zM12 10v4.500M12 17v.1";
pub(crate) const CHECK: &str = "M5 12.500l4.500 4.500L19 7.500";
pub(crate) const COPY: &str = "M9 9h9.500v10.500H9zM15 9V5H5.500v10.500H9";
pub(crate) const SAVE: &str = "M12 4v11M7.500 10.500 12 15l4.500-4.500M5 19.500h14";
pub(crate) const OFFLINE: &str = "M4 4l16 16M8.500 15.500a5 5 0 0 1 6-.8M5.500 12a9.500 9.500 0 0 1 4.500-2.400M2.500 8.500A14 14 0 0 1 7 5.900M12.500 5a14 14 0 0 1 9 3.500M15 10a9.500 9.500 0 0 1 3.500 2M12 19v.1";
pub(crate) const PERSON: &str =
    "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.500 20c.8-3.600 3.800-5.500 7.500-5.500s6.700 1.900 7.500 5.500";
pub(crate) const PEOPLE: &str = "M9 11.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM2.500 19.500c.6-3.300 3.200-5 6.500-5s5.900 1.700 6.500 5M15.500 4.700a3.500 3.500 0 0 1 0 6.600M18 14.800c1.900.7 3.100 2.300 3.500 4.700";
pub(crate) const CHAT: &str = "M5.500 5h13A1.500 1.500 0 0 1 20 6.500v8a1.500 1.500 0 0 1-1.500 1.500H11l-4.500 4v-4h-1A1.500 1.500 0 0 1 4 14.500v-8A1.500 1.500 0 0 1 5.500 5z";
pub(crate) const PENCIL: &str = "M4.500 19.500l.9-4L15.900 5a1.400 1.400 0 0 1 2 0l1.100 1.100a1.400 1.400 0 0 1 0 2L8.500 18.600zM14 7l3 3";
pub(crate) const STAR: &str =
    "M12 4l2.400 5 5.600.8-4 3.900.9 5.500-4.900-2.600-4.900 2.600.9-5.500-4-3.900 5.600-.8z";
pub(crate) const OUT: &str = "M10 5H5.500v14H10M10 12h10M16 8l4 4-4 4";
pub(crate) const BAN: &str = "M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17zM6 6l12 12";
pub(crate) const BOOKMARK: &str = "M7.500 4.500h9a1 1 0 0 1 1 1v14L12 15.700 6.500 19.500v-14a1 1 0 0 1 1-1z";
pub(crate) const DEVICE: &str = "M4.500 5.500h15v10h-15zM9 19.500h6M12 15.500v4";
pub(crate) const KEY: &str =
    "M8 16.500a4.500 4.500 0 1 0 0-9 4.500 4.500 0 0 0 0 9zM12.500 12H21M18 12v3.500";
pub(crate) const MORE: &str = "M6 12.700a.7.7 0 1 0 0-1.400.7.7 0 0 0 0 1.400zM12 12.700a.7.7 0 1 0 0-1.400.7.7 0 0 0 0 1.400zM18 12.700a.7.7 0 1 0 0-1.400.7.7 0 0 0 0 1.400z";
pub(crate) const PIN: &str = "M8.500 4h7M10 4v5.500L7 13.500h10L14 9.500V4M12 13.500V20.500";
pub(crate) const BELL: &str = "M12 4a5.500 5.500 0 0 0-5.500 5.500c0 4-1 5.500-2 7h15c-1-1.500-2-3-2-7A5.500 5.500 0 0 0 12 4zM10 19.500a2.100 2.100 0 0 0 4 0";
pub(crate) const BELL_OFF: &str = "M4 4l16 16M8.500 5.200a5.500 5.500 0 0 1 9 4.300c0 1.900.2 3.200.6 4.300M6.600 8.500c-.1.300-.1.600-.1 1 0 4-1 5.500-2 7h12M10 19.500a2.100 2.100 0 0 0 4 0";
pub(crate) const CLOCK: &str = "M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17zM12 7.500V12l3 2";
pub(crate) const TRASH: &str =
    "M5 7h14M9.500 7V4.500h5V7M6.500 7l1 12.500h9L17.500 7M10 10.500v5.500M14 10.500v5.500";
pub(crate) const ARCHIVE: &str = "M4 5h16v4H4zM5.500 9v10h13V9M10 12.500h4";
pub(crate) const UNARCHIVE: &str =
    "M4 5h16v4H4zM5.500 9v10h13V9M12 16.500v-4.500M9.800 14l2.200-2.200 2.200 2.200";
pub(crate) const UNREAD: &str = "M13 5H5.500A1.500 1.500 0 0 0 4 6.500v8A1.500 1.500 0 0 0 5.500 16h1v4l4.500-4h7.500a1.500 1.500 0 0 0 1.500-1.500V11M18 8a2.200 2.200 0 1 0 0-4.400 2.200 2.200 0 0 0 0 4.400z";

/// An icon at the size of text.
pub(crate) fn icon(path: &'static str) -> impl IntoView {
    sized(path, "20")
}

/// An icon of a size in pixels at a text size of 16.
pub(crate) fn sized(path: &'static str, size: &'static str) -> impl IntoView {
    view! {
        <svg viewBox="0 0 24 24" width=size height=size fill="none" stroke="currentColor" stroke-width="1.75"
            stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
            <path d=path />
        </svg>
    }
}

/// An icon that points along the line of text, and is mirrored where text runs from right to left.
pub(crate) fn mirrored(path: &'static str) -> impl IntoView {
    view! { <span class="mirror">{icon(path)}</span> }
}
