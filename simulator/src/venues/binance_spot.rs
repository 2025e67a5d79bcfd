//! Binance's market for coins: small tickers, and what is listed.

use serde_json::json;

use super::binance_usdm::{BinanceSession, place};
use crate::market::Market;
use crate::rest::{Answer, Request};
use crate::rounds::Rounds;
use crate::scene::Scene;
use crate::session::{Caller, Session};
use crate::spot::{Pair, Tick, pairs};
use crate::tape::Dialect;

pub(super) const ID: &str = "binance-spot";

/// Data flows without a prefix.
const LIVE: [&str; 1] = [""];
const ALL: &str = "!miniTicker@arr";
const SHARE: f64 = 1.0;

/// ATH, AKT and OCEAN are not listed here.
const BASES: &[&str] = &[
    "BTC", "ETH", "SOL", "XRP", "DOGE", "TAO", "FET", "RENDER", "NEAR", "WLD", "VIRTUAL", "ARKM", "ICP",
    "GRT", "IO", "NMR", "EIGEN", "LPT",
];
/// Listed once, and traded no more.
const SUSPENDED: [&str; 2] = ["AGIX", "OCEAN"];

pub(super) fn serves(path: &str) -> bool {
    place(path, &LIVE).is_some()
}

pub(super) fn session(caller: &mut Caller<'_>) -> Box<dyn Session> {
    Box::new(BinanceSession::new(caller, &LIVE).about(ALL))
}

pub(super) fn dialect(market: &Market) -> Box<dyn Dialect> {
    let mut rounds = Rounds::new(ID, market);
    for (number, pair) in pairs(BASES).into_iter().enumerate() {
        let stream = format!("{}usdt@miniTicker", pair.base.to_lowercase());
        rounds = rounds.every(pair.every_millis(), 250 + number as i64 * 47, move |scene, told| {
            let ticker = ticker(scene, &pair);
            told.push(stream.as_str(), format!("{{\"stream\":\"{stream}\",\"data\":{ticker}}}"));
        });
    }
    Box::new(rounds)
}

/// `GET /api/v3/exchangeInfo`.
pub(super) fn answer(request: &Request<'_>, _market: &Market) -> Option<Answer> {
    request.gets("/api/v3/exchangeInfo").then(|| {
        Answer::json(exchange_info(request.now_micros / 1000)).with_header("x-mbx-used-weight-1m", "20")
    })
}

fn ticker(scene: &Scene<'_>, pair: &Pair) -> String {
    let tick = Tick::of(scene, ID, pair, SHARE);
    format!(
        concat!(
            "{{\"e\":\"24hrMiniTicker\",\"E\":{},\"s\":\"{}USDT\",\"c\":\"{}\",\"o\":\"{}\",\"h\":\"{}\",\"l\":\"{}\",",
            "\"v\":\"{}\",\"q\":\"{:.8}\"}}"
        ),
        scene.millis(),
        pair.base,
        pair.price(tick.last),
        pair.price(tick.open),
        pair.price(tick.high),
        pair.price(tick.low),
        pair.quantity(tick.volume),
        tick.turnover
    )
}

fn exchange_info(now_millis: i64) -> String {
    let symbol = |base: &str, status: &str, tick: String, step: String| {
        json!({
            "symbol": format!("{base}USDT"), "status": status, "baseAsset": base, "baseAssetPrecision": 8,
            "quoteAsset": "USDT", "quotePrecision": 8, "quoteAssetPrecision": 8,
            "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"], "icebergAllowed": true,
            "isSpotTradingAllowed": status == "TRADING", "isMarginTradingAllowed": false,
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000.00000000", "tickSize": tick},
                {"filterType": "LOT_SIZE", "minQty": step, "maxQty": "9000000.00000000", "stepSize": step},
            ],
            "permissions": [], "permissionSets": [["SPOT"]],
        })
    };
    let traded = pairs(BASES).into_iter().map(|pair| {
        symbol(
            pair.base,
            "TRADING",
            pair.price(1),
            format!("{:.*}", usize::from(pair.lot), 10_f64.powi(-i32::from(pair.lot))),
        )
    });
    let suspended =
        SUSPENDED.into_iter().map(|base| symbol(base, "BREAK", "0.00010000".into(), "1.00000000".into()));
    json!({
        "timezone": "UTC", "serverTime": now_millis,
        "rateLimits": [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000}],
        "exchangeFilters": [], "symbols": traded.chain(suspended).collect::<Vec<_>>(),
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::rounds::told;
    use crate::scene::tests::market;

    #[test]
    fn what_is_listed_names_base_and_quote_and_whether_it_trades() {
        let info: Value = serde_json::from_str(&exchange_info(5)).unwrap();
        let symbols = info["symbols"].as_array().unwrap();
        let status = |symbol: &str| {
            symbols.iter().find(|row| row["symbol"] == symbol).map(|row| row["status"].as_str().unwrap())
        };
        assert_eq!(status("TAOUSDT"), Some("TRADING"));
        assert_eq!(status("OCEANUSDT"), Some("BREAK"));
        assert_eq!(status("ATHUSDT"), None);
        assert!(symbols.iter().all(|row| row["quoteAsset"] == "USDT"));
    }

    #[test]
    fn a_small_ticker_holds_the_last_price_and_the_day() {
        let market = market();
        let frames = told(&mut *dialect(&market), &market, 7);
        let bitcoin: Vec<Value> = frames
            .iter()
            .filter(|frame| frame.topic == "btcusdt@miniTicker")
            .map(|frame| serde_json::from_str(frame.text().unwrap()).unwrap())
            .collect();
        assert_eq!(bitcoin.len(), 3);
        let number = |key: &str| bitcoin[0]["data"][key].as_str().unwrap().parse::<f64>().unwrap();
        assert!((82_000.0..83_000.0).contains(&number("c")) && number("l") < number("h"));
        assert!((number("q") / number("v") / number("c") - 1.0).abs() < 0.001);
        assert!(frames.iter().all(|frame| frame.topic != "athusdt@miniTicker"));
    }
}
