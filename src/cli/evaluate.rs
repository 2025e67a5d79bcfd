//! `vigie evaluate`: how good forecasts of regime shifts are, walking forward, against naive baselines.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use feeds::import::{ImportError, Series, TimeColumn, series};
use market::{Clock, Timestamp};
use models::Samples;
use models::features::{self, History};
use models::forecast::{self, Evaluation, ForecastError, PriceProtocol, Protocol, Share, Task, Walk};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::import::{refused, sheet};
use super::progress::bar;
use super::{Global, say, say_json};
use crate::chart;
use crate::clock::SystemClock;
use crate::failure::Failure;
use crate::forecasting::{feature_set, read_history};
use crate::ledger::Digest;

/// See the module. `docs/evidence.md` has the protocol. Ctrl-C stops; with --state the same command goes on.
#[derive(Debug, Args)]
pub(super) struct Evaluate {
    /// CSV or Parquet file of prices, oldest first, one row a day or an hour; without it, the store's own history is
    /// evaluated
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Its column of times; the one called date, time, timestamp or alike unless given
    #[arg(long, value_name = "COL", requires = "input")]
    time: Option<String>,
    /// Its column of closes, in any case of letters
    #[arg(long, value_name = "COL", default_value = "close", requires = "input")]
    close: String,
    /// What is forecast: vol (of a file), or a target of the store, such as vol-24h
    #[arg(long, value_name = "TARGET", default_value = "vol")]
    target: String,
    /// The coin, where the store's history is evaluated; the configuration's unless given
    #[arg(long, value_name = "COIN", conflicts_with = "input")]
    asset: Option<String>,
    /// Rows in a window of a file, and from a decision to the end of the window it speaks of; 5 unless given
    #[arg(long, value_name = "H", value_parser = rows)]
    horizon: Option<usize>,
    /// Rows before the first forecast; 700 for a file, the target's own for the store
    #[arg(long, value_name = "N", value_parser = rows)]
    min_train: Option<usize>,
    /// Rows from one fit to the next; 63 for a file, the target's own for the store
    #[arg(long, value_name = "M", value_parser = rows)]
    refit: Option<usize>,
    /// The first moment scored; earlier rows train
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// The last moment scored
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
    /// Seed of the draws behind intervals
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Where a walk that is stopped is kept; the same command goes on with it
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Also check for a look ahead: scramble what became known after random moments, and compare all that came before
    #[arg(long)]
    audit: bool,
    /// Draw forecast against what happened
    #[arg(long, value_name = "FILE.svg")]
    chart: Option<PathBuf>,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

/// A number of rows. Beyond any series there is nothing to ask for, and sums of rows stay numbers.
fn rows(text: &str) -> Result<usize, String> {
    const MOST: usize = 1_000_000_000;
    let count: usize = text.parse().map_err(|_| "give a whole number of rows".to_owned())?;
    if count > MOST { Err(format!("use at most {MOST}")) } else { Ok(count) }
}

/// Of which profile this program is: its seconds are those of that.
const BUILD: &str = if cfg!(debug_assertions) { "dev" } else { "release" };

/// A close that is so many times the one before, either way, is hardly a return.
const LARGEST_MOVE: f64 = 10.0;

/// What was evaluated.
struct Found {
    title: String,
    evaluation: Evaluation,
    seconds: f64,
    audit: Option<features::AuditReport>,
    left_out: usize,
}

impl Evaluate {
    pub(super) fn run(self, global: &Global) -> Result<(), Failure> {
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from > to
        {
            return Err(Failure::Usage(format!(
                "--from {from} is after --to {to}; nothing lies between them"
            )));
        }
        let stopped = stop_on_interrupt()?;
        let found = match &self.input {
            Some(path) => self.of_file(path, &stopped)?,
            None => self.of_store(global, &stopped)?,
        };
        if let Some(path) = &self.chart {
            let bins: Vec<(f64, f64, usize)> = found
                .evaluation
                .reliability
                .iter()
                .map(|bin| (bin.mean_forecast, bin.observed, bin.n))
                .collect();
            let svg = chart::reliability(&chart::ReliabilityChart { title: &found.title, bins: &bins })
                .map_err(|error| Failure::Bug(error.to_string()))?;
            std::fs::write(path, svg).map_err(|error| {
                let path = path.display();
                Failure::Usage(format!("write {path}: {error}; choose another place with --chart"))
            })?;
        }
        if self.json { say_json(&as_json(&found)?) } else { say(&as_text(&found)) }
    }

    fn of_file(&self, path: &Path, stopped: &AtomicBool) -> Result<Found, Failure> {
        if self.target != "vol" {
            let problem = format!("--target {} is of the store; a file of prices has only vol", self.target);
            return Err(Failure::Usage(problem));
        }
        if self.audit {
            let problem = "--audit is for the store: a file does not say when its prices were known";
            return Err(Failure::Usage(problem.to_owned()));
        }
        let time = self.time.as_deref().map_or(TimeColumn::Found, TimeColumn::Named);
        let read =
            series(&sheet(path)?, std::slice::from_ref(&self.close), time).map_err(|error| match error {
                ImportError::NoColumn { .. } => {
                    let remedy = "name yours with --close and --time";
                    Failure::Usage(format!("{}: {error}; {remedy}", path.display()))
                }
                error => refused(path, error),
            })?;
        self.check_prices(path, &read)?;
        let prices: Vec<(Timestamp, f64)> =
            read.times.iter().copied().zip(read.rows.iter().map(|row| row[0])).collect();
        let horizon = self.horizon.unwrap_or(5);
        let protocol = PriceProtocol {
            horizon,
            min_train: self.min_train.unwrap_or(700),
            refit: self.refit.unwrap_or(63),
            from: self.from,
            to: self.to,
            seed: self.seed,
        };
        let begun = Instant::now();
        let file = path.display().to_string();
        let samples = protocol.samples(&prices).map_err(|error| match error {
            ForecastError::TooFewRows { rows, needed } => Failure::Usage(format!(
                "{file}: {rows} closes are too few; at least {needed} are needed, {} to look back on, --min-train {}, \
                 --horizon {horizon} and one to forecast from; take a longer file or a smaller --min-train",
                protocol.look_back(),
                protocol.min_train
            )),
            error => Failure::Usage(format!("{file}: {error}")),
        })?;
        let task = protocol.task();
        let walk = self.walk(&file, &samples, &task, &protocol.walk(), stopped)?;
        let evaluation = report(&file, &walk, &task)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(Found {
            title: format!("{name}: volatility over {horizon} rows"),
            evaluation,
            seconds: begun.elapsed().as_secs_f64(),
            audit: None,
            left_out: read.left_out.len(),
        })
    }

    /// Refuses what is no price by its place in the file, and tells of what is hardly one.
    fn check_prices(&self, path: &Path, read: &Series) -> Result<(), Failure> {
        let closes = || read.numbers.iter().zip(read.rows.iter().map(|row| row[0]));
        if let Some((row, close)) = closes().find(|(_, close)| *close <= 0.0) {
            return Err(Failure::Usage(format!(
                "{}: row {row}, column {}: {close} is no price; correct it, or empty the cell to leave the row out",
                path.display(),
                self.close
            )));
        }
        let jumps = closes().zip(closes().skip(1)).filter(|((_, before), (_, close))| {
            let times = close / before;
            !(1.0 / LARGEST_MOVE..=LARGEST_MOVE).contains(&times)
        });
        let mut jumps = jumps.map(|((_, before), (row, close))| (row, before, close)).peekable();
        if let Some((row, before, close)) = jumps.peek().copied() {
            tracing::warn!(
                row,
                before,
                close,
                such_moves = jumps.count(),
                "a close is more than {LARGEST_MOVE} times the one before it, or less than its {LARGEST_MOVE}th: a \
                 split, or another unit? it counts as a return"
            );
        }
        Ok(())
    }

    fn of_store(&self, global: &Global, stopped: &AtomicBool) -> Result<Found, Failure> {
        let settings = global.settings()?;
        let config = &settings.config.forecast;
        let asset = self.asset.as_deref().unwrap_or(&config.asset).to_ascii_uppercase();
        let id = if self.target == "vol" { "vol-5d" } else { self.target.as_str() };
        let task: &'static Task = forecast::task(id).ok_or_else(|| {
            Failure::Usage(format!("--target {id} is no target; known are {}", market::target_names()))
        })?;
        if let Some(horizon) = self.horizon.filter(|horizon| *horizon != task.horizon) {
            let problem = format!("--horizon {horizon} is for a file; {id} is over {} rows", task.horizon);
            return Err(Failure::Usage(problem));
        }
        let now = self.to.unwrap_or_else(|| SystemClock.now());
        let history = read_history(&settings.store_dir, &asset, now)?;
        let begun = Instant::now();
        let set = feature_set(task, &history, &asset, now)?;
        let own = Protocol::of(task);
        let protocol = Protocol {
            min_train: self.min_train.unwrap_or(own.min_train),
            refit: self.refit.unwrap_or(own.refit),
            from: self.from,
            to: self.to,
            seed: self.seed,
            abstain_beyond: config.abstain_beyond,
            drift_delta: config.drift_delta,
            ..own
        };
        // A walk refits on its own schedule, however long that is: no fit of it is out of date.
        let walked = Task { expiry: Duration::from_hours(24 * 365 * 100), ..*task };
        let walk = self.walk(id, &set.samples, &walked, &protocol, stopped)?;
        let evaluation = report(id, &walk, &walked)?;
        let seconds = begun.elapsed().as_secs_f64();
        let audit = if self.audit { Some(audit(&history, task, &asset, now, self.seed)?) } else { None };
        Ok(Found { title: format!("{id} of {asset} in the store"), evaluation, seconds, audit, left_out: 0 })
    }
}

/// A walk that was stopped, and what it walked through.
#[derive(Serialize, Deserialize)]
struct State {
    /// BLAKE3 of every row.
    rows: Digest,
    walk: Walk,
}

impl Evaluate {
    /// Walks through all rows, from where a stopped walk left off if there is one.
    fn walk(
        &self,
        name: &str,
        samples: &Samples,
        task: &Task,
        protocol: &Protocol,
        stopped: &AtomicBool,
    ) -> Result<Walk, Failure> {
        let rows = digest(samples);
        let failed = |error: ForecastError| Failure::Usage(format!("{name}: {error}"));
        let mut walk = match self.state.as_deref() {
            Some(path) if path.exists() => State::load(path, rows, protocol)?.walk,
            state => {
                // Better now than when there is something to lose.
                if let Some(path) = state {
                    kept_beside(path).map_err(|error| unkept(path, &error))?;
                }
                Walk::begin(samples, task, protocol).map_err(failed)?
            }
        };
        let bar = bar("walk", samples.rows() as u64, "rows");
        tracing::info!(task = task.id, rows = samples.rows(), "walking");
        let outcome = walk.advance(samples, task, &mut |done, _| {
            bar.set_position(done as u64);
            go_on(stopped)
        });
        bar.finish_and_clear();
        match (outcome, &self.state) {
            (Err(ForecastError::Stopped { done, total }), Some(path)) => {
                State { rows, walk }.keep(path)?;
                let kept = path.display();
                Err(Failure::Usage(format!(
                    "stopped after {done} of {total} rows; kept in {kept}, and the same command goes on"
                )))
            }
            (Err(error @ ForecastError::Stopped { .. }), None) => {
                Err(Failure::Usage(format!("{name}: {error}; with --state FILE it would have been kept")))
            }
            (outcome, _) => outcome.map(|()| walk).map_err(failed),
        }
    }
}

/// What the first line of a kept walk begins with; the BLAKE3 of all that follows it ends that line.
const SEAL: &str = "# blake3 ";

impl State {
    fn load(path: &Path, rows: Digest, protocol: &Protocol) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| Failure::Read { path: path.to_owned(), source })?;
        let refused = |problem: &str| {
            Failure::Usage(format!("{}: {problem}; remove it to begin again", path.display()))
        };
        let sealed = text.strip_prefix(SEAL).and_then(|text| text.split_once('\n'));
        let (seal, text) = sealed.ok_or_else(|| refused("this is no walk that was kept"))?;
        if seal != Digest::of(text.as_bytes()).to_string() {
            return Err(refused("this walk was cut or altered"));
        }
        let state: Self = toml::from_str(text).map_err(|error| refused(error.message()))?;
        if state.rows != rows || state.walk.protocol != *protocol {
            return Err(refused("this walk is through other rows, or by other options"));
        }
        Ok(state)
    }

    /// Beside the file and renamed: a walk that was kept before is not lost to one that cannot be.
    fn keep(&self, path: &Path) -> Result<(), Failure> {
        let text = toml::to_string(self).map_err(|error| Failure::Bug(format!("write the walk: {error}")))?;
        let write = || {
            let mut file = kept_beside(path)?;
            write!(file, "{SEAL}{}\n{text}", Digest::of(text.as_bytes()))?;
            file.persist(path).map_err(|error| error.error)
        };
        write().map(drop).map_err(|error| unkept(path, &error))
    }
}

fn kept_beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    tempfile::NamedTempFile::new_in(directory.unwrap_or(Path::new(".")))
}

fn unkept(path: &Path, error: &io::Error) -> Failure {
    Failure::Usage(format!("write {}: {error}; choose another place with --state", path.display()))
}

/// Scores a walk; where nothing can be scored it says what could be.
fn report(name: &str, walk: &Walk, task: &Task) -> Result<Evaluation, Failure> {
    walk.report(task).map_err(|error| {
        if walk.scored().next().is_some() {
            return Failure::Usage(format!("{name}: {error}"));
        }
        let mut known =
            walk.rows.iter().filter(|row| row.row >= walk.protocol.min_train && row.shifted.is_some());
        let problem = match (known.next(), known.next_back()) {
            (Some(first), last) => {
                let last = last.unwrap_or(first).time;
                let first = first.time;
                format!(
                    "forecasts whose outcome is known are from {first} to {last}; choose --from and --to so"
                )
            }
            (None, _) => "no forecast's outcome is known yet; take a longer stretch or a smaller --min-train"
                .to_owned(),
        };
        Failure::Usage(format!("{name}: nothing to score: {problem}"))
    })
}

fn digest(samples: &Samples) -> Digest {
    let mut bytes = Vec::new();
    for (row, bits) in features::bits(samples) {
        bytes.extend(row.as_micros().to_le_bytes());
        bytes.extend(bits.into_iter().flat_map(u64::to_le_bytes));
    }
    Digest::of(&bytes)
}

/// Whether anything in a row's features changes when what became known later does.
fn audit(
    history: &History,
    task: &'static Task,
    asset: &str,
    now: Timestamp,
    seed: u64,
) -> Result<features::AuditReport, Failure> {
    const CUTS: usize = 8;
    let build = |history: &History| match feature_set(task, history, asset, now) {
        Ok(set) => features::bits(&set.samples),
        Err(_) => Vec::new(),
    };
    features::audit(history, &build, CUTS, seed)
        .map_err(|leak| Failure::Bug(format!("{}: the features look ahead: {leak}", task.id)))
}

fn stop_on_interrupt() -> Result<Arc<AtomicBool>, Failure> {
    let stopped = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stopped);
    let runtime = super::runtime()?;
    std::thread::Builder::new()
        .name("interrupt".to_owned())
        .spawn(move || {
            if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
                told.store(true, Ordering::Relaxed);
            }
        })
        .map_err(|error| Failure::Bug(format!("watch for Ctrl-C: {error}")))?;
    Ok(stopped)
}

fn go_on(stopped: &AtomicBool) -> ControlFlow<()> {
    if stopped.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// `+21.6 % [18.9, 24.2]`.
pub(super) fn share(share: &Share) -> String {
    let end = |end: Option<f64>| end.map_or_else(|| "?".to_owned(), |end| format!("{:+.1}", end * 100.0));
    format!("{:+.1} % [{}, {}]", share.value * 100.0, end(share.low), end(share.high))
}

fn as_json(found: &Found) -> Result<Value, Failure> {
    let mut value = serde_json::to_value(&found.evaluation)
        .map_err(|error| Failure::Bug(format!("write JSON: {error}")))?;
    value["from"] = json!(found.evaluation.from.to_string());
    value["to"] = json!(found.evaluation.to.to_string());
    value["seconds"] = json!(found.seconds);
    value["build"] = json!(BUILD);
    value["left_out"] = json!(found.left_out);
    if let Some(audit) = &found.audit {
        value["audit"] = json!({
            "cuts": audit.cuts, "rows_compared": audit.rows_compared, "words_changed": audit.words_changed,
            "rows_moved": audit.rows_moved, "leaks": 0,
        });
    }
    Ok(value)
}

pub(super) fn as_lines(evaluation: &Evaluation) -> String {
    let mut text = String::new();
    let losses = &evaluation.log_loss;
    let _ = writeln!(
        text,
        "{} forecasts from {} to {}; {} were followed by a shift ({:.1} %)",
        evaluation.n,
        evaluation.from.date(),
        evaluation.to.date(),
        evaluation.shifts,
        evaluation.event_rate * 100.0
    );
    let _ = writeln!(
        text,
        "log loss, nats     model {:.4}  base {:.4}  Markov {:.4}  margin-only {:.4}",
        losses.model, losses.base, losses.markov, losses.margin_only
    );
    let _ = writeln!(
        text,
        "skill              {} against {}",
        share(&evaluation.skill),
        evaluation.skill.against
    );
    let _ = writeln!(text, "over margin-only   {}", share(&evaluation.skill_over_margin));
    if let Some(test) = &evaluation.diebold_mariano {
        let _ = writeln!(text, "Diebold–Mariano    {:+.2}, p {:.4}", test.statistic, test.p_value);
    }
    let brier = &evaluation.brier;
    let _ = writeln!(
        text,
        "Brier              {:.4} = reliability {:.4} − resolution {:.4} + uncertainty {:.4} + within bins {:+.4}",
        brier.score,
        brier.reliability,
        brier.resolution,
        brier.uncertainty,
        brier.within_variance - brier.within_covariance
    );
    let (rows, episodes) = (&evaluation.alarms.rows, &evaluation.alarms.episodes);
    let percent =
        |share: Option<f64>| share.map_or("?".to_owned(), |share| format!("{:.0} %", share * 100.0));
    let _ = writeln!(
        text,
        "alarms             on {:.0} % of rows: precision {}, recall {}; lead {} rows, {:.1} false a month",
        rows.rate * 100.0,
        percent(rows.precision),
        percent(rows.recall),
        episodes.lead_rows.map_or("?".to_owned(), |lead| format!("{lead:.0}")),
        episodes.false_per_month
    );
    let experts: Vec<String> =
        evaluation.experts.iter().map(|(name, loss)| format!("{name} {loss:.4}")).collect();
    let _ = writeln!(text, "experts, nats      {}", experts.join("  "));
    for group in &evaluation.ablation {
        let verdict = match (group.is_admitted, group.gain.low) {
            _ if group.spoke == 0 => "nothing known",
            (true, _) => "admitted",
            (false, Some(low)) if low > 0.0 => "a gain, not admitted yet",
            (false, _) if group.gain.high.is_some_and(|high| high < 0.0) => "a loss",
            (false, _) => "no measurable gain",
        };
        let _ = writeln!(
            text,
            "group {:<13}{}: {verdict}, evidence {:.2}, spoke in {} rows",
            group.group,
            share(&group.gain),
            group.evidence,
            group.spoke
        );
    }
    text.push_str("forecast → happened");
    for bin in &evaluation.reliability {
        let _ =
            write!(text, "  {:.1}→{:.1} % (n {})", bin.mean_forecast * 100.0, bin.observed * 100.0, bin.n);
    }
    text.push('\n');
    let _ = write!(text, "abstained          {}; they are scored all the same", evaluation.abstained);
    text
}

fn as_text(found: &Found) -> String {
    let mut text = format!("{}\n{}", found.title, as_lines(&found.evaluation));
    if let Some(audit) = &found.audit {
        let _ = write!(
            text,
            "\nno look ahead      {} cuts, {} words scrambled, {} earlier rows the same to the bit, {} later rows moved",
            audit.cuts, audit.words_changed, audit.rows_compared, audit.rows_moved
        );
    }
    if found.left_out > 0 {
        let _ = write!(text, "\nleft out           {} rows without a value", found.left_out);
    }
    let _ = write!(text, "\ntook               {:.2} s ({BUILD} build)", found.seconds);
    text
}
