//! `SoSoValue`'s daily totals of fund flows: a POST with a key.

use hyper::Method;
use serde_json::{Value, json};

use crate::days::iso;
use crate::flows::{Asset, FIRST_POLLS, funds_of, sessions};
use crate::market::Market;
use crate::rest::{Answer, Request};
use crate::rounds::{Rounds, now};
use crate::scene::Scene;
use crate::tape::Dialect;

pub(super) const ID: &str = "sosovalue";

const PATH: &str = "/openapi/v2/etf/historicalInflowChart";
const KEY: &str = "x-soso-api-key";
/// The venue tells of no more days.
const MOST: usize = 300;
/// What the body asks for, and the coin.
const SERIES: [(&str, &str); 3] = [("us-btc-spot", "BTC"), ("us-eth-spot", "ETH"), ("us-sol-spot", "SOL")];

/// A request is told with what its body asked for, because all series have one path.
pub(super) fn dialect(market: &Market) -> Box<dyn Dialect> {
    let requests = SERIES.iter().map(|(series, _)| format!("{PATH}#{series}"));
    let body = |scene: &Scene<'_>, request: &str| {
        let (_, series) = request.split_once('#')?;
        Some(history(scene, asset_of(series)?))
    };
    Box::new(Rounds::new(ID, market).polled(&FIRST_POLLS, 600_000, requests, body))
}

pub(super) fn answer(request: &Request<'_>, market: &Market) -> Option<Answer> {
    if request.path != PATH || *request.method != Method::POST {
        return None;
    }
    if request.header(KEY).is_none_or(str::is_empty) {
        return Some(refusal(401, "Unauthorized: x-soso-api-key is missing").with_status(401));
    }
    let asked: Value = serde_json::from_slice(request.body).unwrap_or_default();
    let series = asked.get("type").and_then(Value::as_str).unwrap_or_default();
    let Some(asset) = asset_of(series) else {
        return Some(refusal(40_001, "type must be one of us-btc-spot, us-eth-spot, us-sol-spot"));
    };
    Some(Answer::json(now(market, request.now_micros, |scene| history(scene, asset))))
}

fn asset_of(series: &str) -> Option<&'static Asset> {
    let (_, code) = SERIES.iter().find(|(known, _)| *known == series)?;
    funds_of(code)
}

fn refusal(code: u32, words: &str) -> Answer {
    Answer::json(json!({"code": code, "msg": words, "traceId": null, "data": null}).to_string())
}

/// Newest first, USD. A session without reports is not there yet.
fn history(scene: &Scene<'_>, asset: &Asset) -> String {
    let sessions = sessions(scene, asset);
    let (mut sum, mut days) = (0_i64, Vec::new());
    for session in sessions.iter().filter(|session| session.has_reports()) {
        let usd = session.total() * 100_000;
        sum += usd;
        days.push(json!({
            "date": iso(session.day), "totalNetInflow": usd, "totalValueTraded": usd.abs() * 8 + 900_000_000,
            "totalNetAssets": 110_000_000_000_i64 + sum, "cumNetInflow": 48_000_000_000_i64 + sum,
        }));
    }
    let data: Vec<Value> = days.into_iter().rev().take(MOST).collect();
    json!({"code": 0, "msg": null, "traceId": format!("{:032x}", scene.chance(ID).bits(0)), "details": null, "data": data})
        .to_string()
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;

    use super::*;
    use crate::scene::tests::{FRIDAY, market};

    fn post(key: Option<&str>, body: &str) -> (u16, Value) {
        let mut headers = HeaderMap::new();
        if let Some(key) = key {
            headers.insert(KEY, key.parse().unwrap());
        }
        let request = Request {
            method: &Method::POST,
            path: PATH,
            query: "",
            headers: &headers,
            body: body.as_bytes(),
            now_micros: FRIDAY + 400_000_000,
        };
        let answer = answer(&request, &market()).unwrap();
        (answer.status, serde_json::from_slice(&answer.body).unwrap())
    }

    #[test]
    fn a_series_is_at_most_300_days_of_dollars_newest_first() {
        let (status, body) = post(Some("key"), "{\"type\":\"us-btc-spot\"}");
        assert_eq!((status, &body["code"]), (200, &0.into()));
        let days = body["data"].as_array().unwrap();
        assert_eq!((days.len(), &days[0]["date"]), (MOST, &"2026-11-20".into()));
        let [latest, before] = [&days[0], &days[1]];
        let usd = |day: &Value, key: &str| day[key].as_i64().unwrap();
        assert_eq!(usd(latest, "cumNetInflow") - usd(before, "cumNetInflow"), usd(latest, "totalNetInflow"));
        assert!(days.iter().any(|day| usd(day, "totalNetInflow").abs() > 100_000_000));
    }

    #[test]
    fn without_a_key_or_a_known_series_it_refuses() {
        let (status, body) = post(None, "{\"type\":\"us-btc-spot\"}");
        assert_eq!((status, &body["code"], &body["data"]), (401, &401.into(), &Value::Null));
        for body in ["{\"type\":\"us-gold\"}", "", "[]"] {
            let (_, answer) = post(Some("key"), body);
            assert_ne!(answer["code"], 0, "{body}");
        }
    }
}
