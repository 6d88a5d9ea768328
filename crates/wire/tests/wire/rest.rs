//! The bodies of the REST API.

use std::fmt::Write as _;

use serde::{Serialize, de::DeserializeOwned};
use subrosa_wire::{
    AccountId, Base64, ConversationId, DeviceId, ProblemCode, SendId, Timestamp,
    problem::ProblemDocument,
    rest::{
        Device, Devices, Enrolment, InviteLink, LogEntry, LogPage, PasswordFinish, PasswordStart, People,
        Person, Recovery, RecoveryChallenge, RecoveryFinish, RecoveryStart, RefreshChallenge, RefreshFinish,
        RefreshStart, RegistrationChallenge, RegistrationFinish, RegistrationStart, SealedVault, ServerInfo,
        SignInChallenge, SignInFinish, SignInStart, SignedIn, Tokens, Vault,
    },
};

const SOURCE: &str = include_str!("../../src/rest.rs");

fn base64(text: &str) -> Base64 {
    Base64(text.as_bytes().to_vec())
}

fn instant(second: u64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + second * 1000)
}

fn vault() -> SealedVault {
    SealedVault {
        revision: 3,
        ciphertext: base64("sealed"),
    }
}

fn recovery() -> Recovery {
    Recovery {
        public_key: base64("recovery key"),
        wrap: base64("recovery wrap"),
        succession_wrap: base64("succession wrap"),
    }
}

fn enrolment() -> Enrolment {
    Enrolment {
        certificate: base64("certificate"),
        signature: base64("signature"),
    }
}

fn device(digit: u8, current: bool) -> Device {
    Device {
        device_id: DeviceId::from_bytes([digit * 0x11; 16]),
        certificate: base64("certificate"),
        created_at: instant(1),
        last_seen_at: instant(2),
        current,
    }
}

fn person(handle: &str) -> Person {
    Person {
        account_id: AccountId::from_bytes([0x33; 16]),
        handle: handle.parse().unwrap(),
        account_key: base64("account key"),
        succession_key_hash: base64("succession key hash"),
    }
}

/// Each body as JSON, after one round trip; one line per body.
#[derive(Default)]
struct Bodies(String);

impl Bodies {
    fn add<T: Serialize + DeserializeOwned>(&mut self, body: &T) {
        let name = std::any::type_name::<T>().rsplit("::").next().unwrap();
        let json = serde_json::to_string(body).unwrap();
        let read: T = serde_json::from_str(&json).unwrap();
        assert_eq!(
            serde_json::to_string(&read).unwrap(),
            json,
            "{name} does not read back"
        );
        let with_more = json.replacen('{', "{\"of_a_later_version\":[1],", 1);
        let read: T = serde_json::from_str(&with_more).unwrap();
        assert_eq!(
            serde_json::to_string(&read).unwrap(),
            json,
            "{name} trips over a field of a later version"
        );
        writeln!(self.0, "{name} {json}").unwrap();
    }
}

#[expect(clippy::too_many_lines, reason = "a table: one entry for each body")]
fn bodies() -> String {
    let handle = || "alice".parse().unwrap();
    let mut bodies = Bodies::default();
    bodies.add(&ServerInfo {
        version: "0.1.0".into(),
        protocol_version: 1,
        registration_open: true,
        server_time: instant(0),
    });
    bodies.add(&RegistrationStart {
        handle: handle(),
        registration_request: base64("request"),
    });
    bodies.add(&RegistrationChallenge {
        registration_response: base64("response"),
    });
    bodies.add(&RegistrationFinish {
        handle: handle(),
        account_key: base64("account key"),
        succession_key_hash: base64("succession key hash"),
        registration_record: base64("record"),
        vault: vault(),
        password_wrap: base64("password wrap"),
        recovery: recovery(),
        device: enrolment(),
    });
    bodies.add(&recovery());
    bodies.add(&enrolment());
    bodies.add(&vault());
    bodies.add(&SignInStart {
        handle: handle(),
        credential_request: base64("ke1"),
    });
    bodies.add(&SignInChallenge {
        attempt: base64("attempt"),
        credential_response: base64("ke2"),
    });
    bodies.add(&SignInFinish {
        attempt: base64("attempt"),
        credential_finalization: base64("ke3"),
    });
    bodies.add(&SignedIn {
        proof: "proof".into(),
        account_id: AccountId::from_bytes([0x33; 16]),
        vault: vault(),
        wrap: base64("wrap"),
        succession_wrap: Some(base64("succession wrap")),
    });
    bodies.add(&RecoveryStart { handle: handle() });
    bodies.add(&RecoveryChallenge {
        attempt: base64("attempt"),
        nonce: base64("nonce"),
    });
    bodies.add(&RecoveryFinish {
        attempt: base64("attempt"),
        signature: base64("signature"),
    });
    bodies.add(&PasswordStart {
        registration_request: base64("request"),
    });
    bodies.add(&PasswordFinish {
        registration_record: base64("record"),
        password_wrap: base64("password wrap"),
        recovery: Some(recovery()),
    });
    bodies.add(&PasswordFinish {
        registration_record: base64("record"),
        password_wrap: base64("password wrap"),
        recovery: None,
    });
    bodies.add(&Tokens {
        access_token: "access".into(),
        access_expires_at: instant(900),
        refresh_token: "refresh".into(),
        refresh_expires_at: instant(2_592_000),
    });
    bodies.add(&RefreshStart {
        device_id: DeviceId::from_bytes([0x44; 16]),
    });
    bodies.add(&RefreshChallenge {
        nonce: base64("nonce"),
    });
    bodies.add(&RefreshFinish {
        device_id: DeviceId::from_bytes([0x44; 16]),
        refresh_token: "refresh".into(),
        nonce: base64("nonce"),
        signature: base64("signature"),
    });
    bodies.add(&device(4, true));
    bodies.add(&Devices {
        devices: vec![device(4, true), device(5, false)],
    });
    bodies.add(&person("alice"));
    bodies.add(&People {
        people: vec![person("alice"), person("alina")],
    });
    bodies.add(&Vault { vault: vault() });
    let entry = || LogEntry {
        seq: 7,
        send_id: SendId::from_bytes([0x22; 16]),
        accepted_at: instant(5),
        mls_message: base64("mls message"),
    };
    bodies.add(&entry());
    bodies.add(&LogPage {
        conversation_id: ConversationId::from_bytes([0x11; 16]),
        entries: vec![entry()],
        head_seq: 7,
    });
    bodies.add(&InviteLink {
        conversation_id: ConversationId::from_bytes([0x11; 16]),
        needs_approval: true,
        members: 12,
        preview: base64("preview"),
    });
    let mut document = ProblemDocument::new(ProblemCode::RateLimited, "at most 10 a minute");
    document.retry_after_ms = Some(6000);
    bodies.add(&document);
    bodies.0
}

#[test]
fn bodies_keep_their_json() {
    insta::assert_snapshot!(bodies());
}

#[test]
fn every_body_has_a_sample() {
    let samples = bodies();
    let declared = SOURCE
        .lines()
        .filter_map(|line| line.strip_prefix("    ")?.strip_suffix(" {"))
        .filter(|name| {
            name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(char::is_alphanumeric)
        });
    let mut count = 0;
    for name in declared {
        assert!(
            samples.lines().any(|line| line.split(' ').next() == Some(name)),
            "{name} has no sample"
        );
        count += 1;
    }
    assert!(count > 25, "the bodies in rest.rs were not found");
}

#[test]
fn a_body_that_lacks_a_field_is_refused() {
    assert!(serde_json::from_str::<SignInStart>(r#"{"handle":"alice"}"#).is_err());
    assert!(serde_json::from_str::<SignInStart>(r#"{"handle":"al ice","credential_request":""}"#).is_err());
}
