//! Deribit's JSON-RPC: requests, subscriptions, heartbeats, and the same methods over HTTP.

use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use serde_json::{Map, Value, json};

use super::{ID, currency, history};
use crate::contracts::{Contract, Term, Value as Worth, trimmed};
use crate::market::Market;
use crate::rest::{Answer, Request};
use crate::scene::Scene;
use crate::session::{Caller, Close, Door, Now, Patience, Session, object};
use crate::tape::{Payload, SimFrame};

/// How every notification of a channel begins.
pub(crate) const SUBSCRIPTION: &str = "{\"jsonrpc\":\"2.0\",\"method\":\"subscription\",\"params\":{";

/// Subscription calls that may come at once, and how many a second come back (documented credits).
const BURST: f64 = 10.0;
const CREDITS_PER_SEC: f64 = 3.3;
/// What a GET may carry.
const PARAMETERS: [&str; 8] = [
    "currency",
    "kind",
    "expired",
    "instrument_name",
    "start_timestamp",
    "end_timestamp",
    "count",
    "sorting",
];
/// Most channels in one call.
const MOST_CHANNELS: usize = 500;

/// Why a call fails.
struct Failure {
    code: i64,
    message: &'static str,
    data: Value,
}

impl Failure {
    fn new(code: i64, message: &'static str) -> Self {
        Self { code, message, data: Value::Null }
    }

    fn param(param: &str, reason: &str) -> Self {
        let data = json!({ "param": param, "reason": reason });
        Self { code: -32602, message: "Invalid params", data }
    }
}

fn response(id: Option<&Value>, outcome: Result<Value, Failure>, now_micros: i64) -> String {
    let mut fields = vec![("jsonrpc", json!("2.0"))];
    fields.extend(id.map(|id| ("id", id.clone())));
    fields.push(match outcome {
        Ok(result) => ("result", result),
        Err(Failure { code, message, data }) if data.is_null() => {
            ("error", json!({ "code": code, "message": message }))
        }
        Err(Failure { code, message, data }) => {
            ("error", json!({ "code": code, "message": message, "data": data }))
        }
    });
    fields.extend([
        ("usIn", json!(now_micros)),
        ("usOut", json!(now_micros)),
        ("usDiff", json!(0)),
        ("testnet", json!(false)),
    ]);
    object(fields)
}

/// The methods that need no connection; `None` for those that do, or that there are not.
fn stateless(
    method: &str,
    params: &Value,
    market: &Market,
    now_micros: i64,
) -> Option<Result<Value, Failure>> {
    match method {
        "public/test" => Some(Ok(json!({ "version": "1.2.26" }))),
        "public/get_time" => Some(Ok((now_micros / 1000).into())),
        "public/get_instruments" => Some(instruments(params, market)),
        "public/get_last_trades_by_instrument_and_time" => Some(last_trades(params, market, now_micros)),
        _ => None,
    }
}

fn instruments(params: &Value, market: &Market) -> Result<Value, Failure> {
    let word = |key: &str| params[key].as_str().unwrap_or_default();
    let wanted = word("currency");
    if !matches!(wanted, "BTC" | "ETH" | "USDC" | "USDT" | "EURR" | "any") {
        return Err(Failure::param("currency", "currency must be one of the supported currencies"));
    }
    let is_kind = matches!(word("kind"), "" | "future");
    let listed = market
        .of(ID)
        .filter(|contract| is_kind && (wanted == "any" || contract.family == wanted))
        .enumerate()
        .map(|(number, contract)| instrument(number, contract));
    Ok(listed.collect())
}

/// The trades of the time before the market began, at most `count` between two moments. Numbers come as text over
/// HTTP.
fn last_trades(params: &Value, market: &Market, now_micros: i64) -> Result<Value, Failure> {
    let name = params["instrument_name"].as_str().unwrap_or_default();
    let contract = market
        .of(ID)
        .find(|contract| contract.symbol == name)
        .ok_or_else(|| Failure::param("instrument_name", "instrument not found"))?;
    let number = |key: &'static str| {
        let value = &params[key];
        let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
        number.ok_or_else(|| Failure::param(key, "must be an integer"))
    };
    let count = if params["count"].is_null() { 10 } else { number("count")? };
    if !(1..=1_000).contains(&count) {
        return Err(Failure::param("count", "must be between 1 and 1000"));
    }
    let asked = history::Asked {
        from_millis: number("start_timestamp")?,
        through_millis: number("end_timestamp")?,
        count: count as usize,
        is_ascending: params["sorting"].as_str() == Some("asc"),
    };
    let prices = market.prices();
    let (rows, has_more) = history::trades(&Scene::of(market, &prices, now_micros), contract, &asked);
    let trades: Vec<Value> = rows.iter().filter_map(|row| serde_json::from_str(row).ok()).collect();
    Ok(json!({ "trades": trades, "has_more": has_more }))
}

fn instrument(number: usize, contract: &Contract) -> Value {
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let is_inverse = matches!(contract.value, Worth::Inverse(_));
    let (period, expires) = match contract.term {
        Term::Perpetual => ("perpetual", 32_503_708_800_000),
        Term::Dated(millis) => ("month", millis),
    };
    let smallest = trimmed(contract.lot_step.1, contract.lot_step.0);
    json!({
        "instrument_name": contract.symbol,
        "instrument_id": 200_000 + number,
        "kind": "future",
        "instrument_type": if is_inverse { "reversed" } else { "linear" },
        "future_type": if is_inverse { "reversed" } else { "linear" },
        "settlement_period": period,
        "settlement_currency": contract.family,
        "base_currency": contract.base,
        "quote_currency": contract.quote,
        "counter_currency": contract.quote,
        "price_index": format!("{}_{}", contract.base, contract.quote).to_lowercase(),
        "contract_size": parsed(contract.value_text),
        "min_trade_amount": parsed(&smallest),
        "tick_size": parsed(&trimmed(contract.price_step.1, contract.price_step.0)),
        "is_active": true,
        "state": "open",
        "max_leverage": 50,
        "creation_timestamp": 1_534_167_754_000_i64,
        "expiration_timestamp": expires,
    })
}

/// `GET /api/v2/public/{method}?…`, and `POST /api/v2` with a JSON-RPC request.
pub(crate) fn answer(request: &Request<'_>, market: &Market) -> Option<Answer> {
    let now = request.now_micros;
    let (id, method, params) = if request.method == Method::POST && request.path == "/api/v2" {
        let mut call: Value = serde_json::from_slice(request.body).unwrap_or_default();
        let method = call["method"].as_str().unwrap_or_default().to_owned();
        (call.get("id").cloned(), method, call["params"].take())
    } else if request.method == Method::GET {
        let method = request.path.strip_prefix("/api/v2/")?.to_owned();
        let params: Map<String, Value> = PARAMETERS
            .into_iter()
            .filter_map(|key| Some((key.to_owned(), request.asked(key)?.into())))
            .collect();
        (None, method, Value::Object(params))
    } else {
        return None;
    };
    let outcome = stateless(&method, &params, market, now)
        .unwrap_or_else(|| Err(Failure::new(-32601, "Method not found")));
    let status = if outcome.is_ok() { 200 } else { 400 };
    Some(Answer::json(response(id.as_ref(), outcome, now)).with_status(status))
}

pub(crate) fn session(caller: &mut Caller<'_>) -> Box<dyn Session> {
    Box::new(DeribitSession {
        door: caller.door,
        market: Arc::clone(caller.market),
        channels: Vec::new(),
        credits: (BURST, Duration::ZERO),
        heartbeat: None,
        over: false,
    })
}

/// A connection to Deribit.
struct DeribitSession {
    door: Door,
    market: Arc<Market>,
    channels: Vec<String>,
    /// Subscription calls left, and as of when.
    credits: (f64, Duration),
    heartbeat: Option<Heartbeat>,
    /// Too many requests: the connection ends.
    over: bool,
}

struct Heartbeat {
    every: Duration,
    next: Duration,
    /// Whether the next beat is a test request.
    tests: bool,
    /// Whether a test request waits for `public/test`.
    unanswered: bool,
}

impl DeribitSession {
    /// Whether a channel exists for clients without a login.
    fn is_channel(&self, channel: &str) -> bool {
        let parts: Vec<&str> = channel.split('.').collect();
        match parts[..] {
            ["trades" | "ticker", name, "100ms" | "agg2"] => self.market.of(ID).any(|one| one.symbol == name),
            ["trades", "future" | "any", "BTC" | "ETH" | "USDC" | "any", "100ms" | "agg2"] => true,
            _ => false,
        }
    }

    fn subscribe(&mut self, named: &[String], now: Now) -> Result<Value, Failure> {
        let back = (now.since.saturating_sub(self.credits.1)).as_secs_f64() * CREDITS_PER_SEC;
        self.credits = ((self.credits.0 + back).min(BURST) - 1.0, now.since);
        if self.credits.0 < 0.0 {
            self.over = true;
            return Err(Failure::new(10028, "too_many_requests"));
        }
        if self.door == Door::Closed {
            return Err(Failure::new(13009, "unauthorized"));
        }
        if named.is_empty() || named.len() > MOST_CHANNELS {
            return Err(Failure::param("channels", "must be a list of 1 to 500 channels"));
        }
        if named.iter().any(|channel| channel.split('.').next_back() == Some("raw")) {
            return Err(Failure::new(13778, "raw_subscriptions_not_available_for_unauthorized"));
        }
        // What does not exist is left out of the result, without an error.
        let granted: Vec<String> = named.iter().filter(|channel| self.is_channel(channel)).cloned().collect();
        for channel in &granted {
            if !self.channels.contains(channel) {
                self.channels.push(channel.clone());
            }
        }
        Ok(granted.into())
    }

    fn set_heartbeat(&mut self, params: &Value, now: Now) -> Result<Value, Failure> {
        let Some(secs) = params["interval"].as_u64().filter(|secs| *secs >= 10) else {
            return Err(Failure::param("interval", "must be an integer of 10 or greater"));
        };
        let every = Duration::from_secs(secs);
        self.heartbeat = Some(Heartbeat { every, next: now.since + every, tests: true, unanswered: false });
        Ok("ok".into())
    }

    fn call(&mut self, method: &str, params: &Value, now: Now) -> Result<Value, Failure> {
        let channels = || -> Vec<String> {
            let named = params["channels"].as_array().map_or(&[][..], Vec::as_slice);
            named.iter().map(|one| one.as_str().unwrap_or_default().to_owned()).collect()
        };
        match method {
            "public/subscribe" => self.subscribe(&channels(), now),
            "public/unsubscribe" => {
                let gone = channels();
                self.channels.retain(|channel| !gone.contains(channel));
                Ok(gone.into())
            }
            "public/unsubscribe_all" => {
                self.channels.clear();
                Ok("ok".into())
            }
            "public/set_heartbeat" => self.set_heartbeat(params, now),
            "public/disable_heartbeat" => {
                self.heartbeat = None;
                Ok("ok".into())
            }
            "public/hello" => Ok(json!({ "version": "1.2.26" })),
            _ => {
                if method == "public/test"
                    && let Some(heartbeat) = &mut self.heartbeat
                {
                    heartbeat.unanswered = false;
                }
                stateless(method, params, &self.market, now.micros)
                    .unwrap_or_else(|| Err(Failure::new(-32601, "Method not found")))
            }
        }
    }
}

impl Session for DeribitSession {
    fn answer(&mut self, text: &str, now: Now) -> Vec<Payload> {
        let said = match serde_json::from_str::<Value>(text) {
            Ok(request) => {
                let method = request["method"].as_str().unwrap_or_default();
                let outcome = self.call(method, &request["params"], now);
                response(request.get("id"), outcome, now.micros)
            }
            Err(_) => response(None, Err(Failure::new(-32700, "Parse error")), now.micros),
        };
        vec![said.into()]
    }

    fn render(&mut self, frame: &SimFrame) -> Vec<Payload> {
        let Some((kind, symbol)) = frame.topic.split_once('.') else { return Vec::new() };
        let own = format!("{SUBSCRIPTION}\"channel\":\"{kind}.{symbol}.100ms\"");
        let Some(data) = frame.text().and_then(|text| text.strip_prefix(&own)) else { return Vec::new() };
        let wanted = self.channels.iter().filter(|channel| {
            let parts: Vec<&str> = channel.split('.').collect();
            match parts[..] {
                [channel, name, _] => channel == kind && name == symbol,
                ["trades", _, listed, _] => {
                    kind == "trades" && (listed == "any" || listed == currency(symbol))
                }
                _ => false,
            }
        });
        wanted.map(|channel| format!("{SUBSCRIPTION}\"channel\":\"{channel}\"{data}").into()).collect()
    }

    fn patience(&self) -> Patience {
        Patience::default()
    }

    fn alarm(&self) -> Option<Duration> {
        if self.over {
            return Some(Duration::ZERO);
        }
        self.heartbeat.as_ref().map(|heartbeat| heartbeat.next)
    }

    fn ring(&mut self, now: Now) -> Result<Vec<Payload>, Close> {
        if self.over {
            return Err(Close { code: 1000, reason: "too_many_requests" });
        }
        let Some(heartbeat) = &mut self.heartbeat else { return Ok(Vec::new()) };
        if heartbeat.unanswered {
            return Err(Close { code: 1000, reason: "heartbeat timeout" });
        }
        heartbeat.next = now.since + heartbeat.every;
        let kind = if heartbeat.tests { "test_request" } else { "heartbeat" };
        heartbeat.unanswered = heartbeat.tests;
        heartbeat.tests = !heartbeat.tests;
        Ok(vec![
            format!("{{\"jsonrpc\":\"2.0\",\"method\":\"heartbeat\",\"params\":{{\"type\":\"{kind}\"}}}}")
                .into(),
        ])
    }
}
