//! What the decoders' tests share: driving a decoder, hostile input, and real recordings.

use std::path::Path;

use bytes::Bytes;
use market::{Liquidation, Observation, Payload, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::protocol::{DecodeError, Decoder, FrameKind, Stamped, StreamProtocol};

pub(super) fn decode(
    protocol: &mut dyn Decoder,
    frame: &str,
) -> (Result<FrameKind, DecodeError>, Vec<Stamped>) {
    let mut out = Vec::new();
    let kind = protocol.decode(&Payload::Text(Bytes::copy_from_slice(frame.as_bytes())), &mut out);
    (kind, out)
}

/// What a frame is, where it is understood and holds no event.
pub(super) fn kind(protocol: &mut dyn Decoder, frame: &str) -> FrameKind {
    let (kind, events) = decode(protocol, frame);
    assert_eq!(events, [], "{frame}");
    kind.unwrap_or_else(|error| panic!("{frame}: {error}"))
}

/// The liquidations in a frame that must be data.
pub(super) fn liquidations(protocol: &mut dyn StreamProtocol, frame: &str) -> Vec<(Timestamp, Liquidation)> {
    let (kind, events) = decode(protocol, frame);
    assert_eq!(kind, Ok(FrameKind::Data("liquidation")), "{frame}");
    events
        .into_iter()
        .map(|stamped| {
            let seen = stamped.observation.liquidation();
            (stamped.event_time, seen.unwrap_or_else(|| panic!("no liquidation: {stamped:?}")).clone())
        })
        .collect()
}

/// The one liquidation in a frame, as `symbol instrument position price quantity notional`.
pub(super) fn told(protocol: &mut dyn StreamProtocol, frame: &str) -> String {
    let found = liquidations(protocol, frame);
    assert_eq!(found.len(), 1, "{frame}");
    let Liquidation { symbol, instrument, position, price, quantity, notional, .. } = &found[0].1;
    let quantity =
        quantity.map_or("-".to_owned(), |quantity| ((quantity.get() * 1e9).round() / 1e9).to_string());
    let notional = notional.map_or("-".to_owned(), |notional| format!("{:.2}", notional.get()));
    format!("{symbol} {instrument} {position} {price} {quantity} {notional}")
}

/// What a frame of this label tells of the state of a contract or a coin: each observation as one line,
/// `quote <symbol> <kind> <price> <bid> <ask> <previous close> <volume>`,
/// `funding <symbol> <instrument> <rate> <hours> <next, s>` or
/// `open <symbol> <instrument> <quantity> <notional>`; `-` for what is not known.
pub(super) fn state(protocol: &mut dyn Decoder, label: &'static str, frame: &str) -> Vec<String> {
    let (kind, events) = decode(protocol, frame);
    assert_eq!(kind, Ok(FrameKind::Data(label)), "{frame}");
    events.iter().map(|stamped| describe(&stamped.observation)).collect()
}

/// An observation of a state, in one line.
pub(super) fn describe(observation: &Observation) -> String {
    fn or_dash(value: Option<impl Into<f64>>) -> String {
        value.map_or("-".to_owned(), |value| ((value.into() * 1e8).round() / 1e8).to_string())
    }
    match observation {
        Observation::Quote(quote) => format!(
            "quote {} {} {} {} {} {} {}",
            quote.symbol,
            quote.kind,
            quote.price,
            or_dash(quote.bid),
            or_dash(quote.ask),
            or_dash(quote.previous_close),
            or_dash(quote.volume)
        ),
        Observation::FundingRate(funding) => format!(
            "funding {} {} {} {} {}",
            funding.symbol,
            funding.instrument,
            funding.rate,
            or_dash(funding.interval_hours),
            funding.next_funding.map_or("-".to_owned(), |at| (at.as_micros() / 1_000_000).to_string())
        ),
        Observation::OpenInterest(open) => format!(
            "open {} {} {} {}",
            open.symbol,
            open.instrument,
            or_dash(open.quantity),
            open.notional.map_or("-".to_owned(), |notional| format!("{:.2}", notional.get()))
        ),
        other => format!("{other:?}"),
    }
}

/// That two amounts are the same but for rounding.
pub(super) fn is_close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

/// Drives decoders made by `make` with bytes, JSON and damaged copies of `frames`: none panics, and
/// a frame that is refused leaves no event behind, whatever the decoder saw before.
pub(super) fn survives_anything(make: impl Fn() -> Box<dyn StreamProtocol>, frames: &[&str]) {
    let frames: Vec<String> = frames.iter().map(|frame| (*frame).to_owned()).collect();
    let damaged = proptest::sample::select(frames.clone())
        .prop_flat_map(|frame| {
            let len = frame.len();
            (Just(frame), proptest::collection::vec((0..len, any::<u8>(), 0..3_u8), 1..4))
        })
        .prop_map(|(frame, blows)| {
            let mut bytes = frame.into_bytes();
            for (at, byte, how) in blows {
                let at = at % bytes.len().max(1);
                match how {
                    0 if at < bytes.len() => bytes[at] = byte,
                    1 => bytes.truncate(at),
                    _ => bytes.insert(at.min(bytes.len()), byte),
                }
            }
            bytes
        });
    // Digits change hands more often than syntax does: values at the edges of what can be.
    let odd_values = proptest::sample::select(vec![
        "\"NaN\"",
        "\"-1\"",
        "-1",
        "0",
        "\"0\"",
        "1e308",
        "\"1e308\"",
        "1e-308",
        "\"inf\"",
        "null",
        "true",
        "[]",
        "{}",
        "\"\"",
        "99999999999999999999",
        "\"9223372036854775807\"",
        "\"\\u0000\"",
        "\"\\ud83d\\ude00\"",
    ]);
    let revalued = (proptest::sample::select(frames), any::<prop::sample::Index>(), odd_values).prop_map(
        |(frame, which, value)| {
            let colons: Vec<usize> = frame.match_indices(':').map(|(at, _)| at + 1).collect();
            let Some(start) = colons.get(which.index(colons.len().max(1))).copied() else {
                return frame.as_bytes().to_vec();
            };
            let end = frame[start..].find([',', '}', ']']).map_or(frame.len(), |len| start + len);
            format!("{}{value}{}", &frame[..start], &frame[end..]).into_bytes()
        },
    );
    let hostile = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        any_json().prop_map(|json| json.to_string().into_bytes()),
        damaged,
        revalued,
    ];
    let config = Config { cases: 1_500, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let sequence = proptest::collection::vec(hostile, 1..6);
    let outcome = runner.run(&sequence, |payloads| {
        let mut protocol = make();
        let mut out = Vec::new();
        for payload in payloads {
            let before = out.clone();
            let result = protocol.decode(&Payload::Text(Bytes::from(payload)), &mut out);
            if matches!(result, Ok(FrameKind::Data(_))) {
                prop_assert!(out.starts_with(&before));
            } else {
                prop_assert_eq!(&out, &before);
            }
            for stamped in &out {
                sound(stamped)?;
            }
        }
        let _ =
            (protocol.next_request(), protocol.subscribe(), protocol.outgoing(), protocol.is_subscribed());
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

fn sound(stamped: &Stamped) -> Result<(), TestCaseError> {
    let liquidation = match &stamped.observation {
        Observation::Liquidation(liquidation) => liquidation,
        Observation::Quote(quote) => {
            prop_assert!(!quote.symbol.is_empty() && !quote.symbol.contains(char::is_control));
            return Ok(());
        }
        Observation::FundingRate(funding) => {
            prop_assert!(funding.rate.is_finite());
            prop_assert!(funding.interval_hours.is_none_or(|hours| hours.is_finite() && hours > 0.0));
            return Ok(());
        }
        Observation::OpenInterest(_) => return Ok(()),
        other => return Err(TestCaseError::fail(format!("a decoder saw {other:?}"))),
    };
    prop_assert!(liquidation.price.get() > 0.0);
    prop_assert!(liquidation.quantity.is_none_or(|quantity| quantity.get() >= 0.0));
    prop_assert!(liquidation.notional.is_none_or(|notional| notional.get() >= 0.0));
    prop_assert_eq!(liquidation.instrument.to_string().parse(), Ok(liquidation.instrument.clone()));
    Ok(())
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let key = proptest::sample::select(vec![
        "stream", "data", "e", "o", "s", "S", "T", "z", "ap", "p", "v", "topic", "op", "success", "ret_msg",
        "arg", "channel", "instType", "instId", "details", "event", "code", "msg", "result", "id", "list",
        "retCode", "table",
    ]);
    let word = proptest::sample::select(vec![
        "forceOrder",
        "allLiquidation.BTCUSDT",
        "liquidation-orders",
        "SWAP",
        "BTCUSDT",
        "BTC-USDT-SWAP",
        "subscribe",
        "SELL",
        "Buy",
        "long",
        "1791565602120",
        "0.5",
        "0",
        "linear",
    ]);
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        word.prop_map(serde_json::Value::from),
        ".{0,8}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            proptest::collection::btree_map(key.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Frames that no venue sends, and what must become of each: refused, and nothing appended.
pub(super) fn refuses_garbage(protocol: &mut dyn Decoder, valid: &str) {
    let mut garbage: Vec<Vec<u8>> =
        ["", " ", "{", "[]", "{}", "null", "0", "\"pong\"", "<html></html>", "[[]]", "[1]"]
            .iter()
            .map(|text| text.as_bytes().to_vec())
            .collect();
    garbage.push(format!("{valid} x").into_bytes());
    garbage.push(format!("{valid}{valid}").into_bytes());
    garbage.push(valid.as_bytes()[..valid.len() - 1].to_vec());
    garbage.push("[".repeat(100_000).into_bytes());
    garbage.push(format!("{{\"data\":{}", "[".repeat(100_000)).into_bytes());
    garbage.push(format!("{{\"e\":{}", "{\"o\":".repeat(100_000)).into_bytes());
    garbage.push(
        [&valid.as_bytes()[..valid.len() / 2], b"\xff\xfe", &valid.as_bytes()[valid.len() / 2..]].concat(),
    );
    for frame in garbage {
        let shown = String::from_utf8_lossy(&frame[..frame.len().min(80)]).into_owned();
        let mut out = Vec::new();
        let result = protocol.decode(&Payload::Text(Bytes::from(frame)), &mut out);
        assert!(result.is_err(), "{shown}: {result:?}");
        assert_eq!(out, [], "{shown}");
    }
}

/// A real recording, unpacked; `None`, and a line that says so, where the recordings are absent.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
pub(super) fn recording(name: &str) -> Option<String> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/recordings")).join(name);
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("skipped: {} is absent", path.display());
        return None;
    };
    let is_packed = path.extension().is_some_and(|extension| extension == "zst");
    let bytes = if is_packed { zstd::decode_all(bytes.as_slice()).expect("zstd") } else { bytes };
    Some(String::from_utf8(bytes).expect("UTF-8"))
}

/// The messages and REST answers that a cryptofeed capture received.
pub(super) fn received(capture: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Line {
        t: String,
        data: Option<String>,
    }
    let lines = capture.lines().map(|line| serde_json::from_str::<Line>(line).expect("a capture line"));
    lines.filter(|line| line.t == "recv" || line.t == "http").filter_map(|line| line.data).collect()
}

/// The messages and REST answers of a capture that came from addresses which contain `part`.
pub(super) fn received_from(capture: &str, part: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Line {
        t: String,
        #[serde(default)]
        conn: String,
        #[serde(default)]
        addr: String,
        #[serde(default)]
        url: String,
        data: Option<String>,
    }
    let mut ours = Vec::new();
    let mut found = Vec::new();
    for line in capture.lines().map(|line| serde_json::from_str::<Line>(line).expect("a capture line")) {
        match line.t.as_str() {
            "connect" if line.addr.contains(part) => ours.push(line.conn),
            "http" if line.url.contains(part) => found.extend(line.data),
            "recv" if ours.contains(&line.conn) => found.extend(line.data),
            _ => {}
        }
    }
    found
}

/// Real frames of the tests named `test`, byte for byte, with the sides that they must decode to.
pub(super) fn expected_sides(test: &str) -> Option<Vec<(String, Vec<String>)>> {
    let frames = expected_frames()?.into_iter().filter(|(name, ..)| name.contains(test));
    let frames: Vec<_> = frames.map(|(_, frame, sides)| (frame, sides)).collect();
    assert!(!frames.is_empty(), "no frame of {test}");
    Some(frames)
}

/// Every real frame that has such sides: the name of its test, itself, the sides.
pub(super) fn expected_frames() -> Option<Vec<(String, String, Vec<String>)>> {
    #[derive(Deserialize)]
    struct Line<'a> {
        test: String,
        #[serde(borrow)]
        raw: &'a RawValue,
        expect_liquidated: serde_json::Value,
    }
    let lines = recording("liquidation_frames_expected.jsonl")?;
    let lines = lines.lines().map(|line| serde_json::from_str::<Line<'_>>(line).expect("a line"));
    let frames = lines.map(|line| {
        let mut sides = Vec::new();
        collect_words(&line.expect_liquidated, &mut sides);
        (line.test, line.raw.get().to_owned(), sides)
    });
    Some(frames.collect())
}

/// Sides are written as a list, one list per message in it, or `null` where nobody was liquidated.
fn collect_words(written: &serde_json::Value, words: &mut Vec<String>) {
    match written {
        serde_json::Value::String(word) => words.push(word.clone()),
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect_words(item, words)),
        serde_json::Value::Null => {}
        other => panic!("no side: {other}"),
    }
}

/// Real frames of contracts' states from the tests named `test`, byte for byte; none where they are absent.
pub(super) fn context_frames(test: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Line<'a> {
        test: &'a str,
        #[serde(borrow)]
        raw: &'a RawValue,
    }
    let Some(lines) = recording("context_frames.jsonl") else { return Vec::new() };
    let lines = lines.lines().map(|line| serde_json::from_str::<Line<'_>>(line).expect("a line"));
    let frames: Vec<String> =
        lines.filter(|line| line.test.contains(test)).map(|line| line.raw.get().to_owned()).collect();
    assert!(!frames.is_empty(), "no frame of {test}");
    frames
}
