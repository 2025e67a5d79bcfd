//! The filter that takes one row at a time.

use super::*;

#[test]
fn one_row_at_a_time_gives_the_bits_of_all_at_once() {
    for (states, width) in [(2, 1), (3, 2), (4, 4)] {
        for covariance in [Covariance::Full, Covariance::Diagonal] {
            let model = Gaussian::new(&plain_start(states, width), covariance).unwrap();
            let mut values = model.simulate(1_000, 3).values;
            values[width * 500] = 1e6;
            let known = model.filter(&table(width, values.clone())).unwrap();
            let mut filter = model.online();
            for (row, known) in values.chunks_exact(width).zip(&known) {
                let ours = filter.step(row).unwrap();
                assert!(
                    ours.iter().zip(known).all(|(a, b)| a.to_bits() == b.to_bits()),
                    "{ours:?} {known:?}"
                );
            }
            assert_eq!(filter.probabilities().unwrap(), known.last().unwrap());
        }
    }
}

#[test]
fn also_where_arithmetic_is_in_logarithms() {
    let start = Start { transmat: vec![vec![0.9, 0.1], vec![0.0, 1.0]], ..plain_start(2, 1) };
    let model = Gaussian::new(&start, Covariance::Full).unwrap();
    let values = vec![0.1, -0.4, 0.3, 60.0, 0.2, 1.9];
    let known = model.filter(&table(1, values.clone())).unwrap();
    let mut filter = model.online();
    for (value, known) in values.iter().zip(&known) {
        assert_eq!(filter.step(&[*value]).unwrap(), known);
    }
}

#[test]
fn a_row_that_cannot_be_is_not_taken() {
    let model = Gaussian::new(&plain_start(2, 2), Covariance::Full).unwrap();
    let mut filter = model.online();
    assert_eq!(filter.probabilities(), None);
    let after = filter.step(&[0.3, 0.1]).unwrap().to_vec();
    for bad in [&[0.3][..], &[0.3, f64::NAN], &[f64::INFINITY, 0.0], &[1.0, 2.0, 3.0]] {
        assert_eq!(filter.step(bad), None);
        assert_eq!(filter.probabilities(), Some(&after[..]));
    }
    filter.reset();
    assert_eq!(filter.probabilities(), None);
    assert_eq!(filter.step(&[0.3, 0.1]), Some(&after[..]));
}

#[test]
fn regimes_ahead_follow_the_transition_matrix_to_where_it_settles() {
    let start = Start { transmat: vec![vec![0.9, 0.1], vec![0.3, 0.7]], ..plain_start(2, 1) };
    let model = Gaussian::new(&start, Covariance::Full).unwrap();
    assert_eq!(model.ahead(&[1.0, 0.0], 0), Some(vec![1.0, 0.0]));
    let two = model.ahead(&[1.0, 0.0], 2).unwrap();
    assert!(near(two[0], 0.9 * 0.9 + 0.1 * 0.3, 1e-15) && near(two[1], 0.9 * 0.1 + 0.1 * 0.7, 1e-15));
    assert!(near(model.ahead(&[0.0, 1.0], 200).unwrap()[0], 0.75, 1e-12));
    assert_eq!(model.ahead(&[1.0], 1), None);
}

#[test]
fn parameters_survive_serialisation_to_the_bit() {
    let model = Gaussian::new(&plain_start(3, 2), Covariance::Full).unwrap();
    let text = serde_json::to_string(model.parameters()).unwrap();
    let read: Start = serde_json::from_str(&text).unwrap();
    assert_eq!(&read, model.parameters());
    let rows = table(2, model.simulate(50, 1).values);
    let again = Gaussian::new(&read, Covariance::Full).unwrap();
    assert_eq!(again.filter(&rows).unwrap(), model.filter(&rows).unwrap());
}
