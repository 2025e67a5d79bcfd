//! Journal, tables and Parquet: the only crate that knows polars.
//!
//! One writer ([`Store`]) per directory appends [`Record`]s to a journal and, a segment at a time,
//! seals them into Parquet tables. Any number of [`Reader`]s, in any process, see sealed and
//! unsealed records as one. Events that are told again are read as
//! they stood at a moment ([`Query::as_of`]). Formats and their reasons are in
//! `docs/adr/0002-journal-and-lake.md` and `docs/adr/0003-what-was-known-when.md`.

mod asof;
mod columns;
mod desk;
mod disk;
mod error;
mod events;
mod export;
mod fingerprint;
mod journal;
mod lake;
mod lock;
mod manifest;
mod news;
mod query;
mod reader;
mod rebuild;
mod record;
mod recovery;
mod sealer;
mod segment;
mod sheet;
mod snapshot;
mod store;
mod summary;
mod table;
mod trace;
mod windows;
mod words;

#[cfg(test)]
mod tests;

pub use error::{Holder, StoreError};
pub use export::{Format, ParseFormatError};
pub use fingerprint::{Fingerprint, fingerprint};
pub use query::Query;
pub use reader::Reader;
pub use rebuild::{Decode, Rebuilt, rebuild};
pub use record::Record;
pub use recovery::Recovery;
pub use sheet::{Sheet, read_sheet};
pub use store::{Store, StoreOptions};
pub use summary::{BatchSummary, Summary, TableSummary};
pub use table::{ParseTableError, Table};
pub use trace::FeedTrace;
