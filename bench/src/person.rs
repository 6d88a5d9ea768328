//! People who exist for the benchmark: an account with one device, signed up over REST like everybody else.
//!
//! The one difference: their password is not stretched on the client (it protects nothing), because Argon2id
//! is meant to be slow, and its cost is the client's. The server does the same work as for any sign-up.

use anyhow::{Context as _, Result, anyhow, bail};
use opaque_ke::{
    CipherSuite, ClientRegistration, ClientRegistrationFinishParameters, Identifiers, RegistrationResponse,
    Ristretto255, TripleDh, ksf,
};
use rand_core::{CryptoRngCore, RngCore as _};
use reqwest::{StatusCode, Url};
use serde::{Serialize, de::DeserializeOwned};
use subrosa_client::ambient;
use subrosa_mls::{
    AccountSigningKey, DeviceCertificate, DeviceIdentity, DeviceSigningKey, SuccessionKeyHash,
    SuccessionSigningKey,
};
use subrosa_wire::{
    AccountId, DeviceId, Handle,
    password::SERVER_IDENTITY,
    problem::ProblemDocument,
    rest::{
        self, Enrolment, Recovery, RegistrationChallenge, RegistrationFinish, RegistrationStart, SealedVault,
        Tokens, signing_labels,
    },
};
use tokio::task::JoinSet;

use crate::limits::{CALL_TIMEOUT, PREPARE_TOGETHER};

/// As `subrosa_wire::password::PasswordSuite`, without key stretching: the messages look the same.
struct UnstretchedSuite;

impl CipherSuite for UnstretchedSuite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, sha2::Sha512>;
    type Ksf = ksf::Identity;
}

/// About as long as an honest vault with some contacts.
const VAULT_LEN: usize = 1024;
/// As long as a wrapped key.
const WRAP_LEN: usize = 72;

/// Somebody with one signed-in device.
pub(crate) struct Person {
    pub(crate) account_id: AccountId,
    pub(crate) identity: DeviceIdentity,
    pub(crate) access_token: String,
}

impl Person {
    pub(crate) fn device_id(&self) -> DeviceId {
        self.identity.certificate.device_id()
    }
}

/// The REST API of a server, as far as a sign-up needs it.
#[derive(Debug, Clone)]
pub(crate) struct Registrar {
    http: reqwest::Client,
    base: Url,
    /// Sets apart the handles of several benchmarks of one server.
    run: String,
}

impl Registrar {
    pub(crate) fn new(server: &str) -> Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(CALL_TIMEOUT)
            .no_proxy()
            .build()?;
        let mut base = Url::parse(server)?;
        base.path_segments_mut()
            .map_err(|()| anyhow!("{server} is no base address"))?
            .pop_if_empty()
            .push("v1")
            .push("");
        let run = format!("{:08x}", ambient::SystemRandom.next_u32());
        Ok(Self { http, base, run })
    }

    /// Signs up `count` people, some at a time.
    pub(crate) async fn sign_up_many(&self, count: usize) -> Result<Vec<Person>> {
        let mut people = Vec::with_capacity(count);
        let mut under_way = JoinSet::new();
        for number in 0..count {
            if under_way.len() >= PREPARE_TOGETHER
                && let Some(person) = under_way.join_next().await
            {
                people.push(person??);
            }
            let registrar = self.clone();
            under_way.spawn(async move { registrar.sign_up(number).await });
        }
        while let Some(person) = under_way.join_next().await {
            people.push(person??);
        }
        Ok(people)
    }

    async fn sign_up(&self, number: usize) -> Result<Person> {
        let mut rng = ambient::SystemRandom;
        let handle: Handle = format!("bench_{}_{number}", self.run).parse()?;
        let mut password = [0; 32];
        rng.fill_bytes(&mut password);

        let started = ClientRegistration::<UnstretchedSuite>::start(&mut rng, &password).map_err(opaque)?;
        let start = RegistrationStart {
            handle: handle.clone(),
            registration_request: started.message.serialize().to_vec().into(),
        };
        let challenge: RegistrationChallenge = self.post("registration/start", &start).await?;
        let response =
            RegistrationResponse::deserialize(&challenge.registration_response.0).map_err(opaque)?;
        let identifiers = Identifiers {
            client: Some(handle.as_str().as_bytes()),
            server: Some(SERVER_IDENTITY),
        };
        let finished = started
            .state
            .finish(
                &mut rng,
                &password,
                response,
                ClientRegistrationFinishParameters::new(identifiers, None),
            )
            .map_err(opaque)?;

        let account_key = AccountSigningKey::generate(&mut rng);
        let succession_key = SuccessionSigningKey::generate(&mut rng).public();
        let succession_key_hash = SuccessionKeyHash::from(&succession_key);
        let signing_key = DeviceSigningKey::generate(&mut rng);
        let device_id = DeviceId::from_bytes(random(&mut rng));
        let certificate = DeviceCertificate::issue(
            &account_key,
            succession_key_hash,
            device_id,
            signing_key.public(),
            ambient::now(),
        );
        let encoded = certificate.encode();
        let finish = RegistrationFinish {
            handle,
            account_key: account_key.public().as_bytes().as_slice().into(),
            succession_key_hash: succession_key_hash.as_bytes().as_slice().into(),
            registration_record: finished.message.serialize().to_vec().into(),
            vault: SealedVault {
                revision: 1,
                ciphertext: noise(VAULT_LEN, &mut rng).into(),
            },
            password_wrap: noise(WRAP_LEN, &mut rng).into(),
            recovery: Recovery {
                // Nobody will recover this account.
                public_key: account_key.public().as_bytes().as_slice().into(),
                wrap: noise(WRAP_LEN, &mut rng).into(),
                succession_wrap: noise(WRAP_LEN, &mut rng).into(),
            },
            device: Enrolment {
                signature: signing_key
                    .sign(signing_labels::ENROLMENT, &encoded)
                    .as_slice()
                    .into(),
                certificate: encoded.into(),
            },
        };
        let tokens: Tokens = self.post("registration/finish", &finish).await?;
        Ok(Person {
            account_id: certificate.account_id(),
            identity: DeviceIdentity {
                certificate,
                signing_key,
            },
            access_token: tokens.access_token,
        })
    }

    /// The account with a handle, looked up by somebody.
    pub(crate) async fn account(&self, asker: &Person, handle: &Handle) -> Result<AccountId> {
        let url = self.base.join(&format!("people/{handle}"))?;
        let request = self.http.get(url.clone()).bearer_auth(&asker.access_token);
        let response = request.send().await?.error_for_status()?;
        let found: rest::Person = response
            .json()
            .await
            .with_context(|| format!("reading the answer of {url}"))?;
        Ok(found.account_id)
    }

    async fn post<A: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<A> {
        let url = self.base.join(path)?;
        let response = self
            .http
            .post(url.clone())
            .json(body)
            .send()
            .await
            .with_context(|| format!("asking {url}"))?;
        let status = response.status();
        let answer = response.bytes().await?;
        if status.is_success() {
            return serde_json::from_slice(&answer).with_context(|| format!("reading the answer of {url}"));
        }
        match serde_json::from_slice::<ProblemDocument>(&answer) {
            Ok(problem) if status == StatusCode::TOO_MANY_REQUESTS => bail!(
                "the server limits sign-ups ({}): set limits.registrations_per_visitor and \
                 limits.requests_per_visitor to 0 while you measure",
                problem.code
            ),
            Ok(problem) => bail!(
                "the server refused a sign-up: {} ({})",
                problem.code,
                problem.detail
            ),
            Err(_) => bail!("{url} answered {status}"),
        }
    }
}

fn random<const N: usize>(rng: &mut impl CryptoRngCore) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}

fn noise(len: usize, rng: &mut impl CryptoRngCore) -> Vec<u8> {
    let mut noise = vec![0; len];
    rng.fill_bytes(&mut noise);
    noise
}

fn opaque(error: opaque_ke::errors::ProtocolError) -> anyhow::Error {
    anyhow!("the sign-up failed: {error:?}")
}
