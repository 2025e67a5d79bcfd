//! What a ledger must survive, and what must not survive in it.

mod anchoring;
mod damage;
mod formats;
mod properties;
mod replaying;
mod writing;

use std::path::{Path, PathBuf};

use market::Timestamp;

use super::*;

/// A moment so many hours after the start of 2026.
fn hour(hours: u64) -> Timestamp {
    let start: Timestamp = "2026-01-01".parse().unwrap();
    start.plus(std::time::Duration::from_hours(hours))
}

/// The `n`th forecast of a made-up desk; every fifth abstains.
fn forecast(n: u64) -> Body {
    let x = n as f64;
    let is_blind = n % 5 == 4;
    let exact = |value: f64| (!is_blind).then(|| Exact::from(value));
    Body {
        decided_at: hour(n),
        known_at: hour(n).minus(std::time::Duration::from_secs(1)),
        target: "vol-24h".to_owned(),
        asset: "BTC".to_owned(),
        horizon: "24h".to_owned(),
        until: hour(n + 24),
        inputs: vec![
            ("level".to_owned(), Exact::from(-3.25 + x / 7.0)),
            ("har_22".to_owned(), Exact::from(if n.is_multiple_of(3) { f64::NAN } else { x / 2.0 - 1.0 })),
        ],
        config: Digest::of(b"config"),
        model: ModelRef { id: "vol-24h-btc-1".to_owned(), hash: Digest::of(b"artefact") },
        code: Digest::of(b"code"),
        answer: Answer {
            regime: Some((n % 3) as u8),
            probability: exact(1.0 / (x + 3.0)),
            low: exact(1.0 / (x + 4.0)),
            high: exact(1.0 / (x + 2.0)),
            regimes: if is_blind { vec![] } else { vec![0, 1] },
            base: Some(Exact::from(0.25)),
            markov: Some(Exact::from(0.3)),
            margin_only: Some(Exact::from(0.1 + 0.2)),
            abstained: is_blind.then(|| "outside the training density".to_owned()),
        },
    }
}

/// A ledger of `count` forecasts in a directory of its own.
fn written(count: u64) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write_into(dir.path(), 0..count);
    dir
}

fn write_into(dir: &Path, which: std::ops::Range<u64>) {
    let mut ledger = Ledger::open(dir, hour(0)).unwrap();
    for n in which {
        ledger.append(forecast(n), hour(n)).unwrap();
    }
}

fn verify(dir: &Path) -> Result<Verified, LedgerError> {
    Reader::open(dir)?.verify(&Expected::default())
}

/// What is wrong; the test fails where nothing is, or where it is no damage.
fn damage(dir: &Path) -> Damage {
    match verify(dir) {
        Err(LedgerError::Damaged(damage)) => damage,
        other => panic!("no damage found: {other:?}"),
    }
}

fn path(dir: &Path, name: &str) -> PathBuf {
    dir.join(name)
}

fn lines(dir: &Path, name: &str) -> Vec<String> {
    std::fs::read_to_string(path(dir, name)).unwrap().lines().map(str::to_owned).collect()
}

fn put_lines(dir: &Path, name: &str, lines: &[String]) {
    let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
    std::fs::write(path(dir, name), text).unwrap();
}

/// A second directory with the same files, to damage.
fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), to.path().join(entry.file_name())).unwrap();
        }
    }
    to
}
