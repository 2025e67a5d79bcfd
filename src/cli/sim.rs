//! `vigie sim`: simulated venues on a local port.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::json;
use simulator::{Faults, Scenario, SimulatorConfig, Tls};

use super::{parse_span, runtime, say, say_json};
use crate::daemon::until_told_to_stop;
use crate::failure::Failure;
use crate::rehearsal;

/// What the simulator plays.
#[derive(Debug, Args)]
pub(super) struct Play {
    /// Scenario: calm, cascade, flash-crash, quiet-weekend, or a TOML file
    #[arg(long, value_name = "NAME|FILE", default_value = "cascade")]
    scenario: String,
    /// Seed of everything random: the same seed plays the same market
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// Simulated seconds per second
    #[arg(long, default_value_t = 1.0, value_parser = parse_pace)]
    pub(super) pace: f64,
    /// Faults to inject, such as drop=30s,silence=20s:10s,malformed=0.01,status=429:okx
    #[arg(long, value_name = "FAULTS", value_parser = parse_faults)]
    pub(super) faults: Option<Faults>,
}

impl Play {
    pub(super) fn scenario(&self) -> Result<Scenario, Failure> {
        if let Ok(scenario) = Scenario::builtin(&self.scenario) {
            return Ok(scenario);
        }
        let path = Path::new(&self.scenario);
        let text = std::fs::read_to_string(path).map_err(|error| {
            let names = Scenario::names().join(", ");
            Failure::Usage(format!(
                "{:?} is no scenario ({names}), and no readable file: {error}",
                self.scenario
            ))
        })?;
        Ok(Scenario::from_toml(&text, &self.scenario)?)
    }
}

fn parse_faults(text: &str) -> Result<Faults, String> {
    Faults::parse(text).map_err(|error| error.to_string())
}

fn parse_pace(text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|pace| (0.01..=1_000.0).contains(pace))
        .ok_or_else(|| format!("{text:?} is no pace; write a number from 0.01 to 1000"))
}

/// See the module.
#[derive(Debug, Args)]
pub(super) struct Sim {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:9443")]
    listen: SocketAddr,
    #[command(flatten)]
    play: Play,
    /// Serve TLS with a certificate made for the run, and write its authority here
    #[arg(long, value_name = "CA.PEM")]
    tls_ca: Option<PathBuf>,
    /// Stop after this long
    #[arg(long = "for", value_name = "TIME", value_parser = parse_span)]
    span: Option<Duration>,
    /// Print the address as JSON
    #[arg(long)]
    json: bool,
}

impl Sim {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = SimulatorConfig {
            listen: self.listen,
            scenario: self.play.scenario()?,
            seed: self.play.seed,
            faults: self.play.faults.clone().unwrap_or_default(),
            tls: if self.tls_ca.is_some() { Tls::SelfSigned } else { Tls::Off },
            pace: self.play.pace,
        };
        runtime()?.block_on(async {
            let running = simulator::start(config).await?;
            if let (Some(path), Some(pem)) = (&self.tls_ca, &running.ca_pem) {
                std::fs::write(path, pem).map_err(|source| Failure::Write { path: path.clone(), source })?;
            }
            self.announce(running.addr)?;
            until_told_to_stop(self.span).await?;
            running.stop().await;
            Ok(())
        })
    }

    fn announce(&self, addr: SocketAddr) -> Result<(), Failure> {
        let (ws, http) = if self.tls_ca.is_some() { ("wss", "https") } else { ("ws", "http") };
        if self.json {
            return say_json(
                &json!({ "addr": addr.to_string(), "ws": format!("{ws}://{addr}"), "rest": format!("{http}://{addr}") }),
            );
        }
        say(&format!("# simulated venues on {addr}; a configuration that points at them:"))?;
        for row in feeds::FEEDS {
            let (stream, rest) = rehearsal::addresses(row, self.tls_ca.is_some(), addr);
            match row.keys {
                [] => say(&format!("[feeds.{}]", row.id))?,
                keys => say(&format!("[feeds.{}]  # any text will do in {}", row.id, keys.join(" and ")))?,
            }
            for (key, url) in [("url", stream), ("rest_url", rest)].iter().filter(|(_, url)| !url.is_empty())
            {
                say(&format!("{key} = \"{url}\""))?;
            }
            if !matches!(row.protocol, feeds::Protocol::Stream(_)) {
                say(&format!("poll_secs = {}", rehearsal::POLL_SECS))?;
            }
            if let Some(ca) = &self.tls_ca {
                say(&format!("ca_file = \"{}\"", ca.display()))?;
            }
        }
        Ok(())
    }
}
