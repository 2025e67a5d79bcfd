//! Finnhub's trades of shares: a key in the URL, no acknowledgement.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::trades::{EVERY_MILLIS, Trade, latest};
use crate::market::Market;
use crate::rest::parameter;
use crate::rounds::Rounds;
use crate::session::{Caller, Close, Door, Now, Patience, Session};
use crate::tape::{Dialect, Payload, SimFrame};

pub(super) const ID: &str = "finnhub";

const TRADES: &str = "trade";
/// Symbols that a free key may follow.
const MOST: usize = 50;
const PING_EVERY: Duration = Duration::from_mins(1);

pub(super) fn serves(path: &str) -> bool {
    matches!(path, "" | "/")
}

pub(super) fn session(caller: &mut Caller<'_>) -> Box<dyn Session> {
    let has_key = parameter(caller.query, "token").is_some_and(|token| !token.is_empty());
    let next_ping = if has_key { PING_EVERY } else { Duration::ZERO };
    Box::new(Finnhub { door: caller.door, has_key, symbols: BTreeSet::new(), next_ping })
}

pub(super) fn dialect(market: &Market) -> Box<dyn Dialect> {
    Box::new(Rounds::new(ID, market).every(EVERY_MILLIS, 700, |scene, told| {
        let row = |trade: &Trade| {
            let Trade { stock, price, shares, at_millis, .. } = trade;
            let ticker = stock.ticker;
            format!("{{\"c\":[\"1\"],\"p\":{price},\"s\":\"{ticker}\",\"t\":{at_millis},\"v\":{shares}}}")
        };
        let trades: Vec<String> = latest(scene, ID).iter().map(row).collect();
        if !trades.is_empty() {
            told.push(TRADES, frame(&trades));
        }
    }))
}

fn frame(trades: &[String]) -> String {
    format!("{{\"data\":[{}],\"type\":\"trade\"}}", trades.join(","))
}

fn error(words: &str) -> Payload {
    json!({"type": "error", "msg": words}).to_string().into()
}

/// A connection to Finnhub.
struct Finnhub {
    door: Door,
    has_key: bool,
    symbols: BTreeSet<String>,
    next_ping: Duration,
}

impl Session for Finnhub {
    fn opening(&mut self, _now: Now) -> Vec<Payload> {
        if self.has_key { Vec::new() } else { vec![error("Invalid API key")] }
    }

    fn answer(&mut self, text: &str, _now: Now) -> Vec<Payload> {
        let request: Value = serde_json::from_str(text).unwrap_or_default();
        let word = |key: &str| request.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let symbol = word("symbol");
        match (word("type").as_str(), self.door) {
            ("subscribe", Door::Open) if symbol.is_empty() => vec![error("Invalid symbol")],
            ("subscribe", Door::Open) if self.symbols.len() >= MOST => {
                vec![error("Subscribing to too many symbols")]
            }
            ("subscribe", Door::Open) => {
                self.symbols.insert(symbol);
                Vec::new()
            }
            ("subscribe", Door::Closed) => vec![error("You don't have access to this resource.")],
            ("unsubscribe", _) => {
                self.symbols.remove(&symbol);
                Vec::new()
            }
            _ => vec![error("Invalid message")],
        }
    }

    fn render(&mut self, frame: &SimFrame) -> Vec<Payload> {
        let parsed: Value = frame.text().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let all = parsed.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
        let is_followed = |trade: &Value| {
            trade.get("s").and_then(Value::as_str).is_some_and(|id| self.symbols.contains(id))
        };
        let trades: Vec<String> =
            all.into_iter().filter(is_followed).map(|trade| trade.to_string()).collect();
        if trades.is_empty() { Vec::new() } else { vec![self::frame(&trades).into()] }
    }

    fn patience(&self) -> Patience {
        Patience::default()
    }

    fn alarm(&self) -> Option<Duration> {
        Some(self.next_ping)
    }

    fn ring(&mut self, now: Now) -> Result<Vec<Payload>, Close> {
        if !self.has_key {
            return Err(Close { code: 1008, reason: "Invalid API key" });
        }
        self.next_ping = now.since + PING_EVERY;
        Ok(vec!["{\"type\":\"ping\"}".into()])
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hyper::HeaderMap;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::rounds::told;
    use crate::scene::tests::{FRIDAY, market};

    fn opened(query: &str) -> Box<dyn Session> {
        let (market, headers) = (Arc::new(market()), HeaderMap::new());
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let door = Door::Open;
        session(&mut Caller { path: "/", query, headers: &headers, door, market: &market, rng: &mut rng })
    }

    const START: Now = Now { since: Duration::ZERO, micros: FRIDAY };

    #[test]
    fn only_followed_shares_come_and_nothing_is_acknowledged() {
        let (market, mut session) = (market(), opened("token=key"));
        assert!(session.opening(START).is_empty());
        assert!(session.answer(r#"{"type":"subscribe","symbol":"MARA"}"#, START).is_empty());
        let frames = told(&mut *dialect(&market), &market, 120);
        let heard: Vec<Value> = frames
            .iter()
            .flat_map(|frame| session.render(frame))
            .map(|payload| serde_json::from_str(payload.text().unwrap()).unwrap())
            .collect();
        assert!(heard.len() > 3);
        for frame in &heard {
            let trades = frame["data"].as_array().unwrap();
            assert!(frame["type"] == "trade" && trades.iter().all(|trade| trade["s"] == "MARA"));
            let price = trades[0]["p"].as_f64().unwrap();
            assert!((price / 13.4 - 1.0).abs() < 0.05, "{price}");
        }
        assert_eq!(session.alarm(), Some(PING_EVERY));
        assert_eq!(session.ring(START).unwrap()[0].text(), Some("{\"type\":\"ping\"}"));
    }

    #[test]
    fn without_a_key_it_says_so_and_ends_the_connection() {
        for query in ["", "token="] {
            let mut session = opened(query);
            assert_eq!(session.opening(START), [error("Invalid API key")]);
            assert!(session.alarm() == Some(Duration::ZERO) && session.ring(START).is_err());
        }
    }

    #[test]
    fn the_fifty_first_symbol_is_refused() {
        let mut session = opened("token=key");
        for number in 0..51 {
            let said = session
                .answer(&json!({"type": "subscribe", "symbol": format!("X{number}")}).to_string(), START);
            assert_eq!(said.len(), usize::from(number == 50), "{number}");
        }
    }
}
