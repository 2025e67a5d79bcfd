//! Columns of `quotes`.

use market::{Observation, Quote, QuoteKind};
use smol_str::SmolStr;

use super::read::{Bad, Columns};
use super::{Heading, Value, integer, number, text, time};

pub(super) const COLUMNS: [Heading; 12] = [
    time("event_time"),
    text("symbol"),
    text("kind"),
    number("price"),
    number("bid"),
    number("ask"),
    number("previous_close"),
    number("volume"),
    text("venue"),
    time("known_at"),
    time("receive_time"),
    integer("seq"),
];

pub(super) fn cell<'a>(quote: &'a Quote, name: &str) -> Value<'a> {
    match name {
        "symbol" => Value::text(&quote.symbol),
        "kind" => Value::text(quote.kind.as_str()),
        "price" => Value::Number(quote.price.get()),
        "bid" => Value::number(quote.bid),
        "ask" => Value::number(quote.ask),
        "previous_close" => Value::number(quote.previous_close),
        "volume" => Value::number(quote.volume),
        _ => Value::Empty,
    }
}

pub(super) fn read(columns: &Columns<'_>, at: usize) -> Result<Observation, Bad> {
    Ok(Observation::Quote(Quote {
        symbol: SmolStr::new(columns.text("symbol", at)?),
        kind: columns.chosen("kind", at, &QuoteKind::ALL, QuoteKind::as_str)?,
        price: columns.measured("price", at)?,
        bid: columns.measure("bid", at)?,
        ask: columns.measure("ask", at)?,
        previous_close: columns.measure("previous_close", at)?,
        volume: columns.measure("volume", at)?,
    }))
}
