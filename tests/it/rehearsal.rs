//! A watch of the simulated market: what the demo shows is made by the code that a live watch runs.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use market::{Mode, TARGETS};
use simulator::{Faults, Scenario, SimulatorConfig, Tls};
use vigie::config::{DEFAULT_CONFIG, Settings};
use vigie::engine::Engine;
use vigie::rehearsal;

/// Fetching takes seconds, fitting most of a minute where tests are not optimised.
const PATIENCE: Duration = Duration::from_mins(4);
/// Feeds that tell what is forecast; the others would only cost the test its time.
const FEEDS: [&str; 4] = ["binance-spot", "yahoo", "farside", "deribit"];

#[test]
fn against_the_simulator_every_target_has_something_to_say() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let simulator = runtime
        .block_on(simulator::start(SimulatorConfig {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            scenario: Scenario::builtin("calm").unwrap(),
            seed: 1,
            faults: Faults::default(),
            tls: Tls::Off,
            pace: 1.0,
        }))
        .unwrap();
    let mut settings = Settings::parse(DEFAULT_CONFIG, "config.toml").unwrap();
    // As few days as every target can be trained on: a year of them after some weeks, and 200 sessions.
    settings.config.forecast.history_days = 420;
    let mut plan = rehearsal::plan(settings, simulator.addr, dir.path().join("store"));
    plan.feeds.retain(|(row, _)| FEEDS.contains(&row.id));
    let (_, sources) = plan.forecast.as_ref().unwrap();
    let here = format!("http://{}/", simulator.addr);
    for source in sources {
        assert!(source.config.rest_url.as_deref().unwrap().starts_with(&here), "{}", source.row.id);
    }

    let engine = Engine::start(runtime.handle(), plan).unwrap();
    let mut board = engine.board.clone();
    let said = runtime.block_on(async {
        let spoken = board.wait_for(|board| board.outlooks.len() + board.silences.len() == TARGETS.len());
        let spoken = tokio::time::timeout(PATIENCE, spoken).await.expect("the forecaster speaks");
        spoken.unwrap().clone()
    });
    runtime.block_on(async {
        engine.stop(|_| {}).await.unwrap();
        simulator.stop().await;
    });

    assert!(said.silences.is_empty(), "{:?}", said.silences);
    let targets: Vec<&str> = said.outlooks.iter().map(|outlook| outlook.target.as_str()).collect();
    assert_eq!(targets, TARGETS.map(|target| target.id));
    assert_eq!(said.mode, Mode::Simulated);
    for outlook in said.outlooks.iter() {
        let forecast = &outlook.forecast;
        let is_said = forecast.shift.is_some() || forecast.abstained.is_some();
        assert!(is_said, "{}: {forecast:?}", outlook.target);
        for group in ["flows", "miners", "liquidations", "ai", "funding"] {
            let standing = outlook.groups.iter().find(|standing| standing.name == group);
            assert!(standing.is_some(), "{}: {group}", outlook.target);
        }
        assert!(said.now.since(outlook.made_at) < Duration::from_hours(24 * 5), "{forecast:?}");
    }
}
