//! The signals that end a command.

use std::{future::pending, io};

/// Resolves at SIGINT, SIGTERM or SIGHUP (Ctrl+C elsewhere), or never if they cannot be watched. They are watched from
/// this call on, not from the first poll, so call it before taking the terminal over.
pub(crate) fn asked_to_end() -> impl Future<Output = ()> {
    let watch = watch();
    async move {
        match watch {
            Ok(watch) => watch.await,
            Err(_) => pending().await,
        }
    }
}

#[cfg(unix)]
fn watch() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn watch() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            pending::<()>().await;
        }
    })
}
