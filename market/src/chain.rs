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
