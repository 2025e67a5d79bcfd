//! Columns of `alerts`.

use market::{Alert, AlertState, Evidence, Severity};

use super::read::{Bad, Columns};
use super::{Heading, Value, integer, number, text, time};

pub(super) const COLUMNS: [Heading; 13] = [
    time("at"),
    text("rule"),
    text("severity"),
    text("state"),
    text("subject"),
    text("headline"),
    number("notional_usd"),
    number("threshold_usd"),
    integer("window_secs"),
    integer("events"),
    integer("unknown_notional"),
    number("coverage"),
    integer("seq"),
];

pub(super) fn cell<'a>(alert: &'a Alert, name: &str) -> Value<'a> {
    let evidence = &alert.evidence;
    match name {
        "at" => Value::Time(alert.at),
        "rule" => Value::text(&alert.rule),
        "severity" => Value::text(alert.severity.as_str()),
        "state" => Value::text(alert.state.as_str()),
        "subject" => Value::text(&alert.subject),
        "headline" => Value::text(&alert.headline),
        "notional_usd" => Value::Number(evidence.notional_usd),
        "threshold_usd" => Value::Number(evidence.threshold_usd),
        "window_secs" => Value::count(Some(evidence.window_secs)),
        "events" => Value::count(Some(evidence.events)),
        "unknown_notional" => Value::count(Some(evidence.unknown_notional)),
        "coverage" => Value::Number(evidence.coverage),
        _ => Value::Empty,
    }
}

pub(super) fn read(columns: &Columns<'_>, at: usize) -> Result<Alert, Bad> {
    let severities = [Severity::Info, Severity::Warning, Severity::Critical];
    let states = [AlertState::Raised, AlertState::Cleared, AlertState::NoData, AlertState::DataRestored];
    let text = |name| columns.text(name, at).map(str::to_owned);
    Ok(Alert {
        rule: text("rule")?,
        severity: columns.chosen("severity", at, &severities, Severity::as_str)?,
        state: columns.chosen("state", at, &states, AlertState::as_str)?,
        at: columns.time("at", at)?,
        subject: text("subject")?,
        headline: text("headline")?,
        evidence: Evidence {
            window_secs: columns.integer("window_secs", at)? as u64,
            notional_usd: columns.number("notional_usd", at)?,
            threshold_usd: columns.number("threshold_usd", at)?,
            events: columns.integer("events", at)? as u64,
            unknown_notional: columns.integer("unknown_notional", at)? as u64,
            coverage: columns.number("coverage", at)?,
        },
    })
}
