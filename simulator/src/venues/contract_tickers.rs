//! What Deribit, Kraken Futures, Gate and `BitMEX` tell of their contracts beside liquidations.

use std::sync::Arc;

use crate::calendar::iso;
use crate::contracts::{Contract, Term, Value, trimmed};
use crate::market::Market;
use crate::rounds::Rounds;
use crate::scene::{Coin, Scene, pace_of, rounded};

use super::{bitmex, deribit, gate, kraken_futures};

/// Of a perpetual's open positions, what a dated contract has.
const MINOR: f64 = 0.1;

/// A contract's state, in its own units.
struct State {
    /// Mark and index price as the venue prints them.
    mark: String,
    index: String,
    /// Open positions, one side: dollars, coins or contracts, as the contract's value says.
    open: f64,
    /// A fraction for eight hours; `None` for dated contracts.
    funding: Option<f64>,
}

impl State {
    fn of(scene: &Scene<'_>, contract: &Contract) -> Self {
        let (venue, asset) = (contract.venue, contract.asset);
        let is_perpetual = contract.term == Term::Perpetual;
        let share = share(venue) * if is_perpetual { 1.0 } else { MINOR };
        let coins = scene.open_interest(venue, asset, share);
        let mark = scene.mark(venue, asset);
        let open = match contract.value {
            Value::Linear(coins_each) => coins / coins_each,
            Value::Inverse(usd_each) => coins * mark / usd_each,
            // Worth `factor` bitcoin for each dollar of price.
            Value::Quanto(factor) => coins / (factor * scene.spot(Coin::BITCOIN)),
        };
        let price = |per_coin| trimmed(contract.price_units(per_coin), contract.price_step.0);
        Self {
            mark: price(mark),
            index: price(scene.spot(Coin::of(asset))),
            open: open.round(),
            funding: is_perpetual.then(|| scene.funding(venue, asset)),
        }
    }
}

/// A venue's part of the largest one's open positions.
fn share(venue: &str) -> f64 {
    match venue {
        deribit::ID => 0.12,
        gate::ID => 0.35,
        kraken_futures::ID => 0.06,
        _ => 0.05,
    }
}

/// Deribit's tickers, as the widest subscription's interval has them.
pub(super) fn of_deribit(market: &Market) -> Rounds {
    each(deribit::ID, market, |scene, contract| {
        let State { mark, index, open, funding } = State::of(scene, contract);
        let funding = funding
            .map(|rate| format!("\"funding_8h\":{rate},\"current_funding\":{},", rounded(rate / 8.0, 8)));
        let text = format!(
            concat!(
                "{}\"channel\":\"ticker.{}.100ms\",\"data\":{{{}\"timestamp\":{},\"state\":\"open\",",
                "\"open_interest\":{},\"mark_price\":{},\"last_price\":{},\"instrument_name\":\"{}\",",
                "\"index_price\":{},\"best_bid_price\":{},\"best_ask_price\":{}}}}}}}"
            ),
            deribit::SUBSCRIPTION,
            contract.symbol,
            funding.unwrap_or_default(),
            scene.millis(),
            open,
            mark,
            mark,
            contract.symbol,
            index,
            mark,
            mark
        );
        (format!("ticker.{}", contract.symbol), text)
    })
}

/// Kraken's tickers: `funding_rate` in dollars for each contract and hour, `relative_funding_rate` as a
/// fraction for an hour.
pub(super) fn of_kraken(market: &Market) -> Rounds {
    each(kraken_futures::ID, market, |scene, contract| {
        let State { mark, index, open, funding } = State::of(scene, contract);
        let next_hour = (scene.millis().div_euclid(3_600_000) + 1) * 3_600_000;
        let funding = funding.map(|rate| {
            let hourly = rate / 8.0;
            format!(
                ",\"funding_rate\":{},\"relative_funding_rate\":{hourly},\"next_funding_rate_time\":{next_hour}",
                rounded(hourly * scene.mark(kraken_futures::ID, contract.asset), 8)
            )
        });
        let text = format!(
            concat!(
                "{{\"time\":{},\"product_id\":\"{}\",\"feed\":\"ticker\",\"bid\":{},\"ask\":{},\"index\":{},\"last\":{},",
                "\"markPrice\":{},\"openInterest\":{},\"suspended\":false,\"tag\":\"{}\"{}}}"
            ),
            scene.millis(),
            contract.symbol,
            mark,
            mark,
            index,
            mark,
            mark,
            open,
            if contract.term == Term::Perpetual { "perpetual" } else { "quarter" },
            funding.unwrap_or_default()
        );
        (topic(&contract.symbol), text)
    })
}

/// Gate's tickers: open positions in contracts.
pub(super) fn of_gate(market: &Market) -> Rounds {
    each(gate::ID, market, |scene, contract| {
        let State { mark, index, open, funding } = State::of(scene, contract);
        let rate = funding.unwrap_or_default();
        let text = format!(
            concat!(
                "{{\"time\":{},\"time_ms\":{},\"channel\":\"futures.tickers\",\"event\":\"update\",\"result\":[{{",
                "\"contract\":\"{}\",\"last\":\"{}\",\"mark_price\":\"{}\",\"index_price\":\"{}\",\"funding_rate\":\"{:.6}\",",
                "\"funding_rate_indicative\":\"{:.6}\",\"total_size\":\"{}\"}}]}}"
            ),
            scene.millis() / 1000,
            scene.millis(),
            contract.symbol,
            mark,
            mark,
            index,
            rate,
            rate,
            open
        );
        (topic(&contract.symbol), text)
    })
}

/// What Gate's and Kraken's tickers are subscribed by.
pub(super) fn topic(symbol: &str) -> String {
    format!("ticker:{symbol}")
}

/// Fields of an instrument that change, each with its value as JSON.
pub(super) type Fields = Vec<(&'static str, String)>;

/// What changes of `BitMEX`'s instruments.
pub(super) fn instrument(scene: &Scene<'_>, contract: &Contract) -> Fields {
    let State { mark, index, open, funding } = State::of(scene, contract);
    let next = funding.map(|_| format!("\"{}\"", iso(scene.next_funding() * 1000)));
    let rate = funding.map(|rate| rounded(rate, 6).to_string());
    let mut fields =
        vec![("markPrice", mark), ("indicativeSettlePrice", index), ("openInterest", open.to_string())];
    fields.extend(rate.clone().map(|rate| ("fundingRate", rate)));
    fields.extend(rate.map(|rate| ("indicativeFundingRate", rate)));
    fields.extend(next.map(|next| ("fundingTimestamp", next)));
    fields
}

/// `BitMEX`'s table of instruments: each in full at first, then what changed.
pub(super) fn of_bitmex(market: &Market) -> Rounds {
    let mut rounds = Rounds::new(bitmex::ID, market);
    for (number, (contract, every)) in paced(bitmex::ID, market).into_iter().enumerate() {
        let mut last: Option<Fields> = None;
        rounds = rounds.every(every, 120 + number as i64 * 61, move |scene, told| {
            let fields = instrument(scene, &contract);
            let (action, changed) = match &last {
                None => ("partial", fields.clone()),
                Some(last) => {
                    ("update", fields.iter().filter(|field| !last.contains(*field)).cloned().collect())
                }
            };
            if changed.is_empty() {
                return;
            }
            let pairs: Vec<String> =
                changed.iter().map(|(name, value)| format!("\"{name}\":{value},")).collect();
            let pairs = pairs.concat();
            let text = format!(
                "{{\"table\":\"instrument\",\"action\":\"{action}\",\"data\":[{{\"symbol\":\"{}\",{pairs}\"timestamp\":\"{}\"}}]}}",
                contract.symbol,
                iso(scene.now_micros)
            );
            last = Some(fields);
            told.push(format!("instrument:{}", contract.symbol), text);
        });
    }
    rounds
}

/// A venue's contracts, each with how often it is told of: the first of each asset as often as the asset.
fn paced(venue: &'static str, market: &Market) -> Vec<(Arc<Contract>, i64)> {
    let mut told = Vec::new();
    let every = |contract: &Arc<Contract>| {
        if contract.term != Term::Perpetual || told.contains(&contract.asset) {
            return 60_000;
        }
        told.push(contract.asset);
        pace_of(&contract.base)
    };
    let everies: Vec<i64> = market.of(venue).map(every).collect();
    market.of(venue).cloned().zip(everies).collect()
}

/// Tells of each contract of a venue: `frame` gives the topic and the text.
fn each(
    venue: &'static str,
    market: &Market,
    frame: fn(&Scene<'_>, &Contract) -> (String, String),
) -> Rounds {
    let mut rounds = Rounds::new(venue, market);
    for (number, (contract, every)) in paced(venue, market).into_iter().enumerate() {
        rounds = rounds.every(every, 120 + number as i64 * 67, move |scene, told| {
            let (topic, text) = frame(scene, &contract);
            told.push(topic, text);
        });
    }
    rounds
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;
    use crate::rounds::told;
    use crate::scene::tests::market;

    /// What is first told under `topic`.
    fn first(mut rounds: Rounds, topic: &str) -> Json {
        let market = market();
        let frames = told(&mut rounds, &market, 10);
        let frame = frames.iter().find(|frame| frame.topic == topic).unwrap();
        serde_json::from_str(frame.text().unwrap()).unwrap()
    }

    /// Open positions in bitcoin: what each venue's unit comes to.
    #[test]
    fn open_interest_is_in_each_venues_own_unit() {
        let market = market();
        let table = [
            (deribit::ID, "ticker.BTC-PERPETUAL", "/params/data/open_interest", 1.0 / 82_450.0),
            (deribit::ID, "ticker.BTC_USDC-PERPETUAL", "/params/data/open_interest", 1.0),
            (kraken_futures::ID, "ticker:PF_XBTUSD", "/openInterest", 1.0),
            (kraken_futures::ID, "ticker:PI_XBTUSD", "/openInterest", 1.0 / 82_450.0),
            (gate::ID, "ticker:BTC_USDT", "/result/0/total_size", 0.0001),
            (bitmex::ID, "instrument:XBTUSD", "/data/0/openInterest", 1.0 / 82_450.0),
        ];
        for (venue, topic, place, coins_each) in table {
            let rounds = match venue {
                deribit::ID => of_deribit(&market),
                kraken_futures::ID => of_kraken(&market),
                gate::ID => of_gate(&market),
                _ => of_bitmex(&market),
            };
            let frame = first(rounds, topic);
            let open = frame.pointer(place).unwrap();
            let open = open.as_f64().unwrap_or_else(|| open.as_str().unwrap().parse().unwrap());
            let expected = 300e6 * 26.0 / 82_450.0 * share(venue);
            assert!((open * coins_each / expected - 1.0).abs() < 0.05, "{topic}: {open} {expected}");
        }
    }

    #[test]
    fn funding_is_a_fraction_for_the_venues_own_interval() {
        let market = market();
        let (prices, seed) = (market.prices(), market.seed);
        let now_micros = market.start_micros;
        let scene = Scene { seed, start_micros: now_micros, prices: &prices, now_micros };
        let near = |value: &Json, expected: f64| {
            let value = value.as_f64().unwrap_or_else(|| value.as_str().unwrap().parse().unwrap());
            assert!((value - expected).abs() < 1e-6, "{value} {expected}");
        };
        let deribit = first(of_deribit(&market), "ticker.BTC-PERPETUAL");
        near(&deribit["params"]["data"]["funding_8h"], scene.funding(deribit::ID, 0));
        let kraken = first(of_kraken(&market), "ticker:PF_XBTUSD");
        near(&kraken["relative_funding_rate"], scene.funding(kraken_futures::ID, 0) / 8.0);
        assert_eq!(kraken["next_funding_rate_time"].as_i64().unwrap() % 3_600_000, 0);
        near(
            &first(of_gate(&market), "ticker:BTC_USDT")["result"][0]["funding_rate"],
            scene.funding(gate::ID, 0),
        );
        let bitmex = first(of_bitmex(&market), "instrument:XBTUSD")["data"][0].clone();
        near(&bitmex["fundingRate"], scene.funding(bitmex::ID, 0));
        assert_eq!(bitmex["fundingTimestamp"], "2026-11-20T16:00:00.000Z");
    }

    #[test]
    fn an_instrument_comes_in_full_and_then_as_what_changed() {
        let market = market();
        let frames = told(&mut of_bitmex(&market), &market, 13);
        let ours: Vec<Json> = frames
            .iter()
            .filter(|frame| frame.topic == "instrument:XBTUSD")
            .map(|frame| serde_json::from_str(frame.text().unwrap()).unwrap())
            .collect();
        let actions: Vec<&str> = ours.iter().map(|frame| frame["action"].as_str().unwrap()).collect();
        assert_eq!(actions[..2], ["partial", "update"]);
        assert!(ours[1]["data"][0].get("fundingTimestamp").is_none());
    }
}
