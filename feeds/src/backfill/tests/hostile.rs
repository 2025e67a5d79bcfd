//! Answers that no source sends: none panics, and none leaves anything outside what was asked for.

use std::cell::Cell;

use bytes::Bytes;
use market::{Payload, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::run::{NOW, time};
use crate::backfill::history::{Answered, Left, Next};
use crate::backfill::{BACKFILLS, Cursor, Order, Terms};
use crate::config::FeedConfig;

/// A sound answer of each source, with its references first.
fn sound(source: &str) -> (Vec<&'static str>, &'static str, &'static str) {
    match source {
        "binance" => (
            vec![
                r#"{"symbols":[{"symbol":"TAOUSDT","baseAsset":"TAO","quoteAsset":"USDT","status":"TRADING"}]}"#,
            ],
            "TAO",
            r#"[[1767830400000,"10","12","9","11","5.5",1767916799999,"60",7,"2","20","0"],[1767744000000,10,12,9,11,5.5,0]]"#,
        ),
        "yahoo" => (
            vec![],
            "MARA",
            r#"{"chart":{"result":[{"meta":{"symbol":"MARA","instrumentType":"EQUITY","exchangeTimezoneName":"America/New_York","gmtoffset":-18000,"regularMarketTime":1768000000,"regularMarketPrice":12.5,"currentTradingPeriod":{"regular":{"start":1767969000,"end":1767992400}}},"timestamp":[1767796200,1767882600],"indicators":{"quote":[{"open":[10,11],"high":[12,13],"low":[9,10],"close":[11,12],"volume":[100,200]}]}}],"error":null}}"#,
        ),
        "nasdaq" => (
            vec![],
            "MARA",
            r#"{"data":{"symbol":"MARA","tradesTable":{"rows":[{"date":"01/08/2026","close":"$12.00","volume":"1,200","open":"$11.00","high":"$13.00","low":"$10.00"}]}},"message":null,"status":{"rCode":200}}"#,
        ),
        "farside" => (
            vec![],
            "BTC",
            "<table><tr><th>Date</th><th>IBIT</th><th>FBTC</th><th>Total</th></tr><tr><td>08 Jan 2026</td><td>(5.5)</td><td>0.0</td><td>(5.5)</td></tr></table>",
        ),
        "deribit" => (
            vec![],
            "BTC-PERPETUAL",
            r#"{"result":{"trades":[{"trade_id":"9","timestamp":1767830400005,"price":50.5,"liquidation":"T","instrument_name":"BTC-PERPETUAL","direction":"sell","amount":7},{"trade_id":"10","timestamp":1767830400006,"price":51,"liquidation":"MT","instrument_name":"BTC-PERPETUAL","direction":"buy","amount":9}],"has_more":true}}"#,
        ),
        "kraken-futures" => (
            vec![],
            "PI_XBTUSD",
            r#"{"result":"success","history":[{"time":"2026-01-08T00:00:00.005Z","price":50.5,"size":7,"side":"buy","type":"liquidation","uid":"u"},{"time":"2026-01-07T00:00:00.005Z","price":50.5,"size":7,"side":"buy","type":"fill","uid":"v"}]}"#,
        ),
        "okx" => (
            vec![
                r#"{"code":"0","msg":"","data":[{"instType":"SWAP","instId":"BTC-USDT-SWAP","instFamily":"BTC-USDT","ctVal":"0.01","ctMult":"1","ctValCcy":"BTC"}]}"#,
                r#"{"code":"0","msg":"","data":[]}"#,
            ],
            "BTC-USDT",
            r#"{"code":"0","msg":"","data":[{"details":[{"bkLoss":"0","bkPx":"100","posSide":"net","side":"sell","sz":"5","ts":"1767830400005"}],"instId":"BTC-USDT-SWAP","instType":"SWAP","uly":"BTC-USDT"}]}"#,
        ),
        "gate" => (
            vec![r#"[{"name":"BTC_USDT","quanto_multiplier":"0.0001","funding_interval":28800}]"#],
            "BTC_USDT",
            r#"[{"time":1767744001,"contract":"BTC_USDT","size":600,"order_size":"-200","order_price":"90","fill_price":"100","left":0},{"time":1767744002,"contract":"BTC_USDT","size":"-600","fill_price":100}]"#,
        ),
        other => panic!("{other} has no sound answer here"),
    }
}

const ODD: [&str; 14] = [
    "null",
    "-1",
    "0",
    "\"\"",
    "\"NaN\"",
    "1e308",
    "\"1e308\"",
    "99999999999999999999",
    "[]",
    "{}",
    "true",
    "-9223372036854775808",
    "\"Infinity\"",
    "\"9999-12-31T23:59:59Z\"",
];

fn damaged(body: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let blows = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..4);
    let beaten = blows.prop_map(move |blows| {
        let mut bytes = body.as_bytes().to_vec();
        for (at, byte, how) in blows {
            let at = at.index(bytes.len() + 1);
            match how {
                0 if at < bytes.len() => bytes[at] = byte,
                1 => bytes.truncate(at),
                _ => bytes.insert(at, byte),
            }
        }
        bytes
    });
    let revalued =
        (any::<prop::sample::Index>(), prop::sample::select(&ODD[..])).prop_map(move |(which, value)| {
            let starts: Vec<usize> = body.match_indices([':', '[', ',', '>']).map(|(at, _)| at + 1).collect();
            let start = starts[which.index(starts.len())];
            let end = body[start..].find([',', '}', ']', '<']).map_or(body.len(), |len| start + len);
            format!("{}{value}{}", &body[..start], &body[end..]).into_bytes()
        });
    prop_oneof![2 => beaten, 4 => revalued, 1 => Just(body.as_bytes().to_vec())]
}

#[test]
fn no_answer_panics_or_tells_what_was_not_asked_for() {
    for row in BACKFILLS {
        let (references, symbol, body) = sound(row.id);
        let order = Order {
            from: "2026-01-07".parse().unwrap(),
            to: "2026-01-08".parse().unwrap(),
            symbols: vec![symbol.to_owned()],
            interval: None,
        };
        let bodies = prop::collection::vec((damaged(body), any::<bool>()), 1..4);
        let learnt = prop::collection::vec(any::<bool>(), references.len());
        let config = Config { cases: 400, failure_persistence: None, ..Config::default() };
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let told = Cell::new(0);
        let outcome = TestRunner::new_with_rng(config, rng).run(&(learnt, bodies), |(learnt, bodies)| {
            let plan = (row.plan)(row, &order, &FeedConfig::default()).unwrap();
            let (mut history, now) = (plan.history, time(NOW));
            let answer = |request: &str, body: Vec<u8>| Payload::Answer {
                request: request.into(),
                body: Bytes::from(body),
            };
            for (reference, is_whole) in references.iter().zip(learnt) {
                let Some(ask) = history.next_reference() else { break };
                let end = if is_whole { reference.len() } else { reference.len() / 2 };
                let _ = history.learn(&answer(&ask.request, reference.as_bytes()[..end].to_vec()));
            }
            let terms = Terms { base: String::new(), interval: None, symbols: plan.symbols };
            let mut lane = Cursor::start(terms, order.span(now, plan.grain)).lanes.remove(0);
            for (body, is_refused) in bodies {
                let Next::Ask(ask) = history.next(&lane) else { return Ok(()) };
                let complaint = is_refused.then_some("HTTP 400 Bad Request");
                let payload = answer(&ask.request, body);
                let Ok(page) = history.read(&lane, &Answered { payload: &payload, complaint, now }) else {
                    continue;
                };
                for stamped in &page.told {
                    prop_assert!(lane.missing.has(stamped.event_time), "{:?}", stamped);
                    prop_assert!(
                        stamped.published.is_some_and(|at| at >= stamped.event_time),
                        "{:?}",
                        stamped
                    );
                }
                told.set(told.get() + page.told.len());
                if let Left::Span(span) | Left::Lost(span, _) = page.left {
                    prop_assert!(
                        lane.missing.from <= span.from && span.until <= lane.missing.until,
                        "{:?}",
                        span
                    );
                    lane.missing = span;
                }
            }
            Ok(())
        });
        outcome.unwrap_or_else(|failure| panic!("{}: {failure}", row.id));
        assert!(told.get() > 0, "{}: not one sound answer among them", row.id);
    }
}

#[test]
fn what_is_no_answer_at_all_is_refused() {
    for row in BACKFILLS {
        let (references, symbol, _) = sound(row.id);
        let order = Order {
            from: "2026-01-07".parse().unwrap(),
            to: "2026-01-08".parse().unwrap(),
            symbols: vec![symbol.to_owned()],
            interval: None,
        };
        let plan = (row.plan)(row, &order, &FeedConfig::default()).unwrap();
        let mut history = plan.history;
        let learnable = |reference: &str| Payload::Text(reference.as_bytes().to_vec().into());
        for reference in references {
            assert!(history.next_reference().is_some(), "{}", row.id);
            assert!(history.learn(&learnable("{\"no\":1}")).is_err(), "{}", row.id);
            history.learn(&learnable(reference)).unwrap();
        }
        assert!(history.next_reference().is_none(), "{}", row.id);
        let terms = Terms { base: String::new(), interval: None, symbols: plan.symbols };
        let lane = Cursor::start(terms, order.span(time(NOW), plan.grain)).lanes.remove(0);
        let Next::Ask(ask) = history.next(&lane) else { panic!("{} asks", row.id) };
        for body in ["", " ", "{", "null", "0", "<html></html>", "Too Many Requests", "{}", "[[", "[null]"] {
            let payload = Payload::Answer { request: ask.request.clone().into(), body: Bytes::from(body) };
            let answered = Answered { payload: &payload, complaint: None, now: Timestamp::EPOCH };
            let page = history.read(&lane, &answered);
            assert!(page.is_err(), "{}: {body:?}: {page:?}", row.id);
        }
    }
}
