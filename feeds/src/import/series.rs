//! Reads columns of numbers from a user's table, row by row in the order of the file.

use market::Timestamp;

use super::bars::once;
use super::dates::Order;
use super::numbers::{Cell, read_cell};
use super::report::ImportError;
use super::sheet::{Row, Sheet};
use super::times::{Written, read_time};

/// Columns that hold times, the likelier first. The last is the one without a name: the index that pandas writes.
const TIMES: [&str; 17] = [
    "open_time",
    "timestamp",
    "datetime",
    "date_time",
    "time",
    "date",
    "day",
    "trade_date",
    "start",
    "time_utc",
    "unix",
    "unix_time",
    "unix_timestamp",
    "ts",
    "period",
    "close_time",
    "",
];

/// What programs write where a number is missing.
const MISSING: [&str; 4] = ["null", "none", "na", "#n/a"];

/// Columns of numbers, every one finite.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// The columns' names, as asked for.
    pub names: Vec<String>,
    /// Rows × columns, in the order of the file.
    pub rows: Vec<Vec<f64>>,
    /// Each row as the user counts it: in a CSV the header is line 1.
    pub numbers: Vec<usize>,
    /// Each row's time; empty where no column of times was asked for.
    pub times: Vec<Timestamp>,
    /// Rows left out because a cell has no value: the row, and which column.
    pub left_out: Vec<(usize, String)>,
}

/// Which column of a table holds its times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeColumn<'a> {
    /// None is read.
    Unread,
    /// The one whose name says so.
    Found,
    /// The one of this name.
    Named(&'a str),
}

/// Reads `columns`, by their names in the header, in any case of letters. Plain and scientific numbers, thousands
/// commas and brackets are read. A row in which a wanted cell is empty, a dash, NaN or null is left out and told;
/// what is no number is an error. Times, where asked for, must ascend; one without a zone is of UTC.
///
/// # Errors
/// A wanted column is not there or is there twice, a cell is no number or no time, times do not ascend, or no row
/// is left.
pub fn series(sheet: &Sheet, columns: &[String], time: TimeColumn<'_>) -> Result<Series, ImportError> {
    if sheet.header().is_empty() || sheet.rows().is_empty() {
        return Err(ImportError::Empty);
    }
    let places = columns.iter().map(|name| place(sheet, name)).collect::<Result<Vec<_>, _>>()?;
    let clock = match time {
        TimeColumn::Unread => None,
        TimeColumn::Found => {
            let found = sheet.column(&TIMES).ok_or_else(|| ImportError::Layout {
                found: sheet.header().to_vec(),
                wanted: "a column of times is called time, date, timestamp or alike; name yours: --time COL",
            })?;
            once(sheet, found)?;
            Some(found)
        }
        TimeColumn::Named(name) => Some(place(sheet, name)?),
    };
    let order = match clock {
        Some(at) => Order::of(sheet.rows().iter().map(|row| row.cell(at)))
            .map_err(|(day_first, month_first)| ImportError::MixedDates { day_first, month_first })?,
        None => Order::MonthFirst,
    };
    let mut series = Series { names: columns.to_vec(), ..Series::default() };
    for row in sheet.rows() {
        let Some(values) = values_of(sheet, row, &places, &mut series.left_out)? else { continue };
        if let Some(at) = clock {
            let moment = moment_of(sheet, row, at, order)?;
            if series.times.last().is_some_and(|last| *last >= moment) {
                let text = row.cell(at);
                let remedy = "sort the rows by time, the oldest first, one a time";
                let reason = format!("{text} does not come after the row before it; {remedy}");
                return Err(ImportError::Cell { row: row.number, column: name_of(sheet, at), reason });
            }
            series.times.push(moment);
        }
        series.rows.push(values);
        series.numbers.push(row.number);
    }
    if series.rows.is_empty() { Err(ImportError::Empty) } else { Ok(series) }
}

fn place(sheet: &Sheet, name: &str) -> Result<usize, ImportError> {
    let wanted = name.trim();
    let alike = |own: &String| own.eq_ignore_ascii_case(wanted);
    let header = sheet.header();
    let Some(first) = header.iter().position(alike) else {
        return Err(ImportError::NoColumn { name: name.to_owned(), found: header.to_vec() });
    };
    // Of `close` and `Close` it is the one that was written; of `CLOSE` and `Close` neither.
    let at = header.iter().position(|own| own == wanted).unwrap_or(first);
    if header[at] != wanted && header.iter().any(|own| alike(own) && *own != header[at]) {
        return Err(ImportError::ColumnTwice { name: name.to_owned() });
    }
    once(sheet, at)?;
    Ok(at)
}

fn name_of(sheet: &Sheet, at: usize) -> String {
    sheet.header().get(at).cloned().unwrap_or_default()
}

fn values_of(
    sheet: &Sheet,
    row: &Row,
    places: &[usize],
    left_out: &mut Vec<(usize, String)>,
) -> Result<Option<Vec<f64>>, ImportError> {
    let mut values = Vec::with_capacity(places.len());
    for at in places {
        let text = row.cell(*at);
        let wrong =
            |reason: String| ImportError::Cell { row: row.number, column: name_of(sheet, *at), reason };
        let value = match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Some(value),
            Ok(value) if value.is_nan() => None,
            Ok(_) => return Err(wrong(format!("{text:?} is not finite"))),
            Err(_) if MISSING.iter().any(|missing| text.eq_ignore_ascii_case(missing)) => None,
            Err(_) => match read_cell(text, sheet.commas()) {
                Ok(Cell::Amount(value)) => Some(value),
                Ok(Cell::Blank | Cell::Dash) => None,
                Err(problem) => return Err(wrong(format!("{text:?} is {problem}"))),
            },
        };
        let Some(value) = value else {
            left_out.push((row.number, format!("{} has no value", name_of(sheet, *at))));
            return Ok(None);
        };
        values.push(value);
    }
    Ok(Some(values))
}

fn moment_of(sheet: &Sheet, row: &Row, at: usize, order: Order) -> Result<Timestamp, ImportError> {
    let text = row.cell(at);
    // A zone moves every row alike: where only their order counts, none is needed.
    let read = read_time(text, order).or_else(|problem| {
        let has_clock = text.contains(':') && !text.ends_with(['Z', 'z']);
        if has_clock { read_time(&format!("{text}Z"), order) } else { Err(problem) }.map_err(|_| problem)
    });
    match read {
        Ok(Written::Day(day)) => Ok(day.start()),
        Ok(Written::Moment(moment, _)) => Ok(moment),
        Err(problem) => Err(ImportError::Cell {
            row: row.number,
            column: name_of(sheet, at),
            reason: format!("{text:?} is {problem}"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, columns: &[&str], time: TimeColumn<'_>) -> Result<Series, ImportError> {
        let columns: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
        series(&Sheet::from_csv(text.as_bytes()).unwrap(), &columns, time)
    }

    #[test]
    fn numbers_are_read_as_research_writes_them_and_empty_cells_leave_their_row_out() {
        let text = "date,close,ret\n2026-01-01,1e2,\n2026-01-02,\"1,101.5\",-3.5e-2\n2026-01-03,99,nan\n2026-01-04,98,(2)\n";
        let series = read(text, &["RET", "close"], TimeColumn::Found).unwrap();
        assert_eq!(series.rows, [[-0.035, 1101.5], [-2.0, 98.0]]);
        assert_eq!(series.numbers, [3, 5]);
        assert_eq!(series.times[1].to_string(), "2026-01-04T00:00:00.000000Z");
        let left_out: Vec<usize> = series.left_out.iter().map(|(row, _)| *row).collect();
        assert_eq!(left_out, [2, 4]);
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_place() {
        let refused = |text: &str, columns: &[&str], time| read(text, columns, time).unwrap_err().to_string();
        for (text, columns, time, says) in [
            ("a,b\n1,2\n", &["c"][..], TimeColumn::Unread, "no column \"c\""),
            ("a,b\n1,x\n", &["b"], TimeColumn::Unread, "row 2, column b"),
            ("a,b\n1,inf\n", &["b"], TimeColumn::Unread, "not finite"),
            ("a,a\n1,2\n", &["a"], TimeColumn::Unread, "twice"),
            ("A,a\n1,2\n", &["A ", "b"], TimeColumn::Unread, "no column \"b\""),
            ("Aa,aA\n1,2\n", &["aa"], TimeColumn::Unread, "twice"),
            ("date,b,date\n2026-01-01,1,2026-01-02\n", &["b"], TimeColumn::Found, "twice"),
            ("time,b\n2026-01-02 25:00,2\n", &["b"], TimeColumn::Found, "row 2, column time"),
            ("a,b\n1,2\n", &["b"], TimeColumn::Found, "name yours: --time"),
            (
                "date,b\n2026-01-02,2\n2026-01-02,3\n",
                &["b"],
                TimeColumn::Named("date"),
                "does not come after the row before it; sort the rows",
            ),
            ("date,b\nsoon,2\n", &["b"], TimeColumn::Found, "row 2, column date"),
            ("a\n-\n", &["a"], TimeColumn::Unread, "no row"),
        ] {
            let said = refused(text, columns, time);
            assert!(said.contains(says), "{said}");
        }
    }

    #[test]
    fn times_are_found_as_programs_write_them_and_those_without_a_zone_are_of_utc() {
        for (text, first) in [
            (",close\n2026-01-01,1\n2026-01-02,2\n", "2026-01-01T00:00:00"),
            ("datetime,close\n2026-01-01 01:00:00,1\n2026-01-01 02:00:00,2\n", "2026-01-01T01:00:00"),
            ("Time,close\n2026-01-01 00:00,1\n2026-01-01 01:30,2\n", "2026-01-01T00:00:00"),
            ("unix,date,close\n1,2026-01-01 01:00:00,1\n2,2026-01-01 02:00:00,2\n", "2026-01-01T01:00:00"),
            ("Unix Time,close\n1767225600,1\n1767229200,2\n", "2026-01-01T00:00:00"),
            ("time,close\n2026-01-01 01:00:00+02:00,1\n2026-01-01 02:00:00+02:00,2\n", "2025-12-31T23:00:00"),
        ] {
            let series = read(text, &["close"], TimeColumn::Found).unwrap();
            assert_eq!(series.rows, [[1.0], [2.0]], "{text}");
            assert_eq!(series.times[0].to_string(), format!("{first}.000000Z"), "{text}");
        }
    }

    #[test]
    fn columns_that_nobody_asked_for_may_be_there_twice_and_a_twin_may_be_empty() {
        let text = "date,a,b,b,date\n2026-01-01,1,2,3,\n2026-01-02,null,2,3,\n2026-01-03,N/A,2,3,\n";
        let series = read(text, &["a"], TimeColumn::Found).unwrap();
        assert_eq!((series.rows, series.left_out.len()), (vec![vec![1.0]], 2));
        let exact = read("Close,close\n1,2\n", &["close"], TimeColumn::Unread).unwrap();
        assert_eq!(exact.rows, [[2.0]]);
    }

    proptest! {
        #[test]
        fn any_numbers_come_back_as_they_went_in(values in prop::collection::vec(prop::num::f64::NORMAL, 1..40)) {
            let lines: Vec<String> = values.iter().map(|value| format!("{value:e}")).collect();
            let series = read(&format!("x\n{}\n", lines.join("\n")), &["x"], TimeColumn::Unread).unwrap();
            let back: Vec<f64> = series.rows.iter().map(|row| row[0]).collect();
            prop_assert_eq!(back, values);
        }

        #[test]
        fn no_text_panics(text in "[a-z0-9,.;\\-(\\n ]{0,80}") {
            if let Ok(sheet) = Sheet::from_csv(text.as_bytes()) {
                let _ = series(&sheet, &["a".to_owned()], TimeColumn::Found);
            }
        }
    }
}
