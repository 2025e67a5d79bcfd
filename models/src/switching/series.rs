//! Reads a table as the options say: the series, its regressors, the covariates of its transitions.

use super::Kind;
use super::layout::{Coefficient, Layout, MOST_REGIMES};
use super::scaling::{Scaling, Unit};
use crate::dense::Cholesky;
use crate::model::ModelError;
use crate::regimes::RegimeOptions;
use crate::table::FeatureTable;

/// Most histories of regimes that an autoregression filters over.
const MOST_HISTORIES: usize = 4096;
/// Most rows × histories, for memory: 800 MB.
const MOST_CELLS: usize = 100_000_000;
/// What is left of a column, of a variance of 1, when those before it explain it.
const UNEXPLAINED: f64 = 1e-10;

/// What is fitted, standardised.
pub(super) struct Series {
    pub layout: Layout,
    pub scaling: Scaling,
    /// Rows that lags take at the beginning.
    pub skipped: usize,
    /// The series: of a regression the scored rows, of an autoregression all rows.
    pub values: Vec<f64>,
    /// Rows of `values` × coefficients.
    pub regressors: Vec<f64>,
    /// Rows of `values` × covariates; nothing where transitions are constant.
    pub covariates: Vec<f64>,
    /// Means of the regressors over the scored rows, in the user's units.
    pub means: Vec<f64>,
}

fn option(option: &'static str, problem: impl Into<String>) -> ModelError {
    ModelError::Option { option, problem: problem.into() }
}

/// Reads `table`. Only what is to be fitted must vary and be told apart.
pub(super) fn read(kind: Kind, options: &RegimeOptions, table: &FeatureTable) -> Result<Series, ModelError> {
    if !(2..=MOST_REGIMES).contains(&options.states) {
        return Err(option("--states", format!("is {}; use 2 to {MOST_REGIMES}", options.states)));
    }
    let name = series_name(options, table)?;
    let raw: Vec<f64> = table.column(&name).into_iter().flatten().collect();
    let skipped = if kind == Kind::Regression { options.lags } else { options.order };
    let layout = layout(kind, options, &name)?;
    check_size(kind, options, &layout, raw.len(), skipped)?;

    let fits = options.given.is_none();
    let from = if kind == Kind::Regression { skipped } else { 0 };
    let mut columns: Vec<Vec<f64>> = Vec::new();
    if options.constant {
        columns.push(vec![1.0; raw.len() - from]);
    }
    if kind == Kind::Regression {
        columns.extend((1..=options.lags).map(|lag| raw[from - lag..raw.len() - lag].to_vec()));
    }
    let take = |name: &String| -> Vec<f64> { table.column(name).into_iter().flatten().skip(from).collect() };
    columns.extend(options.exog.iter().map(take));
    let mut covariates: Vec<Vec<f64>> = Vec::new();
    if layout.varying {
        covariates.push(vec![1.0; raw.len() - from]);
        covariates.extend(options.tvtp.iter().map(take));
    }
    let series = raw[from..].to_vec();

    let unit = |values: &[f64], keep_zero: bool, name: &str| match Unit::of(values, keep_zero) {
        Some(unit) => Ok(unit),
        // Given parameters need no data that could identify them.
        None if !fits => Ok(Unit::NONE),
        None => Err(ModelError::ConstantColumn { column: name.to_owned() }),
    };
    if fits && Unit::of(&series, false).is_none() {
        return Err(ModelError::ConstantColumn { column: name });
    }
    let keep_zero = !options.constant;
    let mut scaling =
        Scaling { series: unit(&series, keep_zero, &name)?, regressors: Vec::new(), covariates: Vec::new() };
    for (at, column) in columns.iter().enumerate() {
        scaling.regressors.push(if options.constant && at == 0 {
            Unit::NONE
        } else {
            unit(column, keep_zero, &layout.coefficients[at].name)?
        });
    }
    for (at, column) in covariates.iter().enumerate() {
        scaling.covariates.push(if at == 0 {
            Unit::NONE
        } else {
            unit(column, false, &options.tvtp[at - 1])?
        });
    }
    let means =
        columns.iter().map(|column| column.iter().map(|value| value / column.len() as f64).sum()).collect();
    let regressors = interleave(&columns, &scaling.regressors);
    let covariates = interleave(&covariates, &scaling.covariates);
    let series: Vec<f64> = series.iter().map(|value| scaling.series.apply(*value)).collect();
    if fits {
        let names: Vec<String> = layout.coefficients.iter().map(|c| c.name.clone()).collect();
        told_apart(&regressors, &names)?;
        if layout.varying {
            let names: Vec<String> =
                std::iter::once("const".to_owned()).chain(options.tvtp.iter().cloned()).collect();
            told_apart(&covariates, &names)?;
        }
    }
    Ok(Series { layout, scaling, skipped, values: series, regressors, covariates, means })
}

/// The column that is neither a regressor nor a covariate.
fn series_name(options: &RegimeOptions, table: &FeatureTable) -> Result<String, ModelError> {
    for (flag, columns) in [("--exog", &options.exog), ("--tvtp", &options.tvtp)] {
        for (at, column) in columns.iter().enumerate() {
            if !table.names().contains(column) {
                let known = table.names().join(", ");
                return Err(option(flag, format!("names {column}, which is no column; there are {known}")));
            }
            if columns[..at].contains(column) {
                return Err(option(flag, format!("names {column} twice; name it once")));
            }
        }
    }
    let mut series =
        table.names().iter().filter(|name| !options.exog.contains(*name) && !options.tvtp.contains(*name));
    match (series.next(), series.next()) {
        (Some(only), None) => Ok(only.clone()),
        (Some(first), Some(second)) => Err(option(
            "--columns",
            format!(
                "gives two series, {first} and {second}; give one, and name the others in --exog or --tvtp"
            ),
        )),
        (None, _) => Err(option("--columns", "gives no series beside --exog and --tvtp; add one")),
    }
}

fn layout(kind: Kind, options: &RegimeOptions, name: &str) -> Result<Layout, ModelError> {
    let regression = kind == Kind::Regression;
    let mut coefficients = Vec::new();
    if options.constant {
        coefficients.push(Coefficient { name: "const".into(), alias: "const".into(), switching: true });
    }
    let lags = if regression { options.lags } else { 0 };
    let lagged = (1..=lags).map(|lag| format!("{name}.L{lag}"));
    for (at, name) in lagged.chain(options.exog.iter().cloned()).enumerate() {
        coefficients.push(Coefficient { name, alias: format!("x{}", at + 1), switching: regression });
    }
    if coefficients.iter().skip(1).any(|c| c.name == "const") {
        return Err(option(
            "--exog",
            "names a column const, which is what the constant is called; rename it",
        ));
    }
    if !regression && options.order == 0 {
        return Err(option("--order", "is 0; use at least 1, or the model ms"));
    }
    let switches = options.switching_variance
        || coefficients.iter().any(|c| c.switching)
        || (!regression && options.switching_ar);
    if !switches {
        return Err(option("--no-constant", "leaves nothing that switches; add --switching-variance"));
    }
    Ok(Layout {
        regimes: options.states,
        varying: !options.tvtp.is_empty(),
        covariates: 1 + options.tvtp.len(),
        coefficients,
        switching_variance: options.switching_variance,
        order: if regression { 0 } else { options.order },
        switching_ar: !regression && options.switching_ar,
    })
}

fn check_size(
    kind: Kind,
    options: &RegimeOptions,
    layout: &Layout,
    rows: usize,
    skipped: usize,
) -> Result<(), ModelError> {
    let parameters = layout.parameters();
    let needed = skipped + if options.given.is_some() { 1 } else { 2 * parameters };
    if rows < needed {
        let wanted = format!("{} regimes of {parameters} parameters", options.states);
        return Err(ModelError::TooFewRows { rows, needed, wanted });
    }
    if kind == Kind::Autoregression {
        let histories = u32::try_from(options.order + 1)
            .ok()
            .and_then(|length| options.states.checked_pow(length))
            .filter(|histories| *histories <= MOST_HISTORIES);
        let Some(histories) = histories else {
            return Err(option(
                "--order",
                format!(
                    "is {}; {} regimes over so many rows are more than {MOST_HISTORIES} histories, so use less",
                    options.order, options.states
                ),
            ));
        };
        if rows.saturating_mul(histories) > MOST_CELLS {
            return Err(option(
                "--order",
                format!(
                    "is {}; {histories} histories of {rows} rows do not fit in memory, so use less, or fewer rows",
                    options.order
                ),
            ));
        }
    }
    Ok(())
}

fn interleave(columns: &[Vec<f64>], units: &[Unit]) -> Vec<f64> {
    let rows = columns.first().map_or(0, Vec::len);
    let mut values = Vec::with_capacity(rows * columns.len());
    for row in 0..rows {
        values.extend(columns.iter().zip(units).map(|(column, unit)| unit.apply(column[row])));
    }
    values
}

/// Refuses columns that repeat those before them.
fn told_apart(values: &[f64], names: &[String]) -> Result<(), ModelError> {
    let width = names.len();
    let Some(rows) = values.len().checked_div(width) else { return Ok(()) };
    let mut gram = vec![0.0; width * width];
    for row in values.chunks_exact(width) {
        for i in 0..width {
            for j in 0..width {
                gram[i * width + j] += row[i] * row[j] / rows as f64;
            }
        }
    }
    for at in 1..width {
        let mut lead = vec![0.0; at * at];
        for i in 0..at {
            lead[i * at..(i + 1) * at].copy_from_slice(&gram[i * width..i * width + at]);
        }
        let mut shared: Vec<f64> = (0..at).map(|i| gram[at * width + i]).collect();
        let explained = Cholesky::new(&lead, at).map_or(f64::INFINITY, |factor| factor.distance(&mut shared));
        let left = gram[at * width + at] - explained;
        if left.is_nan() || left <= UNEXPLAINED * gram[at * width + at] {
            return Err(ModelError::Collinear { column: names[at].clone() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_repeats_others_is_named() {
        let names = ["const", "a", "b"].map(str::to_owned);
        let rows = |third: fn(f64, f64) -> f64| -> Vec<f64> {
            (0..20)
                .flat_map(|i| {
                    let (a, noise) = (f64::from(i % 7) - 3.0, f64::from(i * i % 11));
                    [1.0, a, third(a, noise)]
                })
                .collect()
        };
        assert!(told_apart(&rows(|a, noise| a + noise), &names).is_ok());
        assert_eq!(
            told_apart(&rows(|a, _| 2.0 * a - 1.0), &names),
            Err(ModelError::Collinear { column: "b".into() })
        );
    }
}
