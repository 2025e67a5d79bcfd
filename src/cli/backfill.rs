//! `vigie backfill`: the past of a source into the store, gently, resumably, once.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use feeds::backfill::{
    self, BACKFILLS, Backfill, BackfillReport, BackfillRow, Mark, Order, Surroundings, Turn,
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use market::{Clock, Date, Interval, MarketEvent};
use serde_json::json;
use store::{Reader, Record, Store};

use super::import::parse_interval;
use super::{Global, runtime, say, say_json};
use crate::clock::SystemClock;
use crate::config::{self, Settings};
use crate::failure::Failure;

/// Events that are made durable together, and settled with them.
const BATCH: usize = 2_000;
/// The progress bar's length: thousandths of the order.
const WHOLE: u64 = 1_000;

/// See the module. Ctrl-C stops; the same command goes on.
#[derive(Debug, Args)]
pub(super) struct BackfillSources {
    /// Sources: binance, yahoo, nasdaq, farside, deribit, kraken-futures, okx, gate; without any, those that need
    /// neither a key nor a decision of yours
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// The first day, UTC
    #[arg(long, value_name = "DATE")]
    from: Date,
    /// The last day, UTC; today unless given
    #[arg(long, value_name = "DATE")]
    to: Option<Date>,
    /// Only this symbol, in the source's words; may be given more than once
    #[arg(long, value_name = "SYMBOL")]
    symbol: Vec<String>,
    /// How long bars are to be, where the source has several lengths
    #[arg(long, value_name = "1m|5m|1h|4h|1d", value_parser = parse_interval)]
    interval: Option<Interval>,
    /// Ask for everything anew, whatever earlier runs settled; nothing is kept twice
    #[arg(long)]
    restart: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

impl BackfillSources {
    pub(super) fn run(self, global: &Global) -> Result<(), Failure> {
        let settings = global.settings()?;
        let rows = self.rows()?;
        let order = Order {
            from: self.from,
            to: self.to.unwrap_or_else(|| SystemClock.now().date()),
            symbols: self.symbol.clone(),
            interval: self.interval,
        };
        let mut reports = Vec::new();
        let runtime = runtime()?;
        for row in rows {
            let (report, is_stopped) = runtime.block_on(self.fetch(&settings, row, &order))?;
            reports.push(report);
            if is_stopped {
                break;
            }
        }
        if self.json {
            say_json(&json!({ "backfills": reports }))?;
        } else {
            for report in &reports {
                print(report)?;
            }
        }
        if reports.iter().all(BackfillReport::is_unreachable) {
            let names: Vec<&str> = reports.iter().map(|report| report.source).collect();
            return Err(Failure::Unreachable(names.join(", ")));
        }
        Ok(())
    }

    fn rows(&self) -> Result<Vec<&'static BackfillRow>, Failure> {
        if self.sources.is_empty() {
            return Ok(BACKFILLS.iter().filter(|row| row.by_default).collect());
        }
        let find = |name: &String| {
            backfill::find(name).ok_or_else(|| {
                let known: Vec<&str> = BACKFILLS.iter().map(|row| row.id).collect();
                Failure::Usage(format!("{name} has no past to fetch; known are {}", known.join(", ")))
            })
        };
        self.sources.iter().map(find).collect()
    }

    /// One source to its end, or to Ctrl-C; the report, and whether it was stopped.
    async fn fetch(
        &self,
        settings: &Settings,
        row: &'static BackfillRow,
        order: &Order,
    ) -> Result<(BackfillReport, bool), Failure> {
        let clock = Arc::new(SystemClock);
        let live = feeds::find(row.feed).ok_or_else(|| Failure::Bug(format!("{} has no feed", row.id)))?;
        let table = settings.config.feed(live.id);
        let table = feeds::FeedConfig { instruments: config::followed(live, &table.instruments), ..table };
        let around = Surroundings {
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            dir: settings.store_dir.join("backfill"),
            restart: self.restart,
            seed: clock.now().as_micros().unsigned_abs(),
        };
        let mut keeper = Keeper::open(settings, row)?;
        let mut backfill =
            Backfill::open(row, &table, order, around).map_err(|error| Failure::Backfill(Box::new(error)))?;
        let bar = bar(row.id);
        let is_stopped = loop {
            let turn = tokio::select! {
                turn = backfill.next() => turn,
                _ = tokio::signal::ctrl_c() => break true,
            };
            match turn {
                Turn::Step(step) => {
                    bar.set_position((step.share * WHOLE as f64) as u64);
                    bar.set_message(format!("{} · {} events", step.symbol, keeper.told + step.events.len()));
                    if bar.is_hidden() {
                        tracing::info!(source = row.id, symbol = %step.symbol, events = step.events.len(), share = step.share, "told");
                    }
                    keeper.take(step.events, step.mark);
                    if keeper.is_full() {
                        keeper.settle(&mut backfill)?;
                    }
                }
                Turn::Wait { wait, reason } => {
                    let secs = wait.as_secs_f64();
                    bar.set_message(format!("waiting {secs:.0} s: {reason}"));
                    tracing::warn!(source = row.id, wait_secs = secs, reason, "waiting");
                }
                Turn::Over => break false,
            }
        };
        keeper.settle(&mut backfill)?;
        bar.finish_and_clear();
        keeper.close()?;
        Ok((backfill.report(), is_stopped))
    }
}

/// What was told and is not durable yet.
struct Keeper {
    store: Store,
    reader: Reader,
    origin: String,
    waiting: Vec<MarketEvent>,
    mark: Option<Mark>,
    told: usize,
}

impl Keeper {
    fn open(settings: &Settings, row: &BackfillRow) -> Result<Self, Failure> {
        let (store, _) = Store::open(&settings.store_dir, settings.store_options, Arc::new(SystemClock))?;
        Ok(Self {
            store,
            reader: Reader::open(&settings.store_dir)?,
            origin: format!("backfill {}", row.id),
            waiting: Vec::new(),
            mark: None,
            told: 0,
        })
    }

    fn take(&mut self, events: Vec<MarketEvent>, mark: Mark) {
        self.told += events.len();
        self.waiting.extend(events);
        self.mark = Some(mark);
    }

    fn is_full(&self) -> bool {
        self.waiting.len() >= BATCH
    }

    /// Makes durable what is new, and only then notes how far the source was read.
    fn settle(&mut self, backfill: &mut Backfill) -> Result<(), Failure> {
        let Some(mark) = self.mark.take() else { return Ok(()) };
        let news = self.reader.news(std::mem::take(&mut self.waiting))?;
        for events in news.chunks(BATCH) {
            self.store.append(Record::Batch { origin: &self.origin, at: SystemClock.now(), events })?;
        }
        self.store.flush()?;
        backfill.settle(&mark, news.len()).map_err(|error| Failure::Backfill(Box::new(error)))
    }

    fn close(mut self) -> Result<(), Failure> {
        if self.told > 0 {
            self.store.seal()?;
        }
        Ok(self.store.close()?)
    }
}

/// How far it is, how fast and how long still; hidden where stderr is no terminal.
fn bar(source: &'static str) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr_with_hz(5)
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(WHOLE), target);
    let style = "{prefix} {bar:30} {percent:>3} % · {elapsed} · {eta} left · {msg}";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar.set_prefix(source);
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}

fn print(report: &BackfillReport) -> Result<(), Failure> {
    let state = if report.complete { "complete" } else { "not complete: the same command goes on" };
    say(&format!(
        "{}: {} to {}, {state}; {} requests, {} events, {} of them new",
        report.source, report.from, report.until, report.asked, report.events, report.new
    ))?;
    if let Some(reason) = &report.failed {
        say(&format!("  ended early: {reason}"))?;
    }
    for skipped in &report.skipped {
        say(&format!(
            "  {} left out from {} to {}: {}",
            skipped.symbol, skipped.from, skipped.until, skipped.reason
        ))?;
    }
    if report.refused > 0 {
        say(&format!("  {} rows refused; the first: {}", report.refused, report.refusals.join("; ")))?;
    }
    Ok(())
}
