//! Which trades say what a share costs now, by the sale conditions of the consolidated tape.
//!
//! The tape's own rule for its last price (CTA and UTP output specifications; as a table in
//! <https://polygon.io/glossary/us/stocks/conditions-indicators>), with one exception: trades before and
//! after hours (`T`) count, because the desk watches those hours too.

/// The tape's letter of each condition whose trades leave the last price alone, and Massive's number.
const ELSEWHERE: [(&str, i64); 18] = [
    ("W", 2),  // average price
    ("G", 5),  // bunched, sold late
    ("C", 7),  // cash sale
    ("4", 10), // derivatively priced
    ("U", 13), // extended hours, out of sequence
    ("M", 15), // a market centre's official close
    ("Q", 16), // a market centre's official open
    ("N", 20), // next day
    ("H", 21), // price variation
    ("P", 22), // prior reference price
    ("R", 29), // seller's option
    ("Z", 33), // out of sequence
    ("I", 37), // odd lot
    ("9", 38), // corrected consolidated close: yesterday's, in the morning
    ("V", 52), // contingent
    ("7", 53), // qualified contingent
    ("", 44),  // cancelled
    ("", 54),  // errored
];

/// Whether a trade under the tape's `letter` is at the current price.
pub(super) fn is_current_letter(letter: &str) -> bool {
    letter.trim().is_empty() || !ELSEWHERE.iter().any(|(known, _)| *known == letter.trim())
}

/// Whether a trade under Massive's `number` is.
pub(super) fn is_current_number(number: i64) -> bool {
    !ELSEWHERE.iter().any(|(_, known)| *known == number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_and_late_hours_trades_count_and_old_prices_do_not() {
        for letter in ["@", " ", "", "F", "T", "X", "6", "O"] {
            assert!(is_current_letter(letter), "{letter:?}");
        }
        for letter in ["W", "I", " 4", "Z", "P"] {
            assert!(!is_current_letter(letter), "{letter:?}");
        }
        for (number, is_current) in [(0, true), (12, true), (14, true), (2, false), (37, false), (53, false)]
        {
            assert_eq!(is_current_number(number), is_current, "{number}");
        }
    }
}
