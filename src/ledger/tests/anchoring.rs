//! A head goes into a transaction of the user's own node, is shown, and is sent only then.

use std::io::{Read, Write as _};
use std::net::TcpListener;

use feeds::{FeedConfig, NodeRpc};
use serde_json::{Value, json};

use super::anchor::{AnchorError, draft, payload, send};
use super::transaction::Transaction;
use super::words::hex;
use super::*;

/// A node with a wallet, for as long as the test runs; `answer` makes a result, or an error's words, of a call.
fn node(answer: impl Fn(&str, &Value) -> Result<Value, String> + Send + 'static) -> NodeRpc {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            let body = loop {
                let read = socket.read(&mut buffer).unwrap();
                request.extend_from_slice(&buffer[..read]);
                let text = String::from_utf8_lossy(&request).into_owned();
                if let Some((_, body)) = text.split_once("\r\n\r\n")
                    && let Ok(body) = serde_json::from_str::<Value>(body)
                {
                    break body;
                }
            };
            let method = body["method"].as_str().unwrap();
            let (status, reply) = match answer(method, &body["params"]) {
                Ok(result) => (200, json!({ "result": result, "error": null, "id": body["id"] })),
                Err(words) => (
                    500,
                    json!({ "result": null, "error": { "code": -6, "message": words }, "id": body["id"] }),
                ),
            };
            let reply = reply.to_string();
            let top = format!(
                "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                reply.len()
            );
            socket.write_all(format!("{top}{reply}").as_bytes()).unwrap();
        }
    });
    let config = FeedConfig { rest_url: Some(url), ..FeedConfig::default() };
    NodeRpc::new(feeds::find("bitcoin-node").unwrap(), &config, None).unwrap()
}

/// One input, the data, change; with a witness once it is signed.
fn transaction(data: &[u8], value: u64, is_signed: bool) -> String {
    let mut raw = vec![2, 0, 0, 0];
    if is_signed {
        raw.extend([0, 1]);
    }
    raw.push(1);
    raw.extend([0xab; 36]);
    raw.extend([0, 0xfd, 0xff, 0xff, 0xff]);
    raw.push(2);
    raw.extend(50_000_u64.to_le_bytes());
    raw.extend([22, 0, 20]);
    raw.extend([0xcd; 20]);
    raw.extend(value.to_le_bytes());
    raw.extend([data.len() as u8 + 2, 0x6a, data.len() as u8]);
    raw.extend(data);
    if is_signed {
        raw.extend([1, 4, 1, 2, 3, 4]);
    }
    raw.extend([0; 4]);
    hex(&raw)
}

fn wallet(method: &str, parameters: &Value) -> Result<Value, String> {
    let data = |text: &str| {
        let text = text.trim_start_matches("made:");
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect::<Vec<_>>()
    };
    match method {
        "getblockchaininfo" => Ok(json!({ "chain": "regtest", "blocks": 101 })),
        "createrawtransaction" => {
            assert_eq!(parameters[0], json!([]));
            Ok(json!(format!("made:{}", parameters[1][0]["data"].as_str().unwrap())))
        }
        "fundrawtransaction" => {
            let rate = parameters[1]["fee_rate"].as_f64();
            let hex = transaction(&data(parameters[0].as_str().unwrap()), 0, false);
            // 0.00000329 is no multiple of any power of two.
            Ok(json!({ "hex": hex, "fee": rate.map_or(0.000_003_29, |rate| rate * 1e-6), "changepos": 0 }))
        }
        "signrawtransactionwithwallet" => {
            let unsigned = data(parameters[0].as_str().unwrap());
            let carried = Transaction::parse(&unsigned).unwrap().outputs[1].data().unwrap().to_vec();
            Ok(json!({ "hex": transaction(&carried, 0, true), "complete": true }))
        }
        "sendrawtransaction" => {
            let raw = data(parameters[0].as_str().unwrap());
            Ok(json!(Transaction::parse(&raw).unwrap().txid.to_string()))
        }
        other => Err(format!("Method not found: {other}")),
    }
}

fn head() -> Head {
    let dir = written(3);
    Reader::open(dir.path()).unwrap().head().unwrap().unwrap()
}

#[test]
fn a_head_is_drafted_described_sent_and_noted() {
    let dir = written(3);
    let reader = Reader::open(dir.path()).unwrap();
    let head = reader.head().unwrap().unwrap();
    let sent = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let counted = std::sync::Arc::clone(&sent);
    let node = node(move |method, parameters| {
        counted.fetch_add(u32::from(method == "sendrawtransaction"), std::sync::atomic::Ordering::SeqCst);
        wallet(method, parameters)
    });
    let draft = draft(&node, &head, None).unwrap();
    assert_eq!((draft.chain.as_str(), draft.fee, draft.is_playground()), ("regtest", 329, true));
    // 4 + 1 + 41 + 1 + 31 + 49 + 4 bytes, and a quarter of 2 + 6.
    assert_eq!(draft.vsize, 131 + 2);
    assert!((draft.rate() - 329.0 / 133.0).abs() < 1e-12);
    let shown = draft.describe();
    let carried = format!("564947494531{}", head.hash);
    for part in [
        "regtest",
        "329 sat",
        "2.47 sat/vB",
        "133 vB",
        &carried,
        &draft.raw,
        &draft.txid.to_string(),
        "3 records",
    ] {
        assert!(shown.contains(part), "{part} is missing from:\n{shown}");
    }
    assert!(draft.raw.contains(&carried));
    assert_eq!(sent.load(std::sync::atomic::Ordering::SeqCst), 0, "nothing is sent before it is told to");

    let txid = send(&node, &draft).unwrap();
    assert_eq!((txid, sent.load(std::sync::atomic::Ordering::SeqCst)), (draft.txid, 1));
    let anchor = reader.note_anchor(&head, &draft.chain, txid, hour(4)).unwrap();
    assert_eq!(verify(dir.path()).unwrap().anchors, [anchor]);
}

#[test]
fn the_fee_rate_is_passed_on_and_an_impossible_one_is_refused() {
    let node = node(wallet);
    assert_eq!(draft(&node, &head(), Some(7.0)).unwrap().fee, 700);
    for rate in [0.0, -1.0, f64::NAN, 1e9] {
        assert!(matches!(draft(&node, &head(), Some(rate)), Err(AnchorError::FeeRate { .. })), "{rate}");
    }
}

/// Each misdeed of a node: the call, what it answers instead, and what is said of it.
#[test]
fn a_node_that_answers_otherwise_than_asked_gets_nothing_sent() {
    let head = head();
    let other = vec![7; payload(&head).len()];
    let cases: [(&str, Result<Value, String>, &str); 9] = [
        ("getblockchaininfo", Ok(json!({})), "no chain"),
        ("createrawtransaction", Ok(json!(5)), "no transaction"),
        ("fundrawtransaction", Err("Insufficient funds".to_owned()), "Insufficient funds"),
        ("fundrawtransaction", Ok(json!({ "hex": "00" })), "no fee"),
        ("fundrawtransaction", Ok(json!({ "hex": "00", "fee": -1.0 })), "no fee"),
        (
            "signrawtransactionwithwallet",
            Ok(json!({ "hex": "00", "complete": false, "errors": ["locked"] })),
            "locked",
        ),
        ("signrawtransactionwithwallet", Ok(json!({ "hex": "0g", "complete": true })), "no transaction"),
        (
            "signrawtransactionwithwallet",
            Ok(json!({ "hex": transaction(&other, 0, true), "complete": true })),
            "something else",
        ),
        (
            "signrawtransactionwithwallet",
            Ok(json!({ "hex": transaction(&payload(&head), 9, true), "complete": true })),
            "something else",
        ),
    ];
    for (which, instead, says) in cases {
        let node = node(move |method, parameters| {
            assert_ne!(method, "sendrawtransaction");
            if method == which { instead.clone() } else { wallet(method, parameters) }
        });
        let said = draft(&node, &head, None).unwrap_err().to_string();
        assert!(said.contains(which) && said.contains(says), "{which}, {says}: {said}");
    }
}

#[test]
fn only_chains_whose_coins_are_worth_nothing_go_without_asking() {
    for (chain, expected) in [
        ("regtest", true),
        ("signet", true),
        ("main", false),
        ("test", false),
        ("testnet4", false),
        ("other", false),
    ] {
        let node = node(move |method, parameters| {
            if method == "getblockchaininfo" {
                Ok(json!({ "chain": chain }))
            } else {
                wallet(method, parameters)
            }
        });
        assert_eq!(draft(&node, &head(), None).unwrap().is_playground(), expected, "{chain}");
    }
}

#[test]
fn a_head_is_noted_with_its_own_key_alone() {
    let (dir, other) = (written(2), written(2));
    let theirs = Reader::open(other.path()).unwrap().head().unwrap().unwrap();
    let refused = Reader::open(dir.path()).unwrap().note_anchor(&theirs, "main", Digest::ZERO, hour(3));
    assert!(matches!(refused, Err(LedgerError::Damaged(Damage::KeyReplaced { .. }))));
}

/// The first transaction of Bitcoin, whose id everybody knows.
const GENESIS: &str = "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff4d04ffff001d\
0104455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66207365636f6e64206261696c\
6f757420666f722062616e6b73ffffffff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61\
deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000";

fn bytes(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn a_transaction_has_the_id_and_the_size_that_everybody_gives_it() {
    let plain = bytes(GENESIS);
    let read = Transaction::parse(&plain).unwrap();
    assert_eq!(read.txid.to_string(), "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b");
    assert_eq!((read.vsize, read.outputs.len(), read.outputs[0].value), (204, 1, 5_000_000_000));
    assert_eq!(read.outputs[0].data(), None);
    // The same with a witness: the id stays, the size grows by a quarter of what was added.
    let mut witnessed = plain.clone();
    witnessed.splice(4..4, [0, 1]);
    let at = witnessed.len() - 4;
    witnessed.splice(at..at, [2, 3, 1, 2, 3, 0]);
    let again = Transaction::parse(&witnessed).unwrap();
    assert_eq!((again.txid, again.vsize), (read.txid, 206));
    for cut in 0..plain.len() {
        assert_eq!(Transaction::parse(&plain[..cut]), None, "cut at {cut}");
    }
    assert_eq!(Transaction::parse(&[&plain[..], &[0]].concat()), None, "something follows");
}

proptest::proptest! {
    #[test]
    fn no_bytes_bring_the_transaction_s_reader_down(tail in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let _ = Transaction::parse(&tail);
        let _ = Transaction::parse(&[&[1, 0, 0, 0, 0, 1][..], &tail].concat());
    }
}
