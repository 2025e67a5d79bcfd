//! Bitfinex: the `status` channel `liq:global`, in arrays under a channel's number.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::calendar::Delivery;
use crate::contracts::{Contract, Line, Value as Worth, list, trimmed};
use crate::market::{Market, Prices};
use crate::session::{Caller, Close, Door, Now, Patience, Session, object, ordered};
use crate::tape::{Dialect, Payload, SimFrame};
use crate::world::{Forced, Position};

pub(super) const ID: &str = "bitfinex";

const KEY: &str = "liq:global";
const HEARTBEAT: Duration = Duration::from_secs(15);
/// The channel's number on the tape; every connection draws its own.
const TAPE_CHANNEL: u32 = 1;
/// The flags of `conf` that are followed: a timestamp and a sequence number after the data.
const TIMESTAMP: u64 = 32_768;
const SEQ_ALL: u64 = 65_536;

/// Quantities are coins, with up to eight decimals.
#[rustfmt::skip]
const PERPETUALS: &[Line] = &[
    Line { code: "BTC", symbol: "tBTCF0:USTF0", value: Worth::Linear(1.0), value_text: "", price_step: (0, 1), lot_step: (8, 1), weight: 1.0 },
    Line { code: "ETH", symbol: "tETHF0:USTF0", value: Worth::Linear(1.0), value_text: "", price_step: (1, 1), lot_step: (8, 1), weight: 1.0 },
    Line { code: "SOL", symbol: "tSOLF0:USTF0", value: Worth::Linear(1.0), value_text: "", price_step: (3, 1), lot_step: (8, 1), weight: 1.0 },
    Line { code: "XRP", symbol: "tXRPF0:USTF0", value: Worth::Linear(1.0), value_text: "", price_step: (4, 1), lot_step: (8, 1), weight: 1.0 },
    Line { code: "DOGE", symbol: "tDOGEF0:USTF0", value: Worth::Linear(1.0), value_text: "", price_step: (5, 1), lot_step: (8, 1), weight: 1.0 },
    Line { code: "NEAR", symbol: "tNEARF0:USTF0", value: Worth::Linear(1.0), value_text: "", price_step: (4, 1), lot_step: (8, 1), weight: 1.0 },
];

pub(super) fn lists(_delivery: Delivery) -> Vec<Contract> {
    list(ID, "UST", PERPETUALS)
}

pub(super) fn dialect(market: &Market) -> Box<dyn Dialect> {
    Box::new(Positions {
        rng: market.chance(ID),
        begins: Some(market.start_micros),
        rows: BTreeMap::new(),
        count: 0,
    })
}

/// Each liquidated position twice: when it is triggered, and when it has been executed.
struct Positions {
    rng: ChaCha8Rng,
    /// When the tape tells of its channel; `None` once it has.
    begins: Option<i64>,
    /// Rows, and how many liquidations each one is.
    rows: BTreeMap<(i64, u64), (String, u64)>,
    count: u64,
}

impl Dialect for Positions {
    fn note(&mut self, forced: Forced) {
        self.count += 1;
        let entry = entry(&forced, self.rng.random_range(0.005..0.06));
        let id = 171_000_000 + self.count;
        let at = forced.at_micros;
        let executed_at = at + self.rng.random_range(5_000..900_000);
        let acquired = trimmed(forced.fill, forced.contract.price_step.0);
        let triggered = row(&forced, id, at, &entry, None);
        let executed = row(&forced, id, executed_at, &entry, Some(&acquired));
        // The first of the two is news, the other one is not; a few executions overtake their trigger.
        let told = if forced.dice[0] < 0.2 {
            [(executed_at, executed), (executed_at + 1_000, triggered)]
        } else {
            [(at, triggered), (executed_at, executed)]
        };
        for ((at, row), events) in told.into_iter().zip([1, 0]) {
            self.rows.insert((at, self.count), (row, events));
        }
    }

    fn due(&self) -> Option<i64> {
        self.begins.or_else(|| self.rows.keys().next().map(|(at, _)| *at))
    }

    fn tell(&mut self, now: i64, _prices: &Prices, out: &mut VecDeque<SimFrame>) {
        let mut push = |text: String, topic: &str, events| {
            out.push_back(SimFrame {
                at_micros: now,
                venue: ID,
                payload: text.into(),
                topic: topic.to_owned(),
                request: None,
                events,
            });
        };
        // What a connection that subscribes at the start hears first: without it the rows are nobody's.
        if self.begins.take().is_some() {
            push(subscribed(TAPE_CHANNEL), "subscribed", 0);
            return;
        }
        while let Some(entry) = self.rows.first_entry().filter(|entry| entry.key().0 <= now) {
            let (row, events) = entry.remove();
            push(format!("[{TAPE_CHANNEL},[{row}]]"), KEY, events);
        }
    }
}

/// The price at which the position was opened: `away` on the better side of where it ended.
fn entry(forced: &Forced, away: f64) -> String {
    let contract = &*forced.contract;
    let toward = match forced.position {
        Position::Long => 1.0,
        Position::Short => -1.0,
    };
    trimmed(contract.price_units(contract.price(forced.fill) * (1.0 + toward * away)), contract.price_step.0)
}

/// `["pos",id,mts,null,symbol,amount,base price,null,is match,is market sold,null,acquired price]`. The
/// sign of the amount is the POSITION's. `is match` is 0 for the trigger, 1 for the execution.
fn row(forced: &Forced, id: u64, at_micros: i64, entry: &str, acquired: Option<&str>) -> String {
    let contract = &*forced.contract;
    let sign = match forced.position {
        Position::Long => "",
        Position::Short => "-",
    };
    format!(
        "[\"pos\",{id},{},null,\"{}\",{sign}{},{entry},null,{},1,null,{}]",
        at_micros / 1000,
        contract.symbol,
        trimmed(forced.quantity, contract.lot_step.0),
        u8::from(acquired.is_some()),
        acquired.unwrap_or("null"),
    )
}

fn subscribed(channel: u32) -> String {
    format!(r#"{{"event":"subscribed","channel":"status","chanId":{channel},"key":"{KEY}"}}"#)
}

pub(super) fn session(caller: &mut Caller<'_>) -> Box<dyn Session> {
    Box::new(BitfinexSession {
        door: caller.door,
        channel: caller.rng.random_range(1_000..1_000_000),
        server: super::uuid(caller.rng),
        is_subscribed: false,
        heartbeat: None,
        flags: 0,
        seq: 0,
    })
}

/// A connection to Bitfinex.
struct BitfinexSession {
    door: Door,
    channel: u32,
    server: String,
    is_subscribed: bool,
    /// When the channel's next heartbeat is due.
    heartbeat: Option<Duration>,
    flags: u64,
    seq: u64,
}

impl BitfinexSession {
    /// A message of the channel, with what the flags ask for.
    fn message(&mut self, body: &str, millis: i64) -> Payload {
        self.seq += 1;
        let seq = if self.flags & SEQ_ALL == 0 { String::new() } else { format!(",{}", self.seq) };
        let time = if self.flags & TIMESTAMP == 0 { String::new() } else { format!(",{millis}") };
        format!("[{},{body}{seq}{time}]", self.channel).into()
    }
}

impl Session for BitfinexSession {
    fn opening(&mut self, _now: Now) -> Vec<Payload> {
        let server = &self.server;
        let info =
            format!(r#"{{"event":"info","version":2,"serverId":"{server}","platform":{{"status":1}}}}"#);
        vec![info.into()]
    }

    fn answer(&mut self, text: &str, now: Now) -> Vec<Payload> {
        let request: Value = serde_json::from_str(text).unwrap_or_default();
        let word = |key: &str| request[key].as_str().unwrap_or_default();
        // The request comes back with the reason.
        let refused = |code: u32, words: &str| {
            let mut fields = vec![("event", json!("error")), ("msg", json!(words)), ("code", json!(code))];
            let asked = request.as_object().into_iter().flatten().filter(|(name, _)| *name != "event");
            fields.extend(asked.map(|(name, value)| (name.as_str(), value.clone())));
            vec![object(fields).into()]
        };
        match word("event") {
            "ping" => {
                vec![ordered! { "event": "pong", "ts": now.millis(), "cid": request["cid"] }.into()]
            }
            "conf" => {
                self.flags = request["flags"].as_u64().unwrap_or(0);
                vec![ordered! { "event": "conf", "status": "OK", "flags": self.flags }.into()]
            }
            "subscribe" if word("channel") != "status" || word("key") != KEY => {
                refused(10300, "subscribe: invalid")
            }
            "subscribe" if self.door == Door::Closed => refused(10300, "subscribe: refused"),
            "subscribe" if self.is_subscribed => refused(10301, "subscribe: dup"),
            "subscribe" => {
                self.is_subscribed = true;
                self.heartbeat = Some(now.since + HEARTBEAT);
                vec![subscribed(self.channel).into()]
            }
            "unsubscribe" if self.is_subscribed && request["chanId"] == self.channel => {
                self.is_subscribed = false;
                self.heartbeat = None;
                let channel = self.channel;
                vec![ordered! { "event": "unsubscribed", "status": "OK", "chanId": channel }.into()]
            }
            "unsubscribe" => refused(10400, "unsubscribe: invalid"),
            _ => refused(10000, "unknown event"),
        }
    }

    fn render(&mut self, frame: &SimFrame) -> Vec<Payload> {
        let prefix = format!("[{TAPE_CHANNEL},");
        let rows = frame.text().filter(|_| frame.topic == KEY && self.is_subscribed);
        let rows = rows.and_then(|text| text.strip_prefix(&prefix)?.strip_suffix(']'));
        rows.map(|rows| vec![self.message(rows, frame.at_micros / 1000)]).unwrap_or_default()
    }

    fn patience(&self) -> Patience {
        Patience::default()
    }

    fn alarm(&self) -> Option<Duration> {
        self.heartbeat
    }

    fn ring(&mut self, now: Now) -> Result<Vec<Payload>, Close> {
        self.heartbeat = Some(now.since + HEARTBEAT);
        Ok(vec![self.message("\"hb\"", now.millis())])
    }
}
