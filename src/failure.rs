//! Why a command ended badly, and the exit code that says so: the one place that maps them.

use std::any::Any;
use std::error::Error;
use std::io;
use std::path::PathBuf;

use crate::config::ConfigError;
use crate::forecasting::ForecastFailure;
use crate::ledger::anchor::AnchorError;
use crate::ledger::{LedgerError, ReplayError};

/// Everything that ends a command. Its text is one sentence with the remedy.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line asks for something impossible.
    #[error("{0}")]
    Usage(String),
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store cannot be opened, read or written.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// A recording cannot be read or written.
    #[error(transparent)]
    Recording(#[from] feeds::recording::RecordingError),
    /// A scenario cannot be played.
    #[error(transparent)]
    Scenario(#[from] simulator::ScenarioError),
    /// The simulator cannot start.
    #[error(transparent)]
    Simulator(#[from] simulator::SimulatorError),
    /// No feed could be reached in a command that was to fetch something.
    #[error(
        "no feed went live in the time given: {0}; check the network, `url` in the config, or wait longer"
    )]
    Unreachable(String),
    /// A source's past cannot be asked for.
    #[error("{0}")]
    Backfill(#[source] Box<feeds::backfill::BackfillError>),
    /// A forecast cannot be made or written down.
    #[error("{0}")]
    Forecast(#[source] Box<ForecastFailure>),
    /// The ledger cannot be opened, read, written or believed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A forecast cannot be made again.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A head cannot be anchored.
    #[error(transparent)]
    Anchor(#[from] AnchorError),
    /// A file to be taken in cannot be read.
    #[error("read {path}: {source}; name a readable file")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Nothing of a file can be taken in.
    #[error("{path}: {source}")]
    Import {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<feeds::import::ImportError>,
    },
    /// A file that is not the store cannot be written.
    #[error("write {path}: {source}; choose another place")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Standard output was closed or cannot be written.
    #[error("write to standard output: {0}")]
    Stdout(#[source] io::Error),
    /// The terminal cannot be set up or drawn on.
    #[error("use the terminal: {0}; `vigie daemon` needs none")]
    Terminal(#[source] io::Error),
    /// Something that should be impossible.
    #[error("bug: {0}; please report it")]
    Bug(String),
}

impl From<ForecastFailure> for Failure {
    fn from(failure: ForecastFailure) -> Self {
        match failure {
            ForecastFailure::Store(error) => Self::Store(error),
            ForecastFailure::Ledger(error) => Self::Ledger(error),
            other => Self::Forecast(Box::new(other)),
        }
    }
}

impl Failure {
    /// The exit code of a bug.
    pub const BUG: u8 = 70;

    /// The failure with what caused it, in one sentence.
    pub fn to_sentence(&self) -> String {
        let mut sentence = self.to_string();
        for cause in causes(self) {
            let cause = cause.to_string();
            if !sentence.contains(&cause) {
                sentence = format!("{sentence}: {cause}");
            }
        }
        sentence
    }

    /// Whether it is only that nobody reads standard output any more.
    pub fn is_closed_pipe(&self) -> bool {
        let is_pipe = |cause: &(dyn Error + 'static)| {
            cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
        };
        causes(self).any(is_pipe)
    }

    /// 2 usage or configuration, 3 store, 4 unreachable feed, 70 bug.
    pub fn code(&self) -> u8 {
        match self {
            Self::Usage(_)
            | Self::Config(_)
            | Self::Recording(_)
            | Self::Scenario(_)
            | Self::Simulator(_)
            | Self::Backfill(_)
            | Self::Forecast(_)
            | Self::Read { .. }
            | Self::Import { .. }
            | Self::Write { .. }
            | Self::Stdout(_)
            | Self::Terminal(_)
            | Self::Anchor(AnchorError::Answer { .. } | AnchorError::FeeRate { .. })
            | Self::Ledger(LedgerError::NoSuchRecord { .. } | LedgerError::NoHead { .. }) => 2,
            Self::Store(_) | Self::Ledger(_) | Self::Replay(_) => 3,
            Self::Unreachable(_) | Self::Anchor(AnchorError::Node { .. }) => 4,
            Self::Bug(_) => Self::BUG,
        }
    }
}

/// What caused `failure`, nearest first.
fn causes(failure: &Failure) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let mut next = failure.source();
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(cause)
    })
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".to_owned())
}
