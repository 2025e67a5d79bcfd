//! Stores of format 1: `format1/` was written by the last program that knew no other. It holds eight
//! sealed records (frames 1, 30, 58, 61 and 90, a gap, an alert, a sign of life) and five unsealed ones.

use super::*;
use crate::disk::Layout;
use crate::manifest::Manifest;
use crate::{Format, StoreError, Table, rebuild};

fn old() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    copy_tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/format1"), dir.path());
    dir
}

fn assert_whole(dir: &Path, when: &str) {
    assert_eq!(numbers(dir), [1, 30, 58, 61, 90, 100, 101], "{when}");
    let reader = Reader::open(dir).unwrap();
    let gaps = reader.gaps(&Query::default()).unwrap();
    let expected = [gap(58, Some(61), GapCause::Disconnected), gap(102, None, GapCause::Disconnected)];
    assert_eq!(gaps, expected, "{when}");
    assert_eq!(reader.alerts(&Query::default()).unwrap(), [alert(62), alert(103)], "{when}");
    let frames = reader.fingerprints(at(0), at(1_000)).unwrap();
    for number in [1, 30, 58, 61, 90, 100, 101] {
        assert_eq!(frames.get(&crate::fingerprint(&frame(number))), Some(&1), "{when}: frame {number}");
    }
    assert_eq!(reader.feeds().unwrap()[&feed()].last_alive, at(104), "{when}");
}

#[test]
fn a_store_of_format_1_is_read_continued_and_rebuilt() {
    let dir = old();
    assert_whole(dir.path(), "read");
    let format = || Manifest::load(&Layout::new(dir.path())).unwrap().format;
    assert_eq!(format(), 1, "reading changes nothing");

    // Tables that came later are there and empty.
    let reader = Reader::open(dir.path()).unwrap();
    for table in [Table::Forecasts, Table::Regimes] {
        assert_eq!(reader.events(table, &Query::default()).unwrap(), []);
        assert_eq!(reader.words(table, &Query::default()).unwrap(), []);
        assert_eq!(reader.export(table, &Query::default(), Format::Parquet, &mut Vec::new()).unwrap(), 0);
    }

    let (mut store, recovery) = open(dir.path());
    assert_eq!((recovery.last_seq, recovery.replayed), (13, 5));
    assert_eq!(format(), 2, "raised before anything new is written");
    let bars = [words::bar("KEEL", "2025-11-17", 12.0, "2025-11-18")];
    assert_eq!(words::append_batch(&mut store, "bars.csv", &bars), 14);
    let said = [words::forecast("2026-01-07T00:00:00Z", Some(0.25), "2026-01-07T00:00:01Z")];
    assert_eq!(words::append_batch(&mut store, "forecaster", &said), 15);
    store.flush().unwrap();
    assert_whole(dir.path(), "continued");
    store.seal().unwrap();
    assert_whole(dir.path(), "sealed");
    store.close().unwrap();
    assert_eq!(Reader::open(dir.path()).unwrap().bars(&Query::default()).unwrap(), bars);

    let rebuilt = rebuild(dir.path(), clock(), &mut |frame| {
        let text = String::from_utf8(frame.payload.as_bytes().to_vec()).unwrap();
        let number = text.rsplit(':').next().unwrap().trim_end_matches('}').parse().unwrap();
        (None, vec![liquidation(number)])
    })
    .unwrap();
    assert_eq!((rebuilt.frames, rebuilt.liquidations_before, rebuilt.liquidations), (7, 7, 7));
    assert_whole(dir.path(), "rebuilt");
    assert_eq!(reader.bars(&Query::default()).unwrap(), bars);
    assert_eq!(reader.events(Table::Forecasts, &Query::default()).unwrap(), said);
}

/// The check that a program of format 1 makes of a store of format 2, with one more on both sides.
#[test]
fn an_older_program_refuses_a_newer_store_by_name() {
    let dir = old();
    open(dir.path()).0.close().unwrap();
    let path = dir.path().join("MANIFEST");
    let text = fs::read_to_string(&path).unwrap();
    let json = text.lines().next().unwrap().replace("\"format\":2", "\"format\":3");
    fs::write(&path, format!("{json}\ncrc32c {:08x}\n", crc32c::crc32c(json.as_bytes()))).unwrap();
    let error = Reader::open(dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 3, known: 2, .. }), "{error:?}");
    let message = error.to_string();
    assert!(message.contains("has format 3, this program knows formats up to 2"), "{message}");
    assert!(matches!(Store::open(dir.path(), patient(), clock()), Err(StoreError::Newer { .. })));
}
