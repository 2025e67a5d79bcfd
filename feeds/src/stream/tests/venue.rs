//! A venue on 127.0.0.1: accepts connections one by one and leaves the rest to the story.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_async, accept_hdr_async};

/// Nothing on 127.0.0.1 takes this long, however loaded the machine is.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Venue {
    listener: TcpListener,
}

pub(super) struct Visitor {
    socket: WebSocketStream<TcpStream>,
}

impl Venue {
    pub(super) async fn open() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(super) fn address(&self) -> String {
        self.listener.local_addr().unwrap().to_string()
    }

    pub(super) async fn accept_tcp(&self) -> TcpStream {
        timeout(PATIENCE, self.listener.accept()).await.expect("someone connects").unwrap().0
    }

    /// Accepts a WebSocket connection.
    pub(super) async fn accept(&self) -> Visitor {
        Visitor { socket: accept_async(self.accept_tcp().await).await.unwrap() }
    }

    /// Accepts a WebSocket connection; the value of `header` in its upgrade request.
    // The callback's own shape makes its error large.
    #[expect(clippy::result_large_err, reason = "tungstenite's callback")]
    pub(super) async fn accept_asking(&self, header: &'static str) -> (Visitor, Option<String>) {
        let mut value = None;
        let callback = |request: &Request, response: Response| {
            value = request.headers().get(header).and_then(|value| value.to_str().ok()).map(str::to_owned);
            Ok(response)
        };
        let socket = accept_hdr_async(self.accept_tcp().await, callback).await.unwrap();
        (Visitor { socket }, value)
    }

    /// Accepts a connection that subscribes, and acknowledges it.
    pub(super) async fn accept_subscriber(&self) -> Visitor {
        let mut visitor = self.accept().await;
        visitor.expect("subscribe 0").await;
        visitor.send("ack").await;
        visitor
    }

    /// Answers the next request with `head` and `body`, and hangs up; returns what was asked.
    pub(super) async fn answer_http(&self, head: &str, body: &str) -> String {
        let mut stream = self.accept_tcp().await;
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        let answer =
            format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        String::from_utf8(request).unwrap()
    }
}

impl Visitor {
    pub(super) async fn send(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    pub(super) async fn send_binary(&mut self, bytes: &'static [u8]) {
        self.socket.send(Message::Binary(bytes.into())).await.unwrap();
    }

    /// The next text message; keepalives are answered meanwhile.
    pub(super) async fn next_text(&mut self) -> Option<String> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("the feed says something") {
                Some(Ok(Message::Text(text))) => return Some(text.to_string()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(other)) => panic!("the feed sent {other:?}"),
            }
        }
    }

    pub(super) async fn expect(&mut self, text: &str) {
        assert_eq!(self.next_text().await.as_deref(), Some(text));
    }

    /// Answers keepalives for `span`, and says nothing itself.
    pub(super) async fn stay_quiet(&mut self, span: Duration) {
        let told = timeout(span, self.next_text()).await;
        assert!(told.is_err(), "the feed said {told:?}");
    }

    /// Waits for the feed's close frame.
    pub(super) async fn expect_close(mut self) {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("the feed says goodbye") {
                Some(Ok(Message::Close(_))) => return,
                Some(Ok(_)) => {}
                Some(Err(error)) => panic!("hung up without a close frame: {error}"),
                None => panic!("hung up without a close frame"),
            }
        }
    }

    pub(super) async fn close(mut self, code: u16, reason: &str) {
        let frame = CloseFrame { code: code.into(), reason: reason.to_owned().into() };
        self.socket.close(Some(frame)).await.unwrap();
    }
}
