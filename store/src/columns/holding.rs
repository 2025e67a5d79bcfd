//! Columns of `holdings`.

use market::{Holding, Observation};
use smol_str::SmolStr;

use super::read::{Bad, Columns};
use super::{Heading, Value, day, integer, number, text, time};

pub(super) const COLUMNS: [Heading; 9] = [
    day("as_of"),
    text("holder"),
    text("ticker"),
    text("asset"),
    number("quantity"),
    text("source"),
    time("known_at"),
    time("receive_time"),
    integer("seq"),
];

pub(super) fn cell<'a>(holding: &'a Holding, name: &str) -> Value<'a> {
    match name {
        "as_of" => Value::Day(holding.as_of),
        "holder" => Value::text(&holding.holder),
        "ticker" => Value::text_or_empty(holding.ticker.as_deref()),
        "asset" => Value::text(&holding.asset),
        "quantity" => Value::Number(holding.quantity.get()),
        _ => Value::Empty,
    }
}

pub(super) fn read(columns: &Columns<'_>, at: usize) -> Result<Observation, Bad> {
    Ok(Observation::Holding(Holding {
        holder: SmolStr::new(columns.text("holder", at)?),
        ticker: columns.text_or_null("ticker", at).map(SmolStr::new),
        asset: SmolStr::new(columns.text("asset", at)?),
        quantity: columns.measured("quantity", at)?,
        as_of: columns.day("as_of", at)?,
    }))
}
