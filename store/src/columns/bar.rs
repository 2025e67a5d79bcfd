//! Columns of `bars`.

use market::{Bar, Interval, Observation};
use smol_str::SmolStr;

use super::read::{Bad, Columns};
use super::{Heading, Kind, Value, integer, number, text, time};

pub(super) const COLUMNS: [Heading; 13] = [
    time("open_time"),
    text("symbol"),
    text("interval"),
    number("open"),
    number("high"),
    number("low"),
    number("close"),
    number("volume"),
    Heading { name: "is_final", kind: Kind::Flag },
    text("venue"),
    time("known_at"),
    time("receive_time"),
    integer("seq"),
];

pub(super) fn cell<'a>(bar: &'a Bar, name: &str) -> Value<'a> {
    match name {
        "symbol" => Value::text(&bar.symbol),
        "interval" => Value::text(bar.interval.as_str()),
        "open" => Value::Number(bar.open.get()),
        "high" => Value::Number(bar.high.get()),
        "low" => Value::Number(bar.low.get()),
        "close" => Value::Number(bar.close.get()),
        "volume" => Value::number(bar.volume),
        "is_final" => Value::Flag(bar.is_final),
        _ => Value::Empty,
    }
}

pub(super) fn read(columns: &Columns<'_>, at: usize) -> Result<Observation, Bad> {
    Ok(Observation::Bar(Bar {
        symbol: SmolStr::new(columns.text("symbol", at)?),
        interval: columns.chosen("interval", at, &Interval::ALL, Interval::as_str)?,
        open: columns.measured("open", at)?,
        high: columns.measured("high", at)?,
        low: columns.measured("low", at)?,
        close: columns.measured("close", at)?,
        volume: columns.measure("volume", at)?,
        is_final: columns.flag("is_final", at)?,
    }))
}
