//! The ledger's state in C2SP's form: a checkpoint (`tlog-checkpoint`) as a signed note, and proofs that end in one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::key::{Key, PublicKey, Signature};
use super::words::Digest;

/// A line of a signature begins with an em dash and a space.
const DASH: &str = "\u{2014} ";
/// The first line of a proof.
const PROOF: &str = "c2sp.org/tlog-proof@v1";

/// What a checkpoint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which ledger.
    pub origin: String,
    /// Records in it.
    pub count: u64,
    /// The Merkle root over their hashes.
    pub root: Digest,
}

impl Checkpoint {
    /// The text that is signed: three lines, each with its newline.
    fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.count, STANDARD.encode(self.root.as_bytes()))
    }

    /// Writes and signs it.
    pub(super) fn sign(key: &Key, count: u64, root: Digest) -> String {
        let public = key.public();
        let text = Self { origin: public.origin(), count, root }.text();
        let signature = key.sign(&text);
        let mut id_and_signature = public.note_id().to_vec();
        id_and_signature.extend_from_slice(signature.as_bytes());
        format!("{text}\n{DASH}{} {}\n", public.origin(), STANDARD.encode(id_and_signature))
    }

    /// Reads a signed checkpoint that must be `key`'s. Signatures by others are passed over.
    ///
    /// # Errors
    /// In words: it is no checkpoint, it is another ledger's, or the signature is not `key`'s.
    pub fn parse(note: &str, key: &PublicKey) -> Result<Self, String> {
        let (body, signatures) = note.rsplit_once("\n\n").ok_or("it has no signature")?;
        let mut lines = body.split('\n');
        let mut next = |what: &str| lines.next().ok_or(format!("it has no {what}"));
        let (origin, count, root) = (next("origin")?, next("count")?, next("root")?);
        if let Some(extension) = lines.next() {
            return Err(format!("it goes on with {extension:?}"));
        }
        if origin != key.origin() {
            return Err(format!("it is of {origin:?}, not of {:?}", key.origin()));
        }
        let parsed: u64 = count.parse().map_err(|_| format!("{count:?} is no count"))?;
        let bytes = STANDARD.decode(root).ok().and_then(|bytes| bytes.try_into().ok());
        let root = Digest::from_bytes(bytes.ok_or_else(|| format!("{root:?} is no root"))?);
        let checkpoint = Self { origin: origin.to_owned(), count: parsed, root };
        if checkpoint.text().strip_suffix('\n') != Some(body) {
            return Err("it is not spelled as a checkpoint is".to_owned());
        }
        let signatures = signatures.strip_suffix('\n').ok_or("its last line is cut")?;
        let mut is_signed = false;
        for line in signatures.split('\n') {
            let named = line.strip_prefix(DASH).and_then(|line| line.split_once(' '));
            let (name, encoded) = named.ok_or_else(|| format!("{line:?} is no signature"))?;
            let bytes = STANDARD.decode(encoded).map_err(|_| format!("{encoded:?} is no base64"))?;
            let Some((id, signature)) = bytes.split_at_checked(4) else {
                return Err(format!("{encoded:?} is no signature"));
            };
            if name != origin || id != key.note_id() {
                continue;
            }
            let signature = signature.try_into().map(Signature::from_bytes);
            let signature = signature.map_err(|_| "its signature has the wrong length".to_owned())?;
            if !key.has_signed(&checkpoint.text(), &signature) {
                return Err("its signature is not the key's".to_owned());
            }
            is_signed = true;
        }
        if is_signed { Ok(checkpoint) } else { Err("the key has not signed it".to_owned()) }
    }
}

/// That a record is in the ledger, for somebody who has the record, the public key, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The record's place.
    pub sequence: u64,
    /// The record's hash.
    pub hash: Digest,
    /// Siblings from the leaf up to the root, SHA-256.
    pub path: Vec<Digest>,
    /// What the checkpoint says.
    pub checkpoint: Checkpoint,
    /// The signed checkpoint, as it stands in the file.
    pub note: String,
}

impl Proof {
    /// The proof in C2SP's `tlog-proof` form, with the record's hash as the extra value.
    pub fn to_text(&self) -> String {
        let mut text =
            format!("{PROOF}\nextra {}\nindex {}\n", STANDARD.encode(self.hash.as_bytes()), self.sequence);
        for hash in &self.path {
            text.push_str(&STANDARD.encode(hash.as_bytes()));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.note);
        text
    }

    /// Whether the path leads to the checkpoint's root.
    pub fn holds(&self) -> bool {
        let Checkpoint { count, root, .. } = self.checkpoint;
        super::tree::is_included(self.hash, self.sequence, &self.path, count, root)
    }
}
