//! `CoinGlass`'s history of fund flows: a key in a header, a code that is a string.

use serde_json::json;

use crate::days::start_millis;
use crate::flows::{Asset, FIRST_POLLS, Session, funds_of, sessions};
use crate::market::Market;
use crate::rest::{Answer, Request};
use crate::rounds::{Rounds, now};
use crate::scene::{Coin, Scene};
use crate::tape::Dialect;

pub(super) const ID: &str = "coinglass";

const KEY: &str = "cg-api-key";
const SERIES: [(&str, &str); 4] = [
    ("/api/etf/bitcoin/flow-history", "BTC"),
    ("/api/etf/ethereum/flow-history", "ETH"),
    ("/api/etf/solana/flow-history", "SOL"),
    ("/api/etf/xrp/flow-history", "XRP"),
];

pub(super) fn dialect(market: &Market) -> Box<dyn Dialect> {
    let requests = SERIES.iter().map(|(path, _)| (*path).to_owned());
    let body = |scene: &Scene<'_>, request: &str| Some(history(scene, asset_of(request)?));
    Box::new(Rounds::new(ID, market).polled(&FIRST_POLLS, 600_000, requests, body))
}

/// Refusals come under HTTP 200 too: only the code in the body tells.
pub(super) fn answer(request: &Request<'_>, market: &Market) -> Option<Answer> {
    if !request.path.starts_with("/api/etf/") || !request.gets(request.path) {
        return None;
    }
    if request.header(KEY).is_none_or(str::is_empty) {
        return Some(refusal("401", "API key missing."));
    }
    let Some(asset) = asset_of(request.path) else {
        return Some(refusal("404", "Not Found"));
    };
    let body = now(market, request.now_micros, |scene| history(scene, asset));
    Some(Answer::json(body).with_header("api-key-max-limit", "30").with_header("api-key-use-limit", "1"))
}

fn asset_of(path: &str) -> Option<&'static Asset> {
    let (_, code) = SERIES.iter().find(|(known, _)| *known == path)?;
    funds_of(code)
}

fn refusal(code: &str, words: &str) -> Answer {
    Answer::json(json!({"code": code, "msg": words}).to_string())
}

/// Oldest first, USD; a fund that has not reported has no flow.
fn history(scene: &Scene<'_>, asset: &Asset) -> String {
    let Some(coin) = Coin::named(asset.code) else { return String::new() };
    let day = |session: &Session| {
        let listed =
            asset.funds.iter().zip(&session.flows).filter(|(fund, _)| fund.first_day() <= session.day);
        let funds: Vec<String> = listed
            .map(|(fund, flow)| {
                let flow = flow.map(|tenths| format!(",\"flow_usd\":{}", tenths * 100_000));
                format!("{{\"etf_ticker\":\"{}\"{}}}", fund.ticker, flow.unwrap_or_default())
            })
            .collect();
        format!(
            "{{\"timestamp\":{},\"flow_usd\":{},\"price_usd\":{:.2},\"etf_flows\":[{}]}}",
            start_millis(session.day),
            session.total() * 100_000,
            scene.close_of(coin, session.day),
            funds.join(",")
        )
    };
    let data: Vec<String> = sessions(scene, asset).iter().map(day).collect();
    format!("{{\"code\":\"0\",\"msg\":\"success\",\"data\":[{}]}}", data.join(","))
}

#[cfg(test)]
mod tests {
    use hyper::{HeaderMap, Method};
    use serde_json::Value;

    use super::*;
    use crate::scene::tests::{FRIDAY, market};

    fn get(path: &str, key: Option<&str>, secs: i64) -> Value {
        let mut headers = HeaderMap::new();
        if let Some(key) = key {
            headers.insert(KEY, key.parse().unwrap());
        }
        let now_micros = FRIDAY + secs * 1_000_000;
        let request =
            Request { method: &Method::GET, path, query: "", headers: &headers, body: b"", now_micros };
        serde_json::from_slice(&answer(&request, &market()).unwrap().body).unwrap()
    }

    #[test]
    fn days_are_midnights_in_dollars_and_a_pending_fund_has_no_flow() {
        let body = get("/api/etf/bitcoin/flow-history", Some("key"), 60);
        assert_eq!((&body["code"], &body["msg"]), (&"0".into(), &"success".into()));
        let days = body["data"].as_array().unwrap();
        assert!(days.iter().all(|day| day["timestamp"].as_i64().unwrap() % 86_400_000 == 0));
        let funds = days.last().unwrap()["etf_flows"].as_array().unwrap();
        let reported: Vec<i64> = funds.iter().filter_map(|fund| fund["flow_usd"].as_i64()).collect();
        assert!(reported.len() == 2 && funds.len() == 12);
        assert_eq!(days.last().unwrap()["flow_usd"], reported.iter().sum::<i64>());
        assert_eq!(days[0]["etf_flows"].as_array().unwrap().len(), 11, "MSBT was not listed then");
    }

    #[test]
    fn refusals_come_with_a_code_that_is_a_string() {
        assert_eq!(get("/api/etf/bitcoin/flow-history", None, 0)["code"], "401");
        assert_eq!(get("/api/etf/gold/flow-history", Some("key"), 0)["code"], "404");
    }
}
