//! e^x of many numbers that are not above 0, side by side.
//!
//! Only sums and products in a fixed order and no branch, so that a compiler does two or four at a time and
//! the bits are those of one at a time; `libm::exp` can do neither. Argument reduction is W. J. Cody and
//! W. Waite's, *Software Manual for the Elementary Functions* (1980).

/// Arguments below this count as this: e⁻⁶⁰⁰ is nothing beside 1, and far from where numbers lose bits.
const LEAST: f64 = -600.0;
/// Adding it rounds to a whole number, which is then in the last bits.
const ROUND: f64 = 6_755_399_441_055_744.0;
const PER_LN_2: f64 = core::f64::consts::LOG2_E;
/// The first bits of ln 2, so few that a product with a power's exponent is exact, and the rest.
const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// e^x for x ≤ 0, within two units in the last place; e^0 is 1.
#[inline]
pub(super) fn decay(x: f64) -> f64 {
    let x = if x > LEAST { x } else { LEAST };
    let shifted = x * PER_LN_2 + ROUND;
    let power = shifted - ROUND;
    let r = (x - power * LN_2_HIGH) - power * LN_2_LOW;
    // Taylor's series; |r| ≤ ln 2 / 2, so what is left out is below 4e-18.
    let mut sum = 1.0 / 6_227_020_800.0;
    for factor in [
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ] {
        sum = sum * r + factor;
    }
    sum * f64::from_bits(1.0_f64.to_bits().wrapping_add(shifted.to_bits() << 52))
}

/// [`decay`] of each.
pub(super) fn decay_all(values: &mut [f64]) {
    for value in values {
        *value = decay(*value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_exponential_to_two_units_in_the_last_place() {
        for step in 0..600_000 {
            let x = f64::from(step) * -0.001;
            let (ours, known) = (decay(x), libm::exp(x));
            assert!((ours - known).abs() <= 2.0 * f64::EPSILON * known, "{x}: {ours} is not {known}");
        }
        assert_eq!(decay(0.0).to_bits(), 1.0_f64.to_bits());
    }

    #[test]
    fn what_is_far_below_is_next_to_nothing_and_a_number() {
        for x in [-601.0, -1e9, -1e300, f64::NEG_INFINITY] {
            assert_eq!(decay(x).to_bits(), decay(-600.0).to_bits());
        }
        assert!(decay(-600.0) > 0.0 && decay(-600.0) < 1e-260);
    }

    #[test]
    fn many_at_a_time_have_the_bits_of_one_at_a_time() {
        let mut many: Vec<f64> = (0..101).map(|step| f64::from(step) * -1.37).collect();
        let one: Vec<f64> = many.iter().map(|x| decay(*x)).collect();
        decay_all(&mut many);
        assert!(many.iter().zip(&one).all(|(a, b)| a.to_bits() == b.to_bits()));
    }
}
