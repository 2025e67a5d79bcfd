//! Whose position a frame tells of, and how much: every venue's words in one table.

use std::collections::VecDeque;
use std::io::Read;

use flate2::read::GzDecoder;

use crate::market::{Market, Prices};
use crate::tape::{Payload, SimFrame};
use crate::venue::Venue;
use crate::world::{Forced, Position, sample_on};

/// What `venue` tells of `forced`, until the last frame with a liquidation in it.
fn told(venue: &str, forced: Forced) -> Vec<SimFrame> {
    let mut dialect = (Venue::find(venue).unwrap().row().dialect)(&Market::new(1, 0));
    // What a tape begins with is out of the way first.
    let mut out = VecDeque::new();
    dialect.hush();
    while let Some(at) = dialect.due() {
        dialect.tell(at, &Prices::default(), &mut out);
    }
    out.clear();
    dialect.note(forced);
    while let Some(at) = dialect.due() {
        dialect.tell(at, &Prices::default(), &mut out);
    }
    out.into_iter().filter(|frame| frame.events > 0).collect()
}

fn text(payload: &Payload) -> String {
    match payload {
        Payload::Text(text) => text.clone(),
        Payload::Binary(bytes) => {
            let mut text = String::new();
            GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
            text
        }
    }
}

/// Venue, contract, quantity in units of its last decimal, USD, and what must be in the frame: always,
/// for a long, for a short.
type Row = (&'static str, &'static str, u64, f64, &'static [&'static str], &'static str, &'static str);

#[rustfmt::skip]
const TABLE: &[Row] = &[
    // The forced ORDER's side.
    ("binance-usdm", "BTCUSDT", 190, 0.19 * 82_450.0, &[r#""z":"0.190""#, r#""st":1"#], r#""S":"SELL""#, r#""S":"BUY""#),
    ("binance-coinm", "BTCUSD_PERP", 3, 300.0, &[r#""z":"3""#, r#""ps":"BTCUSD""#, r#""st":2"#], r#""S":"SELL""#, r#""S":"BUY""#),
    ("binance-coinm", "ETHUSD_PERP", 3, 30.0, &[r#""s":"ETHUSD_PERP""#, r#""z":"3""#], r#""S":"SELL""#, r#""S":"BUY""#),
    ("bitmex", "XBTUSD", 9_200, 9_200.0, &[r#""leavesQty":9200"#], r#""side":"Sell""#, r#""side":"Buy""#),
    ("bitmex", "XBTUSDT", 100_000, 8_245.0, &[r#""leavesQty":100000"#], r#""side":"Sell""#, r#""side":"Buy""#),
    ("bitmex", "ETHUSD", 100, 100.0 * 2_430.0 * 1e-6 * 82_450.0, &[r#""leavesQty":100"#], r#""side":"Sell""#, r#""side":"Buy""#),
    ("deribit", "BTC-PERPETUAL", 1_120, 1_120.0, &[r#""liquidation":"T""#, r#""amount":1120}"#], r#""direction":"sell""#, r#""direction":"buy""#),
    ("deribit", "SOL_USDC-PERPETUAL", 105, 10.5 * 98.2, &[r#""amount":10.5}"#], r#""direction":"sell""#, r#""direction":"buy""#),
    ("kraken-futures", "PI_XBTUSD", 12_000, 12_000.0, &[r#""type":"liquidation""#, r#""qty":12000,"#], r#""side":"sell""#, r#""side":"buy""#),
    ("kraken-futures", "PF_ETHUSD", 250, 607.5, &[r#""type":"liquidation""#, r#""qty":0.25,"#], r#""side":"sell""#, r#""side":"buy""#),
    ("gate", "BTC_USDT", 124, 124.0 * 0.0001 * 82_450.0, &[r#""price":82450,"#], r#""size":"-124""#, r#""size":"124""#),
    ("htx", "ETH-USDT", 500, 12_150.0, &[r#""offset":"close","volume":500.0,"#, r#""amount":5,"trade_turnover":12150,"#], r#""direction":"sell""#, r#""direction":"buy""#),
    ("htx", "BTC-USDT", 227, 227.0 * 82.45, &[r#""volume":227.0,"#, r#""amount":0.227,"trade_turnover":18716.15,"#], r#""direction":"sell""#, r#""direction":"buy""#),
    ("htx-coinm", "ETH-USD", 231, 2_310.0, &[r#""contract_code":"ETH-USD""#, r#""volume":231,"price":2430,"#], r#""direction":"sell""#, r#""direction":"buy""#),
    // The POSITION's side.
    ("bybit-linear", "BTCUSDT", 38, 0.038 * 82_450.0, &[r#""v":"0.038""#], r#""S":"Buy""#, r#""S":"Sell""#),
    ("bybit-inverse", "BTCUSD", 900, 900.0, &[r#""topic":"allLiquidation.BTCUSD""#, r#""v":"900","p":"82450.00""#], r#""S":"Buy""#, r#""S":"Sell""#),
    ("bitget", "BTCUSDT", 5_000, 41_225.0, &[r#""amount":"0.5""#, r#""price":"82450""#], r#""side":"buy""#, r#""side":"sell""#),
    ("bitfinex", "tBTCF0:USTF0", 268_657, 0.002_686_57 * 82_450.0, &[r#","tBTCF0:USTF0","#], ",0.00268657,", ",-0.00268657,"),
    ("okx", "BTC-USDT-SWAP", 855, 8.55 * 824.5, &[r#""sz":"8.55""#], r#""posSide":"long","side":"sell""#, r#""posSide":"short","side":"buy""#),
];

#[test]
fn every_venue_tells_whose_position_it_was_and_how_much_in_its_own_words() {
    for (venue, symbol, quantity, usd, always, long, short) in TABLE {
        for (position, expected, other) in [(Position::Long, long, short), (Position::Short, short, long)] {
            let forced = sample_on(venue, symbol, position, (*quantity, 60_000));
            assert!((forced.usd / usd - 1.0).abs() < 1e-9, "{venue} {symbol}: {} USD", forced.usd);
            let frames = told(venue, forced);
            assert_eq!(frames.iter().map(|frame| frame.events).sum::<u64>(), 1, "{venue} {symbol}");
            let text = text(&frames[0].payload);
            for words in always.iter().chain([expected]) {
                assert!(text.contains(words), "{venue} {symbol} {position:?}: no {words} in {text}");
            }
            assert!(!text.contains(other), "{venue} {symbol} {position:?}: {other} in {text}");
        }
    }
}

#[test]
fn the_table_speaks_of_every_venue_that_liquidates() {
    for venue in Venue::all().filter(|venue| !(venue.row().lists)(delivery()).is_empty()) {
        assert!(TABLE.iter().any(|row| row.0 == venue.id()), "{venue}");
    }
}

fn delivery() -> crate::calendar::Delivery {
    crate::calendar::Delivery::next(0)
}

#[test]
fn on_deribit_the_liquidated_may_be_the_maker_or_both_and_fills_of_one_moment_and_side_are_one() {
    let table = [
        (Position::Long, 0.9, vec!["\"M\" buy"]),
        (Position::Short, 0.9, vec!["\"M\" sell"]),
        (Position::Long, 0.99, vec!["\"MT\" sell"]),
        (Position::Short, 0.99, vec!["\"MT\" buy"]),
    ];
    for (position, die, expected) in table {
        for fills in [1, 2] {
            let mut forced = sample_on("deribit", "ETH-PERPETUAL", position, (900, 5_000));
            forced.dice = [die, if fills == 2 { 0.1 } else { 0.9 }];
            let frames = told("deribit", forced);
            let frame: serde_json::Value = serde_json::from_str(frames[0].text().unwrap()).unwrap();
            let trades = frame["params"]["data"].as_array().unwrap();
            assert_eq!(trades.len(), fills);
            assert_eq!(trades.iter().map(|trade| trade["amount"].as_u64().unwrap()).sum::<u64>(), 900);
            for trade in trades {
                let said = format!("{} {}", trade["liquidation"], trade["direction"].as_str().unwrap());
                assert!(expected.contains(&said.as_str()), "{position:?} {said}");
                assert_eq!(trade["timestamp"], trades[0]["timestamp"]);
            }
            assert_eq!(frames[0].events, if die > 0.97 { 2 } else { 1 });
        }
    }
}

#[test]
fn bitmex_enlarges_fills_and_deletes_the_orders_that_it_inserted() {
    let mut dialect = (Venue::find("bitmex").unwrap().row().dialect)(&Market::new(3, 0));
    let (mut out, mut happened) = (VecDeque::new(), 0);
    for at_ms in (1_000..120_000).step_by(700) {
        while dialect.due().is_some_and(|at| at <= at_ms * 1000) {
            let at = dialect.due().unwrap();
            dialect.tell(at, &Prices::default(), &mut out);
        }
        dialect.note(sample_on("bitmex", "XBTUSD", Position::Long, (1_000, at_ms)));
        happened += 1;
    }
    dialect.hush();
    while let Some(at) = dialect.due() {
        dialect.tell(at, &Prices::default(), &mut out);
    }
    out.retain(|frame| !frame.topic.starts_with("instrument:"));
    assert!(out[0].text().unwrap().contains("\"partial\"") && out[0].events == 0);
    assert_eq!(out.iter().map(|frame| frame.events).sum::<u64>(), happened);
    // The accounting rule: what is inserted and by how much orders grow is what was liquidated.
    let mut table = std::collections::BTreeMap::new();
    let (mut counted, mut grown, mut filled) = (0, 0, 0);
    for frame in &out {
        let message: serde_json::Value = serde_json::from_str(frame.text().unwrap()).unwrap();
        for row in message["data"].as_array().unwrap() {
            let id = row["orderID"].as_str().unwrap().to_owned();
            let leaves = row["leavesQty"].as_u64();
            match message["action"].as_str().unwrap() {
                "insert" => {
                    counted += leaves.unwrap();
                    assert!(table.insert(id, leaves.unwrap()).is_none());
                }
                "update" => {
                    let known = table.get_mut(&id).unwrap();
                    let leaves = leaves.unwrap();
                    if leaves > *known {
                        counted += leaves - *known;
                        grown += 1;
                    } else {
                        filled += 1;
                    }
                    *known = leaves;
                }
                "delete" => assert!(table.remove(&id).is_some() && leaves.is_none()),
                other => assert_eq!(other, "partial"),
            }
        }
    }
    assert_eq!(counted, happened * 1_000);
    assert!(grown > 10 && filled > 10 && table.is_empty(), "{grown} {filled} {table:?}");
}

#[test]
fn bitfinex_tells_of_each_position_twice_and_counts_it_once() {
    let mut dialect = (Venue::find("bitfinex").unwrap().row().dialect)(&Market::new(3, 0));
    let mut out = VecDeque::new();
    dialect.tell(0, &Prices::default(), &mut out);
    assert!(out[0].text().unwrap().contains("\"subscribed\""));
    dialect.note(sample_on("bitfinex", "tETHF0:USTF0", Position::Short, (1_234_500_000, 1_000)));
    while let Some(at) = dialect.due() {
        dialect.tell(at, &Prices::default(), &mut out);
    }
    let rows: Vec<serde_json::Value> = out
        .iter()
        .skip(1)
        .map(|frame| serde_json::from_str::<serde_json::Value>(frame.text().unwrap()).unwrap()[1][0].take())
        .collect();
    assert_eq!(rows.len(), 2);
    assert_eq!([&rows[0][8], &rows[1][8]], [0, 1]);
    assert_eq!((&rows[0][5], rows[0][1].as_u64()), (&rows[1][5], rows[1][1].as_u64()));
    assert!(rows[0][11].is_null() && rows[1][11] == 2430.0 && rows[0][5] == -12.345);
    assert!(rows[0][6].as_f64() < Some(2430.0), "a short that ended above its entry: {}", rows[0]);
    assert_eq!([out[1].events, out[2].events], [1, 0]);
}

#[test]
fn gates_results_come_in_three_shapes_and_binance_coinm_carries_strangers() {
    let mut gate = (Venue::find("gate").unwrap().row().dialect)(&Market::new(3, 0));
    let mut coinm = (Venue::find("binance-coinm").unwrap().row().dialect)(&Market::new(3, 0));
    let (mut results, mut orders) = (VecDeque::new(), VecDeque::new());
    // No tickers.
    gate.hush();
    for second in 0..60 {
        let at = second * 2_000;
        gate.note(sample_on("gate", "BTC_USDT", Position::Long, (7, at)));
        coinm.note(sample_on("binance-coinm", "BTCUSD_PERP", Position::Long, (7, at)));
        gate.tell(gate.due().unwrap(), &Prices::default(), &mut results);
        coinm.tell(coinm.due().unwrap(), &Prices::default(), &mut orders);
    }
    for (number, frame) in results.iter().enumerate() {
        let frame: serde_json::Value = serde_json::from_str(frame.text().unwrap()).unwrap();
        let result = &frame["result"];
        let row = [&result[0], &result[0][0], result][number % 3];
        assert_eq!((&row["contract"], &row["size"]), (&"BTC_USDT".into(), &"-7".into()), "{frame}");
    }
    let strangers: Vec<&SimFrame> =
        orders.iter().filter(|frame| frame.text().unwrap().contains("\"st\":1")).collect();
    assert!((3..20).contains(&strangers.len()), "{}", strangers.len());
    assert!(strangers.iter().all(|frame| frame.events == 0 && !frame.topic.contains("usd_")));
    assert_eq!(orders.iter().map(|frame| frame.events).sum::<u64>(), 60);
}
