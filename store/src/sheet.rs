//! A user's Parquet file as a sheet of text.

use std::fs::File;
use std::path::Path;

use market::{Date, Timestamp};
use polars::prelude::*;

use crate::error::StoreError;

/// A table of text: the names of its columns, and its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    /// Names of columns.
    pub header: Vec<String>,
    /// Rows, a text for each column: times and days in ISO form (UTC), nothing where there is no value.
    pub rows: Vec<Vec<String>>,
}

/// Reads a Parquet file of plain columns: text, numbers, booleans, days and times.
///
/// # Errors
/// [`StoreError::Io`] where it cannot be opened; [`StoreError::Sheet`] where it is no Parquet file, or
/// has a column of another type.
pub fn read_sheet(path: &Path) -> Result<Sheet, StoreError> {
    let refused = |problem: String| StoreError::Sheet { path: path.to_owned(), problem };
    let file = File::open(path).map_err(|error| StoreError::io("open", path, error))?;
    let mut reader = ParquetReader::new(file);
    let schema = reader.schema().map_err(|error| refused(error.to_string()))?;
    for field in schema.iter_values() {
        if !is_plain(&field.dtype) {
            return Err(refused(format!(
                "column {} is of type {:?}; make it text, a number, a boolean, a day or a time",
                field.name, field.dtype
            )));
        }
    }
    let frame = reader.finish().map_err(|error| refused(error.to_string()))?;
    let header = frame.get_column_names().iter().map(ToString::to_string).collect();
    let columns: Vec<Series> =
        frame.columns().iter().map(|column| column.as_materialized_series().rechunk()).collect();
    let mut rows = Vec::with_capacity(frame.height());
    for at in 0..frame.height() {
        let mut row = Vec::with_capacity(columns.len());
        for column in &columns {
            let value = column.get(at).map_err(|error| refused(error.to_string()))?;
            let text = text_of(&value).ok_or_else(|| {
                refused(format!(
                    "column {} of row {at} holds no day or time from 1970 to 9999",
                    column.name()
                ))
            })?;
            row.push(text);
        }
        rows.push(row);
    }
    Ok(Sheet { header, rows })
}

fn is_plain(kind: &ArrowDataType) -> bool {
    matches!(
        kind,
        ArrowDataType::Null
            | ArrowDataType::Boolean
            | ArrowDataType::Int8
            | ArrowDataType::Int16
            | ArrowDataType::Int32
            | ArrowDataType::Int64
            | ArrowDataType::UInt8
            | ArrowDataType::UInt16
            | ArrowDataType::UInt32
            | ArrowDataType::UInt64
            | ArrowDataType::Float32
            | ArrowDataType::Float64
            | ArrowDataType::Timestamp(..)
            | ArrowDataType::Date32
            | ArrowDataType::Utf8
            | ArrowDataType::LargeUtf8
            | ArrowDataType::Utf8View
    )
}

/// A cell as text; `None` where it is out of range or of a type that sheets do not have.
fn text_of(value: &AnyValue<'_>) -> Option<String> {
    let micros = |micros| Timestamp::from_micros(micros).map(|time| time.to_string());
    match value {
        AnyValue::Null => Some(String::new()),
        AnyValue::String(text) => Some((*text).to_owned()),
        AnyValue::StringOwned(text) => Some(text.to_string()),
        AnyValue::Float64(number) => Some(number.to_string()),
        AnyValue::Float32(number) => Some(number.to_string()),
        AnyValue::Date(days) => Date::from_days(*days).map(|date| date.to_string()),
        AnyValue::Datetime(ticks, TimeUnit::Nanoseconds, _)
        | AnyValue::DatetimeOwned(ticks, TimeUnit::Nanoseconds, _) => micros(ticks.div_euclid(1_000)),
        AnyValue::Datetime(ticks, TimeUnit::Microseconds, _)
        | AnyValue::DatetimeOwned(ticks, TimeUnit::Microseconds, _) => micros(*ticks),
        AnyValue::Datetime(ticks, TimeUnit::Milliseconds, _)
        | AnyValue::DatetimeOwned(ticks, TimeUnit::Milliseconds, _) => micros(ticks.checked_mul(1_000)?),
        AnyValue::Boolean(_)
        | AnyValue::Int8(_)
        | AnyValue::Int16(_)
        | AnyValue::Int32(_)
        | AnyValue::Int64(_)
        | AnyValue::UInt8(_)
        | AnyValue::UInt16(_)
        | AnyValue::UInt32(_)
        | AnyValue::UInt64(_) => Some(value.to_string()),
        _ => None,
    }
}
