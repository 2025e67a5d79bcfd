//! What was told again: the word that stands at a moment, and when it was first known.

use super::words::*;
use super::*;
use crate::{Format, StoreError, Table};

fn as_of(moment: &str) -> Query {
    Query { as_of: Some(when(moment)), ..Query::default() }
}

/// Fund, day, millions and the moment of knowledge of each flow that stands.
fn flows(reader: &Reader, query: &Query) -> Vec<(String, String, Option<f64>, String)> {
    let flows = reader.etf_flows(query).unwrap();
    let told = flows.iter().map(|event| {
        let flow = event.observation.etf_flow().unwrap();
        let millions = flow.net_flow.map(|flow| flow.get() / 1e6);
        (
            flow.fund.to_string(),
            flow.trade_date.to_string(),
            millions,
            event.known_at.to_string()[..16].to_owned(),
        )
    });
    told.collect()
}

#[test]
fn a_flow_stands_as_it_was_known_at_each_moment() {
    let told = [
        flow("IBIT", "2025-11-17", None, "2025-11-17T22:00:00Z"),
        flow("IBIT", "2025-11-17", Some(100.0), "2025-11-18T01:00:00Z"),
        // Told again: known since one o'clock all the same.
        flow("IBIT", "2025-11-17", Some(100.0), "2025-11-18T02:00:00Z"),
        flow("IBIT", "2025-11-17", Some(90.0), "2025-11-18T05:00:00Z"),
        // Withdrawn, then what it was first.
        flow("IBIT", "2025-11-17", None, "2025-11-18T07:00:00Z"),
        flow("IBIT", "2025-11-17", Some(100.0), "2025-11-18T09:00:00Z"),
    ];
    let mut shuffled = told.clone();
    shuffled.reverse();
    for told in [told, shuffled] {
        in_all_states(&told, |reader, state| {
            for (moment, expected) in [
                ("2025-11-17T21:59:59Z", None),
                ("2025-11-17T22:00:00Z", Some((None, "2025-11-17T22:00"))),
                ("2025-11-18T01:30:00Z", Some((Some(100.0), "2025-11-18T01:00"))),
                ("2025-11-18T04:59:59Z", Some((Some(100.0), "2025-11-18T01:00"))),
                ("2025-11-18T05:00:00Z", Some((Some(90.0), "2025-11-18T05:00"))),
                ("2025-11-18T08:00:00Z", Some((None, "2025-11-18T07:00"))),
                ("2025-11-18T09:00:00Z", Some((Some(100.0), "2025-11-18T09:00"))),
            ] {
                let found = flows(reader, &as_of(moment));
                let expected: Vec<_> = expected
                    .iter()
                    .map(|(value, known)| ("IBIT".into(), "2025-11-17".into(), *value, (*known).to_owned()))
                    .collect();
                assert_eq!(found, expected, "{state}, {moment}");
            }
            assert_eq!(flows(reader, &Query::default()).len(), 1, "{state}: no moment is the last one");
        });
    }
}

/// Two funds report on Monday; on Tuesday one of them is late. A third never reported before Wednesday.
fn week() -> Vec<MarketEvent> {
    vec![
        flow("IBIT", "2025-11-17", Some(4.0), "2025-11-17T23:00:00Z"),
        flow("FBTC", "2025-11-17", Some(6.0), "2025-11-17T23:30:00Z"),
        flow("NEWB", "2025-11-17", None, "2025-11-17T23:30:00Z"),
        flow("IBIT", "2025-11-18", Some(-2.5), "2025-11-18T23:00:00Z"),
        flow("FBTC", "2025-11-18", None, "2025-11-18T23:00:00Z"),
        flow("FBTC", "2025-11-18", Some(1.0), "2025-11-19T15:00:00Z"),
        flow("NEWB", "2025-11-19", Some(9.0), "2025-11-19T23:00:00Z"),
    ]
}

/// Day, fund and status of an export.
fn statuses(reader: &Reader, query: &Query) -> Vec<String> {
    let mut out = Vec::new();
    reader.export(Table::EtfFlows, query, Format::Csv, &mut out).unwrap();
    let mut csv = csv::Reader::from_reader(out.as_slice());
    csv.records()
        .map(|row| row.unwrap())
        .map(|row| format!("{} {} {}", &row[0][8..], &row[1], &row[4][..5]))
        .collect()
}

#[test]
fn a_day_is_final_once_settled_and_every_fund_that_ever_reported_has() {
    in_all_states(&week(), |reader, state| {
        for (moment, expected) in [
            ("2025-11-18T13:59:59Z", vec!["17 FBTC provi", "17 IBIT provi", "17 NEWB provi"]),
            ("2025-11-18T14:00:00Z", vec!["17 FBTC final", "17 IBIT final", "17 NEWB final"]),
            (
                "2025-11-19T14:00:00Z",
                vec!["17 FBTC final", "17 IBIT final", "17 NEWB final", "18 FBTC provi", "18 IBIT provi"],
            ),
            (
                "2025-11-19T15:00:00Z",
                vec!["17 FBTC final", "17 IBIT final", "17 NEWB final", "18 FBTC final", "18 IBIT final"],
            ),
        ] {
            assert_eq!(statuses(reader, &as_of(moment)), expected, "{state}, {moment}");
        }
        // The status is the day's: asking for one fund does not change it.
        let one = Query { instruments: vec!["ibit".to_owned()], ..as_of("2025-11-19T14:00:00Z") };
        assert_eq!(statuses(reader, &one), ["17 IBIT final", "18 IBIT provi"], "{state}");
        let late = Query { from: Some(when("2025-11-18")), ..as_of("2025-11-19T14:00:00Z") };
        assert_eq!(statuses(reader, &late), ["18 FBTC provi", "18 IBIT provi"], "{state}");
        // Known later than `now`, as after a clock was set back: provisional, as far as `now` can tell.
        let now = Query { now: Some(when("2025-11-19T14:30:00Z")), ..Query::default() };
        assert_eq!(statuses(reader, &now)[3..5], ["18 FBTC final", "18 IBIT final"], "{state}");
        let mut out = Vec::new();
        let error = reader.export(Table::EtfFlows, &Query::default(), Format::Csv, &mut out).unwrap_err();
        assert!(matches!(error, StoreError::NoMoment), "{state}: {error}");
    });
}

#[test]
fn bars_holdings_and_tips_stand_as_last_known() {
    let told = [
        bar("KEEL", "2026-01-05", 11.0, "2026-01-05T18:00:00Z"),
        bar("KEEL", "2026-01-05", 12.0, "2026-01-06T00:00:00Z"),
        bar("KEEL", "2026-01-05", 12.0, "2026-01-07T00:00:00Z"),
        bar("ACME", "2026-01-05", 15.0, "2026-01-06T00:00:00Z"),
        holding("Keel Corp", "2025-12-31", 100.0, "2026-01-02T00:00:00Z"),
        holding("Keel Corp", "2025-12-31", 90.0, "2026-01-03T00:00:00Z"),
        tip(900, "2026-01-05T12:00:00Z", 2.0, "2026-01-05T12:01:00Z"),
        tip(900, "2026-01-05T12:00:00Z", 3.0, "2026-01-05T12:02:00Z"),
        // Another block of the same height, with a time in another year's partition.
        tip(900, "2025-12-31T23:59:59Z", 4.0, "2026-01-05T12:03:00Z"),
    ];
    in_all_states(&told, |reader, state| {
        let closes = |query: &Query| -> Vec<(String, f64, String)> {
            let bars = reader.bars(query).unwrap();
            let row = |event: &MarketEvent| {
                let bar = event.observation.bar().unwrap();
                (bar.symbol.to_string(), bar.close.get(), event.known_at.date().to_string())
            };
            bars.iter().map(row).collect()
        };
        let acme = ("ACME".to_owned(), 15.0, "2026-01-06".to_owned());
        let keel = ("KEEL".to_owned(), 12.0, "2026-01-06".to_owned());
        assert_eq!(closes(&Query::default()), [acme, keel], "{state}");
        let early = ("KEEL".to_owned(), 11.0, "2026-01-05".to_owned());
        assert_eq!(closes(&as_of("2026-01-05T20:00:00Z")), [early], "{state}");

        let coins = |query: &Query| -> Vec<f64> {
            let holdings = reader.holdings(query).unwrap();
            holdings.iter().map(|event| event.observation.holding().unwrap().quantity.get()).collect()
        };
        assert_eq!(
            (coins(&Query::default()), coins(&as_of("2026-01-02"))),
            (vec![90.0], vec![100.0]),
            "{state}"
        );
        assert!(coins(&as_of("2026-01-01")).is_empty(), "{state}");

        let fees = |query: &Query| -> Vec<Option<f64>> {
            let tips = reader.events(Table::Chain, query).unwrap();
            tips.iter().map(|event| event.observation.chain_tip().unwrap().fee_fast).collect()
        };
        assert_eq!(fees(&as_of("2026-01-05T12:02:30Z")), [Some(3.0)], "{state}");
        assert_eq!(fees(&Query::default()), [Some(4.0)], "{state}");
        let this_year = Query { from: Some(when("2026-01-01")), ..Query::default() };
        assert_eq!(fees(&this_year), [], "{state}: the block that stands is of last year");
    });
}

fn count(reader: &Reader, table: Table, query: &Query) -> usize {
    let read = reader.events(table, query).unwrap().len();
    let mut out = Vec::new();
    let exported = reader.export(table, query, Format::Csv, &mut out).unwrap();
    assert_eq!(read as u64, exported, "{table}: read and exported");
    read
}

#[test]
fn what_occurred_counts_each_time_live_and_once_from_backfills() {
    let live = quote("TAO-USDT", 400.0, "2026-01-06T10:00:00Z");
    let known_at = live.known_at;
    let backfilled = imported(live.clone());
    let alone = imported(quote("TAO-USDT", 401.0, "2026-01-06T10:00:01Z"));
    let told = [live.clone(), live.clone(), backfilled.clone(), backfilled, alone.clone(), alone];
    in_all_states(&told, |reader, state| {
        let quotes = reader.events(Table::Quotes, &Query::default()).unwrap();
        assert_eq!(count(reader, Table::Quotes, &Query::default()), 3, "{state}: two live, one backfilled");
        assert!(quotes[..2].iter().all(|quote| quote.receive_time == known_at), "{state}");
    });

    let mut no_id = liquidation(1);
    if let Observation::Liquidation(liquidation) = &mut no_id.observation {
        liquidation.venue_id = None;
    }
    let backfilled =
        |event: &MarketEvent| MarketEvent { known_at: event.event_time, ..imported(event.clone()) };
    let mut revised = liquidation(2);
    revised.known_at = at(9);
    if let Observation::Liquidation(liquidation) = &mut revised.observation {
        liquidation.notional = Some(Usd::new(1.0).unwrap());
    }
    let told = [
        no_id.clone(),
        liquidation(1),
        no_id.clone(),
        backfilled(&no_id),
        liquidation(2),
        backfilled(&liquidation(1)),
        revised.clone(),
    ];
    in_all_states(&told, |reader, state| {
        assert_eq!(count(reader, Table::Liquidations, &Query::default()), 4, "{state}");
        let found = reader.liquidations(&Query::default()).unwrap();
        assert!(found.contains(&revised) && !found.contains(&liquidation(2)), "{state}");
        let before = Query { as_of: Some(at(8)), ..Query::default() };
        assert!(reader.liquidations(&before).unwrap().contains(&liquidation(2)), "{state}");
        assert_eq!(count(reader, Table::Liquidations, &before), 4, "{state}");
    });
}

#[test]
fn gaps_alerts_and_frames_are_seen_as_they_were_at_the_moment() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    append_frame(&mut store, 1);
    store.append(Record::Gap(&gap(5, None, GapCause::Silent))).unwrap();
    store.append(Record::Gap(&gap(5, Some(8), GapCause::Silent))).unwrap();
    store.append(Record::Alert(&alert(9))).unwrap();
    append_frame(&mut store, 10);
    store.close().unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    let at_second = |second| Query { as_of: Some(at(second)), ..Query::default() };
    let until = |second| {
        reader.gaps(&at_second(second)).unwrap().first().map(|gap| gap.observation.gap().unwrap().until)
    };
    assert_eq!((until(4), until(7), until(8)), (None, Some(None), Some(Some(at(8)))));
    let rows =
        |table, second| reader.export(table, &at_second(second), Format::Csv, &mut Vec::new()).unwrap();
    assert_eq!((rows(Table::Alerts, 8), rows(Table::Alerts, 9)), (0, 1));
    assert_eq!((rows(Table::Frames, 9), rows(Table::Frames, 10)), (1, 2));
    assert!(matches!(reader.events(Table::Frames, &Query::default()), Err(StoreError::NoEvents { .. })));
}

#[test]
fn queries_name_funds_coins_tickers_and_pairs() {
    let told = [
        flow("IBIT", "2025-11-17", Some(4.0), "2025-11-17T23:00:00Z"),
        flow("FBTC", "2025-11-17", Some(6.0), "2025-11-17T23:30:00Z"),
        bar("KEEL", "2026-01-05", 11.0, "2026-01-06T00:00:00Z"),
        bar("TAO-USDT", "2026-01-05", 11.0, "2026-01-06T00:00:00Z"),
        quote("BTC-USDT-PERP", 60_000.0, "2026-01-06T10:00:00Z"),
        funding(0.0001, "2026-01-06T10:00:00Z"),
        open_interest(5.0, "2026-01-06T10:00:00Z"),
        tip(900, "2026-01-05T12:00:00Z", 2.0, "2026-01-05T12:01:00Z"),
        holding("Keel Corp", "2025-12-31", 100.0, "2026-01-02T00:00:00Z"),
    ];
    in_all_states(&told, |reader, state| {
        for (table, name, expected) in [
            (Table::EtfFlows, "ibit", 1),
            (Table::EtfFlows, "BTC", 2),
            (Table::EtfFlows, "ETH", 0),
            (Table::Bars, "KEEL", 1),
            (Table::Bars, "TAO", 1),
            (Table::Bars, "TAO-USDT", 1),
            (Table::Bars, "USDT", 0),
            (Table::Quotes, "btc", 1),
            (Table::Quotes, "BTC-USDT-PERP", 1),
            (Table::Funding, "BTC", 1),
            (Table::Funding, "ETH", 0),
            (Table::OpenInterest, "BTC-USDT-PERP", 1),
            (Table::Holdings, "keel corp", 1),
            (Table::Holdings, "XYZ", 1),
            (Table::Holdings, "BTC", 1),
            (Table::Holdings, "KEEL", 0),
            (Table::Chain, "whatever", 1),
        ] {
            let query = Query { instruments: vec![name.to_owned()], now: Some(at(0)), ..Query::default() };
            assert_eq!(count(reader, table, &query), expected, "{state}: {table} {name}");
        }
        let okx = Query { feeds: vec![FeedId::new("okx")], now: Some(at(0)), ..Query::default() };
        for (table, expected) in [(Table::Quotes, 1), (Table::Bars, 0), (Table::EtfFlows, 0)] {
            assert_eq!(count(reader, table, &okx), expected, "{state}: {table} of okx");
        }
    });
}

/// An export by time reads a window at a time; none is lost or told twice at the seams.
#[test]
fn an_export_by_time_is_whole_whatever_its_windows() {
    let minute = |number: i64| at(0).plus(Duration::from_secs(40 * number as u64)).to_string();
    // Not in order, and each one backfilled as well.
    let quotes: Vec<MarketEvent> = (0..200)
        .map(|number| quote("TAO-USDT", 400.0 + f64::from(number), &minute(i64::from(number * 77 % 200))))
        .collect();
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    for (number, run) in quotes.chunks(30).enumerate() {
        append_batch(&mut store, "live", run);
        append_batch(&mut store, "again", &run.iter().cloned().map(imported).collect::<Vec<_>>());
        if number < 5 {
            store.seal().unwrap();
        }
    }
    store.flush().unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    let export = |query: &Query| {
        let mut out = Vec::new();
        let rows = reader.export(Table::Quotes, query, Format::Csv, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let times: Vec<String> = text.lines().skip(1).map(|line| line[..27].to_owned()).collect();
        assert_eq!(times.len() as u64, rows);
        assert!(times.is_sorted());
        times
    };
    let expected: Vec<String> = (0..200).map(minute).collect();
    assert_eq!(export(&Query::default()), expected);
    let part = Query { from: Some(when(&expected[50])), to: Some(when(&expected[61])), ..Query::default() };
    assert_eq!(export(&part), expected[50..61]);
    store.seal().unwrap();
    assert_eq!(export(&Query::default()), expected);
    store.close().unwrap();
}
