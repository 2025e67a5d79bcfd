//! Binance USD-M: the `forceOrder` stream and its control messages.

use std::time::Duration;

use serde_json::Value;

use crate::calendar::Delivery;
use crate::contracts::{ASSETS, Contract, Value as Worth, fixed};
use crate::market::Market;
use crate::session::{Caller, Door, Now, Patience, Session, quoted};
use crate::tape::{Dialect, Payload, SimFrame};
use crate::throttle::Throttle;
use crate::world::{Forced, Position};

pub(super) const ID: &str = "binance-usdm";

/// At most one event per symbol in this time, the largest (documented since April 2026).
/// The smallest gap seen on the real stream is 1001 ms.
const WINDOW_MICROS: i64 = 1_001_000;

const ALL: &str = "!forceOrder@arr";
const ENVELOPE: &str = "{\"stream\":\"!forceOrder@arr\",\"data\":";
/// What parts a stream's name from its data.
const DATA: &str = ",\"data\":";

pub(super) fn lists(delivery: Delivery) -> Vec<Contract> {
    let mut contracts = Vec::new();
    for (asset, row) in ASSETS.iter().enumerate() {
        contracts.push(Contract::paired(ID, asset, 10.0));
        if matches!(row.code, "BTC" | "ETH") {
            contracts.push(Contract {
                symbol: format!("{}USDC", row.code),
                family: format!("{}USDC", row.code),
                quote: "USDC",
                ..Contract::paired(ID, asset, 0.9)
            });
            contracts.push(Contract {
                symbol: format!("{}USDT_{}", row.code, delivery.digits()),
                term: delivery.term(),
                ..Contract::paired(ID, asset, 0.2)
            });
        }
    }
    contracts
}

pub(super) fn dialect(_market: &Market) -> Box<dyn Dialect> {
    Box::new(throttle(ID))
}

pub(super) fn serves(path: &str) -> bool {
    place(path, &["/market"]).is_some()
}

pub(super) fn session(caller: &mut Caller<'_>) -> Box<dyn Session> {
    Box::new(BinanceSession::new(caller, &["/market"]))
}

/// The venue's throttle: everything happens, the largest of each symbol's second is told.
pub(super) fn throttle(venue: &'static str) -> Throttle {
    Throttle::new(WINDOW_MICROS, move |forced, now| frame(venue, forced, now, 1))
}

/// The frame that tells of `forced`, as a liquidation on `venue` or, with no event, as someone else's.
pub(super) fn frame(venue: &'static str, forced: &Forced, now: i64, events: u64) -> SimFrame {
    SimFrame {
        at_micros: now,
        venue,
        payload: format!("{ENVELOPE}{}}}", force_order(forced, now)).into(),
        topic: format!("{}@forceOrder", forced.contract.symbol.to_lowercase()),
        request: None,
        events,
    }
}

/// The `forceOrder` object. `S` is the side of the forced order: a long is closed by a SELL. `st` is the
/// product: 1 USD-M, 2 COIN-M.
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
            "\"ps\":\"{}\",\"st\":{}}}}}"
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
        match contract.value {
            Worth::Inverse(_) => 2,
            Worth::Linear(_) | Worth::Quanto(_) => 1,
        },
    )
}

/// What the path makes of data frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `/market/stream`: `{"stream":…,"data":…}`.
    Combined,
    /// `/market/ws`: the object alone.
    Bare,
    /// A path without `/market`: since April 2026 it accepts everything and sends no forceOrder.
    Retired,
}

/// What a path is, and the stream names in it: `live` are the prefixes under which data flows.
pub(super) fn place<'a>(path: &'a str, live: &[&str]) -> Option<(Shape, &'a str)> {
    ["/market", "/public", "/private", ""].into_iter().find_map(|prefix| {
        let rest = path.strip_prefix(prefix)?;
        let shape = |shape| if live.contains(&prefix) { shape } else { Shape::Retired };
        if rest == "/stream" {
            return Some((shape(Shape::Combined), ""));
        }
        let list = rest.strip_prefix("/ws")?;
        // Every stream's name has an @: other venues' paths under /ws have none.
        let is_ours =
            list.is_empty() || list == "/" || (list.starts_with('/') && decoded(list).contains('@'));
        is_ours.then_some((shape(Shape::Bare), list))
    })
}

/// Percent-decoded; what is not valid UTF-8 afterwards stays as it was.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let pair = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let encoded = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).filter(|_| first == b'%');
        bytes.push(encoded.unwrap_or(first));
        rest = if encoded.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// A connection to Binance.
pub(super) struct BinanceSession {
    shape: Shape,
    /// The stream of all symbols, and whether its frames hold lists.
    all: (&'static str, bool),
    door: Door,
    streams: Vec<String>,
}

impl BinanceSession {
    /// The conversation with a caller; `live` as in [`place`].
    pub(super) fn new(caller: &Caller<'_>, live: &[&str]) -> Self {
        let (shape, in_path) = place(caller.path, live).unwrap_or((Shape::Retired, ""));
        let asked =
            caller.query.split('&').find_map(|pair| pair.strip_prefix("streams=")).unwrap_or_default();
        let named = in_path.split('/').chain(asked.split('/'));
        let streams = named.filter(|name| !name.is_empty()).map(decoded).collect();
        Self { shape, all: (ALL, false), door: caller.door, streams }
    }

    /// The same about other things than orders: all of them are `all`, whose frames hold lists.
    pub(super) fn about(self, all: &'static str) -> Self {
        Self { all: (all, true), ..self }
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
    fn opening(&mut self, _now: Now) -> Vec<Payload> {
        if self.door == Door::Open || self.streams.is_empty() {
            return Vec::new();
        }
        self.streams.clear();
        vec![error_frame(2, "Invalid request: subscription refused", None).into()]
    }

    fn answer(&mut self, text: &str, _now: Now) -> Vec<Payload> {
        let (Ok(said) | Err(said)) = self.request(text);
        vec![said.into()]
    }

    fn render(&mut self, frame: &SimFrame) -> Vec<Payload> {
        if self.shape == Shape::Retired {
            return Vec::new();
        }
        let text = frame.text().unwrap_or_default();
        let unwrapped = text.split_once(DATA).and_then(|(_, rest)| rest.strip_suffix('}'));
        let Some(data) = unwrapped else { return Vec::new() };
        let (all, is_list) = self.all;
        // Marks come in two paces, which are one here.
        let is_wanted = |stream: &str| stream.strip_suffix("@1s").unwrap_or(stream) == frame.topic;
        let mut payloads = Vec::new();
        for stream in &self.streams {
            let is_all = stream.strip_suffix("@1s").unwrap_or(stream) == all;
            let data = match (is_all, is_wanted(stream)) {
                (true, _) if is_list => format!("[{data}]"),
                (true, _) | (false, true) => data.to_owned(),
                (false, false) => continue,
            };
            payloads.push(match self.shape {
                Shape::Combined => format!("{{\"stream\":{},\"data\":{data}}}", quoted(stream)).into(),
                Shape::Bare | Shape::Retired => data.into(),
            });
        }
        payloads
    }

    fn patience(&self) -> Patience {
        Patience {
            ping_every: Some(Duration::from_mins(3)),
            pong_within: Some(Duration::from_mins(10)),
            lifetime: Some(Duration::from_hours(24)),
            messages_per_sec: Some(10),
            ..Patience::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::market::Prices;
    use crate::world::sample;

    fn told(throttle: &mut Throttle) -> Vec<Value> {
        let mut out = VecDeque::new();
        while let Some(at) = throttle.due() {
            throttle.tell(at, &Prices::default(), &mut out);
        }
        out.iter().map(|frame| serde_json::from_str(frame.text().unwrap()).unwrap()).collect()
    }

    #[test]
    fn the_largest_of_a_symbols_second_is_told_when_the_second_is_over() {
        let mut throttle = throttle(ID);
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
            let mut throttle = throttle(ID);
            throttle.note(sample("BTCUSDT", position, 5, 0));
            assert_eq!(told(&mut throttle)[0]["data"]["o"]["S"], side);
        }
    }

    #[test]
    fn a_frame_has_the_fields_of_the_venue_and_no_other() {
        let mut throttle = throttle(ID);
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
    #[test]
    fn every_path_has_its_shape_and_paths_of_others_have_none() {
        let all = "/!forceOrder@arr";
        let table = [
            ("/market/stream", Some((Shape::Combined, ""))),
            ("/market/ws/!forceOrder@arr", Some((Shape::Bare, all))),
            ("/market/ws/!forceOrder%40arr", Some((Shape::Bare, "/!forceOrder%40arr"))),
            ("/market/ws", Some((Shape::Bare, ""))),
            ("/ws/!forceOrder@arr", Some((Shape::Retired, all))),
            ("/stream", Some((Shape::Retired, ""))),
            ("/public/ws/!forceOrder@arr", Some((Shape::Retired, all))),
            ("/private/stream", Some((Shape::Retired, ""))),
            ("/", None),
            ("/wsx", None),
            ("/ws/2", None),
            ("/ws/api/v2", None),
            ("/ws/v5/public", None),
        ];
        for (path, found) in table {
            assert_eq!(place(path, &["/market"]), found, "{path}");
        }
    }

    #[test]
    fn percent_signs_that_encode_nothing_stay() {
        assert_eq!(decoded("a%2"), "a%2");
        assert_eq!(decoded("100%zz%41"), "100%zzA");
        assert_eq!(decoded("%ff"), "%ff");
    }
}
