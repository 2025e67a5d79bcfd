//! Columns of `forecasts`.

use market::{Baselines, Chances, Forecast, Observation};
use smol_str::SmolStr;

use super::read::{Bad, Columns};
use super::{Heading, Value, integer, number, text, time};

/// `event_time` is the moment that it forecast from. `probability`, `low` and `high` are empty where it
/// abstained, `abstained` (the reason) where it did not.
pub(super) const COLUMNS: [Heading; 19] = [
    time("event_time"),
    time("known_at"),
    text("target"),
    text("asset"),
    integer("regime"),
    time("until"),
    number("probability"),
    number("low"),
    number("high"),
    text("abstained"),
    number("base"),
    number("markov"),
    number("margin_only"),
    text("regimes"),
    text("model"),
    integer("ledger_sequence"),
    text("source"),
    time("receive_time"),
    integer("seq"),
];

pub(super) fn cell<'a>(forecast: &'a Forecast, name: &str) -> Value<'a> {
    let shift = |part: fn(&Chances) -> f64| Value::number(forecast.shift.as_ref().map(part));
    match name {
        "target" => Value::text(&forecast.target),
        "asset" => Value::text(&forecast.asset),
        "regime" => Value::Integer(i64::from(forecast.regime)),
        "until" => Value::Time(forecast.until),
        "probability" => shift(|shift| shift.probability),
        "low" => shift(|shift| shift.low),
        "high" => shift(|shift| shift.high),
        "abstained" => Value::text_or_empty(forecast.abstained.as_deref()),
        "base" => Value::Number(forecast.baselines.base),
        "markov" => Value::Number(forecast.baselines.markov),
        "margin_only" => Value::Number(forecast.baselines.margin_only),
        "regimes" => Value::list(&forecast.regimes),
        "model" => Value::text(&forecast.model),
        "ledger_sequence" => Value::count(Some(forecast.sequence)),
        _ => Value::Empty,
    }
}

pub(super) fn read(columns: &Columns<'_>, at: usize) -> Result<Observation, Bad> {
    let shift = match columns.number_or_null("probability", at) {
        Some(probability) => {
            Some(Chances { probability, low: columns.number("low", at)?, high: columns.number("high", at)? })
        }
        None => None,
    };
    Ok(Observation::Forecast(Forecast {
        target: SmolStr::new(columns.text("target", at)?),
        asset: SmolStr::new(columns.text("asset", at)?),
        regime: columns.regime("regime", at)?,
        until: columns.time("until", at)?,
        shift,
        abstained: columns.text_or_null("abstained", at).map(SmolStr::new),
        baselines: Baselines {
            base: columns.number("base", at)?,
            markov: columns.number("markov", at)?,
            margin_only: columns.number("margin_only", at)?,
        },
        regimes: columns.list("regimes", at)?,
        model: SmolStr::new(columns.text("model", at)?),
        sequence: columns.integer("ledger_sequence", at)? as u64,
    }))
}
