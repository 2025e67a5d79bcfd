//! What each source's answers tell: sides, sizes, names, and since when it is known.

use market::{MarketEvent, Payload};

use super::run::{Desk, lines, time};
use super::venue::{Reply, Venue, ok, okx_contracts, parameter, status};
use crate::config::FeedConfig;
use crate::venues::find;

const CONTRACTS: &str = r#"[{"name":"BTC_USDT","quanto_multiplier":"0.0001","funding_interval":28800}]"#;

async fn told(source: &str, symbols: &[&str], story: fn(&str) -> Reply) -> (Vec<String>, Vec<String>) {
    let venue = Venue::open(move |path, _| story(path)).await;
    let (events, report) =
        Desk::new(source, &venue.url, "2026-01-08", "2026-01-08").symbols(symbols).run().await;
    (lines(&events), report.refusals)
}

/// The side and size of each line, in order.
fn closed(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| line.split(' ').skip(3).collect::<Vec<_>>().join(" ")).collect()
}

#[tokio::test]
async fn deribit_names_who_was_liquidated_and_fills_of_a_moment_are_one() {
    let story = |_: &str| {
        let trade = |id: u64, ms: u64, who: &str, direction: &str, price: f64| {
            format!(
                r#"{{"trade_seq":{id},"trade_id":"{id}","timestamp":{},"tick_direction":3,"price":{price},"liquidation":"{who}","instrument_name":"BTC-PERPETUAL","index_price":100.0,"direction":"{direction}","amount":100.0}}"#,
                1_767_830_400_000 + ms
            )
        };
        let trades = [
            trade(1, 1, "T", "sell", 100.0),
            trade(2, 2, "T", "buy", 100.0),
            trade(3, 3, "M", "buy", 100.0),
            trade(4, 4, "M", "sell", 100.0),
            trade(5, 5, "T", "sell", 100.0),
            trade(6, 5, "T", "sell", 50.0),
            trade(7, 6, "X", "sell", 50.0),
        ];
        ok(format!(r#"{{"result":{{"trades":[{}],"has_more":false}}}}"#, trades.join(",")))
    };
    let (told, refused) = told("deribit", &["BTC-PERPETUAL"], story).await;
    assert_eq!(
        closed(&told),
        [
            "BTC-PERPETUAL long 100 1.000000 100.00 1",
            "BTC-PERPETUAL short 100 1.000000 100.00 2",
            "BTC-PERPETUAL long 100 1.000000 100.00 3",
            "BTC-PERPETUAL short 100 1.000000 100.00 4",
            "BTC-PERPETUAL long 66.66666666666667 3.000000 200.00 5",
        ]
    );
    assert!(told[0].starts_with("2026-01-08T00:00:00.001000Z known 2026-01-08T00:00:00.001000Z"), "{told:?}");
    assert_eq!(refused.len(), 1, "one odd trade costs no other");
    assert!(refused[0].contains(r#"liquidation is "X""#), "{refused:?}");
}

#[tokio::test]
async fn kraken_tells_the_taker_s_side() {
    let story = |_: &str| {
        let trade = |uid: &str, kind: &str, side: &str| {
            format!(
                r#"{{"time":"2026-01-08T10:00:00.{:03}Z","trade_id":1,"price":2000.0,"size":"10","side":"{side}","type":"{kind}","uid":"{uid}","notional_amount":1.0}}"#,
                uid.len()
            )
        };
        let trades = [
            trade("a", "liquidation", "sell"),
            trade("bb", "liquidation", "buy"),
            trade("ccc", "termination", "sell"),
            trade("dddd", "fill", "sell"),
            trade("eeeee", "magic", "sell"),
        ];
        ok(format!(r#"{{"result":"success","history":[{}]}}"#, trades.join(",")))
    };
    let (linear, refused) = told("kraken-futures", &["PF_ETHUSD"], story).await;
    assert_eq!(
        closed(&linear),
        ["PF_ETHUSD long 2000 10.000000 20000.00 a", "PF_ETHUSD short 2000 10.000000 20000.00 bb"]
    );
    assert!(refused.len() == 1 && refused[0].contains("magic"), "{refused:?}");
    let (inverse, _) = told("kraken-futures", &["PI_ETHUSD"], story).await;
    assert_eq!(closed(&inverse)[0], "PI_ETHUSD long 2000 0.005000 10.00 a");
}

#[tokio::test]
async fn okx_names_the_position_and_where_positions_are_netted_the_order() {
    let story = |path: &str| {
        if path.contains("/instruments") {
            return okx_contracts(path);
        }
        let detail = |ms: u64, position: &str, side: &str| {
            format!(
                r#"{{"bkLoss":"0","bkPx":"100","ccy":"","posSide":"{position}","side":"{side}","sz":"5","ts":"{}"}}"#,
                1_767_830_400_000 + ms
            )
        };
        let details = [
            detail(1, "long", "sell"),
            detail(2, "short", "buy"),
            detail(3, "net", "sell"),
            detail(4, "net", "buy"),
            detail(5, "both", "buy"),
        ];
        ok(format!(
            r#"{{"code":"0","msg":"","data":[{{"details":[{}],"instId":"BTC-USDT-SWAP","instType":"SWAP","totalLoss":"0","uly":"BTC-USDT"}}]}}"#,
            details.join(",")
        ))
    };
    let (told, refused) = told("okx", &["BTC-USDT"], story).await;
    assert_eq!(
        closed(&told),
        ["long", "short", "long", "short"].map(|side| format!("BTC-USDT-SWAP {side} 100 0.050000 5.00 -"))
    );
    assert!(refused.len() == 1 && refused[0].contains("posSide"), "{refused:?}");
}

#[tokio::test]
async fn gate_s_history_tells_the_position_unlike_its_stream() {
    let story = |path: &str| {
        if path.contains("/contracts") {
            return ok(CONTRACTS);
        }
        if parameter(path, "from") != Some("1767830400") {
            return ok("[]");
        }
        let row = |secs: u64, sizes: &str| {
            format!(
                r#"{{"time":{},"contract":"BTC_USDT",{sizes},"order_price":"90","fill_price":"100","left":0}}"#,
                1_767_830_400 + secs
            )
        };
        let rows = [
            row(1, r#""size":600,"order_size":-200"#),
            row(2, r#""size":"-600","order_size":"201.5""#),
            row(3, r#""size":"600""#),
            row(4, r#""size":-600"#),
            row(5, r#""size":600,"order_size":200"#),
            row(6, r#""order_size":200"#),
        ];
        ok(format!("[{}]", rows.join(",")))
    };
    let (told, refused) = told("gate", &[], story).await;
    assert_eq!(
        closed(&told),
        [
            "BTC_USDT long 100 0.020000 2.00 -",
            "BTC_USDT short 100 0.020150 2.02 -",
            "BTC_USDT long 100 0.060000 6.00 -",
            "BTC_USDT short 100 0.060000 6.00 -",
        ]
    );
    assert_eq!(refused.len(), 2, "{refused:?}");
    assert!(refused[0].contains("on the side of the position"), "{refused:?}");
}

/// What the live feed tells of `frame`.
fn live(feed: &str, frame: &str) -> Vec<market::Observation> {
    let mut out = Vec::new();
    let payload = Payload::Text(frame.as_bytes().to_vec().into());
    let kind = find(feed).unwrap().decoder(&FeedConfig::default()).decode(&payload, &mut out);
    assert!(kind.is_ok(), "{kind:?}");
    out.into_iter().map(|stamped| stamped.observation).collect()
}

async fn observed(source: &str, symbol: &str, story: fn(&str) -> Reply) -> Vec<market::Observation> {
    let venue = Venue::open(move |path, _| story(path)).await;
    let desk = Desk::new(source, &venue.url, "2026-01-08", "2026-01-08").symbols(&[symbol]);
    desk.run().await.0.into_iter().map(|event| event.observation).collect()
}

#[tokio::test]
async fn history_and_stream_say_the_same_of_the_same_trade() {
    const TRADES: &str = r#"{"trade_id":"9","timestamp":1767830400005,"price":50.5,"liquidation":"T","instrument_name":"ETH-PERPETUAL","direction":"sell","amount":7},{"trade_id":"10","timestamp":1767830400005,"price":51,"liquidation":"T","instrument_name":"ETH-PERPETUAL","direction":"sell","amount":9}"#;
    let history = observed("deribit", "ETH-PERPETUAL", |_| {
        ok(format!(r#"{{"result":{{"trades":[{TRADES}],"has_more":false}}}}"#))
    });
    let stream = format!(
        r#"{{"jsonrpc":"2.0","method":"subscription","params":{{"channel":"trades.future.ETH.100ms","data":[{TRADES}]}}}}"#
    );
    assert_eq!(history.await, live("deribit", &stream));
    let history = observed("kraken-futures", "PI_XBTUSD", |_| {
        ok(
            r#"{"history":[{"time":"2026-01-08T00:00:00.005Z","price":50.5,"size":7,"side":"buy","type":"liquidation","uid":"u"}]}"#,
        )
    });
    let stream = r#"{"feed":"trade","product_id":"PI_XBTUSD","uid":"u","side":"buy","type":"liquidation","seq":4,"time":1767830400005,"qty":7,"price":50.5}"#;
    assert_eq!(history.await, live("kraken-futures", stream));
}

#[tokio::test]
async fn a_bar_is_known_at_its_end_and_an_unlisted_coin_is_named() {
    let venue = Venue::open(|path, _| {
        if path.contains("/exchangeInfo") {
            return ok(
                r#"{"symbols":[{"symbol":"TAOUSDT","baseAsset":"TAO","quoteAsset":"USDT","status":"BREAK"},{"symbol":"ATHBTC","baseAsset":"ATH","quoteAsset":"BTC"}]}"#,
            );
        }
        assert!(path.starts_with("/api/v3/klines?symbol=TAOUSDT&interval=1d&"), "{path}");
        ok(
            r#"[[1767830400000,"10","12","9","11","5.5",1767916799999,"60",7,"2","20","0"],[1767744000000,"10","12","9","11","5.5",0]]"#,
        )
    });
    let venue = venue.await;
    let desk = Desk::new("binance", &venue.url, "2026-01-08", "2026-01-08").symbols(&["tao", "ATH"]);
    let (events, report) = desk.run().await;
    assert_eq!(
        lines(&events),
        ["2026-01-08T00:00:00Z known 2026-01-09T00:00:00Z TAO-USDT 1d 10 12 9 11 Some(5.5)"]
    );
    assert_eq!(report.asked, 2, "an unlisted coin is not asked for");
    assert_eq!(report.skipped[0].reason, "Binance lists no spot pair ATH-USDT");
    assert_eq!(events[0].feed.as_str(), "binance-spot");
}

#[tokio::test]
async fn a_bad_bar_is_refused_and_the_others_are_kept() {
    let story = |path: &str| {
        if path.contains("/exchangeInfo") {
            return ok(r#"{"symbols":[{"symbol":"TAOUSDT","baseAsset":"TAO","quoteAsset":"USDT"}]}"#);
        }
        ok(r#"[[1767830400000,"10","9","8","11","5.5",0],[1767830400000,"10","12","9"]]"#)
    };
    let (told, refused) = told("binance", &["TAO"], story).await;
    assert!(told.is_empty() && refused.len() == 2, "{refused:?}");
}

/// Yahoo's chart of a US share: 7 and 8 January 2026, and 9 January, which still trades.
fn yahoo(path: &str) -> Reply {
    if path.contains("GONE") {
        return status(
            "404 Not Found",
            r#"{"chart":{"result":null,"error":{"code":"Not Found","description":"No data found, symbol may be delisted"}}}"#,
        );
    }
    let symbol = path.trim_start_matches("/v8/finance/chart/").split('?').next().unwrap();
    ok(format!(
        r#"{{"chart":{{"result":[{{"meta":{{"currency":"USD","symbol":"{symbol}","instrumentType":"EQUITY","exchangeTimezoneName":"America/New_York","gmtoffset":-18000,"regularMarketTime":1768000000,"regularMarketPrice":12.5,"currentTradingPeriod":{{"regular":{{"start":1767969000,"end":1767992400}}}}}},"timestamp":[1767796200,1767882600],"indicators":{{"quote":[{{"open":[10,11],"high":[12,13],"low":[9,10],"close":[11,12],"volume":[100,200]}}]}}}}],"error":null}}}}"#
    ))
}

#[tokio::test]
async fn yahoo_s_bars_are_known_at_the_close_and_quotes_are_no_history() {
    let venue = Venue::open(|path, _| yahoo(path)).await;
    let desk = Desk::new("yahoo", &venue.url, "2026-01-08", "2026-01-08").symbols(&["MARA", "GONE"]);
    let (events, report) = desk.run().await;
    assert_eq!(
        lines(&events),
        ["2026-01-08T00:00:00Z known 2026-01-08T21:00:00Z MARA 1d 11 13 10 12 Some(200.0)"]
    );
    assert_eq!(report.skipped.len(), 1);
    assert!(report.skipped[0].reason.contains("GONE") && report.skipped[0].reason.contains("delisted"));
    let asked = venue.asked();
    assert!(asked[0].contains("period1=1767830400&period2=1767916800&interval=1d"), "{asked:?}");
}

#[tokio::test]
async fn without_symbols_the_shipped_entities_are_asked_for() {
    let venue = Venue::open(|path, _| yahoo(path)).await;
    let (_, report) = Desk::new("yahoo", &venue.url, "2026-01-08", "2026-01-08").run().await;
    let asked = venue.asked();
    assert!(asked[0].contains("/BTC-USD?") && asked.iter().any(|path| path.contains("/MARA?")), "{asked:?}");
    assert!(asked.len() > 10 && report.complete, "{report:?}");
}

#[tokio::test]
async fn nasdaq_is_asked_for_a_fund_once_it_says_that_it_is_no_stock() {
    let venue = Venue::open(|path, _| {
        if path.contains("ZZZZ") && path.contains("assetclass=stocks") {
            return ok(
                r#"{"data":null,"message":null,"status":{"rCode":400,"bCodeMessage":[{"code":1001,"errorMessage":"Symbol not exists."}]}}"#,
            );
        }
        let symbol = path.split('/').nth(3).unwrap();
        ok(format!(
            r#"{{"data":{{"symbol":"{symbol}","totalRecords":1,"tradesTable":{{"rows":[{{"date":"01/08/2026","close":"$12.00","volume":"1,200","open":"$11.00","high":"$13.00","low":"$10.00"}}]}}}},"message":null,"status":{{"rCode":200}}}}"#
        ))
    });
    let venue = venue.await;
    let desk = Desk::new("nasdaq", &venue.url, "2026-01-08", "2026-01-08").symbols(&["MARA", "IBIT", "ZZZZ"]);
    let (events, report) = desk.run().await;
    let known = "2026-01-08T00:00:00Z known 2026-01-08T21:00:00Z";
    let bar = |symbol: &str| format!("{known} {symbol} 1d 11 13 10 12 Some(1200.0)");
    assert_eq!(lines(&events), [bar("IBIT"), bar("MARA"), bar("ZZZZ")]);
    assert!(report.complete);
    let asked = venue.asked();
    let classes: Vec<Option<&str>> = asked.iter().map(|path| parameter(path, "assetclass")).collect();
    assert_eq!(classes, [Some("stocks"), Some("etf"), Some("stocks"), Some("etf")]);
    assert_eq!(parameter(&asked[0], "todate"), Some("2026-01-08"));
}

/// Three days of two funds; the last day has one report.
fn farside(path: &str) -> Reply {
    if path != "/bitcoin-etf-flow-all-data/" {
        return status("404 Not Found", "");
    }
    let row = |day: &str, cells: &str| format!("<tr><td>{day}</td>{cells}</tr>");
    let rows = [
        row("07 Jan 2026", "<td>1.0</td><td>2.0</td><td>3.0</td>"),
        row("08 Jan 2026", "<td>(5.5)</td><td>0.0</td><td>(5.5)</td>"),
        row("09 Jan 2026", "<td>4.0</td><td>-</td><td>4.0</td>"),
    ];
    ok(format!(
        "<table class=\"etf\"><tr><th>Date</th><th>IBIT</th><th>FBTC</th><th>Total</th></tr>{}</table>",
        rows.join("")
    ))
}

#[tokio::test]
async fn a_flow_is_known_once_its_day_is_settled_and_never_later_than_now() {
    let venue = Venue::open(|path, _| farside(path)).await;
    let mut desk = Desk::new("farside", &venue.url, "2026-01-08", "2026-01-31").symbols(&["BTC"]);
    // Two days are over; the second is settled at 14:00 on the tenth.
    desk.clock.set(time("2026-01-10T05:00:00Z"));
    let (events, report) = desk.run().await;
    assert_eq!(
        lines(&events),
        [
            "2026-01-08T00:00:00Z known 2026-01-09T14:00:00Z BTC FBTC 2026-01-08 Some(0.0)",
            "2026-01-08T00:00:00Z known 2026-01-09T14:00:00Z BTC IBIT 2026-01-08 Some(-5500000.0)",
            "2026-01-09T00:00:00Z known 2026-01-10T05:00:00Z BTC FBTC 2026-01-09 None",
            "2026-01-09T00:00:00Z known 2026-01-10T05:00:00Z BTC IBIT 2026-01-09 Some(4000000.0)",
        ]
    );
    assert!(report.complete, "{report:?}");
    desk.order.symbols = vec!["DOGE".to_owned()];
    let (_, report) = desk.run().await;
    assert_eq!((report.asked, report.skipped[0].reason.as_str()), (0, "Farside has no page of DOGE"));
}

#[tokio::test]
async fn events_of_a_step_are_in_order_of_time() {
    let in_order =
        |events: &[MarketEvent]| events.windows(2).all(|pair| pair[0].event_time <= pair[1].event_time);
    let venue = Venue::open(|path, _| farside(path)).await;
    let desk = Desk::new("farside", &venue.url, "2026-01-07", "2026-01-09").symbols(&["BTC"]);
    assert!(in_order(&desk.run().await.0));
}
