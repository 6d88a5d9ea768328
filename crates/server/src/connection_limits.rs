//! Limits on the connections of a visitor, and on what a connection may send before its device is known. Without
//! them anybody who can reach the port could exhaust the file descriptors and the memory of the server, without
//! an account.

use std::{
    hash::{BuildHasher as _, RandomState},
    io,
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{limits::RATE_LIMITER_BUCKETS, rate::visitor};

/// The connections of each visitor.
pub(crate) struct ConnectionLimits {
    per_visitor: u32,
    /// Their connections carry the requests of many visitors and are not counted.
    trusted_proxies: Vec<IpAddr>,
    hasher: RandomState,
    // As for the rate limiter: memory is bounded, and with more visitors than places some share one.
    open: Box<[AtomicU32]>,
}

impl ConnectionLimits {
    /// At most `per_visitor` connections for each visitor; 0 is no limit.
    pub(crate) fn new(per_visitor: u32, trusted_proxies: Vec<IpAddr>) -> Arc<Self> {
        let places = if per_visitor == 0 { 0 } else { RATE_LIMITER_BUCKETS };
        Arc::new(Self {
            per_visitor,
            trusted_proxies,
            hasher: RandomState::new(),
            open: (0..places).map(|_| AtomicU32::new(0)).collect(),
        })
    }

    /// Admits one more connection of a visitor, which counts as long as the value lives; `None` if there are
    /// too many.
    pub(crate) fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Admission> {
        if self.open.is_empty() || self.trusted_proxies.contains(&peer.to_canonical()) {
            return Some(Admission(None));
        }
        let hash = self.hasher.hash_one(visitor(peer)) % u64::from(RATE_LIMITER_BUCKETS);
        let place = usize::try_from(hash).unwrap_or_default();
        let more = |open: u32| (open < self.per_visitor).then_some(open + 1);
        self.open[place]
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .ok()?;
        Some(Admission(Some((Arc::clone(self), place))))
    }
}

/// A connection that is counted.
pub(crate) struct Admission(Option<(Arc<ConnectionLimits>, usize)>);

impl Drop for Admission {
    fn drop(&mut self) {
        if let Some((limits, place)) = &self.0 {
            limits.open[*place].fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// How many more bytes are read from a connection. Clones share the count.
#[derive(Clone)]
pub(crate) struct Allowance(Arc<AtomicUsize>);

impl Allowance {
    fn unlimited() -> Self {
        Self(Arc::new(AtomicUsize::new(usize::MAX)))
    }

    /// Sets how many bytes may still be read.
    pub(crate) fn restrict(&self, bytes: usize) {
        self.0.store(bytes, Ordering::Relaxed);
    }

    /// Lets any number of bytes be read.
    pub(crate) fn lift(&self) {
        self.restrict(usize::MAX);
    }

    /// Takes what was read; whether that much was left.
    fn take(&self, bytes: usize) -> bool {
        // The connection is read by one task at a time, the same that restricts and lifts.
        match self.0.load(Ordering::Relaxed) {
            usize::MAX => true,
            left => {
                self.restrict(left.saturating_sub(bytes));
                bytes <= left
            }
        }
    }
}

/// A connection that reads no more than it is allowed, and counts as long as it is open.
pub(crate) struct Bounded<S> {
    stream: S,
    allowance: Allowance,
    _admission: Admission,
}

impl<S> Bounded<S> {
    /// A connection without a bound on what it reads at first.
    pub(crate) fn new(stream: S, admission: Admission) -> (Self, Allowance) {
        let allowance = Allowance::unlimited();
        let bounded = Self {
            stream,
            allowance: allowance.clone(),
            _admission: admission,
        };
        (bounded, allowance)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let bytes = buffer.filled().len() - before;
        Poll::Ready(if self.allowance.take(bytes) {
            Ok(())
        } else {
            Err(io::Error::other("too much was sent before Hello"))
        })
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_visitor_has_so_many_connections_and_no_more() {
        let limits = ConnectionLimits::new(2, vec![address("192.0.2.9")]);
        let first = limits.admit(address("192.0.2.1")).unwrap();
        let _second = limits.admit(address("::ffff:192.0.2.1")).unwrap();
        assert!(limits.admit(address("192.0.2.1")).is_none());
        drop(first);
        let _third = limits.admit(address("192.0.2.1")).unwrap();
        assert!(limits.admit(address("192.0.2.1")).is_none());
        // Whoever comes through a proxy is not one visitor.
        let proxied: Vec<_> = (0..5).map(|_| limits.admit(address("192.0.2.9"))).collect();
        assert!(proxied.iter().all(Option::is_some));
    }

    #[test]
    fn no_limit_counts_nobody() {
        let limits = ConnectionLimits::new(0, Vec::new());
        let many: Vec<_> = (0..100).map(|_| limits.admit(address("192.0.2.1"))).collect();
        assert!(many.iter().all(Option::is_some));
    }

    #[tokio::test]
    async fn no_more_is_read_than_is_allowed() {
        let (mut client, server) = duplex(1024);
        let admission = ConnectionLimits::new(0, Vec::new())
            .admit(address("192.0.2.1"))
            .unwrap();
        let (mut server, allowance) = Bounded::new(server, admission);
        let mut read = [0; 100];
        client.write_all(&[1; 300]).await.unwrap();
        server.read_exact(&mut read).await.unwrap();
        allowance.restrict(150);
        server.read_exact(&mut read).await.unwrap();
        assert!(server.read_exact(&mut read).await.is_err());
        allowance.lift();
        client.write_all(&[1; 100]).await.unwrap();
        server.read_exact(&mut read).await.unwrap();
    }
}
