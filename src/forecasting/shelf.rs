//! Artefacts as files, each with its card.
//!
//! An artefact is TOML: plain numbers that read back to the same bits, and no code. Its id ends with the first
//! figures of its hash, so that a file under the wrong name is found out.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use models::forecast::{self, Artefact, ForecastError, Task};
use serde::Deserialize;

use super::{Card, Trained};
use crate::ledger::Digest;

/// Why an artefact cannot be kept or used.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// A file cannot be used.
    #[error("{action} {path}: {source}; check the directory's permissions and space")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is gone.
    #[error(
        "{path} is gone: what names it cannot be replayed; bring it back from a backup, or go on with `vigie train`"
    )]
    Gone {
        /// The file.
        path: PathBuf,
    },
    /// There is no such artefact.
    #[error("there is no model {id:?}; `vigie models list` names those of this store")]
    Unknown {
        /// What was asked for.
        id: String,
    },
    /// The file is no artefact.
    #[error("{path}: {problem}; move it away and run `vigie train`")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// It is an artefact, and not one that can be used here.
    #[error("{path}: {source}")]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<ForecastError>,
    },
}

/// The artefact as its file has it.
pub(super) fn text_of(artefact: &Artefact) -> String {
    toml::to_string(artefact).unwrap_or_default()
}

/// No artefact and no card comes near it, bytes.
const LARGEST: u64 = 64 << 20;

/// How much there is on a shelf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stock {
    /// Artefacts.
    pub count: usize,
    /// What they and their cards take, bytes.
    pub bytes: u64,
}

/// An artefact that nobody needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spare {
    /// Its id.
    pub id: String,
    /// What it takes, bytes.
    pub bytes: u64,
}

/// The artefacts of a store.
#[derive(Clone, Debug)]
pub struct Shelf {
    dir: PathBuf,
}

impl Shelf {
    /// Those of the store in `store_dir`.
    pub fn new(store_dir: &Path) -> Self {
        Self { dir: store_dir.join("models") }
    }

    fn artefact_path(&self, id: &str) -> PathBuf {
        self.dir.join(format!("{id}.toml"))
    }

    fn card_path(&self, id: &str) -> PathBuf {
        self.dir.join(format!("{id}.card.json"))
    }

    /// Keeps an artefact and its card: the card last, so that one that is listed is whole.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn keep(&self, trained: &Trained) -> Result<(), ShelfError> {
        fs::create_dir_all(&self.dir).map_err(io_error("create", &self.dir))?;
        let card = serde_json::to_string_pretty(&trained.card).unwrap_or_default();
        for (path, text) in [
            (self.artefact_path(&trained.card.id), text_of(&trained.artefact)),
            (self.card_path(&trained.card.id), card),
        ] {
            let scratch = path.with_extension("part");
            write_through(&scratch, text.as_bytes()).map_err(io_error("write", &scratch))?;
            fs::rename(&scratch, &path).map_err(io_error("write", &path))?;
        }
        Ok(())
    }

    /// Keeps what is not, or no longer, on the shelf.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn hold(&self, trained: &Trained) -> Result<(), ShelfError> {
        let id = &trained.card.id;
        let is_held = self.artefact_path(id).exists() && self.card_path(id).exists();
        if is_held { Ok(()) } else { self.keep(trained) }
    }

    /// What the files of an artefact take, bytes.
    fn bytes(&self, id: &str) -> u64 {
        let size = |path: PathBuf| fs::metadata(path).map_or(0, |file| file.len());
        size(self.artefact_path(id)) + size(self.card_path(id))
    }

    /// How many artefacts there are, and what they take.
    ///
    /// # Errors
    /// A card cannot be read.
    pub fn stock(&self) -> Result<Stock, ShelfError> {
        let cards = self.cards()?;
        Ok(Stock { count: cards.len(), bytes: cards.iter().map(|card| self.bytes(&card.id)).sum() })
    }

    /// Artefacts that nobody needs: those that no record names (`named` has the ids of those that one does), and that
    /// are not the last of their target and asset.
    ///
    /// # Errors
    /// A card cannot be read.
    pub fn spare(&self, named: &BTreeSet<String>) -> Result<Vec<Spare>, ShelfError> {
        let cards = self.cards()?;
        let is_last = |at: usize| {
            let of = |card: &Card| (card.target.clone(), card.asset.clone());
            cards.get(at + 1).is_none_or(|next| of(next) != of(&cards[at]))
        };
        let spare = |(at, card): (usize, &Card)| {
            let is_needed = named.contains(&card.id) || is_last(at);
            (!is_needed).then(|| Spare { id: card.id.clone(), bytes: self.bytes(&card.id) })
        };
        Ok(cards.iter().enumerate().filter_map(spare).collect())
    }

    /// Removes artefacts, each one's card first, so that what is listed is whole. Nobody may write the ledger
    /// meanwhile: a record might come to name one of them.
    ///
    /// # Errors
    /// A file cannot be removed.
    pub fn remove(&self, spare: &[Spare]) -> Result<(), ShelfError> {
        for Spare { id, .. } in spare {
            for path in [self.card_path(id), self.artefact_path(id)] {
                fs::remove_file(&path).map_err(io_error("remove", &path))?;
            }
        }
        Ok(())
    }

    /// Every card, in order of target, asset and time of training.
    ///
    /// # Errors
    /// A file cannot be read, or is no card.
    pub fn cards(&self) -> Result<Vec<Card>, ShelfError> {
        self.cards_of("")
    }

    /// The cards of ids that begin so.
    fn cards_of(&self, beginning: &str) -> Result<Vec<Card>, ShelfError> {
        let mut cards = Vec::new();
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(cards),
            Err(error) => return Err(io_error("read", &self.dir)(error)),
        };
        for entry in entries {
            let path = entry.map_err(io_error("read", &self.dir))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with(beginning) && name.ends_with(".card.json") {
                cards.push(read_card(&path)?);
            }
        }
        cards.sort_by(|a: &Card, b| {
            (&a.target, &a.asset, a.trained_at, &a.id).cmp(&(&b.target, &b.asset, b.trained_at, &b.id))
        });
        Ok(cards)
    }

    /// The card called `id`.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn card(&self, id: &str) -> Result<Card, ShelfError> {
        let path = self.card_path(id);
        // An id is a file's name and no way to another place.
        let is_name = id.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
        if !is_name || !path.exists() {
            return Err(ShelfError::Unknown { id: id.to_owned() });
        }
        read_card(&path)
    }

    /// The artefact called `id`, checked for `task`.
    ///
    /// # Errors
    /// There is none, it is not what its card says, or its schema is another program's.
    pub fn load(&self, task: &Task, id: &str) -> Result<Trained, ShelfError> {
        let card = self.card(id)?;
        let path = self.artefact_path(id);
        let text = read_text(&path)?;
        if Digest::of(text.as_bytes()) != card.hash {
            let problem = "it is not the artefact that its card describes".to_owned();
            return Err(ShelfError::Damaged { path, problem });
        }
        let refused = |source| ShelfError::Refused { path: path.clone(), source: Box::new(source) };
        let artefact: Artefact = match toml::from_str(&text) {
            Ok(artefact) => artefact,
            // Of another form other fields are wanted, so the form is what there is to say.
            Err(error) => match schema_in(&text).map(|schema| forecast::check_schema(&schema)) {
                Some(Err(source)) => return Err(refused(source)),
                Some(Ok(())) | None => {
                    return Err(ShelfError::Damaged { path, problem: error.message().to_owned() });
                }
            },
        };
        artefact.check(task).map_err(refused)?;
        Ok(Trained { artefact, card })
    }

    /// Where the artefact of `card` has its boundary, if its file has this `hash`. It need not be one that this program
    /// can forecast with.
    ///
    /// # Errors
    /// There is none, or it is another one.
    pub fn boundary(&self, card: &Card, hash: Digest) -> Result<f64, ShelfError> {
        let path = self.artefact_path(&card.id);
        let text = read_text(&path)?;
        if Digest::of(text.as_bytes()) != hash {
            let problem = "it is not the artefact that the ledger names".to_owned();
            return Err(ShelfError::Damaged { path, problem });
        }
        boundary_in(&text).map_err(|problem| ShelfError::Damaged { path, problem })
    }

    /// The artefact of a target that was trained last; `None` where there is none that this program can use.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn latest(&self, task: &Task, asset: &str) -> Result<Option<Trained>, ShelfError> {
        let cards = self.cards_of(&format!("{}-{}-", task.id, asset.to_lowercase()))?;
        let last = cards.iter().rfind(|card| card.target == task.id && card.asset == asset);
        match last.map(|card| self.load(task, &card.id)) {
            None => Ok(None),
            Some(Err(ShelfError::Refused { path, source })) => {
                tracing::info!(path = %path.display(), %source, "an artefact of another version is not used");
                Ok(None)
            }
            Some(loaded) => loaded.map(Some),
        }
    }
}

/// The number `boundary` of the table `scaling`: it is all that is read of an artefact to settle its forecasts.
fn boundary_in(artefact: &str) -> Result<f64, String> {
    #[derive(Deserialize)]
    struct Bounded {
        scaling: Scaled,
    }
    #[derive(Deserialize)]
    struct Scaled {
        boundary: f64,
    }
    let Bounded { scaling: Scaled { boundary } } =
        toml::from_str(artefact).map_err(|error| error.message().to_owned())?;
    if boundary.is_finite() { Ok(boundary) } else { Err(format!("its boundary is {boundary}")) }
}

/// The form of an artefact, whatever else is in it.
fn schema_in(artefact: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Form {
        schema: String,
    }
    toml::from_str(artefact).ok().map(|Form { schema }| schema)
}

/// The text of a file, if it is one, and of a size that it can have.
fn read_text(path: &Path) -> Result<String, ShelfError> {
    let file = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ShelfError::Gone { path: path.to_owned() });
        }
        other => other.map_err(io_error("read", path))?,
    };
    if !file.is_file() || file.len() > LARGEST {
        let problem = format!("it is no file of at most {} MiB", LARGEST >> 20);
        return Err(ShelfError::Damaged { path: path.to_owned(), problem });
    }
    fs::read_to_string(path).map_err(io_error("read", path))
}

fn read_card(path: &Path) -> Result<Card, ShelfError> {
    let text = read_text(path)?;
    serde_json::from_str(&text)
        .map_err(|error| ShelfError::Damaged { path: path.to_owned(), problem: error.to_string() })
}

fn write_through(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write as _;
    let mut file = fs::File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn io_error<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> ShelfError + 'a {
    move |source| ShelfError::Io { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_or_too_large_is_refused_before_it_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.toml");
        assert!(matches!(read_text(&path), Err(ShelfError::Gone { .. })));
        let zeros = dir.path().join("zeros");
        std::os::unix::fs::symlink("/dev/zero", &zeros).unwrap();
        let large = fs::File::create(&path).unwrap();
        large.set_len(LARGEST + 1).unwrap();
        for path in [&zeros, &path, &dir.path().to_owned()] {
            let said = read_text(path).unwrap_err().to_string();
            assert!(said.contains("no file of at most 64 MiB"), "{said}");
        }
        large.set_len(3).unwrap();
        assert_eq!(read_text(&path).unwrap().len(), 3);
    }

    #[test]
    fn a_boundary_is_that_of_the_scaling_however_the_file_is_laid_out() {
        for text in [
            "schema = '9'\n[scaling]\nspread = 0.5\nboundary = -3.25\n[mixture]\nboundary = 7.0\n",
            "scaling = { boundary = -3.25, spread = 0.5 }\n",
            "scaling.boundary = -3.25\n",
            "note = '''\n[scaling]\nboundary = 9.0\n'''\n[scaling]\nboundary=-3.25 # of the level\n",
        ] {
            assert_eq!(boundary_in(text), Ok(-3.25), "{text}");
        }
        for (text, problem) in [
            ("[scaling]\nspread = 0.5\n", "boundary"),
            ("[mixture]\nboundary = 1.0\n", "scaling"),
            ("[scaling]\nboundary = nan\n", "NaN"),
            ("[scaling]\nboundary = '1'\n", "string"),
            ("[scaling", "unclosed"),
        ] {
            let said = boundary_in(text).unwrap_err();
            assert!(said.contains(problem), "{text}: {said}");
        }
    }
}
