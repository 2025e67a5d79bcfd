//! A user's table as text cells, from a CSV or from anything else that has a header and rows.

use csv::{ReaderBuilder, Trim};

use super::numbers::Commas;
use super::report::ImportError;

/// A table: its header, and rows of cells as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    header: Vec<String>,
    rows: Vec<Row>,
    commas: Commas,
}

/// One row below the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The row as the user counts it.
    pub(super) number: usize,
    pub(super) cells: Vec<String>,
}

/// Separators that a header may have, the likelier first.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

impl Sheet {
    /// The table with this header and these rows, counted from 1.
    pub fn new(header: &[String], rows: Vec<Vec<String>>) -> Self {
        let rows = rows.into_iter().enumerate().map(|(at, cells)| Row { number: at + 1, cells }).collect();
        Self {
            header: header.iter().map(|name| name.trim().to_owned()).collect(),
            rows,
            commas: Commas::Thousands,
        }
    }

    /// Reads a CSV: UTF-8 with or without a byte-order mark; separated by commas, semicolons, tabs or
    /// bars, whichever its first line has most of, unless that line is Excel's own `sep=;`.
    ///
    /// # Errors
    /// The bytes are no UTF-8, or nothing is in them.
    pub fn from_csv(bytes: &[u8]) -> Result<Self, ImportError> {
        let text =
            std::str::from_utf8(bytes).map_err(|error| ImportError::NotText { at: error.valid_up_to() })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let separator = match first.trim().strip_prefix("sep=").map(str::as_bytes) {
            Some([separator]) => *separator,
            Some(_) | None => separator_of(first),
        };
        let mut reader = ReaderBuilder::new()
            .delimiter(separator)
            .has_headers(false)
            .flexible(true)
            .trim(Trim::All)
            .from_reader(text.as_bytes());
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|source| ImportError::Csv { source })?;
            let number = record.position().map_or(rows.len() + 1, |at| line_of(text, at));
            let cells: Vec<String> = record.iter().map(str::to_owned).collect();
            let is_excel_note = rows.is_empty() && cells.iter().any(|cell| cell.starts_with("sep="));
            if !is_excel_note && cells.iter().any(|cell| !cell.is_empty()) {
                rows.push(Row { number, cells });
            }
        }
        if rows.is_empty() {
            return Err(ImportError::Empty);
        }
        let header = rows.remove(0).cells;
        let commas = if separator == b';' { Commas::Doubtful } else { Commas::Thousands };
        Ok(Self { header, rows, commas })
    }

    /// The names of the columns.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// Every cell below the header, row by row.
    pub fn cells(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().flat_map(|row| &row.cells).map(String::as_str)
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// What a comma in one of its numbers can mean.
    pub(super) fn commas(&self) -> Commas {
        self.commas
    }

    /// Where the first column is that has one of `names`, which are in lower case.
    pub(super) fn column(&self, names: &[&str]) -> Option<usize> {
        let plain = |name: &String| name.to_lowercase().replace([' ', '-'], "_");
        names.iter().find_map(|name| self.header.iter().position(|own| plain(own) == *name))
    }

    /// That it has rows, and every column but once.
    pub(super) fn check(&self) -> Result<(), ImportError> {
        if self.header.is_empty() || self.rows.is_empty() {
            return Err(ImportError::Empty);
        }
        for (at, name) in self.header.iter().enumerate() {
            if !name.is_empty() && self.header[..at].contains(name) {
                return Err(ImportError::ColumnTwice { name: name.clone() });
            }
        }
        Ok(())
    }
}

impl Row {
    /// The cell in column `at`; empty where the row is shorter.
    pub(super) fn cell(&self, at: usize) -> &str {
        self.cells.get(at).map_or("", |cell| cell.trim())
    }

    /// What is wrong with its length under so many columns.
    pub(super) fn complain_of_length(&self, columns: usize) -> Option<String> {
        let has_more = self.cells.iter().skip(columns).any(|cell| !cell.is_empty());
        (has_more || self.cells.len() < columns)
            .then(|| format!("{} cells under {columns} columns", self.cells.len()))
    }
}

/// The line of a record, which the reader says to begin with the blank lines before it.
fn line_of(text: &str, at: &csv::Position) -> usize {
    let rest = text.as_bytes().get(at.byte() as usize..).unwrap_or_default();
    let blank = rest.iter().take_while(|byte| matches!(**byte, b'\r' | b'\n'));
    at.line() as usize + blank.filter(|byte| **byte == b'\n').count()
}

/// The separator that `line` has most of, outside quotes.
fn separator_of(line: &str) -> u8 {
    let mut counts = [0_usize; SEPARATORS.len()];
    let mut is_quoted = false;
    for byte in line.bytes() {
        if byte == b'"' {
            is_quoted = !is_quoted;
        } else if let Some(at) = SEPARATORS.iter().position(|separator| *separator == byte && !is_quoted) {
            counts[at] += 1;
        }
    }
    // The first of equals, so the likelier one.
    let mut best = 0;
    for at in 1..counts.len() {
        if counts[at] > counts[best] {
            best = at;
        }
    }
    SEPARATORS[best]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_csv_is_read_whatever_separates_it() {
        let expected = vec![
            vec!["11 Jan 2024".to_owned(), "1,119.9".to_owned()],
            vec!["12 Jan 2024".to_owned(), String::new()],
        ];
        for text in [
            "Date,IBIT\n11 Jan 2024,\"1,119.9\"\n12 Jan 2024,\n",
            "\u{feff}Date;IBIT\r\n11 Jan 2024;1,119.9\r\n\r\n12 Jan 2024;\r\n",
            "\n Date\tIBIT \n11 Jan 2024\t1,119.9\n\t\n12 Jan 2024\t\n",
            "sep=;\nDate;IBIT\n11 Jan 2024;\"1,119.9\"\n12 Jan 2024;\n",
            "Date|IBIT\n11 Jan 2024|1,119.9\n12 Jan 2024|\n",
        ] {
            let sheet = Sheet::from_csv(text.as_bytes()).unwrap();
            assert_eq!(sheet.header(), ["Date", "IBIT"], "{text:?}");
            assert_eq!(
                sheet.rows().iter().map(|row| row.cells.clone()).collect::<Vec<_>>(),
                expected,
                "{text:?}"
            );
        }
    }

    #[test]
    fn rows_are_counted_as_the_user_sees_them() {
        let sheet = Sheet::from_csv(b"a,b\n\n1,\"x\ny\"\n2,z\n").unwrap();
        assert_eq!(sheet.rows().iter().map(|row| row.number).collect::<Vec<_>>(), [3, 5]);
    }

    #[test]
    fn what_is_no_table_is_refused() {
        assert!(matches!(Sheet::from_csv(b""), Err(ImportError::Empty)));
        assert!(matches!(Sheet::from_csv(b"\n\n  \n"), Err(ImportError::Empty)));
        assert!(matches!(Sheet::from_csv(b"a,b\n\xff\xfe1,2"), Err(ImportError::NotText { at: 4 })));
        let check = |text: &str| Sheet::from_csv(text.as_bytes()).unwrap().check();
        assert!(matches!(check("a,b\n"), Err(ImportError::Empty)));
        assert!(matches!(check("a,b,a\n1,2,3\n"), Err(ImportError::ColumnTwice { .. })));
        assert!(check("a,,\n1,,\n").is_ok());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Sheet::from_csv(&bytes).map(|sheet| sheet.check());
        }
    }
}
