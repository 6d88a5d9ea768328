//! The REST API of the server, as typed calls. What is sent goes to the server that the user named, or
//! nowhere.

use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, header};
use serde::{Serialize, de::DeserializeOwned};
use subrosa_wire::{
    DeviceId, Handle, ProblemCode,
    problem::{PROBLEM_MEDIA_TYPE, ProblemDocument},
    rest::{
        Devices, Enrolment, PasswordFinish, PasswordStart, People, Person, RecoveryChallenge, RecoveryFinish,
        RecoveryStart, RefreshChallenge, RefreshFinish, RefreshStart, RegistrationChallenge,
        RegistrationFinish, RegistrationStart, SealedVault, ServerInfo, SignInChallenge, SignInFinish,
        SignInStart, SignedIn, Tokens, Vault,
    },
};

use crate::{
    ClientError, ServerUrl,
    limits::{REST_ANSWER_MAX, REST_TIMEOUT},
    platform::{Network, bounded_body},
};

/// Name and version of this software, as the server sees it.
pub(crate) const USER_AGENT: &str = concat!("subrosa/", env!("CARGO_PKG_VERSION"));

/// One server's REST API.
#[derive(Debug, Clone)]
pub(crate) struct Rest {
    http: reqwest::Client,
    server: ServerUrl,
}

impl Rest {
    pub(crate) fn new(server: ServerUrl, network: &Network) -> Result<Self, ClientError> {
        let http = network.http().map_err(|error| unreachable(&server, &error))?;
        Ok(Self { http, server })
    }

    pub(crate) async fn server_info(&self) -> Result<ServerInfo, ClientError> {
        self.call(self.request(Method::GET, ["server"])).await
    }

    // ---- sign-up, sign-in, recovery ----

    pub(crate) async fn start_registration(
        &self,
        body: &RegistrationStart,
    ) -> Result<RegistrationChallenge, ClientError> {
        self.post(["registration", "start"], body).await
    }

    pub(crate) async fn finish_registration(&self, body: &RegistrationFinish) -> Result<Tokens, ClientError> {
        self.post(["registration", "finish"], body).await
    }

    pub(crate) async fn start_sign_in(&self, body: &SignInStart) -> Result<SignInChallenge, ClientError> {
        self.post(["sign-in", "start"], body).await
    }

    pub(crate) async fn finish_sign_in(&self, body: &SignInFinish) -> Result<SignedIn, ClientError> {
        self.post(["sign-in", "finish"], body).await
    }

    pub(crate) async fn start_recovery(&self, handle: &Handle) -> Result<RecoveryChallenge, ClientError> {
        self.post(
            ["recovery", "start"],
            &RecoveryStart {
                handle: handle.clone(),
            },
        )
        .await
    }

    pub(crate) async fn finish_recovery(&self, body: &RecoveryFinish) -> Result<SignedIn, ClientError> {
        self.post(["recovery", "finish"], body).await
    }

    // ---- with the proof of a sign-in or recovery ----

    pub(crate) async fn start_password(
        &self,
        proof: &str,
        body: &PasswordStart,
    ) -> Result<RegistrationChallenge, ClientError> {
        self.call(
            self.request(Method::POST, ["password", "start"])
                .bearer_auth(proof)
                .json(body),
        )
        .await
    }

    pub(crate) async fn finish_password(
        &self,
        proof: &str,
        body: &PasswordFinish,
    ) -> Result<(), ClientError> {
        self.call_without_answer(
            self.request(Method::POST, ["password", "finish"])
                .bearer_auth(proof)
                .json(body),
        )
        .await
    }

    pub(crate) async fn enrol_device(&self, proof: &str, body: &Enrolment) -> Result<Tokens, ClientError> {
        self.call(
            self.request(Method::POST, ["devices"])
                .bearer_auth(proof)
                .json(body),
        )
        .await
    }

    // ---- sessions ----

    pub(crate) async fn start_refresh(&self, device_id: DeviceId) -> Result<RefreshChallenge, ClientError> {
        self.post(["sessions", "challenge"], &RefreshStart { device_id })
            .await
    }

    pub(crate) async fn finish_refresh(&self, body: &RefreshFinish) -> Result<Tokens, ClientError> {
        self.post(["sessions", "refresh"], body).await
    }

    // ---- with an access token ----

    pub(crate) async fn devices(&self, token: String) -> Result<Devices, ClientError> {
        self.call(self.request(Method::GET, ["devices"]).bearer_auth(token))
            .await
    }

    pub(crate) async fn sign_out_device(&self, token: String, device: DeviceId) -> Result<(), ClientError> {
        let device = device.to_string();
        self.call_without_answer(
            self.request(Method::DELETE, ["devices", device.as_str()])
                .bearer_auth(token),
        )
        .await
    }

    pub(crate) async fn search_people(&self, token: String, prefix: &str) -> Result<People, ClientError> {
        self.call(
            self.request(Method::GET, ["people"])
                .query(&[("handle_prefix", prefix)])
                .bearer_auth(token),
        )
        .await
    }

    /// The person with this handle, if there is one.
    pub(crate) async fn person(&self, token: String, handle: &Handle) -> Result<Option<Person>, ClientError> {
        let request = self
            .request(Method::GET, ["people", handle.as_str()])
            .bearer_auth(token);
        match self.call(request).await {
            Err(error) if error.is_refusal(ProblemCode::UnknownAccount) => Ok(None),
            answer => answer.map(Some),
        }
    }

    pub(crate) async fn vault(&self, token: String) -> Result<SealedVault, ClientError> {
        let answer: Vault = self
            .call(self.request(Method::GET, ["vault"]).bearer_auth(token))
            .await?;
        Ok(answer.vault)
    }

    pub(crate) async fn put_vault(&self, token: String, vault: SealedVault) -> Result<(), ClientError> {
        self.call_without_answer(
            self.request(Method::PUT, ["vault"])
                .bearer_auth(token)
                .json(&Vault { vault }),
        )
        .await
    }

    // ---- the way there and back ----

    fn request<const N: usize>(&self, method: Method, path: [&str; N]) -> RequestBuilder {
        self.http
            .request(method, self.server.rest(path))
            .timeout(REST_TIMEOUT)
    }

    async fn post<A: DeserializeOwned, const N: usize>(
        &self,
        path: [&str; N],
        body: &impl Serialize,
    ) -> Result<A, ClientError> {
        self.call(self.request(Method::POST, path).json(body)).await
    }

    async fn call<A: DeserializeOwned>(&self, request: RequestBuilder) -> Result<A, ClientError> {
        let body = self.exchange(request).await?;
        serde_json::from_slice(&body)
            .map_err(|error| ClientError::ServerMisbehaved(format!("its answer cannot be read: {error}")))
    }

    async fn call_without_answer(&self, request: RequestBuilder) -> Result<(), ClientError> {
        self.exchange(request).await.map(drop)
    }

    /// The body of a successful answer.
    async fn exchange(&self, request: RequestBuilder) -> Result<Vec<u8>, ClientError> {
        let response = request
            .send()
            .await
            .map_err(|error| unreachable(&self.server, &error))?;
        let status = response.status();
        let is_problem = response
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with(PROBLEM_MEDIA_TYPE));
        let url = response.url().clone();
        let body = self.bounded_body(response).await?;
        if status.is_success() {
            return Ok(body);
        }
        if is_problem && let Ok(document) = serde_json::from_slice::<ProblemDocument>(&body) {
            return Err(refused(document));
        }
        Err(self.unexpected(status, &url))
    }

    async fn bounded_body(&self, response: Response) -> Result<Vec<u8>, ClientError> {
        let body = bounded_body(response, REST_ANSWER_MAX)
            .await
            .map_err(|error| unreachable(&self.server, &error))?;
        body.ok_or_else(|| {
            ClientError::ServerMisbehaved(format!("its answer is longer than {REST_ANSWER_MAX} bytes"))
        })
    }

    /// An answer that is not this API's: that of a proxy in front of a server that is down, or of something
    /// else altogether.
    fn unexpected(&self, status: StatusCode, url: &Url) -> ClientError {
        match status {
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                ClientError::Unreachable {
                    server: self.server.to_string(),
                    reason: format!("a proxy answered {status}"),
                }
            }
            status => ClientError::ServerMisbehaved(format!(
                "{} answered {status}: is there a subrosa server at {}?",
                url.path(),
                self.server
            )),
        }
    }
}

fn refused(document: ProblemDocument) -> ClientError {
    match ProblemCode::parse(&document.code) {
        Some(ProblemCode::UnsupportedVersion) => ClientError::VersionMismatch {
            server: 0,
            client: subrosa_wire::limits::PROTOCOL_VERSION,
        },
        _ => ClientError::Refused(document.into()),
    }
}

/// The innermost cause, which says most: "connection refused" instead of "error sending request".
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn unreachable(server: &ServerUrl, error: &reqwest::Error) -> ClientError {
    let reason = if error.is_timeout() {
        "it did not answer in time".to_owned()
    } else {
        innermost(error)
    };
    ClientError::Unreachable {
        server: server.to_string(),
        reason,
    }
}

#[cfg(test)]
mod tests;
