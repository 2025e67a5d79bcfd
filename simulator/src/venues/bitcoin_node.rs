//! A Bitcoin Core node, version 30: JSON-RPC over HTTP, warming up at first.

use hyper::Method;
use serde_json::{Value, json};

use crate::blocks::{Block, Chain, DIFFICULTY, SUBSIDY};
use crate::market::Market;
use crate::rest::{Answer, Request};
use crate::rounds::{Rounds, now};
use crate::scene::Scene;
use crate::tape::Dialect;

pub(super) const ID: &str = "bitcoin-node";

const VERSION: u32 = 300_000;
/// It loads its index for so long after the start, microseconds.
const WARM_UP_MICROS: i64 = 2_000_000;
const WARMING_UP: i64 = -28;
const NO_SUCH_METHOD: i64 = -32_601;
const BAD_PARAMETER: i64 = -8;
const PARSE_ERROR: i64 = -32_700;
/// Virtual bytes in the unit of fee rates.
const KVB: f64 = 1_000.0;
const COIN: f64 = 1e8;
/// Blocks whose fees the tape's first round asks for.
const FIRST_BLOCKS: i64 = 12;

/// What the tape asks in each round, as a client words it: a call and its arguments.
const CALLS: [&str; 5] = [
    "getblockchaininfo",
    "getnetworkhashps 120",
    "estimatesmartfee 2",
    "estimatesmartfee 6",
    "getmempoolinfo",
];

/// The answers of a node that has been running: results alone, as a client hands them on.
pub(super) fn dialect(market: &Market) -> Box<dyn Dialect> {
    let mut known = 0;
    Box::new(Rounds::new(ID, market).every(60_000, 0, move |scene, told| {
        let chain = Chain::of(scene);
        let from = if known == 0 { chain.tip - FIRST_BLOCKS + 1 } else { known + 1 };
        known = chain.tip;
        let blocks = (from..=chain.tip).rev().map(|height| format!("getblockstats {height}"));
        for call in CALLS.map(str::to_owned).into_iter().chain(blocks) {
            let (method, argument) = call.split_once(' ').unwrap_or((&call, ""));
            let params: Vec<Value> = argument.parse::<i64>().map(Value::from).into_iter().collect();
            if let Ok(result) = result(&chain, method, &params) {
                told.answer(&call, result.to_string());
            }
        }
    }))
}

/// Whatever the path, for the root is its own. Any name and password will do.
pub(super) fn answer(request: &Request<'_>, market: &Market) -> Option<Answer> {
    if *request.method != Method::POST || !matches!(request.path, "" | "/") {
        return None;
    }
    let is_warming_up = request.now_micros - market.start_micros < WARM_UP_MICROS;
    Some(now(market, request.now_micros, |scene| respond(scene, request.body, is_warming_up)))
}

/// A JSON-RPC 2.0 answer is under status 200 even when it is an error; an older one is not.
fn respond(scene: &Scene<'_>, body: &[u8], is_warming_up: bool) -> Answer {
    let Ok(call) = serde_json::from_slice::<Value>(body) else {
        let error = json!({"code": PARSE_ERROR, "message": "Parse error"});
        return Answer::json(json!({"result": null, "error": error, "id": null}).to_string())
            .with_status(500);
    };
    let id = call.get("id").cloned().unwrap_or_default();
    let is_strict = call.get("jsonrpc").and_then(Value::as_str) == Some("2.0");
    let method = call.get("method").and_then(Value::as_str).unwrap_or_default();
    let params = call.get("params").and_then(Value::as_array).cloned().unwrap_or_default();
    let outcome = if is_warming_up {
        Err((WARMING_UP, "Loading block index…".to_owned()))
    } else {
        result(&Chain::of(scene), method, &params)
    };
    match outcome {
        Ok(result) if is_strict => {
            Answer::json(json!({"jsonrpc": "2.0", "result": result, "id": id}).to_string())
        }
        Ok(result) => Answer::json(json!({"result": result, "error": null, "id": id}).to_string()),
        Err((code, words)) => {
            let error = json!({"code": code, "message": words});
            if is_strict {
                return Answer::json(json!({"jsonrpc": "2.0", "error": error, "id": id}).to_string());
            }
            let status = if code == NO_SUCH_METHOD { 404 } else { 500 };
            Answer::json(json!({"result": null, "error": error, "id": id}).to_string()).with_status(status)
        }
    }
}

/// What a call gives, or its error's code and words.
fn result(chain: &Chain<'_>, method: &str, params: &[Value]) -> Result<Value, (i64, String)> {
    let number = |at: usize| params.get(at).and_then(Value::as_i64);
    Ok(match method {
        "getblockchaininfo" => blockchain(chain),
        "getnetworkinfo" => json!({
            "version": VERSION, "subversion": "/Satoshi:30.0.0/", "protocolversion": 70_016,
            "localservices": "0000000000000c09", "localrelay": true, "timeoffset": 0, "networkactive": true,
            "connections": 11, "connections_in": 1, "connections_out": 10, "networks": [], "relayfee": 0.000_001,
            "incrementalfee": 0.000_001, "localaddresses": [], "warnings": [],
        }),
        "getblockcount" => chain.tip.into(),
        "getbestblockhash" => chain.hash(chain.tip).into(),
        "getdifficulty" => DIFFICULTY.into(),
        "getnetworkhashps" => chain.hash_rate().into(),
        "getmempoolinfo" => {
            let pool = chain.mempool();
            json!({
                "loaded": true, "size": pool.txs, "bytes": pool.vbytes, "usage": pool.vbytes * 4,
                "total_fee": pool.fees as f64 / COIN, "maxmempool": 300_000_000,
                "mempoolminfee": Chain::minimum_fee() * KVB / COIN, "minrelaytxfee": 0.000_001,
                "incrementalrelayfee": 0.000_001, "unbroadcastcount": 0, "fullrbf": true,
            })
        }
        "estimatesmartfee" => {
            let within = number(0).filter(|blocks| (1..=1008).contains(blocks));
            let within = within.ok_or_else(|| {
                (BAD_PARAMETER, "Invalid conf_target, must be between 1 and 1008".to_owned())
            })?;
            json!({"feerate": chain.fee(within) * KVB / COIN, "blocks": within.max(2)})
        }
        "getblockhash" => chain.hash(block(chain, number(0))?.height).into(),
        "getblockstats" => stats(&block(chain, number(0))?, params.get(1)),
        _ => return Err((NO_SUCH_METHOD, "Method not found".to_owned())),
    })
}

/// The block at a height that was asked for; undo data of long ago is pruned.
fn block(chain: &Chain<'_>, height: Option<i64>) -> Result<Block, (i64, String)> {
    let height = height.ok_or_else(|| (-3, "JSON value is not an integer as expected".to_owned()))?;
    if !(0..=chain.tip).contains(&height) {
        return Err((BAD_PARAMETER, format!("Target block height {height} after current tip {}", chain.tip)));
    }
    chain.block(height).ok_or_else(|| (-1, "Block not available (pruned data)".to_owned()))
}

fn blockchain(chain: &Chain<'_>) -> Value {
    let tip = chain.block(chain.tip);
    json!({
        "chain": "main", "blocks": chain.tip, "headers": chain.tip, "bestblockhash": chain.hash(chain.tip),
        "bits": "1701d936", "target": "00000000000000000001d9360000000000000000000000000000000000000000",
        "difficulty": DIFFICULTY, "time": tip.map(|block| block.time), "mediantime": chain.median_time(),
        "verificationprogress": 0.999_998_6, "initialblockdownload": false,
        "chainwork": "0000000000000000000000000000000000000000e1c5f9b7a4d3c2b1a0987654", "size_on_disk": 742_113_529_871_i64,
        "pruned": true, "pruneheight": chain.tip - 2_016, "automatic_pruning": true, "prune_target_size": 5_767_168_000_i64,
        "warnings": [],
    })
}

/// Satoshis; only what was asked for, where something was.
fn stats(block: &Block, wanted: Option<&Value>) -> Value {
    let whole = json!({
        "height": block.height, "blockhash": block.hash, "time": block.time, "txs": block.txs,
        "subsidy": SUBSIDY, "totalfee": block.fees, "feerate_percentiles": block.fee_rates,
        "total_size": block.bytes, "total_weight": block.weight, "swtxs": block.txs * 9 / 10,
        "utxo_increase": block.txs / 7, "avgfee": block.fees / block.txs, "outs": block.txs * 3,
    });
    let Some(wanted) = wanted.and_then(Value::as_array) else { return whole };
    let chosen = wanted.iter().filter_map(Value::as_str);
    chosen.filter_map(|key| Some((key.to_owned(), whole.get(key)?.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;

    use super::*;
    use crate::rounds::told;
    use crate::scene::tests::{FRIDAY, market};

    fn call(body: &str, secs: i64) -> (u16, Value) {
        let headers = HeaderMap::new();
        let request = Request {
            method: &Method::POST,
            path: "/",
            query: "",
            headers: &headers,
            body: body.as_bytes(),
            now_micros: FRIDAY + secs * 1_000_000,
        };
        let answer = answer(&request, &market()).unwrap();
        (answer.status, serde_json::from_slice(&answer.body).unwrap())
    }

    fn strict(method: &str, params: &Value, secs: i64) -> Value {
        let body = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).to_string();
        let (status, answer) = call(&body, secs);
        assert_eq!((status, &answer["id"]), (200, &7.into()));
        answer
    }

    #[test]
    fn it_warms_up_for_two_seconds() {
        assert_eq!(strict("getblockchaininfo", &json!([]), 1)["error"]["code"], -28);
        let (status, old) = call(r#"{"id":1,"method":"getblockchaininfo","params":[]}"#, 1);
        assert_eq!((status, &old["error"]["message"]), (500, &"Loading block index…".into()));
        assert_eq!(strict("getblockchaininfo", &json!([]), 2)["result"]["chain"], "main");
    }

    #[test]
    fn it_tells_of_its_chain_with_warnings_as_a_list() {
        let info = strict("getblockchaininfo", &json!([]), 10)["result"].clone();
        assert_eq!((&info["warnings"], &info["initialblockdownload"]), (&json!([]), &json!(false)));
        let (time, median) = (info["time"].as_i64().unwrap(), info["mediantime"].as_i64().unwrap());
        assert!(median < time && time < FRIDAY / 1_000_000);
        let hash = info["bestblockhash"].as_str().unwrap();
        assert!(hash.len() == 64 && hash.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let rate = strict("getnetworkhashps", &json!([120]), 10)["result"].as_f64().unwrap();
        assert!((1e20..1e22).contains(&rate));
    }

    #[test]
    fn fees_are_in_bitcoin_per_thousand_virtual_bytes_and_statistics_in_satoshis() {
        let fee = strict("estimatesmartfee", &json!([2]), 10)["result"]["feerate"].as_f64().unwrap() * 1e5;
        assert!((0.1..20.0).contains(&fee), "{fee} sat/vB");
        let tip = strict("getblockcount", &json!([]), 10)["result"].as_i64().unwrap();
        let stats =
            strict("getblockstats", &json!([tip, ["height", "totalfee", "subsidy"]]), 10)["result"].clone();
        assert_eq!((stats.as_object().unwrap().len(), &stats["subsidy"]), (3, &312_500_000.into()));
        assert!(stats["totalfee"].as_i64().unwrap() > 500_000);
        let pool = strict("getmempoolinfo", &json!([]), 10)["result"].clone();
        assert!(pool["bytes"].as_i64().unwrap() > pool["size"].as_i64().unwrap());
    }

    #[test]
    fn errors_have_its_codes() {
        let tip = strict("getblockcount", &json!([]), 10)["result"].as_i64().unwrap();
        for (method, params, code) in [
            ("getblockstats", json!([tip + 1]), -8),
            ("getblockstats", json!([5]), -1),
            ("getblockstats", json!([]), -3),
            ("estimatesmartfee", json!([0]), -8),
            ("sendtoaddress", json!([]), -32_601),
        ] {
            assert_eq!(strict(method, &params, 10)["error"]["code"], code, "{method} {params}");
        }
        assert_eq!(call("not json", 10).0, 500);
        assert_eq!(call(r#"{"id":1,"method":"nothing"}"#, 10).0, 404);
    }

    #[test]
    fn the_tape_has_results_alone_and_each_blocks_fees_once() {
        let market = market();
        let frames = told(&mut *dialect(&market), &market, 3_600);
        let asked: Vec<&str> = frames.iter().filter_map(|frame| frame.request.as_deref()).collect();
        assert_eq!(asked[..5], CALLS);
        let mut blocks: Vec<&str> =
            asked.iter().copied().filter(|call| call.starts_with("getblockstats ")).collect();
        assert!(blocks.len() > 12 + 2, "{}", blocks.len());
        blocks.sort_unstable();
        blocks.dedup();
        assert_eq!(blocks.len(), asked.len() - 60 * CALLS.len());
        let info: Value = serde_json::from_str(frames[0].text().unwrap()).unwrap();
        assert_eq!(info["chain"], "main");
    }
}
