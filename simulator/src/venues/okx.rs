//! OKX: `liquidation-orders`, its control messages and the instruments' REST answers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use serde_json::Value;
use serde_json::value::RawValue;

use super::okx_context::{self, Channel};
use crate::calendar::Delivery;
use crate::contracts::{ASSETS, Contract, Term, Value as Worth, fixed, trimmed};
use crate::market::{Market, Prices};
use crate::rest::{Answer, Request, parameter};
use crate::rounds::{WithRounds, now};
use crate::session::{Caller, Close, Door, Idle, Now, Patience, Session, Sign, quoted};
use crate::tape::{Dialect, Payload, SimFrame};
use crate::world::{Forced, Position};

pub(super) const ID: &str = "okx";

/// Pushes leave on this grid; a contract is in at most one per second.
const GRID_MICROS: i64 = 250_000;
const CONTRACT_MICROS: i64 = 1_000_000;

/// Most liquidations of one contract in one push: the stream "does not represent the total number".
const MOST_DETAILS: usize = 4;

pub(super) fn lists(delivery: Delivery) -> Vec<Contract> {
    let mut contracts = Vec::new();
    for (asset, row) in ASSETS.iter().enumerate() {
        let Some((coins, decimals)) = row.okx else { continue };
        contracts.push(swap(asset, coins, decimals));
        if matches!(row.code, "BTC" | "ETH") {
            contracts.extend(extras(asset, &swap(asset, coins, decimals), delivery));
        }
    }
    contracts
}

/// A USDT-margined swap, in hundredths of a contract.
fn swap(asset: usize, coins: &'static str, decimals: u8) -> Contract {
    let code = ASSETS[asset].code;
    Contract {
        symbol: format!("{code}-USDT-SWAP"),
        family: format!("{code}-USDT"),
        base: code.to_owned(),
        value: Worth::Linear(coins.parse().unwrap_or(1.0)),
        value_text: coins,
        price_step: (decimals, 1),
        lot_step: (2, 1),
        bundle: 1.0,
        ..Contract::paired(ID, asset, 4.0)
    }
}

/// What only BTC and ETH have: dated and coin-margined contracts.
fn extras(asset: usize, swap: &Contract, delivery: Delivery) -> [Contract; 3] {
    let code = ASSETS[asset].code;
    let digits = delivery.digits();
    let (value_text, usd) = if code == "BTC" { ("100", 100.0) } else { ("10", 10.0) };
    let inverse = |symbol: String, term, lot_step, weight| Contract {
        symbol,
        family: format!("{code}-USD"),
        quote: "USD",
        value: Worth::Inverse(usd),
        value_text,
        term,
        lot_step,
        weight,
        ..swap.clone()
    };
    [
        Contract {
            symbol: format!("{code}-USDT-{digits}"),
            term: delivery.term(),
            weight: 0.4,
            ..swap.clone()
        },
        inverse(format!("{code}-USD-SWAP"), Term::Perpetual, (1, 1), 0.9),
        inverse(format!("{code}-USD-{digits}"), delivery.term(), (0, 1), 0.4),
    ]
}

pub(super) fn dialect(market: &Market) -> Box<dyn Dialect> {
    Box::new(WithRounds { events: Box::<Pushes>::default(), rounds: okx_context::rounds(market) })
}

pub(super) fn session(caller: &mut Caller<'_>) -> Box<dyn Session> {
    let conn_id = format!("{:08x}", caller.rng.random::<u32>());
    let market = Arc::clone(caller.market);
    Box::new(OkxSession { conn_id, door: caller.door, market, topics: BTreeSet::new() })
}

/// `GET /api/v5/public/instruments?instType=SWAP|FUTURES`.
pub(super) fn answer(request: &Request<'_>, market: &Market) -> Option<Answer> {
    if !request.gets("/api/v5/public/instruments") {
        return None;
    }
    Some(Answer::json(instruments(&market.contracts, request.query)))
}

/// The venue's sampling: of each contract's second the largest few, several contracts to a push.
#[derive(Default)]
struct Pushes {
    waiting: BTreeMap<String, Vec<Forced>>,
    pushed: BTreeMap<String, i64>,
}

impl Pushes {
    /// When a contract's waiting liquidations leave.
    fn leaves(&self, symbol: &str, waiting: &[Forced]) -> i64 {
        let first = waiting.first().map_or(i64::MIN, |forced| forced.at_micros);
        let free = self.pushed.get(symbol).map_or(i64::MIN, |at| at + CONTRACT_MICROS - 1);
        (first.max(free).div_euclid(GRID_MICROS) + 1) * GRID_MICROS
    }
}

impl Dialect for Pushes {
    fn note(&mut self, forced: Forced) {
        self.waiting.entry(forced.contract.symbol.clone()).or_default().push(forced);
    }

    fn due(&self) -> Option<i64> {
        self.waiting.iter().map(|(symbol, waiting)| self.leaves(symbol, waiting)).min()
    }

    fn tell(&mut self, now: i64, _prices: &Prices, out: &mut VecDeque<SimFrame>) {
        let leaving: Vec<String> = self
            .waiting
            .iter()
            .filter(|(symbol, waiting)| self.leaves(symbol, waiting) <= now)
            .map(|(symbol, _)| symbol.clone())
            .collect();
        let mut data: BTreeMap<&'static str, (Vec<String>, u64)> = BTreeMap::new();
        for symbol in leaving {
            let Some(mut waiting) = self.waiting.remove(&symbol) else { continue };
            // Largest first: the venue's own details are not in the order of time either.
            waiting.sort_by(|one, other| other.usd.total_cmp(&one.usd));
            waiting.truncate(MOST_DETAILS);
            let Some(contract) = waiting.first().map(|forced| Arc::clone(&forced.contract)) else { continue };
            let (entries, events) = data.entry(inst_type(&contract)).or_default();
            entries.push(entry(&contract, &waiting));
            *events += waiting.len() as u64;
            self.pushed.insert(symbol, now);
        }
        for (inst_type, (entries, events)) in data {
            let text = format!(
                "{{\"arg\":{{\"channel\":\"liquidation-orders\",\"instType\":\"{inst_type}\"}},\"data\":[{}]}}",
                entries.join(",")
            );
            out.push_back(SimFrame {
                at_micros: now,
                venue: ID,
                payload: text.into(),
                topic: format!("liquidation-orders:{inst_type}"),
                request: None,
                events,
            });
        }
    }
}

fn inst_type(contract: &Contract) -> &'static str {
    match contract.term {
        Term::Perpetual => "SWAP",
        Term::Dated(_) => "FUTURES",
    }
}

fn entry(contract: &Contract, details: &[Forced]) -> String {
    let told: Vec<String> = details.iter().map(detail).collect();
    format!(
        "{{\"details\":[{}],\"instFamily\":\"{}\",\"instId\":\"{}\",\"instType\":\"{}\",\"uly\":\"{}\"}}",
        told.join(","),
        contract.family,
        contract.symbol,
        inst_type(contract),
        contract.family
    )
}

/// `side` is the order's; `posSide` the position's, or `net` for accounts in one-way mode.
fn detail(forced: &Forced) -> String {
    let contract = &*forced.contract;
    let (side, position) = match forced.position {
        Position::Long => ("sell", "long"),
        Position::Short => ("buy", "short"),
    };
    let mode = if forced.dice[0] < 0.4 { "net" } else { position };
    format!(
        concat!(
            "{{\"bkLoss\":\"0\",\"bkPx\":\"{}\",\"ccy\":\"\",\"posSide\":\"{}\",\"side\":\"{}\",",
            "\"sz\":\"{}\",\"ts\":\"{}\"}}"
        ),
        trimmed(forced.bankruptcy, contract.price_step.0),
        mode,
        side,
        trimmed(forced.quantity, contract.lot_step.0),
        forced.at_micros / 1000
    )
}

/// A connection to OKX.
struct OkxSession {
    conn_id: String,
    door: Door,
    market: Arc<Market>,
    topics: BTreeSet<String>,
}

#[derive(serde::Deserialize)]
struct Asked<'a> {
    op: String,
    #[serde(borrow)]
    args: Vec<&'a RawValue>,
}

impl OkxSession {
    fn error(&self, code: &str, words: &str) -> String {
        format!(
            "{{\"event\":\"error\",\"code\":\"{code}\",\"msg\":{},\"connId\":\"{}\"}}",
            quoted(words),
            self.conn_id
        )
    }

    fn invalid(&self, text: &str) -> String {
        self.error("60012", &format!("Invalid request: {text}"))
    }

    /// The topic that one argument names, and what is said of it at once. `instId` and `instFamily`
    /// beside the `instType` of liquidations are ignored: that channel is always market-wide.
    fn topic(&self, arg: &RawValue, at_micros: i64) -> Result<(String, Option<String>), String> {
        let value: Value = serde_json::from_str(arg.get()).unwrap_or_default();
        let word = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        let (channel, inst_type) = (word("channel"), word("instType"));
        if let (Some(context), Door::Open) = (Channel::named(channel), self.door)
            && let Some(contract) = self.market.of(ID).find(|one| one.symbol == word("instId"))
            && context.has(contract)
        {
            let first = now(&self.market, at_micros, |scene| context.frame(scene, contract));
            return Ok((context.topic(&contract.symbol), Some(first)));
        }
        let known = matches!(inst_type, "SWAP" | "FUTURES" | "MARGIN" | "OPTION");
        if channel == "liquidation-orders" && known && self.door == Door::Open {
            return Ok((format!("liquidation-orders:{inst_type}"), None));
        }
        if channel == "tickers" && self.market.of(ID).any(|contract| contract.symbol == word("instId")) {
            return Ok((format!("{channel}:{}", word("instId")), None));
        }
        let others = ["instType", "instFamily", "instId"].into_iter().filter(|key| !word(key).is_empty());
        let named: Vec<String> =
            std::iter::once("channel").chain(others).map(|key| format!("{key}:{}", word(key))).collect();
        let named = named.join(",");
        Err(self.error(
            "60018",
            &format!(
                "Wrong URL or {named} doesn't exist. Please use the correct URL, channel and parameters referring to API document."
            ),
        ))
    }
}

impl Session for OkxSession {
    fn answer(&mut self, text: &str, now: Now) -> Vec<Payload> {
        if text == "ping" {
            return vec!["pong".into()];
        }
        let Ok(request) = serde_json::from_str::<Asked<'_>>(text) else {
            return vec![self.invalid(text).into()];
        };
        if !matches!(request.op.as_str(), "subscribe" | "unsubscribe") || request.args.is_empty() {
            return vec![self.invalid(text).into()];
        }
        let mut replies = Vec::new();
        for arg in request.args {
            let mut first = None;
            let said = match self.topic(arg, now.micros) {
                Ok((topic, frame)) => {
                    if request.op == "subscribe" {
                        first = frame;
                        self.topics.insert(topic);
                    } else {
                        self.topics.remove(&topic);
                    }
                    format!(
                        "{{\"event\":\"{}\",\"arg\":{},\"connId\":\"{}\"}}",
                        request.op,
                        arg.get(),
                        self.conn_id
                    )
                }
                Err(error) => error,
            };
            replies.push(said.into());
            replies.extend(first.map(Payload::from));
        }
        replies
    }

    fn render(&mut self, frame: &SimFrame) -> Vec<Payload> {
        if self.topics.contains(&frame.topic) { vec![frame.payload.clone()] } else { Vec::new() }
    }

    fn patience(&self) -> Patience {
        let close = Close { code: 4004, reason: "No data received in 30s." };
        let idle = Idle { limit: Duration::from_secs(30), sign: Sign::Text, close };
        Patience { idle: Some(idle), ..Patience::default() }
    }
}

fn instruments(contracts: &[Arc<Contract>], query: &str) -> String {
    let asked = parameter(query, "instType").unwrap_or_default();
    if !matches!(asked, "SWAP" | "FUTURES" | "SPOT" | "MARGIN" | "OPTION") {
        return "{\"code\":\"51000\",\"data\":[],\"msg\":\"Parameter instType error\"}".into();
    }
    let rows: Vec<String> = contracts
        .iter()
        .filter(|contract| contract.venue == ID && inst_type(contract) == asked)
        .map(|contract| instrument(contract))
        .collect();
    format!("{{\"code\":\"0\",\"data\":[{}],\"msg\":\"\"}}", rows.join(","))
}

fn instrument(contract: &Contract) -> String {
    let (kind, unit, settle) = match contract.value {
        Worth::Linear(_) | Worth::Quanto(_) => ("linear", contract.base.as_str(), "USDT"),
        Worth::Inverse(_) => ("inverse", "USD", contract.base.as_str()),
    };
    let (alias, expiry) = match contract.term {
        Term::Perpetual => ("", String::new()),
        Term::Dated(millis) => ("quarter", millis.to_string()),
    };
    let lot = trimmed(contract.lot_step.1, contract.lot_step.0);
    format!(
        concat!(
            "{{\"alias\":\"{}\",\"baseCcy\":\"\",\"category\":\"1\",\"ctMult\":\"1\",\"ctType\":\"{}\",\"ctVal\":\"{}\",",
            "\"ctValCcy\":\"{}\",\"expTime\":\"{}\",\"instFamily\":\"{}\",\"instId\":\"{}\",\"instType\":\"{}\",\"lever\":\"50\",",
            "\"listTime\":\"1700000000000\",\"lotSz\":\"{}\",\"minSz\":\"{}\",\"optType\":\"\",\"quoteCcy\":\"\",",
            "\"settleCcy\":\"{}\",\"state\":\"live\",\"stk\":\"\",\"tickSz\":\"{}\",\"uly\":\"{}\"}}"
        ),
        alias,
        kind,
        contract.value_text,
        unit,
        expiry,
        contract.family,
        contract.symbol,
        inst_type(contract),
        lot,
        lot,
        settle,
        fixed(contract.price_step.1, contract.price_step.0),
        contract.family
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::sample;

    fn told(pushes: &mut Pushes) -> Vec<(i64, Value)> {
        let mut out = VecDeque::new();
        while let Some(at) = pushes.due() {
            pushes.tell(at, &Prices::default(), &mut out);
        }
        out.iter()
            .map(|frame| (frame.at_micros, serde_json::from_str(frame.text().unwrap()).unwrap()))
            .collect()
    }

    #[test]
    fn several_contracts_leave_together_and_futures_apart() {
        let mut pushes = Pushes::default();
        pushes.note(sample("BTC-USDT-SWAP", Position::Long, 855, 10));
        pushes.note(sample("ETH-USDT-SWAP", Position::Long, 100, 20));
        pushes.note(sample("BTC-USD-261225", Position::Short, 3, 30));
        let frames = told(&mut pushes);
        assert_eq!(frames.len(), 2);
        assert_eq!(frames[0].1["arg"]["instType"], "FUTURES");
        assert_eq!(frames[0].1["data"][0]["uly"], "BTC-USD");
        assert_eq!(frames[1].1["data"].as_array().unwrap().len(), 2);
        assert_eq!(frames[1].1["data"][0]["details"][0]["sz"], "8.55");
    }

    #[test]
    fn a_contract_is_pushed_once_a_second_with_the_largest_few() {
        let mut pushes = Pushes::default();
        let mut out = VecDeque::new();
        pushes.note(sample("BTC-USDT-SWAP", Position::Long, 1, 0));
        pushes.tell(250_000, &Prices::default(), &mut out);
        for quantity in 1..=9 {
            pushes.note(sample("BTC-USDT-SWAP", Position::Long, quantity, 300));
        }
        assert_eq!(pushes.due(), Some(1_250_000));
        pushes.tell(1_250_000, &Prices::default(), &mut out);
        let frame: Value = serde_json::from_str(out[1].text().unwrap()).unwrap();
        let details = frame["data"][0]["details"].as_array().unwrap();
        let sizes: Vec<&str> = details.iter().map(|detail| detail["sz"].as_str().unwrap()).collect();
        assert_eq!(sizes, ["0.09", "0.08", "0.07", "0.06"]);
        assert_eq!(out[1].events, 4);
    }

    #[test]
    fn side_is_the_orders_and_position_side_the_positions_or_net() {
        for (position, die, pair) in [
            (Position::Long, 0.9, "\"posSide\":\"long\",\"side\":\"sell\""),
            (Position::Short, 0.9, "\"posSide\":\"short\",\"side\":\"buy\""),
            (Position::Long, 0.1, "\"posSide\":\"net\",\"side\":\"sell\""),
            (Position::Short, 0.1, "\"posSide\":\"net\",\"side\":\"buy\""),
        ] {
            let mut forced = sample("BTC-USDT-SWAP", position, 1, 0);
            forced.dice[0] = die;
            assert!(detail(&forced).contains(pair), "{}", detail(&forced));
        }
    }

    #[test]
    fn inverse_contracts_are_valued_in_dollars() {
        let contracts: Vec<Arc<Contract>> = crate::contracts::listed(0).into_iter().map(Arc::new).collect();
        let answer: Value = serde_json::from_str(&instruments(&contracts, "instType=SWAP")).unwrap();
        let rows = answer["data"].as_array().unwrap();
        let row = |name: &str| rows.iter().find(|row| row["instId"] == name).unwrap();
        let inverse = row("BTC-USD-SWAP");
        assert_eq!(
            (&inverse["ctType"], &inverse["ctVal"], &inverse["ctValCcy"], &inverse["settleCcy"]),
            (&"inverse".into(), &"100".into(), &"USD".into(), &"BTC".into())
        );
        let linear = row("BTC-USDT-SWAP");
        assert_eq!((&linear["ctVal"], &linear["ctValCcy"]), (&"0.01".into(), &"BTC".into()));
        assert!(instruments(&contracts, "").contains("51000"));
    }
}
