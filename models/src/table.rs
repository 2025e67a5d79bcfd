//! What a model is fitted to: rows of finite numbers, and the words in which a model asks for them.

use std::collections::BTreeSet;

/// A quantity that a model may ask for, one value a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// One row a liquidation: seconds from the first row's receive time to this row's. Never
    /// descending. Receive times, because they are when the desk could have known; those of
    /// liquidations that came in one frame are equal.
    ElapsedSecs,
}

impl Feature {
    /// The column's name in a [`FeatureTable`].
    pub fn name(self) -> &'static str {
        match self {
            Self::ElapsedSecs => "elapsed_secs",
        }
    }
}

/// What a model wants to be fitted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureSpec {
    /// The columns, all required, in the order in which a table best carries them. None: the model fits
    /// any series of the user's, whatever its columns are called.
    pub columns: &'static [Feature],
}

impl FeatureSpec {
    /// The names of the columns, in order.
    pub fn names(&self) -> Vec<&'static str> {
        self.columns.iter().map(|feature| feature.name()).collect()
    }
}

/// Rows × columns of finite numbers, row-major, oldest row first.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureTable {
    names: Vec<String>,
    values: Vec<f64>,
}

/// Why a table could not be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TableError {
    /// There is nothing to hold values.
    #[error("a feature table has no columns; name at least one")]
    NoColumns,
    /// Two columns cannot be told apart.
    #[error("a feature table names column {name} twice; give each its own name")]
    DuplicateColumn {
        /// The name.
        name: String,
    },
    /// The last row is not full.
    #[error("{values} values do not fill rows of {columns} columns; give every row all its columns")]
    Ragged {
        /// How many values there are.
        values: usize,
        /// How many columns there are.
        columns: usize,
    },
    /// A value is NaN or infinite.
    #[error("row {row}, column {column} is {value}; leave out or fill rows that are not finite")]
    NotFinite {
        /// The row, the first being 0.
        row: usize,
        /// The column's name.
        column: String,
        /// The value.
        value: f64,
    },
}

impl FeatureTable {
    /// A table of `values`, row-major, oldest row first, under `names`. No values is a table of no rows.
    ///
    /// # Errors
    /// There are no columns or two of one name, the last row is not full, or a value is not finite.
    pub fn new(names: &[&str], values: Vec<f64>) -> Result<Self, TableError> {
        if names.is_empty() {
            return Err(TableError::NoColumns);
        }
        let mut seen = BTreeSet::new();
        if let Some(name) = names.iter().find(|name| !seen.insert(**name)) {
            return Err(TableError::DuplicateColumn { name: (*name).to_owned() });
        }
        if !values.len().is_multiple_of(names.len()) {
            return Err(TableError::Ragged { values: values.len(), columns: names.len() });
        }
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(TableError::NotFinite {
                row: at / names.len(),
                column: names[at % names.len()].to_owned(),
                value: values[at],
            });
        }
        Ok(Self { names: names.iter().map(|name| (*name).to_owned()).collect(), values })
    }

    /// The columns' names, in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.values.len() / self.names.len()
    }

    /// Row `row`, the oldest being 0, in the order of `names`.
    pub fn row(&self, row: usize) -> Option<&[f64]> {
        self.values.chunks_exact(self.names.len()).nth(row)
    }

    /// The column called `name`, oldest first.
    pub fn column(&self, name: &str) -> Option<impl ExactSizeIterator<Item = f64> + '_> {
        let column = self.names.iter().position(|known| known == name)?;
        Some(self.values.chunks_exact(self.names.len()).map(move |row| row[column]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_columns_come_back_as_they_went_in() {
        let table = FeatureTable::new(&["a", "b"], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        assert_eq!(table.rows(), 3);
        assert_eq!(table.names(), ["a", "b"]);
        assert_eq!(table.row(1), Some(&[3.0, 4.0][..]));
        assert_eq!(table.row(3), None);
        assert_eq!(table.column("b").unwrap().collect::<Vec<_>>(), [2.0, 4.0, 6.0]);
        assert!(table.column("c").is_none());
    }

    #[test]
    fn a_table_of_no_rows_is_a_table() {
        let table = FeatureTable::new(&["a"], Vec::new()).unwrap();
        assert_eq!((table.rows(), table.row(0)), (0, None));
    }

    #[test]
    fn what_is_not_a_table_of_finite_numbers_is_refused_with_its_place() {
        let refused = |names: &[&str], values: &[f64]| {
            FeatureTable::new(names, values.to_vec()).unwrap_err().to_string()
        };
        for (names, values, says) in [
            (&[][..], &[][..], "no columns"),
            (&["a", "a"], &[1.0, 2.0], "column a twice"),
            (&["a", "b"], &[1.0, 2.0, 3.0], "3 values do not fill rows of 2 columns"),
            (&["a", "b"], &[1.0, 2.0, 3.0, f64::NAN], "row 1, column b is NaN"),
            (&["a", "b"], &[f64::NEG_INFINITY, 2.0], "row 0, column a is -inf"),
        ] {
            let said = refused(names, values);
            assert!(said.contains(says), "{said}");
        }
    }
}
