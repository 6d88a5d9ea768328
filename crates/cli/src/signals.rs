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

/// Tells when this process goes on after it was stopped. Watched from its creation on.
pub(crate) struct GoesOn {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl GoesOn {
    pub(crate) fn watch() -> Self {
        Self {
            #[cfg(unix)]
            signal: {
                use tokio::signal::unix::{SignalKind, signal};
                signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw())).ok()
            },
        }
    }

    /// Resolves at SIGCONT; never if that cannot be watched.
    pub(crate) async fn wait(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        pending::<()>().await;
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
