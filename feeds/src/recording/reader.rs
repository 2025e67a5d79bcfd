//! Reads a recording line by line, whoever wrote it.

use std::borrow::Cow;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use market::{FeedId, Payload, RawFrame, Timestamp};
use serde::Deserialize;
use smol_str::SmolStr;

use super::cryptofeed::Capture;
use super::lines::{Ending, Lines};
use super::{Entry, Format, RecordingError, VERSION};

/// Reads a recording: one [`Entry`] per line, the header first.
///
/// After a [`RecordingError::BadLine`], [`RecordingError::BadBase64`] or [`RecordingError::BadTime`]
/// the iterator can go on with the next line; after any other error it is at its end.
pub struct RecordingReader {
    lines: Lines,
    dialect: Dialect,
    progress: Progress,
}

enum Dialect {
    /// Our own, with the feed of the last line: neighbours mostly share it.
    Vigie { feed: FeedId },
    /// cryptofeed's.
    Cryptofeed(Capture),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    AtHeader,
    InFrames,
    Over,
}

/// What may stand in a first line, of either format.
#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow, default)]
    recording: Cow<'a, str>,
    version: Option<serde_json::Value>,
    #[serde(borrow, default)]
    t: Cow<'a, str>,
    format: Option<serde_json::Value>,
    #[serde(borrow, default)]
    exchange: Cow<'a, str>,
}

#[derive(Deserialize)]
struct FrameLine<'a> {
    at_us: i64,
    #[serde(borrow)]
    feed: Cow<'a, str>,
    text: Option<String>,
    bin: Option<String>,
    #[serde(borrow)]
    request: Option<Cow<'a, str>>,
}

/// What is wrong with one line; the reader adds where.
pub(super) enum Fault {
    /// It is not a frame, for this reason.
    Shape(String),
    /// Its binary payload is not base64.
    Base64(base64::DecodeError),
    /// Its time, as written, is impossible.
    Time(String),
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::Shape(error.to_string())
    }
}

impl RecordingReader {
    /// Opens the recording at `path` and reads its first line.
    ///
    /// # Errors
    /// The file cannot be opened, is no recording, or is of a version that we do not read.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let mut lines = Lines::open(path)?;
        let not_ours = || RecordingError::NotARecording { path: path.to_owned() };
        lines.advance()?.ok_or_else(not_ours)?;
        let header: Header<'_> = serde_json::from_slice(lines.line()).map_err(|_| not_ours())?;
        let (format, version, readable) = if header.recording == "vigie" {
            (Format::Vigie, header.version, VERSION)
        } else if header.t == "header" {
            (Format::Cryptofeed, header.format, Capture::FORMAT)
        } else {
            return Err(not_ours());
        };
        if version.as_ref().and_then(serde_json::Value::as_u64) != Some(readable) {
            return Err(RecordingError::UnsupportedVersion {
                path: path.to_owned(),
                format,
                version: version.map_or_else(|| "none".to_owned(), |version| version.to_string()),
                readable,
            });
        }
        let dialect = match format {
            Format::Vigie => Dialect::Vigie { feed: FeedId::new("") },
            Format::Cryptofeed => Dialect::Cryptofeed(Capture::of(&header.exchange)),
        };
        Ok(Self { lines, dialect, progress: Progress::AtHeader })
    }

    /// Who wrote the recording.
    pub fn format(&self) -> Format {
        match self.dialect {
            Dialect::Vigie { .. } => Format::Vigie,
            Dialect::Cryptofeed(_) => Format::Cryptofeed,
        }
    }

    #[cfg(test)]
    pub(super) fn limit_lines(&mut self, longest: u64) {
        self.lines.limit(longest);
    }

    fn read_entry(&mut self) -> Result<Option<Entry>, RecordingError> {
        let Some(ending) = self.lines.advance()? else {
            return Ok(None);
        };
        let line = self.lines.line();
        if line.trim_ascii().is_empty() {
            return Ok(Some(Entry::Skipped("blank")));
        }
        let understood = match &mut self.dialect {
            Dialect::Vigie { feed } => understand(line, feed),
            Dialect::Cryptofeed(capture) => capture.understand(line),
        };
        understood.map(Some).map_err(|fault| match (fault, ending) {
            (Fault::Shape(_), Ending::EndOfFile) => self.lines.cut_off(),
            (fault, _) => self.locate(fault),
        })
    }

    fn locate(&self, fault: Fault) -> RecordingError {
        let (path, line) = (self.lines.path().to_owned(), self.lines.number());
        match fault {
            Fault::Shape(reason) => RecordingError::BadLine { path, line, reason },
            Fault::Base64(source) => RecordingError::BadBase64 { path, line, source },
            Fault::Time(written) => RecordingError::BadTime { path, line, written },
        }
    }
}

impl Iterator for RecordingReader {
    type Item = Result<Entry, RecordingError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.progress {
            Progress::AtHeader => {
                self.progress = Progress::InFrames;
                return Some(Ok(Entry::Skipped("header")));
            }
            Progress::InFrames => {}
            Progress::Over => return None,
        }
        let entry = self.read_entry().transpose();
        match &entry {
            Some(
                Ok(_)
                | Err(
                    RecordingError::BadLine { .. }
                    | RecordingError::BadBase64 { .. }
                    | RecordingError::BadTime { .. },
                ),
            ) => {}
            Some(Err(_)) | None => self.progress = Progress::Over,
        }
        entry
    }
}

fn understand(line: &[u8], last_feed: &mut FeedId) -> Result<Entry, Fault> {
    let line: FrameLine<'_> = serde_json::from_slice(line)?;
    let payload = match (line.text, line.bin) {
        (Some(text), None) => match line.request {
            Some(request) => Payload::Answer { request: SmolStr::new(request), body: Bytes::from(text) },
            None => Payload::Text(Bytes::from(text)),
        },
        (None, Some(bin)) => Payload::Binary(unpack(&bin)?),
        (Some(_), Some(_)) => return Err(Fault::Shape("it has both text and bin".to_owned())),
        (None, None) => return Err(Fault::Shape("it has neither text nor bin".to_owned())),
    };
    let receive_time =
        Timestamp::from_micros(line.at_us).ok_or_else(|| Fault::Time(line.at_us.to_string()))?;
    if line.feed.is_empty() {
        return Err(Fault::Shape("its feed has no name".to_owned()));
    }
    if last_feed.as_str() != line.feed {
        *last_feed = FeedId::new(&line.feed);
    }
    Ok(Entry::Frame(RawFrame { feed: last_feed.clone(), receive_time, payload }))
}

/// Decodes standard base64 with padding.
pub(super) fn unpack(bin: &str) -> Result<Bytes, Fault> {
    STANDARD.decode(bin).map(Bytes::from).map_err(Fault::Base64)
}
