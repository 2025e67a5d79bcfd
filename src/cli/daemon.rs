//! `vigie daemon`: the watch without a screen.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use market::Mode;

use super::{Global, parse_span, runtime};
use crate::clock::SystemClock;
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
        if settings.feeds.is_empty() {
            return Err(Failure::Usage(format!(
                "{}: no feed is configured; add a table such as [feeds.okx]",
                settings.origin
            )));
        }
        let runtime = runtime()?;
        let engine = Engine::start(
            runtime.handle(),
            Plan {
                feeds: settings.feeds,
                rules: settings.rules,
                mode: Mode::Live,
                store: Some((settings.store_dir, settings.store_options)),
                recorder: None,
                clock: Arc::new(SystemClock),
                on_store_failure: OnStoreFailure::Stop,
                outgoing: if self.events { Wanted::AlertsAndEvents } else { Wanted::Alerts },
            },
        )?;
        runtime.block_on(daemon::run(engine, self.span)).map(|_| ())
    }
}
