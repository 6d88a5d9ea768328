//! A server of a few pages, for what can be shown without the web app.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// Serves pages until dropped.
pub(crate) struct StaticPages {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

/// Path, content type, body.
pub(crate) type StaticPage = (&'static str, &'static str, &'static str);

impl StaticPages {
    pub(crate) async fn start(pages: &'static [StaticPage]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(answer(client, pages));
            }
        });
        Self {
            address,
            _tasks: tasks,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

async fn answer(mut client: TcpStream, pages: &[StaticPage]) {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let Ok(1..) = client.read_buf(&mut request).await else {
            return;
        };
    }
    let head = String::from_utf8_lossy(&request);
    let path = head.split(' ').nth(1).unwrap_or_default();
    let page = pages.iter().find(|(at, ..)| *at == path);
    let (status, kind, body) = page.map_or(("404 Not Found", "text/plain", ""), |(_, kind, body)| {
        ("200 OK", *kind, *body)
    });
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    // A client that leaves early needs no answer.
    let _ = client.write_all(answer.as_bytes()).await;
}
