//! Binance USD-M beside forced orders: mark prices and funding on a stream, open interest over REST.

use std::sync::Arc;

use super::binance_usdm::{self, BinanceSession, place};
use crate::contracts::{Contract, Term, fixed};
use crate::market::Market;
use crate::rest::{Answer, Request};
use crate::rounds::{Rounds, now};
use crate::scene::{Coin, Scene, pace_of, rounded};
use crate::session::{Caller, Session};
use crate::tape::Dialect;

pub(super) const ID: &str = "binance-context";
pub(super) const OPEN_INTEREST_ID: &str = "binance-open-interest";

/// The path prefix under which data flows.
const LIVE: [&str; 1] = ["/market"];
const ALL: &str = "!markPrice@arr";
/// Decimals of marks.
const DECIMALS: u8 = 8;
/// Of a USDT perpetual's open positions, what a dated or USDC contract has.
const MINOR: f64 = 0.05;
/// Contracts whose funding is paid every four hours; the list names only those that differ from eight.
const FOUR_HOURLY: [&str; 2] = ["TAOUSDT", "HYPEUSDT"];

/// Weighs 1 of 2400 a minute.
const WEIGHT: &str = "x-mbx-used-weight-1m";

pub(super) fn serves(path: &str) -> bool {
    place(path, &LIVE).is_some()
}

pub(super) fn session(caller: &mut Caller<'_>) -> Box<dyn Session> {
    Box::new(BinanceSession::new(caller, &LIVE).about(ALL))
}

/// Marks of every contract, as often as the three-second stream tells of the large ones.
pub(super) fn dialect(market: &Market) -> Box<dyn Dialect> {
    let mut rounds = Rounds::new(ID, market);
    for (number, contract) in market.of(binance_usdm::ID).enumerate() {
        let contract = Arc::clone(contract);
        let every =
            if is_minor(&contract) { 60_000 } else { pace_of(contract.base.trim_start_matches("1000")) };
        let stream = format!("{}@markPrice", contract.symbol.to_lowercase());
        rounds = rounds.every(every, 200 + number as i64 * 43, move |scene, told| {
            let mark = mark_price(scene, &contract);
            told.push(stream.as_str(), format!("{{\"stream\":\"{stream}\",\"data\":{mark}}}"));
        });
    }
    Box::new(rounds)
}

/// What a round asks of the large contracts: the list at first, then each contract's mark and open interest.
pub(super) fn polls(market: &Market) -> Box<dyn Dialect> {
    let contracts: Vec<Arc<Contract>> = market.of(binance_usdm::ID).cloned().collect();
    let asked = ["BTCUSDT", "ETHUSDT"].iter().flat_map(|symbol| {
        ["premiumIndex", "openInterest"].map(|what| format!("/fapi/v1/{what}?symbol={symbol}"))
    });
    let body = move |scene: &Scene<'_>, request: &str| {
        let (path, query) = request.split_once('?').unwrap_or((request, ""));
        let symbol = query.strip_prefix("symbol=");
        body(scene, &contracts, path, symbol).map(|answer| answer.unwrap_or_else(str::to_owned))
    };
    Box::new(Rounds::new(OPEN_INTEREST_ID, market).polled(&[0], 60_000, asked, body))
}

/// `GET /fapi/v1/premiumIndex[?symbol=]`, `/fapi/v1/openInterest?symbol=`, `/fapi/v1/fundingInfo`.
pub(super) fn answer(request: &Request<'_>, market: &Market) -> Option<Answer> {
    if !request.path.starts_with("/fapi/v1/") || !request.gets(request.path) {
        return None;
    }
    let contracts: Vec<Arc<Contract>> = market.of(binance_usdm::ID).cloned().collect();
    let body = now(market, request.now_micros, |scene| {
        body(scene, &contracts, request.path, request.asked("symbol"))
    })?;
    Some(match body {
        Ok(body) => Answer::json(body).with_header(WEIGHT, "1"),
        Err(refusal) => Answer::json(refusal).with_status(400),
    })
}

fn is_minor(contract: &Contract) -> bool {
    contract.term != Term::Perpetual || contract.quote == "USDC"
}

type Body = Result<String, &'static str>;

/// The body of an answer, or of a refusal; `None` for a path that is none of these.
fn body(scene: &Scene<'_>, contracts: &[Arc<Contract>], path: &str, symbol: Option<&str>) -> Option<Body> {
    let named = symbol.map(|symbol| contracts.iter().find(|contract| contract.symbol == symbol));
    let one = |write: fn(&Scene<'_>, &Contract) -> String| match named {
        Some(Some(contract)) => Ok(write(scene, contract)),
        Some(None) => Err("{\"code\":-1121,\"msg\":\"Invalid symbol.\"}"),
        None => Err(
            "{\"code\":-1102,\"msg\":\"Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.\"}",
        ),
    };
    Some(match (path, symbol) {
        ("/fapi/v1/openInterest", _) => one(open_interest),
        ("/fapi/v1/premiumIndex", Some(_)) => one(premium_index),
        ("/fapi/v1/premiumIndex", None) => {
            let rows: Vec<String> = contracts.iter().map(|contract| premium_index(scene, contract)).collect();
            Ok(format!("[{}]", rows.join(",")))
        }
        ("/fapi/v1/fundingInfo", _) => Ok(funding_info()),
        _ => return None,
    })
}

fn printed(per_coin: f64, contract: &Contract) -> String {
    fixed((per_coin * contract.bundle * 10_f64.powi(i32::from(DECIMALS))).round() as u64, DECIMALS)
}

/// Funding expected at the next payment and when that is; nothing and zero for dated contracts.
fn funding(scene: &Scene<'_>, contract: &Contract) -> (String, i64) {
    match contract.term {
        Term::Perpetual => {
            (format!("{:.8}", scene.funding(binance_usdm::ID, contract.asset)), scene.next_funding())
        }
        Term::Dated(_) => (String::new(), 0),
    }
}

/// `st` is the product: 1 USD-M.
fn mark_price(scene: &Scene<'_>, contract: &Contract) -> String {
    let (rate, next) = funding(scene, contract);
    let mark = printed(scene.mark(binance_usdm::ID, contract.asset), contract);
    let index = printed(scene.spot(Coin::of(contract.asset)), contract);
    format!(
        concat!(
            "{{\"e\":\"markPriceUpdate\",\"E\":{},\"s\":\"{}\",\"p\":\"{mark}\",\"ap\":\"{mark}\",\"P\":\"{index}\",",
            "\"i\":\"{index}\",\"r\":\"{rate}\",\"T\":{next},\"st\":1}}"
        ),
        scene.millis(),
        contract.symbol,
        mark = mark,
        index = index,
        rate = rate,
        next = next,
    )
}

fn premium_index(scene: &Scene<'_>, contract: &Contract) -> String {
    let (rate, next) = funding(scene, contract);
    let index = printed(scene.spot(Coin::of(contract.asset)), contract);
    format!(
        concat!(
            "{{\"symbol\":\"{}\",\"markPrice\":\"{}\",\"indexPrice\":\"{}\",\"estimatedSettlePrice\":\"{}\",",
            "\"lastFundingRate\":\"{}\",\"interestRate\":\"0.00010000\",\"nextFundingTime\":{},\"time\":{}}}"
        ),
        contract.symbol,
        printed(scene.mark(binance_usdm::ID, contract.asset), contract),
        index,
        index,
        rate,
        next,
        scene.millis()
    )
}

/// In base units, one side.
fn open_interest(scene: &Scene<'_>, contract: &Contract) -> String {
    let share = if is_minor(contract) { MINOR } else { 1.0 };
    let coins = scene.open_interest(binance_usdm::ID, contract.asset, share);
    let decimals = usize::from(contract.lot_step.0);
    let units = rounded(coins / contract.bundle, i32::from(contract.lot_step.0));
    format!(
        "{{\"openInterest\":\"{units:.decimals$}\",\"symbol\":\"{}\",\"time\":{}}}",
        contract.symbol,
        scene.millis()
    )
}

fn funding_info() -> String {
    let row = |symbol: &&str| {
        format!(
            concat!(
                "{{\"symbol\":\"{}\",\"adjustedFundingRateCap\":\"0.02000000\",\"adjustedFundingRateFloor\":\"-0.02000000\",",
                "\"fundingIntervalHours\":4,\"disclaimer\":false}}"
            ),
            symbol
        )
    };
    format!("[{}]", FOUR_HOURLY.iter().map(row).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use hyper::{HeaderMap, Method};
    use serde_json::Value;

    use super::*;
    use crate::rounds::told;
    use crate::scene::tests::{FRIDAY, market};

    fn get(path: &str, query: &str) -> Option<(u16, Value)> {
        let headers = HeaderMap::new();
        let request =
            Request { method: &Method::GET, path, query, headers: &headers, body: b"", now_micros: FRIDAY };
        let answer = answer(&request, &market())?;
        Some((answer.status, serde_json::from_slice(&answer.body).unwrap()))
    }

    #[test]
    fn open_interest_is_in_coins_of_one_side() {
        let (status, body) = get("/fapi/v1/openInterest", "symbol=BTCUSDT").unwrap();
        let coins: f64 = body["openInterest"].as_str().unwrap().parse().unwrap();
        assert!(status == 200 && (40_000.0..200_000.0).contains(&coins), "{coins}");
        assert_eq!(body["time"], FRIDAY / 1000);
        for (query, code) in [("symbol=NOUSDT", -1121), ("", -1102)] {
            let (status, body) = get("/fapi/v1/openInterest", query).unwrap();
            assert_eq!((status, &body["code"]), (400, &code.into()));
        }
        assert_eq!(get("/fapi/v1/klines", "symbol=BTCUSDT"), None);
    }

    #[test]
    fn every_contract_has_a_mark_and_dated_ones_no_funding() {
        let (_, body) = get("/fapi/v1/premiumIndex", "").unwrap();
        let rows = body.as_array().unwrap();
        assert_eq!(rows.len(), market().of(binance_usdm::ID).count());
        let row = |symbol: &str| rows.iter().find(|row| row["symbol"] == symbol).unwrap();
        assert_eq!(row("BTCUSDT_261225")["nextFundingTime"], 0);
        let pepe: f64 = row("1000PEPEUSDT")["markPrice"].as_str().unwrap().parse().unwrap();
        assert!((pepe / 0.004_52 - 1.0).abs() < 0.01, "{pepe}");
        let (_, intervals) = get("/fapi/v1/fundingInfo", "").unwrap();
        assert!(intervals.as_array().unwrap().iter().all(|row| row["fundingIntervalHours"] == 4));
    }

    #[test]
    fn the_stream_tells_bitcoins_mark_every_three_seconds() {
        let market = market();
        let frames = told(&mut *dialect(&market), &market, 30);
        let marks: Vec<Value> = frames
            .iter()
            .filter(|frame| frame.topic == "btcusdt@markPrice")
            .map(|frame| serde_json::from_str(frame.text().unwrap()).unwrap())
            .collect();
        assert_eq!(marks.len(), 10);
        assert_eq!(marks[0]["data"]["e"], "markPriceUpdate");
        assert_ne!(marks[0]["data"]["p"], marks[1]["data"]["p"]);
        assert_eq!(marks[1]["data"]["E"].as_i64().unwrap() - marks[0]["data"]["E"].as_i64().unwrap(), 3000);
    }

    #[test]
    fn a_round_asks_for_marks_before_open_interest() {
        let market = market();
        let frames = told(&mut *polls(&market), &market, 1);
        let asked: Vec<&str> = frames.iter().filter_map(|frame| frame.request.as_deref()).collect();
        assert_eq!(
            asked[..2],
            ["/fapi/v1/premiumIndex?symbol=BTCUSDT", "/fapi/v1/openInterest?symbol=BTCUSDT"]
        );
    }
}
