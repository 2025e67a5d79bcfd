//! A source on 127.0.0.1: answers requests one by one, as the story tells.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Nothing on 127.0.0.1 takes this long, however loaded the machine is.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Source {
    listener: TcpListener,
}

/// A request that waits for its answer.
pub(super) struct Asked {
    stream: TcpStream,
    /// Request line, headers and body.
    pub(super) text: String,
}

impl Source {
    pub(super) async fn open() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(super) fn address(&self) -> String {
        self.listener.local_addr().unwrap().to_string()
    }

    /// The next request.
    pub(super) async fn asked(&self) -> Asked {
        let accepted = timeout(PATIENCE, self.listener.accept()).await.expect("someone asks");
        let mut stream = accepted.unwrap().0;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let mut text = String::from_utf8(head).unwrap();
        let lower = text.to_ascii_lowercase();
        let length = lower.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        stream.read_exact(&mut body).await.unwrap();
        text.push_str(std::str::from_utf8(&body).unwrap());
        Asked { stream, text }
    }

    /// Answers the next request with `head` and `body`; what was asked.
    pub(super) async fn answer(&self, head: &str, body: &str) -> String {
        self.asked().await.answer(head, body).await
    }

    /// Answers the next request with `body`; its path.
    pub(super) async fn ok(&self, body: &str) -> String {
        path_of(&self.answer("200 OK", body).await).to_owned()
    }

    /// That nobody asks for `span`.
    pub(super) async fn nobody_asks(&self, span: Duration) {
        let asked = timeout(span, self.listener.accept()).await;
        assert!(asked.is_err(), "someone asked");
    }
}

impl Asked {
    pub(super) async fn answer(mut self, head: &str, body: &str) -> String {
        let answer =
            format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        // The feed may hang up before it has read it all.
        let _ = self.stream.write_all(answer.as_bytes()).await;
        let _ = self.stream.shutdown().await;
        self.text
    }
}

pub(super) fn path_of(request: &str) -> &str {
    request.split(' ').nth(1).unwrap()
}

/// The value of a header, whatever the case of its name.
pub(super) fn header<'r>(request: &'r str, name: &str) -> Option<&'r str> {
    let pairs = request.lines().filter_map(|line| line.split_once(": "));
    pairs.filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
}
