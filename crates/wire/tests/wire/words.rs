//! Problem codes, ids, byte strings, instants, labels and the version: the words of the protocol.

use std::fmt::Write as _;

use subrosa_wire::{
    AccountId, Base64, ConversationId, DeviceId, Handle, ObjectId, ProblemCode, SendId, Timestamp, frames,
    limits,
    problem::{PROBLEM_MEDIA_TYPE, ProblemDocument},
    rest::signing_labels,
};

#[test]
fn problem_codes_keep_their_text_and_status() {
    let list = ProblemCode::ALL.iter().fold(String::new(), |mut list, code| {
        writeln!(list, "{} {code}", code.status()).unwrap();
        list
    });
    insta::assert_snapshot!(list);
}

#[test]
fn a_code_of_a_later_version_is_kept_as_text() {
    let document: ProblemDocument = serde_json::from_str(
        r#"{"type":"urn:subrosa:problem:later","title":"t","status":418,"code":"later","more":1}"#,
    )
    .unwrap();
    assert_eq!(document.code, "later");
    assert_eq!(frames::Problem::from(document).known_code(), None);
}

#[test]
fn a_problem_is_the_same_in_a_frame_and_in_a_document() {
    for code in ProblemCode::ALL {
        let mut document = ProblemDocument::new(*code, "why");
        document.retry_after_ms = Some(250);
        let frame = frames::Problem::from(document);
        assert_eq!(frame.known_code(), Some(*code));
        assert_eq!((frame.detail.as_str(), frame.retry_after_ms), ("why", 250));
    }
    assert_eq!(PROBLEM_MEDIA_TYPE, "application/problem+json");
}

#[test]
fn ids_are_lower_case_hex_in_json_and_raw_bytes_in_frames() {
    let bytes = *b"\x00\x01\x02\x03\x04\x05\x06\x07\xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff";
    let text = "\"0001020304050607f8f9fafbfcfdfeff\"";
    assert_eq!(
        serde_json::to_string(&AccountId::from_bytes(bytes)).unwrap(),
        text
    );
    assert_eq!(serde_json::to_string(&DeviceId::from_bytes(bytes)).unwrap(), text);
    assert_eq!(
        serde_json::to_string(&ConversationId::from_bytes(bytes)).unwrap(),
        text
    );
    assert_eq!(serde_json::to_string(&SendId::from_bytes(bytes)).unwrap(), text);
    assert_eq!(serde_json::to_string(&ObjectId::from_bytes(bytes)).unwrap(), text);
    assert_eq!(SendId::from_bytes(bytes).to_vec(), bytes);
    assert_eq!(SendId::try_from(bytes.as_slice()), Ok(SendId::from_bytes(bytes)));
}

#[test]
fn byte_strings_are_base64url_without_padding() {
    assert_eq!(
        serde_json::to_string(&Base64(vec![0xfb, 0xff, 0xfe, 0x01])).unwrap(),
        r#""-__-AQ""#
    );
    assert_eq!(serde_json::to_string(&Base64(vec![])).unwrap(), r#""""#);
    for other in [
        r#""-__-AQ==""#,
        r#""+//+AQ""#,
        r#""-__-AR""#,
        r#"" -__-AQ""#,
        r#""-__-A""#,
    ] {
        assert!(
            serde_json::from_str::<Base64>(other).is_err(),
            "{other} is a second text for the same bytes"
        );
    }
}

#[test]
fn a_handle_is_a_plain_string_in_json_and_is_checked_when_read() {
    let handle: Handle = "@Alice".parse().unwrap();
    assert_eq!(serde_json::to_string(&handle).unwrap(), r#""alice""#);
    assert!(serde_json::from_str::<Handle>(r#""al\u200bice""#).is_err());
}

#[test]
fn an_instant_is_milliseconds_since_1970() {
    assert_eq!(
        serde_json::to_string(&Timestamp::from_millis(1_800_000_000_123)).unwrap(),
        "1800000000123"
    );
    assert!(serde_json::from_str::<Timestamp>("-1").is_err());
}

#[test]
fn signing_labels_keep_their_text() {
    assert_eq!(signing_labels::ENROLMENT, "subrosa enrolment v1");
    assert_eq!(signing_labels::RECOVERY, "subrosa recovery v1");
    assert_eq!(signing_labels::REFRESH, "subrosa refresh v1");
}

#[test]
fn this_is_version_2() {
    assert_eq!(limits::PROTOCOL_VERSION, 2);
}

/// The keys and lengths of the protobuf fields around a payload take far less than this.
const FRAMING: usize = 1024;

// The longest value of every kind fits into a frame or a body.
const _: () = assert!(2 * limits::HANDSHAKE_MESSAGE_MAX + FRAMING <= limits::FRAME_MAX);
const _: () =
    assert!(limits::LOG_PAGE_BYTES_MAX + limits::HANDSHAKE_MESSAGE_MAX + FRAMING <= limits::FRAME_MAX);
const _: () =
    assert!(limits::KEY_PACKAGES_PER_REQUEST_MAX * limits::KEY_PACKAGE_MAX + FRAMING <= limits::FRAME_MAX);
const _: () = assert!(
    limits::RECORDS_PAGE_BYTES_MAX + limits::RECORDS_PER_PAGE_MAX * FRAMING <= limits::FRAME_MAX
        && limits::ACCOUNT_RECORD_MAX <= limits::RECORDS_PAGE_BYTES_MAX
);
const _: () = assert!(
    limits::RECEIPTS_PER_PAGE_MAX * (limits::RECEIPT_MAX + FRAMING) + limits::RECEIPTS_FETCHED_MAX * FRAMING
        <= limits::FRAME_MAX
);
const _: () = assert!(limits::SIGNALS_PER_FRAME_MAX * (limits::SIGNAL_MAX + FRAMING) <= limits::FRAME_MAX);
const _: () = assert!(limits::OBJECT_MAX + FRAMING <= limits::FRAME_MAX);
const _: () = assert!(limits::JOIN_REQUESTS_MAX * (limits::JOIN_NOTE_MAX + FRAMING) <= limits::FRAME_MAX);
const _: () = assert!(limits::LINK_PREVIEW_MAX + FRAMING <= limits::FRAME_MAX);
const _: () = assert!(limits::MESSAGE_TEXT_MAX < limits::APPLICATION_MESSAGE_MAX);
const _: () = assert!(limits::VAULT_MAX * 4 / 3 + FRAMING <= limits::REST_BODY_MAX);
