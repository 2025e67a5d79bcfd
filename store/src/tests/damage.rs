//! What damage and failing disks do to a journal: nothing unseen, nothing acknowledged lost.

use std::io;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::disk::{Disk, Layout, Step};
use crate::manifest::Manifest;
use crate::recovery::{Recovered, replay};
use crate::segment::{HEADER, Scan};
use crate::{StoreError, Table};

/// A closed store with `count` frames in one unsealed segment.
fn written(count: u64) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    for number in 1..=count {
        append_frame(&mut store, number);
    }
    store.close().unwrap();
    dir
}

/// Where each record of a segment ends; the first entry is the header's end.
fn boundaries(bytes: &[u8]) -> Vec<usize> {
    let mut scan = Scan::new(bytes, 1);
    let mut ends = vec![HEADER];
    while scan.next().is_some() {
        ends.push(scan.offset());
    }
    ends
}

fn replay_in(dir: &Path) -> Recovered {
    let layout = Layout::new(dir);
    let manifest = Manifest::load(&layout).unwrap();
    replay(&layout, &Disk::default(), &manifest, at(0)).unwrap()
}

#[test]
fn a_journal_cut_at_any_byte_gives_the_exact_prefix() {
    let dir = written(8);
    let path = only_segment(dir.path());
    let bytes = fs::read(&path).unwrap();
    let ends = boundaries(&bytes);
    assert_eq!(*ends.last().unwrap(), bytes.len());
    for cut in 0..=bytes.len() {
        fs::write(&path, &bytes[..cut]).unwrap();
        let whole = ends.iter().filter(|end| **end <= cut).count().saturating_sub(1) as u64;
        assert_eq!(numbers(dir.path()), (1..=whole).collect::<Vec<_>>(), "a reader, cut at {cut}");
        let recovered = replay_in(dir.path());
        assert_eq!(recovered.report.replayed, whole, "cut at {cut}");
        assert_eq!(recovered.next_seq, whole + 1, "cut at {cut}");
        assert!(recovered.damage.is_empty() && recovered.gaps.is_empty(), "cut at {cut}");
        let kept = if cut >= HEADER { ends[whole as usize] } else { 0 };
        assert_eq!(recovered.report.truncated_bytes, (cut - kept) as u64, "cut at {cut}");
        if whole > 0 {
            assert_eq!(fs::read(&path).unwrap(), &bytes[..kept], "cut at {cut}");
        } else {
            assert!(!path.exists(), "cut at {cut}");
        }
    }
}

#[test]
fn a_writer_goes_on_after_a_torn_tail() {
    let dir = written(5);
    let path = only_segment(dir.path());
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    let (mut store, recovery) = open(dir.path());
    assert_eq!((recovery.last_seq, recovery.replayed), (4, 4));
    assert!(recovery.truncated_bytes > 0 && recovery.quarantined.is_empty());
    assert_eq!(append_frame(&mut store, 5), 5);
    store.seal().unwrap();
    assert_eq!(numbers(dir.path()), [1, 2, 3, 4, 5]);
    store.close().unwrap();
}

#[test]
fn a_thousand_flipped_bits_are_all_noticed() {
    let source = written(20);
    let name = only_segment(source.path());
    let bytes = fs::read(&name).unwrap();
    let ends = boundaries(&bytes);
    let manifest = fs::read(source.path().join("MANIFEST")).unwrap();
    let mut dice = Dice(1);
    for round in 0..1_000 {
        let position = dice.below(bytes.len());
        let mut flipped = bytes.clone();
        flipped[position] ^= 1 << dice.below(8);
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("wal")).unwrap();
        fs::write(dir.path().join("MANIFEST"), &manifest).unwrap();
        fs::write(dir.path().join("wal").join(name.file_name().unwrap()), &flipped).unwrap();
        // Records before the flipped one are served; a flipped header takes all with it.
        let good = ends.iter().filter(|end| **end <= position).count().saturating_sub(1) as u64;
        assert_eq!(numbers(dir.path()), (1..=good).collect::<Vec<_>>(), "round {round}");
        let recovered = replay_in(dir.path());
        assert_eq!(recovered.report.replayed, good, "round {round}");
        let is_last_record = position >= ends[19];
        if is_last_record {
            // Not to be told from a write that was cut short.
            assert!(recovered.report.truncated_bytes > 0, "round {round}");
            assert_eq!(recovered.next_seq, 20);
        } else {
            assert_eq!(recovered.next_seq, 21, "lost numbers are never used again, round {round}");
            assert_eq!((recovered.damage[0].first_seq, recovered.damage[0].last_seq), (good + 1, 20));
            let kept = dir.path().join(&recovered.damage[0].kept_in);
            assert_eq!(fs::read(kept).unwrap(), flipped, "round {round}");
            assert_eq!(recovered.gaps.len(), usize::from(good > 0), "round {round}");
        }
    }
}

/// Three sessions, so three segments, of five frames each.
fn three_segments() -> (tempfile::TempDir, Vec<std::path::PathBuf>) {
    let dir = tempfile::tempdir().unwrap();
    for session in 0..3 {
        let (mut store, _) = open(dir.path());
        for number in 1..=5 {
            append_frame(&mut store, session * 5 + number);
        }
        store.close().unwrap();
    }
    let segments = Layout::new(dir.path()).segments().unwrap().into_iter().map(|(_, path)| path).collect();
    (dir, segments)
}

fn damaged_gaps(dir: &Path) -> Vec<(Timestamp, Option<Timestamp>)> {
    Reader::open(dir)
        .unwrap()
        .gaps(&Query::default())
        .unwrap()
        .iter()
        .filter_map(|event| event.observation.gap())
        .filter(|gap| gap.cause == GapCause::JournalDamaged)
        .map(|gap| (gap.from, gap.until))
        .collect()
}

#[test]
fn a_flip_in_an_earlier_segment_becomes_a_gap_and_the_rest_is_served() {
    let (dir, segments) = three_segments();
    let mut bytes = fs::read(&segments[1]).unwrap();
    let third = boundaries_from(&bytes, 6)[2];
    bytes[third + 30] ^= 4;
    fs::write(&segments[1], &bytes).unwrap();

    let (store, recovery) = open(dir.path());
    assert_eq!(recovery.quarantined.len(), 1);
    assert_eq!(fs::read(&recovery.quarantined[0]).unwrap(), bytes, "kept for whoever looks into it");
    assert_eq!(recovery.replayed, 12);
    let served = [1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 14, 15];
    assert_eq!(numbers(dir.path()), served);
    assert_eq!(damaged_gaps(dir.path()), [(at(7), Some(at(11)))]);
    store.close().unwrap();

    let (mut store, recovery) = open(dir.path());
    assert!(recovery.quarantined.is_empty(), "found once");
    assert!(append_frame(&mut store, 16) > 15);
    store.seal().unwrap();
    assert_eq!(numbers(dir.path()), [&served[..], &[16]].concat());
    assert_eq!(damaged_gaps(dir.path()).len(), 1);
    let summary = Reader::open(dir.path()).unwrap().summary().unwrap();
    assert_eq!((summary.damaged_records, summary.quarantined_files), (3, 1));
    store.close().unwrap();
}

fn boundaries_from(bytes: &[u8], first_seq: u64) -> Vec<usize> {
    let mut scan = Scan::new(bytes, first_seq);
    let mut ends = vec![HEADER];
    while scan.next().is_some() {
        ends.push(scan.offset());
    }
    ends
}

#[test]
fn a_missing_segment_is_noticed() {
    let (dir, segments) = three_segments();
    fs::remove_file(&segments[1]).unwrap();
    let (store, recovery) = open(dir.path());
    assert_eq!(recovery.replayed, 10);
    assert_eq!(damaged_gaps(dir.path()), [(at(5), Some(at(11)))]);
    store.close().unwrap();
}

#[test]
fn damage_at_the_end_leaves_the_feed_in_an_open_gap() {
    let dir = written(10);
    let path = only_segment(dir.path());
    let mut bytes = fs::read(&path).unwrap();
    let fourth = boundaries(&bytes)[3];
    bytes[fourth + 20] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let (store, recovery) = open(dir.path());
    assert_eq!(recovery.quarantined.len(), 1);
    let trace = &recovery.feeds[&feed()];
    assert_eq!(trace.last_alive, at(3));
    let gap = trace.open_gap.as_ref().unwrap();
    assert_eq!((gap.from, gap.until, gap.cause), (at(3), None, GapCause::JournalDamaged));
    assert!(store.durable() > 10);
    store.close().unwrap();
}

#[test]
fn a_gap_whose_end_was_lost_ends_when_its_feed_shows_life() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    append_frame(&mut store, 1);
    store.append(Record::Gap(&gap(1, None, GapCause::Silent))).unwrap();
    store.append(Record::Gap(&gap(1, Some(4), GapCause::Silent))).unwrap();
    append_frame(&mut store, 5);
    store.close().unwrap();
    let (mut store, _) = open(dir.path());
    append_frame(&mut store, 8);
    store.append(Record::Alive { feed: &feed(), at: at(9) }).unwrap();
    store.close().unwrap();

    let (_, first) = Layout::new(dir.path()).segments().unwrap().remove(0);
    let mut bytes = fs::read(&first).unwrap();
    let second = boundaries(&bytes)[2];
    bytes[second + 20] ^= 1;
    fs::write(&first, &bytes).unwrap();
    let (store, recovery) = open(dir.path());
    assert_eq!(recovery.feeds[&feed()].open_gap, None);
    let gaps = Reader::open(dir.path()).unwrap().gaps(&Query::default()).unwrap();
    assert_eq!(gaps.len(), 1);
    let Observation::Gap(closed) = &gaps[0].observation else { panic!("not a gap") };
    assert_eq!((closed.from, closed.until, closed.cause), (at(1), Some(at(9)), GapCause::Silent));
    store.close().unwrap();
}

/// Fails the `nth` time (from 0) that `step` is reached, and `times` times in a row.
fn failing(step: Step, nth: usize, times: usize, error: io::ErrorKind) -> Disk {
    let count = AtomicUsize::new(0);
    Disk {
        fault: Some(Arc::new(move |reached| {
            if reached == step {
                let now = count.fetch_add(1, Ordering::SeqCst);
                if (nth..nth + times).contains(&now) {
                    return Err(io::Error::from(error));
                }
            }
            Ok(())
        })),
    }
}

#[test]
fn one_failed_sync_moves_the_batch_to_a_new_segment() {
    for step in [Step::SegmentWrite, Step::SegmentSync, Step::SegmentCreate] {
        for nth in 0..3 {
            let dir = tempfile::tempdir().unwrap();
            let disk = failing(step, nth, 1, io::ErrorKind::Other);
            let (mut store, _) = Store::open_on(dir.path(), patient(), clock(), disk).unwrap();
            for number in 1..=4 {
                append_frame(&mut store, number);
                assert_eq!(store.flush().unwrap(), number, "{step:?} {nth}");
            }
            assert_eq!(numbers(dir.path()), [1, 2, 3, 4], "{step:?} {nth}");
            store.crash();
            let (mut store, recovery) = open(dir.path());
            assert_eq!((recovery.last_seq, recovery.replayed), (4, 4), "{step:?} {nth}");
            assert!(recovery.quarantined.is_empty(), "{step:?} {nth}");
            store.seal().unwrap();
            assert_eq!(numbers(dir.path()), [1, 2, 3, 4], "{step:?} {nth}");
            store.close().unwrap();
        }
    }
}

#[test]
fn a_disk_that_stays_broken_stops_the_store_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let disk = failing(Step::SegmentSync, 2, usize::MAX / 2, io::ErrorKind::StorageFull);
    let (mut store, _) = Store::open_on(dir.path(), patient(), clock(), disk).unwrap();
    for number in 1..=2 {
        append_frame(&mut store, number);
        store.flush().unwrap();
    }
    append_frame(&mut store, 3);
    let error = store.flush().unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, StoreError::Stopped { durable: 2, .. }), "{error:?}");
    assert!(text.contains("wal") && text.contains("record 2") && text.contains("free some space"), "{text}");
    let next = frame(4);
    let refused = store.append(Record::Frame { frame: &next, rejected: None, events: &[] });
    assert!(matches!(refused, Err(StoreError::Stopped { durable: 2, .. })));
    assert!(matches!(store.seal(), Err(StoreError::Stopped { .. })));
    assert_eq!(store.durable(), 2);
    assert!(store.close().is_err());

    let (store, recovery) = open(dir.path());
    assert!((2..=3).contains(&recovery.last_seq), "acknowledged at least, appended at most");
    assert_eq!(numbers(dir.path()), (1..=recovery.last_seq).collect::<Vec<_>>());
    store.close().unwrap();
}

struct Mounted<'a>(&'a Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let parent = tempfile::tempdir().unwrap();
    let target = parent.path().join("small");
    fs::create_dir(&target).unwrap();
    let mount = |options: &str| {
        Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&target).output()
    };
    if !mount("size=3m").is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this user cannot mount a small tmpfs");
        return;
    }
    let mounted = Mounted(&target);
    let dir = target.join("store");
    let (mut store, _) = open(&dir);
    let mut acknowledged = 0;
    let error = loop {
        let number = acknowledged + 1;
        let event = liquidation(number);
        let mut large = frame(number);
        large.payload = Payload::Text(" ".repeat(10_000).into());
        let record = Record::Frame { frame: &large, rejected: None, events: &[event] };
        match store.append(record).and_then(|_| store.flush()) {
            Ok(durable) => acknowledged = durable,
            Err(error) => break error,
        }
        assert!(number < 1_000, "3 MiB hold no thousand frames of 10 kB");
    };
    assert!(matches!(error, StoreError::Stopped { durable, .. } if durable == acknowledged), "{error:?}");
    assert!(error.to_string().contains("the disk is full"), "{error}");
    assert!(acknowledged > 100);
    drop(store);
    assert!(mount("remount,size=64m").unwrap().status.success());
    let (mut store, recovery) = open(&dir);
    assert!(recovery.last_seq >= acknowledged);
    append_frame(&mut store, recovery.last_seq + 1);
    store.seal().unwrap();
    assert_eq!(numbers(&dir), (1..=recovery.last_seq + 1).collect::<Vec<_>>());
    store.close().unwrap();
    drop(mounted);
}

#[test]
fn a_second_writer_is_told_who_writes_and_since_when() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let error = Store::open(dir.path(), patient(), clock()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
    assert!(
        text.contains("since 2026-01-06T23:59:00.000000Z") && text.contains("stop that process"),
        "{text}"
    );
    assert!(text.contains(&dir.path().display().to_string()), "{text}");
    store.close().unwrap();
    open(dir.path()).0.close().unwrap();
}

#[test]
fn a_directory_with_other_things_in_it_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let theirs = dir.path().join("frames/date=2020-01-01/theirs.parquet");
    fs::create_dir_all(theirs.parent().unwrap()).unwrap();
    fs::write(&theirs, "theirs").unwrap();
    assert!(matches!(Store::open(dir.path(), patient(), clock()), Err(StoreError::NotEmpty { .. })));
    assert!(theirs.exists() && !dir.path().join("LOCK").exists());
    let error = Reader::open(dir.path()).unwrap_err();
    assert!(error.to_string().contains("is not an event store"), "{error}");
    assert!(matches!(Reader::open(&dir.path().join("nowhere")), Err(StoreError::NotAStore { .. })));
}

#[test]
fn a_manifest_that_is_wrong_is_never_believed() {
    let dir = written(3);
    let path = dir.path().join("MANIFEST");
    let good = fs::read(&path).unwrap();
    let mut dice = Dice(3);
    for round in 0..300 {
        let mut bad = good.clone();
        bad[dice.below(good.len())] ^= 1 << dice.below(7);
        fs::write(&path, &bad).unwrap();
        let refused = Reader::open(dir.path());
        // A letter's case in the checksum line is the one change that changes nothing.
        if bad.eq_ignore_ascii_case(&good) {
            continue;
        }
        assert!(matches!(refused, Err(StoreError::Manifest { .. })), "round {round}: {refused:?}");
        let opened = Store::open(dir.path(), patient(), clock());
        assert!(matches!(opened, Err(StoreError::Manifest { .. })), "round {round}");
    }
    fs::write(&path, &good[..good.len() / 2]).unwrap();
    assert!(matches!(Reader::open(dir.path()), Err(StoreError::Manifest { .. })));
    fs::remove_file(&path).unwrap();
    assert!(matches!(Store::open(dir.path(), patient(), clock()), Err(StoreError::Manifest { .. })));
    fs::write(&path, &good).unwrap();
    assert_eq!(numbers(dir.path()), [1, 2, 3], "nothing was touched");
}

#[test]
fn a_damaged_table_file_is_never_served() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    for number in 1..=5 {
        append_frame(&mut store, number);
    }
    store.seal().unwrap();
    let manifest = Manifest::load(&Layout::new(dir.path())).unwrap();
    let file = manifest.files.iter().find(|file| file.is_of(Table::Liquidations)).unwrap();
    let path = file.locate(dir.path());
    let good = fs::read(&path).unwrap();
    let mut dice = Dice(4);
    let reader = Reader::open(dir.path()).unwrap();
    for _ in 0..200 {
        let mut bad = good.clone();
        bad[dice.below(good.len())] ^= 1 << dice.below(8);
        fs::write(&path, &bad).unwrap();
        assert!(matches!(reader.liquidations(&Query::default()), Err(StoreError::TableDamaged { .. })));
    }
    fs::remove_file(&path).unwrap();
    assert!(matches!(reader.liquidations(&Query::default()), Err(StoreError::TableMissing { .. })));
    store.close().unwrap();
}
