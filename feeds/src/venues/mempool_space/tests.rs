//! mempool.space's four answers.

use bytes::Bytes;
use market::{ChainTip, Observation};

use super::*;

const HASH: &str = "00000000000000000001bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn decode(
    site: &mut dyn Decoder,
    request: &str,
    body: &str,
) -> (Result<FrameKind, DecodeError>, Vec<ChainTip>) {
    let payload = Payload::Answer { request: request.into(), body: Bytes::copy_from_slice(body.as_bytes()) };
    let mut out = Vec::new();
    let kind = site.decode(&payload, &mut out);
    let tips = out.into_iter().map(|stamped| match stamped.observation {
        Observation::ChainTip(tip) => tip,
        other => panic!("no chain: {other:?}"),
    });
    (kind, tips.collect())
}

fn blocks() -> String {
    let block = |height: u64, fees: u64| {
        format!(
            r#"{{"id":"{HASH}","height":{height},"version":1,"timestamp":1767225600,"difficulty":1.4e14,
            "extras":{{"totalFees":{fees},"reward":315000000,"pool":{{"name":"x"}}}}}}"#
        )
    };
    format!("[{},{}]", block(905_001, 3_000_000), block(905_000, 2_000_000))
}

#[test]
fn the_chain_is_put_together_from_four_answers() {
    let mut site = protocol(&FeedConfig::default());
    let tip = decode(&mut *site, BLOCKS, &blocks()).1.remove(0);
    assert_eq!((tip.height, tip.difficulty, tip.fee_blocks), (905_001, Some(1.4e14), 2));
    assert!((tip.fees_btc.unwrap() - 0.025).abs() < 1e-12);
    let _ = decode(
        &mut *site,
        HASH_RATE,
        r#"{"hashrates":[],"currentHashrate":1.02e21,"currentDifficulty":1.4e14}"#,
    );
    let _ = decode(
        &mut *site,
        FEES,
        r#"{"fastestFee":12,"halfHourFee":9,"hourFee":6.5,"economyFee":2,"minimumFee":1}"#,
    );
    let tip =
        decode(&mut *site, MEMPOOL, r#"{"count":52000,"vsize":31000000,"total_fee":1,"fee_histogram":[]}"#)
            .1
            .remove(0);
    assert_eq!((tip.hash_rate, tip.fee_fast, tip.fee_hour), (Some(1.02e21), Some(12.0), Some(6.5)));
    assert_eq!((tip.mempool_txs, tip.mempool_vbytes), (Some(52_000), Some(31_000_000)));
}

#[test]
fn what_cannot_be_is_refused() {
    let mut site = protocol(&FeedConfig::default());
    for (request, body) in [
        (BLOCKS, "[]"),
        (BLOCKS, &*blocks().replace(HASH, "<script>")),
        (BLOCKS, &*blocks().replace("1.4e14", "-3")),
        (FEES, r#"{"fastestFee":-1,"hourFee":1}"#),
        (HASH_RATE, r#"{"currentHashrate":-1}"#),
        (MEMPOOL, "<html>"),
        ("/api/else", "{}"),
    ] {
        let (kind, tips) = decode(&mut *site, request, body);
        assert!(kind.is_err() && tips.is_empty(), "{request} {body}");
    }
}

#[test]
fn a_round_is_four_asks() {
    let mut site = protocol(&FeedConfig::default());
    site.begin(Timestamp::EPOCH);
    let asked: Vec<String> = std::iter::from_fn(|| site.next_ask()).map(|ask| ask.request).collect();
    assert_eq!(asked, ASKS);
}
