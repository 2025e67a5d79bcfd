//! `vigie snapshot`: the screen as an SVG file, drawn by the program itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use market::{Board, Mode, Timestamp};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::demo::{Stage, refuse_store};
use super::sim::Play;
use super::{Global, parse_span};
use crate::config::Settings;
use crate::engine::{Replay, Speed, board_from_store, play_scenario};
use crate::failure::Failure;
use crate::svg;
use crate::tui::{self, Picture};

/// When the simulated snapshot begins: a Monday of autumn 2026, 13:30 UTC.
const SIMULATED_START: i64 = 1_791_811_800_000_000;

/// How long the demo's forecaster may take: it fetches a past, and trains on it.
const PATIENCE: Duration = Duration::from_mins(5);

/// See the module.
#[derive(Debug, Args)]
pub(super) struct Snapshot {
    /// The workspace to draw: overview, flows, miners, ai, leverage, regimes, events or feeds
    #[arg(long, value_name = "NAME", default_value = "overview")]
    workspace: String,
    /// A panel to draw over the whole picture instead
    #[arg(long, value_name = "NAME", conflicts_with = "workspace")]
    panel: Option<String>,
    /// Columns and rows
    #[arg(long, default_value = "160x48", value_parser = parse_size)]
    size: (u16, u16),
    /// SVG file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Draw the end of these recordings instead of the simulated market
    #[arg(long, value_name = "FILE", num_args = 1..)]
    replay: Vec<PathBuf>,
    /// Draw `vigie demo` once it has forecast every target: as it is now, in half a minute or so
    #[arg(long, conflicts_with_all = ["replay", "span"])]
    demo: bool,
    #[command(flatten)]
    play: Play,
    /// How much of the simulated market to play
    #[arg(long = "for", value_name = "TIME", default_value = "75m", value_parser = parse_span)]
    span: Duration,
}

fn parse_size(text: &str) -> Result<(u16, u16), String> {
    let parsed =
        text.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    parsed
        .filter(|(width, height)| (1..=500).contains(width) && (1..=200).contains(height))
        .ok_or_else(|| format!("{text:?} is no size; write columns x rows, such as 160x48, at most 500x200"))
}

impl Snapshot {
    pub(super) fn run(self, global: &Global) -> Result<(), Failure> {
        let (picture, option, name, known) = if let Some(panel) = &self.panel {
            (Picture::Panel(panel), "panel", panel, tui::panel_names())
        } else {
            let known = tui::workspace_names();
            (Picture::Workspace(&self.workspace), "workspace", &self.workspace, known)
        };
        let unknown =
            || Failure::Usage(format!("--{option} {name} is unknown; known are {}", known.join(", ")));
        // Before anything is waited for.
        if !known.contains(&name.as_str()) {
            return Err(unknown());
        }
        let mut settings = global.settings()?;
        let board = if self.demo {
            refuse_store(global, "vigie snapshot --demo")?;
            self.board_of_demo(settings)?
        } else {
            self.board(global, &mut settings)?
        };
        let buffer = tui::draw(picture, self.size, &board).ok_or_else(unknown)?;
        let title = format!("Vigie, {name}, {}, {}", board.mode.as_str(), board.now);
        std::fs::write(&self.out, svg::render(&buffer, &title))
            .map_err(|source| Failure::Write { path: self.out.clone(), source })
    }

    fn board(&self, global: &Global, settings: &mut Settings) -> Result<Arc<Board>, Failure> {
        let rules = std::mem::take(&mut settings.rules);
        if !self.replay.is_empty() {
            let (publisher, board) = watch::channel(Arc::new(Board::new(Mode::Replay, Timestamp::EPOCH)));
            let replay = Replay {
                files: self.replay.clone(),
                speed: Speed::Max,
                store: None,
                cancel: CancellationToken::new(),
                publisher: Some(publisher),
            };
            replay.run(settings, rules, &mut |_| {})?;
            return Ok(Arc::clone(&board.borrow()));
        }
        if global.store.is_some() {
            return board_from_store(settings, rules);
        }
        let start = Timestamp::from_micros(SIMULATED_START).unwrap_or_default();
        let scenario = self.play.scenario()?;
        Ok(play_scenario(settings, rules, &scenario, (self.play.seed, start, self.span)))
    }

    /// The demo's Board once nothing is left to forecast.
    fn board_of_demo(&self, settings: Settings) -> Result<Arc<Board>, Failure> {
        let targets = settings.forecast().map_or(0, |(forecast, _)| forecast.tasks().count());
        if targets == 0 {
            return Err(Failure::Usage("the configuration forecasts nothing; see [forecast]".to_owned()));
        }
        let stage = Stage::set(settings, &self.play)?;
        let board = stage.board_once(PATIENCE, |board| board.outlooks.len() >= targets);
        stage.clear()?;
        let spoken = board.outlooks.len();
        if spoken < targets {
            let reasons: Vec<&str> = board.silences.iter().map(|silence| silence.reason.as_str()).collect();
            tracing::warn!(spoken, targets, reasons = reasons.join("; "), "not every target was forecast");
        }
        Ok(board)
    }
}
