//! The normal distribution, by its quantile function: one draw makes one value.
//!
//! Only additions, multiplications, divisions and square roots are used, each of which IEEE 754 defines to the last
//! bit. So the values are the same on every machine, which no call into a mathematical library could promise.

use std::f64::consts::{LN_2, SQRT_2};

/// Probability that a standard normal value lies between 0 and 2.
const UP_TO_TWO: f64 = 0.477_249_868_051_820_8;

/// The standard normal value that is exceeded with probability `0.5 - centered`, for `centered` between -0.5 and 0.5.
///
/// The rational approximations are Wichura's algorithm AS 241 (PPND16): relative error about 1e-16.
pub(super) fn quantile(centered: f64) -> f64 {
    if centered.abs() <= 0.425 {
        let r = 0.180_625 - centered * centered;
        return centered * polynomial(r, &MIDDLE.0) / polynomial(r, &MIDDLE.1);
    }
    let tail = 0.5 - centered.abs();
    let r = (-natural_logarithm(tail)).sqrt();
    let value = if r <= 5.0 {
        polynomial(r - 1.6, &TAIL.0) / polynomial(r - 1.6, &TAIL.1)
    } else {
        polynomial(r - 5.0, &FAR_TAIL.0) / polynomial(r - 5.0, &FAR_TAIL.1)
    };
    value.copysign(centered)
}

/// The quantile of a standard normal value known to lie between -2 and 2: as if others were drawn again.
pub(super) fn truncated_quantile(centered: f64) -> f64 {
    quantile(centered * (2.0 * UP_TO_TWO)).clamp(-2.0, 2.0)
}

fn polynomial(x: f64, coefficients: &[f64; 8]) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

/// The natural logarithm of a positive normal number, by the series of the inverse hyperbolic tangent.
fn natural_logarithm(x: f64) -> f64 {
    const MANTISSA: u64 = (1 << 52) - 1;
    let bits = x.to_bits();
    let mut exponent = (bits >> 52) as f64 - 1023.0;
    let mut mantissa = f64::from_bits((bits & MANTISSA) | 1.0_f64.to_bits());
    if mantissa > SQRT_2 {
        mantissa *= 0.5;
        exponent += 1.0;
    }
    // Now |s| < 0.172, and the first term left out is below 1e-19.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let squared = s * s;
    let series = (0..12).rev().fold(0.0, |sum, k| sum * squared + 1.0 / f64::from(2 * k + 1));
    exponent * LN_2 + 2.0 * s * series
}

/// Numerator and denominator, lowest power first.
type Ratio = ([f64; 8], [f64; 8]);

#[expect(clippy::excessive_precision, reason = "the digits are those published")]
const MIDDLE: Ratio = (
    [
        3.387_132_872_796_366_608,
        133.141_667_891_784_377_45,
        1_971.590_950_306_551_442_7,
        13_731.693_765_509_461_125,
        45_921.953_931_549_871_457,
        67_265.770_927_008_700_853,
        33_430.575_583_588_128_105,
        2_509.080_928_730_122_672_7,
    ],
    [
        1.0,
        42.313_330_701_600_911_252,
        687.187_007_492_057_908_3,
        5_394.196_021_424_751_107_7,
        21_213.794_301_586_595_867,
        39_307.895_800_092_710_61,
        28_729.085_735_721_942_674,
        5_226.495_278_852_854_561,
    ],
);

#[expect(clippy::excessive_precision, reason = "the digits are those published")]
const TAIL: Ratio = (
    [
        1.423_437_110_749_683_577_34,
        4.630_337_846_156_545_295_9,
        5.769_497_221_460_691_405_5,
        3.647_848_324_763_204_605_04,
        1.270_458_252_452_368_382_58,
        0.241_780_725_177_450_611_77,
        0.022_723_844_989_269_184_583_3,
        7.745_450_142_783_414_076_4e-4,
    ],
    [
        1.0,
        2.053_191_626_637_758_821_87,
        1.676_384_830_183_803_849_4,
        0.689_767_334_985_100_004_55,
        0.148_103_976_427_480_074_59,
        0.015_198_666_563_616_457_196_6,
        5.475_938_084_995_344_946e-4,
        1.050_750_071_644_416_843_24e-9,
    ],
);

#[expect(clippy::excessive_precision, reason = "the digits are those published")]
const FAR_TAIL: Ratio = (
    [
        6.657_904_643_501_103_777_2,
        5.463_784_911_164_114_369_9,
        1.784_826_539_917_291_335_8,
        0.296_560_571_828_504_891_23,
        0.026_532_189_526_576_123_093,
        0.001_242_660_947_388_078_438_6,
        2.711_555_568_743_487_578_15e-5,
        2.010_334_399_292_288_132_65e-7,
    ],
    [
        1.0,
        0.599_832_206_555_887_937_69,
        0.136_929_880_922_735_805_31,
        0.014_875_361_290_850_615_025,
        7.868_691_311_456_132_591e-4,
        1.846_318_317_510_054_681_8e-5,
        1.421_511_758_316_445_888_7e-7,
        2.044_263_103_389_939_785_64e-15,
    ],
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_that_of_the_standard_library() {
        for i in 1..20_000 {
            for x in [f64::from(i) / 20_000.0, f64::from(i) * 2.0_f64.powi(-53)] {
                let error = (natural_logarithm(x) - x.ln()).abs();
                assert!(error <= 4e-16 * x.ln().abs().max(1e-3), "{x} {error}");
            }
        }
    }

    #[test]
    fn quantiles_are_those_of_the_tables() {
        // Probability of not exceeding, and the value: from tables of the distribution.
        let table = [
            (0.5, 0.0),
            (0.6, 0.253_347_103_135_799_7),
            (0.75, 0.674_489_750_196_081_7),
            (0.9, 1.281_551_565_544_600_4),
            (0.975, 1.959_963_984_540_054),
            (0.999, 3.090_232_306_167_813_5),
            (1.0 - 1e-6, 4.753_424_308_822_899),
        ];
        for (probability, value) in table {
            assert!((quantile(probability - 0.5) - value).abs() < 1e-9, "{probability}");
            assert!((quantile(0.5 - probability) + value).abs() < 1e-9, "{probability}");
        }
    }

    #[test]
    fn quantiles_rise_across_the_seams_and_stay_finite() {
        let smallest = 0.5 - 2.0_f64.powi(-53);
        let seams = [0.425, 0.5 - (-25.0_f64).exp()];
        for seam in seams {
            let (before, after) = (quantile(seam - 1e-12), quantile(seam + 1e-12));
            assert!(before < after && after - before < 1e-1, "{before} {after}");
        }
        assert!(quantile(smallest) > 8.0 && quantile(smallest) < 8.5);
        assert!(truncated_quantile(smallest) <= 2.0 && truncated_quantile(smallest) > 2.0 - 1e-9);
    }
}
