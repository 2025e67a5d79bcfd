//! Columns of `alerts`.

use market::{
    Alert, AlertState, Baselines, Chances, Evidence, ForecastEvidence, LiquidationEvidence, Severity,
};
use smol_str::SmolStr;

use super::read::{Bad, Columns};
use super::{Heading, Value, integer, number, text, time};

/// From `notional_usd` to `coverage`, what a rule on liquidations saw; from `target` on, what one on regimes
/// saw. An alert has the one or the other.
pub(super) const COLUMNS: [Heading; 27] = [
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
    text("target"),
    text("asset"),
    text("regime"),
    time("since"),
    number("probability"),
    number("low"),
    number("high"),
    number("base"),
    number("markov"),
    number("margin_only"),
    text("model"),
    time("forecast_at"),
    number("shift_at_least"),
    text("enters"),
];

pub(super) fn cell<'a>(alert: &'a Alert, name: &str) -> Value<'a> {
    match name {
        "at" => Value::Time(alert.at),
        "rule" => Value::text(&alert.rule),
        "severity" => Value::text(alert.severity.as_str()),
        "state" => Value::text(alert.state.as_str()),
        "subject" => Value::text(&alert.subject),
        "headline" => Value::text(&alert.headline),
        _ => match &alert.evidence {
            Evidence::Liquidations(evidence) => liquidation_cell(evidence, name),
            Evidence::Forecast(evidence) => forecast_cell(evidence, name),
        },
    }
}

fn liquidation_cell(evidence: &LiquidationEvidence, name: &str) -> Value<'static> {
    match name {
        "notional_usd" => Value::Number(evidence.notional_usd),
        "threshold_usd" => Value::Number(evidence.threshold_usd),
        "window_secs" => Value::count(Some(evidence.window_secs)),
        "events" => Value::count(Some(evidence.events)),
        "unknown_notional" => Value::count(Some(evidence.unknown_notional)),
        "coverage" => Value::Number(evidence.coverage),
        _ => Value::Empty,
    }
}

fn forecast_cell<'a>(evidence: &'a ForecastEvidence, name: &str) -> Value<'a> {
    let shift = |part: fn(&Chances) -> f64| Value::number(evidence.shift.as_ref().map(part));
    let naive = |part: fn(&Baselines) -> f64| Value::number(evidence.baselines.as_ref().map(part));
    match name {
        "target" => Value::text(&evidence.target),
        "asset" => Value::text(&evidence.asset),
        "regime" => Value::text_or_empty(evidence.regime.as_deref()),
        "since" => Value::time(evidence.since),
        "probability" => shift(|shift| shift.probability),
        "low" => shift(|shift| shift.low),
        "high" => shift(|shift| shift.high),
        "base" => naive(|naive| naive.base),
        "markov" => naive(|naive| naive.markov),
        "margin_only" => naive(|naive| naive.margin_only),
        "model" => Value::text_or_empty(evidence.model.as_deref()),
        "forecast_at" => Value::time(evidence.made_at),
        "shift_at_least" => Value::number(evidence.shift_at_least),
        "enters" => Value::text_or_empty(evidence.enters.as_deref()),
        _ => Value::Empty,
    }
}

pub(super) fn read(columns: &Columns<'_>, at: usize) -> Result<Alert, Bad> {
    let severities = [Severity::Info, Severity::Warning, Severity::Critical];
    let states = [AlertState::Raised, AlertState::Cleared, AlertState::NoData, AlertState::DataRestored];
    let text = |name| columns.text(name, at).map(str::to_owned);
    let evidence = match columns.text_or_null("target", at) {
        Some(target) => Evidence::Forecast(read_forecast(columns, at, target)?),
        None => Evidence::Liquidations(read_liquidations(columns, at)?),
    };
    Ok(Alert {
        rule: text("rule")?,
        severity: columns.chosen("severity", at, &severities, Severity::as_str)?,
        state: columns.chosen("state", at, &states, AlertState::as_str)?,
        at: columns.time("at", at)?,
        subject: text("subject")?,
        headline: text("headline")?,
        evidence,
    })
}

fn read_liquidations(columns: &Columns<'_>, at: usize) -> Result<LiquidationEvidence, Bad> {
    Ok(LiquidationEvidence {
        window_secs: columns.integer("window_secs", at)? as u64,
        notional_usd: columns.number("notional_usd", at)?,
        threshold_usd: columns.number("threshold_usd", at)?,
        events: columns.integer("events", at)? as u64,
        unknown_notional: columns.integer("unknown_notional", at)? as u64,
        coverage: columns.number("coverage", at)?,
    })
}

fn read_forecast(columns: &Columns<'_>, at: usize, target: &str) -> Result<ForecastEvidence, Bad> {
    let name = |name| columns.text_or_null(name, at).map(SmolStr::new);
    let number = |name| columns.number(name, at);
    let shift = match columns.number_or_null("probability", at) {
        Some(probability) => Some(Chances { probability, low: number("low")?, high: number("high")? }),
        None => None,
    };
    let baselines = match columns.number_or_null("base", at) {
        Some(base) => {
            Some(Baselines { base, markov: number("markov")?, margin_only: number("margin_only")? })
        }
        None => None,
    };
    Ok(ForecastEvidence {
        target: SmolStr::new(target),
        asset: SmolStr::new(columns.text("asset", at)?),
        regime: name("regime"),
        since: columns.time_or_null("since", at)?,
        shift,
        baselines,
        model: name("model"),
        made_at: columns.time_or_null("forecast_at", at)?,
        shift_at_least: columns.number_or_null("shift_at_least", at),
        enters: name("enters"),
    })
}
