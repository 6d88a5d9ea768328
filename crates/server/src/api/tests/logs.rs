use std::{cell::RefCell, io::Write, sync::Once};

use super::{
    client::{Owner, PASSWORD},
    harness::Server,
};

thread_local! {
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Writes to the log of the present thread, which is that of one test.
struct ThreadLog;

impl Write for ThreadLog {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.with_borrow_mut(|log| log.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Logs everything. For the whole process, because a subscriber of one thread is overlooked by places that
/// another thread came to first (tracing keeps what it was told there).
fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(|| ThreadLog)
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

#[tokio::test]
async fn the_log_tells_what_happened_and_no_secret_and_no_handle() {
    start();
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

    let log = String::from_utf8(LOG.take()).unwrap();
    let account = owner.account_id().to_string();
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
