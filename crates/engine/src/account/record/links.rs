//! The invite links of a group that this account has made: a field for each, so that devices which make some at once lose none.

use std::ops::RangeInclusive;

use prost::Message as _;
use subrosa_mls::{LINK_SEED_LEN, LinkSecret};
use subrosa_wire::{LinkId, Timestamp};

use super::AccountRecord;

/// The numbers of the fields: the low 24 bits are the first ones of the link's id. Of two links that share them, one stays on
/// the device where it was made.
const LINKS: RangeInclusive<u32> = 0x1000_0000..=0x10ff_ffff;
/// How long it is kept that a link is gone, so that no device shows it again that was away.
const GONE_KEPT_MS: u64 = 90 * 24 * 60 * 60 * 1000;

/// An invite link, as the devices of whoever has made it keep it.
#[derive(Clone)]
pub struct KeptLink {
    /// The link.
    pub secret: LinkSecret,
    /// What the user calls it.
    pub name: Option<String>,
    /// How many may come by it; 0 for any number.
    pub uses_max: u32,
    /// When it stops to work; `None` for never.
    pub expires_at: Option<Timestamp>,
}

mod encoded {
    //! The protobuf message inside.

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Link {
        #[prost(bytes = "vec", tag = "1")]
        pub seed: Vec<u8>,
        #[prost(string, tag = "2")]
        pub name: String,
        #[prost(uint32, tag = "3")]
        pub uses_max: u32,
        #[prost(uint64, tag = "4")]
        pub expires_at_ms: u64,
    }
}

fn number(id: LinkId) -> u32 {
    let [a, b, c, ..] = id.as_bytes();
    LINKS.start() | u32::from_be_bytes([0, *a, *b, *c])
}

impl AccountRecord {
    /// The links, in the order of their numbers. What is not one is left out.
    pub fn links(&self) -> Vec<KeptLink> {
        let fields = self.others.range(LINKS);
        fields
            .filter_map(|(_, field)| KeptLink::decode(&field.value))
            .collect()
    }

    /// Whether another record has other links.
    pub fn has_other_links_than(&self, other: &Self) -> bool {
        !self.others.range(LINKS).eq(other.others.range(LINKS))
    }

    /// Keeps a link, now.
    pub fn keep_link(&mut self, link: &KeptLink, now: Timestamp) {
        let since = now.as_millis().saturating_sub(GONE_KEPT_MS);
        self.others.retain(|number, field| {
            !LINKS.contains(number) || !field.value.is_empty() || field.order >= since
        });
        self.set_other(number(link.secret.id()), link.encode(), now);
    }

    /// Notes that a link is gone.
    pub fn forget_link(&mut self, id: LinkId, now: Timestamp) {
        let number = number(id);
        let kept = self
            .others
            .get(&number)
            .and_then(|field| KeptLink::decode(&field.value));
        if kept.is_some_and(|link| link.secret.id() == id) {
            self.set_other(number, Vec::new(), now);
        }
    }
}

impl KeptLink {
    fn encode(&self) -> Vec<u8> {
        encoded::Link {
            seed: self.secret.seed().to_vec(),
            name: self.name.clone().unwrap_or_default(),
            uses_max: self.uses_max,
            expires_at_ms: self.expires_at.unwrap_or_default().as_millis(),
        }
        .encode_to_vec()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let link = encoded::Link::decode(bytes).ok()?;
        let seed: [u8; LINK_SEED_LEN] = link.seed.try_into().ok()?;
        Some(Self {
            secret: LinkSecret::from_seed(seed),
            name: Some(link.name).filter(|name| !name.is_empty()),
            uses_max: link.uses_max,
            expires_at: (link.expires_at_ms > 0).then_some(Timestamp::from_millis(link.expires_at_ms)),
        })
    }
}

#[cfg(test)]
mod tests {
    use subrosa_wire::DeviceId;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn link(byte: u8) -> KeptLink {
        KeptLink {
            secret: LinkSecret::from_seed([byte; 32]),
            name: Some(format!("link {byte}")),
            uses_max: u32::from(byte),
            expires_at: None,
        }
    }

    fn names(record: &AccountRecord) -> Vec<Option<String>> {
        let mut names: Vec<_> = record.links().into_iter().map(|link| link.name).collect();
        names.sort();
        names
    }

    #[test]
    fn devices_that_make_links_at_once_lose_none_and_what_is_gone_stays_gone() {
        let (mut ours, mut theirs) = (AccountRecord::default(), AccountRecord::default());
        ours.keep_link(&link(1), NOW);
        ours.keep_link(&link(2), NOW);
        theirs.keep_link(&link(3), NOW);
        theirs.merge(&ours, DeviceId::from_bytes([1; 16]));
        ours.forget_link(link(1).secret.id(), NOW);
        ours.merge(&theirs, DeviceId::from_bytes([2; 16]));
        theirs.merge(&ours, DeviceId::from_bytes([1; 16]));
        for record in [&ours, &theirs] {
            assert_eq!(
                names(record),
                [Some("link 2".to_owned()), Some("link 3".to_owned())]
            );
        }
        assert_eq!(
            AccountRecord::decode(&ours.encode()).map(|read| read.links().len()),
            Ok(2)
        );
    }

    #[test]
    fn links_that_are_long_gone_take_no_room() {
        let mut record = AccountRecord::default();
        for byte in 0..100 {
            record.keep_link(&link(byte), NOW);
            record.forget_link(link(byte).secret.id(), NOW);
        }
        let later = Timestamp::from_millis(NOW.as_millis() + GONE_KEPT_MS + 2);
        record.keep_link(&link(200), later);
        assert_eq!(record.others.len(), 1);
    }
}
