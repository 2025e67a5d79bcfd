//! Queries and exports: what comes out, exactly, sealed or not.

use std::io::Cursor;

use polars::prelude::*;

use super::*;
use crate::{Format, Table};

/// Two feeds, two days, an unknown notional, binary and rejected frames, an open and a closed gap.
fn fill(store: &mut Store) {
    for number in [1, 3, 61] {
        append_frame(store, number);
    }
    let mut other = liquidation(62);
    other.feed = FeedId::new("okx");
    other.event_time = at(2);
    let Observation::Liquidation(liquidation) = &mut other.observation else { panic!("a gap") };
    liquidation.symbol = "1000PEPE-USDT-SWAP".into();
    liquidation.instrument = Instrument::perp("1000PEPE", "USDT");
    liquidation.price = Price::new(1e-7).unwrap();
    liquidation.venue_id = None;
    let mut binary = frame(62);
    binary.feed = FeedId::new("okx");
    binary.payload = Payload::Binary(vec![0, 255, 16].into());
    store
        .append(Record::Frame { frame: &binary, rejected: Some("not valid, \"JSON\""), events: &[other] })
        .unwrap();
    store.append(Record::Gap(&gap(5, None, GapCause::Silent))).unwrap();
    store.append(Record::Gap(&gap(5, Some(8), GapCause::Silent))).unwrap();
    store.append(Record::Gap(&gap(70, None, GapCause::Refused))).unwrap();
    store.append(Record::Alert(&alert(62))).unwrap();
}

/// The same store, unsealed, sealed, and half of each.
fn in_all_states(check: impl Fn(&Reader, &str)) {
    for state in ["unsealed", "sealed", "sealed twice"] {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, _) = open(dir.path());
        fill(&mut store);
        if state != "unsealed" {
            store.seal().unwrap();
        }
        if state == "sealed twice" {
            store.append(Record::Alive { feed: &feed(), at: at(71) }).unwrap();
            store.seal().unwrap();
        }
        store.flush().unwrap();
        check(&Reader::open(dir.path()).unwrap(), state);
        store.close().unwrap();
    }
}

fn csv(reader: &Reader, table: Table, query: &Query) -> String {
    let mut out = Vec::new();
    let rows = reader.export(table, query, Format::Csv, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text.lines().count() as u64, rows + 1);
    text
}

#[test]
fn csv_is_exact_to_the_byte() {
    in_all_states(|reader, state| {
        let all = Query::default();
        assert_eq!(
            csv(reader, Table::Liquidations, &all),
            "event_time,receive_time,venue,symbol,instrument,position,price,quantity,notional_usd,known_at,asset,venue_id,seq\n\
             2026-01-06T23:59:00.900000Z,2026-01-06T23:59:01.000000Z,bybit-linear,BTCUSDT,BTC-USDT-PERP,short,60001.5,0.125,7500.25,2026-01-06T23:59:01.000000Z,BTC,1,1\n\
             2026-01-06T23:59:02.900000Z,2026-01-06T23:59:03.000000Z,bybit-linear,BTCUSDT,BTC-USDT-PERP,short,60003.5,,,2026-01-06T23:59:03.000000Z,BTC,3,2\n\
             2026-01-07T00:00:00.900000Z,2026-01-07T00:00:01.000000Z,bybit-linear,BTCUSDT,BTC-USDT-PERP,short,60061.5,0.125,7500.25,2026-01-07T00:00:01.000000Z,BTC,61,3\n\
             2026-01-06T23:59:02.000000Z,2026-01-07T00:00:02.000000Z,okx,1000PEPE-USDT-SWAP,1000PEPE-USDT-PERP,long,0.0000001,0.125,7500.25,2026-01-07T00:00:02.000000Z,PEPE,,4\n",
            "{state}"
        );
        assert_eq!(
            csv(reader, Table::Gaps, &all),
            "venue,from,until,cause,detail,seq,event_time,receive_time,known_at\n\
             bybit-linear,2026-01-06T23:59:05.000000Z,2026-01-06T23:59:08.000000Z,silent,\"closed by the venue, 1006\",6,2026-01-06T23:59:05.000000Z,2026-01-06T23:59:08.000000Z,2026-01-06T23:59:08.000000Z\n\
             bybit-linear,2026-01-07T00:00:10.000000Z,,refused,\"closed by the venue, 1006\",7,2026-01-07T00:00:10.000000Z,2026-01-07T00:00:10.000000Z,2026-01-07T00:00:10.000000Z\n",
            "{state}"
        );
        assert_eq!(
            csv(reader, Table::Alerts, &all),
            "at,rule,severity,state,subject,headline,notional_usd,threshold_usd,window_secs,events,unknown_notional,coverage,seq\n\
             2026-01-07T00:00:02.000000Z,cascade,critical,raised,\"long BTC, all venues\",$12.5 M of longs in 300 s,12500000.25,10000000,300,421,3,0.98,8\n",
            "{state}"
        );
        let frames = csv(reader, Table::Frames, &Query { from: Some(at(62)), ..Query::default() });
        assert_eq!(
            frames,
            "receive_time,venue,text,binary,rejected,seq\n\
             2026-01-07T00:00:02.000000Z,okx,,00ff10,\"not valid, \"\"JSON\"\"\",4\n",
            "{state}"
        );
    });
}

#[test]
fn parquet_holds_the_same_rows_as_csv() {
    in_all_states(|reader, state| {
        for table in Table::ALL {
            let mut out = Vec::new();
            let rows = reader.export(table, &Query::default(), Format::Parquet, &mut out).unwrap();
            let frame = ParquetReader::new(Cursor::new(out)).finish().unwrap();
            assert_eq!(frame.height() as u64, rows, "{state} {table}");
            let names: Vec<_> = frame.get_column_names().iter().map(|name| name.as_str()).collect();
            assert_eq!(names, table.columns(), "{state} {table}");
            let seqs: Vec<_> = frame.column("seq").unwrap().i64().unwrap().into_no_null_iter().collect();
            let text = csv(reader, table, &Query::default());
            let mut lines = csv::Reader::from_reader(text.as_bytes());
            let at = lines.headers().unwrap().iter().position(|name| name == "seq").unwrap();
            let expected: Vec<i64> =
                lines.records().map(|record| record.unwrap()[at].parse().unwrap()).collect();
            assert_eq!(seqs, expected, "{state} {table}");
        }
    });
}

#[test]
fn an_empty_export_still_has_its_columns() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).0.close().unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    for table in Table::ALL {
        assert_eq!(csv(&reader, table, &Query::default()).trim(), table.columns().join(","));
        let mut out = Vec::new();
        assert_eq!(reader.export(table, &Query::default(), Format::Parquet, &mut out).unwrap(), 0);
        let frame = ParquetReader::new(Cursor::new(out)).finish().unwrap();
        assert_eq!((frame.height(), frame.width()), (0, table.columns().len()));
    }
}

#[test]
fn queries_take_times_feeds_and_instruments() {
    in_all_states(|reader, state| {
        let count = |query: Query| csv(reader, Table::Liquidations, &query).lines().count() - 1;
        let between = |from, to| Query { from: Some(at(from)), to: Some(at(to)), ..Query::default() };
        let of = |names: &[&str]| Query {
            instruments: names.iter().map(|name| (*name).to_owned()).collect(),
            ..Query::default()
        };
        for (what, query, expected) in [
            ("everything", Query::default(), 4),
            ("by event time, not receipt", between(2, 3), 2),
            ("the end is exclusive", Query { to: Some(at(2)), ..Query::default() }, 1),
            ("the start is inclusive", Query { from: Some(at(2)), ..Query::default() }, 3),
            ("one feed", Query { feeds: vec![FeedId::new("okx")], ..Query::default() }, 1),
            ("an instrument", of(&["BTC-USDT-PERP"]), 3),
            ("an asset, whatever its multiplier", of(&["PEPE"]), 1),
            ("a base, in any case", of(&["1000pepe", "btc"]), 4),
            ("an unknown one", of(&["ETH"]), 0),
        ] {
            assert_eq!(count(query.clone()), expected, "{state}: {what}");
            assert_eq!(reader.liquidations(&query).unwrap().len(), expected, "{state}: {what}");
        }
        let gaps = |from, to| reader.gaps(&between(from, to)).unwrap().len();
        for (from, to, expected) in [(0, 5, 0), (0, 6, 1), (7, 8, 1), (8, 70, 0), (7, 71, 2), (900, 901, 1)] {
            assert_eq!(gaps(from, to), expected, "{state}: gaps from {from} to {to}");
        }
        let received = reader.liquidations_received(at(61)).unwrap();
        assert_eq!(received.iter().map(|event| event.receive_time).collect::<Vec<_>>(), [at(61), at(62)]);
        assert_eq!(reader.fingerprints(at(3), at(62)).unwrap().values().sum::<u32>(), 2, "{state}");
        assert_eq!(reader.alerts(&between(0, 62)).unwrap().len(), 0, "{state}");
        assert_eq!(reader.alerts(&between(62, 63)).unwrap().len(), 1, "{state}");
    });
}

#[test]
fn a_summary_counts_sealed_and_unsealed_alike() {
    in_all_states(|reader, state| {
        let summary = reader.summary().unwrap();
        let rows = |table: &str| summary.tables[table].rows;
        assert_eq!(
            (rows("liquidations"), rows("gaps"), rows("alerts"), rows("frames")),
            (4, 3, 1, 4),
            "{state}"
        );
        assert_eq!(summary.tables["frames"].last, Some(at(62)), "{state}");
        assert_eq!(summary.tables["gaps"].first, Some(at(5)), "{state}");
        let json = serde_json::to_value(&summary).unwrap();
        assert_eq!(json["tables"]["frames"]["last"], "2026-01-07T00:00:02.000000Z", "{state}");
    });
}

#[test]
fn an_export_that_cannot_be_written_says_so() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    in_all_states(|reader, state| {
        for format in [Format::Csv, Format::Parquet] {
            let error = reader.export(Table::Liquidations, &Query::default(), format, &mut Full).unwrap_err();
            assert!(matches!(error, crate::StoreError::Export { .. }), "{state} {format}: {error:?}");
        }
    });
}
