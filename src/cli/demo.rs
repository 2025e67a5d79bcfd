//! `vigie demo`: simulator, temporary store and screen; no network, no keys.

use std::net::{Ipv4Addr, SocketAddr};

use clap::Args;
use feeds::{FEEDS, FeedConfig, FeedRow};
use market::Mode;
use simulator::{SimulatorConfig, Tls};

use super::sim::Play;
use super::{Global, runtime};
use crate::config::Settings;
use crate::engine::{Engine, Plan, Source};
use crate::failure::Failure;
use crate::forecasting::ForecastConfig;
use crate::tui::{self, WhenOver};
use crate::{config, rehearsal};

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
        let plan = Plan {
            feeds: FEEDS.iter().map(|row| (row, simulated(row, simulator.addr))).collect(),
            mode: Mode::Simulated,
            forecast: forecast(&settings, simulator.addr),
            store: Some((scratch.path().join("store"), settings.store_options)),
            ..Plan::of(settings)
        };
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

/// What a watch forecasts at home, from simulated bars.
fn forecast(settings: &Settings, addr: SocketAddr) -> Option<(ForecastConfig, Option<Source>)> {
    let (config, _) = settings.forecast()?;
    let source = feeds::find("binance-spot").map(|row| Source { config: simulated(row, addr) });
    Some((config, source))
}

/// A feed's table that points it at the simulator, following what it would at home.
fn simulated(row: &FeedRow, addr: SocketAddr) -> FeedConfig {
    let config = rehearsal::config(row, addr);
    FeedConfig { instruments: config::followed(row, &config.instruments), ..config }
}
