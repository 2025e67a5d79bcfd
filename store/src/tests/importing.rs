//! Batches: what an import brings, once, kept by rebuilds, in few files.

use super::words::*;
use super::*;
use crate::disk::Layout;
use crate::manifest::Manifest;
use crate::{StoreError, Table, rebuild};

#[test]
fn a_batch_is_kept_told_of_and_may_hold_no_gap() {
    let events = [flow("IBIT", "2025-11-17", Some(4.0), "2025-11-17T23:00:00Z")];
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    append_batch(&mut store, "flows.csv", &events);
    let with_gap = [events[0].clone(), gap(1, None, GapCause::Silent)];
    let refused = store.append(Record::Batch { origin: "x", at: at(0), events: &with_gap });
    assert!(matches!(refused, Err(StoreError::GapInBatch)));
    for state in ["unsealed", "sealed"] {
        store.flush().unwrap();
        let reader = Reader::open(dir.path()).unwrap();
        assert_eq!(reader.etf_flows(&Query::default()).unwrap(), events, "{state}");
        assert!(reader.feeds().unwrap().is_empty(), "{state}: no feed was watching");
        let summary = reader.summary().unwrap();
        assert_eq!(summary.batches.len(), 1, "{state}");
        assert_eq!(
            (summary.batches[0].origin.as_str(), summary.batches[0].events),
            ("flows.csv", 1),
            "{state}"
        );
        assert_eq!((summary.last_seq, summary.tables["etf_flows"].rows), (1, 1), "{state}");
        assert_eq!(summary.tables["etf_flows"].first, Some(when("2025-11-17")), "{state}");
        store.seal().unwrap();
    }
    store.close().unwrap();
}

#[test]
fn the_same_import_twice_adds_nothing() {
    let events = vec![
        imported(flow("IBIT", "2025-11-17", Some(4.0), "2025-11-18T06:00:00Z")),
        imported(flow("FBTC", "2025-11-17", None, "2025-11-18T06:00:00Z")),
        imported(bar("KEEL", "2025-11-17", 12.0, "2025-11-18T00:00:00Z")),
        imported(holding("Keel Corp", "2025-12-31", 100.0, "2026-01-02T00:00:00Z")),
        imported(tip(900, "2026-01-05T12:00:00Z", 2.0, "2026-01-05T12:01:00Z")),
        imported(quote("KEEL", 12.0, "2026-01-05T12:00:00Z")),
        imported(funding(0.0001, "2026-01-05T12:00:00Z")),
        imported(open_interest(3.0, "2026-01-05T12:00:00Z")),
        imported(liquidation(1)),
    ];
    in_all_states(&events, |reader, state| {
        assert_eq!(reader.news(events.clone()).unwrap(), [], "{state}");
    });
    in_all_states(&[], |reader, state| {
        assert_eq!(reader.news(events.clone()).unwrap(), events, "{state}: an empty store");
        let twice = [events.clone(), events.clone()].concat();
        assert_eq!(reader.news(twice).unwrap(), events, "{state}: twice in one file");
    });
}

#[test]
fn news_is_what_changes_what_was_known_at_some_moment() {
    let told = |millions, known_at| flow("IBIT", "2025-11-17", Some(millions), known_at);
    let stored =
        [told(4.0, "2025-11-18T06:00:00Z"), told(5.0, "2025-11-18T06:00:00Z"), told(6.0, "2025-11-20")];
    in_all_states(&stored, |reader, state| {
        for (what, event, is_news) in [
            ("a repetition", told(6.0, "2025-11-21"), false),
            ("the same again", told(6.0, "2025-11-20"), false),
            ("a word overruled at the same moment", told(4.0, "2025-11-18T06:00:00Z"), false),
            ("a repetition in between", told(5.0, "2025-11-19"), false),
            ("a revision", told(7.0, "2025-11-21"), true),
            ("a return to an earlier word", told(5.0, "2025-11-21"), true),
            ("a word from before", told(9.0, "2025-11-17T22:00:00Z"), true),
            ("earlier knowledge of a word", told(6.0, "2025-11-19T12:00:00Z"), true),
            ("another fund", flow("FBTC", "2025-11-17", Some(4.0), "2025-11-18T06:00:00Z"), true),
            ("another day", flow("IBIT", "2025-11-18", Some(4.0), "2025-11-18T06:00:00Z"), true),
        ] {
            let found = reader.news(vec![event.clone()]).unwrap();
            assert_eq!(found, if is_news { vec![event] } else { vec![] }, "{state}: {what}");
        }
    });
    let live = quote("TAO-USDT", 400.0, "2026-01-06T10:00:00Z");
    in_all_states(std::slice::from_ref(&live), |reader, state| {
        let earlier = MarketEvent { known_at: when("2026-01-06T09:59:59Z"), ..imported(live.clone()) };
        let other = quote("TAO-USDT", 400.5, "2026-01-06T10:00:00Z");
        assert_eq!(reader.news(vec![earlier, other.clone()]).unwrap(), [other], "{state}");
    });
}

/// A year of daily bars of one symbol, as an import brings them.
fn year_of_bars(symbol: &str, year: i16) -> Vec<MarketEvent> {
    let first = market::Date::from_ymd(year, 1, 1).unwrap();
    std::iter::successors(Some(first), |date| Some(date.next()))
        .take(365)
        .map(|date| imported(bar(symbol, &date.to_string(), 12.0, &date.next().to_string())))
        .collect()
}

fn files_of(dir: &Path, table: Table) -> Vec<(String, u64)> {
    let manifest = Manifest::load(&Layout::new(dir)).unwrap();
    let files = manifest.files.iter().filter(|file| file.is_of(table));
    files.map(|file| (file.path.clone(), file.rows)).collect()
}

#[test]
fn years_of_daily_bars_are_a_file_a_year() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let mut expected = Vec::new();
    for symbol in ["ACME", "KEEL"] {
        for year in 2019..2025 {
            let bars = year_of_bars(symbol, year);
            append_batch(&mut store, symbol, &bars);
            expected.extend(bars);
        }
    }
    store.seal().unwrap();
    let files = files_of(dir.path(), Table::Bars);
    assert_eq!(files.len(), 6);
    assert!(files.iter().all(|(path, rows)| path.starts_with("bars/year=20") && *rows == 730), "{files:?}");
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!(reader.bars(&Query::default()).unwrap(), expected);
    assert_eq!(reader.news(expected).unwrap(), []);
    store.close().unwrap();
}

#[test]
fn a_hundred_seals_leave_a_handful_of_files_and_every_row() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let reader = Reader::open(dir.path()).unwrap();
    let bars = year_of_bars("KEEL", 2025);
    for (index, bar) in bars[..100].iter().enumerate() {
        append_batch(&mut store, "a poll", std::slice::from_ref(bar));
        store.seal().unwrap();
        if index % 9 == 0 {
            assert_eq!(reader.bars(&Query::default()).unwrap(), bars[..=index], "after {index}");
        }
    }
    let files = files_of(dir.path(), Table::Bars);
    assert!(files.len() <= 7, "{files:?}");
    assert_eq!(files.iter().map(|(_, rows)| rows).sum::<u64>(), 100);
    seal::assert_no_leftovers(dir.path());
    store.close().unwrap();
}

#[test]
fn a_crash_while_files_are_merged_keeps_everything_once() {
    let bars = year_of_bars("KEEL", 2025);
    let source = tempfile::tempdir().unwrap();
    let (mut store, _) = open(source.path());
    append_batch(&mut store, "first", &bars[..3]);
    store.seal().unwrap();
    append_batch(&mut store, "second", &bars[3..6]);
    store.close().unwrap();
    assert_eq!(files_of(source.path(), Table::Bars).len(), 1);
    let mut crashes = 0;
    for after in 0.. {
        let dir = tempfile::tempdir().unwrap();
        copy_tree(source.path(), dir.path());
        let (disk, steps) = seal::crashing(after);
        if let Ok((mut store, _)) = Store::open_on(dir.path(), patient(), clock(), disk) {
            let _ = store.seal();
            store.crash();
        }
        let has_crashed = steps.load(std::sync::atomic::Ordering::SeqCst) > after;
        let reader = Reader::open(dir.path()).unwrap();
        assert_eq!(reader.bars(&Query::default()).unwrap(), bars[..6], "crash before step {after}");
        let (mut store, _) = open(dir.path());
        store.seal().unwrap();
        seal::assert_no_leftovers(dir.path());
        assert_eq!(reader.bars(&Query::default()).unwrap(), bars[..6], "crash before step {after}, sealed");
        let files = files_of(dir.path(), Table::Bars);
        assert_eq!(files.len(), 1, "crash before step {after}: {files:?}");
        assert_eq!(reader.summary().unwrap().batches.len(), 2, "crash before step {after}");
        store.close().unwrap();
        if !has_crashed {
            break;
        }
        crashes += 1;
    }
    assert!(crashes >= 10, "only {crashes} steps");
}

#[test]
fn a_damaged_file_stands_in_no_seals_way() {
    let bars = year_of_bars("KEEL", 2025);
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    append_batch(&mut store, "first", &bars[..3]);
    store.seal().unwrap();
    let (path, _) = files_of(dir.path(), Table::Bars).remove(0);
    fs::write(dir.path().join(path), b"not what was sealed").unwrap();
    append_batch(&mut store, "second", &bars[3..6]);
    store.seal().unwrap();
    assert_eq!(files_of(dir.path(), Table::Bars).len(), 2);
    let reader = Reader::open(dir.path()).unwrap();
    assert!(matches!(reader.bars(&Query::default()), Err(StoreError::TableDamaged { .. })));
    store.close().unwrap();
}

/// Frames that mean a bar each, as a decoder of today reads them.
fn decode(frame: &RawFrame) -> (Option<String>, Vec<MarketEvent>) {
    let date = market::Date::from_days(20_000 + (frame.receive_time.since(at(0)).as_secs() as i32)).unwrap();
    let bar = bar("POLL", &date.to_string(), 15.0, "2026-01-06");
    (None, vec![MarketEvent { receive_time: frame.receive_time, ..bar }])
}

#[test]
fn a_rebuild_derives_what_frames_say_and_keeps_batches_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let mut batches = year_of_bars("KEEL", 2024);
    batches.push(flow("IBIT", "2025-11-17", Some(4.0), "2025-11-17T23:00:00Z"));
    // A liquidation of a batch, sealed into the same file as those of frames.
    batches.push(imported(liquidation(50)));
    for (number, batch) in batches.chunks(100).enumerate() {
        append_frame(&mut store, number as u64 + 1);
        append_batch(&mut store, "an import", batch);
        if number % 2 == 0 {
            store.seal().unwrap();
        }
    }
    store.close().unwrap();
    for before in [(5, 366), (1, 370)] {
        let rebuilt = rebuild(dir.path(), clock(), &mut decode).unwrap();
        let found = (rebuilt.liquidations_before, rebuilt.others_before);
        assert_eq!(found, before, "frames of no liquidation, and a bar each");
        assert_eq!((rebuilt.frames, rebuilt.liquidations, rebuilt.others), (4, 1, 370));
        let reader = Reader::open(dir.path()).unwrap();
        let bars = reader.bars(&Query::default()).unwrap();
        assert_eq!(bars[..365], batches[..365]);
        assert_eq!(bars[365..].len(), 4);
        assert!(bars[365..].iter().all(|event| event.observation.bar().unwrap().symbol == "POLL"));
        assert_eq!(reader.etf_flows(&Query::default()).unwrap(), batches[365..366]);
        assert_eq!(reader.liquidations(&Query::default()).unwrap(), batches[366..]);
        seal::assert_no_leftovers(dir.path());
    }
    // What is sealed later takes rebuilt files in; a repetition is a row of its own.
    let (mut store, _) = open(dir.path());
    append_batch(&mut store, "later", &batches[..1]);
    store.seal().unwrap();
    store.close().unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!(reader.summary().unwrap().tables["bars"].rows, 370);
    assert_eq!(reader.bars(&Query::default()).unwrap().len(), 369);
    let again = rebuild(dir.path(), clock(), &mut decode).unwrap();
    assert_eq!((again.others_before, again.others), (371, 371));
}

#[test]
fn a_desk_starts_from_flows_bars_holdings_and_the_latest_of_each_state() {
    let now = when("2026-01-10");
    let told = [
        flow("IBIT", "2024-01-11", Some(4.0), "2024-01-12T06:00:00Z"),
        bar("KEEL", "2024-12-05", 11.0, "2024-12-06"),
        bar("KEEL", "2024-12-07", 11.5, "2024-12-08"),
        bar("KEEL", "2026-01-09", 12.0, "2026-01-09T18:00:00Z"),
        bar("KEEL", "2026-01-09", 13.0, "2026-01-09T21:00:00Z"),
        holding("Keel Corp", "2023-12-31", 100.0, "2024-01-02"),
        quote("TAO-USDT", 400.0, "2026-01-06T10:00:00Z"),
        quote("TAO-USDT", 402.0, "2026-01-06T10:00:02Z"),
        quote("TAO-USDT", 401.0, "2026-01-06T10:00:01Z"),
        quote("FET-USDT", 1.0, "2026-01-07T10:00:00Z"),
        quote("OLD-USDT", 1.0, "2026-01-02T10:00:00Z"),
        funding(0.0001, "2026-01-06T10:00:00Z"),
        funding(0.0002, "2026-01-06T11:00:00Z"),
        open_interest(3.0, "2026-01-06T10:00:00Z"),
        tip(900, "2026-01-05T12:00:00Z", 2.0, "2026-01-05T12:01:00Z"),
        tip(901, "2026-01-05T12:10:00Z", 3.0, "2026-01-05T12:11:00Z"),
        tip(901, "2026-01-05T12:10:00Z", 4.0, "2026-01-05T12:12:00Z"),
    ];
    // The hourly bar is no daily one.
    let mut hourly = bar("KEEL", "2026-01-09", 99.0, "2026-01-09T21:00:00Z");
    if let Observation::Bar(bar) = &mut hourly.observation {
        bar.interval = market::Interval::Hour;
    }
    let all: Vec<MarketEvent> = told.iter().cloned().chain([hourly]).collect();
    in_all_states(&all, |reader, state| {
        let expected = [0, 5, 2, 16, 13, 7, 12, 9, 4].map(|index: usize| told[index].clone());
        let mut expected = expected.to_vec();
        expected.sort_by_key(|event| event.known_at);
        let mut found = reader.desk(now).unwrap();
        assert!(found.is_sorted_by_key(|event| event.known_at), "{state}");
        let by_text = |event: &MarketEvent| (event.known_at, format!("{event:?}"));
        found.sort_by_key(by_text);
        expected.sort_by_key(by_text);
        assert_eq!(found, expected, "{state}");
        let then = Query { as_of: Some(when("2026-01-06T10:00:01Z")), ..Query::default() };
        let quotes = reader.latest_quotes(&then).unwrap();
        assert_eq!(quotes, [told[10].clone(), told[8].clone()], "{state}");
        assert!(matches!(reader.latest(Table::Bars, &then), Err(StoreError::NoEvents { .. })), "{state}");
    });
}

/// How long an import of 30 symbols takes; run by hand: `cargo test … -- --ignored --nocapture an_import`.
#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stderr, reason = "a measurement is for its reader")]
fn an_import_of_thirty_symbols_is_measured() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let mut bars = Vec::new();
    for symbol in 0..30 {
        let first = day("2019-06-01").start();
        bars.extend((0..1_600).map(|number| {
            let date = first.plus(Duration::from_hours(24 * number)).date();
            imported(bar(&format!("SYM{symbol:02}"), &date.to_string(), 12.0, &date.next().to_string()))
        }));
    }
    let reader = Reader::open(dir.path()).unwrap();
    let began = std::time::Instant::now();
    let told = |what: &str| eprintln!("{what}: {:?}", began.elapsed());
    let news = reader.news(bars).unwrap();
    told("told from what is known");
    for chunk in news.chunks(10_000) {
        append_batch(&mut store, "bars.csv", chunk);
    }
    store.flush().unwrap();
    told("on disk");
    store.seal().unwrap();
    told("sealed");
    assert_eq!(files_of(dir.path(), Table::Bars).len(), 5);
    assert_eq!(reader.bars(&Query::default()).unwrap().len(), news.len());
    told("read back");
    assert_eq!(reader.news(news).unwrap(), []);
    told("told again");
    assert_eq!(reader.desk(when("2023-10-17")).unwrap().len(), 30 * 401);
    told("desk");
    store.close().unwrap();
}
