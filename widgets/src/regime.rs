//! Regimes: which one each market is in, how likely it is to leave it, and how good such forecasts were.

mod drivers;
mod gauge;
mod ribbon;
mod score;
mod standing;
mod statement;
mod table;
mod words;

use market::{Board, Mode, Outlook};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::list::Scroll;
use crate::panel::{Action, Panel, Reaction, View};
use crate::pen::{Head, Pen};
use crate::phrase::{self, Lines, Phrase};
use crate::signs::UNKNOWN;
use crate::theme::Theme;
use crate::watch;
use standing::Row;

/// Height from which the targets stand in a table.
const TABLE_FROM: u16 = 7;
/// Room from which drivers, groups, scores and reliability have a block each.
const BLOCKS_FROM: (u16, u16) = (104, 13);
/// Width from which a target is told in words beside its name.
const ABOUT_FROM: u16 = 100;
/// Height, below the table, from which the forecast is drawn on a scale as well.
const GAUGE_FROM: u16 = 17;
/// Rows of the drivers without which a block of them says too little.
const DRIVERS_MIN: u16 = 7;

/// The panel. It owns the target and how far the drivers are scrolled.
#[derive(Clone, Debug, Default)]
pub struct Regime {
    /// Target and asset that the reader chose; the first that speaks until then.
    chosen: Option<(String, String)>,
    targets: Scroll,
    drivers: Scroll,
}

impl Panel for Regime {
    fn id(&self) -> &'static str {
        "regime"
    }

    fn title(&self) -> &'static str {
        "Regimes"
    }

    fn act(&mut self, action: Action, board: &Board) -> Reaction {
        match action {
            Action::NextColumn | Action::Right => self.turn(1, board),
            Action::Left => self.turn(-1, board),
            Action::Toggle => Reaction::Ignored,
            Action::Up | Action::Down | Action::PageUp | Action::PageDown | Action::Top | Action::Bottom => {
                self.drivers.act(action)
            }
        }
    }

    fn render(&mut self, area: Rect, buf: &mut Buffer, view: &View<'_>) {
        let (board, theme) = (view.board, view.theme);
        let rows = standing::rows(board);
        let mut pen = Pen::new(buf, area);
        if pen.height() == 1 {
            let title = Phrase::new(self.title(), theme.title);
            let chosen = self.place(&rows);
            let first = rows.get(chosen).into_iter();
            let others = rows.iter().enumerate().filter(|(at, _)| *at != chosen).map(|(_, row)| row);
            let said = first.chain(others).map(|row| row.phrase(board.now, theme));
            let mut phrases: Vec<Phrase> = std::iter::once(title).chain(said).collect();
            if rows.is_empty() {
                phrases.push(Phrase::new("the forecaster has not spoken yet", theme.dim));
            }
            phrase::set(&mut pen, Lines { y: 0, rows: 1 }, &phrases, theme);
            return;
        }
        let chosen = self.place(&rows);
        let mut notes = Vec::new();
        if board.mode == Mode::Simulated {
            notes.push("simulated".to_owned());
        }
        if let Some(row) = rows.get(chosen) {
            notes.extend([row.name(), format!("{} of {}", chosen + 1, rows.len()), "UTC".to_owned()]);
        }
        let spoken = rows.get(chosen).and_then(|row| row.outlook);
        notes.extend(spoken.filter(|_| pen.width() >= ABOUT_FROM).map(|outlook| outlook.about.to_string()));
        let warned = rows.get(chosen).and_then(|row| row.warning(board.now, theme));
        let tag = warned.as_ref().map(|(words, style)| (words.as_str(), *style));
        Head { title: self.title(), note: &notes.join(" · "), tag }.draw(&mut pen, view);
        let Some(row) = rows.get(chosen) else {
            let lines = watch::untold(board, "the forecaster has not spoken", remedy(board.mode));
            self.drivers.show(0, 0);
            watch::draw_untold(&mut pen, &lines, view);
            return;
        };
        let mut y = 1;
        if pen.height() >= TABLE_FROM {
            let listed = u16::try_from(rows.len()).unwrap_or(u16::MAX).min(pen.height() / 4);
            let shown = self.targets.around(chosen, rows.len(), listed);
            table::draw(&mut pen.below(y), &rows, (shown, chosen), view);
            y += 1 + listed;
        }
        let mut pen = pen.below(y);
        if let Some(outlook) = row.outlook {
            self.draw_outlook(&mut pen, row, outlook, view);
            return;
        }
        self.drivers.show(0, 0);
        let rows = pen.height();
        let lines = statement::silence(row, pen.width(), board.now, theme);
        phrase::set(&mut pen, Lines { y: 0, rows }, &lines, theme);
    }
}

/// What to do, or to wait for, where nothing was forecast.
fn remedy(mode: Mode) -> &'static str {
    match mode {
        Mode::Live => "it speaks minutes after the start, if [forecast] is enabled; or: vigie train",
        Mode::Replay => "a replay makes no forecasts; of a store: vigie forecast --as-of TIME",
        Mode::Simulated => "it fetches a simulated past and trains on it first: half a minute or so",
    }
}

impl Regime {
    fn turn(&mut self, by: isize, board: &Board) -> Reaction {
        let rows = standing::rows(board);
        let Some(length) = isize::try_from(rows.len()).ok().filter(|length| *length > 0) else {
            return Reaction::redraw_if(self.chosen.take().is_some());
        };
        let to = (self.place(&rows) as isize + by).rem_euclid(length);
        let chosen = usize::try_from(to).ok().and_then(|to| rows.get(to));
        self.chosen = chosen.map(|row| (row.target.to_owned(), row.asset.to_owned()));
        self.drivers.rewind();
        Reaction::redraw_if(length > 1)
    }

    /// The place of the chosen target, by its name alone where its asset has gone; else of the first that speaks.
    fn place(&self, rows: &[Row<'_>]) -> usize {
        let by = |is_it: &dyn Fn(&Row<'_>, &(String, String)) -> bool| {
            rows.iter().position(|row| self.chosen.as_ref().is_some_and(|chosen| is_it(row, chosen)))
        };
        by(&|row, chosen| row.target == chosen.0 && row.asset == chosen.1)
            .or_else(|| by(&|row, chosen| row.target == chosen.0))
            .or_else(|| rows.iter().position(|row| row.outlook.is_some()))
            .unwrap_or(0)
    }

    /// Everything on one target, in phrases, and in blocks below them where there is room.
    fn draw_outlook(&mut self, pen: &mut Pen<'_>, row: &Row<'_>, outlook: &Outlook, view: &View<'_>) {
        let (theme, now) = (view.theme, view.board.now);
        let width = pen.width();
        let mut said = statement::silence(row, width, now, theme);
        said.push(statement::state(outlook, now, theme));
        said.extend(statement::forecast(outlook, width, now, theme));
        said.extend(statement::reading(outlook, now, theme));
        let rows = match pen.height() {
            ..8 => pen.height(),
            8..12 => 3,
            _ => 4,
        };
        let mut y = phrase::set(pen, Lines { y: 0, rows }, &said, theme);
        if pen.height() >= GAUGE_FROM && gauge::is_worth(outlook, width) {
            gauge::draw(pen, (ribbon::begin(outlook, width), y), outlook, theme);
            y += gauge::ROWS;
        }
        if pen.height() >= y + ribbon::ROWS {
            let rows = ribbon::rows(pen.height());
            ribbon::draw(pen, (y, rows), outlook, theme);
            y += rows;
        }
        let model = statement::model(outlook, now, theme);
        let left = pen.height().saturating_sub(y + 2);
        if width >= BLOCKS_FROM.0 && left >= BLOCKS_FROM.1 {
            y += phrase::set(pen, Lines { y, rows: 2 }, &model, theme);
            self.draw_blocks(&mut pen.below(y), outlook, view);
            return;
        }
        self.drivers.show(0, 0);
        let sections = [
            score::phrases(outlook, width, theme),
            model,
            drivers::phrases(outlook, theme),
            drivers::group_phrases(outlook, theme),
            score::reliability_phrases(outlook, theme),
        ];
        let wanted = sections.each_ref().map(|phrases| phrase::rows(phrases, width));
        let granted = share(pen.height().saturating_sub(y), wanted);
        for (phrases, rows) in sections.iter().zip(granted) {
            y += phrase::set(pen, Lines { y, rows }, phrases, theme);
        }
    }

    fn draw_blocks(&mut self, pen: &mut Pen<'_>, outlook: &Outlook, view: &View<'_>) {
        let theme = view.theme;
        let area = pen.area();
        let left = Rect { width: area.width * 2 / 5, ..area };
        let right = Rect { x: left.right() + 1, width: area.width - left.width - 1, ..area };
        let groups = u16::try_from(outlook.groups.len().max(1) + 2).unwrap_or(u16::MAX);
        let groups = groups.min(area.height.saturating_sub(DRIVERS_MIN));
        let drivers = drivers::rows(outlook).min(area.height - groups);
        drivers::draw(&mut pen.within(Rect { height: drivers, ..left }), outlook, &mut self.drivers, view);
        let below = Rect { y: left.y + drivers, height: groups, ..left };
        drivers::draw_groups(&mut pen.within(below), outlook, theme);
        let score = score::ROWS.min(area.height);
        score::draw(&mut pen.within(Rect { height: score, ..right }), outlook, view);
        let rows = score::reliability_rows(outlook).min(area.height - score);
        let below = Rect { y: right.y + score, height: rows, ..right };
        score::draw_reliability(&mut pen.within(below), outlook, theme);
    }
}

/// Shares rows out, one at a time from the first to the last, as long as they want any.
fn share<const N: usize>(rows: u16, wanted: [u16; N]) -> [u16; N] {
    let (mut left, mut granted) = (rows, [0; N]);
    while left > 0 {
        let before = left;
        for (granted, wanted) in granted.iter_mut().zip(wanted) {
            let more = u16::from(left > 0 && *granted < wanted);
            *granted += more;
            left -= more;
        }
        if left == before {
            break;
        }
    }
    granted
}

/// The market that matters most in a phrase, for the strip of headlines: `BTC calm 3d04h · shift 24h 4.1% [2.0, 9.0]`.
pub(crate) fn headline(board: &Board, theme: &Theme) -> Phrase {
    let rows = standing::rows(board);
    let first = rows.iter().find(|row| row.outlook.is_some()).or(rows.first());
    first.map_or_else(
        || Phrase::new("regime", theme.title).and(UNKNOWN, theme.dim),
        |row| row.phrase(board.now, theme),
    )
}

fn draw_rule(pen: &mut Pen<'_>, title: &str, theme: &Theme) {
    pen.line(1, 0, pen.width().saturating_sub(2), '╌', theme.border);
    pen.write(3, 0, pen.width().saturating_sub(4), title, theme.label);
}
