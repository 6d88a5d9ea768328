//! Every bound and every validity of this crate, in one place.

use std::time::Duration;

/// How long before the issuer's time a device certificate becomes valid: a day and two hours, to
/// tolerate clocks that are an hour off or set to another time zone.
pub const CERTIFICATE_BACKDATE: Duration = Duration::from_hours(26);

/// How long a device certificate is valid after its issue: two years.
pub const CERTIFICATE_VALIDITY: Duration = Duration::from_hours(2 * 365 * 24);

/// The largest application message that can be encrypted, in bytes before padding: 1 MiB. Larger
/// content is a file.
pub const CONTENT_MAX: usize = 1024 * 1024;

/// The largest MLS message that is parsed, in bytes. The largest honest one is a commit that
/// follows a bulk add in a group of a thousand devices (1.2 MB with the post-quantum suite).
pub const MLS_MESSAGE_MAX: usize = 4 * 1024 * 1024;

/// The largest ratchet tree that is parsed, in bytes.
pub const RATCHET_TREE_MAX: usize = 16 * 1024 * 1024;

/// The longest encoding of a policy, in bytes: it is part of every group info.
pub const POLICY_MAX: usize = 8 * 1024;

/// The most devices in a group.
pub const LEAVES_MAX: usize = 1_000;

/// The most owners and admins of a group: 2 KiB of its policy.
pub const ROLES_MAX: usize = 128;

/// The most accounts that are banned from a group: 4 KiB of its policy.
pub const BANNED_MAX: usize = 256;

/// The most invite links of a group: half a KiB of its policy.
pub const LINKS_MAX: usize = 16;

// What a policy names fits into it, with room for a KiB of what later versions add.
const _: () =
    assert!(ROLES_MAX * (16 + 1) + BANNED_MAX * 16 + LINKS_MAX * (32 + 1) + 64 + 1024 <= POLICY_MAX);

/// The most leaves that one commit may add.
pub const COMMIT_ADDS_MAX: usize = 1024;

/// The highest epoch in which a group can be joined, which none reaches: at a commit each millisecond it takes nine
/// thousand years. OpenMLS counts on from it.
pub const EPOCH_MAX: u64 = 1 << 48;

/// The most key packages that one call makes.
pub const KEY_PACKAGES_MAX: usize = 256;

/// How many of a sender's newest message keys are kept when messages of one sender and epoch
/// arrive out of order. The log is applied in order, so only a send that failed after encryption
/// leaves a gap; the tolerance is generous because a kept key takes some hundred bytes.
pub const OUT_OF_ORDER_TOLERANCE: u32 = 128;

/// How far ahead in a sender's ratchet a message may be: this many sends of one sender in one epoch
/// may be lost before decryption fails. A sender loses some only when the server refuses messages for
/// good, a few at a time. Skipping costs about two microseconds per step, each time somebody repeats it.
pub const FORWARD_DISTANCE_MAX: u32 = 1_000;
