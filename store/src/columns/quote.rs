//! Columns of `quotes`. `session` is New York's at the event time, for shares: `pre`, `regular`, `post` or `closed`.

use market::{Observation, Quote, QuoteKind, Session, Timestamp, nyse};
use smol_str::SmolStr;

use super::read::{Bad, Columns};
use super::{Heading, Value, integer, number, text, time};

pub(super) const COLUMNS: [Heading; 13] = [
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
    text("session"),
];

pub(super) fn cell<'a>(quote: &'a Quote, at: Timestamp, name: &str) -> Value<'a> {
    match name {
        "symbol" => Value::text(&quote.symbol),
        "kind" => Value::text(quote.kind.as_str()),
        "price" => Value::Number(quote.price.get()),
        "bid" => Value::number(quote.bid),
        "ask" => Value::number(quote.ask),
        "previous_close" => Value::number(quote.previous_close),
        "volume" => Value::number(quote.volume),
        "session" if is_share(&quote.symbol) => Value::text_or_empty(nyse().session(at).map(Session::as_str)),
        _ => Value::Empty,
    }
}

/// Shares go by a ticker; pairs and contracts have a quote currency.
fn is_share(symbol: &str) -> bool {
    !symbol.contains('-')
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
