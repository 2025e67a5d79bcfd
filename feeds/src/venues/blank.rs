//! Reads fields that venues leave out, leave blank (`""`) or fill with a zero that stands for nothing.

use market::{Price, Quantity, Timestamp};

use super::wire::{Scalar, price, wrong};
use crate::protocol::DecodeError;

/// The value of a field that is there and not blank.
pub(super) fn filled<'v, 'a>(value: Option<&'v Scalar<'a>>) -> Option<&'v Scalar<'a>> {
    value.filter(|value| match value {
        Scalar::Text(text) => !text.is_empty(),
        Scalar::Unescaped(text) => !text.is_empty(),
        Scalar::Integer(_) | Scalar::Float(_) => true,
    })
}

/// A finite number.
pub(super) fn maybe_number(
    field: &'static str,
    value: Option<&Scalar<'_>>,
) -> Result<Option<f64>, DecodeError> {
    filled(value).map(|value| value.number(field)).transpose()
}

/// A price; `None` for zero too, which is no price but the lack of one.
pub(super) fn maybe_price(
    field: &'static str,
    value: Option<&Scalar<'_>>,
) -> Result<Option<Price>, DecodeError> {
    match filled(value) {
        Some(told) if told.number(field)? != 0.0 => price(field, Some(told)).map(Some),
        Some(_) | None => Ok(None),
    }
}

/// A quantity, of zero too: nothing traded, nothing open.
pub(super) fn maybe_quantity(
    field: &'static str,
    value: Option<&Scalar<'_>>,
) -> Result<Option<Quantity>, DecodeError> {
    let Some(value) = filled(value) else { return Ok(None) };
    let size = value.size(field)?;
    Quantity::new(size).map(Some).map_err(|_| wrong(field, &value.as_text(), "not a size"))
}

/// Milliseconds since the epoch; `None` for zero too.
pub(super) fn maybe_millis(
    field: &'static str,
    value: Option<&Scalar<'_>>,
) -> Result<Option<Timestamp>, DecodeError> {
    match filled(value) {
        Some(told) if told.number(field)? != 0.0 => told.millis(field).map(Some),
        Some(_) | None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::venues::wire::parse;

    #[test]
    fn what_is_left_out_blank_or_zero_is_nothing_and_what_is_wrong_is_an_error() {
        let read = |json: &str| {
            let value: Option<Scalar<'_>> = parse(json).unwrap();
            let value = value.as_ref();
            (
                maybe_number("n", value).map_err(drop),
                maybe_price("p", value).map(|price| price.map(Price::get)).map_err(drop),
                maybe_quantity("q", value).map(|size| size.map(Quantity::get)).map_err(drop),
                maybe_millis("t", value).map(|at| at.map(Timestamp::as_micros)).map_err(drop),
            )
        };
        let nothing = (Ok(None), Ok(None), Ok(None), Ok(None));
        assert_eq!(read("null"), nothing);
        assert_eq!(read("\"\""), nothing);
        for zero in ["0", "\"0\"", "\"0.00000000\""] {
            assert_eq!(read(zero), (Ok(Some(0.0)), Ok(None), Ok(Some(0.0)), Ok(None)), "{zero}");
        }
        assert_eq!(read("\"-2.5\""), (Ok(Some(-2.5)), Err(()), Err(()), Err(())));
        assert_eq!(read("\"x\""), (Err(()), Err(()), Err(()), Err(())));
        let millis = 1_791_000_000_000.0;
        assert_eq!(
            read("1791000000000"),
            (Ok(Some(millis)), Ok(Some(millis)), Ok(Some(millis)), Ok(Some(1_791_000_000_000_000)))
        );
    }
}
