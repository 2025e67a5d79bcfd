//! A client that knows nothing of the simulator but its address.

use std::io::Read;
use std::net::SocketAddr;
use std::time::Duration;

use flate2::read::GzDecoder;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use simulator::{Faults, Running, Scenario, SimulatorConfig, Tls, Tuning, Venue, start_with};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// A market that liquidates about twenty times a second.
pub const BUSY: &str = r#"
name = "busy"
about = "many liquidations, all the time"
after = "loop"

[[phase]]
name = "busy"
duration_secs = 600
rate_per_min = 600
branching = 0.5
decay_secs = 1
volatility_pct = 0.2
"#;

pub fn busy() -> SimulatorConfig {
    SimulatorConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        scenario: Scenario::from_toml(BUSY, "busy").unwrap(),
        seed: 7,
        faults: Faults::default(),
        tls: Tls::Off,
        pace: 1.0,
    }
}

pub fn venue(id: &str) -> Venue {
    Venue::find(id).unwrap()
}

pub async fn run(config: SimulatorConfig) -> Running {
    start_with(config, Tuning::default()).await.unwrap()
}

pub async fn with_faults(text: &str) -> Running {
    run(SimulatorConfig { faults: Faults::parse(text).unwrap(), ..busy() }).await
}

/// What came, or how it ended.
#[derive(Debug)]
pub enum Heard {
    Text(String),
    Binary(Vec<u8>),
    Ping,
    Pong,
    Closed(Option<CloseFrame>),
    Cut(#[expect(dead_code, reason = "shown when a test fails")] String),
    Nothing,
}

pub struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    pub async fn connect(addr: SocketAddr, path: &str) -> Self {
        Self(connect_async(format!("ws://{addr}{path}")).await.unwrap().0)
    }

    /// With one more header in the request.
    pub async fn with_header(addr: SocketAddr, path: &str, name: &'static str, value: &str) -> Self {
        let mut request = format!("ws://{addr}{path}").into_client_request().unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
        Self(connect_async(request).await.unwrap().0)
    }

    /// The HTTP status and Retry-After of a refused upgrade.
    pub async fn refused(addr: SocketAddr, path: &str) -> (u16, Option<String>) {
        match connect_async(format!("ws://{addr}{path}")).await {
            Err(Error::Http(answer)) => {
                let retry =
                    answer.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
                (answer.status().as_u16(), retry)
            }
            other => panic!("{path} was not refused: {other:?}"),
        }
    }

    pub async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// As [`Client::send`], whether or not anyone is there.
    pub async fn try_send(&mut self, text: &str) -> bool {
        self.0.send(Message::text(text)).await.is_ok()
    }

    pub async fn ping(&mut self) {
        self.0.send(Message::Ping(Vec::new().into())).await.unwrap();
    }

    /// The next thing within `wait`.
    pub async fn hear(&mut self, wait: Duration) -> Heard {
        let next = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => return Heard::Text(text.as_str().to_owned()),
                    Some(Ok(Message::Binary(bytes))) => return Heard::Binary(bytes.to_vec()),
                    Some(Ok(Message::Ping(_))) => return Heard::Ping,
                    Some(Ok(Message::Pong(_))) => return Heard::Pong,
                    Some(Ok(Message::Close(frame))) => return Heard::Closed(frame),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Heard::Cut(error.to_string()),
                    None => return Heard::Cut("end of stream".into()),
                }
            }
        };
        tokio::time::timeout(wait, next).await.unwrap_or(Heard::Nothing)
    }

    /// How the connection ends, if it does within `wait` of the last thing heard.
    pub async fn end(&mut self, wait: Duration) -> Heard {
        loop {
            match self.hear(wait).await {
                Heard::Text(_) | Heard::Binary(_) | Heard::Ping | Heard::Pong => {}
                end @ (Heard::Closed(_) | Heard::Cut(_) | Heard::Nothing) => return end,
            }
        }
    }

    pub async fn text(&mut self) -> String {
        match self.hear(Duration::from_secs(10)).await {
            Heard::Text(text) => text,
            Heard::Binary(bytes) => unpacked(&bytes).unwrap(),
            other => panic!("expected text, heard {other:?}"),
        }
    }

    pub async fn json(&mut self) -> Value {
        let text = self.text().await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Every text that arrives within `wait`.
    pub async fn texts(&mut self, wait: Duration) -> Vec<String> {
        let until = tokio::time::Instant::now() + wait;
        let mut texts = Vec::new();
        loop {
            match self.hear(until.saturating_duration_since(tokio::time::Instant::now())).await {
                Heard::Text(text) => texts.push(text),
                Heard::Binary(bytes) => texts.push(unpacked(&bytes).unwrap_or_else(|| "unreadable".into())),
                Heard::Ping | Heard::Pong => {}
                Heard::Nothing | Heard::Closed(_) | Heard::Cut(_) => return texts,
            }
        }
    }

    /// A connection to OKX that gets swaps.
    pub async fn okx(addr: SocketAddr) -> Self {
        let mut client = Self::connect(addr, "/ws/v5/public").await;
        client
            .send(r#"{"op":"subscribe","args":[{"channel":"liquidation-orders","instType":"SWAP"}]}"#)
            .await;
        client
    }

    /// A connection to Binance that gets everything.
    pub async fn binance(addr: SocketAddr) -> Self {
        Self::connect(addr, "/market/stream?streams=!forceOrder@arr").await
    }
}

/// What a compressed frame says; `None` when it cannot be read.
pub fn unpacked(bytes: &[u8]) -> Option<String> {
    let mut text = String::new();
    GzDecoder::new(bytes).read_to_string(&mut text).ok().map(|_| text)
}

/// `GET path`: the status and the body as JSON.
pub async fn get(addr: SocketAddr, path: &str) -> (u16, Value) {
    let (status, _, body) = ask(addr, &format!("GET {path}"), "", "").await;
    (status, serde_json::from_str(&body).unwrap())
}

/// A request: the status, the head and the body of the answer. `headers` end in a line break each.
pub async fn ask(addr: SocketAddr, what: &str, headers: &str, body: &str) -> (u16, String, String) {
    let (status, head, body) = ask_any(addr, what, headers, body).await;
    assert!(head.contains("content-type: application/json"), "{head}");
    (status, head, body)
}

/// The same, whatever comes back.
pub async fn ask_any(addr: SocketAddr, what: &str, headers: &str, body: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let length = body.len();
    let request = format!(
        "{what} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_ascii_lowercase(), body.to_owned())
}
