//! Asks Deribit for every trade of an instrument and keeps those that liquidated someone.
//!
//! Trades come oldest first, a thousand at a time, from the host that keeps all of them; the venue's own
//! host keeps a day. Its `has_more` is not always right, so a full page counts as one of several.
//! Source: Deribit's API documentation, 2026.

use std::time::Duration;

use market::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use smol_str::SmolStr;

use super::history::{Answered, History, Lane, Next, Page};
use super::order::{BackfillRow, Order, Plan, PlanError};
use super::paging::{Cut, Direction, cut, millis};
use super::retold::Retold;
use crate::config::FeedConfig;
use crate::protocol::{Ask, DecodeError};
use crate::venues::wire::{Scalar, parse, required, text, wrong};

/// Trades in one answer, the most that Deribit gives.
const PAGE: usize = 1_000;
/// Deribit's code for asking too fast, which comes without an HTTP status of its own.
const TOO_MANY_REQUESTS: &str = "10028";

pub(super) fn plan(row: &BackfillRow, order: &Order, _config: &FeedConfig) -> Result<Plan, PlanError> {
    let history = Deribit { retold: Retold::of(row.feed).ok_or(PlanError::NoStream)? };
    let symbols = order.symbols_or(&["BTC-PERPETUAL", "ETH-PERPETUAL"])?;
    Ok(Plan { history: Box::new(history), symbols, grain: Duration::from_mins(1) })
}

struct Deribit {
    retold: Retold,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    result: Option<Trades<'a>>,
    #[serde(borrow)]
    error: Option<Refusal<'a>>,
}

#[derive(Deserialize)]
struct Refusal<'a> {
    #[serde(borrow)]
    code: Option<Scalar<'a>>,
    #[serde(borrow)]
    message: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
struct Trades<'a> {
    #[serde(borrow)]
    trades: Vec<&'a RawValue>,
    has_more: Option<bool>,
}

/// As much of a trade as its place among others needs.
#[derive(Deserialize)]
struct Outline<'a> {
    #[serde(borrow)]
    timestamp: Option<Scalar<'a>>,
    #[serde(borrow)]
    instrument_name: Option<Scalar<'a>>,
    #[serde(borrow)]
    liquidation: Option<Scalar<'a>>,
}

impl History for Deribit {
    fn next(&mut self, lane: &Lane) -> Next {
        // The end is included there.
        let (from, through) = (millis(lane.missing.from), millis(lane.missing.until) - 1);
        Next::Ask(Ask::get(format!(
            "/api/v2/public/get_last_trades_by_instrument_and_time?instrument_name={}\
             &start_timestamp={from}&end_timestamp={through}&count={PAGE}&sorting=asc",
            lane.symbol
        )))
    }

    fn read(&mut self, lane: &Lane, answer: &Answered<'_>) -> Result<Page, DecodeError> {
        let read: Answer<'_> = parse(text(answer.payload)?)?;
        if let Some(Refusal { code, message }) = &read.error {
            let words = |part: &Option<Scalar<'_>>| {
                part.as_ref().map(|part| part.as_text().into_owned()).unwrap_or_default()
            };
            let (code, words) = (words(code), words(message));
            if code == TOO_MANY_REQUESTS {
                return Err(DecodeError::Page { reason: format!("{code} {words}") });
            }
            return Ok(Page::none(format!("Deribit says {code} {words}")));
        }
        let Trades { trades, has_more } = read.result.ok_or(DecodeError::Unknown)?;
        let mut rows = Vec::with_capacity(trades.len());
        for trade in &trades {
            let outline: Outline<'_> = parse(trade.get())?;
            let name = required("instrument_name", outline.instrument_name.as_ref())?.as_text();
            if *name != *lane.symbol {
                return Err(wrong("instrument_name", &name, "not the instrument that was asked for"));
            }
            let at = required("timestamp", outline.timestamp.as_ref())?.millis("timestamp")?;
            rows.push((at, outline.liquidation.is_some().then_some(trade.get())));
        }
        let is_partial = has_more == Some(true) || trades.len() >= PAGE;
        let Cut { rows, left, crowded } = cut(lane.missing, Direction::OldestFirst, rows, is_partial);
        // The fills of one moment are one frame, for they may be one order.
        for fills in rows.chunk_by(|(a, _), (b, _)| a == b) {
            self.take(&lane.symbol, fills);
        }
        if let Some(at) = crowded {
            self.retold.refuse(format!("{at}: more than {PAGE} trades in one millisecond"));
        }
        let (told, refused) = self.retold.drain(lane.missing);
        let left = left.ok_or(DecodeError::Page { reason: "more was promised and none came".to_owned() })?;
        Ok(Page { told, refused, left })
    }
}

impl Deribit {
    fn take(&mut self, symbol: &SmolStr, fills: &[(Timestamp, Option<&str>)]) {
        let liquidating: Vec<&str> = fills.iter().filter_map(|(_, trade)| *trade).collect();
        let Some((at, _)) = fills.first().filter(|_| !liquidating.is_empty()) else { return };
        let data = liquidating.join(",");
        self.retold.take(
            *at,
            format!(
                r#"{{"method":"subscription","params":{{"channel":"trades.{symbol}.100ms","data":[{data}]}}}}"#
            ),
        );
    }
}
