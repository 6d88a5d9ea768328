//! Accounts, vaults and devices, from sign-up to a forgotten password.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::time::Duration;

use opaque_ke::{RegistrationRequest, ServerRegistration, ServerSetup};
use sha2::{Digest as _, Sha256};
use subrosa_engine::{
    account::{
        NewAccount, Password, RecoveryCode, Registered, Registration, UnlockError, VaultContact,
        VaultContents, VaultError, VaultKey, WrapKey, enrol_device,
        enrolment::{EnrolmentError, password_and_code_change},
        open_vault, password_change, recovery_signature, refresh_signature, sign_up, vault,
        wrap::SealError,
    },
    content::DisplayName,
};
use subrosa_mls::{AccountIdentity, AccountPublicKey, SuccessionKeyHash, UnverifiedCertificate};
use subrosa_test_support::SeededRng;
use subrosa_wire::{
    AccountId, Base64, DeviceId, Handle, Timestamp, limits::VAULT_MAX, password::PasswordSuite, rest,
    rest::signing_labels,
};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn alice() -> Handle {
    "alice".parse().unwrap()
}

/// Sets a password at a new server.
fn register(password: &str, seed: u64) -> Registered {
    let mut rng = SeededRng::new(seed);
    let setup = ServerSetup::<PasswordSuite>::new(&mut rng);
    let (registration, request) =
        Registration::start(Password::prepare(password).unwrap(), &mut rng).unwrap();
    let request = RegistrationRequest::deserialize(&request).unwrap();
    let response = ServerRegistration::start(&setup, request, b"alice")
        .unwrap()
        .message
        .serialize();
    registration.finish(&response, &alice(), &mut rng).unwrap()
}

fn new_account() -> (NewAccount, Registered) {
    let registered = register("a long pass phrase", 1);
    let name = DisplayName::try_from("Alice").unwrap();
    let account = sign_up(alice(), &registered, Some(name), NOW, &mut SeededRng::new(2));
    (account, registered)
}

/// The account that signs up with this request.
fn account_id(request: &rest::RegistrationFinish) -> AccountId {
    let identity = AccountIdentity {
        account_key: request.account_key.0.as_slice().try_into().unwrap(),
        succession_key_hash: request.succession_key_hash.0.as_slice().try_into().unwrap(),
    };
    identity.account_id()
}

/// What an honest server answers to a sign-in with one of the wraps.
fn signed_in(request: &rest::RegistrationFinish, wrap: &Base64) -> rest::SignedIn {
    rest::SignedIn {
        proof: String::new(),
        account_id: account_id(request),
        vault: request.vault.clone(),
        wrap: wrap.clone(),
        succession_wrap: None,
    }
}

/// What an honest server answers to a recovery.
fn recovered(request: &rest::RegistrationFinish) -> rest::SignedIn {
    rest::SignedIn {
        succession_wrap: Some(request.recovery.succession_wrap.clone()),
        ..signed_in(request, &request.recovery.wrap)
    }
}

fn unlock_error(signed_in: &rest::SignedIn, way: &WrapKey) -> UnlockError {
    open_vault(signed_in, way).map(drop).unwrap_err()
}

#[test]
fn password_and_recovery_code_open_the_same_vault() {
    let (account, registered) = new_account();
    let by_password = WrapKey::from(&registered.export_key);
    let by_code = RecoveryCode::parse(&account.recovery_code.expose())
        .unwrap()
        .wrap_key();
    for (wrap, way) in [
        (&account.request.password_wrap, by_password),
        (&account.request.recovery.wrap, by_code),
    ] {
        let vault = open_vault(&signed_in(&account.request, wrap), &way).unwrap();
        assert_eq!(vault.contents.encode(), account.vault.contents.encode());
        assert!(vault.key == account.vault.key);
        assert_eq!(
            (vault.account_id(), vault.revision),
            (account.vault.account_id(), 1)
        );
    }
}

#[test]
fn a_way_opens_only_its_own_wrap() {
    let (account, registered) = new_account();
    let refused = UnlockError::Key(SealError::Refused);
    let by_code = account.recovery_code.wrap_key();
    assert_eq!(
        unlock_error(
            &signed_in(&account.request, &account.request.password_wrap),
            &by_code
        ),
        refused
    );
    let by_password = WrapKey::from(&registered.export_key);
    assert_eq!(
        unlock_error(
            &signed_in(&account.request, &account.request.recovery.wrap),
            &by_password
        ),
        refused
    );
    let other_password = WrapKey::from(&register("another pass phrase", 3).export_key);
    assert_eq!(
        unlock_error(
            &signed_in(&account.request, &account.request.password_wrap),
            &other_password
        ),
        refused
    );
}

#[test]
fn a_vault_of_another_account_or_revision_does_not_open() {
    let (account, registered) = new_account();
    let way = WrapKey::from(&registered.export_key);
    let honest = signed_in(&account.request, &account.request.password_wrap);

    let other_account = rest::SignedIn {
        account_id: AccountId::from_bytes([1; 16]),
        ..honest.clone()
    };
    assert_eq!(
        unlock_error(&other_account, &way),
        UnlockError::Key(SealError::Refused)
    );

    let mut other_revision = honest.clone();
    other_revision.vault.revision = 2;
    assert_eq!(
        unlock_error(&other_revision, &way),
        VaultError::Seal(SealError::Refused).into()
    );
}

#[test]
fn every_flipped_bit_and_every_cut_of_wrap_and_vault_is_refused() {
    let (account, registered) = new_account();
    let way = WrapKey::from(&registered.export_key);
    let honest = signed_in(&account.request, &account.request.password_wrap);
    assert!(open_vault(&honest, &way).is_ok());
    for position in 0..honest.wrap.0.len() {
        let mut changed = honest.clone();
        changed.wrap.0[position] ^= 0x40;
        assert!(
            matches!(unlock_error(&changed, &way), UnlockError::Key(_)),
            "wrap byte {position}"
        );
        changed.wrap.0.truncate(position);
        assert!(
            matches!(unlock_error(&changed, &way), UnlockError::Key(_)),
            "wrap cut to {position}"
        );
    }
    for position in (0..honest.vault.ciphertext.0.len()).step_by(7) {
        let mut changed = honest.clone();
        changed.vault.ciphertext.0[position] ^= 0x40;
        assert!(
            matches!(unlock_error(&changed, &way), UnlockError::Vault(_)),
            "vault byte {position}"
        );
        changed.vault.ciphertext.0.truncate(position);
        assert!(
            matches!(unlock_error(&changed, &way), UnlockError::Vault(_)),
            "vault cut to {position}"
        );
    }
}

#[test]
fn the_server_gets_no_secret() {
    let (account, _) = new_account();
    let request = &account.request;
    let sent = [
        &request.account_key,
        &request.succession_key_hash,
        &request.registration_record,
        &request.vault.ciphertext,
        &request.password_wrap,
        &request.recovery.public_key,
        &request.recovery.wrap,
        &request.recovery.succession_wrap,
        &request.device.certificate,
        &request.device.signature,
    ];
    let contents = &account.vault.contents;
    let secrets: [&[u8]; 7] = [
        contents.account_key.seed(),
        contents.backup_key.as_bytes(),
        contents.profile_key.as_bytes(),
        account.vault.key.as_bytes(),
        account.identity.signing_key.seed(),
        b"Alice",
        b"a long pass phrase",
    ];
    for secret in secrets {
        for bytes in sent {
            assert!(!bytes.0.windows(secret.len()).any(|window| window == secret));
        }
    }
}

#[test]
fn a_device_is_certified_by_the_account_key_and_holds_its_own() {
    let (account, _) = new_account();
    let (enrolment, identity) = enrol_device(&account.vault, NOW, &mut SeededRng::new(5));
    for (enrolment, identity) in [
        (&account.request.device, &account.identity),
        (&enrolment, &identity),
    ] {
        let certificate = UnverifiedCertificate::decode(&enrolment.certificate.0).unwrap();
        let certificate = certificate.verify(NOW).unwrap();
        assert_eq!(certificate, identity.certificate);
        assert_eq!(certificate.account_id(), account_id(&account.request));
        assert_eq!(certificate.device_key(), identity.signing_key.public());
        let signature = enrolment.signature.0.as_slice().try_into().unwrap();
        let verified =
            certificate
                .device_key()
                .verify(signing_labels::ENROLMENT, &enrolment.certificate.0, &signature);
        assert_eq!(verified, Ok(()));
    }
    assert_ne!(
        identity.certificate.device_id(),
        account.identity.certificate.device_id()
    );
}

#[test]
fn a_new_password_opens_the_vault_and_leaves_the_code_good() {
    let (account, old) = new_account();
    let new = register("the new pass phrase", 7);
    let body = password_change(&account.vault, &new, &mut SeededRng::new(8));
    let answer = signed_in(&account.request, &body.password_wrap);
    assert!(open_vault(&answer, &WrapKey::from(&new.export_key)).is_ok());
    assert!(open_vault(&answer, &WrapKey::from(&old.export_key)).is_err());
    assert!(body.recovery.is_none());
    assert_eq!(body.registration_record.0, new.record);
}

#[test]
fn a_new_code_takes_the_place_of_the_old_one() {
    let (account, _) = new_account();
    let new = register("the new pass phrase", 7);
    let old = recovered(&account.request);
    let (body, code) = renew(&account, &old, &account.recovery_code, &new).unwrap();
    let recovery = body.recovery.unwrap();
    assert_eq!(recovery.public_key.0, code.public_key());
    let answer = signed_in(&account.request, &recovery.wrap);
    assert!(open_vault(&answer, &code.wrap_key()).is_ok());
    assert!(open_vault(&answer, &account.recovery_code.wrap_key()).is_err());

    // The new code opens the same succession key, so that it is renewed in turn; the old one does not.
    let answer = rest::SignedIn {
        succession_wrap: Some(recovery.succession_wrap),
        ..answer
    };
    assert!(renew(&account, &answer, &code, &new).is_ok());
    assert_eq!(
        renew(&account, &answer, &account.recovery_code, &new).err(),
        Some(UnlockError::SuccessionSeed(SealError::Refused))
    );
}

fn renew(
    account: &NewAccount,
    recovered: &rest::SignedIn,
    code: &RecoveryCode,
    registered: &Registered,
) -> Result<(rest::PasswordFinish, RecoveryCode), UnlockError> {
    password_and_code_change(
        &account.vault,
        recovered,
        code,
        registered,
        &mut SeededRng::new(8),
    )
}

#[test]
fn a_new_code_takes_the_old_one() {
    let ((account, registered), code) = (new_account(), RecoveryCode::generate(&mut SeededRng::new(9)));
    let honest = recovered(&account.request);
    assert!(renew(&account, &honest, &account.recovery_code, &registered).is_ok());
    let refused = Some(UnlockError::SuccessionSeed(SealError::Refused));
    assert_eq!(renew(&account, &honest, &code, &registered).err(), refused);
    // What a sign-in with the password returns is not enough.
    let by_password = signed_in(&account.request, &account.request.password_wrap);
    assert_eq!(
        renew(&account, &by_password, &account.recovery_code, &registered).err(),
        refused
    );
    // The wrapped vault key is not a seed, though the same code opens it.
    let swapped = rest::SignedIn {
        succession_wrap: Some(account.request.recovery.wrap.clone()),
        ..honest
    };
    assert_eq!(
        renew(&account, &swapped, &account.recovery_code, &registered).err(),
        refused
    );
}

#[test]
fn a_succession_seed_is_bound_to_its_account() {
    let (account, registered) = new_account();
    let mut other = sign_up(alice(), &registered, None, NOW, &mut SeededRng::new(3));
    // Another account under the same code: what was sealed for one does not open for the other.
    other.recovery_code = account.recovery_code.clone();
    assert_eq!(
        renew(
            &other,
            &recovered(&account.request),
            &other.recovery_code,
            &registered
        )
        .err(),
        Some(UnlockError::SuccessionSeed(SealError::Refused))
    );
    // Nor is a vault with another succession key accepted.
    let mut changed = account;
    changed.vault.contents.succession_key_hash = SuccessionKeyHash::from_bytes([9; 32]);
    assert!(
        renew(
            &changed,
            &recovered(&changed.request),
            &changed.recovery_code,
            &registered
        )
        .is_err()
    );
}

#[test]
fn challenges_are_signed_with_their_label_and_nothing_else_is() {
    let (account, _) = new_account();
    let nonce = [3; 32];

    let signature = recovery_signature(&account.recovery_code, &nonce).unwrap();
    let key = AccountPublicKey::try_from(account.request.recovery.public_key.0.as_slice()).unwrap();
    let signature = signature.0.as_slice().try_into().unwrap();
    assert_eq!(key.verify(signing_labels::RECOVERY, &nonce, &signature), Ok(()));

    let signature = refresh_signature(&account.identity.signing_key, &nonce, "token").unwrap();
    let message = [nonce.as_slice(), &Sha256::digest("token")].concat();
    let signature = signature.0.as_slice().try_into().unwrap();
    let key = account.identity.certificate.device_key();
    assert_eq!(key.verify(signing_labels::REFRESH, &message, &signature), Ok(()));

    for len in [0, 31, 33, 64] {
        let refused = Some(EnrolmentError::NonceLength(len));
        assert_eq!(
            recovery_signature(&account.recovery_code, &vec![0; len]).err(),
            refused
        );
        assert_eq!(
            refresh_signature(&account.identity.signing_key, &vec![0; len], "token").err(),
            refused
        );
    }
}

fn key() -> VaultKey {
    VaultKey::from_bytes([5; 32])
}

fn contents(contacts: u32) -> VaultContents {
    let succession_key_hash = SuccessionKeyHash::from_bytes([3; 32]);
    let mut contents = VaultContents::generate(succession_key_hash, None, &mut SeededRng::new(1));
    for number in 0..contacts {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        // As long as a handle gets; the first one is not known yet.
        let handle = (number > 0).then(|| format!("a{number:031}").parse().unwrap());
        contents.contacts.insert(
            AccountId::from_bytes(id),
            VaultContact {
                handle,
                former_handle: None,
                moves: u32::MAX,
            },
        );
    }
    contents
}

fn seal(contents: &VaultContents, revision: u64) -> rest::SealedVault {
    let ciphertext = vault::seal(contents, &key(), revision, &mut SeededRng::new(2));
    rest::SealedVault {
        revision,
        ciphertext: ciphertext.into(),
    }
}

fn device(number: usize) -> DeviceId {
    DeviceId::from_bytes([u8::try_from(number).unwrap(); 16])
}

/// Contents with something in each field.
fn full() -> VaultContents {
    let mut contents = contents(3);
    contents.display_name = Some(DisplayName::try_from("Zoë").unwrap());
    contents.display_name_changes = 2;
    let moved = contents.contacts.values_mut().next_back().unwrap();
    moved.former_handle = moved.handle.take();
    contents.add_device(device(1), NOW);
    contents.add_device(device(2), NOW);
    contents.sign_device_out(device(2));
    contents
}

#[test]
fn the_bytes_of_a_vault_are_stable() {
    let contents = full();
    assert_eq!(
        hex::encode(&*contents.encode()),
        include_str!("fixtures/vault_contents.hex").trim()
    );
    assert_eq!(
        hex::encode(Sha256::digest(seal(&contents, 7).ciphertext.0)),
        include_str!("fixtures/sealed_vault.sha256").trim()
    );
}

#[test]
fn a_vault_opens_with_everything_in_it() {
    let contents = full();
    let opened = vault::open(&seal(&contents, 7), &key(), contents.account_id()).unwrap();
    assert_eq!(opened.encode(), contents.encode());
    assert_eq!(opened.contacts, contents.contacts);
    assert_eq!(opened.devices, contents.devices);
    assert_eq!(opened.display_name, contents.display_name);
    assert_eq!(opened.identity(), contents.identity());
}

#[test]
fn the_size_of_a_vault_tells_steps_only() {
    let overhead = 1 + 12 + 16;
    for contacts in [0, 1, 5, 14, 15, 16, 40] {
        assert_eq!(
            (seal(&contents(contacts), 1).ciphertext.0.len() - overhead) % 1024,
            0,
            "{contacts}"
        );
    }
    assert_eq!(
        seal(&contents(0), 1).ciphertext.0.len(),
        seal(&contents(15), 1).ciphertext.0.len()
    );
}

#[test]
fn a_vault_of_the_most_contacts_is_one_that_the_server_takes() {
    let mut contents = contents(u32::try_from(vault::CONTACTS_MAX).unwrap());
    for number in 0..2 * vault::DEVICES_MAX {
        contents.add_device(device(number), Timestamp::from_millis(u64::MAX));
    }
    assert_eq!(contents.devices.len(), vault::DEVICES_MAX);
    contents.display_name = Some(DisplayName::try_from("x".repeat(256).as_str()).unwrap());
    let sealed = seal(&contents, u64::MAX);
    assert!(
        sealed.ciphertext.0.len() <= VAULT_MAX,
        "{}",
        sealed.ciphertext.0.len()
    );
    assert!(vault::open(&sealed, &key(), contents.account_id()).is_ok());
}

#[test]
fn a_vault_of_another_version_is_named_and_nonsense_is_refused() {
    let open = |encoded: &[u8]| VaultContents::decode(encoded).map(drop);
    let mut other = contents(0).encode().to_vec();
    assert_eq!(other[..2], [0x08, 3]);
    for version in [1, 4] {
        other[1] = version;
        assert_eq!(open(&other), Err(VaultError::Version(version.into())));
    }
    assert_eq!(open(&[]), Err(VaultError::Version(0)));
    assert!(matches!(open(&[0xff]), Err(VaultError::Contents(_))));
    assert!(matches!(open(&[0x08, 2]), Err(VaultError::Contents(_))));
}

#[test]
fn ids_of_new_accounts_and_devices_are_random() {
    let registered = register("a long pass phrase", 1);
    let make = |seed| sign_up(alice(), &registered, None, NOW, &mut SeededRng::new(seed));
    let (one, two) = (make(2), make(3));
    assert_ne!(account_id(&one.request), account_id(&two.request));
    let device = |account: &NewAccount| -> DeviceId { account.identity.certificate.device_id() };
    assert_ne!(device(&one), device(&two));
}

#[test]
fn a_vault_of_the_version_before_opens_without_devices() {
    let encoded = hex::decode(include_str!("fixtures/vault_contents_v2.hex").trim()).unwrap();
    let opened = VaultContents::decode(&encoded).unwrap();
    assert_eq!(opened.contacts.len(), 2);
    assert!(opened.contacts.values().all(|contact| contact.moves == 0));
    assert!(opened.devices.is_empty());
}

#[test]
fn of_two_entries_of_a_device_the_newer_one_counts() {
    let mut ours = contents(0);
    ours.add_device(device(1), NOW);
    let mut theirs = VaultContents::decode(&ours.encode()).unwrap();
    theirs.sign_device_out(device(1));
    ours.merge_devices(&theirs.devices);
    assert!(!ours.has_device(device(1)));
    // It was not signed out after all, and enters itself again.
    ours.add_device(device(1), NOW);
    ours.merge_devices(&theirs.devices);
    assert!(ours.has_device(device(1)));
}

#[test]
fn a_full_list_of_devices_drops_the_oldest_that_is_signed_out() {
    let mut contents = contents(0);
    for number in 0..vault::DEVICES_MAX {
        contents.add_device(device(number), NOW.plus(Duration::from_secs(number as u64)));
    }
    contents.sign_device_out(device(5));
    contents.sign_device_out(device(7));
    contents.add_device(device(200), NOW);
    assert!(!contents.devices.contains_key(&device(5)));
    assert!(contents.devices.contains_key(&device(7)));
    assert!(contents.has_device(device(0)) && contents.has_device(device(200)));
}
