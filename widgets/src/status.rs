//! The line over everything: where the events come from, what time it is, what is wrong.

use jiff::tz::TimeZone;
use market::{Board, Mode, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::Widget;

use crate::figures::{clock, count, minute};
use crate::panel::View;
use crate::pen::{Pen, clip, width_of};
use crate::theme::Theme;
use crate::watch;

/// The status line. The badge is there at any width; the rest comes as room allows, what is wrong first.
#[derive(Clone, Copy, Debug)]
pub struct StatusLine<'a> {
    /// The state of the watch.
    pub board: &'a Board,
    /// The styles.
    pub theme: &'a Theme,
    /// New York's time zone, where the program could find one.
    pub new_york: Option<&'a TimeZone>,
    /// Keys and what they do, the most useful first: `("?", "help")`.
    pub hints: &'a [(&'a str, &'a str)],
    /// The workspace on screen, by its title; empty where it goes without saying.
    pub workspace: &'a str,
    /// What the program has to say about the last command; takes the place of the hints.
    pub message: Option<&'a str>,
}

/// A piece of the line; the lowest rank is the last to go.
struct Piece {
    rank: u8,
    words: Vec<(String, Style)>,
}

impl Piece {
    fn width(&self) -> u16 {
        self.words.iter().map(|(text, _)| width_of(text)).sum()
    }
}

impl<'a> StatusLine<'a> {
    /// The line for what a panel may see, without hints.
    pub fn new(view: &View<'a>) -> Self {
        let (board, theme, new_york) = (view.board, view.theme, view.new_york);
        Self { board, theme, new_york, hints: &[], workspace: "", message: None }
    }

    /// In the order in which they stand.
    fn pieces(&self) -> Vec<Piece> {
        let (board, theme) = (self.board, self.theme);
        let mut pieces = Vec::with_capacity(8);
        let mut add = |rank, words: &[(&str, Style)]| {
            let words = words.iter().map(|(text, style)| ((*text).to_owned(), *style)).collect();
            pieces.push(Piece { rank, words });
        };
        if !self.workspace.is_empty() {
            add(3, &[(self.workspace, theme.title)]);
        }
        // On a recording the day says more than the second.
        let date_rank = if board.mode == Mode::Replay { 2 } else { 8 };
        add(date_rank, &[(&board.now.date().to_string(), theme.text)]);
        add(1, &[(&clock(board.now), theme.title), (" UTC", theme.label)]);
        if let Some((time, zone)) = self.new_york.and_then(|zone| new_york(board.now, zone)) {
            add(6, &[(&time, theme.text), (&format!(" {zone}"), theme.label)]);
        }
        let (live, feeds) = (watch::live(board), board.feeds.len());
        let (rank, style) = match live {
            _ if feeds == 0 => (3, theme.dim),
            _ if live == feeds => (5, theme.good),
            0 => (2, theme.bad),
            _ => (3, theme.warn),
        };
        let words = if feeds == 0 { "none".to_owned() } else { format!("{live}/{feeds} live") };
        add(rank, &[("feeds ", theme.label), (&words, style)]);
        if let Some(relay) = relay(board) {
            add(2, &[("via ", theme.label), (&relay, theme.warn)]);
        }
        let store = &board.store;
        if store.failure.is_some() {
            add(2, &[("store ", theme.label), ("FAILED", theme.bad)]);
        } else if store.path.is_none() {
            add(4, &[("store ", theme.label), ("off", theme.warn)]);
        } else if store.appended > store.durable {
            let behind = format!("{} pending", count(store.appended - store.durable));
            add(6, &[("store ", theme.label), (&behind, theme.text)]);
        } else {
            add(6, &[("store ", theme.label), ("on disk", theme.good)]);
        }
        let rejected: u64 = board.feeds.iter().map(|feed| feed.rejected).fold(0, u64::saturating_add);
        let (rank, style) = if rejected > 0 { (5, theme.warn) } else { (7, theme.text) };
        add(rank, &[("rejected ", theme.label), (&count(rejected), style)]);
        pieces
    }

    /// In the order in which they stand, on the right.
    fn hints(&self) -> Vec<Piece> {
        let theme = self.theme;
        if let Some(message) = self.message {
            // It says what the reader just did, so it comes before all that is merely as it should be.
            return vec![Piece { rank: 2, words: vec![(message.to_owned(), theme.accent)] }];
        }
        let hints = self.hints.iter().enumerate();
        let hint = |(at, (key, what)): (usize, &(&str, &str))| Piece {
            rank: if at == 0 { 5 } else { 7 },
            words: vec![((*key).to_owned(), theme.accent), (format!(" {what}"), theme.label)],
        };
        hints.map(hint).collect()
    }
}

/// Where live events come from, if not from the venues themselves: `127.0.0.1:9443`, `2 relays`.
fn relay(board: &Board) -> Option<String> {
    if board.mode != Mode::Live {
        return None;
    }
    let mut hosts: Vec<&str> =
        board.feeds.iter().filter(|feed| feed.is_relayed).map(|feed| feed.source.as_str()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    match hosts[..] {
        [] => None,
        [host] => Some(host.to_owned()),
        _ => Some(format!("{} relays", hosts.len())),
    }
}

/// Blank columns between two pieces.
const GAP: u16 = 2;

/// Keeps the pieces of the lowest ranks that fit into `room`, of both ends together.
fn fit(left: &mut Vec<Piece>, right: &mut Vec<Piece>, mut room: u16) {
    let mut pieces: Vec<&mut Piece> = left.iter_mut().chain(right.iter_mut()).collect();
    // A stable sort: of equals, the first to stand is the first to be kept.
    pieces.sort_by_key(|piece| piece.rank);
    for piece in pieces {
        let width = GAP + piece.width();
        if width <= room {
            room -= width;
        } else if piece.rank == 2 && room > GAP + 8 && piece.words.len() == 1 {
            // A long message is cut rather than kept back.
            piece.words[0].0 = clip(&piece.words[0].0, room - GAP).into_owned();
            room = 0;
        } else {
            piece.words.clear();
        }
    }
    left.retain(|piece| !piece.words.is_empty());
    right.retain(|piece| !piece.words.is_empty());
}

impl Widget for &StatusLine<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        let mut pen = Pen::new(buf, area);
        let width = pen.width();
        let badge = match self.board.mode.as_str() {
            name if width_of(name) + 2 <= width => format!(" {name} "),
            name => name.chars().take(usize::from(width)).collect(),
        };
        let mut x = pen.text(0, 0, &badge, self.theme.badge(self.board.mode));
        if pen.height() > 1 && width >= 9 {
            // The screen is too small for panels, so all of it is ours.
            pen.write(0, 1, width, "too small", self.theme.dim);
        }
        let (mut left, mut right) = (self.pieces(), self.hints());
        fit(&mut left, &mut right, width - x);
        let taken: u16 = right.iter().map(|piece| GAP + piece.width()).sum();
        for piece in left {
            x += GAP;
            for (text, style) in &piece.words {
                x = pen.text(x, 0, text, *style);
            }
        }
        x = width - taken;
        for piece in right {
            x += GAP;
            for (text, style) in &piece.words {
                x = pen.text(x, 0, text, *style);
            }
        }
    }
}

/// New York's time to the minute and its zone's abbreviation: `("09:03", "EST")`.
fn new_york(now: Timestamp, zone: &TimeZone) -> Option<(String, String)> {
    let moment = jiff::Timestamp::from_microsecond(now.as_micros()).ok()?;
    let there = zone.to_offset_info(moment);
    let offset = i64::from(there.offset().seconds()).checked_mul(1_000_000)?;
    // Shifted, then read as if it were UTC.
    let shifted = Timestamp::from_micros(now.as_micros().checked_add(offset)?)?;
    Some((minute(shifted), there.abbreviation().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EASTERN: &str = "EST5EDT,M3.2.0,M11.1.0";

    fn line(mode: Mode, width: u16, hints: &[(&str, &str)], message: Option<&str>) -> String {
        let board = Board::new(mode, "2026-07-06T14:03:27Z".parse().unwrap());
        let zone = TimeZone::posix(EASTERN).unwrap();
        let theme = Theme::mono();
        let line = StatusLine {
            board: &board,
            theme: &theme,
            new_york: Some(&zone),
            hints,
            workspace: if width > 130 { "Overview" } else { "" },
            message,
        };
        let mut buf = Buffer::empty(Rect::new(0, 0, width, 1));
        line.render(buf.area, &mut buf);
        buf.content.iter().map(ratatui::buffer::Cell::symbol).collect::<String>().trim_end().to_owned()
    }

    #[test]
    fn the_badge_is_there_at_any_width() {
        for (mode, width, text) in [
            (Mode::Live, 1, "L"),
            (Mode::Simulated, 9, "SIMULATED"),
            (Mode::Simulated, 20, " SIMULATED"),
            (Mode::Replay, 8, " REPLAY"),
            (Mode::Replay, 20, " REPLAY   2026-07-06"),
            (Mode::Live, 20, " LIVE   14:03:27 UTC"),
        ] {
            assert_eq!(line(mode, width, &[], None), text, "{width}");
        }
    }

    #[test]
    fn the_workspace_stands_beside_the_badge() {
        assert!(line(Mode::Live, 131, &[], None).starts_with(" LIVE   Overview  2026-07-06  14:03:27 UTC"));
    }

    #[test]
    fn events_that_do_not_come_from_the_venue_itself_are_marked() {
        let mut board = Board::new(Mode::Live, "2026-07-06T14:03:27Z".parse().unwrap());
        board.add_feed(market::FeedId::new("okx"), market::Completeness::Partial);
        assert_eq!(relay(&board), None);
        board.feeds[0].source = "127.0.0.1:9443".to_owned();
        board.feeds[0].is_relayed = true;
        assert_eq!(relay(&board).as_deref(), Some("127.0.0.1:9443"));
        board.mode = Mode::Simulated;
        assert_eq!(relay(&board), None, "the badge says it already");
    }

    #[test]
    fn new_york_names_its_offset() {
        assert!(line(Mode::Live, 120, &[], None).contains("10:03 EDT"));
        let zone = TimeZone::posix(EASTERN).unwrap();
        let winter = new_york("2026-01-06T02:03:27Z".parse().unwrap(), &zone);
        assert_eq!(winter, Some(("21:03".to_owned(), "EST".to_owned())));
        assert_eq!(new_york(Timestamp::EPOCH, &zone), None, "before the first moment we can name");
    }

    #[test]
    fn a_message_takes_the_place_of_the_hints() {
        let hints = [("?", "help"), (":", "commands"), ("q", "quit")];
        assert!(line(Mode::Live, 120, &hints, None).ends_with("? help  : commands  q quit"));
        assert!(line(Mode::Live, 80, &hints, None).ends_with("? help"), "the first hint is the last to go");
        assert!(line(Mode::Live, 80, &hints, Some("exported 412 rows")).ends_with("exported 412 rows"));
    }
}
