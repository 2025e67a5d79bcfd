//! A traded contract under one name for every venue: `BTC-USDT-PERP`, `ETH-USD-20261225`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::time::Date;

/// What kind of contract it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Contract {
    /// A perpetual swap.
    Perp,
    /// A future that expires on this UTC day.
    Future(Date),
}

/// A contract, named alike at every venue: `BASE-QUOTE-PERP` or `BASE-QUOTE-YYYYMMDD`.
///
/// The base keeps the venue's unit: `1000PEPE` is a contract on a thousand PEPE, whose price is
/// that of a thousand. [`Instrument::asset`] gives the coin behind it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Instrument {
    /// What is traded, upper case.
    pub base: SmolStr,
    /// What it is priced in, upper case.
    pub quote: SmolStr,
    /// Perpetual or dated.
    pub contract: Contract,
}

impl Instrument {
    /// A perpetual swap of `base` in `quote`.
    pub fn perp(base: &str, quote: &str) -> Self {
        Self { base: SmolStr::new(base), quote: SmolStr::new(quote), contract: Contract::Perp }
    }

    /// A future of `base` in `quote` that expires on `expiry`.
    pub fn future(base: &str, quote: &str, expiry: Date) -> Self {
        Self { base: SmolStr::new(base), quote: SmolStr::new(quote), contract: Contract::Future(expiry) }
    }

    /// The coin behind the contract: `1000PEPE` and `1000000MOG` lose their multiplier.
    pub fn asset(&self) -> &str {
        let rest = self.base.trim_start_matches('1').trim_start_matches('0');
        let multiplier = &self.base[..self.base.len() - rest.len()];
        let is_thousands = multiplier.len() >= 4
            && multiplier.starts_with('1')
            && multiplier[1..].bytes().all(|digit| digit == b'0');
        if is_thousands && rest.starts_with(|c: char| c.is_ascii_alphabetic()) { rest } else { &self.base }
    }
}

impl fmt::Display for Instrument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.contract {
            Contract::Perp => write!(f, "{}-{}-PERP", self.base, self.quote),
            Contract::Future(expiry) => {
                write!(f, "{}-{}-{}", self.base, self.quote, expiry.compact())
            }
        }
    }
}

/// Text that is not `BASE-QUOTE-PERP` or `BASE-QUOTE-YYYYMMDD`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an instrument; write BTC-USDT-PERP or BTC-USDT-20261225")]
pub struct ParseInstrumentError {
    /// What was given.
    pub text: String,
}

impl FromStr for Instrument {
    type Err = ParseInstrumentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || ParseInstrumentError { text: text.to_owned() };
        let mut parts = text.rsplitn(3, '-');
        let (Some(contract), Some(quote), Some(base)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(refused());
        };
        if base.is_empty() || quote.is_empty() {
            return Err(refused());
        }
        let contract = if contract == "PERP" {
            Contract::Perp
        } else {
            Contract::Future(parse_compact_date(contract).ok_or_else(refused)?)
        };
        Ok(Self { base: SmolStr::new(base), quote: SmolStr::new(quote), contract })
    }
}

fn parse_compact_date(text: &str) -> Option<Date> {
    if text.len() != 8 || !text.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    Date::from_ymd(text[..4].parse().ok()?, text[4..6].parse().ok()?, text[6..].parse().ok()?)
}

impl TryFrom<String> for Instrument {
    type Error = ParseInstrumentError;
    fn try_from(text: String) -> Result<Self, ParseInstrumentError> {
        text.parse()
    }
}

impl From<Instrument> for String {
    fn from(instrument: Instrument) -> String {
        instrument.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_text() {
        let dated = Instrument::future("ETH", "USD", Date::from_ymd(2026, 12, 25).expect("a day"));
        for (instrument, text) in
            [(Instrument::perp("BTC", "USDT"), "BTC-USDT-PERP"), (dated, "ETH-USD-20261225")]
        {
            assert_eq!(instrument.to_string(), text);
            assert_eq!(text.parse(), Ok(instrument));
        }
        for bad in ["", "BTC", "BTC-USDT", "-USDT-PERP", "BTC-USDT-20261340", "BTC-USDT-25DEC"] {
            assert!(bad.parse::<Instrument>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_asset_loses_its_multiplier_and_nothing_else() {
        for (base, asset) in [
            ("1000PEPE", "PEPE"),
            ("1000000MOG", "MOG"),
            ("1INCH", "1INCH"),
            ("BTC", "BTC"),
            ("10SET", "10SET"),
            ("1000", "1000"),
            ("11000X", "11000X"),
        ] {
            assert_eq!(Instrument::perp(base, "USDT").asset(), asset);
        }
    }
}
