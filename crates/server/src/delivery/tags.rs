//! Tags of entries: by them the server recognises what it has accepted, even if its tables have lost it.

use bytes::Bytes;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use subrosa_mls::LogHash;
use subrosa_wire::SendId;
use zeroize::Zeroizing;

use crate::{
    root_secret::RootSecret,
    store::{Store, StoreError},
};

const LABEL: &[u8] = b"subrosa log entry tags v1";
const TAG_LEN: usize = 16;
/// Of SHA-256, in bytes.
const BLOCK_LEN: usize = 64;

/// Makes and checks them: HMAC-SHA-256 (RFC 2104), cut to 16 bytes, over the log chain after an entry, which covers the
/// entry and all before it, and the id of its send.
#[derive(Clone)]
pub struct EntryTags(Hmac<Sha256>);

impl EntryTags {
    /// Those of the server with this store.
    pub async fn open(store: &dyn Store) -> Result<Self, StoreError> {
        Ok(Self::derive(&RootSecret::open(store).await?))
    }

    #[cfg(test)]
    pub(crate) fn of(secret: u8) -> Self {
        Self::derive(&RootSecret::of(secret))
    }

    fn derive(secret: &RootSecret) -> Self {
        let key = secret.derive(&[LABEL]);
        // A shorter key is filled with zeros by HMAC, too.
        let mut block = Zeroizing::new([0; BLOCK_LEN]);
        block[..key.len()].copy_from_slice(key.as_slice());
        Self(Hmac::new(block.as_slice().into()))
    }

    /// The tag of an entry.
    fn tag(&self, hash: LogHash, send_id: SendId) -> Bytes {
        let tag = self.over(hash, send_id).finalize().into_bytes();
        Bytes::copy_from_slice(&tag[..TAG_LEN])
    }

    /// The tag of an entry; empty if its place in the log chain was not kept.
    pub(super) fn tag_if_known(&self, hash: Option<LogHash>, send_id: SendId) -> Bytes {
        hash.map_or_else(Bytes::new, |hash| self.tag(hash, send_id))
    }

    /// Whether this server has given an entry this tag.
    pub(super) fn is_ours(&self, hash: LogHash, send_id: SendId, tag: &[u8]) -> bool {
        tag.len() == TAG_LEN && self.over(hash, send_id).verify_truncated_left(tag).is_ok()
    }

    fn over(&self, hash: LogHash, send_id: SendId) -> Hmac<Sha256> {
        self.0
            .clone()
            .chain_update(hash.as_bytes())
            .chain_update(send_id.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::{EntryTags as Tags, *};

    const HASH: LogHash = LogHash::from_bytes([1; 32]);
    const SEND: SendId = SendId::from_bytes([2; 16]);

    #[test]
    fn a_tag_is_recognised_for_its_entry_by_its_server() {
        let tag = Tags::of(1).tag(HASH, SEND);
        assert!(Tags::of(1).is_ours(HASH, SEND, &tag));
        assert!(!Tags::of(2).is_ours(HASH, SEND, &tag));
        assert!(!Tags::of(1).is_ours(LogHash::from_bytes([3; 32]), SEND, &tag));
        assert!(!Tags::of(1).is_ours(HASH, SendId::from_bytes([3; 16]), &tag));
    }

    #[test]
    fn no_part_of_a_tag_is_recognised() {
        let tag = Tags::of(1).tag(HASH, SEND);
        for len in 0..TAG_LEN {
            assert!(!Tags::of(1).is_ours(HASH, SEND, &tag[..len]), "{len} bytes");
        }
    }

    #[test]
    fn the_tags_of_stored_entries_stay_valid() {
        // Devices keep them: a server of another version has to make the same.
        let expected = 0xc282_432a_6493_774e_c460_3e54_0410_956a_u128.to_be_bytes();
        assert_eq!(Tags::of(1).tag(HASH, SEND)[..], expected);
    }
}
