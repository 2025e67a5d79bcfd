//! The headless front end: the same engine, alerts as JSON lines on stdout.

use std::time::Duration;

use market::Mode;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use crate::engine::{Engine, HubReport, Outgoing};
use crate::failure::Failure;
use crate::output;

/// Returns after `span`, or when the process is told to stop by SIGTERM or SIGINT.
///
/// # Errors
/// The signals cannot be listened to.
pub async fn until_told_to_stop(span: Option<Duration>) -> Result<(), Failure> {
    let listen = |kind| signal(kind).map_err(|error| Failure::Bug(format!("listen for signals: {error}")));
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let time_is_up = async {
        match span {
            Some(span) => tokio::time::sleep(span).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = terminate.recv() => tracing::info!("told to stop by SIGTERM"),
        _ = interrupt.recv() => tracing::info!("told to stop by SIGINT"),
        () = time_is_up => tracing::info!("time is up"),
    }
    Ok(())
}

/// Prints what the engine hands out until told to stop, then stops it, losing nothing.
///
/// # Errors
/// The store failed, stdout was closed, or nothing was ever live in a run with a time limit.
pub async fn run(mut engine: Engine, span: Option<Duration>) -> Result<HubReport, Failure> {
    let stopped = engine.stopped();
    let stop = until_told_to_stop(span);
    tokio::pin!(stop);
    let mut printed = Ok(());
    loop {
        tokio::select! {
            ended = &mut stop => {
                ended?;
                break;
            }
            () = stopped.cancelled() => break,
            item = engine.outgoing.recv() => {
                let Some(item) = item else { break };
                printed = print(&item);
                if printed.is_err() {
                    break;
                }
            }
        }
    }
    let mut report = engine
        .stop(|item| {
            if printed.is_ok() {
                printed = print(&item);
            }
        })
        .await?;
    log_report(&report);
    if let Some(error) = report.store_failure.take() {
        return Err(error.into());
    }
    if let Some(error) = report.recording_failure.take() {
        return Err(error);
    }
    printed?;
    if span.is_some() && report.tally.live.is_empty() && report.board.mode == Mode::Live {
        return Err(Failure::Unreachable(last_states(&report)));
    }
    Ok(report)
}

/// A line of stdout: `{"alert": …}` or `{"event": …}`.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Line<'a> {
    Alert(&'a market::Alert),
    Event(&'a market::MarketEvent),
}

fn print(item: &Outgoing) -> Result<(), Failure> {
    let line = match item {
        Outgoing::Alert(alert) => Line::Alert(alert),
        Outgoing::Event(event) => Line::Event(event),
    };
    let json = serde_json::to_string(&line).map_err(|error| Failure::Bug(format!("write JSON: {error}")))?;
    output::print(&json).map_err(Failure::Stdout)
}

fn log_report(report: &HubReport) {
    let store = &report.board.store;
    tracing::info!(
        events = report.tally.events,
        alerts = report.tally.alerts,
        appended = store.appended,
        durable = store.durable,
        "stopped"
    );
}

/// `okx waiting, bybit-linear 451 region`.
fn last_states(report: &HubReport) -> String {
    let states = report.board.feeds.iter().map(|health| {
        let last_gap = health.recent_gaps.last().map(|gap| format!(": {} {}", gap.cause, gap.detail));
        format!("{} {}", health.feed, last_gap.unwrap_or_default().trim_start_matches(": "))
    });
    states.collect::<Vec<_>>().join("; ")
}
