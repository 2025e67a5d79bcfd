//! The mixture's promises, and Bayes' rule by hand.

use proptest::prelude::*;

use super::*;
use crate::chance::Chance;

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * (1.0 + b.abs())
}

/// Rows of experts' forecasts and what happened.
fn histories() -> impl Strategy<Value = (usize, Vec<(Vec<f64>, bool)>)> {
    (1usize..6).prop_flat_map(|experts| {
        let row = (prop::collection::vec(0.0..=1.0, experts), any::<bool>());
        (Just(experts), prop::collection::vec(row, 1..80))
    })
}

/// The mixture's loss, each outcome known before the next forecast, and each expert's.
fn losses(mut mixture: Mixture, rows: &[(Vec<f64>, bool)]) -> (f64, Vec<f64>) {
    let (mut own, mut experts) = (0.0, vec![0.0; mixture.log_weights.len()]);
    for (probabilities, happened) in rows {
        own += scalar::log_loss(mixture.predict(probabilities).unwrap(), *happened);
        for (sum, &p) in experts.iter_mut().zip(probabilities) {
            *sum += scalar::log_loss(p, *happened);
        }
        mixture.update(probabilities, *happened).unwrap();
        let total: f64 = mixture.weights().iter().sum();
        assert!((total - 1.0).abs() < 1e-12, "{total}");
        assert_eq!(mixture.check(), Ok(()));
    }
    (own, experts)
}

#[test]
fn one_outcome_by_hand() {
    let mut mixture = Mixture::new(2, 0.1).unwrap();
    assert!(near(mixture.predict(&[0.2, 0.6]).unwrap(), 0.4));
    mixture.update(&[0.2, 0.6], true).unwrap();
    // Bayes: 1/4 and 3/4; then each gives up a tenth, of which both get half.
    let weights = mixture.weights();
    assert!(near(weights[0], 0.275) && near(weights[1], 0.725), "{weights:?}");
    assert!(near(mixture.predict(&[0.0, 1.0]).unwrap(), 0.275 * 1e-4 + 0.725 * (1.0 - 1e-4)));
    assert_eq!(mixture.resolved, 1);
}

#[test]
fn where_outcomes_say_nothing_the_first_weights_stay() {
    let first = [0.5, 0.4, 0.1];
    let mut mixture = Mixture::new(3, 0.01).unwrap().with_first(&first).unwrap();
    for row in 0..1_000 {
        mixture.update(&[0.3; 3], row % 3 == 0).unwrap();
    }
    assert!(mixture.weights().iter().zip(first).all(|(weight, first)| (weight - first).abs() < 1e-9));
}

#[test]
fn without_a_share_it_is_bayes_rule_whatever_the_order() {
    let rows = [([0.3, 0.9, 0.5], true), ([0.2, 0.1, 0.5], false), ([0.6, 0.2, 0.5], true)];
    let learnt = |order: [usize; 3]| {
        let mut mixture = Mixture::new(3, 0.0).unwrap();
        for row in order {
            mixture.update(&rows[row].0, rows[row].1).unwrap();
        }
        mixture.weights()
    };
    let products = [0.3 * 0.8 * 0.6, 0.9 * 0.9 * 0.2, 0.125];
    let total: f64 = products.iter().sum();
    for order in [[0, 1, 2], [2, 0, 1]] {
        assert!(learnt(order).iter().zip(products).all(|(&weight, product)| near(weight, product / total)));
    }
}

#[test]
fn it_follows_when_the_best_expert_changes_and_a_fixed_mixture_does_not() {
    let after = |share| {
        let mut mixture = Mixture::new(2, share).unwrap();
        for row in 0..600 {
            let p = if row < 400 { [0.9, 0.1] } else { [0.1, 0.9] };
            mixture.update(&p, true).unwrap();
        }
        mixture.weights()[1]
    };
    assert!(after(0.01) > 0.9, "{}", after(0.01));
    assert!(after(0.0) < 1e-100, "{}", after(0.0));
}

#[test]
fn a_slower_rate_learns_in_proportion() {
    let mut slow = Mixture::new(2, 0.0).unwrap().with_rate(0.2).unwrap();
    let mut fast = Mixture::new(2, 0.0).unwrap();
    for _ in 0..5 {
        slow.update(&[0.4, 0.7], true).unwrap();
    }
    fast.update(&[0.4, 0.7], true).unwrap();
    assert!(near(slow.weights()[0], fast.weights()[0]), "five outcomes at a fifth are one");
}

#[test]
fn among_noise_it_is_nearly_as_good_as_the_best() {
    let mut chance = Chance::new(3);
    let rows: Vec<(Vec<f64>, bool)> = (0..2_000)
        .map(|_| {
            let truth = scalar::logistic(-1.0 + chance.normal());
            (vec![0.3, truth, chance.uniform()], chance.uniform() < truth)
        })
        .collect();
    let (own, experts) = losses(Mixture::new(3, 0.005).unwrap(), &rows);
    assert!(own < experts[1] + 20.0 && own < experts[0] && own < experts[2], "{own} {experts:?}");
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    for (experts, share) in [(0, 0.1), (2, 1.0), (2, -0.1), (2, f64::NAN)] {
        assert!(matches!(Mixture::new(experts, share), Err(MixtureError::Option { .. })));
    }
    let mut mixture = Mixture::new(2, 0.1).unwrap();
    for first in [[0.5, 0.6], [1.0, 0.0], [0.5, f64::NAN]] {
        assert!(matches!(mixture.clone().with_first(&first), Err(MixtureError::Option { .. })));
    }
    assert_eq!(mixture.clone().with_first(&[1.0]), Err(MixtureError::Experts { given: 1, experts: 2 }));
    for rate in [0.0, 1.1, f64::NAN] {
        assert!(matches!(mixture.clone().with_rate(rate), Err(MixtureError::Option { .. })));
    }
    let before = mixture.clone();
    assert_eq!(mixture.update(&[0.1], true), Err(MixtureError::Experts { given: 1, experts: 2 }));
    assert!(matches!(
        mixture.update(&[0.1, f64::NAN], true),
        Err(MixtureError::NotProbability { expert: 1, .. })
    ));
    assert_eq!(mixture.predict(&[0.1, 2.0]), Err(MixtureError::NotProbability { expert: 1, value: 2.0 }));
    assert_eq!(mixture, before);
    let text = toml::to_string(&mixture).unwrap();
    assert_eq!(toml::from_str::<Mixture>(&text).unwrap(), mixture);
    let lost = Mixture { first: vec![1.0], ..mixture.clone() };
    assert_eq!(lost.check(), Err(MixtureError::Damaged));
    mixture.log_weights[0] = 0.0;
    assert_eq!(mixture.check(), Err(MixtureError::Damaged));
}

/// First weights in proportion to 1, 2, 3 …
fn rising(experts: usize, share: f64) -> Mixture {
    let total = (experts * (experts + 1)) as f64 / 2.0;
    let first: Vec<f64> = (1..=experts).map(|place| place as f64 / total).collect();
    Mixture::new(experts, share).unwrap().with_first(&first).unwrap()
}

proptest! {
    #[test]
    fn its_loss_is_within_the_bound_of_every_expert((experts, rows) in histories(), share in 0.0..0.5) {
        let mixture = rising(experts, share);
        let first = mixture.first.clone();
        let (own, of_experts) = losses(mixture, &rows);
        for (loss, first) in of_experts.iter().zip(first) {
            let regret = -first.ln() - (rows.len() as f64 - 1.0) * (1.0 - share).ln();
            prop_assert!(own <= loss + regret + 1e-9, "{own} {loss} {regret}");
        }
    }

    #[test]
    fn its_loss_is_within_the_bound_of_every_single_change((experts, rows) in histories(), share in 0.01..0.5) {
        prop_assume!(experts > 1 && rows.len() > 1);
        let mixture = rising(experts, share);
        let first = mixture.first.clone();
        let (own, _) = losses(mixture, &rows);
        let lost = |rows: &[(Vec<f64>, bool)], expert: usize| {
            rows.iter().map(|(p, y)| scalar::log_loss(p[expert], *y)).sum::<f64>()
        };
        for change in 1..rows.len() {
            for (before, after) in (0..experts).flat_map(|i| (0..experts).map(move |j| (i, j))) {
                let loss = lost(&rows[..change], before) + lost(&rows[change..], after);
                let regret = -first[before].ln() - (share * first[after]).ln()
                    - (rows.len() as f64 - 2.0) * (1.0 - share).ln();
                prop_assert!(own <= loss + regret + 1e-9);
            }
        }
    }

    #[test]
    fn it_is_always_between_its_experts((experts, rows) in histories()) {
        let mut mixture = Mixture::new(experts, 0.02).unwrap();
        for (p, happened) in &rows {
            let mixed = mixture.predict(p).unwrap();
            let (low, high) = p.iter().fold((1.0f64, 0.0f64), |(low, high), &p| (low.min(p), high.max(p)));
            prop_assert!(mixed >= scalar::clipped(low) - 1e-12 && mixed <= scalar::clipped(high) + 1e-12);
            mixture.update(p, *happened).unwrap();
        }
    }
}
