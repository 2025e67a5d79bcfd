//! The Merkle tree over the records' hashes, after RFC 6962: that a record is in, without showing the others.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{InclusionProof, RootHash};
use sha2::Sha256;

use super::words::Digest;

/// A leaf is a record's hash, 32 bytes; leaves and nodes are hashed with SHA-256.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree(MemoryBackedTree<Sha256, [u8; 32]>);

impl Tree {
    pub(super) fn push(&mut self, record: Digest) {
        self.0.push(*record.as_bytes());
    }

    /// The tree as it was after its first `count` leaves.
    pub(super) fn first(&self, count: u64) -> Self {
        let leaves = self.0.items().iter().zip(0..count);
        let mut tree = Self::default();
        leaves.for_each(|(leaf, _)| tree.0.push(*leaf));
        tree
    }

    pub(super) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The record's hash at leaf `index`.
    pub(super) fn leaf(&self, index: u64) -> Option<Digest> {
        self.0.get(usize::try_from(index).ok()?).copied().map(Digest::from_bytes)
    }

    pub(super) fn root(&self) -> Digest {
        Digest::from_bytes((*self.0.root().as_bytes()).into())
    }

    /// The siblings on the way from leaf `index` up to the root; `None` where there is no such leaf.
    pub(super) fn path(&self, index: u64) -> Option<Vec<Digest>> {
        let index = usize::try_from(index).ok().filter(|index| self.0.get(*index).is_some())?;
        let proof = self.0.prove_inclusion(index);
        let hashes = proof.as_bytes().chunks_exact(32).filter_map(|hash| hash.try_into().ok());
        Some(hashes.map(Digest::from_bytes).collect())
    }
}

/// Whether `path` leads from the record at `index` to the root of a tree of `count` records.
pub fn is_included(record: Digest, index: u64, path: &[Digest], count: u64, root: Digest) -> bool {
    let bytes = path.iter().flat_map(|hash| hash.as_bytes().iter().copied()).collect();
    let Ok(proof) = InclusionProof::<Sha256>::try_from_bytes(bytes) else { return false };
    // The library's indices reach half as far as the type.
    index < count
        && count <= u64::MAX / 4
        && RootHash::<Sha256>::new((*root.as_bytes()).into(), count)
            .verify_inclusion(record.as_bytes(), index, &proof)
            .is_ok()
}
