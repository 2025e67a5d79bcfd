//! The forecaster beside a live watch: a thread of its own that reads the store and tells the hub.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use feeds::FeedConfig;
use feeds::backfill::{self, Backfill, BackfillRow, Order, Surroundings, Turn};
use market::{Clock, FORECASTER, Interval, MarketEvent, Silence, Timestamp};
use store::Reader;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;
use crate::forecasting::{ForecastConfig, Forecaster, Said};

/// How often it looks whether a moment of decision has come.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// After a moment of decision, how long bars may take to be told.
const SETTLE: Duration = Duration::from_secs(30);
/// Events of the past that are handed over at once.
const BATCH: usize = 2_000;

/// What the forecaster tells the hub.
#[derive(Debug)]
pub enum Foretold {
    /// Events of the past, to be kept: answered when they are on disk, with whether they are.
    Past {
        /// Who told them: `backfill binance`.
        origin: String,
        /// The events.
        events: Vec<MarketEvent>,
        /// Told once they are durable.
        kept: oneshot::Sender<bool>,
    },
    /// What there is to say now.
    Said(Said),
}

/// Where bars come from that no live feed tells.
#[derive(Clone, Debug)]
pub struct Source {
    /// The table of the live feed under whose name they are kept.
    pub config: FeedConfig,
}

/// What it runs on.
pub(super) struct Foresight {
    pub config: ForecastConfig,
    /// Asked for bars, where wanted.
    pub source: Option<Source>,
    pub store_dir: PathBuf,
    pub clock: Arc<dyn Clock>,
    pub hub: mpsc::Sender<Foretold>,
    pub cancel: CancellationToken,
}

impl Foresight {
    /// Starts the thread.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(super) fn start(self) -> Result<JoinHandle<()>, Failure> {
        // Its own runtime: the engine's may end while a fit is still running.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::Bug(format!("start the forecaster's runtime: {error}")))?;
        std::thread::Builder::new()
            .name("forecaster".to_owned())
            .spawn(move || self.run(&runtime))
            .map_err(|error| Failure::Bug(format!("start the forecaster's thread: {error}")))
    }

    fn run(self, runtime: &Runtime) {
        let mut forecaster = Forecaster::new(self.config.clone(), &self.store_dir);
        let mut fetched: Option<Timestamp> = None;
        let mut tried: Option<Timestamp> = None;
        while !self.cancel.is_cancelled() {
            let now = self.clock.now();
            let hour = Duration::from_hours(1);
            // A target that had nothing to say is asked again with the next hour's bars.
            let is_due = match tried {
                None => true,
                Some(tried) => {
                    forecaster.is_due(now.minus(SETTLE)) && hour_of(tried) < hour_of(now.minus(SETTLE))
                }
            };
            if is_due {
                tried = Some(now.minus(SETTLE));
                if fetched.is_none_or(|at| now.since(at) >= hour.mul_f64(0.9)) && self.source.is_some() {
                    runtime.block_on(self.fetch(now));
                    fetched = Some(now);
                }
                self.pass(&mut forecaster, runtime);
            }
            runtime.block_on(async {
                tokio::select! {
                    () = self.cancel.cancelled() => {}
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
            });
        }
    }

    fn pass(&self, forecaster: &mut Forecaster, runtime: &Runtime) {
        let said = match forecaster.pass(self.clock.now(), &|| self.cancel.is_cancelled()) {
            Err(_) if self.cancel.is_cancelled() => return,
            Ok(said) => said,
            Err(error) => {
                tracing::error!(%error, "no forecast could be made");
                let silence = |task: &models::forecast::Task| Silence {
                    target: task.id.into(),
                    reason: error.to_string(),
                };
                Said { silences: forecaster.config().tasks().map(silence).collect(), ..Said::default() }
            }
        };
        let _ = runtime.block_on(self.hub.send(Foretold::Said(said)));
    }

    /// Fetches the asset's hourly bars since they were last fetched. What cannot be fetched is only logged: what the
    /// store has is what is forecast from, and its age is shown.
    async fn fetch(&self, now: Timestamp) {
        let (Some(source), Some(row)) = (&self.source, backfill::find("binance")) else { return };
        let from = now.minus(Duration::from_hours(24 * self.config.history_days)).date();
        let order = Order {
            from,
            to: now.date(),
            symbols: vec![self.config.asset.to_string()],
            interval: Some(Interval::Hour),
        };
        tokio::select! {
            () = self.cancel.cancelled() => {}
            fetched = self.ask(row, &source.config, &order, now) => {
                if let Err(error) = fetched {
                    tracing::warn!(%error, "bars could not be fetched; forecasts rest on what the store has");
                }
            }
        }
    }

    async fn ask(
        &self,
        row: &'static BackfillRow,
        config: &FeedConfig,
        order: &Order,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let around = Surroundings {
            clock: Arc::clone(&self.clock),
            dir: self.store_dir.join(FORECASTER),
            restart: false,
            seed: now.as_micros().unsigned_abs(),
        };
        let failed = |error| Failure::Backfill(Box::new(error));
        let reader = Reader::open(&self.store_dir)?;
        let mut backfill = Backfill::open(row, config, order, around).map_err(failed)?;
        let mut waiting = Vec::new();
        let mut last = None;
        loop {
            let turn = backfill.next().await;
            let is_over = matches!(turn, Turn::Over);
            match turn {
                Turn::Step(step) => {
                    waiting.extend(step.events);
                    last = Some(step.mark);
                }
                Turn::Wait { wait, reason } => {
                    tracing::info!(wait_secs = wait.as_secs_f64(), reason, "waiting for bars");
                }
                Turn::Over => {}
            }
            if let Some(mark) = last.take_if(|_| is_over || waiting.len() >= BATCH) {
                let news = reader.news(std::mem::take(&mut waiting))?;
                let told = news.len();
                if told > 0 && !self.keep(row, news).await {
                    return Ok(());
                }
                backfill.settle(&mark, told).map_err(failed)?;
            }
            if is_over {
                return Ok(());
            }
        }
    }

    /// Hands events to the hub; whether they are on disk.
    async fn keep(&self, row: &BackfillRow, events: Vec<MarketEvent>) -> bool {
        let (kept, is_kept) = oneshot::channel();
        let past = Foretold::Past { origin: format!("backfill {}", row.id), events, kept };
        self.hub.send(past).await.is_ok() && is_kept.await.unwrap_or(false)
    }
}

fn hour_of(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(3_600_000_000)
}
