//! Paging and resuming: whatever is cut off, and wherever, everything is told once in the end.

use std::time::Duration;

use super::run::{Desk, all_different, cursor_of, lines, steps, time};
use super::venue::{Reply, Venue, hang, number, ok, okx_contracts, parameter};
use crate::backfill::Turn;

/// Trades of one instrument, as `(milliseconds since midnight, id)`: many share a moment.
fn trades() -> Vec<(i64, usize)> {
    let day = time("2026-01-08").as_micros() / 1_000;
    (0..60).map(|n| (day + 1_000 + (n as i64 / 3) * 977, n)).collect()
}

/// Deribit: at most seven trades an answer, every second one liquidating.
fn deribit(path: &str) -> Reply {
    let (from, through) = (number(path, "start_timestamp"), number(path, "end_timestamp"));
    let name = parameter(path, "instrument_name").unwrap();
    let wanted: Vec<_> = trades().into_iter().filter(|(at, _)| (from..=through).contains(at)).collect();
    let rows: Vec<String> = wanted
        .iter()
        .take(7)
        .map(|(at, id)| {
            let liquidation = if id % 2 == 0 { r#","liquidation":"T""# } else { "" };
            format!(
                r#"{{"trade_id":"{name}{id}","timestamp":{at},"instrument_name":"{name}","price":100.0,"amount":{},"direction":"sell"{liquidation}}}"#,
                10 * (id + 1)
            )
        })
        .collect();
    ok(format!(
        r#"{{"jsonrpc":"2.0","result":{{"trades":[{}],"has_more":{}}}}}"#,
        rows.join(","),
        wanted.len() > 7
    ))
}

/// Kraken: the hundred trades before a moment, newest first.
fn kraken(path: &str) -> Reply {
    let before = time(parameter(path, "lastTime").unwrap());
    let symbol = parameter(path, "symbol").unwrap();
    let start = time("2026-01-07T12:00:00Z");
    let rows: Vec<String> = (0..700_u64)
        .map(|n| (start.plus(Duration::from_secs(n / 3 * 600)), n))
        .filter(|(at, _)| *at < before)
        .rev()
        .take(100)
        .map(|(at, n)| {
            let kind = if n % 5 == 0 { "liquidation" } else { "fill" };
            let at = at.to_string().replace("000Z", "Z");
            format!(
                r#"{{"time":"{at}","trade_id":1,"price":2000.0,"size":{},"side":"buy","type":"{kind}","uid":"{symbol}-{n}"}}"#,
                n + 1
            )
        })
        .collect();
    ok(format!(r#"{{"result":"success","history":[{}]}}"#, rows.join(",")))
}

/// OKX: the hundred orders before a moment, newest first; two contracts.
fn okx(path: &str) -> Reply {
    if path.contains("/instruments") {
        return okx_contracts(path);
    }
    let underlying = parameter(path, "uly").unwrap();
    let after = number(path, "after");
    let start = time("2026-01-07T12:00:00Z").as_micros() / 1_000;
    let details: Vec<String> = (0..350_i64)
        .map(|n| (start + n / 3 * 900_000, n))
        .filter(|(at, _)| *at < after)
        .rev()
        .take(100)
        .map(|(at, n)| {
            format!(
                r#"{{"bkLoss":"0","bkPx":"100","ccy":"","posSide":"long","side":"sell","sz":"{}","ts":"{at}"}}"#,
                n + 1
            )
        })
        .collect();
    ok(format!(
        r#"{{"code":"0","msg":"","data":[{{"details":[{}],"instId":"{underlying}-SWAP","instType":"SWAP","uly":"{underlying}"}}]}}"#,
        details.join(",")
    ))
}

/// Gate: at most a thousand rows an answer, and more than that in one half hour.
fn gate(path: &str) -> Reply {
    if path.contains("/contracts") {
        return ok(r#"[{"name":"BTC_USDT","quanto_multiplier":"0.0001","funding_interval":28800}]"#);
    }
    let (from, to) = (number(path, "from"), number(path, "to"));
    assert!(to - from <= 3_600, "{path}");
    let start = time("2026-01-08T03:10:00Z").as_micros() / 1_000_000;
    let rows: Vec<String> = (0..2_500_i64)
        .map(|n| (start + n / 2, n))
        .filter(|(at, _)| (from..=to).contains(at))
        .take(1_000)
        .map(|(at, n)| {
            format!(
                r#"{{"time":{at},"contract":"BTC_USDT","size":"{0}","order_size":"-{0}","order_price":"99","fill_price":"100","left":"0"}}"#,
                n + 1
            )
        })
        .collect();
    ok(format!("[{}]", rows.join(",")))
}

/// Binance: at most a thousand bars an answer; `NEW` was listed at noon.
fn binance(path: &str) -> Reply {
    if path.contains("/exchangeInfo") {
        let row = |base: &str, quote: &str| {
            format!(
                r#"{{"symbol":"{base}{quote}","status":"TRADING","baseAsset":"{base}","quoteAsset":"{quote}"}}"#
            )
        };
        let rows = [row("TAO", "USDT"), row("TAO", "BTC"), row("NEW", "USDT")];
        return ok(format!(r#"{{"symbols":[{}]}}"#, rows.join(",")));
    }
    let (from, through) = (number(path, "startTime"), number(path, "endTime"));
    let listed = if path.contains("NEW") { time("2026-01-08T12:00:00Z").as_micros() / 1_000 } else { 0 };
    let step = 60_000;
    let first = (from.max(listed) + step - 1) / step * step;
    let rows: Vec<String> = (0..1_000)
        .map(|n| first + n * step)
        .take_while(|at| *at <= through)
        .map(|at| {
            format!(r#"[{at},"10.0","12.0","9.0","11.0","5.5",{},"60.0",7,"2","20","0"]"#, at + step - 1)
        })
        .collect();
    ok(format!("[{}]", rows.join(",")))
}

type Story = fn(&str) -> Reply;
/// Source, its past, the symbols asked for, and how many events there are.
const STORIES: [(&str, Story, &[&str], usize); 5] = [
    // 20 moments; of those with two liquidating trades the two are one order's.
    ("deribit", deribit, &["BTC-PERPETUAL", "ETH-PERPETUAL"], 40),
    // Of 144 moments on the day, three trades each, every fifth liquidates.
    ("kraken-futures", kraken, &["PF_XBTUSD", "PI_ETHUSD"], 172),
    ("okx", okx, &["BTC-USDT", "ETH-USDT-SWAP"], 412),
    ("gate", gate, &[], 2_500),
    ("binance", binance, &["TAO", "NEW"], 2_160),
];

fn desk(source: &str, url: &str, symbols: &[&str]) -> Desk {
    let mut desk = Desk::new(source, url, "2026-01-08", "2026-01-08").symbols(symbols);
    if source == "binance" {
        desk.order.interval = Some(market::Interval::Minute);
    }
    desk
}

#[tokio::test]
async fn every_page_is_told_once() {
    for (source, story, symbols, expected) in STORIES {
        let venue = Venue::open(move |path, _| story(path)).await;
        let (events, report) = desk(source, &venue.url, symbols).run().await;
        let told = lines(&events);
        all_different(&told);
        assert_eq!(told.len(), expected, "{source}: {report:?}");
        assert!(report.complete && report.skipped.is_empty() && report.failed.is_none(), "{report:?}");
        assert_eq!((report.events, report.new, report.refused), (expected as u64, expected as u64, 0));
        assert_eq!(report.asked, venue.asked().len() as u64, "{source}");
        let day = time("2026-01-08").date();
        assert!(events.iter().all(|event| event.event_time.date() == day), "{source}");
        assert!(events.iter().all(|event| event.is_backfilled() && event.feed.as_str() == report.feed));
    }
}

#[tokio::test]
async fn a_run_cut_off_after_any_step_is_gone_on_with() {
    for (source, story, symbols, expected) in STORIES {
        let venue = Venue::open(move |path, _| story(path)).await;
        let whole = lines(&desk(source, &venue.url, symbols).run().await.0);
        let mut cut_after = 1;
        loop {
            let desk = desk(source, &venue.url, symbols);
            let mut first = desk.open();
            let (mut events, was_over) = steps(&mut first, cut_after).await;
            // One more answer is given out and lost with the process.
            let _ = first.next().await;
            drop(first);
            let (rest, report) = desk.run().await;
            events.extend(rest);
            assert_eq!(events.len(), expected, "{source} cut after {cut_after}");
            assert_eq!(lines(&events), whole, "{source} cut after {cut_after}");
            assert!(report.complete, "{report:?}");
            if was_over {
                break;
            }
            cut_after += if cut_after < 8 { 1 } else { 7 };
        }
        assert!(cut_after > 2, "{source} has pages to be cut between");
    }
}

#[tokio::test]
async fn a_finished_run_asks_nothing_and_a_restart_asks_everything() {
    for (source, story, symbols, expected) in STORIES {
        let venue = Venue::open(move |path, _| story(path)).await;
        let mut desk = desk(source, &venue.url, symbols);
        let (_, first) = desk.run().await;
        let cursor = cursor_of(desk.dir.path(), source);
        let asked = venue.asked().len();
        let (events, again) = desk.run().await;
        assert_eq!((events.len(), again.asked, again.complete), (0, 0, true), "{source}");
        assert_eq!(cursor_of(desk.dir.path(), source), cursor, "the cursor stands as it was");
        assert_eq!(venue.asked().len(), asked);
        desk.restart = true;
        let (events, restarted) = desk.run().await;
        assert_eq!((events.len(), restarted.asked), (expected, first.asked), "{source}");
    }
}

#[tokio::test]
async fn a_run_on_a_later_day_asks_for_the_days_since() {
    let venue = Venue::open(|path, _| deribit(path)).await;
    let mut desk = desk("deribit", &venue.url, &["BTC-PERPETUAL"]);
    desk.run().await;
    let asked = venue.asked().len();
    desk.order.to = "2026-01-09".parse().unwrap();
    let (events, report) = desk.run().await;
    let since: Vec<String> = venue.asked().split_off(asked);
    assert_eq!((events.len(), since.len(), report.complete), (0, 1, true));
    let midnight = time("2026-01-09").as_micros() / 1_000;
    assert_eq!(number(&since[0], "start_timestamp"), midnight);
    assert_eq!(number(&since[0], "end_timestamp"), midnight + 86_400_000 - 1);
}

#[tokio::test]
async fn an_order_that_reaches_today_ends_where_now_begins() {
    let venue = Venue::open(|path, _| deribit(path)).await;
    let mut desk = desk("deribit", &venue.url, &["BTC-PERPETUAL"]);
    desk.order.to = "2026-01-20".parse().unwrap();
    desk.run().await;
    let asked = venue.asked();
    let until = time("2026-01-10T12:00:00Z").as_micros() / 1_000;
    assert_eq!(number(&asked[0], "end_timestamp"), until - 1);
    assert_eq!(desk.run().await.1.asked, 0, "within the same minute nothing is new");
    desk.clock.set(time("2026-01-10T12:01:00Z"));
    let (_, report) = desk.run().await;
    assert_eq!((report.asked, report.complete), (1, true));
    assert_eq!(number(&venue.asked()[asked.len()], "start_timestamp"), until);
}

#[tokio::test]
async fn a_turn_that_is_dropped_while_it_waits_changes_nothing() {
    let venue = Venue::open(|path, asked| if asked == 0 { hang() } else { deribit(path) }).await;
    let desk = desk("deribit", &venue.url, &["BTC-PERPETUAL"]);
    let mut backfill = desk.open();
    let dropped = tokio::time::timeout(Duration::from_millis(200), backfill.next()).await;
    assert!(dropped.is_err(), "{dropped:?}");
    let (events, is_over) = steps(&mut backfill, usize::MAX).await;
    assert_eq!((events.len(), is_over), (20, true));
}

#[tokio::test]
async fn what_is_not_settled_is_told_again() {
    let venue = Venue::open(|path, _| deribit(path)).await;
    let desk = desk("deribit", &venue.url, &["BTC-PERPETUAL"]);
    let mut first = desk.open();
    for _ in 0..3 {
        assert!(matches!(first.next().await, Turn::Step(_)));
    }
    assert!(!first.report().complete);
    let (events, _) = desk.run().await;
    assert_eq!(events.len(), 20);
}

#[tokio::test]
async fn a_cursor_that_cannot_be_read_is_as_good_as_none() {
    let venue = Venue::open(|path, _| deribit(path)).await;
    let desk = desk("deribit", &venue.url, &["BTC-PERPETUAL"]);
    std::fs::write(desk.dir.path().join("deribit.json"), "{\"version\":").unwrap();
    assert_eq!(desk.run().await.0.len(), 20);
}
