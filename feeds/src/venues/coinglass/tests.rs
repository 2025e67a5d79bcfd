//! Answers of the paid source, errors included.

use super::*;
use crate::venues::answers::{decode_answer, flows, refuses_garbage_answers, round, survives_any_answer};

const BITCOIN: &str = "/api/etf/bitcoin/flow-history";
/// 2025-11-13 (Thursday), 14 and 17; MSBT has never reported, IBIT not yet on the last day.
const ANSWER: &str = r#"{"code":"0","msg":"success","data":[
{"timestamp":1762992000000,"flow_usd":-866700000,"price_usd":99000.5,"etf_flows":[{"etf_ticker":"GBTC","flow_usd":-64500000},{"etf_ticker":"IBIT","flow_usd":-256600000.0},{"etf_ticker":"MSBT"}]},
{"timestamp":1763078400000,"flow_usd":0,"price_usd":94500,"etf_flows":[{"etf_ticker":"GBTC"},{"etf_ticker":"IBIT","flow_usd":null}]},
{"timestamp":1763337600000,"flow_usd":-34500000,"price_usd":92000,"etf_flows":[{"etf_ticker":"GBTC","flow_usd":"-34500000"},{"etf_ticker":"IBIT"},{"etf_ticker":"MSBT"}]}]}"#;

fn coinglass() -> Box<dyn PollProtocol> {
    let mut config = FeedConfig::default();
    config.keys.insert(KEY, "secret".to_owned());
    protocol(&config)
}

#[test]
fn a_member_without_a_flow_is_pending_once_it_has_reported_before() {
    let (kind, out) = decode_answer(coinglass().as_mut(), BITCOIN, ANSWER);
    assert_eq!(kind, Ok(FrameKind::Data("etf_flow")));
    assert_eq!(
        flows(&out),
        [
            "BTC 2025-11-13 GBTC -64.5",
            "BTC 2025-11-13 IBIT -256.6",
            "BTC 2025-11-17 GBTC -34.5",
            "BTC 2025-11-17 IBIT pending",
        ],
        "nobody reported on the 14th, and later days are there: the market was closed"
    );
}

#[test]
fn an_error_in_a_good_http_answer_is_a_refusal() {
    for (body, words) in [
        (r#"{"code":"401","msg":"API key missing."}"#, "code 401: API key missing."),
        (r#"{"code":"429","msg":"Too Many Requests","data":[]}"#, "code 429: Too Many Requests"),
        (r#"{"code":500}"#, "code 500: "),
    ] {
        let (kind, out) = decode_answer(coinglass().as_mut(), BITCOIN, body);
        assert_eq!((kind, out.len()), (Ok(FrameKind::Refused(words.to_owned())), 0));
    }
    assert!(decode_answer(coinglass().as_mut(), BITCOIN, r#"{"code":"0"}"#).0.is_err());
}

#[test]
fn a_day_that_cannot_be_right_is_left_out_and_named() {
    let cases = [
        (
            "1762992000000",
            "1762992000001",
            "2025-11-13: timestamp is \"1762992000001\", not the start of a day",
        ),
        (
            "1762992000000",
            "1762992000",
            "a day: timestamp is \"1762992000\", not a time in milliseconds between 2009 and 9999",
        ),
        (
            "1762992000000",
            "1763164800000",
            "2025-11-15: timestamp is \"2025-11-15\", a weekend, on which funds do not trade",
        ),
        (
            "\"etf_ticker\":\"IBIT\",\"flow_usd\":-256",
            "\"etf_ticker\":\"GBTC\",\"flow_usd\":-256",
            "2025-11-13: etf_ticker is \"GBTC\", there twice",
        ),
        ("1762992000000", "1763337600000", "2025-11-17 is there twice"),
    ];
    for (right, wrong, words) in cases {
        let (kind, _) = decode_answer(coinglass().as_mut(), BITCOIN, &ANSWER.replacen(right, wrong, 1));
        assert_eq!(kind, Ok(FrameKind::DataWithout { label: "etf_flow", refused: vec![words.to_owned()] }));
    }
}

#[test]
fn the_key_is_in_a_header() {
    let asks = round(coinglass().as_mut());
    assert_eq!(asks.len(), 4);
    assert_eq!(asks[0].request, BITCOIN);
    assert_eq!(asks[0].headers, [("CG-API-KEY", "secret".to_owned())]);
}

#[test]
fn no_answer_panics_or_leaves_half_of_itself() {
    survives_any_answer(coinglass, BITCOIN, &[ANSWER]);
    refuses_garbage_answers(coinglass().as_mut(), BITCOIN, ANSWER);
}
