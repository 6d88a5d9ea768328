use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use serde::{Deserialize, Serialize, de::IgnoredAny};

use super::*;

/// Every shape that a derived type can have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Shapes {
    truth: bool,
    small: u8,
    signed: i32,
    large: u64,
    lowest: i64,
    letter: char,
    text: String,
    list: Vec<u8>,
    #[serde(with = "as_bytes")]
    bytes: Vec<u8>,
    nothing: (),
    marker: Marker,
    wrapped: Wrapped,
    pair: (u16, i8),
    maybe: Option<Box<Shapes>>,
    some: Option<u8>,
    choices: Vec<Choice>,
    by_name: BTreeMap<String, u32>,
    by_list: HashMap<Vec<u8>, Choice>,
    either: Either,
    #[serde(default)]
    of_a_later_version: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Marker;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Wrapped(u32);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Choice {
    Unit,
    New(u64),
    Tuple(u8, String),
    Struct { one: u8, other: Vec<Choice> },
}

/// What OpenMLS has once: only a format that describes itself can tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Either {
    Number(u64),
    Named { name: String },
}

mod as_bytes {
    pub(super) fn serialize<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl serde::de::Visitor<'_> for Bytes {
            type Value = Vec<u8>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

fn choice() -> impl Strategy<Value = Choice> {
    let leaf = prop_oneof![
        Just(Choice::Unit),
        any::<u64>().prop_map(Choice::New),
        (any::<u8>(), any::<String>()).prop_map(|(number, text)| Choice::Tuple(number, text)),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        (any::<u8>(), proptest::collection::vec(inner, 0..3))
            .prop_map(|(one, other)| Choice::Struct { one, other })
    })
}

fn shapes() -> impl Strategy<Value = Shapes> {
    let numbers = any::<(bool, u8, i32, u64, i64, char)>();
    let texts = any::<(String, Vec<u8>, Vec<u8>, u32, (u16, i8), Option<u8>)>();
    let rest = (
        proptest::collection::vec(choice(), 0..3),
        any::<BTreeMap<String, u32>>(),
        proptest::collection::hash_map(any::<Vec<u8>>(), choice(), 0..2),
        prop_oneof![
            any::<u64>().prop_map(Either::Number),
            any::<String>().prop_map(|name| Either::Named { name }),
        ],
        any::<u8>(),
    );
    let flat = (numbers, texts, rest)
        .prop_map(
            |(
                (truth, small, signed, large, lowest, letter),
                (text, list, bytes, wrapped, pair, some),
                (choices, by_name, by_list, either, of_a_later_version),
            )| Shapes {
                truth,
                small,
                signed,
                large,
                lowest,
                letter,
                text,
                list,
                bytes,
                nothing: (),
                marker: Marker,
                wrapped: Wrapped(wrapped),
                pair,
                maybe: None,
                some,
                choices,
                by_name,
                by_list,
                either,
                of_a_later_version,
            },
        )
        .boxed();
    (flat.clone(), proptest::option::of(flat)).prop_map(|(outer, inner)| Shapes {
        maybe: inner.map(Box::new),
        ..outer
    })
}

/// In hexadecimal digits.
fn written(value: &impl Serialize) -> String {
    hex::encode(to_bytes(value).unwrap().as_slice())
}

/// The same, with byte strings.
fn packed(value: &impl Serialize) -> String {
    hex::encode(to_packed_bytes(value).unwrap().as_slice())
}

fn read<T: serde::de::DeserializeOwned>(digits: &str) -> Result<T, CborError> {
    from_bytes(&hex::decode(digits).unwrap())
}

#[test]
fn the_bytes_are_those_of_the_examples_of_rfc_8949() {
    // Appendix A.
    for (number, expected) in [
        (0, "00"),
        (23, "17"),
        (24, "1818"),
        (100, "1864"),
        (1000, "1903e8"),
        (1_000_000, "1a000f4240"),
        (1_000_000_000_000, "1b000000e8d4a51000"),
        (u64::MAX, "1bffffffffffffffff"),
    ] {
        assert_eq!(written(&number), expected);
        assert_eq!(read::<u64>(expected), Ok(number));
    }
    for (number, expected) in [
        (-1_i64, "20"),
        (-100, "3863"),
        (-1000, "3903e7"),
        (i64::MIN, "3b7fffffffffffffff"),
    ] {
        assert_eq!(written(&number), expected);
        assert_eq!(read::<i64>(expected), Ok(number));
    }
    assert_eq!(written(&"\u{fc}"), "62c3bc");
    assert_eq!(written(&(1, [2, 3], [4, 5])), "8301820203820405");
    assert_eq!(written(&BTreeMap::from([("a", 1), ("b", 2)])), "a2616101616202");
    assert_eq!(written(&(true, false, None::<u8>)), "83f5f4f6");
}

#[test]
fn what_is_no_item_or_another_value_is_refused() {
    assert_eq!(read::<u8>(""), Err(CborError::Truncated));
    assert_eq!(read::<u8>("19ff"), Err(CborError::Truncated));
    assert_eq!(read::<String>("65"), Err(CborError::Truncated));
    assert_eq!(read::<Vec<u8>>("9bffffffffffffffff"), Err(CborError::Truncated));
    assert_eq!(
        read::<IgnoredAny>("bbffffffffffffffff"),
        Err(CborError::Truncated)
    );
    assert_eq!(read::<u8>("0000"), Err(CborError::Trailing));
    // More items than the value has.
    assert_eq!(read::<(u8, u8)>("83010203"), Err(CborError::Trailing));
    for unsupported in [
        "1c",
        "5f4100ff",
        "9fff",
        "c000",
        "f7",
        "f93c00",
        "fb3ff0000000000000",
    ] {
        let refused = read::<IgnoredAny>(unsupported);
        assert!(
            matches!(refused, Err(CborError::Unsupported(_))),
            "{unsupported}: {refused:?}"
        );
    }
    // 256 is no u8, a text no number; -2^64 is no i64; c3 is no UTF-8; a variant with too much, too little, no name.
    for wrong in ["190100", "6130"] {
        assert!(matches!(read::<u8>(wrong), Err(CborError::Value(_))), "{wrong}");
    }
    assert!(matches!(
        read::<i64>("3bffffffffffffffff"),
        Err(CborError::Value(_))
    ));
    assert!(matches!(read::<String>("61c3"), Err(CborError::Value(_))));
    for wrong in ["a164556e697400", "634e6577", "6141", "a2"] {
        assert!(
            matches!(
                read::<Choice>(wrong),
                Err(CborError::Value(_) | CborError::Truncated)
            ),
            "{wrong}"
        );
    }
    assert!(matches!(to_bytes(&1.5), Err(CborError::Value(_))));
}

#[test]
fn nesting_has_a_bound() {
    let nested = |depth: usize| format!("{}00", "81".repeat(depth));
    assert!(read::<IgnoredAny>(&nested(DEPTH_MAX.into())).is_ok());
    assert_eq!(
        read::<IgnoredAny>(&nested(usize::from(DEPTH_MAX) + 1)),
        Err(CborError::Depth)
    );
    let bytes = hex::decode(nested(100_000)).unwrap();
    assert_eq!(Reader::new(&bytes).raw_item(), Err(CborError::Depth));
}

#[test]
fn a_field_that_is_missing_has_its_default_and_one_that_is_unknown_is_passed_over() {
    #[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct Now {
        kept: u8,
        #[serde(default)]
        new: u8,
    }
    #[derive(Serialize)]
    struct Then {
        gone: Vec<Option<String>>,
        kept: u8,
    }
    let then = Then {
        gone: vec![None, Some("x".to_owned())],
        kept: 7,
    };
    assert_eq!(
        from_bytes::<Now>(&to_bytes(&then).unwrap()),
        Ok(Now { kept: 7, new: 0 })
    );
    assert!(matches!(read::<Now>("a1636e657700"), Err(CborError::Value(_))));
}

#[test]
fn an_array_of_items_is_that_of_their_values() {
    let items = [
        to_bytes(&1).unwrap(),
        to_bytes(&"two").unwrap(),
        to_bytes(&[3]).unwrap(),
    ];
    let list = array(items.iter().map(|item| item.as_slice()));
    assert_eq!(list.as_slice(), to_bytes(&(1, "two", [3])).unwrap().as_slice());
    let mut reader = Reader::new(&list);
    assert_eq!(reader.item(), Ok(Item::Array(3)));
    for item in &items {
        assert_eq!(reader.raw_item(), Ok(item.as_slice()));
    }
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn sequences_of_bytes_are_packed_where_that_is_wanted() {
    assert_eq!(packed(&vec![1_u8, 200, 3]), "4301c803");
    assert_eq!(packed(&vec![vec![7_u8], vec![]]), "82410780");
    assert_eq!(packed(&vec![1_u16, 2]), "820102");
    assert_eq!(packed(&vec![Some(1_u8), None]), "8201f6");
    assert_eq!(packed(&([1_u8, 2], 3_u8)), "8282010203");
    assert_eq!(read::<Vec<u8>>("4301c803"), Ok(vec![1, 200, 3]));
    assert_eq!(read::<Vec<Vec<u8>>>("82410780"), Ok(vec![vec![7], vec![]]));
    assert_eq!(read::<Vec<u8>>("4301c8"), Err(CborError::Truncated));
    assert!(matches!(
        read::<Vec<String>>("4301c803"),
        Err(CborError::Value(_))
    ));
}

proptest! {
    #[test]
    fn what_is_packed_is_read_alike(value in shapes()) {
        let packed = to_packed_bytes(&value).unwrap();
        prop_assert_eq!(&from_bytes::<Shapes>(&packed).unwrap(), &value);
        prop_assert_eq!(Reader::new(&packed).raw_item().unwrap(), packed.as_slice());
    }

    #[test]
    fn the_bytes_are_those_of_ciborium_and_each_reads_the_others(value in shapes()) {
        let ours = to_bytes(&value).unwrap();
        let mut theirs = Vec::new();
        ciborium::into_writer(&value, &mut theirs).unwrap();
        prop_assert_eq!(ours.as_slice(), &theirs);
        prop_assert_eq!(&from_bytes::<Shapes>(&theirs).unwrap(), &value);
        prop_assert_eq!(&ciborium::from_reader::<Shapes, _>(ours.as_slice()).unwrap(), &value);
        prop_assert_eq!(Reader::new(&ours).raw_item().unwrap(), ours.as_slice());
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = from_bytes::<Shapes>(&bytes);
        let _ = from_bytes::<Choice>(&bytes);
        let _ = from_bytes::<IgnoredAny>(&bytes);
    }

    #[test]
    fn damage_is_refused_or_gives_another_value_and_never_a_panic(
        value in shapes(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut bytes = to_bytes(&value).unwrap().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = from_bytes::<Shapes>(&bytes);
        let cut = from_bytes::<Shapes>(&bytes[..at]);
        prop_assert!(cut.is_err());
    }
}
