//! What is signed, stored or sent under one of our names never changes its bytes.

use subrosa_mls::{
    AccountSigningKey, CertificateError, ConversationKind, DeviceCertificate, DeviceSigningKey, GroupPolicy,
    InvalidPolicy, InviteLink, LINK_SEED_LEN, LinkSecret, Role, SuccessionSigningKey, UnverifiedCertificate,
    group_prefix,
    limits::{BANNED_MAX, LINKS_MAX, POLICY_MAX, ROLES_MAX},
};
use subrosa_wire::{AccountId, DeviceId, Timestamp};

use crate::world::{CONVERSATION, HOUR, NOW, YEAR, alice, alice_and_bob, bob};

fn certificate() -> DeviceCertificate {
    DeviceCertificate::issue(
        &AccountSigningKey::from_seed([1; 32]),
        (&SuccessionSigningKey::from_seed([2; 32]).public()).into(),
        DeviceId::from_bytes([3; 16]),
        DeviceSigningKey::from_seed([4; 32]).public(),
        NOW,
    )
}

#[test]
fn a_certificate_is_encoded_as_it_always_was() {
    assert_eq!(hex::encode(certificate().encode()), CERTIFICATE);
    let decoded = DeviceCertificate::decode(&hex::decode(CERTIFICATE).unwrap()).unwrap();
    assert_eq!(decoded.verify(NOW), Ok(certificate()));
}

const CERTIFICATE: &str = "02\
    8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c\
    6a3803d5f059902a1c6dafbc9ba4729212f7caac08634cc3ae76b27529f03827\
    03030303030303030303030303030303\
    ca93ac1705187071d67b83c7ff0efe8108e8ec4530575d7726879333dbdabe7c\
    000000006aafcde0\
    000000006e73a280\
    6c0b735e2e68fd279b8495ff22086a6fbe2d431553abc3adcc4ba0f43d299a27\
    3a5775f2c987d34b383d090de2481a388f1f9c3e74b27afd1c0218a3e358120c";

#[test]
fn a_certificate_shows_the_account_that_its_keys_name() {
    let certificate = certificate();
    let account = certificate.account();
    assert_eq!(
        account.account_key,
        AccountSigningKey::from_seed([1; 32]).public()
    );
    assert_eq!(
        account.succession_key_hash,
        (&SuccessionSigningKey::from_seed([2; 32]).public()).into()
    );
    assert_eq!(certificate.account_id(), account.account_id());
}

/// Alice's and Bob's accounts, with fixed ids.
fn direct() -> GroupPolicy {
    GroupPolicy::direct(
        AccountId::from_bytes([0xA1; 16]),
        AccountId::from_bytes([0xB0; 16]),
    )
    .unwrap()
}

fn notes_to_self() -> GroupPolicy {
    GroupPolicy::notes_to_self(AccountId::from_bytes([0xA1; 16]))
}

#[test]
fn a_policy_is_encoded_as_it_always_was() {
    assert_eq!(hex::encode(direct().encode()), DIRECT);
    assert_eq!(hex::encode(notes_to_self().encode()), NOTES_TO_SELF);
    for policy in [direct(), notes_to_self(), alice_and_bob()] {
        assert_eq!(GroupPolicy::decode(&policy.encode()), Ok(policy));
    }
}

const DIRECT: &str = "02\
    8001000101\
    800200080000000000000000\
    80040020\
    a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\
    b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0";
const NOTES_TO_SELF: &str = "02\
    8001000102\
    800200080000000000000000\
    80040010\
    a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1";

#[test]
fn rows_of_a_conversation_share_a_prefix() {
    assert_eq!(group_prefix(CONVERSATION), b"g/the conversation/");
}

#[test]
fn a_certificate_is_valid_from_its_first_second_to_before_its_last() {
    let certificate = certificate();
    let verify = |at| certificate.clone().into_unverified().verify(at).map(drop);
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
    assert_eq!(decode(&good[1..]), Err(CertificateError::Length(192)));
    assert_eq!(
        decode(&[good.as_slice(), &[0]].concat()),
        Err(CertificateError::Length(194))
    );
    let with = |range: std::ops::Range<usize>, byte: u8| {
        let mut bytes = good.clone();
        bytes[range].fill(byte);
        bytes
    };
    assert_eq!(decode(&with(0..1, 1)), Err(CertificateError::Version(1)));
    assert_eq!(decode(&with(1..33, 0)), Err(CertificateError::AccountKey));
    assert_eq!(decode(&with(81..113, 0)), Err(CertificateError::DeviceKey));
    assert_eq!(decode(&with(121..129, 0)), Err(CertificateError::Validity));
    assert_eq!(decode(&with(121..129, 0xff)), Err(CertificateError::Validity));
}

#[test]
fn every_byte_of_a_certificate_is_signed() {
    let good = certificate().encode();
    for position in 0..good.len() {
        let mut bytes = good.clone();
        bytes[position] ^= 1;
        let verified = DeviceCertificate::decode(&bytes).and_then(UnverifiedCertificate::verify_signature);
        assert!(verified.is_err(), "{position}");
    }
}

/// One field as a policy carries it.
fn field(tag: u16, value: &[u8]) -> Vec<u8> {
    let len = u16::try_from(value.len()).unwrap();
    [&tag.to_be_bytes(), &len.to_be_bytes(), value].concat()
}

fn policy_of(fields: &[Vec<u8>]) -> Result<GroupPolicy, InvalidPolicy> {
    GroupPolicy::decode(&[[2].as_slice(), &fields.concat()].concat())
}

/// The fields of [`direct`].
fn fields() -> Vec<Vec<u8>> {
    let accounts = [[0xA1; 16], [0xB0; 16]].concat();
    vec![
        field(0x8001, &[1]),
        field(0x8002, &[0; 8]),
        field(0x8004, &accounts),
    ]
}

fn with_field(index: usize, other: Vec<u8>) -> Result<GroupPolicy, InvalidPolicy> {
    let mut fields = fields();
    fields[index] = other;
    policy_of(&fields)
}

#[test]
fn only_one_encoding_of_a_policy_is_read() {
    assert_eq!(policy_of(&fields()), Ok(direct()));
    assert_eq!(GroupPolicy::decode(&[]), Err(InvalidPolicy::Truncated));
    assert_eq!(GroupPolicy::decode(&[1]), Err(InvalidPolicy::Version(1)));
    let good = direct().encode();
    for len in 1..good.len() {
        assert!(GroupPolicy::decode(&good[..len]).is_err(), "{len}");
    }
    assert_eq!(
        GroupPolicy::decode(&[good.as_slice(), &[0]].concat()),
        Err(InvalidPolicy::Truncated)
    );
    for missing in 0..3 {
        let mut fields = fields();
        fields.remove(missing);
        let number = [1, 2, 4][missing];
        assert_eq!(policy_of(&fields), Err(InvalidPolicy::FieldMissing(number)));
    }
    let mut twice = fields();
    twice.insert(0, field(0x8001, &[1]));
    assert_eq!(policy_of(&twice), Err(InvalidPolicy::FieldOrder(1)));
    let mut swapped = fields();
    swapped.swap(0, 1);
    assert_eq!(policy_of(&swapped), Err(InvalidPolicy::FieldOrder(1)));
}

#[test]
fn a_field_of_a_policy_holds_only_what_it_can_mean() {
    assert_eq!(with_field(0, field(0x8001, &[4])), Err(InvalidPolicy::Kind(4)));
    assert_eq!(
        with_field(0, field(0x8001, &[1, 1])),
        Err(InvalidPolicy::Field(1))
    );
    assert_eq!(with_field(0, field(0x0001, &[1])), Err(InvalidPolicy::Field(1)));
    assert_eq!(
        with_field(1, field(0x8002, &[0; 7])),
        Err(InvalidPolicy::Field(2))
    );
    assert_eq!(
        with_field(1, field(0x8002, &1_u64.to_be_bytes())),
        Err(InvalidPolicy::Founding(1))
    );
    assert_eq!(
        with_field(2, field(0x8004, &[0; 31])),
        Err(InvalidPolicy::Field(4))
    );
    assert_eq!(
        with_field(2, field(0x8004, &[7; 32])),
        Err(InvalidPolicy::AccountOrder)
    );
    assert_eq!(
        with_field(0, field(0x8001, &[2])),
        Err(InvalidPolicy::Accounts {
            kind: ConversationKind::NotesToSelf,
            accounts: 2
        })
    );
    assert_eq!(
        with_field(2, field(0x8004, &[])),
        Err(InvalidPolicy::Accounts {
            kind: ConversationKind::Direct,
            accounts: 0
        })
    );
}

#[test]
fn an_unknown_field_of_a_policy_is_kept_unless_it_is_critical() {
    // One between known fields, one after them.
    let mut fields = fields();
    fields.insert(2, field(3, b"a base"));
    fields.push(field(0x7fff, b""));
    let encoded = [[2].as_slice(), &fields.concat()].concat();
    let policy = GroupPolicy::decode(&encoded).unwrap();
    assert_eq!(policy.named_accounts(), direct().named_accounts());
    assert_eq!(policy.encode(), encoded);
    assert_ne!(policy, direct());

    fields[2] = field(0x8003, b"a base");
    assert_eq!(policy_of(&fields), Err(InvalidPolicy::UnknownCriticalField(3)));
}

#[test]
fn a_policy_is_bounded() {
    let rest = POLICY_MAX - direct().encode().len() - 4;
    let with = |len: usize| {
        let mut fields = fields();
        fields.push(field(100, &vec![0; len]));
        policy_of(&fields).map(|policy| policy.encode().len())
    };
    assert_eq!(with(rest), Ok(POLICY_MAX));
    assert_eq!(with(rest + 1), Err(InvalidPolicy::TooLong(POLICY_MAX + 1)));
}

#[test]
fn a_direct_conversation_is_of_two_accounts() {
    assert_eq!(
        GroupPolicy::direct(alice().id, alice().id),
        Err(InvalidPolicy::AccountOrder)
    );
    assert_eq!(GroupPolicy::direct(bob().id, alice().id), Ok(alice_and_bob()));
    assert!(alice_and_bob().admits(bob().id));
    assert!(!alice_and_bob().admits(AccountId::from_bytes([0; 16])));
}

fn link(seed: u8, needs_approval: bool) -> InviteLink {
    InviteLink {
        key: LinkSecret::from_seed([seed; LINK_SEED_LEN]).public_key(),
        needs_approval,
    }
}

#[test]
fn the_links_of_a_group_keep_their_encoding() {
    let one = link(1, false);
    let other = link(2, true);
    let entry = |link: &InviteLink| [&link.key.as_bytes()[..], &[u8::from(link.needs_approval)]].concat();
    let mut entries = [entry(&one), entry(&other)];
    entries.sort();
    let mut fields = group_fields();
    fields.insert(4, field(0x8008, &entries.concat()));
    let encoded = [&[2][..], &fields.concat()].concat();
    for links in [[one, other], [other, one]] {
        let policy = links
            .into_iter()
            .try_fold(group(), GroupPolicy::with_link)
            .unwrap();
        assert_eq!(policy.encode(), encoded);
        assert_eq!(GroupPolicy::decode(&encoded), Ok(policy));
    }
    let policy = GroupPolicy::decode(&encoded).unwrap();
    assert_eq!(policy.link(&other.key), Some(&other));
    // A link has one entry, whatever its flags, and without links the field is left out.
    let again = policy.clone().with_link(link(2, false)).unwrap();
    assert_eq!(again.links().len(), 2);
    assert_eq!(again.with_link(other), Ok(policy.clone()));
    assert_eq!(policy.clone().without_links(), group());
    let none = policy.without_link(&one.key).without_link(&other.key);
    assert_eq!(none.encode(), group().encode());
}

#[test]
fn links_in_a_policy_are_keys_in_order_with_flags_that_are_known() {
    let with = |value: &[u8]| {
        let mut fields = group_fields();
        fields.insert(4, field(0x8008, value));
        policy_of(&fields).map(drop)
    };
    let (one, other) = (link(1, false).key, link(2, true).key);
    let entry = |key: &[u8; 32], flags: u8| [&key[..], &[flags]].concat();
    let mut keys = [one.as_bytes(), other.as_bytes()];
    keys.sort();
    let [lower, higher] = keys;
    assert_eq!(with(&[entry(lower, 0), entry(higher, 1)].concat()), Ok(()));
    assert_eq!(
        with(&[entry(higher, 0), entry(lower, 1)].concat()),
        Err(InvalidPolicy::LinkOrder)
    );
    assert_eq!(
        with(&[entry(lower, 0), entry(lower, 1)].concat()),
        Err(InvalidPolicy::LinkOrder)
    );
    let mut small_order = [0; 32];
    small_order[0] = 1;
    for invalid in [
        vec![],
        entry(lower, 2),
        entry(lower, 0x80),
        entry(&small_order, 0),
        entry(&[2; 32], 0),
        lower.to_vec(),
        [entry(lower, 0), vec![0]].concat(),
    ] {
        assert_eq!(with(&invalid), Err(InvalidPolicy::Field(8)), "{invalid:?}");
    }
    let mut not_critical = group_fields();
    not_critical.insert(4, field(0x0008, &entry(lower, 0)));
    assert_eq!(policy_of(&not_critical), Err(InvalidPolicy::Field(8)));
    // Only groups have links.
    let mut direct = fields();
    direct.push(field(0x8008, &entry(lower, 0)));
    assert_eq!(policy_of(&direct), Err(InvalidPolicy::Field(8)));
    let refused = crate::world::alice_and_bob().with_link(link(1, false));
    assert_eq!(refused, Err(InvalidPolicy::Field(8)));
}

/// A group that Alice owns, with Bob as an admin and one banned account.
fn group() -> GroupPolicy {
    let [alice, bob, banned] = [[1; 16], [2; 16], [3; 16]].map(AccountId::from_bytes);
    GroupPolicy::group(alice)
        .with_role(bob, Role::Admin)
        .and_then(|policy| policy.with_ban(banned, true))
        .unwrap()
}

fn group_fields() -> Vec<Vec<u8>> {
    let roles = [&[1; 16][..], &[2], &[2; 16], &[1]].concat();
    vec![
        field(0x8001, &[3]),
        field(0x8002, &[0; 8]),
        field(0x8005, &roles),
        field(0x8006, &[0, 1, 1, 0, 1]),
        field(0x8009, &[3; 16]),
    ]
}

#[test]
fn the_policy_of_a_group_keeps_its_encoding() {
    assert_eq!(group().encode(), [&[2][..], &group_fields().concat()].concat());
    assert_eq!(GroupPolicy::decode(&group().encode()), Ok(group()));
    // Without anybody banned the field is left out.
    let none = group().with_ban(AccountId::from_bytes([3; 16]), false).unwrap();
    assert_eq!(none.encode(), [&[2][..], &group_fields()[..4].concat()].concat());
}

#[test]
fn the_fields_of_a_group_hold_only_what_they_can_mean() {
    let with = |index: usize, other: Vec<u8>| {
        let mut fields = group_fields();
        fields[index] = other;
        policy_of(&fields)
    };
    let role = |id: u8, code: u8| [&[id; 16][..], &[code]].concat();
    // A member has no entry, there is nothing above an owner, and entries are in order and whole.
    assert_eq!(with(2, field(0x8005, &role(1, 0))), Err(InvalidPolicy::Field(5)));
    assert_eq!(with(2, field(0x8005, &role(1, 3))), Err(InvalidPolicy::Field(5)));
    assert_eq!(with(2, field(0x8005, &[1; 18])), Err(InvalidPolicy::Field(5)));
    let swapped = [role(2, 1), role(1, 2)].concat();
    assert_eq!(with(2, field(0x8005, &swapped)), Err(InvalidPolicy::AccountOrder));
    let twice = [role(1, 2), role(1, 1)].concat();
    assert_eq!(with(2, field(0x8005, &twice)), Err(InvalidPolicy::AccountOrder));
    // Members never remove each other, and all rights are there.
    for rights in [
        &[0, 0, 1, 0, 1][..],
        &[0, 1, 1, 0, 3],
        &[0, 1, 1, 0],
        &[0, 1, 1, 0, 1, 0],
    ] {
        assert_eq!(with(3, field(0x8006, rights)), Err(InvalidPolicy::Field(6)));
    }
    assert_eq!(with(4, field(0x8009, &[])), Err(InvalidPolicy::Field(9)));
    assert_eq!(with(4, field(0x8009, &[3; 15])), Err(InvalidPolicy::Field(9)));
    assert_eq!(with(4, field(0x8009, &[3; 32])), Err(InvalidPolicy::AccountOrder));
    assert_eq!(with(4, field(0x0009, &[3; 16])), Err(InvalidPolicy::Field(9)));
    // What only groups have, and what they do not have.
    let mut named = group_fields();
    named.insert(2, field(0x8004, &[1; 16]));
    assert_eq!(policy_of(&named), Err(InvalidPolicy::Field(4)));
    for (index, number) in [(2, 5), (3, 6)] {
        let mut without = group_fields();
        without.remove(index);
        assert_eq!(policy_of(&without), Err(InvalidPolicy::FieldMissing(number)));
        let mut direct = fields();
        direct.push(group_fields().remove(index));
        assert_eq!(policy_of(&direct), Err(InvalidPolicy::Field(number)));
    }
    let mut direct = fields();
    direct.push(field(0x8009, &[3; 16]));
    assert_eq!(policy_of(&direct), Err(InvalidPolicy::Field(9)));
}

#[test]
fn a_group_has_a_bounded_number_of_roles_bans_and_links() {
    let account = |number: usize| {
        let mut id = [0xFF; 16];
        id[..8].copy_from_slice(&(number as u64).to_be_bytes());
        AccountId::from_bytes(id)
    };
    let mut policy = GroupPolicy::group(account(0));
    for number in 1..ROLES_MAX {
        policy = policy.with_role(account(number), Role::Admin).unwrap();
    }
    for number in 0..BANNED_MAX {
        policy = policy.with_ban(account(1_000 + number), true).unwrap();
    }
    let many = u8::try_from(LINKS_MAX).unwrap();
    for seed in 0..many {
        policy = policy.with_link(link(seed, false)).unwrap();
    }
    let too_many = policy.clone().with_link(link(many, false));
    assert_eq!(too_many, Err(InvalidPolicy::TooManyLinks(LINKS_MAX + 1)));
    let too_many = policy.clone().with_role(account(ROLES_MAX), Role::Admin);
    assert_eq!(too_many, Err(InvalidPolicy::TooManyRoles(ROLES_MAX + 1)));
    let too_many = policy.clone().with_ban(account(5_000), true);
    assert_eq!(too_many, Err(InvalidPolicy::TooManyBanned(BANNED_MAX + 1)));
    assert!(policy.encode().len() <= POLICY_MAX);
    assert_eq!(GroupPolicy::decode(&policy.encode()), Ok(policy));
}
