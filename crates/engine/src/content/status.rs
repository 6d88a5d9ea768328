//! Message status reports (draft-mahy-mimi-message-status-01): which messages were delivered and read.
//!
//! A report is a deterministic CBOR array of pairs of message id and status.

use super::{
    ContentError, MessageId,
    cbor::{Reader, Writer},
    limits::STATUS_ENTRIES_MAX,
    message_id::MESSAGE_ID_LEN,
};

/// The media type of a status report.
pub const STATUS_MEDIA_TYPE: &str = "application/mimi-message-status";

/// The status of a message at the device or account that reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReportedStatus {
    /// Made unread again.
    Unread,
    /// Decrypted and stored.
    Delivered,
    /// Seen.
    Read,
    /// Disappeared before it was seen.
    Expired,
    /// Deleted by its receiver.
    Deleted,
    /// Not shown to its receiver.
    Hidden,
    /// Could not be understood.
    Error,
}

impl ReportedStatus {
    const ALL: [Self; 7] = [
        Self::Unread,
        Self::Delivered,
        Self::Read,
        Self::Expired,
        Self::Deleted,
        Self::Hidden,
        Self::Error,
    ];

    fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// A report on at least one and at most [`STATUS_ENTRIES_MAX`] messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusReport(Vec<(MessageId, ReportedStatus)>);

impl StatusReport {
    /// The report on one message.
    pub fn one(id: MessageId, status: ReportedStatus) -> Self {
        Self(vec![(id, status)])
    }

    /// As few reports as possible on any number of messages; none if there are no messages.
    pub fn batches(entries: impl IntoIterator<Item = (MessageId, ReportedStatus)>) -> Vec<Self> {
        let entries: Vec<_> = entries.into_iter().collect();
        entries
            .chunks(STATUS_ENTRIES_MAX)
            .map(|chunk| Self(chunk.to_vec()))
            .collect()
    }

    /// The messages and what became of them.
    pub fn entries(&self) -> &[(MessageId, ReportedStatus)] {
        &self.0
    }

    /// The messages and what became of them.
    pub fn into_entries(self) -> Vec<(MessageId, ReportedStatus)> {
        self.0
    }

    /// The deterministic encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.array(self.0.len());
        for (id, status) in &self.0 {
            writer.array(2);
            writer.bytes(id.as_bytes());
            writer.unsigned(*status as u64);
        }
        writer.finish()
    }

    /// Decodes a report. Entries with an unknown status are ignored, so a report of a later version may be empty.
    pub fn decode(encoded: &[u8]) -> Result<Self, ContentError> {
        let mut reader = Reader::new(encoded);
        let len = reader.array("entries of a status report", STATUS_ENTRIES_MAX)?;
        if len == 0 {
            return Err(ContentError::Elements {
                what: "status report",
                found: 0,
            });
        }
        let mut entries = Vec::with_capacity(len);
        for _ in 0..len {
            let elements = reader.array("elements of a status entry", 2)?;
            if elements != 2 {
                return Err(ContentError::Elements {
                    what: "status entry",
                    found: elements,
                });
            }
            let id = MessageId::try_from(reader.bytes("message id", MESSAGE_ID_LEN)?)
                .map_err(|_| ContentError::Length("message id"))?;
            if let Some(status) = ReportedStatus::from_number(reader.small("message status")?) {
                entries.push((id, status));
            }
        }
        reader.finish()?;
        Ok(Self(entries))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(byte: u8) -> MessageId {
        MessageId::from_bytes([byte; 32])
    }

    #[test]
    fn the_encoding_is_stable() {
        let report =
            StatusReport::batches([(id(1), ReportedStatus::Delivered), (id(2), ReportedStatus::Read)]);
        let [report] = report.as_slice() else {
            panic!("one batch")
        };
        let expected = format!("82825820{}01825820{}02", "01".repeat(32), "02".repeat(32));
        assert_eq!(hex::encode(report.encode()), expected);
    }

    #[test]
    fn a_status_of_a_later_version_is_left_out() {
        let encoded = hex::decode(format!(
            "82825820{}07825820{}06",
            "01".repeat(32),
            "02".repeat(32)
        ))
        .unwrap();
        assert_eq!(
            StatusReport::decode(&encoded).unwrap().entries(),
            [(id(2), ReportedStatus::Error)]
        );
    }

    #[test]
    fn empty_malformed_and_oversized_reports_are_refused() {
        assert!(StatusReport::decode(&[0x80]).is_err());
        assert!(
            StatusReport::decode(&hex::decode(format!("8182581f{}01", "01".repeat(31))).unwrap()).is_err()
        );
        assert!(StatusReport::decode(&hex::decode(format!("81815820{}", "01".repeat(32))).unwrap()).is_err());
        assert!(
            StatusReport::decode(&hex::decode(format!("81825820{}190100", "01".repeat(32))).unwrap())
                .is_err()
        );
        let too_many = StatusReport(vec![(id(1), ReportedStatus::Read); STATUS_ENTRIES_MAX + 1]);
        assert!(StatusReport::decode(&too_many.encode()).is_err());
    }

    #[test]
    fn batches_respect_the_bound_and_keep_the_order() {
        let entries: Vec<_> = (0..=STATUS_ENTRIES_MAX)
            .map(|n| (id(u8::try_from(n % 256).unwrap()), ReportedStatus::Read))
            .collect();
        let batches = StatusReport::batches(entries.clone());
        assert_eq!(
            batches
                .iter()
                .map(|batch| batch.entries().len())
                .collect::<Vec<_>>(),
            [STATUS_ENTRIES_MAX, 1]
        );
        assert_eq!(
            batches
                .iter()
                .flat_map(|batch| batch.entries().to_vec())
                .collect::<Vec<_>>(),
            entries
        );
        assert!(StatusReport::batches([]).is_empty());
    }

    proptest! {
        #[test]
        fn reports_round_trip(entries in proptest::collection::vec((any::<[u8; 32]>(), 0..7_u8), 1..20)) {
            let entries = entries
                .into_iter()
                .map(|(id, status)| (MessageId::from_bytes(id), ReportedStatus::from_number(status).unwrap()));
            for report in StatusReport::batches(entries) {
                prop_assert_eq!(StatusReport::decode(&report.encode()), Ok(report));
            }
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = StatusReport::decode(&bytes);
        }
    }
}
