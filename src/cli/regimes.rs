//! `vigie regimes`: a model of regimes fitted to any series of a user's file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use feeds::import::{ImportError, Series, TimeColumn, series};
use models::baseline::Kind;
use models::{Covariance, FeatureTable, Given, RegimeOptions, RegimeReport, Start};
use serde_json::{Value, json};

use super::import::{refused, sheet};
use super::{say, say_json};
use crate::chart;
use crate::failure::Failure;

/// See the module. Regimes are numbered from 0 in order of variance, or of mean where the variance does not
/// switch. The baselines base-rate, markov-table, margin-only and har-logistic read one level, and say how likely
/// it is to be on the other side of its boundary some rows later. `docs/models.md` has the models, and how their
/// words map to those of statsmodels and hmmlearn.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Regimes {
    /// CSV or Parquet file with a header
    file: PathBuf,
    /// Columns to model, by their names
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', required = true)]
    columns: Vec<String>,
    /// Model: hmm, ms, ms-ar, jump, jump-continuous, jump-sparse, bocpd, base-rate, markov-table, margin-only or
    /// har-logistic
    #[arg(long, default_value = "hmm", value_parser = parse_model)]
    model: &'static models::ModelRow,
    /// Regimes, 2 to 4
    #[arg(long, value_name = "K", default_value_t = 2)]
    states: usize,
    /// ms: lags of the series itself as regressors
    #[arg(long, value_name = "L", default_value_t = 0)]
    lags: usize,
    /// ms-ar: order of the autoregression [default: 1]
    #[arg(long, value_name = "P")]
    order: Option<usize>,
    /// ms, ms-ar: other columns as regressors
    #[arg(long, value_name = "COLS", value_delimiter = ',')]
    exog: Vec<String>,
    /// ms: no constant
    #[arg(long)]
    no_constant: bool,
    /// ms, ms-ar: the variance switches
    #[arg(long)]
    switching_variance: bool,
    /// ms-ar: the autoregression's coefficients switch
    #[arg(long)]
    switching_ar: bool,
    /// ms, ms-ar: columns on which the probabilities of transition depend
    #[arg(long, value_name = "COLS", value_delimiter = ',')]
    tvtp: Vec<String>,
    /// hmm: shape of the covariances
    #[arg(long, value_enum, default_value_t = Shape::Full)]
    covariance: Shape,
    /// Evaluate at these parameters instead of fitting: JSON, a list in the order of the report, an object by name,
    /// or hmmlearn's startprob, transmat, means, covars
    #[arg(long, value_name = "FILE")]
    params: Option<PathBuf>,
    /// hmm, jump: the only start of the search, JSON with startprob, transmat, means, covars
    #[arg(long, value_name = "FILE")]
    start: Option<PathBuf>,
    /// hmm, jump: exactly so many steps of the search (jump: at most)
    #[arg(long, value_name = "N")]
    iterations: Option<usize>,
    /// jump: what one switch costs, in units of half a squared distance
    #[arg(long, value_name = "λ", default_value_t = 50.0, allow_negative_numbers = true)]
    penalty: f64,
    /// jump-sparse: how many columns may count; the sum of their weights is at most its root
    #[arg(long, value_name = "N", default_value_t = 3.0, allow_negative_numbers = true)]
    max_feats: f64,
    /// bocpd: expected rows between changes
    #[arg(long, value_name = "ROWS", default_value_t = 250.0, allow_negative_numbers = true)]
    run_length: f64,
    /// Baselines: how many rows ahead the level is asked for [default: 5]
    #[arg(long, value_name = "ROWS")]
    horizon: Option<usize>,
    /// Baselines: the level above which the regime is the high one
    #[arg(long, value_name = "X", allow_negative_numbers = true, conflicts_with = "quantile")]
    boundary: Option<f64>,
    /// Baselines: put the boundary at this quantile of the levels, 0 to 1 [default: 0.7]
    #[arg(long, value_name = "Q", conflicts_with = "params")]
    quantile: Option<f64>,
    /// Seed of the search's starts
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Write rows, probabilities and labels to this CSV file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Draw the series and its regimes
    #[arg(long, value_name = "FILE.svg")]
    chart: Option<PathBuf>,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// Every entry free
    Full,
    /// Columns independent within a regime
    Diag,
}

fn parse_model(text: &str) -> Result<&'static models::ModelRow, String> {
    let of_regimes = |row: &&models::ModelRow| row.reads_regimes;
    models::find(text).filter(of_regimes).ok_or_else(|| {
        let known: Vec<&str> = models::MODELS.iter().filter(of_regimes).map(|row| row.id).collect();
        format!("{text:?} is no model of regimes; known are {}", known.join(", "))
    })
}

impl Regimes {
    pub(super) fn run(self) -> Result<(), Failure> {
        self.check()?;
        let (read, untimed) = self.read()?;
        let names: Vec<&str> = read.names.iter().map(String::as_str).collect();
        let table = FeatureTable::new(&names, read.rows.iter().flatten().copied().collect())
            .map_err(|error| Failure::Usage(format!("{}: {error}", self.file.display())))?;
        let fitted = (self.model.make)(&self.options()?)
            .fit(&table)
            .map_err(|error| Failure::Usage(format!("{}: {error}", self.model.id)))?;
        let Some(mut report) = fitted.regimes().cloned() else {
            return Err(Failure::Bug(format!("{} reads no regimes", self.model.id)));
        };
        report.notes.extend(untimed);
        let report = &report;
        if let Some(path) = &self.out {
            write(path, &rows_of(&read, report))?;
        }
        if let Some(path) = &self.chart {
            write(path, &self.picture(&read, report)?)?;
        }
        if self.json { say_json(&as_json(report, &read)) } else { say(&self.as_text(report, &read)) }
    }

    /// Refuses what the model has no use for, rather than passing it over: a figure of another search, or of another
    /// question, would be taken for this one's.
    fn check(&self) -> Result<(), Failure> {
        let id = self.model.id;
        let has_steps = matches!(id, "hmm" | "jump" | "jump-continuous" | "jump-sparse");
        if !has_steps && (self.start.is_some() || self.iterations.is_some()) {
            let remedy = "leave --start and --iterations out, or choose hmm or jump";
            return Err(Failure::Usage(format!("{id} has no stated start or steps; {remedy}")));
        }
        let of_switching = [
            ("--lags", self.lags > 0, "ms"),
            ("--no-constant", self.no_constant, "ms"),
            ("--order", self.order.is_some(), "ms-ar"),
            ("--switching-ar", self.switching_ar, "ms-ar"),
            ("--exog", !self.exog.is_empty(), "ms or ms-ar"),
            ("--tvtp", !self.tvtp.is_empty(), "ms or ms-ar"),
        ];
        for (option, given, of) in of_switching {
            if given && !of.split(" or ").any(|known| known == id) {
                return Err(Failure::Usage(format!("{id} has no {option}; leave it out, or choose {of}")));
            }
        }
        if let Some(twice) =
            (1..self.columns.len()).find(|at| self.columns[..*at].contains(&self.columns[*at]))
        {
            let name = &self.columns[twice];
            return Err(Failure::Usage(format!("--columns names {name} twice; name it once")));
        }
        let baseline = Kind::find(id).is_some();
        if !baseline && (self.horizon.is_some() || self.boundary.is_some() || self.quantile.is_some()) {
            let known = Kind::ALL.map(Kind::id).join(", ");
            let remedy = format!("leave --horizon, --boundary and --quantile out, or choose one of {known}");
            return Err(Failure::Usage(format!(
                "{id} finds its regimes itself and forecasts none; {remedy}"
            )));
        }
        Ok(())
    }

    /// The wanted columns, those that are modelled first; and what is wrong with the file's times, if anything is.
    fn read(&self) -> Result<(Series, Option<String>), Failure> {
        let mut columns: Vec<String> = Vec::new();
        for name in self.columns.iter().chain(&self.exog).chain(&self.tvtp) {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        let sheet = sheet(&self.file)?;
        let read =
            series(&sheet, &columns, TimeColumn::Unread).map_err(|error| refused(&self.file, error))?;
        let untimed = match series(&sheet, &columns, TimeColumn::Found) {
            Ok(_) | Err(ImportError::Layout { .. }) => None,
            Err(error) => Some(format!("rows are taken in the order of the file, times or not: {error}")),
        };
        Ok((read, untimed))
    }

    fn options(&self) -> Result<RegimeOptions, Failure> {
        let usual = RegimeOptions::default();
        Ok(RegimeOptions {
            states: self.states,
            covariance: match self.covariance {
                Shape::Full => Covariance::Full,
                Shape::Diag => Covariance::Diagonal,
            },
            lags: self.lags,
            order: self.order.unwrap_or(usual.order),
            exog: self.exog.clone(),
            tvtp: self.tvtp.clone(),
            constant: !self.no_constant,
            switching_variance: self.switching_variance,
            switching_ar: self.switching_ar,
            penalty: self.penalty,
            max_feats: self.max_feats,
            run_length: self.run_length,
            horizon: self.horizon.unwrap_or(usual.horizon),
            boundary: self.boundary,
            quantile: self.quantile.unwrap_or(usual.quantile),
            seed: self.seed,
            iterations: self.iterations,
            start: self.start.as_deref().map(start).transpose()?,
            given: self.params.as_deref().map(given).transpose()?,
        })
    }

    fn picture(&self, read: &Series, report: &RegimeReport) -> Result<String, Failure> {
        let name = read.names.first().map_or("", String::as_str);
        let values: Vec<f64> = read.rows.iter().skip(report.skipped).map(|row| row[0]).collect();
        let probabilities = if report.smoothed.is_empty() { &report.filtered } else { &report.smoothed };
        let file = self.file.file_name().unwrap_or_default().to_string_lossy();
        let title =
            format!("{name} of {file}: {}, {} regimes, n = {}", report.model, report.states, report.n);
        chart::regimes(&chart::RegimeChart {
            title: &title,
            name,
            values: &values,
            probabilities,
            labels: &report.labels,
        })
        .map_err(|error| Failure::Bug(error.to_string()))
    }

    fn as_text(&self, report: &RegimeReport, read: &Series) -> String {
        let mut text = format!("{}: {}\n", self.model.id, self.model.about);
        let _ = writeln!(text, "{} rows scored, {} regimes", report.n, report.states);
        for (name, value) in [
            ("log-likelihood", report.log_likelihood),
            ("objective", report.objective),
            ("AIC", report.aic),
            ("BIC", report.bic),
        ] {
            if let Some(value) = value {
                let _ = writeln!(text, "{name:<16}{value:>16.6}");
            }
        }
        let settled = if report.converged { "settled" } else { "did not settle" };
        if report.iterations > 0 || !report.converged {
            let _ = writeln!(text, "the search {settled} after {} steps", report.iterations);
        }
        text.push('\n');
        for parameter in &report.parameters {
            let error = parameter.std_error.map_or_else(String::new, |error| format!("± {error:.6}"));
            let _ = writeln!(text, "{:<24}{:>16.6} {error}", parameter.name, parameter.value);
        }
        if !report.transition.is_empty() {
            text.push_str("\nfrom \\ to     ");
            for to in 0..report.transition.len() {
                let _ = write!(text, "{to:>10}");
            }
            text.push_str("   lasts on average, rows\n");
            for (from, row) in report.transition.iter().enumerate() {
                let _ = write!(text, "{from:<14}");
                for probability in row {
                    let _ = write!(text, "{probability:>10.4}");
                }
                let rows = report.expected_durations.get(from);
                let _ = writeln!(text, "{:>15}", rows.map_or_else(String::new, |rows| format!("{rows:.1}")));
            }
        }
        if let (Some(label), Some(last)) = (report.labels.last(), report.filtered.last()) {
            let shares: Vec<String> = last.iter().map(|share| format!("{share:.3}")).collect();
            let _ = writeln!(text, "\nthe last row is in regime {label}; filtered {}", shares.join(" "));
        }
        if let Some(shift) = report.shift.last() {
            let rows = self.horizon.unwrap_or(RegimeOptions::default().horizon);
            let rows = if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
            let _ = writeln!(text, "probability that it is in the other one {rows} later: {shift:.4}");
        }
        for (row, reason) in read.left_out.iter().take(5) {
            let _ = writeln!(text, "left out row {row}: {reason}");
        }
        if read.left_out.len() > 5 {
            let _ = writeln!(text, "and {} more rows", read.left_out.len() - 5);
        }
        for note in &report.notes {
            let _ = writeln!(text, "note: {note}");
        }
        text.trim_end().to_owned()
    }
}

fn as_json(report: &RegimeReport, read: &Series) -> Value {
    let parameters: Vec<Value> = report
        .parameters
        .iter()
        .map(|parameter| json!({ "name": parameter.name, "value": parameter.value, "std_error": parameter.std_error }))
        .collect();
    let left_out: Vec<Value> =
        read.left_out.iter().map(|(row, reason)| json!({ "row": row, "reason": reason })).collect();
    json!({
        "model": report.model,
        "states": report.states,
        "n": report.n,
        "skipped": report.skipped,
        "log_likelihood": report.log_likelihood,
        "objective": report.objective,
        "aic": report.aic,
        "bic": report.bic,
        "converged": report.converged,
        "iterations": report.iterations,
        "parameters": parameters,
        "transition": report.transition,
        "expected_durations": report.expected_durations,
        "filtered": report.filtered,
        "smoothed": report.smoothed,
        "labels": report.labels,
        "shift": report.shift,
        "left_out": left_out,
        "notes": report.notes,
    })
}

/// One line a row scored: its place in the file, the columns, probabilities and label.
fn rows_of(read: &Series, report: &RegimeReport) -> String {
    let mut text = String::from("row");
    for name in &read.names {
        let _ = write!(text, ",\"{}\"", name.replace('"', "\"\""));
    }
    for (kind, rows) in [("filtered", &report.filtered), ("smoothed", &report.smoothed)] {
        for regime in 0..rows.first().map_or(0, Vec::len) {
            let _ = write!(text, ",{kind}_{regime}");
        }
    }
    text.push_str(if report.shift.is_empty() { ",label\n" } else { ",label,shift\n" });
    for (at, label) in report.labels.iter().enumerate() {
        let from = at + report.skipped;
        let _ = write!(text, "{}", read.numbers[from]);
        for value in &read.rows[from] {
            let _ = write!(text, ",{value}");
        }
        for rows in [&report.filtered, &report.smoothed] {
            for share in rows.get(at).into_iter().flatten() {
                let _ = write!(text, ",{share}");
            }
        }
        let _ = write!(text, ",{label}");
        if let Some(shift) = report.shift.get(at) {
            let _ = write!(text, ",{shift}");
        }
        text.push('\n');
    }
    text
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|source| Failure::Write { path: path.to_owned(), source })
}

fn document(path: &Path) -> Result<Value, Failure> {
    let text =
        std::fs::read_to_string(path).map_err(|source| Failure::Read { path: path.to_owned(), source })?;
    serde_json::from_str(&text).map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
}

fn start(path: &Path) -> Result<Start, Failure> {
    serde_json::from_value(document(path)?).map_err(|error| {
        let wanted = "write startprob, transmat, means and covars, as hmmlearn names them";
        Failure::Usage(format!("{}: {error}; {wanted}", path.display()))
    })
}

/// A list, an object by name, either of them under `params`, or a Gaussian model's four tables.
fn given(path: &Path) -> Result<Given, Failure> {
    let whole = document(path)?;
    let wrong = || {
        let wanted = "write a list of numbers in the order of the report, or an object of numbers by name";
        Failure::Usage(format!("{}: these are no parameters; {wanted}", path.display()))
    };
    if whole.get("startprob").is_some() {
        return start(path).map(Given::Gaussian);
    }
    let numbers = whole.get("params").or_else(|| whole.get("parameters")).unwrap_or(&whole);
    let number = |value: &Value| value.as_f64().or_else(|| value.get("value").and_then(Value::as_f64));
    match numbers {
        // As a report lists them: by name.
        Value::Array(items) if items.iter().any(|item| item.get("name").is_some()) => {
            let named = |item: &Value| Some((item.get("name")?.as_str()?.to_owned(), number(item)?));
            items.iter().map(named).collect::<Option<BTreeMap<_, _>>>().map(Given::Named).ok_or_else(wrong)
        }
        Value::Array(items) => {
            items.iter().map(number).collect::<Option<Vec<_>>>().map(Given::Ordered).ok_or_else(wrong)
        }
        Value::Object(items) => {
            let named = |(name, value): (&String, &Value)| Some((name.clone(), number(value)?));
            items.iter().map(named).collect::<Option<BTreeMap<_, _>>>().map(Given::Named).ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}
