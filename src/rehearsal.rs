//! A watch pointed at the simulator: each venue under its own name on one port.

use std::net::SocketAddr;
use std::path::PathBuf;

use feeds::{FEEDS, FeedConfig, FeedRow};
use market::Mode;

use crate::config::{self, Settings};
use crate::engine::{Plan, Source};
use crate::forecasting::ForecastConfig;
use crate::url;

/// Sources whose past the simulator tells: one at least for each target.
const FETCH: [&str; 4] = ["binance", "yahoo", "farside", "deribit"];

/// A simulator bears more than a source does.
pub const POLL_SECS: u64 = 15;

/// Where the simulator at `addr` plays the feed `row`: its WebSocket URL and its REST base; empty where
/// the feed has none.
pub fn addresses(row: &FeedRow, is_encrypted: bool, addr: SocketAddr) -> (String, String) {
    let (ws, http) = if is_encrypted { ("wss", "https") } else { ("ws", "http") };
    let (_, path) = url::split(row.url);
    let stream = if row.url.is_empty() { String::new() } else { format!("{ws}://{addr}/{}{path}", row.id) };
    let rest = if row.rest_url.is_empty() { String::new() } else { format!("{http}://{addr}/{}", row.id) };
    (stream, rest)
}

/// A feed's table that points it at the simulator at `addr`. Keys are made up: the simulator takes any.
pub fn config(row: &FeedRow, addr: SocketAddr) -> FeedConfig {
    let (stream, rest) = addresses(row, false, addr);
    let mut config = FeedConfig {
        url: Some(stream).filter(|url| !url.is_empty()),
        rest_url: Some(rest).filter(|url| !url.is_empty()),
        poll_secs: (!matches!(row.protocol, feeds::Protocol::Stream(_))).then_some(POLL_SECS),
        backoff_cap_secs: 5,
        ..FeedConfig::default()
    };
    for name in row.keys {
        config.keys.insert(name, "simulated".to_owned());
    }
    config
}

/// The watch that `settings` ask for, of every simulated feed at once, kept in `store_dir`. What is forecast at home is
/// forecast here too, from the simulator's past.
pub fn plan(settings: Settings, addr: SocketAddr, store_dir: PathBuf) -> Plan {
    let followed = |row: &FeedRow| {
        let simulated = config(row, addr);
        FeedConfig { instruments: config::followed(row, &simulated.instruments), ..simulated }
    };
    let forecast = settings.forecast().map(|(forecast, _)| {
        let forecast = ForecastConfig { fetch: FETCH.map(Into::into).to_vec(), ..forecast };
        let sources = forecast.sources().filter_map(|row| {
            let live = feeds::find(feeds::backfill::find(row.id)?.feed)?;
            // A past may be told where its feed asks nothing: it must not be looked for at the source's own host.
            let rest_url = Some(format!("http://{addr}/{}", live.id));
            Some(Source { row, config: FeedConfig { rest_url, ..followed(live) } })
        });
        let sources = sources.collect();
        (forecast, sources)
    });
    Plan {
        feeds: FEEDS.iter().map(|row| (row, followed(row))).collect(),
        mode: Mode::Simulated,
        forecast,
        store: Some((store_dir, settings.store_options)),
        ..Plan::of(settings)
    }
}
