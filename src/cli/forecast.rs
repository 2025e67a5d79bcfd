//! `vigie train` and `vigie forecast`: from what the store knew to an artefact, and from that to a forecast.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::sync::Arc;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use market::{
    Clock, FORECASTER, Forecast, GroupStanding, Interval95, LiveRecord, LiveScore, Outlook, TARGETS,
    Timestamp, target,
};
use models::forecast::Task;
use serde_json::{Value, json};
use smol_str::SmolStr;
use store::{Record, Store};

use super::progress::bar;
use super::{Global, say, say_json};
use crate::clock::SystemClock;
use crate::failure::Failure;
use crate::forecasting::{
    ForecastConfig, Forecaster, Said, Shelf, Trained, feature_set, read_history, train,
};

/// See the module. Trains an artefact for each target and scores it walking forward; the watch does the same once
/// a day.
#[derive(Debug, Args)]
pub(super) struct Train {
    /// Only this target; may be given more than once
    #[arg(long, value_name = "TARGET", value_parser = target_parser())]
    target: Vec<&'static str>,
    /// The coin; the configuration's unless given
    #[arg(long, value_name = "COIN")]
    asset: Option<String>,
    /// Print the cards as JSON
    #[arg(long)]
    json: bool,
}

/// See the module.
#[derive(Debug, Args)]
pub(super) struct ForecastNow {
    /// What would have been said at this moment, from what was known then; nothing is written down
    #[arg(long, value_name = "TIME")]
    as_of: Option<Timestamp>,
    /// Only this target; may be given more than once
    #[arg(long, value_name = "TARGET", value_parser = target_parser())]
    target: Vec<&'static str>,
    /// The coin; the configuration's unless given
    #[arg(long, value_name = "COIN")]
    asset: Option<String>,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

fn target_parser() -> impl TypedValueParser<Value = &'static str> {
    let named = |id: String| target(&id).map(|target| target.id).ok_or("is no target");
    PossibleValuesParser::new(TARGETS.map(|target| target.id)).try_map(named)
}

/// The configuration, with the targets and the coin that the command line names.
fn chosen(
    config: &ForecastConfig,
    targets: &[&'static str],
    asset: Option<&str>,
) -> Result<ForecastConfig, Failure> {
    let targets = if targets.is_empty() {
        config.targets.clone()
    } else {
        targets.iter().map(|id| SmolStr::new(*id)).collect()
    };
    let asset = asset.map_or_else(|| config.asset.clone(), |asset| asset.to_ascii_uppercase().into());
    let chosen = ForecastConfig { asset, targets, ..config.clone() };
    chosen.check().map_err(|(key, problem)| Failure::Usage(format!("--{key} {problem}")))?;
    Ok(chosen)
}

/// An artefact trained on what the store holds, with a bar while it walks.
fn train_on(
    config: &ForecastConfig,
    task: &'static Task,
    history: &models::features::History,
    now: Timestamp,
) -> Result<Trained, Failure> {
    let set = feature_set(task, history, &config.asset, now)?;
    let bar = bar(task.id, set.samples.rows() as u64, "rows");
    let outcome = train(config, task, &set, now, &mut |done, _| {
        bar.set_position(done as u64);
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    Ok(outcome?)
}

impl Train {
    pub(super) fn run(self, global: &Global) -> Result<(), Failure> {
        let settings = global.settings()?;
        let config = chosen(&settings.config.forecast, &self.target, self.asset.as_deref())?;
        let now = SystemClock.now();
        let history = read_history(&settings.store_dir, &config.asset, now)?;
        let artefacts = Shelf::new(&settings.store_dir);
        let mut failed = Vec::new();
        let mut count = 0;
        for task in config.tasks() {
            match train_on(&config, task, &history, now) {
                Ok(trained) => {
                    artefacts.keep(&trained).map_err(crate::forecasting::ForecastFailure::from)?;
                    count += 1;
                    if self.json {
                        say_json(&trained.card)?;
                    } else {
                        say(&format!("{}: {}", trained.card.id, verdict(&trained)))?;
                    }
                }
                Err(error) => failed.push(error.to_string()),
            }
        }
        for reason in &failed {
            if self.json {
                say_json(&json!({ "failed": reason }))?;
            } else {
                say(&format!("not trained: {reason}"))?;
            }
        }
        match failed.into_iter().next() {
            Some(reason) if count == 0 => Err(Failure::Usage(format!("nothing could be trained: {reason}"))),
            _ => Ok(()),
        }
    }
}

/// One line on how good an artefact is.
fn verdict(trained: &Trained) -> String {
    let card = &trained.card;
    let Some(evaluation) = &card.evaluation else {
        return format!("{} rows; nothing could be scored yet", card.rows);
    };
    format!(
        "{} rows, {} forecasts scored; skill {} against {}, {} over the margin alone",
        card.rows,
        evaluation.n,
        super::evaluate::share(&evaluation.skill),
        evaluation.skill.against,
        super::evaluate::share(&evaluation.skill_over_margin),
    )
}

impl ForecastNow {
    pub(super) fn run(self, global: &Global) -> Result<(), Failure> {
        let settings = global.settings()?;
        let config = chosen(&settings.config.forecast, &self.target, self.asset.as_deref())?;
        let mut forecaster = Forecaster::new(config, &settings.store_dir);
        let is_recorded = self.as_of.is_none();
        let said = if let Some(then) = self.as_of {
            let now = SystemClock.now();
            if then > now {
                let problem = format!("--as-of {then} is still to come; it is {now}");
                return Err(Failure::Usage(problem));
            }
            forecaster.rehearse(then)?
        } else {
            // The store first: what it cannot keep is not written down either.
            let (mut store, _) =
                Store::open(&settings.store_dir, settings.store_options, Arc::new(SystemClock))?;
            let now = SystemClock.now();
            let mut said = Said::default();
            let passed = forecaster.pass(now, &|| false, &mut |told| said.add(told));
            if !said.events.is_empty() {
                store.append(Record::Batch { origin: FORECASTER, at: now, events: &said.events })?;
            }
            store.flush()?;
            store.close()?;
            passed?;
            said
        };
        if self.json {
            let outlooks: Vec<Value> = said.outlooks.iter().map(as_json).collect();
            let silences: Vec<Value> = said
                .silences
                .iter()
                .map(|silence| json!({ "target": silence.target, "reason": silence.reason }))
                .collect();
            return say_json(
                &json!({ "recorded": is_recorded, "forecasts": outlooks, "silences": silences }),
            );
        }
        for outlook in &said.outlooks {
            say(&as_text(outlook, is_recorded))?;
        }
        for silence in &said.silences {
            say(&format!("nothing to say: {}", silence.reason))?;
        }
        if !is_recorded {
            say("not written down: it speaks of the past")?;
        }
        Ok(())
    }
}

fn as_text(outlook: &Outlook, is_recorded: bool) -> String {
    let Forecast { target, asset, until, shift, abstained, baselines, regimes, model, sequence, .. } =
        &outlook.forecast;
    let reading = &outlook.reading;
    let name = |regime: &u8| outlook.names.get(usize::from(*regime)).map_or("?", SmolStr::as_str);
    let mut text = format!("{target} {asset}: {}, as of {}\n", outlook.about, outlook.made_at);
    let _ = writeln!(text, "  regime      {} since {}", reading.name, reading.since);
    match (shift, abstained) {
        (Some(chances), _) => {
            let set: Vec<&str> = regimes.iter().map(name).collect();
            let _ = writeln!(
                text,
                "  shift       {:.1} % [{:.1}, {:.1}] by {until}; at nine in ten: {}",
                chances.probability * 100.0,
                chances.low * 100.0,
                chances.high * 100.0,
                set.join(" or ")
            );
        }
        (None, reason) => {
            let _ = writeln!(text, "  abstained   {}", reason.as_deref().unwrap_or("without a reason"));
        }
    }
    let _ = writeln!(
        text,
        "  baselines   base {:.1} %, Markov {:.1} %, margin-only {:.1} %",
        baselines.base * 100.0,
        baselines.markov * 100.0,
        baselines.margin_only * 100.0
    );
    let drivers: Vec<String> = outlook
        .drivers
        .iter()
        .take(6)
        .map(|driver| format!("{} {:+.2}", driver.name, driver.contribution))
        .collect();
    let _ = writeln!(text, "  drivers     {} (parts of the logit)", drivers.join(", "));
    let groups = |of: fn(&GroupStanding) -> bool| {
        let names: Vec<&str> =
            outlook.groups.iter().filter(|group| of(group)).map(|group| group.name.as_str()).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    let _ = writeln!(
        text,
        "  groups      admitted: {}; no measurable gain: {}; nothing known: {}",
        groups(|group| group.is_admitted),
        groups(|group| !group.is_admitted && group.resolved > 0),
        groups(|group| !group.is_admitted && group.resolved == 0)
    );
    if let Some(score) = &outlook.score {
        let _ = writeln!(
            text,
            "  score       {} forecasts of the walk, {} shifts: skill {}, over the margin alone {}",
            score.n,
            score.shifts,
            skill(&score.skill),
            skill(&score.over_margin)
        );
    }
    let _ = writeln!(text, "  live        {}", live_text(&outlook.live));
    let _ = write!(text, "  model       {model}");
    if is_recorded {
        let _ = write!(text, ", ledger record {sequence}");
    }
    text
}

/// `+4.0 % [-1.3, +6.7]`; without an interval there is no number either.
fn skill(of: &Interval95) -> String {
    if of.low.is_finite() && of.high.is_finite() {
        format!("{:+.1} % [{:+.1}, {:+.1}]", of.value * 100.0, of.low * 100.0, of.high * 100.0)
    } else {
        "not known yet, too few rows for an interval".to_owned()
    }
}

/// The naive forecast that live ones are measured against, and its mean loss, nats.
fn better(score: &LiveScore) -> (&'static str, f64) {
    let naive = score.baselines;
    if naive.base < naive.markov { ("base", naive.base) } else { ("markov", naive.markov) }
}

/// How recorded forecasts did, on one line.
pub(super) fn live_text(live: &LiveRecord) -> String {
    let mut text = match &live.score {
        None => "no recorded forecast is resolved yet".to_owned(),
        Some(score) => {
            let (against, loss) = better(score);
            format!(
                "{} recorded forecasts resolved, {} shifts: log loss {:.4}, {against} {loss:.4}; skill {}, over the margin alone {}",
                score.n,
                score.shifts,
                score.log_loss,
                skill(&score.skill),
                skill(&score.over_margin)
            )
        }
    };
    let _ = write!(text, "; {} pending", live.pending);
    for (count, what) in [(live.abstained, "abstained"), (live.unknown, "without a known outcome")] {
        if count > 0 {
            let _ = write!(text, ", {count} {what}");
        }
    }
    if let Some(since) = live.drift {
        let _ = write!(text, "; drift since {since}");
    }
    text
}

/// The same for machines: what is not known is null.
pub(super) fn live_json(live: &LiveRecord) -> Value {
    let score = live.score.as_ref();
    let share = |of: &Interval95, against: &str| json!({ "value": of.value, "low": of.low, "high": of.high, "against": against });
    json!({
        "n": score.map_or(0, |score| score.n),
        "shifts": score.map_or(0, |score| score.shifts),
        "from": score.map(|score| score.from),
        "to": score.map(|score| score.to),
        "log_loss": score.map(|score| score.log_loss),
        "baseline_log_loss": score.map(|score| better(score).1),
        "skill": score.map(|score| share(&score.skill, better(score).0)),
        "skill_over_margin": score.map(|score| share(&score.over_margin, "margin-only")),
        "pending": live.pending,
        "unknown": live.unknown,
        "abstained": live.abstained,
        "drift_since": live.drift,
    })
}

fn as_json(outlook: &Outlook) -> Value {
    let drivers: Vec<Value> = outlook
        .drivers
        .iter()
        .map(|driver| json!({ "name": driver.name, "value": driver.value, "contribution": driver.contribution }))
        .collect();
    let groups: Vec<Value> = outlook
        .groups
        .iter()
        .map(|group| {
            json!({
                "name": group.name, "admitted": group.is_admitted, "evidence": group.evidence,
                "resolved": group.resolved,
            })
        })
        .collect();
    json!({
        "as_of": outlook.made_at,
        "forecast": outlook.forecast,
        "regime": outlook.reading,
        "drivers": drivers,
        "groups": groups,
        "live": live_json(&outlook.live),
        "expires_at": outlook.model.expires_at,
        "drift_since": outlook.model.drift,
    })
}
