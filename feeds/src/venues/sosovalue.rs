//! Polls sosovalue.com's daily totals of US spot fund flows: Bitcoin, Ether and Solana, all funds together.
//!
//! Figures are US dollars. Needs a free key; the terms ask for attribution.

use std::collections::BTreeMap;
use std::time::Duration;

use market::{ALL_FUNDS, Date, Payload, Timestamp};
use serde::Deserialize;
use smol_str::SmolStr;

use crate::config::FeedConfig;
use crate::flow_grid::{FundDay, beyond_reason, usd_of_millions, weekend_day};
use crate::protocol::{Ask, DecodeError, Decoder, FrameKind, PollProtocol, Stamped};

use super::flow_ledger::FlowLedger;
use super::wire::{Scalar, parse, text, wrong};

/// Where it lives.
pub(super) const REST_URL: &str = "https://api.sosovalue.xyz";
/// The environment variable that holds its key.
pub(super) const KEY: &str = "SOSOVALUE_API_KEY";

/// The coin, what its funds are called in the body of a request, and the request with that name: all
/// funds have one URL, so that what follows the `#` tells answers apart.
const SERIES: [(&str, &str, &str); 3] = [
    ("BTC", "us-btc-spot", "/openapi/v2/etf/historicalInflowChart#us-btc-spot"),
    ("ETH", "us-eth-spot", "/openapi/v2/etf/historicalInflowChart#us-eth-spot"),
    ("SOL", "us-sol-spot", "/openapi/v2/etf/historicalInflowChart#us-sol-spot"),
];

/// Its protocol.
pub(super) fn protocol(config: &FeedConfig) -> Box<dyn PollProtocol> {
    let wants = |at: &usize| config.instruments.wants(SERIES[*at].0);
    Box::new(SoSoValue {
        key: config.keys.get(KEY).unwrap_or_default().to_owned(),
        wanted: (0..SERIES.len()).filter(wants).collect(),
        left: Vec::new(),
        ledger: FlowLedger::default(),
    })
}

struct SoSoValue {
    key: String,
    /// Places in [`SERIES`].
    wanted: Vec<usize>,
    left: Vec<usize>,
    ledger: FlowLedger,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    code: Scalar<'a>,
    #[serde(default)]
    msg: Option<String>,
    #[serde(borrow, default)]
    data: Option<Vec<Day<'a>>>,
}

#[derive(Deserialize)]
struct Day<'a> {
    date: String,
    #[serde(borrow, default, rename = "totalNetInflow")]
    total_net_inflow: Option<Scalar<'a>>,
}

impl Decoder for SoSoValue {
    fn decode(&mut self, payload: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let request = payload.request().ok_or(DecodeError::Unknown)?;
        let series = SERIES.iter().find(|series| series.2 == request).ok_or(DecodeError::Unknown)?;
        let Answer { code, msg, data } = parse(text(payload)?)?;
        if code.as_text() != "0" {
            return Ok(FrameKind::Refused(format!("code {}: {}", code.as_text(), msg.unwrap_or_default())));
        }
        let days =
            data.ok_or(DecodeError::Field { field: "data", value: String::new(), problem: "missing" })?;
        let (mut told, mut refused) = (BTreeMap::new(), Vec::new());
        for day in &days {
            match read_day(day) {
                Ok(day) if told.contains_key(&day.date) => {
                    refused.push(format!("{} is there twice", day.date));
                }
                Ok(day) => drop(told.insert(day.date, day)),
                Err(error) => refused.push(format!("{}: {error}", day.date)),
            }
        }
        let kind = FlowLedger::verdict(told.len(), refused)?;
        self.ledger.tell(series.0, told.into_values().collect(), out);
        Ok(kind)
    }
}

fn read_day(day: &Day<'_>) -> Result<FundDay, DecodeError> {
    let date: Date =
        day.date.parse().map_err(|_| wrong("date", &day.date, "not a day such as 2026-01-31"))?;
    if weekend_day(date).is_some() {
        return Err(wrong("date", &day.date, "a weekend, on which funds do not trade"));
    }
    let net_flow = match &day.total_net_inflow {
        None => None,
        Some(flow) => {
            let millions = flow.number("totalNetInflow")? / 1e6;
            if beyond_reason(millions).is_some() {
                return Err(wrong("totalNetInflow", &flow.as_text(), "more than any fund holds"));
            }
            Some(usd_of_millions(millions))
        }
    };
    Ok(FundDay { date, fund: SmolStr::new_static(ALL_FUNDS), net_flow })
}

impl PollProtocol for SoSoValue {
    fn every(&self) -> Duration {
        Duration::from_hours(1)
    }

    fn least_every(&self) -> Duration {
        Duration::from_mins(10)
    }

    fn spacing(&self) -> Duration {
        Duration::from_secs(2)
    }

    fn begin(&mut self, _now: Timestamp) {
        self.left = self.wanted.iter().rev().copied().collect();
    }

    fn next_ask(&mut self) -> Option<Ask> {
        let (_, name, request) = SERIES[self.left.pop()?];
        Some(Ask {
            request: request.to_owned(),
            body: Some(format!("{{\"type\":\"{name}\"}}")),
            headers: vec![("x-soso-api-key", self.key.clone())],
        })
    }
}

#[cfg(test)]
mod tests;
