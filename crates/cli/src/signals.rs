//! The signals that ask a command to end.

/// Waits for SIGINT, SIGTERM or SIGHUP (Ctrl+C elsewhere). Never returns if they cannot be watched.
pub(crate) async fn asked_to_end() {
    if watch().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(unix)]
async fn watch() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    Ok(())
}

#[cfg(not(unix))]
async fn watch() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
