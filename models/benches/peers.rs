//! Times our regime models on a given file, for `benches/peers/run`: one line a task on stdout.
#![allow(clippy::print_stdout, reason = "its output is read by a script")]

use std::time::Instant;

use models::{FeatureTable, RegimeOptions, RegimeReport, Start};

fn main() {
    let mut files = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    // `cargo test` runs benches without arguments.
    let (Some(data), Some(start)) = (files.next(), files.next()) else { return };
    let mut reader = csv::Reader::from_path(&data).expect("a CSV");
    let names: Vec<String> = reader.headers().expect("a header").iter().map(str::to_owned).collect();
    let mut values = Vec::new();
    for record in reader.records() {
        values.extend(record.expect("a row").iter().map(|cell| cell.parse::<f64>().expect("a number")));
    }
    let whole: Vec<&str> = names.iter().map(String::as_str).collect();
    let first = values.chunks(names.len()).map(|row| row[0]).collect();
    let whole = FeatureTable::new(&whole, values).expect("a table");
    let first = FeatureTable::new(&[names[0].as_str()], first).expect("a table");
    let start: Start =
        serde_json::from_str(&std::fs::read_to_string(start).expect("a start")).expect("hmmlearn's words");

    let hidden =
        RegimeOptions { states: 3, start: Some(start), iterations: Some(20), ..RegimeOptions::default() };
    let switching = RegimeOptions { states: 2, switching_variance: true, ..RegimeOptions::default() };
    let jump = RegimeOptions { states: 3, penalty: 50.0, ..RegimeOptions::default() };
    time("hmm: 20 EM steps, k=3 d=4", "hmm", &hidden, &whole);
    time("ms: fit, 2 regimes of mean and variance", "ms", &switching, &first);
    time("jump: k=3 d=4, 10 starts", "jump", &jump, &whole);
}

/// Median of nine runs, one thread: what it took, and what it found.
fn time(task: &str, model: &str, options: &RegimeOptions, table: &FeatureTable) {
    let row = models::find(model).expect("a model");
    let mut found = 0.0;
    let mut spent: Vec<f64> = (0..9)
        .map(|_| {
            let begun = Instant::now();
            let fitted = (row.make)(options).fit(table).expect("it fits");
            let spent = begun.elapsed().as_secs_f64();
            let merit = |report: &RegimeReport| report.log_likelihood.or(report.objective);
            found = fitted.regimes().and_then(merit).expect("a figure of merit");
            spent
        })
        .collect();
    spent.sort_by(f64::total_cmp);
    println!("{task}\t{}\t{found}", spent[4]);
}
