//! The command line: what can be asked, and who answers.

mod backfill;
mod check_config;
mod daemon;
mod demo;
mod doctor;
mod evaluate;
mod events;
mod examples;
mod export;
mod forecast;
mod import;
mod ledger;
mod models;
mod progress;
mod rebuild;
mod record;
mod regimes;
mod replay;
mod sim;
mod snapshot;
mod status;
mod watch;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::config::{self, Settings};
use crate::failure::Failure;
use crate::{logging, output};

/// Watches crypto and AI converge, and forecasts regime shifts; without a command, on a screen.
#[derive(Debug, Parser)]
#[command(name = "vigie", version, max_term_width = 100, after_help = examples::VIGIE)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Where help lists what every command takes.
const GLOBAL: &str = "Global options";

#[derive(Debug, Args)]
struct Global {
    /// Configuration to use instead of ~/.config/vigie/config.toml or the built-in one
    #[arg(long, global = true, value_name = "FILE", help_heading = GLOBAL)]
    config: Option<PathBuf>,
    /// Store directory to use instead of the configured one
    #[arg(long, global = true, value_name = "DIR", help_heading = GLOBAL)]
    store: Option<PathBuf>,
}

impl Global {
    fn settings(&self) -> Result<Settings, Failure> {
        Ok(Settings::load(self.config.as_deref(), self.store.as_deref())?)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch a simulated market on a screen: no network, no keys, nothing kept
    #[command(after_help = examples::DEMO)]
    Demo(demo::Demo),
    /// Watch without a screen; alerts are JSON lines on stdout
    #[command(after_help = examples::DAEMON)]
    Daemon(daemon::Daemon),
    /// Check feeds, keys, clock, disk, store and terminal, and say what to do
    #[command(after_help = examples::DOCTOR)]
    Doctor(doctor::Doctor),
    /// Print the resolved configuration, or what is wrong with it
    #[command(after_help = examples::CHECK_CONFIG)]
    CheckConfig(check_config::CheckConfig),
    /// Fetch the past of a source into the store: bars, fund flows, liquidations
    #[command(after_help = examples::BACKFILL)]
    Backfill(backfill::BackfillSources),
    /// Take your own files of flows, prices, liquidations or treasuries into the store
    #[command(after_help = examples::IMPORT)]
    Import(import::ImportFiles),
    /// Write what the venues send to a recording
    #[command(after_help = examples::RECORD)]
    Record(record::RecordTo),
    /// Play recordings through the same decoders, rules and store as live
    #[command(after_help = examples::REPLAY)]
    Replay(replay::ReplayFiles),
    /// Decode every stored frame anew and replace the tables made from them
    #[command(after_help = examples::REBUILD)]
    Rebuild(rebuild::Rebuild),
    /// Say what the store holds
    #[command(after_help = examples::STATUS)]
    Status(status::Status),
    /// Write a table of the store as CSV or Parquet
    #[command(after_help = examples::EXPORT)]
    Export(export::Export),
    /// Draw a workspace or a panel as an SVG file
    #[command(after_help = examples::SNAPSHOT)]
    Snapshot(snapshot::Snapshot),
    /// List dated events that no feed tells, or study what they did to prices
    #[command(after_help = examples::EVENTS)]
    Events(events::Events),
    /// Fit a model of regimes to any series in a CSV or Parquet file
    #[command(after_help = examples::REGIMES)]
    Regimes(regimes::Regimes),
    /// Score forecasts of regime shifts, walking forward, against naive baselines
    #[command(after_help = examples::EVALUATE)]
    Evaluate(evaluate::Evaluate),
    /// Train the forecaster's artefacts on what the store knows, and score them
    #[command(after_help = examples::TRAIN)]
    Train(forecast::Train),
    /// Forecast regime shifts from what the store knows, and write the forecast down
    #[command(after_help = examples::FORECAST)]
    Forecast(forecast::ForecastNow),
    /// List models and artefacts, show an artefact's card, or fit a model to stored liquidations
    #[command(after_help = examples::MODELS)]
    Models(models::Models),
    /// List, show, verify, replay, export or anchor the record of forecasts
    #[command(after_help = examples::LEDGER)]
    Ledger(ledger::Ledger),
    /// Serve simulated venues that speak the real ones' bytes
    #[command(after_help = examples::SIM)]
    Sim(sim::Sim),
}

/// Reads the process's arguments and does what they ask.
///
/// # Errors
/// Whatever the command could not do; see [`Failure`] for the exit codes.
pub fn run() -> Result<(), Failure> {
    let Arguments { global, command } = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        // Help and version go to stdout with code 0; mistakes to stderr with code 2.
        Err(error) => error.exit(),
    };
    let Some(command) = command else { return watch::run(&global) };
    match command {
        Command::Demo(demo) => demo.run(&global),
        Command::Daemon(daemon) => log_to_stderr(|| daemon.run(&global)),
        Command::Sim(sim) => log_to_stderr(|| sim.run()),
        Command::Record(record) => log_to_stderr(|| record.run(&global)),
        Command::Replay(replay) => replay.run(&global),
        Command::Backfill(backfill) => log_to_stderr(|| backfill.run(&global)),
        Command::Import(import) => log_to_stderr(|| import.run(&global)),
        Command::Export(export) => log_to_stderr(|| export.run(&global)),
        Command::Snapshot(snapshot) => log_to_stderr(|| snapshot.run(&global)),
        Command::Status(status) => log_to_stderr(|| status.run(&global)),
        Command::Events(events) => log_to_stderr(|| events.run(&global)),
        // Its own words are the report; the log speaks only when it is asked to.
        Command::Doctor(doctor) if config::log_filter().is_some() => log_to_stderr(|| doctor.run(&global)),
        Command::Doctor(doctor) => doctor.run(&global),
        Command::Models(models) => log_to_stderr(|| models.run(&global)),
        Command::Forecast(forecast) => log_to_stderr(|| forecast.run(&global)),
        Command::Train(train) => log_to_stderr(|| train.run(&global)),
        Command::Evaluate(evaluate) => log_to_stderr(|| evaluate.run(&global)),
        Command::Regimes(regimes) => log_to_stderr(|| regimes.run()),
        Command::Ledger(ledger) => log_to_stderr(|| ledger.run(&global)),
        Command::Rebuild(rebuild) => log_to_stderr(|| rebuild.run(&global)),
        Command::CheckConfig(check) => log_to_stderr(|| check.run(&global)),
    }
}

fn log_to_stderr(command: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    logging::to_stderr();
    command()
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Bug(format!("start the async runtime: {error}")))
}

/// `250ms`, `30s`, `5m`, `2h`, `1d`.
fn parse_span(text: &str) -> Result<Duration, String> {
    let refused = || format!("{text:?} is no length of time; write 250ms, 30s, 5m, 2h or 1d");
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(refused)?;
    let count: u64 = text[..split].parse().map_err(|_| refused())?;
    let millis: u64 = match &text[split..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(refused()),
    };
    count.checked_mul(millis).filter(|total| *total > 0).map(Duration::from_millis).ok_or_else(refused)
}

/// Prints a line to stdout; a reader that has gone away ends the command quietly.
fn say(line: &str) -> Result<(), Failure> {
    output::print(line).map_err(Failure::Stdout)
}

fn say_json<T: serde::Serialize>(value: &T) -> Result<(), Failure> {
    let line = serde_json::to_string(value).map_err(|error| Failure::Bug(format!("write JSON: {error}")))?;
    say(&line)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn spans_take_a_unit() {
        for (text, millis) in
            [("250ms", 250), ("30s", 30_000), ("5m", 300_000), ("2h", 7_200_000), ("1d", 86_400_000)]
        {
            assert_eq!(parse_span(text), Ok(Duration::from_millis(millis)));
        }
        for bad in ["", "30", "s", "5 m", "-1s", "0s", "1w", "99999999999999999999s", "9999999999999999999d"]
        {
            assert!(parse_span(bad).is_err(), "{bad}");
        }
    }
}
