//! What is signed, stored or sent by a name of ours never changes its bytes.

use subrosa_mls::{
    AccountSigningKey, CertificateError, DeviceCertificate, DeviceSigningKey, GroupPolicy, InvalidPolicy,
    group_prefix,
};
use subrosa_wire::{AccountId, DeviceId, Timestamp};

use crate::world::{CONVERSATION, HOUR, NOW, YEAR, alice, alice_and_bob, bob};

fn certificate() -> DeviceCertificate {
    DeviceCertificate::issue(
        &AccountSigningKey::from_seed([1; 32]),
        AccountId::from_bytes([2; 16]),
        DeviceId::from_bytes([3; 16]),
        DeviceSigningKey::from_seed([4; 32]).public(),
        NOW,
    )
}

#[test]
fn a_certificate_is_encoded_as_it_always_was() {
    assert_eq!(hex::encode(certificate().encode()), CERTIFICATE);
    let key = AccountSigningKey::from_seed([1; 32]).public();
    let decoded = DeviceCertificate::decode(&hex::decode(CERTIFICATE).unwrap()).unwrap();
    assert_eq!(decoded.verify(&key, NOW), Ok(certificate()));
}

const CERTIFICATE: &str = "01\
    02020202020202020202020202020202\
    03030303030303030303030303030303\
    ca93ac1705187071d67b83c7ff0efe8108e8ec4530575d7726879333dbdabe7c\
    000000006aafcde0\
    000000006e73a280\
    dee9f83b3827900ddc80862c12d3e41ade82704d1f75fd7b39f9efcf9a637fe8\
    17caa0bc16ffe39b10be5f7cab439eeb30d4f40df879df5950952110bba9e105";

#[test]
fn a_policy_is_encoded_as_it_always_was() {
    assert_eq!(hex::encode(alice_and_bob().encode()), DIRECT);
    let notes = GroupPolicy::notes_to_self(alice().id, alice().key());
    assert_eq!(hex::encode(notes.encode()), NOTES_TO_SELF);
    for policy in [alice_and_bob(), notes] {
        assert_eq!(GroupPolicy::decode(&policy.encode()), Ok(policy));
    }
}

const DIRECT: &str = "010102\
    a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\
    bc7cbcb5636375fa1d82434d466724d92377f53b980695dd49d26d0ce12205a5\
    b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0\
    705fbac01f5519899f437bc42e40255ae9ab54bff00de3433af7d687d9e71ad5";
const NOTES_TO_SELF: &str = "010201\
    a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\
    bc7cbcb5636375fa1d82434d466724d92377f53b980695dd49d26d0ce12205a5";

#[test]
fn rows_of_a_conversation_share_a_prefix() {
    assert_eq!(group_prefix(CONVERSATION), b"g/the conversation/");
}

#[test]
fn a_certificate_is_valid_from_its_first_second_to_before_its_last() {
    let key = AccountSigningKey::from_seed([1; 32]).public();
    let certificate = certificate();
    let verify = |at| certificate.clone().into_unverified().verify(&key, at).map(drop);
    let (first, last) = (certificate.not_before(), certificate.not_after());
    assert_eq!(
        first,
        Timestamp::from_millis(NOW.minus(HOUR * 26).as_secs() * 1000)
    );
    assert_eq!(last, Timestamp::from_millis(NOW.plus(YEAR * 2).as_secs() * 1000));
    let second = std::time::Duration::from_secs(1);
    assert_eq!(verify(first), Ok(()));
    assert_eq!(verify(last.minus(second)), Ok(()));
    assert_eq!(
        verify(first.minus(second)),
        Err(CertificateError::NotYetValid {
            not_before: first.as_secs(),
            now: first.as_secs() - 1
        })
    );
    assert_eq!(
        verify(last),
        Err(CertificateError::Expired {
            not_after: last.as_secs(),
            now: last.as_secs()
        })
    );
}

#[test]
fn only_one_encoding_of_a_certificate_is_read() {
    let good = certificate().encode();
    let decode = |bytes: &[u8]| DeviceCertificate::decode(bytes).map(drop);
    assert_eq!(decode(&good), Ok(()));
    assert_eq!(decode(&good[1..]), Err(CertificateError::Length(144)));
    assert_eq!(
        decode(&[good.as_slice(), &[0]].concat()),
        Err(CertificateError::Length(146))
    );
    let with = |range: std::ops::Range<usize>, byte: u8| {
        let mut bytes = good.clone();
        bytes[range].fill(byte);
        bytes
    };
    assert_eq!(decode(&with(0..1, 2)), Err(CertificateError::Version(2)));
    assert_eq!(decode(&with(33..65, 0)), Err(CertificateError::DeviceKey));
    assert_eq!(decode(&with(73..81, 0)), Err(CertificateError::Validity));
    assert_eq!(decode(&with(73..81, 0xff)), Err(CertificateError::Validity));
}

#[test]
fn every_byte_of_a_certificate_is_signed() {
    let good = certificate().encode();
    let key = AccountSigningKey::from_seed([1; 32]).public();
    for position in 0..good.len() {
        let mut bytes = good.clone();
        bytes[position] ^= 1;
        let verified = DeviceCertificate::decode(&bytes).and_then(|it| it.verify_signature(&key));
        assert!(verified.is_err(), "{position}");
    }
}

#[test]
fn only_one_encoding_of_a_policy_is_read() {
    let good = alice_and_bob().encode();
    let with = |position: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[position] = byte;
        GroupPolicy::decode(&bytes)
    };
    assert_eq!(with(0, 2), Err(InvalidPolicy::Version(2)));
    assert_eq!(with(1, 3), Err(InvalidPolicy::Kind(3)));
    assert!(matches!(
        with(1, 2),
        Err(InvalidPolicy::Accounts { accounts: 2, .. })
    ));
    assert_eq!(with(2, 1), Err(InvalidPolicy::Length(99)));
    assert_eq!(with(3, 0xff), Err(InvalidPolicy::Order));
    assert_eq!(GroupPolicy::decode(&good[..98]), Err(InvalidPolicy::Length(98)));
    assert_eq!(
        GroupPolicy::decode(&[good.as_slice(), &[0]].concat()),
        Err(InvalidPolicy::Length(100))
    );
    assert_eq!(GroupPolicy::decode(&[1, 1]), Err(InvalidPolicy::Length(2)));
    assert!(matches!(
        GroupPolicy::decode(&[1, 1, 0]),
        Err(InvalidPolicy::Accounts { accounts: 0, .. })
    ));
}

#[test]
fn a_direct_conversation_is_of_two_accounts() {
    assert_eq!(
        GroupPolicy::direct(alice().pair(), alice().pair()),
        Err(InvalidPolicy::Order)
    );
    assert_eq!(
        GroupPolicy::direct(bob().pair(), alice().pair()),
        Ok(alice_and_bob())
    );
    assert_eq!(alice_and_bob().account_key(bob().id), Some(&bob().key()));
    assert_eq!(alice_and_bob().account_key(AccountId::from_bytes([0; 16])), None);
}
