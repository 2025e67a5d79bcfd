//! Seals: exactly once through every crash, and files that other tools can read.

use std::io::{self, Cursor};
use std::sync::atomic::{AtomicUsize, Ordering};

use polars::prelude::*;

use super::*;
use crate::disk::{Disk, Layout, Step};
use crate::manifest::Manifest;
use crate::{StoreError, Table};

/// A disk on which nothing happens any more from the `after`th step (from 0) on, and how many steps
/// there were.
pub(super) fn crashing(after: usize) -> (Disk, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let steps = Arc::clone(&count);
    let fault = move |_: Step| {
        if steps.fetch_add(1, Ordering::SeqCst) >= after { Err(io::Error::other("crashed")) } else { Ok(()) }
    };
    (Disk { fault: Some(Arc::new(fault)) }, count)
}

/// Frames around midnight, a gap, an alert: several tables, two partitions.
fn fill(store: &mut Store) {
    for number in [1, 30, 58, 61, 90] {
        append_frame(store, number);
    }
    store.append(Record::Gap(&gap(58, Some(61), GapCause::Disconnected))).unwrap();
    store.append(Record::Alert(&alert(62))).unwrap();
    store.append(Record::Alive { feed: &feed(), at: at(95) }).unwrap();
}

fn assert_whole(dir: &Path, when: &str) {
    assert_eq!(numbers(dir), [1, 30, 58, 61, 90], "{when}");
    let reader = Reader::open(dir).unwrap();
    assert_eq!(reader.gaps(&Query::default()).unwrap().len(), 1, "{when}");
    assert_eq!(reader.alerts(&Query::default()).unwrap(), [alert(62)], "{when}");
    assert_eq!(reader.fingerprints(at(0), at(1_000)).unwrap().len(), 5, "{when}");
    let summary = reader.summary().unwrap();
    assert_eq!(summary.tables["frames"].rows, 5, "{when}");
    assert_eq!(summary.last_seq, 8, "{when}");
}

#[test]
fn a_crash_between_any_two_steps_of_a_seal_keeps_everything_once() {
    let mut crashes = 0;
    for after in 0.. {
        let dir = tempfile::tempdir().unwrap();
        // The journal is written by a healthy store; the seal is done by the crashing one.
        let (mut store, _) = open(dir.path());
        fill(&mut store);
        store.close().unwrap();
        let (disk, steps) = crashing(after);
        let opened = Store::open_on(dir.path(), patient(), clock(), disk);
        if let Ok((mut store, _)) = opened {
            let _ = store.seal();
            store.crash();
        }
        let has_crashed = steps.load(Ordering::SeqCst) > after;
        let when = format!("crash before step {after}");
        assert_whole(dir.path(), &when);
        let (mut store, recovery) = open(dir.path());
        assert_eq!(recovery.last_seq, 8, "{when}");
        assert_eq!(recovery.feeds[&feed()].last_alive, at(95), "{when}");
        assert_no_leftovers(dir.path());
        assert_whole(dir.path(), &format!("{when}, opened again"));
        store.seal().unwrap();
        assert_whole(dir.path(), &format!("{when}, sealed again"));
        assert_eq!(Layout::new(dir.path()).segments().unwrap(), [], "{when}");
        assert_no_leftovers(dir.path());
        store.close().unwrap();
        if !has_crashed {
            break;
        }
        crashes += 1;
    }
    assert!(crashes >= 20, "only {crashes} steps: are they all still announced?");
}

/// Every table file is listed and every listed file is there.
pub(super) fn assert_no_leftovers(dir: &Path) {
    let manifest = Manifest::load(&Layout::new(dir)).unwrap();
    let mut listed: Vec<_> = manifest.files.iter().map(|file| file.locate(dir)).collect();
    let mut found = Vec::new();
    for table in Table::ALL {
        let Ok(partitions) = fs::read_dir(dir.join(table.name())) else {
            continue;
        };
        for partition in partitions {
            let files = fs::read_dir(partition.unwrap().path()).unwrap();
            found.extend(files.map(|entry| entry.unwrap().path()));
        }
    }
    listed.sort();
    found.sort();
    assert_eq!(listed, found);
}

#[test]
fn a_seal_that_fails_is_told_and_the_next_one_succeeds() {
    let dir = tempfile::tempdir().unwrap();
    let failed = Arc::new(AtomicUsize::new(0));
    let once = Arc::clone(&failed);
    let disk = Disk {
        fault: Some(Arc::new(move |step| {
            if step == Step::TableSync && once.fetch_add(1, Ordering::SeqCst) == 1 {
                return Err(io::Error::from(io::ErrorKind::StorageFull));
            }
            Ok(())
        })),
    };
    let (mut store, _) = Store::open_on(dir.path(), patient(), clock(), disk).unwrap();
    fill(&mut store);
    assert!(matches!(store.seal(), Err(StoreError::Io { .. })));
    assert_whole(dir.path(), "after the failed seal");
    store.seal().unwrap();
    assert_whole(dir.path(), "after the second seal");
    store.close().unwrap();
    assert_no_leftovers(dir.path());
}

#[test]
fn size_and_age_seal_without_being_asked() {
    for options in [
        StoreOptions { segment_bytes: 2_000, ..patient() },
        StoreOptions { segment_age: Duration::from_millis(20), ..patient() },
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, _) = Store::open(dir.path(), options, clock()).unwrap();
        for number in 1..=20 {
            append_frame(&mut store, number);
            store.flush().unwrap();
        }
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        for _ in 0..500 {
            if Manifest::load(&Layout::new(dir.path())).unwrap().sealed_upto > 0 {
                break;
            }
            let _ = receiver.recv_timeout(Duration::from_millis(20));
        }
        drop(sender);
        assert!(Manifest::load(&Layout::new(dir.path())).unwrap().sealed_upto > 0, "{options:?}");
        assert_eq!(numbers(dir.path()), (1..=20).collect::<Vec<_>>());
        store.close().unwrap();
        assert_eq!(numbers(dir.path()), (1..=20).collect::<Vec<_>>());
    }
}

#[test]
fn several_short_sessions_are_sealed_together() {
    let dir = tempfile::tempdir().unwrap();
    for number in 1..=4 {
        let (mut store, _) = open(dir.path());
        append_frame(&mut store, number);
        store.close().unwrap();
    }
    let (mut store, recovery) = open(dir.path());
    assert_eq!(recovery.replayed, 4);
    store.seal().unwrap();
    let manifest = Manifest::load(&Layout::new(dir.path())).unwrap();
    assert_eq!(manifest.files.iter().filter(|file| file.is_of(Table::Frames)).count(), 1);
    assert_eq!(numbers(dir.path()), [1, 2, 3, 4]);
    store.close().unwrap();
}

/// What Spark, `DuckDB` and `ClickHouse` are known to read: microseconds in UTC, signed integers,
/// doubles, strings.
#[test]
fn sealed_files_have_types_that_every_tool_reads() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    fill(&mut store);
    store.seal().unwrap();
    store.close().unwrap();
    let manifest = Manifest::load(&Layout::new(dir.path())).unwrap();
    let utc = || DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    for file in &manifest.files {
        let bytes = fs::read(file.locate(dir.path())).unwrap();
        let mut reader = ParquetReader::new(Cursor::new(bytes));
        let metadata = reader.get_metadata().unwrap().clone();
        let pairs = metadata.key_value_metadata().as_ref().unwrap();
        let value = |key: &str| pairs.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.clone());
        assert_eq!(value("vigie.table").as_deref(), Some(file.table.as_str()));
        assert_eq!(value("vigie.format").as_deref(), Some("2"));
        assert_eq!(value("vigie.first_seq").as_deref(), Some("1"));
        assert_eq!(value("vigie.last_seq").as_deref(), Some("8"));
        assert_eq!(value("vigie.rows"), Some(file.rows.to_string()));
        let table: Table = file.table.parse().unwrap();
        let frame = reader.finish().unwrap();
        let names: Vec<_> = frame.get_column_names().iter().map(|name| name.as_str()).collect();
        assert_eq!(names, table.columns().iter().map(|heading| heading.name).collect::<Vec<_>>());
        for column in frame.columns() {
            let expected = match column.name().as_str() {
                "event_time" | "receive_time" | "known_at" | "from" | "until" | "at" | "since"
                | "forecast_at" => utc(),
                "seq" | "window_secs" | "events" | "unknown_notional" => DataType::Int64,
                "price" | "quantity" | "notional_usd" | "threshold_usd" | "coverage" | "probability"
                | "low" | "high" | "base" | "markov" | "margin_only" | "shift_at_least" => DataType::Float64,
                "binary" => DataType::Binary,
                _ => DataType::String,
            };
            assert_eq!(column.dtype(), &expected, "{table}.{}", column.name());
        }
    }
    let paths: Vec<_> = manifest.files.iter().map(|file| file.path.as_str()).collect();
    let run = "00000000000000000001-00000000000000000008.parquet";
    for expected in [
        format!("liquidations/date=2026-01-06/{run}"),
        format!("liquidations/date=2026-01-07/{run}"),
        format!("frames/date=2026-01-06/{run}"),
        format!("gaps/date=2026-01-06/{run}"),
        format!("alerts/date=2026-01-07/{run}"),
    ] {
        assert!(paths.contains(&expected.as_str()), "{expected} among {paths:?}");
    }
}

/// The whole table through polars' own hive scan, as a notebook would read it.
#[test]
fn a_scan_of_the_directory_sees_every_row_with_its_date() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    fill(&mut store);
    store.seal().unwrap();
    store.close().unwrap();
    let pattern = dir.path().join("liquidations").display().to_string();
    let frame = LazyFrame::scan_parquet(pattern.as_str().into(), ScanArgsParquet::default())
        .unwrap()
        .collect()
        .unwrap();
    assert_eq!(frame.height(), 5);
    assert_eq!(frame.column("date").unwrap().n_unique().unwrap(), 2);
}
