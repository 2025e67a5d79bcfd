//! Users' files told as stories, and the real ones where they are at hand.

use std::collections::BTreeMap;
use std::path::PathBuf;

use market::{Date, FeedId, FlowBook, FlowCell, FlowTable, MarketEvent, Rarity, Timestamp};

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

const NOW: &str = "2026-11-20T12:00:00Z";

fn of(asset: &str) -> EtfImport {
    EtfImport {
        asset: asset.into(),
        source: FeedId::new("farside"),
        known_at: KnownAt::Published,
        now: at(NOW),
    }
}

fn read(csv: &str) -> Result<Imported, ImportError> {
    etf_flows(&Sheet::from_csv(csv.as_bytes()).unwrap(), &of("BTC"))
}

/// Events as `day fund millions`.
fn told(events: &[MarketEvent]) -> Vec<String> {
    let shown = |event: &MarketEvent| {
        let flow = event.observation.etf_flow().expect("a flow");
        let millions = flow.net_flow.map_or("pending".to_owned(), |flow| (flow.get() / 1e6).to_string());
        format!("{} {} {millions}", flow.trade_date, flow.fund)
    };
    events.iter().map(shown).collect()
}

const FLOWS: [&str; 5] = [
    "2025-11-13 IBIT -256.6",
    "2025-11-13 GBTC -64.5",
    "2025-11-14 IBIT 1119.9",
    "2025-11-14 GBTC pending",
    "2025-11-14 MSBT 0",
];

#[test]
fn every_layout_and_style_tells_the_same() {
    let files = [
        "Date,IBIT,GBTC,MSBT,Total\n13 Nov 2025,-256.6,-64.5,,-321.1\n14 Nov 2025,\"1,119.9\",,0.0,1119.9\n",
        "date;IBIT;GBTC;MSBT\n2025-11-13;(256.6);\u{2212}64.5;-;\n2025-11-14;1,119.9;-;0.0\n".replace(";\n2025", "\n2025").as_str(),
        "\u{feff}Date\tIBIT\tGBTC\tMSBT*\tTotal\tPrice\nNov 14, 2025\t1,119.9\t-\t0.0\t1,119.9\t94000\nNov 13, 2025\t(256.6)\t(64.5)\t-\t(321.1)\t99000\nTotal\t863.3\t(64.5)\t0\t798.8\t\n",
        "date,ticker,flow_usd_m\n2025-11-13,IBIT,-256.6\n2025-11-13,GBTC,-64.5\n2025-11-13,MSBT,\n2025-11-14,ibit,1119.9\n2025-11-14,GBTC,-\n2025-11-14,MSBT,0\n2025-11-14,Total,1119.9\n",
        "Trade Date,Fund,Asset,Net Flow\n11/13/2025,IBIT,BTC,-256600000\n11/13/2025,GBTC,BTC,-64500000\n11/14/2025,IBIT,BTC,1.1199e9\n11/14/2025,GBTC,BTC,\n11/14/2025,MSBT,BTC,0.0\n",
    ]
    .map(str::to_owned);
    for file in files {
        let Imported { events, report } = read(&file).unwrap();
        let mut found = told(&events);
        found.sort();
        let mut expected = FLOWS.map(str::to_owned);
        expected.sort();
        assert_eq!(found, expected, "{file}");
        assert_eq!((report.refused, report.sessions, report.accepted), (Vec::new(), 2, 5), "{file}");
        for event in &events {
            let settled = event.event_time.plus(std::time::Duration::from_hours(38));
            assert_eq!(event.known_at, settled, "known when its day was settled, 14:00 the day after");
            assert_eq!(event.receive_time, at(NOW));
            assert!(event.is_backfilled());
        }
    }
}

#[test]
fn a_table_from_elsewhere_counts_its_rows_from_one() {
    let words = |row: [&str; 2]| row.map(str::to_owned).to_vec();
    let rows = vec![words(["2025-11-13", "-256.6"]), words(["2025-11-14", "?"])];
    let sheet = Sheet::new(&words(["Date ", "IBIT"]), rows);
    let Imported { events, report } = etf_flows(&sheet, &of("BTC")).unwrap();
    assert_eq!(told(&events), ["2025-11-13 IBIT -256.6"]);
    assert_eq!(report.refused, [(2, "2025-11-14: IBIT is \"?\", not a number".to_owned())]);
}

#[test]
fn when_a_flow_became_known_is_the_file_s_word_or_the_user_s_rule_and_never_later_than_now() {
    let file = "date,ticker,flow_usd_m,reported_at\n2025-11-13,IBIT,-256.6,2025-11-14T04:30:00Z\n2025-11-13,GBTC,1,\n2026-11-20,IBIT,1,\n";
    let known = |known_at| {
        let import = EtfImport { known_at, ..of("BTC") };
        let imported = etf_flows(&Sheet::from_csv(file.as_bytes()).unwrap(), &import).unwrap();
        imported.events.iter().map(|event| event.known_at).collect::<Vec<_>>()
    };
    let (reported, settled, now) = (at("2025-11-14T04:30:00Z"), at("2025-11-14T14:00:00Z"), at(NOW));
    assert_eq!(known(KnownAt::Published), [reported, settled, now], "not even today's day is known tomorrow");
    assert_eq!(known(KnownAt::Imported), [reported, now, now]);
}

#[test]
fn a_total_is_a_check_and_never_a_fund() {
    let wide =
        read("Date,IBIT,GBTC,Total\n2025-11-13,1.0,2.0,3.1\n2025-11-14,1.0,2.0,3.2\n2025-11-17,1.0,2.0,\n")
            .unwrap();
    assert_eq!(told(&wide.events), ["2025-11-13 IBIT 1", "2025-11-13 GBTC 2"]);
    assert_eq!((wide.report.checked_totals, wide.report.mismatched_totals), (2, 1));
    assert_eq!(
        wide.report.refused,
        [
            (3, "2025-11-14: funds add up to 3.0 million, the total says 3.2".to_owned()),
            (4, "2025-11-17 has flows and no total to check them by".to_owned())
        ]
    );
    let long = read("date,ticker,flow_usd_m\n2025-11-13,IBIT,1\n2025-11-13,Total,1.05\n2025-11-14,IBIT,1\n2025-11-14,TOTAL,9\n").unwrap();
    assert_eq!(told(&long.events), ["2025-11-13 IBIT 1"]);
    assert_eq!((long.report.checked_totals, long.report.mismatched_totals), (2, 1));
    let words = "2025-11-14: funds add up to 1.0 million, the total says 9.0; the day is left out";
    assert_eq!(long.report.refused, [(5, words.to_owned())]);
}

#[test]
fn vintages_keep_every_word_and_their_totals_are_counted() {
    let file = "date,ticker,commit_time_utc,value\n\
        2025-11-17,IBIT,2025-11-17T12:00:00Z,\n2025-11-17,FBTC,2025-11-17T12:00:00Z,\n\
        2025-11-17,Total,2025-11-17T12:00:00Z,0.0\n2025-11-17,FBTC,2025-11-18T02:00:00Z,-12.0\n\
        2025-11-17,Total,2025-11-18T02:00:00Z,-12.0\n2025-11-17,IBIT,2025-11-18T05:00:00Z,-145.6\n\
        2025-11-17,Total,2025-11-18T05:00:00Z,-150.0\n2025-11-17,IBIT,2025-11-18T05:00:00Z,-145.6\n\
        2025-11-17,IBIT,2025-11-18T05:00:00Z,-99\n2025-11-17,FBTC,,3\n2025-11-17,FBTC,2025-11-16T02:00:00Z,3\n\
        2025-11-17,FBTC,2027-01-01T00:00:00Z,3\n";
    let Imported { events, report } = read(file).unwrap();
    assert_eq!(
        told(&events),
        [
            "2025-11-17 FBTC pending",
            "2025-11-17 IBIT pending",
            "2025-11-17 FBTC -12",
            "2025-11-17 IBIT -145.6"
        ]
    );
    assert_eq!((report.layout, report.checked_totals, report.mismatched_totals), ("vintages", 3, 1));
    assert_eq!(report.corrected, [(9, "repeats row 7; taken once".to_owned())]);
    let refused: Vec<&str> = report.refused.iter().map(|(_, words)| words.as_str()).collect();
    assert_eq!(
        refused,
        [
            "2025-11-17 IBIT is another value in row 7",
            "2025-11-17: its time is \"\", not a time with its zone; write 2024-01-31T21:00:00Z",
            "2025-11-17: known at 2025-11-16T02:00:00Z, before the day began",
            "2025-11-17: known at 2027-01-01T00:00:00Z, which lies in the future",
        ]
    );
}

#[test]
fn rows_that_cannot_be_read_are_refused_one_by_one() {
    let file = "Date,IBIT,GBTC\n2025-11-13,1,2\n2025-11-15,1,2\n2027-01-04,1,2\nsoon,1,2\n2025-11-14,\"1,1\",2\n\
                2025-11-14,1\n2025-11-14,1,2,3\n2025-11-13,1,2\n2025-11-17,111700000,2\n,1,2\nAverage,1,2\n";
    let Imported { events, report } = read(file).unwrap();
    assert_eq!(told(&events), ["2025-11-13 IBIT 1", "2025-11-13 GBTC 2"]);
    let refused: Vec<(usize, &str)> =
        report.refused.iter().map(|(row, words)| (*row, words.as_str())).collect();
    assert_eq!(
        refused,
        [
            (3, "2025-11-15 is a Saturday; funds do not trade on it"),
            (4, "2027-01-04 lies in the future"),
            (5, "the date is \"soon\", not a day; write 2024-01-31"),
            (6, "2025-11-14: IBIT is \"1,1\", a comma that separates no thousands; write 1119.9"),
            (7, "2 cells under 3 columns"),
            (8, "4 cells under 3 columns"),
            (9, "2025-11-13 is there twice"),
            (10, "2025-11-17: 111700000 million US dollars is more than any fund holds"),
            (11, "the date is \"\", not a day; write 2024-01-31"),
        ]
    );
    let long = "date,ticker,flow_usd,asset\n2025-11-13,IBIT,5,BTC\n2025-11-13,ETHA,5,ETH\n2025-11-13,not one,5,BTC\n2025-11-15,IBIT,5,BTC\n";
    let refused: Vec<String> =
        read(long).unwrap().report.refused.into_iter().map(|(_, words)| words).collect();
    assert_eq!(
        refused,
        [
            "the asset is \"ETH\", and BTC is imported",
            "\"NOT ONE\" is no fund's ticker",
            "2025-11-15 is a Saturday; funds do not trade on it"
        ]
    );
}

#[test]
fn a_file_that_leaves_doubt_as_a_whole_is_refused_as_a_whole() {
    let error = |csv: &str| read(csv).unwrap_err().to_string();
    assert_eq!(
        error("Date,IBIT\n13/11/2025,1\n11/14/2025,1\n"),
        "\"13/11/2025\" has the day first and \"11/14/2025\" the month; write all dates as 2024-01-31"
    );
    let undecided = error("Date,IBIT\n03/11/2025,1\n04/11/2025,1\n");
    assert!(undecided.contains("day and month cannot be told apart"), "{undecided}");
    let layout = error("Name,Bitcoin\nTesla,1\n");
    assert!(
        layout.contains("[\"Name\", \"Bitcoin\"]") && layout.contains("date,ticker,flow_usd_m"),
        "{layout}"
    );
    assert!(error("Date,price\n2025-11-13,1\n").starts_with("the columns are"));
    assert_eq!(
        error("Date,IBIT,IBIT\n2025-11-13,1,1\n"),
        "the column \"IBIT\" is there twice; rename or drop the one that does not count"
    );
    let decimal_commas = error("Date;IBIT\n2025-11-13;1,119\n");
    assert!(decimal_commas.contains("may be decimal or separate thousands"), "{decimal_commas}");
}

#[test]
fn no_file_panics() {
    use proptest::prelude::*;
    let cell = prop_oneof![
        proptest::sample::select(vec![
            "2025-11-13",
            "13 Nov 2025",
            "13/11/2025",
            "11/14/2025",
            "Total",
            "IBIT",
            "-",
            "",
            "(95.1)",
            "1e400",
            "2025-11-18T02:10:00Z",
            "0.0",
            "9999-12-31",
            "1970-01-01",
            "\"",
        ])
        .prop_map(str::to_owned),
        ".{0,6}",
    ];
    let header = proptest::sample::select(vec![
        "Date,IBIT,GBTC,Total",
        "date,ticker,flow_usd_m",
        "date,ticker,flow_usd,reported_at",
        "date,ticker,commit_time_utc,value",
        "Name,Bitcoin",
        "date",
    ]);
    let rows = proptest::collection::vec(proptest::collection::vec(cell, 0..5), 0..8);
    proptest!(|(header in header, rows in rows)| {
        let body: Vec<String> = rows.iter().map(|row| row.join(",")).collect();
        let csv = format!("{header}\n{}", body.join("\n"));
        if let Ok(sheet) = Sheet::from_csv(csv.as_bytes()) {
            if let Ok(imported) = etf_flows(&sheet, &of("BTC")) {
                for event in imported.events {
                    prop_assert!(event.known_at <= event.receive_time && event.event_time <= event.known_at);
                }
            }
            let import = TreasuryImport { asset: "BTC".into(), source: FeedId::new("x"), as_of: day("2025-07-01"), now: at(NOW) };
            let _ = treasuries(&sheet, &import);
        }
    });
}

/// A real file, `None` with a line that says so where it is absent.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
pub(super) fn real(name: &str) -> Option<Sheet> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")).join(name);
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("skipped: {} is absent", path.display());
        return None;
    };
    Some(Sheet::from_csv(&bytes).expect("a CSV"))
}

fn table_as_of(events: &[MarketEvent], as_of: &str) -> FlowTable {
    let mut book = FlowBook::default();
    for event in events.iter().filter(|event| event.known_at <= at(as_of)) {
        book.apply(event, event.observation.etf_flow().expect("a flow"));
    }
    book.table("BTC", at(as_of)).expect("a table")
}

fn total_of(table: &FlowTable, date: &str) -> String {
    let found = table.days.iter().find(|row| row.trade_date == day(date)).expect("a day");
    format!("{:.1}", found.total.expect("a total").get() / 1e6)
}

#[test]
fn the_real_table_adds_up_on_every_row() {
    let Some(sheet) = real("etf_flows/farside_btc.csv") else { return };
    let Imported { events, report } = etf_flows(&sheet, &of("BTC")).unwrap();
    assert_eq!((report.layout, report.checked_totals, report.mismatched_totals), ("wide", 671, 0));
    assert_eq!((report.refused.len(), report.corrected.len()), (0, 0));
    assert_eq!((report.sessions, report.closed), (655, 16), "671 rows, of which 16 are holidays");
    assert_eq!(report.accepted, events.len());
    let table = table_as_of(&events, NOW);
    assert_eq!(table.days.len(), 655);
    assert_eq!(table.funds[0], "IBIT");
    for (date, total) in [
        ("2024-01-11", "655.3"),
        ("2024-11-07", "1373.8"),
        ("2025-02-25", "-1113.7"),
        ("2025-11-13", "-866.7"),
        ("2025-09-10", "741.5"),
    ] {
        assert_eq!(total_of(&table, date), total);
    }
    // Found by hand in the file: no day from 17 July to 9 September 2025 brought in as much, …
    assert_eq!(table.rarity(day("2025-09-10")), Some(Rarity::HighestSince(day("2025-07-16"))));
    // … and no day since 25 February took out as much as 13 November.
    assert_eq!(table.rarity(day("2025-11-13")), Some(Rarity::LowestSince(day("2025-02-25"))));
    assert_eq!(table.rarity(day("2024-11-07")), Some(Rarity::HighestEver));
    assert_eq!(table.rarity(day("2025-02-25")), Some(Rarity::LowestEver));
    let early = table_as_of(&events, "2025-09-11T13:59:59Z");
    assert_eq!(early.last_reported(), Some(day("2025-09-09")), "a day is known from 14:00 on the next on");
}

#[test]
fn the_real_vintages_show_what_was_known_at_each_hour() {
    let Some(sheet) = real("etf_flows/farside_btc_vintages.csv") else { return };
    let Imported { events, report } = etf_flows(&sheet, &of("BTC")).unwrap();
    assert_eq!(report.layout, "vintages");
    assert_eq!(report.refused.len(), 0, "{:?}", report.refused.first());
    let table = table_as_of(&events, "2025-11-18T02:10:00Z");
    assert_eq!(total_of(&table, "2025-11-17"), "-74.5");
    let seventeenth = table.days.iter().find(|row| row.trade_date == day("2025-11-17")).unwrap();
    let mut pending: Vec<&str> = Vec::new();
    for (fund, cell) in table.funds.iter().zip(&seventeenth.cells) {
        if *cell == FlowCell::Pending {
            pending.push(fund);
        }
    }
    pending.sort_unstable();
    assert_eq!(pending, ["BRRR", "BTCO", "GBTC", "IBIT"]);
    assert_eq!(seventeenth.status.as_str(), "provisional");
    let morning = table_as_of(&events, "2025-11-18T07:00:00Z");
    assert_eq!(total_of(&morning, "2025-11-17"), "-254.6");
    assert_eq!(
        morning.days.last().unwrap().status.as_str(),
        "provisional",
        "all have reported, nothing is settled"
    );
    assert_eq!(total_of(&morning, "2025-11-13"), "-866.7");
    let settled = table_as_of(&events, "2025-11-18T14:00:00Z");
    assert_eq!(total_of(&settled, "2025-11-17"), "-254.6");
    assert_eq!(settled.days.last().unwrap().status.as_str(), "final");
    assert!(report.checked_totals > 1_400 && report.mismatched_totals == 0, "{report:?}");
}

#[test]
fn the_real_treasuries_come_through_with_what_was_done_to_them() {
    let Some(sheet) = real("treasuries/treasuries_2025-07.csv") else { return };
    let import = TreasuryImport {
        asset: "BTC".into(),
        source: FeedId::new("import"),
        as_of: day("2025-07-15"),
        now: at(NOW),
    };
    let Imported { events, report } = treasuries(&sheet, &import).unwrap();
    let holdings: BTreeMap<String, (Option<String>, f64)> = events
        .iter()
        .map(|event| event.observation.holding().expect("a holding"))
        .map(|held| {
            (held.holder.to_string(), (held.ticker.as_ref().map(ToString::to_string), held.quantity.get()))
        })
        .collect();
    assert_eq!(holdings["Microstrategy, Inc."], (Some("MSTR".to_owned()), 597_325.0));
    assert_eq!(holdings["Tesla, Inc."], (Some("TSLA".to_owned()), 11_509.0));
    assert_eq!(holdings["XXICEP"], (None, 37_230.0), "not to be told apart");
    assert_eq!((events.len(), report.refused.len()), (142, 0));
    let unsplit = report.corrected.iter().filter(|(_, words)| words.contains("cannot be told apart")).count();
    assert_eq!((report.corrected.len(), unsplit), (142, 5));
    for event in &events {
        assert_eq!((event.event_time, event.known_at), (at("2025-07-15"), at("2025-07-16")));
    }
}
