//! Refusals: when a source is asked again, when a symbol is passed over, and when a run ends.

use std::time::{Duration, Instant};

use super::run::{Desk, cursor_of, lines, steps, time};
use super::venue::{Reply, Venue, ok, okx_contracts, status};
use crate::backfill::Turn;

const EMPTY: &str = r#"{"jsonrpc":"2.0","result":{"trades":[],"has_more":false}}"#;

fn desk(url: &str) -> Desk {
    Desk::new("deribit", url, "2026-01-08", "2026-01-08").symbols(&["BTC-PERPETUAL"])
}

#[tokio::test]
async fn a_source_that_limits_is_asked_again_when_it_says() {
    let venue = Venue::open(|_, asked| match asked {
        0 => status("429 Too Many Requests\r\nRetry-After: 1", ""),
        _ => ok(EMPTY),
    });
    let venue = venue.await;
    let desk = desk(&venue.url);
    let mut backfill = desk.open();
    let Turn::Wait { wait, reason } = backfill.next().await else { panic!("no wait") };
    assert_eq!(wait, Duration::from_secs(1));
    assert!(reason.starts_with("HTTP 429 Too Many Requests from http://127.0.0.1"), "{reason}");
    let began = Instant::now();
    // The wait outlives whoever waits.
    let dropped = tokio::time::timeout(Duration::from_millis(500), backfill.next()).await;
    assert!(dropped.is_err() && venue.asked().len() == 1, "asked too soon: {dropped:?}");
    let (_, is_over) = steps(&mut backfill, usize::MAX).await;
    assert!(is_over && backfill.report().complete);
    assert_eq!(venue.asked().len(), 2);
    assert!(began.elapsed() >= Duration::from_millis(990), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_long_ban_ends_the_run_and_outlives_it() {
    let venue = Venue::open(|_, asked| match asked {
        0 => ok(r#"{"jsonrpc":"2.0","result":{"trades":[],"has_more":false}}"#),
        1 => status("418 I'm a teapot\r\nRetry-After: 7200", ""),
        _ => ok(EMPTY),
    });
    let venue = venue.await;
    let desk = desk(&venue.url).symbols(&["A-PERPETUAL", "B-PERPETUAL"]);
    let (_, report) = desk.run().await;
    let failed = report.failed.unwrap();
    assert!(
        failed.contains("418") && failed.contains("not to be asked before 2026-01-10T14:00:30"),
        "{failed}"
    );
    assert!(!report.complete && cursor_of(desk.dir.path(), "deribit").contains("not_before"));

    desk.clock.set(time("2026-01-10T13:59:00Z"));
    let (_, soon) = desk.run().await;
    assert_eq!((soon.asked, soon.is_unreachable()), (0, false));
    assert!(soon.failed.unwrap().contains("not to be asked before"));

    desk.clock.set(time("2026-01-10T14:01:00Z"));
    let (_, later) = desk.run().await;
    assert_eq!(
        (later.asked, later.complete, later.failed),
        (1, true, None),
        "goes on with the second symbol"
    );
    assert!(!cursor_of(desk.dir.path(), "deribit").contains("not_before"));
}

#[tokio::test]
async fn short_failures_are_tried_again() {
    for reply in [
        status("503 Service Unavailable", ""),
        status("500 Internal Server Error", "x"),
        ok("<html>"),
        ok(r#"{"jsonrpc":"2.0","error":{"code":10028,"message":"too_many_requests"}}"#),
    ] {
        let failing = reply.clone();
        let venue = Venue::open(move |_, asked| if asked < 3 { failing.clone() } else { ok(EMPTY) }).await;
        let (_, report) = desk(&venue.url).run().await;
        assert_eq!((report.asked, report.complete), (4, true), "{reply:?}: {report:?}");
    }
}

#[tokio::test]
async fn a_symbol_that_keeps_failing_is_passed_over_and_asked_for_in_the_next_run() {
    fn story(path: &str, is_mended: bool) -> Reply {
        if path.contains("BAD") && !is_mended { status("500 Internal Server Error", "") } else { ok(EMPTY) }
    }
    let venue = Venue::open(|path, asked| story(path, asked >= 8)).await;
    let desk = desk(&venue.url).symbols(&["A-PERPETUAL", "BAD-PERPETUAL", "C-PERPETUAL"]);
    let (_, report) = desk.run().await;
    assert_eq!((report.asked, report.failed.as_deref(), report.complete), (8, None, false));
    assert_eq!(report.skipped.len(), 1);
    assert_eq!(report.skipped[0].symbol, "BAD-PERPETUAL");
    assert!(report.skipped[0].reason.starts_with("HTTP 500"), "{report:?}");
    let (_, again) = desk.run().await;
    assert_eq!((again.asked, again.complete), (1, true), "only what is missing");
}

#[tokio::test]
async fn a_source_that_fails_symbol_after_symbol_ends_the_run() {
    let venue = Venue::open(|_, _| status("502 Bad Gateway", "")).await;
    let symbols = ["A-X", "B-X", "C-X", "D-X", "E-X"];
    let (_, report) = desk(&venue.url).symbols(&symbols).run().await;
    assert_eq!((report.asked, report.is_unreachable()), (18, false));
    assert!(report.failed.unwrap().starts_with("HTTP 502"));
}

#[tokio::test]
async fn a_source_that_is_not_there_ends_the_run() {
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let (_, report) = desk(&url).run().await;
    assert_eq!((report.asked, report.answered, report.is_unreachable()), (6, 0, true));
    assert!(report.failed.is_some() && !report.complete);
}

#[tokio::test]
async fn a_refusal_for_good_ends_the_run_at_once() {
    for head in ["403 Forbidden", "451 Unavailable For Legal Reasons"] {
        let venue = Venue::open(move |_, _| status(head, "")).await;
        let (_, report) = desk(&venue.url).run().await;
        assert_eq!((report.asked, report.is_unreachable()), (1, false));
        assert!(report.failed.unwrap().contains(&head[..3]), "{head}");
    }
}

#[tokio::test]
async fn a_source_that_limits_without_end_ends_the_run() {
    let venue = Venue::open(|_, _| status("429 Too Many Requests\r\nRetry-After: 1", "")).await;
    let desk = desk(&venue.url);
    let mut backfill = desk.open();
    let mut waits = 0;
    loop {
        match backfill.next().await {
            Turn::Wait { .. } => waits += 1,
            Turn::Over => break,
            Turn::Step(step) => panic!("{step:?}"),
        }
        // The wait itself is another test's.
        backfill.resume_at = None;
    }
    assert_eq!(waits, 7);
    assert!(backfill.report().failed.unwrap().contains("429"));
}

#[tokio::test]
async fn what_a_source_does_not_have_is_skipped_for_good() {
    let unknown = r#"{"jsonrpc":"2.0","error":{"code":13020,"message":"instrument_not_found"}}"#;
    let venue =
        Venue::open(
            move |path, _| {
                if path.contains("NONE") { status("400 Bad Request", unknown) } else { ok(EMPTY) }
            },
        );
    let venue = venue.await;
    let desk = desk(&venue.url).symbols(&["NONE-PERPETUAL", "BTC-PERPETUAL"]);
    let (_, report) = desk.run().await;
    assert_eq!((report.asked, report.complete, report.failed), (2, false, None));
    assert_eq!(report.skipped[0].reason, "Deribit says 13020 instrument_not_found");
    let (_, again) = desk.run().await;
    assert_eq!((again.asked, again.skipped), (0, report.skipped), "and said again");
}

#[tokio::test]
async fn a_reference_that_never_satisfies_ends_the_run() {
    // Swaps, whatever is asked for: futures stay unknown.
    let swaps = r#"{"code":"0","msg":"","data":[{"instType":"SWAP","instId":"BTC-USDT-SWAP","instFamily":"BTC-USDT","ctVal":"0.01","ctMult":"1","ctValCcy":"BTC"}]}"#;
    let venue = Venue::open(move |_, _| ok(swaps)).await;
    let (_, report) = Desk::new("okx", &venue.url, "2026-01-08", "2026-01-08").run().await;
    assert_eq!((report.asked, report.complete), (7, false), "{report:?}");
    assert!(report.failed.unwrap().contains("instType=FUTURES"));
}

#[tokio::test]
async fn okx_may_no_longer_tell() {
    let venue = Venue::open(|path, _| {
        if path.contains("/instruments") {
            return okx_contracts(path);
        }
        status("404 Not Found", r#"{"msg":"not found","code":"404"}"#)
    });
    let venue = venue.await;
    let desk = Desk::new("okx", &venue.url, "2026-01-08", "2026-01-08");
    let (events, report) = desk.run().await;
    assert_eq!((events.len(), report.failed, report.complete), (0, None, false));
    assert_eq!(report.skipped.len(), 2);
    assert!(report.skipped.iter().all(|skipped| skipped.reason.contains("no longer tells")));
    assert_eq!(desk.run().await.1.asked, 0);
}

#[tokio::test]
async fn what_lies_beyond_a_source_s_memory_is_named() {
    let rows = |from: &str| {
        format!(
            r#"{{"result":"success","history":[{{"time":"{from}","trade_id":1,"price":2000.0,"size":3,"side":"sell","type":"liquidation","uid":"u"}}]}}"#
        )
    };
    let venue = Venue::open(move |_, _| ok(rows("2026-01-09T10:00:00.000Z"))).await;
    let desk = Desk::new("kraken-futures", &venue.url, "2026-01-08", "2026-01-09").symbols(&["PF_XBTUSD"]);
    let (events, report) = desk.run().await;
    assert_eq!(
        lines(&events),
        ["2026-01-09T10:00:00Z known 2026-01-09T10:00:00Z PF_XBTUSD long 2000 3.000000 6000.00 u"]
    );
    assert!(!report.complete && report.failed.is_none());
    let skipped = &report.skipped[0];
    assert_eq!((skipped.from, skipped.until), (time("2026-01-08"), time("2026-01-09T10:00:00Z")));
    assert_eq!(report.asked, 1);
}

#[tokio::test]
async fn okx_that_repeats_its_latest_orders_is_not_asked_for_ever() {
    let venue = Venue::open(|path, _| {
        if path.contains("/instruments") {
            return okx_contracts(path);
        }
        let start = time("2026-01-09T12:00:00Z").as_micros() / 1_000;
        let details: Vec<String> = (0..100)
            .map(|n| {
                format!(
                    r#"{{"bkPx":"100","posSide":"short","side":"buy","sz":"1","ts":"{}"}}"#,
                    start + n * 10
                )
            })
            .collect();
        ok(format!(
            r#"{{"code":"0","msg":"","data":[{{"details":[{}],"instId":"BTC-USDT-SWAP","uly":"BTC-USDT"}}]}}"#,
            details.join(",")
        ))
    });
    let venue = venue.await;
    let desk = Desk::new("okx", &venue.url, "2026-01-08", "2026-01-09").symbols(&["BTC-USDT"]);
    let (events, report) = desk.run().await;
    assert_eq!(events.len(), 100, "{report:?}");
    assert!(!report.complete && report.skipped.len() == 1 && report.asked < 8, "{report:?}");
    assert!(report.skipped[0].reason.contains("repeats"), "{report:?}");
}
