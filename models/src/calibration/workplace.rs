//! Reference numbers that are not part of the repository: `VIGIE_SHARED`, or `../shared` beside it.

use std::path::PathBuf;

/// A shared file's text; `None`, and a line that says so, where it is absent.
#[expect(clippy::print_stderr, clippy::disallowed_methods, reason = "a skipped test must say so")]
pub(crate) fn text(file: &str) -> Option<String> {
    let shared = std::env::var("VIGIE_SHARED")
        .map_or_else(|_| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), PathBuf::from);
    let path = shared.join("models").join(file);
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: {} is absent", path.display());
        return None;
    };
    Some(text)
}

/// Scores, what happened, and what scikit-learn made of them.
pub(crate) fn calibration_400() -> Option<(Vec<f64>, Vec<bool>, serde_json::Value)> {
    let (rows, reference) = (text("calibration_400.csv")?, text("reference.json")?);
    let reference: serde_json::Value = serde_json::from_str(&reference).expect("JSON");
    let (mut scores, mut happened) = (Vec::new(), Vec::new());
    for line in rows.lines().skip(1).filter(|line| !line.is_empty()) {
        let (score, outcome) = line.split_once(',').expect("two columns");
        scores.push(score.parse().expect("a score"));
        happened.push(outcome.trim() == "1");
    }
    Some((scores, happened, reference["calibration_400"].clone()))
}
