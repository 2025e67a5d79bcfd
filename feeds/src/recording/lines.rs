//! Reads lines of bounded length from a plain or zstd-compressed file into one reused buffer.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::RecordingError;

/// The longest line accepted, in bytes: the longest WebSocket message that the runner accepts.
const LONGEST_LINE: u64 = 64 << 20;
/// How every zstd frame begins.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The lines of one file, and where in it we are.
pub(super) struct Lines {
    path: PathBuf,
    source: Box<dyn BufRead + Send>,
    buffer: Vec<u8>,
    number: u64,
    longest: u64,
}

/// How a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// With a line break.
    Whole,
    /// With the file: it may be complete, or cut off.
    EndOfFile,
}

impl Lines {
    /// Opens `path`. Compression is recognised by its first bytes, whatever the name.
    pub(super) fn open(path: &Path) -> Result<Self, RecordingError> {
        let refused = |source| RecordingError::Open { path: path.to_owned(), source };
        let mut file = BufReader::with_capacity(1 << 17, File::open(path).map_err(refused)?);
        let source: Box<dyn BufRead + Send> = if file.fill_buf().map_err(refused)?.starts_with(&ZSTD_MAGIC) {
            let plain = zstd::stream::read::Decoder::with_buffer(file).map_err(refused)?;
            Box::new(BufReader::with_capacity(1 << 17, plain))
        } else {
            Box::new(file)
        };
        Ok(Self { path: path.to_owned(), source, buffer: Vec::new(), number: 0, longest: LONGEST_LINE })
    }

    #[cfg(test)]
    pub(super) fn limit(&mut self, longest: u64) {
        self.longest = longest;
    }

    /// Reads the next line into the buffer; `None` at the end of the file.
    pub(super) fn advance(&mut self) -> Result<Option<Ending>, RecordingError> {
        self.buffer.clear();
        self.number += 1;
        let read = (&mut self.source).take(self.longest + 1).read_until(b'\n', &mut self.buffer);
        match read {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            // A zstd stream that ends inside a frame: the writer was stopped, or the copy was.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(self.cut_off()),
            Err(source) => {
                return Err(RecordingError::Read { path: self.path.clone(), line: self.number, source });
            }
        }
        if self.buffer.last() == Some(&b'\n') {
            self.buffer.pop();
            return Ok(Some(Ending::Whole));
        }
        if self.buffer.len() as u64 > self.longest {
            return Err(RecordingError::LineTooLong {
                path: self.path.clone(),
                line: self.number,
                limit: self.longest,
            });
        }
        Ok(Some(Ending::EndOfFile))
    }

    /// The line that `advance` read last, without its line break.
    pub(super) fn line(&self) -> &[u8] {
        &self.buffer
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The number of the line that `advance` read last, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The file ends inside the current line.
    pub(super) fn cut_off(&self) -> RecordingError {
        RecordingError::CutOff { path: self.path.clone(), line: self.number }
    }
}
