//! What one OKX contract is worth, from `/api/v5/public/instruments`.

use std::collections::HashMap;

use market::{Price, Quantity, Usd};
use serde::Deserialize;
use smol_str::SmolStr;

use crate::protocol::DecodeError;
use crate::venues::symbols::{Listed, Size, dollars, is_dollar};
use crate::venues::wire::{Scalar, wrong};

/// The kinds of instrument that this feed watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Swap,
    Futures,
}

impl Kind {
    pub(super) const ALL: [Self; 2] = [Self::Swap, Self::Futures];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Swap => "SWAP",
            Self::Futures => "FUTURES",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// One instrument of OKX's answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InstrumentRow<'a> {
    #[serde(borrow)]
    pub(super) inst_type: Option<Scalar<'a>>,
    #[serde(borrow)]
    inst_id: Option<Scalar<'a>>,
    #[serde(borrow)]
    inst_family: Option<Scalar<'a>>,
    #[serde(borrow)]
    ct_val: Option<Scalar<'a>>,
    #[serde(borrow)]
    ct_mult: Option<Scalar<'a>>,
    #[serde(borrow)]
    ct_val_ccy: Option<Scalar<'a>>,
}

impl InstrumentRow<'_> {
    /// Whether this is an instrument; other answers list prices of instruments.
    pub(super) fn is_reference(&self) -> bool {
        self.inst_type.is_some() && self.ct_val.is_some()
    }

    fn contract(&self) -> Option<Contract> {
        let value = self.ct_val.as_ref()?.number("ctVal").ok()?;
        let multiplier = self.ct_mult.as_ref()?.number("ctMult").ok()?;
        let currency = self.ct_val_ccy.as_ref()?.as_text();
        let value = value * multiplier;
        let is_sound = value.is_finite() && value > 0.0 && !currency.is_empty();
        is_sound.then(|| Contract { value, currency: SmolStr::new(currency) })
    }
}

/// What one contract is worth.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Contract {
    /// `ctVal` × `ctMult`, in `currency`.
    value: f64,
    /// `ctValCcy`: the base of linear contracts, the dollar of inverse ones.
    currency: SmolStr,
}

impl Contract {
    /// Base units and dollars of `count` contracts. The currency of the contract's value decides,
    /// so that linear and inverse contracts need no rule of their own; a value in any third
    /// currency tells neither.
    pub(super) fn measure(
        &self,
        count: Quantity,
        price: Price,
        listed: &Listed,
    ) -> Result<(Option<Quantity>, Option<Usd>), DecodeError> {
        let amount = count.get() * self.value;
        let (base, quote) = (listed.instrument.base.as_str(), plain_quote(&listed.instrument.quote));
        let (quantity, notional) = if self.currency == base {
            (amount, amount * price.get())
        } else if self.currency == quote {
            (amount / price.get(), amount)
        } else {
            return Ok((None, None));
        };
        let quantity = Quantity::new(quantity)
            .map_err(|_| wrong("sz", &count.to_string(), "not a size for this contract and price"))?;
        Ok((Some(quantity), if is_dollar(quote) { Some(dollars(notional)?) } else { None }))
    }

    /// As much as can be told of `count` open contracts. Without a price a linear contract's worth and
    /// an inverse one's coins stay unknown.
    pub(super) fn measure_open(
        &self,
        count: Quantity,
        mark: Option<Price>,
        listed: &Listed,
    ) -> Result<Size, DecodeError> {
        if let Some(mark) = mark {
            let (quantity, notional) = self.measure(count, mark, listed)?;
            return Ok(Size { quantity, notional });
        }
        let amount = count.get() * self.value;
        let quote = plain_quote(&listed.instrument.quote);
        if self.currency == listed.instrument.base {
            return Ok(Size { quantity: Quantity::new(amount).ok(), notional: None });
        }
        let is_told = self.currency == quote && is_dollar(quote);
        Ok(Size { quantity: None, notional: if is_told { Some(dollars(amount)?) } else { None } })
    }
}

/// `USD_UM` marks contracts quoted in dollars and margined in several stablecoins.
fn plain_quote(quote: &str) -> &str {
    quote.strip_suffix("_UM").unwrap_or(quote)
}

/// The contracts that OKX lists.
#[derive(Debug, Default)]
pub(super) struct Contracts {
    listed: HashMap<SmolStr, Row>,
    families: HashMap<SmolStr, Family>,
}

#[derive(Debug)]
struct Row {
    kind: Kind,
    family: SmolStr,
    contract: Contract,
}

#[derive(Debug)]
enum Family {
    /// All contracts of the family are alike.
    Alike(Contract),
    /// They are not, so that none can stand for another.
    Mixed,
}

impl Contracts {
    /// Replaces all contracts of `kind`: OKX's answer is complete. A row that cannot be right is
    /// left out, and its contract's value is unknown.
    pub(super) fn replace(&mut self, kind: Kind, rows: &[InstrumentRow<'_>]) {
        self.listed.retain(|_, row| row.kind != kind);
        for row in rows {
            let (Some(inst_id), Some(contract)) = (row.inst_id.as_ref(), row.contract()) else {
                continue;
            };
            let inst_id = inst_id.as_text();
            let family = match row.inst_family.as_ref().map(Scalar::as_text) {
                Some(family) if !family.is_empty() => SmolStr::new(family),
                Some(_) | None => SmolStr::new(family_of(&inst_id)),
            };
            self.listed.insert(SmolStr::new(&inst_id), Row { kind, family, contract });
        }
        self.families.clear();
        for row in self.listed.values() {
            let family = self.families.entry(row.family.clone());
            family
                .and_modify(|known| match known {
                    Family::Alike(contract) if *contract == row.contract => {}
                    Family::Alike(_) | Family::Mixed => *known = Family::Mixed,
                })
                .or_insert_with(|| Family::Alike(row.contract.clone()));
        }
    }

    /// The swaps that are listed, in no order.
    pub(super) fn swaps(&self) -> impl Iterator<Item = &SmolStr> {
        self.listed.iter().filter(|(_, row)| row.kind == Kind::Swap).map(|(inst_id, _)| inst_id)
    }

    /// The value of a contract; one that is not listed (expired, or new) borrows from its family.
    pub(super) fn find(&self, listed: &Listed, family: Option<&str>) -> Option<&Contract> {
        if let Some(row) = self.listed.get(&listed.symbol) {
            return Some(&row.contract);
        }
        let family = family.filter(|family| !family.is_empty()).unwrap_or_else(|| family_of(&listed.symbol));
        match self.families.get(family)? {
            Family::Alike(contract) => Some(contract),
            Family::Mixed => None,
        }
    }
}

/// `BTC-USDT` of `BTC-USDT-SWAP`; older answers and frames do not say.
fn family_of(inst_id: &str) -> &str {
    inst_id.rsplit_once('-').map_or(inst_id, |(family, _)| family)
}
