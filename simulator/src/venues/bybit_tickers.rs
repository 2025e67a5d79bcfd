//! Bybit's contract tickers: a snapshot, then what changed.

use std::sync::Arc;

use crate::contracts::{Contract, Term, Value, fixed};
use crate::market::Market;
use crate::rounds::Rounds;
use crate::scene::{Coin, Scene, pace_of, rounded};

pub(super) const TOPIC: &str = "tickers.";

/// Of the largest venue's open positions and turnover.
const SHARE: f64 = 0.6;
/// Of a perpetual's, what a dated or USDC contract has.
const MINOR: f64 = 0.04;
/// Where cross sequence numbers begin.
const FIRST_SEQUENCE: i64 = 753_843_900_000;

/// A ticker's fields in the venue's order, each with its value.
type Fields = Vec<(&'static str, String)>;

/// Tells of every contract of `venue`.
pub(super) fn rounds(venue: &'static str, market: &Market) -> Rounds {
    let mut rounds = Rounds::new(venue, market);
    for (number, contract) in market.of(venue).enumerate() {
        let contract = Arc::clone(contract);
        let every = if is_minor(&contract) { 60_000 } else { pace_of(&contract.base) };
        let mut last: Option<Fields> = None;
        rounds = rounds.every(every, 100 + number as i64 * 37, move |scene, told| {
            let fields = fields(scene, &contract);
            let text = match &last {
                None => ticker(scene, &contract, "snapshot", &fields),
                Some(last) => {
                    let changed: Fields =
                        fields.iter().filter(|field| !last.contains(*field)).cloned().collect();
                    if changed.is_empty() {
                        return;
                    }
                    ticker(scene, &contract, "delta", &changed)
                }
            };
            last = Some(fields);
            told.push(format!("{TOPIC}{}", contract.symbol), text);
        });
    }
    rounds
}

/// What a new subscriber gets first.
pub(super) fn snapshot(scene: &Scene<'_>, contract: &Contract) -> String {
    ticker(scene, contract, "snapshot", &fields(scene, contract))
}

fn is_minor(contract: &Contract) -> bool {
    contract.quote == "USDC" || contract.term != Term::Perpetual
}

fn ticker(scene: &Scene<'_>, contract: &Contract, kind: &str, fields: &Fields) -> String {
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!(",\"{name}\":\"{value}\"")).collect();
    format!(
        "{{\"topic\":\"{TOPIC}{}\",\"type\":\"{kind}\",\"data\":{{\"symbol\":\"{}\"{}}},\"cs\":{},\"ts\":{}}}",
        contract.symbol,
        contract.symbol,
        pairs.concat(),
        FIRST_SEQUENCE + (scene.now_micros - scene.start_micros) / 1000,
        scene.millis()
    )
}

/// Open interest counts both sides, and one side where it says so: coins for linear contracts, USD for
/// inverse ones, whose value is in coins.
fn fields(scene: &Scene<'_>, contract: &Contract) -> Fields {
    let decimals = contract.price_step.0;
    let price = |per_coin: f64| fixed(contract.price_units(per_coin), decimals);
    let (spot, mark) = (scene.spot(Coin::of(contract.asset)), scene.mark(contract.venue, contract.asset));
    let day = scene.last_day(Coin::of(contract.asset), SHARE);
    let last = contract.price_units(mark);
    let (bid, ask) = (last, last + contract.price_step.1);
    let share = if is_minor(contract) { SHARE * MINOR } else { SHARE };
    let coins = scene.open_interest(contract.venue, contract.asset, share);
    let (open, value, places) = match contract.value {
        Value::Inverse(_) => ((coins * mark).round(), coins, 0),
        Value::Linear(_) | Value::Quanto(_) => {
            let bundles = rounded(coins / contract.bundle, i32::from(contract.lot_step.0));
            (bundles, bundles * mark * contract.bundle, usize::from(contract.lot_step.0))
        }
    };
    let (rate, next, interval) = match contract.term {
        Term::Perpetual => (
            rounded(scene.funding(contract.venue, contract.asset), 6).to_string(),
            scene.next_funding().to_string(),
            "8".to_owned(),
        ),
        Term::Dated(_) => (String::new(), "0".to_owned(), String::new()),
    };
    let moved = rounded(mark / day.open - 1.0, 6).to_string();
    vec![
        ("price24hPcnt", moved),
        ("lastPrice", fixed(last, decimals)),
        ("prevPrice24h", price(day.open)),
        ("highPrice24h", price(day.high)),
        ("lowPrice24h", price(day.low)),
        ("markPrice", fixed(last, decimals)),
        ("indexPrice", price(spot)),
        ("openInterest", format!("{:.places$}", open * 2.0)),
        ("openInterestValue", format!("{:.4}", value * 2.0)),
        ("turnover24h", format!("{:.4}", day.volume * mark)),
        ("volume24h", format!("{:.4}", day.volume / contract.bundle)),
        ("fundingIntervalHour", interval),
        ("fundingCap", "0.005".to_owned()),
        ("singleOpenInterest", format!("{open:.places$}")),
        ("singleOpenInterestValue", format!("{value:.4}")),
        ("nextFundingTime", next),
        ("fundingRate", rate),
        ("bid1Price", fixed(bid, decimals)),
        ("ask1Price", fixed(ask, decimals)),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;
    use crate::market::Prices;
    use crate::rounds::told;
    use crate::scene::tests::{FRIDAY, market};

    fn ticker_of(venue: &str, symbol: &str) -> Json {
        let (market, prices) = (market(), Prices::default());
        let contract = market.of(venue).find(|contract| contract.symbol == symbol).unwrap();
        let scene = Scene::of(&market, &prices, FRIDAY);
        serde_json::from_str(&snapshot(&scene, contract)).unwrap()
    }

    fn number(json: &Json, key: &str) -> f64 {
        json["data"][key].as_str().unwrap().parse().unwrap()
    }

    #[test]
    fn open_interest_is_in_coins_on_linear_contracts_and_in_dollars_on_inverse_ones() {
        let linear = ticker_of("bybit-linear", "BTCUSDT");
        let single = number(&linear, "singleOpenInterest");
        assert!((10_000.0..200_000.0).contains(&single), "{single} bitcoin");
        assert!((number(&linear, "openInterest") / single - 2.0).abs() < 1e-6);
        let value = number(&linear, "singleOpenInterestValue");
        assert!((value / single / number(&linear, "markPrice") - 1.0).abs() < 1e-4, "{value}");
        let inverse = ticker_of("bybit-inverse", "BTCUSD");
        let (usd, coins) =
            (number(&inverse, "singleOpenInterest"), number(&inverse, "singleOpenInterestValue"));
        assert!((usd / coins / number(&inverse, "markPrice") - 1.0).abs() < 1e-4, "{usd} {coins}");
        let bundled = ticker_of("bybit-linear", "1000PEPEUSDT");
        assert!((number(&bundled, "markPrice") / 0.00452 - 1.0).abs() < 0.01);
    }

    #[test]
    fn a_dated_contract_has_no_funding() {
        let dated = ticker_of("bybit-linear", "BTCUSDT-25DEC26");
        assert_eq!(dated["data"]["fundingRate"], "");
        assert_eq!(ticker_of("bybit-linear", "BTCUSDT")["data"]["fundingIntervalHour"], "8");
    }

    #[test]
    fn a_delta_holds_what_changed_and_nothing_else() {
        let market = market();
        let mut rounds = rounds("bybit-linear", &market);
        let frames: Vec<Json> = told(&mut rounds, &market, 20)
            .iter()
            .filter(|frame| frame.topic == "tickers.BTCUSDT")
            .map(|frame| serde_json::from_str(frame.text().unwrap()).unwrap())
            .collect();
        assert_eq!((&frames[0]["type"], frames.len()), (&"snapshot".into(), 7));
        let mut known = frames[0]["data"].clone();
        for frame in &frames[1..] {
            assert_eq!(frame["type"], "delta");
            let changed = frame["data"].as_object().unwrap();
            assert!(changed.len() < known.as_object().unwrap().len());
            for (name, value) in changed.iter().filter(|(name, _)| *name != "symbol") {
                assert_ne!(&known[name], value, "{name} did not change");
                known[name] = value.clone();
            }
        }
    }
}
