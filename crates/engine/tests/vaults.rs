//! Accounts, vaults and devices, from sign-up to a forgotten password.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use opaque_ke::{RegistrationRequest, ServerRegistration, ServerSetup};
use sha2::{Digest as _, Sha256};
use subrosa_engine::{
    account::{
        NewAccount, Password, RecoveryCode, Registered, Registration, UnlockError, VaultContents, VaultError,
        VaultKey, WrapKey, enrol_device,
        enrolment::{EnrolmentError, password_and_code_change},
        open_vault, password_change, recovery_signature, refresh_signature, sign_up, vault,
        wrap::SealError,
    },
    content::DisplayName,
};
use subrosa_mls::{AccountPublicKey, AccountSigningKey, UnverifiedCertificate};
use subrosa_wire::{
    AccountId, Base64, DeviceId, Handle, Timestamp, limits::VAULT_MAX, password::PasswordSuite, rest,
    rest::signing_labels,
};
use support::SeededRng;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn alice() -> Handle {
    "alice".parse().unwrap()
}

/// Sets a password at a server of its own.
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

/// What an honest server answers to a sign-in with one of the wraps.
fn signed_in(request: &rest::RegistrationFinish, wrap: &Base64) -> rest::SignedIn {
    rest::SignedIn {
        proof: String::new(),
        account_id: request.account_id,
        account_key: request.account_key.clone(),
        vault: request.vault.clone(),
        wrap: wrap.clone(),
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
        assert_eq!((vault.account_id, vault.revision), (account.vault.account_id, 1));
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
fn a_server_that_shows_another_account_key_is_found_out() {
    let (account, registered) = new_account();
    let way = WrapKey::from(&registered.export_key);
    let mut lie = signed_in(&account.request, &account.request.password_wrap);
    lie.account_key = AccountSigningKey::from_seed([9; 32])
        .public()
        .as_bytes()
        .as_slice()
        .into();
    assert_eq!(unlock_error(&lie, &way), UnlockError::AccountKeyDiffers);
    lie.account_key = Base64(vec![0; 32]);
    assert_eq!(unlock_error(&lie, &way), UnlockError::AccountKeyDiffers);
    lie.account_key = Base64(Vec::new());
    assert_eq!(unlock_error(&lie, &way), UnlockError::AccountKeyDiffers);
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
        &request.registration_record,
        &request.vault.ciphertext,
        &request.password_wrap,
        &request.recovery.public_key,
        &request.recovery.wrap,
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
    let account_key = AccountPublicKey::try_from(account.request.account_key.0.as_slice()).unwrap();
    let (enrolment, identity) = enrol_device(&account.vault, NOW, &mut SeededRng::new(5));
    for (enrolment, identity) in [
        (&account.request.device, &account.identity),
        (&enrolment, &identity),
    ] {
        let certificate = UnverifiedCertificate::decode(&enrolment.certificate.0).unwrap();
        let certificate = certificate.verify(&account_key, NOW).unwrap();
        assert_eq!(certificate, identity.certificate);
        assert_eq!(certificate.account_id(), account.request.account_id);
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
    let (body, code) = password_and_code_change(&account.vault, &new, &mut SeededRng::new(8));
    let recovery = body.recovery.unwrap();
    assert_eq!(recovery.public_key.0, code.public_key());
    let answer = signed_in(&account.request, &recovery.wrap);
    assert!(open_vault(&answer, &code.wrap_key()).is_ok());
    assert!(open_vault(&answer, &account.recovery_code.wrap_key()).is_err());
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

const ACCOUNT: AccountId = AccountId::from_bytes([0xaa; 16]);

fn key() -> VaultKey {
    VaultKey::from_bytes([5; 32])
}

fn contents(contacts: u32) -> VaultContents {
    let mut contents = VaultContents::generate(None, &mut SeededRng::new(1));
    let account_key = AccountSigningKey::from_seed([3; 32]).public();
    for number in 0..contacts {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        contents.contacts.insert(AccountId::from_bytes(id), account_key);
    }
    contents
}

fn seal(contents: &VaultContents, revision: u64) -> rest::SealedVault {
    let ciphertext = vault::seal(contents, &key(), ACCOUNT, revision, &mut SeededRng::new(2));
    rest::SealedVault {
        revision,
        ciphertext: ciphertext.into(),
    }
}

#[test]
fn the_bytes_of_a_vault_are_stable() {
    let mut contents = contents(1);
    contents.display_name = Some(DisplayName::try_from("Zoë").unwrap());
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
    let mut contents = contents(3);
    contents.display_name = Some(DisplayName::try_from("Zoë").unwrap());
    let opened = vault::open(&seal(&contents, 7), &key(), ACCOUNT).unwrap();
    assert_eq!(opened.encode(), contents.encode());
    assert_eq!(opened.contacts, contents.contacts);
    assert_eq!(opened.display_name, contents.display_name);
    assert_eq!(opened.account_key.public(), contents.account_key.public());
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
    contents.display_name = Some(DisplayName::try_from("x".repeat(256).as_str()).unwrap());
    let sealed = seal(&contents, u64::MAX);
    assert!(
        sealed.ciphertext.0.len() <= VAULT_MAX,
        "{}",
        sealed.ciphertext.0.len()
    );
    assert!(vault::open(&sealed, &key(), ACCOUNT).is_ok());
}

#[test]
fn a_vault_of_a_later_version_is_named_and_nonsense_is_refused() {
    let open = |encoded: &[u8]| VaultContents::decode(encoded).map(drop);
    let mut later = contents(0).encode().to_vec();
    assert_eq!(later[..2], [0x08, 1]);
    later[1] = 2;
    assert_eq!(open(&later), Err(VaultError::Version(2)));
    assert_eq!(open(&[]), Err(VaultError::Version(0)));
    assert!(matches!(open(&[0xff]), Err(VaultError::Contents(_))));
    assert!(matches!(open(&[0x08, 1]), Err(VaultError::Contents(_))));
}

#[test]
fn ids_of_new_accounts_and_devices_are_random() {
    let registered = register("a long pass phrase", 1);
    let make = |seed| sign_up(alice(), &registered, None, NOW, &mut SeededRng::new(seed));
    let (one, two) = (make(2), make(3));
    assert_ne!(one.request.account_id, two.request.account_id);
    let device = |account: &NewAccount| -> DeviceId { account.identity.certificate.device_id() };
    assert_ne!(device(&one), device(&two));
}
