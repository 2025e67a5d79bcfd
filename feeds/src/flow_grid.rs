//! A table of fund flows, one row a day and one column a fund: which of its rows can be trusted.
//!
//! Web pages and users' files are read into this form; what happens then is the same for both.

use std::collections::{BTreeMap, BTreeSet};

use market::{ALL_FUNDS, Date, Usd, nyse};
use smol_str::SmolStr;

use crate::import::numbers::Cell;

/// How far the cells of a row may add up from its total, millions of US dollars: cells and totals are
/// printed with one decimal. Holds for all 671 rows of a real table (2024–2026).
pub(crate) const ROUNDING: f64 = 0.1;
/// Beyond any fund's day in millions of US dollars: the largest so far is about 1,100.
const LARGEST_MILLIONS: f64 = 1e6;

/// Flows as a table tells them, millions of US dollars.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FlowGrid {
    /// Tickers, one a column.
    pub(crate) funds: Vec<SmolStr>,
    /// Whether the table has a column of totals.
    pub(crate) has_totals: bool,
    /// Days, in the table's order.
    pub(crate) rows: Vec<GridRow>,
}

/// One day of a table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GridRow {
    /// The row's number in its source, for reports.
    pub(crate) number: usize,
    /// The trading day.
    pub(crate) date: Date,
    /// One cell a fund.
    pub(crate) cells: Vec<Cell>,
    /// The table's own total.
    pub(crate) total: Cell,
}

/// What a fund did on a day, as a table tells it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FundDay {
    /// The trading day.
    pub(crate) date: Date,
    /// The fund's ticker.
    pub(crate) fund: SmolStr,
    /// US dollars; `None` while the fund has not reported.
    pub(crate) net_flow: Option<Usd>,
}

/// A table after its check.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Checked {
    /// What can be trusted, oldest day first.
    pub(crate) days: Vec<FundDay>,
    /// Rows that cannot, by their number, with the reason.
    pub(crate) refused: Vec<(usize, String)>,
    /// Rows of days on which the market was closed.
    pub(crate) closed: usize,
    /// Trading days in `days`.
    pub(crate) sessions: usize,
    /// Rows whose cells were compared with their total.
    pub(crate) totals: usize,
    /// Of those, the rows that did not agree.
    pub(crate) mismatched: usize,
}

impl FlowGrid {
    /// Checks every row: a weekday, once, within reason, and adding up to its total.
    ///
    /// A row in which no fund has reported is a holiday where later days have, or where it is all
    /// blank and `blank_is_closed`; else all of its funds are pending. A fund's empty cells before its
    /// first report mean nothing and are left out.
    pub(crate) fn check(self, blank_is_closed: bool) -> Checked {
        let mut checked = Checked::default();
        let mut rows = BTreeMap::<Date, GridRow>::new();
        for row in self.rows {
            match complaint(&row, self.has_totals, &mut checked) {
                Some(words) => checked.refused.push((row.number, words)),
                None if rows.contains_key(&row.date) => {
                    checked.refused.push((row.number, format!("{} is there twice", row.date)));
                }
                None => drop(rows.insert(row.date, row)),
            }
        }
        let mut last_reported = None;
        let mut first_report: Vec<Option<Date>> = vec![None; self.funds.len()];
        for (date, row) in &rows {
            for (first, cell) in first_report.iter_mut().zip(&row.cells) {
                if matches!(cell, Cell::Amount(_)) {
                    first.get_or_insert(*date);
                    last_reported = Some(*date);
                }
            }
        }
        for (date, row) in rows {
            let has_reports = row.cells.iter().any(|cell| matches!(cell, Cell::Amount(_)));
            let is_blank = row.cells.iter().all(|cell| *cell == Cell::Blank);
            let is_past = last_reported.is_some_and(|last| date < last);
            let is_holiday = !has_reports && nyse().is_trading_day(date) == Some(false);
            if is_holiday || (!has_reports && (is_past || (blank_is_closed && is_blank))) {
                checked.closed += 1;
                // A file's holidays are kept as days on which nobody reported; a page's mean nothing.
                if blank_is_closed || !is_holiday {
                    continue;
                }
            }
            let before = checked.days.len();
            for ((fund, first), cell) in self.funds.iter().zip(&first_report).zip(&row.cells) {
                let net_flow = match cell {
                    Cell::Amount(millions) => Some(usd_of_millions(*millions)),
                    Cell::Blank | Cell::Dash if first.is_some_and(|first| first <= date) => None,
                    Cell::Blank | Cell::Dash => continue,
                };
                checked.days.push(FundDay { date, fund: fund.clone(), net_flow });
            }
            checked.sessions += usize::from(!is_holiday && checked.days.len() > before);
        }
        checked
    }
}

/// Leaves out of `days`, oldest first, what means nothing: a fund's pending days before its first report,
/// and days on which nobody reported although later ones were.
pub(crate) fn without_unlisted(mut days: Vec<FundDay>) -> Vec<FundDay> {
    let with_reports: BTreeSet<Date> =
        days.iter().filter(|day| day.net_flow.is_some()).map(|day| day.date).collect();
    let last_reported = with_reports.last().copied();
    let mut listed = BTreeSet::<SmolStr>::new();
    days.retain(|day| {
        if day.net_flow.is_some() {
            listed.insert(day.fund.clone());
            return true;
        }
        let is_closed = !with_reports.contains(&day.date) && Some(day.date) < last_reported;
        listed.contains(&day.fund) && !is_closed
    });
    days
}

/// What is wrong with `row`, where something is.
fn complaint(row: &GridRow, has_totals: bool, checked: &mut Checked) -> Option<String> {
    if let Some(day) = weekend_day(row.date) {
        return Some(format!("{} is a {day}; funds do not trade on it", row.date));
    }
    let mut sum = 0.0;
    for cell in &row.cells {
        if let Cell::Amount(millions) = cell {
            if let Some(words) = beyond_reason(*millions) {
                return Some(format!("{}: {words}", row.date));
            }
            sum += millions;
        }
    }
    if !has_totals {
        return None;
    }
    let Cell::Amount(total) = row.total else {
        let is_empty = row.cells.iter().all(|cell| !matches!(cell, Cell::Amount(_)));
        return (!is_empty).then(|| format!("{} has flows and no total to check them by", row.date));
    };
    checked.totals += 1;
    if agrees(sum, total) {
        return None;
    }
    checked.mismatched += 1;
    Some(format!("{}: funds add up to {sum:.1} million, the total says {total:.1}", row.date))
}

/// Whether a sum and a total are the same but for rounding, millions of US dollars.
pub(crate) fn agrees(sum: f64, total: f64) -> bool {
    // 1e-6 for what binary fractions add to a tenth.
    (sum - total).abs() <= ROUNDING + 1e-6
}

/// What is wrong with a flow of so many millions, where it cannot be one.
pub(crate) fn beyond_reason(millions: f64) -> Option<String> {
    (millions.abs() > LARGEST_MILLIONS)
        .then(|| format!("{millions} million US dollars is more than any fund holds"))
}

/// Saturday or Sunday, where `date` is one.
pub(crate) fn weekend_day(date: Date) -> Option<&'static str> {
    // 1970-01-01 was a Thursday.
    match date.start().as_micros() / 86_400_000_000 % 7 {
        2 => Some("Saturday"),
        3 => Some("Sunday"),
        _ => None,
    }
}

/// `millions` of US dollars, to the millionth of a dollar.
pub(crate) fn usd_of_millions(millions: f64) -> Usd {
    Usd::from_micros((millions * 1e12).round() as i128)
}

/// Whether `text` is the ticker of a fund: two to five capital letters, and not the total.
pub(crate) fn is_ticker(text: &str) -> bool {
    (2..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase()) && !is_total(text)
}

/// Whether `text` heads a column of totals.
pub(crate) fn is_total(text: &str) -> bool {
    text.eq_ignore_ascii_case(ALL_FUNDS) || text.eq_ignore_ascii_case("Totals")
}

/// Whether a row called `label` is about no day: a sum, an average, a fee.
pub(crate) fn is_no_day(label: &str) -> bool {
    const LABELS: [&str; 12] = [
        "", "date", "seed", "total", "totals", "average", "maximum", "minimum", "fee", "fees", "staking",
        "staked",
    ];
    LABELS.contains(&without_notes(label).to_ascii_lowercase().as_str())
}

/// A word of a table without the footnote marks around it.
pub(crate) fn without_notes(word: &str) -> &str {
    word.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '†' | '‡'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Cell::{Amount, Blank, Dash};

    fn grid(rows: &[(&str, [Cell; 3])]) -> FlowGrid {
        let rows = rows.iter().enumerate().map(|(at, (date, [a, b, total]))| GridRow {
            number: at + 1,
            date: date.parse().unwrap(),
            cells: vec![*a, *b],
            total: *total,
        });
        FlowGrid { funds: vec!["AAA".into(), "BBB".into()], has_totals: true, rows: rows.collect() }
    }

    fn told(checked: &Checked) -> Vec<String> {
        let word =
            |flow: Option<Usd>| flow.map_or("pending".to_owned(), |flow| (flow.get() / 1e6).to_string());
        checked.days.iter().map(|day| format!("{} {} {}", day.date, day.fund, word(day.net_flow))).collect()
    }

    #[test]
    fn an_empty_cell_is_pending_after_a_funds_first_report_and_nothing_before() {
        let checked = grid(&[
            ("2025-11-13", [Amount(-5.0), Dash, Amount(-5.0)]),
            ("2025-11-14", [Dash, Amount(2.5), Amount(2.5)]),
            ("2025-11-17", [Dash, Dash, Amount(0.0)]),
        ])
        .check(true);
        assert_eq!(
            told(&checked),
            [
                "2025-11-13 AAA -5",
                "2025-11-14 AAA pending",
                "2025-11-14 BBB 2.5",
                "2025-11-17 AAA pending",
                "2025-11-17 BBB pending"
            ]
        );
        assert_eq!((checked.sessions, checked.closed, checked.totals, checked.mismatched), (3, 0, 3, 0));
    }

    #[test]
    fn a_holiday_is_no_session() {
        let rows = [
            ("2025-12-24", [Amount(1.0), Amount(0.0), Amount(1.0)]),
            ("2025-12-25", [Dash, Blank, Amount(0.0)]),
            ("2025-12-26", [Amount(2.0), Amount(0.0), Amount(2.0)]),
            ("2026-01-01", [Blank, Blank, Amount(0.0)]),
        ];
        let page = grid(&rows).check(true);
        assert_eq!((page.sessions, page.closed), (2, 2));
        let file = grid(&rows).check(false);
        assert_eq!((file.sessions, file.closed), (2, 2));
        let kept = file.days.iter().filter(|day| day.date.to_string() == "2025-12-25");
        assert!(kept.clone().count() > 0 && kept.into_iter().all(|day| day.net_flow.is_none()));
    }

    #[test]
    fn a_row_that_cannot_be_right_is_refused_with_its_reason() {
        let checked = grid(&[
            ("2025-11-10", [Amount(1.0), Amount(1.05), Amount(2.0)]),
            ("2025-11-11", [Amount(1.0), Amount(1.0), Amount(2.2)]),
            ("2025-11-12", [Amount(1.0), Dash, Dash]),
            ("2025-11-15", [Amount(1.0), Dash, Amount(1.0)]),
            ("2025-11-16", [Dash, Dash, Amount(0.0)]),
            ("2025-11-10", [Amount(1.0), Amount(1.0), Amount(2.0)]),
            ("2025-11-13", [Amount(2e6), Amount(1.0), Amount(2e6)]),
        ])
        .check(true);
        let refused: Vec<String> =
            checked.refused.iter().map(|(number, words)| format!("{number} {words}")).collect();
        assert_eq!(
            refused,
            [
                "2 2025-11-11: funds add up to 2.0 million, the total says 2.2",
                "3 2025-11-12 has flows and no total to check them by",
                "4 2025-11-15 is a Saturday; funds do not trade on it",
                "5 2025-11-16 is a Sunday; funds do not trade on it",
                "6 2025-11-10 is there twice",
                "7 2025-11-13: 2000000 million US dollars is more than any fund holds",
            ]
        );
        assert_eq!(told(&checked), ["2025-11-10 AAA 1", "2025-11-10 BBB 1.05"]);
        assert_eq!((checked.totals, checked.mismatched), (3, 1));
    }

    #[test]
    fn a_ticker_is_neither_a_total_nor_a_word() {
        for ticker in ["IBIT", "BTC", "ETH", "GSOL", "TSOLX"] {
            assert!(is_ticker(ticker), "{ticker}");
        }
        for word in ["TOTAL", "Total", "Date", "B", "BLACKROCK", "", "BTC1", "ibit"] {
            assert!(!is_ticker(word), "{word}");
        }
    }

    #[test]
    fn millions_become_dollars_without_dust() {
        assert_eq!(usd_of_millions(111.7), Usd::new(111_700_000.0).unwrap());
        assert_eq!(usd_of_millions(-74.5).get().to_string(), "-74500000");
    }
}
