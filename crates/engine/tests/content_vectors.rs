//! Our own vectors: the exact bytes of every content that this program writes, and contents that it refuses.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use subrosa_engine::content::{
    Body, ContentError, DisplayName, Disposition, Expires, ExtensionName, ExtensionValue, External, Meaning,
    MessageId, MimiContent, NestedPart, Origin, PartSemantics, Profile, ReportedStatus, StatusReport,
    compose, interpret, limits,
};
use subrosa_wire::{AccountId, ConversationId};

const SALT: [u8; 16] = [7; 16];
const TARGET: MessageId = MessageId::from_bytes([1; 32]);

fn origin() -> Origin {
    Origin {
        sender: AccountId::from_bytes([0xaa; 16]),
        conversation: ConversationId::from_bytes([0xcc; 16]),
    }
}

/// Each content that is written, and what it means when it is read.
fn written() -> Vec<(&'static str, MimiContent, Meaning)> {
    let name = DisplayName::try_from("Zoë").unwrap();
    let report = StatusReport::one(TARGET, ReportedStatus::Read);
    vec![
        (
            "text",
            compose::text(&origin(), SALT, "hi"),
            Meaning::Text {
                text: "hi".to_owned(),
                in_reply_to: None,
            },
        ),
        (
            "reply",
            compose::reply(&origin(), SALT, TARGET, "hi"),
            Meaning::Text {
                text: "hi".to_owned(),
                in_reply_to: Some(TARGET),
            },
        ),
        (
            "edit",
            compose::edit(&origin(), SALT, TARGET, "hi"),
            Meaning::Edit {
                target: TARGET,
                text: "hi".to_owned(),
            },
        ),
        (
            "delete",
            compose::delete(&origin(), SALT, TARGET),
            Meaning::Delete { target: TARGET },
        ),
        (
            "reaction",
            compose::reaction(&origin(), SALT, TARGET, "❤"),
            Meaning::Reaction {
                target: TARGET,
                emoji: "❤".to_owned(),
                replaces: None,
            },
        ),
        (
            "unreact",
            compose::unreact(&origin(), SALT, TARGET, MessageId::from_bytes([2; 32])),
            Meaning::Unreact { reaction: TARGET },
        ),
        (
            "status_report",
            compose::status_report(&origin(), SALT, &report),
            Meaning::StatusReport(vec![(TARGET, ReportedStatus::Read)]),
        ),
        (
            "profile",
            compose::profile(
                &origin(),
                SALT,
                &Profile {
                    name: Some(name.clone()),
                    object: None,
                },
            ),
            Meaning::Profile {
                name: Some(name),
                object: None,
            },
        ),
    ]
}

#[test]
fn the_bytes_of_everything_written_are_stable() {
    let fixture: BTreeMap<_, _> = include_str!("fixtures/contents.txt")
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .collect();
    for (name, content, _) in written() {
        assert_eq!(
            fixture.get(name),
            Some(&hex::encode(content.encode().unwrap()).as_str()),
            "{name}"
        );
    }
    assert_eq!(fixture.len(), written().len());
}

#[test]
fn what_is_written_is_read_with_its_meaning() {
    for (name, content, meaning) in written() {
        let (id, encoded) = origin().encode(&content).unwrap();
        let (id_read, content_read) = origin().decode(&encoded).unwrap();
        assert_eq!((id_read, &content_read), (id, &content), "{name}");
        assert_eq!(interpret(&content_read), meaning, "{name}");
    }
}

#[test]
fn a_cut_or_lengthened_content_is_refused() {
    for (name, content, _) in written() {
        let encoded = content.encode().unwrap();
        for len in 0..encoded.len() {
            assert!(
                MimiContent::decode(&encoded[..len]).is_err(),
                "{name} cut to {len}"
            );
        }
        assert!(
            MimiContent::decode(&[&encoded[..], &[0]].concat()).is_err(),
            "{name}"
        );
    }
}

fn decode_hex(hex_content: &str) -> Result<MimiContent, ContentError> {
    MimiContent::decode(&hex::decode(hex_content).unwrap())
}

#[test]
fn what_is_not_deterministic_or_out_of_shape_is_refused() {
    let salt = format!("50{}", "07".repeat(16));
    let part = "83016000";
    let well_formed = format!("87{salt}f640f6f6a0{part}");
    assert!(decode_hex(&well_formed).is_ok());
    for (what, hex_content) in [
        ("long array head", format!("9807{salt}f640f6f6a0{part}")),
        ("indefinite array", format!("9f{salt}f640f6f6a0{part}ff")),
        (
            "long salt head",
            format!("875810{}f640f6f6a0{part}", "07".repeat(16)),
        ),
        ("short salt", format!("874f{}f640f6f6a0{part}", "07".repeat(15))),
        ("long salt", format!("8751{}f640f6f6a0{part}", "07".repeat(17))),
        ("six elements", format!("86{salt}f640f6f6a0")),
        ("eight elements", format!("88{salt}f640f6f6a0{part}00")),
        ("undefined for null", format!("87{salt}f740f6f6a0{part}")),
        ("text for topic", format!("87{salt}f660f6f6a0{part}")),
        ("short message id", format!("87{salt}5801ff40f6f6a0{part}")),
        ("expiry of one", format!("87{salt}f64081f5f6a0{part}")),
        (
            "expiry with a number for the bool",
            format!("87{salt}f640820105f6a0{part}"),
        ),
        ("negative expiry", format!("87{salt}f64082f520f6a0{part}")),
        (
            "expiry beyond u32",
            format!("87{salt}f64082f51b0000000100000000f6a0{part}"),
        ),
        (
            "extensions out of order",
            format!("87{salt}f640f6f6a202600160{part}"),
        ),
        ("extension twice", format!("87{salt}f640f6f6a201600160{part}")),
        ("empty extension name", format!("87{salt}f640f6f6a16000{part}")),
        (
            "byte string as extension name",
            format!("87{salt}f640f6f6a14000{part}"),
        ),
        ("disposition beyond u8", format!("87{salt}f640f6f6a0831901006000")),
        ("unknown cardinality", format!("87{salt}f640f6f6a083016004")),
        ("null part with a rest", format!("87{salt}f640f6f6a08401600000")),
        (
            "unknown semantics",
            format!("87{salt}f640f6f6a08501600303828301600083016000"),
        ),
        (
            "multi part of one",
            format!("87{salt}f640f6f6a085016003008183016000"),
        ),
        ("content as text", format!("87{salt}f640f6f6a085016001606161")),
        ("tagged", format!("d9d9f7{well_formed}")),
    ] {
        assert!(decode_hex(&hex_content).is_err(), "{what}");
    }
}

#[test]
fn parts_are_nested_to_the_bound_and_not_deeper() {
    let nested = |depth: usize| {
        let leaf = || NestedPart {
            disposition: Disposition::RENDER,
            language: String::new(),
            body: Body::Null,
        };
        let part = (1..depth).fold(leaf(), |part, _| NestedPart {
            body: Body::Multi {
                semantics: PartSemantics::ProcessAll,
                parts: vec![leaf(), part],
            },
            ..leaf()
        });
        MimiContent {
            nested_part: part,
            ..compose::text(&origin(), SALT, "x")
        }
    };
    let deepest = nested(limits::PART_DEPTH_MAX);
    assert_eq!(MimiContent::decode(&deepest.encode().unwrap()).unwrap(), deepest);
    let deeper = nested(limits::PART_DEPTH_MAX + 1);
    assert_eq!(deeper.encode(), Err(ContentError::OverBound("nesting of parts")));

    // A hostile sender does not use our encoder: nest the deepest content one level further by hand.
    let encoded = deepest.encode().unwrap();
    let outer = compose::text(&origin(), SALT, "x");
    let head_len = outer.encode().unwrap().len() - "85016001781e".len() / 2 - 30 - 2;
    let deeper = [
        &encoded[..head_len],
        &[0x85, 1, 0x60, 3, 2, 0x82, 0x83, 1, 0x60, 0],
        &encoded[head_len..],
    ]
    .concat();
    assert_eq!(
        MimiContent::decode(&deeper),
        Err(ContentError::OverBound("nesting of parts"))
    );
}

#[test]
fn a_hundred_thousand_nested_arrays_are_refused_without_overflowing_the_stack() {
    let mut bytes = hex::decode(format!("8750{}f640f6f6a101", "07".repeat(16))).unwrap();
    bytes.resize(90_000, 0x81);
    assert!(MimiContent::decode(&bytes).is_err());
}

#[test]
fn an_announced_length_beyond_the_end_allocates_nothing() {
    let head = format!("8750{}f640f6f6", "07".repeat(16));
    for announced in [
        "bb7fffffffffffffff",
        "ba00000020",
        "a0850160015a7fffffff",
        "a0850160030 09b7fffffffffffffff",
    ] {
        assert!(decode_hex(&format!("{head}{}", announced.replace(' ', ""))).is_err());
    }
}

#[test]
fn the_longest_text_fits_into_a_message() {
    let text = "a".repeat(subrosa_wire::limits::MESSAGE_TEXT_MAX);
    let (_, encoded) = origin().encode(&compose::text(&origin(), SALT, &text)).unwrap();
    assert!(subrosa_mls::padding::padded_len(encoded.len()) < subrosa_wire::limits::APPLICATION_MESSAGE_MAX);
    assert!(
        matches!(interpret(&origin().decode(&encoded).unwrap().1), Meaning::Text { text: read, .. } if read == text)
    );
}

#[test]
fn a_status_report_of_the_most_entries_fits_into_a_message() {
    let reports =
        StatusReport::batches((0..limits::STATUS_ENTRIES_MAX).map(|_| (TARGET, ReportedStatus::Read)));
    let (_, encoded) = origin()
        .encode(&compose::status_report(&origin(), SALT, &reports[0]))
        .unwrap();
    assert!(subrosa_mls::padding::padded_len(encoded.len()) < subrosa_wire::limits::APPLICATION_MESSAGE_MAX);
}

fn single(content_type: &str, content: &[u8]) -> NestedPart {
    NestedPart {
        disposition: Disposition::RENDER,
        language: String::new(),
        body: Body::Single {
            content_type: content_type.to_owned(),
            content: content.to_vec(),
        },
    }
}

fn multi(semantics: PartSemantics, parts: Vec<NestedPart>) -> MimiContent {
    let body = Body::Multi { semantics, parts };
    let nested_part = NestedPart {
        disposition: Disposition::RENDER,
        language: String::new(),
        body,
    };
    MimiContent {
        nested_part,
        ..compose::text(&origin(), SALT, "")
    }
}

fn meaning_text(content: &MimiContent) -> String {
    match interpret(content) {
        Meaning::Text { text, .. } | Meaning::Unsupported { fallback_text: text } => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn of_several_forms_the_first_that_is_understood_is_taken() {
    let fancy = || single("application/vnd.fancy", b"\x00");
    let choice = multi(
        PartSemantics::ChooseOne,
        vec![fancy(), single("Text/Plain; charset=utf-8", b"plain")],
    );
    assert_eq!(meaning_text(&choice), "plain");
    let nothing = multi(PartSemantics::ChooseOne, vec![fancy(), fancy()]);
    assert_eq!(
        meaning_text(&nothing),
        "[a message (application/vnd.fancy): this version cannot show it]"
    );
}

#[test]
fn of_all_parts_those_that_are_understood_are_shown_with_a_line_for_the_others() {
    let parts = vec![
        single("text/plain", b"one"),
        single("image/png", b"\x89"),
        single("text/plain", b"two"),
    ];
    let line = "[a message (image/png): this version cannot show it]";
    assert_eq!(
        meaning_text(&multi(PartSemantics::ProcessAll, parts.clone())),
        format!("one\n\n{line}\n\ntwo")
    );
    assert_eq!(meaning_text(&multi(PartSemantics::SingleUnit, parts)), line);
}

#[test]
fn what_cannot_be_shown_becomes_a_readable_line() {
    let with = |part: NestedPart| MimiContent {
        nested_part: part,
        ..compose::text(&origin(), SALT, "")
    };
    let lone_reaction = NestedPart {
        disposition: Disposition::REACTION,
        ..single("text/plain", "❤".as_bytes())
    };
    for (content, line) in [
        (
            with(single("text/plain", b"\xff")),
            "[a text that is not UTF-8: this version cannot show it]",
        ),
        (
            with(single("text/plain", b"")),
            "[an empty text: this version cannot show it]",
        ),
        (
            with(single("text/plain", &vec![b'a'; 64 * 1024 + 1])),
            "[a text that is too long: this version cannot show it]",
        ),
        (with(single("", b"x")), "[a message: this version cannot show it]"),
        (
            with(lone_reaction),
            "[a reaction to no message: this version cannot show it]",
        ),
        (
            with(single("application/mimi-message-status", b"\x80")),
            "[a status report with errors: this version cannot show it]",
        ),
        (
            with(single("application/vnd.subrosa.profile", b"\xff")),
            "[a profile with errors: this version cannot show it]",
        ),
        (
            with(NestedPart {
                body: Body::Null,
                ..single("", b"")
            }),
            "[an empty message: this version cannot show it]",
        ),
    ] {
        assert_eq!(meaning_text(&content), line);
    }
}

fn any_part() -> impl Strategy<Value = NestedPart> {
    let external = (
        ".{0,20}",
        any::<(u32, u64, u16, u8)>(),
        proptest::collection::vec(any::<u8>(), 0..40),
    );
    let body = prop_oneof![
        Just(Body::Null),
        (".{0,20}", proptest::collection::vec(any::<u8>(), 0..300)).prop_map(|(content_type, content)| {
            Body::Single {
                content_type,
                content,
            }
        }),
        external.prop_map(|(text, (expires, size, enc_alg, hash_alg), bytes)| {
            Body::External(Box::new(External {
                content_type: text.clone(),
                url: text.clone(),
                expires,
                size,
                enc_alg,
                key: bytes.clone(),
                nonce: bytes.clone(),
                aad: bytes.clone(),
                hash_alg,
                content_hash: bytes,
                description: text.clone(),
                filename: text,
            }))
        }),
    ];
    let leaf = (any::<u8>(), "[a-z]{0,5}", body).prop_map(|(disposition, language, body)| NestedPart {
        disposition: Disposition(disposition),
        language,
        body,
    });
    leaf.prop_recursive(4, 24, 4, |part| {
        let semantics = prop_oneof![
            Just(PartSemantics::ChooseOne),
            Just(PartSemantics::SingleUnit),
            Just(PartSemantics::ProcessAll)
        ];
        (any::<u8>(), semantics, proptest::collection::vec(part, 2..5)).prop_map(
            |(disposition, semantics, parts)| NestedPart {
                disposition: Disposition(disposition),
                language: String::new(),
                body: Body::Multi { semantics, parts },
            },
        )
    })
}

fn any_content() -> impl Strategy<Value = MimiContent> {
    let id = || proptest::option::of(any::<[u8; 32]>().prop_map(MessageId::from_bytes));
    let expires = proptest::option::of(prop_oneof![
        any::<u32>().prop_map(Expires::Relative),
        any::<u32>().prop_map(Expires::Absolute)
    ]);
    let name = prop_oneof![
        any::<i64>().prop_map(ExtensionName::Number),
        "[a-z]{1,30}".prop_map(ExtensionName::Text)
    ];
    let value = ".{0,30}".prop_map(|text| ExtensionValue::from_text(&text));
    let extensions = proptest::collection::btree_map(name, value, 0..6);
    let topic = proptest::collection::vec(any::<u8>(), 0..40);
    (
        any::<[u8; 16]>(),
        id(),
        topic,
        expires,
        id(),
        extensions,
        any_part(),
    )
        .prop_map(
            |(salt, replaces, topic_id, expires, in_reply_to, extensions, nested_part)| MimiContent {
                salt,
                replaces,
                topic_id,
                expires,
                in_reply_to,
                extensions,
                nested_part,
            },
        )
}

proptest! {
    #[test]
    fn every_content_round_trips(content in any_content()) {
        let encoded = content.encode().unwrap();
        prop_assert_eq!(MimiContent::decode(&encoded), Ok(content));
    }

    #[test]
    fn whatever_decodes_encodes_to_the_same_bytes(content in any_content(), at: prop::sample::Index, flip in 1..=255_u8) {
        let mut encoded = content.encode().unwrap();
        *at.get_mut(&mut encoded) ^= flip;
        if let Ok(decoded) = MimiContent::decode(&encoded) {
            prop_assert_eq!(decoded.encode().unwrap(), encoded);
        }
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = MimiContent::decode(&bytes);
    }

    #[test]
    fn every_content_has_a_meaning(content in any_content()) {
        let _ = interpret(&content);
    }

    #[test]
    fn ciborium_reads_what_is_written(content in any_content()) {
        let encoded = content.encode().unwrap();
        let value: ciborium::Value = ciborium::from_reader(encoded.as_slice()).unwrap();
        prop_assert_eq!(value.as_array().map(Vec::len), Some(7));
    }
}
