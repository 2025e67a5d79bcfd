//! Mark prices, funding and open interest of OKX's swaps.
//!
//! Each comes on a channel of its own, one subscription per swap. `fundingRate` is what is paid at
//! `fundingTime`; the time until `nextFundingTime` is the interval. Open interest counts contracts
//! (`oi`), coins (`oiCcy`) and, since 2024, dollars (`oiUsd`), all of one side. Source: OKX's v5
//! documentation, 2026.

use std::collections::{BTreeSet, HashMap};

use market::{Price, Timestamp};
use serde::Deserialize;
use serde_json::json;
use smol_str::SmolStr;

use super::contracts::Contracts;
use super::parse_symbol;
use crate::config::Instruments;
use crate::protocol::{DecodeError, FrameKind, Stamped};
use crate::venues::blank::{filled, maybe_millis, maybe_number, maybe_price, maybe_quantity};
use crate::venues::contract_state::{ContractState, Funding};
use crate::venues::symbols::{Listed, Size, Symbols, dollars};
use crate::venues::wire::{Scalar, parse, required, wrong};

/// Subscriptions in one message: well below any limit that OKX documents.
const BATCH: usize = 50;
/// No venue lists so many; more would mean that the symbols are invented.
const MOST_REMEMBERED: usize = 16_384;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Channel {
    MarkPrice,
    FundingRate,
    OpenInterest,
}

impl Channel {
    const ALL: [Self; 3] = [Self::MarkPrice, Self::FundingRate, Self::OpenInterest];

    /// The name on the wire.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::MarkPrice => "mark-price",
            Self::FundingRate => "funding-rate",
            Self::OpenInterest => "open-interest",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == text)
    }

    fn label(self) -> &'static str {
        match self {
            Self::MarkPrice => "mark price",
            Self::FundingRate => "funding",
            Self::OpenInterest => "open interest",
        }
    }
}

/// What is followed, and what of it is still to be acknowledged.
#[derive(Debug)]
pub(super) struct Context {
    wanted: Instruments,
    /// Latest mark prices by symbol.
    marks: HashMap<SmolStr, Price>,
    unacknowledged: BTreeSet<(SmolStr, Channel)>,
    /// Swaps that the venue does not serve; not asked for again until the contracts are new.
    unserved: BTreeSet<SmolStr>,
}

/// One contract's state, or part of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    #[serde(borrow)]
    inst_id: Option<Scalar<'a>>,
    #[serde(borrow)]
    inst_type: Option<Scalar<'a>>,
    #[serde(borrow)]
    mark_px: Option<Scalar<'a>>,
    /// Left out of some frames of 2021.
    #[serde(borrow)]
    funding_rate: Option<Scalar<'a>>,
    #[serde(borrow)]
    funding_time: Option<Scalar<'a>>,
    #[serde(borrow)]
    next_funding_time: Option<Scalar<'a>>,
    /// Contracts.
    #[serde(borrow)]
    oi: Option<Scalar<'a>>,
    /// Coins.
    #[serde(borrow)]
    oi_ccy: Option<Scalar<'a>>,
    /// US dollars.
    #[serde(borrow)]
    oi_usd: Option<Scalar<'a>>,
    /// When it was so, ms; left out of funding frames of 2021.
    #[serde(borrow)]
    ts: Option<Scalar<'a>>,
}

impl Context {
    pub(super) fn new(wanted: Instruments) -> Self {
        Self { wanted, marks: HashMap::new(), unacknowledged: BTreeSet::new(), unserved: BTreeSet::new() }
    }

    /// Forgets the last connection.
    pub(super) fn reset(&mut self) {
        self.unacknowledged.clear();
    }

    pub(super) fn forget_unserved(&mut self) {
        self.unserved.clear();
    }

    /// The messages that ask for the state of every followed swap among `listed`.
    pub(super) fn subscribe<'l>(&mut self, listed: impl Iterator<Item = &'l SmolStr>) -> Vec<String> {
        self.unacknowledged = listed
            .filter(|inst_id| !self.unserved.contains(*inst_id) && self.follows(inst_id))
            .flat_map(|inst_id| Channel::ALL.map(|channel| (inst_id.clone(), channel)))
            .collect();
        let asked: Vec<_> = self.unacknowledged.iter().collect();
        let message = |batch: &[&(SmolStr, Channel)]| {
            let args = batch
                .iter()
                .map(|(inst_id, channel)| json!({ "channel": channel.as_str(), "instId": inst_id.as_str() }));
            json!({ "op": "subscribe", "args": args.collect::<Vec<_>>() }).to_string()
        };
        asked.chunks(BATCH).map(message).collect()
    }

    /// Swaps margined in USDT or the coin.
    fn follows(&self, inst_id: &str) -> bool {
        parse_symbol(inst_id).is_some_and(|instrument| {
            matches!(instrument.quote.as_str(), "USDT" | "USD") && self.wanted.wants(instrument.asset())
        })
    }

    pub(super) fn acknowledged(&mut self, channel: Channel, inst_id: &str) {
        self.unacknowledged.remove(&(SmolStr::new(inst_id), channel));
    }

    pub(super) fn is_acknowledged(&self) -> bool {
        self.unacknowledged.is_empty()
    }

    /// The venue refused something: where its words name a swap, the next connection does without it.
    pub(super) fn refused(&mut self, words: &str) {
        let mut named = words.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_'));
        let is_asked = |word: &&str| self.unacknowledged.iter().any(|(inst_id, _)| inst_id == word);
        if let Some(inst_id) = named.find(is_asked) {
            self.unserved.insert(SmolStr::new(inst_id));
        }
    }

    /// Takes in the `data` of a frame of `channel`.
    pub(super) fn take(
        &mut self,
        (channel, data): (Channel, &str),
        contracts: &Contracts,
        symbols: &mut Symbols,
        out: &mut Vec<Stamped>,
    ) -> Result<FrameKind, DecodeError> {
        let rows: Vec<Row<'_>> = parse(data)?;
        let mut kind = FrameKind::Ignored("empty list");
        for row in &rows {
            match self.take_row(channel, row, contracts, symbols, out)? {
                Some(ignored) if !matches!(kind, FrameKind::Data(_)) => kind = FrameKind::Ignored(ignored),
                Some(_) => {}
                None => kind = FrameKind::Data(channel.label()),
            }
        }
        Ok(kind)
    }

    /// Takes in one row; what it was where it is not wanted.
    fn take_row(
        &mut self,
        channel: Channel,
        row: &Row<'_>,
        contracts: &Contracts,
        symbols: &mut Symbols,
        out: &mut Vec<Stamped>,
    ) -> Result<Option<&'static str>, DecodeError> {
        let inst_type = row.inst_type.as_ref().map(Scalar::as_text).unwrap_or_default();
        match inst_type.as_ref() {
            "" | "SWAP" | "FUTURES" => {}
            "OPTION" => return Ok(Some("option state")),
            "MARGIN" | "SPOT" => return Ok(Some("margin state")),
            other => return Err(wrong("instType", other, "not a known kind of instrument")),
        }
        let inst_id = required("instId", row.inst_id.as_ref())?.as_text();
        let Some(ts) = filled(row.ts.as_ref()) else {
            return Ok(Some("state without a time"));
        };
        let at = ts.millis("ts")?;
        let listed = symbols.look_up("instId", &inst_id, parse_symbol)?;
        let state = match channel {
            Channel::MarkPrice => ContractState {
                mark: maybe_price("markPx", row.mark_px.as_ref())?,
                ..ContractState::default()
            },
            Channel::FundingRate => ContractState { funding: row.funding()?, ..ContractState::default() },
            Channel::OpenInterest => {
                let open = row.open(listed, contracts, self.marks.get(&listed.symbol).copied())?;
                ContractState { open, ..ContractState::default() }
            }
        };
        if self.wanted.wants(listed.instrument.asset()) {
            if let Some(mark) = state.mark {
                note(&mut self.marks, &listed.symbol, mark);
            }
            state.tell(listed, at, out);
        }
        Ok(None)
    }
}

fn note(marks: &mut HashMap<SmolStr, Price>, symbol: &SmolStr, mark: Price) {
    if marks.len() >= MOST_REMEMBERED && !marks.contains_key(symbol) {
        marks.clear();
    }
    marks.insert(symbol.clone(), mark);
}

impl Row<'_> {
    fn funding(&self) -> Result<Option<Funding>, DecodeError> {
        let rate = maybe_number("fundingRate", self.funding_rate.as_ref())?;
        let next = maybe_millis("fundingTime", self.funding_time.as_ref())?;
        let after = maybe_millis("nextFundingTime", self.next_funding_time.as_ref())?;
        let interval_hours = next.zip(after).and_then(|(next, after)| hours_between(next, after));
        Ok(rate.map(|rate| Funding { rate, interval_hours, next }))
    }

    fn open(&self, listed: &Listed, contracts: &Contracts, mark: Option<Price>) -> Result<Size, DecodeError> {
        let count = maybe_quantity("oi", self.oi.as_ref())?;
        let coins = maybe_quantity("oiCcy", self.oi_ccy.as_ref())?;
        let told =
            maybe_quantity("oiUsd", self.oi_usd.as_ref())?.map(|told| dollars(told.get())).transpose()?;
        let computed = match (count, contracts.find(listed, None)) {
            (Some(count), Some(contract)) => contract.measure_open(count, mark, listed)?,
            (Some(_) | None, _) => Size::default(),
        };
        Ok(Size { quantity: coins.or(computed.quantity), notional: told.or(computed.notional) })
    }
}

/// Whole or broken hours; `None` where the second is not after the first.
fn hours_between(first: Timestamp, second: Timestamp) -> Option<f64> {
    let hours = second.since(first).as_secs_f64() / 3_600.0;
    (hours > 0.0).then_some(hours)
}

#[cfg(test)]
mod tests;
