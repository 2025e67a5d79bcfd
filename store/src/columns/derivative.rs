//! Columns of `funding` and `open_interest`.

use market::{FundingRate, Observation, OpenInterest};
use smol_str::SmolStr;

use super::read::{Bad, Columns};
use super::{Heading, Value, integer, number, text, time};

/// `annualised` is computed from rate and interval; it is there for other tools.
pub(super) const FUNDING: [Heading; 11] = [
    time("event_time"),
    text("venue"),
    text("symbol"),
    text("instrument"),
    number("rate"),
    number("interval_hours"),
    number("annualised"),
    time("next_funding"),
    time("known_at"),
    time("receive_time"),
    integer("seq"),
];

pub(super) fn funding_cell<'a>(funding: &'a FundingRate, name: &str) -> Value<'a> {
    match name {
        "symbol" => Value::text(&funding.symbol),
        "instrument" => Value::shown(&funding.instrument),
        "rate" => Value::Number(funding.rate),
        "interval_hours" => Value::number(funding.interval_hours),
        "annualised" => Value::number(funding.annualised()),
        "next_funding" => Value::time(funding.next_funding),
        _ => Value::Empty,
    }
}

pub(super) fn read_funding(columns: &Columns<'_>, at: usize) -> Result<Observation, Bad> {
    Ok(Observation::FundingRate(FundingRate {
        symbol: SmolStr::new(columns.text("symbol", at)?),
        instrument: columns.parsed("instrument", at)?,
        rate: columns.number("rate", at)?,
        interval_hours: columns.number_or_null("interval_hours", at),
        next_funding: columns.time_or_null("next_funding", at)?,
    }))
}

pub(super) const OPEN_INTEREST: [Heading; 9] = [
    time("event_time"),
    text("venue"),
    text("symbol"),
    text("instrument"),
    number("quantity"),
    number("notional_usd"),
    time("known_at"),
    time("receive_time"),
    integer("seq"),
];

pub(super) fn open_interest_cell<'a>(interest: &'a OpenInterest, name: &str) -> Value<'a> {
    match name {
        "symbol" => Value::text(&interest.symbol),
        "instrument" => Value::shown(&interest.instrument),
        "quantity" => Value::number(interest.quantity),
        "notional_usd" => Value::number(interest.notional),
        _ => Value::Empty,
    }
}

pub(super) fn read_open_interest(columns: &Columns<'_>, at: usize) -> Result<Observation, Bad> {
    Ok(Observation::OpenInterest(OpenInterest {
        symbol: SmolStr::new(columns.text("symbol", at)?),
        instrument: columns.parsed("instrument", at)?,
        quantity: columns.measure("quantity", at)?,
        notional: columns.measure("notional_usd", at)?,
    }))
}
