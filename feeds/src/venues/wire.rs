//! Reads the loose JSON that venues send: numbers as strings, one object or a list of them.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use market::{Payload, Price, Quantity, Timestamp};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::protocol::{DecodeError, Stamped};

/// No market here is older than Bitcoin's first block (2009-01-03), so an earlier time is a wrong
/// unit: seconds where milliseconds belong.
const EARLIEST_MILLIS: i64 = 1_230_768_000_000;
/// How much of a venue's text an error repeats, bytes.
const QUOTED: usize = 120;

/// The frame as text.
pub(crate) fn text(payload: &Payload) -> Result<&str, DecodeError> {
    std::str::from_utf8(payload.as_bytes())
        .map_err(|error| DecodeError::Malformed { reason: error.to_string() })
}

/// All of `text` as `T`.
pub(crate) fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, DecodeError> {
    serde_json::from_str(text).map_err(|error| DecodeError::Malformed { reason: shorten(&error.to_string()) })
}

/// Runs `decode` so that `out` gains all of a frame's events, oldest first, or none of them.
pub(super) fn all_or_nothing<T>(
    out: &mut Vec<Stamped>,
    decode: impl FnOnce(&mut Vec<Stamped>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let before = out.len();
    let result = decode(out);
    match &result {
        Ok(_) if out.len() > before + 1 => out[before..].sort_by_key(|stamped| stamped.event_time),
        Ok(_) => {}
        Err(_) => out.truncate(before),
    }
    result
}

/// The error for `field` holding `value`.
pub(crate) fn wrong(field: &'static str, value: &str, problem: &'static str) -> DecodeError {
    DecodeError::Field { field, value: shorten(value), problem }
}

fn shorten(text: &str) -> String {
    if text.len() <= QUOTED {
        return text.to_owned();
    }
    let mut end = QUOTED;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

/// A JSON string or number. Which of the two a venue uses for a number changes without notice.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar<'a> {
    Text(&'a str),
    /// A string with escapes in it, unescaped.
    Unescaped(Box<str>),
    Integer(i64),
    Float(f64),
}

impl Scalar<'_> {
    /// The words of a string, the digits of a number.
    pub(crate) fn as_text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Unescaped(text) => Cow::Borrowed(text),
            Self::Integer(number) => Cow::Owned(number.to_string()),
            Self::Float(number) => Cow::Owned(number.to_string()),
        }
    }

    /// A finite number.
    pub(crate) fn number(&self, field: &'static str) -> Result<f64, DecodeError> {
        let number = match self {
            Self::Text(text) => parse_number(field, text)?,
            Self::Unescaped(text) => parse_number(field, text)?,
            Self::Integer(number) => *number as f64,
            Self::Float(number) => *number,
        };
        if number.is_finite() {
            Ok(number)
        } else {
            Err(wrong(field, &self.as_text(), "not a finite number"))
        }
    }

    /// A size: finite and not below zero.
    pub(super) fn size(&self, field: &'static str) -> Result<f64, DecodeError> {
        let size = self.number(field)?;
        if size >= 0.0 { Ok(size) } else { Err(wrong(field, &self.as_text(), "below zero")) }
    }

    /// Milliseconds since the epoch.
    pub(crate) fn millis(&self, field: &'static str) -> Result<Timestamp, DecodeError> {
        let millis = match self {
            Self::Text(text) => parse_millis(field, text)?,
            Self::Unescaped(text) => parse_millis(field, text)?,
            Self::Integer(millis) => *millis,
            Self::Float(millis) if millis.fract() == 0.0 => *millis as i64,
            Self::Float(millis) => return Err(wrong(field, &millis.to_string(), "not whole milliseconds")),
        };
        let moment = if millis >= EARLIEST_MILLIS { Timestamp::from_millis(millis) } else { None };
        moment
            .ok_or_else(|| wrong(field, &self.as_text(), "not a time in milliseconds between 2009 and 9999"))
    }
}

fn parse_number(field: &'static str, text: &str) -> Result<f64, DecodeError> {
    text.parse().map_err(|_| wrong(field, text, "not a number"))
}

fn parse_millis(field: &'static str, text: &str) -> Result<i64, DecodeError> {
    text.parse().map_err(|_| wrong(field, text, "not whole milliseconds"))
}

/// The value of a field that must be there.
pub(crate) fn required<'v, 'a>(
    field: &'static str,
    value: Option<&'v Scalar<'a>>,
) -> Result<&'v Scalar<'a>, DecodeError> {
    value.ok_or(DecodeError::Field { field, value: String::new(), problem: "missing" })
}

/// A price above zero, from a field that must be there.
pub(crate) fn price(field: &'static str, value: Option<&Scalar<'_>>) -> Result<Price, DecodeError> {
    let value = required(field, value)?;
    Price::new(value.number(field)?).map_err(|_| wrong(field, &value.as_text(), "not a price above zero"))
}

/// A quantity above zero, from a field that must be there.
pub(super) fn quantity(field: &'static str, value: Option<&Scalar<'_>>) -> Result<Quantity, DecodeError> {
    let value = required(field, value)?;
    match Quantity::new(value.size(field)?) {
        Ok(quantity) if quantity.get() > 0.0 => Ok(quantity),
        Ok(_) | Err(_) => Err(wrong(field, &value.as_text(), "not a size above zero")),
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Scalar<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a number")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Scalar::Text(text))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Scalar::Unescaped(text.into()))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Scalar::Integer(number))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(i64::try_from(number).map_or(Scalar::Float(number as f64), Scalar::Integer))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
                Ok(Scalar::Float(number))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// An object of the shape looked for, or anything else: other streams give the same key to a
/// price, a flag, a list. Boxed, because serde moves what it builds once per level around it.
#[derive(Debug)]
pub(super) enum Nested<T> {
    Object(Box<T>),
    Other,
}

/// One object, or a list of them.
#[derive(Debug)]
pub(super) enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    pub(super) fn as_slice(&self) -> &[T] {
        match self {
            Self::One(item) => std::slice::from_ref(item),
            Self::Many(items) => items,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Nested<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Read<T> {
            type Value = Nested<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|object| Nested::Object(Box::new(object)))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Nested::Other)
            }
            fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
                Ok(Nested::Other)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Nested::Other)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(Nested::Other)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Nested::Other)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Nested::Other)
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Nested::Other)
            }
        }
        deserializer.deserialize_any(Read(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Read<T> {
            type Value = OneOrMany<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object or a list of objects")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(OneOrMany::One)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(items)).map(OneOrMany::Many)
            }
        }
        deserializer.deserialize_any(Read(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_may_be_a_string_and_a_string_a_number() {
        for (json, number) in
            [("\"8.55\"", 8.55), ("8.55", 8.55), ("12", 12.0), ("\"1e3\"", 1e3), ("-0.5", -0.5)]
        {
            assert_eq!(parse::<Scalar<'_>>(json).unwrap().number("x"), Ok(number), "{json}");
        }
        for json in ["\"NaN\"", "\"inf\"", "\"1e999\"", "\"\"", "\"0x10\"", "\"1,000\"", "\"12 \""] {
            assert!(parse::<Scalar<'_>>(json).unwrap().number("x").is_err(), "{json}");
        }
        for json in ["true", "null", "[1]", "{}", "1e999", "NaN"] {
            assert!(parse::<Scalar<'_>>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_time_in_the_wrong_unit_is_refused() {
        let fits = |json: &str| parse::<Scalar<'_>>(json).unwrap().millis("T").is_ok();
        for json in ["1791565602120", "\"1791565602120\"", "1791565602120.0", "1.79156560212e12"] {
            assert!(fits(json), "{json}");
        }
        for json in [
            "0",
            "-1",
            "1791565602",
            "\"1791565602120000\"",
            "18446744073709551615",
            "1e300",
            "1791565602120.5",
        ] {
            assert!(!fits(json), "{json}");
        }
    }

    #[test]
    fn an_error_quotes_little_of_what_it_was_given() {
        let DecodeError::Field { value, .. } = wrong("s", &"é".repeat(10_000), "too long") else {
            unreachable!("wrong makes a field error");
        };
        assert!(value.len() <= QUOTED + '…'.len_utf8());
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(10_000));
        assert!(parse::<Vec<i64>>(&long).unwrap_err().to_string().len() < 300);
    }
}
