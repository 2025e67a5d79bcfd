//! Reads the fields of a protobuf message without knowing its schema.
//!
//! The wire format is in <https://protobuf.dev/programming-guides/encoding/>.

/// The fields of one message, in the order in which they come. A field that comes twice counts as its
/// last value.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

/// A field's value, by its wire type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    Fixed32([u8; 4]),
}

/// The bytes end inside a field, or are no protobuf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

impl<'a> Fields<'a> {
    pub(super) fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn varint(&mut self) -> Result<u64, Broken> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or(Broken)?;
            self.rest = rest;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if shift == 63 && bits > 1 {
                return Err(Broken);
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Broken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Broken> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Broken)?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn field(&mut self) -> Result<(u64, Value<'a>), Broken> {
        let key = self.varint()?;
        let number = key >> 3;
        let is_number = (1..=536_870_911).contains(&number);
        if !is_number {
            return Err(Broken);
        }
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(self.fixed()?),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| Broken)?;
                let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Broken)?;
                self.rest = rest;
                Value::Bytes(bytes)
            }
            5 => Value::Fixed32(self.fixed()?),
            // Groups are of long ago; 6 and 7 do not exist.
            _ => return Err(Broken),
        };
        Ok((number, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

impl<'a> Value<'a> {
    /// A signed number written so that small ones of either sign are short (`sint64`).
    pub(super) fn zigzag(self) -> Option<i64> {
        let Self::Varint(number) = self else { return None };
        Some((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    /// A non-negative number (`enum`).
    pub(super) fn unsigned(self) -> Option<u64> {
        if let Self::Varint(number) = self { Some(number) } else { None }
    }

    /// A number in single precision (`float`).
    pub(super) fn single(self) -> Option<f32> {
        if let Self::Fixed32(bytes) = self { Some(f32::from_le_bytes(bytes)) } else { None }
    }

    /// Text (`string`).
    pub(super) fn into_text(self) -> Option<&'a str> {
        if let Self::Bytes(bytes) = self { std::str::from_utf8(bytes).ok() } else { None }
    }
}

/// The other way round, for tests.
#[cfg(test)]
pub(super) mod writing {
    use super::Value;

    pub(in super::super) fn varint(mut number: u64, out: &mut Vec<u8>) {
        while number >= 0x80 {
            out.push(number as u8 | 0x80);
            number >>= 7;
        }
        out.push(number as u8);
    }

    pub(in super::super) fn zigzag(number: i64) -> Value<'static> {
        Value::Varint((number << 1 ^ number >> 63) as u64)
    }

    pub(in super::super) fn field(number: u64, value: Value<'_>, out: &mut Vec<u8>) {
        let wire_type = match value {
            Value::Varint(_) => 0,
            Value::Fixed64(_) => 1,
            Value::Bytes(_) => 2,
            Value::Fixed32(_) => 5,
        };
        varint(number << 3 | wire_type, out);
        match value {
            Value::Varint(number) => varint(number, out),
            Value::Fixed64(bytes) => out.extend(bytes),
            Value::Bytes(bytes) => {
                varint(bytes.len() as u64, out);
                out.extend(bytes);
            }
            Value::Fixed32(bytes) => out.extend(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::writing::{field, zigzag};
    use super::*;

    fn read(message: &[u8]) -> Result<Vec<(u64, Value<'_>)>, Broken> {
        Fields::new(message).collect()
    }

    #[test]
    fn the_examples_of_the_format_s_own_documentation_are_read() {
        assert_eq!(read(&[0x08, 0x96, 0x01]), Ok(vec![(1, Value::Varint(150))]));
        let testing = [0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67];
        assert_eq!(read(&testing).unwrap()[0].1.into_text(), Some("testing"));
        let zigzags: Vec<_> =
            [0, 1, 2, 3, 4_294_967_294, 4_294_967_295].map(|n| Value::Varint(n).zigzag()).to_vec();
        assert_eq!(zigzags, [0, -1, 1, -2, 2_147_483_647, -2_147_483_648].map(Some));
        assert_eq!(read(&[]), Ok(vec![]));
    }

    #[test]
    fn broken_messages_are_refused() {
        let cases: [&[u8]; 9] = [
            &[0x08],
            &[0x08, 0x96],
            &[0x12, 0x07, 0x74],
            &[0x0d, 0, 0, 0],
            &[0x09, 0, 0, 0, 0, 0, 0, 0],
            &[0x0b],
            &[0x00, 0x00],
            &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
            &[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        ];
        for bytes in cases {
            assert_eq!(read(bytes), Err(Broken), "{bytes:x?}");
        }
    }

    fn any_value() -> impl Strategy<Value = (u64, u8, u64, Vec<u8>)> {
        (1_u64..536_870_912, 0..4_u8, any::<u64>(), proptest::collection::vec(any::<u8>(), 0..40))
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(fields in proptest::collection::vec(any_value(), 0..12)) {
            let mut message = Vec::new();
            let mut expected = Vec::new();
            for (number, kind, bits, bytes) in &fields {
                let value = match kind {
                    0 => Value::Varint(*bits),
                    1 => Value::Fixed64(bits.to_le_bytes()),
                    2 => Value::Bytes(bytes),
                    _ => Value::Fixed32((*bits as u32).to_le_bytes()),
                };
                field(*number, value, &mut message);
                expected.push((*number, value));
            }
            prop_assert_eq!(read(&message), Ok(expected));
        }

        #[test]
        fn every_signed_number_survives(number in any::<i64>()) {
            prop_assert_eq!(zigzag(number).zigzag(), Some(number));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = read(&bytes);
        }
    }
}
