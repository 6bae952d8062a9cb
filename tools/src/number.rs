//! Numbers that statistics and comparisons come to: exact for integers, and any float.

use serde::{Serialize, Serializer};

/// An integer or a float.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    /// Any integer dtype's values and their differences fit.
    Int(i128),
    Float(f64),
}

impl Number {
    pub(crate) fn to_f64(self) -> f64 {
        match self {
            Self::Int(x) => x as f64,
            Self::Float(x) => x,
        }
    }

    pub(crate) fn min(self, other: Self) -> Self {
        if other.is_below(self) { other } else { self }
    }

    pub(crate) fn max(self, other: Self) -> Self {
        if self.is_below(other) { other } else { self }
    }

    fn is_below(self, other: Self) -> bool {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a < b,
            (a, b) => a.to_f64() < b.to_f64(),
        }
    }
}

/// JSON has no word for these numbers, so they are strings.
pub(crate) fn word_of(x: f64) -> Option<&'static str> {
    match x {
        x if x.is_nan() => Some("NaN"),
        f64::INFINITY => Some("Infinity"),
        f64::NEG_INFINITY => Some("-Infinity"),
        _ => None,
    }
}

/// Writes a float so that it reads back, whatever it is.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
pub(crate) fn serialize_float<S: Serializer>(x: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    match word_of(*x) {
        Some(word) => serializer.serialize_str(word),
        None => serializer.serialize_f64(*x),
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Int(x) => match (u64::try_from(*x), i64::try_from(*x)) {
                (Ok(x), _) => serializer.serialize_u64(x),
                (_, Ok(x)) => serializer.serialize_i64(x),
                // A difference of a signed and a larger unsigned number.
                _ => serializer.serialize_f64(*x as f64),
            },
            Self::Float(x) => serialize_float(x, serializer),
        }
    }
}

/// A number that is not negative, without its fraction.
#[expect(clippy::cast_sign_loss, reason = "what is negative becomes zero")]
pub(crate) fn whole(x: f64) -> usize {
    x as usize
}
