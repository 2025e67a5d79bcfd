//! The ledger's own ed25519 key: made at first use, kept beside the ledger for its owner alone.

use std::fmt;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};

use super::error::LedgerError;
use super::words::{hex, unhex};

/// The kind of signature, in C2SP's signed notes: Ed25519 over the text.
const NOTE_ED25519: u8 = 1;

/// Signs heads, checkpoints and anchors.
pub(super) struct Key(SigningKey);

impl Key {
    /// The key in `path`. Where there is none and `may_make` allows, one is made from the system's randomness.
    pub(super) fn load(path: &Path, may_make: bool) -> Result<Self, LedgerError> {
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let mode =
                    std::fs::metadata(path).map_err(LedgerError::io("read", path))?.permissions().mode();
                if mode & 0o077 != 0 {
                    return Err(LedgerError::KeyExposed { path: path.to_owned(), mode: mode & 0o777 });
                }
                let secret = unhex(text.trim_end_matches('\n'));
                let secret = secret.ok_or_else(|| LedgerError::KeyUnreadable { path: path.to_owned() })?;
                Ok(Self(SigningKey::from_bytes(&secret)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && may_make => Self::make(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(LedgerError::KeyMissing { path: path.to_owned() })
            }
            Err(error) => Err(LedgerError::io("read", path)(error)),
        }
    }

    fn make(path: &Path) -> Result<Self, LedgerError> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)
            .map_err(|error| LedgerError::Randomness { reason: error.to_string() })?;
        let key = Self(SigningKey::from_bytes(&secret));
        let failed = LedgerError::io("create", path);
        // Temporary files are their owner's alone from the first byte on.
        let dir = path.parent().unwrap_or(Path::new("."));
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(dir)?;
            writeln!(file, "{}", hex(&secret))?;
            file.as_file().sync_all()?;
            file.persist_noclobber(path).map_err(|error| error.error)
        };
        write().map_err(failed)?;
        Ok(key)
    }

    #[cfg(test)]
    pub(super) fn of_seed(seed: u8) -> Self {
        Self(SigningKey::from_bytes(&[seed; 32]))
    }

    pub(super) fn sign(&self, text: &str) -> Signature {
        Signature(self.0.sign(text.as_bytes()).to_bytes())
    }

    pub(super) fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key(of {})", self.public())
    }
}

/// Who signed: an ed25519 public key, written as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Whether `signature` is this key's over `text`, by the strict rules of RFC 8032.
    pub fn has_signed(&self, text: &str, signature: &Signature) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        VerifyingKey::from_bytes(&self.0)
            .is_ok_and(|key| key.verify_strict(text.as_bytes(), &signature).is_ok())
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What the ledger that this key signs is called in checkpoints: `vigie/ledger/` and the key's first eight bytes.
    pub fn origin(&self) -> String {
        format!("vigie/ledger/{}", hex(&self.0[..8]))
    }

    /// The id of this key under its origin's name, after C2SP's `signed-note`.
    pub fn note_id(&self) -> [u8; 4] {
        let mut hasher = Sha256::new();
        hasher.update(self.origin().as_bytes());
        hasher.update([b'\n', NOTE_ED25519]);
        hasher.update(self.0);
        let hash: [u8; 32] = hasher.finalize().into();
        [hash[0], hash[1], hash[2], hash[3]]
    }

    /// The key as verifiers of signed notes are given it: name, id in hex, base64 of kind and key.
    pub fn verifier(&self) -> String {
        let mut kind_and_key = vec![NOTE_ED25519];
        kind_and_key.extend_from_slice(&self.0);
        format!("{}+{}+{}", self.origin(), hex(&self.note_id()), STANDARD.encode(kind_and_key))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is no public key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no public key; give its 64 hex digits in lower case, as `vigie ledger head` prints them")]
pub struct ParseKeyError(String);

/// Takes the hex digits, or the form that verifiers of signed notes are given.
impl FromStr for PublicKey {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || ParseKeyError(text.chars().take(160).collect());
        if let Some(bytes) = unhex(text) {
            return Ok(Self(bytes));
        }
        // The base64 part may hold plus signs, the parts before it not.
        let encoded = text.splitn(3, '+').nth(2).ok_or_else(refused)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| refused())?;
        let key = bytes.strip_prefix(&[NOTE_ED25519]).and_then(|key| key.try_into().ok()).map(Self);
        key.filter(|key| key.verifier() == text).ok_or_else(refused)
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        unhex(&text).map(Self).ok_or_else(|| de::Error::custom(ParseKeyError(text)))
    }
}

/// An ed25519 signature, written as 128 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 64]);

impl Signature {
    pub(super) fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// The 64 bytes.
    pub fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = unhex(&text).map(Self);
        bytes.ok_or_else(|| de::Error::custom(format!("{text:?} is no signature: 128 lower-case hex digits")))
    }
}
