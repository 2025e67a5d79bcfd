//! Decodes Massive's stream of US shares (Polygon until October 2025): trades and minute bars.

use std::collections::BTreeSet;
use std::time::Duration;

use market::{Bar, Interval, Observation, Payload};
use serde::Deserialize;

use super::conditions::is_current_number;
use super::prices::{coherent, last, shares, strongest};
use super::tickers::{Pace, Tickers};
use super::wire::{Scalar, all_or_nothing, parse, price, required, text, wrong};
use crate::config::FeedConfig;
use crate::protocol::{DecodeError, Decoder, FrameKind, Heartbeat, Stamped, StreamProtocol};

pub(super) const URL: &str = "wss://socket.massive.com/stocks";
pub(super) const KEY: &str = "MASSIVE_API_KEY";

/// Trades, and bars of a minute.
const CHANNELS: [&str; 2] = ["T", "AM"];
const PING_EVERY: Duration = Duration::from_secs(20);
/// Massive allows one connection for each key, so that none is replaced before it ends.
const ROTATE_AFTER: Duration = Duration::MAX;

pub(super) fn protocol(config: &FeedConfig) -> Box<dyn StreamProtocol> {
    Box::new(Massive {
        url: config.url.clone().unwrap_or_else(|| URL.to_owned()),
        key: config.keys.get(KEY).unwrap_or_default().to_owned(),
        tickers: Tickers::new(&config.instruments, &[], None),
        pace: Pace::default(),
        pending: None,
        outgoing: None,
    })
}

struct Massive {
    url: String,
    key: String,
    tickers: Tickers,
    pace: Pace,
    /// Subscriptions that are not acknowledged yet; `None` until they are asked for.
    pending: Option<BTreeSet<String>>,
    outgoing: Option<String>,
}

impl StreamProtocol for Massive {
    fn url(&self) -> &str {
        &self.url
    }

    fn reset(&mut self) {
        self.pending = None;
        self.outgoing = None;
    }

    fn next_request(&mut self) -> Option<String> {
        None
    }

    fn forget_references(&mut self) {}

    /// Nothing: Massive speaks first.
    fn subscribe(&mut self) -> Vec<String> {
        self.tickers.report("massive");
        Vec::new()
    }

    fn outgoing(&mut self) -> Vec<String> {
        self.outgoing.take().into_iter().collect()
    }

    fn is_subscribed(&self) -> bool {
        self.pending.as_ref().is_some_and(BTreeSet::is_empty)
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
    #[serde(borrow, rename = "ev")]
    event: Option<Scalar<'a>>,
    #[serde(borrow)]
    status: Option<Scalar<'a>>,
    #[serde(borrow)]
    message: Option<Scalar<'a>>,
    #[serde(borrow, rename = "sym")]
    symbol: Option<Scalar<'a>>,
    /// When a trade was, milliseconds.
    #[serde(borrow, rename = "t")]
    time: Option<Scalar<'a>>,
    #[serde(borrow, rename = "p")]
    price: Option<Scalar<'a>>,
    /// A trade's size; when a bar began, milliseconds.
    #[serde(borrow, rename = "s")]
    s: Option<Scalar<'a>>,
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
    Conditions(Vec<i64>),
    #[serde(borrow)]
    Close(Scalar<'a>),
}

impl Decoder for Massive {
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

impl Massive {
    fn take(&mut self, item: &Item<'_>, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let event = required("ev", item.event.as_ref())?.as_text();
        match event.as_ref() {
            "status" => self.take_status(item),
            "T" => self.take_trade(item, out),
            "AM" => self.take_bar(item, out),
            "A" => Ok(FrameKind::Ignored("second bar")),
            "Q" => Ok(FrameKind::Ignored("quote")),
            "LULD" => Ok(FrameKind::Ignored("price limits")),
            "FMV" => Ok(FrameKind::Ignored("fair value")),
            "NOI" => Ok(FrameKind::Ignored("imbalance")),
            other => Err(wrong("ev", other, "not a known kind of message")),
        }
    }

    fn take_status(&mut self, item: &Item<'_>) -> Result<FrameKind, DecodeError> {
        let words = item.message.as_ref().map(Scalar::as_text).unwrap_or_default();
        match required("status", item.status.as_ref())?.as_text().as_ref() {
            "connected" => {
                self.outgoing = Some(serde_json::json!({ "action": "auth", "params": self.key }).to_string());
            }
            "auth_success" => {
                let symbols = self.tickers.followed();
                let wanted: BTreeSet<String> = CHANNELS
                    .iter()
                    .flat_map(|channel| symbols.iter().map(move |symbol| format!("{channel}.{symbol}")))
                    .collect();
                let params = wanted.iter().cloned().collect::<Vec<_>>().join(",");
                self.outgoing = (!wanted.is_empty())
                    .then(|| serde_json::json!({ "action": "subscribe", "params": params }).to_string());
                self.pending = Some(wanted);
            }
            "success" => {
                // One message for each, or one for several: both were seen.
                let subscribed = words.strip_prefix("subscribed to:").unwrap_or_default();
                if let Some(pending) = &mut self.pending {
                    for name in subscribed.split(',') {
                        pending.remove(name.trim());
                    }
                }
            }
            status => return Ok(FrameKind::Refused(format!("{status}: {words}"))),
        }
        Ok(FrameKind::Ack)
    }

    fn take_trade(&mut self, item: &Item<'_>, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let (symbol, is_wanted) =
            self.tickers.look_up("sym", &required("sym", item.symbol.as_ref())?.as_text())?;
        let at = required("t", item.time.as_ref())?.millis("t")?;
        let price = price("p", item.price.as_ref())?;
        let is_current = match &item.c {
            None => true,
            Some(ConditionsOrClose::Conditions(numbers)) => numbers.iter().copied().all(is_current_number),
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
            self.tickers.look_up("sym", &required("sym", item.symbol.as_ref())?.as_text())?;
        let close = match &item.c {
            Some(ConditionsOrClose::Close(close)) => Some(close),
            Some(ConditionsOrClose::Conditions(_)) | None => None,
        };
        let bar = Bar {
            symbol,
            interval: Interval::Minute,
            open: price("o", item.open.as_ref())?,
            high: price("h", item.high.as_ref())?,
            low: price("l", item.low.as_ref())?,
            close: price("c", close)?,
            volume: item.volume.as_ref().map(|volume| shares("v", volume)).transpose()?,
            is_final: true,
        };
        let at = required("s", item.s.as_ref())?.millis("s")?;
        coherent(&bar)?;
        if is_wanted {
            out.push(Stamped::news(at, Observation::Bar(bar)));
        }
        Ok(FrameKind::Data("bar"))
    }
}

#[cfg(test)]
mod tests;
