use rand_core::OsRng;
use subrosa_wire::Timestamp;

use super::*;
use crate::api::{ChatSetting, Mute};

const HERE: DeviceId = DeviceId::from_bytes([1; 16]);
const TO: Option<AccountId> = Some(AccountId::from_bytes([7; 16]));
const THERE: DeviceId = DeviceId::from_bytes([2; 16]);
const WHOSE: (AccountId, ConversationId) = (
    AccountId::from_bytes([3; 16]),
    ConversationId::from_bytes([4; 16]),
);

fn key() -> RecordKey {
    RecordKey::from(&BackupKey::from_bytes([5; 32]))
}

fn typed(from: &AccountRecord, text: &str, device: DeviceId, millis: u64) -> AccountRecord {
    let mut record = from.clone();
    record.set_draft(&written(text, device, millis), from.draft_text(TO));
    record
}

fn written(text: &str, device: DeviceId, millis: u64) -> Typed<'_> {
    Typed {
        text,
        device,
        to: TO,
        at: Timestamp::from_millis(millis),
    }
}

fn merged(ours: &AccountRecord, theirs: &AccountRecord, device: DeviceId) -> AccountRecord {
    let mut record = ours.clone();
    record.merge(theirs, device);
    record
}

fn mark(seq: u64) -> ReadMark {
    ReadMark {
        generation: 0,
        seq,
        message: MessageId::from_bytes([6; 32]),
    }
}

#[test]
fn what_is_sealed_opens_for_its_account_its_conversation_and_its_revision_alone() {
    let mut record = typed(&AccountRecord::default(), "Dear Ada", HERE, 7);
    record.mark_read(mark(8));
    let sealed = record.seal(&key(), WHOSE, 2, &mut OsRng);
    assert_eq!(AccountRecord::open(&sealed, &key(), WHOSE, 2), Ok(record));
    let (account, conversation) = WHOSE;
    let (other_account, other_conversation) = (
        AccountId::from_bytes([9; 16]),
        ConversationId::from_bytes([9; 16]),
    );
    let other_key = RecordKey::from(&BackupKey::from_bytes([9; 32]));
    for opened in [
        AccountRecord::open(&sealed, &other_key, WHOSE, 2),
        AccountRecord::open(&sealed, &key(), (other_account, conversation), 2),
        AccountRecord::open(&sealed, &key(), (account, other_conversation), 2),
        AccountRecord::open(&sealed, &key(), WHOSE, 3),
    ] {
        assert_eq!(opened, Err(RecordError::Seal(SealError::Refused)));
    }
}

#[test]
fn the_sealed_size_is_one_of_few() {
    let sizes = [0, 1, 100, 150, 400, 3_000, MESSAGE_TEXT_MAX].map(|len| {
        let record = typed(&AccountRecord::default(), &"x".repeat(len), HERE, 7);
        let sealed = record.seal(&key(), WHOSE, 1, &mut OsRng);
        assert_eq!(AccountRecord::open(&sealed, &key(), WHOSE, 1), Ok(record));
        sealed.len()
    });
    assert_eq!(sizes, [256, 256, 256, 256, 512, 4_096, ACCOUNT_RECORD_MAX]);
}

#[test]
fn the_read_mark_only_moves_forward() {
    let mut record = AccountRecord::default();
    for (seq, expected) in [(3, 3), (2, 3), (5, 5)] {
        record.mark_read(mark(seq));
        assert_eq!(record.read, Some(mark(expected)));
    }
    // A log that has begun again.
    let anew = ReadMark {
        generation: 1,
        ..mark(1)
    };
    record.mark_read(anew);
    assert_eq!(record.read, Some(anew));
}

// Two devices put their own one over the other's for ever.
#[test]
fn of_two_read_marks_for_one_place_all_devices_take_the_same() {
    let other = ReadMark {
        message: MessageId::from_bytes([7; 32]),
        ..mark(5)
    };
    let [mut here, mut there] = [mark(5), other].map(|mark| AccountRecord {
        read: Some(mark),
        ..AccountRecord::default()
    });
    let before = here.clone();
    here.merge(&there, HERE);
    there.merge(&before, THERE);
    assert_eq!(here, there);
}

#[test]
fn a_draft_is_shown_in_a_conversation_with_nobody_else() {
    let record = typed(&AccountRecord::default(), "for Ada alone", HERE, 5);
    let other = Some(AccountId::from_bytes([8; 16]));
    assert_eq!(record.draft_text(other), "");
    let mut taken = record.clone();
    let typed = Typed {
        to: other,
        ..written("for Bob", THERE, 6)
    };
    taken.set_draft(&typed, "");
    assert_eq!(taken.draft_text(other), "for Bob");
    assert_eq!(merged(&record, &taken, HERE), taken);
}

#[test]
fn the_later_draft_wins_if_it_was_made_from_the_other() {
    let here = typed(&AccountRecord::default(), "Dear", HERE, 10);
    // The clock of the other device is slow.
    let there = typed(&here, "Dear Ada", THERE, 5);
    let deleted = typed(&there, "", HERE, 6);
    for (ours, theirs, expected) in [
        (&here, &there, "Dear Ada"),
        (&there, &here, "Dear Ada"),
        (&there, &deleted, ""),
        (&deleted, &here, ""),
    ] {
        assert_eq!(merged(ours, theirs, HERE).draft_text(TO), expected);
    }
}

#[test]
fn drafts_of_two_devices_at_once_are_both_kept() {
    let (here, there) = (
        typed(&AccountRecord::default(), "Dear Ada", HERE, 10),
        typed(&AccountRecord::default(), "milk, eggs", THERE, 11),
    );
    let both = merged(&here, &there, HERE);
    assert_eq!(both.draft_text(TO), "Dear Ada\n\nmilk, eggs");
    // Whoever has it takes it over as it is.
    assert_eq!(merged(&there, &both, THERE), both);
    assert_eq!(merged(&both, &here, HERE), both);
    // What was typed further meanwhile stays, too.
    let further = typed(&there, "milk, eggs, bread", THERE, 20);
    let all = merged(&both, &further, HERE);
    assert!(
        all.draft_text(TO).starts_with("Dear Ada") && all.draft_text(TO).ends_with("bread"),
        "{all:?}"
    );
}

#[test]
fn a_draft_that_was_sent_does_not_take_along_what_was_typed_elsewhere_at_once() {
    let first = typed(&AccountRecord::default(), "Dear", HERE, 10);
    let (sent, typed_on) = (typed(&first, "", HERE, 30), typed(&first, "Dear Ada", THERE, 20));
    assert_eq!(merged(&sent, &typed_on, HERE).draft_text(TO), "Dear Ada");
    assert_eq!(merged(&typed_on, &sent, THERE).draft_text(TO), "Dear Ada");
}

#[test]
fn of_three_devices_nobody_takes_the_place_of_what_it_has_not_seen() {
    let third = DeviceId::from_bytes([3; 16]);
    let away = typed(&AccountRecord::default(), "on the train", HERE, 5);
    let laptop = typed(&AccountRecord::default(), "at the desk", THERE, 6);
    let both = typed(&laptop, "at the desk, and at home", third, 7);
    let text = merged(&away, &both, HERE).draft_text(TO).to_owned();
    assert!(
        text.contains("on the train") && text.contains("at home"),
        "{text}"
    );
}

#[test]
fn what_came_from_another_device_while_somebody_typed_stays() {
    let stored = typed(&AccountRecord::default(), "from the laptop", THERE, 5);
    for (text, expected) in [
        ("ok", "from the laptop\n\nok"),
        // It was sent.
        ("", "from the laptop"),
    ] {
        let mut record = stored.clone();
        record.set_draft(&written(text, HERE, 6), "");
        assert_eq!(record.draft_text(TO), expected);
    }
}

// It was there once more with each pause.
#[test]
fn what_is_typed_on_after_both_were_kept_takes_the_place_of_what_was_typed_before() {
    let mut record = typed(&AccountRecord::default(), "hello", THERE, 5);
    record.set_draft(&written("x", HERE, 6), "");
    record.set_draft(&written("xy", HERE, 7), "x");
    assert_eq!(record.draft_text(TO), "hello\n\nxy");
    // It was sent.
    record.set_draft(&written("", HERE, 8), "xy");
    assert_eq!(record.draft_text(TO), "hello");
}

// What was stored could not be read any more.
#[test]
fn a_draft_that_many_devices_have_written_is_merged_into_one_that_can_be_read() {
    let device = |number: usize| DeviceId::from_bytes([u8::try_from(number).expect("it is small"); 16]);
    let mut base = AccountRecord::default();
    for number in 10..10 + SEEN_MAX {
        base = typed(
            &base,
            &format!("text {number}"),
            device(number),
            100 + number as u64,
        );
    }
    let (one, other) = (
        typed(&base, "one", device(100), 500),
        typed(&base, "other", device(101), 501),
    );
    let both = merged(&one, &other, device(11));
    assert_eq!(AccountRecord::decode(&both.encode()), Ok(both.clone()));
    assert_eq!(merged(&other, &both, device(101)), both);
}

#[test]
fn of_two_drafts_that_are_too_long_together_the_later_one_is_kept() {
    let long = |letter: &str| letter.repeat(MESSAGE_TEXT_MAX / 2);
    let (here, there) = (
        typed(&AccountRecord::default(), &long("a"), HERE, 10),
        typed(&AccountRecord::default(), &long("b"), THERE, 11),
    );
    assert_eq!(merged(&here, &there, HERE).draft_text(TO), long("b"));
}

// Devices of other builds read it.
#[test]
fn the_contents_keep_their_bytes() {
    let mut record = typed(&AccountRecord::default(), "Dear", THERE, 10);
    record.set_draft(&written("Dear Ada", HERE, 20), "Dear");
    record.mark_read(mark(8));
    let mut expected = vec![0x0a, 0x28, 0x08, 0x01, 0x10, 0x08, 0x1a, 0x22, 0x0a, 0x20];
    expected.extend([6; 32]);
    expected.extend([0x0a, 0x4a, 0x08, 0x02, 0x10, 0x14, 0x1a, 0x44]);
    expected.extend([0x0a, 0x14, 0x0a, 0x10]);
    expected.extend([2; 16]);
    expected.extend([0x10, 0x0a, 0x12, 0x10]);
    expected.extend([1; 16]);
    expected.extend(*b"\x1a\x08Dear Ada\x22\x10");
    expected.extend([7; 16]);
    assert_eq!(record.encode(), expected);
}

#[test]
fn nicknames_keep_their_bytes() {
    let mut record = AccountRecord::default();
    give(&mut record, BOB, Some("Bobby"), 20);
    let mut expected = vec![0x0a, 0x23, 0x08, 0x10, 0x10, 0x14, 0x1a, 0x1d];
    expected.extend([0x0a, 0x1b, 0x0a, 0x10]);
    expected.extend([7; 16]);
    expected.extend(*b"\x10\x14\x1a\x05Bobby");
    assert_eq!(record.encode(), expected);
    assert_eq!(AccountRecord::decode(&expected), Ok(record));
}

const BOB: AccountId = AccountId::from_bytes([7; 16]);

fn give(record: &mut AccountRecord, account: AccountId, name: Option<&str>, millis: u64) {
    let name = name.map(|name| name.try_into().expect("it is a name"));
    let given = record
        .nicknames
        .set(account, name, Timestamp::from_millis(millis));
    given.expect("there is room");
}

fn nickname(record: &AccountRecord, account: AccountId) -> Option<&str> {
    record
        .nicknames
        .of(account)
        .map(crate::content::DisplayName::as_str)
}

#[test]
fn of_two_nicknames_for_one_person_the_later_one_is_kept_and_those_for_others_stay() {
    let carol = AccountId::from_bytes([8; 16]);
    let (mut here, mut there) = (AccountRecord::default(), AccountRecord::default());
    give(&mut here, BOB, Some("Bobby"), 10);
    give(&mut there, BOB, Some("Robert"), 11);
    give(&mut there, carol, Some("Caro"), 5);
    for both in [merged(&here, &there, HERE), merged(&there, &here, THERE)] {
        assert_eq!(nickname(&both, BOB), Some("Robert"));
        assert_eq!(nickname(&both, carol), Some("Caro"));
    }
}

// A clock that is behind must not bring back what was replaced or removed.
#[test]
fn a_nickname_that_was_removed_stays_removed() {
    let mut first = AccountRecord::default();
    give(&mut first, BOB, Some("Bobby"), 100);
    let mut removed = first.clone();
    give(&mut removed, BOB, None, 1);
    for both in [merged(&first, &removed, HERE), merged(&removed, &first, THERE)] {
        assert_eq!(nickname(&both, BOB), None);
        assert_eq!(both, removed);
    }
    give(&mut removed, BOB, Some("Bob"), 2);
    assert_eq!(nickname(&merged(&first, &removed, HERE), BOB), Some("Bob"));
}

#[test]
fn there_is_room_for_some_hundred_nicknames_and_one_too_many_changes_nothing() {
    let account = |number: u16| {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&number.to_be_bytes());
        AccountId::from_bytes(id)
    };
    let long = "x".repeat(subrosa_wire::limits::DISPLAY_NAME_MAX);
    let mut record = AccountRecord::default();
    give(&mut record, account(0), None, 1);
    give(&mut record, account(1), Some("gone soon"), 1);
    give(&mut record, account(1), None, 2);
    let mut number = 2;
    let refused = loop {
        let before = record.clone();
        let name = Some(long.as_str().try_into().expect("it is a name"));
        let set = record
            .nicknames
            .set(account(number), name, Timestamp::from_millis(3));
        if set == Err(TooManyPeople) {
            break before;
        }
        number += 1;
    };
    assert!(number > 150, "{number}");
    assert_eq!(record, refused);
    // What only said that one was removed has made room.
    assert!(record.nicknames.of(account(1)).is_none());
    let sealed = record.seal(&key(), WHOSE, 1, &mut OsRng);
    assert!(sealed.len() <= ACCOUNT_RECORD_MAX);
    assert_eq!(AccountRecord::open(&sealed, &key(), WHOSE, 1), Ok(record.clone()));
    // Two devices fill it at once: both keep the same ones.
    let mut other = AccountRecord::default();
    for number in 0..150 {
        give(&mut other, account(number + 1000), Some(&long), 4);
    }
    let both = merged(&record, &other, HERE);
    assert_eq!(both, merged(&other, &record, THERE));
    assert_eq!(AccountRecord::decode(&both.encode()), Ok(both.clone()));
    assert_eq!(nickname(&both, account(1100)), Some(long.as_str()));
}

#[test]
fn fields_of_a_newer_build_are_kept_and_the_highest_order_wins() {
    let field = |order, value: &[u8]| encoded::Field {
        number: 99,
        order,
        value: value.to_vec(),
    };
    let record = |field| {
        let encoded = encoded::Record { fields: vec![field] };
        AccountRecord::decode(&encoded.encode_to_vec()).expect("it is valid")
    };
    let (old, new) = (record(field(1, b"old")), record(field(2, b"new")));
    assert_eq!(merged(&old, &new, HERE), new);
    assert_eq!(merged(&new, &old, HERE), new);
    assert_eq!(AccountRecord::decode(&new.encode()), Ok(new));
}

#[test]
fn contents_that_no_device_writes_are_refused() {
    let field = |number, order, value: Vec<u8>| encoded::Field { number, order, value };
    let read_mark = |len: u8| [vec![0x0a, len], vec![6; usize::from(len)]].concat();
    let read = field(READ_MARK, 1, read_mark(32));
    for fields in [
        vec![field(READ_MARK, 1, read_mark(31))],
        vec![field(READ_MARK, SEQ_MAX + 1, read_mark(32))],
        vec![read.clone(), read],
        vec![field(DRAFT, 1, vec![0xFF])],
        vec![field(NICKNAMES, 1, vec![0xFF])],
        vec![field(NICKNAMES, 1, vec![0; DisplayName::LIST_LEN_MAX + 1])],
        vec![field(BLOCKED, 1, vec![0; IsBlocked::LIST_LEN_MAX + 1])],
        vec![field(99, 1, vec![0; OTHERS_MAX])],
    ] {
        let bytes = encoded::Record { fields }.encode_to_vec();
        assert!(matches!(
            AccountRecord::decode(&bytes),
            Err(RecordError::Contents(_))
        ));
    }
    assert!(AccountRecord::decode(&[0xFF]).is_err());
}

#[test]
fn what_is_chosen_for_a_conversation_is_kept_and_the_later_choice_wins() {
    let said = Timestamp::from_millis(5_000);
    let at = Timestamp::from_millis;
    let mut ours = AccountRecord::default();
    // What was never chosen leaves no trace.
    ours.set_chat(ChatSetting::Pinned(false), said, at(1));
    assert_eq!(ours, AccountRecord::default());
    ours.set_chat(ChatSetting::Mute(Mute::Until(at(9_000))), said, at(6_000));
    // This clock is behind that of whoever wrote last.
    ours.set_chat(ChatSetting::Archived(true), said, at(10));
    let ours = AccountRecord::decode(&ours.encode()).expect("it was encoded here");
    let settings = ours.chat_settings(said, at(6_000));
    assert_eq!(settings.mute, Mute::Until(at(9_000)));
    assert!(settings.is_archived);
    // Something was said since: it is back once it is not muted any more.
    assert!(ours.chat_settings(at(7_000), at(8_999)).is_archived);
    assert!(!ours.chat_settings(at(7_000), at(9_000)).is_archived);

    let mut theirs = ours.clone();
    theirs.set_chat(ChatSetting::Mute(Mute::Off), said, at(1));
    for record in [merged(&ours, &theirs, HERE), merged(&theirs, &ours, THERE)] {
        assert_eq!(record.chat_settings(said, at(6_000)).mute, Mute::Off);
    }
}
