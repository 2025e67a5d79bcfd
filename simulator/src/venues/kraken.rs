//! Kraken's market for coins, version 2 of its stream: tickers, pairs, heartbeats.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use serde_json::{Value, json};

use crate::calendar::iso;
use crate::market::Market;
use crate::rounds::Rounds;
use crate::scene::{Scene, rounded};
use crate::session::{Caller, Close, Door, Idle, Now, Patience, Session, Sign};
use crate::spot::{Pair, Tick, pairs};
use crate::tape::{Dialect, Payload, SimFrame};

pub(super) const ID: &str = "kraken";

const SHARE: f64 = 0.15;
const INSTRUMENT: &str = "instrument";
/// Nothing is said for longer than this to a client that follows something.
const BEAT: Duration = Duration::from_secs(1);

const BASES: &[&str] = &[
    "BTC", "ETH", "SOL", "XRP", "DOGE", "TAO", "FET", "RENDER", "NEAR", "ICP", "GRT", "AKT", "OCEAN", "ARKM",
    "VIRTUAL", "NMR", "LPT", "GRASS", "TRAC", "EIGEN",
];

pub(super) fn session(caller: &mut Caller<'_>) -> Box<dyn Session> {
    Box::new(KrakenSession {
        door: caller.door,
        market: Arc::clone(caller.market),
        connection_id: caller.rng.random(),
        topics: BTreeSet::new(),
        next_beat: None,
    })
}

/// The tape begins with the pairs, as a client that follows them gets them.
pub(super) fn dialect(market: &Market) -> Box<dyn Dialect> {
    let mut is_first = true;
    let mut rounds = Rounds::new(ID, market).every(3_600_000, 0, move |_, told| {
        if std::mem::take(&mut is_first) {
            told.push(INSTRUMENT, instruments());
        }
    });
    for (number, pair) in pairs(BASES).into_iter().enumerate() {
        let mut kind = "snapshot";
        rounds = rounds.every(pair.every_millis(), 350 + number as i64 * 59, move |scene, told| {
            told.push(topic(&pair), ticker(scene, &pair, kind));
            kind = "update";
        });
    }
    Box::new(rounds)
}

fn topic(pair: &Pair) -> String {
    format!("ticker:{}/USD", pair.base)
}

/// Prices and quantities are numbers here.
fn ticker(scene: &Scene<'_>, pair: &Pair, kind: &str) -> String {
    let tick = Tick::of(scene, ID, pair, SHARE);
    let change = tick.last as i64 - tick.open as i64;
    format!(
        concat!(
            "{{\"channel\":\"ticker\",\"type\":\"{}\",\"data\":[{{\"symbol\":\"{}/USD\",\"bid\":{},\"bid_qty\":{},",
            "\"ask\":{},\"ask_qty\":{},\"last\":{},\"volume\":{},\"vwap\":{},\"low\":{},\"high\":{},",
            "\"change\":{}{},\"change_pct\":{},\"timestamp\":\"{}\"}}]}}"
        ),
        kind,
        pair.base,
        pair.price(tick.bid),
        pair.quantity(tick.volume / 25_000.0),
        pair.price(tick.ask),
        pair.quantity(tick.volume / 35_000.0),
        pair.price(tick.last),
        pair.quantity(tick.volume),
        pair.price(u64::midpoint(tick.low, tick.high)),
        pair.price(tick.low),
        pair.price(tick.high),
        if change < 0 { "-" } else { "" },
        pair.price(change.unsigned_abs()),
        rounded(tick.change_pct, 2),
        micros(scene.now_micros)
    )
}

/// `2026-11-20T15:00:00.000123Z`.
fn micros(at: i64) -> String {
    format!("{}{:03}Z", iso(at).trim_end_matches('Z'), at.rem_euclid(1000))
}

fn instruments() -> String {
    let pair = |pair: &Pair| {
        json!({
            "symbol": format!("{}/USD", pair.base), "base": pair.base, "quote": "USD", "status": "online",
            "qty_precision": pair.lot, "qty_increment": 10_f64.powi(-i32::from(pair.lot)),
            "price_precision": pair.decimals, "cost_precision": 5, "marginable": true, "has_index": true,
            "cost_min": 0.5, "tick_size": 10_f64.powi(-i32::from(pair.decimals)),
            "price_increment": 10_f64.powi(-i32::from(pair.decimals)), "qty_min": 0.0001,
        })
    };
    let asset = |id: &str| json!({"id": id, "status": "enabled", "precision": 10, "precision_display": 5});
    let listed = pairs(BASES);
    let assets: Vec<Value> = listed.iter().map(|pair| asset(pair.base)).chain([asset("USD")]).collect();
    let pairs: Vec<Value> = listed.iter().map(pair).collect();
    json!({"channel": "instrument", "type": "snapshot", "data": {"assets": assets, "pairs": pairs}})
        .to_string()
}

/// A connection to Kraken.
struct KrakenSession {
    door: Door,
    market: Arc<Market>,
    connection_id: u64,
    topics: BTreeSet<String>,
    next_beat: Option<Duration>,
}

/// Writes what a subscription begins with.
type First<'a> = Box<dyn Fn(&Scene<'_>) -> String + 'a>;

impl KrakenSession {
    /// What is said to a subscription or its end: an answer for each symbol, and what it begins with.
    fn change(&mut self, request: &Value, now: Now) -> Vec<Payload> {
        let method = request.get("method").and_then(Value::as_str).unwrap_or_default();
        let params = request.get("params").cloned().unwrap_or_default();
        let channel = params.get("channel").and_then(Value::as_str).unwrap_or_default();
        let symbols: Vec<&str> = match channel {
            INSTRUMENT => vec![""],
            "ticker" => {
                let named = params.get("symbol").and_then(Value::as_array).map(Vec::as_slice);
                named.unwrap_or_default().iter().filter_map(Value::as_str).collect()
            }
            _ => Vec::new(),
        };
        if symbols.is_empty() {
            return vec![refusal(request, "Channel or symbol field missing", None, now)];
        }
        let (listed, mut answers, mut firsts) = (pairs(BASES), Vec::new(), Vec::new());
        for symbol in symbols {
            let pair = listed.iter().find(|pair| symbol.strip_suffix("/USD") == Some(pair.base));
            let (topic, first): (String, First<'_>) = match pair {
                Some(pair) if channel == "ticker" => {
                    (topic(pair), Box::new(|scene| ticker(scene, pair, "snapshot")))
                }
                None if channel == INSTRUMENT => (INSTRUMENT.to_owned(), Box::new(|_| instruments())),
                Some(_) | None => {
                    let words = format!("Currency pair not supported {symbol}");
                    answers.push(refusal(request, &words, Some(symbol), now));
                    continue;
                }
            };
            let mut result = json!({"channel": channel, "snapshot": true});
            if pair.is_some() {
                result["symbol"] = symbol.into();
                result["event_trigger"] = "trades".into();
            }
            let mut answer = json!({
                "method": method, "result": result, "success": true,
                "time_in": micros(now.micros), "time_out": micros(now.micros),
            });
            echo(request, &mut answer);
            answers.push(answer.to_string().into());
            if method == "subscribe" {
                self.topics.insert(topic);
                firsts.push(crate::rounds::now(&self.market, now.micros, first).into());
            } else {
                self.topics.remove(&topic);
            }
        }
        if !self.topics.is_empty() {
            self.next_beat.get_or_insert(now.since + BEAT);
        }
        answers.into_iter().chain(firsts).collect()
    }
}

/// The client's number for its request, if it gave one.
fn echo(request: &Value, answer: &mut Value) {
    if let Some(id) = request.get("req_id") {
        answer["req_id"] = id.clone();
    }
}

fn refusal(request: &Value, words: &str, symbol: Option<&str>, now: Now) -> Payload {
    let mut answer = json!({
        "error": words, "method": request.get("method"), "success": false,
        "time_in": micros(now.micros), "time_out": micros(now.micros),
    });
    if let Some(symbol) = symbol {
        answer["symbol"] = symbol.into();
    }
    echo(request, &mut answer);
    answer.to_string().into()
}

impl Session for KrakenSession {
    fn opening(&mut self, _now: Now) -> Vec<Payload> {
        let status = json!({
            "channel": "status", "type": "update",
            "data": [{"version": "2.0.10", "system": "online", "api_version": "v2", "connection_id": self.connection_id}],
        });
        vec![status.to_string().into()]
    }

    fn answer(&mut self, text: &str, now: Now) -> Vec<Payload> {
        let request: Value = serde_json::from_str(text).unwrap_or_default();
        match request.get("method").and_then(Value::as_str) {
            Some("ping") => {
                let mut pong = json!({
                    "method": "pong", "time_in": micros(now.micros), "time_out": micros(now.micros),
                });
                echo(&request, &mut pong);
                vec![pong.to_string().into()]
            }
            Some("subscribe" | "unsubscribe") if self.door == Door::Open => self.change(&request, now),
            Some("subscribe" | "unsubscribe") => {
                vec![refusal(&request, "Trading is not available", None, now)]
            }
            Some(_) => vec![refusal(&request, "Unsupported method", None, now)],
            None => vec![refusal(&request, "Malformed request", None, now)],
        }
    }

    fn render(&mut self, frame: &SimFrame) -> Vec<Payload> {
        if self.topics.contains(&frame.topic) { vec![frame.payload.clone()] } else { Vec::new() }
    }

    fn patience(&self) -> Patience {
        let close = Close { code: 1000, reason: "" };
        let idle = Idle { limit: Duration::from_mins(1), sign: Sign::TextOrPing, close };
        // Who follows something is spoken to, and need not speak.
        Patience { idle: self.topics.is_empty().then_some(idle), ..Patience::default() }
    }

    fn alarm(&self) -> Option<Duration> {
        self.next_beat
    }

    fn ring(&mut self, now: Now) -> Result<Vec<Payload>, Close> {
        self.next_beat = Some(now.since + BEAT);
        Ok(vec!["{\"channel\":\"heartbeat\"}".into()])
    }
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::rounds::told;
    use crate::scene::tests::{FRIDAY, market};

    fn opened(door: Door) -> Box<dyn Session> {
        let (market, headers) = (Arc::new(market()), HeaderMap::new());
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        session(&mut Caller {
            path: "/v2",
            query: "",
            headers: &headers,
            door,
            market: &market,
            rng: &mut rng,
        })
    }

    const START: Now = Now { since: Duration::ZERO, micros: FRIDAY };

    fn said(session: &mut dyn Session, text: &str) -> Vec<Value> {
        let payloads = session.answer(text, START);
        payloads.iter().map(|one| serde_json::from_str(one.text().unwrap()).unwrap()).collect()
    }

    #[test]
    fn each_symbol_is_answered_and_those_listed_begin_with_a_snapshot() {
        let mut session = opened(Door::Open);
        let answers = said(
            &mut *session,
            r#"{"method":"subscribe","params":{"channel":"ticker","symbol":["BTC/USD","NO/USD","OCEAN/USD"]},"req_id":7}"#,
        );
        let successes: Vec<&Value> = answers[..3].iter().map(|answer| &answer["success"]).collect();
        assert_eq!(successes, [&json!(true), &json!(false), &json!(true)]);
        assert!(answers[..3].iter().all(|answer| answer["req_id"] == 7));
        assert_eq!(answers[1]["error"], "Currency pair not supported NO/USD");
        let ticker = &answers[3]["data"][0];
        assert_eq!((&answers[3]["type"], &ticker["symbol"]), (&json!("snapshot"), &json!("BTC/USD")));
        let number = |key: &str| ticker[key].as_f64().unwrap();
        assert!(number("bid") < number("last") && number("last") < number("ask"));
        assert_eq!(session.alarm(), Some(BEAT));
        assert_eq!(said(&mut *session, r#"{"method":"ping","req_id":8}"#)[0]["method"], "pong");
    }

    #[test]
    fn pairs_come_over_the_same_socket() {
        let answers =
            said(&mut *opened(Door::Open), r#"{"method":"subscribe","params":{"channel":"instrument"}}"#);
        assert_eq!(answers[0]["success"], true);
        let pairs = answers[1]["data"]["pairs"].as_array().unwrap();
        assert!(pairs.iter().any(|pair| pair["symbol"] == "OCEAN/USD" && pair["base"] == "OCEAN"));
        let closed =
            said(&mut *opened(Door::Closed), r#"{"method":"subscribe","params":{"channel":"instrument"}}"#);
        assert_eq!(closed[0]["success"], false);
    }

    #[test]
    fn the_tape_begins_with_the_pairs_and_every_ticker_is_json() {
        let market = market();
        let frames = told(&mut *dialect(&market), &market, 30);
        assert_eq!(frames[0].topic, INSTRUMENT);
        for frame in &frames {
            let json: Value = serde_json::from_str(frame.text().unwrap()).unwrap();
            assert!(json["data"].is_array() || json["data"]["pairs"].is_array());
        }
        assert_eq!(frames.iter().filter(|frame| frame.topic == "ticker:BTC/USD").count(), 10);
    }
}
