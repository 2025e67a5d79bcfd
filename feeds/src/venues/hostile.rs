//! For the tests of decoders of prices: driving one, and hostile input that none may fall over.

use bytes::Bytes;
use market::{Observation, Payload};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use crate::config::{FeedConfig, Instruments};
use crate::protocol::{DecodeError, Decoder, FrameKind, Stamped};

/// A configuration that follows `tickers`.
pub(super) fn following(tickers: &[&str]) -> FeedConfig {
    let listed = tickers.iter().map(|ticker| (*ticker).to_owned()).collect();
    FeedConfig { instruments: Instruments::Assets(listed), ..FeedConfig::default() }
}

/// A message of a stream.
pub(super) fn message(text: &str) -> Payload {
    Payload::Text(Bytes::copy_from_slice(text.as_bytes()))
}

/// The answer to `request`.
pub(super) fn answer(request: &str, body: &str) -> Payload {
    Payload::Answer { request: request.into(), body: Bytes::copy_from_slice(body.as_bytes()) }
}

/// What a frame is, and what is in it.
pub(super) fn decode(
    decoder: &mut dyn Decoder,
    payload: &Payload,
) -> (Result<FrameKind, DecodeError>, Vec<Stamped>) {
    let mut out = Vec::new();
    let kind = decoder.decode(payload, &mut out);
    (kind, out)
}

/// Every event in a frame that must be data, one line each: `time published what symbol numbers`.
pub(super) fn told(decoder: &mut dyn Decoder, payload: &Payload) -> Vec<String> {
    let (kind, events) = decode(decoder, payload);
    assert!(matches!(kind, Ok(FrameKind::Data(_))), "{kind:?}");
    events.iter().map(line).collect()
}

/// What a frame is, where it is understood and holds no event.
pub(super) fn kind(decoder: &mut dyn Decoder, payload: &Payload) -> FrameKind {
    let (kind, events) = decode(decoder, payload);
    assert_eq!(events, []);
    kind.unwrap_or_else(|error| panic!("{error}"))
}

/// Why a frame is refused.
pub(super) fn refusal(decoder: &mut dyn Decoder, payload: &Payload) -> String {
    let (kind, events) = decode(decoder, payload);
    assert_eq!(events, []);
    kind.expect_err("must be refused").to_string()
}

fn line(stamped: &Stamped) -> String {
    let time = |at: market::Timestamp| at.to_string().replace(".000000Z", "Z");
    let at = time(stamped.event_time);
    let known = stamped.published.map_or("now".to_owned(), time);
    let or_dash = |number: Option<f64>| number.map_or("-".to_owned(), |number| number.to_string());
    match &stamped.observation {
        Observation::Quote(quote) => format!(
            "{at} {known} {} {} {} prev {} vol {}",
            quote.kind,
            quote.symbol,
            quote.price,
            or_dash(quote.previous_close.map(market::Price::get)),
            or_dash(quote.volume.map(market::Quantity::get)),
        ),
        Observation::Bar(bar) => format!(
            "{at} {known} {} {} {} {} {} {} vol {} {}",
            bar.interval,
            bar.symbol,
            bar.open,
            bar.high,
            bar.low,
            bar.close,
            or_dash(bar.volume.map(market::Quantity::get)),
            if bar.is_final { "final" } else { "open" },
        ),
        other => panic!("no price: {other:?}"),
    }
}

/// Drives decoders made by `make` with damaged copies of `payloads` and with bytes: none panics, and
/// only data leaves events behind, each of them sound.
pub(super) fn survives_anything(make: impl Fn() -> Box<dyn Decoder>, payloads: &[Payload]) {
    let originals = proptest::sample::select(payloads.to_vec());
    let damaged = (
        originals.clone(),
        proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..4),
    )
        .prop_map(|(payload, blows)| {
            let mut bytes = payload.as_bytes().to_vec();
            for (at, byte, how) in blows {
                let at = at.index(bytes.len() + 1);
                match how {
                    0 if at < bytes.len() => bytes[at] = byte,
                    1 => bytes.truncate(at),
                    _ => bytes.insert(at, byte),
                }
            }
            with_bytes(&payload, bytes)
        });
    let odd_values = proptest::sample::select(vec![
        "\"NaN\"",
        "\"-1\"",
        "-1",
        "0",
        "\"0\"",
        "1e308",
        "\"1e308\"",
        "1e-308",
        "\"Infinity\"",
        "null",
        "true",
        "[]",
        "{}",
        "\"\"",
        "[null]",
        "99999999999999999999",
        "-9223372036854775808",
        "9223372036854775807",
        "\"\\u0000\"",
        "\"\\u202e\"",
        "\"N/A\"",
        "\"$0\"",
        "\"99/99/9999\"",
        "\"12/31/1969\"",
    ]);
    let revalued =
        (originals, any::<prop::sample::Index>(), odd_values).prop_map(|(payload, which, value)| {
            let Ok(text) = std::str::from_utf8(payload.as_bytes()) else { return payload };
            // Values follow a colon, or stand in a list.
            let starts: Vec<usize> = text.match_indices([':', '[', ',']).map(|(at, _)| at + 1).collect();
            if starts.is_empty() {
                return payload;
            }
            let start = starts[which.index(starts.len())];
            let end = text[start..].find([',', '}', ']']).map_or(text.len(), |len| start + len);
            let bytes = format!("{}{value}{}", &text[..start], &text[end..]).into_bytes();
            with_bytes(&payload, bytes)
        });
    let noise =
        proptest::collection::vec(any::<u8>(), 0..200).prop_map(|bytes| Payload::Text(Bytes::from(bytes)));
    let binary =
        proptest::collection::vec(any::<u8>(), 0..50).prop_map(|bytes| Payload::Binary(Bytes::from(bytes)));
    let sequence =
        proptest::collection::vec(prop_oneof![2 => damaged, 4 => revalued, 1 => noise, 1 => binary], 1..6);
    let config = Config { cases: 1_500, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let outcome = runner.run(&sequence, |payloads| {
        let mut decoder = make();
        for payload in payloads {
            let mut out = Vec::new();
            let kind = decoder.decode(&payload, &mut out);
            prop_assert!(
                out.is_empty() || matches!(kind, Ok(FrameKind::Data(_) | FrameKind::DataWithout { .. })),
                "{:?}",
                kind
            );
            out.iter().try_for_each(sound)?;
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

/// Text that no source sends is refused.
pub(super) fn refuses_garbage(decoder: &mut dyn Decoder, wrap: impl Fn(&str) -> Payload) {
    let deep = "[".repeat(100_000);
    for text in
        ["", " ", "{", "[]", "{}", "null", "0", "\"pong\"", "<html></html>", "[[]]", "[1]", "[{}]", &deep]
    {
        let (kind, events) = decode(decoder, &wrap(text));
        assert!(kind.is_err(), "{}: {kind:?}", &text[..text.len().min(40)]);
        assert_eq!(events, []);
    }
}

fn with_bytes(payload: &Payload, bytes: Vec<u8>) -> Payload {
    match payload {
        Payload::Text(_) => Payload::Text(Bytes::from(bytes)),
        Payload::Binary(_) => Payload::Binary(Bytes::from(bytes)),
        Payload::Answer { request, .. } => {
            Payload::Answer { request: request.clone(), body: Bytes::from(bytes) }
        }
    }
}

fn sound(stamped: &Stamped) -> Result<(), TestCaseError> {
    match &stamped.observation {
        Observation::Quote(quote) => {
            prop_assert!(quote.price.get() > 0.0 && quote.price.get().is_finite());
            prop_assert!(super::tickers::is_ticker(&quote.symbol));
        }
        Observation::Bar(bar) => {
            prop_assert!(bar.is_coherent(), "{:?}", bar);
            prop_assert!(super::tickers::is_ticker(&bar.symbol));
        }
        other => return Err(TestCaseError::fail(format!("no price: {other:?}"))),
    }
    Ok(())
}
