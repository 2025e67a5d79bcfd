//! Polls coinglass.com's history of US spot fund flows, by fund and day. Needs a paid key.
//!
//! Figures are US dollars. They differ from Farside's by more than a million on one day in eight.

use std::collections::BTreeMap;
use std::time::Duration;

use market::{Date, Payload, Timestamp};
use serde::Deserialize;
use smol_str::SmolStr;

use crate::config::FeedConfig;
use crate::flow_grid::{FundDay, beyond_reason, is_ticker, usd_of_millions, weekend_day, without_unlisted};
use crate::protocol::{Ask, DecodeError, Decoder, FrameKind, PollProtocol, Stamped};

use super::flow_ledger::FlowLedger;
use super::wire::{Scalar, parse, required, text, wrong};

/// Where it lives.
pub(super) const REST_URL: &str = "https://open-api-v4.coinglass.com";
/// The environment variable that holds its key.
pub(super) const KEY: &str = "COINGLASS_API_KEY";

/// The coin, and the request for its funds.
const SERIES: [(&str, &str); 4] = [
    ("BTC", "/api/etf/bitcoin/flow-history"),
    ("ETH", "/api/etf/ethereum/flow-history"),
    ("SOL", "/api/etf/solana/flow-history"),
    ("XRP", "/api/etf/xrp/flow-history"),
];

/// Its protocol.
pub(super) fn protocol(config: &FeedConfig) -> Box<dyn PollProtocol> {
    let wants = |at: &usize| config.instruments.wants(SERIES[*at].0);
    Box::new(CoinGlass {
        key: config.keys.get(KEY).unwrap_or_default().to_owned(),
        wanted: (0..SERIES.len()).filter(wants).collect(),
        left: Vec::new(),
        ledger: FlowLedger::default(),
    })
}

struct CoinGlass {
    key: String,
    /// Places in [`SERIES`].
    wanted: Vec<usize>,
    left: Vec<usize>,
    ledger: FlowLedger,
}

#[derive(Deserialize)]
struct Answer<'a> {
    /// A string; `"0"` is well, whatever the HTTP status said.
    #[serde(borrow)]
    code: Scalar<'a>,
    #[serde(default)]
    msg: Option<String>,
    #[serde(borrow, default)]
    data: Option<Vec<Day<'a>>>,
}

#[derive(Deserialize)]
struct Day<'a> {
    #[serde(borrow)]
    timestamp: Option<Scalar<'a>>,
    #[serde(borrow, default)]
    etf_flows: Vec<Member<'a>>,
}

/// A fund; one without a flow has not reported.
#[derive(Deserialize)]
struct Member<'a> {
    etf_ticker: String,
    #[serde(borrow, default)]
    flow_usd: Option<Scalar<'a>>,
}

impl Decoder for CoinGlass {
    fn decode(&mut self, payload: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let request = payload.request().ok_or(DecodeError::Unknown)?;
        let (asset, _) = SERIES.iter().find(|series| series.1 == request).ok_or(DecodeError::Unknown)?;
        let Answer { code, msg, data } = parse(text(payload)?)?;
        if code.as_text() != "0" {
            return Ok(FrameKind::Refused(format!("code {}: {}", code.as_text(), msg.unwrap_or_default())));
        }
        let days =
            data.ok_or(DecodeError::Field { field: "data", value: String::new(), problem: "missing" })?;
        let (mut told, mut refused) = (BTreeMap::new(), Vec::new());
        for day in &days {
            match read_day(day) {
                Ok((date, _)) if told.contains_key(&date) => refused.push(format!("{date} is there twice")),
                Ok((date, funds)) => drop(told.insert(date, funds)),
                Err(error) => refused.push(format!("{}: {error}", shown(day))),
            }
        }
        let kind = FlowLedger::verdict(told.len(), refused)?;
        let told = without_unlisted(told.into_values().flatten().collect());
        self.ledger.tell(asset, told, out);
        Ok(kind)
    }
}

/// What to call a day that may not have one.
fn shown(day: &Day<'_>) -> String {
    let at = day.timestamp.as_ref().and_then(|stamp| stamp.millis("timestamp").ok());
    at.map_or_else(|| "a day".to_owned(), |at| at.date().to_string())
}

fn read_day(day: &Day<'_>) -> Result<(Date, Vec<FundDay>), DecodeError> {
    let stamp = required("timestamp", day.timestamp.as_ref())?;
    let at = stamp.millis("timestamp")?;
    let date = at.date();
    if at != date.start() {
        return Err(wrong("timestamp", &stamp.as_text(), "not the start of a day"));
    }
    if weekend_day(date).is_some() {
        return Err(wrong("timestamp", &date.to_string(), "a weekend, on which funds do not trade"));
    }
    let mut funds = Vec::<FundDay>::new();
    for Member { etf_ticker, flow_usd } in &day.etf_flows {
        if !is_ticker(etf_ticker) {
            return Err(wrong("etf_ticker", etf_ticker, "not a fund's ticker"));
        }
        if funds.iter().any(|day| day.fund == *etf_ticker) {
            return Err(wrong("etf_ticker", etf_ticker, "there twice"));
        }
        let net_flow = match flow_usd {
            None => None,
            Some(flow) => {
                let millions = flow.number("flow_usd")? / 1e6;
                if beyond_reason(millions).is_some() {
                    return Err(wrong("flow_usd", &flow.as_text(), "more than any fund holds"));
                }
                Some(usd_of_millions(millions))
            }
        };
        funds.push(FundDay { date, fund: SmolStr::new(etf_ticker), net_flow });
    }
    Ok((date, funds))
}

impl PollProtocol for CoinGlass {
    fn every(&self) -> Duration {
        Duration::from_mins(15)
    }

    fn least_every(&self) -> Duration {
        Duration::from_mins(1)
    }

    fn spacing(&self) -> Duration {
        Duration::from_secs(2)
    }

    fn begin(&mut self, _now: Timestamp) {
        self.left = self.wanted.iter().rev().copied().collect();
    }

    fn next_ask(&mut self) -> Option<Ask> {
        let mut ask = Ask::get(SERIES[self.left.pop()?].1);
        ask.headers.push(("CG-API-KEY", self.key.clone()));
        Some(ask)
    }
}

#[cfg(test)]
mod tests;
