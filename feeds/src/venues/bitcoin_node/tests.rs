//! A node's answers, of several versions.

use bytes::Bytes;
use market::{ChainTip, Observation};

use super::*;

const HASH: &str = "00000000000000000001aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn answer(request: &str, body: &str) -> Payload {
    Payload::Answer { request: request.into(), body: Bytes::copy_from_slice(body.as_bytes()) }
}

fn decode(
    node: &mut dyn Decoder,
    request: &str,
    body: &str,
) -> (Result<FrameKind, DecodeError>, Vec<ChainTip>) {
    let mut out = Vec::new();
    let kind = node.decode(&answer(request, body), &mut out);
    let tips = out.into_iter().map(|stamped| match stamped.observation {
        Observation::ChainTip(tip) => tip,
        other => panic!("no chain: {other:?}"),
    });
    (kind, tips.collect())
}

/// What v25 says, and with `warnings` as a list what v28 and later say.
fn chain_info(warnings: &str, downloading: bool) -> String {
    format!(
        r#"{{"chain":"main","blocks":905000,"headers":905000,"bestblockhash":"{HASH}","difficulty":1.4e14,
        "time":1767225600,"mediantime":1767224000,"verificationprogress":0.9999,
        "initialblockdownload":{downloading},"chainwork":"00","size_on_disk":1,"pruned":true,
        "bits":"17025105","target":"00","warnings":{warnings}}}"#
    )
}

fn node() -> Box<dyn PollProtocol> {
    protocol(&FeedConfig::default())
}

#[test]
fn a_round_asks_the_chain_first_then_each_new_block_and_no_block_twice() {
    let mut node = node();
    let asked = |node: &mut Box<dyn PollProtocol>| {
        let mut requests = Vec::new();
        node.begin(Timestamp::EPOCH);
        while let Some(ask) = node.next_ask() {
            let body = match ask.request.as_str() {
                "getblockchaininfo" => chain_info("\"\"", false),
                "getnetworkhashps 120" => "1.02e21".to_owned(),
                "getmempoolinfo" => r#"{"size":52000,"bytes":31000000,"usage":1,"fullrbf":true}"#.to_owned(),
                "estimatesmartfee 2" => r#"{"feerate":0.00012,"blocks":2}"#.to_owned(),
                "estimatesmartfee 6" => {
                    r#"{"errors":["Insufficient data or no feerate found"],"blocks":6}"#.to_owned()
                }
                stats => {
                    let height: u64 = stats.split(' ').nth(1).unwrap().parse().unwrap();
                    format!(r#"{{"height":{height},"totalfee":2500000,"subsidy":312500000}}"#)
                }
            };
            node.decode(&answer(&ask.request, &body), &mut Vec::new()).unwrap();
            requests.push(ask.request);
        }
        requests
    };
    let first = asked(&mut node);
    assert_eq!(first.len(), 5 + 12, "{first:?}");
    assert_eq!(first[5], "getblockstats 905000");
    assert_eq!(asked(&mut node).len(), 5, "the blocks are known");
}

#[test]
fn the_chain_is_told_once_for_every_change() {
    let mut node = node();
    let tips = decode(&mut *node, "getblockchaininfo", &chain_info("[]", false)).1;
    assert_eq!(tips.len(), 1);
    let tip = &tips[0];
    assert_eq!((tip.height, tip.subsidy_btc, tip.fees_btc, tip.fee_blocks), (905_000, 3.125, None, 0));
    assert_eq!(tip.block_time.to_string(), "2026-01-01T00:00:00.000000Z");
    assert!(decode(&mut *node, "getblockchaininfo", &chain_info("[]", false)).1.is_empty());
    let tips = decode(&mut *node, "estimatesmartfee 2", r#"{"feerate":0.00012,"blocks":2}"#).1;
    assert!((tips[0].fee_fast.unwrap() - 12.0).abs() < 1e-9, "BTC per kvB to sat per vB");
    let stats = r#"{"height":905000,"totalfee":2500000,"subsidy":312500000}"#;
    let tips = decode(&mut *node, "getblockstats 905000", stats).1;
    assert!((tips[0].fees_btc.unwrap() - 0.025).abs() < 1e-12 && tips[0].fee_blocks == 1);
}

#[test]
fn warnings_may_be_a_string_or_a_list() {
    for warnings in ["\"\"", "\"This is a pre-release test build\"", "[]", r#"["one","two"]"#] {
        assert!(
            decode(&mut *node(), "getblockchaininfo", &chain_info(warnings, false)).0.is_ok(),
            "{warnings}"
        );
    }
}

#[test]
fn nothing_is_told_while_the_chain_is_still_loading() {
    let mut node = node();
    node.begin(Timestamp::EPOCH);
    node.next_ask();
    let (kind, tips) = decode(&mut *node, "getblockchaininfo", &chain_info("[]", true));
    assert_eq!((kind, tips), (Ok(FrameKind::Ignored("initial block download")), Vec::new()));
    assert_eq!(node.next_ask(), None, "nothing more is asked of a chain that is not there yet");
}

#[test]
fn what_cannot_be_is_refused_with_its_field() {
    let bad = chain_info("[]", false);
    for (from, to, field) in [
        ("1.4e14", "-1", "difficulty"),
        (HASH, "zz", "bestblockhash"),
        ("1767225600", "9223372036854775807", "time"),
        ("\"main\"", "\"signet\"", "chain"),
    ] {
        let (kind, tips) = decode(&mut *node(), "getblockchaininfo", &bad.replace(from, to));
        assert!(kind.unwrap_err().to_string().starts_with(field), "{field}");
        assert!(tips.is_empty());
    }
    assert!(decode(&mut *node(), "getblockstats 1", r#"{"height":1,"totalfee":-5}"#).0.is_err());
    assert_eq!(decode(&mut *node(), "getpeerinfo", "[]").0, Err(DecodeError::Unknown));
}
