//! `vigie daemon`: the watch without a screen.

use std::time::Duration;

use clap::Args;

use super::{Global, parse_span, runtime};
use crate::daemon;
use crate::engine::{Engine, OnStoreFailure, Plan, Wanted};
use crate::failure::Failure;

/// See the module.
#[derive(Debug, Args)]
pub(super) struct Daemon {
    /// Stop after this long
    #[arg(long = "for", value_name = "TIME", value_parser = parse_span)]
    span: Option<Duration>,
    /// Print every liquidation as well, once it is on disk
    #[arg(long)]
    events: bool,
}

impl Daemon {
    pub(super) fn run(self, global: &Global) -> Result<(), Failure> {
        let settings = global.settings()?;
        settings.require_feeds()?;
        let runtime = runtime()?;
        let plan = Plan {
            on_store_failure: OnStoreFailure::Stop,
            outgoing: if self.events { Wanted::AlertsAndEvents } else { Wanted::Alerts },
            ..Plan::of(settings)
        };
        let engine = Engine::start(runtime.handle(), plan)?;
        runtime.block_on(daemon::run(engine, self.span)).map(|_| ())
    }
}
