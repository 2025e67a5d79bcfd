//! Columns of `chain`.

use market::{ChainTip, Observation};
use smol_str::SmolStr;

use super::read::{Bad, Columns};
use super::{Heading, Value, integer, number, text, time};

/// `event_time` is the block's.
pub(super) const COLUMNS: [Heading; 16] = [
    time("event_time"),
    integer("height"),
    text("hash"),
    number("difficulty"),
    number("hash_rate"),
    integer("mempool_txs"),
    integer("mempool_vbytes"),
    number("fee_fast"),
    number("fee_hour"),
    number("subsidy_btc"),
    number("fees_btc"),
    integer("fee_blocks"),
    text("venue"),
    time("known_at"),
    time("receive_time"),
    integer("seq"),
];

pub(super) fn cell<'a>(tip: &'a ChainTip, name: &str) -> Value<'a> {
    match name {
        "height" => Value::count(Some(tip.height)),
        "hash" => Value::text(&tip.hash),
        "difficulty" => Value::number(tip.difficulty),
        "hash_rate" => Value::number(tip.hash_rate),
        "mempool_txs" => Value::count(tip.mempool_txs),
        "mempool_vbytes" => Value::count(tip.mempool_vbytes),
        "fee_fast" => Value::number(tip.fee_fast),
        "fee_hour" => Value::number(tip.fee_hour),
        "subsidy_btc" => Value::Number(tip.subsidy_btc),
        "fees_btc" => Value::number(tip.fees_btc),
        "fee_blocks" => Value::Integer(i64::from(tip.fee_blocks)),
        _ => Value::Empty,
    }
}

pub(super) fn read(columns: &Columns<'_>, at: usize) -> Result<Observation, Bad> {
    Ok(Observation::ChainTip(ChainTip {
        height: columns.integer("height", at)? as u64,
        hash: SmolStr::new(columns.text("hash", at)?),
        block_time: columns.time("event_time", at)?,
        difficulty: columns.number_or_null("difficulty", at),
        hash_rate: columns.number_or_null("hash_rate", at),
        mempool_txs: columns.count_or_null("mempool_txs", at)?,
        mempool_vbytes: columns.count_or_null("mempool_vbytes", at)?,
        fee_fast: columns.number_or_null("fee_fast", at),
        fee_hour: columns.number_or_null("fee_hour", at),
        subsidy_btc: columns.number("subsidy_btc", at)?,
        fees_btc: columns.number_or_null("fees_btc", at),
        fee_blocks: columns.integer("fee_blocks", at)? as u32,
    }))
}
