//! Switching models: against enumeration of every path, against statsmodels, and on what cannot be fitted.

mod degenerate;
mod enumeration;
mod made;
mod reference;
mod statsmodels;
mod structure;

use super::*;
use crate::regimes::Given;

/// A table of these columns.
fn table(columns: &[(&str, &[f64])]) -> FeatureTable {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let rows = columns[0].1.len();
    let values = (0..rows).flat_map(|row| columns.iter().map(move |(_, column)| column[row])).collect();
    FeatureTable::new(&names, values).unwrap()
}

fn words(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn value(report: &RegimeReport, name: &str) -> f64 {
    report.parameters.iter().find(|p| p.name == name).unwrap_or_else(|| panic!("no {name}")).value
}

/// `report` is sound: everything finite, probabilities sum to 1, shapes fit.
fn assert_sound(report: &RegimeReport) {
    let k = report.states;
    assert_eq!(report.filtered.len(), report.n);
    assert_eq!((report.smoothed.len(), report.labels.len()), (report.n, report.n));
    assert!(report.labels.iter().all(|label| *label < k));
    for rows in [&report.filtered, &report.smoothed, &report.transition] {
        for row in rows {
            assert_eq!(row.len(), k);
            assert!(row.iter().all(|p| (-1e-12..=1.0 + 1e-9).contains(p)), "{row:?}");
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-8, "{row:?}");
        }
    }
    for number in [report.log_likelihood, report.aic, report.bic] {
        assert!(number.is_some_and(f64::is_finite));
    }
    assert!(report.expected_durations.iter().all(|d| d.is_finite() && *d >= 1.0 - 1e-9));
    for parameter in &report.parameters {
        assert!(parameter.value.is_finite());
        assert!(parameter.std_error.is_none_or(|error| error.is_finite() && error > 0.0));
    }
}
