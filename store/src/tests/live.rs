//! Readers beside a writer that seals all the time.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::StoreError;

#[test]
fn a_reader_beside_a_sealing_writer_always_sees_a_prefix_once() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions { segment_bytes: 6_000, ..patient() };
    let (mut store, _) = Store::open(dir.path(), options, clock()).unwrap();
    let path = dir.path().to_owned();
    let is_done = Arc::new(AtomicBool::new(false));
    let ending = Arc::clone(&is_done);
    let reader = std::thread::spawn(move || {
        let mut seen = 0;
        let mut rounds = 0;
        loop {
            // Asked before reading: the last reading is one of the finished store.
            let is_over = ending.load(Ordering::SeqCst);
            match Reader::open(&path).unwrap().liquidations(&Query::default()) {
                Ok(events) => {
                    for (index, event) in events.iter().enumerate() {
                        assert_eq!(*event, liquidation(index as u64 + 1));
                    }
                    assert!(events.len() >= seen, "what was seen stays");
                    seen = events.len();
                }
                // Allowed by contract while everything is replaced all the time; not after.
                Err(StoreError::Busy { .. }) => assert!(!is_over),
                Err(error) => panic!("{error}: {error:?}"),
            }
            rounds += 1;
            if is_over && rounds >= 3 {
                return seen;
            }
        }
    });
    for number in 1..=400 {
        append_frame(&mut store, number);
        if number % 7 == 0 {
            store.flush().unwrap();
        }
        if number % 100 == 0 {
            store.seal().unwrap();
        }
    }
    store.flush().unwrap();
    is_done.store(true, Ordering::SeqCst);
    assert_eq!(reader.join().unwrap(), 400);
    store.close().unwrap();
}

#[test]
fn a_seal_between_manifest_and_journal_makes_a_reader_start_over() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let reader = Reader::open(dir.path()).unwrap();
    let mut number = 0;
    let snapshot = reader
        .snapshot_while(&mut || {
            // Twice the journal that the manifest did not list is gone when it is looked for.
            if number < 2 {
                number += 1;
                append_frame(&mut store, number);
                store.seal().unwrap();
            }
        })
        .unwrap();
    let mut rows = 0;
    let mut count = |found: Vec<crate::table::Row>| {
        rows += found.len();
        Ok(())
    };
    snapshot.visit(crate::Table::Liquidations, &|_| true, &mut count).unwrap();
    assert_eq!(rows, 2);
    // A store that never comes to rest is reported, not waited for.
    let restless = reader.snapshot_while(&mut || {
        number += 1;
        append_frame(&mut store, number);
        store.seal().unwrap();
    });
    assert!(matches!(restless, Err(StoreError::Busy { .. })));
    store.close().unwrap();
}

#[test]
fn a_record_is_durable_within_the_commit_time_without_a_flush() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let durable = store.durable_handle();
    let seq = append_frame(&mut store, 1);
    let began = std::time::Instant::now();
    while durable.load(Ordering::Acquire) < seq {
        assert!(began.elapsed() < Duration::from_secs(20), "never committed");
        std::thread::yield_now();
    }
    store.crash();
    assert_eq!(numbers(dir.path()), [1]);
}

#[test]
fn a_dropped_store_commits_what_was_appended() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions { commit_every: Duration::from_hours(1), ..patient() };
    let (mut store, _) = Store::open(dir.path(), options, clock()).unwrap();
    append_frame(&mut store, 1);
    drop(store);
    assert_eq!(numbers(dir.path()), [1]);
}

#[test]
fn more_than_the_queue_holds_waits_and_arrives() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let mut large = frame(1);
    large.payload = Payload::Text("x".repeat(5 << 20).into());
    for _ in 0..12 {
        store.append(Record::Frame { frame: &large, rejected: None, events: &[] }).unwrap();
    }
    assert_eq!(store.flush().unwrap(), 12);
    store.close().unwrap();
    let counts = Reader::open(dir.path()).unwrap().fingerprints(at(0), at(10)).unwrap();
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [(crate::fingerprint(&large), 12)]);
}

#[test]
fn a_watch_is_remembered_across_restarts_sealed_or_not() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, recovery) = open(dir.path());
    assert_eq!(recovery, crate::Recovery::default());
    append_frame(&mut store, 1);
    store.append(Record::Alive { feed: &FeedId::new("okx"), at: at(2) }).unwrap();
    store.seal().unwrap();
    store.append(Record::Alive { feed: &feed(), at: at(6) }).unwrap();
    store.append(Record::Gap(&gap(7, None, GapCause::Disconnected))).unwrap();
    store.close().unwrap();
    let (mut store, recovery) = open(dir.path());
    assert_eq!((recovery.last_seq, recovery.replayed), (4, 2));
    let trace = &recovery.feeds[&feed()];
    assert_eq!((trace.first_alive, trace.last_alive), (at(1), at(7)));
    assert_eq!(trace.open_gap.as_ref().map(|gap| gap.from), Some(at(7)));
    assert_eq!(recovery.feeds[&FeedId::new("okx")].last_alive, at(2));
    store.append(Record::Gap(&gap(7, Some(9), GapCause::Disconnected))).unwrap();
    store.seal().unwrap();
    store.close().unwrap();
    let (store, recovery) = open(dir.path());
    assert_eq!(recovery.feeds[&feed()].open_gap, None);
    assert_eq!(recovery.feeds[&feed()].last_alive, at(9));
    assert_eq!(recovery.replayed, 0);
    store.close().unwrap();
}
