//! A venue on 127.0.0.1 with a past: answers every request as its story tells, and notes it.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Status line with headers, and body.
pub(super) type Reply = (String, String);

pub(super) struct Venue {
    pub(super) url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

/// The reply of a venue that never answers.
const HANG: &str = "hang";

pub(super) fn hang() -> Reply {
    (HANG.to_owned(), String::new())
}

pub(super) fn ok(body: impl Into<String>) -> Reply {
    ("200 OK".to_owned(), body.into())
}

pub(super) fn status(head: &str, body: &str) -> Reply {
    (head.to_owned(), body.to_owned())
}

impl Venue {
    /// Answers each path and query, and how many were asked before it, with what `story` says.
    pub(super) async fn open(story: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = asked.clone();
        tokio::spawn(async move {
            let mut hanging = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                let Some((stream, path)) = read(stream).await else { continue };
                let before = {
                    let mut noted = noted.lock().unwrap();
                    noted.push(path.clone());
                    noted.len() - 1
                };
                match story(&path, before) {
                    (head, _) if head == HANG => hanging.push(stream),
                    (head, body) => answer(stream, &head, &body).await,
                }
            }
        });
        Self { url, asked }
    }

    /// Every path and query asked so far.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// OKX's contract values: those of a few swaps, and no futures.
pub(super) fn okx_contracts(path: &str) -> Reply {
    if parameter(path, "instType") != Some("SWAP") {
        return ok(r#"{"code":"0","msg":"","data":[]}"#);
    }
    let row = |base: &str| {
        format!(
            r#"{{"instType":"SWAP","instId":"{base}-USDT-SWAP","instFamily":"{base}-USDT","ctVal":"0.01","ctMult":"1","ctValCcy":"{base}"}}"#
        )
    };
    ok(format!(r#"{{"code":"0","msg":"","data":[{},{}]}}"#, row("BTC"), row("ETH")))
}

async fn read(mut stream: TcpStream) -> Option<(TcpStream, String)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let path = head.split(' ').nth(1)?.to_owned();
    Some((stream, path))
}

async fn answer(mut stream: TcpStream, head: &str, body: &str) {
    let text =
        format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    // Whoever asked may have hung up.
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// The value of a parameter in a path and query.
pub(super) fn parameter<'p>(path: &'p str, name: &str) -> Option<&'p str> {
    let query = path.split_once('?')?.1;
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

pub(super) fn number(path: &str, name: &str) -> i64 {
    parameter(path, name).unwrap_or_else(|| panic!("{name} in {path}")).parse().unwrap()
}
