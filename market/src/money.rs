//! Finite numbers with a unit: dollars, prices, quantities.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A number that is NaN, infinite, or of the wrong sign for what it measures.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{value} is not a finite {what}")]
pub struct NotFinite {
    /// What was given.
    pub value: f64,
    /// What it should have been, in words.
    pub what: &'static str,
}

/// An amount of US dollars, finite, of either sign. Stablecoins pegged to the dollar count as dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Usd(f64);

/// A price in quote units per base unit: finite and above zero.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Price(f64);

/// An amount of base units: finite and not below zero.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Quantity(f64);

impl Usd {
    /// The widest amount accepted: a quadrillion dollars, far above any market's size.
    pub const LIMIT: f64 = 1e15;

    /// An amount in dollars.
    ///
    /// # Errors
    /// NaN, infinity, or anything beyond ±[`Usd::LIMIT`].
    pub fn new(value: f64) -> Result<Self, NotFinite> {
        if value.abs() <= Self::LIMIT {
            Ok(Self(value))
        } else {
            Err(NotFinite { value, what: "amount of US dollars" })
        }
    }

    /// The amount in dollars.
    pub fn get(self) -> f64 {
        self.0
    }

    /// The amount in whole millionths of a dollar: sums of these are exact in any order.
    pub fn as_micros(self) -> i128 {
        (self.0 * 1e6).round() as i128
    }

    /// From whole millionths of a dollar, held to the limit.
    pub fn from_micros(micros: i128) -> Self {
        Self((micros as f64 / 1e6).clamp(-Self::LIMIT, Self::LIMIT))
    }
}

impl Price {
    /// A price in quote units per base unit.
    ///
    /// # Errors
    /// NaN, infinity, zero or a negative number.
    pub fn new(value: f64) -> Result<Self, NotFinite> {
        if value.is_finite() && value > 0.0 {
            Ok(Self(value))
        } else {
            Err(NotFinite { value, what: "price above zero" })
        }
    }

    /// Quote units per base unit.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl Quantity {
    /// An amount of base units.
    ///
    /// # Errors
    /// NaN, infinity or a negative number.
    pub fn new(value: f64) -> Result<Self, NotFinite> {
        if value.is_finite() && value >= 0.0 {
            Ok(Self(value))
        } else {
            Err(NotFinite { value, what: "quantity of base units" })
        }
    }

    /// Base units.
    pub fn get(self) -> f64 {
        self.0
    }

    /// What this many base units are worth at `price`. Right only where the quote unit is worth a dollar.
    ///
    /// # Errors
    /// The product is beyond [`Usd::LIMIT`].
    pub fn at(self, price: Price) -> Result<Usd, NotFinite> {
        Usd::new(self.0 * price.0)
    }
}

macro_rules! plain_number {
    ($($name:ident),*) => {$(
        impl TryFrom<f64> for $name {
            type Error = NotFinite;
            fn try_from(value: f64) -> Result<Self, NotFinite> {
                Self::new(value)
            }
        }
        impl From<$name> for f64 {
            fn from(number: $name) -> f64 {
                number.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}
plain_number!(Usd, Price, Quantity);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_unfinite_enters() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(Usd::new(bad).is_err() && Price::new(bad).is_err() && Quantity::new(bad).is_err());
        }
        assert!(Price::new(0.0).is_err());
        assert!(Quantity::new(-1.0).is_err());
        assert!(Usd::new(-95.1e6).is_ok());
    }

    #[test]
    fn micros_keep_cents_exact() {
        let sum: i128 = std::iter::repeat_n(Usd::new(0.10).expect("finite").as_micros(), 1_000_000).sum();
        assert_eq!(Usd::from_micros(sum), Usd::new(100_000.0).expect("finite"));
    }
}
