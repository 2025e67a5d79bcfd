//! Binance's market for coins: small tickers, and what is listed.

use serde_json::{Value, json};

use super::binance_usdm::{BinanceSession, place};
use crate::market::Market;
use crate::past;
use crate::rest::{Answer, Request};
use crate::rounds::Rounds;
use crate::scene::Scene;
use crate::session::{Caller, Session};
use crate::spot::{Pair, Tick, pairs};
use crate::tape::Dialect;

pub(super) const ID: &str = "binance-spot";

const HOUR_MILLIS: i64 = 3_600_000;
/// The first bar told: 1 January 2024.
const FIRST_MILLIS: i64 = 1_704_067_200_000;
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

/// `GET /api/v3/exchangeInfo` and `GET /api/v3/klines`.
pub(super) fn answer(request: &Request<'_>, market: &Market) -> Option<Answer> {
    if request.gets("/api/v3/klines") {
        let body = klines(request, market).map_or_else(
            || Answer::json(r#"{"code":-1121,"msg":"Invalid symbol."}"#).with_status(400),
            |rows| Answer::json(rows.to_string()),
        );
        return Some(body.with_header("x-mbx-used-weight-1m", "22"));
    }
    request.gets("/api/v3/exchangeInfo").then(|| {
        Answer::json(exchange_info(request.now_micros / 1000)).with_header("x-mbx-used-weight-1m", "20")
    })
}

/// Bars of whole hours that are over, at most `limit` from `startTime` on. `None` where the symbol or the interval
/// is none that is told.
fn klines(request: &Request<'_>, market: &Market) -> Option<Value> {
    let base = request.asked("symbol")?.strip_suffix("USDT")?;
    let pair = pairs(BASES).into_iter().find(|pair| pair.base == base)?;
    let hours = match request.asked("interval")? {
        "1h" => 1,
        "4h" => 4,
        "1d" => 24,
        _ => return None,
    };
    let number = |key: &str| request.asked(key).and_then(|text| text.parse::<i64>().ok());
    let prices = market.prices();
    let scene = Scene::of(market, &prices, request.now_micros);
    let limit = number("limit").unwrap_or(500).clamp(1, 1_000);
    let through = number("endTime").unwrap_or(scene.millis()).min(scene.millis());
    let span = hours * HOUR_MILLIS;
    let from = number("startTime").unwrap_or(through - limit * span).max(FIRST_MILLIS);
    let first = (from + span - 1).div_euclid(span);
    let rows = (first..first + limit).take_while(|bar| bar * span <= through).filter_map(|number| {
        let bar = past::bar(&scene, pair.coin, number * hours, hours)?;
        let price = |price: f64| pair.price(pair.units(price));
        Some(json!([
            number * span,
            price(bar.open),
            price(bar.high),
            price(bar.low),
            price(bar.close),
            pair.quantity(bar.volume),
            (number + 1) * span - 1,
            format!("{:.8}", bar.volume * bar.close),
            1_000,
            pair.quantity(bar.volume * 0.5),
            format!("{:.8}", bar.volume * bar.close * 0.5),
            "0"
        ]))
    });
    Some(Value::Array(rows.collect()))
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
    fn bars_of_the_past_are_told_in_pages_and_only_when_they_are_over() {
        let market = market();
        let headers = hyper::HeaderMap::new();
        let ask = |query: &str| {
            let request = Request {
                method: &hyper::Method::GET,
                path: "/api/v3/klines",
                query,
                headers: &headers,
                body: b"",
                now_micros: market.start_micros,
            };
            let answer = answer(&request, &market).unwrap();
            (answer.status, serde_json::from_slice::<Value>(&answer.body).unwrap())
        };
        let now = market.start_micros / 1_000;
        let (status, page) =
            ask(&format!("symbol=BTCUSDT&interval=1h&startTime={}&limit=1000", now - 100 * 3_600_000));
        let rows = page.as_array().unwrap();
        assert_eq!((status, rows.len()), (200, 99 + usize::from(now % 3_600_000 == 0)));
        let opens: Vec<i64> = rows.iter().map(|row| row[0].as_i64().unwrap()).collect();
        assert!(opens.windows(2).all(|pair| pair[1] - pair[0] == 3_600_000));
        assert!(rows.iter().all(|row| row[6].as_i64().unwrap() < now));
        let (_, page) = ask("symbol=TAOUSDT&interval=1d&startTime=0&limit=1000");
        assert_eq!(page.as_array().unwrap().len(), 1_000);
        assert_eq!(page[0][0], FIRST_MILLIS);
        for bad in ["symbol=NOUSDT&interval=1h", "symbol=BTCUSDT&interval=7m", "interval=1h"] {
            assert_eq!(ask(bad).0, 400, "{bad}");
        }
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
