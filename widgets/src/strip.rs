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
    /// Columns, from the oldest on, that lie before all that the strip can tell.
    unknown: u16,
}

impl Strip {
    /// The strip's bins, gathered into the axis' columns.
    pub(crate) fn gather(totals: &Totals, axis: &Axis) -> Self {
        let columns = usize::from(axis.columns);
        let mut strip = Self { long: vec![0.0; columns], short: vec![0.0; columns], unknown: 0 };
        let Some(last) = totals.strip_last else {
            return strip;
        };
        let oldest = totals.strip.len().saturating_sub(1);
        let first = bin_start(last, oldest).and_then(|start| axis.column(start));
        strip.unknown = first.unwrap_or(0);
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
        for column in (x..).take(usize::from(self.unknown)) {
            pen.glyph(column, y, '·', theme.border);
            pen.glyph(column, y + 1, '·', theme.border);
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

    /// The scale, in words: `▲ max 812k`.
    pub(crate) fn scale(&self, position: PositionSide) -> String {
        let sign = match position {
            PositionSide::Long => '▼',
            PositionSide::Short => '▲',
        };
        format!("{sign} max {}", usd(self.peak(position)))
    }
}

/// When the bin `back` places before the last one began.
fn bin_start(last: Timestamp, back: usize) -> Option<Timestamp> {
    let before = Duration::from_secs(BIN_SECS.checked_mul(back as u64)?);
    Some(last.minus(before))
}

/// How many eighths of a cell. Each eighth is half a decade, counted down from the peak: sizes are so unequal
/// that to a plain scale every minute but the worst would look alike. Anything above nothing shows.
fn eighths(value: f64, peak: f64) -> Option<usize> {
    (value > 0.0 && peak > 0.0).then(|| ((8.0 + 2.0 * (value / peak).log10()).round() as usize).clamp(1, 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eighth_is_half_a_decade() {
        for (value, eighth) in [
            (0.0, None),
            (1e6, Some(8)),
            (1e5, Some(6)),
            (31_623.0, Some(5)),
            (1e3, Some(2)),
            (1e-9, Some(1)),
            (f64::MIN_POSITIVE, Some(1)),
        ] {
            assert_eq!(eighths(value, 1e6), eighth, "{value}");
        }
        assert_eq!(eighths(0.0, 0.0), None);
    }
}
