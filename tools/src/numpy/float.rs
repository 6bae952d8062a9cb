//! The common format of many floats, and the format of a single one.

use half::f16;

use super::digits::{Parts, Width, positional, scientific, scientific_exactly};

/// NumPy's `precision`: digits behind the point, at most.
const PRECISION: usize = 8;

/// Scientific notation has at least so many digits in its exponent.
const EXPONENT_DIGITS_MIN: usize = 2;

/// How all floats of one array are written, so that they line up.
pub(super) struct FloatFormat {
    width: Width,
    /// Whether positive numbers have a sign too.
    plus: bool,
    is_scientific: bool,
    pad_left: usize,
    pad_right: usize,
    precision: usize,
    exponent_digits: usize,
}

impl FloatFormat {
    pub(super) fn new(values: &[f64], width: Width, plus: bool) -> Self {
        let finite: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
        let is_scientific = wants_scientific(&finite, width);
        let mut format = Self {
            width,
            plus,
            is_scientific,
            pad_left: 0,
            pad_right: 0,
            precision: PRECISION,
            exponent_digits: EXPONENT_DIGITS_MIN,
        };
        let parts: Vec<(usize, Parts)> = finite.iter().map(|x| (format.sign(*x).len(), format.parts(*x))).collect();
        format.pad_left = parts.iter().map(|(sign, parts)| sign + parts.integer.len()).max().unwrap_or(0);
        let fraction = parts.iter().map(|(_, parts)| parts.fraction.len()).max().unwrap_or(0);
        if is_scientific {
            let digits = |(_, parts): &(usize, Parts)| parts.exponent.unsigned_abs().to_string().len();
            format.exponent_digits = parts.iter().map(digits).max().unwrap_or(0).max(EXPONENT_DIGITS_MIN);
            format.precision = fraction;
            format.pad_right = format.exponent_digits + 2 + fraction;
        } else {
            format.pad_right = fraction;
        }
        if finite.len() < values.len() {
            let has_sign = plus || values.contains(&f64::NEG_INFINITY);
            let behind = format.pad_right + 1;
            let least = "nan".len().max("inf".len() + usize::from(has_sign));
            format.pad_left = format.pad_left.max(least.saturating_sub(behind));
        }
        format
    }

    fn parts(&self, x: f64) -> Parts {
        let cut = if self.is_scientific { scientific } else { positional };
        cut(x, self.width, Some(self.precision))
    }

    fn sign(&self, x: f64) -> &'static str {
        if x.is_sign_negative() {
            "-"
        } else if self.plus {
            "+"
        } else {
            ""
        }
    }

    pub(super) fn item(&self, x: f64) -> String {
        if !x.is_finite() {
            let sign = if x.is_nan() { if self.plus { "+" } else { "" } } else { self.sign(x) };
            let word = if x.is_nan() { "nan" } else { "inf" };
            return format!("{:>1$}", format!("{sign}{word}"), self.pad_left + self.pad_right + 1);
        }
        let Parts { integer, fraction, exponent } = if self.is_scientific {
            scientific_exactly(x, self.width, self.precision)
        } else {
            positional(x, self.width, Some(self.precision))
        };
        let integer = format!("{:>1$}", format!("{}{integer}", self.sign(x)), self.pad_left);
        if self.is_scientific {
            return format!("{integer}.{fraction}{}", exponent_text(exponent, self.exponent_digits));
        }
        format!("{integer}.{fraction:<0$}", self.pad_right)
    }
}

fn exponent_text(exponent: i32, digits: usize) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("e{sign}{:0digits$}", exponent.unsigned_abs())
}

/// NumPy's rule, computed in the array's own type as NumPy does.
fn wants_scientific(finite: &[f64], width: Width) -> bool {
    let magnitudes = || finite.iter().map(|x| x.abs()).filter(|x| *x != 0.0);
    let Some(largest) = magnitudes().reduce(f64::max) else { return false };
    let smallest = magnitudes().fold(largest, f64::min);
    let (too_large, too_small, ratio) = match width {
        Width::F16 => {
            let ratio = f16::from_f32(largest as f32 / smallest as f32);
            (1e3, f16::from_f64(1e-4).to_f64(), ratio.to_f64())
        }
        Width::F32 => (1e6, f64::from(1e-4_f32), f64::from(largest as f32 / smallest as f32)),
        Width::F64 => (1e8, 1e-4, largest / smallest),
    };
    largest >= too_large || smallest < too_small || ratio > 1000.0
}

/// How all complex numbers of one array are written.
pub(super) struct ComplexFormat {
    real: FloatFormat,
    imaginary: FloatFormat,
}

impl ComplexFormat {
    pub(super) fn new(values: &[(f64, f64)], width: Width) -> Self {
        let (real, imaginary): (Vec<f64>, Vec<f64>) = values.iter().copied().unzip();
        Self { real: FloatFormat::new(&real, width, false), imaginary: FloatFormat::new(&imaginary, width, true) }
    }

    pub(super) fn item(&self, real: f64, imaginary: f64) -> String {
        let (real, imaginary) = (self.real.item(real), self.imaginary.item(imaginary));
        let number = imaginary.trim_end();
        format!("{real}{number}j{}", &imaginary[number.len()..])
    }
}

/// One float by itself: all its digits.
pub(super) fn scalar(x: f64, width: Width) -> String {
    scalar_text(x, width, ".0", false)
}

fn scalar_text(x: f64, width: Width, whole: &str, plus: bool) -> String {
    let sign = if x.is_sign_negative() && !x.is_nan() {
        "-"
    } else if plus {
        "+"
    } else {
        ""
    };
    if !x.is_finite() {
        return format!("{sign}{}", if x.is_nan() { "nan" } else { "inf" });
    }
    let too_large = match width {
        Width::F16 => 1e3,
        Width::F32 => 1e6,
        Width::F64 => 1e16,
    };
    let is_positional = x == 0.0 || (1e-4..too_large).contains(&x.abs());
    let Parts { integer, fraction, exponent } =
        if is_positional { positional(x, width, None) } else { scientific(x, width, None) };
    let mut text = format!("{sign}{integer}");
    if !fraction.is_empty() {
        text = format!("{text}.{fraction}");
    } else if is_positional {
        text += whole;
    }
    if !is_positional {
        text += &exponent_text(exponent, EXPONENT_DIGITS_MIN);
    }
    text
}

/// One complex number by itself.
pub(super) fn complex_scalar(real: f64, imaginary: f64, width: Width) -> String {
    if real == 0.0 && real.is_sign_positive() {
        return scalar_text(imaginary, width, "", false) + "j";
    }
    format!("({}{}j)", scalar_text(real, width, "", false), scalar_text(imaginary, width, "", true))
}
