//! Columns of `liquidations`.

use market::{Liquidation, Observation, PositionSide};
use smol_str::SmolStr;

use super::read::{Bad, Columns};
use super::{Heading, Value, integer, number, text, time};

pub(super) const COLUMNS: [Heading; 13] = [
    time("event_time"),
    time("receive_time"),
    text("venue"),
    text("symbol"),
    text("instrument"),
    text("position"),
    number("price"),
    number("quantity"),
    number("notional_usd"),
    time("known_at"),
    text("asset"),
    text("venue_id"),
    integer("seq"),
];

pub(super) fn cell<'a>(liquidation: &'a Liquidation, name: &str) -> Value<'a> {
    match name {
        "symbol" => Value::text(&liquidation.symbol),
        "instrument" => Value::shown(&liquidation.instrument),
        "asset" => Value::text(liquidation.instrument.asset()),
        "position" => Value::text(liquidation.position.as_str()),
        "price" => Value::Number(liquidation.price.get()),
        "quantity" => Value::number(liquidation.quantity),
        "notional_usd" => Value::number(liquidation.notional),
        "venue_id" => Value::text_or_empty(liquidation.venue_id.as_deref()),
        _ => Value::Empty,
    }
}

pub(super) fn read(columns: &Columns<'_>, at: usize) -> Result<Observation, Bad> {
    let sides = [PositionSide::Long, PositionSide::Short];
    Ok(Observation::Liquidation(Liquidation {
        symbol: SmolStr::new(columns.text("symbol", at)?),
        instrument: columns.parsed("instrument", at)?,
        position: columns.chosen("position", at, &sides, PositionSide::as_str)?,
        price: columns.measured("price", at)?,
        quantity: columns.measure("quantity", at)?,
        notional: columns.measure("notional_usd", at)?,
        venue_id: columns.text_or_null("venue_id", at).map(SmolStr::new),
    }))
}
