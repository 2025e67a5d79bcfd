//! Yahoo's chart service: daily bars and the last price, in single precision, with gaps.

use serde_json::{Value, json};

use crate::days::utc_day;
use crate::equities::{Kind, STOCKS, Stock, last_over, stock};
use crate::market::Market;
use crate::new_york::{bells, day_at, offset_secs, sessions_through};
use crate::rest::{Answer, Request, parameter};
use crate::rounds::{Rounds, now};
use crate::scene::{Coin, Scene};
use crate::tape::Dialect;

pub(super) const ID: &str = "yahoo";

pub(super) const BITCOIN: &str = "BTC-USD";
const PATH: &str = "/v8/finance/chart/";
const DAY_SECS: i64 = 86_400;
/// The share of days that come without prices.
const GAPS: f64 = 0.006;
/// Days that are looked back at most.
const MOST: i64 = 800;
/// The query of a whole chart, and of one that only brings news.
const WHOLE: &str = "interval=1d&range=3mo&events=div%2Csplits&includePrePost=false";
const NEWS: &str = "interval=1d&range=5d&events=div%2Csplits&includePrePost=false";

/// A whole chart of everything at first, then news every five minutes.
pub(super) fn dialect(market: &Market) -> Box<dyn Dialect> {
    let symbols = || std::iter::once(BITCOIN).chain(STOCKS.iter().map(|stock| stock.ticker));
    let requests = |query: &'static str| symbols().map(move |symbol| format!("{PATH}{symbol}?{query}"));
    let body = |scene: &Scene<'_>, request: &str| {
        let (path, query) = request.split_once('?')?;
        chart(scene, path.strip_prefix(PATH)?, query).ok()
    };
    let rounds = Rounds::new(ID, market).polled(&[0], DAY_SECS * 1000, requests(WHOLE), body);
    Box::new(rounds.polled(&[300_000], 300_000, requests(NEWS), body))
}

/// `GET /v8/finance/chart/SYMBOL?interval=1d&range=3mo`, or `period1` and `period2`. Whoever is no
/// browser asks too much.
pub(super) fn answer(request: &Request<'_>, market: &Market) -> Option<Answer> {
    let symbol = request.path.strip_prefix(PATH).filter(|_| request.gets(request.path))?;
    if !request.header("user-agent").is_some_and(|agent| agent.starts_with("Mozilla/")) {
        return Some(Answer::of("text/html", "Too Many Requests\r\n").with_status(429));
    }
    let symbol = symbol.replace("%5E", "^");
    Some(match now(market, request.now_micros, |scene| chart(scene, &symbol, request.query)) {
        Ok(body) => Answer::json(body),
        Err((status, code, words)) => {
            let error = json!({"chart": {"result": null, "error": {"code": code, "description": words}}});
            Answer::json(error.to_string()).with_status(status)
        }
    })
}

type Refusal = (u16, &'static str, &'static str);

/// One row of a chart: seconds, and prices unless there is a gap.
struct Row {
    at: i64,
    prices: Option<([f64; 4], u64)>,
}

fn chart(scene: &Scene<'_>, symbol: &str, query: &str) -> Result<String, Refusal> {
    let stock = stock(symbol);
    if stock.is_none() && symbol != BITCOIN {
        return Err((404, "Not Found", "No data found, symbol may be delisted"));
    }
    if parameter(query, "interval").unwrap_or("1d") != "1d" {
        return Err((422, "Unprocessable Entity", "Invalid input - interval is not supported"));
    }
    let now_secs = scene.now_micros / 1_000_000;
    let secs = |key| parameter(query, key).and_then(|text| text.parse::<i64>().ok());
    let (from, until, range) = if let (Some(from), Some(until)) = (secs("period1"), secs("period2")) {
        (from, until, "")
    } else {
        let range = parameter(query, "range").unwrap_or("1d");
        (now_secs - reach(range)? * DAY_SECS, now_secs, range)
    };
    let days = (now_secs.saturating_sub(from) / DAY_SECS).saturating_add(2).clamp(0, MOST);
    let (mut rows, meta) = match stock {
        Some(stock) => (stock_rows(scene, stock, days), stock_meta(scene, stock)),
        None => (bitcoin_rows(scene, days), bitcoin_meta(scene)),
    };
    rows.retain(|row| (from..=until).contains(&row.at));
    Ok(document(&rows, meta, range))
}

/// Days that a range goes back.
fn reach(range: &str) -> Result<i64, Refusal> {
    Ok(match range {
        "1d" => 1,
        "5d" => 7,
        "1mo" => 31,
        "3mo" => 92,
        "6mo" => 183,
        "1y" | "ytd" | "2y" | "5y" | "10y" | "max" => 366,
        _ => return Err((422, "Unprocessable Entity", "Invalid input - range is not valid")),
    })
}

fn stock_rows(scene: &Scene<'_>, stock: &Stock, days: i64) -> Vec<Row> {
    let gaps = scene.chance(&format!("gaps of {}", stock.ticker));
    let days = sessions_through(last_over(scene.now_micros), days as usize);
    let last = days.last().copied();
    let mut rows: Vec<Row> = days
        .into_iter()
        .map(|day| {
            let bar = stock.bar(scene, day);
            let is_gap = Some(day) != last && gaps.uniform(day) < GAPS;
            let prices = ([bar.open, bar.high, bar.low, bar.close], bar.volume);
            Row { at: bells(day).0, prices: (!is_gap).then_some(prices) }
        })
        .collect();
    if let Some(bar) = stock.bar_so_far(scene) {
        let prices = Some(([bar.open, bar.high, bar.low, bar.close], bar.volume));
        // Now and then the day that goes on is there twice: first without prices.
        if gaps.uniform(bar.day) < 0.2 {
            rows.push(Row { at: bells(bar.day).0, prices: None });
        }
        rows.push(Row { at: scene.now_micros / 1_000_000, prices });
    }
    rows
}

/// Days in UTC, the volume in dollars.
fn bitcoin_rows(scene: &Scene<'_>, days: i64) -> Vec<Row> {
    let today = scene.today();
    let mut rows: Vec<Row> = (today - days..today)
        .map(|day| {
            let (open, close) = (scene.close_of(Coin::BITCOIN, day - 1), scene.close_of(Coin::BITCOIN, day));
            let (high, low) = (open.max(close) * 1.008, open.min(close) / 1.009);
            Row { at: day * DAY_SECS, prices: Some(([open, high, low, close], 41_000_000_000)) }
        })
        .collect();
    let day = scene.last_day(Coin::BITCOIN, 1.0);
    let prices = ([day.open, day.high, day.low, scene.spot(Coin::BITCOIN)], 38_000_000_000);
    rows.push(Row { at: scene.now_micros / 1_000_000, prices: Some(prices) });
    rows
}

/// What is said of the instrument and the session: the last trade within regular hours.
fn stock_meta(scene: &Scene<'_>, stock: &Stock) -> Value {
    let today = day_at(scene.now_micros);
    let over = last_over(scene.now_micros);
    let so_far = stock.bar_so_far(scene);
    let (price, traded, bar) = match so_far {
        Some(bar) => (bar.close, scene.now_micros / 1_000_000, bar),
        None => (stock.close(scene, over), bells(over).1, stock.bar(scene, over)),
    };
    // Until the next one opens, the current session is the one that is over.
    let (start, end) = bells(so_far.map_or(over, |_| today));
    let offset = offset_secs(scene.now_micros);
    let period = |start: i64, end: i64| json!({"timezone": if offset == -14_400 { "EDT" } else { "EST" }, "start": start, "end": end, "gmtoffset": offset});
    json!({
        "currency": "USD", "symbol": stock.ticker, "exchangeName": "NMS", "fullExchangeName": "NasdaqGS",
        "instrumentType": match stock.kind { Kind::Share => "EQUITY", Kind::Fund => "ETF" },
        "firstTradeDate": 1_336_138_200, "regularMarketTime": traded, "hasPrePostMarketData": true,
        "gmtoffset": offset, "timezone": if offset == -14_400 { "EDT" } else { "EST" },
        "exchangeTimezoneName": "America/New_York", "regularMarketPrice": single(price),
        "regularMarketDayHigh": single(bar.high), "regularMarketDayLow": single(bar.low),
        "regularMarketVolume": bar.volume, "longName": stock.name, "shortName": stock.name,
        "chartPreviousClose": single(stock.close_before(scene, over)), "priceHint": stock.decimals(),
        "currentTradingPeriod": {
            "pre": period(start - 19_800, start), "regular": period(start, end), "post": period(end, end + 14_400),
        },
    })
}

fn bitcoin_meta(scene: &Scene<'_>) -> Value {
    let day = utc_day(scene.now_micros) * DAY_SECS;
    let period = json!({"timezone": "UTC", "start": day, "end": day + DAY_SECS - 60, "gmtoffset": 0});
    json!({
        "currency": "USD", "symbol": BITCOIN, "exchangeName": "CCC", "fullExchangeName": "CCC",
        "instrumentType": "CRYPTOCURRENCY", "firstTradeDate": 1_410_912_000,
        "regularMarketTime": scene.now_micros / 1_000_000, "hasPrePostMarketData": false, "gmtoffset": 0,
        "timezone": "UTC", "exchangeTimezoneName": "UTC",
        "regularMarketPrice": single(scene.spot(Coin::BITCOIN)), "regularMarketVolume": 38_000_000_000_i64,
        "longName": "Bitcoin USD", "shortName": "Bitcoin USD",
        "chartPreviousClose": single(scene.close_of(Coin::BITCOIN, scene.today() - 1)), "priceHint": 2,
        "currentTradingPeriod": {"pre": period, "regular": period, "post": period},
    })
}

/// The columns; without rows there is no `timestamp` and none of them.
fn document(rows: &[Row], mut meta: Value, range: &str) -> String {
    meta["dataGranularity"] = "1d".into();
    meta["range"] = range.into();
    meta["validRanges"] = json!(["1d", "5d", "1mo", "3mo", "6mo", "1y", "2y", "5y", "10y", "ytd", "max"]);
    if rows.is_empty() {
        let empty = json!({"meta": meta, "indicators": {"quote": [{}], "adjclose": [{}]}});
        return json!({"chart": {"result": [empty], "error": null}}).to_string();
    }
    let list = |value: &dyn Fn(&Row) -> Option<String>| {
        let values: Vec<String> =
            rows.iter().map(|row| value(row).unwrap_or_else(|| "null".to_owned())).collect();
        values.join(",")
    };
    let column = |at: usize| list(&|row| row.prices.map(|(prices, _)| single(prices[at]).to_string()));
    let close = column(3);
    format!(
        concat!(
            "{{\"chart\":{{\"result\":[{{\"meta\":{},\"timestamp\":[{}],\"indicators\":{{\"quote\":[{{\"open\":[{}],",
            "\"high\":[{}],\"low\":[{}],\"close\":[{}],\"volume\":[{}]}}],\"adjclose\":[{{\"adjclose\":[{}]}}]}}}}],",
            "\"error\":null}}}}"
        ),
        meta,
        list(&|row| Some(row.at.to_string())),
        column(0),
        column(1),
        column(2),
        close,
        list(&|row| row.prices.map(|(_, volume)| volume.to_string())),
        close
    )
}

/// As Yahoo keeps prices: `12.78` is 12.779999732971191.
fn single(price: f64) -> f64 {
    f64::from(price as f32)
}

#[cfg(test)]
mod tests {
    use hyper::{HeaderMap, Method};

    use super::*;
    use crate::rounds::told;
    use crate::scene::tests::{FRIDAY, market};

    fn get(symbol: &str, query: &str, agent: &str, hours: i64) -> (u16, Value) {
        let mut headers = HeaderMap::new();
        headers.insert("user-agent", agent.parse().unwrap());
        let request = Request {
            method: &Method::GET,
            path: &format!("{PATH}{symbol}"),
            query,
            headers: &headers,
            body: b"",
            now_micros: FRIDAY + hours * 3_600_000_000,
        };
        let answer = answer(&request, &market()).unwrap();
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    fn series(symbol: &str, query: &str, hours: i64) -> Value {
        let (status, body) = get(symbol, query, "Mozilla/5.0 test", hours);
        assert_eq!((status, &body["chart"]["error"]), (200, &Value::Null));
        body["chart"]["result"][0].clone()
    }

    #[test]
    fn three_months_are_some_sixty_sessions_at_the_opening_bell_with_gaps() {
        let series = series("MARA", WHOLE, 0);
        let stamps: Vec<i64> =
            series["timestamp"].as_array().unwrap().iter().map(|at| at.as_i64().unwrap()).collect();
        assert!((60..68).contains(&stamps.len()), "{}", stamps.len());
        let quote = &series["indicators"]["quote"][0];
        for name in ["open", "high", "low", "close", "volume"] {
            assert_eq!(quote[name].as_array().unwrap().len(), stamps.len(), "{name}");
        }
        for at in &stamps[..stamps.len() - 2] {
            let day = at.div_euclid(DAY_SECS);
            assert_eq!(*at, bells(day).0);
        }
        assert_eq!(stamps.last(), Some(&(FRIDAY / 1_000_000)), "the day that goes on");
        let gaps = STOCKS.iter().map(|stock| {
            let (_, body) = get(stock.ticker, WHOLE, "Mozilla/5.0", 0);
            let closes =
                body["chart"]["result"][0]["indicators"]["quote"][0]["close"].as_array().unwrap().clone();
            closes.iter().filter(|close| close.is_null()).count()
        });
        assert!((2..60).contains(&gaps.sum::<usize>()));
    }

    #[test]
    fn the_session_is_over_at_the_bell_and_the_last_price_is_its_close() {
        let open = series("MARA", WHOLE, 0)["meta"].clone();
        assert_eq!(open["regularMarketTime"], FRIDAY / 1_000_000);
        assert_eq!(open["gmtoffset"], -18_000);
        let over = series("MARA", WHOLE, 30);
        let close = over["meta"]["currentTradingPeriod"]["regular"]["end"].clone();
        assert_eq!(over["meta"]["regularMarketTime"], close);
        let closes = over["indicators"]["quote"][0]["close"].as_array().unwrap().clone();
        assert_eq!(&over["meta"]["regularMarketPrice"], closes.last().unwrap());
    }

    #[test]
    fn bitcoin_has_every_day_and_its_volume_in_dollars() {
        let series = series(BITCOIN, NEWS, 0);
        assert_eq!(series["meta"]["instrumentType"], "CRYPTOCURRENCY");
        assert_eq!(series["timestamp"].as_array().unwrap().len(), 6 + 1);
        let price = series["meta"]["regularMarketPrice"].as_f64().unwrap();
        assert!((price / 82_450.0 - 1.0).abs() < 0.01, "{price}");
    }

    #[test]
    fn an_unknown_symbol_is_a_404_and_whoever_is_no_browser_asks_too_much() {
        let (status, body) = get("BITF", WHOLE, "Mozilla/5.0", 0);
        assert_eq!((status, &body["chart"]["result"]), (404, &Value::Null));
        assert_eq!(body["chart"]["error"]["description"], "No data found, symbol may be delisted");
        assert_eq!(get("MARA", WHOLE, "curl/8", 0).0, 429);
        assert_eq!(get("MARA", "interval=1d&range=3w", "Mozilla/5.0", 0).0, 422);
        assert_eq!(series("MARA", "interval=1d&period1=5&period2=6", 0).get("timestamp"), None);
    }

    #[test]
    fn the_tape_has_a_whole_chart_of_everything_and_then_news() {
        let market = market();
        let frames = told(&mut *dialect(&market), &market, 301);
        let asked: Vec<&str> = frames.iter().filter_map(|frame| frame.request.as_deref()).collect();
        assert_eq!(asked.len(), 2 * (STOCKS.len() + 1));
        assert!(asked[0].starts_with("/v8/finance/chart/BTC-USD?interval=1d&range=3mo"));
        assert!(asked.last().unwrap().contains("range=5d"));
    }
}
