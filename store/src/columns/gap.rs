//! Columns of `gaps`.

use market::{Gap, GapCause, Observation};

use super::read::{Bad, Columns};
use super::{Heading, Value, integer, text, time};

pub(super) const COLUMNS: [Heading; 9] = [
    text("venue"),
    time("from"),
    time("until"),
    text("cause"),
    text("detail"),
    integer("seq"),
    time("event_time"),
    time("receive_time"),
    time("known_at"),
];

pub(super) fn cell<'a>(gap: &'a Gap, name: &str) -> Value<'a> {
    match name {
        "from" => Value::Time(gap.from),
        "until" => Value::time(gap.until),
        "cause" => Value::text(gap.cause.as_str()),
        "detail" => Value::text(&gap.detail),
        _ => Value::Empty,
    }
}

pub(super) fn read(columns: &Columns<'_>, at: usize) -> Result<Observation, Bad> {
    Ok(Observation::Gap(Gap {
        from: columns.time("from", at)?,
        until: columns.time_or_null("until", at)?,
        cause: columns.chosen("cause", at, &GapCause::ALL, GapCause::as_str)?,
        detail: columns.text("detail", at)?.to_owned(),
    }))
}
