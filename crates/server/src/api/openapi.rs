//! The OpenAPI 3.1 document, made from the handlers and the bodies of `subrosa_wire`.

use std::collections::btree_map::Entry;

use subrosa_wire::{LinkId, ProblemCode, problem::PROBLEM_MEDIA_TYPE};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        ContentBuilder, OpenApi as Document, Ref, RefOr, ResponseBuilder,
        path::Operation,
        security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};

/// The security scheme of a signed-in device.
const ACCESS_TOKEN: &str = "access_token";
/// The security scheme of a client that has just signed in and enrolled no device yet.
const SIGN_IN_PROOF: &str = "sign_in_proof";

/// The document without its paths.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Subrosa",
        description = "Accounts, sign-in, devices and directory of a Subrosa server, over JSON. Conversations \
            are frames on the WebSocket at `/v1/live`, described by `frames.proto`. Byte strings are base64url \
            without padding, instants are milliseconds since 1970 UTC. Whatever is refused is a problem \
            document (RFC 9457) with a stable `code`.",
        license(name = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "server", description = "What a client must know first."),
        (name = "sign-up", description = "A new account. The password never leaves the client (OPAQUE, RFC 9807)."),
        (name = "sign-in", description = "Ways into an account, and how they are changed."),
        (name = "devices", description = "The devices of an account and their tokens."),
        (name = "directory", description = "Other people."),
        (name = "vault", description = "What the account keeps at the server and the server cannot read."),
        (name = "conversations", description = "The log, for those who prefer pages to frames, and the WebSocket."),
        (name = "operators", description = "For the machines of whoever runs the server."),
    ),
    // It is in no body, only in a path.
    components(schemas(LinkId)),
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
        add(ACCESS_TOKEN, "A device's access token: a JWT, valid 15 minutes.");
        add(
            SIGN_IN_PROOF,
            "The proof of a sign-in or recovery, valid five minutes: enrols one device and changes the password once.",
        );
    }
}

/// What stands in the document besides the paths.
pub(super) fn frame() -> Document {
    Api::openapi()
}

/// Whether the limit on a visitor's requests holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limited {
    Yes,
    No,
}

/// Adds to each operation the problems that follow from what it takes, so that no handler forgets one.
pub(super) fn completed(mut document: Document, limited: Limited) -> Document {
    for item in document.paths.paths.values_mut() {
        let reading = [&mut item.get];
        let writing = [&mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in reading.into_iter().flatten() {
            complete(operation, limited);
        }
        for operation in writing.into_iter().flatten() {
            complete(operation, limited);
            add(operation, ProblemCode::StorageFull);
        }
    }
    document
}

fn complete(operation: &mut Operation, limited: Limited) {
    let takes_token = |name: &str| {
        let requirement = SecurityRequirement::new::<&str, [&str; 0], &str>(name, []);
        let security = operation.security.as_ref();
        security.is_some_and(|requirements| requirements.contains(&requirement))
    };
    let (takes_access_token, takes_proof) = (takes_token(ACCESS_TOKEN), takes_token(SIGN_IN_PROOF));
    let takes_body = operation.request_body.is_some();
    if takes_body || operation.parameters.is_some() {
        add(operation, ProblemCode::MalformedRequest);
    }
    if takes_body {
        add(operation, ProblemCode::TooLarge);
    }
    if takes_access_token || takes_proof {
        add(operation, ProblemCode::Unauthenticated);
    }
    if takes_access_token {
        add(operation, ProblemCode::DeviceSignedOut);
    }
    if limited == Limited::Yes {
        add(operation, ProblemCode::RateLimited);
    }
    add(operation, ProblemCode::Internal);
    add(operation, ProblemCode::Unavailable);
}

/// Adds a problem that the operation can answer, beside others with the same status.
fn add(operation: &mut Operation, code: ProblemCode) {
    let name = format!("`{code}`");
    let responses = &mut operation.responses.responses;
    match responses.entry(code.status().to_string()) {
        Entry::Occupied(mut there) => {
            if let RefOr::T(response) = there.get_mut()
                && !response.description.contains(&name)
            {
                response.description = format!("{name}, {}", response.description);
            }
        }
        Entry::Vacant(free) => {
            let schema = Ref::from_schema_name("ProblemDocument");
            let content = ContentBuilder::new().schema(Some(schema)).build();
            let response = ResponseBuilder::new()
                .description(name)
                .content(PROBLEM_MEDIA_TYPE, content);
            free.insert(response.build().into());
        }
    }
}
