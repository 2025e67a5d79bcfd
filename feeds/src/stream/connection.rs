//! One WebSocket connection: how it is made, read, kept alive, and known to be alive.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use market::{GapCause, Payload, Timestamp};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::client::{IntoClientRequest, uri_mode};
use tokio_tungstenite::tungstenite::http::header::{RETRY_AFTER, USER_AGENT};
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Bytes, Error as WsError, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use crate::protocol::Heartbeat;

use super::Station;
use crate::watch::failure::{Failure, HttpAnswer};
use crate::watch::outlet::Outlet;

/// Heartbeats closer than this would only load the venue.
const FASTEST_BEAT: Duration = Duration::from_millis(10);
/// Heartbeats further apart than this prove nothing.
const SLOWEST_BEAT: Duration = Duration::from_hours(1);

/// A connection that was made, and the signs of life it gave.
pub(super) struct Link {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    heartbeat: Heartbeat,
    beat_every: Duration,
    next_beat: Instant,
    /// Longest stretch without a sign of life.
    patience: Duration,
    write_within: Duration,
    proved: Instant,
    proved_at: Timestamp,
}

/// What came over a connection.
pub(super) enum Heard {
    /// A message, and when the socket returned it.
    Message(Payload, Timestamp),
    /// A sign of life without content.
    Proof,
}

/// Why `url` cannot be connected to, whatever the weather.
pub(super) fn check_url(url: &str) -> Result<(), String> {
    let request = url.into_client_request().map_err(|error| error.to_string())?;
    uri_mode(request.uri()).map(drop).map_err(|error| error.to_string())
}

/// What may be shown of `url`: all but its query, in which some venues want the key.
pub(super) fn showable(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

impl Link {
    /// Connects to `url`, with `headers` beside our own.
    pub(super) async fn dial(
        station: &Station<'_>,
        url: &str,
        headers: &[(&'static str, &'static str)],
        heartbeat: Heartbeat,
    ) -> Result<Self, Failure> {
        let timing = &station.timing;
        let shown = showable(url);
        let unreachable = |words: String| Failure::new(GapCause::Unreachable, words);
        let mut request = url.into_client_request().map_err(|error| unreachable(error.to_string()))?;
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(crate::watch::USER_AGENT));
        for (name, value) in headers {
            let name = HeaderName::try_from(*name).map_err(|error| unreachable(error.to_string()))?;
            let value = HeaderValue::try_from(*value).map_err(|error| unreachable(error.to_string()))?;
            request.headers_mut().insert(name, value);
        }
        let connector = Connector::Rustls(station.tls.clone());
        let dialled = connect_async_tls_with_config(request, None, true, Some(connector));
        let socket = match timeout(timing.connect_within, dialled).await {
            Ok(Ok((socket, _))) => socket,
            Ok(Err(WsError::Http(answer))) => {
                let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
                let answer = HttpAnswer {
                    status: answer.status().as_u16(),
                    reason: answer.status().canonical_reason().unwrap_or_default(),
                    retry_after,
                    url: shown,
                };
                return Err(answer.into_failure(timing, station.outlet.now()));
            }
            Ok(Err(error)) => return Err(unreachable(format!("{error} ({shown})"))),
            Err(_) => {
                let waited = timing.connect_within.as_secs_f64();
                return Err(unreachable(format!("no connection within {waited} s ({shown})")));
            }
        };
        let every = heartbeat.every().clamp(FASTEST_BEAT, SLOWEST_BEAT);
        let now = Instant::now();
        Ok(Self {
            socket,
            heartbeat,
            beat_every: every,
            next_beat: now + every,
            patience: every * timing.silent_beats,
            write_within: timing.write_within,
            proved: now,
            proved_at: station.outlet.now(),
        })
    }

    /// When the connection last proved itself.
    pub(super) fn proved_at(&self) -> Timestamp {
        self.proved_at
    }

    /// Waits for the next sign of life, and keeps the connection alive meanwhile. Bears being dropped.
    ///
    /// # Errors
    /// The connection ended, or was silent for too long.
    pub(super) async fn hear(&mut self, outlet: &Outlet) -> Result<Heard, Failure> {
        loop {
            // Checked here too, so that a flood of messages does not starve the heartbeat.
            if Instant::now() >= self.next_beat {
                self.beat().await?;
            }
            tokio::select! {
                biased;
                message = self.socket.next() => {
                    let at = outlet.now();
                    // A close frame is a sign of life too, the last one.
                    if matches!(message, Some(Ok(_))) {
                        self.proved = Instant::now();
                        self.proved_at = at;
                    }
                    return understand(message, at);
                }
                () = sleep_until(self.proved + self.patience) => {
                    let seconds = self.patience.as_secs_f64();
                    let words = format!("no data and no keepalive answer for {seconds} s");
                    return Err(Failure::new(GapCause::Silent, words));
                }
                () = sleep_until(self.next_beat) => {}
            }
        }
    }

    /// Does not count `waited`, in which nobody read, as the venue's silence.
    pub(super) fn forgive(&mut self, waited: Duration) {
        self.proved = (self.proved + waited).min(Instant::now());
    }

    /// Sends one text message.
    pub(super) async fn say(&mut self, text: String) -> Result<(), Failure> {
        self.write(Message::text(text)).await
    }

    /// Says goodbye, if that can be done within `within`.
    pub(super) async fn close(&mut self, within: Duration) {
        // The connection is given up either way.
        let _ = timeout(within, self.socket.close(None)).await;
    }

    async fn beat(&mut self) -> Result<(), Failure> {
        let message = match &self.heartbeat {
            Heartbeat::Ping { .. } => Message::Ping(Bytes::new()),
            Heartbeat::Text { message, .. } => Message::text(message.clone()),
        };
        self.next_beat = Instant::now() + self.beat_every;
        self.write(message).await
    }

    async fn write(&mut self, message: Message) -> Result<(), Failure> {
        match timeout(self.write_within, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Failure::new(GapCause::Disconnected, format!("write: {error}"))),
            Err(_) => {
                let seconds = self.write_within.as_secs_f64();
                Err(Failure::new(GapCause::Silent, format!("the venue took no message for {seconds} s")))
            }
        }
    }
}

fn understand(message: Option<Result<Message, WsError>>, at: Timestamp) -> Result<Heard, Failure> {
    let ended = |words: String| Err(Failure::new(GapCause::Disconnected, words));
    match message {
        Some(Ok(Message::Text(text))) => Ok(Heard::Message(Payload::Text(text.into()), at)),
        Some(Ok(Message::Binary(bytes))) => Ok(Heard::Message(Payload::Binary(bytes), at)),
        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(Heard::Proof),
        Some(Ok(Message::Close(frame))) => ended(describe_close(frame)),
        Some(Err(error)) => ended(error.to_string()),
        None => ended("the connection ended without a close frame".to_owned()),
    }
}

fn describe_close(frame: Option<CloseFrame>) -> String {
    match frame {
        None => "closed by the venue without a code".to_owned(),
        Some(CloseFrame { code, reason }) if reason.is_empty() => {
            format!("closed by the venue: {}", u16::from(code))
        }
        Some(CloseFrame { code, reason }) => format!("closed by the venue: {} {reason}", u16::from(code)),
    }
}
