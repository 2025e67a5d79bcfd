//! What one HTX contract is worth, from `swap_contract_info`, and what contract codes mean.

use std::collections::HashMap;

use market::Instrument;
use serde::Deserialize;
use smol_str::SmolStr;

use crate::protocol::DecodeError;
use crate::venues::symbols::{Listed, parse_yymmdd};
use crate::venues::wire::{Scalar, wrong};

/// One contract of HTX's answer.
#[derive(Deserialize)]
pub(super) struct Row<'a> {
    #[serde(borrow)]
    contract_code: Option<Scalar<'a>>,
    /// US dollars of coin-margined contracts, base units of linear ones.
    #[serde(borrow)]
    contract_size: Option<Scalar<'a>>,
}

/// The contracts that HTX lists.
#[derive(Debug, Default)]
pub(super) struct Contracts(HashMap<SmolStr, f64>);

impl Contracts {
    /// Takes a whole list in; lists of other markets stay. A row that cannot be right is left out.
    ///
    /// # Errors
    /// The list is not one of contracts.
    pub(super) fn replace(&mut self, rows: &[Row<'_>]) -> Result<(), DecodeError> {
        if rows.is_empty() || rows.iter().any(|row| row.contract_code.is_none()) {
            return Err(wrong("contract_code", "", "missing from a list that should be of contracts"));
        }
        for row in rows {
            let (Some(code), Some(size)) = (&row.contract_code, &row.contract_size) else { continue };
            if let Some(value) = size.number("contract_size").ok().filter(|value| *value > 0.0) {
                self.0.insert(SmolStr::new(code.as_text()), value);
            }
        }
        Ok(())
    }

    /// US dollars or base units per contract.
    pub(super) fn value(&self, code: &str) -> Option<f64> {
        self.0.get(code).copied()
    }
}

/// Whether volumes of this contract count dollars.
pub(super) fn is_coin_margined(listed: &Listed) -> bool {
    listed.instrument.quote == "USD"
}

/// `BTC-USDT` and `BTC-USD`, perpetuals; `BTC-USDT-261225` and `BTC261225` (coin-margined), futures.
pub(super) fn parse_symbol(code: &str) -> Option<Instrument> {
    let Some((base, rest)) = code.split_once('-') else {
        let (base, expiry) = code.split_at_checked(code.len().checked_sub(6)?)?;
        let expiry = parse_yymmdd(expiry)?;
        return (!base.is_empty()).then(|| Instrument::future(base, "USD", expiry));
    };
    if base.is_empty() {
        return None;
    }
    match rest.split_once('-') {
        Some((quote, expiry)) if !quote.is_empty() => {
            Some(Instrument::future(base, quote, parse_yymmdd(expiry)?))
        }
        Some(_) => None,
        None => (!rest.is_empty()).then(|| Instrument::perp(base, rest)),
    }
}
