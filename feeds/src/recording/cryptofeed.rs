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
    BinanceFutures,
    Bybit,
    Okx,
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
            "BINANCE_FUTURES" => Exchange::BinanceFutures,
            "BYBIT" => Exchange::Bybit,
            "OKX" => Exchange::Okx,
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
        match self.exchange {
            Exchange::BinanceFutures => Some(FeedId::new("binance-usdm")),
            Exchange::Okx => Some(FeedId::new("okx")),
            // One capture of Bybit mixes spot, linear and inverse contracts.
            Exchange::Bybit if is_bybit_linear(address) => Some(FeedId::new("bybit-linear")),
            Exchange::Bybit | Exchange::Other => None,
        }
    }
}

fn is_bybit_linear(address: &str) -> bool {
    address.contains("/v5/public/linear") || address.split(['?', '&']).any(|part| part == "category=linear")
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
    fn a_bybit_capture_is_split_by_where_each_line_came_from() {
        let cases = [
            ("wss://stream.bybit.com/v5/public/linear", true),
            ("wss://stream.bybit.com/v5/public/spot", false),
            ("https://api.bybit.com/v5/market/instruments-info?&category=linear&limit=1000", true),
            ("https://api.bybit.com/v5/market/instruments-info?&category=spot&limit=1000", false),
            ("", false),
        ];
        for (address, is_linear) in cases {
            assert_eq!(is_bybit_linear(address), is_linear, "{address}");
        }
    }
}
