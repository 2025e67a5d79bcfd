//! Simulator and daemon as two processes: either may be killed at any moment.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use market::{Clock, Timestamp};
use serde_json::Value;
use vigie::clock::SystemClock;

use crate::workplace::Workplace;

const PATIENCE: Duration = Duration::from_secs(30);

/// A child process that does not outlive its test.
pub struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    pub fn start(place: &Workplace, arguments: &[&str]) -> Self {
        Self::start_with(place, arguments, &[])
    }

    /// Starts the program with more in its environment.
    pub fn start_with(place: &Workplace, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(place.path("log")).unwrap();
        let mut child = place
            .vigie()
            .args(arguments)
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(log))
            .spawn()
            .unwrap();
        let lines = collect(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The next line that it says.
    pub fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("it says something")
    }

    pub fn signal(&mut self, name: &str) {
        let status =
            std::process::Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for the end and returns the exit code; `None` after a deadly signal.
    pub fn wait(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "the process did not end");
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(stdout: ChildStdout) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

pub struct Simulator {
    process: Process,
    pub address: String,
}

impl Simulator {
    pub fn start(place: &Workplace, listen: &str, scenario: &str) -> Self {
        let process = Process::start(place, &["sim", "--listen", listen, "--scenario", scenario, "--json"]);
        let said = process.lines.recv_timeout(PATIENCE).expect("the simulator says where it listens");
        let said: Value = serde_json::from_str(&said).unwrap();
        Self { process, address: said["addr"].as_str().unwrap().to_owned() }
    }

    pub fn config(&self) -> String {
        let address = &self.address;
        let mut text = String::new();
        for (feed, path) in [
            ("binance-usdm", "/market/stream?streams=!forceOrder@arr"),
            ("bybit-linear", "/v5/public/linear"),
            ("okx", "/ws/v5/public"),
        ] {
            let _ = writeln!(
                text,
                "[feeds.{feed}]\nurl = \"ws://{address}{path}\"\nrest_url = \"http://{address}\"\nbackoff_cap_secs = 1"
            );
        }
        text
    }
}

fn daemon(place: &Workplace) -> Process {
    Process::start(place, &["--config", "c.toml", "--store", "S", "daemon", "--events"])
}

/// What makes a liquidation itself, as the export prints it.
pub type Key = (String, String, String, String, String);

fn acknowledged(line: &str) -> Option<Key> {
    let line: Value = serde_json::from_str(line).unwrap();
    let event = line.get("event")?;
    let liquidation = &event["observation"]["Liquidation"];
    let time = |name: &str| event[name].as_i64().unwrap().to_string();
    Some((
        event["feed"].as_str()?.to_owned(),
        liquidation["symbol"].as_str()?.to_owned(),
        time("event_time"),
        time("receive_time"),
        format!("{:?}", liquidation["price"].as_f64()?),
    ))
}

pub fn exported(place: &Workplace) -> BTreeMap<Key, u32> {
    let csv = place.stdout(&["--store", "S", "export", "liquidations"]);
    let micros = |text: &str| text.parse::<market::Timestamp>().unwrap().as_micros().to_string();
    let mut rows = BTreeMap::new();
    for line in csv.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let price: f64 = fields[6].parse().unwrap();
        let key = (
            fields[2].to_owned(),
            fields[3].to_owned(),
            micros(fields[0]),
            micros(fields[1]),
            format!("{price:?}"),
        );
        *rows.entry(key).or_default() += 1;
    }
    rows
}

/// Takes acknowledged events until `enough` are in, or patience runs out.
fn take(process: &Process, acked: &mut BTreeMap<Key, u32>, enough: usize) {
    let deadline = Instant::now() + PATIENCE;
    let mut taken = 0;
    while taken < enough {
        let left = deadline.saturating_duration_since(Instant::now());
        let line = process.lines.recv_timeout(left).expect("the daemon acknowledges events");
        if let Some(key) = acknowledged(&line) {
            *acked.entry(key).or_default() += 1;
            taken += 1;
        }
    }
}

pub fn drain(process: &Process, acked: &mut BTreeMap<Key, u32>) {
    while let Ok(line) = process.lines.recv_timeout(Duration::from_millis(300)) {
        if let Some(key) = acknowledged(&line) {
            *acked.entry(key).or_default() += 1;
        }
    }
}

#[test]
fn whoever_is_killed_every_acknowledged_event_is_exported_exactly_once() {
    let place = Workplace::new();
    let mut simulator = Simulator::start(&place, "127.0.0.1:0", "cascade");
    let address = simulator.address.clone();
    place.write("c.toml", &simulator.config());
    let mut acked = BTreeMap::new();
    let mut watch = daemon(&place);
    // When something lay dead, in microseconds: from before the kill until it had been started again.
    let mut outages = Vec::new();
    for round in 0..10 {
        take(&watch, &mut acked, 5);
        let killed = SystemClock.now();
        if round % 2 == 0 {
            watch.signal("-KILL");
            assert_eq!(watch.wait(), None);
            drain(&watch, &mut acked);
            watch = daemon(&place);
        } else {
            simulator.process.signal("-KILL");
            simulator.process.wait();
            simulator = Simulator::start(&place, &address, "cascade");
        }
        outages.push((killed, SystemClock.now()));
    }
    take(&watch, &mut acked, 5);
    watch.signal("-TERM");
    assert_eq!(watch.wait(), Some(0));
    drain(&watch, &mut acked);

    let rows = exported(&place);
    for (key, count) in &acked {
        assert_eq!(rows.get(key), Some(count), "{key:?}");
    }
    let gaps = place.stdout(&["--store", "S", "export", "gaps"]);
    let open = gaps.lines().skip(1).filter(|line| line.split(',').nth(2) == Some("")).count();
    assert_eq!(open, 0, "every outage has ended:\n{gaps}");
    for feed in ["binance-usdm", "bybit-linear", "okx"] {
        let of_feed: Vec<(Timestamp, Timestamp)> = gaps
            .lines()
            .map(|line| line.split(',').collect::<Vec<_>>())
            .filter(|fields| fields[0] == feed)
            .map(|fields| (fields[1].parse().unwrap(), fields[2].parse().unwrap()))
            .collect();
        for (killed, restarted) in &outages {
            let is_told = of_feed.iter().any(|(from, until)| from <= restarted && until >= killed);
            assert!(is_told, "{feed} has no gap between {killed} and {restarted}:\n{gaps}");
        }
    }
}

#[test]
fn a_second_writer_is_told_who_holds_the_store() {
    let place = Workplace::new();
    let simulator = Simulator::start(&place, "127.0.0.1:0", "cascade");
    place.write("c.toml", &simulator.config());
    let first = daemon(&place);
    take(&first, &mut BTreeMap::new(), 1);
    let output = place.run(&["--config", "c.toml", "--store", "S", "daemon", "--for", "1s"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains(&first.child.id().to_string()), "{said}");
    // A reader beside the writer is welcome.
    assert!(exported(&place).values().sum::<u32>() >= 1);
}

#[test]
fn a_rule_raises_an_alert_on_stdout_and_in_the_table() {
    let place = Workplace::new();
    let simulator = Simulator::start(&place, "127.0.0.1:0", "cascade");
    let rule =
        "[rules.any]\nkind = \"liquidations\"\nwindow_secs = 60\nthreshold_usd = 1\nseverity = \"info\"\n";
    place.write("c.toml", &format!("{}{rule}", simulator.config()));
    let mut watch = Process::start(&place, &["--config", "c.toml", "--store", "S", "daemon"]);
    let line = watch.lines.recv_timeout(PATIENCE).expect("an alert");
    let alert: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&alert["alert"]["rule"], &alert["alert"]["state"]),
        (&"any".into(), &"raised".into()),
        "{line}"
    );
    watch.signal("-INT");
    assert_eq!(watch.wait(), Some(0));
    let alerts = place.stdout(&["--store", "S", "export", "alerts"]);
    assert!(alerts.lines().any(|line| line.contains("any") && line.contains("raised")), "{alerts}");
}

#[test]
fn a_terminated_daemon_is_gone_within_five_seconds() {
    let place = Workplace::new();
    let simulator = Simulator::start(&place, "127.0.0.1:0", "cascade");
    place.write("c.toml", &simulator.config());
    let mut watch = daemon(&place);
    take(&watch, &mut BTreeMap::new(), 1);
    let told = Instant::now();
    watch.signal("-TERM");
    assert_eq!(watch.wait(), Some(0));
    assert!(told.elapsed() < Duration::from_secs(5));
}
