//! A forecast made again from its record is the same to the bit, or it is told what differs.

use super::*;

/// Says again what it was built to say of the record's inputs.
struct Same;

impl Forecaster for Same {
    fn answer(&self, entry: &Entry) -> Result<Answer, String> {
        let (_, level) = entry.body.inputs.first().ok_or("no inputs")?;
        // The number of the record, from its first input: see `forecast`.
        let n = ((level.value() + 3.25) * 7.0).round() as u64;
        Ok(forecast(n).answer)
    }
}

/// Wrong by one unit in the last place, now and then.
struct Slipping(std::sync::atomic::AtomicU64);

impl Forecaster for Slipping {
    fn answer(&self, entry: &Entry) -> Result<Answer, String> {
        let mut answer = Same.answer(entry)?;
        if self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 77 {
            answer.high = answer.high.map(|high| high.value().next_up().into());
        }
        Ok(answer)
    }
}

#[test]
fn ten_thousand_replays_on_one_two_and_four_threads_have_one_hash() {
    let dir = written(9);
    let entry = Reader::open(dir.path()).unwrap().entry(6).unwrap();
    assert!(replay(&entry, &Same).unwrap().is_exact());
    let mut hashes = std::collections::BTreeSet::new();
    for threads in [1, 2, 4] {
        let replayed = replay_many(&entry, &Same, 10_000, threads).unwrap();
        assert!(replayed.is_exact());
        assert_eq!((replayed.times, replayed.answers.values().sum::<u64>()), (10_000, 10_000));
        hashes.extend(replayed.answers.into_keys());
    }
    assert_eq!(hashes.into_iter().collect::<Vec<_>>(), [entry.body.answer.digest()]);
    // Never fewer than one, never more threads than work.
    assert_eq!(replay_many(&entry, &Same, 0, 0).unwrap().times, 1);
    assert_eq!(replay_many(&entry, &Same, 7, 100).unwrap().times, 7);
}

#[test]
fn one_bit_in_one_replay_of_a_thousand_is_told_with_its_field() {
    let dir = written(9);
    let entry = Reader::open(dir.path()).unwrap().entry(6).unwrap();
    let replayed = replay_many(&entry, &Slipping(0.into()), 1_000, 4).unwrap();
    assert!(!replayed.is_exact());
    assert_eq!(
        replayed.answers.values().copied().collect::<std::collections::BTreeSet<_>>(),
        [1, 999].into()
    );
    let [difference] = &replayed.differences[..] else { panic!("{:?}", replayed.differences) };
    assert_eq!(difference.field, "high");
    assert!(
        difference.to_string().contains("3fc0000000000000")
            && difference.to_string().contains("3fc0000000000001"),
        "{difference}"
    );
}

#[test]
fn an_abstention_that_becomes_a_forecast_is_a_difference_in_every_field() {
    struct Bold;
    impl Forecaster for Bold {
        fn answer(&self, _: &Entry) -> Result<Answer, String> {
            Ok(forecast(1).answer)
        }
    }
    let silent = Entry::seal(0, forecast(4), Digest::ZERO);
    let fields: Vec<&str> =
        replay(&silent, &Bold).unwrap().differences.iter().map(|difference| difference.field).collect();
    assert_eq!(fields, ["probability", "low", "high", "regimes", "abstained"]);
}

#[test]
fn a_forecaster_that_cannot_or_panics_is_an_error() {
    struct Missing;
    impl Forecaster for Missing {
        fn answer(&self, entry: &Entry) -> Result<Answer, String> {
            Err(format!("there is no artefact {}", entry.body.model.id))
        }
    }
    struct Panics;
    impl Forecaster for Panics {
        fn answer(&self, _: &Entry) -> Result<Answer, String> {
            panic!("as it should")
        }
    }
    let entry = Entry::seal(5, forecast(5), Digest::ZERO);
    let said = replay(&entry, &Missing).unwrap_err().to_string();
    assert!(said.contains("record 5") && said.contains("vol-24h-btc-1"), "{said}");
    assert!(replay_many(&entry, &Panics, 4, 2).unwrap_err().to_string().contains("panicked"));
}
