//! Binance USD-M: the `forceOrder` stream and its control messages.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use crate::contracts::fixed;
use crate::server::Tuning;
use crate::session::{Door, Patience, Session, quoted};
use crate::tape::{Dialect, SimFrame};
use crate::venue::Venue;
use crate::world::{Forced, Position};

/// At most one event per symbol in this time, the largest (documented since April 2026).
/// The smallest gap seen on the real stream is 1001 ms.
const WINDOW_MICROS: i64 = 1_001_000;

const ALL: &str = "!forceOrder@arr";
const ENVELOPE: &str = "{\"stream\":\"!forceOrder@arr\",\"data\":";

/// The venue's throttle: everything happens, the largest of each symbol's second is told.
#[derive(Default)]
pub(crate) struct Throttle {
    open: BTreeMap<String, Window>,
}

struct Window {
    ends: i64,
    largest: Forced,
}

impl Dialect for Throttle {
    fn note(&mut self, forced: Forced) {
        match self.open.get_mut(&forced.contract.symbol) {
            None => {
                let window = Window { ends: forced.at_micros + WINDOW_MICROS, largest: forced };
                self.open.insert(window.largest.contract.symbol.clone(), window);
            }
            Some(window) if forced.usd > window.largest.usd => window.largest = forced,
            Some(_) => {}
        }
    }

    fn due(&self) -> Option<i64> {
        self.open.values().map(|window| window.ends).min()
    }

    fn tell(&mut self, now: i64, out: &mut VecDeque<SimFrame>) {
        self.open.retain(|symbol, window| {
            if window.ends > now {
                return true;
            }
            out.push_back(SimFrame {
                at_micros: now,
                venue: Venue::BinanceUsdm.id(),
                text: format!("{ENVELOPE}{}}}", force_order(&window.largest, now)),
                topic: format!("{}@forceOrder", symbol.to_lowercase()),
                events: 1,
            });
            false
        });
    }
}

/// The `forceOrder` object. `S` is the side of the forced order: a long is closed by a SELL.
fn force_order(forced: &Forced, now: i64) -> String {
    let contract = &*forced.contract;
    let side = match forced.position {
        Position::Long => "SELL",
        Position::Short => "BUY",
    };
    let [kind, share] = forced.dice;
    let (decimals, step) = contract.lot_step;
    let part = |of: u64| (((of / step) as f64 * share) as u64).max(1) * step;
    // Most orders fill at once; a third in parts (`l` is only the last); a few not entirely.
    let (original, state, last) = if kind < 0.66 {
        (forced.quantity, "FILLED", forced.quantity)
    } else if kind < 0.96 {
        (forced.quantity, "FILLED", part(forced.quantity))
    } else {
        (forced.quantity + part(forced.quantity), "PARTIALLY_FILLED", part(forced.quantity))
    };
    let quantity = |units: u64| fixed(units, decimals);
    let price = |units: u64| fixed(units, contract.price_step.0);
    format!(
        concat!(
            "{{\"e\":\"forceOrder\",\"E\":{},\"o\":{{\"s\":\"{}\",\"S\":\"{}\",\"o\":\"LIMIT\",\"f\":\"IOC\",",
            "\"q\":\"{}\",\"p\":\"{}\",\"ap\":\"{}\",\"X\":\"{}\",\"l\":\"{}\",\"z\":\"{}\",\"T\":{},",
            "\"ps\":\"{}\",\"st\":1}}}}"
        ),
        now / 1000,
        contract.symbol,
        side,
        quantity(original),
        price(forced.bankruptcy),
        price(forced.fill),
        state,
        quantity(last),
        quantity(forced.quantity),
        forced.at_micros / 1000,
        contract.family,
    )
}

/// What the path makes of data frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `/market/stream`: `{"stream":…,"data":…}`.
    Combined,
    /// `/market/ws`: the object alone.
    Bare,
    /// A path without `/market`: since April 2026 it accepts everything and sends no forceOrder.
    Retired,
}

/// A connection to Binance.
pub(crate) struct BinanceSession {
    shape: Shape,
    door: Door,
    streams: Vec<String>,
    patience: Patience,
}

impl BinanceSession {
    pub(crate) fn new(shape: Shape, streams: Vec<String>, door: Door, tuning: &Tuning) -> Self {
        let patience = Patience {
            idle: None,
            ping_every: Some(tuning.binance_ping),
            pong_within: Some(tuning.binance_pong),
            lifetime: Some(tuning.binance_life),
            messages_per_sec: Some(10),
        };
        Self { shape, door, streams, patience }
    }

    fn request(&mut self, text: &str) -> Result<String, String> {
        let request: Value = serde_json::from_str(text)
            .map_err(|error| error_frame(3, &format!("Invalid JSON: {error}"), None))?;
        let id = request.get("id").filter(|id| id.is_u64() || id.is_string()).map(Value::to_string);
        let Some(id) = id else {
            return Err(error_frame(2, "Invalid request: request ID must be an unsigned integer", None));
        };
        let method = request.get("method").and_then(Value::as_str).unwrap_or_default();
        let params = || {
            let named = request.get("params").and_then(Value::as_array);
            named
                .and_then(|all| {
                    all.iter().map(|one| one.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
                })
                .ok_or_else(|| {
                    error_frame(2, "Invalid request: params must be a list of stream names", Some(&id))
                })
        };
        match method {
            "SUBSCRIBE" | "UNSUBSCRIBE" if self.door == Door::Closed => {
                Err(error_frame(2, "Invalid request: subscription refused", Some(&id)))
            }
            "SUBSCRIBE" => {
                for stream in params()? {
                    if !self.streams.contains(&stream) {
                        self.streams.push(stream);
                    }
                }
                Ok(format!("{{\"result\":null,\"id\":{id}}}"))
            }
            "UNSUBSCRIBE" => {
                let gone = params()?;
                self.streams.retain(|stream| !gone.contains(stream));
                Ok(format!("{{\"result\":null,\"id\":{id}}}"))
            }
            "LIST_SUBSCRIPTIONS" => {
                let names: Vec<String> = self.streams.iter().map(|stream| quoted(stream)).collect();
                Ok(format!("{{\"result\":[{}],\"id\":{id}}}", names.join(",")))
            }
            other => {
                let words = format!(
                    "Invalid request: unknown variant `{other}`, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`"
                );
                Err(error_frame(2, &words, Some(&id)))
            }
        }
    }
}

fn error_frame(code: u32, words: &str, id: Option<&str>) -> String {
    let id = id.map(|id| format!(",\"id\":{id}")).unwrap_or_default();
    format!("{{\"code\":{code},\"msg\":{}{id}}}", quoted(words))
}

impl Session for BinanceSession {
    fn venue(&self) -> Venue {
        Venue::BinanceUsdm
    }

    fn opening(&mut self) -> Vec<String> {
        if self.door == Door::Open || self.streams.is_empty() {
            return Vec::new();
        }
        self.streams.clear();
        vec![error_frame(2, "Invalid request: subscription refused", None)]
    }

    fn answer(&mut self, text: &str) -> Vec<String> {
        let (Ok(said) | Err(said)) = self.request(text);
        vec![said]
    }

    fn render(&self, frame: &SimFrame) -> Vec<String> {
        if frame.venue != Venue::BinanceUsdm.id() || self.shape == Shape::Retired {
            return Vec::new();
        }
        let Some(data) = frame.text.strip_prefix(ENVELOPE).and_then(|rest| rest.strip_suffix('}')) else {
            return Vec::new();
        };
        let wanted = self.streams.iter().filter(|stream| *stream == ALL || **stream == frame.topic);
        wanted
            .map(|stream| match self.shape {
                Shape::Combined => format!("{{\"stream\":{},\"data\":{data}}}", quoted(stream)),
                Shape::Bare | Shape::Retired => data.to_owned(),
            })
            .collect()
    }

    fn patience(&self) -> Patience {
        self.patience.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::sample;

    fn told(throttle: &mut Throttle) -> Vec<Value> {
        let mut out = VecDeque::new();
        while let Some(at) = throttle.due() {
            throttle.tell(at, &mut out);
        }
        out.iter().map(|frame| serde_json::from_str(&frame.text).unwrap()).collect()
    }

    #[test]
    fn the_largest_of_a_symbols_second_is_told_when_the_second_is_over() {
        let mut throttle = Throttle::default();
        for (at_ms, quantity) in [(10, 100), (500, 900), (990, 300)] {
            throttle.note(sample("BTCUSDT", Position::Long, quantity, at_ms));
        }
        throttle.note(sample("ETHUSDT", Position::Short, 50, 20));
        let frames = told(&mut throttle);
        assert_eq!(frames.len(), 2);
        let data = &frames[0]["data"];
        assert_eq!(data["E"], 1_011);
        assert_eq!(data["o"]["T"], 500);
        assert_eq!(data["o"]["z"], "0.900");
    }

    #[test]
    fn a_liquidated_long_is_a_sell_and_a_short_a_buy() {
        for (position, side) in [(Position::Long, "SELL"), (Position::Short, "BUY")] {
            let mut throttle = Throttle::default();
            throttle.note(sample("BTCUSDT", position, 5, 0));
            assert_eq!(told(&mut throttle)[0]["data"]["o"]["S"], side);
        }
    }

    #[test]
    fn a_frame_has_the_fields_of_the_venue_and_no_other() {
        let mut throttle = Throttle::default();
        throttle.note(sample("BTCUSDT", Position::Long, 5, 0));
        let frame = told(&mut throttle).remove(0);
        let mut names: Vec<&String> = frame["data"]["o"].as_object().unwrap().keys().collect();
        names.sort();
        assert_eq!(names, ["S", "T", "X", "ap", "f", "l", "o", "p", "ps", "q", "s", "st", "z"]);
        assert_eq!(frame["stream"], ALL);
        assert_eq!(frame["data"]["e"], "forceOrder");
    }

    #[test]
    fn partial_fills_never_exceed_what_was_filled_and_filled_never_what_was_ordered() {
        let mut partial = 0;
        for step in 0..1000_u32 {
            let mut forced = sample("BTCUSDT", Position::Long, 777, 0);
            forced.dice = [f64::from(step) / 1000.0, f64::from(step * 7 % 1000) / 1000.0];
            let text = force_order(&forced, 1_000_000);
            let frame: Value = serde_json::from_str(&text).unwrap();
            let number = |key: &str| frame["o"][key].as_str().unwrap().parse::<f64>().unwrap();
            assert!(number("l") > 0.0 && number("l") <= number("z") && number("z") <= number("q"), "{text}");
            assert_eq!(frame["o"]["X"] == "FILLED", frame["o"]["z"] == frame["o"]["q"], "{text}");
            partial += u32::from(number("l") < number("z"));
        }
        assert!((200..450).contains(&partial), "{partial}");
    }
}
