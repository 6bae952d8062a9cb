//! Statistics of a saved variable, read a block at a time.

use varkeep::{DType, SavedVariable};

use crate::elements::{self, Real, with_real};
use crate::failure::Outcome;
use crate::number::Number;

/// Read at once: a multiple of every chunk size.
const BLOCK_BYTES: u64 = varkeep::limits::CHUNK_BYTES_MAX;

/// What the elements of one variable are like. Minimum, maximum, mean and standard deviation are of the finite ones; of
/// complex numbers, of their magnitudes; `bool` counts as 0 and 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Stats {
    pub(crate) min: Option<Number>,
    pub(crate) max: Option<Number>,
    pub(crate) zeros: u64,
    pub(crate) nans: u64,
    pub(crate) infinities: u64,
    moments: Moments,
}

/// Count, mean, and sum of squared distances from it: they can be merged without losing digits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn of(block: &[f64]) -> Self {
        if block.is_empty() {
            return Self::default();
        }
        let count = block.len() as f64;
        let mean = block.iter().sum::<f64>() / count;
        let squares = block.iter().map(|x| (x - mean) * (x - mean)).sum();
        Self { count, mean, squares }
    }

    fn merge(self, other: Self) -> Self {
        if other.count == 0.0 {
            return self;
        }
        let count = self.count + other.count;
        let apart = other.mean - self.mean;
        let mean = self.mean + apart * other.count / count;
        let squares = self.squares + other.squares + apart * apart * self.count * other.count / count;
        Self { count, mean, squares }
    }
}

impl Stats {
    /// Reads the variable. `None` for elements that are no numbers. `progress` is told the bytes of every block.
    pub(crate) fn of(variable: &SavedVariable, progress: &mut dyn FnMut(u64)) -> Outcome<Option<Self>> {
        let dtype = variable.dtype();
        if dtype == DType::String || dtype.is_raw() {
            return Ok(None);
        }
        let mut stats = Self::default();
        let mut room = Vec::new();
        for piece in variable.pieces() {
            let mut at = 0;
            while at < piece.len_bytes() {
                room.resize((piece.len_bytes() - at).min(BLOCK_BYTES) as usize, 0);
                piece.read_into(at, &mut room)?;
                stats.add(dtype, &room);
                at += room.len() as u64;
                progress(room.len() as u64);
            }
        }
        Ok(Some(stats))
    }

    fn add(&mut self, dtype: DType, bytes: &[u8]) {
        // Short enough for the processor's caches, and for sums without loss.
        const RUN_BYTES: usize = 32 << 10;
        for run in bytes.chunks(RUN_BYTES) {
            match dtype {
                DType::C64 => self.add_run(elements::complexes::<f32>(run).map(magnitude)),
                DType::C128 => self.add_run(elements::complexes::<f64>(run).map(magnitude)),
                dtype => with_real!(dtype, T => self.add_run(elements::reals::<T>(run)), _ => {}),
            }
        }
    }

    fn add_run<T: Real>(&mut self, elements: impl Iterator<Item = T>) {
        let mut finite = Vec::with_capacity(4096);
        let mut extremes: Option<(T, T)> = None;
        for element in elements {
            let x = element.widen();
            if !x.is_finite() {
                *(if x.is_nan() { &mut self.nans } else { &mut self.infinities }) += 1;
                continue;
            }
            self.zeros += u64::from(x == 0.0);
            finite.push(x);
            let (min, max) = extremes.unwrap_or((element, element));
            extremes = Some((
                if is_below(element, min) { element } else { min },
                if is_below(max, element) { element } else { max },
            ));
        }
        self.moments = self.moments.merge(Moments::of(&finite));
        if let Some((min, max)) = extremes {
            self.min = Some(self.min.map_or(min.number(), |known| known.min(min.number())));
            self.max = Some(self.max.map_or(max.number(), |known| known.max(max.number())));
        }
    }

    /// The mean; `None` if nothing is finite.
    pub(crate) fn mean(&self) -> Option<f64> {
        (self.moments.count > 0.0).then_some(self.moments.mean)
    }

    /// The standard deviation of the elements themselves (NumPy's default, `ddof=0`).
    pub(crate) fn std(&self) -> Option<f64> {
        (self.moments.count > 0.0).then(|| (self.moments.squares / self.moments.count).sqrt())
    }
}

fn magnitude((real, imaginary): (f64, f64)) -> f64 {
    // `hypot` calls infinite what has one infinite part, even if the other is NaN: here NaN counts.
    if real.is_nan() || imaginary.is_nan() { f64::NAN } else { real.hypot(imaginary) }
}

fn is_below<T: Real>(a: T, b: T) -> bool {
    match (a.number(), b.number()) {
        (Number::Int(a), Number::Int(b)) => a < b,
        _ => a.widen() < b.widen(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<T: Real>(elements: &[T]) -> Stats {
        let mut stats = Stats::default();
        elements.chunks(3).for_each(|block| stats.add_run(block.iter().copied()));
        stats
    }

    #[test]
    fn what_is_not_finite_is_counted_apart() {
        let stats = of(&[1.0_f32, f32::NAN, -0.0, 3.0, f32::INFINITY, f32::NEG_INFINITY, 2.0]);
        assert_eq!((stats.zeros, stats.nans, stats.infinities), (1, 1, 2));
        assert_eq!((stats.min, stats.max), (Some(Number::Float(0.0)), Some(Number::Float(3.0))));
        assert_eq!(stats.mean(), Some(1.5));
        assert!((stats.std().unwrap() - 1.25_f64.sqrt()).abs() < 1e-15);
        let none = of(&[f64::NAN]);
        assert_eq!((none.min, none.mean(), none.std()), (None, None, None));
    }

    #[test]
    fn large_integers_keep_their_extremes() {
        let stats = of(&[u64::MAX, u64::MAX - 1, 1 << 53, (1 << 53) + 1]);
        assert_eq!(stats.max, Some(Number::Int(u64::MAX.into())));
        assert_eq!(stats.min, Some(Number::Int(1 << 53)));
        assert_eq!(of(&[i64::MIN, 0]).min, Some(Number::Int(i64::MIN.into())));
    }

    #[test]
    fn a_small_spread_around_a_large_mean_is_not_lost() {
        let values: Vec<f64> = (0..10_000).map(|i| 1e9 + f64::from(i % 2)).collect();
        assert!((of(&values).std().unwrap() - 0.5).abs() < 1e-6);
    }
}
