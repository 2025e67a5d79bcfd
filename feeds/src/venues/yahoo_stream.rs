//! Decodes Yahoo's streamer: the last price of shares, funds and bitcoin, about every five seconds.
//!
//! Frames hold a protobuf message in base64, bare or in a JSON envelope. Yahoo never acknowledges a
//! subscription, and shares are silent while their exchange is closed; so bitcoin is always followed,
//! and the first price of anything proves that the subscription reached Yahoo. Nobody asks Yahoo for
//! more than a hundred symbols: it drops what is past that without a word.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use market::{Observation, Payload, Price, Quantity, Quote, QuoteKind};
use serde::Deserialize;

use super::single::denoise_to;
use super::tickers::{Pace, Tickers};
use super::wire::{Scalar, parse, text, wrong};
use super::yahoo::ALWAYS;
use crate::config::FeedConfig;
use crate::protocol::{DecodeError, Decoder, FrameKind, Heartbeat, Stamped, StreamProtocol};
use protobuf::Fields;

mod protobuf;

pub(super) const URL: &str = "wss://streamer.finance.yahoo.com/?version=2";

/// Symbols that Yahoo serves on one connection; those past it are dropped silently.
const MOST: usize = 100;
/// Yahoo forgets who does not ask again.
const ASK_EVERY: Duration = Duration::from_secs(15);
/// Long enough to be rare, short enough that an end without warning is too.
const ROTATE_AFTER: Duration = Duration::from_hours(12);
/// Its volume is in dollars.
const COIN: u64 = 41;

pub(super) fn protocol(config: &FeedConfig) -> Box<dyn StreamProtocol> {
    Box::new(YahooStream {
        url: config.url.clone().unwrap_or_else(|| URL.to_owned()),
        tickers: Tickers::new(&config.instruments, &ALWAYS, Some(MOST)),
        pace: Pace::default(),
        has_price: false,
    })
}

struct YahooStream {
    url: String,
    tickers: Tickers,
    pace: Pace,
    /// Whether a price came on this connection.
    has_price: bool,
}

impl StreamProtocol for YahooStream {
    fn url(&self) -> &str {
        &self.url
    }

    fn reset(&mut self) {
        self.has_price = false;
    }

    fn next_request(&mut self) -> Option<String> {
        None
    }

    fn forget_references(&mut self) {}

    fn subscribe(&mut self) -> Vec<String> {
        self.tickers.report("yahoo-stream");
        vec![self.request()]
    }

    fn is_subscribed(&self) -> bool {
        self.has_price
    }

    fn heartbeat(&self) -> Heartbeat {
        Heartbeat::Text { every: ASK_EVERY, message: self.request() }
    }

    fn rotate_after(&self) -> Duration {
        ROTATE_AFTER
    }
}

/// Version 2 of the frames; version 1 has the message alone.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Scalar<'a>>,
    #[serde(borrow)]
    message: Option<Scalar<'a>>,
}

impl Decoder for YahooStream {
    fn decode(&mut self, payload: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let text = text(payload)?;
        let coded = if text.starts_with('{') {
            let Envelope { kind, message } = parse(text)?;
            match kind.as_ref().map(Scalar::as_text).as_deref() {
                Some("pricing") => {}
                Some(other) => return Err(wrong("type", other, "not a known kind of frame")),
                None => return Err(DecodeError::Unknown),
            }
            let message = message.ok_or_else(|| wrong("message", "", "missing"))?;
            Cow::Owned(message.as_text().into_owned())
        } else {
            Cow::Borrowed(text)
        };
        let message =
            STANDARD.decode(coded.as_bytes()).map_err(|_| wrong("message", &coded, "not base64"))?;
        self.take(&Pricing::read(&message)?, out)
    }
}

impl YahooStream {
    /// Asks for everything, whether for the first time or again.
    fn request(&self) -> String {
        serde_json::json!({ "subscribe": self.tickers.followed() }).to_string()
    }

    fn take(&mut self, pricing: &Pricing<'_>, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let (symbol, is_wanted) = self.tickers.look_up("id", pricing.id)?;
        let at = Scalar::Integer(pricing.time).millis("time")?;
        let decimals = u32::try_from(pricing.price_hint).unwrap_or(u32::MAX);
        let price = |single: f32| Price::new(denoise_to(single, decimals)).ok();
        let last = price(pricing.price)
            .ok_or_else(|| wrong("price", &pricing.price.to_string(), "not a price above zero"))?;
        self.has_price = true;
        if !is_wanted || !self.pace.is_due(&symbol, at) {
            return Ok(FrameKind::Data("price"));
        }
        // What is absent reads as zero.
        let is_counted = pricing.quote_type != COIN && pricing.day_volume > 0;
        let volume = is_counted.then(|| Quantity::new(pricing.day_volume as f64).ok()).flatten();
        let quote = Quote {
            symbol,
            kind: QuoteKind::Last,
            price: last,
            bid: None,
            ask: None,
            previous_close: price(pricing.previous_close),
            volume,
        };
        out.push(Stamped::news(at, Observation::Quote(quote)));
        Ok(FrameKind::Data("price"))
    }
}

/// What is read of Yahoo's `PricingData`; the numbers are those of its fields.
#[derive(Debug, Default, PartialEq)]
struct Pricing<'a> {
    /// 1: the symbol.
    id: &'a str,
    /// 2.
    price: f32,
    /// 3: when that was paid, milliseconds. The first message may tell a price of days ago.
    time: i64,
    /// 6: what kind of instrument it is.
    quote_type: u64,
    /// 9: shares today.
    day_volume: i64,
    /// 16.
    previous_close: f32,
    /// 27: decimals of its prices.
    price_hint: i64,
}

impl<'a> Pricing<'a> {
    fn read(message: &'a [u8]) -> Result<Self, DecodeError> {
        let broken = |field: &'static str| wrong(field, "", "not of its type in PricingData");
        let mut pricing = Self::default();
        for field in Fields::new(message) {
            let (number, value) = field.map_err(|_| wrong("message", "", "not a protobuf message"))?;
            match number {
                1 => pricing.id = value.into_text().ok_or_else(|| broken("id"))?,
                2 => pricing.price = value.single().ok_or_else(|| broken("price"))?,
                3 => pricing.time = value.zigzag().ok_or_else(|| broken("time"))?,
                6 => pricing.quote_type = value.unsigned().ok_or_else(|| broken("quote_type"))?,
                9 => pricing.day_volume = value.zigzag().ok_or_else(|| broken("day_volume"))?,
                16 => pricing.previous_close = value.single().ok_or_else(|| broken("previous_close"))?,
                27 => pricing.price_hint = value.zigzag().ok_or_else(|| broken("price_hint"))?,
                _ => {}
            }
        }
        Ok(pricing)
    }
}

#[cfg(test)]
mod tests;
