//! Nasdaq's table of past days: newest first, dollar signs, for browsers alone.

use serde_json::json;

use crate::days::{from_iso, iso, slashed};
use crate::equities::{DayBar, Kind, STOCKS, Stock, last_over, stock};
use crate::flows::thousands;
use crate::market::Market;
use crate::new_york::sessions_through;
use crate::rest::{Answer, Request, parameter};
use crate::rounds::{Rounds, now};
use crate::scene::Scene;
use crate::tape::Dialect;

pub(super) const ID: &str = "nasdaq";

/// Days of trading that it looks back at most.
const MOST: usize = 420;
/// How far back the tape's questions reach, days.
const REACH: i64 = 400;

/// One question about each share and fund.
pub(super) fn dialect(market: &Market) -> Box<dyn Dialect> {
    let today = crate::days::utc_day(market.start_micros);
    let requests = STOCKS.iter().map(move |stock| {
        format!(
            "/api/quote/{}/historical?assetclass={}&fromdate={}&todate={}&limit=9999",
            stock.ticker,
            class(stock),
            iso(today - REACH),
            iso(today - 1)
        )
    });
    let body = |scene: &Scene<'_>, request: &str| {
        let (path, query) = request.split_once('?')?;
        history(scene, symbol(path)?, query).ok()
    };
    Box::new(Rounds::new(ID, market).polled(&[0], 12 * 3_600_000, requests, body))
}

/// `GET /api/quote/MARA/historical?assetclass=stocks&fromdate=&todate=&limit=`.
pub(super) fn answer(request: &Request<'_>, market: &Market) -> Option<Answer> {
    let symbol = symbol(request.path).filter(|_| request.gets(request.path))?;
    let is_browser = request.header("user-agent").is_some_and(|agent| agent.starts_with("Mozilla/"));
    if !is_browser || request.header("accept").is_none() {
        return Some(Answer::of("text/html", "<html><body>Access Denied</body></html>").with_status(403));
    }
    let body = now(market, request.now_micros, |scene| history(scene, symbol, request.query));
    Some(Answer::json(body.unwrap_or_else(|refusal| refusal)))
}

fn symbol(path: &str) -> Option<&str> {
    path.strip_prefix("/api/quote/")?.strip_suffix("/historical")
}

fn class(stock: &Stock) -> &'static str {
    match stock.kind {
        Kind::Share => "stocks",
        Kind::Fund => "etf",
    }
}

/// The days asked for; a symbol under another class than its own does not exist.
fn history(scene: &Scene<'_>, symbol: &str, query: &str) -> Result<String, String> {
    let asked = |key: &str| parameter(query, key);
    let stock = stock(symbol).filter(|stock| asked("assetclass") == Some(class(stock)));
    let stock = stock.ok_or_else(|| refusal(1001, "Symbol not exists."))?;
    let day = |key: &str| asked(key).and_then(from_iso);
    let (Some(from), Some(to)) = (day("fromdate"), day("todate")) else {
        return Err(refusal(1002, "fromdate and todate are not dates"));
    };
    let limit = asked("limit").and_then(|limit| limit.parse().ok()).unwrap_or(14);
    let days = sessions_through(last_over(scene.now_micros), MOST);
    let rows: Vec<String> = days
        .into_iter()
        .rev()
        .filter(|day| (from..=to).contains(day))
        .take(limit)
        .map(|day| row(stock, &stock.bar(scene, day)))
        .collect();
    Ok(format!(
        concat!(
            "{{\"data\":{{\"symbol\":\"{}\",\"totalRecords\":{},\"tradesTable\":{{\"asOf\":null,\"headers\":{{\"date\":\"Date\",",
            "\"close\":\"Close/Last\",\"volume\":\"Volume\",\"open\":\"Open\",\"high\":\"High\",\"low\":\"Low\"}},",
            "\"rows\":[{}]}}}},\"message\":null,",
            "\"status\":{{\"rCode\":200,\"bCodeMessage\":null,\"developerMessage\":null}}}}"
        ),
        stock.ticker,
        rows.len(),
        rows.join(",")
    ))
}

fn refusal(code: u32, words: &str) -> String {
    let complaint = json!([{"code": code, "errorMessage": words}]);
    let status = json!({"rCode": 400, "bCodeMessage": complaint, "developerMessage": null});
    json!({"data": null, "message": null, "status": status}).to_string()
}

/// Shares' prices have a dollar sign, funds' have none.
fn row(stock: &Stock, bar: &DayBar) -> String {
    let sign = if stock.kind == Kind::Share { "$" } else { "" };
    let price = |price: f64| format!("{sign}{price:.*}", stock.decimals());
    format!(
        "{{\"date\":\"{}\",\"close\":\"{}\",\"volume\":\"{}\",\"open\":\"{}\",\"high\":\"{}\",\"low\":\"{}\"}}",
        slashed(bar.day),
        price(bar.close),
        thousands(bar.volume),
        price(bar.open),
        price(bar.high),
        price(bar.low)
    )
}

#[cfg(test)]
mod tests {
    use hyper::{HeaderMap, Method};
    use serde_json::Value;

    use super::*;
    use crate::scene::tests::{FRIDAY, market};

    fn get(symbol: &str, query: &str, agent: &str) -> (u16, Value) {
        let mut headers = HeaderMap::new();
        headers.insert("user-agent", agent.parse().unwrap());
        headers.insert("accept", "*/*".parse().unwrap());
        let path = format!("/api/quote/{symbol}/historical");
        let request = Request {
            method: &Method::GET,
            path: &path,
            query,
            headers: &headers,
            body: b"",
            now_micros: FRIDAY,
        };
        let answer = answer(&request, &market()).unwrap();
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    const SPAN: &str = "fromdate=2026-11-02&todate=2026-11-20&limit=9999";

    #[test]
    fn days_that_are_over_come_newest_first_with_signs_and_commas() {
        let (status, body) = get("MARA", &format!("assetclass=stocks&{SPAN}"), "Mozilla/5.0");
        let rows = body["data"]["tradesTable"]["rows"].as_array().unwrap();
        assert_eq!((status, rows.len(), &body["data"]["totalRecords"]), (200, 14, &14.into()));
        assert_eq!((&rows[0]["date"], &rows[13]["date"]), (&"11/19/2026".into(), &"11/02/2026".into()));
        for row in rows {
            let number =
                |key: &str| row[key].as_str().unwrap().strip_prefix('$').unwrap().parse::<f64>().unwrap();
            assert!(number("low") <= number("close") && number("close") <= number("high"), "{row}");
            assert!(row["volume"].as_str().unwrap().contains(','));
        }
    }

    #[test]
    fn a_fund_is_no_stock_and_an_unknown_symbol_is_neither() {
        for (symbol, class, is_there) in [
            ("WGMI", "stocks", false),
            ("WGMI", "etf", true),
            ("BITF", "stocks", false),
            ("BITF", "etf", false),
        ] {
            let (_, body) = get(symbol, &format!("assetclass={class}&{SPAN}"), "Mozilla/5.0");
            assert_eq!(body["data"].is_object(), is_there, "{symbol} {class}");
            if !is_there {
                assert_eq!(body["status"]["bCodeMessage"][0]["code"], 1001);
            }
        }
        assert_eq!(get("MARA", SPAN, "curl/8").0, 403);
    }
}
