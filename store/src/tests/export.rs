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

fn headings(table: Table) -> Vec<&'static str> {
    table.columns().iter().map(|heading| heading.name).collect()
}

fn now() -> Query {
    Query { now: Some(at(0)), ..Query::default() }
}

fn csv(reader: &Reader, table: Table, query: &Query) -> String {
    let mut out = Vec::new();
    let query = &Query { now: Some(at(0)), ..query.clone() };
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
            "at,rule,severity,state,subject,headline,notional_usd,threshold_usd,window_secs,events,unknown_notional,coverage,seq,target,asset,regime,since,probability,low,high,base,markov,margin_only,model,forecast_at,shift_at_least,enters\n\
             2026-01-07T00:00:02.000000Z,cascade,critical,raised,\"long BTC, all venues\",$12.5 M of longs in 300 s,12500000.25,10000000,300,421,3,0.98,8,,,,,,,,,,,,,,\n",
            "{state}"
        );
        let frames = csv(reader, Table::Frames, &Query { from: Some(at(62)), ..Query::default() });
        assert_eq!(
            frames,
            "receive_time,venue,text,binary,rejected,seq,request\n\
             2026-01-07T00:00:02.000000Z,okx,,00ff10,\"not valid, \"\"JSON\"\"\",4,\n",
            "{state}"
        );
    });
}

#[test]
fn parquet_holds_the_same_rows_as_csv() {
    in_all_states(parquet_agrees_with_csv);
}

fn parquet_agrees_with_csv(reader: &Reader, state: &str) {
    for table in Table::ALL {
        let mut out = Vec::new();
        let rows = reader.export(table, &now(), Format::Parquet, &mut out).unwrap();
        let frame = ParquetReader::new(Cursor::new(out)).finish().unwrap();
        assert_eq!(frame.height() as u64, rows, "{state} {table}");
        let names: Vec<_> = frame.get_column_names().iter().map(|name| name.as_str()).collect();
        assert_eq!(names, headings(table), "{state} {table}");
        let text = csv(reader, table, &Query::default());
        let lines: Vec<csv::StringRecord> =
            csv::Reader::from_reader(text.as_bytes()).records().map(Result::unwrap).collect();
        for (at, name) in names.iter().enumerate() {
            let column = frame.column(name).unwrap();
            let expected: Vec<&str> = lines.iter().map(|line| &line[at]).collect();
            for (row, expected) in expected.into_iter().enumerate() {
                let found = match column.get(row).unwrap() {
                    AnyValue::Null => String::new(),
                    AnyValue::String(text) => text.to_owned(),
                    AnyValue::StringOwned(text) => text.to_string(),
                    AnyValue::Float64(number) => number.to_string(),
                    AnyValue::Datetime(micros, TimeUnit::Microseconds, _)
                    | AnyValue::DatetimeOwned(micros, TimeUnit::Microseconds, _) => {
                        Timestamp::from_micros(micros).unwrap().to_string()
                    }
                    AnyValue::Date(days) => market::Date::from_days(days).unwrap().to_string(),
                    AnyValue::BinaryOwned(bytes) => codec::hex(&bytes),
                    AnyValue::Binary(bytes) => codec::hex(bytes),
                    other => other.to_string(),
                };
                assert_eq!(found, expected, "{state} {table}.{name} of row {row}");
            }
        }
    }
}

#[test]
fn an_empty_export_still_has_its_columns() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).0.close().unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    for table in Table::ALL {
        assert_eq!(csv(&reader, table, &Query::default()).trim(), headings(table).join(","));
        let mut out = Vec::new();
        assert_eq!(reader.export(table, &now(), Format::Parquet, &mut out).unwrap(), 0);
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

/// Every table of what is told again or states something, each with a revision, an unknown and an order
/// that is not the one of the records.
#[test]
fn csv_of_every_other_table_is_exact_to_the_byte() {
    use super::words::*;
    let mut ether = flow("ETHA", "2025-11-17", Some(1.0), "2025-11-17T23:00:00Z");
    if let Observation::EtfFlow(flow) = &mut ether.observation {
        flow.asset = "ETH".into();
    }
    let mut unlisted = imported(holding("Keel, Inc.", "2025-12-31", 90.5, "2026-01-03T00:00:00Z"));
    if let Observation::Holding(holding) = &mut unlisted.observation {
        holding.ticker = None;
    }
    let mut unknown = funding(-0.000_012_5, "2026-01-06T09:00:00Z");
    if let Observation::FundingRate(funding) = &mut unknown.observation {
        funding.interval_hours = None;
        funding.next_funding = None;
    }
    let told = [
        flow("IBIT", "2025-11-18", None, "2025-11-18T23:00:00Z"),
        flow("IBIT", "2025-11-17", Some(-523.2), "2025-11-17T23:00:00Z"),
        imported(flow("FBTC", "2025-11-17", Some(12.0), "2025-11-18T06:00:00Z")),
        ether,
        flow("IBIT", "2025-11-17", Some(-520.0), "2025-11-18T04:00:00Z"),
        bar("TAO-USDT", "2026-01-05", 11.25, "2026-01-05T18:00:00Z"),
        imported(bar("KEEL", "2026-01-05", 12.0, "2026-01-06T00:00:00Z")),
        bar("KEEL", "2025-12-31", 10.5, "2026-01-01T00:00:00Z"),
        quote("TAO-USDT", 400.5, "2026-01-06T10:00:01Z"),
        quote("FET-USDT", 1.0 / 1024.0 + 0.25, "2026-01-06T10:00:00.5Z"),
        funding(0.0001, "2026-01-06T10:00:00Z"),
        unknown,
        open_interest(3.5, "2026-01-06T10:00:00Z"),
        tip(900, "2026-01-05T12:00:00Z", 2.0, "2026-01-05T12:01:00Z"),
        holding("Keel, Inc.", "2025-12-31", 100.0, "2026-01-02T00:00:00Z"),
        unlisted,
    ];
    super::words::in_all_states(&told, |reader, state| {
        let csv = |table| {
            csv(
                reader,
                table,
                &Query {
                    as_of: Some(when("2025-11-19T12:00:00Z")).filter(|_| table == Table::EtfFlows),
                    ..Query::default()
                },
            )
        };
        assert_eq!(
            csv(Table::EtfFlows),
            "trade_date,fund,asset,net_flow_usd,status,known_at,source,receive_time,seq\n\
             2025-11-17,ETHA,ETH,1000000,final,2025-11-17T23:00:00.000000Z,farside,2025-11-17T23:00:00.000000Z,4\n\
             2025-11-17,FBTC,BTC,12000000,final,2025-11-18T06:00:00.000000Z,farside,2026-02-01T00:00:00.000000Z,3\n\
             2025-11-17,IBIT,BTC,-520000000,final,2025-11-18T04:00:00.000000Z,farside,2025-11-18T04:00:00.000000Z,5\n\
             2025-11-18,IBIT,BTC,,provisional,2025-11-18T23:00:00.000000Z,farside,2025-11-18T23:00:00.000000Z,1\n",
            "{state}"
        );
        assert_eq!(
            csv(Table::Bars),
            "open_time,symbol,interval,open,high,low,close,volume,is_final,venue,known_at,receive_time,seq\n\
             2025-12-31T00:00:00.000000Z,KEEL,1d,10,20,9.5,10.5,1000,true,yahoo,2026-01-01T00:00:00.000000Z,2026-01-01T00:00:00.000000Z,8\n\
             2026-01-05T00:00:00.000000Z,KEEL,1d,10,20,9.5,12,1000,true,yahoo,2026-01-06T00:00:00.000000Z,2026-02-01T00:00:00.000000Z,7\n\
             2026-01-05T00:00:00.000000Z,TAO-USDT,1d,10,20,9.5,11.25,1000,false,yahoo,2026-01-05T18:00:00.000000Z,2026-01-05T18:00:00.000000Z,6\n",
            "{state}"
        );
        assert_eq!(
            csv(Table::Quotes),
            "event_time,symbol,kind,price,bid,ask,previous_close,volume,venue,known_at,receive_time,seq,session\n\
             2026-01-06T10:00:00.500000Z,FET-USDT,last,0.2509765625,0.0009765625,,,12.5,okx,2026-01-06T10:00:00.500000Z,2026-01-06T10:00:00.500000Z,10,\n\
             2026-01-06T10:00:01.000000Z,TAO-USDT,last,400.5,400.25,,,12.5,okx,2026-01-06T10:00:01.000000Z,2026-01-06T10:00:01.000000Z,9,\n",
            "{state}"
        );
        assert_eq!(
            csv(Table::Funding),
            "event_time,venue,symbol,instrument,rate,interval_hours,annualised,next_funding,known_at,receive_time,seq\n\
             2026-01-06T09:00:00.000000Z,okx,BTC-USDT-SWAP,BTC-USDT-PERP,-0.0000125,,,,2026-01-06T09:00:00.000000Z,2026-01-06T09:00:00.000000Z,12\n\
             2026-01-06T10:00:00.000000Z,okx,BTC-USDT-SWAP,BTC-USDT-PERP,0.0001,8,0.10950000000000001,2026-01-06T16:00:00.000000Z,2026-01-06T10:00:00.000000Z,2026-01-06T10:00:00.000000Z,11\n",
            "{state}"
        );
        assert_eq!(
            csv(Table::OpenInterest),
            "event_time,venue,symbol,instrument,quantity,notional_usd,known_at,receive_time,seq\n\
             2026-01-06T10:00:00.000000Z,okx,BTC-USDT-SWAP,BTC-USDT-PERP,3.5,,2026-01-06T10:00:00.000000Z,2026-01-06T10:00:00.000000Z,13\n",
            "{state}"
        );
        assert_eq!(
            csv(Table::Chain),
            "event_time,height,hash,difficulty,hash_rate,mempool_txs,mempool_vbytes,fee_fast,fee_hour,subsidy_btc,fees_btc,fee_blocks,venue,known_at,receive_time,seq\n\
             2026-01-05T12:00:00.000000Z,900,0000000000000000000000000000000000000000000000000000000000000384,150000000000000,,41000,,2,,3.125,0.021,144,node,2026-01-05T12:01:00.000000Z,2026-01-05T12:01:00.000000Z,14\n",
            "{state}"
        );
        assert_eq!(
            csv(Table::Holdings),
            "as_of,holder,ticker,asset,quantity,source,known_at,receive_time,seq\n\
             2025-12-31,\"Keel, Inc.\",,BTC,90.5,filings,2026-01-03T00:00:00.000000Z,2026-02-01T00:00:00.000000Z,16\n",
            "{state}"
        );
        parquet_agrees_with_csv(reader, state);
    });
}

/// What was asked for stands beside the answer, whatever its body is.
#[test]
fn an_answer_keeps_what_was_asked() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let answer = |body: &[u8]| RawFrame {
        payload: Payload::Answer { request: "/v1/flows?asset=BTC".into(), body: body.to_vec().into() },
        ..frame(1)
    };
    for body in [b"{\"n\":1}".as_slice(), &[0xff, 0x00]] {
        store.append(Record::Frame { frame: &answer(body), rejected: None, events: &[] }).unwrap();
    }
    for state in ["unsealed", "sealed"] {
        store.flush().unwrap();
        let reader = Reader::open(dir.path()).unwrap();
        assert_eq!(
            csv(&reader, Table::Frames, &Query::default()),
            "receive_time,venue,text,binary,rejected,seq,request\n\
             2026-01-06T23:59:01.000000Z,bybit-linear,\"{\"\"n\"\":1}\",,,1,/v1/flows?asset=BTC\n\
             2026-01-06T23:59:01.000000Z,bybit-linear,,ff00,,2,/v1/flows?asset=BTC\n",
            "{state}"
        );
        let found = reader.fingerprints(at(0), at(9)).unwrap();
        assert!(found.contains_key(&crate::fingerprint(&answer(&[0xff, 0x00]))), "{state}");
        store.seal().unwrap();
    }
    store.close().unwrap();
}
