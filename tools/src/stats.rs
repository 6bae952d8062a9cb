//! Statistics of variables: read a block at a time, on all processors, with the same digits however many those are.

use std::ops::Range;

use varkeep::DType;

use crate::elements::{self, Real, with_real};
use crate::failure::Outcome;
use crate::histogram::{Bins, Histogram};
use crate::number::Number;
use crate::opened::{BLOCK_BYTES, Item};
use crate::parallel;

/// What the elements of one variable are like. Minimum, maximum, mean, standard deviation and histogram are of the finite
/// ones; of complex numbers, of their magnitudes; `bool` counts as 0 and 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Stats {
    pub(crate) min: Option<Number>,
    pub(crate) max: Option<Number>,
    pub(crate) zeros: u64,
    pub(crate) nans: u64,
    pub(crate) infinities: u64,
    pub(crate) histogram: Option<Histogram>,
    moments: Moments,
}

/// Count, sum, and sum of squared distances from the mean: they can be merged without losing digits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Moments {
    count: f64,
    sum: f64,
    /// What additions to the sum have rounded away.
    lost: f64,
    squares: f64,
}

impl Moments {
    fn of(block: &[f64]) -> Self {
        if block.is_empty() {
            return Self::default();
        }
        let (count, sum) = (block.len() as f64, block.iter().sum::<f64>());
        let mean = sum / count;
        let squares = block.iter().map(|x| (x - mean) * (x - mean)).sum();
        Self { count, sum, lost: 0.0, squares }
    }

    fn mean(&self) -> f64 {
        (self.sum + self.lost) / self.count
    }

    fn merge(self, other: Self) -> Self {
        if other.count == 0.0 {
            return self;
        }
        if self.count == 0.0 {
            return other;
        }
        let count = self.count + other.count;
        let apart = other.mean() - self.mean();
        let squares = self.squares + other.squares + apart * apart * self.count * other.count / count;
        let sum = self.sum + other.sum;
        // Knuth's exact remainder of an addition.
        let taken = sum - self.sum;
        let remainder = (self.sum - (sum - taken)) + (other.sum - taken);
        let remainder = if remainder.is_finite() { remainder } else { 0.0 };
        Self { count, sum, lost: self.lost + other.lost + remainder, squares }
    }
}

/// A block of a piece of the variable with this number.
struct Task {
    item: usize,
    piece: usize,
    block: Range<u64>,
}

/// What a thread keeps.
#[derive(Default)]
struct Room {
    bytes: Vec<u8>,
    finite: Vec<f64>,
}

/// Reads these variables and finds their statistics; `None` for what has no value of its own or no numbers. `progress` is
/// told how many bytes were read.
pub(crate) fn of_all(items: &[Item], progress: &mut dyn FnMut(u64)) -> Outcome<Vec<Option<Stats>>> {
    let wanted = |item: &Item| item.has_own_value() && item.is_numeric();
    let mut all: Vec<Option<Stats>> = items.iter().map(|item| wanted(item).then(Stats::default)).collect();
    let tasks = tasks_of(items, |i| all[i].is_some());
    let mut tell = |task: &Task| progress(task.block.end - task.block.start);
    let look = |task: &Task, room: &mut Room| first_look(items, task, room);
    let parts = parallel::map(parallel::threads(), &tasks, look, &mut tell)?;
    // Merged in the order of the blocks, so that the last digit is the same in every run.
    for (task, part) in tasks.iter().zip(parts) {
        if let Some(stats) = &mut all[task.item] {
            stats.merge(part);
        }
    }
    let bins: Vec<Option<Bins>> = all.iter().map(|stats| stats.as_ref().and_then(Stats::bins)).collect();
    // A variable of one block has its histogram already; of the others only now the bounds are known.
    let tasks = tasks_of(items, |i| bins[i].is_some() && all[i].as_ref().is_some_and(|one| one.histogram.is_none()));
    let look_again = |task: &Task, room: &mut Room| {
        let item = &items[task.item];
        read(item, task, room)?;
        let bins = bins[task.item].as_ref().expect("only variables with bounds are looked at again");
        Ok(Histogram::of(bins, item.dtype, &room.bytes))
    };
    let parts = parallel::map(parallel::threads(), &tasks, look_again, &mut tell)?;
    for (task, part) in tasks.iter().zip(parts) {
        if let Some(stats) = &mut all[task.item] {
            stats.histogram.get_or_insert_default().merge(&part);
        }
    }
    Ok(all)
}

/// The bytes that [`of_all`] reads: a variable of several blocks is read twice.
pub(crate) fn bytes_to_read(items: &[Item]) -> u64 {
    let wanted = items.iter().filter(|item| item.has_own_value() && item.is_numeric());
    let is_one_block = |item: &Item| item.bytes <= BLOCK_BYTES && item.slices.is_empty();
    wanted.map(|item| if is_one_block(item) { item.bytes } else { 2 * item.bytes }).sum()
}

fn tasks_of(items: &[Item], is_wanted: impl Fn(usize) -> bool) -> Vec<Task> {
    let mut tasks = Vec::new();
    for (item, value) in items.iter().enumerate().filter(|(i, _)| is_wanted(*i)) {
        for (piece, part) in value.pieces().iter().enumerate() {
            tasks.extend(part.blocks().map(|block| Task { item, piece, block }));
        }
    }
    tasks
}

fn read(item: &Item, task: &Task, room: &mut Room) -> Outcome<()> {
    room.bytes.resize((task.block.end - task.block.start) as usize, 0);
    item.pieces()[task.piece].read_into(task.block.start, &mut room.bytes)
}

fn first_look(items: &[Item], task: &Task, room: &mut Room) -> Outcome<Stats> {
    let item = &items[task.item];
    read(item, task, room)?;
    let mut stats = Stats::default();
    stats.add(item.dtype, &room.bytes, &mut room.finite);
    if room.bytes.len() as u64 == item.bytes {
        stats.count_into_bins(item.dtype, &room.bytes);
    }
    Ok(stats)
}

impl Stats {
    /// Adds elements. `finite` is room to work in.
    pub(crate) fn add(&mut self, dtype: DType, bytes: &[u8], finite: &mut Vec<f64>) {
        // Short enough for the processor's caches, and for sums without loss.
        const RUN_BYTES: usize = 32 << 10;
        for run in bytes.chunks(RUN_BYTES) {
            finite.clear();
            match dtype {
                DType::C64 => self.add_run(elements::magnitudes::<f32>(run), finite),
                DType::C128 => self.add_run(elements::magnitudes::<f64>(run), finite),
                dtype => with_real!(dtype, T => self.add_run(elements::reals::<T>(run), finite), _ => {}),
            }
        }
    }

    fn add_run<T: Real>(&mut self, elements: impl Iterator<Item = T>, finite: &mut Vec<f64>) {
        let mut extremes: Option<(T, T)> = None;
        let mut zeros = 0;
        for element in elements {
            let x = element.widen();
            if !x.is_finite() {
                *(if x.is_nan() { &mut self.nans } else { &mut self.infinities }) += 1;
                continue;
            }
            zeros += u64::from(x == 0.0);
            finite.push(x);
            let (min, max) = extremes.unwrap_or((element, element));
            extremes = Some((
                if element.is_below(min) { element } else { min },
                if max.is_below(element) { element } else { max },
            ));
        }
        self.zeros += zeros;
        self.moments = self.moments.merge(Moments::of(finite));
        if let Some((min, max)) = extremes {
            self.widen(min.number(), max.number());
        }
    }

    fn widen(&mut self, min: Number, max: Number) {
        self.min = Some(self.min.map_or(min, |known| known.min(min)));
        self.max = Some(self.max.map_or(max, |known| known.max(max)));
    }

    /// Adds those of a later part of the same variable.
    pub(crate) fn merge(&mut self, other: Self) {
        if let (Some(min), Some(max)) = (other.min, other.max) {
            self.widen(min, max);
        }
        self.zeros += other.zeros;
        self.nans += other.nans;
        self.infinities += other.infinities;
        self.moments = self.moments.merge(other.moments);
        if let Some(histogram) = other.histogram {
            self.histogram.get_or_insert_default().merge(&histogram);
        }
    }

    /// Makes the histogram of elements that all were added.
    pub(crate) fn count_into_bins(&mut self, dtype: DType, bytes: &[u8]) {
        self.histogram = self.bins().map(|bins| Histogram::of(&bins, dtype, bytes));
    }

    fn bins(&self) -> Option<Bins> {
        Bins::between(self.min?.to_f64(), self.max?.to_f64())
    }

    /// The mean; `None` if nothing is finite.
    pub(crate) fn mean(&self) -> Option<f64> {
        (self.moments.count > 0.0).then(|| self.moments.mean())
    }

    /// The standard deviation of the elements themselves (NumPy's default, `ddof=0`).
    pub(crate) fn std(&self) -> Option<f64> {
        (self.moments.count > 0.0).then(|| (self.moments.squares / self.moments.count).sqrt())
    }

    /// The length: the root of the sum of squares.
    pub(crate) fn l2(&self) -> Option<f64> {
        let Moments { count, squares, .. } = self.moments;
        let mean = self.moments.mean();
        (count > 0.0).then(|| (squares + count * mean * mean).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<T: Real>(elements: &[T]) -> Stats {
        let mut stats = Stats::default();
        elements.chunks(3).for_each(|block| stats.add_run(block.iter().copied(), &mut Vec::new()));
        stats
    }

    #[test]
    fn what_is_not_finite_is_counted_apart() {
        let stats = of(&[1.0_f32, f32::NAN, -0.0, 3.0, f32::INFINITY, f32::NEG_INFINITY, 2.0]);
        assert_eq!((stats.zeros, stats.nans, stats.infinities), (1, 1, 2));
        assert_eq!((stats.min, stats.max), (Some(Number::Float(0.0)), Some(Number::Float(3.0))));
        assert_eq!(stats.mean(), Some(1.5));
        assert!((stats.std().unwrap() - 1.25_f64.sqrt()).abs() < 1e-15);
        assert!((stats.l2().unwrap() - 14_f64.sqrt()).abs() < 1e-14);
        let none = of(&[f64::NAN]);
        assert_eq!((none.min, none.mean(), none.std(), none.l2()), (None, None, None, None));
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
