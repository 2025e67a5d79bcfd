//! `vigie replay`: recordings through the same decoders, rules and store as live.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use market::{Board, Mode, Timestamp};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Global, log_to_stderr, runtime, say, say_json};
use crate::daemon::until_told_to_stop;
use crate::engine::{Replay, ReplayReport, Speed};
use crate::failure::Failure;
use crate::tui::{self, WhenOver};

/// See the module.
#[derive(Debug, Args)]
pub(super) struct ReplayFiles {
    /// Recordings made by `vigie record`, or cryptofeed 3 captures; .zst or plain
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How fast: 1, 10, any factor, or max
    #[arg(long, default_value = "max", value_parser = parse_speed)]
    speed: Speed,
    /// Show the screen while it plays
    #[arg(long)]
    tui: bool,
    /// Print alerts and counts as JSON lines
    #[arg(long)]
    json: bool,
}

fn parse_speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed::Max);
    }
    text.parse::<f64>()
        .ok()
        .filter(|times| (0.001..=1e6).contains(times))
        .map(Speed::Times)
        .ok_or_else(|| format!("{text:?} is no speed; write 1, 10, another factor, or max"))
}

impl ReplayFiles {
    pub(super) fn run(self, global: &Global) -> Result<(), Failure> {
        if self.tui { self.show(global) } else { log_to_stderr(|| self.report(global)) }
    }

    fn plan(&self, global: &Global, options: store::StoreOptions, cancel: CancellationToken) -> Replay {
        Replay {
            files: self.files.clone(),
            speed: self.speed,
            // A replay writes into a store only when told which: never into the one live data go to.
            store: global.store.clone().map(|dir| (dir, options)),
            cancel,
            publisher: None,
        }
    }

    /// Plays without a screen and says what was counted.
    fn report(&self, global: &Global) -> Result<(), Failure> {
        let mut settings = global.settings()?;
        let rules = std::mem::take(&mut settings.rules);
        let cancel = CancellationToken::new();
        let replay = self.plan(global, settings.store_options, cancel.clone());
        let runtime = runtime()?;
        let stop = cancel.clone();
        runtime.spawn(async move {
            let _ = until_told_to_stop(None).await;
            stop.cancel();
        });
        let mut said = Ok(());
        let report = replay.run(&settings, rules, &mut |alert| {
            if said.is_ok() {
                said = if self.json {
                    say_json(&json!({ "alert": alert }))
                } else {
                    say(&format!(
                        "{}  {:<8}  {:<13}  {}: {}",
                        alert.at,
                        alert.severity.as_str(),
                        alert.state.as_str(),
                        alert.rule,
                        alert.headline
                    ))
                };
            }
        })?;
        runtime.shutdown_background();
        said?;
        if self.json {
            say_json(&as_json(&report))?;
        } else {
            say(&as_text(&report))?;
        }
        match report.unreadable {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }

    /// Plays behind the screen.
    fn show(&self, global: &Global) -> Result<(), Failure> {
        let mut settings = global.settings()?;
        let rules = std::mem::take(&mut settings.rules);
        let screen = tui::Screen::open(settings.theme)?;
        let cancel = CancellationToken::new();
        let mut replay = self.plan(global, settings.store_options, cancel.clone());
        let (publisher, board) = watch::channel(Arc::new(Board::new(Mode::Replay, Timestamp::EPOCH)));
        replay.publisher = Some(publisher);
        let thread = std::thread::Builder::new()
            .name("replay".to_owned())
            .spawn(move || replay.run(&settings, rules, &mut |_| {}))
            .map_err(|error| Failure::Bug(format!("start the replay's thread: {error}")))?;
        let shown = screen.run(board, WhenOver::Stay);
        cancel.cancel();
        thread.thread().unpark();
        let played = thread.join().map_err(|_| Failure::Bug("the replay panicked".to_owned()))?;
        shown?;
        match played?.unreadable {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }
}

fn as_json(report: &ReplayReport) -> Value {
    let frames: Vec<Value> = report
        .hub
        .tally
        .frames
        .iter()
        .map(|((feed, kind), count)| json!({ "feed": feed, "kind": kind, "frames": count }))
        .collect();
    json!({
        "from": report.from.map(|from| from.to_string()),
        "to": report.to.map(|to| to.to_string()),
        "frames": frames,
        "skipped_lines": report.skipped,
        "liquidations": report.hub.tally.liquidations,
        "events": report.hub.tally.events,
        "alerts": report.hub.tally.alerts,
        "stored_frames": report.stored,
        "already_stored_frames": report.already_stored,
        "elapsed_secs": report.elapsed.as_secs_f64(),
    })
}

fn as_text(report: &ReplayReport) -> String {
    let mut lines = Vec::new();
    if let (Some(from), Some(to)) = (report.from, report.to) {
        lines.push(format!("recorded   {from} to {to}"));
    }
    for ((feed, kind), count) in &report.hub.tally.frames {
        lines.push(format!("{count:>10}  {feed} frames: {kind}"));
    }
    for (kind, count) in &report.skipped {
        lines.push(format!("{count:>10}  lines without a frame for us: {kind}"));
    }
    lines.push(format!("{:>10}  liquidations", report.hub.tally.liquidations));
    lines.push(format!("{:>10}  alerts", report.hub.tally.alerts));
    if report.hub.board.store.path.is_some() {
        lines.push(format!("{:>10}  frames stored", report.stored));
        lines.push(format!("{:>10}  frames already in the store", report.already_stored));
    }
    let frames: u64 = report.hub.tally.frames.values().sum();
    let secs = report.elapsed.as_secs_f64();
    lines.push(format!("{:>10.3}  seconds ({:.0} frames/s)", secs, frames as f64 / secs.max(1e-9)));
    lines.join("\n")
}
