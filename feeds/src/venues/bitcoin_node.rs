//! Understands the user's own Bitcoin node, Core v25 to v30.
//!
//! Each answer is one call's result as the node gave it. Structs are lenient: versions add fields, turn
//! `warnings` from a string into a list (v28), and leave fields out. Until the initial block download is
//! over the node's tip is the past, and nothing is told.

use std::collections::VecDeque;
use std::time::Duration;

use market::{Payload, Timestamp};
use serde::Deserialize;
use smol_str::SmolStr;

use super::chain::{Chain, Tip};
use super::wire::{parse, wrong};
use crate::config::FeedConfig;
use crate::protocol::{Ask, DecodeError, Decoder, FrameKind, PollProtocol, Stamped};

pub(super) const REST_URL: &str = "http://127.0.0.1:8332";

/// A block comes every ten minutes; the mempool breathes faster.
const EVERY: Duration = Duration::from_mins(1);
/// The node is the user's own, but may serve others too.
const LEAST: Duration = Duration::from_secs(5);
/// Blocks whose fees are asked for at the first round; the mean grows to a day's as blocks come.
const FIRST_BLOCKS: u64 = 12;
/// Satoshis per virtual byte in a bitcoin per thousand virtual bytes.
const SAT_VB: f64 = 1e5;

pub(super) fn protocol(_: &FeedConfig) -> Box<dyn PollProtocol> {
    Box::<BitcoinNode>::default()
}

#[derive(Default)]
struct BitcoinNode {
    chain: Chain,
    is_catching_up: bool,
    step: usize,
    blocks: VecDeque<u64>,
    are_blocks_chosen: bool,
}

/// What every round asks, the mempool last: it changes most.
const CALLS: [(&str, &str); 5] = [
    ("getblockchaininfo", "[]"),
    ("getnetworkhashps 120", "[120]"),
    ("estimatesmartfee 2", "[2]"),
    ("estimatesmartfee 6", "[6]"),
    ("getmempoolinfo", "[]"),
];

impl PollProtocol for BitcoinNode {
    fn every(&self) -> Duration {
        EVERY
    }

    fn least_every(&self) -> Duration {
        LEAST
    }

    fn spacing(&self) -> Duration {
        Duration::from_millis(20)
    }

    fn begin(&mut self, _: Timestamp) {
        self.step = 0;
        self.blocks.clear();
        self.are_blocks_chosen = false;
    }

    fn next_ask(&mut self) -> Option<Ask> {
        if self.is_catching_up && self.step > 0 {
            return None;
        }
        if let Some((request, parameters)) = CALLS.get(self.step) {
            self.step += 1;
            return Some(call(request, parameters));
        }
        if !self.are_blocks_chosen {
            self.are_blocks_chosen = true;
            let tip = self.chain.tip()?.height;
            let wanted = (tip.saturating_sub(FIRST_BLOCKS - 1)..=tip).rev();
            self.blocks = wanted.filter(|height| !self.chain.knows_fees_of(*height)).collect();
        }
        let height = self.blocks.pop_front()?;
        let parameters = format!("[{height},[\"height\",\"totalfee\",\"subsidy\"]]");
        Some(call(&format!("getblockstats {height}"), &parameters))
    }
}

fn call(request: &str, parameters: &str) -> Ask {
    Ask { request: request.to_owned(), body: Some(parameters.to_owned()), headers: Vec::new() }
}

#[derive(Deserialize)]
struct ChainInfo {
    blocks: u64,
    bestblockhash: SmolStr,
    difficulty: f64,
    /// Seconds; of the best block since v23.
    time: Option<i64>,
    /// Seconds: the median of the last eleven blocks' times.
    mediantime: i64,
    #[serde(default)]
    initialblockdownload: bool,
    /// `main`, `test`, `testnet4`, `signet` or `regtest`.
    chain: SmolStr,
}

#[derive(Deserialize)]
struct MempoolInfo {
    size: u64,
    bytes: u64,
}

#[derive(Deserialize)]
struct SmartFee {
    /// BTC per thousand virtual bytes; absent for hours after a start.
    feerate: Option<f64>,
}

#[derive(Deserialize)]
struct BlockStats {
    height: u64,
    /// Satoshis.
    totalfee: f64,
}

impl Decoder for BitcoinNode {
    fn decode(&mut self, payload: &Payload, out: &mut Vec<Stamped>) -> Result<FrameKind, DecodeError> {
        let request = payload.request().ok_or(DecodeError::Unknown)?;
        let body = std::str::from_utf8(payload.as_bytes())
            .map_err(|error| DecodeError::Malformed { reason: error.to_string() })?;
        let mut words = request.split(' ');
        let method = words.next().unwrap_or_default();
        match method {
            "getblockchaininfo" => {
                if !self.take_chain(&parse(body)?)? {
                    return Ok(FrameKind::Ignored("initial block download"));
                }
            }
            "getnetworkhashps" => {
                let rate: f64 = parse(body)?;
                self.chain.hash_rate = Some(at_least_zero("networkhashps", rate)?);
            }
            "estimatesmartfee" => {
                let fee: SmartFee = parse(body)?;
                let rate = fee.feerate.map(|rate| at_least_zero("feerate", rate * SAT_VB)).transpose()?;
                if words.next() == Some("2") {
                    self.chain.fee_fast = rate;
                } else {
                    self.chain.fee_hour = rate;
                }
            }
            "getmempoolinfo" => {
                let pool: MempoolInfo = parse(body)?;
                self.chain.mempool_txs = Some(pool.size);
                self.chain.mempool_vbytes = Some(pool.bytes);
            }
            "getblockstats" => {
                let stats: BlockStats = parse(body)?;
                self.chain.add_fees(stats.height, stats.totalfee)?;
            }
            _ => return Err(DecodeError::Unknown),
        }
        self.chain.tell(out);
        Ok(FrameKind::Data("chain"))
    }
}

impl BitcoinNode {
    /// Whether the node knows today's chain.
    fn take_chain(&mut self, info: &ChainInfo) -> Result<bool, DecodeError> {
        let seconds = info.time.unwrap_or(info.mediantime);
        let time = seconds.checked_mul(1_000).and_then(Timestamp::from_millis);
        let time = time.ok_or_else(|| wrong("time", &seconds.to_string(), "no time in seconds"))?;
        let difficulty = at_least_zero("difficulty", info.difficulty)?;
        if !info.bestblockhash.bytes().all(|c| c.is_ascii_hexdigit()) || info.bestblockhash.len() != 64 {
            return Err(wrong("bestblockhash", &info.bestblockhash, "not 64 hexadecimal digits"));
        }
        if info.chain != "main" && info.chain != "regtest" {
            return Err(wrong("chain", &info.chain, "neither main nor regtest: a test chain has no price"));
        }
        self.is_catching_up = info.initialblockdownload;
        if self.is_catching_up {
            return Ok(false);
        }
        self.chain.difficulty = Some(difficulty);
        self.chain.set_tip(Tip { height: info.blocks, hash: info.bestblockhash.clone(), time });
        Ok(true)
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
