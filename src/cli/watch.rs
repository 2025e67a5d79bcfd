//! `vigie`: the screen over the configured venues.

use std::sync::Arc;

use market::Mode;

use super::{Global, runtime};
use crate::clock::SystemClock;
use crate::engine::{Engine, OnStoreFailure, Plan, Wanted};
use crate::failure::Failure;
use crate::tui;

pub(super) fn run(global: &Global) -> Result<(), Failure> {
    let settings = global.settings()?;
    if settings.feeds.is_empty() {
        return Err(Failure::Usage(format!(
            "{}: no feed is configured; add a table such as [feeds.okx], or try `vigie demo`",
            settings.origin
        )));
    }
    let screen = tui::Screen::open(settings.theme)?;
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
            on_store_failure: OnStoreFailure::GoOn,
            outgoing: Wanted::Nothing,
        },
    )?;
    let shown = screen.run(engine.board.clone());
    let report = runtime.block_on(engine.stop(|_| {}))?;
    shown?;
    report.store_failure.map_or(Ok(()), |error| Err(error.into()))
}
