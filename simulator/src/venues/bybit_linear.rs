//! Bybit v5 linear: `allLiquidation`, control messages and the instruments' REST answer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use serde_json::Value;

use super::bybit_tickers;
use crate::calendar::Delivery;
use crate::contracts::{ASSETS, Contract, Term, Value as Worth, fixed};
use crate::market::{Market, Prices};
use crate::rest::{Answer, Request, parameter};
use crate::rounds::{WithRounds, now};
use crate::scene::Scene;
use crate::session::{Caller, Close, Door, Idle, Now, Patience, Session, Sign, quoted};
use crate::tape::{Dialect, Payload, SimFrame};
use crate::world::{Forced, Position};

pub(super) const ID: &str = "bybit-linear";

/// Frames leave every 500 ms when there is something, all of that time's liquidations in them.
const BATCH_MICROS: i64 = 500_000;

/// Most topics in one subscription.
const MOST_ARGS: usize = 10;

pub(super) fn lists(delivery: Delivery) -> Vec<Contract> {
    let mut contracts = Vec::new();
    for (asset, row) in ASSETS.iter().enumerate() {
        contracts.push(Contract::paired(ID, asset, 6.0));
        if matches!(row.code, "BTC" | "ETH") {
            contracts.push(Contract {
                symbol: format!("{}PERP", row.code),
                quote: "USDC",
                ..Contract::paired(ID, asset, 0.6)
            });
            contracts.push(Contract {
                symbol: format!("{}USDT-{}", row.code, delivery.words()),
                term: delivery.term(),
                ..Contract::paired(ID, asset, 0.2)
            });
        }
    }
    contracts
}

pub(super) fn dialect(market: &Market) -> Box<dyn Dialect> {
    Box::new(WithRounds { events: Box::new(Batches::new(ID)), rounds: bybit_tickers::rounds(ID, market) })
}

pub(super) fn session(caller: &mut Caller<'_>) -> Box<dyn Session> {
    Box::new(BybitSession::new(ID, caller))
}

/// `GET /v5/market/instruments-info?category=&limit=&cursor=`.
pub(super) fn answer(request: &Request<'_>, market: &Market) -> Option<Answer> {
    // Coins are another venue here, which has the same path.
    if !request.gets("/v5/market/instruments-info") || request.asked("category") == Some("spot") {
        return None;
    }
    Some(Answer::json(instruments(&market.contracts, request.query, request.now_micros)))
}

/// The venue's batching: one frame per symbol and half second, every liquidation in it.
pub(super) struct Batches {
    venue: &'static str,
    rows: BTreeMap<String, Vec<Forced>>,
    leaves: Option<i64>,
}

impl Batches {
    pub(super) fn new(venue: &'static str) -> Self {
        Self { venue, rows: BTreeMap::new(), leaves: None }
    }
}

impl Dialect for Batches {
    fn note(&mut self, forced: Forced) {
        let next = (forced.at_micros.div_euclid(BATCH_MICROS) + 1) * BATCH_MICROS;
        self.leaves.get_or_insert(next);
        self.rows.entry(forced.contract.symbol.clone()).or_default().push(forced);
    }

    fn due(&self) -> Option<i64> {
        self.leaves
    }

    fn tell(&mut self, now: i64, _prices: &Prices, out: &mut VecDeque<SimFrame>) {
        self.leaves = None;
        for (symbol, rows) in std::mem::take(&mut self.rows) {
            let told: Vec<String> = rows.iter().map(row).collect();
            let text = format!(
                "{{\"topic\":\"allLiquidation.{symbol}\",\"type\":\"snapshot\",\"ts\":{},\"data\":[{}]}}",
                now / 1000,
                told.join(",")
            );
            out.push_back(SimFrame {
                at_micros: now,
                venue: self.venue,
                payload: text.into(),
                topic: format!("allLiquidation.{symbol}"),
                request: None,
                events: rows.len() as u64,
            });
        }
    }
}

/// `S` is the side of the POSITION: a liquidated long is a `Buy`. `p` is the bankruptcy price.
fn row(forced: &Forced) -> String {
    let contract = &*forced.contract;
    let side = match forced.position {
        Position::Long => "Buy",
        Position::Short => "Sell",
    };
    format!(
        "{{\"T\":{},\"s\":\"{}\",\"S\":\"{side}\",\"v\":\"{}\",\"p\":\"{}\"}}",
        forced.at_micros / 1000,
        contract.symbol,
        fixed(forced.quantity, contract.lot_step.0),
        fixed(forced.bankruptcy, contract.price_step.0),
    )
}

/// A connection to Bybit.
pub(super) struct BybitSession {
    venue: &'static str,
    conn_id: String,
    door: Door,
    market: Arc<Market>,
    tickers: FirstTicker,
    topics: BTreeSet<String>,
}

/// What is first said of a venue's symbol's ticker; `None` where there is no such symbol.
pub(super) type FirstTicker = fn(&Market, &Scene<'_>, (&str, &str)) -> Option<String>;

impl BybitSession {
    pub(super) fn new(venue: &'static str, caller: &mut Caller<'_>) -> Self {
        Self::with_tickers(venue, caller, |market, scene, (venue, symbol)| {
            let contract = market.of(venue).find(|contract| contract.symbol == symbol)?;
            Some(bybit_tickers::snapshot(scene, contract))
        })
    }

    pub(super) fn with_tickers(venue: &'static str, caller: &mut Caller<'_>, tickers: FirstTicker) -> Self {
        let conn_id = format!("{:016x}", caller.rng.random::<u64>());
        let market = Arc::clone(caller.market);
        Self { venue, conn_id, door: caller.door, market, tickers, topics: BTreeSet::new() }
    }

    fn respond(&self, outcome: Result<&str, &str>, req_id: &str, op: &str) -> String {
        let (Ok(words) | Err(words)) = outcome;
        format!(
            "{{\"success\":{},\"ret_msg\":{},\"conn_id\":\"{}\",\"req_id\":{},\"op\":{}}}",
            outcome.is_ok(),
            quoted(words),
            self.conn_id,
            quoted(req_id),
            quoted(op)
        )
    }

    /// Whether a topic exists.
    fn is_topic(&self, topic: &str, at_micros: i64) -> bool {
        match topic.strip_prefix("allLiquidation.") {
            Some(symbol) => self.market.of(self.venue).any(|contract| contract.symbol == symbol),
            None => self.first(topic, at_micros).is_some(),
        }
    }

    /// The state of a topic that is a ticker, which later frames change or replace.
    fn first(&self, topic: &str, at_micros: i64) -> Option<String> {
        let symbol = topic.strip_prefix(bybit_tickers::TOPIC)?;
        now(&self.market, at_micros, |scene| (self.tickers)(&self.market, scene, (self.venue, symbol)))
    }

    /// One bad topic refuses the whole request; one already subscribed does not.
    fn subscribe(&mut self, args: &[String], at_micros: i64) -> Result<(), String> {
        if self.door == Door::Closed {
            return Err("error:request not authorized".into());
        }
        if args.is_empty() {
            return Err("error:args is empty".into());
        }
        if args.len() > MOST_ARGS {
            return Err(format!("args size >{MOST_ARGS}"));
        }
        if let Some(unknown) = args.iter().find(|topic| !self.is_topic(topic, at_micros)) {
            return Err(format!("error:handler not found,topic:{unknown}"));
        }
        let known: Vec<&String> = args.iter().filter(|topic| self.topics.contains(*topic)).collect();
        let words = known.first().map(|topic| format!("error:already subscribed,topic:{topic}"));
        self.topics.extend(args.iter().cloned());
        words.map_or(Ok(()), Err)
    }
}

impl Session for BybitSession {
    fn answer(&mut self, text: &str, now: Now) -> Vec<Payload> {
        let Ok(request) = serde_json::from_str::<Value>(text) else {
            return vec![self.respond(Err("error:request is not valid JSON"), "", "").into()];
        };
        let word = |key: &str| request.get(key).and_then(Value::as_str).unwrap_or_default();
        let (op, req_id) = (word("op"), word("req_id"));
        let args: Vec<String> = request
            .get("args")
            .and_then(Value::as_array)
            .map(|all| all.iter().map(|one| one.as_str().unwrap_or_default().to_owned()).collect())
            .unwrap_or_default();
        let mut firsts: Vec<Payload> = Vec::new();
        let said = match op {
            "ping" => self.respond(Ok("pong"), req_id, op),
            "subscribe" => match self.subscribe(&args, now.micros) {
                Ok(()) => {
                    let first = |topic: &String| self.first(topic, now.micros).map(Payload::from);
                    firsts = args.iter().filter_map(first).collect();
                    self.respond(Ok(""), req_id, op)
                }
                Err(words) => self.respond(Err(&words), req_id, op),
            },
            "unsubscribe" => {
                self.topics.retain(|topic| !args.contains(topic));
                self.respond(Ok(""), req_id, op)
            }
            other => self.respond(Err(&format!("error:unknown op:{other}")), req_id, op),
        };
        std::iter::once(said.into()).chain(firsts).collect()
    }

    fn render(&mut self, frame: &SimFrame) -> Vec<Payload> {
        if self.topics.contains(&frame.topic) { vec![frame.payload.clone()] } else { Vec::new() }
    }

    fn patience(&self) -> Patience {
        let close = Close { code: 1000, reason: "" };
        let idle = Idle { limit: Duration::from_mins(10), sign: Sign::Text, close };
        Patience { idle: Some(idle), ..Patience::default() }
    }
}

/// The roster of a category, page by page; the products' ids end in their category.
fn instruments(contracts: &[Arc<Contract>], query: &str, at_micros: i64) -> String {
    let now = at_micros / 1000;
    let refused = |words: &str| {
        format!(
            "{{\"retCode\":10001,\"retMsg\":{},\"result\":{{}},\"retExtInfo\":{{}},\"time\":{now}}}",
            quoted(words)
        )
    };
    let asked = |key: &str| parameter(query, key);
    let Some(category @ ("linear" | "inverse" | "spot" | "option")) = asked("category") else {
        return refused("params error: Category is invalid");
    };
    let limit = match asked("limit").filter(|limit| !limit.is_empty()).map(str::parse::<usize>) {
        None => 500,
        Some(Ok(limit @ 1..=1000)) => limit,
        Some(_) => return refused("params error: Limit is invalid"),
    };
    let mut listed: Vec<&Contract> = contracts
        .iter()
        .map(Arc::as_ref)
        .filter(|contract| contract.venue.strip_prefix("bybit-") == Some(category))
        .collect();
    listed.sort_by(|one, other| one.symbol.cmp(&other.symbol));
    if let Some(status) = asked("status").filter(|status| !status.is_empty())
        && status != "Trading"
    {
        listed.clear();
    }
    let after = match asked("cursor").filter(|cursor| !cursor.is_empty()) {
        None => 0,
        Some(cursor) => {
            let Some(last) = last_of(cursor) else { return refused("params error: Cursor is invalid") };
            listed.iter().position(|contract| contract.symbol > last).unwrap_or(listed.len())
        }
    };
    let page: Vec<&Contract> = listed.iter().skip(after).take(limit).copied().collect();
    // The cursor is percent-encoded inside the JSON too, to be put into the next URL as it is.
    let next = match (page.first(), page.last()) {
        (Some(first), Some(last)) if after + page.len() < listed.len() => {
            format!("first%3D{}%26last%3D{}", first.symbol, last.symbol)
        }
        _ => String::new(),
    };
    let rows: Vec<String> = page.into_iter().map(instrument).collect();
    format!(
        concat!(
            "{{\"retCode\":0,\"retMsg\":\"OK\",\"result\":{{\"category\":\"{}\",\"list\":[{}],",
            "\"nextPageCursor\":\"{}\"}},\"retExtInfo\":{{}},\"time\":{}}}"
        ),
        category,
        rows.join(","),
        next,
        now
    )
}

/// The symbol after which a page starts; encoded once or, by a client that encodes again, twice.
fn last_of(cursor: &str) -> Option<String> {
    let plain = cursor.replace("%25", "%").replace("%3D", "=").replace("%26", "&");
    plain.split_once("&last=").map(|(_, last)| last.to_owned())
}

fn instrument(contract: &Contract) -> String {
    let (decimals, tick) = contract.price_step;
    let (linear, settles_in) = match contract.value {
        Worth::Linear(_) | Worth::Quanto(_) => (true, contract.quote),
        Worth::Inverse(_) => (false, contract.base.as_str()),
    };
    let (kind, delivery) = match (linear, &contract.term) {
        (true, Term::Perpetual) => ("LinearPerpetual", 0),
        (true, Term::Dated(millis)) => ("LinearFutures", *millis),
        (false, Term::Perpetual) => ("InversePerpetual", 0),
        (false, Term::Dated(millis)) => ("InverseFutures", *millis),
    };
    let step = fixed(contract.lot_step.1, contract.lot_step.0);
    format!(
        concat!(
            "{{\"symbol\":\"{}\",\"contractType\":\"{}\",\"status\":\"Trading\",\"baseCoin\":\"{}\",\"quoteCoin\":\"{}\",",
            "\"launchTime\":\"1700000000000\",\"deliveryTime\":\"{}\",\"deliveryFeeRate\":\"\",\"priceScale\":\"{}\",",
            "\"leverageFilter\":{{\"minLeverage\":\"1\",\"maxLeverage\":\"50.00\",\"leverageStep\":\"0.01\"}},",
            "\"priceFilter\":{{\"minPrice\":\"{}\",\"maxPrice\":\"{}\",\"tickSize\":\"{}\"}},",
            "\"lotSizeFilter\":{{\"maxOrderQty\":\"{}\",\"minOrderQty\":\"{}\",\"qtyStep\":\"{}\",\"minNotionalValue\":\"5\"}},",
            "\"unifiedMarginTrade\":true,\"fundingInterval\":480,\"settleCoin\":\"{}\",\"copyTrading\":\"none\",",
            "\"isPreListing\":false,\"preListingInfo\":null}}"
        ),
        contract.symbol,
        kind,
        contract.base,
        contract.quote,
        delivery,
        decimals,
        fixed(tick, decimals),
        fixed(tick * 19_999_999, decimals),
        fixed(tick, decimals),
        fixed(contract.lot_step.1 * 1_500_000, contract.lot_step.0),
        step,
        step,
        settles_in,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contracts::listed;
    use crate::world::sample;

    #[test]
    fn a_batch_holds_every_liquidation_of_its_half_second() {
        let mut batches = Batches::new(ID);
        for at_ms in [10, 200, 499] {
            batches.note(sample("BTCUSDT", Position::Long, 38, at_ms));
        }
        batches.note(sample("ETHUSDT", Position::Short, 38, 300));
        assert_eq!(batches.due(), Some(500_000));
        let mut out = VecDeque::new();
        batches.tell(500_000, &Prices::default(), &mut out);
        assert_eq!(batches.due(), None);
        let frames: Vec<Value> =
            out.iter().map(|frame| serde_json::from_str(frame.text().unwrap()).unwrap()).collect();
        assert_eq!(frames[0]["topic"], "allLiquidation.BTCUSDT");
        assert_eq!(frames[0]["ts"], 500);
        assert_eq!(frames[0]["data"].as_array().unwrap().len(), 3);
        assert_eq!(frames[1]["data"][0]["T"], 300);
    }

    #[test]
    fn the_side_is_that_of_the_position() {
        for (position, side) in [(Position::Long, "\"S\":\"Buy\""), (Position::Short, "\"S\":\"Sell\"")] {
            assert!(row(&sample("BTCUSDT", position, 38, 0)).contains(side));
        }
    }

    #[test]
    fn pages_follow_each_other_until_the_roster_is_complete() {
        let contracts: Vec<Arc<Contract>> = listed(0).into_iter().map(Arc::new).collect();
        let mut cursor = String::new();
        let mut seen = Vec::new();
        for page in 1.. {
            let query = format!("category=linear&limit=7&cursor={cursor}");
            let answer: Value = serde_json::from_str(&instruments(&contracts, &query, 0)).unwrap();
            let list = answer["result"]["list"].as_array().unwrap();
            assert!(list.len() <= 7);
            seen.extend(list.iter().map(|row| row["symbol"].as_str().unwrap().to_owned()));
            cursor = answer["result"]["nextPageCursor"].as_str().unwrap().to_owned();
            if cursor.is_empty() {
                assert!(page > 3);
                break;
            }
            // A client may encode the cursor once more, as URL libraries do.
            if page % 2 == 0 {
                cursor = cursor.replace('%', "%25");
            }
        }
        let ours = contracts.iter().filter(|contract| contract.venue == ID);
        let mut expected: Vec<String> = ours.map(|contract| contract.symbol.clone()).collect();
        expected.sort();
        assert_eq!(seen, expected);
    }

    #[test]
    fn bad_queries_are_answered_in_the_venues_words() {
        for (query, words) in [
            ("", "Category is invalid"),
            ("category=linear&limit=0", "Limit is invalid"),
            ("category=linear&limit=1001", "Limit is invalid"),
            ("category=linear&cursor=xyz", "Cursor is invalid"),
        ] {
            let answer: Value = serde_json::from_str(&instruments(&[], query, 0)).unwrap();
            assert_eq!(answer["retCode"], 10001);
            assert!(answer["retMsg"].as_str().unwrap().contains(words), "{query}");
        }
    }
}
