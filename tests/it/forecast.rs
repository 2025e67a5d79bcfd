//! Regimes and forecasts: models on a user's file, artefacts, the ledger, and the same bits again.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};

use market::{Clock, Timestamp};
use serde_json::Value;
use vigie::clock::SystemClock;

use crate::workplace::Workplace;

fn json(text: &str) -> Value {
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

/// Draws of our own, the same everywhere: a linear congruence, twelve of them for one that is nearly normal.
struct Draws(u64);

impl Draws {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// Daily closes up to yesterday, in two regimes of volatility that last for weeks.
fn prices(days: i32) -> String {
    let mut draws = Draws(11);
    let today = SystemClock.now().date();
    let (mut text, mut price, mut is_stormy) =
        ("Date,Open,High,Low,Close,Volume\n".to_owned(), 100.0_f64, false);
    for back in (1..=days).rev() {
        if draws.uniform() < 0.04 {
            is_stormy = draws.uniform() < 0.35;
        }
        let open = price;
        price *= (draws.normal() * if is_stormy { 0.035 } else { 0.01 }).exp();
        let date = today.plus_days(-back).unwrap();
        let (high, low) = (open.max(price) * 1.001, open.min(price) * 0.999);
        let _ = writeln!(text, "{date},{open},{high},{low},{price},1000");
    }
    text
}

#[test]
fn every_model_of_regimes_answers_in_the_words_of_research() {
    let place = Workplace::new();
    let mut draws = Draws(3);
    let mut text = "ret,vol\n".to_owned();
    for row in 0..300 {
        let wide = if (row / 60) % 2 == 0 { 1.0 } else { 3.0 };
        let _ = writeln!(text, "{},{}", draws.normal() * wide, draws.normal().abs() * wide);
    }
    place.write("series.csv", &text);
    for (model, more) in [
        ("hmm", &[][..]),
        ("ms", &["--switching-variance"]),
        ("ms-ar", &["--order", "1", "--switching-variance"]),
        ("jump", &["--penalty", "20"]),
        ("jump-continuous", &["--penalty", "20"]),
        ("jump-sparse", &["--penalty", "20", "--max-feats", "1.5"]),
        ("bocpd", &["--run-length", "60"]),
    ] {
        let mut arguments =
            vec!["regimes", "series.csv", "--columns", "ret", "--model", model, "--json", "--chart", "c.svg"];
        arguments.extend(more);
        let report = json(&place.stdout(&arguments));
        let rows = report["n"].as_u64().unwrap() as usize;
        assert_eq!(report["model"], model);
        assert_eq!(report["labels"].as_array().unwrap().len(), rows, "{model}");
        assert_eq!(report["filtered"].as_array().unwrap().len(), rows, "{model}");
        for key in [
            "states",
            "log_likelihood",
            "aic",
            "bic",
            "converged",
            "iterations",
            "parameters",
            "transition",
            "expected_durations",
            "smoothed",
        ] {
            assert!(report.get(key).is_some(), "{model} lacks {key}");
        }
        let svg = std::fs::read_to_string(place.path("c.svg")).unwrap();
        assert!(svg.contains("<svg") && svg.contains("regime 1"), "{model}");
    }
}

#[test]
fn a_stated_start_runs_exactly_so_many_steps_and_stated_parameters_are_only_evaluated() {
    let place = Workplace::new();
    let mut draws = Draws(5);
    let rows: Vec<String> =
        (0..200).map(|row| (draws.normal() + if row < 100 { 0.0 } else { 4.0 }).to_string()).collect();
    place.write("x.csv", &format!("x\n{}\n", rows.join("\n")));
    place.write(
        "start.json",
        r#"{"startprob":[0.5,0.5],"transmat":[[0.9,0.1],[0.1,0.9]],"means":[[-1.0],[5.0]],"covars":[[[1.0]],[[1.5]]]}"#,
    );
    let run = |more: &[&str]| {
        let mut arguments = vec!["regimes", "x.csv", "--columns", "x", "--json"];
        arguments.extend(more);
        json(&place.stdout(&arguments))
    };
    let likelihood = |report: &Value| report["log_likelihood"].as_f64().unwrap();
    let none = run(&["--params", "start.json"]);
    let one = run(&["--start", "start.json", "--iterations", "1"]);
    let twenty = run(&["--start", "start.json", "--iterations", "20"]);
    assert_eq!((&one["iterations"], &twenty["iterations"]), (&1.into(), &20.into()));
    assert!(likelihood(&none) < likelihood(&one) && likelihood(&one) < likelihood(&twenty));
    let output = place.run(&["regimes", "x.csv", "--columns", "y"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("no column \"y\""), "{said}");
    let output = place.run(&["regimes", "x.csv", "--columns", "x", "--model", "ms", "--iterations", "5"]);
    assert_eq!(output.status.code(), Some(2), "steps that a model does not take are refused");
}

#[test]
fn rows_that_are_not_in_order_of_time_are_told() {
    let place = Workplace::new();
    let mut draws = Draws(9);
    let mut text = "date,x\n".to_owned();
    for row in 0..60 {
        let wide = if row < 30 { 1.0 } else { 4.0 };
        let _ = writeln!(text, "2026-0{}-{:02},{}", 3 - row / 20, 20 - row % 20, draws.normal() * wide);
    }
    place.write("newest_first.csv", &text);
    let notes =
        |file: &str| json(&place.stdout(&["regimes", file, "--columns", "x", "--json"]))["notes"].to_string();
    let said = "rows are taken in the order of the file, times or not: row 3, column date";
    assert!(notes("newest_first.csv").contains(said), "{}", notes("newest_first.csv"));
    let lines: Vec<&str> = text.lines().collect();
    let sorted: Vec<&str> = lines[..1].iter().chain(lines[1..].iter().rev()).copied().collect();
    place.write("sorted.csv", &(sorted.join("\n") + "\n"));
    assert!(!notes("sorted.csv").contains("in the order of the file"));
}

/// A level that wanders around −4, the log of a volatility.
fn levels(rows: usize) -> String {
    let mut draws = Draws(17);
    let (mut text, mut away) = ("day,level\n".to_owned(), 0.0);
    for row in 0..rows {
        away = 0.92 * away + 0.2 * draws.normal();
        let _ = writeln!(text, "{row},{}", away - 4.0);
    }
    text
}

#[test]
fn baselines_say_how_likely_a_level_is_to_cross_its_boundary() {
    let place = Workplace::new();
    place.write("rv.csv", &levels(900));
    let run = |model: &str, more: &[&str]| {
        let mut arguments = vec!["regimes", "rv.csv", "--columns", "level", "--json", "--model", model];
        arguments.extend(more);
        json(&place.stdout(&arguments))
    };
    for (model, parameters) in
        [("base-rate", 2), ("markov-table", 3), ("margin-only", 6), ("har-logistic", 18)]
    {
        let told = run(model, &["--horizon", "5"]);
        assert_eq!((told["model"].as_str(), told["states"].as_u64()), (Some(model), Some(2)));
        assert_eq!(told["parameters"].as_array().unwrap().len(), parameters);
        assert_eq!(told["parameters"][0]["name"], "boundary");
        for key in ["filtered", "smoothed", "labels", "shift"] {
            assert_eq!(told[key].as_array().unwrap().len(), 900, "{model}: {key}");
        }
        assert!(told["shift"][899].as_f64().is_some_and(|p| p > 0.0 && p < 1.0), "{model}");
        assert!(told["aic"].is_number() && told["bic"].is_number() && told["transition"][1][0].is_number());

        // What one series taught is asked of another.
        place.write("fit.json", &told.to_string());
        let again = run(model, &["--horizon", "5", "--params", "fit.json"]);
        let shift = |report: &Value, row: usize| report["shift"][row].as_f64().unwrap();
        assert!((0..900).all(|row| (shift(&again, row) - shift(&told, row)).abs() < 1e-9), "{model}");
    }
    let stated = run("base-rate", &["--boundary", "-4", "--horizon", "1"]);
    assert_eq!(stated["parameters"][0]["value"].as_f64(), Some(-4.0));
    assert!(run("base-rate", &["--quantile", "0.9"])["labels"].to_string().matches('1').count() < 150);

    let text = place.stdout(&[
        "regimes",
        "rv.csv",
        "--columns",
        "level",
        "--model",
        "margin-only",
        "--out",
        "o.csv",
    ]);
    assert!(
        text.contains("margin[1]")
            && text.contains("probability that it is in the other one 5 rows later: 0.")
    );
    let written = std::fs::read_to_string(place.path("o.csv")).unwrap();
    assert!(written.starts_with("row,\"level\",filtered_0,filtered_1,smoothed_0,smoothed_1,label,shift\n"));
    assert!(written.lines().all(|line| line.split(',').count() == 8));
    assert!(place.stdout(&["models", "list"]).contains("har-logistic"));
}

#[test]
fn a_question_that_a_model_is_not_asked_is_refused() {
    let place = Workplace::new();
    place.write("rv.csv", &levels(200));
    for (more, said) in [
        (&["--horizon", "5"][..], "hmm finds its regimes itself and forecasts none"),
        (&["--model", "jump", "--boundary", "-4"], "leave --horizon, --boundary and --quantile out"),
        (
            &["--model", "bocpd", "--quantile", "0.5"],
            "choose one of base-rate, markov-table, margin-only, har-logistic",
        ),
        (&["--model", "margin-only", "--iterations", "5"], "margin-only has no stated start or steps"),
        (&["--model", "base-rate", "--states", "3"], "--states is 3"),
        (
            &["--model", "base-rate", "--boundary", "7"],
            "none of the 195 rows whose outcome is known lies above it",
        ),
        (&["--model", "base-rate", "--boundary", "-4", "--quantile", "0.5"], "cannot be used with"),
        (&["--model", "base-rate", "--horizon", "0"], "--horizon is 0; use at least 1 row"),
        (&["--tvtp", "day"], "hmm has no --tvtp; leave it out, or choose ms or ms-ar"),
        (&["--model", "jump", "--exog", "day"], "jump has no --exog; leave it out, or choose ms or ms-ar"),
        (&["--model", "ms-ar", "--lags", "2"], "ms-ar has no --lags; leave it out, or choose ms"),
        (&["--model", "ms-ar", "--no-constant"], "ms-ar has no --no-constant; leave it out, or choose ms"),
        (&["--model", "ms", "--order", "2"], "ms has no --order; leave it out, or choose ms-ar"),
        (&["--model", "ms", "--switching-ar"], "ms has no --switching-ar; leave it out, or choose ms-ar"),
        (&["--columns", "level"], "--columns names level twice; name it once"),
        (&["--model", "jump", "--penalty", "-1"], "--penalty is -1; use a number of at least 0"),
    ] {
        let arguments = [&["regimes", "rv.csv", "--columns", "level"], more].concat();
        let output = place.run(&arguments);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(said), "{arguments:?}: {stderr}");
    }
    let output = place.run(&["regimes", "rv.csv", "--columns", "day,level", "--model", "base-rate"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("reads one level, give one column"));
}

#[test]
fn a_price_file_is_evaluated_by_the_protocol() {
    let place = Workplace::new();
    place.write("p.csv", &prices(900));
    let report = json(&place.stdout(&[
        "evaluate",
        "--input",
        "p.csv",
        "--target",
        "vol",
        "--horizon",
        "5",
        "--min-train",
        "400",
        "--refit",
        "100",
        "--json",
    ]));
    assert!(report["n"].as_u64().unwrap() > 300, "{report}");
    for key in ["flips", "event_rate", "brier", "reliability", "seconds"] {
        assert!(report.get(key).is_some(), "no {key}");
    }
    for key in ["model", "base", "markov", "margin_only"] {
        assert!(report["log_loss"][key].as_f64().unwrap() > 0.0, "{key}");
    }
    for key in ["skill", "skill_over_margin"] {
        let (low, value, high) =
            (&report[key]["low"], report[key]["value"].as_f64().unwrap(), &report[key]["high"]);
        assert!(low.as_f64().unwrap() <= value && value <= high.as_f64().unwrap(), "{key}");
        assert!(report[key]["against"].is_string());
    }
}

/// Train, forecast, verify, replay: from a user's bars to a record that anyone can check.
#[test]
fn a_forecast_is_recorded_verified_and_made_again_to_the_bit() {
    let place = Workplace::new();
    place.write("BTC-USD.csv", &prices(700));
    place.stdout(&["--store", "S", "import", "bars", "BTC-USD.csv", "--symbol", "BTC-USD"]);
    let card = json(&place.stdout(&["--store", "S", "train", "--target", "vol-5d", "--json"]));
    let id = card["id"].as_str().unwrap();
    let shown = place.stdout(&["--store", "S", "models", "show", id]);
    assert!(shown.contains("known failures") && shown.contains("out of sample"), "{shown}");

    // The day's decision falls at 00:15; a quarter of an hour a day there is none that is due.
    let now = SystemClock.now();
    if now.since(now.date().start()).as_secs() < 16 * 60 {
        eprintln!("skipped: the day's bar is not due yet");
        return;
    }
    let said = json(&place.stdout(&["--store", "S", "forecast", "--target", "vol-5d", "--json"]));
    assert_eq!(said["forecasts"].as_array().unwrap().len(), 1, "{said}");
    let forecast = &said["forecasts"][0]["forecast"];
    assert_eq!((&forecast["model"], &forecast["sequence"]), (&id.into(), &0.into()));
    let live = &said["forecasts"][0]["live"];
    assert_eq!((&live["n"], &live["skill"], &live["drift_since"]), (&0.into(), &Value::Null, &Value::Null));
    let parts: f64 = said["forecasts"][0]["drivers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|driver| driver["contribution"].as_f64().unwrap())
        .sum();
    if let Some(probability) = forecast["shift"]["probability"].as_f64() {
        assert!((1.0 / (1.0 + (-parts).exp()) - probability).abs() < 1e-6, "drivers sum to the logit");
    }
    let again = json(&place.stdout(&["--store", "S", "forecast", "--target", "vol-5d", "--json"]));
    assert_eq!(
        again["forecasts"][0]["forecast"]["shift"], forecast["shift"],
        "the same inputs, the same bits"
    );

    let shown = json(&place.stdout(&["--store", "S", "models", "show", id, "--json"]));
    let spoke = u64::from(forecast["shift"].is_object());
    assert_eq!(
        (&shown["live"]["pending"], &shown["live"]["abstained"]),
        (&spoke.into(), &(1 - spoke).into())
    );
    let shown = place.stdout(&["--store", "S", "models", "show", id]);
    assert!(
        shown.contains("live, by every artefact of vol-5d BTC\nno recorded forecast is resolved"),
        "{shown}"
    );

    let listed = place.stdout(&["--store", "S", "models", "list"]);
    assert!(listed.contains(id) && listed.contains("1 kept, ") && listed.ends_with(" bytes\n"), "{listed}");
    let pruned = json(&place.stdout(&["--store", "S", "models", "prune", "--json"]));
    assert_eq!(
        (&pruned["artefacts"], &pruned["kept"]),
        (&Value::Array(Vec::new()), &1.into()),
        "it is needed"
    );

    place.stdout(&["--store", "S", "ledger", "verify"]);
    let head = json(&place.stdout(&["--store", "S", "ledger", "head", "--json"]));
    assert_eq!(head["count"], 1, "what was said already is not written down twice");
    // 10,000 replays, in processes of 1, 2 and 4 threads: one hash.
    let mut hashes = std::collections::BTreeSet::new();
    for (times, threads) in [("4000", "1"), ("3000", "2"), ("3000", "4")] {
        let replayed = json(&place.stdout(&[
            "--store",
            "S",
            "ledger",
            "replay",
            "0",
            "--times",
            times,
            "--threads",
            threads,
            "--json",
        ]));
        assert_eq!(replayed["exact"], true, "{replayed}");
        hashes
            .extend(replayed["answers"].as_array().unwrap().iter().map(|answer| answer["hash"].to_string()));
    }
    assert_eq!(hashes.len(), 1);
    let table = place.stdout(&["--store", "S", "export", "forecasts"]);
    assert!(table.lines().count() >= 2 && table.contains("vol-5d"), "{table}");
    assert!(place.stdout(&["--store", "S", "export", "regimes"]).contains("vol-5d"));

    // Another number in the artefact, and it is refused by name.
    let path = place.path("S/models").join(format!("{id}.toml"));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("rows = ", "rows = 1", 1)).unwrap();
    let output = place.run(&["--store", "S", "ledger", "replay", "0"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("not the artefact that its card describes"), "{said}");
    // A record that was changed is named.
    let ledger = place.path("S/ledger/forecasts.jsonl");
    let text = std::fs::read_to_string(&ledger).unwrap();
    std::fs::write(&ledger, text.replacen("vol-5d", "vol-5e", 1)).unwrap();
    let output = place.run(&["--store", "S", "ledger", "verify"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("record 0"), "{said}");
}

#[test]
fn another_coin_has_artefacts_and_records_of_its_own() {
    let place = Workplace::new();
    place.write("ETH-USD.csv", &prices(700));
    place.stdout(&["--store", "S", "import", "bars", "ETH-USD.csv", "--symbol", "ETH-USD"]);
    let unknown = place.run(&["--store", "S", "train", "--target", "vol-5d"]);
    let said = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert_eq!(unknown.status.code(), Some(2), "no bars of the configured one: {said}");
    for word in ["train", "forecast"] {
        let refused = place.run(&["--store", "S", word, "--asset", "../eth", "--target", "vol-5d"]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains("--asset is \"../ETH\"; write a coin"), "{said}");
    }
    let ask = |word: &str| {
        json(&place.stdout(&["--store", "S", word, "--asset", "eth", "--target", "vol-5d", "--json"]))
    };
    let card = ask("train");
    let id = card["id"].as_str().unwrap();
    assert!(id.starts_with("vol-5d-eth-") && card["asset"] == "ETH", "{card}");
    let now = SystemClock.now();
    if now.since(now.date().start()).as_secs() < 16 * 60 {
        eprintln!("skipped: the day's bar is not due yet");
        return;
    }
    let said = ask("forecast");
    let forecast = &said["forecasts"][0]["forecast"];
    assert_eq!((&forecast["asset"], &forecast["model"]), (&"ETH".into(), &id.into()), "{said}");
    let record = std::fs::read_to_string(place.path("S/ledger/forecasts.jsonl")).unwrap();
    assert!(
        record.lines().count() == 1 && record.contains(r#""asset":"ETH""#) && record.contains(id),
        "{record}"
    );
    place.stdout(&["--store", "S", "ledger", "replay", "0"]);
}

#[test]
fn what_would_have_been_said_is_said_without_a_record_and_without_a_look_ahead() {
    let place = Workplace::new();
    place.write("BTC-USD.csv", &prices(700));
    place.stdout(&["--store", "S", "import", "bars", "BTC-USD.csv", "--symbol", "BTC-USD"]);
    let then: Timestamp = SystemClock.now().date().plus_days(-40).unwrap().start();
    let then = then.plus(std::time::Duration::from_hours(1)).to_string();
    let ask = || {
        json(&place.stdout(&["--store", "S", "forecast", "--as-of", &then, "--target", "vol-5d", "--json"]))
    };
    let before = ask();
    assert_eq!(before["recorded"], false);
    assert_eq!(before["forecasts"].as_array().unwrap().len(), 1, "{before}");
    // What comes later changes nothing.
    let mut lines: Vec<String> = prices(20).lines().map(str::to_owned).collect();
    for line in &mut lines[1..] {
        *line = line.replace(",1000", ",2000");
    }
    place.write("later.csv", &lines.join("\n"));
    place.stdout(&["--store", "S", "import", "bars", "later.csv", "--symbol", "BTC-USD"]);
    assert_eq!(ask()["forecasts"], before["forecasts"]);
    assert!(!place.path("S/ledger").exists());
    let audited = json(&place.stdout(&[
        "--store",
        "S",
        "evaluate",
        "--target",
        "vol-5d",
        "--min-train",
        "365",
        "--audit",
        "--json",
    ]));
    assert_eq!(audited["audit"]["leaks"], 0);
    assert!(audited["audit"]["rows_moved"].as_u64().unwrap() > 0, "the audit could have found something");
}

#[test]
fn a_price_file_is_refused_with_its_place_and_the_remedy() {
    let place = Workplace::new();
    let text = prices(700);
    let lines: Vec<&str> = text.lines().collect();
    let with = |row: usize, line: &str| {
        let mut lines = lines.clone();
        lines[row - 1] = line;
        lines.join("\n")
    };
    let date = |row: usize| lines[row - 1].split(',').next().unwrap();
    place.write("good.csv", &text);
    place.write("zero.csv", &with(300, &format!("{},1,1,1,0,1", date(300))));
    place.write("twice.csv", &with(300, lines[298]));
    place.write("short.csv", &lines[..501].join("\n"));
    place.write("price.csv", &text.replace("Close", "Price"));
    place.write(
        "flat.csv",
        &lines
            .iter()
            .enumerate()
            .map(|(row, line)| {
                if row == 0 {
                    (*line).to_owned()
                } else {
                    format!("{},1,1,1,7,1", line.split(',').next().unwrap())
                }
            })
            .collect::<Vec<_>>()
            .join("\n"),
    );
    let most = usize::MAX.to_string();
    for (words, says) in [
        (&["zero.csv"][..], "row 300, column close: 0 is no price"),
        (&["twice.csv"], "row 300, column Date"),
        (&["short.csv"], "500 closes are too few; at least 568 are needed"),
        (&["price.csv"], "name yours with --close"),
        (&["flat.csv"], "flat.csv: the"),
        (&["good.csv", "--from", "2001-01-01", "--to", "2001-02-01"], "nothing to score: forecasts"),
        (&["good.csv", "--from", "2001-02-01", "--to", "2001-01-01"], "is after --to"),
        (&["good.csv", "--refit", &most], "use at most"),
        (&["good.csv", "--state", "nowhere/walk"], "choose another place with --state"),
    ] {
        let mut arguments = vec!["evaluate", "--min-train", "500", "--json", "--input"];
        arguments.extend(words);
        let output = place.run(&arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains(says), "{words:?}: {said}");
    }
}

#[test]
fn commands_of_models_take_the_store_before_or_after_and_a_forecast_none_of_the_future() {
    let place = Workplace::new();
    place.write("p.csv", &prices(500));
    place.stdout(&["--store", "S", "import", "bars", "p.csv", "--symbol", "BTC-USD"]);
    let before = place.stdout(&["models", "--store", "S", "list"]);
    assert_eq!(before, place.stdout(&["models", "list", "--store", "S"]));
    for (words, says) in [
        (&["models", "hmm", "list"][..], "give one of them"),
        (&["models", "--from", "2026-01-01", "list"], "fitted to liquidations"),
        (&["forecast", "--as-of", "2199-01-01"], "still to come"),
    ] {
        let output = place.run(&[&["--store", "S"], words].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains(says), "{words:?}: {said}");
    }
}

#[test]
fn an_evaluation_that_is_stopped_goes_on_to_the_same_bits() {
    let place = Workplace::new();
    place.write("p.csv", &prices(1_100));
    let evaluate = |state: &[&str]| {
        let mut command = place.vigie();
        command.args(["evaluate", "--input", "p.csv", "--min-train", "400", "--refit", "8", "--json"]);
        command.args(state).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        command
    };
    let kept = ["--state", "walk.toml"];
    let mut running = evaluate(&kept).env("VIGIE_LOG", "info").spawn().unwrap();
    let log = BufReader::new(running.stderr.take().unwrap());
    assert!(log.lines().map_while(Result::ok).any(|line| line.contains("walking")));
    let pid = running.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let stopped = running.wait().unwrap();
    assert_eq!(stopped.code(), Some(2), "it had not ended by itself");
    assert!(place.path("walk.toml").exists());
    let walk = std::fs::read_to_string(place.path("walk.toml")).unwrap();
    place.write("altered.toml", &format!("{walk}\n"));
    let altered = evaluate(&["--state", "altered.toml"]).output().unwrap();
    let said = String::from_utf8_lossy(&altered.stderr).into_owned();
    assert!(altered.status.code() == Some(2) && said.contains("cut or altered"), "{said}");
    let score = |state: &[&str]| {
        let output = evaluate(state).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut report = json(&String::from_utf8(output.stdout).unwrap());
        report["seconds"].take();
        report
    };
    assert_eq!(score(&kept), score(&[]));
}

#[test]
fn files_of_a_desk_become_groups_and_each_is_weighed_by_itself() {
    let place = Workplace::new();
    let mut draws = Draws(5);
    place.write("BTC-USD.csv", &prices(760));
    let (mut flows, mut rates) = ("date,IBIT,FBTC\n".to_owned(), "date,rate_pct\n".to_owned());
    for back in (2..700).rev() {
        let date = SystemClock.now().date().plus_days(-back).unwrap();
        let _ = writeln!(rates, "{date},{:.5}", 0.01 + 0.005 * draws.normal());
        if market::nyse().is_trading_day(date) == Some(true) {
            let _ = writeln!(flows, "{date},{:.1},{:.1}", 90.0 * draws.normal(), 40.0 * draws.normal());
        }
    }
    place.write("flows.csv", &flows);
    place.write("rates.csv", &rates);
    let import = |words: &[&str]| {
        let arguments = [&["--store", "S", "import"], words, &["--json"]].concat();
        json(&place.stdout(&arguments))["files"][0]["new"].as_u64().unwrap()
    };
    assert_eq!(import(&["bars", "BTC-USD.csv"]), 760);
    assert!(import(&["etf-flows", "flows.csv"]) > 900);
    let rates = ["funding", "rates.csv", "--hours", "8", "--instrument", "BTC-USD-PERP"];
    assert_eq!((import(&rates), import(&rates)), (698, 0), "twice is once");
    let evaluate = |words: &[&str]| {
        let arguments = [&["--store", "S", "evaluate", "--json"], words].concat();
        json(&place.stdout(&arguments))
    };
    let report = evaluate(&["--target", "vol-5d", "--min-train", "365", "--refit", "63", "--asset", "btc"]);
    let worth: Vec<(&str, bool)> = report["ablation"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| (group["group"].as_str().unwrap(), group["spoke"].as_u64().unwrap() > 100))
        .collect();
    assert_eq!(
        worth,
        [
            ("flows", true),
            ("miners", false),
            ("liquidations", false),
            ("ai", false),
            ("funding", true),
            ("range", true),
            ("calendar", true)
        ]
    );
    for group in report["ablation"].as_array().unwrap().iter().filter(|group| group["spoke"] == 0) {
        assert_eq!((&group["gain"]["value"], &group["evidence"]), (&0.0.into(), &1.0.into()), "{group}");
    }
    assert!(
        report["abstained"].as_u64().unwrap() < 20,
        "a fit that is due in 63 rows is not out of date before"
    );
    assert_eq!(report["build"], if cfg!(debug_assertions) { "dev" } else { "release" });
    let of_flows = evaluate(&["--target", "flows-5s"]);
    assert!(of_flows["n"].as_u64().unwrap() > 200, "{of_flows}");
    for (words, says) in [
        (&["--target", "flows-5s", "--asset", "ETH"][..], "too few fund flows of ETH"),
        (&["--target", "burst-24h"], "too few liquidations of BTC"),
        (&["--target", "vol-24h"], "too few hourly bars of BTC"),
        (&["--target", "vol-5d", "--horizon", "7"], "vol-5d is over 5 rows"),
        (&["--input", "BTC-USD.csv", "--asset", "BTC"], "--asset"),
    ] {
        let output = place.run(&[&["--store", "S", "evaluate"], words].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains(says), "{words:?}: {said}");
    }
}
