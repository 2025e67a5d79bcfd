//! Yahoo's streamer: the last price as a protobuf message in base64, every few seconds.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::yahoo::BITCOIN;
use crate::equities::{Kind, STOCKS, Stock};
use crate::market::Market;
use crate::new_york::{Hours, day_at, hours_at};
use crate::rounds::Rounds;
use crate::scene::{Coin, Scene};
use crate::session::{Caller, Close, Door, Now, Patience, Session};
use crate::tape::{Dialect, Payload, SimFrame};

pub(super) const ID: &str = "yahoo-stream";

/// A snapshot of bitcoin as often as Yahoo really sends one, and of each share less often, so that a
/// recording stays small.
const BITCOIN_MILLIS: i64 = 5_000;
const EVERY_MILLIS: i64 = 12_000;
/// Symbols past this many are dropped without a word; unknown ones count.
const MOST: usize = 100;

pub(super) fn serves(path: &str) -> bool {
    matches!(path, "" | "/")
}

pub(super) fn session(caller: &mut Caller<'_>) -> Box<dyn Session> {
    let is_enveloped = caller.query.split('&').any(|pair| pair == "version=2");
    Box::new(Streamer { door: caller.door, is_enveloped, symbols: BTreeSet::new(), is_confused: false })
}

/// The tape's frames are those of version 2.
pub(super) fn dialect(market: &Market) -> Box<dyn Dialect> {
    let mut rounds = Rounds::new(ID, market).every(BITCOIN_MILLIS, 500, |scene, told| {
        told.push(BITCOIN, frame(&bitcoin(scene)));
    });
    for (number, stock) in STOCKS.iter().enumerate() {
        rounds = rounds.every(EVERY_MILLIS, 600 + number as i64 * 251, move |scene, told| {
            told.push(stock.ticker, frame(&pricing(scene, stock)));
        });
    }
    Box::new(rounds)
}

const HEAD: &str = "{\"type\":\"pricing\",\"message\":\"";
const TAIL: &str = "\"}";

fn frame(message: &[u8]) -> String {
    format!("{HEAD}{}{TAIL}", STANDARD.encode(message))
}

/// `PricingData` of a share: bid and ask never come, and what is 0 is left out.
fn pricing(scene: &Scene<'_>, stock: &Stock) -> Vec<u8> {
    let price = stock.price(scene);
    let before = stock.close_before(scene, day_at(scene.now_micros));
    let hours = match hours_at(scene.now_micros) {
        Hours::Before => 0,
        Hours::Regular => 1,
        Hours::After => 2,
        Hours::Closed => 3,
    };
    let (kind, exchange) = match stock.kind {
        Kind::Share => (8, "NMS"),
        Kind::Fund => (20, "PCX"),
    };
    Message::default()
        .text(1, stock.ticker)
        .single(2, price)
        .signed(3, scene.millis())
        .text(4, "USD")
        .text(5, exchange)
        .unsigned(6, kind)
        .unsigned(7, hours)
        .single(8, (price / before - 1.0) * 100.0)
        .signed(9, stock.shares_today(scene) as i64)
        .single(12, price - before)
        .single(16, before)
        .signed(27, stock.decimals() as i64)
        .0
}

fn bitcoin(scene: &Scene<'_>) -> Vec<u8> {
    let day = scene.last_day(Coin::BITCOIN, 1.0);
    let price = scene.spot(Coin::BITCOIN);
    Message::default()
        .text(1, BITCOIN)
        .single(2, price)
        .signed(3, scene.millis())
        .text(4, "USD")
        .text(5, "CCC")
        .unsigned(6, 41)
        .unsigned(7, 1)
        .single(8, (price / day.open - 1.0) * 100.0)
        .signed(9, 38_000_000_000)
        .single(10, day.high)
        .single(11, day.low)
        .single(12, price - day.open)
        .single(15, day.open)
        .single(16, day.open)
        .signed(27, 2)
        .signed(28, 38_000_000_000)
        .text(30, "BTC")
        .text(31, "CoinMarketCap")
        .double(32, 19_990_000.0)
        .double(33, price * 19_990_000.0)
        .0
}

/// A protobuf message, field by field: <https://protobuf.dev/programming-guides/encoding/>.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn key(&mut self, field: u64, wire_type: u64) {
        self.varint(field << 3 | wire_type);
    }

    fn text(mut self, field: u64, text: &str) -> Self {
        self.key(field, 2);
        self.varint(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// `float`.
    fn single(mut self, field: u64, value: f64) -> Self {
        self.key(field, 5);
        self.0.extend_from_slice(&(value as f32).to_le_bytes());
        self
    }

    /// `double`.
    fn double(mut self, field: u64, value: f64) -> Self {
        self.key(field, 1);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// `enum`.
    fn unsigned(mut self, field: u64, value: u64) -> Self {
        if value != 0 {
            self.key(field, 0);
            self.varint(value);
        }
        self
    }

    /// `sint64`.
    fn signed(mut self, field: u64, value: i64) -> Self {
        if value != 0 {
            self.key(field, 0);
            self.varint(((value << 1) ^ (value >> 63)) as u64);
        }
        self
    }
}

/// A connection to Yahoo, which acknowledges nothing.
struct Streamer {
    door: Door,
    is_enveloped: bool,
    symbols: BTreeSet<String>,
    /// Whether the client said something that cannot be understood.
    is_confused: bool,
}

impl Session for Streamer {
    fn answer(&mut self, text: &str, _now: Now) -> Vec<Payload> {
        let request: Value = serde_json::from_str(text).unwrap_or_default();
        let named = |key: &str| -> Option<Vec<String>> {
            let list = request.get(key)?.as_array()?;
            Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        };
        match (named("subscribe"), named("unsubscribe")) {
            (Some(symbols), _) if self.door == Door::Open => {
                for symbol in symbols {
                    if self.symbols.len() < MOST {
                        self.symbols.insert(symbol);
                    }
                }
            }
            (_, Some(symbols)) => self.symbols.retain(|symbol| !symbols.contains(symbol)),
            (Some(_), None) => {}
            (None, None) => self.is_confused = true,
        }
        Vec::new()
    }

    fn render(&mut self, frame: &SimFrame) -> Vec<Payload> {
        if !self.symbols.contains(&frame.topic) {
            return Vec::new();
        }
        let text = frame.text().unwrap_or_default();
        let bare = text.strip_prefix(HEAD).and_then(|rest| rest.strip_suffix(TAIL)).unwrap_or(text);
        vec![if self.is_enveloped { text.into() } else { bare.into() }]
    }

    fn patience(&self) -> Patience {
        Patience::default()
    }

    fn alarm(&self) -> Option<Duration> {
        self.is_confused.then_some(Duration::ZERO)
    }

    fn ring(&mut self, _now: Now) -> Result<Vec<Payload>, Close> {
        Err(Close { code: 1000, reason: "" })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hyper::HeaderMap;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::equities::stock;
    use crate::market::Prices;
    use crate::rounds::told;
    use crate::scene::tests::{FRIDAY, market};

    /// The fields of a message: number, wire type, and the value's bytes (a varint's own number).
    fn fields(mut bytes: &[u8]) -> Vec<(u64, u64, Vec<u8>)> {
        fn varint(bytes: &mut &[u8]) -> u64 {
            let (mut number, mut shift) = (0, 0);
            loop {
                let byte = bytes[0];
                *bytes = &bytes[1..];
                number |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                if byte < 0x80 {
                    return number;
                }
            }
        }
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes);
            let value = match key & 7 {
                0 => varint(&mut bytes).to_le_bytes().to_vec(),
                wire_type => {
                    let length = match wire_type {
                        1 => 8,
                        5 => 4,
                        _ => varint(&mut bytes) as usize,
                    };
                    let (value, rest) = bytes.split_at(length);
                    bytes = rest;
                    value.to_vec()
                }
            };
            fields.push((key >> 3, key & 7, value));
        }
        fields
    }

    #[test]
    fn numbers_are_written_as_protobuf_writes_them() {
        let message =
            Message::default().text(1, "A").signed(3, -3).signed(9, 150).unsigned(7, 0).single(2, 1.5);
        assert_eq!(message.0, [0x0a, 1, b'A', 0x18, 5, 0x48, 0xac, 2, 0x15, 0, 0, 0xc0, 0x3f]);
        assert_eq!(Message::default().double(33, 1.0).0[..2], [0x89, 2]);
    }

    #[test]
    fn a_share_says_price_time_hours_and_the_close_before() {
        let (market, prices) = (market(), Prices::default());
        let at = |hours: i64| Scene::of(&market, &prices, FRIDAY + hours * 3_600_000_000);
        let mara = stock("MARA").unwrap();
        let fields = fields(&pricing(&at(0), mara));
        let field = |number: u64| &fields.iter().find(|field| field.0 == number).unwrap().2;
        assert_eq!(field(1), b"MARA");
        assert_eq!(field(2)[..], (mara.price(&at(0)) as f32).to_le_bytes());
        let time = u64::from_le_bytes(field(3)[..].try_into().unwrap());
        assert_eq!(time / 2, (FRIDAY / 1000) as u64, "zigzag");
        assert_eq!((field(6)[0], field(7)[0]), (8, 1));
        assert!(fields.iter().all(|field| !(23..=26).contains(&field.0)), "bid and ask never come");
        let hours: Vec<Option<u8>> = [7, 14, 24]
            .map(|hours| {
                let fields = self::fields(&pricing(&at(hours), mara));
                fields.iter().find(|field| field.0 == 7).map(|field| field.2[0])
            })
            .to_vec();
        assert_eq!(hours, [Some(2), Some(3), Some(3)]);
    }

    fn opened(query: &str) -> Box<dyn Session> {
        let (market, headers) = (Arc::new(market()), HeaderMap::new());
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let door = Door::Open;
        session(&mut Caller { path: "/", query, headers: &headers, door, market: &market, rng: &mut rng })
    }

    const START: Now = Now { since: Duration::ZERO, micros: FRIDAY };

    #[test]
    fn only_what_was_asked_for_comes_in_the_envelope_of_version_2_or_bare() {
        let market = market();
        let frames = told(&mut *dialect(&market), &market, 17);
        let (mut second, mut first) = (opened("version=2"), opened(""));
        for session in [&mut second, &mut first] {
            assert!(session.answer(r#"{"subscribe":["MARA","BTC-USD","BITF"]}"#, START).is_empty());
        }
        let enveloped: Vec<Payload> = frames.iter().flat_map(|frame| second.render(frame)).collect();
        let bare: Vec<Payload> = frames.iter().flat_map(|frame| first.render(frame)).collect();
        assert_eq!(enveloped.len(), 6);
        for (enveloped, bare) in enveloped.iter().zip(&bare) {
            let json: Value = serde_json::from_str(enveloped.text().unwrap()).unwrap();
            assert_eq!((&json["type"], &json["message"]), (&"pricing".into(), &bare.text().unwrap().into()));
            STANDARD.decode(bare.text().unwrap()).unwrap();
        }
    }

    #[test]
    fn symbols_past_a_hundred_are_dropped_and_nonsense_ends_the_connection() {
        let mut session = opened("version=2");
        let many: Vec<String> = (0..100).map(|number| format!("X{number}")).collect();
        session.answer(&serde_json::json!({"subscribe": many}).to_string(), START);
        session.answer(r#"{"subscribe":["MARA"]}"#, START);
        let market = market();
        let frames = told(&mut *dialect(&market), &market, 10);
        assert!(frames.iter().all(|frame| session.render(frame).is_empty()));
        assert_eq!(session.alarm(), None);
        session.answer("hello", START);
        assert!(session.alarm().is_some() && session.ring(START).is_err());
    }
}
