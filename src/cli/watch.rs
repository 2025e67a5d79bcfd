//! `vigie`: the screen over the configured venues.

use super::{Global, runtime};
use crate::engine::{Engine, Plan};
use crate::failure::Failure;
use crate::tui::{self, WhenOver};

pub(super) fn run(global: &Global) -> Result<(), Failure> {
    let settings = global.settings()?;
    settings.require_feeds()?;
    let screen = tui::Screen::open(settings.theme)?;
    let runtime = runtime()?;
    let engine = Engine::start(runtime.handle(), Plan::of(settings))?;
    let shown = screen.run(engine.board.clone(), WhenOver::Leave);
    let report = runtime.block_on(engine.stop(|_| {}))?;
    shown?;
    report.store_failure.map_or(Ok(()), |error| Err(error.into()))
}
