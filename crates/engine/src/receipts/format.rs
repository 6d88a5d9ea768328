//! A receipt: how far a device has received and read a conversation, sealed for the other members.
//!
//! It is a register: each one replaces the one before it, and all have the same size. The key comes from the MLS group
//! (RFC 9420, section 8.5), so that who is in the epoch can open it; the seal binds it to the conversation, its founding,
//! the account, the device, the epoch and the version.

use rand_core::CryptoRngCore;
use subrosa_mls::LogHash;
use subrosa_wire::{AccountId, ConversationId, DeviceId, limits::SEQ_MAX};
use zeroize::Zeroizing;

use crate::account::wrap::{self, SEAL_OVERHEAD, SealError};

/// The label under which the key is exported from the group.
pub const KEY_LABEL: &str = "subrosa receipts v1";
/// The length of that key.
pub const KEY_LEN: usize = 32;
/// Seqs that one receipt leaves out.
pub const LEFT_OUT_MAX: usize = 8;

const AAD: &[u8] = b"subrosa receipt v1";
const FORMAT: u8 = 1;
const HASH_LEN: usize = 32;
/// Of the contents, padded with zeros: room for what later versions add.
const CONTENTS_LEN: usize = 160;
/// Of a sealed receipt: the epoch, then the sealed contents.
const SEALED_LEN: usize = EPOCH_LEN + CONTENTS_LEN + SEAL_OVERHEAD;
const EPOCH_LEN: usize = size_of::<u64>();

const _: () = assert!(
    1 + 4 * size_of::<u64>() + HASH_LEN + 1 + LEFT_OUT_MAX * size_of::<u64>() <= CONTENTS_LEN
        && SEALED_LEN <= subrosa_wire::limits::RECEIPT_MAX,
    "a receipt is longer than its size"
);

/// The key of an epoch. Zeroized when dropped.
pub type ReceiptKey = Zeroizing<[u8; KEY_LEN]>;

/// What a receipt says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipt {
    /// What the device has received and read.
    pub covered: Covered,
    /// The place up to which it had applied the log.
    pub place: u64,
    /// Its hash of the log chain there, if it knows that.
    pub hash: Option<LogHash>,
}

/// Which entries a device has received and read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Covered {
    /// Nothing is said about what stands up to here: the device came in later, or has left something out there.
    pub since: u64,
    /// Received up to this seq.
    pub delivered: u64,
    /// Read up to this seq; 0 if nothing is said about that.
    pub read: u64,
    /// Seqs after `since` that were not received, ascending, at most [`LEFT_OUT_MAX`].
    pub exceptions: Vec<u64>,
}

impl Covered {
    /// Whether the entry at a place was received.
    pub fn has_received(&self, seq: u64) -> bool {
        self.since < seq && seq <= self.delivered && !self.exceptions.contains(&seq)
    }

    /// Whether the entry at a place was read.
    pub fn has_read(&self, seq: u64) -> bool {
        self.has_received(seq) && seq <= self.read
    }

    /// Notes that an entry was not received. If there are too many, nothing is said any more about what stands up to the
    /// first of them.
    pub fn leave_out(&mut self, seq: u64) {
        if let Err(place) = self.exceptions.binary_search(&seq) {
            self.exceptions.insert(place, seq);
        }
        if self.exceptions.len() > LEFT_OUT_MAX {
            self.since = self.since.max(self.exceptions.remove(0));
        }
    }
}

/// Whose receipt it is, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whose {
    /// The conversation.
    pub conversation: ConversationId,
    /// How often it was founded again.
    pub founding: u64,
    /// The account of the device.
    pub account: AccountId,
    /// The device.
    pub device: DeviceId,
    /// Counts the receipts of the device in this conversation.
    pub version: u64,
}

impl Whose {
    fn aad(&self, epoch: u64) -> Vec<u8> {
        [
            AAD,
            self.conversation.as_bytes(),
            &self.founding.to_be_bytes(),
            self.account.as_bytes(),
            self.device.as_bytes(),
            &self.version.to_be_bytes(),
            &epoch.to_be_bytes(),
        ]
        .concat()
    }
}

/// Why a receipt does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// It is too short to name an epoch.
    #[error("the receipt is cut off")]
    CutOff,
    /// The seal does not hold.
    #[error("the receipt does not open: {0}")]
    Seal(#[from] SealError),
    /// A newer build has made it.
    #[error("the receipt has a format that is not known: {0}")]
    Format(u8),
    /// The seal holds, but the contents are not what a device writes.
    #[error("the contents of the receipt are not valid")]
    Contents,
}

/// The epoch under whose key a receipt was sealed.
pub fn epoch_of(sealed: &[u8]) -> Result<u64, ReceiptError> {
    let (epoch, _) = sealed.split_first_chunk().ok_or(ReceiptError::CutOff)?;
    Ok(u64::from_be_bytes(*epoch))
}

impl Receipt {
    /// Seals it with the key of an epoch.
    pub fn seal(
        &self,
        (epoch, key): (u64, &ReceiptKey),
        whose: &Whose,
        rng: &mut (impl CryptoRngCore + ?Sized),
    ) -> Vec<u8> {
        let sealed = wrap::seal(key, &self.encode(), &whose.aad(epoch), rng);
        [&epoch.to_be_bytes()[..], &sealed].concat()
    }

    /// Opens a receipt with the key of the epoch that it names.
    pub fn open(sealed: &[u8], key: &ReceiptKey, whose: &Whose) -> Result<Self, ReceiptError> {
        let epoch = epoch_of(sealed)?;
        let sealed = sealed.get(EPOCH_LEN..).unwrap_or_default();
        Self::decode(&wrap::open(key, sealed, &whose.aad(epoch))?)
    }

    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let Covered {
            since,
            delivered,
            read,
            exceptions,
        } = &self.covered;
        let mut bytes = Zeroizing::new(Vec::with_capacity(CONTENTS_LEN));
        bytes.push(FORMAT);
        for number in [since, delivered, read, &self.place] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.extend_from_slice(self.hash.as_ref().map_or(&[0; HASH_LEN], |hash| hash.as_bytes()));
        let exceptions = &exceptions[exceptions.len().saturating_sub(LEFT_OUT_MAX)..];
        // At most eight.
        bytes.push(u8::try_from(exceptions.len()).unwrap_or_default());
        for seq in exceptions {
            bytes.extend_from_slice(&seq.to_be_bytes());
        }
        bytes.resize(CONTENTS_LEN, 0);
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Self, ReceiptError> {
        let (format, rest) = bytes.split_first().ok_or(ReceiptError::Contents)?;
        if *format != FORMAT {
            return Err(ReceiptError::Format(*format));
        }
        let mut rest = rest;
        let [since, delivered, read, place] = [
            number(&mut rest)?,
            number(&mut rest)?,
            number(&mut rest)?,
            number(&mut rest)?,
        ];
        let (hash, mut rest) = rest
            .split_first_chunk::<HASH_LEN>()
            .ok_or(ReceiptError::Contents)?;
        let count = rest.split_off_first().ok_or(ReceiptError::Contents)?;
        let mut exceptions = Vec::new();
        for _ in 0..usize::from(*count).min(LEFT_OUT_MAX) {
            exceptions.push(number(&mut rest)?);
        }
        let is_possible = usize::from(*count) <= LEFT_OUT_MAX
            && [delivered, read, place].iter().all(|seq| *seq <= SEQ_MAX)
            && since <= delivered
            && read <= delivered
            && delivered <= place
            && exceptions.is_sorted_by(|one, next| one < next)
            && exceptions.iter().all(|seq| since < *seq && *seq <= delivered);
        if !is_possible {
            return Err(ReceiptError::Contents);
        }
        Ok(Self {
            covered: Covered {
                since,
                delivered,
                read,
                exceptions,
            },
            place,
            hash: (*hash != [0; HASH_LEN]).then(|| LogHash::from_bytes(*hash)),
        })
    }
}

fn number(bytes: &mut &[u8]) -> Result<u64, ReceiptError> {
    let (number, rest) = bytes.split_first_chunk().ok_or(ReceiptError::Contents)?;
    *bytes = rest;
    Ok(u64::from_be_bytes(*number))
}

#[cfg(test)]
mod tests {
    use subrosa_test_support::SeededRng;

    use super::*;

    fn receipt() -> Receipt {
        Receipt {
            covered: Covered {
                since: 3,
                delivered: 17,
                read: 15,
                exceptions: vec![7, 9],
            },
            place: 17,
            hash: Some(LogHash::from_bytes([0xab; HASH_LEN])),
        }
    }

    fn whose() -> Whose {
        Whose {
            conversation: ConversationId::from_bytes([1; 16]),
            founding: 0,
            account: AccountId::from_bytes([2; 16]),
            device: DeviceId::from_bytes([3; 16]),
            version: 4,
        }
    }

    const KEY: [u8; KEY_LEN] = [5; KEY_LEN];

    fn sealed() -> Vec<u8> {
        receipt().seal((6, &Zeroizing::new(KEY)), &whose(), &mut SeededRng::new(1))
    }

    fn open(sealed: &[u8], whose: &Whose) -> Result<Receipt, ReceiptError> {
        Receipt::open(sealed, &Zeroizing::new(KEY), whose)
    }

    #[test]
    fn the_contents_have_these_bytes() {
        let expected = [
            "01",
            "0000000000000003",
            "0000000000000011",
            "000000000000000f",
            "0000000000000011",
            &"ab".repeat(HASH_LEN),
            "02",
            "0000000000000007",
            "0000000000000009",
            &"00".repeat(CONTENTS_LEN - 1 - 4 * 8 - HASH_LEN - 1 - 2 * 8),
        ]
        .concat();
        assert_eq!(hex::encode(&*receipt().encode()), expected);
    }

    #[test]
    fn every_receipt_has_the_same_size() {
        let empty = Receipt::default().seal((6, &Zeroizing::new(KEY)), &whose(), &mut SeededRng::new(1));
        assert_eq!((empty.len(), sealed().len()), (SEALED_LEN, SEALED_LEN));
        assert_eq!(open(&sealed(), &whose()), Ok(receipt()));
        assert_eq!(epoch_of(&sealed()), Ok(6));
    }

    #[test]
    fn a_receipt_opens_only_where_it_belongs() {
        let refused = Err(ReceiptError::Seal(SealError::Refused));
        let elsewhere = [
            Whose {
                conversation: ConversationId::from_bytes([9; 16]),
                ..whose()
            },
            Whose {
                founding: 1,
                ..whose()
            },
            Whose {
                account: AccountId::from_bytes([9; 16]),
                ..whose()
            },
            Whose {
                device: DeviceId::from_bytes([9; 16]),
                ..whose()
            },
            Whose {
                version: 5,
                ..whose()
            },
        ];
        for whose in elsewhere {
            assert_eq!(open(&sealed(), &whose), refused, "{whose:?}");
        }
        let mut of_other_epoch = sealed();
        of_other_epoch[7] ^= 1;
        assert_eq!(open(&of_other_epoch, &whose()), refused);
        assert!(open(&[], &whose()).is_err() && open(&sealed()[..20], &whose()).is_err());
    }

    #[test]
    fn what_no_device_writes_is_refused() {
        let impossible: [fn(&mut Receipt); 6] = [
            |receipt| receipt.covered.read = 18,
            |receipt| receipt.covered.since = 18,
            |receipt| receipt.place = 16,
            |receipt| receipt.place = SEQ_MAX + 1,
            |receipt| receipt.covered.exceptions = vec![9, 7],
            |receipt| receipt.covered.exceptions = vec![3],
        ];
        for change in impossible {
            let mut receipt = receipt();
            change(&mut receipt);
            assert_eq!(Receipt::decode(&receipt.encode()), Err(ReceiptError::Contents));
        }
        assert_eq!(Receipt::decode(&[2; CONTENTS_LEN]), Err(ReceiptError::Format(2)));
        let mut too_many = receipt().encode();
        too_many[1 + 4 * 8 + HASH_LEN] = 9;
        assert_eq!(Receipt::decode(&too_many), Err(ReceiptError::Contents));
    }

    #[test]
    fn with_more_exceptions_than_fit_nothing_is_said_about_the_oldest() {
        let mut covered = Covered {
            delivered: 100,
            ..Covered::default()
        };
        for seq in [30, 10, 20, 40, 50, 60, 70, 80, 80] {
            covered.leave_out(seq);
        }
        assert!(covered.has_received(5) && !covered.has_received(10));
        covered.leave_out(90);
        assert_eq!(covered.exceptions, [20, 30, 40, 50, 60, 70, 80, 90]);
        assert!(!covered.has_received(5) && !covered.has_received(10) && covered.has_received(11));
        assert!(!covered.has_received(101));
    }
}
