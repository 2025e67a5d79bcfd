//! The table of liquidation orders, and what of its changes counts.

use std::collections::HashMap;

use market::{PositionSide, Price};
use serde::Deserialize;
use smol_str::SmolStr;

use super::position;
use crate::protocol::DecodeError;
use crate::venues::wire::{Scalar, price, required, wrong};

/// More liquidation orders than any book holds at once.
const MOST_ORDERS: usize = 16_384;

/// What a message does to a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Tells all rows that are there: what was before us.
    Partial,
    Insert,
    /// Changes the fields that it names.
    Update,
    Delete,
}

impl Action {
    pub(super) fn parse(action: Option<&Scalar<'_>>) -> Result<Self, DecodeError> {
        match required("action", action)?.as_text().as_ref() {
            "partial" => Ok(Self::Partial),
            "insert" => Ok(Self::Insert),
            "update" => Ok(Self::Update),
            "delete" => Ok(Self::Delete),
            other => Err(wrong("action", other, "not a known action")),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderRow<'a> {
    #[serde(borrow, rename = "orderID")]
    order_id: Option<Scalar<'a>>,
    #[serde(borrow)]
    symbol: Option<Scalar<'a>>,
    /// Side of the order.
    #[serde(borrow)]
    side: Option<Scalar<'a>>,
    /// Bankruptcy price.
    #[serde(borrow)]
    price: Option<Scalar<'a>>,
    /// Contracts that are still to be filled.
    #[serde(borrow)]
    leaves_qty: Option<Scalar<'a>>,
}

/// A row of the table.
#[derive(Clone, Debug)]
struct Order {
    symbol: SmolStr,
    position: PositionSide,
    price: Price,
    leaves: f64,
}

/// What a row's change counts for.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) order_id: SmolStr,
    pub(super) symbol: SmolStr,
    pub(super) position: PositionSide,
    pub(super) price: Price,
    /// Contracts.
    pub(super) counted: f64,
}

/// A message understood, not yet done to the table.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) counted: Vec<Change>,
    replaces_all: bool,
    /// The rows named, as they are now; `None` where a row is gone.
    rows: HashMap<SmolStr, Option<Order>>,
}

/// The orders that wait in the book.
#[derive(Debug, Default)]
pub(super) struct Orders(HashMap<SmolStr, Order>);

impl Orders {
    /// Forgets the table: a new connection begins with all of it.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// What `rows` change, and what of it counts. A row that is inserted counts though the table was
    /// never told whole; an update of a row that was never told does not, because how much of it is new
    /// is not known.
    pub(super) fn changes(&self, action: Action, rows: &[OrderRow<'_>]) -> Result<Changes, DecodeError> {
        let mut changes = Changes { replaces_all: action == Action::Partial, ..Changes::default() };
        for row in rows {
            let id = SmolStr::new(required("orderID", row.order_id.as_ref())?.as_text());
            // A message may name an order twice.
            let known = match changes.rows.get(&id) {
                Some(order) => order.clone(),
                None => self.0.get(&id).cloned(),
            };
            let (order, counted) = match (action, known) {
                (Action::Delete, _) => (None, 0.0),
                (Action::Partial, _) => (Some(row.whole()?), 0.0),
                (Action::Insert, known) => {
                    let order = row.whole()?;
                    let counted = order.leaves - known.map_or(0.0, |known| known.leaves);
                    (Some(order), counted)
                }
                (Action::Update, None) => continue,
                (Action::Update, Some(known)) => {
                    let order = row.over(known.clone())?;
                    let counted = order.leaves - known.leaves;
                    (Some(order), counted)
                }
            };
            if let (Some(order), true) = (&order, counted > 0.0) {
                changes.counted.push(Change {
                    order_id: id.clone(),
                    symbol: order.symbol.clone(),
                    position: order.position,
                    price: order.price,
                    counted,
                });
            }
            changes.rows.insert(id, order);
        }
        Ok(changes)
    }

    /// Does `changes` to the table.
    pub(super) fn apply(&mut self, changes: Changes) {
        if changes.replaces_all || self.0.len() >= MOST_ORDERS {
            self.0.clear();
        }
        for (id, order) in changes.rows {
            match order {
                Some(order) => self.0.insert(id, order),
                None => self.0.remove(&id),
            };
        }
    }
}

impl OrderRow<'_> {
    fn whole(&self) -> Result<Order, DecodeError> {
        Ok(Order {
            symbol: SmolStr::new(required("symbol", self.symbol.as_ref())?.as_text()),
            position: position(required("side", self.side.as_ref())?)?,
            price: price("price", self.price.as_ref())?,
            leaves: required("leavesQty", self.leaves_qty.as_ref())?.size("leavesQty")?,
        })
    }

    /// What is absent is unchanged.
    fn over(&self, mut order: Order) -> Result<Order, DecodeError> {
        if let Some(side) = &self.side {
            order.position = position(side)?;
        }
        if self.price.is_some() {
            order.price = price("price", self.price.as_ref())?;
        }
        if let Some(leaves) = &self.leaves_qty {
            order.leaves = leaves.size("leavesQty")?;
        }
        Ok(order)
    }
}
