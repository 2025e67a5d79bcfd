//! Unpacks messages that are gzip, within bounds.

use std::io::Read;

use flate2::bufread::GzDecoder;
use market::Payload;

use crate::protocol::DecodeError;

/// How every gzip message begins.
const MAGIC: [u8; 2] = [0x1f, 0x8b];
/// The longest message accepted once unpacked, bytes. HTX's are of a few kilobytes; gzip can promise a
/// thousand times its own length.
const LONGEST: u64 = 8 << 20;
/// The room kept for the next message, bytes.
const KEPT: usize = 1 << 20;

/// Unpacks one message after the other into the same room.
#[derive(Debug, Default)]
pub(super) struct Unpacker(Vec<u8>);

impl Unpacker {
    /// The text of a message, packed or not.
    ///
    /// # Errors
    /// It is no gzip, is cut off or damaged, is too long, or is no text.
    pub(super) fn text<'a>(&'a mut self, payload: &'a Payload) -> Result<&'a str, DecodeError> {
        let malformed = |reason: String| DecodeError::Malformed { reason };
        let mut bytes = payload.as_bytes();
        if bytes.starts_with(&MAGIC) {
            self.0.clear();
            self.0.shrink_to(KEPT);
            let read = GzDecoder::new(bytes).take(LONGEST + 1).read_to_end(&mut self.0);
            read.map_err(|error| malformed(format!("gzip: {error}")))?;
            if self.0.len() as u64 > LONGEST {
                return Err(malformed(format!("gzip: longer than {LONGEST} bytes unpacked")));
            }
            bytes = &self.0;
        }
        std::str::from_utf8(bytes).map_err(|error| malformed(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use bytes::Bytes;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn unpack(bytes: Vec<u8>) -> Result<String, DecodeError> {
        Unpacker::default().text(&Payload::Binary(Bytes::from(bytes))).map(str::to_owned)
    }

    #[test]
    fn a_bomb_is_refused_before_it_fills_memory() {
        let bomb = packed(&vec![b' '; (LONGEST + 1) as usize]);
        assert!(bomb.len() < 100_000, "{}", bomb.len());
        assert!(unpack(bomb).unwrap_err().to_string().contains("longer than"));
        assert_eq!(unpack(packed(&vec![b' '; LONGEST as usize])).unwrap().len() as u64, LONGEST);
    }

    #[test]
    fn room_is_given_back_after_a_long_message() {
        let mut unpacker = Unpacker::default();
        let long = Payload::Binary(Bytes::from(packed(&vec![b' '; 4 << 20])));
        unpacker.text(&long).unwrap();
        let short = Payload::Binary(Bytes::from(packed(b"{}")));
        assert_eq!(unpacker.text(&short).unwrap(), "{}");
        assert!(unpacker.0.capacity() <= KEPT);
    }

    proptest! {
        #[test]
        fn text_comes_back_packed_or_not(text in ".{0,300}") {
            prop_assert_eq!(unpack(packed(text.as_bytes())), Ok(text.clone()));
            prop_assert_eq!(unpack(text.clone().into_bytes()), Ok(text));
        }

        #[test]
        fn damage_is_an_error_and_never_a_panic(
            text in ".{1,300}", at: prop::sample::Index, byte: u8, cut: prop::sample::Index,
        ) {
            let whole = packed(text.as_bytes());
            let mut damaged = whole.clone();
            let at = at.index(damaged.len());
            damaged[at] = byte;
            // Header fields may change without harm; what is unpacked then is what was packed.
            if let Ok(unpacked) = unpack(damaged) {
                prop_assert!(unpacked == text || !whole[..2].eq(&MAGIC) || at < 10, "{}", at);
            }
            let cut = cut.index(whole.len());
            prop_assert!(cut < 2 || unpack(whole[..cut].to_vec()).is_err());
        }
    }
}
