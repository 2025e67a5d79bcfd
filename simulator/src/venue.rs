//! Which venues are simulated, and what they are called.

use std::fmt;

/// A simulated venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Venue {
    /// Binance USD-M futures.
    BinanceUsdm,
    /// Bybit linear perpetuals and futures.
    BybitLinear,
    /// OKX swaps and futures.
    Okx,
}

impl Venue {
    /// Every venue, in the order in which simultaneous frames are told.
    pub const ALL: [Self; 3] = [Self::BinanceUsdm, Self::BybitLinear, Self::Okx];

    /// The name in configuration, on the tape and in the counters.
    pub const fn id(self) -> &'static str {
        match self {
            Self::BinanceUsdm => "binance-usdm",
            Self::BybitLinear => "bybit-linear",
            Self::Okx => "okx",
        }
    }

    /// The venue called `id`.
    pub fn find(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|venue| venue.id() == id)
    }

    pub(crate) const fn index(self) -> usize {
        match self {
            Self::BinanceUsdm => 0,
            Self::BybitLinear => 1,
            Self::Okx => 2,
        }
    }
}

impl fmt::Display for Venue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}
