//! `vigie ledger replay`: a forecast made again from its record.

use clap::Args;
use serde_json::json;

use super::{say, say_json};
use crate::config::Settings;
use crate::failure::Failure;
use crate::forecasting::{Replayer, Shelf};
use crate::ledger::{LedgerError, Reader, ReplayError, replay_many};

/// See the module.
#[derive(Debug, Args)]
pub(super) struct Replay {
    /// The forecast's sequence, from 0
    sequence: u64,
    /// How many times
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    times: u64,
    /// On how many threads
    #[arg(long, value_name = "T", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1024))]
    threads: u64,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

impl Replay {
    pub(super) fn run(self, reader: &Reader, settings: &Settings) -> Result<(), Failure> {
        let entry = reader.entry(self.sequence)?;
        let forecaster = Replayer::of(&entry, &Shelf::new(&settings.store_dir))
            .map_err(|problem| ReplayError { sequence: entry.sequence, problem })?;
        let replayed = replay_many(&entry, &forecaster, self.times, self.threads)?;
        let differences: Vec<String> = replayed.differences.iter().map(ToString::to_string).collect();
        if self.json {
            let answers: Vec<_> = replayed
                .answers
                .iter()
                .map(|(hash, times)| json!({ "hash": hash, "times": times }))
                .collect();
            say_json(&json!({
                "sequence": entry.sequence,
                "times": replayed.times,
                "threads": self.threads,
                "exact": replayed.is_exact(),
                "recorded": replayed.recorded,
                "answers": answers,
                "differences": differences,
            }))?;
        }
        if !replayed.is_exact() {
            let differences = differences.join("; ");
            return Err(LedgerError::NotReproduced { sequence: entry.sequence, differences }.into());
        }
        if self.json {
            return Ok(());
        }
        say(&format!(
            "record {}: {} of {} replays gave the recorded answer to the bit, hash {}",
            entry.sequence, replayed.times, replayed.times, replayed.recorded
        ))
    }
}
