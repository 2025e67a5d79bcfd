use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;

fn import(symbol: &str) -> BarImport {
    BarImport {
        symbol: symbol.into(),
        interval: None,
        source: FeedId::new("user"),
        now: "2026-06-01T12:00:00Z".parse().unwrap(),
    }
}

fn read(symbol: &str, text: &str) -> Result<Imported, ImportError> {
    bars(&Sheet::from_csv(text.as_bytes()).unwrap(), &import(symbol))
}

/// One line an event: `start known numbers`.
fn told(imported: &Imported) -> Vec<String> {
    let time = |at: Timestamp| at.to_string().replace(":00.000000Z", "");
    let line = |event: &MarketEvent| {
        let bar = event.observation.bar().unwrap();
        format!(
            "{} {} {} {} {} {} {} {} {}",
            time(event.event_time),
            time(event.known_at),
            bar.interval,
            bar.open,
            bar.high,
            bar.low,
            bar.close,
            bar.volume.map_or("-".to_owned(), |volume| volume.to_string()),
            if bar.is_final { "final" } else { "open" },
        )
    };
    imported.events.iter().map(line).collect()
}

#[test]
fn a_share_s_day_is_known_when_new_york_closes() {
    let text = "Date,Open,High,Low,Close,Adj Close,Volume\n\
                2026-05-29,10,12,9,11,10.5,1000\n2026-01-02,1,2,0.5,1.5,1.4,\n2025-11-28,3,3,3,3,3,0\n2009-01-02,4,4,4,4,4,7\n";
    let daily = BarImport { interval: Some(Interval::Day), ..import("KEEL") };
    let imported = bars(&Sheet::from_csv(text.as_bytes()).unwrap(), &daily).unwrap();
    assert_eq!(
        told(&imported),
        [
            "2009-01-02T00:00 2009-01-02T21:00 1d 4 4 4 4 7 final",
            "2025-11-28T00:00 2025-11-28T18:00 1d 3 3 3 3 0 final",
            "2026-01-02T00:00 2026-01-02T21:00 1d 1 2 0.5 1.5 - final",
            "2026-05-29T00:00 2026-05-29T20:00 1d 10 12 9 11 1000 final",
        ]
    );
    assert_eq!((imported.report.accepted, imported.report.sessions), (4, 4));
    assert!(imported.events.iter().all(|event| event.feed.as_str() == "user" && event.is_backfilled()));
}

#[test]
fn each_style_of_times_and_names_tells_the_same_bar() {
    let expected = [
        "2026-01-02T00:00 2026-01-03T00:00 1d 1 2 0.5 1.5 7 final",
        "2026-01-03T00:00 2026-01-04T00:00 1d 1 2 0.5 1.5 7 final",
    ];
    for (header, times) in [
        ("date,open,high,low,close,volume", ["2026-01-02", "2026-01-03"]),
        ("DATE,OPEN,HIGH,LOW,CLOSE,VOL", ["01/02/2026", "01/03/2026"]),
        ("open_time,open,high,low,close,volume", ["2026-01-02 00:00:00+00:00", "2026-01-03 00:00:00+00:00"]),
        ("timestamp,o,h,l,c,v", ["1767312000000", "1767398400000"]),
        ("Time,Open,High,Low,Close,Volume", ["1767312000", "1767398400"]),
        ("Open time,Open,High,Low,Close,Volume", ["1767312000000000", "1767398400000000"]),
    ] {
        // The thirteenth tells that the month comes first where that is in question.
        let order = if times[0].contains('/') { "12/13/2025,9,9,9,9,9\n" } else { "" };
        let text = format!("{header}\n{}{},1,2,0.5,1.5,7\n{},1,2,0.5,1.5,7\n", order, times[0], times[1]);
        let imported = read("TAO-USDT", &text).unwrap();
        let lines = told(&imported);
        assert_eq!(lines[lines.len() - 2..], expected, "{header}");
    }
}

#[test]
fn a_share_s_day_is_the_day_of_its_exchange() {
    for (time, day) in [
        // As yfinance writes days, and as Yahoo and Alpaca count them: at the bell, or at midnight.
        ("2026-01-02 00:00:00-05:00", "2026-01-02"),
        ("1767364200", "2026-01-02"),
        ("1767330000000", "2026-01-02"),
        ("2026-05-29T13:30:00Z", "2026-05-29"),
    ] {
        let import = BarImport { interval: Some(Interval::Day), ..import("MARA") };
        let sheet =
            Sheet::from_csv(format!("time,open,high,low,close\n{time},1,1,1,1\n").as_bytes()).unwrap();
        let imported = bars(&sheet, &import).unwrap();
        assert_eq!(imported.events[0].event_time.date().to_string(), day, "{time}");
    }
}

#[test]
fn shorter_bars_are_known_when_they_end_and_the_last_one_may_be_open() {
    let text = "time,open,high,low,close,volume\n2026-06-01T10:00:00Z,1,1,1,1,5\n2026-06-01T11:00:00Z,1,1,1,1,5\n\
                2026-06-01T12:00:00Z,1,1,1,1,5\n2026-06-01T13:00:00Z,1,1,1,1,5\n";
    let imported = read("BTC-USDT-PERP", text).unwrap();
    assert_eq!(
        told(&imported),
        [
            "2026-06-01T10:00 2026-06-01T11:00 1h 1 1 1 1 5 final",
            "2026-06-01T11:00 2026-06-01T12:00 1h 1 1 1 1 5 final",
            "2026-06-01T12:00 2026-06-01T12:00 1h 1 1 1 1 5 open",
        ]
    );
    assert_eq!(
        imported.report.refused,
        [(5, "the bar begins at 2026-06-01T13:00:00.000000Z, which is still to come".to_owned())]
    );
    let today = read("BTC-USDT", "date,open,high,low,close\n2026-06-01,1,1,1,1\n").unwrap();
    assert_eq!(told(&today), ["2026-06-01T00:00 2026-06-01T12:00 1d 1 1 1 1 - open"]);
}

#[test]
fn a_bad_row_is_refused_with_its_number_and_reason_and_the_others_count() {
    let cases = [
        ("2026-01-05,0,12,9,11,1", "Open is \"0\", not a price above zero"),
        ("2026-01-05,-3,12,9,11,1", "Open is \"-3\", not a price above zero"),
        ("2026-01-05,nan,12,9,11,1", "Open is \"nan\", not a number"),
        ("2026-01-05,10,inf,9,11,1", "High is \"inf\", not a number"),
        ("2026-01-05,10,1e999,9,11,1", "High is \"1e999\", not a finite number"),
        ("2026-01-05,10,12,,11,1", "Low is \"\", no price"),
        ("2026-01-05,10,12,9,-,1", "Close is \"-\", no price"),
        ("2026-01-05,10,8,9,11,1", "high 8 is below low 9"),
        ("2026-01-05,10,10.5,9,11,1", "open 10 or close 11 is beyond high 10.5"),
        ("2026-01-05,10,12,10.5,11,1", "open 10 or close 11 is beyond low 10.5"),
        ("2026-01-05,10,12,9,11,-1", "Volume is \"-1\", below zero"),
        ("2026-01-05,10,12,9,11,many", "Volume is \"many\", not a number"),
        ("2026-01-05,10,12,9,11", "5 cells under 6 columns"),
        ("05.13.2026,10,12,9,11,1", "Date is \"05.13.2026\", no such day"),
        ("yesterday,10,12,9,11,1", "Date is \"yesterday\", not a day; write 2024-01-31"),
        ("2026-01-01,10,12,9,11,1", "2026-01-01: New York's market was closed (New Year's Day)"),
        ("2026-01-04,10,12,9,11,1", "2026-01-04: New York's market was closed (weekend)"),
        ("2026-01-02,10,12,9,11,1", "the same bar as in row 2; taken once"),
    ];
    for (row, problem) in cases {
        let text = format!("Date,Open,High,Low,Close,Volume\n2026-01-02,10,12,9,11,1\n{row}\n");
        let daily = BarImport { interval: Some(Interval::Day), ..import("MARA") };
        let Imported { events, report } = bars(&Sheet::from_csv(text.as_bytes()).unwrap(), &daily).unwrap();
        assert_eq!((events.len(), report.refused), (1, vec![(3, problem.to_owned())]), "{row}");
    }
}

#[test]
fn rows_that_tell_one_bar_differently_are_both_refused() {
    let text =
        "Date,Open,High,Low,Close\n2026-01-02,10,12,9,11\n2026-01-05,1,1,1,1\n2026-01-02,10,12,9,11.5\n";
    let Imported { events, report } = read("MARA", text).unwrap();
    let start = "2026-01-02T00:00:00.000000Z";
    assert_eq!(events.len(), 1);
    assert_eq!(
        report.refused,
        [
            (2, format!("another row tells the bar of {start} differently; neither is taken")),
            (4, format!("another bar of {start} than in row 2; neither is taken")),
        ]
    );
}

#[test]
fn a_rounding_error_at_the_edges_is_mended_and_said_so() {
    let text =
        "Date,Open,High,Low,Close\n2026-01-02,10,11.99999988,9.00000001,9\n2026-01-05,12.00000048,12,9,9\n";
    let Imported { events, report } = read("MARA", text).unwrap();
    assert!(events.iter().all(|event| event.observation.bar().unwrap().is_coherent()));
    assert_eq!(report.refused, []);
    assert_eq!(report.corrected.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [2, 3]);
    assert!(
        report.corrected[0].1.ends_with("is beyond low 9.00000001 by a rounding error; low is taken as 9")
    );
}

#[test]
fn a_coin_s_volume_in_a_file_of_yahoo_s_is_dollars_and_left_out() {
    let text = "Date,Open,High,Low,Close,Adj Close,Volume\n2026-01-03,1,1,1,1,1,71000000000\n";
    assert_eq!(
        told(&read("BTC-USD", text).unwrap()),
        ["2026-01-03T00:00 2026-01-04T00:00 1d 1 1 1 1 - final"]
    );
    let share = text.replace("2026-01-03", "2026-01-02");
    assert!(told(&read("BRK-B", &share).unwrap())[0].contains("71000000000"), "a share class is no currency");
}

#[test]
fn symbols_say_when_they_trade() {
    for (symbol, hours) in [
        ("KEEL", Hours::NewYork),
        ("BRK-B", Hours::NewYork),
        ("HIVE.V", Hours::Elsewhere),
        ("^VIX", Hours::Elsewhere),
        ("TAO-USDT", Hours::Always),
        ("BTC-USDT-PERP", Hours::Always),
        ("BTC-USD-20261225", Hours::Always),
    ] {
        assert_eq!(Hours::of(symbol), hours, "{symbol}");
    }
    let odd = read(
        "TAO-USDT",
        "time,open,high,low,close\n2026-01-02T05:00:00Z,1,1,1,1\n2026-01-03T05:00:00Z,1,1,1,1\n",
    )
    .unwrap_err();
    assert!(odd.to_string().contains("days of coins begin at midnight UTC"), "{odd}");
}

#[test]
fn a_file_that_cannot_be_read_as_a_whole_says_why() {
    let cases = [
        ("Date,Open,High,Low\n2026-01-02,1,1,1\n", "bars have a time"),
        ("Close,Open,High,Low\n1,1,1,1\n", "bars have a time"),
        ("Date,Open,High,Low,Close,Close\n2026-01-02,1,1,1,1,2\n", "\"Close\" is there twice"),
        ("Date,Open,High,Low,Close\n13/01/2026,1,1,1,1\n01/14/2026,1,1,1,1\n", "has the day first"),
        ("Date,Open,High,Low,Close\n2026-01-05,1,1,1,1\n2026-01-12,1,1,1,1\n", "of another length"),
        ("Time,Open,High,Low,Close\n2026-01-05T14:30:00Z,1,1,1,1\n", "say it: 1m, 5m"),
        (
            "Date,Open,High,Low,Close\n2026-01-05,0,0,0,0\n",
            "none of the rows can be taken; the first: row 2: Open is \"0\"",
        ),
        ("Time,Open,High,Low,Close\n2026-01-05 14:30:00,1,1,1,1\n", "not a time with its zone"),
        ("Date,Open,High,Low,Close\n", "no row below it"),
    ];
    for (text, problem) in cases {
        let words = read("MARA", text).unwrap_err().to_string();
        assert!(words.contains(problem), "{text}: {words}");
    }
    let day_as_hour = BarImport { interval: Some(Interval::Hour), ..import("MARA") };
    let sheet = Sheet::from_csv(b"Date,Open,High,Low,Close\n2026-01-05,1,1,1,1\n").unwrap();
    assert!(
        bars(&sheet, &day_as_hour).unwrap_err().to_string().contains("a day where bars of 1h need a time")
    );
}

fn shared() -> PathBuf {
    match option_env!("VIGIE_SHARED") {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn real_files_of_several_styles_are_read_to_the_last_row() {
    let mut read_files = 0;
    for (folder, is_coin) in [("equities", false), ("crypto", true)] {
        let folder = shared().join("data").join(folder);
        let Ok(entries) = std::fs::read_dir(&folder) else {
            eprintln!("skipped: {} is absent", folder.display());
            return;
        };
        for path in entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "csv"))
        {
            let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
            let symbol = if is_coin { stem.replace("_1d", "").replace("USDT", "-USDT") } else { stem };
            let bytes = std::fs::read(&path).unwrap();
            let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
            let imported = bars(
                &Sheet::from_csv(&bytes).unwrap(),
                &BarImport { now: "2026-11-01T00:00:00Z".parse().unwrap(), ..import(&symbol) },
            );
            let Imported { events, report } =
                imported.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            eprintln!(
                "{symbol}: {} of {}, refused {:?}, corrected {}",
                events.len(),
                lines - 1,
                &report.refused[..report.refused.len().min(5)],
                report.corrected.len()
            );
            assert_eq!(events.len() + report.refused.len(), lines - 1, "{symbol}");
            assert!(report.refused.len() * 100 <= lines, "{symbol}: {:?}", &report.refused[..5]);
            for event in &events {
                let bar = event.observation.bar().unwrap();
                assert!(bar.is_coherent() && bar.interval == Interval::Day && bar.is_final);
                assert!(event.known_at >= event.event_time.plus(Duration::from_hours(17)), "{symbol}");
            }
            read_files += 1;
        }
    }
    assert!(read_files >= 20, "{read_files}");
}

proptest! {
    #[test]
    fn no_table_panics_and_every_bar_is_sound(
        cells in proptest::collection::vec(proptest::collection::vec(
            prop_oneof![
                "[0-9]{1,3}(\\.[0-9])?", "2026-0[1-5]-[0-3][0-9]", "17[0-9]{8}", ".{0,8}",
                Just("1e308".to_owned()), Just("-1".to_owned()), Just("9999-12-30".to_owned()),
            ], 5..7), 1..8),
        symbol in prop_oneof![Just("MARA"), Just("BTC-USDT"), Just("HIVE.V")],
        interval in proptest::option::of(proptest::sample::select(Interval::ALL.to_vec())),
    ) {
        let header = ["Date", "Open", "High", "Low", "Close", "Volume"].map(str::to_owned).to_vec();
        let sheet = Sheet::new(&header, cells);
        if let Ok(Imported { events, report }) = bars(&sheet, &BarImport { interval, ..import(symbol) }) {
            prop_assert_eq!(report.accepted, events.len());
            for event in events {
                let bar = event.observation.bar().unwrap();
                prop_assert!(bar.is_coherent());
                prop_assert!(event.known_at <= event.receive_time && event.event_time <= event.known_at);
                prop_assert!(!bar.is_final || event.known_at > event.event_time);
            }
        }
    }
}
