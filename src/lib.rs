//! Vigie, a terminal-first workstation for analysts who watch crypto and AI converge.
//!
//! This crate wires the others together: it starts feeds, hub, store and rules (`engine`), and
//! shows what they say on a screen (`tui`), as a daemon (`daemon`) or as files (`cli`).
//! `docs/ARCHITECTURE.md` walks through the house.

pub mod alerts;
pub mod books;
pub mod chart;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
mod doctor;
pub mod engine;
pub mod failure;
pub mod forecasting;
pub mod ledger;
mod logging;
mod output;
pub mod rehearsal;
pub mod svg;
pub mod tui;
mod url;

use std::process::ExitCode;

/// Runs the program with the process's own arguments and says how it went.
pub fn run() -> ExitCode {
    if let Err(report) = color_eyre::config::HookBuilder::default().display_env_section(false).install() {
        output::complain(&format!("cannot install the panic report: {report}"));
        return ExitCode::from(failure::Failure::BUG);
    }
    // The panic hook has told stderr or the log by then; the terminal is given back.
    let outcome = std::panic::catch_unwind(cli::run)
        .unwrap_or_else(|panic| Err(failure::Failure::Bug(failure::panic_text(&*panic))));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough, as `head` does.
        Err(failure) if failure.is_closed_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            output::complain(&failure.to_sentence());
            ExitCode::from(failure.code())
        }
    }
}
