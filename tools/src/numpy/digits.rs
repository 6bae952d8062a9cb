//! The decimal digits of one number: the shortest that read back, or exactly rounded.

use half::f16;

/// How wide a float is: the narrower, the fewer digits tell it apart from its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    F16,
    F32,
    F64,
}

/// The value `0.d₁d₂d₃… × 10^(exponent + 1)`: `exponent` is that of the first digit.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Digits {
    digits: String,
    exponent: i32,
}

/// A number cut into parts, without its sign and without zeros at the end of the fraction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) integer: String,
    pub(super) fraction: String,
    /// Of scientific notation.
    pub(super) exponent: i32,
}

/// The number in positional notation; a fraction longer than `precision` is rounded to it, ties to even.
pub(super) fn positional(x: f64, width: Width, precision: Option<usize>) -> Parts {
    let Digits { digits, exponent } = shortest(x, width);
    let integer_digits = usize::try_from(exponent + 1).unwrap_or(0);
    let fraction_digits = usize::try_from(count(&digits) - 1 - exponent).unwrap_or(0);
    if let Some(precision) = precision.filter(|precision| fraction_digits > *precision) {
        let rounded = format!("{:.precision$}", x.abs());
        let (integer, fraction) = rounded.split_once('.').unwrap_or((&rounded, ""));
        return Parts { integer: integer.to_owned(), fraction: trimmed(fraction), exponent: 0 };
    }
    let (integer, fraction) = if integer_digits == 0 {
        let zeros = usize::try_from(-1 - exponent).unwrap_or(0);
        ("0".to_owned(), "0".repeat(zeros) + &digits)
    } else if digits.len() <= integer_digits {
        (digits.clone() + &"0".repeat(integer_digits - digits.len()), String::new())
    } else {
        (digits[..integer_digits].to_owned(), digits[integer_digits..].to_owned())
    };
    Parts { integer, fraction: trimmed(&fraction), exponent: 0 }
}

/// The number in scientific notation, rounded likewise.
pub(super) fn scientific(x: f64, width: Width, precision: Option<usize>) -> Parts {
    let Digits { mut digits, mut exponent } = shortest(x, width);
    if let Some(precision) = precision.filter(|precision| digits.len() - 1 > *precision) {
        Digits { digits, exponent } = parse(&format!("{:.precision$e}", x.abs()));
    }
    let fraction = trimmed(&digits[1..]);
    digits.truncate(1);
    Parts { integer: digits, fraction, exponent }
}

/// The number in scientific notation with this many digits behind the point: those past the shortest ones are the
/// value's own, not zeros.
pub(super) fn scientific_exactly(x: f64, width: Width, digits_behind: usize) -> Parts {
    let Digits { digits, exponent } = shortest(x, width);
    let Digits { digits, exponent } = if digits.len() - 1 == digits_behind {
        Digits { digits, exponent }
    } else {
        parse(&format!("{:.digits_behind$e}", x.abs()))
    };
    Parts { integer: digits[..1].to_owned(), fraction: digits[1..].to_owned(), exponent }
}

/// How many digits there are: never more than a few hundred.
fn count(digits: &str) -> i32 {
    i32::try_from(digits.len()).unwrap_or(i32::MAX)
}

fn trimmed(fraction: &str) -> String {
    fraction.trim_end_matches('0').to_owned()
}

/// Reads what Rust's `{:e}` writes.
fn parse(text: &str) -> Digits {
    let (mantissa, exponent) = text.split_once('e').expect("scientific notation has an exponent");
    Digits { digits: mantissa.replace('.', ""), exponent: exponent.parse().expect("and it is a number") }
}

/// The fewest digits that read back as this number at its width, and of those the nearest.
fn shortest(x: f64, width: Width) -> Digits {
    let x = x.abs();
    let found = match width {
        Width::F64 => parse(&format!("{x:e}")),
        // The value is one of the narrower type's, so this changes nothing but the digits.
        Width::F32 => parse(&format!("{:e}", x as f32)),
        Width::F16 => return shortest_f16(x),
    };
    // Of two decimals that are as near, Rust takes the larger and NumPy the even one.
    let even = parse(&format!("{:.*e}", found.digits.len() - 1, x));
    let reads_back = match width {
        Width::F64 => even.value().to_bits() == x.to_bits(),
        _ => even.text().parse::<f32>().is_ok_and(|read| f64::from(read).to_bits() == x.to_bits()),
    };
    if reads_back { even } else { found }
}

fn shortest_f16(x: f64) -> Digits {
    if x == 0.0 {
        return Digits { digits: "0".to_owned(), exponent: 0 };
    }
    // Five digits always do. Below a power of two the neighbours lie closer, so the nearest decimal of some length may
    // miss where the next one up or down reads back.
    for precision in 0..5 {
        let nearest = parse(&format!("{x:.precision$e}"));
        let mut candidates = vec![nearest.clone(), nearest.next(1), nearest.next(-1)];
        candidates.retain(|decimal| f16::from_f64(decimal.value()).to_f64().to_bits() == x.to_bits());
        candidates.sort_by(|a, b| (a.value() - x).abs().total_cmp(&(b.value() - x).abs()));
        if let Some(found) = candidates.into_iter().next() {
            return found;
        }
    }
    parse(&format!("{x:e}"))
}

impl Digits {
    fn text(&self) -> String {
        let (first, rest) = self.digits.split_at(1);
        format!("{first}.{rest}e{}", self.exponent)
    }

    fn value(&self) -> f64 {
        self.text().parse().expect("digits make a number")
    }

    /// The next decimal of this length.
    fn next(&self, step: i64) -> Self {
        let number: i64 = self.digits.parse().expect("few digits make a number");
        let digits = (number + step).max(1).to_string();
        let exponent = self.exponent + count(&digits) - count(&self.digits);
        Self { digits, exponent }
    }
}
