//! Massive's stream of shares (Polygon once): statuses, trades and minute bars, every frame a list.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::trades::{EVERY_MILLIS, Trade, latest};
use crate::equities::{STOCKS, Stock};
use crate::market::Market;
use crate::rounds::Rounds;
use crate::scene::Scene;
use crate::session::{Caller, Close, Door, Now, Patience, Session};
use crate::tape::{Dialect, Payload, SimFrame};

pub(super) const ID: &str = "massive";

pub(super) fn session(caller: &mut Caller<'_>) -> Box<dyn Session> {
    Box::new(Massive { door: caller.door, state: State::Opened, names: BTreeSet::new() })
}

pub(super) fn dialect(market: &Market) -> Box<dyn Dialect> {
    let rounds = Rounds::new(ID, market).every(EVERY_MILLIS, 1_100, |scene, told| {
        let trades: Vec<String> = latest(scene, ID).iter().map(trade).collect();
        if !trades.is_empty() {
            told.push("T", format!("[{}]", trades.join(",")));
        }
    });
    let to_minute = 60_000 - (market.start_micros / 1000).rem_euclid(60_000);
    Box::new(rounds.every(60_000, to_minute + 1_000, |scene, told| {
        let bars: Vec<String> = STOCKS.iter().map(|stock| bar(scene, stock)).collect();
        told.push("AM", format!("[{}]", bars.join(",")));
    }))
}

fn trade(trade: &Trade) -> String {
    let Trade { stock, price, shares, number, at_millis } = trade;
    let ticker = stock.ticker;
    format!(
        concat!(
            "{{\"ev\":\"T\",\"sym\":\"{ticker}\",\"x\":4,\"i\":\"{number}\",\"z\":3,\"p\":{price},\"s\":{shares},",
            "\"c\":[0],\"t\":{at_millis},\"q\":{number}}}"
        ),
        ticker = ticker,
        number = number,
        price = price,
        shares = shares,
        at_millis = at_millis,
    )
}

/// The bar of the last full minute.
fn bar(scene: &Scene<'_>, stock: &Stock) -> String {
    let end = scene.millis().div_euclid(60_000) * 60_000;
    let ([open, high, low, close], shares) = stock.last_minute(scene);
    let mean = stock.quoted((high + low + close) / 3.0);
    format!(
        concat!(
            "{{\"ev\":\"AM\",\"sym\":\"{}\",\"v\":{},\"av\":{},\"op\":{},\"vw\":{},\"o\":{},\"c\":{},\"h\":{},",
            "\"l\":{},\"a\":{},\"z\":120,\"s\":{},\"e\":{}}}"
        ),
        stock.ticker,
        shares,
        stock.shares_today(scene),
        open,
        mean,
        open,
        close,
        high,
        low,
        mean,
        end - 60_000,
        end
    )
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Opened,
    SignedIn,
    Refused,
}

/// A connection to Massive.
struct Massive {
    door: Door,
    state: State,
    /// `T.MARA`, `AM.*`.
    names: BTreeSet<String>,
}

fn status(status: &str, words: &str) -> Value {
    json!({"ev": "status", "status": status, "message": words})
}

impl Massive {
    fn take(&mut self, request: &Value) -> Vec<Value> {
        let word = |key: &str| request.get(key).and_then(Value::as_str).unwrap_or_default();
        let params = word("params");
        match (word("action"), self.state) {
            ("auth", State::Opened) if !params.is_empty() && self.door == Door::Open => {
                self.state = State::SignedIn;
                vec![status("auth_success", "authenticated")]
            }
            ("auth", State::Opened) => {
                self.state = State::Refused;
                vec![status("auth_failed", "authentication failed")]
            }
            ("subscribe", State::SignedIn) => {
                let names = params.split(',').map(str::trim).filter(|name| !name.is_empty());
                let mut told = Vec::new();
                for name in names {
                    self.names.insert(name.to_owned());
                    told.push(status("success", &format!("subscribed to: {name}")));
                }
                told
            }
            ("unsubscribe", State::SignedIn) => {
                self.names.retain(|name| !params.split(',').any(|gone| gone.trim() == name));
                vec![status("success", &format!("unsubscribed to: {params}"))]
            }
            ("subscribe" | "unsubscribe", _) => vec![status("error", "not authenticated")],
            _ => vec![status("error", "invalid action")],
        }
    }

    fn follows(&self, item: &Value) -> bool {
        let word = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default();
        let (event, symbol) = (word("ev"), word("sym"));
        self.names.contains(&format!("{event}.{symbol}")) || self.names.contains(&format!("{event}.*"))
    }
}

fn list(items: Vec<Value>) -> Vec<Payload> {
    if items.is_empty() { Vec::new() } else { vec![Value::from(items).to_string().into()] }
}

impl Session for Massive {
    fn opening(&mut self, _now: Now) -> Vec<Payload> {
        list(vec![status("connected", "Connected Successfully")])
    }

    fn answer(&mut self, text: &str, _now: Now) -> Vec<Payload> {
        let request: Value = serde_json::from_str(text).unwrap_or_default();
        list(self.take(&request))
    }

    fn render(&mut self, frame: &SimFrame) -> Vec<Payload> {
        let all: Vec<Value> =
            frame.text().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        list(all.into_iter().filter(|item| self.follows(item)).collect())
    }

    fn patience(&self) -> Patience {
        Patience { ping_every: Some(Duration::from_secs(30)), ..Patience::default() }
    }

    fn alarm(&self) -> Option<Duration> {
        (self.state == State::Refused).then_some(Duration::ZERO)
    }

    fn ring(&mut self, _now: Now) -> Result<Vec<Payload>, Close> {
        Err(Close { code: 1008, reason: "authentication failed" })
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

    fn opened() -> Box<dyn Session> {
        let (market, headers) = (Arc::new(market()), HeaderMap::new());
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let door = Door::Open;
        session(&mut Caller {
            path: "/stocks",
            query: "",
            headers: &headers,
            door,
            market: &market,
            rng: &mut rng,
        })
    }

    fn items(payloads: &[Payload]) -> Vec<Value> {
        payloads
            .iter()
            .flat_map(|one| serde_json::from_str::<Vec<Value>>(one.text().unwrap()).unwrap())
            .collect()
    }

    #[test]
    fn a_client_signs_in_and_each_subscription_is_confirmed() {
        let (market, mut session) = (market(), opened());
        assert_eq!(items(&session.opening(START))[0]["status"], "connected");
        let before = session.answer(r#"{"action":"subscribe","params":"T.MARA"}"#, START);
        assert_eq!(items(&before)[0]["message"], "not authenticated");
        let signed_in = session.answer(r#"{"action":"auth","params":"key"}"#, START);
        assert_eq!(items(&signed_in)[0]["status"], "auth_success");
        let told_back = items(&session.answer(r#"{"action":"subscribe","params":"T.MARA, AM.*"}"#, START));
        let words: Vec<&str> = told_back.iter().map(|item| item["message"].as_str().unwrap()).collect();
        assert_eq!(words, ["subscribed to: T.MARA", "subscribed to: AM.*"]);
        let frames = told(&mut *dialect(&market), &market, 130);
        let heard: Vec<Value> = frames.iter().flat_map(|frame| items(&session.render(frame))).collect();
        let bars: Vec<&Value> = heard.iter().filter(|item| item["ev"] == "AM").collect();
        assert_eq!(bars.len(), 2 * STOCKS.len());
        assert_eq!(bars[0]["e"].as_i64().unwrap() - bars[0]["s"].as_i64().unwrap(), 60_000);
        assert!(heard.iter().filter(|item| item["ev"] == "T").all(|item| item["sym"] == "MARA"));
    }

    #[test]
    fn without_a_key_the_connection_ends() {
        let mut session = opened();
        let said = session.answer(r#"{"action":"auth","params":""}"#, START);
        assert_eq!(items(&said)[0]["status"], "auth_failed");
        assert!(session.alarm() == Some(Duration::ZERO) && session.ring(START).is_err());
    }
}
