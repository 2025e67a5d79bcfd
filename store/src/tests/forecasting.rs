//! What the forecaster said: kept by year, read as it stood, exported, untouched by rebuilds.

use market::FORECASTER;

use super::words::*;
use super::*;
use crate::disk::Layout;
use crate::manifest::Manifest;
use crate::{Format, Table, rebuild};

fn told() -> Vec<MarketEvent> {
    vec![
        forecast("2025-12-31T23:00:00Z", Some(0.25), "2025-12-31T23:00:04Z"),
        forecast("2026-01-01T00:00:00Z", None, "2026-01-01T00:00:03Z"),
        forecast("2026-01-01T01:00:00Z", Some(0.5), "2026-01-01T01:00:02Z"),
        // Made again after a refit, and once more without a change.
        forecast("2026-01-01T01:00:00Z", Some(0.375), "2026-01-01T01:20:00Z"),
        forecast("2026-01-01T01:00:00Z", Some(0.375), "2026-01-01T01:40:00Z"),
        reading("2026-01-01T00:00:00Z", 0.25, "2026-01-01T00:00:03Z"),
        reading("2026-01-01T01:00:00Z", 0.75, "2026-01-01T01:00:02Z"),
    ]
}

fn csv(reader: &Reader, table: Table, query: &Query) -> String {
    let mut out = Vec::new();
    reader.export(table, query, Format::Csv, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

const FORECASTS: &str = "event_time,known_at,target,asset,regime,until,probability,low,high,abstained,base,markov,margin_only,regimes,model,ledger_sequence,source,receive_time,seq\n\
    2025-12-31T23:00:00.000000Z,2025-12-31T23:00:04.000000Z,vol-24h,BTC,0,2026-01-01T23:00:00.000000Z,0.25,0.125,0.5,,0.12,0.09,0.2,\"0,1\",vol-24h-7f3a,41,forecaster,2025-12-31T23:00:04.000000Z,1\n\
    2026-01-01T00:00:00.000000Z,2026-01-01T00:00:03.000000Z,vol-24h,BTC,0,2026-01-02T00:00:00.000000Z,,,,outside what it learnt from,0.12,0.09,0.2,,vol-24h-7f3a,41,forecaster,2026-01-01T00:00:03.000000Z,2\n\
    2026-01-01T01:00:00.000000Z,2026-01-01T01:20:00.000000Z,vol-24h,BTC,0,2026-01-02T01:00:00.000000Z,0.375,0.25,0.625,,0.12,0.09,0.2,\"0,1\",vol-24h-7f3a,41,forecaster,2026-01-01T01:20:00.000000Z,4\n";
const REGIMES: &str = "event_time,known_at,target,asset,regime,name,probability,probabilities,since,model,source,receive_time,seq\n\
    2026-01-01T00:00:00.000000Z,2026-01-01T00:00:03.000000Z,vol-24h,BTC,0,calm,0.25,\"0.75,0.25\",2026-01-05T00:00:00.000000Z,vol-24h-7f3a,forecaster,2026-01-01T00:00:03.000000Z,6\n\
    2026-01-01T01:00:00.000000Z,2026-01-01T01:00:02.000000Z,vol-24h,BTC,1,stormy,0.75,\"0.25,0.75\",2026-01-05T00:00:00.000000Z,vol-24h-7f3a,forecaster,2026-01-01T01:00:02.000000Z,7\n";

#[test]
fn forecasts_and_regimes_are_exported_to_the_byte_and_as_they_stood() {
    in_all_states(&told(), |reader, state| {
        assert_eq!(csv(reader, Table::Forecasts, &Query::default()), FORECASTS, "{state}");
        assert_eq!(csv(reader, Table::Regimes, &Query::default()), REGIMES, "{state}");
        for (moment, expected) in [
            ("2026-01-01T01:00:01Z", vec![Some(0.25), None]),
            ("2026-01-01T01:19:59Z", vec![Some(0.25), None, Some(0.5)]),
            ("2026-01-01T01:20:00Z", vec![Some(0.25), None, Some(0.375)]),
        ] {
            let query = Query { as_of: Some(when(moment)), ..Query::default() };
            let stood: Vec<Option<f64>> = (reader.events(Table::Forecasts, &query).unwrap().iter())
                .map(|event| event.observation.forecast().unwrap().shift.map(|shift| shift.probability))
                .collect();
            assert_eq!(stood, expected, "{state}, {moment}");
        }
        for (name, expected) in [("btc", 3), ("vol-24h", 3), ("ETH", 0), ("vol-5d", 0)] {
            let query = Query { instruments: vec![name.to_owned()], ..Query::default() };
            assert_eq!(reader.events(Table::Forecasts, &query).unwrap().len(), expected, "{state}: {name}");
        }
        assert!(reader.feeds().unwrap().is_empty(), "{state}: no feed said it");
        assert_eq!(reader.news(told()).unwrap(), [], "{state}: told already");
    });
}

/// A year of hourly forecasts is a file or a few, and no list of batches that grows for ever.
#[test]
fn hourly_forecasts_stay_few_files_and_leave_the_manifest_small() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let start = when("2026-01-01");
    for hour in 0..100_u64 {
        let from = start.plus(Duration::from_hours(hour)).to_string();
        let said = [forecast(&from, Some(0.25), &from), reading(&from, 0.75, &from)];
        append_batch(&mut store, FORECASTER, &said);
        store.seal().unwrap();
    }
    let manifest = Manifest::load(&Layout::new(dir.path())).unwrap();
    for table in [Table::Forecasts, Table::Regimes] {
        let files: Vec<_> = manifest.files.iter().filter(|file| file.is_of(table)).collect();
        assert!((1..=7).contains(&files.len()), "{table}: {}", files.len());
        assert!(files.iter().all(|file| file.path.starts_with(&format!("{table}/year=2026/"))), "{files:?}");
        assert_eq!(files.iter().map(|file| file.rows).sum::<u64>(), 100);
    }
    assert!(manifest.batches.is_empty());
    append_batch(&mut store, FORECASTER, &told());
    store.flush().unwrap();
    let summary = Reader::open(dir.path()).unwrap().summary().unwrap();
    assert!(summary.batches.is_empty());
    assert_eq!((summary.tables["forecasts"].rows, summary.tables["regimes"].rows), (105, 102));
    store.close().unwrap();
}

#[test]
fn a_rebuild_leaves_what_was_forecast_alone() {
    for is_sealed in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, _) = open(dir.path());
        append_frame(&mut store, 1);
        append_batch(&mut store, FORECASTER, &told());
        // Beside what a rebuild makes again or keeps by its batch.
        append_batch(&mut store, "bars.csv", &[bar("KEEL", "2025-11-17", 12.0, "2025-11-18")]);
        append_frame(&mut store, 2);
        if is_sealed {
            store.seal().unwrap();
        }
        store.close().unwrap();
        let reader = Reader::open(dir.path()).unwrap();
        let read = || {
            let read = |table| csv(&reader, table, &Query::default());
            [read(Table::Forecasts), read(Table::Regimes), read(Table::Bars)]
        };
        let before = read();
        assert_eq!(before[0].lines().count(), 4);
        for _ in 0..2 {
            let rebuilt = rebuild(dir.path(), clock(), &mut |_| (None, vec![liquidation(1)])).unwrap();
            assert_eq!((rebuilt.frames, rebuilt.others_before, rebuilt.others), (2, 1, 1));
            assert_eq!(read(), before);
        }
        assert_eq!(reader.words(Table::Forecasts, &Query::default()).unwrap().len(), 4);
    }
}

/// A table of the future is neither read nor lost: its files stay listed, and stay.
#[test]
fn files_of_a_table_that_is_not_known_here_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    append_batch(&mut store, FORECASTER, &told());
    store.close().unwrap();
    let (mut store, _) = open(dir.path());
    store.seal().unwrap();
    store.close().unwrap();
    let layout = Layout::new(dir.path());
    let mut manifest = Manifest::load(&layout).unwrap();
    fs::rename(dir.path().join("forecasts"), dir.path().join("prophecies")).unwrap();
    for file in manifest.files.iter_mut().filter(|file| file.is_of(Table::Forecasts)) {
        file.table = "prophecies".to_owned();
        file.path = file.path.replace("forecasts/", "prophecies/");
    }
    manifest.save(&layout, &crate::disk::Disk::default()).unwrap();
    let strange = || {
        let manifest = Manifest::load(&layout).unwrap();
        let files = manifest.files.into_iter().filter(|file| file.table == "prophecies");
        files.map(|file| (file.rows, file.locate(dir.path()).exists())).collect::<Vec<_>>()
    };
    assert_eq!(strange(), [(1, true), (4, true)]);
    let (mut store, _) = open(dir.path());
    append_frame(&mut store, 1);
    store.seal().unwrap();
    store.close().unwrap();
    rebuild(dir.path(), clock(), &mut |_| (None, Vec::new())).unwrap();
    assert_eq!(strange(), [(1, true), (4, true)]);
    let reader = Reader::open(dir.path()).unwrap();
    assert!(reader.events(Table::Forecasts, &Query::default()).unwrap().is_empty());
    assert_eq!(reader.events(Table::Regimes, &Query::default()).unwrap().len(), 2);
    assert!("prophecies".parse::<Table>().is_err());
}

/// If this fails, forecasts in the journals of earlier versions can no longer be read: change the encoding
/// back, not the bytes.
#[test]
fn the_bytes_of_a_forecast_in_the_journal_never_change() {
    let mut bytes = Vec::new();
    let said = [
        forecast("2026-01-01T00:00:00Z", Some(0.5), "2026-01-01T00:00:03Z"),
        reading("2026-01-01T00:00:00Z", 0.75, "2026-01-01T00:00:03Z"),
    ];
    Record::Batch { origin: FORECASTER, at: at(0), events: &said }.encode(13, &mut bytes).unwrap();
    assert_eq!(
        super::codec::hex(&bytes),
        "1e0100008640c8b10d000000000000000693aa666f7265636173746572cf000647c0f598f9009295aa666f7265636173746572cf0006474846204000cf00064748464e06c0cf00064748464e06c081a8466f7265636173749aa7766f6c2d323468a342544300cf0006475c63f7a00093cb3fe0000000000000cb3fd8000000000000cb3fe8000000000000c093cb3fbeb851eb851eb8cb3fb70a3d70a3d70acb3fc999999999999a920001ac766f6c2d3234682d376633612995aa666f7265636173746572cf0006474846204000cf00064748464e06c0cf00064748464e06c081a6526567696d6597a7766f6c2d323468a342544301a673746f726d7992cb3fd0000000000000cb3fe8000000000000cf00064798bd7dc000ac766f6c2d3234682d37663361"
    );
    bytes.clear();
    let evidence = market::ForecastEvidence {
        target: "vol-24h".into(),
        asset: "BTC".into(),
        regime: Some("calm".into()),
        since: None,
        shift: Some(market::Chances { probability: 0.5, low: 0.25, high: 0.75 }),
        baselines: None,
        model: Some("m".into()),
        made_at: Some(at(0)),
        shift_at_least: Some(0.25),
        enters: None,
    };
    let said = Alert { evidence: Evidence::Forecast(evidence), ..alert(5) };
    Record::Alert(&said).encode(14, &mut bytes).unwrap();
    assert_eq!(
        super::codec::hex(&bytes),
        "a60000003133fc700e000000000000000397a763617363616465a8637269746963616ca6726169736564cf000647c0f5e54440b46c6f6e67204254432c20616c6c2076656e756573b92431322e35204d206f66206c6f6e677320696e20333030207397c0c0c0c0c0c09aa7766f6c2d323468a3425443a463616c6dc093cb3fe0000000000000cb3fd0000000000000cb3fe8000000000000c0a16dcf000647c0f598f900cb3fd0000000000000c0"
    );
}
