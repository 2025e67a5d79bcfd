//! What a backfill has told, on disk: one small file a source, written after the events are durable.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use market::Timestamp;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::history::{Lane, Span};

/// The version of the file; another one is not read.
const VERSION: u32 = 1;

/// What was asked for: another order starts anew, but for its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Terms {
    /// Where it is asked: another server has another past.
    pub(crate) base: String,
    /// How long bars are, for bars.
    pub(crate) interval: Option<SmolStr>,
    /// What is asked for, in order.
    pub(crate) symbols: Vec<SmolStr>,
}

/// What is told and what is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    version: u32,
    terms: Terms,
    /// What the lanes cover between them.
    pub(crate) span: Span,
    /// When the source said to be asked again, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) not_before: Option<Timestamp>,
    /// One a symbol.
    pub(crate) lanes: Vec<Lane>,
}

impl Cursor {
    /// Nothing told yet.
    pub(crate) fn start(terms: Terms, span: Span) -> Self {
        let lane = |symbol: &SmolStr| Lane { symbol: symbol.clone(), missing: span, lost: None };
        let lanes = terms.symbols.iter().map(lane).collect();
        Self { version: VERSION, terms, span, not_before: None, lanes }
    }

    /// Goes on with `known` where it answers to the order for `span`, else starts anew.
    pub(crate) fn resume(known: Option<Self>, terms: Terms, span: Span) -> Self {
        match known {
            Some(mut known) if known.serves(&terms, span) => {
                known.extend(span.until);
                known
            }
            Some(Self { not_before, terms: old, .. }) if old.base == terms.base => {
                Self { not_before, ..Self::start(terms, span) }
            }
            Some(_) | None => Self::start(terms, span),
        }
    }

    fn serves(&self, terms: &Terms, span: Span) -> bool {
        let is_same = self.version == VERSION && self.terms == *terms;
        let follows_on = self.span.from <= span.from && span.from <= self.span.until;
        let is_this_very_one = self.span.from == span.from && self.span.until <= span.until;
        is_same && ((self.is_done() && follows_on) || is_this_very_one)
    }

    /// Wants everything up to `until` too; only lanes that are done go on from there.
    /// Whether there was more to want.
    pub(crate) fn extend(&mut self, until: Timestamp) -> bool {
        if !self.is_done() || until <= self.span.until {
            return false;
        }
        for lane in &mut self.lanes {
            lane.missing = Span { from: self.span.until, until };
        }
        self.span.until = until;
        true
    }

    /// Whether nothing is left to ask.
    pub(crate) fn is_done(&self) -> bool {
        self.lanes.iter().all(|lane| lane.missing.is_empty())
    }

    /// The share of the span that is told or given up.
    pub(crate) fn share(&self) -> f64 {
        let whole = self.span.secs() * self.lanes.len() as f64;
        let missing: f64 = self.lanes.iter().map(|lane| lane.missing.secs()).sum();
        if whole > 0.0 { (1.0 - missing / whole).clamp(0.0, 1.0) } else { 1.0 }
    }
}

/// Where a source's cursor is.
pub(super) fn path(dir: &Path, source: &str) -> PathBuf {
    dir.join(format!("{source}.json"))
}

/// The cursor in `path`, if there is one that can be read.
///
/// # Errors
/// There is one that cannot.
pub(super) fn read(path: &Path) -> io::Result<Option<Cursor>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes it, all or nothing.
pub(super) fn write(path: &Path, cursor: &Cursor) -> io::Result<()> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    let draft = path.with_extension("json.new");
    let mut file = std::fs::File::create(&draft)?;
    file.write_all(&serde_json::to_vec_pretty(cursor)?)?;
    file.sync_all()?;
    std::fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: u32) -> Timestamp {
        format!("2026-01-{day:02}").parse().unwrap()
    }

    fn span(from: u32, until: u32) -> Span {
        Span { from: at(from), until: at(until) }
    }

    fn terms(symbols: &[&str]) -> Terms {
        let symbols = symbols.iter().map(SmolStr::new).collect();
        Terms { base: "https://venue".to_owned(), interval: None, symbols }
    }

    /// A cursor of one symbol that told up to day `told` of days 1 to 10.
    fn told(told: u32) -> Cursor {
        let mut cursor = Cursor::start(terms(&["A"]), span(1, 10));
        cursor.lanes[0].missing.from = at(told);
        cursor
    }

    #[test]
    fn another_run_goes_on_and_another_order_starts_anew() {
        let missing = |known: Cursor, terms: Terms, span: Span| {
            Cursor::resume(Some(known), terms, span).lanes[0].missing
        };
        let same = || terms(&["A"]);
        for (name, found, expected) in [
            ("the same order goes on", missing(told(4), same(), span(1, 10)), span(4, 10)),
            ("a finished one has nothing to ask", missing(told(10), same(), span(1, 10)), span(10, 10)),
            ("a finished one asks for the days since", missing(told(10), same(), span(1, 12)), span(10, 12)),
            ("and for nothing of a part of it", missing(told(10), same(), span(3, 8)), span(10, 10)),
            ("an unfinished one finishes first", missing(told(4), same(), span(1, 12)), span(4, 10)),
            (
                "an earlier beginning starts anew",
                missing(told(10), same(), Span { from: Timestamp::EPOCH, until: at(10) }),
                Span { from: Timestamp::EPOCH, until: at(10) },
            ),
            ("days after a hole start anew", missing(told(10), same(), span(12, 14)), span(12, 14)),
            (
                "an unfinished longer one is not finished for a shorter",
                missing(told(4), same(), span(1, 8)),
                span(1, 8),
            ),
            ("other symbols start anew", missing(told(4), terms(&["B"]), span(1, 10)), span(1, 10)),
        ] {
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn a_hold_outlives_another_order_at_the_same_server() {
        let held = || Cursor { not_before: Some(at(3)), ..told(4) };
        let other = Cursor::resume(Some(held()), terms(&["B"]), span(1, 10));
        assert_eq!(other.not_before, Some(at(3)));
        let elsewhere = Terms { base: "http://127.0.0.1".to_owned(), ..terms(&["B"]) };
        assert_eq!(Cursor::resume(Some(held()), elsewhere, span(1, 10)).not_before, None);
    }

    #[test]
    fn it_reads_as_it_was_written_and_a_broken_file_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let file = path(&dir.path().join("backfill"), "x");
        assert!(read(&file).unwrap().is_none());
        let mut cursor = told(4);
        cursor.lanes[0].lose(span(4, 10), "gone".to_owned());
        write(&file, &cursor).unwrap();
        assert_eq!(read(&file).unwrap(), Some(cursor));
        std::fs::write(&file, "{").unwrap();
        assert!(read(&file).is_err());
    }

    #[test]
    fn the_share_counts_what_is_given_up() {
        let mut cursor = Cursor::start(terms(&["A", "B"]), span(1, 11));
        assert!((cursor.share() - 0.0).abs() < 1e-9);
        cursor.lanes[0].missing.from = at(6);
        assert!((cursor.share() - 0.25).abs() < 1e-9);
        cursor.lanes[1].lose(span(1, 11), "gone".to_owned());
        assert!((cursor.share() - 0.75).abs() < 1e-9 && !cursor.is_done());
    }
}
