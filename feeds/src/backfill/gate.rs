//! Asks Gate for the liquidations of its USDT perpetuals, at most an hour at a time.
//!
//! The history tells positions: `size` is the position's, with the position's sign, opposite to that of
//! the order which the stream tells; `order_size` is the order's. Prices are those of the fills, the
//! stream's those of the orders, and times are seconds: a row here and the same one of the stream cannot
//! be told to be the same. An hour that Gate no longer tells is as empty as a quiet one. Source: Gate's
//! futures API documentation, 2026.

use std::time::Duration;

use market::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::history::{Answered, History, Lane, Left, Next, Page, Span};
use super::order::{BackfillRow, Order, Plan, PlanError};
use super::paging::{millis, seconds};
use super::retold::Retold;
use crate::config::FeedConfig;
use crate::protocol::{Ask, DecodeError};
use crate::venues::wire::{Scalar, parse, required, text, wrong};

/// Rows in one answer, the most that Gate gives.
const PAGE: usize = 1_000;
/// The longest stretch asked for: Gate takes an hour, and may or may not count both ends.
const LONGEST: Duration = Duration::from_mins(59);
/// The shortest: times are whole seconds.
const SHORTEST: Duration = Duration::from_secs(1);
/// The lane of all contracts at once.
const ALL: &str = "ALL";

pub(super) fn plan(row: &BackfillRow, order: &Order, _config: &FeedConfig) -> Result<Plan, PlanError> {
    let retold = Retold::of(row.feed).ok_or(PlanError::NoStream)?;
    let history = Gate { retold, stretch: LONGEST };
    Ok(Plan { history: Box::new(history), symbols: order.symbols_or(&[ALL])?, grain: Duration::from_mins(1) })
}

struct Gate {
    retold: Retold,
    /// How much is asked for at once: less where the last answer was full.
    stretch: Duration,
}

#[derive(Deserialize)]
struct Refusal<'a> {
    #[serde(borrow)]
    label: Option<Scalar<'a>>,
    #[serde(borrow)]
    message: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
struct Row<'a> {
    /// Seconds.
    #[serde(borrow)]
    time: Option<Scalar<'a>>,
    #[serde(borrow)]
    contract: Option<&'a RawValue>,
    /// Contracts, with the sign of the position.
    #[serde(borrow)]
    size: Option<Scalar<'a>>,
    /// Contracts, with the sign of the order.
    #[serde(borrow)]
    order_size: Option<Scalar<'a>>,
    #[serde(borrow)]
    fill_price: Option<&'a RawValue>,
}

impl History for Gate {
    fn next_reference(&mut self) -> Option<Ask> {
        self.retold.next_reference()
    }

    fn learn(&mut self, answer: &market::Payload) -> Result<(), DecodeError> {
        self.retold.learn(answer)
    }

    fn next(&mut self, lane: &Lane) -> Next {
        let Span { from, until } = self.asked(lane);
        let contract = if lane.symbol == ALL { String::new() } else { format!("contract={}&", lane.symbol) };
        let request = format!(
            "/api/v4/futures/usdt/liq_orders?{contract}from={}&to={}&limit={PAGE}",
            seconds(from),
            seconds(until)
        );
        // Without it, fractions of a contract are cut off.
        Next::Ask(Ask { headers: vec![("x-gate-size-decimal", "1".to_owned())], ..Ask::get(request) })
    }

    fn read(&mut self, lane: &Lane, answer: &Answered<'_>) -> Result<Page, DecodeError> {
        let body = text(answer.payload)?;
        if body.trim_start().starts_with('{') {
            let refusal: Refusal<'_> = parse(body)?;
            let label = required("label", refusal.label.as_ref())?.as_text();
            let words = refusal.message.as_ref().map(Scalar::as_text).unwrap_or_default();
            if label == "TOO_MANY_REQUESTS" || label == "SERVER_ERROR" || label == "INTERNAL" {
                return Err(DecodeError::Page { reason: format!("{label} {words}") });
            }
            return Ok(Page::none(format!("Gate says {label} {words}")));
        }
        let rows: Vec<Row<'_>> = parse(body)?;
        let asked = self.asked(lane);
        let is_full = rows.len() >= PAGE;
        if is_full && self.stretch > SHORTEST {
            self.stretch = Duration::from_secs((self.stretch / 2).as_secs()).max(SHORTEST);
            return Ok(Page { told: Vec::new(), refused: Vec::new(), left: Left::Span(lane.missing) });
        }
        if is_full {
            self.retold.refuse(format!("{}: more than {PAGE} liquidations in one second", asked.from));
        }
        self.stretch = (self.stretch * 2).min(LONGEST);
        for row in &rows {
            let at = time_of(row)?;
            if asked.has(at) {
                match frame(row, at) {
                    Ok(frame) => self.retold.take(at, frame),
                    Err(error) => self.retold.refuse(format!("{at}: {error}")),
                }
            }
        }
        let (mut told, refused) = self.retold.drain(asked);
        told.sort_by_key(|stamped| stamped.event_time);
        let rest = Span { from: asked.until, ..lane.missing };
        Ok(Page { told, refused, left: if rest.is_empty() { Left::Nothing } else { Left::Span(rest) } })
    }
}

impl Gate {
    fn asked(&self, lane: &Lane) -> Span {
        let from = lane.missing.from;
        Span { from, until: from.plus(self.stretch).min(lane.missing.until) }
    }
}

fn time_of(row: &Row<'_>) -> Result<Timestamp, DecodeError> {
    let seconds = required("time", row.time.as_ref())?;
    let millis = (seconds.number("time")? * 1_000.0).round();
    Scalar::Float(millis).millis("time")
}

/// The row as the stream tells it: the order's size and sign, at the price of the fill.
fn frame(row: &Row<'_>, at: Timestamp) -> Result<String, DecodeError> {
    let raw = |part: Option<&RawValue>| part.map_or("null", RawValue::get).to_owned();
    Ok(format!(
        r#"{{"channel":"futures.public_liquidates","event":"update","result":[{{"contract":{},"price":{},"size":"{}","time_ms":{}}}]}}"#,
        raw(row.contract),
        raw(row.fill_price),
        order_size(row)?,
        millis(at),
    ))
}

/// Contracts of the forced order, below zero where it sold: the opposite of the position that it closed.
fn order_size(row: &Row<'_>) -> Result<f64, DecodeError> {
    let position = required("size", row.size.as_ref())?.number("size")?;
    let Some(order) = &row.order_size else { return Ok(-position) };
    let order_size = order.number("order_size")?;
    if order_size * position > 0.0 {
        return Err(wrong(
            "order_size",
            &order.as_text(),
            "on the side of the position that it should close",
        ));
    }
    Ok(if order_size == 0.0 { -position } else { order_size })
}
