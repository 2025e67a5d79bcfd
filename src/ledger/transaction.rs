//! As much of a Bitcoin transaction as one must read before one lets it go: its outputs, its size, its id.

use sha2::{Digest as _, Sha256};

use super::words::Digest;

/// A transaction as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Transaction {
    /// What it pays, in order.
    pub outputs: Vec<Output>,
    /// Virtual bytes, which the fee is counted by (BIP 141).
    pub vsize: u64,
    /// Its id as nodes print it.
    pub txid: Digest,
}

/// One output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Output {
    /// Satoshis.
    pub value: u64,
    /// The script that it pays to.
    pub script: Vec<u8>,
}

const OP_RETURN: u8 = 0x6a;
const OP_PUSHDATA1: u8 = 0x4c;

impl Output {
    /// The bytes that it carries instead of paying anybody, if it is such an output with one push.
    pub(super) fn data(&self) -> Option<&[u8]> {
        let (length, data) = match self.script.strip_prefix(&[OP_RETURN])? {
            [OP_PUSHDATA1, length, data @ ..] => (*length, data),
            [length, data @ ..] if *length < OP_PUSHDATA1 => (*length, data),
            _ => return None,
        };
        (data.len() == usize::from(length)).then_some(data)
    }
}

struct Bytes<'a> {
    rest: &'a [u8],
    /// What is hashed for the id: everything but marker, flag and witnesses.
    stripped: Vec<u8>,
}

impl<'a> Bytes<'a> {
    fn take(&mut self, count: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(count).ok()?)?;
        self.rest = rest;
        Some(taken)
    }

    fn keep(&mut self, count: u64) -> Option<&'a [u8]> {
        let taken = self.take(count)?;
        self.stripped.extend_from_slice(taken);
        Some(taken)
    }

    /// Bitcoin's "compact size".
    fn count(&mut self, is_kept: bool) -> Option<u64> {
        let before = self.rest;
        let first = *self.take(1)?.first()?;
        let wide = match first {
            0xfd => 2,
            0xfe => 4,
            0xff => 8,
            small => {
                if is_kept {
                    self.stripped.push(small);
                }
                return Some(u64::from(small));
            }
        };
        let mut value = [0; 8];
        let bytes = self.take(wide)?;
        value[..bytes.len()].copy_from_slice(bytes);
        if is_kept {
            self.stripped.extend_from_slice(&before[..before.len() - self.rest.len()]);
        }
        Some(u64::from_le_bytes(value))
    }
}

impl Transaction {
    /// Reads a whole transaction; `None` where it is none, or something follows it.
    pub(super) fn parse(raw: &[u8]) -> Option<Self> {
        let mut bytes = Bytes { rest: raw, stripped: Vec::new() };
        bytes.keep(4)?;
        // Marker and flag of a transaction with witnesses (BIP 144).
        let has_witnesses = bytes.rest.starts_with(&[0, 1]);
        if has_witnesses {
            bytes.take(2)?;
        }
        let inputs = bytes.count(true)?;
        for _ in 0..inputs {
            bytes.keep(36)?;
            let script = bytes.count(true)?;
            bytes.keep(script)?;
            bytes.keep(4)?;
        }
        let mut outputs = Vec::new();
        for _ in 0..bytes.count(true)? {
            let value = u64::from_le_bytes(bytes.keep(8)?.try_into().ok()?);
            let script = bytes.count(true)?;
            outputs.push(Output { value, script: bytes.keep(script)?.to_vec() });
        }
        if has_witnesses {
            for _ in 0..inputs {
                for _ in 0..bytes.count(false)? {
                    let item = bytes.count(false)?;
                    bytes.take(item)?;
                }
            }
        }
        bytes.keep(4)?;
        if !bytes.rest.is_empty() {
            return None;
        }
        let weight = 3 * bytes.stripped.len() as u64 + raw.len() as u64;
        let once = Sha256::digest(&bytes.stripped);
        let mut txid: [u8; 32] = Sha256::digest(once).into();
        txid.reverse();
        Some(Self { outputs, vsize: weight.div_ceil(4), txid: Digest::from_bytes(txid) })
    }
}
