//! What a feed that asks remembers, in memory and on disk: answers it has told, and when it last asked.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use market::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::warn;
use xxhash_rust::xxh3::xxh3_128;

use crate::config::FeedConfig;
use crate::protocol::Ask;

use super::fetch::Validators;

/// The version of the file; another one is not read.
const VERSION: u32 = 1;
/// A refusal is not remembered for longer, so that a clock that was wrong once does no lasting harm.
const LONGEST_HOLD: Duration = Duration::from_hours(72);

/// A body's fingerprint: XXH3, 128 bits, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Digest(String);

impl Digest {
    pub(super) fn of(body: &[u8]) -> Self {
        Self(format!("{:032x}", xxh3_128(body)))
    }
}

/// What tells one ask from another.
pub(super) fn key_of(ask: &Ask) -> String {
    match &ask.body {
        None => ask.request.clone(),
        Some(body) => format!("{} {}", ask.request, Digest::of(body.as_bytes()).0),
    }
}

/// One answer that was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    digest: Digest,
    #[serde(flatten)]
    validators: Validators,
}

/// What is on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Notes {
    version: u32,
    /// What the user set of that which changes the asks: other settings, other notes.
    settings: String,
    #[serde(default)]
    last_round: Option<Timestamp>,
    #[serde(default)]
    held_until: Option<Timestamp>,
    #[serde(default)]
    answers: BTreeMap<String, Known>,
}

/// What one feed remembers.
pub(super) struct Memory {
    file: Option<PathBuf>,
    notes: Notes,
    /// Asked in this round.
    asked: BTreeSet<String>,
    /// Answers of no use, not told twice in a row, with the reason; not on disk.
    bad: BTreeMap<String, (Digest, String)>,
}

impl Memory {
    /// Nothing yet, of a feed with these settings.
    pub(super) fn of(config: &FeedConfig) -> Self {
        let FeedConfig { rest_url, instruments, context, .. } = config;
        let settings = format!("{rest_url:?} {instruments:?} {context:?}");
        let notes = Notes {
            version: VERSION,
            settings,
            last_round: None,
            held_until: None,
            answers: BTreeMap::new(),
        };
        Self { file: None, notes, asked: BTreeSet::new(), bad: BTreeMap::new() }
    }

    /// Remembers what is in `file`, and writes there from now on.
    pub(super) async fn load(&mut self, file: Option<PathBuf>) {
        let Some(file) = file else { return };
        let path = file.clone();
        match tokio::task::spawn_blocking(move || read(&path)).await {
            Ok(Ok(Some(notes))) if notes.version == VERSION && notes.settings == self.notes.settings => {
                self.notes = notes;
            }
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                warn!(file = %file.display(), %error, "what was asked before is not known; starting anew");
            }
            Err(error) => warn!(file = %file.display(), %error, "what was asked before is not known"),
        }
        self.file = Some(file);
    }

    /// Writes everything to disk. The program goes on where that fails; it will only ask more.
    pub(super) async fn save(&self) {
        let Some(file) = self.file.clone() else { return };
        let notes = self.notes.clone();
        let path = file.clone();
        let outcome = tokio::task::spawn_blocking(move || write(&path, &notes)).await;
        if let Ok(Err(error)) = outcome {
            warn!(file = %file.display(), %error, "what was asked could not be noted");
        }
    }

    /// When the last good round began, unless that lies in the future.
    pub(super) fn last_round(&self, now: Timestamp) -> Option<Timestamp> {
        self.notes.last_round.filter(|at| *at <= now)
    }

    /// Until when the source must not be asked, where that is not over.
    pub(super) fn held_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.notes.held_until.filter(|until| *until > now && *until <= now.plus(LONGEST_HOLD))
    }

    pub(super) fn hold_until(&mut self, until: Timestamp) {
        self.notes.held_until = Some(until);
    }

    /// The round that began then was good: what it did not ask is forgotten.
    pub(super) fn finish_round(&mut self, began: Timestamp) {
        let asked = std::mem::take(&mut self.asked);
        self.notes.answers.retain(|key, _| asked.contains(key));
        self.bad.retain(|key, _| asked.contains(key));
        self.notes.last_round = Some(began);
        self.notes.held_until = None;
    }

    /// `key` is part of this round.
    pub(super) fn ask(&mut self, key: &str) {
        self.asked.insert(key.to_owned());
    }

    /// What the source said of its last answer to `key`.
    pub(super) fn validators(&self, key: &str) -> &Validators {
        const NONE: &Validators = &Validators { etag: None, last_modified: None };
        self.notes.answers.get(key).map_or(NONE, |known| &known.validators)
    }

    /// Whether this very answer was told already.
    pub(super) fn is_known(&self, key: &str, digest: &Digest) -> bool {
        self.notes.answers.get(key).is_some_and(|known| known.digest == *digest)
    }

    /// Why this very answer was of no use the last time.
    pub(super) fn bad_again(&self, key: &str, digest: &Digest) -> Option<&str> {
        self.bad.get(key).filter(|(bad, _)| bad == digest).map(|(_, words)| words.as_str())
    }

    /// An answer was told.
    pub(super) fn learn(&mut self, key: String, digest: Digest, validators: Validators) {
        self.bad.remove(&key);
        self.notes.answers.insert(key, Known { digest, validators });
    }

    /// An answer of no use was told.
    pub(super) fn learn_bad(&mut self, key: String, digest: Digest, words: String) {
        self.bad.insert(key, (digest, words));
    }
}

fn read(path: &Path) -> io::Result<Option<Notes>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// All or nothing: a half-written file would forget more than it should.
fn write(path: &Path, notes: &Notes) -> io::Result<()> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    let draft = path.with_extension("json.new");
    std::fs::write(&draft, serde_json::to_vec_pretty(notes)?)?;
    std::fs::rename(&draft, path)
}
