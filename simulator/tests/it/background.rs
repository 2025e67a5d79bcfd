//! What liquidates nobody, on real sockets and in real answers: every feed is alive within seconds.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::Value;
use simulator::{Scenario, SimulatorConfig, Tape, Venue};

use crate::client::{Client, ask_any, busy, run, venue, with_faults};

/// A path, what a client says at first, and what a frame with news contains.
type Socket<'a> = (&'a str, &'a [&'a str], &'a str);

const SOCKETS: &[Socket<'_>] = &[
    (
        "/bybit-linear/v5/public/linear",
        &[r#"{"req_id":"1","op":"subscribe","args":["tickers.BTCUSDT"]}"#],
        "\"type\":\"delta\"",
    ),
    (
        "/bybit-inverse/v5/public/inverse",
        &[r#"{"req_id":"1","op":"subscribe","args":["tickers.BTCUSD"]}"#],
        "\"type\":\"delta\"",
    ),
    (
        "/okx/ws/v5/public",
        &[
            r#"{"op":"subscribe","args":[{"channel":"mark-price","instId":"BTC-USDT-SWAP"},{"channel":"funding-rate","instId":"BTC-USDT-SWAP"}]}"#,
        ],
        "\"fundingRate\"",
    ),
    (
        "/okx/ws/v5/public",
        &[r#"{"op":"subscribe","args":[{"channel":"open-interest","instId":"ETH-USDT-SWAP"}]}"#],
        "\"oiCcy\"",
    ),
    (
        "/binance-context/market/stream",
        &[r#"{"method":"SUBSCRIBE","params":["btcusdt@markPrice"],"id":1}"#],
        "{\"stream\":\"btcusdt@markPrice\",\"data\":{",
    ),
    ("/binance-context/market/ws/!markPrice@arr", &[], "[{\"e\":\"markPriceUpdate\""),
    ("/binance-spot/stream?streams=btcusdt@miniTicker/taousdt@miniTicker", &[], "24hrMiniTicker"),
    ("/bybit-spot/v5/public/spot", &[r#"{"op":"subscribe","args":["tickers.ATHUSDT"]}"#], "\"ATHUSDT\""),
    (
        "/coinbase",
        &[
            r#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"ticker_batch"}"#,
            r#"{"type":"subscribe","channel":"heartbeats"}"#,
        ],
        "\"heartbeat_counter\":2",
    ),
    (
        "/kraken/v2",
        &[r#"{"method":"subscribe","params":{"channel":"ticker","symbol":["BTC/USD"]}}"#],
        "\"type\":\"update\",\"data\":[{\"symbol\":\"BTC/USD\"",
    ),
    (
        "/yahoo-stream/?version=2",
        &[r#"{"subscribe":["MARA","BTC-USD"]}"#],
        "{\"type\":\"pricing\",\"message\":\"",
    ),
    (
        "/finnhub?token=key",
        &[
            r#"{"type":"subscribe","symbol":"MARA"}"#,
            r#"{"type":"subscribe","symbol":"RIOT"}"#,
            r#"{"type":"subscribe","symbol":"HUT"}"#,
        ],
        "\"type\":\"trade\"",
    ),
    (
        "/alpaca/v2/sip",
        &[
            r#"{"action":"auth","key":"a","secret":"b"}"#,
            r#"{"action":"subscribe","trades":["MARA","RIOT","HUT","IREN"]}"#,
        ],
        "\"T\":\"t\"",
    ),
    (
        "/massive/stocks",
        &[r#"{"action":"auth","params":"key"}"#, r#"{"action":"subscribe","params":"T.*"}"#],
        "\"ev\":\"T\"",
    ),
];

#[tokio::test]
async fn every_socket_has_news_within_fifteen_seconds() {
    let running = run(busy()).await;
    let addr = running.addr;
    let waiting = SOCKETS.iter().map(|(path, said, wanted)| async move {
        let mut client = Client::connect(addr, path).await;
        for text in *said {
            client.send(text).await;
        }
        let (until, mut heard) = (Instant::now() + Duration::from_secs(15), Vec::new());
        while Instant::now() < until {
            let texts = client.texts(Duration::from_millis(500)).await;
            if texts.iter().any(|text| text.contains(wanted)) {
                return;
            }
            heard.extend(texts);
        }
        panic!("{path}: no {wanted} in {heard:#?}");
    });
    join_all(waiting).await;
    running.stop().await;
}

const BROWSER: &str = "User-Agent: Mozilla/5.0 (test)\r\nAccept: */*\r\n";

/// What is asked, with which headers and body, the status, and what the answer contains.
type Poll<'a> = (&'a str, &'a str, &'a str, u16, &'a str);

const POLLS: &[Poll<'_>] = &[
    ("GET /binance-open-interest/fapi/v1/openInterest?symbol=BTCUSDT", "", "", 200, "\"openInterest\""),
    ("GET /binance-context/fapi/v1/fundingInfo", "", "", 200, "fundingIntervalHours"),
    ("GET /fapi/v1/premiumIndex", "", "", 200, "\"markPrice\""),
    ("GET /binance-spot/api/v3/exchangeInfo", "", "", 200, "\"TAOUSDT\""),
    ("GET /v5/market/instruments-info?category=spot&limit=1000&cursor=", "", "", 200, "\"ATHUSDT\""),
    ("GET /coinbase/api/v3/brokerage/market/products", "", "", 200, "OCEAN-USD"),
    ("GET /farside/bitcoin-etf-flow-all-data/", "", "", 200, "<table class=\"etf\">"),
    ("GET /farside/ethereum-etf-flow-all-data/", "", "", 200, "ETHA"),
    ("GET /farside/sol/", "", "", 200, "BSOL"),
    ("GET /bitbo/treasuries/etf-flows/", "", "", 200, "stats-table"),
    (
        "POST /sosovalue/openapi/v2/etf/historicalInflowChart",
        "x-soso-api-key: k\r\n",
        "{\"type\":\"us-sol-spot\"}",
        200,
        "totalNetInflow",
    ),
    (
        "POST /sosovalue/openapi/v2/etf/historicalInflowChart",
        "",
        "{\"type\":\"us-sol-spot\"}",
        401,
        "missing",
    ),
    ("GET /coinglass/api/etf/ethereum/flow-history", "CG-API-KEY: k\r\n", "", 200, "\"code\":\"0\""),
    ("GET /coinglass/api/etf/ethereum/flow-history", "", "", 200, "\"code\":\"401\""),
    ("GET /yahoo/v8/finance/chart/MARA?interval=1d&range=3mo", BROWSER, "", 200, "\"regularMarketPrice\""),
    ("GET /yahoo/v8/finance/chart/BITF?interval=1d&range=3mo", BROWSER, "", 404, "may be delisted"),
    (
        "GET /nasdaq/api/quote/MARA/historical?assetclass=stocks&fromdate=2026-01-01&todate=2027-01-01&limit=9",
        BROWSER,
        "",
        200,
        "tradesTable",
    ),
    ("POST /bitcoin-node", "", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"uptime\"}", 200, "\"code\":-"),
    ("POST /", "", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"uptime\"}", 200, "\"code\":-"),
    ("GET /mempool-space/api/v1/fees/recommended", "", "", 200, "fastestFee"),
    ("GET /api/mempool", "", "", 200, "vsize"),
];

#[tokio::test]
async fn every_polled_source_answers_under_its_own_paths() {
    let running = run(busy()).await;
    for (what, headers, body, status, wanted) in POLLS {
        let (answered, _, text) = ask_any(running.addr, what, headers, body).await;
        assert_eq!(answered, *status, "{what}: {text:.200}");
        assert!(text.contains(wanted), "{what}: {text:.300}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_node_warms_up_and_then_knows_its_chain() {
    let running = run(busy()).await;
    let call = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"getblockchaininfo\",\"params\":[]}";
    let (_, _, first) =
        ask_any(running.addr, "POST /bitcoin-node", "Authorization: Basic eDp5\r\n", call).await;
    assert!(first.contains("\"code\":-28"), "{first}");
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let (_, _, later) = ask_any(running.addr, "POST /bitcoin-node", "", call).await;
    let answer: Value = serde_json::from_str(&later).unwrap();
    assert_eq!(answer["result"]["chain"], "main");
    running.stop().await;
}

#[tokio::test]
async fn polls_are_refused_garbled_and_late_like_sockets() {
    let page = "GET /farside/sol/";
    let running = with_faults("status=429:farside,retry-after=7s").await;
    let (status, head, _) = ask_any(running.addr, page, "", "").await;
    assert!(status == 429 && head.contains("retry-after: 7"), "{head}");
    assert_eq!(ask_any(running.addr, "GET /bitbo/treasuries/etf-flows/", "", "").await.0, 200);
    assert_eq!(running.counts(venue("farside")).refused, 1);
    running.stop().await;

    let running = with_faults("reject=farside").await;
    assert_eq!(ask_any(running.addr, page, "", "").await.0, 403);
    running.stop().await;

    let running = with_faults("malformed=1,only=mempool-space").await;
    for _ in 0..5 {
        let (status, _, body) = ask_any(running.addr, "GET /api/v1/blocks", "", "").await;
        assert!(status == 200 && serde_json::from_str::<Value>(&body).is_err(), "{body}");
    }
    assert_eq!(running.counts(venue("mempool-space")).malformed, 5);
    assert!(ask_any(running.addr, page, "", "").await.2.ends_with("</html>\n"));
    running.stop().await;

    let running = with_faults("silence=1ms:4s,only=farside").await;
    let began = Instant::now();
    ask_any(running.addr, page, "", "").await;
    ask_any(running.addr, page, "", "").await;
    assert!(began.elapsed() > Duration::from_millis(200), "{:?}", began.elapsed());
    running.stop().await;
}

const START: i64 = 1_795_305_600_000_000; // 2026-11-22 00:00 UTC, a Sunday

#[test]
fn seventy_five_minutes_of_everything_fill_every_panel_and_stay_small() {
    let began = Instant::now();
    let mut told = BTreeMap::<&str, usize>::new();
    let mut bytes = 0;
    let tape = Tape::new(&Scenario::builtin("calm").unwrap(), 7, START);
    for frame in tape.take_while(|frame| frame.at_micros < START + 75 * 60_000_000) {
        *told.entry(frame.venue).or_default() += 1;
        bytes += frame.payload.as_bytes().len();
    }
    let (frames, took): (usize, _) = (told.values().sum(), began.elapsed());
    for venue in Venue::all().filter(|venue| !venue.liquidates()) {
        assert!(told.contains_key(venue.id()), "{venue} told nothing");
    }
    assert!(frames < 90_000 && bytes < 45_000_000, "{frames} frames, {bytes} bytes: {told:?}");
    // 0.6 s where nothing else runs.
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn a_tape_has_every_first_answer_at_its_start() {
    let tape = Tape::new(&Scenario::builtin("calm").unwrap(), 7, START);
    let first: Vec<String> = tape
        .take_while(|frame| frame.at_micros == START)
        .filter_map(|frame| Some(format!("{} {}", frame.venue, frame.request?)))
        .collect();
    for wanted in [
        "farside /bitcoin-etf-flow-all-data/",
        "farside /ethereum-etf-flow-all-data/",
        "farside /sol/",
        "sosovalue /openapi/v2/etf/historicalInflowChart#us-btc-spot",
        "coinglass /api/etf/solana/flow-history",
        "bitcoin-node getblockchaininfo",
        "mempool-space /api/v1/blocks",
        "coinbase /api/v3/brokerage/market/products",
        "binance-open-interest /fapi/v1/openInterest?symbol=ETHUSDT",
        "yahoo /v8/finance/chart/KEEL?interval=1d&range=3mo&events=div%2Csplits&includePrePost=false",
    ] {
        assert!(first.iter().any(|one| one == wanted), "{wanted}");
    }
    assert!(first.iter().filter(|one| one.starts_with("yahoo ")).count() >= 25);
}

#[test]
fn another_seed_makes_another_world() {
    let flows = |seed| {
        let tape = Tape::new(&Scenario::builtin("calm").unwrap(), seed, START);
        let mut pages = tape.filter(|frame| frame.venue == "farside");
        pages.next().unwrap().text().unwrap().to_owned()
    };
    assert_eq!(flows(1), flows(1));
    assert_ne!(flows(1), flows(2));
}

#[test]
fn a_paced_market_keeps_its_sources_own_times() {
    let config = SimulatorConfig { pace: 20.0, ..busy() };
    let tape = Tape::with_pace(&config.scenario, config.seed, START, config.pace);
    let marks = tape
        .take_while(|frame| frame.at_micros < START + 60_000_000)
        .filter(|frame| frame.topic == "btcusdt@markPrice");
    assert_eq!(marks.count(), 20);
}

#[test]
fn a_market_may_begin_at_any_time() {
    const HOUR: i64 = 3_600_000_000;
    let scenario = Scenario::builtin("calm").unwrap();
    // The epoch; holidays, half days, changes of the clocks; then every few days at another hour.
    let named = [0, 1_767_225_600, 1_774_162_800, 1_793_512_800, 1_795_791_600, 1_798_153_200, 4_102_444_800];
    let starts = named.into_iter().map(|secs| secs * 1_000_000);
    let spread = (0..40).map(|number| START + number * 101 * HOUR);
    for start in starts.chain(spread) {
        let mut frames = 0;
        for frame in Tape::new(&scenario, 3, start).take_while(|frame| frame.at_micros < start + 20_000_000) {
            assert!(frame.at_micros >= start, "{start}");
            frames += 1;
        }
        assert!(frames > 300, "{start}: {frames}");
    }
}
