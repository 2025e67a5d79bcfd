//! How probabilities, skills and their intervals are written.

use market::{Chances, Interval95, Timestamp};

use crate::figures::{date, day, dollars, minute, usd};
use crate::signs::gain;

/// What an interval says of a skill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gain {
    /// The whole interval is above zero.
    Measured,
    /// The interval includes zero.
    Unmeasured,
    /// The whole interval is below zero.
    Loss,
    /// An end is infinite: too few rows for an interval.
    Unbounded,
    /// A number is missing.
    Unknown,
}

impl Gain {
    pub(super) fn of(skill: &Interval95) -> Self {
        if skill.value.is_nan() || skill.low.is_nan() || skill.high.is_nan() {
            Self::Unknown
        } else if skill.value.is_infinite() || skill.low.is_infinite() || skill.high.is_infinite() {
            Self::Unbounded
        } else if skill.low > 0.0 {
            Self::Measured
        } else if skill.high < 0.0 {
            Self::Loss
        } else {
            Self::Unmeasured
        }
    }

    /// What the reader must not miss about it.
    pub(super) fn caveat(self) -> Option<&'static str> {
        match self {
            Self::Measured | Self::Unbounded | Self::Unknown => None,
            Self::Unmeasured => Some("no measurable gain"),
            Self::Loss => Some("worse than it"),
        }
    }
}

/// A skill with its interval: `+15.6% [+11.7, +19.4]`. Without an interval there is no number either.
pub(super) fn skill(skill: &Interval95) -> String {
    match Gain::of(skill) {
        Gain::Unknown => "?".to_owned(),
        Gain::Unbounded => "too few rows for an interval".to_owned(),
        Gain::Measured | Gain::Unmeasured | Gain::Loss => {
            let end = |share: f64| gain(share).replace('%', "");
            format!("{} [{}, {}]", gain(skill.value), end(skill.low), end(skill.high))
        }
    }
}

/// The same in at most 18 columns below 1,000 %: whole percents from ten on, `+15.6% [+12, +19]`.
pub(super) fn skill_brief(of: &Interval95) -> String {
    match Gain::of(of) {
        Gain::Unknown => "?".to_owned(),
        Gain::Unbounded => "too few rows".to_owned(),
        Gain::Measured | Gain::Unmeasured | Gain::Loss => {
            // An end that rounds to zero keeps its tenth, so that it shows on which side of zero it is.
            let end = |share: f64| match share * 100.0 {
                percent if percent.abs() < 9.95 => gain(share).replace('%', ""),
                percent => format!("{percent:+.0}"),
            };
            format!("{} [{}, {}]", gain(of.value), end(of.low), end(of.high))
        }
    }
}

/// A probability to the nearest tenth of a percent, never rounded to what cannot or must happen: `4.1%`, `<0.1%`.
pub(super) fn chance(probability: f64) -> String {
    let text = bare(probability);
    if text == "?" { text } else { format!("{text}%") }
}

/// A probability in percent, without the sign.
fn bare(probability: f64) -> String {
    match probability {
        p if !(0.0..=1.0).contains(&p) => "?".to_owned(),
        p if p > 0.0 && p < 0.0005 => "<0.1".to_owned(),
        p if (0.9995..1.0).contains(&p) => ">99.9".to_owned(),
        p => format!("{:.1}", p.abs() * 100.0),
    }
}

/// The width of a forecast: `[2.0, 9.0]`, in percent.
pub(super) fn width(of: &Chances) -> String {
    format!("[{}, {}]", bare(of.low), bare(of.high))
}

/// The same with whole percents from ten on, outwards, so that what lies within is seen within: `[9.1, 52]`.
pub(super) fn width_brief(of: &Chances) -> String {
    let end = |p: f64, outwards: fn(f64) -> f64| match p {
        // Of what is shown elsewhere: 29.0 is not 28, whatever a double makes of 0.29 × 100.
        p if (0.0995..0.995).contains(&p) => format!("{:.0}", outwards((p * 1000.0).round() / 10.0)),
        p => bare(p).replace("100.0", "100"),
    };
    format!("[{}, {}]", end(of.low, f64::floor), end(of.high, f64::ceil))
}

/// Mean losses and squared errors: `0.0731`.
pub(super) fn loss(value: f64) -> String {
    dollars(value, 4)
}

/// A part of a logit with its sign: `+0.621`, `0.000`.
pub(super) fn part(value: f64) -> String {
    if !value.is_finite() {
        return "?".to_owned();
    }
    let text = if value.abs() < 999.95 { format!("{value:+.3}") } else { format!("{value:+.1e}") };
    if text.bytes().any(|c| (b'1'..=b'9').contains(&c)) { text } else { "0.000".to_owned() }
}

/// The wealth of a bet, 1 at its start: `0.8`, `24.1`, `1.25M`.
pub(super) fn wealth(value: f64) -> String {
    match value {
        value if value > 0.0 && value < 0.05 => "<0.1".to_owned(),
        value if value.abs() < 999.95 => dollars(value, 1),
        value => usd(value),
    }
}

/// A moment: `06 Jan 14:00`, with the year where it is another than now's.
pub(super) fn moment(at: Timestamp, now: Timestamp) -> String {
    let (told, today) = (date(at.date()), date(now.date()));
    let day = if told.get(7..) == today.get(7..) { day(at.date()) } else { told };
    format!("{day} {}", minute(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probability_never_rounds_to_what_cannot_or_must_happen() {
        for (probability, text) in [
            (0.041, "4.1%"),
            (0.0, "0.0%"),
            (0.0001, "<0.1%"),
            (0.9996, ">99.9%"),
            (1.0, "100.0%"),
            (1.2, "?"),
            (f64::NAN, "?"),
        ] {
            assert_eq!(chance(probability), text, "{probability}");
        }
        let of = |low, high| Chances { probability: 0.1, low, high };
        for (chances, whole, brief) in [
            (of(0.02, 0.09), "[2.0, 9.0]", "[2.0, 9.0]"),
            (of(0.0, 0.334), "[0.0, 33.4]", "[0.0, 34]"),
            (of(0.29, 0.295), "[29.0, 29.5]", "[29, 30]"),
            (of(0.995, 0.9999), "[99.5, >99.9]", "[99.5, >99.9]"),
            (of(f64::NAN, 1.0), "[?, 100.0]", "[?, 100]"),
        ] {
            assert_eq!((width(&chances).as_str(), width_brief(&chances).as_str()), (whole, brief));
        }
    }

    #[test]
    fn a_skill_is_never_told_without_its_interval() {
        let of = |value, low, high| Interval95 { value, low, high };
        for (interval, whole, brief, gain) in [
            (of(0.156, 0.117, 0.194), "+15.6% [+11.7, +19.4]", "+15.6% [+12, +19]", Gain::Measured),
            (of(0.04, -0.013, 0.067), "+4.0% [-1.3, +6.7]", "+4.0% [-1.3, +6.7]", Gain::Unmeasured),
            (of(-0.2, -0.33, -0.1), "-20.0% [-33.0, -10.0]", "-20.0% [-33, -10]", Gain::Loss),
            (of(0.0, 0.0, 0.0), "0.0% [0.0, 0.0]", "0.0% [0.0, 0.0]", Gain::Unmeasured),
            (
                of(0.3, f64::NEG_INFINITY, f64::INFINITY),
                "too few rows for an interval",
                "too few rows",
                Gain::Unbounded,
            ),
            (of(f64::NAN, 0.0, 1.0), "?", "?", Gain::Unknown),
        ] {
            assert_eq!((skill(&interval).as_str(), skill_brief(&interval).as_str()), (whole, brief));
            assert_eq!(Gain::of(&interval), gain);
        }
    }

    #[test]
    fn parts_of_a_logit_carry_their_sign() {
        for (value, text) in
            [(0.6214, "+0.621"), (-3.42, "-3.420"), (0.0001, "0.000"), (-0.0, "0.000"), (f64::NAN, "?")]
        {
            assert_eq!(part(value), text);
        }
        for (value, text) in [(0.8, "0.8"), (24.06, "24.1"), (0.001, "<0.1"), (0.0, "0.0"), (1.25e6, "1.25M")]
        {
            assert_eq!(wealth(value), text);
        }
    }

    #[test]
    fn a_moment_of_another_year_says_so() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-01-06T14:03:27Z");
        assert_eq!(moment(at("2026-01-06T14:00:00Z"), now), "06 Jan 14:00");
        assert_eq!(moment(at("2025-12-31T09:30:00Z"), now), "31 Dec 2025 09:30");
    }
}
