//! Alpaca's stream of shares: signing in, trades, quotes and minute bars, every frame a list.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::trades::{EVERY_MILLIS, Trade, latest};
use crate::calendar::iso;
use crate::equities::{STOCKS, Stock};
use crate::market::Market;
use crate::rounds::Rounds;
use crate::scene::Scene;
use crate::session::{Caller, Close, Door, Now, Patience, Session};
use crate::tape::{Dialect, Payload, SimFrame};

pub(super) const ID: &str = "alpaca";

/// A client must sign in within this time.
const SIGN_IN_WITHIN: Duration = Duration::from_secs(10);
/// Symbols in one channel on the free stream.
const MOST_FREE: usize = 30;
const CHANNELS: [&str; 4] = ["trades", "quotes", "bars", "updatedBars"];
const FREE: &str = "/v2/iex";

pub(super) fn serves(path: &str) -> bool {
    matches!(path, FREE | "/v2/sip")
}

pub(super) fn session(caller: &mut Caller<'_>) -> Box<dyn Session> {
    Box::new(Alpaca {
        door: caller.door,
        is_free: caller.path == FREE,
        is_signed_in: false,
        is_refused: false,
        channels: CHANNELS.map(|_| BTreeSet::new()),
    })
}

pub(super) fn dialect(market: &Market) -> Box<dyn Dialect> {
    let rounds = Rounds::new(ID, market).every(EVERY_MILLIS, 900, |scene, told| {
        let items: Vec<String> = latest(scene, ID).iter().map(quote_and_trade).collect();
        if !items.is_empty() {
            told.push("trades", format!("[{}]", items.join(",")));
        }
    });
    let to_minute = 60_000 - (market.start_micros / 1000).rem_euclid(60_000);
    Box::new(rounds.every(60_000, to_minute, |scene, told| {
        let minute = iso((scene.millis() - 60_000) * 1000).replace(".000Z", "Z");
        let bars: Vec<String> = STOCKS.iter().map(|stock| bar(scene, stock, &minute)).collect();
        told.push("bars", format!("[{}]", bars.join(",")));
    }))
}

fn quote_and_trade(trade: &Trade) -> String {
    let Trade { stock, price, shares, number, at_millis } = trade;
    let (ticker, at) = (stock.ticker, iso(at_millis * 1000));
    let tick = 10_f64.powi(-(stock.decimals() as i32));
    let (bid, ask) = (stock.quoted(price - tick), stock.quoted(price + tick));
    format!(
        concat!(
            "{{\"T\":\"q\",\"S\":\"{ticker}\",\"bx\":\"V\",\"bp\":{bid},\"bs\":2,\"ax\":\"V\",\"ap\":{ask},\"as\":3,",
            "\"c\":[\"R\"],\"z\":\"C\",\"t\":\"{at}\"}},{{\"T\":\"t\",\"i\":{number},\"S\":\"{ticker}\",\"x\":\"V\",",
            "\"p\":{price},\"s\":{shares},\"c\":[\"@\"],\"z\":\"C\",\"t\":\"{at}\"}}"
        ),
        ticker = ticker,
        bid = bid,
        ask = ask,
        at = at,
        number = number,
        price = price,
        shares = shares,
    )
}

/// A minute's bar: one exchange sees a few percent of all trading.
fn bar(scene: &Scene<'_>, stock: &Stock, minute: &str) -> String {
    let ([open, high, low, close], shares) = stock.last_minute(scene);
    format!(
        concat!(
            "{{\"T\":\"b\",\"S\":\"{}\",\"o\":{},\"h\":{},\"l\":{},\"c\":{},\"v\":{},\"t\":\"{}\",\"n\":{},",
            "\"vw\":{}}}"
        ),
        stock.ticker,
        open,
        high,
        low,
        close,
        shares / 40,
        minute,
        1 + shares / 4000,
        stock.quoted((high + low + close) / 3.0)
    )
}

/// A connection to Alpaca.
struct Alpaca {
    door: Door,
    is_free: bool,
    is_signed_in: bool,
    is_refused: bool,
    /// Symbols by place in [`CHANNELS`].
    channels: [BTreeSet<String>; 4],
}

fn success(words: &str) -> Payload {
    json!([{"T": "success", "msg": words}]).to_string().into()
}

fn error(code: u32, words: &str) -> Payload {
    json!([{"T": "error", "code": code, "msg": words}]).to_string().into()
}

impl Alpaca {
    fn sign_in(&mut self, request: &Value) -> Payload {
        let has = |key: &str| request.get(key).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
        match (self.is_signed_in, has("key") && has("secret") && self.door == Door::Open) {
            (true, _) => error(403, "already authenticated"),
            (false, true) => {
                self.is_signed_in = true;
                success("authenticated")
            }
            (false, false) => {
                self.is_refused = true;
                error(402, "auth failed")
            }
        }
    }

    fn change(&mut self, request: &Value, adds: bool) -> Payload {
        let named = |channel: &str| -> Vec<String> {
            let list = request.get(channel).and_then(Value::as_array).cloned().unwrap_or_default();
            list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let mut channels = self.channels.clone();
        for (channel, symbols) in CHANNELS.into_iter().zip(&mut channels) {
            if adds {
                symbols.extend(named(channel));
            } else {
                symbols.retain(|symbol| !named(channel).contains(symbol));
            }
        }
        if self.is_free && channels.iter().any(|symbols| symbols.len() > MOST_FREE) {
            return error(405, "symbol limit exceeded");
        }
        self.channels = channels;
        let mut told = json!({"T": "subscription"});
        for (channel, symbols) in CHANNELS.into_iter().zip(&self.channels) {
            told[channel] = symbols.iter().cloned().collect::<Vec<_>>().into();
        }
        json!([told]).to_string().into()
    }

    fn follows(&self, item: &Value) -> bool {
        let word = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default();
        let channel = match word("T") {
            "t" => 0,
            "q" => 1,
            _ => 2,
        };
        let symbols = &self.channels[channel];
        symbols.contains(word("S")) || symbols.contains("*")
    }
}

impl Session for Alpaca {
    fn opening(&mut self, _now: Now) -> Vec<Payload> {
        vec![success("connected")]
    }

    fn answer(&mut self, text: &str, _now: Now) -> Vec<Payload> {
        let Ok(request) = serde_json::from_str::<Value>(text) else {
            return vec![error(400, "invalid syntax")];
        };
        let said = match request.get("action").and_then(Value::as_str) {
            Some("auth") => self.sign_in(&request),
            Some(_) if !self.is_signed_in => error(401, "not authenticated"),
            Some("subscribe") => self.change(&request, true),
            Some("unsubscribe") => self.change(&request, false),
            Some(_) => error(410, "invalid subscribe action for this feed"),
            None => error(400, "invalid syntax"),
        };
        vec![said]
    }

    fn render(&mut self, frame: &SimFrame) -> Vec<Payload> {
        if !self.is_signed_in {
            return Vec::new();
        }
        let all: Vec<Value> =
            frame.text().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let items: Vec<Value> = all.into_iter().filter(|item| self.follows(item)).collect();
        if items.is_empty() { Vec::new() } else { vec![Value::from(items).to_string().into()] }
    }

    fn patience(&self) -> Patience {
        Patience { ping_every: Some(Duration::from_secs(10)), ..Patience::default() }
    }

    fn alarm(&self) -> Option<Duration> {
        match (self.is_refused, self.is_signed_in) {
            (true, _) => Some(Duration::ZERO),
            (false, false) => Some(SIGN_IN_WITHIN),
            (false, true) => None,
        }
    }

    fn ring(&mut self, _now: Now) -> Result<Vec<Payload>, Close> {
        if self.is_refused {
            return Err(Close { code: 1000, reason: "auth failed" });
        }
        self.is_refused = true;
        Ok(vec![error(404, "auth timeout")])
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

    const START: Now = Now { since: Duration::ZERO, micros: FRIDAY };
    const SIGN_IN: &str = r#"{"action":"auth","key":"a","secret":"b"}"#;

    fn opened(path: &str) -> Box<dyn Session> {
        let (market, headers) = (Arc::new(market()), HeaderMap::new());
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let door = Door::Open;
        session(&mut Caller { path, query: "", headers: &headers, door, market: &market, rng: &mut rng })
    }

    fn said(session: &mut dyn Session, text: &str) -> Value {
        let payloads = session.answer(text, START);
        serde_json::from_str::<Value>(payloads[0].text().unwrap()).unwrap()[0].clone()
    }

    #[test]
    fn a_client_signs_in_subscribes_and_gets_its_own_symbols() {
        let (market, mut session) = (market(), opened(FREE));
        assert_eq!(session.opening(START), [success("connected")]);
        assert_eq!(said(&mut *session, r#"{"action":"subscribe","trades":["MARA"]}"#)["code"], 401);
        assert_eq!(said(&mut *session, SIGN_IN)["msg"], "authenticated");
        let told_back = said(&mut *session, r#"{"action":"subscribe","trades":["MARA","HUT"],"bars":["*"]}"#);
        assert_eq!(
            (&told_back["T"], &told_back["trades"]),
            (&"subscription".into(), &json!(["HUT", "MARA"]))
        );
        let frames = told(&mut *dialect(&market), &market, 130);
        let items: Vec<Value> = frames
            .iter()
            .flat_map(|frame| session.render(frame))
            .flat_map(|payload| serde_json::from_str::<Vec<Value>>(payload.text().unwrap()).unwrap())
            .collect();
        let of = |kind: &str| items.iter().filter(|item| item["T"] == kind).count();
        assert_eq!((of("q"), of("b")), (0, 2 * STOCKS.len()));
        assert!(of("t") > 5);
        let bar = items.iter().find(|item| item["T"] == "b").unwrap();
        assert_eq!(bar["t"], "2026-11-20T15:00:00Z");
    }

    #[test]
    fn bad_keys_too_many_symbols_and_nonsense_are_refused_in_its_codes() {
        let mut session = opened(FREE);
        assert_eq!(said(&mut *session, r#"{"action":"auth","key":"a"}"#)["code"], 402);
        assert!(session.ring(START).is_err());
        let mut session = opened(FREE);
        assert_eq!(said(&mut *session, "?")["code"], 400);
        assert_eq!(session.alarm(), Some(SIGN_IN_WITHIN));
        let late: Value = serde_json::from_str(session.ring(START).unwrap()[0].text().unwrap()).unwrap();
        assert_eq!(late[0]["code"], 404);
        let many: Vec<String> = (0..31).map(|number| format!("X{number}")).collect();
        let ask = json!({"action": "subscribe", "trades": many}).to_string();
        for (path, kind) in [(FREE, "error"), ("/v2/sip", "subscription")] {
            let mut session = opened(path);
            said(&mut *session, SIGN_IN);
            assert_eq!(said(&mut *session, &ask)["T"], kind, "{path}");
        }
    }
}
