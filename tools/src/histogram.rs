//! Counts of elements in bins of one width, exactly as `numpy.histogram` counts.

use varkeep::DType;

use crate::elements::{self, Real, with_real};
use crate::number::whole;

/// How many bins there are: as many cells as a column of a table has room for.
pub(crate) const BINS: usize = 10;

/// The edges of the bins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bins {
    edges: [f64; BINS + 1],
}

/// How many elements are in each bin.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Histogram {
    /// All bins have the same width; `None` before the first element.
    pub(crate) bins: Option<Bins>,
    pub(crate) counts: [u64; BINS],
}

impl Bins {
    /// The bins between the least and the greatest value; a single value is in the midst of a width of one. `None` if
    /// they are further apart than floats reach.
    pub(crate) fn between(min: f64, max: f64) -> Option<Self> {
        let (first, last) = if min == max { (min - 0.5, max + 0.5) } else { (min, max) };
        let step = (last - first) / BINS as f64;
        // Of numbers as large as 1e300, half more or less makes no difference.
        if !step.is_finite() || step <= 0.0 {
            return None;
        }
        let mut edges = std::array::from_fn(|i| i as f64 * step + first);
        edges[BINS] = last;
        Some(Self { edges })
    }

    pub(crate) fn edges(&self) -> &[f64; BINS + 1] {
        &self.edges
    }

    fn number_of(&self, x: f64) -> usize {
        let (first, last) = (self.edges[0], self.edges[BINS]);
        let mut bin = whole((x - first) / (last - first) * BINS as f64);
        bin = bin.min(BINS - 1);
        // The division rounds, the edges decide.
        if x < self.edges[bin] && bin > 0 {
            bin -= 1;
        } else if bin < BINS - 1 && x >= self.edges[bin + 1] {
            bin += 1;
        }
        bin
    }
}

impl Histogram {
    /// Counts the finite elements in these bytes.
    pub(crate) fn of(bins: &Bins, dtype: DType, bytes: &[u8]) -> Self {
        let mut histogram = Self { bins: Some(*bins), counts: [0; BINS] };
        match dtype {
            DType::C64 => histogram.count(bins, elements::magnitudes::<f32>(bytes)),
            DType::C128 => histogram.count(bins, elements::magnitudes::<f64>(bytes)),
            dtype => with_real!(dtype, T => histogram.count(bins, elements::reals::<T>(bytes)), _ => {}),
        }
        histogram
    }

    fn count<T: Real>(&mut self, bins: &Bins, elements: impl Iterator<Item = T>) {
        for x in elements.map(Real::widen).filter(|x| x.is_finite()) {
            self.counts[bins.number_of(x)] += 1;
        }
    }

    /// Adds the counts of another part of the same variable.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.bins = self.bins.or(other.bins);
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, more)| *count += more);
    }

    /// The counts as little bars, one character each: the greatest is full, what is not empty can be seen.
    pub(crate) fn bars(&self) -> String {
        bars(&self.counts.map(|count| count as f64))
    }
}

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Numbers that are not negative as little bars, one character each; zeros are blank.
fn bars(heights: &[f64]) -> String {
    let greatest = heights.iter().copied().fold(0.0, f64::max);
    let bar = |height: &f64| match *height {
        0.0 => ' ',
        height => BARS[whole((height / greatest * BARS.len() as f64).ceil()).clamp(1, BARS.len()) - 1],
    };
    heights.iter().map(bar).collect()
}

/// A curve as little bars: the least value is the lowest bar. What is not finite is a cross, what is absent blank.
pub(crate) fn sparkline(values: &[Option<f64>]) -> String {
    let finite = || values.iter().flatten().copied().filter(|x| x.is_finite());
    let (least, greatest) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    let bar = |value: &Option<f64>| match value {
        None => ' ',
        Some(x) if !x.is_finite() => '×',
        Some(_) if least == greatest => BARS[BARS.len() / 2],
        Some(x) => {
            let share = (x / 2.0 - least / 2.0) / (greatest / 2.0 - least / 2.0);
            BARS[whole((share * (BARS.len() - 1) as f64).round())]
        }
    };
    values.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_belong_to_the_bin_above_and_the_last_to_the_last() {
        let bins = Bins::between(0.0, 1.0).unwrap();
        let bytes: Vec<u8> =
            [0.0, 0.1, 0.3, 0.7, 0.99, 1.0, f64::NAN].iter().flat_map(|x: &f64| x.to_le_bytes()).collect();
        let histogram = Histogram::of(&bins, DType::F64, &bytes);
        // The third edge is 0.30000000000000004, as NumPy's is.
        assert_eq!(histogram.counts, [1, 1, 1, 0, 0, 0, 1, 0, 0, 2]);
        assert_eq!(histogram.bars().chars().count(), BINS);
        assert_eq!(Bins::between(3.0, 3.0).unwrap().edges()[0], 2.5);
        assert_eq!(Bins::between(f64::MIN, f64::MAX), None);
        assert_eq!(Bins::between(1e300, 1e300), None);
    }

    #[test]
    fn bars_show_all_that_is_there() {
        assert_eq!(bars(&[0.0, 1.0, 1000.0, 500.0]), " ▁█▄");
        assert_eq!(sparkline(&[Some(1.0), None, Some(f64::NAN), Some(3.0), Some(2.0)]), "▁ ×█▅");
        assert_eq!(sparkline(&[Some(2.0), Some(2.0)]), "▅▅");
        assert_eq!(sparkline(&[]), "");
    }
}
