//! Deriving liquidations again: replaced as a whole, or not at all.

use std::sync::atomic::Ordering;

use super::seal::{assert_no_leftovers, crashing};
use super::*;
use crate::rebuild::rebuild_on;
use crate::{Rebuilt, StoreError, rebuild};

/// A store whose decoder missed the even frames and rejected them.
fn with_a_poor_decoder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for session in [1..=4, 59..=62_u64] {
        let (mut store, _) = open(dir.path());
        for number in session {
            let event = [liquidation(number)];
            let (rejected, events) =
                if number % 2 == 0 { (Some("cannot read it"), &event[..0]) } else { (None, &event[..]) };
            store.append(Record::Frame { frame: &frame(number), rejected, events }).unwrap();
        }
        store.append(Record::Gap(&gap(5, Some(58), GapCause::NotRunning))).unwrap();
        store.close().unwrap();
    }
    dir
}

/// A better decoder: reads the number off the text.
fn decode(frame: &RawFrame) -> (Option<String>, Vec<MarketEvent>) {
    let text = String::from_utf8(frame.payload.as_bytes().to_vec()).unwrap();
    let number = text.rsplit(':').next().unwrap().trim_end_matches('}').parse().unwrap();
    (None, vec![liquidation(number)])
}

const ALL: [u64; 8] = [1, 2, 3, 4, 59, 60, 61, 62];

#[test]
fn a_better_decoder_replaces_the_table_and_the_verdicts() {
    let dir = with_a_poor_decoder();
    assert_eq!(numbers(dir.path()), [1, 3, 59, 61]);
    let mut order = Vec::new();
    let rebuilt = rebuild(dir.path(), clock(), &mut |frame| {
        order.push(frame.receive_time);
        decode(frame)
    })
    .unwrap();
    assert!(order.is_sorted(), "decoders see frames in the order in which they came");
    let expected = Rebuilt {
        frames: 8,
        rejected: 0,
        reconsidered: 4,
        liquidations_before: 4,
        liquidations: 8,
        ..Rebuilt::default()
    };
    assert_eq!(rebuilt, expected);
    assert_eq!(numbers(dir.path()), ALL);
    assert_no_leftovers(dir.path());
    let again = rebuild(dir.path(), clock(), &mut decode).unwrap();
    assert_eq!((again.reconsidered, again.liquidations_before, again.liquidations), (0, 8, 8));
    assert_eq!(numbers(dir.path()), ALL);
    assert_no_leftovers(dir.path());
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!(reader.gaps(&Query::default()).unwrap().len(), 1);
    assert_eq!(reader.fingerprints(at(0), at(100)).unwrap().len(), 8);
}

#[test]
fn a_crash_during_a_rebuild_leaves_the_old_table_or_the_new_one() {
    let source = with_a_poor_decoder();
    open(source.path()).0.close().unwrap();
    let mut crashes = 0;
    for after in 0.. {
        let dir = tempfile::tempdir().unwrap();
        copy_tree(source.path(), dir.path());
        let (disk, steps) = crashing(after);
        let outcome = rebuild_on(dir.path(), clock(), disk, &mut decode);
        let has_crashed = steps.load(Ordering::SeqCst) > after;
        let found = numbers(dir.path());
        let is_new = found == ALL;
        assert!(is_new || found == [1, 3, 59, 61], "crash before step {after}: {found:?}");
        assert!(is_new || outcome.is_err(), "crash before step {after}");
        let (store, _) = open(dir.path());
        assert_eq!(numbers(dir.path()), found, "crash before step {after}, opened again");
        assert_no_leftovers(dir.path());
        store.close().unwrap();
        if !has_crashed {
            assert!(is_new);
            break;
        }
        crashes += 1;
    }
    assert!(crashes >= 30, "only {crashes} steps");
}

#[test]
fn a_rebuild_needs_the_lock_and_a_store() {
    let dir = with_a_poor_decoder();
    let (store, _) = open(dir.path());
    assert!(matches!(rebuild(dir.path(), clock(), &mut decode), Err(StoreError::Locked { .. })));
    store.close().unwrap();
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(rebuild(empty.path(), clock(), &mut decode), Err(StoreError::NotAStore { .. })));
}
