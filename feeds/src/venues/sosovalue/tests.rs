//! Answers of daily totals, errors included.

use super::*;
use crate::venues::answers::{decode_answer, flows, refuses_garbage_answers, round, survives_any_answer};

const BITCOIN: &str = "/openapi/v2/etf/historicalInflowChart#us-btc-spot";
const ANSWER: &str = r#"{"code":0,"msg":null,"traceId":"x","data":[
{"date":"2025-09-11","totalNetInflow":"552700000.5","totalValueTraded":3140000000,"totalNetAssets":149000000000,"cumNetInflow":56000000000},
{"date":"2025-09-10","totalNetInflow":741500000,"totalValueTraded":null,"totalNetAssets":147000000000,"cumNetInflow":55000000000},
{"date":"2025-09-12","totalNetInflow":null}]}"#;

fn sosovalue() -> Box<dyn PollProtocol> {
    let mut config = FeedConfig::default();
    config.keys.insert(KEY, "secret".to_owned());
    protocol(&config)
}

#[test]
fn daily_totals_are_the_flows_of_all_funds() {
    let mut soso = sosovalue();
    let (kind, out) = decode_answer(soso.as_mut(), BITCOIN, ANSWER);
    assert_eq!(kind, Ok(FrameKind::Data("etf_flow")));
    assert_eq!(
        flows(&out),
        ["BTC 2025-09-10 TOTAL 741.5", "BTC 2025-09-11 TOTAL 552.7000005", "BTC 2025-09-12 TOTAL pending"]
    );
    let (_, again) = decode_answer(soso.as_mut(), BITCOIN, &ANSWER.replace("741500000", "741600000"));
    assert_eq!(flows(&again), ["BTC 2025-09-10 TOTAL 741.6"]);
    let (_, ether) =
        decode_answer(soso.as_mut(), "/openapi/v2/etf/historicalInflowChart#us-eth-spot", ANSWER);
    assert_eq!(flows(&ether)[0], "ETH 2025-09-10 TOTAL 741.5", "one URL, told apart by the fragment");
}

#[test]
fn the_key_is_in_a_header_and_the_series_in_the_body() {
    let asks = round(sosovalue().as_mut());
    assert_eq!(asks.len(), 3);
    assert_eq!(asks[0].request, BITCOIN);
    assert_eq!(asks[0].body.as_deref(), Some(r#"{"type":"us-btc-spot"}"#));
    assert_eq!(asks[0].headers, [("x-soso-api-key", "secret".to_owned())]);
    assert!(asks.iter().all(|ask| !ask.request.contains("secret")), "a request is kept, a key is not");
}

#[test]
fn a_refusal_is_told_in_the_source_s_words() {
    let (kind, out) =
        decode_answer(sosovalue().as_mut(), BITCOIN, r#"{"code":"40301","msg":"invalid key","data":null}"#);
    assert_eq!((kind, out.len()), (Ok(FrameKind::Refused("code 40301: invalid key".to_owned())), 0));
}

#[test]
fn a_day_that_cannot_be_right_is_left_out_and_named() {
    let cases = [
        ("741500000", "1e15", "2025-09-10: totalNetInflow is \"1000000000000000\", more than any fund holds"),
        ("741500000", "\"x\"", "2025-09-10: totalNetInflow is \"x\", not a number"),
        (
            "2025-09-10",
            "2025-09-13",
            "2025-09-13: date is \"2025-09-13\", a weekend, on which funds do not trade",
        ),
        ("2025-09-10", "10/09/2025", "10/09/2025: date is \"10/09/2025\", not a day such as 2026-01-31"),
        ("2025-09-10", "2025-09-11", "2025-09-11 is there twice"),
    ];
    for (right, wrong, words) in cases {
        let (kind, out) = decode_answer(sosovalue().as_mut(), BITCOIN, &ANSWER.replace(right, wrong));
        assert_eq!(kind, Ok(FrameKind::DataWithout { label: "etf_flow", refused: vec![words.to_owned()] }));
        assert_eq!(out.len(), 2, "{words}");
    }
    let all_wrong = r#"{"code":0,"data":[{"date":"soon","totalNetInflow":1}]}"#;
    assert!(decode_answer(sosovalue().as_mut(), BITCOIN, all_wrong).0.is_err());
}

#[test]
fn no_answer_panics_or_leaves_half_of_itself() {
    survives_any_answer(sosovalue, BITCOIN, &[ANSWER]);
    refuses_garbage_answers(sosovalue().as_mut(), BITCOIN, ANSWER);
}
