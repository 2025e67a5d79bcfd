//! `vigie demo`: simulator, temporary store and screen; no network, no keys.

use std::net::{Ipv4Addr, SocketAddr};

use clap::Args;
use simulator::{SimulatorConfig, Tls};

use super::sim::Play;
use super::{Global, runtime};
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
        let settings = global.settings()?;
        let scratch = tempfile::Builder::new()
            .prefix("vigie-demo-")
            .tempdir()
            .map_err(|source| Failure::Write { path: std::env::temp_dir(), source })?;
        let screen = tui::Screen::open(settings.theme)?;
        let runtime = runtime()?;
        let simulator = runtime.block_on(simulator::start(SimulatorConfig {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            scenario: self.play.scenario()?,
            seed: self.play.seed,
            faults: self.play.faults.clone().unwrap_or_default(),
            tls: Tls::Off,
            pace: self.play.pace,
        }))?;
        let plan = rehearsal::plan(settings, simulator.addr, scratch.path().join("store"));
        let engine = Engine::start(runtime.handle(), plan)?;
        let shown = screen.run(engine.board.clone(), WhenOver::Leave);
        let report = runtime.block_on(async {
            let report = engine.stop(|_| {}).await;
            simulator.stop().await;
            report
        })?;
        shown?;
        report.store_failure.map_or(Ok(()), |error| Err(error.into()))
    }
}
