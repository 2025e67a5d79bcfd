//! The Bitcoin chain as a node or an explorer tells it.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::time::Timestamp;

/// The chain at one moment. The event time is that of the tip's block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChainTip {
    /// Height of the best block.
    pub height: u64,
    /// Its hash, hex.
    pub hash: SmolStr,
    /// When its miner says it was found.
    pub block_time: Timestamp,
    /// Difficulty; `None` where not told.
    pub difficulty: Option<f64>,
    /// Hashes per second, estimated over recent blocks.
    pub hash_rate: Option<f64>,
    /// Unconfirmed transactions.
    pub mempool_txs: Option<u64>,
    /// Their size, virtual bytes.
    pub mempool_vbytes: Option<u64>,
    /// Fee rate for the next blocks, sat per virtual byte.
    pub fee_fast: Option<f64>,
    /// Fee rate for about an hour, sat per virtual byte.
    pub fee_hour: Option<f64>,
    /// New coins per block, BTC.
    pub subsidy_btc: f64,
    /// Fees per block, BTC, mean over [`ChainTip::fee_blocks`] recent blocks.
    pub fees_btc: Option<f64>,
    /// How many blocks the mean is over.
    pub fee_blocks: u32,
}

/// Blocks a day at the intended pace.
const BLOCKS_PER_DAY: f64 = 144.0;
/// Hashes that a block of difficulty 1 takes on average: 2³².
const HASHES_PER_DIFFICULTY: f64 = 4_294_967_296.0;
/// Seconds between blocks at the intended pace.
const BLOCK_SECS: f64 = 600.0;

impl ChainTip {
    /// What a petahash per second earns in a day, US dollars, at `bitcoin_usd` per coin:
    /// `(subsidy + fees) × 144 × price ÷ (difficulty × 2³² ÷ 600 ÷ 10¹⁵)`. Fees count as none where the
    /// source does not tell them; `None` without a difficulty.
    pub fn hashprice_usd(&self, bitcoin_usd: f64) -> Option<f64> {
        let difficulty = self.difficulty.filter(|difficulty| *difficulty > 0.0)?;
        let petahashes = difficulty * HASHES_PER_DIFFICULTY / BLOCK_SECS / 1e15;
        let coins = (self.subsidy_btc + self.fees_btc.unwrap_or(0.0)) * BLOCKS_PER_DAY;
        Some(coins * bitcoin_usd / petahashes).filter(|usd| usd.is_finite())
    }
}

/// Revenue of one megawatt of machines in a year, US dollars, before the cost of power: a megawatt
/// drives `1000 ÷ joules_per_terahash` PH/s for `uptime` (0 to 1) of 365.25 days.
pub fn mining_usd_per_mw_year(hashprice_usd: f64, joules_per_terahash: f64, uptime: f64) -> f64 {
    hashprice_usd * (1_000.0 / joules_per_terahash) * 365.25 * uptime
}

/// New coins in a block of this height: 50, halved every 210,000 blocks, in whole satoshis.
pub fn subsidy_btc(height: u64) -> f64 {
    let halvings = height / 210_000;
    if halvings >= 64 { 0.0 } else { (5_000_000_000_u64 >> halvings) as f64 / 1e8 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tip(difficulty: Option<f64>, fees: Option<f64>) -> ChainTip {
        ChainTip {
            height: 840_000,
            hash: "00".into(),
            block_time: Timestamp::EPOCH,
            difficulty,
            hash_rate: None,
            mempool_txs: None,
            mempool_vbytes: None,
            fee_fast: None,
            fee_hour: None,
            subsidy_btc: 3.125,
            fees_btc: fees,
            fee_blocks: 144,
        }
    }

    #[test]
    fn hashprice_is_a_day_of_blocks_over_the_hashes_they_take() {
        // 1e14 × 2³² ÷ 600 ÷ 1e15 = 715,827.88 PH/s find 144 blocks a day.
        let price = tip(Some(1e14), Some(0.025)).hashprice_usd(100_000.0).unwrap();
        assert!((price - 3.15 * 144.0 * 1e5 / 715_827.882_666_666_7).abs() < 1e-9, "{price}");
        assert_eq!(tip(None, None).hashprice_usd(1e5), None);
        assert_eq!(tip(Some(0.0), None).hashprice_usd(1e5), None);
    }

    #[test]
    fn a_megawatt_at_twenty_joules_is_fifty_petahashes() {
        let year = mining_usd_per_mw_year(50.0, 20.0, 1.0);
        assert!((year - 50.0 * 50.0 * 365.25).abs() < 1e-6);
        assert!((mining_usd_per_mw_year(50.0, 20.0, 0.5) - year / 2.0).abs() < 1e-6);
    }

    #[test]
    fn the_subsidy_halves_on_schedule() {
        for (height, coins) in
            [(0, 50.0), (209_999, 50.0), (210_000, 25.0), (840_000, 3.125), (6_930_000, 0.0), (u64::MAX, 0.0)]
        {
            assert!((subsidy_btc(height) - coins).abs() < 1e-12, "{height}");
        }
    }
}
