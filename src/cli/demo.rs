//! `vigie demo`: simulator, temporary store and screen; no network, no keys.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use market::Board;
use simulator::{SimulatorConfig, Tls};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::sim::Play;
use super::{Global, runtime};
use crate::config::Settings;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::rehearsal;
use crate::tui::{self, WhenOver};

/// See the module.
#[derive(Debug, Args)]
pub(super) struct Demo {
    #[command(flatten)]
    play: Play,
}

impl Demo {
    pub(super) fn run(self, global: &Global) -> Result<(), Failure> {
        refuse_store(global, "vigie demo")?;
        let settings = global.settings()?;
        let screen = tui::Screen::open(settings.theme)?;
        let stage = Stage::set(settings, &self.play)?;
        let shown = screen.run(stage.engine.board.clone(), WhenOver::Leave);
        let cleared = stage.clear();
        shown.and(cleared)
    }
}

/// A demo keeps nothing: a store that is named would be left empty without a word.
pub(super) fn refuse_store(global: &Global, command: &str) -> Result<(), Failure> {
    match &global.store {
        None => Ok(()),
        Some(dir) => Err(Failure::Usage(format!(
            "{command} keeps nothing, so --store {dir} has no say; to keep a simulated market: vigie sim > sim.toml, \
             and beside it vigie --config sim.toml --store {dir}",
            dir = dir.display()
        ))),
    }
}

/// A watch of a simulated market, in a directory that goes with it.
pub(super) struct Stage {
    engine: Engine,
    simulator: simulator::Running,
    runtime: Runtime,
    _scratch: TempDir,
}

impl Stage {
    pub(super) fn set(settings: Settings, play: &Play) -> Result<Self, Failure> {
        let scratch = tempfile::Builder::new()
            .prefix("vigie-demo-")
            .tempdir()
            .map_err(|source| Failure::Write { path: std::env::temp_dir(), source })?;
        let runtime = runtime()?;
        let simulator = runtime.block_on(simulator::start(SimulatorConfig {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            scenario: play.scenario()?,
            seed: play.seed,
            faults: play.faults.clone().unwrap_or_default(),
            tls: Tls::Off,
            pace: play.pace,
        }))?;
        let rehearsed = rehearsal::plan(settings, simulator.addr, scratch.path().join("store"));
        let engine = Engine::start(runtime.handle(), rehearsed)?;
        Ok(Self { engine, simulator, runtime, _scratch: scratch })
    }

    /// The Board once it is as wanted, or as it is when patience or the watch ends.
    pub(super) fn board_once(
        &self,
        patience: Duration,
        mut is_wanted: impl FnMut(&Board) -> bool,
    ) -> Arc<Board> {
        let mut boards = self.engine.board.clone();
        self.runtime.block_on(async {
            let wanted = boards.wait_for(|board| is_wanted(board));
            let _ = tokio::time::timeout(patience, wanted).await;
        });
        Arc::clone(&self.engine.board.borrow())
    }

    /// Ends the watch, then the market.
    pub(super) fn clear(self) -> Result<(), Failure> {
        let Self { engine, simulator, runtime, _scratch } = self;
        let report = runtime.block_on(async {
            let report = engine.stop(|_| {}).await;
            simulator.stop().await;
            report
        })?;
        report.store_failure.map_or(Ok(()), |error| Err(error.into()))
    }
}
