//! Fetches the past that forecasts are made from, beside the watch: one task a source, so that none waits for another.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use feeds::FeedConfig;
use feeds::backfill::{self, Backfill, BackfillRow, Surroundings, Turn};
use market::{Clock, FORECASTER, MarketEvent, Timestamp};
use store::Reader;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::Foretold;
use crate::failure::Failure;
use crate::forecasting::ForecastConfig;
use crate::forecasting::past::{Errand, PASTS, PastRow};

/// Events of the past that are handed over at once.
const BATCH: usize = 2_000;
/// A source is asked again this long after it was asked last: just before the next hour's bars are due.
const AGAIN_AFTER: Duration = Duration::from_mins(54);
/// The whole of a source's past.
const WHOLE: f64 = 1_000.0;

/// A source whose past is fetched.
#[derive(Clone, Debug)]
pub struct Source {
    /// What is asked of it.
    pub row: &'static PastRow,
    /// The table of the live feed under whose name its words are kept.
    pub config: FeedConfig,
}

/// What a task needs of the watch around it.
#[derive(Clone)]
pub(super) struct Around {
    pub config: ForecastConfig,
    pub store_dir: PathBuf,
    pub clock: Arc<dyn Clock>,
    pub hub: mpsc::Sender<Foretold>,
    pub cancel: CancellationToken,
}

/// The sources, and how far they are.
pub(super) struct Past {
    around: Around,
    sources: Vec<Fetched>,
    tasks: JoinSet<Result<(), String>>,
}

struct Fetched {
    source: Source,
    asked_at: Option<Timestamp>,
    standing: Standing,
}

/// How it stands with a source.
enum Standing {
    /// Not asked yet, or told what it was asked for.
    Told,
    /// Being asked; by which task, and the thousandths that are told.
    Asked(Id, Arc<AtomicU32>),
    /// It could not tell all, and why.
    Failed(String),
}

impl Past {
    pub(super) fn new(sources: Vec<Source>, around: Around) -> Self {
        let fetched = |source| Fetched { source, asked_at: None, standing: Standing::Told };
        Self { around, sources: sources.into_iter().map(fetched).collect(), tasks: JoinSet::new() }
    }

    /// Asks every source that is not being asked and has not been for an hour.
    pub(super) fn ask(&mut self, now: Timestamp, runtime: &Handle) {
        for fetched in &mut self.sources {
            let is_due = fetched.asked_at.is_none_or(|at| now.since(at) >= AGAIN_AFTER);
            if !is_due || matches!(fetched.standing, Standing::Asked(..)) {
                continue;
            }
            let share = Arc::new(AtomicU32::new(0));
            fetched.asked_at = Some(now);
            let (around, source, told) = (self.around.clone(), fetched.source.clone(), Arc::clone(&share));
            let task = async move {
                let cancel = around.cancel.clone();
                tokio::select! {
                    () = cancel.cancelled() => Ok(()),
                    told = fetch(&around, &source, now, &told) => told,
                }
            };
            fetched.standing = Standing::Asked(self.tasks.spawn_on(task, runtime).id(), share);
        }
    }

    /// Waits until every source has told, for as long as there is `patience`. The others go on.
    pub(super) async fn wait(&mut self, patience: Duration) {
        let _ = tokio::time::timeout(patience, async {
            while let Some(ended) = self.tasks.join_next_with_id().await {
                self.note(ended);
            }
        })
        .await;
    }

    /// Whether a source has told all since the last call, or since it was waited for.
    pub(super) fn has_news(&mut self) -> bool {
        let mut has_news = false;
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            has_news |= self.note(ended);
        }
        has_news
    }

    /// Notes how a task ended; whether its source told all.
    fn note(&mut self, ended: Result<(Id, Result<(), String>), JoinError>) -> bool {
        let (id, told) = match ended {
            Ok(ended) => ended,
            Err(error) => (error.id(), Err(format!("bug: {error}"))),
        };
        let is_it =
            |fetched: &&mut Fetched| matches!(&fetched.standing, Standing::Asked(task, _) if *task == id);
        let Some(fetched) = self.sources.iter_mut().find(is_it) else { return false };
        if let Err(reason) = &told {
            let source = fetched.source.row.id;
            tracing::warn!(
                source,
                reason,
                "the past could not be fetched; forecasts rest on what the store has"
            );
        }
        let is_told = told.is_ok();
        fetched.standing = told.map_or_else(Standing::Failed, |()| Standing::Told);
        is_told
    }

    /// What there is to add to the reason for which `target` is silent.
    pub(super) fn excuse(&self, target: &str) -> Option<String> {
        let tells = |row: &PastRow| row.targets.contains(&target);
        let mut is_fetched = false;
        for fetched in self.sources.iter().filter(|fetched| tells(fetched.source.row)) {
            is_fetched = true;
            let id = fetched.source.row.id;
            match &fetched.standing {
                Standing::Told => {}
                Standing::Asked(_, share) => {
                    let percent = f64::from(share.load(Ordering::Relaxed)) / WHOLE * 100.0;
                    return Some(format!("{id} is being fetched, {percent:.0} % so far"));
                }
                Standing::Failed(reason) => return Some(format!("{id} could not be fetched: {reason}")),
            }
        }
        if is_fetched {
            return None;
        }
        let names: Vec<&str> = PASTS.iter().filter(|row| tells(row)).map(|row| row.id).collect();
        (!names.is_empty()).then(|| {
            let names = names.join(", ");
            format!(
                "forecast.fetch names no source of it ({names}), so it waits for what is recorded or imported"
            )
        })
    }
}

/// Everything that a source is asked for, one after the other.
async fn fetch(around: &Around, source: &Source, now: Timestamp, share: &AtomicU32) -> Result<(), String> {
    let row = backfill::find(source.row.id).ok_or("it has no past")?;
    let errands = source.row.errands(&around.config, now);
    let count = errands.len().max(1) as f64;
    for (done, errand) in errands.into_iter().enumerate() {
        let told = |part: f64| {
            share.store(((done as f64 + part) / count * WHOLE) as u32, Ordering::Relaxed);
        };
        run(around, row, &source.config, &errand, &told).await.map_err(|error| error.to_string())??;
    }
    Ok(())
}

/// One errand to its end; why the source told less than it was asked for, where it did.
async fn run(
    around: &Around,
    row: &'static BackfillRow,
    config: &FeedConfig,
    errand: &Errand,
    told: &(dyn Fn(f64) + Sync),
) -> Result<Result<(), String>, Failure> {
    let failed = |error| Failure::Backfill(Box::new(error));
    let surroundings = Surroundings {
        clock: Arc::clone(&around.clock),
        dir: around.store_dir.join(FORECASTER).join(errand.place),
        restart: false,
        seed: around.clock.now().as_micros().unsigned_abs(),
    };
    let reader = Reader::open(&around.store_dir)?;
    let mut backfill = Backfill::open(row, config, &errand.order, surroundings).map_err(failed)?;
    let mut waiting = Vec::new();
    let mut last = None;
    loop {
        let turn = backfill.next().await;
        let is_over = matches!(turn, Turn::Over);
        match turn {
            Turn::Step(step) => {
                waiting.extend(step.events);
                last = Some(step.mark);
                told(step.share);
            }
            Turn::Wait { wait, reason } => {
                tracing::info!(
                    source = row.id,
                    wait_secs = wait.as_secs_f64(),
                    reason,
                    "waiting for the past"
                );
            }
            Turn::Over => {}
        }
        if let Some(mark) = last.take_if(|_| is_over || waiting.len() >= BATCH) {
            let news = reader.news(std::mem::take(&mut waiting))?;
            for events in news.chunks(BATCH) {
                if !keep(around, row, events.to_vec()).await {
                    return Ok(Err("the store cannot be written".to_owned()));
                }
            }
            backfill.settle(&mark, news.len()).map_err(failed)?;
        }
        if is_over {
            let report = backfill.report();
            // What was left out once is not told of every hour.
            for skipped in report.skipped.iter().filter(|_| report.asked > 0) {
                let (symbol, reason) = (&skipped.symbol, &skipped.reason);
                tracing::info!(source = row.id, %symbol, reason, "a part of the past was left out");
            }
            return Ok(report.failed.map_or(Ok(()), Err));
        }
    }
}

/// Hands events to the hub; whether they are on disk.
async fn keep(around: &Around, row: &BackfillRow, events: Vec<MarketEvent>) -> bool {
    let (kept, is_kept) = oneshot::channel();
    let past = Foretold::Past { origin: format!("backfill {}", row.id), events, kept };
    around.hub.send(past).await.is_ok() && is_kept.await.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use simulator::{Faults, Scenario, SimulatorConfig, Tls};
    use store::Store;

    use super::*;
    use crate::clock::SystemClock;
    use crate::config::{DEFAULT_CONFIG, Settings};
    use crate::rehearsal;

    #[test]
    fn a_source_that_refuses_holds_up_no_other_and_is_named_beside_the_silence() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let simulator = runtime
            .block_on(simulator::start(SimulatorConfig {
                listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
                scenario: Scenario::builtin("calm").unwrap(),
                seed: 3,
                faults: Faults::parse("status=403:farside").unwrap(),
                tls: Tls::Off,
                pace: 1.0,
            }))
            .unwrap();
        let dir = tempfile::tempdir().unwrap();
        let store_dir = dir.path().join("store");
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let settings = Settings::parse(DEFAULT_CONFIG, "config.toml").unwrap();
        let _store = Store::open(&store_dir, settings.store_options, Arc::clone(&clock)).unwrap();
        let plan = rehearsal::plan(settings, simulator.addr, store_dir.clone());
        let (config, sources) = plan.forecast.unwrap();
        let config = ForecastConfig { history_days: 30, ..config };
        let (hub, mut told) = mpsc::channel(4);
        let counting = std::thread::spawn(move || {
            let mut counts = std::collections::BTreeMap::<String, usize>::new();
            while let Some(foretold) = told.blocking_recv() {
                let Foretold::Past { origin, events, kept } = foretold else { continue };
                assert!(!events.is_empty() && events.len() <= BATCH);
                *counts.entry(origin).or_default() += events.len();
                kept.send(true).unwrap();
            }
            counts
        });
        let cancel = CancellationToken::new();
        let around = Around { config, store_dir, clock: Arc::clone(&clock), hub, cancel };
        let mut past = Past::new(sources, around);
        let now = clock.now();
        past.ask(now, runtime.handle());
        let asked = past.excuse("burst-24h").unwrap();
        assert!(asked.starts_with("deribit is being fetched, "), "{asked}");
        runtime.block_on(past.wait(Duration::from_mins(1)));
        let failed = past.excuse("flows-5s").unwrap();
        assert!(failed.starts_with("farside could not be fetched: ") && failed.contains("403"), "{failed}");
        assert_eq!((past.excuse("burst-24h"), past.excuse("vol-24h")), (None, None));
        past.ask(now.plus(Duration::from_mins(10)), runtime.handle());
        assert!(past.tasks.is_empty(), "nobody is asked twice within an hour");
        past.ask(now.plus(Duration::from_hours(1)), runtime.handle());
        assert_eq!(past.tasks.len(), 4, "everybody an hour later");
        runtime.block_on(past.wait(Duration::from_mins(1)));
        drop(past);
        let counts = counting.join().unwrap();
        runtime.block_on(simulator.stop());
        assert_eq!(
            counts.keys().collect::<Vec<_>>(),
            ["backfill binance", "backfill deribit", "backfill yahoo"],
            "{counts:?}"
        );
        // Hours and, of ten tokens or so, days; a liquidation an hour at least.
        assert!(counts["backfill binance"] > 24 * 30 + 200 && counts["backfill deribit"] > 500, "{counts:?}");
    }

    #[test]
    fn a_target_whose_past_nobody_is_asked_for_waits_and_says_so() {
        let (hub, _told) = mpsc::channel(1);
        let around = Around {
            config: ForecastConfig::default(),
            store_dir: PathBuf::new(),
            clock: Arc::new(SystemClock),
            hub,
            cancel: CancellationToken::new(),
        };
        let past = Past::new(Vec::new(), around);
        let said = past.excuse("burst-24h").unwrap();
        assert_eq!(
            said,
            "forecast.fetch names no source of it (deribit, kraken-futures, okx), so it waits for what is recorded or imported"
        );
        assert_eq!(past.excuse("astrology"), None);
    }
}
