//! What the whole watch is worth at the moment: fresh, stale, or not there at all.

use std::time::Duration;

use market::{Board, FeedHealth, Timestamp};
use ratatui::style::Style;

use crate::figures::age;
use crate::theme::Theme;

/// A live connection proves itself every few seconds; half a minute without any frame is stale.
pub(crate) const STALE_AFTER: Duration = Duration::from_secs(30);
/// From here on a silent connection is trouble.
pub(crate) const DEAD_AFTER: Duration = Duration::from_mins(2);

/// The style of a transport's age.
pub(crate) fn freshness(span: Duration, theme: &Theme) -> Style {
    if span >= DEAD_AFTER {
        theme.bad
    } else if span >= STALE_AFTER {
        theme.warn
    } else {
        theme.text
    }
}

/// How many feeds see events as they happen.
pub(crate) fn live(board: &Board) -> usize {
    board.feeds.iter().filter(|feed| feed.state.is_watching()).count()
}

/// When any feed last proved itself.
fn last_frame(board: &Board) -> Option<Timestamp> {
    board.feeds.iter().filter_map(|feed| feed.last_frame).max()
}

/// When the watch over the first feed began.
pub(crate) fn watched_since(board: &Board) -> Option<Timestamp> {
    board.feeds.iter().filter_map(|feed| feed.watched_since).min()
}

/// What a panel of events must own up to on its head: nothing while any feed is live and fresh.
pub(crate) fn staleness(board: &Board) -> Option<String> {
    let Some(last) = last_frame(board) else {
        return (!board.tape.is_empty()).then(|| "stale: no frame yet".to_owned());
    };
    let silent = board.now.since(last);
    (live(board) == 0 || silent >= STALE_AFTER).then(|| format!("stale {}", age(silent)))
}

/// Why there is nothing to show, in one or two lines.
pub(crate) fn emptiness(board: &Board, what: &str) -> Vec<String> {
    let feeds = board.feeds.len();
    if feeds == 0 {
        return vec![format!("no {what}: no feed is on"), "turn one on in config.toml".to_owned()];
    }
    let watching = live(board);
    let mut lines = vec![match watched_since(board) {
        Some(since) => format!("no {what} in {} of watching", age(board.now.since(since))),
        None => format!("no {what}: the watch has not begun"),
    }];
    if watching == feeds {
        lines.push(format!("{watching} of {feeds} feeds live"));
        return lines;
    }
    let troubled: Vec<String> = board
        .feeds
        .iter()
        .filter(|feed| !feed.state.is_watching())
        .map(|feed| format!("{} {}", brief(feed), feed.state.as_str()))
        .collect();
    lines.push(format!("{watching} of {feeds} feeds live; {}", troubled.join(", ")));
    lines
}

/// A feed's venue without the market: `binance` for `binance-usdm`.
pub(crate) fn brief(feed: &FeedHealth) -> &str {
    venue(feed.feed.as_str())
}

/// The part of a feed's name before its first hyphen, unless that is nothing.
pub(crate) fn venue(feed: &str) -> &str {
    feed.split('-').next().filter(|name| !name.is_empty()).unwrap_or(feed)
}

/// The first three letters of a feed's name, upper case: `BIN`.
pub(crate) fn ticker(feed: &str) -> String {
    feed.chars().take(3).flat_map(char::to_uppercase).collect()
}
