//! `vigie ledger export`: every forecast, for others to read or to verify.

use std::fs::Permissions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::failure::Failure;
use crate::ledger::{ExportError, Form, Reader};

/// See the module.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// File to write, or - for standard output
    #[arg(long, value_name = "FILE|-", default_value = "-")]
    out: PathBuf,
    /// Format
    #[arg(long, value_enum, default_value_t = FileFormat::Csv)]
    format: FileFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FileFormat {
    /// One row a forecast, without its inputs
    Csv,
    /// The ledger's own lines
    Jsonl,
}

impl Export {
    pub(super) fn run(self, reader: &Reader) -> Result<(), Failure> {
        let form = match self.format {
            FileFormat::Csv => Form::Csv,
            FileFormat::Jsonl => Form::Jsonl,
        };
        if self.out == Path::new("-") {
            let mut stdout = BufWriter::new(io::stdout().lock());
            reader.export(form, &mut stdout).map_err(|error| failure(error, Failure::Stdout))?;
            return stdout.flush().map_err(Failure::Stdout);
        }
        // Beside the file and renamed, so that a failed export leaves nothing half-written.
        let failed = |source| Failure::Write { path: self.out.clone(), source };
        let directory = self.out.parent().filter(|parent| !parent.as_os_str().is_empty());
        let file = tempfile::NamedTempFile::new_in(directory.unwrap_or(Path::new("."))).map_err(failed)?;
        let mut buffered = BufWriter::new(file);
        let rows = reader.export(form, &mut buffered).map_err(|error| failure(error, failed))?;
        let file = buffered.into_inner().map_err(|error| failed(error.into_error()))?;
        file.as_file().set_permissions(Permissions::from_mode(0o644)).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(&self.out).map_err(|error| failed(error.error))?;
        tracing::info!(rows, out = %self.out.display(), "exported");
        Ok(())
    }
}

fn failure(error: ExportError, write: impl FnOnce(io::Error) -> Failure) -> Failure {
    match error {
        ExportError::Ledger(error) => error.into(),
        ExportError::Write(source) => write(source),
    }
}
