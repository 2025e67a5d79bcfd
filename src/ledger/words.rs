//! How hashes, keys, exact numbers and moments are spelled in the ledger's files.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Thirty-two bytes, written as 64 lower-case hex digits: a BLAKE3 or SHA-256 hash.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// What the first record follows.
    pub const ZERO: Self = Self([0; 32]);

    /// The BLAKE3 hash of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// A hash that was computed elsewhere.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is not 64 lower-case hex digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no hash; a hash is 64 hex digits in lower case")]
pub struct ParseDigestError(String);

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        unhex(text).map(Self).ok_or_else(|| ParseDigestError(text.chars().take(80).collect()))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A number with nothing lost: the 64 bits of an IEEE 754 double, written as 16 lower-case hex digits, the sign first.
/// Two are equal when their bits are; every NaN has its own.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Exact(u64);

impl Exact {
    /// The number.
    pub const fn value(self) -> f64 {
        f64::from_bits(self.0)
    }

    /// Its bits.
    pub const fn bits(self) -> u64 {
        self.0
    }
}

impl From<f64> for Exact {
    fn from(value: f64) -> Self {
        Self(value.to_bits())
    }
}

/// The 16 hex digits.
impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({self})", self.value())
    }
}

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bits = unhex(&text).map(u64::from_be_bytes);
        bits.map(Self).ok_or_else(|| {
            de::Error::custom(format!("{text:?} is no number's bits: 16 lower-case hex digits"))
        })
    }
}

/// An exact number for machines and people at once: `{"bits":"3fd0000000000000","value":0.25}`. The value is the
/// shortest decimal that reads back as the same number, `null` for what is not finite; the bits are what counts.
pub(super) mod figure {
    use serde::de::IgnoredAny;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};
    use serde_json::value::RawValue;

    use super::Exact;

    #[derive(Serialize)]
    struct Written {
        bits: Exact,
        value: Option<Box<RawValue>>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Read {
        bits: Exact,
        #[serde(rename = "value")]
        _value: IgnoredAny,
    }

    #[expect(clippy::ref_option, reason = "the form that serde calls")]
    pub(in crate::ledger) fn serialize<S: Serializer>(
        figure: &Option<Exact>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let written = |bits: &Exact| {
            let value = bits.value();
            // Display, not the JSON crate's own form: it has no exponent and does not change between versions.
            let value = value.is_finite().then(|| RawValue::from_string(value.to_string())).transpose();
            Ok(Written { bits: *bits, value: value.map_err(ser::Error::custom)? })
        };
        figure.as_ref().map(written).transpose()?.serialize(serializer)
    }

    pub(in crate::ledger) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Exact>, D::Error> {
        Ok(Option::<Read>::deserialize(deserializer)?.map(|read| read.bits))
    }
}

/// A moment as RFC 3339 with microseconds: `2026-01-31T09:30:00.000000Z`.
pub(super) mod moment {
    use market::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
    pub(in crate::ledger) fn serialize<S: Serializer>(
        at: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(at)
    }

    pub(in crate::ledger) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Two lower-case digits a byte.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.map(|nibble| char::from(DIGITS[usize::from(nibble)])).collect()
}

/// Exactly `N` bytes in lower-case hex; one spelling a value, so that nothing signed can be respelled.
pub(super) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let text = text.as_bytes();
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}
