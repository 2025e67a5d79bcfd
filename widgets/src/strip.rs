//! The intensity strip: notional by side over time, shorts standing up and longs hanging down.

use std::time::Duration;

use market::{PositionSide, StripBin, Timestamp, Totals};
use ratatui::style::Modifier;

use crate::axis::Axis;
use crate::figures::usd;
use crate::pen::Pen;
use crate::theme::Theme;

/// Seconds in one bin of [`Totals::strip`].
const BIN_SECS: u64 = 10;
/// Lower blocks of one to eight eighths.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Notional by side in each column of an axis, dollars.
pub(crate) struct Strip {
    long: Vec<f64>,
    short: Vec<f64>,
}

impl Strip {
    /// The strip's bins, gathered into the axis' columns.
    pub(crate) fn gather(totals: &Totals, axis: &Axis) -> Self {
        let columns = usize::from(axis.columns);
        let mut strip = Self { long: vec![0.0; columns], short: vec![0.0; columns] };
        let Some(last) = totals.strip_last else {
            return strip;
        };
        for (back, bin) in totals.strip.iter().rev().enumerate() {
            if *bin == StripBin::default() {
                continue;
            }
            let Some(start) = bin_start(last, back) else {
                break;
            };
            if let Some(column) = axis.column(start) {
                strip.long[usize::from(column)] += bin.long.notional().get();
                strip.short[usize::from(column)] += bin.short.notional().get();
            }
        }
        strip
    }

    fn side(&self, position: PositionSide) -> &[f64] {
        match position {
            PositionSide::Long => &self.long,
            PositionSide::Short => &self.short,
        }
    }

    /// The largest column of a side, dollars.
    fn peak(&self, position: PositionSide) -> f64 {
        self.side(position).iter().copied().fold(0.0, f64::max)
    }

    /// Draws both sides to one scale: shorts on row `y`, longs on the next.
    pub(crate) fn draw(&self, pen: &mut Pen<'_>, x: u16, y: u16, theme: &Theme) {
        let peak = self.peak(PositionSide::Long).max(self.peak(PositionSide::Short));
        for (column, value) in (x..).zip(&self.short) {
            if let Some(bar) = eighths(*value, peak) {
                pen.glyph(column, y, BARS[bar - 1], theme.short);
            }
        }
        // A bar that hangs is its complement in inverse.
        let hanging = theme.long.add_modifier(Modifier::REVERSED);
        for (column, value) in (x..).zip(&self.long) {
            match eighths(*value, peak) {
                Some(8) => pen.glyph(column, y + 1, '█', theme.long),
                Some(bar) => pen.glyph(column, y + 1, BARS[7 - bar], hanging),
                None => {}
            }
        }
    }

    /// Draws the sum of both sides on one row, in the colour of the larger.
    pub(crate) fn draw_sum(&self, pen: &mut Pen<'_>, x: u16, y: u16, theme: &Theme) {
        let sums = || self.long.iter().zip(&self.short).map(|(long, short)| long + short);
        let peak = sums().fold(0.0, f64::max);
        for ((column, sum), (long, short)) in (x..).zip(sums()).zip(self.long.iter().zip(&self.short)) {
            let style = if long > short { theme.long } else { theme.short };
            if let Some(bar) = eighths(sum, peak) {
                pen.glyph(column, y, BARS[bar - 1], style);
            }
        }
    }

    /// The scale, in words: `▲ peak 812k`.
    pub(crate) fn scale(&self, position: PositionSide) -> String {
        let sign = match position {
            PositionSide::Long => '▼',
            PositionSide::Short => '▲',
        };
        format!("{sign} peak {}", usd(self.peak(position)))
    }
}

/// When the bin `back` places before the last one began.
fn bin_start(last: Timestamp, back: usize) -> Option<Timestamp> {
    let before = Duration::from_secs(BIN_SECS.checked_mul(back as u64)?);
    Some(last.minus(before))
}

/// How many eighths of a cell: anything above nothing shows.
fn eighths(value: f64, peak: f64) -> Option<usize> {
    (value > 0.0 && peak > 0.0).then(|| ((value / peak * 8.0).round() as usize).clamp(1, 8))
}
