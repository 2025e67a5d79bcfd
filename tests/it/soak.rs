//! Every feed at once, against venues that fail at random: what is acknowledged is kept, and every
//! outage has its gap.
//!
//! Twenty seconds unless `VIGIE_SOAK_SECS` says otherwise; ten minutes are `VIGIE_SOAK_SECS=600`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use market::Timestamp;
use vigie::rehearsal;

use crate::journey::{Key, Process, drain, exported};
use crate::workplace::Workplace;

const FAULTS: &str = "drop=7s,silence=20s:4s,malformed=0.01,duplicate=0.01,reorder=0.01";

fn span() -> Duration {
    #[expect(clippy::disallowed_methods, reason = "whoever soaks says for how long")]
    let secs = std::env::var("VIGIE_SOAK_SECS").ok().and_then(|secs| secs.parse().ok());
    Duration::from_secs(secs.unwrap_or(20))
}

/// A configuration with every feed pointed at the simulator.
fn config(address: &str) -> String {
    let mut text = String::new();
    for row in feeds::FEEDS {
        let (stream, rest) = rehearsal::addresses(row, false, address.parse().unwrap());
        let _ = writeln!(text, "[feeds.{}]\nbackoff_cap_secs = 1", row.id);
        if !stream.is_empty() {
            let _ = writeln!(text, "url = \"{stream}\"");
        }
        if !rest.is_empty() {
            let _ = writeln!(text, "rest_url = \"{rest}\"");
        }
        if !matches!(row.protocol, feeds::Protocol::Stream(_)) {
            let _ = writeln!(text, "poll_secs = 3");
        }
    }
    text
}

/// Whether a feed was not watching, by the program's own log: the feed, and when it said so.
fn outages(log: &str) -> Vec<(String, Timestamp)> {
    let told = log.lines().filter(|line| line.contains("not watching"));
    let outage = |line: &str| {
        let feed = line.split("feed=").nth(1)?.split_whitespace().next()?.to_owned();
        Some((feed, line.split_whitespace().next()?.parse().ok()?))
    };
    told.map(|line| outage(line).unwrap_or_else(|| panic!("a log line of another form: {line}"))).collect()
}

/// Gaps by feed: from, and until where it ended.
fn gaps(place: &Workplace) -> BTreeMap<String, Vec<(Timestamp, Option<Timestamp>)>> {
    let csv = place.stdout(&["--store", "S", "export", "gaps"]);
    let mut lines = csv.lines();
    assert!(lines.next().unwrap().starts_with("venue,from,until,cause,"));
    let mut gaps = BTreeMap::<String, Vec<_>>::new();
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        gaps.entry(cells[0].to_owned()).or_default().push((cells[1].parse().unwrap(), cells[2].parse().ok()));
    }
    gaps
}

#[test]
fn under_random_faults_every_outage_has_its_gap_and_nothing_accepted_is_lost() {
    let place = Workplace::new();
    let simulator = Process::start(
        &place,
        &["sim", "--listen", "127.0.0.1:0", "--scenario", "cascade", "--faults", FAULTS, "--json"],
    );
    let said: serde_json::Value = serde_json::from_str(&simulator.line()).unwrap();
    place.write("c.toml", &config(said["addr"].as_str().unwrap()));
    let keys: Vec<(&str, &str)> =
        feeds::FEEDS.iter().flat_map(|row| row.keys).map(|name| (*name, "made-up")).collect();
    let mut daemon =
        Process::start_with(&place, &["--config", "c.toml", "--store", "S", "daemon", "--events"], &keys);
    let mut acked = BTreeMap::<Key, u32>::new();
    let end = std::time::Instant::now() + span();
    while std::time::Instant::now() < end {
        drain(&daemon, &mut acked);
        std::thread::park_timeout(Duration::from_millis(200));
    }
    daemon.signal("-TERM");
    assert_eq!(daemon.wait(), Some(0), "{}", std::fs::read_to_string(place.path("log")).unwrap());
    drain(&daemon, &mut acked);
    assert!(acked.len() > 50, "only {} liquidations", acked.len());

    let stored = exported(&place);
    for (key, count) in &acked {
        assert!(stored.get(key).is_some_and(|stored| stored >= count), "acknowledged and lost: {key:?}");
    }
    let log = std::fs::read_to_string(place.path("log")).unwrap();
    let gaps = gaps(&place);
    let outages = outages(&log);
    for (feed, at) in &outages {
        let covers = |(from, until): &(Timestamp, Option<Timestamp>)| {
            *from <= at.plus(Duration::from_millis(500)) && until.is_none_or(|until| until >= *at)
        };
        let known = gaps.get(feed).map(Vec::as_slice).unwrap_or_default();
        assert!(known.iter().any(covers), "{feed} was not watching at {at}, and no gap says so: {known:?}");
    }
    let streams = feeds::FEEDS.iter().filter(|row| matches!(row.protocol, feeds::Protocol::Stream(_)));
    let fallen: BTreeSet<&str> = outages.iter().map(|(feed, _)| feed.as_str()).collect();
    let spared: Vec<&str> = streams.map(|row| row.id).filter(|id| !fallen.contains(id)).collect();
    assert!(spared.len() < 6, "faults at random hit every stream sooner or later: {spared:?}");
    eprintln!(
        "{} liquidations acknowledged, {} outages of {} feeds",
        acked.len(),
        outages.len(),
        fallen.len()
    );
}
