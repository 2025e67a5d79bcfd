//! Drives backfills as the command does, but for the store: a list.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use market::{ManualClock, MarketEvent, Observation, Timestamp};
use tempfile::TempDir;

use crate::backfill::{Backfill, BackfillReport, BackfillRow, Mark, Order, Step, Surroundings, Turn, find};
use crate::config::FeedConfig;
use crate::watch::timing::Timing;

/// What the clock of every test shows, unless its story says otherwise.
pub(super) const NOW: &str = "2026-01-10T12:00:30Z";

/// One source, one order, one directory of cursors.
pub(super) struct Desk {
    pub(super) row: &'static BackfillRow,
    pub(super) config: FeedConfig,
    pub(super) order: Order,
    pub(super) clock: Arc<ManualClock>,
    pub(super) dir: TempDir,
    pub(super) restart: bool,
}

impl Desk {
    /// Asks `source` at `url` for the days from `from` to `to`, without pauses.
    pub(super) fn new(source: &str, url: &str, from: &str, to: &str) -> Self {
        let row = BackfillRow { spacing: Duration::ZERO, ..*find(source).unwrap() };
        Self {
            row: Box::leak(Box::new(row)),
            config: FeedConfig { rest_url: Some(url.to_owned()), ..FeedConfig::default() },
            order: Order {
                from: from.parse().unwrap(),
                to: to.parse().unwrap(),
                symbols: Vec::new(),
                interval: None,
            },
            clock: Arc::new(ManualClock::new(time(NOW))),
            dir: tempfile::tempdir().unwrap(),
            restart: false,
        }
    }

    pub(super) fn symbols(mut self, symbols: &[&str]) -> Self {
        self.order.symbols = symbols.iter().map(|symbol| (*symbol).to_owned()).collect();
        self
    }

    pub(super) fn open(&self) -> Backfill {
        let around = Surroundings {
            clock: self.clock.clone(),
            dir: self.dir.path().to_owned(),
            restart: self.restart,
            seed: 7,
        };
        let timing = Timing { first_backoff: Duration::from_millis(4), ..Timing::default() };
        Backfill::open_with(self.row, &self.config, &self.order, around, &timing).unwrap()
    }

    /// Runs to the end.
    pub(super) async fn run(&self) -> (Vec<MarketEvent>, BackfillReport) {
        let mut backfill = self.open();
        let (events, _) = steps(&mut backfill, usize::MAX).await;
        (events, backfill.report())
    }
}

/// Takes up to `most` steps, each settled at once; what they told, and whether it was over.
pub(super) async fn steps(backfill: &mut Backfill, most: usize) -> (Vec<MarketEvent>, bool) {
    let (mut events, mut taken) = (Vec::new(), 0);
    while taken < most {
        match backfill.next().await {
            Turn::Step(step) => {
                let told = step.events.len();
                let mark = keep(step, &mut events);
                backfill.settle(&mark, told).unwrap();
                taken += 1;
            }
            Turn::Wait { .. } => {}
            Turn::Over => return (events, true),
        }
    }
    (events, false)
}

fn keep(step: Step, events: &mut Vec<MarketEvent>) -> Mark {
    assert!((0.0..=1.0).contains(&step.share));
    events.extend(step.events);
    step.mark
}

pub(super) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Events as one line each, in order.
pub(super) fn lines(events: &[MarketEvent]) -> Vec<String> {
    let mut lines: Vec<String> = events.iter().map(line).collect();
    lines.sort();
    lines
}

fn line(event: &MarketEvent) -> String {
    let what = match &event.observation {
        Observation::Liquidation(l) => format!(
            "{} {} {} {} {} {}",
            l.symbol,
            l.position,
            l.price,
            l.quantity.map_or("-".to_owned(), |quantity| format!("{:.6}", quantity.get())),
            l.notional.map_or("-".to_owned(), |notional| format!("{:.2}", notional.get())),
            l.venue_id.as_deref().unwrap_or("-"),
        ),
        Observation::Bar(b) => {
            format!(
                "{} {} {} {} {} {} {:?}",
                b.symbol,
                b.interval,
                b.open,
                b.high,
                b.low,
                b.close,
                b.volume.map(market::Quantity::get)
            )
        }
        Observation::EtfFlow(flow) => {
            format!(
                "{} {} {} {:?}",
                flow.asset,
                flow.fund,
                flow.trade_date,
                flow.net_flow.map(market::Usd::get)
            )
        }
        other => panic!("no history: {other:?}"),
    };
    let at = |moment: Timestamp| moment.to_string().replace(".000000Z", "Z");
    format!("{} known {} {what}", at(event.event_time), at(event.known_at))
}

/// That no two lines are alike.
pub(super) fn all_different(lines: &[String]) {
    let different: BTreeSet<&String> = lines.iter().collect();
    assert_eq!(different.len(), lines.len(), "told twice");
}

/// The cursor as text.
pub(super) fn cursor_of(dir: &Path, source: &str) -> String {
    std::fs::read_to_string(dir.join(format!("{source}.json"))).unwrap()
}
