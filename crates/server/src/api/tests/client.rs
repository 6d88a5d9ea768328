//! The client's side of the protocol, as small as it can be.

use opaque_ke::{
    ClientLogin, ClientLoginFinishParameters, ClientRegistration, ClientRegistrationFinishParameters,
    CredentialResponse, Identifiers, RegistrationResponse,
};
use rand_core::{OsRng, RngCore as _};
use sha2::{Digest as _, Sha256};
use subrosa_mls::{
    AccountIdentity, AccountSigningKey, DeviceCertificate, DeviceSigningKey, SuccessionKeyHash,
    SuccessionSigningKey,
};
use subrosa_wire::{
    AccountId, Base64, DeviceId, Handle, Timestamp,
    password::{PasswordSuite, SERVER_IDENTITY},
    rest::{
        Enrolment, PasswordFinish, PasswordStart, Recovery, RecoveryChallenge, RecoveryFinish, RecoveryStart,
        RefreshChallenge, RefreshFinish, RefreshStart, RegistrationChallenge, RegistrationFinish,
        RegistrationStart, SealedVault, SignInChallenge, SignInFinish, SignInStart, SignedIn, Tokens,
        signing_labels,
    },
};

use super::harness::{Answer, START, Server};

pub(super) const PASSWORD: &str = "correct horse battery staple";

/// An account, as its owner knows it.
pub(super) struct Owner {
    pub(super) handle: Handle,
    pub(super) account_key: AccountSigningKey,
    pub(super) succession_key_hash: SuccessionKeyHash,
    pub(super) recovery_key: AccountSigningKey,
}

/// A device with its tokens.
pub(super) struct OwnDevice {
    pub(super) device_id: DeviceId,
    pub(super) key: DeviceSigningKey,
    pub(super) tokens: Tokens,
}

/// Where a refresh has got to: tests change it before it is sent.
pub(super) struct Refresh {
    pub(super) device_id: DeviceId,
    pub(super) token: String,
    pub(super) nonce: Base64,
}

pub(super) fn random_id() -> [u8; 16] {
    let mut bytes = [0; 16];
    OsRng.fill_bytes(&mut bytes);
    bytes
}

fn identifiers(handle: &Handle) -> Identifiers<'_> {
    Identifiers {
        client: Some(handle.as_str().as_bytes()),
        server: Some(SERVER_IDENTITY),
    }
}

/// The first message of a registration, and what finishes it.
pub(super) fn registration_request(password: &str) -> (ClientRegistration<PasswordSuite>, Base64) {
    let started = ClientRegistration::start(&mut OsRng, password.as_bytes()).unwrap();
    (started.state, Base64(started.message.serialize().to_vec()))
}

/// The `RegistrationRecord`.
pub(super) fn registration_record(
    state: ClientRegistration<PasswordSuite>,
    password: &str,
    handle: &Handle,
    challenge: &RegistrationChallenge,
) -> Base64 {
    let response = RegistrationResponse::deserialize(&challenge.registration_response.0).unwrap();
    let parameters = ClientRegistrationFinishParameters::new(identifiers(handle), None);
    let finished = state
        .finish(&mut OsRng, password.as_bytes(), response, parameters)
        .unwrap();
    Base64(finished.message.serialize().to_vec())
}

impl Owner {
    pub(super) fn new(handle: &str) -> Self {
        Self {
            handle: handle.parse().unwrap(),
            account_key: AccountSigningKey::generate(&mut OsRng),
            succession_key_hash: (&SuccessionSigningKey::generate(&mut OsRng).public()).into(),
            recovery_key: AccountSigningKey::generate(&mut OsRng),
        }
    }

    pub(super) fn account_id(&self) -> AccountId {
        let identity = AccountIdentity {
            account_key: self.account_key.public(),
            succession_key_hash: self.succession_key_hash,
        };
        identity.account_id()
    }

    pub(super) async fn sign_up(server: &Server, handle: &str) -> (Self, OwnDevice) {
        let owner = Self::new(handle);
        let (key, device_id) = new_device();
        let finish = owner.registration(server, owner.enrolment(device_id, &key)).await;
        let tokens = server
            .post("/v1/registration/finish")
            .json(&finish)
            .send()
            .await
            .ok();
        (
            owner,
            OwnDevice {
                device_id,
                key,
                tokens,
            },
        )
    }

    /// The body of the last step of a sign-up.
    pub(super) async fn registration(&self, server: &Server, device: Enrolment) -> RegistrationFinish {
        let (state, registration_request) = registration_request(PASSWORD);
        let start = RegistrationStart {
            handle: self.handle.clone(),
            registration_request,
        };
        let challenge = server
            .post("/v1/registration/start")
            .json(&start)
            .send()
            .await
            .ok();
        RegistrationFinish {
            handle: self.handle.clone(),
            account_key: Base64(self.account_key.public().as_bytes().to_vec()),
            succession_key_hash: Base64(self.succession_key_hash.as_bytes().to_vec()),
            registration_record: registration_record(state, PASSWORD, &self.handle, &challenge),
            vault: SealedVault {
                revision: 1,
                ciphertext: Base64(b"vault".to_vec()),
            },
            password_wrap: Base64(b"wrapped by the password".to_vec()),
            recovery: self.recovery(),
            device,
        }
    }

    /// A `RegistrationRecord` for another password.
    pub(super) async fn registration_record_with(&self, server: &Server, password: &str) -> Base64 {
        let proof = self.sign_in(server, PASSWORD).await.proof;
        let (state, registration_request) = registration_request(password);
        let start = PasswordStart { registration_request };
        let started = server.post("/v1/password/start").token(&proof).json(&start);
        registration_record(state, password, &self.handle, &started.send().await.ok())
    }

    pub(super) fn recovery(&self) -> Recovery {
        Recovery {
            public_key: Base64(self.recovery_key.public().as_bytes().to_vec()),
            wrap: Base64(b"wrapped by the recovery code".to_vec()),
            succession_wrap: Base64(b"seed wrapped by the recovery code".to_vec()),
        }
    }

    pub(super) fn enrolment(&self, device_id: DeviceId, key: &DeviceSigningKey) -> Enrolment {
        enrolment(&self.certificate(device_id, key, START), key)
    }

    pub(super) fn certificate(
        &self,
        device_id: DeviceId,
        key: &DeviceSigningKey,
        now: Timestamp,
    ) -> DeviceCertificate {
        DeviceCertificate::issue(
            &self.account_key,
            self.succession_key_hash,
            device_id,
            key.public(),
            now,
        )
    }

    /// The first step of a sign-in, and the body of the second; `None` if the password is wrong, which a
    /// client notices first.
    pub(super) async fn sign_in_attempt(&self, server: &Server, password: &str) -> Option<SignInFinish> {
        let started = ClientLogin::<PasswordSuite>::start(&mut OsRng, password.as_bytes()).unwrap();
        let start = SignInStart {
            handle: self.handle.clone(),
            credential_request: Base64(started.message.serialize().to_vec()),
        };
        let challenge: SignInChallenge = server.post("/v1/sign-in/start").json(&start).send().await.ok();
        let response = CredentialResponse::deserialize(&challenge.credential_response.0).unwrap();
        let parameters = ClientLoginFinishParameters::new(None, identifiers(&self.handle), None);
        let finished = started
            .state
            .finish(&mut OsRng, password.as_bytes(), response, parameters)
            .ok()?;
        Some(SignInFinish {
            attempt: challenge.attempt,
            credential_finalization: Base64(finished.message.serialize().to_vec()),
        })
    }

    pub(super) async fn sign_in(&self, server: &Server, password: &str) -> SignedIn {
        let finish = self.sign_in_attempt(server, password).await.unwrap();
        server.post("/v1/sign-in/finish").json(&finish).send().await.ok()
    }

    /// Adds a device, by password.
    pub(super) async fn add_device(&self, server: &Server) -> OwnDevice {
        let proof = self.sign_in(server, PASSWORD).await.proof;
        let (key, device_id) = new_device();
        let body = self.enrolment(device_id, &key);
        let tokens = server
            .post("/v1/devices")
            .token(&proof)
            .json(&body)
            .send()
            .await
            .ok();
        OwnDevice {
            device_id,
            key,
            tokens,
        }
    }

    pub(super) async fn recover(&self, server: &Server, code: &AccountSigningKey) -> Answer {
        let start = RecoveryStart {
            handle: self.handle.clone(),
        };
        let challenge: RecoveryChallenge = server.post("/v1/recovery/start").json(&start).send().await.ok();
        let finish = RecoveryFinish {
            attempt: challenge.attempt,
            signature: Base64(code.sign(signing_labels::RECOVERY, &challenge.nonce.0).to_vec()),
        };
        server.post("/v1/recovery/finish").json(&finish).send().await
    }

    /// Both steps of a change of the password.
    pub(super) async fn change_password(
        &self,
        server: &Server,
        proof: &str,
        password: &str,
        recovery: Option<Recovery>,
    ) -> Answer {
        let (state, registration_request) = registration_request(password);
        let start = PasswordStart { registration_request };
        let answer = server
            .post("/v1/password/start")
            .token(proof)
            .json(&start)
            .send()
            .await;
        if !answer.status.is_success() {
            return answer;
        }
        let finish = PasswordFinish {
            registration_record: registration_record(state, password, &self.handle, &answer.ok()),
            password_wrap: Base64(b"wrapped by the new password".to_vec()),
            recovery,
        };
        server
            .post("/v1/password/finish")
            .token(proof)
            .json(&finish)
            .send()
            .await
    }
}

pub(super) fn new_device() -> (DeviceSigningKey, DeviceId) {
    (
        DeviceSigningKey::generate(&mut OsRng),
        DeviceId::from_bytes(random_id()),
    )
}

pub(super) fn enrolment(certificate: &DeviceCertificate, key: &DeviceSigningKey) -> Enrolment {
    let certificate = certificate.encode();
    let signature = key.sign(signing_labels::ENROLMENT, &certificate);
    Enrolment {
        certificate: Base64(certificate),
        signature: Base64(signature.to_vec()),
    }
}

impl OwnDevice {
    pub(super) fn access(&self) -> &str {
        &self.tokens.access_token
    }

    /// Whether the access token still opens something.
    pub(super) async fn whoami(&self, server: &Server) -> Answer {
        server.get("/v1/devices").token(self.access()).send().await
    }

    /// Signs the device in anew, by password.
    pub(super) async fn enrol_again(&mut self, owner: &Owner, server: &Server) {
        let proof = owner.sign_in(server, PASSWORD).await.proof;
        let body = owner.enrolment(self.device_id, &self.key);
        let answer = server.post("/v1/devices").token(&proof).json(&body).send().await;
        self.tokens = answer.ok();
    }

    pub(super) async fn begin_refresh(&self, server: &Server) -> Refresh {
        let start = RefreshStart {
            device_id: self.device_id,
        };
        let challenge: RefreshChallenge = server
            .post("/v1/sessions/challenge")
            .json(&start)
            .send()
            .await
            .ok();
        Refresh {
            device_id: self.device_id,
            token: self.tokens.refresh_token.clone(),
            nonce: challenge.nonce,
        }
    }

    pub(super) async fn refresh_with(&self, server: &Server, token: &str) -> Answer {
        let refresh = Refresh {
            token: token.to_owned(),
            ..self.begin_refresh(server).await
        };
        refresh.send(server, &self.key).await
    }

    pub(super) async fn refresh(&mut self, server: &Server) -> Answer {
        let answer = self
            .refresh_with(server, &self.tokens.refresh_token.clone())
            .await;
        if answer.status.is_success() {
            self.tokens = answer.ok();
        }
        answer
    }
}

impl Refresh {
    pub(super) async fn send(&self, server: &Server, key: &DeviceSigningKey) -> Answer {
        let message = [self.nonce.0.as_slice(), &Sha256::digest(&self.token)].concat();
        let finish = RefreshFinish {
            device_id: self.device_id,
            refresh_token: self.token.clone(),
            nonce: self.nonce.clone(),
            signature: Base64(key.sign(signing_labels::REFRESH, &message).to_vec()),
        };
        server.post("/v1/sessions/refresh").json(&finish).send().await
    }
}
