//! What a process writes, kept as it comes, for those who wait for a line of it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    sync::watch,
    task::JoinSet,
};

/// One output stream. Clones are the same.
#[derive(Clone)]
pub(crate) struct Capture {
    bytes: Arc<Mutex<Vec<u8>>>,
    /// Length so far, and whether the stream has ended.
    progress: watch::Receiver<(usize, bool)>,
}

impl Capture {
    /// Reads a stream to its end on a task of `readers`.
    pub(crate) fn start(
        mut stream: impl AsyncRead + Unpin + Send + 'static,
        readers: &mut JoinSet<()>,
    ) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let (sender, progress) = watch::channel((0, false));
        let kept = Arc::clone(&bytes);
        readers.spawn(async move {
            let mut buffer = [0; 8192];
            loop {
                // A stream that fails is over, like one that ends.
                let count = stream.read(&mut buffer).await.unwrap_or(0);
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&buffer[..count]);
                sender.send_replace((kept.len(), count == 0));
                if count == 0 {
                    return;
                }
            }
        });
        Self { bytes, progress }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    /// Waits until what is here passes; `None` if the stream ends before.
    pub(crate) async fn wait<T>(&self, mut find: impl FnMut(&[u8]) -> Option<T>) -> Option<T> {
        let mut progress = self.progress.clone();
        loop {
            let (_, has_ended) = *progress.borrow_and_update();
            if let Some(found) = find(&self.bytes()) {
                return Some(found);
            }
            if has_ended || progress.changed().await.is_err() {
                return None;
            }
        }
    }

    /// Waits for the end of the stream.
    pub(crate) async fn ended(&self) {
        let mut progress = self.progress.clone();
        // An error says that the reader is gone, and with it the stream.
        let _ = progress.wait_for(|(_, has_ended)| *has_ended).await;
    }
}
