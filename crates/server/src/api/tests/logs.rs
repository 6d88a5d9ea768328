use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use tracing_subscriber::fmt::MakeWriter;

use super::{
    client::{Owner, PASSWORD},
    harness::Server,
};

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn the_log_tells_what_happened_and_no_secret_and_no_handle() {
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(captured.clone())
        .finish();
    let _log = tracing::subscriber::set_default(subscriber);
    let server = Server::start().await;
    let (owner, mut device) = Owner::sign_up(&server, "alice").await;
    let old = device.tokens.clone();
    let proof = owner.sign_in(&server, PASSWORD).await.proof;
    device.refresh(&server).await;
    server.get("/v1/people/alice").token(device.access()).send().await;
    server
        .get("/v1/people?handle_prefix=alice")
        .token(device.access())
        .send()
        .await;
    server.get("/v1/vault").token("nonsense-token").send().await;
    owner
        .change_password(&server, &proof, "a new password", None)
        .await
        .done();
    server
        .delete(&format!("/v1/devices/{}", device.device_id))
        .token(device.access())
        .send()
        .await
        .done();

    let log = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    let account = owner.account_id.to_string();
    for expected in [
        account.as_str(),
        "an account signed up",
        "a password was changed",
        "a device was signed out",
    ] {
        assert!(log.contains(expected), "{expected}: {log}");
    }
    let secrets = [
        PASSWORD,
        "a new password",
        "alice",
        "nonsense-token",
        &proof,
        &old.access_token,
        &old.refresh_token,
        &device.tokens.access_token,
        &device.tokens.refresh_token,
    ];
    for secret in secrets {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}
