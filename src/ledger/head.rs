//! What is signed of a ledger: a head after every record, and where a head was anchored.

use market::Timestamp;
use serde::{Deserialize, Serialize};

use super::entry::{SCHEMA, json};
use super::key::{Key, PublicKey, Signature};
use super::words::{Digest, moment};

/// The ledger's state after a record, signed: so many records, the last with this hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The form of the head.
    pub schema: u32,
    /// Records in the ledger.
    pub count: u64,
    /// The last record's hash.
    pub hash: Digest,
    /// The Merkle root over all records' hashes: SHA-256, RFC 6962.
    pub root: Digest,
    /// When it was signed.
    #[serde(with = "moment")]
    pub signed_at: Timestamp,
    /// Who signed.
    pub public_key: PublicKey,
    /// Ed25519 over [`Head::statement`].
    pub signature: Signature,
}

impl Head {
    pub(super) fn sign(key: &Key, count: u64, hash: Digest, root: Digest, now: Timestamp) -> Self {
        let signature = key.sign(&head_statement(count, hash, root, now));
        Self { schema: SCHEMA, count, hash, root, signed_at: now, public_key: key.public(), signature }
    }

    /// The text that is signed: five lines, each with its newline.
    pub fn statement(&self) -> String {
        head_statement(self.count, self.hash, self.root, self.signed_at)
    }

    /// Whether its own key signed it.
    pub fn is_signed(&self) -> bool {
        self.public_key.has_signed(&self.statement(), &self.signature)
    }

    /// What the line of the head of `count` records begins with.
    pub(super) fn beginning(count: u64) -> String {
        format!("{{\"schema\":{SCHEMA},\"count\":{count},\"hash\":\"")
    }

    /// Its line in `heads.jsonl`, without the newline.
    pub fn line(&self) -> String {
        json(self)
    }

    pub(super) fn parse(line: &[u8]) -> Result<Self, String> {
        let head: Self = parse(line)?;
        if head.line().as_bytes() == line { Ok(head) } else { Err(RESPELLED.to_owned()) }
    }
}

fn head_statement(count: u64, hash: Digest, root: Digest, at: Timestamp) -> String {
    format!("vigie ledger head {SCHEMA}\n{count}\n{hash}\n{root}\n{at}\n")
}

/// Where a head was written into a block chain, signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// The form of the anchor.
    pub schema: u32,
    /// Records in the ledger that the head speaks of.
    pub count: u64,
    /// The hash that was written: the last of those records'.
    pub hash: Digest,
    /// Which chain, in the node's word: `main`, `test`, `testnet4`, `signet`, `regtest`.
    pub chain: String,
    /// The transaction's id.
    pub txid: Digest,
    /// When the transaction was sent.
    #[serde(with = "moment")]
    pub sent_at: Timestamp,
    /// Who signed.
    pub public_key: PublicKey,
    /// Ed25519 over [`Anchor::statement`].
    pub signature: Signature,
}

impl Anchor {
    pub(super) fn sign(key: &Key, head: &Head, chain: &str, txid: Digest, now: Timestamp) -> Self {
        let unsigned = Self {
            schema: SCHEMA,
            count: head.count,
            hash: head.hash,
            chain: chain.to_owned(),
            txid,
            sent_at: now,
            public_key: key.public(),
            signature: Signature::from_bytes([0; 64]),
        };
        let signature = key.sign(&unsigned.statement());
        Self { signature, ..unsigned }
    }

    /// The text that is signed: six lines, each with its newline.
    pub fn statement(&self) -> String {
        let Self { count, hash, chain, txid, sent_at, .. } = self;
        format!("vigie ledger anchor {SCHEMA}\n{count}\n{hash}\n{chain}\n{txid}\n{sent_at}\n")
    }

    /// Whether its own key signed it.
    pub fn is_signed(&self) -> bool {
        self.public_key.has_signed(&self.statement(), &self.signature)
    }

    pub(super) fn line(&self) -> String {
        json(self)
    }

    pub(super) fn parse(line: &[u8]) -> Result<Self, String> {
        let anchor: Self = parse(line)?;
        if anchor.line().as_bytes() == line { Ok(anchor) } else { Err(RESPELLED.to_owned()) }
    }
}

const RESPELLED: &str = "it is not spelled as this program would";

fn parse<'de, T: Deserialize<'de>>(line: &'de [u8]) -> Result<T, String> {
    #[derive(Deserialize)]
    struct Form {
        schema: u32,
    }
    if let Ok(Form { schema }) = serde_json::from_slice(line)
        && schema != SCHEMA
    {
        return Err(format!("it has schema {schema}, this program knows {SCHEMA}"));
    }
    serde_json::from_slice(line).map_err(|error| error.to_string())
}
