//! Every bound on content, in one place. Content that exceeds a bound is refused when it is decoded.

/// The longest encoded content, in bytes: what an application message can carry.
pub const CONTENT_MAX: usize = subrosa_wire::limits::APPLICATION_MESSAGE_MAX;
/// How deep parts may be nested; the outermost part is at depth 1.
pub const PART_DEPTH_MAX: usize = 8;
/// Parts directly inside one multipart.
pub const PARTS_MAX: usize = 64;
/// Entries in the extensions map.
pub const EXTENSIONS_MAX: usize = 32;
/// How deep the value of an unknown extension may be nested.
pub const EXTENSION_DEPTH_MAX: usize = 8;
/// The longest name of an extension that is named by a text, in bytes.
pub const EXTENSION_NAME_MAX: usize = 255;
/// The longest encoded value of an extension, in bytes.
pub const EXTENSION_VALUE_MAX: usize = 4095;
/// The longest topic id, in bytes.
pub const TOPIC_ID_MAX: usize = 255;
/// The longest language tag, media type, file name or key of an external part, in bytes.
pub const SHORT_FIELD_MAX: usize = 1024;
/// The longest address or description of an external part, in bytes.
pub const LONG_FIELD_MAX: usize = 8 * 1024;
/// Entries in one status report.
pub const STATUS_ENTRIES_MAX: usize = 500;
/// The longest single reaction, in bytes of UTF-8: a long emoji sequence.
pub const REACTION_MAX: usize = 64;
/// The longest description of a group, in bytes of UTF-8.
pub const DESCRIPTION_MAX: usize = 2048;
/// Reactions in one content.
pub const REACTIONS_MAX: usize = 16;
