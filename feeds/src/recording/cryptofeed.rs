//! Understands captures of cryptofeed 3: which of our feeds a line belongs to, and when it came.
//!
//! Lines: `{"t":"header|http|connect|send|recv","conn","ts","addr"|"url","data"|"b64"}`. `ts` counts
//! seconds as a float. A `recv` line names only its connection; the `connect` line before it says
//! where that connection leads. `data` is text, `b64` a binary message.

use std::borrow::Cow;
use std::collections::HashMap;

use bytes::Bytes;
use market::{FeedId, Payload, RawFrame, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Entry;
use super::reader::{Fault, unpack};

/// What the lines read so far say about the ones to come.
pub(super) struct Capture {
    exchange: Exchange,
    /// The feed of each connection; `None` where it is not one of ours.
    connections: HashMap<String, Option<FeedId>>,
}

/// The exchange that a capture names in its header, as far as we have feeds of it.
#[derive(Clone, Copy)]
enum Exchange {
    /// All of it is one feed of ours.
    Whole(&'static str),
    Bybit,
    HuobiSwap,
    Other,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    t: Cow<'a, str>,
    #[serde(borrow, default)]
    conn: Cow<'a, str>,
    #[serde(borrow)]
    ts: Option<&'a RawValue>,
    #[serde(borrow, default)]
    addr: Cow<'a, str>,
    #[serde(borrow, default)]
    url: Cow<'a, str>,
    data: Option<String>,
    b64: Option<String>,
}

impl Capture {
    /// The version of cryptofeed's format that is read.
    pub(super) const FORMAT: u64 = 2;

    /// A capture of `exchange`, named as in its header.
    pub(super) fn of(exchange: &str) -> Self {
        let exchange = match exchange {
            "BINANCE_FUTURES" => Exchange::Whole("binance-usdm"),
            "BINANCE_DELIVERY" => Exchange::Whole("binance-coinm"),
            "BITFINEX" => Exchange::Whole("bitfinex"),
            "BITMEX" => Exchange::Whole("bitmex"),
            "BYBIT" => Exchange::Bybit,
            "COINBASE" => Exchange::Whole("coinbase"),
            "DERIBIT" => Exchange::Whole("deribit"),
            "GATEIO_FUTURES" => Exchange::Whole("gate"),
            "HUOBI_SWAP" => Exchange::HuobiSwap,
            "KRAKEN_FUTURES" => Exchange::Whole("kraken-futures"),
            "OKX" => Exchange::Whole("okx"),
            _ => Exchange::Other,
        };
        Self { exchange, connections: HashMap::new() }
    }

    /// Understands one line after the header.
    pub(super) fn understand(&mut self, line: &[u8]) -> Result<Entry, Fault> {
        let line: Line<'_> = serde_json::from_slice(line)?;
        let feed = match line.t.as_ref() {
            "header" => return Ok(Entry::Skipped("header")),
            "send" => return Ok(Entry::Skipped("send")),
            "connect" => {
                self.connections.insert(line.conn.into_owned(), self.feed_at(&line.addr));
                return Ok(Entry::Skipped("connect"));
            }
            "http" => self.feed_at(&line.url),
            "recv" => match self.connections.get(line.conn.as_ref()) {
                Some(feed) => feed.clone(),
                None => self.feed_at(""),
            },
            other => return Err(Fault::Shape(format!("cryptofeed writes no lines of kind {other:?}"))),
        };
        let Some(feed) = feed else {
            return Ok(Entry::Skipped("other feed"));
        };
        let payload = match (line.data, line.b64) {
            (Some(data), None) => Payload::Text(Bytes::from(data)),
            (None, Some(b64)) => Payload::Binary(unpack(&b64)?),
            (Some(_), Some(_)) | (None, None) => {
                return Err(Fault::Shape("it should have either data or b64".to_owned()));
            }
        };
        let written = line.ts.map_or("missing", RawValue::get);
        let receive_time = parse_seconds(written).ok_or_else(|| Fault::Time(written.to_owned()))?;
        Ok(Entry::Frame(RawFrame { feed, receive_time, payload }))
    }

    /// Which feed speaks at `address`, a WebSocket address or a REST URL.
    fn feed_at(&self, address: &str) -> Option<FeedId> {
        let name = match self.exchange {
            Exchange::Whole(name) => name,
            Exchange::Bybit => bybit_feed(address)?,
            Exchange::HuobiSwap => htx_feed(address)?,
            Exchange::Other => return None,
        };
        // A name is worth a frame only where there is someone to understand it.
        crate::find(name).map(|row| FeedId::new(row.id))
    }
}

/// One capture of Bybit mixes spot, linear and inverse contracts.
fn bybit_feed(address: &str) -> Option<&'static str> {
    const FEEDS: [(&str, &str); 3] =
        [("linear", "bybit-linear"), ("inverse", "bybit-inverse"), ("spot", "bybit-spot")];
    let is_of = |category: &str| {
        address.contains(&format!("/v5/public/{category}"))
            || address.split(['?', '&']).any(|part| part.strip_prefix("category=") == Some(category))
    };
    FEEDS.into_iter().find(|(category, _)| is_of(category)).map(|(_, feed)| feed)
}

/// One capture of HTX mixes USDT-margined and coin-margined swaps.
fn htx_feed(address: &str) -> Option<&'static str> {
    if address.contains("/linear-swap-") {
        Some("htx")
    } else if address.contains("/swap-") {
        Some("htx-coinm")
    } else {
        None
    }
}

/// Seconds since the epoch, as Python prints a float, to the nearest microsecond.
///
/// A double near 1.8e9 is spaced 0.24 µs, and scaling it adds at most 0.13 µs, so that times written
/// with six decimals come out exactly.
fn parse_seconds(written: &str) -> Option<Timestamp> {
    let micros = (written.parse::<f64>().ok()? * 1e6).round();
    // Years past 9999 are refused by `from_micros`; this bound keeps the cast below exact.
    (micros.abs() < 1e18).then(|| Timestamp::from_micros(micros as i64)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn float_seconds_become_the_nearest_microsecond() {
        let cases = [
            ("1786310817.601629", 1_786_310_817_601_629),
            ("1786310818.2235148", 1_786_310_818_223_515),
            ("1626992741.06217", 1_626_992_741_062_170),
            ("1626992741.000001", 1_626_992_741_000_001),
            ("1626992741.999999", 1_626_992_741_999_999),
            ("1626992741", 1_626_992_741_000_000),
        ];
        for (written, micros) in cases {
            assert_eq!(parse_seconds(written), Timestamp::from_micros(micros), "{written}");
        }
        for impossible in ["-1.5", "1e300", "\"1626992741\"", "null", "NaN"] {
            assert_eq!(parse_seconds(impossible), None, "{impossible}");
        }
    }

    #[test]
    fn a_capture_of_several_markets_is_split_by_where_each_line_came_from() {
        for (address, feed) in [
            ("wss://stream.bybit.com/v5/public/linear", Some("bybit-linear")),
            ("wss://stream.bybit.com/v5/public/inverse", Some("bybit-inverse")),
            ("wss://stream.bybit.com/v5/public/spot", Some("bybit-spot")),
            (
                "https://api.bybit.com/v5/market/instruments-info?&category=linear&limit=1000",
                Some("bybit-linear"),
            ),
            ("https://api.bybit.com/v5/market/instruments-info?category=spot&limit=1000", Some("bybit-spot")),
            ("wss://stream.bybit.com/v5/public/option", None),
            ("", None),
        ] {
            assert_eq!(bybit_feed(address), feed, "{address}");
        }
        for (address, feed) in [
            ("wss://api.hbdm.com/linear-swap-ws", Some("htx")),
            ("https://api.hbdm.com/linear-swap-api/v1/swap_contract_info", Some("htx")),
            ("wss://api.hbdm.com/swap-ws", Some("htx-coinm")),
            ("https://api.hbdm.com/swap-api/v1/swap_contract_info", Some("htx-coinm")),
            ("wss://api.hbdm.com/ws", None),
            ("", None),
        ] {
            assert_eq!(htx_feed(address), feed, "{address}");
        }
    }

    #[test]
    fn frames_of_feeds_that_are_not_ours_are_skipped() {
        assert_eq!(Capture::of("KRAKEN_FUTURES").feed_at(""), Some(FeedId::new("kraken-futures")));
        assert_eq!(Capture::of("FTX").feed_at(""), None);
        let name = "coinbase";
        assert_eq!(Capture::of("COINBASE").feed_at("").is_some(), crate::find(name).is_some());
    }
}
