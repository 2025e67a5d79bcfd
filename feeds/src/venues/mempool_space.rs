//! Understands mempool.space: the chain for those who run no node of their own.

use std::time::Duration;

use market::{Payload, Timestamp};
use serde::Deserialize;
use smol_str::SmolStr;

use super::chain::{Chain, Tip};
use super::wire::{parse, wrong};
use crate::config::FeedConfig;
use crate::protocol::{Ask, DecodeError, Decoder, FrameKind, PollProtocol, Stamped};

pub(super) const REST_URL: &str = "https://mempool.space";

/// The site asks for restraint, and a block comes every ten minutes.
const EVERY: Duration = Duration::from_mins(2);
const LEAST: Duration = Duration::from_mins(1);

const BLOCKS: &str = "/api/v1/blocks";
const HASH_RATE: &str = "/api/v1/mining/hashrate/3d";
const FEES: &str = "/api/v1/fees/recommended";
const MEMPOOL: &str = "/api/mempool";

/// What every round asks, the mempool last: it changes most.
const ASKS: [&str; 4] = [BLOCKS, HASH_RATE, FEES, MEMPOOL];

pub(super) fn protocol(_: &FeedConfig) -> Box<dyn PollProtocol> {
    Box::<MempoolSpace>::default()
}

#[derive(Default)]
struct MempoolSpace {
    chain: Chain,
    step: usize,
}

impl PollProtocol for MempoolSpace {
    fn every(&self) -> Duration {
        EVERY
    }

    fn least_every(&self) -> Duration {
        LEAST
    }

    fn spacing(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn begin(&mut self, _: Timestamp) {
        self.step = 0;
    }

    fn next_ask(&mut self) -> Option<Ask> {
        let request = ASKS.get(self.step)?;
        self.step += 1;
        Some(Ask::get(*request))
    }
}

#[derive(Deserialize)]
struct Block {
    id: SmolStr,
    height: u64,
    /// Seconds.
    timestamp: i64,
    difficulty: f64,
    extras: Option<Extras>,
}

#[derive(Deserialize)]
struct Extras {
    /// Satoshis.
    #[serde(rename = "totalFees")]
    total_fees: Option<f64>,
}

#[derive(Deserialize)]
struct HashRate {
    /// Hashes per second.
    #[serde(rename = "currentHashrate")]
    current: f64,
}

/// Satoshis per virtual byte.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fees {
    fastest_fee: f64,
    hour_fee: f64,
}

#[derive(Deserialize)]
struct Mempool {
    count: u64,
    vsize: f64,
}

impl Decoder for MempoolSpace {
    fn decode(&mut self, payload: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let request = payload.request().ok_or(DecodeError::Unknown)?;
        let body = std::str::from_utf8(payload.as_bytes())
            .map_err(|error| DecodeError::Malformed { reason: error.to_string() })?;
        match request {
            BLOCKS => self.take_blocks(&parse::<Vec<Block>>(body)?)?,
            HASH_RATE => {
                let rate: HashRate = parse(body)?;
                self.chain.hash_rate = Some(at_least_zero("currentHashrate", rate.current)?);
            }
            FEES => {
                let fees: Fees = parse(body)?;
                let fast = at_least_zero("fastestFee", fees.fastest_fee)?;
                self.chain.fee_hour = Some(at_least_zero("hourFee", fees.hour_fee)?);
                self.chain.fee_fast = Some(fast);
            }
            MEMPOOL => {
                let pool: Mempool = parse(body)?;
                self.chain.mempool_vbytes = Some(at_least_zero("vsize", pool.vsize)? as u64);
                self.chain.mempool_txs = Some(pool.count);
            }
            _ => return Err(DecodeError::Unknown),
        }
        self.chain.tell(out);
        Ok(FrameKind::Data("chain"))
    }
}

impl MempoolSpace {
    /// The last fifteen blocks, newest first.
    fn take_blocks(&mut self, blocks: &[Block]) -> Result<(), DecodeError> {
        let Some(best) = blocks.iter().max_by_key(|block| block.height) else {
            return Err(wrong("blocks", "[]", "empty"));
        };
        let time = best.timestamp.checked_mul(1_000).and_then(Timestamp::from_millis);
        let time =
            time.ok_or_else(|| wrong("timestamp", &best.timestamp.to_string(), "no time in seconds"))?;
        if !best.id.bytes().all(|c| c.is_ascii_hexdigit()) || best.id.len() != 64 {
            return Err(wrong("id", &best.id, "not 64 hexadecimal digits"));
        }
        let difficulty = at_least_zero("difficulty", best.difficulty)?;
        self.chain.set_tip(Tip { height: best.height, hash: best.id.clone(), time });
        self.chain.difficulty = Some(difficulty);
        for block in blocks {
            if let Some(fees) = block.extras.as_ref().and_then(|extras| extras.total_fees) {
                self.chain.add_fees(block.height, fees)?;
            }
        }
        Ok(())
    }
}

fn at_least_zero(field: &'static str, value: f64) -> Result<f64, DecodeError> {
    if value.is_finite() && value >= 0.0 {
        Ok(value)
    } else {
        Err(wrong(field, &value.to_string(), "below zero"))
    }
}

#[cfg(test)]
mod tests;
