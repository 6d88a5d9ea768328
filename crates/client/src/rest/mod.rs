//! The REST API of the server, as typed calls. Requests go to the server that the user named, and nowhere else.

use serde::{Serialize, de::DeserializeOwned};
use subrosa_wire::{
    DeviceId, Handle, LinkId, ProblemCode,
    problem::{PROBLEM_MEDIA_TYPE, ProblemDocument},
    rest::{
        Devices, Enrolment, InviteLink, PasswordFinish, PasswordStart, People, Person, RecoveryChallenge,
        RecoveryFinish, RecoveryStart, RefreshChallenge, RefreshFinish, RefreshStart, RegistrationChallenge,
        RegistrationFinish, RegistrationStart, SealedVault, ServerInfo, SignInChallenge, SignInFinish,
        SignInStart, SignedIn, Tokens, Vault,
    },
};

use crate::{
    ClientError, Refusal, ServerUrl, ambient,
    limits::{REST_ANSWER_MAX, REST_TIMEOUT},
    platform::{Http, HttpAnswer, HttpFailure, HttpRequest, Network, from_json, timeout, to_json},
    server_url::escape,
};

/// Name and version of this software, as the server sees it.
pub(crate) const USER_AGENT: &str = concat!("subrosa/", env!("CARGO_PKG_VERSION"));

/// The media type of request bodies.
pub(crate) const JSON_MEDIA_TYPE: &str = "application/json";

/// One server's REST API.
#[derive(Debug, Clone)]
pub(crate) struct Rest {
    http: Http,
    server: ServerUrl,
}

impl Rest {
    pub(crate) fn new(server: ServerUrl, network: &Network) -> Result<Self, ClientError> {
        let http = network.http().map_err(|reason| unreachable(&server, reason))?;
        Ok(Self { http, server })
    }

    /// What an invite link leads to.
    pub(crate) async fn invite_link(&self, id: LinkId) -> Result<InviteLink, ClientError> {
        let id = id.to_string();
        self.call(self.request("GET", ["links", id.as_str()])).await
    }

    pub(crate) async fn server_info(&self) -> Result<ServerInfo, ClientError> {
        self.call(self.request("GET", ["server"])).await
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
            self.request("POST", ["password", "start"])
                .bearer(proof)
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
            self.request("POST", ["password", "finish"])
                .bearer(proof)
                .json(body),
        )
        .await
    }

    pub(crate) async fn enrol_device(&self, proof: &str, body: &Enrolment) -> Result<Tokens, ClientError> {
        self.call(self.request("POST", ["devices"]).bearer(proof).json(body))
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
        self.call(self.request("GET", ["devices"]).bearer(token)).await
    }

    pub(crate) async fn sign_out_device(&self, token: String, device: DeviceId) -> Result<(), ClientError> {
        let device = device.to_string();
        self.call_without_answer(self.request("DELETE", ["devices", device.as_str()]).bearer(token))
            .await
    }

    pub(crate) async fn put_certificate(
        &self,
        token: String,
        device: DeviceId,
        body: &Enrolment,
    ) -> Result<(), ClientError> {
        let device = device.to_string();
        self.call_without_answer(
            self.request("PUT", ["devices", device.as_str(), "certificate"])
                .bearer(token)
                .json(body),
        )
        .await
    }

    pub(crate) async fn search_people(&self, token: String, prefix: &str) -> Result<People, ClientError> {
        self.call(
            self.request("GET", ["people"])
                .query("handle_prefix", prefix)
                .bearer(token),
        )
        .await
    }

    /// The person with this handle, if there is one.
    pub(crate) async fn person(&self, token: String, handle: &Handle) -> Result<Option<Person>, ClientError> {
        let request = self.request("GET", ["people", handle.as_str()]).bearer(token);
        match self.call(request).await {
            Err(error) if error.is_refusal(ProblemCode::UnknownAccount) => Ok(None),
            answer => answer.map(Some),
        }
    }

    pub(crate) async fn vault(&self, token: String) -> Result<SealedVault, ClientError> {
        let answer: Vault = self.call(self.request("GET", ["vault"]).bearer(token)).await?;
        Ok(answer.vault)
    }

    pub(crate) async fn put_vault(&self, token: String, vault: SealedVault) -> Result<(), ClientError> {
        self.call_without_answer(
            self.request("PUT", ["vault"])
                .bearer(token)
                .json(&Vault { vault }),
        )
        .await
    }

    /// The server that this talks to.
    pub(crate) fn server(&self) -> &ServerUrl {
        &self.server
    }

    // ---- requests and answers ----

    fn request<const N: usize>(&self, method: &'static str, path: [&str; N]) -> HttpRequest {
        HttpRequest {
            method,
            address: self.server.rest(path),
            bearer_token: None,
            json: None,
        }
    }

    async fn post<A: DeserializeOwned, const N: usize>(
        &self,
        path: [&str; N],
        body: &impl Serialize,
    ) -> Result<A, ClientError> {
        self.call(self.request("POST", path).json(body)).await
    }

    async fn call<A: DeserializeOwned>(&self, request: HttpRequest) -> Result<A, ClientError> {
        let body = self.exchange(request).await?;
        from_json(&body)
            .map_err(|error| ClientError::ServerMisbehaved(format!("its answer cannot be read: {error}")))
    }

    async fn call_without_answer(&self, request: HttpRequest) -> Result<(), ClientError> {
        self.exchange(request).await.map(drop)
    }

    /// The body of a successful answer.
    async fn exchange(&self, request: HttpRequest) -> Result<Vec<u8>, ClientError> {
        let address = request.address.clone();
        let (method, since) = (request.method, ambient::now());
        // The futures of HTTP are large, and would make every future that awaits them large, too.
        let answer = Box::pin(timeout(
            REST_TIMEOUT,
            self.http.exchange(request, REST_ANSWER_MAX),
        ));
        let answer = answer.await.unwrap_or(Err(HttpFailure::TimedOut));
        tracing::debug!(
            method,
            resource = resource(&address),
            status = answer.as_ref().ok().map(|answer| answer.status),
            took_ms = ambient::now().since(since).as_millis(),
            "request"
        );
        let answer = answer.map_err(|failure| match failure {
            HttpFailure::TimedOut => unreachable(&self.server, "it did not answer in time".to_owned()),
            HttpFailure::Unreachable(reason) => unreachable(&self.server, reason),
            HttpFailure::TooLong => {
                ClientError::ServerMisbehaved(format!("its answer is longer than {REST_ANSWER_MAX} bytes"))
            }
        })?;
        if (200..300).contains(&answer.status) {
            return Ok(answer.body);
        }
        if answer.media_type.starts_with(PROBLEM_MEDIA_TYPE)
            && let Ok(document) = from_json::<ProblemDocument>(&answer.body)
        {
            return Err(refused(document));
        }
        Err(self.unexpected(&answer, &address))
    }

    /// The error for an answer that this API does not give: a proxy's in front of a server that is down, or something
    /// else altogether.
    fn unexpected(&self, answer: &HttpAnswer, address: &str) -> ClientError {
        let said = format!("a proxy answered {}", answer.status);
        match answer.status {
            // Too Many Requests.
            429 => Refusal::of_rate_limit(said, answer.retry_after).into(),
            502..=504 if answer.retry_after.is_some() => {
                Refusal::of_overload(said, answer.retry_after).into()
            }
            // Bad Gateway, Service Unavailable, Gateway Timeout.
            502..=504 => unreachable(&self.server, said),
            status => ClientError::ServerMisbehaved(format!(
                "{address} answered {status}: is there a subrosa server at {}?",
                self.server
            )),
        }
    }
}

/// What a request is for, without the rest of its address: that may name somebody.
fn resource(address: &str) -> &str {
    let (_, path) = address.split_once("/v1/").unwrap_or_default();
    path.split(['/', '?']).next().unwrap_or_default()
}

impl HttpRequest {
    fn bearer(mut self, token: impl Into<String>) -> Self {
        self.bearer_token = Some(token.into());
        self
    }

    fn json(mut self, body: &impl Serialize) -> Self {
        // Every body can be written as JSON: none has a map whose keys are not strings, or a number that a browser
        // cannot represent. If one had, the server would refuse the empty body.
        self.json = Some(to_json(body).unwrap_or_default());
        self
    }

    fn query(mut self, name: &'static str, value: &str) -> Self {
        self.address = format!("{}?{name}={}", self.address, escape(value));
        self
    }
}

fn refused(document: ProblemDocument) -> ClientError {
    match ProblemCode::parse(&document.code) {
        Some(ProblemCode::UnsupportedVersion) => ClientError::VersionMismatch {
            server: None,
            client: subrosa_wire::limits::PROTOCOL_VERSION,
        },
        _ => ClientError::Refused(document.into()),
    }
}

fn unreachable(server: &ServerUrl, reason: String) -> ClientError {
    ClientError::Unreachable {
        server: server.to_string(),
        reason,
    }
}

#[cfg(test)]
mod tests;
