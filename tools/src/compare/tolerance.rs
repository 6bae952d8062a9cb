//! What counts as no change.

/// NumPy's `rtol` and `atol`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tolerance {
    pub(crate) relative: f64,
    pub(crate) absolute: f64,
}

impl Tolerance {
    /// Nothing but the same bits.
    pub(crate) const NONE: Self = Self { relative: 0.0, absolute: 0.0 };

    pub(crate) fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// NumPy's `isclose(a, b, equal_nan=True)`.
    pub(super) fn is_close(self, a: f64, b: f64) -> bool {
        if !a.is_finite() || !b.is_finite() {
            // Two NaN are close, whatever their bits; an infinity only to itself.
            return a == b || (a.is_nan() && b.is_nan());
        }
        self.allows((a - b).abs(), b.abs())
    }

    /// Whether a finite distance from a number of this size is close.
    pub(super) fn allows(self, distance: f64, size: f64) -> bool {
        distance <= self.absolute + self.relative * size
    }
}
