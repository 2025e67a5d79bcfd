//! Every word that was ever told, in the order in which it could be known.

use proptest::prelude::*;

use super::words::*;
use super::*;
use crate::{StoreError, Table};

fn words(reader: &Reader, table: Table) -> Vec<MarketEvent> {
    reader.words(table, &Query::default()).unwrap()
}

#[test]
fn three_words_on_one_flow_are_three_events_in_order() {
    let told = [
        flow("IBIT", "2025-11-17", Some(90.0), "2025-11-18T05:00:00Z"),
        flow("IBIT", "2025-11-17", None, "2025-11-17T22:00:00Z"),
        flow("IBIT", "2025-11-17", Some(100.0), "2025-11-18T01:00:00Z"),
    ];
    let [last, first, second] = told.clone();
    let again = [
        MarketEvent { receive_time: when("2026-02-01"), ..second.clone() },
        flow("IBIT", "2025-11-17", Some(100.0), "2025-11-18T02:00:00Z"),
    ];
    in_all_states(&[&told[..], &again[..]].concat(), |reader, state| {
        let found = words(reader, Table::EtfFlows);
        assert_eq!(found, [first.clone(), second.clone(), last.clone()], "{state}");
        let query = Query { as_of: Some(when("2025-11-18T04:00:00Z")), ..Query::default() };
        assert_eq!(reader.words(Table::EtfFlows, &query).unwrap(), found[..2], "{state}");
        let query = Query { to: Some(when("2025-11-17")), ..Query::default() };
        assert_eq!(reader.words(Table::EtfFlows, &query).unwrap(), [], "{state}: another day");
        let query = Query { instruments: vec!["FBTC".to_owned()], ..Query::default() };
        assert_eq!(reader.words(Table::EtfFlows, &query).unwrap(), [], "{state}: another fund");
        assert!(matches!(
            reader.words(Table::Alerts, &Query::default()),
            Err(StoreError::NoEvents { table: "alerts" })
        ));
    });
}

#[test]
fn a_repetition_is_no_word_and_a_return_to_an_earlier_one_is() {
    let told = [
        bar("KEEL", "2026-01-05", 12.0, "2026-01-06T00:00:00Z"),
        bar("KEEL", "2026-01-05", 12.0, "2026-01-07T00:00:00Z"),
        imported(bar("KEEL", "2026-01-05", 12.0, "2026-01-06T00:00:00Z")),
        bar("ACME", "2026-01-05", 15.0, "2026-01-06T12:00:00Z"),
        bar("KEEL", "2026-01-05", 13.0, "2026-01-08T00:00:00Z"),
        bar("KEEL", "2026-01-05", 12.0, "2026-01-09T00:00:00Z"),
    ];
    in_all_states(&told, |reader, state| {
        let found: Vec<(f64, String)> = words(reader, Table::Bars)
            .iter()
            .map(|event| (event.observation.bar().unwrap().close.get(), event.known_at.to_string()))
            .collect();
        let expected = [
            (12.0, when("2026-01-06")),
            (15.0, when("2026-01-06T12:00:00Z")),
            (13.0, when("2026-01-08")),
            (12.0, when("2026-01-09")),
        ];
        assert_eq!(found, expected.map(|(close, known)| (close, known.to_string())), "{state}");
    });
}

#[test]
fn what_occurred_is_counted_from_when_it_was_first_known() {
    let live = quote("TAO-USDT", 400.0, "2026-01-06T10:00:00Z");
    let earlier = MarketEvent { known_at: when("2026-01-06T09:59:59Z"), ..imported(live.clone()) };
    let alone = imported(quote("TAO-USDT", 401.0, "2026-01-06T10:00:01Z"));
    let later = imported(quote("TAO-USDT", 402.0, "2026-01-06T10:00:02Z"));
    let seen = quote("TAO-USDT", 402.0, "2026-01-06T10:00:02Z");
    let late = MarketEvent { known_at: seen.known_at.plus(Duration::from_secs(1)), ..later };
    let told =
        [live.clone(), live.clone(), earlier.clone(), alone.clone(), alone.clone(), seen.clone(), late];
    in_all_states(&told, |reader, state| {
        // Two were seen, and one of them could be known before; one was learnt twice; one was seen first.
        let expected = [earlier.clone(), live.clone(), alone.clone(), seen.clone()];
        assert_eq!(words(reader, Table::Quotes), expected, "{state}");
    });
}

#[test]
fn a_gap_is_told_when_it_opens_and_when_it_closes() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let told = [gap(5, None, GapCause::Silent), gap(5, Some(8), GapCause::Silent)];
    for event in &told {
        store.append(Record::Gap(event)).unwrap();
    }
    store.close().unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!(words(&reader, Table::Gaps), told);
    // While it was open it reached into what is asked for; that it opened is not told without that it closed.
    let query = Query { from: Some(at(9)), ..Query::default() };
    assert_eq!(reader.words(Table::Gaps, &query).unwrap(), told);
    let open = Query { as_of: Some(at(7)), ..Query::default() };
    assert_eq!(reader.words(Table::Gaps, &open).unwrap(), told[..1]);
}

/// Few values and few moments, so that words meet.
fn word() -> impl Strategy<Value = MarketEvent> {
    let second = |offset: u32| at(i64::from(offset)).to_string();
    (0_u32..3, 0_u32..4, 0_u32..6, any::<bool>(), 0_u32..3).prop_map(
        move |(kind, value, known, is_imported, subject)| {
            let known_at = second(60 + known);
            let value = f64::from(value);
            let told = match kind {
                0 => bar(["KEEL", "ACME", "XYZ"][subject as usize], "2026-01-05", 10.0 + value, &known_at),
                1 => quote("TAO-USDT", 400.0 + value, &second(subject)),
                _ => forecast(&second(subject), (value > 0.0).then_some(value / 8.0), &known_at),
            };
            let told = MarketEvent { known_at: when(&known_at), receive_time: when(&known_at), ..told };
            if is_imported { imported(told) } else { told }
        },
    )
}

/// What stands of the words known by `moment`, in no order.
fn folded(table: Table, words: &[MarketEvent], moment: Timestamp) -> Vec<String> {
    let mut last = std::collections::BTreeMap::new();
    for (number, event) in words.iter().filter(|event| event.known_at <= moment).enumerate() {
        let subject = match &event.observation {
            Observation::Bar(bar) => bar.symbol.to_string(),
            _ if table == Table::Quotes => number.to_string(),
            _ => event.event_time.to_string(),
        };
        last.insert(subject, format!("{} {:?}", event.event_time, event.observation));
    }
    let mut stands: Vec<String> = last.into_values().collect();
    stands.sort();
    stands
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// At every moment the words known by then say what a reader as of that moment is told.
    #[test]
    fn words_and_readings_agree_at_every_moment(
        told in prop::collection::vec(word(), 0..24), sealed_after in 0_usize..24,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, _) = open(dir.path());
        for (number, event) in told.iter().enumerate() {
            append_batch(&mut store, "a story", std::slice::from_ref(event));
            if number == sealed_after {
                store.seal().unwrap();
            }
        }
        store.flush().unwrap();
        let reader = Reader::open(dir.path()).unwrap();
        for table in [Table::Bars, Table::Quotes, Table::Forecasts] {
            let words = words(&reader, table);
            prop_assert!(words.is_sorted_by_key(|event| event.known_at));
            for second in 59..67 {
                let query = Query { as_of: Some(at(second)), ..Query::default() };
                let mut stands: Vec<String> = (reader.events(table, &query).unwrap().iter())
                    .map(|event| format!("{} {:?}", event.event_time, event.observation))
                    .collect();
                stands.sort();
                prop_assert_eq!(folded(table, &words, at(second)), stands, "{} at {}", table, second);
                prop_assert_eq!(
                    reader.words(table, &query).unwrap(),
                    words.iter().filter(|event| event.known_at <= at(second)).cloned().collect::<Vec<_>>()
                );
            }
        }
        store.close().unwrap();
    }
}

/// How long the words of 300,000 liquidations take; run by hand, in release:
/// `cargo test --release -p store -- --ignored --nocapture words_of_many`.
#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stderr, reason = "a measurement is for its reader")]
fn words_of_many_liquidations_are_measured() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let events: Vec<MarketEvent> = (0..300_000_u64)
        .map(|number| {
            let mut event = liquidation(number);
            // Some 9,000 a day, over 33 days; half of them of venues that give no id.
            for time in [&mut event.event_time, &mut event.receive_time, &mut event.known_at] {
                *time = time.plus(Duration::from_millis(8_700 * number));
            }
            if let Observation::Liquidation(liquidation) = &mut event.observation {
                liquidation.symbol = format!("C{}USDT", number % 50).into();
                liquidation.venue_id = number.is_multiple_of(2).then(|| number.to_string().into());
            }
            event
        })
        .collect();
    for chunk in events.chunks(10_000) {
        append_batch(&mut store, "liquidations.csv", chunk);
    }
    let reader = Reader::open(dir.path()).unwrap();
    for state in ["unsealed", "sealed"] {
        store.flush().unwrap();
        for read in [Reader::words, Reader::events] {
            let began = std::time::Instant::now();
            let found = read(&reader, Table::Liquidations, &Query::default()).unwrap();
            eprintln!("{state}: {} in {:?}", found.len(), began.elapsed());
            assert_eq!(found.len(), events.len());
        }
        store.seal().unwrap();
    }
    store.close().unwrap();
}
