//! Every bound and every validity of this crate, in one place.

use std::time::Duration;

/// How far a device certificate reaches into the past of the issuer's clock: a day and two hours,
/// so that a clock that is wrong by an hour or shows another time zone's hour still works.
pub const CERTIFICATE_BACKDATE: Duration = Duration::from_hours(26);

/// How long a device certificate is valid after its issue: two years.
pub const CERTIFICATE_VALIDITY: Duration = Duration::from_hours(2 * 365 * 24);

/// The largest application message that can be encrypted, in bytes before padding: 1 MiB. Larger
/// content is a file.
pub const CONTENT_MAX: usize = 1024 * 1024;

/// The largest MLS message that is looked at, in bytes. The biggest honest one is a commit that
/// follows a bulk add in a group of a thousand devices (1.2 MB with the post-quantum suite).
pub const MLS_MESSAGE_MAX: usize = 4 * 1024 * 1024;

/// The largest ratchet tree that is looked at, in bytes.
pub const RATCHET_TREE_MAX: usize = 16 * 1024 * 1024;

/// The most leaves that one commit may add.
pub const COMMIT_ADDS_MAX: usize = 1024;

/// The most key packages that one call makes.
pub const KEY_PACKAGES_MAX: usize = 256;

/// How many of a sender's newest message keys are kept when messages of one sender and epoch
/// arrive out of order. The log is applied in order, so only a send that failed after encryption
/// leaves a gap; the tolerance is generous because a kept key takes some hundred bytes.
pub const OUT_OF_ORDER_TOLERANCE: u32 = 128;

/// How far ahead in a sender's ratchet a message may be: that many sends of one sender in one
/// epoch may be lost before decryption gives up. Skipping costs about a microsecond a step.
pub const FORWARD_DISTANCE_MAX: u32 = 20_000;
