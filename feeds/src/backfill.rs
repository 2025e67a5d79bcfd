//! A source's past, asked for once: bars, fund flows and liquidations of before the program ran.
//!
//! A source costs one file under `backfill/` and one row in [`BACKFILLS`]. What it tells goes under the
//! name of its live feed, known since it could first have been known. [`Backfill::next`] asks once and
//! gives what the answer told; the caller makes that durable and only then settles it, so that the cursor
//! on disk never promises more than the store holds: a run that is cut off, anywhere, is gone on with.

mod binance;
mod cursor;
mod days;
mod deribit;
mod gate;
mod history;
mod kraken_futures;
mod okx;
mod order;
mod paging;
mod report;
mod retold;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use market::{Clock, FeedId, GapCause, MarketEvent, Observation, Payload, Timestamp};
use smol_str::SmolStr;
use tokio::time::Instant;
use tracing::warn;

use crate::config::FeedConfig;
use crate::poll::http::HttpFetch;
use crate::poll::pace::spacing_of;
use crate::poll::{Answer, Body, Fetch, Question, Validators};
use crate::protocol::{Ask, DecodeError, Stamped};
use crate::venues::{FeedRow, find as find_feed};
use crate::watch::FeedError;
use crate::watch::backoff::{Backoff as Waits, Chance};
use crate::watch::failure::{Ended, Refusal, Retry};
use crate::watch::timing::Timing;

pub use self::order::{BACKFILLS, BackfillRow, Order, find};
pub use self::report::{BackfillReport, Skipped};

use self::cursor::{Cursor, Terms};
use self::history::{Answered, History, Lane, Left, Lost, Next, Page, Span};
use self::order::{Plan, PlanError};

/// Attempts at one request before it is given up for this run.
const MOST_ATTEMPTS: u32 = 6;
/// Symbols given up one after another before the source is.
const MOST_GIVEN_UP: u32 = 3;
/// Longer waits that a source asks for end the run: it can be gone on with later.
const LONGEST_HOLD: Duration = Duration::from_mins(15);
/// Waits that a source asks for, with no answer between them, before the run ends.
const MOST_HOLDS: u32 = 8;
/// Answers to one symbol that got no further before it is given up: halving an hour to a second takes twelve.
const MOST_STANDSTILLS: u32 = 16;
/// The longest wait after a failure.
const LONGEST_BACKOFF: Duration = Duration::from_mins(1);
/// A hold is not believed for longer, so that a clock that was wrong once does no lasting harm.
const LONGEST_BELIEVED: Duration = Duration::from_hours(72);

/// What a backfill needs from the program around it.
pub struct Surroundings {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where cursors are kept, one small file a source. It goes with the store: what a cursor says is
    /// told is taken to be in it.
    pub dir: PathBuf,
    /// Whether to leave what was told before out of account.
    pub restart: bool,
    /// Seeds the jitter of waits.
    pub seed: u64,
}

/// Why a backfill cannot begin, or not note how far it came.
#[derive(Debug, thiserror::Error)]
pub enum BackfillError {
    /// The order asks for something that the source has not.
    #[error("{source_id}: {problem}")]
    Order {
        /// The source.
        source_id: &'static str,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// The source cannot be asked as configured.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// The cursor cannot be written.
    #[error("note how far {source_id} came in {}: {source}", path.display())]
    Cursor {
        /// The source.
        source_id: &'static str,
        /// The cursor's file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
}

/// What happened.
#[derive(Debug)]
pub enum Turn {
    /// The source answered.
    Step(Step),
    /// It did not, or asked for patience: the next turn begins with this wait.
    Wait {
        /// How long.
        wait: Duration,
        /// Why.
        reason: String,
    },
    /// Nothing is left to ask, or to ask in this run; [`Backfill::report`] says which.
    Over,
}

/// What one answer told.
#[derive(Debug)]
pub struct Step {
    /// Whose.
    pub symbol: SmolStr,
    /// The events, oldest first; none where the answer told of other things.
    pub events: Vec<MarketEvent>,
    /// The share of the whole order that is told with this, 0 to 1.
    pub share: f64,
    /// To be settled once the events, and those of all steps before, are durable.
    pub mark: Mark,
}

/// How far a backfill had come at one step.
#[derive(Clone, Debug)]
pub struct Mark(Cursor);

/// One source's backfill.
pub struct Backfill {
    row: &'static BackfillRow,
    /// The least time between two requests.
    spacing: Duration,
    feed: FeedId,
    span: Span,
    history: Box<dyn History>,
    fetch: HttpFetch,
    clock: Arc<dyn Clock>,
    path: PathBuf,
    /// With everything that was given out.
    cursor: Cursor,
    /// With everything that is durable.
    settled: Cursor,
    waits: Waits,
    resume_at: Option<Instant>,
    failures: u32,
    holds: u32,
    standstills: u32,
    given_up_in_a_row: u32,
    /// Symbols given up for this run, and why.
    given_up: BTreeMap<SmolStr, String>,
    /// Why the run ended before its time.
    ended: Option<String>,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    asked: u64,
    answered: u64,
    events: u64,
    new: u64,
    refused: u64,
    refusals: Vec<String>,
}

/// What is to be asked.
enum Todo {
    Reference(Ask),
    Lane(usize, Ask),
    Skip(usize, String),
    Nothing,
}

/// Whom a failure concerns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Concern {
    Symbol,
    Source,
}

impl Backfill {
    /// Prepares to ask `row`'s source, as its live feed's table `config` says, for what `order` wants and
    /// no earlier run has settled.
    ///
    /// # Errors
    /// The order asks for something that the source has not, or the configuration cannot be used.
    pub fn open(
        row: &'static BackfillRow,
        config: &FeedConfig,
        order: &Order,
        around: Surroundings,
    ) -> Result<Self, BackfillError> {
        Self::open_with(row, config, order, around, &Timing::default())
    }

    fn open_with(
        row: &'static BackfillRow,
        config: &FeedConfig,
        order: &Order,
        around: Surroundings,
        timing: &Timing,
    ) -> Result<Self, BackfillError> {
        let refuse = |problem: String| BackfillError::Order { source_id: row.id, problem };
        order.check(row).map_err(refuse)?;
        let plan = (row.plan)(row, order, config);
        let Plan { history, symbols, grain } = plan.map_err(|error| refuse(error.to_string()))?;
        let base = config.rest_url.clone().unwrap_or_else(|| row.rest_url.to_owned());
        let config = FeedConfig { rest_url: Some(base.clone()), ..config.clone() };
        let live = live_row(row).ok_or_else(|| refuse(PlanError::NoStream.to_string()))?;
        let fetch = HttpFetch::below_base(live, &config, timing)?;
        let now = around.clock.now();
        let span = order.span(now, grain);
        let interval = row.has_intervals().then(|| order.interval_or_day().as_str().into());
        let terms = Terms { base, interval, symbols };
        let path = cursor::path(&around.dir, row.id);
        let known = if around.restart { None } else { remembered(row, &path) };
        let cursor = Cursor::resume(known, terms, span);
        let mut backfill = Self {
            row,
            spacing: spacing_of(row.spacing, row.rest_url, &config),
            feed: FeedId::new(row.feed),
            span,
            history,
            fetch,
            clock: around.clock,
            path,
            settled: cursor.clone(),
            cursor,
            waits: Waits::new(timing.first_backoff, LONGEST_BACKOFF, Chance::new(around.seed)),
            resume_at: None,
            failures: 0,
            holds: 0,
            standstills: 0,
            given_up_in_a_row: 0,
            given_up: BTreeMap::new(),
            ended: None,
            counts: Counts::default(),
        };
        backfill.respect_hold(now);
        Ok(backfill)
    }

    /// Stays away where the source said so in an earlier run.
    fn respect_hold(&mut self, now: Timestamp) {
        let held = self.cursor.not_before.take();
        if let Some(until) = held.filter(|until| *until > now && *until <= now.plus(LONGEST_BELIEVED))
            && !self.cursor.is_done()
        {
            self.cursor.not_before = Some(until);
            self.ended = Some(format!("{} asked not to be asked before {until}", self.row.id));
        }
    }

    /// Waits as long as is due, asks once and gives what came of it. The future bears being dropped:
    /// what was not answered is asked again.
    pub async fn next(&mut self) -> Turn {
        loop {
            if self.ended.is_some() {
                return Turn::Over;
            }
            let (lane, ask) = match self.todo() {
                Todo::Nothing if self.has_more_to_want() => continue,
                Todo::Nothing => return Turn::Over,
                Todo::Skip(lane, reason) => {
                    let page = Page::none(reason);
                    return Turn::Step(self.take(lane, page));
                }
                Todo::Reference(ask) => (None, ask),
                Todo::Lane(lane, ask) => (Some(lane), ask),
            };
            if let Some(at) = self.resume_at {
                tokio::time::sleep_until(at).await;
            }
            let question = Question { ask: &ask, validators: &Validators::default(), now: self.clock.now() };
            let answer = self.fetch.fetch(question).await;
            self.resume_at = Some(Instant::now() + self.spacing);
            self.counts.asked += 1;
            match self.understand(lane, &ask, answer) {
                Ok(Some(step)) => return Turn::Step(step),
                Err(Some((wait, reason))) => {
                    self.resume_at = Some(Instant::now() + wait.max(self.spacing));
                    return Turn::Wait { wait, reason };
                }
                Ok(None) | Err(None) => {}
            }
        }
    }

    /// What is next.
    fn todo(&mut self) -> Todo {
        let is_open = |lane: &&Lane| !lane.missing.is_empty() && !self.given_up.contains_key(&lane.symbol);
        let Some(index) = self.cursor.lanes.iter().position(|lane| is_open(&lane)) else {
            return Todo::Nothing;
        };
        if let Some(ask) = self.history.next_reference() {
            return Todo::Reference(ask);
        }
        match self.history.next(&self.cursor.lanes[index]) {
            Next::Ask(ask) => Todo::Lane(index, ask),
            Next::Skip(reason) => Todo::Skip(index, reason),
        }
    }

    /// Whether an earlier order was finished and this one goes on from there.
    fn has_more_to_want(&mut self) -> bool {
        self.cursor.extend(self.span.until)
    }

    /// What an answer means: a step, nothing yet (`None`), or a failure, with the wait that goes with it
    /// where there is another attempt.
    fn understand(
        &mut self,
        lane: Option<usize>,
        ask: &Ask,
        answer: Result<Answer, Ended>,
    ) -> Result<Option<Step>, Option<(Duration, String)>> {
        let Body { bytes, complaint, .. } = match answer {
            Ok(Answer::Body(body)) => body,
            Ok(Answer::Unchanged) => {
                self.counts.answered += 1;
                return Err(self.fail(lane, Concern::Symbol, "an answer without a body".to_owned()));
            }
            Ok(Answer::None(words)) => {
                self.counts.answered += 1;
                return Err(self.fail(lane, Concern::Symbol, words));
            }
            Err(Ended::Failed(failure)) => {
                self.counts.answered += u64::from(failure.cause != GapCause::Unreachable);
                return Err(match failure.retry {
                    Retry::Backoff => self.fail(lane, Concern::Source, failure.detail),
                    Retry::After(Refusal::RateLimited | Refusal::Banned, wait) => {
                        self.hold(wait, failure.detail)
                    }
                    Retry::After(Refusal::RegionBlocked | Refusal::Forbidden, _) => {
                        self.ended = Some(failure.detail);
                        None
                    }
                });
            }
            Err(Ended::Fatal(error)) => {
                self.ended = Some(error.to_string());
                return Err(None);
            }
            Err(Ended::Stopped) => {
                self.ended = Some("stopped".to_owned());
                return Err(None);
            }
        };
        self.counts.answered += 1;
        let request = SmolStr::new(&ask.request);
        let payload = Payload::Answer { request, body: bytes };
        let complaint = complaint.as_deref();
        let read = match lane {
            None => self.history.learn(&payload).map(|()| None),
            Some(index) => {
                let answered = Answered { payload: &payload, complaint, now: self.clock.now() };
                self.history.read(&self.cursor.lanes[index], &answered).map(|page| Some((index, page)))
            }
        };
        match read {
            // It would be asked for ever.
            Ok(None) if self.history.next_reference().is_some_and(|next| next == *ask) => {
                let words = format!("the answer to {} does not tell what was asked", ask.request);
                Err(self.fail(lane, Concern::Source, words))
            }
            Ok(page) => {
                self.failures = 0;
                self.holds = 0;
                self.waits.reset();
                self.cursor.not_before = None;
                Ok(page.map(|(index, page)| self.take(index, page)))
            }
            Err(error) => Err(self.fail(lane, Concern::Symbol, words_of(complaint, &error))),
        }
    }

    /// Takes in what a page told of a lane.
    fn take(&mut self, index: usize, page: Page) -> Step {
        let Page { told, refused, left } = page;
        let before = self.cursor.lanes[index].missing;
        let events = self.events(before, told);
        let lane = &mut self.cursor.lanes[index];
        match left {
            Left::Nothing => lane.missing = Span::empty(before.until),
            Left::Span(span) => lane.missing = span,
            Left::Unobtainable(reason) => lane.lose(before, reason),
            Left::Lost(span, reason) => lane.lose(span, reason),
        }
        let symbol = lane.symbol.clone();
        let stands_still = lane.missing == before;
        self.standstills = if stands_still { self.standstills + 1 } else { 0 };
        if self.standstills >= MOST_STANDSTILLS {
            self.standstills = 0;
            self.give_up(&symbol, "the source's answers get no further".to_owned());
        } else if !stands_still {
            self.given_up_in_a_row = 0;
        }
        self.counts.events += events.len() as u64;
        self.counts.refused += refused.len() as u64;
        let room = report::MOST_REFUSALS.saturating_sub(self.counts.refusals.len());
        self.counts.refusals.extend(refused.into_iter().take(room));
        Step { symbol, events, share: self.cursor.share(), mark: Mark(self.cursor.clone()) }
    }

    fn events(&self, span: Span, told: Vec<Stamped>) -> Vec<MarketEvent> {
        let receive_time = self.clock.now();
        let told = told.into_iter().filter(|stamped| span.has(stamped.event_time));
        told.map(|Stamped { event_time, published, observation }| {
            debug_assert!(!matches!(observation, Observation::Gap(_)), "a gap is no history");
            MarketEvent {
                feed: self.feed.clone(),
                event_time,
                receive_time,
                known_at: published.unwrap_or(receive_time).min(receive_time),
                observation,
            }
        })
        .collect()
    }

    /// Notes a failure; the wait before the next attempt, unless there is none.
    fn fail(&mut self, lane: Option<usize>, concern: Concern, reason: String) -> Option<(Duration, String)> {
        self.failures += 1;
        if self.failures < MOST_ATTEMPTS {
            return Some((self.waits.next_wait(), reason));
        }
        self.failures = 0;
        self.waits.reset();
        match lane.filter(|_| concern == Concern::Symbol) {
            Some(index) => {
                let symbol = self.cursor.lanes[index].symbol.clone();
                self.give_up(&symbol, reason);
            }
            None => self.ended = Some(reason),
        }
        None
    }

    /// Passes over a symbol for the rest of this run.
    fn give_up(&mut self, symbol: &SmolStr, reason: String) {
        self.given_up_in_a_row += 1;
        if self.given_up_in_a_row >= MOST_GIVEN_UP {
            self.ended = Some(reason.clone());
        }
        self.given_up.insert(symbol.clone(), reason);
    }

    /// Waits as the source asks, unless that is too long or too often.
    fn hold(&mut self, wait: Duration, reason: String) -> Option<(Duration, String)> {
        self.holds += 1;
        if wait <= LONGEST_HOLD && self.holds < MOST_HOLDS {
            return Some((wait, reason));
        }
        let until = self.clock.now().plus(wait);
        self.cursor.not_before = Some(until);
        self.settled.not_before = Some(until);
        if let Err(error) = cursor::write(&self.path, &self.settled) {
            warn!(source = self.row.id, %error, "that the source wants to be left alone could not be noted");
        }
        self.ended = Some(format!("{reason}; not to be asked before {until}"));
        None
    }

    /// Notes on disk that everything up to `mark` is durable, and that `new` of its events were news.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn settle(&mut self, mark: &Mark, new: usize) -> Result<(), BackfillError> {
        self.counts.new += new as u64;
        let not_before = self.cursor.not_before;
        self.settled = mark.0.clone();
        self.settled.not_before = not_before;
        cursor::write(&self.path, &self.settled).map_err(|source| BackfillError::Cursor {
            source_id: self.row.id,
            path: self.path.clone(),
            source,
        })
    }

    /// What the run came to so far.
    pub fn report(&self) -> BackfillReport {
        let lost = self.settled.lanes.iter().filter_map(|lane| {
            let Lost { span, reason } = lane.lost.as_ref()?;
            Some(Skipped::new(&lane.symbol, *span, reason))
        });
        let given_up = self.settled.lanes.iter().filter_map(|lane| {
            let reason = self.given_up.get(&lane.symbol)?;
            Some(Skipped::new(&lane.symbol, lane.missing, reason))
        });
        let skipped: Vec<Skipped> = lost.chain(given_up).collect();
        let is_done = self.settled.is_done() && self.settled.span.until >= self.span.until;
        let Counts { asked, answered, events, new, refused, refusals } = &self.counts;
        BackfillReport {
            source: self.row.id,
            feed: self.row.feed,
            from: self.span.from,
            until: self.span.until,
            asked: *asked,
            answered: *answered,
            events: *events,
            new: *new,
            refused: *refused,
            refusals: refusals.clone(),
            complete: is_done && skipped.is_empty() && *refused == 0,
            skipped,
            failed: self.ended.clone(),
        }
    }

    /// The share of the order that is told, 0 to 1: more than nothing where an earlier run told some.
    pub fn share(&self) -> f64 {
        self.cursor.share()
    }
}

fn live_row(row: &BackfillRow) -> Option<&'static FeedRow> {
    find_feed(row.feed)
}

/// The cursor of an earlier run; one that cannot be read is as good as none.
fn remembered(row: &BackfillRow, path: &std::path::Path) -> Option<Cursor> {
    cursor::read(path).unwrap_or_else(|error| {
        warn!(source = row.id, file = %path.display(), %error, "how far the last run came is not known; starting anew");
        None
    })
}

fn words_of(complaint: Option<&str>, error: &DecodeError) -> String {
    complaint.map_or_else(|| error.to_string(), |complaint| format!("{complaint}: {error}"))
}

#[cfg(test)]
mod tests;
