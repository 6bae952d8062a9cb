//! The four floating-point types, as results of a computation in `f64`.

use half::{bf16, f16};

use super::number::Number;

/// A floating-point element type.
pub(super) trait Float: Number {
    /// Bytes of random bits that one draw for this type uses.
    const DRAW_BYTES: usize;

    /// The nearest number of this type.
    ///
    /// The same on every machine; the narrow types are rounded by way of `f32`, because not every processor rounds
    /// an `f64` to 16 bits in one step.
    fn nearest(value: f64) -> Self;

    /// The nearest number to an integer.
    fn of_integer(value: i128) -> Self;

    /// The same number.
    fn widen(self) -> f64;

    /// The next smaller number of this type, for a finite one.
    fn below(self) -> Self;
}

impl Float for f64 {
    const DRAW_BYTES: usize = 8;

    fn nearest(value: f64) -> Self {
        value
    }

    fn of_integer(value: i128) -> Self {
        value as f64
    }

    fn widen(self) -> f64 {
        self
    }

    fn below(self) -> Self {
        self.next_down()
    }
}

impl Float for f32 {
    const DRAW_BYTES: usize = 4;

    fn nearest(value: f64) -> Self {
        value as f32
    }

    fn of_integer(value: i128) -> Self {
        value as f32
    }

    fn widen(self) -> f64 {
        self.into()
    }

    fn below(self) -> Self {
        self.next_down()
    }
}

macro_rules! narrow {
    ($( $type:ty )+) => { $(
        impl Float for $type {
            const DRAW_BYTES: usize = 4;

            fn nearest(value: f64) -> Self {
                Self::from_f32(value as f32)
            }

            fn of_integer(value: i128) -> Self {
                Self::from_f32(value as f32)
            }

            fn widen(self) -> f64 {
                self.into()
            }

            fn below(self) -> Self {
                const SIGN: u16 = 1 << 15;
                Self::from_bits(match self.to_bits() {
                    0 | SIGN => SIGN | 1,
                    negative if negative & SIGN != 0 => negative + 1,
                    positive => positive - 1,
                })
            }
        }
    )+ };
}

narrow! { f16 bf16 }

/// Runs code with `$type` standing for the element type of a floating-point dtype.
macro_rules! with_float {
    ($dtype:expr, $type:ident => $run:expr, else $other:expr) => {
        match $dtype {
            $crate::dtype::DType::F16 => {
                type $type = half::f16;
                $run
            }
            $crate::dtype::DType::BF16 => {
                type $type = half::bf16;
                $run
            }
            $crate::dtype::DType::F32 => {
                type $type = f32;
                $run
            }
            $crate::dtype::DType::F64 => {
                type $type = f64;
                $run
            }
            _ => $other,
        }
    };
}

pub(super) use with_float;

#[cfg(test)]
mod tests {
    use super::*;

    fn steps_down<T: Float + PartialOrd>() {
        for value in [1.0, 0.5, 0.0, -0.0, -1.0, 1.5, -1024.0] {
            let from = T::nearest(value);
            let below = from.below();
            assert!(below < from, "{below:?} {from:?}");
            // Nothing lies between the two.
            let middle = T::nearest(f64::midpoint(below.widen(), from.widen()));
            assert!(middle == below || middle == from, "{middle:?} {from:?}");
        }
    }

    #[test]
    fn below_is_the_neighbour() {
        steps_down::<f16>();
        steps_down::<bf16>();
        steps_down::<f32>();
        steps_down::<f64>();
    }
}
