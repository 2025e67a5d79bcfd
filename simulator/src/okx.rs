//! OKX: `liquidation-orders`, its control messages and the instruments' REST answers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::contracts::{Contract, Term, Value as Worth, fixed, trimmed};
use crate::server::Tuning;
use crate::session::{Door, Patience, Session, quoted};
use crate::tape::{Dialect, SimFrame};
use crate::venue::Venue;
use crate::world::{Forced, Position};

/// Pushes leave on this grid; a contract is in at most one per second.
const GRID_MICROS: i64 = 250_000;
const CONTRACT_MICROS: i64 = 1_000_000;

/// Most liquidations of one contract in one push: the stream "does not represent the total number".
const MOST_DETAILS: usize = 4;

/// The venue's sampling: of each contract's second the largest few, several contracts to a push.
#[derive(Default)]
pub(crate) struct Pushes {
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

    fn tell(&mut self, now: i64, out: &mut VecDeque<SimFrame>) {
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
            out.push_back(SimFrame {
                at_micros: now,
                venue: Venue::Okx.id(),
                text: format!(
                    "{{\"arg\":{{\"channel\":\"liquidation-orders\",\"instType\":\"{inst_type}\"}},\"data\":[{}]}}",
                    entries.join(",")
                ),
                topic: format!("liquidation-orders:{inst_type}"),
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
pub(crate) struct OkxSession {
    conn_id: String,
    door: Door,
    topics: BTreeSet<String>,
    patience: Patience,
}

#[derive(serde::Deserialize)]
struct Request<'a> {
    op: String,
    #[serde(borrow)]
    args: Vec<&'a RawValue>,
}

impl OkxSession {
    pub(crate) fn new(conn_id: String, door: Door, tuning: &Tuning) -> Self {
        let patience = Patience {
            idle: Some((tuning.okx_idle, 4004, "No data received in 30s.")),
            ..Patience::default()
        };
        Self { conn_id, door, topics: BTreeSet::new(), patience }
    }

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

    /// The topic that one argument names; `instId` and `instFamily` beside `instType` are ignored,
    /// the channel is always market-wide.
    fn topic(&self, arg: &RawValue) -> Result<String, String> {
        let value: Value = serde_json::from_str(arg.get()).unwrap_or_default();
        let word = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        let (channel, inst_type) = (word("channel"), word("instType"));
        let known = matches!(inst_type, "SWAP" | "FUTURES" | "MARGIN" | "OPTION");
        if channel == "liquidation-orders" && known && self.door == Door::Open {
            return Ok(format!("liquidation-orders:{inst_type}"));
        }
        let mut named = format!("channel:{channel}");
        for key in ["instType", "instFamily", "instId"] {
            if !word(key).is_empty() {
                named.push_str(&format!(",{key}:{}", word(key)));
            }
        }
        Err(self.error(
            "60018",
            &format!(
                "Wrong URL or {named} doesn't exist. Please use the correct URL, channel and parameters referring to API document."
            ),
        ))
    }
}

impl Session for OkxSession {
    fn venue(&self) -> Venue {
        Venue::Okx
    }

    fn answer(&mut self, text: &str) -> Vec<String> {
        if text == "ping" {
            return vec!["pong".into()];
        }
        let Ok(request) = serde_json::from_str::<Request<'_>>(text) else {
            return vec![self.invalid(text)];
        };
        if !matches!(request.op.as_str(), "subscribe" | "unsubscribe") || request.args.is_empty() {
            return vec![self.invalid(text)];
        }
        let mut replies = Vec::new();
        for arg in request.args {
            let said = match self.topic(arg) {
                Ok(topic) => {
                    if request.op == "subscribe" {
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
            replies.push(said);
        }
        replies
    }

    fn render(&self, frame: &SimFrame) -> Vec<String> {
        if self.topics.contains(&frame.topic) { vec![frame.text.clone()] } else { Vec::new() }
    }

    fn patience(&self) -> Patience {
        self.patience.clone()
    }
}

/// What a tape begins with: the contract values of swaps and futures.
pub(crate) fn references(contracts: &[Arc<Contract>], at_micros: i64) -> Vec<SimFrame> {
    ["SWAP", "FUTURES"]
        .into_iter()
        .map(|wanted| SimFrame {
            at_micros,
            venue: Venue::Okx.id(),
            text: instruments(contracts, &format!("instType={wanted}")),
            topic: format!("/api/v5/public/instruments?instType={wanted}"),
            events: 0,
        })
        .collect()
}

/// Answers `GET /api/v5/public/instruments?instType=SWAP|FUTURES`.
pub(crate) fn instruments(contracts: &[Arc<Contract>], query: &str) -> String {
    let asked = query.split('&').find_map(|pair| pair.strip_prefix("instType=")).unwrap_or_default();
    if !matches!(asked, "SWAP" | "FUTURES" | "SPOT" | "MARGIN" | "OPTION") {
        return "{\"code\":\"51000\",\"data\":[],\"msg\":\"Parameter instType error\"}".into();
    }
    let rows: Vec<String> = contracts
        .iter()
        .filter(|contract| contract.venue == Venue::Okx && inst_type(contract) == asked)
        .map(|contract| instrument(contract))
        .collect();
    format!("{{\"code\":\"0\",\"data\":[{}],\"msg\":\"\"}}", rows.join(","))
}

fn instrument(contract: &Contract) -> String {
    let (kind, unit, settle) = match contract.value {
        Worth::Linear(_) => ("linear", contract.base.as_str(), "USDT"),
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
