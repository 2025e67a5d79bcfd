//! Coinbase's Advanced Trade stream: tickers, heartbeats, numbered frames; and what is listed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::calendar::iso;
use crate::market::Market;
use crate::rest::{Answer, Request};
use crate::rounds::{Rounds, now};
use crate::scene::Scene;
use crate::session::{Caller, Close, Door, Idle, Now, Patience, Session, Sign};
use crate::spot::{Pair, Tick, pairs};
use crate::tape::{Dialect, Payload, SimFrame};

pub(super) const ID: &str = "coinbase";

const SHARE: f64 = 0.4;
/// Everything in one frame, as often as the venue batches tickers.
const EVERY_MILLIS: i64 = 5_000;
const TICKERS: &str = "tickers";
const HEARTBEATS: &str = "heartbeats";
/// The channels that tell of prices.
const PRICES: [&str; 2] = ["ticker", "ticker_batch"];
/// A client must subscribe to something within this time.
const FIRST_WORD: Duration = Duration::from_secs(5);
/// A client without heartbeats is dropped when nothing comes for this long.
const SILENCE: Duration = Duration::from_secs(75);

const BASES: &[&str] = &[
    "BTC", "ETH", "SOL", "XRP", "DOGE", "TAO", "FET", "RENDER", "NEAR", "ICP", "GRT", "AKT", "ATH", "OCEAN",
    "ARKM", "NMR", "AIOZ", "EIGEN", "LPT", "TRAC",
];
/// Listed once, and traded no more.
const DELISTED: [&str; 2] = ["AGIX", "RNDR"];

pub(super) fn serves(path: &str) -> bool {
    matches!(path, "" | "/")
}

pub(super) fn session(caller: &mut Caller<'_>) -> Box<dyn Session> {
    Box::new(CoinbaseSession {
        door: caller.door,
        market: Arc::clone(caller.market),
        subscriptions: BTreeMap::new(),
        sequence: 0,
        next_beat: None,
        beats: 0,
    })
}

/// The tape's frames are those of a client that follows every pair from the start.
pub(super) fn dialect(market: &Market) -> Box<dyn Dialect> {
    let pairs = pairs(BASES);
    let mut sequence = 0;
    Box::new(Rounds::new(ID, market).every(EVERY_MILLIS, 400, move |scene, told| {
        let kind = if sequence == 0 { "snapshot" } else { "update" };
        let tickers: Vec<String> = pairs.iter().map(|pair| ticker(scene, pair)).collect();
        told.push(TICKERS, envelope("ticker_batch", scene.now_micros, sequence, &event(kind, &tickers)));
        sequence += 1;
    }))
}

/// `GET /api/v3/brokerage/market/products`.
pub(super) fn answer(request: &Request<'_>, market: &Market) -> Option<Answer> {
    request
        .gets("/api/v3/brokerage/market/products")
        .then(|| Answer::json(now(market, request.now_micros, products)))
}

/// Numbers count from 0 on each connection, across channels.
fn envelope(channel: &str, at_micros: i64, sequence: u64, event: &str) -> String {
    format!(
        "{{\"channel\":\"{channel}\",\"timestamp\":\"{}\",\"sequence_num\":{sequence},\"events\":[{event}]}}",
        nanos(at_micros)
    )
}

fn event(kind: &str, tickers: &[String]) -> String {
    format!("{{\"type\":\"{kind}\",\"tickers\":[{}]}}", tickers.join(","))
}

/// `2026-11-20T15:00:00.000123000Z`.
fn nanos(micros: i64) -> String {
    let millis = iso(micros);
    format!("{}{:03}000Z", millis.trim_end_matches('Z'), micros.rem_euclid(1000))
}

fn ticker(scene: &Scene<'_>, pair: &Pair) -> String {
    let tick = Tick::of(scene, ID, pair, SHARE);
    format!(
        concat!(
            "{{\"type\":\"ticker\",\"product_id\":\"{}-USD\",\"price\":\"{}\",\"volume_24_h\":\"{}\",\"low_24_h\":\"{}\",",
            "\"high_24_h\":\"{}\",\"low_52_w\":\"{}\",\"high_52_w\":\"{}\",\"price_percent_chg_24_h\":\"{:.14}\",",
            "\"best_bid\":\"{}\",\"best_ask\":\"{}\",\"best_bid_quantity\":\"{}\",\"best_ask_quantity\":\"{}\"}}"
        ),
        pair.base,
        pair.price(tick.last),
        pair.quantity(tick.volume),
        pair.price(tick.low),
        pair.price(tick.high),
        pair.price(tick.low * 7 / 10),
        pair.price(tick.high * 3 / 2),
        tick.change_pct,
        pair.price(tick.bid),
        pair.price(tick.ask),
        pair.quantity(tick.volume / 20_000.0),
        pair.quantity(tick.volume / 30_000.0)
    )
}

fn products(scene: &Scene<'_>) -> String {
    let product = |base: &str, price: String, increment: String, is_traded: bool| {
        json!({
            "product_id": format!("{base}-USD"), "price": price, "base_increment": "0.00000001",
            "quote_increment": increment, "price_increment": increment, "base_name": base,
            "quote_name": "US Dollar", "is_disabled": !is_traded, "new": false,
            "status": if is_traded { "online" } else { "delisted" }, "cancel_only": false, "limit_only": false,
            "post_only": false, "trading_disabled": !is_traded, "auction_mode": false, "product_type": "SPOT",
            "quote_currency_id": "USD", "base_currency_id": base, "alias": "",
            "alias_to": [format!("{base}-USDC")], "view_only": !is_traded, "product_venue": "CBE",
        })
    };
    let traded = pairs(BASES).into_iter().map(|pair| {
        let last = Tick::of(scene, ID, &pair, SHARE).last;
        product(pair.base, pair.price(last), pair.price(1), true)
    });
    let delisted = DELISTED.into_iter().map(|base| product(base, String::new(), "0.0001".into(), false));
    let products: Vec<Value> = traded.chain(delisted).collect();
    json!({"num_products": products.len(), "products": products}).to_string()
}

/// A connection to Coinbase.
struct CoinbaseSession {
    door: Door,
    market: Arc<Market>,
    /// Products by channel.
    subscriptions: BTreeMap<String, BTreeSet<String>>,
    sequence: u64,
    next_beat: Option<Duration>,
    beats: u64,
}

impl CoinbaseSession {
    fn numbered(&mut self, channel: &str, at_micros: i64, event: &str) -> Payload {
        let text = envelope(channel, at_micros, self.sequence, event);
        self.sequence += 1;
        text.into()
    }

    /// What a request changes, and what is said to it.
    fn take(&mut self, request: &Value, now: Now) -> Result<Vec<Payload>, String> {
        let word = |key: &str| request.get(key).and_then(Value::as_str).unwrap_or_default();
        let channel = word("channel").to_owned();
        let known = PRICES.contains(&channel.as_str()) || channel == HEARTBEATS;
        let kind = word("type");
        if !matches!(kind, "subscribe" | "unsubscribe") || !known || self.door == Door::Closed {
            return Err(format!("failed to subscribe: channel {channel:?} or type {kind:?}"));
        }
        let named =
            request.get("product_ids").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let products: Vec<String> = named.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let listed = pairs(BASES);
        let pair_of =
            |product: &String| listed.iter().find(|pair| product.strip_suffix("-USD") == Some(pair.base));
        if let Some(unknown) = products.iter().find(|product| pair_of(product).is_none()) {
            return Err(format!("{unknown} is not a valid product"));
        }
        let mut said = Vec::new();
        if kind == "unsubscribe" {
            if let Some(followed) = self.subscriptions.get_mut(&channel) {
                followed.retain(|product| !products.contains(product));
            }
        } else {
            self.subscriptions.entry(channel.clone()).or_default().extend(products.iter().cloned());
            if channel == HEARTBEATS {
                self.next_beat = Some(now.since + Duration::from_secs(1));
            } else if !products.is_empty() {
                let tickers: Vec<String> = crate::rounds::now(&self.market, now.micros, |scene| {
                    products.iter().filter_map(pair_of).map(|pair| ticker(scene, pair)).collect()
                });
                said.push(self.numbered(&channel, now.micros, &event("snapshot", &tickers)));
            }
        }
        let followed = json!({"subscriptions": self.subscriptions}).to_string();
        said.push(self.numbered("subscriptions", now.micros, &followed));
        Ok(said)
    }
}

impl Session for CoinbaseSession {
    fn answer(&mut self, text: &str, now: Now) -> Vec<Payload> {
        let request: Value = serde_json::from_str(text).unwrap_or_default();
        self.take(&request, now)
            .unwrap_or_else(|words| vec![json!({"type": "error", "message": words}).to_string().into()])
    }

    fn render(&mut self, frame: &SimFrame) -> Vec<Payload> {
        let parsed: Value = frame.text().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let all = parsed.pointer("/events/0/tickers").and_then(Value::as_array).map(Vec::as_slice);
        let mut payloads = Vec::new();
        for channel in PRICES {
            let Some(followed) = self.subscriptions.get(channel) else { continue };
            let is_followed = |ticker: &&Value| {
                ticker.get("product_id").and_then(Value::as_str).is_some_and(|id| followed.contains(id))
            };
            let tickers: Vec<String> =
                all.unwrap_or_default().iter().filter(is_followed).map(Value::to_string).collect();
            if !tickers.is_empty() {
                payloads.push(self.numbered(channel, frame.at_micros, &event("update", &tickers)));
            }
        }
        payloads
    }

    fn patience(&self) -> Patience {
        let close = Close { code: 1008, reason: "no subscription" };
        let limit = match (self.subscriptions.is_empty(), self.next_beat) {
            (true, _) => FIRST_WORD,
            (false, None) => SILENCE,
            (false, Some(_)) => return Patience { messages_per_sec: Some(8), ..Patience::default() },
        };
        let idle = Idle { limit, sign: Sign::TextOrPing, close };
        Patience { idle: Some(idle), messages_per_sec: Some(8), ..Patience::default() }
    }

    fn alarm(&self) -> Option<Duration> {
        self.next_beat
    }

    fn ring(&mut self, now: Now) -> Result<Vec<Payload>, Close> {
        self.next_beat = Some(now.since + Duration::from_secs(1));
        self.beats += 1;
        let beat = json!({"current_time": nanos(now.micros), "heartbeat_counter": self.beats}).to_string();
        Ok(vec![self.numbered(HEARTBEATS, now.micros, &beat)])
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
        session(&mut Caller { path: "/", query: "", headers: &headers, door, market: &market, rng: &mut rng })
    }

    fn at(secs: u64) -> Now {
        Now { since: Duration::from_secs(secs), micros: FRIDAY + secs as i64 * 1_000_000 }
    }

    fn json_of(payloads: &[Payload]) -> Vec<Value> {
        payloads.iter().map(|one| serde_json::from_str(one.text().unwrap()).unwrap()).collect()
    }

    #[test]
    fn frames_are_numbered_across_channels_without_a_gap() {
        let mut session = opened(Door::Open);
        let mut said = session.answer(
            r#"{"type":"subscribe","product_ids":["BTC-USD","OCEAN-USD"],"channel":"ticker_batch"}"#,
            at(0),
        );
        said.extend(session.answer(r#"{"type":"subscribe","channel":"heartbeats"}"#, at(1)));
        assert_eq!(session.alarm(), Some(Duration::from_secs(2)));
        said.extend(session.ring(at(2)).unwrap());
        let market = market();
        for frame in told(&mut *dialect(&market), &market, 8) {
            said.extend(session.render(&frame));
        }
        let frames = json_of(&said);
        let channels: Vec<&str> = frames.iter().map(|frame| frame["channel"].as_str().unwrap()).collect();
        assert_eq!(
            channels,
            ["ticker_batch", "subscriptions", "subscriptions", "heartbeats", "ticker_batch", "ticker_batch"]
        );
        for (number, frame) in frames.iter().enumerate() {
            assert_eq!(frame["sequence_num"], number, "{frame}");
        }
        let tickers = frames[4]["events"][0]["tickers"].as_array().unwrap();
        let ids: Vec<&str> = tickers.iter().map(|ticker| ticker["product_id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["BTC-USD", "OCEAN-USD"]);
        assert_eq!(frames[0]["events"][0]["type"], "snapshot");
    }

    #[test]
    fn an_unknown_product_or_a_closed_door_is_an_error_and_silence_ends_the_connection() {
        let mut session = opened(Door::Open);
        let idle = |session: &dyn Session| session.patience().idle.map(|idle| idle.limit);
        assert_eq!(idle(&*session), Some(FIRST_WORD));
        let said =
            session.answer(r#"{"type":"subscribe","product_ids":["NO-USD"],"channel":"ticker"}"#, at(0));
        assert_eq!(json_of(&said)[0], json!({"type": "error", "message": "NO-USD is not a valid product"}));
        session.answer(r#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"ticker"}"#, at(0));
        assert_eq!(idle(&*session), Some(SILENCE));
        session.answer(r#"{"type":"subscribe","channel":"heartbeats"}"#, at(0));
        assert_eq!(idle(&*session), None);
        let said = opened(Door::Closed)
            .answer(r#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"ticker"}"#, at(0));
        assert_eq!(json_of(&said)[0]["type"], "error");
    }

    #[test]
    fn products_are_spot_and_say_whether_they_trade() {
        let listed: Value = serde_json::from_str(&now(&market(), FRIDAY, products)).unwrap();
        let products = listed["products"].as_array().unwrap();
        assert_eq!(listed["num_products"], products.len());
        let product = |id: &str| products.iter().find(|one| one["product_id"] == id).unwrap();
        assert_eq!(product("OCEAN-USD")["status"], "online");
        assert_eq!(product("AGIX-USD")["trading_disabled"], true);
        assert!(products.iter().all(|one| one["product_type"] == "SPOT"));
        assert_eq!(nanos(FRIDAY + 125_001), "2026-11-20T15:00:00.125001000Z");
    }
}
