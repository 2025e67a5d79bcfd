//! Trades of shares as the streams with keys tell them: whose, when, how much.

use crate::equities::{STOCKS, Stock};
use crate::scene::Scene;

/// Trades are told together this often, milliseconds.
pub(super) const EVERY_MILLIS: i64 = 4_000;

/// One trade.
pub(super) struct Trade {
    pub(super) stock: &'static Stock,
    pub(super) price: f64,
    pub(super) shares: u64,
    /// Counts up over all trades of a stream.
    pub(super) number: i64,
    /// Milliseconds since 1970 UTC.
    pub(super) at_millis: i64,
}

/// The trades of the seconds before a moment on a stream: of about every third share.
pub(super) fn latest(scene: &Scene<'_>, stream: &str) -> Vec<Trade> {
    let round = scene.millis().div_euclid(EVERY_MILLIS);
    let chance = scene.chance(stream);
    let trade = |(at, stock): (usize, &'static Stock)| {
        let number = round * STOCKS.len() as i64 + at as i64;
        let draw = chance.uniform(number);
        (draw < 0.36).then(|| Trade {
            stock,
            price: stock.price(scene),
            shares: 1 + (draw * 2_000.0) as u64,
            number,
            at_millis: scene.millis() - 40 * (STOCKS.len() - at) as i64,
        })
    };
    STOCKS.iter().enumerate().filter_map(trade).collect()
}
