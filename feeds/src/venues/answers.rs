//! What the tests of polled feeds share: giving answers to a decoder, hostile ones included.

use bytes::Bytes;
use market::{Payload, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::protocol::{Ask, DecodeError, FrameKind, PollProtocol, Stamped};

/// The answer `body` to `request`.
pub(super) fn answer(request: &str, body: &str) -> Payload {
    Payload::Answer { request: request.into(), body: Bytes::copy_from_slice(body.as_bytes()) }
}

/// What becomes of the answer `body` to `request`.
pub(super) fn decode_answer(
    protocol: &mut dyn PollProtocol,
    request: &str,
    body: &str,
) -> (Result<FrameKind, DecodeError>, Vec<Stamped>) {
    let mut out = Vec::new();
    (protocol.decode(&answer(request, body), &mut out), out)
}

/// Fund flows as `asset day fund millions`, each being news of its day.
pub(super) fn flows(stamped: &[Stamped]) -> Vec<String> {
    let shown = |stamped: &Stamped| {
        let flow = stamped.observation.etf_flow().expect("a flow");
        assert_eq!((stamped.event_time, stamped.published), (flow.trade_date.start(), None), "{flow:?}");
        let millions = flow.net_flow.map_or("pending".to_owned(), |flow| (flow.get() / 1e6).to_string());
        format!("{} {} {} {millions}", flow.asset, flow.trade_date, flow.fund)
    };
    stamped.iter().map(shown).collect()
}

/// What one round asks, where no answer comes in between.
pub(super) fn round(protocol: &mut dyn PollProtocol) -> Vec<Ask> {
    protocol.begin(Timestamp::EPOCH);
    std::iter::from_fn(|| protocol.next_ask()).take(10_000).collect()
}

/// Gives decoders made by `make` bytes and damaged copies of `bodies` in answer to `request`: none
/// panics, and an answer that is refused leaves nothing behind, whatever came before.
pub(super) fn survives_any_answer(
    make: impl Fn() -> Box<dyn PollProtocol>,
    request: &'static str,
    bodies: &[&str],
) {
    let bodies: Vec<String> = bodies.iter().map(|body| (*body).to_owned()).collect();
    let damaged = proptest::sample::select(bodies)
        .prop_flat_map(|body| {
            let len = body.len();
            (Just(body), proptest::collection::vec((0..len, any::<u8>(), 0..4_u8), 1..5))
        })
        .prop_map(|(body, blows)| {
            let mut bytes = body.into_bytes();
            for (at, byte, how) in blows {
                let at = at % bytes.len().max(1);
                match how {
                    0 if at < bytes.len() => bytes[at] = byte,
                    // Digits change hands more often than syntax does.
                    1 if at < bytes.len() => bytes[at] = b'0' + byte % 10,
                    2 => bytes.truncate(at),
                    _ => bytes.insert(at.min(bytes.len()), byte),
                }
            }
            bytes
        });
    let hostile = prop_oneof![1 => proptest::collection::vec(any::<u8>(), 0..200), 4 => damaged];
    let config = Config { cases: 1_000, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let sequence = proptest::collection::vec(hostile, 1..5);
    let outcome = runner.run(&sequence, |bodies| {
        let mut protocol = make();
        let mut out = Vec::new();
        for body in bodies {
            let before = out.clone();
            let payload = Payload::Answer { request: request.into(), body: Bytes::from(body) };
            let kind = protocol.decode(&payload, &mut out);
            if matches!(kind, Ok(FrameKind::Data(_) | FrameKind::DataWithout { .. })) {
                prop_assert!(out.starts_with(&before));
            } else {
                prop_assert_eq!(&out, &before);
            }
        }
        let _ = round(protocol.as_mut());
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

/// Bodies that no source sends, and what must become of each: refused, and nothing told.
pub(super) fn refuses_garbage_answers(protocol: &mut dyn PollProtocol, request: &str, valid: &str) {
    let mut garbage: Vec<String> = ["", " ", "{", "[]", "null", "0", "<html></html>", "Too Many Requests"]
        .iter()
        .map(|text| (*text).to_owned())
        .collect();
    garbage.push("[".repeat(100_000));
    garbage.push("<table><tr><td>".repeat(20_000));
    garbage.push(format!("{{\"data\":{}", "[".repeat(100_000)));
    for body in garbage {
        let (kind, out) = decode_answer(protocol, request, &body);
        assert!(kind.is_err() && out.is_empty(), "{body:.80}: {kind:?}");
    }
    let (kind, out) = decode_answer(protocol, "/somewhere/else", valid);
    assert!(kind.is_err() && out.is_empty(), "an answer to something else: {kind:?}");
    let mut out = Vec::new();
    let kind = protocol.decode(&Payload::Text(Bytes::copy_from_slice(valid.as_bytes())), &mut out);
    assert!(kind.is_err() && out.is_empty(), "an answer that does not say to what: {kind:?}");
}
