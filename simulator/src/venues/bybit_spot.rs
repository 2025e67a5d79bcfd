//! Bybit's market for coins: tickers in full every time, and what is listed.

use serde_json::json;

use super::bybit_linear::BybitSession;
use crate::market::Market;
use crate::rest::{Answer, Request};
use crate::rounds::Rounds;
use crate::scene::Scene;
use crate::session::{Caller, Session};
use crate::spot::{Pair, Tick, pairs};
use crate::tape::Dialect;

pub(super) const ID: &str = "bybit-spot";

const SHARE: f64 = 0.35;
const BASES: &[&str] = &[
    "BTC", "ETH", "SOL", "XRP", "TAO", "FET", "RENDER", "NEAR", "WLD", "VIRTUAL", "ARKM", "ICP", "GRT",
    "ATH", "IO", "AIOZ", "EIGEN", "GRASS", "ELIZAOS",
];

pub(super) fn session(caller: &mut Caller<'_>) -> Box<dyn Session> {
    Box::new(BybitSession::with_tickers(ID, caller, |_, scene, (_, symbol)| {
        let pair = pairs(BASES).into_iter().find(|pair| symbol.strip_suffix("USDT") == Some(pair.base))?;
        Some(ticker(scene, &pair))
    }))
}

pub(super) fn dialect(market: &Market) -> Box<dyn Dialect> {
    let mut rounds = Rounds::new(ID, market);
    for (number, pair) in pairs(BASES).into_iter().enumerate() {
        rounds = rounds.every(pair.every_millis(), 300 + number as i64 * 53, move |scene, told| {
            told.push(format!("tickers.{}USDT", pair.base), ticker(scene, &pair));
        });
    }
    Box::new(rounds)
}

/// `GET /v5/market/instruments-info?category=spot`: one page, whatever the limit.
pub(super) fn answer(request: &Request<'_>, _market: &Market) -> Option<Answer> {
    let is_ours = request.gets("/v5/market/instruments-info") && request.asked("category") == Some("spot");
    is_ours.then(|| Answer::json(instruments(request.now_micros / 1000)))
}

fn ticker(scene: &Scene<'_>, pair: &Pair) -> String {
    let tick = Tick::of(scene, ID, pair, SHARE);
    format!(
        concat!(
            "{{\"topic\":\"tickers.{}USDT\",\"ts\":{},\"type\":\"snapshot\",\"cs\":{},\"data\":{{\"symbol\":\"{}USDT\",",
            "\"lastPrice\":\"{}\",\"highPrice24h\":\"{}\",\"lowPrice24h\":\"{}\",\"prevPrice24h\":\"{}\",",
            "\"volume24h\":\"{}\",\"turnover24h\":\"{:.4}\",\"price24hPcnt\":\"{:.4}\",\"usdIndexPrice\":\"{}\"}}}}"
        ),
        pair.base,
        scene.millis(),
        2_588_400_000 + (scene.now_micros - scene.start_micros) / 1000,
        pair.base,
        pair.price(tick.last),
        pair.price(tick.high),
        pair.price(tick.low),
        pair.price(tick.open),
        pair.quantity(tick.volume),
        tick.turnover,
        tick.change_pct / 100.0,
        pair.price(tick.last)
    )
}

fn instruments(now_millis: i64) -> String {
    let row = |pair: Pair| {
        let step = format!("{:.*}", usize::from(pair.lot), 10_f64.powi(-i32::from(pair.lot)));
        json!({
            "symbol": format!("{}USDT", pair.base), "baseCoin": pair.base, "quoteCoin": "USDT", "innovation": "0",
            "status": "Trading", "marginTrading": "utaOnly", "stTag": "0",
            "lotSizeFilter": {"basePrecision": step, "quotePrecision": "0.0000001", "minOrderQty": step,
                "maxOrderQty": "1000000", "minOrderAmt": "5", "maxOrderAmt": "8000000"},
            "priceFilter": {"tickSize": pair.price(1)},
        })
    };
    let list: Vec<_> = pairs(BASES).into_iter().map(row).collect();
    json!({
        "retCode": 0, "retMsg": "OK", "result": {"category": "spot", "list": list}, "retExtInfo": {},
        "time": now_millis,
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
    fn tickers_come_in_full_and_ath_is_listed_here() {
        let market = market();
        let frames = told(&mut *dialect(&market), &market, 4);
        let ath = frames.iter().find(|frame| frame.topic == "tickers.ATHUSDT").unwrap();
        let ticker: Value = serde_json::from_str(ath.text().unwrap()).unwrap();
        assert_eq!((&ticker["type"], &ticker["data"]["symbol"]), (&"snapshot".into(), &"ATHUSDT".into()));
        let last: f64 = ticker["data"]["lastPrice"].as_str().unwrap().parse().unwrap();
        assert!((last / 0.012_64 - 1.0).abs() < 0.01, "{last}");
        let listed: Value = serde_json::from_str(&instruments(5)).unwrap();
        let rows = listed["result"]["list"].as_array().unwrap();
        assert_eq!(rows.len(), pairs(BASES).len());
        assert!(rows.iter().any(|row| row["symbol"] == "ATHUSDT" && row["status"] == "Trading"));
    }
}
