//! The heatmap: where in price and when in time one asset's positions were closed by force.
//!
//! Bins count by receive time, as the totals do. Longs are shaded (`░▒▓█`) and shorts dotted (`·•●■`), so
//! that the sides differ without colour. Levels are decades below the hottest cell, never its share, so
//! that a cell keeps its level while a hotter one cools.

use std::collections::HashMap;

use market::{Board, Instrument, Liquidation, PositionSide, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use crate::axis::{Axis, STEPS};
use crate::figures::{count, minute, price, span, usd};
use crate::panel::{Action, Panel, Reaction, View};
use crate::pen::{Align, Head, Pen, Slot};
use crate::strip::Strip;
use crate::theme::{HEAT_LEVELS, Theme};
use crate::watch;

/// Columns of the price axis: a tick and ten figures.
const PRICES: u16 = 12;
/// Width from which there is room for the price axis.
const PRICES_FROM: u16 = 40;
/// Height from which there is room for the map above the strip.
const MAP_FROM: u16 = 6;
/// Height from which there is room for the legend.
const LEGEND_FROM: u16 = 11;

const LONG_GLYPHS: [char; HEAT_LEVELS] = ['░', '▒', '▓', '█'];
const SHORT_GLYPHS: [char; HEAT_LEVELS] = ['·', '•', '●', '■'];

/// The panel. It owns the asset in focus and the time per column.
#[derive(Clone, Debug, Default)]
pub struct Heat {
    /// The asset the reader chose; the largest on the tape until then.
    asset: Option<String>,
    /// The time per column the reader chose, a place in [`STEPS`].
    zoom: Option<usize>,
    /// The time per column at the last drawing.
    drawn: i64,
}

impl Panel for Heat {
    fn id(&self) -> &'static str {
        "heat"
    }

    fn title(&self) -> &'static str {
        "Heat"
    }

    fn act(&mut self, action: Action, board: &Board) -> Reaction {
        let shown = STEPS.iter().position(|step| *step == self.drawn).unwrap_or(0);
        let at = self.zoom.unwrap_or(shown);
        match action {
            Action::Right | Action::NextColumn => self.turn(1, board),
            Action::Left => self.turn(-1, board),
            Action::Up => self.zoom_to(at.saturating_sub(1)),
            Action::Down => self.zoom_to(at + 1),
            // Back to the largest asset and the time that fits.
            Action::Top | Action::Toggle => {
                let changed = self.asset.take().is_some();
                Reaction::redraw_if(self.zoom.take().is_some() || changed)
            }
            Action::PageUp | Action::PageDown | Action::Bottom => Reaction::Ignored,
        }
    }

    fn render(&mut self, area: Rect, buf: &mut Buffer, view: &View<'_>) {
        let mut pen = Pen::new(buf, area);
        let (board, theme) = (view.board, view.theme);
        let prices = if pen.width() >= PRICES_FROM { PRICES } else { 0 };
        if pen.height() == 1 {
            self.draw_one_line(&mut pen, view);
            return;
        }
        let columns = pen.width().saturating_sub(prices + 1);
        if columns == 0 {
            Head { title: self.title(), note: "", tag: None }.draw(&mut pen, view);
            return;
        }
        let height = pen.height();
        let map_rows = if height >= MAP_FROM { height - 4 - u16::from(height >= LEGEND_FROM) } else { 0 };
        let since = reach(board).unwrap_or(board.now);
        let axis = match (map_rows, self.zoom) {
            (0, _) => Axis::of_strip(board.now, columns),
            (_, Some(zoom)) => Axis::new(board.now, columns, STEPS[zoom]),
            (_, None) => Axis::new(board.now, columns, Axis::fitting(board.now, columns, since)),
        };
        self.drawn = axis.step;
        let strip = Strip::gather(&board.totals, &axis);
        let mut notes = Vec::new();
        if map_rows > 0 {
            let ranking = ranking(board);
            let at = self.place(&ranking);
            let asset = ranking.get(at).copied().unwrap_or("");
            let map = Map::of(board, asset, &axis, map_rows);
            if asset.is_empty() {
                let top = 1 + map_rows.saturating_sub(2) / 2;
                for (line, y) in watch::emptiness(board, "liquidation").iter().zip(top..) {
                    pen.centre(y, line, theme.dim);
                }
            } else {
                notes.push(format!("{asset} {}/{}", at + 1, ranking.len()));
                if map.unplaced > 0 {
                    notes.push(format!("{} not in dollars", count(map.unplaced)));
                }
            }
            map.draw(&mut pen.below(1), &axis, prices, theme);
            if height >= LEGEND_FROM {
                map.draw_legend(&mut pen, height - 1, theme);
            }
        } else {
            notes.push("all assets".to_owned());
        }
        notes.push(format!("{} per column", span(axis.step)));
        notes.push(span(axis.reach()));
        // The strip tells of the watch; the map, of what the tape still holds.
        let told = if map_rows > 0 { reach(board) } else { watch::watched_since(board).or(reach(board)) };
        if let Some(told) = told.filter(|told| *told > axis.start(0)) {
            notes.push(format!("since {}", minute(told)));
        }
        let stale = watch::staleness(board);
        let tag = stale.as_deref().map(|words| (words, theme.warn));
        Head { title: self.title(), note: &notes.join(" · "), tag }.draw(&mut pen, view);
        draw_strip(&mut pen, 1 + map_rows, (&axis, &strip), prices, view);
    }
}

/// The axis and the strip on the rows from `y` on, as many as there are.
fn draw_strip(pen: &mut Pen<'_>, y: u16, (axis, strip): (&Axis, &Strip), prices: u16, view: &View<'_>) {
    let theme = view.theme;
    let rows = pen.height().saturating_sub(y);
    // A strip in fewer columns than there are ends where now is: on the right.
    let x = pen.width().saturating_sub(prices + axis.columns);
    if rows < 2 {
        strip.draw_sum(pen, x, y, theme);
        return;
    }
    // Time stands between map and strip, or under a strip that is alone.
    let y = if rows >= 3 {
        axis.draw(pen, x, y, view);
        y + 1
    } else {
        y
    };
    strip.draw(pen, x, y, theme);
    if prices > 0 {
        let slot = Slot { x: x + axis.columns + 1, width: prices - 1, align: Align::Left };
        pen.cell(slot, y, &strip.scale(PositionSide::Short), theme.dim);
        pen.cell(slot, y + 1, &strip.scale(PositionSide::Long), theme.dim);
    }
}

impl Heat {
    /// The chosen asset's place in the ranking; the first where there is none or it is gone.
    fn place(&self, ranking: &[&str]) -> usize {
        let chosen = self.asset.as_deref();
        ranking.iter().position(|asset| Some(*asset) == chosen).unwrap_or(0)
    }

    fn turn(&mut self, by: isize, board: &Board) -> Reaction {
        let ranking = ranking(board);
        let Some(length) = isize::try_from(ranking.len()).ok().filter(|length| *length > 1) else {
            return Reaction::Ignored;
        };
        let to = (self.place(&ranking) as isize + by).rem_euclid(length);
        self.asset = ranking.get(to as usize).map(|asset| (*asset).to_owned());
        Reaction::Redraw
    }

    fn zoom_to(&mut self, zoom: usize) -> Reaction {
        let zoom = zoom.min(STEPS.len() - 1);
        Reaction::redraw_if(self.zoom.replace(zoom) != Some(zoom))
    }

    fn draw_one_line(&self, pen: &mut Pen<'_>, view: &View<'_>) {
        let x = pen.text(1, 0, self.title(), view.theme.title) + 2;
        let columns = pen.width().saturating_sub(x + 1);
        let board = view.board;
        let axis = Axis::of_strip(board.now, columns);
        Strip::gather(&board.totals, &axis).draw_sum(pen, x, 0, view.theme);
    }
}

/// How far back the tape tells everything that was seen.
fn reach(board: &Board) -> Option<Timestamp> {
    let oldest = board.tape.iter().next().map(|event| event.receive_time);
    if board.tape.forgotten() > 0 {
        return oldest;
    }
    match (oldest, watch::watched_since(board)) {
        (Some(oldest), Some(since)) => Some(oldest.min(since)),
        (oldest, since) => oldest.or(since),
    }
}

/// The tape's assets, the largest notional first, then by name.
fn ranking(board: &Board) -> Vec<&str> {
    let mut sums: HashMap<&str, f64> = HashMap::new();
    for liquidation in board.tape.iter().filter_map(|event| event.observation.liquidation()) {
        let notional = liquidation.notional.map_or(0.0, market::Usd::get);
        *sums.entry(liquidation.instrument.asset()).or_default() += notional;
    }
    let mut ranked: Vec<(&str, f64)> = sums.into_iter().collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    ranked.into_iter().map(|(asset, _)| asset).collect()
}

/// A price in dollars per coin; `None` where the quote is no dollar.
///
/// `1000PEPE` is priced by the thousand, and would stand three decades above `PEPE`.
fn dollars_per_coin(liquidation: &Liquidation) -> Option<f64> {
    let Instrument { base, quote, contract: _ } = &liquidation.instrument;
    if !quote.contains("USD") {
        return None;
    }
    let multiplier = base.strip_suffix(liquidation.instrument.asset()).filter(|digits| !digits.is_empty());
    let coins = multiplier.and_then(|digits| digits.parse::<f64>().ok()).unwrap_or(1.0);
    Some(liquidation.price.get() / coins)
}

#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    long: f64,
    short: f64,
    /// Events of unknown notional.
    unknown: u32,
}

/// One asset's cells: rows from the highest price down, columns from the oldest on.
struct Map {
    cells: Vec<Cell>,
    rows: u16,
    /// Lowest and highest price on the map, dollars per coin.
    prices: Option<(f64, f64)>,
    /// The newest price, dollars per coin.
    newest: Option<f64>,
    /// Events in time but not priced in dollars.
    unplaced: u64,
    /// Notional from which a cell is hottest: a power of ten, dollars.
    hottest: f64,
}

impl Map {
    fn of(board: &Board, asset: &str, axis: &Axis, rows: u16) -> Self {
        let mut points: Vec<(u16, f64, &Liquidation)> = Vec::new();
        let mut unplaced = 0;
        for event in &board.tape {
            let Some(liquidation) = event.observation.liquidation() else {
                continue;
            };
            let Some(column) = axis.column(event.receive_time) else {
                continue;
            };
            if liquidation.instrument.asset() != asset {
                continue;
            }
            match dollars_per_coin(liquidation) {
                Some(price) => points.push((column, price, liquidation)),
                None => unplaced += 1,
            }
        }
        let low = points.iter().map(|point| point.1).fold(f64::INFINITY, f64::min);
        let high = points.iter().map(|point| point.1).fold(0.0, f64::max);
        let newest = points.last().map(|point| point.1);
        // A lone price stands in the middle of a thousandth of itself.
        let margin = if high > low { 0.0 } else { high / 2_000.0 };
        let prices = newest.map(|_| (low - margin, high + margin));
        let cells = vec![Cell::default(); usize::from(axis.columns) * usize::from(rows)];
        let mut map = Self { cells, rows, prices, newest, unplaced, hottest: 1.0 };
        for (column, price, liquidation) in points {
            let row = map.row(price);
            let Some(cell) =
                map.cells.get_mut(usize::from(row) * usize::from(axis.columns) + usize::from(column))
            else {
                continue;
            };
            match (liquidation.notional, liquidation.position) {
                (Some(notional), PositionSide::Long) => cell.long += notional.get(),
                (Some(notional), PositionSide::Short) => cell.short += notional.get(),
                (None, _) => cell.unknown += 1,
            }
        }
        let most = map.cells.iter().map(|cell| cell.long.max(cell.short)).fold(0.0, f64::max);
        map.hottest = 10_f64.powi(most.max(1_000.0).log10().floor() as i32);
        map
    }

    fn row(&self, price: f64) -> u16 {
        let Some((low, high)) = self.prices.filter(|(low, high)| high > low) else {
            return self.rows / 2;
        };
        let row = (high - price) / (high - low) * f64::from(self.rows);
        (row as u16).min(self.rows.saturating_sub(1))
    }

    /// The price in the middle of a row.
    fn price(&self, row: u16) -> Option<f64> {
        let (low, high) = self.prices?;
        Some(high - (f64::from(row) + 0.5) / f64::from(self.rows) * (high - low))
    }

    fn level(&self, notional: f64) -> usize {
        let mut threshold = self.hottest;
        for level in (1..HEAT_LEVELS).rev() {
            if notional >= threshold {
                return level;
            }
            threshold /= 10.0;
        }
        0
    }

    fn draw(&self, pen: &mut Pen<'_>, axis: &Axis, prices: u16, theme: &Theme) {
        for (at, cell) in self.cells.iter().enumerate() {
            let (row, column) = (at / usize::from(axis.columns), at % usize::from(axis.columns));
            let (x, y) = (1 + column as u16, row as u16);
            let (notional, position, glyphs) = if cell.long >= cell.short {
                (cell.long, PositionSide::Long, LONG_GLYPHS)
            } else {
                (cell.short, PositionSide::Short, SHORT_GLYPHS)
            };
            if notional > 0.0 {
                let level = self.level(notional);
                pen.glyph(x, y, glyphs[level], theme.heat(level, position));
            } else if cell.unknown > 0 {
                pen.glyph(x, y, '?', theme.warn);
            }
        }
        if prices == 0 {
            return;
        }
        let x = axis.columns + 1;
        let figures = Slot { x: x + 1, width: prices - 1, align: Align::Right };
        let newest = self.newest.map(|price| self.row(price));
        for row in 0..self.rows {
            pen.glyph(x, row, '│', theme.border);
            let is_labelled = row % 2 == 0 && newest.is_none_or(|newest| newest.abs_diff(row) > 1);
            if let Some(value) = self.price(row).filter(|_| is_labelled) {
                pen.cell(figures, row, &price(value), theme.dim);
            }
        }
        if let (Some(row), Some(value)) = (newest, self.newest) {
            let bold = theme.text.add_modifier(Modifier::BOLD);
            pen.glyph(x, row, '◂', bold);
            pen.cell(figures, row, &price(value), bold);
        }
    }

    fn draw_legend(&self, pen: &mut Pen<'_>, y: u16, theme: &Theme) {
        let mut x = 1;
        let steps = [self.hottest / 100.0, self.hottest / 10.0, self.hottest].map(usd);
        let sides =
            [("▼ long ", LONG_GLYPHS, PositionSide::Long), ("▲ short ", SHORT_GLYPHS, PositionSide::Short)];
        for (name, glyphs, position) in sides {
            x = pen.text(x, y, name, theme.side(position));
            for (level, glyph) in glyphs.into_iter().enumerate() {
                pen.glyph(x, y, glyph, theme.heat(level, position));
                x += 1;
            }
            x += 2;
        }
        let [low, middle, high] = steps;
        pen.text(x, y, &format!("USD <{low}, ≥{low}, ≥{middle}, ≥{high}"), theme.label);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use market::{FeedId, MarketEvent, Mode, Observation, Price, Quantity, Usd};

    use super::*;

    fn now() -> Timestamp {
        "2026-01-06T14:00:00Z".parse().unwrap()
    }

    /// A tape of `(base, quote, price, dollars)`, all of longs and all received now.
    fn tape(events: &[(&str, &str, f64, f64)]) -> Board {
        let mut board = Board::new(Mode::Live, now());
        for (base, quote, price, usd) in events {
            board.apply(&Arc::new(MarketEvent {
                feed: FeedId::new("okx"),
                event_time: now(),
                receive_time: now(),
                known_at: now(),
                observation: Observation::Liquidation(Liquidation {
                    symbol: "".into(),
                    instrument: Instrument::perp(base, quote),
                    position: PositionSide::Long,
                    price: Price::new(*price).unwrap(),
                    quantity: Quantity::new(1.0).ok(),
                    notional: Usd::new(*usd).ok(),
                    venue_id: None,
                }),
            }));
        }
        board
    }

    #[test]
    fn a_contract_on_a_thousand_coins_stands_at_the_price_of_one() {
        let board = tape(&[
            ("1000PEPE", "USDT", 0.012, 50.0),
            ("PEPE", "USDC", 0.000_012, 70.0),
            ("PEPE", "BTC", 1e-10, 0.0),
        ]);
        let map = Map::of(&board, "PEPE", &Axis::new(now(), 10, 60), 4);
        let (low, high) = map.prices.unwrap();
        assert!((low - 0.000_012).abs() < 1e-7 && (high - 0.000_012).abs() < 1e-7, "{low} to {high}");
        assert_eq!(map.unplaced, 1, "a price in bitcoin is counted, not drawn");
        assert_eq!(ranking(&board), ["PEPE"]);
    }

    #[test]
    fn levels_are_decades_and_do_not_move_with_the_hottest_cell() {
        for hottest in [120_000.0, 990_000.0] {
            let board = tape(&[("BTC", "USDT", 100.0, hottest), ("BTC", "USDT", 90.0, 20_000.0)]);
            let map = Map::of(&board, "BTC", &Axis::new(now(), 10, 60), 4);
            let levels = [999.0, 1_000.0, 20_000.0, hottest].map(|notional| map.level(notional));
            assert_eq!(levels, [0, 1, 2, 3], "{hottest}");
        }
    }

    #[test]
    fn the_assets_turn_in_order_of_notional() {
        let board = tape(&[("BTC", "USDT", 1.0, 5.0), ("ETH", "USDT", 1.0, 9.0), ("SOL", "USDT", 1.0, 5.0)]);
        assert_eq!(ranking(&board), ["ETH", "BTC", "SOL"]);
        let mut heat = Heat::default();
        for asset in ["BTC", "SOL", "ETH"] {
            assert_eq!(heat.act(Action::NextColumn, &board), Reaction::Redraw);
            assert_eq!(heat.asset.as_deref(), Some(asset));
        }
        assert_eq!(heat.act(Action::Toggle, &board), Reaction::Redraw, "back to the largest");
        assert_eq!(heat.act(Action::Toggle, &board), Reaction::Ignored);
    }
}
