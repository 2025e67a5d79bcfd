//! The hub while it is live: messages in, Boards and durable alerts out, until told to end.

use std::sync::Arc;
use std::time::Duration;

use feeds::FeedMessage;
use market::{Board, Clock};
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::{Hub, HubReport, Outgoing};
use crate::engine::Wanted;
use crate::engine::foresight::Foretold;

/// Boards are published at most this often.
const PUBLISH_EVERY: Duration = Duration::from_millis(50);
/// Messages taken from the inbox at once.
const BATCH: usize = 256;

/// The channels and the clock of a live hub.
pub(in crate::engine) struct Live {
    pub messages: mpsc::Receiver<FeedMessage>,
    pub foretold: mpsc::Receiver<Foretold>,
    pub outbox: mpsc::Sender<Outgoing>,
    pub publisher: watch::Sender<Arc<Board>>,
    pub clock: Arc<dyn Clock>,
    pub end: CancellationToken,
    pub stop_on_store_failure: Option<CancellationToken>,
}

impl Hub {
    /// Consumes messages until the last sender is gone or the engine says so. Runs on a thread of its
    /// own, because the store may make it wait.
    pub(in crate::engine) fn run(self, live: Live) -> HubReport {
        match tokio::runtime::Builder::new_current_thread().enable_time().build() {
            Ok(runtime) => runtime.block_on(self.consume(live)),
            Err(error) => {
                tracing::error!(%error, "cannot start the hub");
                self.finish(live.clock.now()).0
            }
        }
    }

    async fn consume(mut self, mut live: Live) -> HubReport {
        let mut batch = Vec::with_capacity(BATCH);
        let mut ticks = tokio::time::interval(PUBLISH_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                taken = live.messages.recv_many(&mut batch, BATCH) => {
                    if taken == 0 {
                        break;
                    }
                    for message in batch.drain(..) {
                        self.take(message);
                    }
                }
                Some(foretold) = live.foretold.recv() => self.take_foretold(foretold, live.clock.now()),
                () = live.end.cancelled() => {
                    while let Ok(message) = live.messages.try_recv() {
                        self.take(message);
                    }
                    break;
                }
                _ = ticks.tick() => {
                    let now = live.clock.now();
                    self.pass_time(now);
                    if self.dirty {
                        live.publisher.send_replace(self.snapshot(now));
                    }
                }
            }
            for item in self.release() {
                if live.outbox.send(item).await.is_err() {
                    // Nobody listens any more: the Board and the store still have everything.
                    self.wanted = Wanted::Nothing;
                    self.pending.clear();
                    break;
                }
            }
            if self.store_failure.is_some()
                && let Some(stop) = &live.stop_on_store_failure
            {
                stop.cancel();
            }
        }
        let (report, rest) = self.finish(live.clock.now());
        for item in rest {
            if live.outbox.send(item).await.is_err() {
                break;
            }
        }
        live.publisher.send_replace(Arc::clone(&report.board));
        report
    }
}
