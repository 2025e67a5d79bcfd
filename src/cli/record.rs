//! `vigie record`: what the venues send, into a recording.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use feeds::recording::RecordingWriter;
use market::Clock;
use serde_json::json;

use super::{Global, parse_span, runtime, say, say_json};
use crate::clock::SystemClock;
use crate::daemon;
use crate::engine::{Engine, OnStoreFailure, Plan};
use crate::failure::Failure;

/// See the module.
#[derive(Debug, Args)]
pub(super) struct RecordTo {
    /// File to write: JSON lines, compressed when its name ends in .zst
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Stop after this long
    #[arg(long = "for", value_name = "TIME", value_parser = parse_span)]
    span: Option<Duration>,
    /// Print the counts as JSON
    #[arg(long)]
    json: bool,
}

impl RecordTo {
    pub(super) fn run(self, global: &Global) -> Result<(), Failure> {
        let settings = global.settings()?;
        settings.require_feeds()?;
        let recorder = RecordingWriter::create(&self.out, SystemClock.now())?;
        let runtime = runtime()?;
        let plan = Plan {
            rules: Vec::new(),
            store: None,
            recorder: Some(recorder),
            on_store_failure: OnStoreFailure::Stop,
            ..Plan::of(settings)
        };
        let engine = Engine::start(runtime.handle(), plan)?;
        let report = runtime.block_on(daemon::run(engine, self.span))?;
        let frames: u64 = report.tally.frames.values().sum();
        if self.json {
            return say_json(
                &json!({ "out": self.out, "frames": frames, "events": report.tally.liquidations }),
            );
        }
        say(&format!("{}: {} liquidations in {frames} frames", self.out.display(), report.tally.liquidations))
    }
}
