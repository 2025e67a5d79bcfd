//! Decodes Alpaca's stream of US shares: trades and minute bars.
//!
//! The free stream is of one exchange, IEX, with two or three per cent of all trading: its prices are
//! the market's, its volumes are not, so they are left out. Only `…/v2/sip` is the whole market.

use std::time::Duration;

use market::{Bar, Interval, Observation, Payload, Timestamp};
use serde::Deserialize;

use super::conditions::is_current_letter;
use super::prices::{coherent, last, shares, strongest};
use super::tickers::{Pace, Tickers};
use super::wire::{Scalar, all_or_nothing, parse, price, required, text, wrong};
use crate::config::FeedConfig;
use crate::protocol::{DecodeError, Decoder, FrameKind, Heartbeat, Stamped, StreamProtocol};

pub(super) const URL: &str = "wss://stream.data.alpaca.markets/v2/iex";
pub(super) const KEY_ID: &str = "APCA_API_KEY_ID";
pub(super) const SECRET_KEY: &str = "APCA_API_SECRET_KEY";

/// Symbols that the free stream serves; one more and Alpaca refuses them all.
const MOST_FREE: usize = 30;
const PING_EVERY: Duration = Duration::from_secs(20);
/// Alpaca allows one connection for each account, so that none is replaced before it ends.
const ROTATE_AFTER: Duration = Duration::MAX;

pub(super) fn protocol(config: &FeedConfig) -> Box<dyn StreamProtocol> {
    let url = config.url.clone().unwrap_or_else(|| URL.to_owned());
    let path = url.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let most = path.ends_with("/iex").then_some(MOST_FREE);
    let secret = |name| config.keys.get(name).unwrap_or_default().to_owned();
    Box::new(Alpaca {
        is_whole_market: path.ends_with("/sip"),
        key_id: secret(KEY_ID),
        secret_key: secret(SECRET_KEY),
        tickers: Tickers::new(&config.instruments, &[], most),
        pace: Pace::default(),
        stage: Stage::Opened,
        outgoing: None,
        url,
    })
}

struct Alpaca {
    url: String,
    is_whole_market: bool,
    key_id: String,
    secret_key: String,
    tickers: Tickers,
    pace: Pace,
    stage: Stage,
    outgoing: Option<String>,
}

/// How far signing in has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Opened,
    SignedIn,
    Subscribed,
}

impl StreamProtocol for Alpaca {
    fn url(&self) -> &str {
        &self.url
    }

    fn reset(&mut self) {
        self.stage = Stage::Opened;
        self.outgoing = None;
    }

    fn next_request(&mut self) -> Option<String> {
        None
    }

    fn forget_references(&mut self) {}

    /// Nothing: Alpaca speaks first.
    fn subscribe(&mut self) -> Vec<String> {
        self.tickers.report("alpaca");
        Vec::new()
    }

    fn outgoing(&mut self) -> Vec<String> {
        self.outgoing.take().into_iter().collect()
    }

    fn is_subscribed(&self) -> bool {
        self.stage == Stage::Subscribed
    }

    fn heartbeat(&self) -> Heartbeat {
        Heartbeat::Ping { every: PING_EVERY }
    }

    fn rotate_after(&self) -> Duration {
        ROTATE_AFTER
    }
}

/// One message of a frame; every frame is a list of them.
#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, rename = "T")]
    kind: Option<Scalar<'a>>,
    /// Of control messages.
    #[serde(borrow)]
    msg: Option<Scalar<'a>>,
    #[serde(borrow)]
    code: Option<Scalar<'a>>,
    /// Of trades and bars.
    #[serde(borrow, rename = "S")]
    symbol: Option<Scalar<'a>>,
    /// When it was, or began: RFC 3339.
    #[serde(borrow, rename = "t")]
    time: Option<Scalar<'a>>,
    #[serde(borrow, rename = "p")]
    price: Option<Scalar<'a>>,
    /// A trade's conditions: a list; a bar's close: a number.
    #[serde(borrow, rename = "c")]
    c: Option<ConditionsOrClose<'a>>,
    #[serde(borrow, rename = "o")]
    open: Option<Scalar<'a>>,
    #[serde(borrow, rename = "h")]
    high: Option<Scalar<'a>>,
    #[serde(borrow, rename = "l")]
    low: Option<Scalar<'a>>,
    #[serde(borrow, rename = "v")]
    volume: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ConditionsOrClose<'a> {
    #[serde(borrow)]
    Conditions(Vec<Scalar<'a>>),
    #[serde(borrow)]
    Close(Scalar<'a>),
}

impl Decoder for Alpaca {
    fn decode(&mut self, payload: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let items: Vec<Item<'_>> = parse(text(payload)?)?;
        let mut kinds = Vec::with_capacity(items.len());
        all_or_nothing(out, |out| {
            for item in &items {
                kinds.push(self.take(item, out)?);
            }
            Ok(())
        })?;
        strongest(kinds).ok_or(DecodeError::Unknown)
    }
}

impl Alpaca {
    fn take(&mut self, item: &Item<'_>, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let kind = required("T", item.kind.as_ref())?.as_text();
        match kind.as_ref() {
            "t" => self.take_trade(item, out),
            // `u` corrects a bar that was sent before.
            "b" | "u" => self.take_bar(item, out),
            "success" => self.take_success(item),
            "subscription" => {
                self.stage = Stage::Subscribed;
                Ok(FrameKind::Ack)
            }
            "error" => {
                let words = item.msg.as_ref().map(Scalar::as_text).unwrap_or_default();
                let code = item.code.as_ref().map(Scalar::as_text).unwrap_or_default();
                Ok(FrameKind::Refused(format!("{code} {words}")))
            }
            "q" => Ok(FrameKind::Ignored("quote")),
            // One exchange's day is not the market's.
            "d" => Ok(FrameKind::Ignored("day bar")),
            "s" => Ok(FrameKind::Ignored("status")),
            "l" => Ok(FrameKind::Ignored("price limits")),
            "c" => Ok(FrameKind::Ignored("correction")),
            "x" => Ok(FrameKind::Ignored("cancellation")),
            "i" => Ok(FrameKind::Ignored("imbalance")),
            other => Err(wrong("T", other, "not a known kind of message")),
        }
    }

    fn take_success(&mut self, item: &Item<'_>) -> Result<FrameKind, DecodeError> {
        match required("msg", item.msg.as_ref())?.as_text().as_ref() {
            "connected" => {
                let message = serde_json::json!({
                    "action": "auth", "key": self.key_id, "secret": self.secret_key,
                });
                self.outgoing = Some(message.to_string());
            }
            "authenticated" => {
                self.stage = Stage::SignedIn;
                let symbols = self.tickers.followed();
                let message = serde_json::json!({ "action": "subscribe", "trades": symbols, "bars": symbols, "updatedBars": symbols });
                self.outgoing = Some(message.to_string());
            }
            other => return Err(wrong("msg", other, "neither connected nor authenticated")),
        }
        Ok(FrameKind::Ack)
    }

    fn take_trade(&mut self, item: &Item<'_>, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let (symbol, is_wanted) =
            self.tickers.look_up("S", &required("S", item.symbol.as_ref())?.as_text())?;
        let at = time(item)?;
        let price = price("p", item.price.as_ref())?;
        let is_current = match &item.c {
            None => true,
            Some(ConditionsOrClose::Conditions(letters)) => {
                letters.iter().all(|letter| is_current_letter(&letter.as_text()))
            }
            Some(ConditionsOrClose::Close(other)) => {
                return Err(wrong("c", &other.as_text(), "not a list of conditions"));
            }
        };
        if is_wanted && is_current && self.pace.is_due(&symbol, at) {
            out.push(Stamped::news(at, Observation::Quote(last(symbol, price))));
        }
        Ok(FrameKind::Data("trade"))
    }

    fn take_bar(&mut self, item: &Item<'_>, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let (symbol, is_wanted) =
            self.tickers.look_up("S", &required("S", item.symbol.as_ref())?.as_text())?;
        let close = match &item.c {
            Some(ConditionsOrClose::Close(close)) => Some(close),
            Some(ConditionsOrClose::Conditions(_)) | None => None,
        };
        let volume = match &item.volume {
            Some(volume) if self.is_whole_market => Some(shares("v", volume)?),
            Some(_) | None => None,
        };
        let bar = Bar {
            symbol,
            interval: Interval::Minute,
            open: price("o", item.open.as_ref())?,
            high: price("h", item.high.as_ref())?,
            low: price("l", item.low.as_ref())?,
            close: price("c", close)?,
            volume,
            is_final: true,
        };
        let at = time(item)?;
        coherent(&bar)?;
        if is_wanted {
            out.push(Stamped::news(at, Observation::Bar(bar)));
        }
        Ok(FrameKind::Data("bar"))
    }
}

fn time(item: &Item<'_>) -> Result<Timestamp, DecodeError> {
    let written = required("t", item.time.as_ref())?.as_text();
    // A bare date would parse as a time as well, and is none here.
    let moment = if written.contains('T') { written.parse().ok() } else { None };
    moment.ok_or_else(|| wrong("t", &written, "not a time such as 2026-01-06T15:51:44.208Z"))
}

#[cfg(test)]
mod tests;
