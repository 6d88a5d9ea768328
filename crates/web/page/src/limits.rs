//! Every bound of the page, in one place; those of the window of messages stand in `model::window`.

use std::time::Duration;

/// Before it is said that starting takes long.
pub(crate) const SLOW_START_AFTER: Duration = Duration::from_secs(8);
/// Before a page whose language is still being loaded begins in English.
pub(crate) const LANGUAGE_WITHIN: Duration = Duration::from_secs(3);
/// Before the engine is asked to judge a password that is being typed.
pub(crate) const JUDGE_AFTER: Duration = Duration::from_millis(150);
/// Before the server is asked for people.
pub(crate) const SEARCH_AFTER: Duration = Duration::from_millis(250);
/// Before what is being typed is kept as a draft.
pub(crate) const DRAFT_AFTER: Duration = Duration::from_millis(400);
/// Before messages that could not be loaded are asked for again.
pub(crate) const LOAD_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// A connection that is back within this time was never shown as lost.
pub(crate) const STRIP_AFTER: Duration = Duration::from_millis(600);
/// How often the day and the room in the storage are looked at.
pub(crate) const LOOK_EVERY: Duration = Duration::from_mins(1);
/// Rows of the list of conversations that are drawn at first, and more at a time.
pub(crate) const LIST_ROWS: usize = 60;
/// Warnings that are shown; the oldest give way.
pub(crate) const WARNINGS_MAX: usize = 5;
/// Pixels before an end of what is loaded at which more is loaded.
pub(crate) const LOAD_WITHIN: f64 = 600.0;
/// Pixels above the bottom that still count as the bottom.
pub(crate) const BOTTOM_WITHIN: f64 = 48.0;
/// Pixels above the bottom from which on there is a way back.
pub(crate) const JUMP_BEYOND: f64 = 400.0;
/// The part of the storage that may be used before there is a warning.
pub(crate) const STORAGE_FULL: f64 = 0.9;
