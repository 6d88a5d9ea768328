//! The suite of [`AccountStore`]. Each function is a rule and gets an empty store.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::time::Duration;

use subrosa_mls::{
    AccountIdentity, AccountPublicKey, AccountSigningKey, DevicePublicKey, DeviceSigningKey,
    SuccessionKeyHash,
};
use subrosa_wire::{AccountId, DeviceId, Handle, IncarnationId, Timestamp};
use zeroize::Zeroizing;

use crate::store::{
    AccountStore,
    accounts::{
        AccountRecord, Availability, Credentials, Enrolled, NewAccount, NewDevice, PasswordChange,
        RecoveryRecord, Registered, SessionRecord, SigningKeyRecord, TokenHash, VaultRecord,
    },
};

/// Makes a test of every rule for one backend: `$open` is an expression that gives a store and what keeps it.
macro_rules! account_store_conformance {
    ($open:expr) => {
        $crate::store::conformance::accounts::account_store_conformance!(@rules $open,
            what_is_not_there_is_none
            a_registration_is_stored_whole
            what_is_taken_stores_nothing
            a_handle_that_looks_like_another_is_not_given_and_finds_nobody
            handles_are_found_by_their_beginning_in_order
            a_password_changes_only_from_the_revision_that_was_seen
            a_vault_changes_by_one_revision_at_a_time
            a_device_enrols_only_with_current_credentials
            a_device_that_is_signed_in_can_enrol_again
            a_certificate_is_renewed_as_long_as_its_device_is_signed_in
            a_device_id_is_never_used_twice
            an_account_has_so_many_devices_and_no_more
            a_signed_out_device_has_no_session
            a_session_rotates_only_from_the_token_that_was_seen
            it_is_kept_to_the_hour_when_a_device_was_seen
            a_secret_is_made_once
            signing_keys_are_kept_until_they_are_forgotten
            an_incarnation_stays_until_it_is_renewed
            a_store_that_can_write_says_so
        );
    };
    (@rules $open:expr, $($rule:ident)*) => {
        $(
            #[tokio::test]
            async fn $rule() {
                let (store, _kept) = $open;
                $crate::store::conformance::accounts::$rule(&store).await;
            }
        )*
    };
}
pub(in crate::store) use account_store_conformance;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn account_key(seed: u8) -> AccountPublicKey {
    AccountSigningKey::from_seed([seed; 32]).public()
}

fn device_key(seed: u8) -> DevicePublicKey {
    DeviceSigningKey::from_seed([seed; 32]).public()
}

fn handle(text: &str) -> Handle {
    text.parse().unwrap()
}

fn identity(number: u8) -> AccountIdentity {
    AccountIdentity {
        account_key: account_key(number),
        succession_key_hash: SuccessionKeyHash::from_bytes([number; 32]),
    }
}

fn account_id(number: u8) -> AccountId {
    identity(number).account_id()
}

fn device_id(number: u8) -> DeviceId {
    DeviceId::from_bytes([number; 16])
}

/// Device `number` of account `of`.
fn new_device(number: u8, of: u8) -> NewDevice {
    NewDevice {
        device_id: device_id(number),
        account_id: account_id(of),
        device_key: device_key(number),
        certificate: vec![number; 193],
        token: TokenHash([number; 32]),
        token_counter: 0,
        token_expires_at: NOW.plus(Duration::from_mins(1)),
        created_at: NOW,
    }
}

/// Account `number`, whose first device has the same number.
fn new_account(number: u8, name: &str) -> NewAccount {
    NewAccount {
        account: AccountRecord {
            handle: handle(name),
            identity: identity(number),
        },
        credentials: Credentials {
            password_record: vec![number; 192],
            password_wrap: vec![number, 1],
            recovery: RecoveryRecord {
                key: account_key(100 + number),
                wrap: vec![number, 2],
                succession_wrap: vec![number, 4],
            },
        },
        vault: vec![number, 3],
        device: new_device(number, number),
    }
}

async fn register(store: &dyn AccountStore, number: u8, name: &str) -> NewAccount {
    let account = new_account(number, name);
    assert_eq!(store.register(account.clone()).await, Ok(Registered::Done));
    account
}

pub(in crate::store) async fn what_is_not_there_is_none(store: &dyn AccountStore) {
    assert_eq!(store.account(account_id(1)).await, Ok(None));
    assert_eq!(store.account_by_handle(handle("alice")).await, Ok(None));
    assert!(store.credentials(handle("alice")).await.unwrap().is_none());
    assert_eq!(store.vault(account_id(1)).await, Ok(None));
    assert_eq!(store.device(device_id(1)).await, Ok(None));
    assert_eq!(store.devices(account_id(1)).await, Ok(Vec::new()));
    assert_eq!(store.session(device_id(1)).await, Ok(None));
    assert_eq!(store.sign_out(device_id(1), NOW).await, Ok(false));
    assert!(store.signing_keys().await.unwrap().is_empty());
}

pub(in crate::store) async fn a_registration_is_stored_whole(store: &dyn AccountStore) {
    let new = register(store, 1, "alice").await;
    assert_eq!(store.account(account_id(1)).await, Ok(Some(new.account.clone())));
    assert_eq!(
        store.account_by_handle(handle("alice")).await,
        Ok(Some(new.account.clone()))
    );
    let stored = store.credentials(handle("alice")).await.unwrap().unwrap();
    assert_eq!((stored.account, stored.revision), (new.account, 1));
    assert_eq!(
        stored.credentials.password_record,
        new.credentials.password_record
    );
    assert_eq!(stored.credentials.password_wrap, new.credentials.password_wrap);
    assert_eq!(stored.credentials.recovery, new.credentials.recovery);
    let vault = VaultRecord {
        revision: 1,
        ciphertext: new.vault,
    };
    assert_eq!(store.vault(account_id(1)).await, Ok(Some(vault)));
    let device = store.device(device_id(1)).await.unwrap().unwrap();
    assert_eq!(device.account_id, account_id(1));
    assert_eq!(device.device_key, new.device.device_key);
    assert_eq!(device.certificate, new.device.certificate);
    assert_eq!((device.created_at, device.signed_out_at), (NOW, None));
    assert_eq!(store.devices(account_id(1)).await, Ok(vec![device]));
    let session = store.session(device_id(1)).await.unwrap().unwrap();
    assert_eq!(session.newest, new.device.token);
    assert_eq!(
        (session.previous, session.expires_at),
        (None, new.device.token_expires_at)
    );
}

pub(in crate::store) async fn what_is_taken_stores_nothing(store: &dyn AccountStore) {
    register(store, 1, "alice").await;
    assert_eq!(
        store.register(new_account(2, "alice")).await,
        Ok(Registered::HandleTaken)
    );
    let mut same_account = new_account(2, "bob");
    same_account.account.identity = identity(1);
    same_account.device.account_id = account_id(1);
    assert_eq!(store.register(same_account).await, Ok(Registered::AccountIdTaken));
    let mut same_device = new_account(2, "bob");
    same_device.device.device_id = device_id(1);
    assert_eq!(store.register(same_device).await, Ok(Registered::DeviceIdTaken));
    assert_eq!(store.account_by_handle(handle("bob")).await, Ok(None));
    assert_eq!(store.account(account_id(2)).await, Ok(None));
    assert_eq!(store.device(device_id(2)).await, Ok(None));
    register(store, 2, "bob").await;
}

pub(in crate::store) async fn a_handle_that_looks_like_another_is_not_given_and_finds_nobody(
    store: &dyn AccountStore,
) {
    assert_eq!(store.availability(handle("al_ice")).await, Ok(Availability::Free));
    register(store, 1, "al_ice").await;
    assert_eq!(
        store.availability(handle("al_ice")).await,
        Ok(Availability::Taken)
    );
    for alike in ["alice", "al.ice", "a1ice", "al_1ce", "a_l_i_c_e"] {
        assert_eq!(
            store.availability(handle(alike)).await,
            Ok(Availability::LookAlikeTaken),
            "{alike}"
        );
        assert_eq!(
            store.register(new_account(2, alike)).await,
            Ok(Registered::LookAlikeTaken),
            "{alike}"
        );
        assert_eq!(store.account_by_handle(handle(alike)).await, Ok(None), "{alike}");
        assert!(
            store.credentials(handle(alike)).await.unwrap().is_none(),
            "{alike}"
        );
    }
    assert_eq!(store.account(account_id(2)).await, Ok(None));
    register(store, 2, "alicia").await;
}

pub(in crate::store) async fn handles_are_found_by_their_beginning_in_order(store: &dyn AccountStore) {
    for (number, name) in (1..).zip(["anna", "an_ni", "an.no", "annabel", "bob", "an9"]) {
        register(store, number, name).await;
    }
    let found = async |prefix: &str, limit| {
        let found = store.accounts_by_prefix(prefix.to_owned(), limit).await.unwrap();
        found
            .iter()
            .map(|account| account.handle.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        found("an", 10).await,
        ["an.no", "an9", "an_ni", "anna", "annabel"]
    );
    assert_eq!(found("an", 2).await, ["an.no", "an9"]);
    assert_eq!(found("an_", 10).await, ["an_ni"]);
    assert_eq!(found("annabel", 10).await, ["annabel"]);
    assert!(found("annabella", 10).await.is_empty());
}

pub(in crate::store) async fn a_password_changes_only_from_the_revision_that_was_seen(
    store: &dyn AccountStore,
) {
    let new = register(store, 1, "alice").await;
    let mut change = PasswordChange {
        password_record: vec![7; 192],
        password_wrap: vec![7],
        recovery: None,
    };
    assert_eq!(
        store.change_password(account_id(1), 2, change.clone()).await,
        Ok(false)
    );
    assert_eq!(
        store.change_password(account_id(1), 1, change.clone()).await,
        Ok(true)
    );
    assert_eq!(
        store.change_password(account_id(1), 1, change.clone()).await,
        Ok(false)
    );
    assert_eq!(
        store.change_password(account_id(9), 1, change.clone()).await,
        Ok(false)
    );
    let stored = store.credentials(handle("alice")).await.unwrap().unwrap();
    assert_eq!((stored.revision, stored.credentials.password_wrap), (2, vec![7]));
    assert_eq!(stored.credentials.recovery, new.credentials.recovery);
    let renewed = RecoveryRecord {
        key: account_key(8),
        wrap: vec![8],
        succession_wrap: vec![9],
    };
    change.recovery = Some(renewed.clone());
    assert_eq!(store.change_password(account_id(1), 2, change).await, Ok(true));
    let stored = store.credentials(handle("alice")).await.unwrap().unwrap();
    assert_eq!(stored.credentials.recovery, renewed);
}

pub(in crate::store) async fn a_vault_changes_by_one_revision_at_a_time(store: &dyn AccountStore) {
    register(store, 1, "alice").await;
    let put = async |revision, byte: u8| {
        let vault = VaultRecord {
            revision,
            ciphertext: vec![byte],
        };
        store.replace_vault(account_id(1), vault).await.unwrap()
    };
    assert!(!put(3, 1).await);
    assert!(put(2, 1).await);
    assert!(put(2, 1).await, "the same again");
    assert!(!put(2, 2).await);
    assert!(put(3, 2).await);
    assert!(!put(2, 1).await, "not back");
    let stored = store.vault(account_id(1)).await.unwrap().unwrap();
    assert_eq!(
        stored,
        VaultRecord {
            revision: 3,
            ciphertext: vec![2]
        }
    );
}

pub(in crate::store) async fn a_device_enrols_only_with_current_credentials(store: &dyn AccountStore) {
    register(store, 1, "alice").await;
    assert_eq!(
        store.enrol(new_device(2, 1), 2, 16).await,
        Ok(Enrolled::CredentialsChanged)
    );
    assert_eq!(
        store.enrol(new_device(2, 9), 1, 16).await,
        Ok(Enrolled::CredentialsChanged)
    );
    assert_eq!(store.device(device_id(2)).await, Ok(None));
    assert_eq!(store.enrol(new_device(2, 1), 1, 16).await, Ok(Enrolled::Done));
    let ids: Vec<_> = store
        .devices(account_id(1))
        .await
        .unwrap()
        .iter()
        .map(|d| d.device_id)
        .collect();
    assert_eq!(ids, [device_id(1), device_id(2)]);
}

pub(in crate::store) async fn a_device_that_is_signed_in_can_enrol_again(store: &dyn AccountStore) {
    register(store, 1, "alice").await;
    let again = NewDevice {
        certificate: vec![9; 145],
        token: TokenHash([9; 32]),
        created_at: NOW.plus(Duration::from_secs(5)),
        ..new_device(1, 1)
    };
    // It is one of the devices already, so the limit does not concern it.
    assert_eq!(store.enrol(again, 1, 1).await, Ok(Enrolled::Done));
    let device = store.device(device_id(1)).await.unwrap().unwrap();
    assert_eq!((device.certificate, device.created_at), (vec![9; 145], NOW));
    let session = store.session(device_id(1)).await.unwrap().unwrap();
    assert_eq!((session.newest, session.counter), (TokenHash([9; 32]), 1));
    // A counter that is further on stays.
    let further = NewDevice {
        token_counter: 40,
        ..new_device(1, 1)
    };
    assert_eq!(store.enrol(further, 1, 1).await, Ok(Enrolled::Done));
    assert_eq!(store.session(device_id(1)).await.unwrap().unwrap().counter, 40);
}

pub(in crate::store) async fn a_certificate_is_renewed_as_long_as_its_device_is_signed_in(
    store: &dyn AccountStore,
) {
    register(store, 1, "alice").await;
    assert_eq!(
        store.renew_certificate(device_id(1), vec![9; 145]).await,
        Ok(true)
    );
    assert_eq!(
        store.renew_certificate(device_id(2), vec![8; 145]).await,
        Ok(false)
    );
    let device = store.device(device_id(1)).await.unwrap().unwrap();
    assert_eq!(device.certificate, vec![9; 145]);
    assert_eq!(store.sign_out(device_id(1), NOW).await, Ok(true));
    assert_eq!(
        store.renew_certificate(device_id(1), vec![8; 145]).await,
        Ok(false)
    );
}

pub(in crate::store) async fn a_device_id_is_never_used_twice(store: &dyn AccountStore) {
    register(store, 1, "alice").await;
    register(store, 2, "bob").await;
    assert_eq!(
        store.enrol(new_device(1, 2), 1, 16).await,
        Ok(Enrolled::DeviceIdTaken)
    );
    let other_key = NewDevice {
        device_key: device_key(9),
        ..new_device(1, 1)
    };
    assert_eq!(store.enrol(other_key, 1, 16).await, Ok(Enrolled::DeviceIdTaken));
    assert_eq!(store.sign_out(device_id(1), NOW).await, Ok(true));
    assert_eq!(
        store.enrol(new_device(1, 1), 1, 16).await,
        Ok(Enrolled::DeviceIdTaken)
    );
}

pub(in crate::store) async fn an_account_has_so_many_devices_and_no_more(store: &dyn AccountStore) {
    register(store, 1, "alice").await;
    assert_eq!(store.enrol(new_device(2, 1), 1, 2).await, Ok(Enrolled::Done));
    assert_eq!(
        store.enrol(new_device(3, 1), 1, 2).await,
        Ok(Enrolled::TooManyDevices)
    );
    assert_eq!(store.sign_out(device_id(1), NOW).await, Ok(true));
    assert_eq!(store.enrol(new_device(3, 1), 1, 2).await, Ok(Enrolled::Done));
}

pub(in crate::store) async fn a_signed_out_device_has_no_session(store: &dyn AccountStore) {
    register(store, 1, "alice").await;
    let later = NOW.plus(Duration::from_secs(1));
    assert_eq!(store.sign_out(device_id(1), NOW).await, Ok(true));
    assert_eq!(store.sign_out(device_id(1), later).await, Ok(false));
    assert_eq!(store.session(device_id(1)).await, Ok(None));
    assert_eq!(store.devices(account_id(1)).await, Ok(Vec::new()));
    let device = store.device(device_id(1)).await.unwrap().unwrap();
    assert_eq!(device.signed_out_at, Some(NOW));
    let next = SessionRecord {
        newest: TokenHash([5; 32]),
        counter: 1,
        previous: None,
        expires_at: later,
    };
    assert_eq!(
        store
            .rotate_session(device_id(1), TokenHash([1; 32]), next, NOW)
            .await,
        Ok(false)
    );
}

pub(in crate::store) async fn a_session_rotates_only_from_the_token_that_was_seen(store: &dyn AccountStore) {
    register(store, 1, "alice").await;
    let next = SessionRecord {
        newest: TokenHash([2; 32]),
        counter: 8,
        previous: Some(TokenHash([1; 32])),
        expires_at: NOW.plus(Duration::from_secs(99)),
    };
    assert_eq!(
        store
            .rotate_session(device_id(1), TokenHash([1; 32]), next, NOW)
            .await,
        Ok(true)
    );
    assert_eq!(
        store
            .rotate_session(device_id(1), TokenHash([1; 32]), next, NOW)
            .await,
        Ok(false)
    );
    assert_eq!(store.session(device_id(1)).await, Ok(Some(next)));
}

pub(in crate::store) async fn it_is_kept_to_the_hour_when_a_device_was_seen(store: &dyn AccountStore) {
    register(store, 1, "alice").await;
    let hour = Duration::from_hours(1);
    assert_eq!(
        store.device(device_id(1)).await.unwrap().unwrap().last_seen_at,
        NOW
    );
    let session = store.session(device_id(1)).await.unwrap().unwrap();
    let seen = NOW.plus(hour * 2 + Duration::from_secs(1234));
    assert_eq!(
        store
            .rotate_session(device_id(1), session.newest, session, seen)
            .await,
        Ok(true)
    );
    let device = store.device(device_id(1)).await.unwrap().unwrap();
    assert_eq!(device.last_seen_at, NOW.plus(hour * 2));
    assert_eq!(store.note_seen(device_id(1), seen.plus(hour)).await, Ok(()));
    assert_eq!(
        store.note_seen(device_id(1), NOW).await,
        Ok(()),
        "a clock that was set back"
    );
    let device = store.device(device_id(1)).await.unwrap().unwrap();
    assert_eq!(device.last_seen_at, NOW.plus(hour * 3));
    assert_eq!(store.note_seen(device_id(9), NOW).await, Ok(()), "nobody");
}

pub(in crate::store) async fn a_secret_is_made_once(store: &dyn AccountStore) {
    let secret = async |name, bytes: &[u8]| {
        let stored = store
            .server_secret(name, Zeroizing::new(bytes.to_vec()))
            .await
            .unwrap();
        stored.to_vec()
    };
    assert_eq!(secret("one", b"first").await, b"first");
    assert_eq!(secret("one", b"second").await, b"first");
    assert_eq!(secret("other", b"second").await, b"second");
}

pub(in crate::store) async fn signing_keys_are_kept_until_they_are_forgotten(store: &dyn AccountStore) {
    let add = async |kid: &str, created_at, forget_before| {
        let key = SigningKeyRecord {
            kid: kid.to_owned(),
            seed: Zeroizing::new([7; 32]),
            created_at,
        };
        store.add_signing_key(key, forget_before).await.unwrap();
    };
    let second = Duration::from_secs(1);
    add("b", NOW, NOW).await;
    add("a", NOW.plus(second), NOW).await;
    let kids = async || {
        let keys = store.signing_keys().await.unwrap();
        keys.iter()
            .map(|key| (key.kid.clone(), key.created_at))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        kids().await,
        [("b".to_owned(), NOW), ("a".to_owned(), NOW.plus(second))]
    );
    assert_eq!(*store.signing_keys().await.unwrap()[0].seed, [7; 32]);
    add("c", NOW.plus(second * 2), NOW.plus(second)).await;
    assert_eq!(kids().await.len(), 2);
}

pub(in crate::store) async fn an_incarnation_stays_until_it_is_renewed(store: &dyn AccountStore) {
    let first = store.incarnation().await.unwrap();
    assert_ne!(first, IncarnationId::from_bytes([0; 16]));
    assert_eq!(store.incarnation().await, Ok(first));
    let second = IncarnationId::from_bytes([2; 16]);
    store.renew_incarnation(second).await.unwrap();
    assert_eq!(store.incarnation().await, Ok(second));
}

pub(in crate::store) async fn a_store_that_can_write_says_so(store: &dyn AccountStore) {
    assert_eq!(store.probe_write(NOW).await, Ok(()));
    assert_eq!(store.probe_write(NOW).await, Ok(()));
}
