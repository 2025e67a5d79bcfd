//! The forecaster beside a live watch: a thread of its own that reads the store and tells the hub.

mod past;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use market::{Clock, MarketEvent, Silence, Timestamp};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;
use crate::forecasting::{ForecastConfig, Forecaster, Said};

pub use past::Source;
use past::{Around, Past};

/// How often it looks whether a moment of decision has come.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// After a moment of decision, how long bars may take to be told.
const SETTLE: Duration = Duration::from_secs(30);
/// How long a forecast waits for the sources of the past: one that takes longer goes on beside it.
const PATIENCE: Duration = Duration::from_mins(1);

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

/// What it runs on.
pub(super) struct Foresight {
    pub config: ForecastConfig,
    /// Whose past is fetched.
    pub sources: Vec<Source>,
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
        // Its own runtime: the engine's may end while a fit is still running. One more thread, so that the past is
        // fetched on while this one fits.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("past")
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
        let mut past = Past::new(
            self.sources.clone(),
            Around {
                config: self.config.clone(),
                store_dir: self.store_dir.clone(),
                clock: Arc::clone(&self.clock),
                hub: self.hub.clone(),
                cancel: self.cancel.clone(),
            },
        );
        let mut tried: Option<Timestamp> = None;
        while !self.cancel.is_cancelled() {
            let now = self.clock.now();
            let settled = now.minus(SETTLE);
            let has_news = past.has_news();
            if tried.is_none_or(|tried| forecaster.is_due(tried, settled, has_news)) {
                tried = Some(settled);
                past.ask(now, runtime.handle());
                runtime.block_on(past.wait(PATIENCE));
                self.pass(&mut forecaster, &past, runtime);
            }
            runtime.block_on(async {
                tokio::select! {
                    () = self.cancel.cancelled() => {}
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
            });
        }
    }

    fn pass(&self, forecaster: &mut Forecaster, past: &Past, runtime: &Runtime) {
        let mut tell = |mut said: Said| {
            for silence in &mut said.silences {
                if let Some(excuse) = past.excuse(&silence.target) {
                    silence.reason = format!("{}; {excuse}", silence.reason);
                }
            }
            let _ = runtime.block_on(self.hub.send(Foretold::Said(said)));
        };
        let passed = forecaster.pass(self.clock.now(), &|| self.cancel.is_cancelled(), &mut tell);
        let Err(error) = passed else { return };
        if self.cancel.is_cancelled() {
            return;
        }
        tracing::error!(%error, "no forecast could be made");
        let silence =
            |task: &models::forecast::Task| Silence { target: task.id.into(), reason: error.to_string() };
        tell(Said { silences: forecaster.config().tasks().map(silence).collect(), ..Said::default() });
    }
}
