//! Which colour plays which role.
//!
//! The background is always the terminal's own, which may be dark or light, so every colour here keeps
//! a contrast of at least 3:1 on black and on white. Red only ever means selling (closed longs, outflows,
//! falls) and blue buying (closed shorts, inflows, rises); trouble is purple. Colour is never the only signal:
//! beside it stands a sign, a word or a weight.

use market::{Mode, PositionSide};
use ratatui::style::{Color, Modifier, Style};

/// Steps of the heatmap, from a trace to the hottest.
pub const HEAT_LEVELS: usize = 4;

/// The styles of a screen, by role.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Theme {
    /// Figures and words.
    pub text: Style,
    /// What matters less: ages, units, what is over.
    pub dim: Style,
    /// Column headers and names of figures.
    pub label: Style,
    /// The rule over a panel.
    pub border: Style,
    /// The rule over the panel that takes the keys.
    pub border_focused: Style,
    /// A panel's name.
    pub title: Style,
    /// Closed longs: forced selling.
    pub long: Style,
    /// Closed shorts: forced buying.
    pub short: Style,
    /// More than before: inflows, rises.
    pub up: Style,
    /// Less than before: outflows, falls.
    pub down: Style,
    /// As it should be.
    pub good: Style,
    /// Look when there is time.
    pub warn: Style,
    /// Look now.
    pub bad: Style,
    /// Keys, matches, the chosen column.
    pub accent: Style,
    /// Laid over the row under the cursor.
    pub selection: Style,
    /// Real venues.
    pub badge_live: Style,
    /// Nothing shown happened.
    pub badge_simulated: Style,
    /// A recording.
    pub badge_replay: Style,
    long_heat: [Style; HEAT_LEVELS],
    short_heat: [Style; HEAT_LEVELS],
}

/// Okabe and Ito's vermillion, <https://jfly.uni-koeln.de/color/>.
const VERMILLION: (u8, u8, u8) = (0xD5, 0x5E, 0x00);
/// Halfway between their blue (dark on black) and their sky blue (faint on white).
const BLUE: (u8, u8, u8) = (0x2B, 0x93, 0xCE);
/// Their bluish green.
const GREEN: (u8, u8, u8) = (0x00, 0x9E, 0x73);
/// Their reddish purple.
const PURPLE: (u8, u8, u8) = (0xCC, 0x79, 0xA7);
/// Their orange, darkened until it can be read on white.
const ORANGE: (u8, u8, u8) = (0xB9, 0x7F, 0x00);
/// Halfway between black and white to the eye.
const GREY: (u8, u8, u8) = (0x80, 0x80, 0x80);
/// For rules: seen, not read.
const RULE: (u8, u8, u8) = (0x70, 0x70, 0x70);

impl Theme {
    /// Okabe and Ito's colours, told apart with any colour vision.
    pub fn truecolor() -> Self {
        let fg = |(r, g, b)| Style::new().fg(Color::Rgb(r, g, b));
        let bold = Modifier::BOLD;
        // Faint steps lean towards grey, which recedes on black and on white alike.
        let heat = |hue| [0.45, 0.7, 0.9, 1.0].map(|share| fg(blend(GREY, hue, share)));
        Self {
            text: fg_reset(),
            dim: fg(GREY),
            label: fg(GREY),
            border: fg(RULE),
            border_focused: fg(ORANGE),
            title: fg_reset().add_modifier(bold),
            long: fg(VERMILLION),
            short: fg(BLUE),
            up: fg(BLUE),
            down: fg(VERMILLION),
            good: fg(GREEN),
            warn: fg(ORANGE),
            bad: fg(PURPLE).add_modifier(bold),
            accent: fg(ORANGE).add_modifier(bold),
            selection: Style::new().add_modifier(Modifier::REVERSED),
            badge_live: fg(GREEN).add_modifier(bold | Modifier::REVERSED),
            badge_simulated: fg(PURPLE).add_modifier(bold | Modifier::REVERSED),
            badge_replay: fg(ORANGE).add_modifier(bold | Modifier::REVERSED),
            long_heat: heat(VERMILLION),
            short_heat: heat(BLUE),
        }
    }

    /// The terminal's own sixteen colours, however its owner has set them.
    pub fn ansi16() -> Self {
        let fg = |colour| Style::new().fg(colour);
        let bold = Modifier::BOLD;
        Self {
            text: fg_reset(),
            dim: fg(Color::DarkGray),
            label: fg(Color::DarkGray),
            border: fg(Color::DarkGray),
            border_focused: fg(Color::Yellow),
            title: fg_reset().add_modifier(bold),
            long: fg(Color::Red),
            short: fg(Color::Blue),
            up: fg(Color::Blue),
            down: fg(Color::Red),
            good: fg(Color::Green),
            warn: fg(Color::Yellow),
            bad: fg(Color::Magenta).add_modifier(bold),
            accent: fg(Color::Yellow).add_modifier(bold),
            selection: Style::new().add_modifier(Modifier::REVERSED),
            badge_live: fg(Color::Green).add_modifier(bold | Modifier::REVERSED),
            badge_simulated: fg(Color::Magenta).add_modifier(bold | Modifier::REVERSED),
            badge_replay: fg(Color::Yellow).add_modifier(bold | Modifier::REVERSED),
            long_heat: [fg(Color::Red), fg(Color::Red), fg(Color::Red), fg(Color::LightRed)],
            short_heat: [fg(Color::Blue), fg(Color::Blue), fg(Color::Blue), fg(Color::LightBlue)],
        }
    }

    /// No colour at all (`NO_COLOR`): weight, inverse and signs say everything.
    pub fn mono() -> Self {
        let plain = Style::new();
        let dim = plain.add_modifier(Modifier::DIM);
        let bold = plain.add_modifier(Modifier::BOLD);
        let badge = bold.add_modifier(Modifier::REVERSED);
        Self {
            text: fg_reset(),
            dim,
            label: dim,
            border: dim,
            border_focused: bold,
            title: bold,
            long: plain,
            short: plain,
            up: plain,
            down: plain,
            good: plain,
            warn: bold,
            bad: bold.add_modifier(Modifier::UNDERLINED),
            accent: bold,
            selection: plain.add_modifier(Modifier::REVERSED),
            badge_live: badge,
            badge_simulated: badge.add_modifier(Modifier::UNDERLINED),
            badge_replay: badge.add_modifier(Modifier::ITALIC),
            long_heat: [dim, plain, plain, bold],
            short_heat: [dim, plain, plain, bold],
        }
    }

    /// The style of a side's figures and signs.
    pub fn side(&self, position: PositionSide) -> Style {
        match position {
            PositionSide::Long => self.long,
            PositionSide::Short => self.short,
        }
    }

    /// The style of a heatmap cell; levels past the hottest count as the hottest.
    pub fn heat(&self, level: usize, position: PositionSide) -> Style {
        let steps = match position {
            PositionSide::Long => &self.long_heat,
            PositionSide::Short => &self.short_heat,
        };
        steps[level.min(HEAT_LEVELS - 1)]
    }

    /// The style of the badge that says where events come from.
    pub fn badge(&self, mode: Mode) -> Style {
        match mode {
            Mode::Live => self.badge_live,
            Mode::Simulated => self.badge_simulated,
            Mode::Replay => self.badge_replay,
        }
    }
}

/// The terminal's own colour, named so that it also covers a colour that stood there before.
const fn fg_reset() -> Style {
    Style::new().fg(Color::Reset)
}

/// `share` of `to` over `from`.
fn blend(from: (u8, u8, u8), to: (u8, u8, u8), share: f64) -> (u8, u8, u8) {
    let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * share).round() as u8;
    (mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linear(channel: f64) -> f64 {
        if channel <= 0.039_28 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
    }

    /// Linear-light red, green and blue.
    fn light((r, g, b): (u8, u8, u8)) -> [f64; 3] {
        [r, g, b].map(|channel| linear(f64::from(channel) / 255.0))
    }

    fn luminance([r, g, b]: [f64; 3]) -> f64 {
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    /// WCAG 2's contrast ratio.
    fn contrast(a: (u8, u8, u8), b: (u8, u8, u8)) -> f64 {
        let (a, b) = (luminance(light(a)), luminance(light(b)));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// What a deuteranope sees, in linear light (Viénot, Brettel and Mollon, 1999).
    fn deuteranope(colour: (u8, u8, u8)) -> [f64; 3] {
        let [r, g, b] = light(colour);
        [0.292_75 * r + 0.707_25 * g, 0.292_75 * r + 0.707_25 * g, -0.022_34 * r + 0.022_34 * g + b]
    }

    fn rgb(style: Style) -> Option<(u8, u8, u8)> {
        match style.fg {
            Some(Color::Rgb(r, g, b)) => Some((r, g, b)),
            _ => None,
        }
    }

    #[test]
    fn every_colour_can_be_read_on_black_and_on_white() {
        let theme = Theme::truecolor();
        let mut styles = vec![theme.dim, theme.label, theme.long, theme.short, theme.good, theme.warn];
        styles.extend([theme.bad, theme.accent, theme.border, theme.border_focused]);
        styles.extend([theme.badge_live, theme.badge_simulated, theme.badge_replay]);
        styles.extend(theme.long_heat.iter().chain(&theme.short_heat));
        for colour in styles.into_iter().map(|style| rgb(style).expect("a colour of our own")) {
            for background in [(0, 0, 0), (255, 255, 255)] {
                let ratio = contrast(colour, background);
                assert!(ratio >= 3.0, "{colour:02X?} on {background:?}: {ratio:.2}");
            }
        }
    }

    #[test]
    fn the_sides_stay_apart_for_a_deuteranope() {
        let (long, short) = (deuteranope(VERMILLION), deuteranope(BLUE));
        let apart = long.iter().zip(short).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
        let (red, green) = (deuteranope((0xCC, 0, 0)), deuteranope((0, 0x80, 0)));
        let classic = red.iter().zip(green).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
        assert!(apart > 0.4 && apart > 3.0 * classic, "ours {apart:.2}, red and green {classic:.2}");
    }

    #[test]
    fn mono_has_no_colour() {
        let theme = Theme::mono();
        for style in [
            theme.long,
            theme.short,
            theme.bad,
            theme.warn,
            theme.badge_live,
            theme.heat(3, PositionSide::Long),
        ] {
            assert_eq!((style.fg, style.bg), (None, None));
        }
    }
}
