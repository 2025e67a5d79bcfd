//! Feed health: what each feed is doing, how fresh it is, what it lost; and the store below.

use std::ops::Range;

use market::{Board, Completeness, FeedHealth, FeedState, Gap, WINDOWS};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::figures::{age, clock, count, percent, usd};
use crate::list::{Scroll, shown_of};
use crate::panel::{Action, Panel, Reaction, View};
use crate::pen::{Head, Pen, Slot, width_of};
use crate::plan::{Column, numbers, place, words};
use crate::theme::Theme;
use crate::watch;

/// The panel. It owns how far it is scrolled.
#[derive(Clone, Debug, Default)]
pub struct Health {
    scroll: Scroll,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Feed,
    Sign,
    State,
    Frame,
    Event,
    Frames,
    Events,
    Rejected,
    Reconnects,
    Gaps,
    LastGap,
    Coverage(usize),
    Told,
    Source,
}

const FEED: Column<Field> = words(Field::Feed, 12, 16);
const BRIEF: Column<Field> = words(Field::Feed, 9, 14);
const SIGN: Column<Field> = words(Field::Sign, 1, 1);
const STATE: Column<Field> = words(Field::State, 16, 24);
const FRAME: Column<Field> = numbers(Field::Frame, 6);
const EVENT: Column<Field> = numbers(Field::Event, 6);
const GAPS: Column<Field> = numbers(Field::Gaps, 4);
const HOUR: Column<Field> = numbers(Field::Coverage(1), 5);
const DAY: Column<Field> = numbers(Field::Coverage(2), 5);
const REJECTED: Column<Field> = numbers(Field::Rejected, 4);
const TOLD: Column<Field> = words(Field::Told, 8, 8);
const FRAMES: Column<Field> = numbers(Field::Frames, 6);
const EVENTS: Column<Field> = numbers(Field::Events, 7);
const RECONNECTS: Column<Field> = numbers(Field::Reconnects, 5);
const LAST_GAP: Column<Field> = words(Field::LastGap, 19, 32);
const SOURCE: Column<Field> = words(Field::Source, 20, 30);

/// Column sets, richest first.
#[rustfmt::skip]
const PLANS: &[&[Column<Field>]] = &[
    &[FEED, SIGN, STATE, FRAME, EVENT, FRAMES, EVENTS, REJECTED, RECONNECTS, GAPS, LAST_GAP, HOUR, DAY, TOLD, SOURCE],
    &[FEED, SIGN, STATE, FRAME, EVENT, FRAMES, EVENTS, REJECTED, RECONNECTS, GAPS, LAST_GAP, HOUR, DAY, TOLD],
    &[BRIEF, SIGN, STATE, FRAME, EVENT, FRAMES, EVENTS, REJECTED, RECONNECTS, GAPS, HOUR, DAY, TOLD],
    &[BRIEF, SIGN, STATE, FRAME, EVENT, REJECTED, GAPS, HOUR, DAY, TOLD],
    &[BRIEF, SIGN, STATE, FRAME, EVENT, REJECTED, GAPS, HOUR, DAY],
    &[BRIEF, SIGN, STATE, FRAME, EVENT, GAPS, HOUR],
    &[BRIEF, SIGN, STATE, FRAME, EVENT],
    &[BRIEF, SIGN, STATE],
    &[BRIEF, SIGN],
    &[SIGN],
];

impl Panel for Health {
    fn id(&self) -> &'static str {
        "health"
    }

    fn title(&self) -> &'static str {
        "Feeds"
    }

    fn act(&mut self, action: Action, _board: &Board) -> Reaction {
        self.scroll.act(action)
    }

    fn render(&mut self, area: Rect, buf: &mut Buffer, view: &View<'_>) {
        let mut pen = Pen::new(buf, area);
        let (board, theme) = (view.board, view.theme);
        if pen.height() == 1 {
            draw_one_line(&mut pen, view);
            return;
        }
        let feeds = board.feeds.len();
        let header = u16::from(pen.height() >= 4);
        let store = u16::from(pen.height() >= 5 || (board.store.failure.is_some() && pen.height() >= 3));
        let rows = pen.height().saturating_sub(1 + header + store);
        let shown = self.scroll.show(feeds, rows);
        let mut notes = vec![format!("{} of {feeds} live", watch::live(board))];
        notes.extend(shown_of(&shown, feeds));
        let tag = tag(board, &shown);
        let style = if board.store.failure.is_some() { theme.bad } else { theme.warn };
        let tag = tag.as_deref().map(|words| (words, style));
        Head { title: self.title(), note: &notes.join(" · "), tag }.draw(&mut pen, view);
        let slots = place(PLANS, 1, pen.width());
        if header > 0 && feeds > 0 {
            for (field, slot) in &slots {
                pen.cell(*slot, 1, field.header(), theme.label);
            }
        }
        if store > 0 {
            let y = (1 + header + (shown.len() as u16).clamp(1, rows.max(1))).min(pen.height() - 1);
            draw_store(&mut pen, y, view);
            let is_whole = slots.iter().any(|(field, _)| *field == Field::Source);
            draw_particulars(&mut pen.below(y + 1), view, if is_whole { &[] } else { &board.feeds });
        }
        let mut pen = pen.below(1 + header);
        if feeds == 0 {
            pen.text(1, 0, "no feed is on; turn one on in config.toml", theme.dim);
            return;
        }
        for (feed, y) in board.feeds[shown].iter().zip(0..) {
            for &(field, slot) in &slots {
                let (text, style) = field.cell(feed, slot, view);
                pen.cell(slot, y, &text, style);
            }
        }
    }
}

impl Field {
    fn header(self) -> &'static str {
        match self {
            Self::Feed => "feed",
            Self::Sign => "",
            Self::State => "state",
            Self::Frame => "frame",
            Self::Event => "event",
            Self::Frames => "frames",
            Self::Events => "events",
            Self::Rejected => "rej",
            Self::Reconnects => "recon",
            Self::Gaps => "gaps",
            Self::LastGap => "last gap",
            Self::Coverage(1) => "cov1h",
            Self::Coverage(_) => "24h",
            Self::Told => "stream",
            Self::Source => "source",
        }
    }

    fn cell(self, feed: &FeedHealth, slot: Slot, view: &View<'_>) -> (String, Style) {
        let (theme, now) = (view.theme, view.board.now);
        let ago = |moment: Option<market::Timestamp>| moment.map(|moment| now.since(moment));
        match self {
            Self::Feed => (watch::name_in(view.board, feed.feed.as_str(), slot.width), theme.text),
            Self::Sign => (sign(&feed.state).to_owned(), state_style(&feed.state, theme)),
            Self::State => (state_words(feed, now), state_style(&feed.state, theme)),
            Self::Frame => match ago(feed.last_frame) {
                // How often a state is told is its source's own business; its state says when that fails.
                Some(span) if feed.completeness == Completeness::Latest => (age(span), theme.dim),
                Some(span) => (age(span), watch::freshness(span, theme)),
                None => ("never".to_owned(), theme.dim),
            },
            // A quiet market is no fault, so an event's age has no colour.
            Self::Event => (ago(feed.last_event).map_or("never".to_owned(), age), theme.dim),
            Self::Frames => (usd(feed.frames as f64), theme.dim),
            Self::Events => (count(feed.events), theme.text),
            Self::Rejected => (small(feed.rejected), if feed.rejected > 0 { theme.warn } else { theme.dim }),
            Self::Reconnects => (small(feed.reconnects), theme.dim),
            Self::Gaps => (small(feed.gaps), if open_gap(feed).is_some() { theme.warn } else { theme.dim }),
            Self::LastGap => last_gap(feed, view),
            Self::Coverage(window) => {
                let share = feed.coverage(WINDOWS[window].span, now);
                (percent(share), if share < 0.95 { theme.warn } else { theme.text })
            }
            Self::Told => (feed.completeness.as_str().to_owned(), told_style(feed.completeness, theme)),
            Self::Source if feed.source.is_empty() => ("recording".to_owned(), theme.dim),
            Self::Source => (feed.source.clone(), theme.dim),
        }
    }
}

/// A count in four characters: what is past that is not counted by eye.
fn small(value: u64) -> String {
    if value < 10_000 { value.to_string() } else { "≥10k".to_owned() }
}

fn told_style(told: Completeness, theme: &Theme) -> Style {
    match told {
        Completeness::Complete => theme.text,
        Completeness::Sampled | Completeness::Partial | Completeness::Latest => theme.dim,
    }
}

/// What the head must not keep back: a store that failed, gaps that are open, trouble that is off screen.
fn tag(board: &Board, shown: &Range<usize>) -> Option<String> {
    let mut parts = Vec::new();
    if board.store.failure.is_some() {
        parts.push("store failed".to_owned());
    }
    match board.feeds.iter().filter(|feed| open_gap(feed).is_some()).count() {
        0 => {}
        1 => parts.push("1 gap open".to_owned()),
        open => parts.push(format!("{open} gaps open")),
    }
    let is_bad = |feed: &FeedHealth| !feed.state.is_watching() || open_gap(feed).is_some();
    let hidden =
        board.feeds.iter().enumerate().filter(|(at, feed)| !shown.contains(at) && is_bad(feed)).count();
    if hidden > 0 {
        parts.push(format!("{hidden} bad off screen"));
    }
    (!parts.is_empty()).then(|| parts.join(" · "))
}

/// The gap a feed is in.
fn open_gap(feed: &FeedHealth) -> Option<&Gap> {
    feed.recent_gaps.last().filter(|gap| gap.until.is_none())
}

fn last_gap(feed: &FeedHealth, view: &View<'_>) -> (String, Style) {
    let Some(gap) = feed.recent_gaps.last() else {
        return ("none".to_owned(), view.theme.dim);
    };
    let cause = gap.cause.as_str().replace('_', " ");
    match gap.until {
        Some(until) => (format!("{cause} {}", age(until.since(gap.from))), view.theme.dim),
        // How long, before why: the reason may be cut.
        None => (format!("open {}, {cause}", age(view.board.now.since(gap.from))), view.theme.warn),
    }
}

/// A feed's state as a sign, so that it reads without colour.
fn sign(state: &FeedState) -> &'static str {
    match state {
        FeedState::Live => "●",
        FeedState::Lagging => "◐",
        FeedState::Starting | FeedState::Connecting | FeedState::Subscribing => "○",
        FeedState::Waiting { .. } | FeedState::RateLimited { .. } => "◌",
        FeedState::RegionBlocked { .. }
        | FeedState::Forbidden { .. }
        | FeedState::Banned { .. }
        | FeedState::Failed { .. } => "✗",
        FeedState::Stopped => "■",
    }
}

fn state_style(state: &FeedState, theme: &Theme) -> Style {
    match state {
        FeedState::Live => theme.good,
        FeedState::Starting | FeedState::Connecting | FeedState::Subscribing | FeedState::Stopped => {
            theme.dim
        }
        FeedState::Lagging | FeedState::Waiting { .. } | FeedState::RateLimited { .. } => theme.warn,
        FeedState::RegionBlocked { .. }
        | FeedState::Forbidden { .. }
        | FeedState::Banned { .. }
        | FeedState::Failed { .. } => theme.bad,
    }
}

/// `live`, `429 limited, 42s`, `failed: …`.
fn state_words(feed: &FeedHealth, now: market::Timestamp) -> String {
    let name = feed.state.as_str();
    if let FeedState::Failed { reason } = &feed.state {
        return format!("{name}: {reason}");
    }
    match feed.state.retries_at() {
        Some(until) if until > now => format!("{name}, {}", age(until.since(now))),
        Some(_) => format!("{name}, now"),
        None => name.to_owned(),
    }
}

/// What the table was too narrow for, on the rows that are left: why feeds failed, what gaps are open,
/// and the figures that had no column, of the feeds in `cut`.
fn draw_particulars(pen: &mut Pen<'_>, view: &View<'_>, cut: &[FeedHealth]) {
    let mut y = 0;
    for feed in &view.board.feeds {
        if let FeedState::Failed { reason } = &feed.state {
            pen.text(1, y, &format!("{} failed: {reason}", feed.feed), view.theme.bad);
            y += 1;
        }
        if let Some(gap) = open_gap(feed) {
            let cause = gap.cause.as_str().replace('_', " ");
            let comma = if gap.detail.is_empty() { "" } else { ", " };
            let words = format!("{} gap since {}: {cause}{comma}{}", feed.feed, clock(gap.from), gap.detail);
            pen.text(1, y, &words, view.theme.warn);
            y += 1;
        }
    }
    for feed in cut {
        let source = if feed.source.is_empty() { "recording" } else { &feed.source };
        let words = format!(
            "{}: {} reconnects, last gap {}, {} frames, {} events, {source}",
            feed.feed,
            feed.reconnects,
            last_gap(feed, view).0,
            usd(feed.frames as f64),
            count(feed.events)
        );
        pen.text(1, y, &words, view.theme.dim);
        y += 1;
    }
}

fn draw_store(pen: &mut Pen<'_>, y: u16, view: &View<'_>) {
    let (store, theme) = (&view.board.store, view.theme);
    let x = pen.text(1, y, "store ", theme.label);
    if let Some(failure) = &store.failure {
        pen.text(x, y, &format!("FAILED: {failure}"), theme.bad);
        return;
    }
    let Some(path) = &store.path else {
        pen.text(x, y, "off: nothing is kept", theme.warn);
        return;
    };
    let behind = store.appended.saturating_sub(store.durable);
    let (words, style) = match behind {
        0 => (format!("{} records, all on disk", count(store.durable)), theme.good),
        behind => (format!("{} on disk, {} on the way", count(store.durable), count(behind)), theme.text),
    };
    let x = pen.text(x, y, &words, style);
    let room = pen.width().saturating_sub(x + 3);
    let shown = path.display().to_string();
    if room >= width_of(&shown) {
        pen.text(x + 2, y, &shown, theme.dim);
    } else if room >= 8 {
        // The end of a path says more than its beginning.
        let tail: Vec<char> = shown.chars().rev().take(usize::from(room) - 1).collect();
        pen.text(x + 2, y, &format!("…{}", tail.into_iter().rev().collect::<String>()), theme.dim);
    }
}

/// The whole panel on one row: troubled feeds first, because the row may end.
fn draw_one_line(pen: &mut Pen<'_>, view: &View<'_>) {
    let (board, theme) = (view.board, view.theme);
    let mut x = pen.text(1, 0, "Feeds", theme.title);
    if board.store.failure.is_some() {
        x = pen.text(x + 2, 0, "store FAILED", theme.bad);
    }
    if board.feeds.is_empty() {
        pen.text(x + 2, 0, "none is on", theme.dim);
        return;
    }
    let (live, troubled): (Vec<_>, Vec<_>) = board.feeds.iter().partition(|feed| feed.state.is_watching());
    let counts = format!("{} of {} live", live.len(), board.feeds.len());
    x = pen.text(x + 2, 0, &counts, if troubled.is_empty() { theme.good } else { theme.warn });
    for feed in troubled.into_iter().chain(live) {
        let style = state_style(&feed.state, theme);
        let fresh = feed.last_frame.filter(|_| feed.state.is_watching()).map(|at| age(board.now.since(at)));
        let words = format!(
            "{} {} {}{}",
            sign(&feed.state),
            watch::name_in(board, feed.feed.as_str(), 0),
            state_words(feed, board.now),
            fresh.map(|age| format!(" {age}")).unwrap_or_default(),
        );
        if pen.width().saturating_sub(x + 2) < width_of(&words) {
            pen.text(x + 1, 0, "…", theme.dim);
            return;
        }
        x = pen.text(x + 2, 0, &words, style);
    }
}
