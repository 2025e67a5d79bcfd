//! Columns of `regimes`.

use market::{Observation, RegimeReading};
use smol_str::SmolStr;

use super::read::{Bad, Columns};
use super::{Heading, Value, integer, number, text, time};

/// `event_time` is the moment that it was read of. `probability` is the last regime's, the stormiest;
/// `probabilities` are all, the calmest first.
pub(super) const COLUMNS: [Heading; 13] = [
    time("event_time"),
    time("known_at"),
    text("target"),
    text("asset"),
    integer("regime"),
    text("name"),
    number("probability"),
    text("probabilities"),
    time("since"),
    text("model"),
    text("source"),
    time("receive_time"),
    integer("seq"),
];

pub(super) fn cell<'a>(reading: &'a RegimeReading, name: &str) -> Value<'a> {
    match name {
        "target" => Value::text(&reading.target),
        "asset" => Value::text(&reading.asset),
        "regime" => Value::Integer(i64::from(reading.regime)),
        "name" => Value::text(&reading.name),
        "probability" => Value::number(reading.probabilities.last().copied()),
        "probabilities" => Value::list(&reading.probabilities),
        "since" => Value::Time(reading.since),
        "model" => Value::text(&reading.model),
        _ => Value::Empty,
    }
}

pub(super) fn read(columns: &Columns<'_>, at: usize) -> Result<Observation, Bad> {
    Ok(Observation::Regime(RegimeReading {
        target: SmolStr::new(columns.text("target", at)?),
        asset: SmolStr::new(columns.text("asset", at)?),
        regime: columns.regime("regime", at)?,
        name: SmolStr::new(columns.text("name", at)?),
        probabilities: columns.list("probabilities", at)?,
        since: columns.time("since", at)?,
        model: SmolStr::new(columns.text("model", at)?),
    }))
}
