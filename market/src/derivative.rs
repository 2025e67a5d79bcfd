//! The derivatives desk's context: funding and open interest.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::instrument::Instrument;
use crate::money::{Quantity, Usd};
use crate::time::Timestamp;

/// What the longs of a perpetual pay the shorts at the next funding time, as expected now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FundingRate {
    /// The venue's own symbol, verbatim.
    pub symbol: SmolStr,
    /// The normalised instrument.
    pub instrument: Instrument,
    /// Fraction of the position's notional paid per interval; negative when shorts pay. Finite.
    pub rate: f64,
    /// Hours between two payments; `None` where the venue has not told.
    pub interval_hours: Option<f64>,
    /// When the next payment is due.
    pub next_funding: Option<Timestamp>,
}

impl FundingRate {
    /// Simple annual rate: `rate × 24 / interval × 365`.
    pub fn annualised(&self) -> Option<f64> {
        self.interval_hours.filter(|hours| *hours > 0.0).map(|hours| self.rate * 24.0 / hours * 365.0)
    }
}

/// Contracts open, one side counted once (every long has its short).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenInterest {
    /// The venue's own symbol, verbatim.
    pub symbol: SmolStr,
    /// The normalised instrument.
    pub instrument: Instrument,
    /// Base units; `None` where the contract value is unknown.
    pub quantity: Option<Quantity>,
    /// US dollars; `None` where it cannot be told without guessing.
    pub notional: Option<Usd>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_hourly_and_hourly_funding_compare() {
        let funding = |rate, hours| FundingRate {
            symbol: "X".into(),
            instrument: Instrument::perp("BTC", "USDT"),
            rate,
            interval_hours: hours,
            next_funding: None,
        };
        let eight = funding(0.0001, Some(8.0)).annualised().unwrap();
        assert!((eight - 0.1095).abs() < 1e-12);
        assert!((funding(0.000_012_5, Some(1.0)).annualised().unwrap() - eight).abs() < 1e-12);
        assert_eq!(funding(0.0001, None).annualised(), None);
        assert_eq!(funding(0.0001, Some(0.0)).annualised(), None);
    }
}
