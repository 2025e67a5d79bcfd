//! Users' Parquet files as text.

use polars::prelude::*;

use super::*;
use crate::{StoreError, read_sheet};

fn written(columns: Vec<Column>) -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mine.parquet");
    let mut frame = DataFrame::new(columns[0].len(), columns).unwrap();
    ParquetWriter::new(fs::File::create(&path).unwrap()).finish(&mut frame).unwrap();
    (dir, path)
}

#[test]
fn a_sheet_is_text_with_iso_times_and_nothing_for_nothing() {
    let micros = at(0).as_micros();
    let times = |unit, scale: fn(i64) -> i64| {
        Int64Chunked::from_iter_options("t".into(), [Some(scale(micros)), None].into_iter())
            .into_datetime(unit, None)
    };
    let named = |name: &str, column: Column| column.with_name(name.into());
    let (_dir, path) = written(vec![
        Column::new("name".into(), [Some("a,b"), None]),
        Column::new("value".into(), [Some(1.5), None]),
        Column::new("single".into(), [Some(0.1_f32), None]),
        Column::new("count".into(), [Some(-7_i64), None]),
        Column::new("few".into(), [Some(7_i32), None]),
        Column::new("is".into(), [Some(true), None]),
        Int32Chunked::from_iter_options("day".into(), [Some(20_459), None].into_iter())
            .into_date()
            .into_column(),
        named("millis", times(TimeUnit::Milliseconds, |micros| micros / 1_000).into_column()),
        named("micros", times(TimeUnit::Microseconds, |micros| micros).into_column()),
        named("nanos", times(TimeUnit::Nanoseconds, |micros| micros * 1_000).into_column()),
    ]);
    let sheet = read_sheet(&path).unwrap();
    assert_eq!(sheet.header.join(" "), "name value single count few is day millis micros nanos");
    let moment = "2026-01-06T23:59:00.000000Z";
    assert_eq!(sheet.rows[0], ["a,b", "1.5", "0.1", "-7", "7", "true", "2026-01-06", moment, moment, moment]);
    assert_eq!(sheet.rows[1], [""; 10]);
}

#[test]
fn what_is_no_sheet_is_refused_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(read_sheet(&dir.path().join("absent")), Err(StoreError::Io { .. })));
    let path = dir.path().join("text.parquet");
    fs::write(&path, "fund,flow\nIBIT,4\n").unwrap();
    assert!(matches!(read_sheet(&path), Err(StoreError::Sheet { .. })));
    let (_dir, path) = written(vec![Column::new("raw".into(), [b"ab".as_slice()])]);
    let error = read_sheet(&path).unwrap_err().to_string();
    assert!(error.contains("column raw is of type"), "{error}");
    let early = Int32Chunked::from_slice("day".into(), &[-1]).into_date().into_column();
    let (_dir, path) = written(vec![early]);
    let error = read_sheet(&path).unwrap_err().to_string();
    assert!(error.contains("column day of row 0"), "{error}");
}

#[test]
fn an_export_is_a_sheet() {
    let bars = [words::bar("KEEL", "2025-11-17", 12.0, "2025-11-18")];
    words::in_all_states(&bars, |reader, state| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bars.parquet");
        let mut file = fs::File::create(&path).unwrap();
        reader.export(crate::Table::Bars, &Query::default(), crate::Format::Parquet, &mut file).unwrap();
        let sheet = read_sheet(&path).unwrap();
        assert_eq!(sheet.rows.len(), 1, "{state}");
        let cell =
            |name: &str| &sheet.rows[0][sheet.header.iter().position(|header| header == name).unwrap()];
        assert_eq!(
            (cell("open_time").as_str(), cell("close").as_str()),
            ("2025-11-17T00:00:00.000000Z", "12")
        );
        assert_eq!((cell("is_final").as_str(), cell("interval").as_str()), ("true", "1d"));
    });
}
