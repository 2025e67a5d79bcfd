//! Decodes BitMEX's liquidation orders and the state of its perpetuals.
//!
//! Every liquidation order is told, as a row of a table that changes while the order waits in the book:
//! a row that is inserted counts, one that grows counts what it grew by, and neither the rows that were
//! there before us nor what is filled or withdrawn counts. `side` is that of the ORDER, so a `Sell` closes
//! a long. Rows carry no time: the receive time stands for it. Sizes count contracts, whose meaning BitMEX
//! tells over REST. Source: BitMEX's WebSocket and instrument documentation, 2026.

use std::collections::BTreeSet;
use std::time::Duration;

use market::{Liquidation, Observation, Payload, PositionSide};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::contract_state::{ContractState, Funding};
use super::paced::Paced;
use super::symbols::{Listed, Size, Symbols};
use super::wire::{Scalar, all_or_nothing, parse, text, wrong};
use crate::config::{FeedConfig, Instruments};
use crate::protocol::{DecodeError, Decoder, FrameKind, Heartbeat, Stamped, StreamProtocol};
use contracts::{Contracts, Row};
use orders::{Action, Change, OrderRow, Orders};
use states::{BITCOIN, Known, StateRow, States};

mod contracts;
mod orders;
mod states;

pub(super) const URL: &str = "wss://ws.bitmex.com/realtime";
pub(super) const REST_URL: &str = "https://www.bitmex.com";

const TABLE: &str = "liquidation";
/// BitMEX does not end healthy connections; the contracts grow old.
const ROTATE_AFTER: Duration = Duration::from_hours(6);
const PING_EVERY: Duration = Duration::from_secs(5);
/// Topics in one message.
const BATCH: usize = 20;

pub(super) fn protocol(config: &FeedConfig) -> Box<dyn StreamProtocol> {
    let rest_url = config.rest_url.as_deref().unwrap_or(REST_URL);
    Box::new(Bitmex {
        url: config.url.clone().unwrap_or_else(|| URL.to_owned()),
        rest_url: rest_url.trim_end_matches('/').to_owned(),
        symbols: Symbols::new(config.instruments.clone()),
        context: config.context.clone(),
        contracts: Contracts::default(),
        needs_contracts: true,
        orders: Orders::default(),
        states: States::default(),
        is_subscribed: false,
        asks: Vec::new(),
        paced: Paced::default(),
    })
}

struct Bitmex {
    url: String,
    rest_url: String,
    symbols: Symbols,
    /// Assets whose perpetuals' state is followed.
    context: Instruments,
    contracts: Contracts,
    needs_contracts: bool,
    orders: Orders,
    states: States,
    is_subscribed: bool,
    /// Messages about context, sent once liquidations are subscribed: their failure costs none.
    asks: Vec<String>,
    paced: Paced,
}

impl Decoder for Bitmex {
    fn decode(&mut self, payload: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let text = text(payload)?;
        if text == "pong" || text == "ping" {
            return Ok(FrameKind::Keepalive);
        }
        if text.trim_start().starts_with('[') {
            return self.take_contracts(&parse::<Vec<Row<'_>>>(text)?);
        }
        let frame: Frame<'_> = parse(text)?;
        let before = out.len();
        let kind = all_or_nothing(out, |out| self.take(&frame, out))?;
        self.paced.sift(out, before);
        Ok(kind)
    }
}

impl StreamProtocol for Bitmex {
    fn url(&self) -> &str {
        &self.url
    }

    fn reset(&mut self) {
        self.is_subscribed = false;
        self.asks.clear();
        self.orders.clear();
    }

    fn next_request(&mut self) -> Option<String> {
        self.needs_contracts.then(|| format!("{}/api/v1/instrument/active", self.rest_url))
    }

    fn forget_references(&mut self) {
        self.needs_contracts = true;
    }

    fn subscribe(&mut self) -> Vec<String> {
        let context = &self.context;
        let followed = self.contracts.perpetuals(|instrument| context.wants(instrument.asset()));
        // Bitcoin's price in dollars is what quanto contracts are worth in, whoever follows it.
        let followed: BTreeSet<&str> = followed.chain([BITCOIN]).collect();
        let topics: Vec<String> = followed.into_iter().map(|symbol| format!("instrument:{symbol}")).collect();
        self.asks = topics.chunks(BATCH).map(ask).collect();
        vec![ask(&[TABLE.to_owned()])]
    }

    fn outgoing(&mut self) -> Vec<String> {
        if self.is_subscribed { std::mem::take(&mut self.asks) } else { Vec::new() }
    }

    fn is_subscribed(&self) -> bool {
        self.is_subscribed
    }

    fn heartbeat(&self) -> Heartbeat {
        Heartbeat::Text { every: PING_EVERY, message: "ping".to_owned() }
    }

    fn rotate_after(&self) -> Duration {
        ROTATE_AFTER
    }
}

fn ask(topics: &[String]) -> String {
    serde_json::json!({ "op": "subscribe", "args": topics }).to_string()
}

/// Every shape a message has, told apart by the keys that are there.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    table: Option<Scalar<'a>>,
    #[serde(borrow)]
    action: Option<Scalar<'a>>,
    /// Left as it is until the table is known: most tables are not ours.
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    /// Answers.
    success: Option<bool>,
    #[serde(borrow)]
    subscribe: Option<Scalar<'a>>,
    #[serde(borrow)]
    unsubscribe: Option<Scalar<'a>>,
    #[serde(borrow)]
    status: Option<Scalar<'a>>,
    /// Words, or an object of them in REST answers.
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    info: Option<Scalar<'a>>,
}

impl Bitmex {
    fn take(&mut self, frame: &Frame<'_>, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        if let Some(table) = &frame.table {
            return self.take_table(&table.as_text(), frame, out);
        }
        if let Some(error) = frame.error {
            let words: String = error.get().trim_matches('"').chars().take(200).collect();
            let status = frame.status.as_ref().map(|status| format!("{}: ", status.as_text()));
            return Ok(FrameKind::Refused(format!("{}{words}", status.unwrap_or_default())));
        }
        match (frame.success, &frame.subscribe, &frame.unsubscribe) {
            (Some(true), Some(topic), _) => {
                self.is_subscribed |= topic.as_text() == TABLE;
                Ok(FrameKind::Ack)
            }
            (Some(false), Some(topic), _) => {
                Ok(FrameKind::Refused(format!("{} was refused", topic.as_text())))
            }
            (Some(_), None, Some(_)) => Ok(FrameKind::Ignored("unsubscribe")),
            (_, _, _) if frame.info.is_some() => Ok(FrameKind::Ignored("welcome")),
            (_, _, _) => Err(DecodeError::Unknown),
        }
    }

    fn take_contracts(&mut self, rows: &[Row<'_>]) -> Result<FrameKind, DecodeError> {
        self.contracts.replace(rows)?;
        self.symbols.clear();
        self.needs_contracts = false;
        Ok(FrameKind::Reference("instruments"))
    }

    fn take_table(
        &mut self,
        table: &str,
        frame: &Frame<'_>,
        out: &mut Vec<Stamped>,
    ) -> Result<FrameKind, DecodeError> {
        let data = || frame.data.map(RawValue::get).ok_or_else(|| wrong("data", "", "missing"));
        match table {
            TABLE => {
                let action = Action::parse(frame.action.as_ref())?;
                self.take_orders(action, &parse::<Vec<OrderRow<'_>>>(data()?)?, out)?;
                Ok(FrameKind::Data("liquidation"))
            }
            "instrument" => {
                let action = Action::parse(frame.action.as_ref())?;
                self.take_states(action, &parse::<Vec<StateRow<'_>>>(data()?)?, out)?;
                Ok(FrameKind::Data("instrument"))
            }
            other => {
                label(other).map(FrameKind::Ignored).ok_or_else(|| wrong("table", other, "not a known table"))
            }
        }
    }

    fn take_orders(
        &mut self,
        action: Action,
        rows: &[OrderRow<'_>],
        out: &mut Vec<Stamped>,
    ) -> Result<(), DecodeError> {
        let changes = self.orders.changes(action, rows)?;
        let contracts = &self.contracts;
        for change in &changes.counted {
            let listed =
                self.symbols.look_up("symbol", &change.symbol, |symbol| contracts.instrument(symbol))?;
            let seen = liquidation(change, listed, contracts, self.states.bitcoin_in_dollars())?;
            if listed.is_wanted {
                out.push(Stamped::untimed(Observation::Liquidation(seen)));
            }
        }
        // Every row was understood: only now the table changes.
        self.orders.apply(changes);
        Ok(())
    }

    fn take_states(
        &mut self,
        action: Action,
        rows: &[StateRow<'_>],
        out: &mut Vec<Stamped>,
    ) -> Result<(), DecodeError> {
        let mut fresh = Vec::new();
        for row in rows {
            fresh.extend(self.states.merged(action, row)?);
        }
        for (symbol, known) in &fresh {
            let contracts = &self.contracts;
            // An index, a dated contract that is no longer listed: of no use here.
            if contracts.instrument(symbol).is_none() {
                continue;
            }
            let listed = self.symbols.look_up("symbol", symbol, |symbol| contracts.instrument(symbol))?;
            if self.context.wants(listed.instrument.asset()) {
                let bitcoin = known.as_bitcoin_in_dollars(symbol).or(self.states.bitcoin_in_dollars());
                state(known, listed, contracts, bitcoin)?.tell(listed, known.at(), out);
            }
        }
        self.states.apply(fresh);
        Ok(())
    }
}

fn state(
    known: &Known,
    listed: &Listed,
    contracts: &Contracts,
    bitcoin: Option<f64>,
) -> Result<ContractState, DecodeError> {
    let open = match (known.open, known.mark) {
        (Some(open), Some(mark)) => contracts.size("openInterest", open, mark, listed, bitcoin)?,
        (_, None) | (None, _) => Size::default(),
    };
    let funding = known.rate.map(|rate| Funding {
        rate,
        interval_hours: contracts.funding_hours(&listed.symbol),
        next: known.next_funding,
    });
    Ok(ContractState { mark: known.mark, funding, open })
}

fn liquidation(
    change: &Change,
    listed: &Listed,
    contracts: &Contracts,
    bitcoin: Option<f64>,
) -> Result<Liquidation, DecodeError> {
    let size = contracts.size("leavesQty", change.counted, change.price, listed, bitcoin)?;
    Ok(Liquidation {
        symbol: listed.symbol.clone(),
        instrument: listed.instrument.clone(),
        position: change.position,
        price: change.price,
        quantity: size.quantity,
        notional: size.notional,
        venue_id: Some(change.order_id.clone()),
    })
}

/// The liquidation order is opposite to the position that it closes.
fn position(side: &Scalar<'_>) -> Result<PositionSide, DecodeError> {
    match side.as_text().as_ref() {
        "Sell" => Ok(PositionSide::Long),
        "Buy" => Ok(PositionSide::Short),
        other => Err(wrong("side", other, "neither Sell nor Buy")),
    }
}

/// Other tables of this venue. An unknown one is kept as not understood, so that a renamed table of
/// liquidations is noticed.
fn label(table: &str) -> Option<&'static str> {
    const LABELS: [&str; 18] = [
        "announcement",
        "chat",
        "connected",
        "funding",
        "insurance",
        "orderBook10",
        "orderBookL2",
        "orderBookL2_25",
        "publicNotifications",
        "quote",
        "quoteBin1d",
        "quoteBin1h",
        "quoteBin1m",
        "settlement",
        "trade",
        "tradeBin1d",
        "tradeBin1h",
        "tradeBin1m",
    ];
    LABELS.into_iter().find(|label| *label == table)
}

#[cfg(test)]
mod tests;
