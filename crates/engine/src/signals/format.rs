//! A signal: that somebody types or is there, sealed for the other members and never kept.
//!
//! All signals have the same size. The key is derived from that of the epoch's receipts; the seal binds a signal to the
//! conversation, its founding, the account, the device and the epoch.

use rand_core::CryptoRngCore;
use subrosa_wire::{AccountId, ConversationId, DeviceId, limits::SIGNAL_MAX};
use zeroize::Zeroizing;

use crate::{
    account::{
        secret::derive,
        wrap::{self, SEAL_OVERHEAD, SealError},
    },
    receipts::format::{KEY_LEN, ReceiptKey},
};

const KEY_LABEL: &str = "subrosa signals v1";
const AAD: &[u8] = b"subrosa signal v1";
const EPOCH_LEN: usize = size_of::<u64>();
/// Of the contents, padded with zeros: room for what later versions add.
const CONTENTS_LEN: usize = 32;

const _: () = assert!(
    EPOCH_LEN + CONTENTS_LEN + SEAL_OVERHEAD <= SIGNAL_MAX,
    "a signal is longer than the server takes"
);

/// What a signal says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalKind {
    /// Somebody is typing in the conversation.
    Typing,
    /// They have stopped.
    StoppedTyping,
    /// Somebody is there.
    Here,
    /// They have gone.
    Gone,
    /// Somebody has come, and wants to know who else is there.
    Came,
}

impl SignalKind {
    const fn number(self) -> u8 {
        match self {
            Self::Typing => 1,
            Self::StoppedTyping => 2,
            Self::Here => 3,
            Self::Gone => 4,
            Self::Came => 5,
        }
    }

    const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Typing,
            2 => Self::StoppedTyping,
            3 => Self::Here,
            4 => Self::Gone,
            5 => Self::Came,
            _ => return None,
        })
    }
}

/// A signal, with a number that is higher than those of the device's signals before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal {
    /// What it says.
    pub kind: SignalKind,
    /// Its number.
    pub number: u64,
}

/// Whose signal it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sender {
    /// The conversation.
    pub conversation: ConversationId,
    /// How often it was founded again.
    pub founding: u64,
    /// The account of the device.
    pub account: AccountId,
    /// The device.
    pub device: DeviceId,
}

impl Sender {
    fn aad(&self, epoch: u64) -> Vec<u8> {
        [
            AAD,
            self.conversation.as_bytes(),
            &self.founding.to_be_bytes(),
            self.account.as_bytes(),
            self.device.as_bytes(),
            &epoch.to_be_bytes(),
        ]
        .concat()
    }
}

fn key(of_receipts: &ReceiptKey) -> Zeroizing<[u8; KEY_LEN]> {
    derive(&of_receipts[..], KEY_LABEL)
}

impl Signal {
    /// Seals it for the members of an epoch.
    pub fn seal(
        &self,
        (epoch, of_receipts): (u64, &ReceiptKey),
        sender: &Sender,
        rng: &mut (impl CryptoRngCore + ?Sized),
    ) -> Vec<u8> {
        let mut contents = [0; CONTENTS_LEN];
        contents[0] = self.kind.number();
        contents[1..=size_of::<u64>()].copy_from_slice(&self.number.to_be_bytes());
        let sealed = wrap::seal(&key(of_receipts), &contents, &sender.aad(epoch), rng);
        [&epoch.to_be_bytes()[..], &sealed].concat()
    }

    /// Opens a signal with the key of the epoch that it names. `None` if it is of a kind that this build does not know.
    pub fn open(sealed: &[u8], of_receipts: &ReceiptKey, sender: &Sender) -> Result<Option<Self>, SealError> {
        let (epoch, sealed) = sealed
            .split_first_chunk::<EPOCH_LEN>()
            .ok_or(SealError::Refused)?;
        let aad = sender.aad(u64::from_be_bytes(*epoch));
        let contents = wrap::open(&key(of_receipts), sealed, &aad)?;
        let (kind, rest) = contents.split_first().ok_or(SealError::Refused)?;
        let (number, _) = rest.split_first_chunk().ok_or(SealError::Refused)?;
        let number = u64::from_be_bytes(*number);
        Ok(SignalKind::from_number(*kind).map(|kind| Self { kind, number }))
    }
}

#[cfg(test)]
mod tests {
    use subrosa_test_support::SeededRng;

    use super::*;

    const SENDER: Sender = Sender {
        conversation: ConversationId::from_bytes([1; 16]),
        founding: 0,
        account: AccountId::from_bytes([2; 16]),
        device: DeviceId::from_bytes([3; 16]),
    };

    fn sealed(kind: SignalKind) -> Vec<u8> {
        let key = Zeroizing::new([5; KEY_LEN]);
        Signal { kind, number: 7 }.seal((6, &key), &SENDER, &mut SeededRng::new(1))
    }

    fn open(sealed: &[u8], sender: &Sender) -> Result<Option<Signal>, SealError> {
        Signal::open(sealed, &Zeroizing::new([5; KEY_LEN]), sender)
    }

    #[test]
    fn every_signal_has_the_same_size_and_opens() {
        for kind in [
            SignalKind::Typing,
            SignalKind::StoppedTyping,
            SignalKind::Here,
            SignalKind::Gone,
            SignalKind::Came,
        ] {
            assert_eq!(sealed(kind).len(), 69);
            assert_eq!(open(&sealed(kind), &SENDER), Ok(Some(Signal { kind, number: 7 })));
        }
    }

    #[test]
    fn a_signal_has_these_bytes() {
        let expected = "000000000000000601783825822a6f9e62da2190e8a3470134a11ce219b9b3be6c8536b93cd4e3db36d14d225b30c472c8a2b4282bc2495ac90afe33786115c1cd1f48b777";
        assert_eq!(hex::encode(sealed(SignalKind::Typing)), expected);
    }

    #[test]
    fn a_signal_opens_only_where_it_belongs() {
        let elsewhere = [
            Sender {
                conversation: ConversationId::from_bytes([9; 16]),
                ..SENDER
            },
            Sender {
                founding: 1,
                ..SENDER
            },
            Sender {
                account: AccountId::from_bytes([9; 16]),
                ..SENDER
            },
            Sender {
                device: DeviceId::from_bytes([9; 16]),
                ..SENDER
            },
        ];
        for sender in elsewhere {
            assert_eq!(open(&sealed(SignalKind::Here), &sender), Err(SealError::Refused));
        }
        assert_eq!(open(&[], &SENDER), Err(SealError::Refused));
        assert!(open(&sealed(SignalKind::Here)[..30], &SENDER).is_err());
    }
}
