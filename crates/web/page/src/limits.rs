//! All limits of the page, except for those of the message window, which are in `model::window`.

use std::time::Duration;

/// How long a start takes before the page says that it is slow.
pub(crate) const SLOW_START_AFTER: Duration = Duration::from_secs(8);
/// How long the page waits for its language before it starts in English.
pub(crate) const LANGUAGE_WITHIN: Duration = Duration::from_secs(3);
/// Pause in typing after which the engine judges a password.
pub(crate) const JUDGE_AFTER: Duration = Duration::from_millis(150);
/// Pause in typing after which the server is searched for people.
pub(crate) const SEARCH_AFTER: Duration = Duration::from_millis(250);
/// Pause in typing after which a draft is stored.
pub(crate) const DRAFT_AFTER: Duration = Duration::from_millis(400);
/// Interval at which it is reported that the user is still typing.
pub(crate) const TYPING_AGAIN_AFTER: Duration = Duration::from_secs(2);
/// How long the user may do nothing and still counts as looking at the page.
pub(crate) const AWAY_AFTER: Duration = Duration::from_mins(5);
/// Delay before messages that could not be loaded are loaded again.
pub(crate) const LOAD_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How long a connection is lost before a banner says so.
pub(crate) const BANNER_AFTER: Duration = Duration::from_millis(600);
/// Interval at which the day is checked, and every tenth time the free storage.
pub(crate) const LOOK_EVERY: Duration = Duration::from_mins(1);
/// Rows of the list of conversations that are rendered at first, and how many more each time.
pub(crate) const LIST_ROWS: usize = 60;
/// The most people that a search for members of a group lists.
pub(crate) const CANDIDATES_SHOWN: usize = 100;
/// Members of a group that are listed before the user asks for all.
pub(crate) const MEMBERS_SHOWN: usize = 50;
/// The most warnings that are shown; the oldest are dropped.
pub(crate) const WARNINGS_MAX: usize = 5;
/// The most people whose pictures the page keeps; those that were not asked for longest are dropped.
pub(crate) const PICTURES_MAX: usize = 256;
/// The largest file of which a picture of the user is made, in bytes.
pub(crate) const PICTURE_FILE_MAX: f64 = 20_000_000.0;
/// The longest picture of the user, in bytes: what the engine takes.
pub(crate) const PICTURE_MAX: usize = 60 * 1024;
/// The sides of a picture of the user, in pixels.
pub(crate) const PICTURE_SIDE: u32 = 256;
/// Distance in pixels from an end of the loaded messages at which more are loaded.
pub(crate) const LOAD_WITHIN: f64 = 600.0;
/// Distance in pixels from the bottom that still counts as the bottom.
pub(crate) const BOTTOM_WITHIN: f64 = 48.0;
/// Distance in pixels from the bottom beyond which a button leads back to it.
pub(crate) const JUMP_BEYOND: f64 = 400.0;
/// The share of the storage that may be used before the user is warned.
pub(crate) const STORAGE_FULL: f64 = 0.9;

/// What a group is about, in bytes of UTF-8: what the engine takes.
pub(crate) const GROUP_DESCRIPTION_MAX: usize = 2048;
