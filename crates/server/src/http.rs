//! Accepts connections and hands each to the router: HTTP/1.1, with small buffers and a deadline for the head
//! of a request. TLS and HTTP/2 are a proxy's.

use std::{net::SocketAddr, pin::pin, sync::Arc};

use axum::{Router, body::Body, extract::ConnectInfo};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt as _;

use crate::{
    connection_limits::{Admission, Bounded, ConnectionLimits},
    lifecycle::Lifecycle,
    limits::{ACCEPT_PAUSE, HEAD_MAX, HEAD_TIMEOUT},
};

/// Serves a router on a listener until the server stops; connections finish the request they are in.
///
/// A visitor with too many connections gets no further one: it is closed without an answer, which would cost
/// more than it says.
pub(crate) fn spawn(
    lifecycle: &Lifecycle,
    name: &'static str,
    listener: TcpListener,
    router: Router,
    connection_limits: Arc<ConnectionLimits>,
) {
    let server = lifecycle.clone();
    lifecycle.spawn(name, async move {
        loop {
            let accepted = tokio::select! {
                biased;
                () = server.stopping() => return Ok(()),
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => match connection_limits.admit(peer.ip()) {
                    Some(admission) => {
                        let serving = serve(stream, peer, admission, router.clone(), server.clone());
                        server.spawn_connection(name, serving);
                    }
                    None => metrics::counter!("subrosa_connections_refused_total").increment(1),
                },
                Err(error) => {
                    // Most often there are no file descriptors left: those who are connected go on.
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    });
}

async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    admission: Admission,
    router: Router,
    lifecycle: Lifecycle,
) {
    // Answers are written whole: waiting to fill packets only adds latency. Not every platform can.
    let _ = stream.set_nodelay(true);
    let (stream, allowance) = Bounded::new(stream, admission);
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(allowance.clone());
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = lifecycle.stopping() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        // A visitor that goes away in the middle is nothing to wake anybody for.
        tracing::debug!(%error, "a connection ended early");
    }
}
