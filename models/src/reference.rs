//! Data that tests compare with and that are not part of the repository: `VIGIE_SHARED`, or `../shared` beside it.

use std::path::PathBuf;

/// Where a file or folder of them is; `None`, and a line that says so, where it is absent.
#[expect(clippy::print_stderr, clippy::disallowed_methods, reason = "a skipped test must say so")]
pub(crate) fn path(file: &str) -> Option<PathBuf> {
    let shared = std::env::var("VIGIE_SHARED")
        .map_or_else(|_| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), PathBuf::from);
    let path = shared.join(file);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is absent", path.display());
    None
}

/// A file of them as text.
pub(crate) fn text(file: &str) -> Option<String> {
    path(file).map(|path| std::fs::read_to_string(path).expect("text"))
}

/// Scores, what happened, and what scikit-learn made of them.
pub(crate) fn calibration_400() -> Option<(Vec<f64>, Vec<bool>, serde_json::Value)> {
    let (rows, reference) = (text("models/calibration_400.csv")?, text("models/reference.json")?);
    let reference: serde_json::Value = serde_json::from_str(&reference).expect("JSON");
    let (mut scores, mut happened) = (Vec::new(), Vec::new());
    for line in rows.lines().skip(1).filter(|line| !line.is_empty()) {
        let (score, outcome) = line.split_once(',').expect("two columns");
        scores.push(score.parse().expect("a score"));
        happened.push(outcome.trim() == "1");
    }
    Some((scores, happened, reference["calibration_400"].clone()))
}
