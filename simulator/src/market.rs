//! What everyone at every venue can know: what is listed, and the prices.

use std::sync::{Arc, Mutex, PoisonError};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::contracts::{ASSETS, Contract, listed};

/// The part of the market that sessions, dialects and REST answers share.
pub(crate) struct Market {
    pub(crate) contracts: Vec<Arc<Contract>>,
    pub(crate) seed: u64,
    /// When it began, microseconds since 1970 UTC.
    pub(crate) start_micros: i64,
    prices: Mutex<Prices>,
}

impl Market {
    pub(crate) fn new(seed: u64, start_micros: i64) -> Self {
        let contracts = listed(start_micros).into_iter().map(Arc::new).collect();
        Self { contracts, seed, start_micros, prices: Mutex::new(Prices::default()) }
    }

    /// What the venue called `id` lists.
    pub(crate) fn of<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Arc<Contract>> {
        self.contracts.iter().filter(move |contract| contract.venue == id)
    }

    /// Chance for a venue's own use: the same for the same seed, whatever other venues there are.
    pub(crate) fn chance(&self, id: &str) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        // The upper half of all streams, far from those of connections.
        rng.set_stream(digest(id.as_bytes()) | 1 << 63);
        rng
    }

    /// The prices now, as the player has it.
    pub(crate) fn prices(&self) -> Prices {
        self.prices.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_prices(&self, prices: &Prices) {
        self.prices.lock().unwrap_or_else(PoisonError::into_inner).clone_from(prices);
    }
}

/// FNV-1a: for names and entity tags, not for secrets.
pub(crate) fn digest(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

/// Every asset's price, as of the last liquidation on a large venue.
#[derive(Clone, Debug)]
pub(crate) struct Prices {
    market: f64,
    own: Vec<f64>,
}

/// Where prices went: logarithms relative to the start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Move {
    pub(crate) market: f64,
    /// The part of the asset's own.
    pub(crate) own: f64,
}

impl Default for Prices {
    fn default() -> Self {
        Self { market: 0.0, own: vec![0.0; ASSETS.len()] }
    }
}

impl Prices {
    /// USD per coin of the asset (an index into [`ASSETS`]).
    pub(crate) fn mid(&self, asset: usize) -> f64 {
        ASSETS[asset].mid(Move { market: self.market, own: self.own[asset] })
    }

    pub(crate) fn follow(&mut self, asset: usize, to: Move) {
        self.market = to.market;
        self.own[asset] = to.own;
    }
}
