//! The chain's state put together from several answers, whoever gave them.

use std::collections::BTreeMap;

use market::{ChainTip, Observation, Timestamp, subsidy_btc};
use smol_str::SmolStr;

use super::wire::wrong;
use crate::protocol::{DecodeError, Stamped};

/// Fees are averaged over at most this many blocks: a day at the intended pace.
const FEE_BLOCKS: usize = 144;
/// Satoshis in a bitcoin.
const SATS: f64 = 1e8;

/// The best block.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tip {
    pub(super) height: u64,
    pub(super) hash: SmolStr,
    pub(super) time: Timestamp,
}

/// Everything heard of the chain so far.
#[derive(Debug, Default)]
pub(super) struct Chain {
    tip: Option<Tip>,
    pub(super) difficulty: Option<f64>,
    pub(super) hash_rate: Option<f64>,
    pub(super) mempool_txs: Option<u64>,
    pub(super) mempool_vbytes: Option<u64>,
    pub(super) fee_fast: Option<f64>,
    pub(super) fee_hour: Option<f64>,
    /// Fees by height, satoshis.
    fees: BTreeMap<u64, f64>,
    told: Option<ChainTip>,
}

impl Chain {
    pub(super) fn tip(&self) -> Option<&Tip> {
        self.tip.as_ref()
    }

    /// A new best block. One that is lower takes the fees of blocks that are no longer there with it.
    pub(super) fn set_tip(&mut self, tip: Tip) {
        self.fees.retain(|height, _| *height <= tip.height);
        self.tip = Some(tip);
    }

    pub(super) fn knows_fees_of(&self, height: u64) -> bool {
        self.fees.contains_key(&height)
    }

    /// Fees of the block at `height`, satoshis.
    pub(super) fn add_fees(&mut self, height: u64, satoshis: f64) -> Result<(), DecodeError> {
        if !(0.0..=21e6 * SATS).contains(&satoshis) {
            return Err(wrong("totalfee", &satoshis.to_string(), "no amount of satoshis that can be"));
        }
        self.fees.insert(height, satoshis);
        while self.fees.len() > FEE_BLOCKS {
            self.fees.pop_first();
        }
        Ok(())
    }

    /// Tells the chain's state, where it is another than last told.
    pub(super) fn tell(&mut self, out: &mut Vec<Stamped>) {
        let Some(tip) = &self.tip else { return };
        let fees =
            (!self.fees.is_empty()).then(|| self.fees.values().sum::<f64>() / self.fees.len() as f64 / SATS);
        let now = ChainTip {
            height: tip.height,
            hash: tip.hash.clone(),
            block_time: tip.time,
            difficulty: self.difficulty,
            hash_rate: self.hash_rate,
            mempool_txs: self.mempool_txs,
            mempool_vbytes: self.mempool_vbytes,
            fee_fast: self.fee_fast,
            fee_hour: self.fee_hour,
            subsidy_btc: subsidy_btc(tip.height),
            fees_btc: fees,
            fee_blocks: self.fees.len() as u32,
        };
        if self.told.as_ref() != Some(&now) {
            out.push(Stamped::news(tip.time, Observation::ChainTip(now.clone())));
            self.told = Some(now);
        }
    }
}
