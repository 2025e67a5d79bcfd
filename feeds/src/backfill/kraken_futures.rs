//! Asks Kraken Futures for every trade of a product and keeps those that liquidated someone.
//!
//! The trade history tells the hundred trades before a moment, with the type that the stream gives them
//! and under the same ids. It reaches back seven days, or to the last restart of the matching engine;
//! the executions endpoint reaches further and does not say what a trade was. Source: Kraken's futures
//! API documentation, 2026.

use std::str::FromStr;
use std::time::Duration;

use market::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::history::{Answered, History, Lane, Left, Next, Page, Span};
use super::order::{BackfillRow, Order, Plan, PlanError};
use super::paging::{Cut, Direction, cut, millis};
use super::retold::Retold;
use crate::config::FeedConfig;
use crate::protocol::{Ask, DecodeError};
use crate::venues::wire::{Scalar, parse, required, text, wrong};

/// Trades in one answer.
const PAGE: usize = 100;

pub(super) fn plan(row: &BackfillRow, order: &Order, _config: &FeedConfig) -> Result<Plan, PlanError> {
    let history = KrakenFutures { retold: Retold::of(row.feed).ok_or(PlanError::NoStream)? };
    let symbols = order.symbols_or(&["PF_XBTUSD", "PF_ETHUSD", "PI_XBTUSD", "PI_ETHUSD"])?;
    Ok(Plan { history: Box::new(history), symbols, grain: Duration::from_mins(1) })
}

struct KrakenFutures {
    retold: Retold,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    history: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    error: Option<Scalar<'a>>,
}

/// Left as it is, but for the time: the stream has names of its own.
#[derive(Deserialize)]
struct Trade<'a> {
    #[serde(borrow)]
    time: Option<Scalar<'a>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Scalar<'a>>,
    #[serde(borrow)]
    uid: Option<&'a RawValue>,
    #[serde(borrow)]
    side: Option<&'a RawValue>,
    #[serde(borrow)]
    price: Option<&'a RawValue>,
    #[serde(borrow)]
    size: Option<&'a RawValue>,
}

impl History for KrakenFutures {
    fn next(&mut self, lane: &Lane) -> Next {
        Next::Ask(Ask::get(format!(
            "/derivatives/api/v3/history?symbol={}&lastTime={}",
            lane.symbol,
            shown(lane.missing.until)
        )))
    }

    fn read(&mut self, lane: &Lane, answer: &Answered<'_>) -> Result<Page, DecodeError> {
        let read: Answer<'_> = parse(text(answer.payload)?)?;
        let Some(trades) = read.history else {
            let words = read.error.ok_or(DecodeError::Unknown)?.as_text().into_owned();
            // Kraken's word for asking too fast.
            if words == "apiLimitExceeded" || words == "Unavailable" || words == "Server Error" {
                return Err(DecodeError::Page { reason: words });
            }
            return Ok(Page::none(format!("Kraken says {words}")));
        };
        let mut rows = Vec::with_capacity(trades.len());
        for trade in &trades {
            let trade: Trade<'_> = parse(trade.get())?;
            let written = required("time", trade.time.as_ref())?.as_text();
            let at = Timestamp::from_str(&written)
                .map_err(|_| wrong("time", &written, "not a time such as 2026-02-23T20:51:56.455Z"))?;
            rows.push((at, trade));
        }
        let oldest = rows.iter().map(|(at, _)| *at).min();
        let reaches = oldest.is_some_and(|oldest| oldest < lane.missing.from);
        let is_partial = trades.len() >= PAGE && !reaches;
        let Cut { rows, left, crowded } = cut(lane.missing, Direction::NewestFirst, rows, is_partial);
        for (at, trade) in &rows {
            self.take(lane, *at, trade);
        }
        if let Some(at) = crowded {
            self.retold.refuse(format!("{at}: more than {PAGE} trades in one millisecond"));
        }
        let (told, refused) = self.retold.drain(lane.missing);
        let left = if is_partial {
            left.ok_or(DecodeError::Page { reason: "the same trades again".to_owned() })?
        } else if reaches {
            Left::Nothing
        } else {
            let until = oldest.unwrap_or(lane.missing.until).min(lane.missing.until);
            Left::Lost(
                Span { until, ..lane.missing },
                "Kraken keeps seven days of trades, or those since its last restart".to_owned(),
            )
        };
        Ok(Page { told, refused, left })
    }
}

impl KrakenFutures {
    fn take(&mut self, lane: &Lane, at: Timestamp, trade: &Trade<'_>) {
        if trade.kind.as_ref().is_some_and(|kind| kind.as_text() == "fill") {
            return;
        }
        let raw = |part: Option<&RawValue>| part.map_or("null", RawValue::get).to_owned();
        let kind = trade.kind.as_ref().map(|kind| kind.as_text().into_owned());
        let frame = format!(
            r#"{{"feed":"trade","product_id":"{}","uid":{},"side":{},"type":{},"time":{},"qty":{},"price":{}}}"#,
            lane.symbol,
            raw(trade.uid),
            raw(trade.side),
            serde_json::json!(kind),
            millis(at),
            raw(trade.size),
            raw(trade.price),
        );
        self.retold.take(at, frame);
    }
}

/// `2026-02-23T20:51:56.455Z`, as Kraken writes times.
fn shown(at: Timestamp) -> String {
    let micros = at.to_string();
    match micros.split_once('.') {
        Some((whole, fraction)) => format!("{whole}.{:.3}Z", fraction.trim_end_matches('Z')),
        None => micros,
    }
}
