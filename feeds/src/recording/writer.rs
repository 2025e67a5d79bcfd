//! Writes a recording that survives a power cut once finished, and a stop up to the last flush.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use market::{Payload, RawFrame, Timestamp};
use serde::Serialize;

use super::{RecordingError, VERSION};

/// Writes frames to a recording, in the order given.
pub struct RecordingWriter {
    path: PathBuf,
    sink: Sink,
}

enum Sink {
    Plain(BufWriter<File>),
    /// Buffered on the way in: the compressor is slow on the many small pieces of a line.
    Zstd(BufWriter<zstd::stream::write::Encoder<'static, File>>),
}

#[derive(Serialize)]
struct Header {
    recording: &'static str,
    version: u64,
    created_us: i64,
}

#[derive(Serialize)]
struct FrameLine<'a> {
    at_us: i64,
    feed: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bin: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<&'a str>,
}

impl RecordingWriter {
    /// Creates the recording `path`, compressed when its name ends in `.zst`; `created` goes into its
    /// first line.
    ///
    /// # Errors
    /// There is such a file already, or it cannot be written.
    pub fn create(path: &Path, created: Timestamp) -> Result<Self, RecordingError> {
        let file = File::create_new(path).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => RecordingError::Exists { path: path.to_owned() },
            _ => RecordingError::Write { path: path.to_owned(), source },
        })?;
        let is_compressed = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zst"));
        let sink = if is_compressed {
            let encoder = zstd::stream::write::Encoder::new(file, zstd::DEFAULT_COMPRESSION_LEVEL)
                .map_err(|source| RecordingError::Write { path: path.to_owned(), source })?;
            Sink::Zstd(BufWriter::with_capacity(1 << 17, encoder))
        } else {
            Sink::Plain(BufWriter::with_capacity(1 << 17, file))
        };
        let mut writer = Self { path: path.to_owned(), sink };
        writer.write_line(&Header {
            recording: "vigie",
            version: VERSION,
            created_us: created.as_micros(),
        })?;
        Ok(writer)
    }

    /// Appends one frame. A text that is not UTF-8, which no venue can send, is kept as a binary one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&mut self, frame: &RawFrame) -> Result<(), RecordingError> {
        let text = match &frame.payload {
            Payload::Text(bytes) | Payload::Answer { body: bytes, .. } => std::str::from_utf8(bytes).ok(),
            Payload::Binary(_) => None,
        };
        let bin = text.is_none().then(|| STANDARD.encode(frame.payload.as_bytes()));
        self.write_line(&FrameLine {
            at_us: frame.receive_time.as_micros(),
            feed: frame.feed.as_str(),
            text,
            bin,
            request: frame.payload.request(),
        })
    }

    /// Hands everything written so far to the system, so that a reader sees it and a stop of this
    /// program loses none of it. Costs a little compression; once a second is plenty.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn flush(&mut self) -> Result<(), RecordingError> {
        let flushed = match &mut self.sink {
            Sink::Plain(file) => file.flush(),
            Sink::Zstd(encoder) => encoder.flush(),
        };
        flushed.map_err(|source| self.refused(source))
    }

    /// Ends the recording and waits until it is on disk.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(self) -> Result<(), RecordingError> {
        let Self { path, sink } = self;
        let file = match sink {
            Sink::Plain(file) => file.into_inner().map_err(io::IntoInnerError::into_error),
            Sink::Zstd(encoder) => encoder
                .into_inner()
                .map_err(io::IntoInnerError::into_error)
                .and_then(zstd::stream::write::Encoder::finish),
        };
        file.and_then(|file| file.sync_all()).map_err(|source| RecordingError::Write { path, source })
    }

    fn write_line(&mut self, line: &impl Serialize) -> Result<(), RecordingError> {
        let written = match &mut self.sink {
            Sink::Plain(file) => write_json(file, line),
            Sink::Zstd(encoder) => write_json(encoder, line),
        };
        written.map_err(|source| self.refused(source))
    }

    fn refused(&self, source: io::Error) -> RecordingError {
        RecordingError::Write { path: self.path.clone(), source }
    }
}

fn write_json(sink: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *sink, line)?;
    sink.write_all(b"\n")
}
