//! mempool.space: the chain for those who run no node.

use serde_json::{Value, json};

use crate::blocks::{Block, Chain, DIFFICULTY, SUBSIDY};
use crate::market::Market;
use crate::rest::{Answer, Request};
use crate::rounds::{Rounds, now};
use crate::scene::Scene;
use crate::tape::Dialect;

pub(super) const ID: &str = "mempool-space";

const BLOCKS: &str = "/api/v1/blocks";
const HASH_RATE: &str = "/api/v1/mining/hashrate/3d";
const FEES: &str = "/api/v1/fees/recommended";
const MEMPOOL: &str = "/api/mempool";
/// Blocks on a page.
const PAGE: i64 = 15;

pub(super) fn dialect(market: &Market) -> Box<dyn Dialect> {
    let requests = [BLOCKS, HASH_RATE, FEES, MEMPOOL].map(str::to_owned);
    Box::new(Rounds::new(ID, market).polled(&[0], 120_000, requests, body))
}

pub(super) fn answer(request: &Request<'_>, market: &Market) -> Option<Answer> {
    let body = now(market, request.now_micros, |scene| body(scene, request.path))?;
    request.gets(request.path).then(|| Answer::json(body))
}

fn body(scene: &Scene<'_>, path: &str) -> Option<String> {
    let chain = Chain::of(scene);
    let body = match path {
        BLOCKS => {
            let heights = (chain.tip - PAGE + 1..=chain.tip).rev();
            heights
                .filter_map(|height| chain.block(height))
                .map(|block| self::block(&chain, &block))
                .collect()
        }
        HASH_RATE => {
            let today = scene.today() * 86_400;
            let rates: Vec<Value> = (0..3)
                .rev()
                .map(|ago| json!({"timestamp": today - ago * 86_400, "avgHashrate": chain.hash_rate()}))
                .collect();
            json!({
                "hashrates": rates, "difficulty": [], "currentHashrate": chain.hash_rate(),
                "currentDifficulty": DIFFICULTY,
            })
        }
        FEES => json!({
            "fastestFee": chain.fee(1), "halfHourFee": chain.fee(3), "hourFee": chain.fee(6),
            "economyFee": chain.fee(12), "minimumFee": Chain::minimum_fee(),
        }),
        MEMPOOL => {
            let pool = chain.mempool();
            json!({"count": pool.txs, "vsize": pool.vbytes, "total_fee": pool.fees, "fee_histogram": []})
        }
        _ => return None,
    };
    Some(body.to_string())
}

fn block(chain: &Chain<'_>, block: &Block) -> Value {
    let [tenth, quarter, median, most, nearly_all] = block.fee_rates;
    json!({
        "id": block.hash, "height": block.height, "version": 536_870_912, "timestamp": block.time,
        "tx_count": block.txs, "size": block.bytes, "weight": block.weight,
        "previousblockhash": chain.hash(block.height - 1), "mediantime": block.time - 3_000, "nonce": 1_234_567,
        "bits": 386_000_182, "difficulty": DIFFICULTY,
        "extras": {
            "totalFees": block.fees, "medianFee": median, "reward": SUBSIDY + block.fees,
            "feeRange": [1, tenth, quarter, median, most, nearly_all, nearly_all * 4],
            "avgFee": block.fees / block.txs, "pool": {"id": 111, "name": "Foundry USA", "slug": "foundryusa"},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rounds::told;
    use crate::scene::tests::{FRIDAY, market};

    fn get(path: &str) -> Value {
        let body = now(&market(), FRIDAY, |scene| body(scene, path)).unwrap();
        serde_json::from_str(&body).unwrap()
    }

    #[test]
    fn fifteen_blocks_come_newest_first_each_with_its_fees() {
        let blocks = get(BLOCKS).as_array().unwrap().clone();
        assert_eq!(blocks.len(), 15);
        for pair in blocks.windows(2) {
            assert_eq!(pair[0]["previousblockhash"], pair[1]["id"]);
            assert_eq!(pair[0]["height"].as_i64().unwrap(), pair[1]["height"].as_i64().unwrap() + 1);
            assert!(pair[0]["extras"]["totalFees"].as_i64().unwrap() > 500_000);
        }
    }

    #[test]
    fn fees_are_in_satoshis_per_virtual_byte_and_the_hash_rate_in_hashes() {
        let fees = get(FEES);
        let fee = |key: &str| fees[key].as_f64().unwrap();
        assert!(fee("fastestFee") > fee("hourFee") && fee("hourFee") >= fee("minimumFee"));
        assert!((1e20..1e22).contains(&get(HASH_RATE)["currentHashrate"].as_f64().unwrap()));
        let pool = get(MEMPOOL);
        assert!(pool["vsize"].as_i64().unwrap() > pool["count"].as_i64().unwrap());
    }

    #[test]
    fn the_tape_asks_for_everything_and_again_for_what_changed() {
        let market = market();
        let frames = told(&mut *dialect(&market), &market, 121);
        let asked: Vec<&str> = frames.iter().filter_map(|frame| frame.request.as_deref()).collect();
        assert_eq!(asked, [BLOCKS, HASH_RATE, FEES, MEMPOOL, BLOCKS, HASH_RATE, FEES, MEMPOOL]);
    }
}
