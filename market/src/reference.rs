//! How reference tables in TOML are read: entry by entry, so that an error names file, entry and key.

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error};

use crate::time::{Date, Timestamp};

/// Reference data that cannot be used, and where in which file it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {place}{problem}")]
pub struct ReferenceError {
    /// The file, as the reader knows it.
    pub origin: String,
    /// The entry, followed by `: `; empty where the problem is the file's own.
    pub place: String,
    /// What is wrong, naming key and value.
    pub problem: String,
}

/// Reads one file.
pub(crate) struct Reader<'a> {
    /// What errors call the file.
    pub(crate) origin: &'a str,
}

impl Reader<'_> {
    /// A complaint about entry `place`; the whole file where it is empty.
    pub(crate) fn refuse(&self, place: &str, problem: impl Into<String>) -> ReferenceError {
        let place = if place.is_empty() { String::new() } else { format!("{place}: ") };
        ReferenceError { origin: self.origin.to_owned(), place, problem: problem.into() }
    }

    /// The file as a table.
    pub(crate) fn table(&self, text: &str) -> Result<toml::Table, ReferenceError> {
        text.parse().map_err(|error: toml::de::Error| self.refuse("", error.to_string().trim_end()))
    }

    /// Takes the entries `[[name]]` out of `table`, each with the words by which errors call it: its
    /// `id` where it has one, else its number.
    pub(crate) fn take<T: DeserializeOwned>(
        &self,
        table: &mut toml::Table,
        name: &str,
    ) -> Result<Vec<(String, T)>, ReferenceError> {
        let entries = match table.remove(name) {
            None => Vec::new(),
            Some(toml::Value::Array(entries)) => entries,
            Some(_) => return Err(self.refuse("", format!("{name} is not a list; write [[{name}]]"))),
        };
        let mut taken = Vec::with_capacity(entries.len());
        for (index, entry) in entries.into_iter().enumerate() {
            let place = match entry.get("id").and_then(toml::Value::as_str) {
                Some(id) => format!("{name} {id}"),
                None => format!("{name} number {}", index + 1),
            };
            let entry = self.entry(&place, entry)?;
            taken.push((place, entry));
        }
        Ok(taken)
    }

    /// One entry.
    pub(crate) fn entry<T: DeserializeOwned>(
        &self,
        place: &str,
        entry: toml::Value,
    ) -> Result<T, ReferenceError> {
        entry.try_into().map_err(|error| {
            let problem = error.to_string();
            self.refuse(place, problem.trim_end().replace("\nin `", ", in `"))
        })
    }

    /// Refuses whatever no one took.
    pub(crate) fn finish(&self, table: &toml::Table, known: &str) -> Result<(), ReferenceError> {
        match table.keys().next() {
            Some(key) => Err(self.refuse("", format!("unknown table {key}; use {known}"))),
            None => Ok(()),
        }
    }
}

/// A moment's or day's text, written with quotes or without.
fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    match toml::Value::deserialize(from)? {
        toml::Value::String(text) => Ok(text),
        toml::Value::Datetime(written) => Ok(written.to_string()),
        other => Err(D::Error::custom(format!("{other} is not a time; write 2026-01-31"))),
    }
}

/// A day, for `deserialize_with`.
pub(crate) fn date<'de, D: Deserializer<'de>>(from: D) -> Result<Date, D::Error> {
    text(from)?.parse().map_err(D::Error::custom)
}

/// A day that may be left out, for `deserialize_with` beside `default`.
pub(crate) fn some_date<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Date>, D::Error> {
    date(from).map(Some)
}

/// Days, for `deserialize_with`.
pub(crate) fn dates<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Date>, D::Error> {
    #[derive(Deserialize)]
    struct Day(#[serde(deserialize_with = "date")] Date);
    Ok(Vec::<Day>::deserialize(from)?.into_iter().map(|day| day.0).collect())
}

/// A day, or a moment where an hour is given, for `deserialize_with`.
pub(crate) fn day_or_moment<'de, D: Deserializer<'de>>(from: D) -> Result<Result<Date, Timestamp>, D::Error> {
    let text = text(from)?;
    match text.parse::<Date>() {
        // jiff also reads the day out of a full time.
        Ok(day) if text.len() <= 10 => Ok(Ok(day)),
        _ => text.parse().map(Err).map_err(D::Error::custom),
    }
}
