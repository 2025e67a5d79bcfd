//! Which positions a batch of Deribit's trades liquidated: fills of one order as one liquidation.

use std::collections::{BTreeMap, HashSet};

use market::{Liquidation, Observation, PositionSide, Price, Timestamp};
use serde::Deserialize;
use smol_str::SmolStr;

use super::names::{is_option, parse_symbol};
use super::size;
use crate::protocol::{DecodeError, Stamped};
use crate::venues::recent::Recent;
use crate::venues::symbols::{Listed, Symbols};
use crate::venues::wire::{Scalar, price, quantity, required, wrong};

#[derive(Deserialize)]
pub(super) struct Trade<'a> {
    #[serde(borrow, rename = "trade_id")]
    id: Option<Scalar<'a>>,
    /// Milliseconds.
    #[serde(borrow)]
    timestamp: Option<Scalar<'a>>,
    #[serde(borrow)]
    instrument_name: Option<Scalar<'a>>,
    #[serde(borrow)]
    price: Option<Scalar<'a>>,
    /// US dollars, or base units of linear contracts.
    #[serde(borrow)]
    amount: Option<Scalar<'a>>,
    /// The taker's side.
    #[serde(borrow)]
    direction: Option<Scalar<'a>>,
    /// Who was liquidated; absent from ordinary trades.
    #[serde(borrow)]
    liquidation: Option<Scalar<'a>>,
}

/// One liquidating trade, understood.
struct Fill {
    trade_id: SmolStr,
    at: Timestamp,
    listed: Listed,
    price: Price,
    amount: f64,
    /// The positions that it closed, one or two.
    positions: &'static [PositionSide],
}

/// The liquidating trades of one batch.
pub(super) struct Fills(Vec<Fill>);

/// Finds them; `None` where no trade of a perpetual or a future liquidated anyone.
pub(super) fn liquidations(
    trades: &[Trade<'_>],
    symbols: &mut Symbols,
) -> Result<Option<Fills>, DecodeError> {
    let mut fills = Vec::new();
    for trade in trades {
        let Some(liquidated) = &trade.liquidation else { continue };
        let name = required("instrument_name", trade.instrument_name.as_ref())?.as_text();
        if is_option(&name) {
            continue;
        }
        let direction = required("direction", trade.direction.as_ref())?.as_text();
        fills.push(Fill {
            trade_id: SmolStr::new(required("trade_id", trade.id.as_ref())?.as_text()),
            at: required("timestamp", trade.timestamp.as_ref())?.millis("timestamp")?,
            listed: symbols.look_up("instrument_name", &name, parse_symbol)?.clone(),
            price: price("price", trade.price.as_ref())?,
            amount: quantity("amount", trade.amount.as_ref())?.get(),
            positions: positions(&liquidated.as_text(), &direction)?,
        });
    }
    Ok((!fills.is_empty()).then_some(Fills(fills)))
}

/// A sale closes a long; the maker does the opposite of the taker.
fn positions(liquidated: &str, direction: &str) -> Result<&'static [PositionSide], DecodeError> {
    const LONG: PositionSide = PositionSide::Long;
    const SHORT: PositionSide = PositionSide::Short;
    match (liquidated, direction) {
        ("T", "sell") | ("M", "buy") => Ok(&[LONG]),
        ("T", "buy") | ("M", "sell") => Ok(&[SHORT]),
        ("MT", "sell" | "buy") => Ok(&[LONG, SHORT]),
        ("T" | "M" | "MT", other) => Err(wrong("direction", other, "neither sell nor buy")),
        (other, _) => Err(wrong("liquidation", other, "neither M, T nor MT")),
    }
}

impl Fills {
    /// Appends those not told before, each contract's fills of one moment and side as one.
    ///
    /// # Errors
    /// One cannot be put into words; then none counts as told.
    pub(super) fn tell(self, told: &mut Recent, out: &mut Vec<Stamped>) -> Result<(), DecodeError> {
        let mut ids = HashSet::new();
        let fresh: Vec<&Fill> =
            self.0.iter().filter(|fill| !told.knows(&fill.trade_id) && ids.insert(&fill.trade_id)).collect();
        for side in [PositionSide::Long, PositionSide::Short] {
            let mut orders: BTreeMap<(Timestamp, &SmolStr), Vec<&Fill>> = BTreeMap::new();
            for fill in fresh.iter().filter(|fill| fill.positions.contains(&side)) {
                orders.entry((fill.at, &fill.listed.symbol)).or_default().push(fill);
            }
            for ((at, _), fills) in &orders {
                let seen = liquidation(fills, side)?;
                if fills[0].listed.is_wanted {
                    out.push(Stamped::news(*at, Observation::Liquidation(seen)));
                }
            }
        }
        for fill in &fresh {
            told.is_new(&fill.trade_id);
        }
        Ok(())
    }
}

/// The fills of one order: their sum, at their average price, under the first one's id.
fn liquidation(fills: &[&Fill], position: PositionSide) -> Result<Liquidation, DecodeError> {
    let first = fills[0];
    let amount: f64 = fills.iter().map(|fill| fill.amount).sum();
    let is_linear = super::is_linear(&first.listed.symbol);
    let weighted: f64 = fills
        .iter()
        .map(|fill| if is_linear { fill.amount * fill.price.get() } else { fill.amount / fill.price.get() })
        .sum();
    let average = if fills.len() == 1 {
        first.price
    } else {
        let average = if is_linear { weighted / amount } else { amount / weighted };
        Price::new(average).map_err(|_| wrong("price", &average.to_string(), "not an average of prices"))?
    };
    let size = size(amount, average, &first.listed)?;
    Ok(Liquidation {
        symbol: first.listed.symbol.clone(),
        instrument: first.listed.instrument.clone(),
        position,
        price: average,
        quantity: size.quantity,
        notional: size.notional,
        venue_id: Some(first.trade_id.clone()),
    })
}
