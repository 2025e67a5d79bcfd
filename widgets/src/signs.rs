//! How figures that point somewhere are written and drawn: flows, gains, spreads.
//!
//! Every one carries a sign of its own, so that it reads without colour: `+` or `-` in a table, `▲` or `▼`
//! in a sentence, the side of an axis in a bar. What is not known is `–`, never a zero.

use ratatui::style::Style;

use crate::figures::{dollars, usd};
use crate::pen::{Pen, Slot};
use crate::phrase::Phrase;
use crate::theme::Theme;

/// What stands in place of a figure that is not known.
pub(crate) const UNKNOWN: &str = "–";

/// Which way a figure points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Up,
    Down,
    Flat,
}

impl Way {
    pub(crate) fn of(value: f64) -> Self {
        if value > 0.0 {
            Self::Up
        } else if value < 0.0 {
            Self::Down
        } else {
            Self::Flat
        }
    }

    pub(crate) fn arrow(self) -> &'static str {
        match self {
            Self::Up => "▲",
            Self::Down => "▼",
            Self::Flat => "=",
        }
    }

    pub(crate) fn style(self, theme: &Theme) -> Style {
        match self {
            Self::Up => theme.up,
            Self::Down => theme.down,
            Self::Flat => theme.dim,
        }
    }
}

/// The style of a figure by its sign; of one that is not known.
pub(crate) fn style_of(value: Option<f64>, theme: &Theme) -> Style {
    value.map_or(theme.dim, |value| Way::of(value).style(theme))
}

/// A figure with its sign before it, unless it reads as zero.
fn signed(value: f64, figure: impl Fn(f64) -> String) -> String {
    let text = figure(value.abs());
    if !text.bytes().any(|c| (b'1'..=b'9').contains(&c)) {
        return text;
    }
    match Way::of(value) {
        Way::Up => format!("+{text}"),
        Way::Down => format!("-{text}"),
        Way::Flat => text,
    }
}

/// Dollars with their sign, in at most six characters up to 999 T: `+741M`, `-1.90B`.
pub(crate) fn signed_usd(value: f64) -> String {
    signed(value, usd)
}

/// Millions of dollars to a tenth, as fund flows are told: `+741.5`, `-1,113.7`, `0.0`.
pub(crate) fn millions(value: f64) -> String {
    match value.abs() {
        size if size < 99_999.95e6 => signed(value, |value| dollars(value / 1e6, 1)),
        _ => signed_usd(value),
    }
}

/// Coins with their sign, in at most seven characters up to 999 T: `+6,507`, `-12.4`, `+1.25M`.
pub(crate) fn coins(value: f64) -> String {
    signed(value, |value| match value {
        value if value < 99.95 => dollars(value, 1),
        value if value < 99_999.5 => dollars(value, 0),
        value => usd(value),
    })
}

/// A fraction as a percentage with its sign, in at most seven characters: `+5.3%`, `-12.4%`, `+1,204%`.
pub(crate) fn gain(fraction: f64) -> String {
    signed(fraction, |fraction| match fraction * 100.0 {
        percent if percent < 99.95 => format!("{percent:.1}%"),
        percent if percent < 9_999.5 => format!("{}%", dollars(percent, 0)),
        _ => ">9999%".to_owned(),
    })
}

/// What longs pay shorts at one funding time, with its sign, to a hundredth of a basis point: `+0.0100%`.
pub(crate) fn rate(fraction: f64) -> String {
    signed(fraction, |fraction| match fraction * 100.0 {
        percent if percent < 9.999_95 => format!("{percent:.4}%"),
        percent if percent < 999.95 => format!("{percent:.1}%"),
        _ => ">999%".to_owned(),
    })
}

/// A gain that may not be known.
pub(crate) fn gain_or_unknown(fraction: Option<f64>) -> String {
    fraction.map_or(UNKNOWN.to_owned(), gain)
}

/// Appends ` ▲ +2.1%`, or ` –` where it is not known.
pub(crate) fn say_gain(phrase: Phrase, fraction: Option<f64>, theme: &Theme) -> Phrase {
    say(phrase, fraction, gain, theme)
}

/// Appends a figure with its arrow.
pub(crate) fn say(
    phrase: Phrase,
    value: Option<f64>,
    figure: impl Fn(f64) -> String,
    theme: &Theme,
) -> Phrase {
    match value {
        Some(value) => {
            let way = Way::of(value);
            phrase.and(&format!("{} {}", way.arrow(), figure(value)), way.style(theme))
        }
        None => phrase.and(UNKNOWN, theme.dim),
    }
}

/// A bar from the middle of its slot, left for less and right for more; the whole half is `largest`.
pub(crate) fn draw_bar(
    pen: &mut Pen<'_>,
    (slot, y): (Slot, u16),
    value: Option<f64>,
    largest: f64,
    theme: &Theme,
) {
    let half = slot.width.saturating_sub(1) / 2;
    let axis = slot.x + half;
    pen.glyph(axis, y, '│', theme.border);
    let Some(value) = value.filter(|value| value.is_finite() && *value != 0.0 && largest > 0.0) else {
        return;
    };
    let share = (value.abs() / largest).min(1.0);
    // Nothing that flowed vanishes by rounding.
    let cells = ((share * f64::from(half)).round() as u16).clamp(half.min(1), half);
    let way = Way::of(value);
    let x = if way == Way::Down { axis - cells } else { axis + 1 };
    pen.line(x, y, cells, '▇', way.style(theme));
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;

    use super::*;
    use crate::pen::Align;

    #[test]
    fn a_sign_stands_before_all_but_zero() {
        for (value, millions_text, usd_text) in [
            (741.5e6, "+741.5", "+742M"),
            (-1_113.7e6, "-1,113.7", "-1.11B"),
            (0.0, "0.0", "0"),
            (-0.0, "0.0", "0"),
            (-40_000.0, "0.0", "-40.0k"),
            (2.5e11, "+250B", "+250B"),
        ] {
            assert_eq!((millions(value).as_str(), signed_usd(value).as_str()), (millions_text, usd_text));
        }
    }

    #[test]
    fn gains_and_coins_keep_their_width() {
        for (fraction, text) in
            [(0.0534, "+5.3%"), (-0.124, "-12.4%"), (0.0, "0.0%"), (-0.000_1, "0.0%"), (12.04, "+1,204%")]
        {
            assert_eq!(gain(fraction), text);
        }
        assert_eq!(gain_or_unknown(None), "–");
        for (fraction, text) in
            [(0.000_1, "+0.0100%"), (-0.000_001_25, "-0.0001%"), (0.0, "0.0000%"), (0.3, "+30.0%")]
        {
            assert_eq!(rate(fraction), text);
        }
        for (amount, text) in
            [(6_506.6, "+6,507"), (-12.44, "-12.4"), (0.01, "0.0"), (1.254e6, "+1.25M"), (-3e5, "-300k")]
        {
            assert_eq!(coins(amount), text);
        }
    }

    #[test]
    fn a_bar_leaves_the_axis_on_the_side_of_its_sign() {
        let theme = Theme::mono();
        let slot = Slot { x: 0, width: 9, align: Align::Left };
        for (value, bar) in [
            (Some(10.0), "    │▇▇▇▇"),
            (Some(-5.0), "  ▇▇│    "),
            (Some(0.001), "    │▇   "),
            (Some(-99.0), "▇▇▇▇│    "),
            (Some(0.0), "    │    "),
            (Some(f64::NAN), "    │    "),
            (None, "    │    "),
        ] {
            let mut buf = Buffer::empty(Rect::new(0, 0, 9, 1));
            let area = buf.area;
            draw_bar(&mut Pen::new(&mut buf, area), (slot, 0), value, 10.0, &theme);
            let text: String = buf.content.iter().map(ratatui::buffer::Cell::symbol).collect();
            assert_eq!(text, bar, "{value:?}");
        }
    }
}
