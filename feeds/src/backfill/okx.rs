//! Asks OKX for the liquidation orders of an underlying.
//!
//! The endpoint keeps seven days, is no longer documented and may end: that is told and mends nothing. Its
//! rows are the stream's, without an id; the store keeps those once that both have told. It is asked from
//! the newest back; where OKX ignores that and repeats its latest orders, the rest is given up.

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
use crate::venues::wire::{Scalar, parse, required, text};

/// Orders in one answer, the most that OKX gives.
const PAGE: usize = 100;
/// How far back the endpoint reaches.
const REACH: Duration = Duration::from_hours(24 * 7);
/// OKX's code for asking too fast, which may come with HTTP 200.
const TOO_MANY_REQUESTS: &str = "50011";

pub(super) fn plan(row: &BackfillRow, order: &Order, _config: &FeedConfig) -> Result<Plan, PlanError> {
    let history = Okx { retold: Retold::of(row.feed).ok_or(PlanError::NoStream)? };
    let mut symbols = order.symbols_or(&["BTC-USDT", "ETH-USDT"])?;
    for symbol in &mut symbols {
        if let Some(underlying) = symbol.strip_suffix("-SWAP") {
            *symbol = underlying.into();
        }
    }
    symbols.dedup();
    Ok(Plan { history: Box::new(history), symbols, grain: Duration::from_mins(1) })
}

struct Okx {
    retold: Retold,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    code: Option<Scalar<'a>>,
    #[serde(borrow)]
    msg: Option<Scalar<'a>>,
    #[serde(borrow, default)]
    data: Vec<Batch<'a>>,
}

/// The orders of one contract.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Batch<'a> {
    #[serde(borrow, default)]
    details: Vec<&'a RawValue>,
    #[serde(borrow)]
    inst_id: Option<&'a RawValue>,
    #[serde(borrow)]
    inst_family: Option<&'a RawValue>,
    #[serde(borrow)]
    uly: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Outline<'a> {
    #[serde(borrow)]
    ts: Option<Scalar<'a>>,
}

impl History for Okx {
    fn next_reference(&mut self) -> Option<Ask> {
        self.retold.next_reference()
    }

    fn learn(&mut self, answer: &market::Payload) -> Result<(), DecodeError> {
        self.retold.learn(answer)
    }

    fn next(&mut self, lane: &Lane) -> Next {
        Next::Ask(Ask::get(format!(
            "/api/v5/public/liquidation-orders?instType=SWAP&uly={}&state=filled&after={}&limit={PAGE}",
            lane.symbol,
            millis(lane.missing.until)
        )))
    }

    fn read(&mut self, lane: &Lane, answer: &Answered<'_>) -> Result<Page, DecodeError> {
        if let Some(gone) = answer.complaint.filter(|complaint| complaint.starts_with("HTTP 404")) {
            return Ok(Page::none(format!("{gone}: OKX no longer tells past liquidations")));
        }
        let read: Answer<'_> = parse(text(answer.payload)?)?;
        let words = |part: &Option<Scalar<'_>>| {
            part.as_ref().map(|part| part.as_text().into_owned()).unwrap_or_default()
        };
        let code = words(&read.code);
        if code == TOO_MANY_REQUESTS {
            return Err(DecodeError::Page { reason: format!("{code} {}", words(&read.msg)) });
        }
        if code.is_empty() {
            return Err(DecodeError::Unknown);
        }
        if code != "0" {
            return Ok(Page::none(format!("OKX says {code} {}", words(&read.msg))));
        }
        let mut rows = Vec::new();
        for batch in &read.data {
            for detail in &batch.details {
                let outline: Outline<'_> = parse(detail.get())?;
                let at = required("ts", outline.ts.as_ref())?.millis("ts")?;
                rows.push((at, (batch, detail.get())));
            }
        }
        let count = rows.len();
        let reaches = rows.iter().any(|(at, _)| *at < lane.missing.from);
        let is_partial = count >= PAGE && !reaches;
        let Cut { rows, left, crowded } = cut(lane.missing, Direction::NewestFirst, rows, is_partial);
        for (at, (batch, detail)) in &rows {
            self.take(*at, batch, detail);
        }
        if let Some(at) = crowded {
            self.retold.refuse(format!("{at}: more than {PAGE} orders in one millisecond"));
        }
        let first_told = rows.first().map(|(at, _)| *at);
        let (told, refused) = self.retold.drain(lane.missing);
        let repeats = count > 0 && rows.is_empty() && !reaches;
        let left = match left {
            // Newer orders than asked for, and none of those asked for.
            _ if repeats => {
                Left::Unobtainable("OKX repeats its latest orders instead of older ones".to_owned())
            }
            Some(left) if is_partial => left,
            Some(_) | None => end(lane.missing, first_told, answer.now),
        };
        Ok(Page { told, refused, left })
    }
}

/// What is left once there is nothing older: the part beyond OKX's reach is lost.
fn end(missing: Span, first_told: Option<Timestamp>, now: Timestamp) -> Left {
    let reach = now.minus(REACH);
    if missing.from >= reach {
        return Left::Nothing;
    }
    let until = first_told.map_or(reach, |told| told.min(reach)).min(missing.until);
    Left::Lost(Span { until, ..missing }, "OKX keeps seven days of liquidations".to_owned())
}

impl Okx {
    fn take(&mut self, at: Timestamp, batch: &Batch<'_>, detail: &str) {
        let raw = |part: Option<&RawValue>| part.map_or("null", RawValue::get).to_owned();
        let family = raw(batch.inst_family.or(batch.uly));
        let frame = format!(
            r#"{{"arg":{{"channel":"liquidation-orders","instType":"SWAP"}},"data":[{{"details":[{detail}],"instFamily":{family},"instId":{},"instType":"SWAP"}}]}}"#,
            raw(batch.inst_id)
        );
        self.retold.take(at, frame);
    }
}
