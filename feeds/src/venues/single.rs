//! Takes the noise out of prices that a source keeps in single precision.

/// How far reading decimal digits may be off, as a share of the number: a few units in the last place.
const READING_ERROR: f64 = 1e-15;

/// The shortest decimal that is the same number in single precision: `12.779999732971191` is what
/// 12.78 becomes there. Numbers that were never in single precision are left alone.
pub(super) fn denoise(number: f64) -> f64 {
    let single = number as f32;
    let is_single = (f64::from(single) - number).abs() <= number.abs() * READING_ERROR;
    if !is_single {
        return number;
    }
    single.to_string().parse().unwrap_or(number)
}

/// [`denoise`], then rounded to `decimals` where that changes nothing that single precision holds.
pub(super) fn denoise_to(single: f32, decimals: u32) -> f64 {
    let plain = denoise(f64::from(single));
    let Some(scale) = 10_i64.checked_pow(decimals).map(|scale| scale as f64) else {
        return plain;
    };
    let rounded = (plain * scale).round() / scale;
    let is_same = (rounded as f32).to_bits() == single.to_bits();
    if is_same { rounded } else { plain }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_single_precision_did_to_a_price_is_undone() {
        let cases = [
            (12.779_999_732_971_191, 12.78),
            (2.502_502_918_243_408, 2.502_503),
            (4.900_000_095_367_432, 4.9),
            (94_745.078_125, 94_745.08),
            (62.25, 62.25),
            (0.1, 0.1),
            (465.864_013_671_875, 465.864),
            (1e300, 1e300),
        ];
        for (given, expected) in cases {
            assert!((denoise(given) - expected).abs() < 1e-12 * expected, "{given}: {}", denoise(given));
        }
    }

    #[test]
    fn digits_beyond_the_hint_are_kept_where_they_are_real() {
        assert!((denoise_to(94_745.08, 2) - 94_745.08).abs() < 1e-9);
        assert!((denoise_to(126_296.34, 2) - 126_296.34).abs() < 1e-9);
        assert!((denoise_to(0.000_012_34, 2) - 0.000_012_34).abs() < 1e-15, "not rounded to nothing");
        assert!((denoise_to(249.1234, 2) - 249.1234).abs() < 1e-9);
        assert!((denoise_to(12.78, 400) - 12.78).abs() < 1e-12, "an absurd hint");
    }

    proptest! {
        #[test]
        fn denoising_stays_the_same_single(number in any::<f32>().prop_filter("finite", |x| x.is_finite()),
                                           decimals in 0_u32..12) {
            prop_assert_eq!((denoise(f64::from(number)) as f32).to_bits(), number.to_bits());
            prop_assert_eq!((denoise_to(number, decimals) as f32).to_bits(), number.to_bits());
        }

        #[test]
        fn cents_come_back_exactly(cents in 1_u32..9_999_999) {
            let price = f64::from(cents) / 100.0;
            prop_assert_eq!(denoise(f64::from(price as f32)).to_bits(), price.to_bits());
        }
    }
}
