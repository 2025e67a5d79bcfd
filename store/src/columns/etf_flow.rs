//! Columns of `etf_flows`.

use market::{EtfFlow, Observation};
use smol_str::SmolStr;

use super::read::{Bad, Columns};
use super::{Heading, Value, day, integer, number, text, time};

/// `status` depends on the moment of reading: exports carry it, in sealed files it is empty.
pub(super) const COLUMNS: [Heading; 9] = [
    day("trade_date"),
    text("fund"),
    text("asset"),
    number("net_flow_usd"),
    text("status"),
    time("known_at"),
    text("source"),
    time("receive_time"),
    integer("seq"),
];

pub(super) fn cell<'a>(flow: &'a EtfFlow, name: &str) -> Value<'a> {
    match name {
        "trade_date" => Value::Day(flow.trade_date),
        "fund" => Value::text(&flow.fund),
        "asset" => Value::text(&flow.asset),
        "net_flow_usd" => Value::number(flow.net_flow),
        _ => Value::Empty,
    }
}

pub(super) fn read(columns: &Columns<'_>, at: usize) -> Result<Observation, Bad> {
    Ok(Observation::EtfFlow(EtfFlow {
        fund: SmolStr::new(columns.text("fund", at)?),
        asset: SmolStr::new(columns.text("asset", at)?),
        trade_date: columns.day("trade_date", at)?,
        net_flow: columns.measure("net_flow_usd", at)?,
    }))
}
