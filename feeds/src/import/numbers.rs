//! Reads amounts as people and web pages write them: `1,119.9`, `(95.1)`, `−95.1`, `-`, nothing.

/// What a cell of a table says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell {
    /// Nothing at all.
    Blank,
    /// A dash: not reported yet.
    Dash,
    /// An amount, zero included.
    Amount(f64),
}

/// What a comma in a number can mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Commas {
    /// Three digits follow each: `1,119.9`.
    #[default]
    Thousands,
    /// Where fields are separated by semicolons, commas are often decimal: refused unless a point
    /// follows later in the number.
    Doubtful,
}

/// Reads one cell. Footnote marks, currency signs and spaces around the number are ignored.
///
/// # Errors
/// The text is no such number; what is wrong with it.
pub(crate) fn read_cell(text: &str, commas: Commas) -> Result<Cell, &'static str> {
    let text = trim(text.trim_matches(is_space).trim_end_matches(is_footnote));
    if text.is_empty() {
        return Ok(Cell::Blank);
    }
    if text.chars().all(is_minus) || text.eq_ignore_ascii_case("n/a") {
        return Ok(Cell::Dash);
    }
    let (is_negative, text) = match text.strip_prefix('(') {
        Some(rest) => (true, rest.strip_suffix(')').ok_or("a bracket that is not closed")?),
        None => match text.strip_prefix(is_minus) {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        },
    };
    let text = trim(text);
    let text = trim(text.strip_prefix("US$").or_else(|| text.strip_prefix('$')).unwrap_or(text));
    // `$-680` is written, too.
    let (is_negative, text) = match text.strip_prefix(is_minus) {
        Some(_) if is_negative => return Err("negative twice"),
        Some(rest) => (true, rest),
        None => (is_negative, text),
    };
    let size = magnitude(text, commas)?;
    Ok(Cell::Amount(if is_negative && size != 0.0 { -size } else { size }))
}

/// A number that is not below zero.
fn magnitude(text: &str, commas: Commas) -> Result<f64, &'static str> {
    let is_digit = |c: char| c.is_ascii_digit();
    let (whole, rest) = text.split_at(text.find(|c: char| !is_digit(c) && c != ',').unwrap_or(text.len()));
    let groups: Vec<&str> = whole.split(',').collect();
    if groups.len() > 1 {
        if commas == Commas::Doubtful && !rest.starts_with('.') {
            return Err("a comma that may be decimal or separate thousands; write 1119.9");
        }
        let is_grouped =
            (1..=3).contains(&groups[0].len()) && groups[1..].iter().all(|group| group.len() == 3);
        if !is_grouped {
            return Err("a comma that separates no thousands; write 1119.9");
        }
    }
    let is_plain = rest.chars().all(|c| is_digit(c) || matches!(c, '.' | 'e' | 'E' | '+' | '-'));
    let starts = whole.chars().next().or_else(|| rest.strip_prefix('.')?.chars().next());
    if !is_plain || !starts.is_some_and(is_digit) {
        return Err("not a number");
    }
    let number: f64 = format!("{}{rest}", groups.concat()).parse().map_err(|_| "not a number")?;
    if number.is_finite() { Ok(number) } else { Err("not a finite number") }
}

fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// No-break spaces count as spaces, as in Unicode's own list, and zero-width ones too.
fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200b}' | '\u{feff}')
}

fn is_footnote(c: char) -> bool {
    matches!(c, '*' | '†' | '‡') || is_space(c)
}

/// The hyphen, the minus sign and the dashes that stand for it.
fn is_minus(c: char) -> bool {
    matches!(c, '-' | '\u{2212}' | '\u{2010}'..='\u{2015}' | '\u{fe63}' | '\u{ff0d}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_style_of_amount_is_read() {
        let cases = [
            ("111.7", 111.7),
            ("1,119.9", 1119.9),
            ("1,373,800,000", 1_373_800_000.0),
            ("(95.1)", -95.1),
            ("( 1,113.7 )", -1113.7),
            ("-95.1", -95.1),
            ("\u{2212}95.1", -95.1),
            ("\u{2013}95.1", -95.1),
            ("+3", 3.0),
            ("0.0", 0.0),
            ("-0.0", 0.0),
            (".5", 0.5),
            ("12.", 12.0),
            ("655.3*", 655.3),
            ("655.3 †", 655.3),
            ("$655.3", 655.3),
            ("US$ 655.3", 655.3),
            ("-$95.1", -95.1),
            ("($95.1)", -95.1),
            ("$-680", -680.0),
            ("\u{a0}7.7\u{a0}", 7.7),
            ("6.553e8", 655_300_000.0),
        ];
        for (text, amount) in cases {
            assert_eq!(read_cell(text, Commas::Thousands), Ok(Cell::Amount(amount)), "{text:?}");
        }
    }

    #[test]
    fn a_dash_is_pending_and_nothing_is_nothing_and_neither_is_zero() {
        for text in ["-", "\u{2013}", "—", " - ", "--", "n/a", "N/A"] {
            assert_eq!(read_cell(text, Commas::Thousands), Ok(Cell::Dash), "{text:?}");
        }
        for text in ["", "  ", "\u{a0}", "*", "\u{feff}"] {
            assert_eq!(read_cell(text, Commas::Thousands), Ok(Cell::Blank), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_surely_one_number_is_refused() {
        let wrong = [
            "95,1", "1,11", "1,1199", ",100", "1,,000", "12 34", "(95.1", "95.1)", "-(95.1)", "--1", "$",
            "ten", "1.2.3", "0x10", "inf", "NaN", "1e999", "e5", ".", "95.1M", "1'000", "(-95.1)",
        ];
        for text in wrong {
            assert!(read_cell(text, Commas::Thousands).is_err(), "{text:?}");
        }
        assert!(read_cell("1,119", Commas::Doubtful).is_err(), "1119 in London, 1.119 in Paris");
        assert_eq!(read_cell("1,119.9", Commas::Doubtful), Ok(Cell::Amount(1119.9)));
        assert_eq!(read_cell("95.1", Commas::Doubtful), Ok(Cell::Amount(95.1)));
    }

    proptest! {
        #[test]
        fn no_text_panics_and_every_amount_is_finite(text in ".{0,20}") {
            if let Ok(Cell::Amount(amount)) = read_cell(&text, Commas::Thousands) {
                prop_assert!(amount.is_finite());
            }
        }

        #[test]
        fn every_amount_is_read_back_however_it_is_written(tenths in -99_999_999_i64..=99_999_999) {
            let amount = tenths as f64 / 10.0;
            let size = format!("{:.1}", amount.abs());
            let (whole, fraction) = size.split_once('.').unwrap();
            let mut grouped = String::new();
            for (at, digit) in whole.chars().enumerate() {
                if at > 0 && (whole.len() - at).is_multiple_of(3) {
                    grouped.push(',');
                }
                grouped.push(digit);
            }
            let grouped = format!("{grouped}.{fraction}");
            let written = match (amount < 0.0, tenths % 2 == 0) {
                (true, true) => format!("({grouped})"),
                (true, false) => format!("-{grouped}"),
                (false, _) => grouped,
            };
            prop_assert_eq!(read_cell(&written, Commas::Thousands), Ok(Cell::Amount(amount)));
        }
    }
}
