//! The invite links of a group, as its policy names them.

use super::{InvalidPolicy, LINKS};
use crate::keys::{KEY_LEN, LinkPublicKey};

/// The flag of a link by which one only asks to join.
const NEEDS_APPROVAL: u8 = 1;
const ENTRY_LEN: usize = KEY_LEN + 1;

/// An invite link of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InviteLink {
    /// What checks the signatures of those who come by it.
    pub key: LinkPublicKey,
    /// Whether one only asks by it: somebody who may add people decides.
    pub needs_approval: bool,
}

pub(super) fn encode(links: &[InviteLink]) -> Vec<u8> {
    let entries = links.iter().flat_map(|link| {
        let flags = if link.needs_approval { NEEDS_APPROVAL } else { 0 };
        link.key.as_bytes().iter().copied().chain([flags])
    });
    entries.collect()
}

/// Reads the field, which is left out if there are no links. Their order is checked with the rest of the policy.
pub(super) fn decode(value: &[u8]) -> Result<Vec<InviteLink>, InvalidPolicy> {
    const INVALID: InvalidPolicy = InvalidPolicy::Field(LINKS);
    let (entries, rest) = value.as_chunks::<ENTRY_LEN>();
    if entries.is_empty() || !rest.is_empty() {
        return Err(INVALID);
    }
    entries
        .iter()
        .map(|[key @ .., flags]| {
            Ok(InviteLink {
                key: LinkPublicKey::from_bytes(key).map_err(|_| INVALID)?,
                needs_approval: match *flags {
                    0 => false,
                    NEEDS_APPROVAL => true,
                    _ => return Err(INVALID),
                },
            })
        })
        .collect()
}
