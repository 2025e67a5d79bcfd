//! One file of the journal: its header, and finding the records in it without trusting it.

use market::Timestamp;

use crate::record::{KINDS, PREFIX, RECORD_MAX, STEM};

/// Version of header and record framing together with the payload rules of `record.rs`. Format 2 adds
/// batches, answers and the kinds of observation besides liquidations and gaps; 1 is read as well.
pub(crate) const FORMAT: u16 = 2;
/// Bytes of the header in this format.
pub(crate) const HEADER: usize = 40;
const MAGIC: [u8; 8] = *b"VIGIEWAL";

/// `magic 8 | format u16 | header bytes u16 | crc32c u32 | store u64 | first seq u64 | created i64`,
/// little-endian; the checksum covers the header with its own four bytes as zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) store: u64,
    pub(crate) first_seq: u64,
    pub(crate) created: Timestamp,
}

/// Why a header is no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderProblem {
    /// Shorter than a header, or nothing but zeros: the crash came before the first acknowledgement.
    Unfinished,
    /// The checksum is wrong.
    Damaged,
    /// Intact, of a later format.
    Newer(u16),
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..10].copy_from_slice(&FORMAT.to_le_bytes());
        bytes[10..12].copy_from_slice(&(HEADER as u16).to_le_bytes());
        bytes[16..24].copy_from_slice(&self.store.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.first_seq.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.created.as_micros().to_le_bytes());
        let checksum = crc32c::crc32c(&bytes);
        bytes[12..16].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, HeaderProblem> {
        if bytes.len() < HEADER || bytes.iter().all(|byte| *byte == 0) {
            return Err(HeaderProblem::Unfinished);
        }
        let length = usize::from(u16_at(bytes, 10));
        if bytes[..8] != MAGIC || length < HEADER || length > bytes.len() {
            return Err(HeaderProblem::Damaged);
        }
        let mut checked = bytes[..length].to_vec();
        checked[12..16].fill(0);
        if crc32c::crc32c(&checked) != u32_at(bytes, 12) {
            return Err(HeaderProblem::Damaged);
        }
        let format = u16_at(bytes, 8);
        if format > FORMAT {
            return Err(HeaderProblem::Newer(format));
        }
        Ok(Self {
            store: u64_at(bytes, 16),
            first_seq: u64_at(bytes, 24),
            created: Timestamp::from_micros(u64_at(bytes, 32) as i64).unwrap_or_default(),
        })
    }
}

/// An intact record, not yet understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawRecord<'a> {
    pub(crate) seq: u64,
    pub(crate) kind: u8,
    pub(crate) payload: &'a [u8],
}

/// Walks the records after a header, up to the first that is torn, damaged or out of sequence.
#[derive(Clone, Debug)]
pub(crate) struct Scan<'a> {
    bytes: &'a [u8],
    offset: usize,
    next_seq: u64,
}

impl<'a> Scan<'a> {
    /// Records of a segment whose first one is `first_seq`.
    pub(crate) fn new(bytes: &'a [u8], first_seq: u64) -> Self {
        Self { bytes, offset: HEADER.min(bytes.len()), next_seq: first_seq }
    }

    /// The same bytes from `offset` on, where record `next_seq` is expected.
    pub(crate) fn beyond(self, offset: usize, next_seq: u64) -> Self {
        Self { offset, next_seq, ..self }
    }

    /// Where the intact records seen so far end.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// The number that the next record must carry.
    pub(crate) fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// The highest number of an intact record beyond the point where the walk ended, if there is
    /// one: then what ended the walk is damage, not a write that a crash cut short.
    pub(crate) fn resync(&self) -> Option<u64> {
        let mut last = None;
        let mut offset = self.offset;
        while offset + PREFIX + STEM <= self.bytes.len() {
            match record_at(self.bytes, offset) {
                Some((record, end)) if record.seq >= last.map_or(self.next_seq, |last| last + 1) => {
                    last = Some(record.seq);
                    offset = end;
                }
                Some(_) | None => offset += 1,
            }
        }
        last
    }
}

impl<'a> Iterator for Scan<'a> {
    type Item = RawRecord<'a>;

    fn next(&mut self) -> Option<RawRecord<'a>> {
        let (record, end) = record_at(self.bytes, self.offset)?;
        if record.seq != self.next_seq {
            return None;
        }
        self.offset = end;
        self.next_seq += 1;
        Some(record)
    }
}

/// The record at `offset` and where it ends, if it is whole and its checksum holds.
fn record_at(bytes: &[u8], offset: usize) -> Option<(RawRecord<'_>, usize)> {
    let rest = bytes.get(offset..)?;
    if rest.len() < PREFIX + STEM {
        return None;
    }
    let length = u32_at(rest, 0) as usize;
    if !(STEM..=RECORD_MAX).contains(&length) || !KINDS.contains(&rest[PREFIX + 8]) {
        return None;
    }
    let checked = rest.get(PREFIX..PREFIX + length)?;
    if crc32c::crc32c(checked) != u32_at(rest, 4) {
        return None;
    }
    let record = RawRecord { seq: u64_at(checked, 0), kind: checked[8], payload: &checked[STEM..] };
    Some((record, offset + PREFIX + length))
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(std::array::from_fn(|index| bytes[at + index]))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|index| bytes[at + index]))
}
