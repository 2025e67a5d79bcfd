//! A record as a row of CSV.

use super::entry::Entry;
use super::words::Exact;

/// The columns, in order.
pub(super) const COLUMNS: [&str; 24] = [
    "sequence",
    "decided_at",
    "known_at",
    "target",
    "asset",
    "horizon",
    "until",
    "regime",
    "probability",
    "low",
    "high",
    "regimes",
    "base",
    "markov",
    "margin_only",
    "abstained",
    "model",
    "model_hash",
    "config_hash",
    "code_hash",
    "inputs",
    "input_root",
    "previous",
    "hash",
];

/// Empty where there is nothing; `inputs` is how many there are.
pub(super) fn row(entry: &Entry) -> String {
    let Entry { sequence, input_root, body, previous, hash, .. } = entry;
    let answer = &body.answer;
    let number = |figure: Option<Exact>| figure.map(|figure| figure.value().to_string()).unwrap_or_default();
    let cells: [String; COLUMNS.len()] = [
        sequence.to_string(),
        body.decided_at.to_string(),
        body.known_at.to_string(),
        body.target.clone(),
        body.asset.clone(),
        body.horizon.clone(),
        body.until.to_string(),
        answer.regime.map(|regime| regime.to_string()).unwrap_or_default(),
        number(answer.probability),
        number(answer.low),
        number(answer.high),
        answer.regimes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        number(answer.base),
        number(answer.markov),
        number(answer.margin_only),
        answer.abstained.clone().unwrap_or_default(),
        body.model.id.clone(),
        body.model.hash.to_string(),
        body.config.to_string(),
        body.code.to_string(),
        body.inputs.len().to_string(),
        input_root.to_string(),
        previous.to_string(),
        hash.to_string(),
    ];
    cells.map(|cell| quoted(&cell)).join(",")
}

/// A CSV cell, in quotes where it needs them (RFC 4180).
fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}
