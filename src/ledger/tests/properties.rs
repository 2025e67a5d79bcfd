//! Any forecast reads back as it was written; nothing that is no record is taken for one.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

fn any_moment() -> impl Strategy<Value = Timestamp> {
    (0..253_000_000_000_000_000_i64).prop_map(|micros| Timestamp::from_micros(micros).unwrap())
}

fn any_answer() -> impl Strategy<Value = Answer> {
    let share = || (0.0..=1.0_f64).prop_map(Exact::from);
    let baselines = (option::of(share()), option::of(share()), option::of(share()));
    let said = (share(), 0.0..=1.0_f64, 0.0..=1.0_f64, vec(any::<u8>(), 0..4));
    let outcome = prop_oneof![said.prop_map(Ok), "[^\\x00]{1,40}".prop_map(Err)];
    (option::of(any::<u8>()), baselines, outcome).prop_map(
        |(regime, (base, markov, margin_only), outcome)| {
            let silent = Answer { regime, base, markov, margin_only, ..Answer::default() };
            match outcome {
                Ok((probability, a, b, regimes)) => Answer {
                    probability: Some(probability),
                    low: Some(a.min(b).into()),
                    high: Some(a.max(b).into()),
                    regimes,
                    ..silent
                },
                Err(reason) => Answer { abstained: Some(reason), ..silent },
            }
        },
    )
}

prop_compose! {
    fn any_body()(
        decided_at in any_moment(),
        back in 0..1_000_000_u64,
        ahead in 1..1_000_000_u64,
        names in proptest::collection::btree_set("[a-z][a-zé_0-9.\"\\\\]{0,12}", 0..12),
        bits in vec(any::<u64>(), 12),
        words in vec("[a-zA-Z0-9 é\"\\\\-]{1,16}", 4),
        answer in any_answer(),
    ) -> Body {
        let span = std::time::Duration::from_secs;
        Body {
            decided_at,
            known_at: decided_at.minus(span(back)),
            until: decided_at.plus(span(ahead)),
            target: words[0].clone(),
            asset: words[1].clone(),
            horizon: words[2].clone(),
            inputs: names.into_iter().zip(bits.into_iter().map(|bits| Exact::from(f64::from_bits(bits)))).collect(),
            config: Digest::of(b"c"),
            model: ModelRef { id: words[3].clone(), hash: Digest::of(words[3].as_bytes()) },
            code: Digest::of(b"x"),
            answer,
        }
    }
}

proptest! {
    /// To the bit, odd NaNs and names with quotes included; and one record has one spelling.
    #[test]
    fn any_record_reads_back_and_is_spelled_one_way(body in any_body(), sequence in any::<u64>()) {
        prop_assert_eq!(body.check(), Ok(()));
        let entry = Entry::seal(sequence, body, Digest::of(b"previous"));
        let line = entry.line();
        prop_assert!(!line.contains('\n'));
        let read = Entry::parse(line.as_bytes()).unwrap();
        prop_assert_eq!(&read, &entry);
        prop_assert_eq!(read.line(), line.clone());
        // The same fields in other bytes, with the right hash for them, are somebody else's.
        let spaced = line.replacen("\"schema\":1", "\"schema\": 1", 1);
        let before = &spaced[..spaced.len() - 75];
        let resealed = format!("{before},\"hash\":\"{}\"}}", Digest::of(before.as_bytes()));
        let refused = Entry::parse(resealed.as_bytes()).unwrap_err();
        prop_assert!(matches!(refused, Fault::Respelled { at: 10 }), "{}", refused);
    }

    #[test]
    fn no_bytes_bring_the_readers_down(bytes in vec(any::<u8>(), 0..400)) {
        prop_assert!(Entry::parse(&bytes).is_err());
        prop_assert!(Head::parse(&bytes).is_err());
        prop_assert!(Anchor::parse(&bytes).is_err());
        let text = String::from_utf8_lossy(&bytes);
        prop_assert!(Checkpoint::parse(&text, &Key::of_seed(1).public()).is_err());
        let _ = text.parse::<PublicKey>();
        let _ = Expected::head(&text);
        let dir = tempfile::tempdir().unwrap();
        for name in ["forecasts.jsonl", "heads.jsonl", "checkpoint"] {
            std::fs::write(path(dir.path(), name), &bytes).unwrap();
        }
        let _ = verify(dir.path());
    }
}
