//! The API keeps to its OpenAPI document, whatever it is sent: Schemathesis makes requests that the document
//! allows and requests that it forbids, and checks each answer against it.

use std::{env, time::Duration};

use subrosa_e2e::{Person, Server, process::clean_command};

/// The environment variable with the path of Schemathesis; `cargo xtask test` sets it.
const SCHEMATHESIS: &str = "XTASK_E2E_SCHEMATHESIS";

/// Its configuration: which requests it makes, and what it checks.
const CONFIGURATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schemathesis/schemathesis.toml");

/// Far longer than it takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(10);

/// No rate limits: a request that is refused by one tests nothing else.
const UNLIMITED: &str = "[limits]
requests_per_visitor = 0
requests_per_account = 0
searches_per_account = 0
sign_ins_per_handle = 0
sign_ins_per_handle_and_visitor = 0
sign_ins_per_visitor = 0
registrations_per_visitor = 0
";

#[tokio::test]
async fn every_answer_is_one_that_the_document_names() {
    let program = env::var_os(SCHEMATHESIS).unwrap_or_else(|| {
        panic!("{SCHEMATHESIS} is not set: install e2e/schemathesis/requirements.txt, and name its program")
    });
    let server = Server::start_configured(UNLIMITED).await;
    let alice = Person::sign_up(&server, "alice").await;
    let token = access_token(&server, &alice).await;
    let url = format!("http://{}", server.address());
    // From a file: Schemathesis leaves out the route that it has loaded the document from.
    let document = server.get("/openapi.json").await.json();
    let file = server.folder().join("openapi.json");
    std::fs::write(&file, document.to_string()).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut command = clean_command(program, server.folder());
    command
        .args(["--config-file", CONFIGURATION, "run"])
        .arg(&file)
        .args([
            "--url",
            &url,
            "--header",
            &format!("Authorization: Bearer {token}"),
        ])
        .args(["--no-color", "--output-truncate", "false"])
        .kill_on_drop(true);
    let ended = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = ended
        .unwrap_or_else(|elapsed| panic!("Schemathesis does not end: {elapsed}"))
        .unwrap_or_else(|error| panic!("Schemathesis does not start: {error}"));
    let report = String::from_utf8_lossy(&output.stdout);
    let all_tested = format!("Tested: {}\n", operations(&document));
    assert!(
        output.status.success() && report.contains(&all_tested),
        "{report}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // The token was valid to the end, so what needs one was tested with it.
    alice.run(&["devices"]).await.ok();
}

/// How many operations the document describes.
fn operations(document: &serde_json::Value) -> usize {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths
        .map(|(_, item)| item.as_object().map_or(0, serde_json::Map::len))
        .sum()
}

/// The access token of a person's device, as it crosses the network.
async fn access_token(server: &Server, person: &Person) -> String {
    server.proxy().record();
    person.run(&["devices"]).await.ok();
    let recordings = server.proxy().recordings();
    let token = recordings.iter().find_map(|recording| {
        let sent = String::from_utf8_lossy(&recording.to_server);
        let (_, token) = sent.split_once("earer ")?;
        Some(token.lines().next().unwrap_or_default().trim().to_owned())
    });
    token.unwrap_or_else(|| panic!("no token in {} connections", recordings.len()))
}
