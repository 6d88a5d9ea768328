//! The examples of draft-ietf-mimi-content, byte for byte. They are kept next to the repository; where they
//! are missing (a fresh clone), only our own vectors in `content_vectors.rs` are tested.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::{fs, path::PathBuf};

use subrosa_engine::content::{
    Body, Disposition, Expires, ExtensionName, Meaning, MessageId, MimiContent, PartSemantics, interpret,
};

struct Vector {
    name: String,
    bytes: Vec<u8>,
    message_id: Option<MessageId>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/mimi-content")
}

/// Every `.cbor` file except the implied header, with the message id from the comment of its `.edn` file.
fn vectors() -> Vec<Vector> {
    let Ok(entries) = fs::read_dir(folder()) else {
        return Vec::new();
    };
    let mut vectors: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "cbor"))
        .filter(|path| path.file_stem().is_some_and(|stem| stem != "implied-original"))
        .map(|path| Vector {
            name: path.file_stem().unwrap().to_string_lossy().into_owned(),
            bytes: fs::read(&path).unwrap(),
            message_id: stated_message_id(&fs::read_to_string(path.with_extension("edn")).unwrap()),
        })
        .collect();
    vectors.sort_by(|a, b| a.name.cmp(&b.name));
    vectors
}

fn stated_message_id(edn: &str) -> Option<MessageId> {
    let (_, rest) = edn.split_once("# message ID = h'")?;
    let (text, _) = rest.split_once('\'')?;
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    Some(digits.parse().unwrap())
}

/// The text of an extension: a CBOR text string whose head is one or two bytes long.
fn text_of(content: &MimiContent, name: &ExtensionName) -> String {
    let item = content.extensions[name].as_cbor();
    let head = if item[0] == 0x78 { 2 } else { 1 };
    String::from_utf8(item[head..].to_vec()).unwrap()
}

fn content(name: &str) -> Option<MimiContent> {
    let bytes = fs::read(folder().join(name).with_extension("cbor")).ok()?;
    Some(MimiContent::decode(&bytes).unwrap())
}

#[test]
fn every_example_decodes_and_encodes_to_the_same_bytes() {
    for vector in vectors() {
        let content = MimiContent::decode(&vector.bytes).unwrap();
        assert_eq!(
            hex::encode(content.encode().unwrap()),
            hex::encode(&vector.bytes),
            "{}",
            vector.name
        );
    }
}

#[test]
fn every_stated_message_id_is_computed() {
    let mut checked = 0;
    for vector in vectors() {
        let content = MimiContent::decode(&vector.bytes).unwrap();
        let Some(expected) = vector.message_id else {
            continue;
        };
        let sender = text_of(&content, &ExtensionName::SENDER_URI);
        let room = text_of(&content, &ExtensionName::ROOM_URI);
        let id = MessageId::compute(&sender, &room, &vector.bytes, &content.salt).unwrap();
        assert_eq!(id, expected, "{}", vector.name);
        checked += 1;
    }
    assert!(
        checked == if folder().exists() { 14 } else { 0 },
        "{checked} of the 14 examples with an id were checked"
    );
}

#[test]
fn every_example_has_its_meaning() {
    let Some(original) = content("original") else {
        return;
    };
    let id = |hex: &str| hex.parse::<MessageId>().unwrap();
    let original_id = id("017ce54837404c3696e0c747b985cb172716d0ed0a3d249ca63ace7d82a096f4");
    let reply_id = id("015354973c2b65ca937bf1e035ae53a5ab80e947afa43d46920d4202e5cc0b27");
    let reaction_id = id("0158c4288911e50a8f6be3f47746b6682f10fd91bc8c05557aa589a3157aff68");
    let meaning = |name: &str| interpret(&content(name).unwrap());

    assert_eq!(
        interpret(&original),
        Meaning::Text {
            text: "Hi everyone, we just shipped release 2.0. __Good  work__!".to_owned(),
            in_reply_to: None
        }
    );
    assert!(matches!(meaning("reply"), Meaning::Text { in_reply_to: Some(to), .. } if to == original_id));
    assert!(matches!(meaning("mention"), Meaning::Text { text, .. } if text.contains("@Alice Smith")));
    assert!(
        matches!(meaning("edit"), Meaning::Edit { target, text } if target == reply_id && text.ends_with("y'all!"))
    );
    assert_eq!(meaning("delete"), Meaning::Delete { target: reply_id });
    assert_eq!(
        meaning("unlike"),
        Meaning::Unreact {
            reaction: reaction_id
        }
    );
    assert_eq!(
        meaning("reaction"),
        Meaning::Reaction {
            target: original_id,
            emoji: "❤".to_owned(),
            replaces: None
        }
    );
    assert_eq!(
        content("expiring").unwrap().expires,
        Some(Expires::Absolute(1_644_390_004))
    );
    assert_eq!(
        meaning("multipart-1"),
        Meaning::Text {
            text: "# Welcome!".to_owned(),
            in_reply_to: None
        }
    );
    for (name, part_of_the_line) in [
        (
            "attachment",
            "bigfile.mp4, video/mp4, 2 hours of key signing video",
        ),
        (
            "conferencing",
            "Join the Foo 118 conference, https://example.com/join/12345",
        ),
        ("mention-html", "text/html"),
        ("multipart-2", "reaction"),
        ("multipart-3", "text/html"),
    ] {
        let Meaning::Unsupported { fallback_text } = meaning(name) else {
            panic!("{name}")
        };
        assert!(
            fallback_text.contains(part_of_the_line),
            "{name}: {fallback_text}"
        );
    }
}

#[test]
fn the_parts_of_the_deepest_example_are_where_they_belong() {
    let Some(content) = content("multipart-3") else {
        return;
    };
    let Body::Multi {
        semantics: PartSemantics::ChooseOne,
        parts,
    } = content.nested_part.body
    else {
        panic!()
    };
    let Body::Multi {
        semantics: PartSemantics::ProcessAll,
        parts,
    } = &parts[1].body
    else {
        panic!()
    };
    assert_eq!(parts[1].disposition, Disposition::INLINE);
    assert!(matches!(&parts[1].body, Body::Single { content_type, .. } if content_type == "image/png"));
}
