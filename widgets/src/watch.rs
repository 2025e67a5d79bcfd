//! What the whole watch is worth at the moment: fresh, stale, or not there at all.

use std::time::Duration;

use market::{Board, Completeness, FeedHealth, Timestamp};
use ratatui::style::Style;

use crate::figures::age;
use crate::panel::View;
use crate::pen::{Pen, width_of};
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

/// The feeds that tell events, which can be counted and summed; the others tell states.
pub(crate) fn of_events(board: &Board) -> impl Iterator<Item = &FeedHealth> {
    board.feeds.iter().filter(|feed| feed.completeness != Completeness::Latest)
}

/// How many feeds see what happens as it happens.
pub(crate) fn live(board: &Board) -> usize {
    board.feeds.iter().filter(|feed| feed.state.is_watching()).count()
}

/// When any feed of events last proved itself.
fn last_frame(board: &Board) -> Option<Timestamp> {
    of_events(board).filter_map(|feed| feed.last_frame).max()
}

/// When the watch over the first feed of events began.
pub(crate) fn watched_since(board: &Board) -> Option<Timestamp> {
    of_events(board).filter_map(|feed| feed.watched_since).min()
}

/// What a panel of events must own up to on its head: nothing while any feed of events is live and fresh.
pub(crate) fn staleness(board: &Board) -> Option<String> {
    let Some(last) = last_frame(board) else {
        return (!board.tape.is_empty()).then(|| "stale: no frame yet".to_owned());
    };
    let silent = board.now.since(last);
    (!of_events(board).any(|feed| feed.state.is_watching()) || silent >= STALE_AFTER)
        .then(|| format!("stale {}", age(silent)))
}

/// Why there is no event to show, in one or two lines.
pub(crate) fn emptiness(board: &Board, what: &str) -> Vec<String> {
    let feeds: Vec<&FeedHealth> = of_events(board).collect();
    if feeds.is_empty() {
        return vec![format!("no {what}: no feed is on"), "turn one on in config.toml".to_owned()];
    }
    let first = match watched_since(board) {
        Some(since) => format!("no {what} in {} of watching", age(board.now.since(since))),
        None => format!("no {what}: the watch has not begun"),
    };
    vec![first, standing(&feeds)]
}

/// Why there is nothing of a kind that feeds or imports tell: what is missing, what to do about it, and how
/// the feeds stand.
pub(crate) fn untold(board: &Board, what: &str, remedy: &str) -> Vec<String> {
    let mut lines = vec![format!("{what} yet"), remedy.to_owned()];
    if !board.feeds.is_empty() {
        lines.push(standing(&board.feeds.iter().collect::<Vec<_>>()));
    }
    lines
}

/// Writes the lines of an empty panel, the first of them a third of the way down.
pub(crate) fn draw_untold(pen: &mut Pen<'_>, lines: &[String], view: &View<'_>) {
    let top = (pen.height().saturating_sub(1) / 3).max(1).min(pen.height().saturating_sub(1));
    for (line, y) in lines.iter().zip(top..) {
        pen.centre(y, line, view.theme.dim);
    }
}

/// `2 of 3 feeds live; okx 429 limited`.
fn standing(feeds: &[&FeedHealth]) -> String {
    let (watching, troubled): (Vec<&FeedHealth>, Vec<&FeedHealth>) =
        feeds.iter().partition(|feed| feed.state.is_watching());
    let counts = format!("{} of {} feeds live", watching.len(), feeds.len());
    if troubled.is_empty() {
        return counts;
    }
    let troubled: Vec<String> =
        troubled.into_iter().map(|feed| format!("{} {}", brief(feed), feed.state.as_str())).collect();
    format!("{counts}; {}", troubled.join(", "))
}

/// A feed's venue without the market: `binance` for `binance-usdm`.
pub(crate) fn brief(feed: &FeedHealth) -> &str {
    venue(feed.feed.as_str())
}

/// A feed's name in `width` columns: whole, else its venue where no other feed is of that venue, else the
/// first letters of the venue, three at least, and what sets it apart: `okx`, `bin-coinm`.
pub(crate) fn name_in(board: &Board, feed: &str, width: u16) -> String {
    if width_of(feed) <= width {
        return feed.to_owned();
    }
    let name = venue(feed);
    let namesakes = board.feeds.iter().filter(|other| brief(other) == name && other.feed.as_str() != feed);
    match feed.strip_prefix(name).filter(|rest| rest.len() > 1) {
        Some(rest) if namesakes.count() > 0 => {
            let room = usize::from(width.saturating_sub(width_of(rest)));
            let letters: String = name.chars().take(room.max(3)).collect();
            format!("{letters}{rest}")
        }
        Some(_) | None => name.to_owned(),
    }
}

/// The part of a feed's name before its first hyphen, unless that is nothing.
pub(crate) fn venue(feed: &str) -> &str {
    feed.split('-').next().filter(|name| !name.is_empty()).unwrap_or(feed)
}

/// The first three letters of a feed's name, upper case: `BIN`.
pub(crate) fn ticker(feed: &str) -> String {
    feed.chars().take(3).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use market::{FeedId, Mode};

    use super::*;

    #[test]
    fn a_shortened_name_still_names_one_feed() {
        let mut board = Board::new(Mode::Live, Timestamp::EPOCH);
        for feed in ["binance-usdm", "binance-coinm", "bybit-linear", "okx"] {
            board.add_feed(FeedId::new(feed), Completeness::Complete);
        }
        for (feed, width, name) in [
            ("binance-usdm", 12, "binance-usdm"),
            ("binance-usdm", 9, "bina-usdm"),
            ("binance-coinm", 9, "bin-coinm"),
            ("bybit-linear", 9, "bybit"),
            ("okx", 2, "okx"),
            ("-", 0, "-"),
        ] {
            assert_eq!(name_in(&board, feed, width), name, "{feed} in {width}");
        }
    }
}
