//! The OpenAPI 3.1 document, made from the handlers and the bodies of `subrosa_wire`.

use utoipa::{
    Modify, OpenApi,
    openapi::{
        OpenApi as Document,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

use super::{devices, log, password, people, recovery, registration, server, sessions, sign_in, vault};

/// The paths of the API.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Subrosa",
        description = "Accounts, sign-in, devices and directory of a Subrosa server, over JSON. Conversations \
            are frames on the WebSocket at `/v1/live`, described by `frames.proto`. Byte strings are base64url \
            without padding, instants are milliseconds since 1970 UTC. Whatever is refused is a problem \
            document (RFC 9457) with a stable `code`; besides those named at each request any of them can \
            answer `malformed_request`, `too_large`, `rate_limited`, `unavailable`, `storage_full` or \
            `internal`.",
        license(name = "MIT OR Apache-2.0")
    ),
    paths(
        server::show,
        registration::start,
        registration::finish,
        sign_in::start,
        sign_in::finish,
        recovery::start,
        recovery::finish,
        password::start,
        password::finish,
        devices::enrol,
        devices::list,
        devices::sign_out,
        sessions::challenge,
        sessions::refresh,
        vault::show,
        vault::replace,
        people::search,
        people::show,
        log::show,
    ),
    tags(
        (name = "server", description = "What a client must know first."),
        (name = "sign-up", description = "A new account. The password never leaves the client (OPAQUE, RFC 9807)."),
        (name = "sign-in", description = "Ways into an account, and how they are changed."),
        (name = "devices", description = "The devices of an account and their tokens."),
        (name = "directory", description = "Other people."),
        (name = "vault", description = "What the account keeps at the server and the server cannot read."),
        (name = "conversations", description = "The log, for those who prefer pages to frames."),
    ),
    modifiers(&Tokens),
)]
struct Api;

/// The two kinds of bearer tokens.
struct Tokens;

impl Modify for Tokens {
    fn modify(&self, document: &mut Document) {
        let schemes = &mut document.components.get_or_insert_default().security_schemes;
        let mut add = |name: &str, description: &str| {
            let mut scheme = Http::new(HttpAuthScheme::Bearer);
            scheme.description = Some(description.to_owned());
            schemes.insert(name.to_owned(), SecurityScheme::Http(scheme));
        };
        add(
            "access_token",
            "A device's access token: a JWT, valid 15 minutes.",
        );
        add(
            "sign_in_proof",
            "The proof of a sign-in or recovery, valid five minutes: enrols one device and changes the password once.",
        );
    }
}

/// The document.
pub fn document() -> Document {
    Api::openapi()
}
