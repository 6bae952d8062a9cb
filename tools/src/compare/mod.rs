//! How much the values of two variables of one shape differ: read a block at a time, on all processors, and only what is
//! not known to be equal.

mod elements;
mod tolerance;

use std::ops::Range;

use varkeep::DType;

use crate::failure::Outcome;
use crate::number::Number;
use crate::opened::flat::{Flat, unravel};
use crate::opened::{BLOCK_BYTES, Item, blocks};
use crate::parallel;

pub(crate) use tolerance::Tolerance;

/// The difference of two values.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Change {
    /// Elements of the variable.
    pub(crate) elements: u64,
    /// Those that differ.
    pub(crate) changed: u64,
    /// The largest finite difference, if any is finite.
    pub(crate) max_delta: Option<Number>,
    /// Where it is, one index per axis.
    pub(crate) max_at: Option<Vec<u64>>,
    /// NaN in B where A has none.
    pub(crate) new_nans: u64,
    /// Infinities in B where A has none.
    pub(crate) new_infinities: u64,
    sums: Sums,
    /// Bytes of B that were looked at: the others are known to be equal.
    pub(crate) bytes_read: u64,
}

/// Sums over the elements that changed and are finite on both sides.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sums {
    /// Squares of the change.
    delta: f64,
    /// Squares of A.
    a: f64,
    /// Squares of B.
    b: f64,
    /// Products of A and B.
    product: f64,
}

/// Two variables to be compared, of one shape.
pub(crate) type Pair<'a> = (&'a Item, &'a Item);

/// A part of a pair.
struct Task {
    pair: usize,
    part: Part,
}

enum Part {
    /// Bytes of a piece that both have.
    Bytes { piece: usize, range: Range<u64> },
    /// Elements in row-major order, of values that are cut differently.
    Elements(Range<u64>),
    /// Byte strings, all of them.
    Strings,
}

/// What a thread keeps.
#[derive(Default)]
struct Room {
    a: Vec<u8>,
    b: Vec<u8>,
    wide: (Vec<f64>, Vec<f64>),
}

/// Whether two variables can be compared: of one shape, and of one dtype or both of real numbers.
pub(crate) fn is_comparable(a: &Item, b: &Item) -> bool {
    let is_real = |item: &Item| item.is_numeric() && !item.dtype.is_complex();
    a.shape == b.shape && (a.dtype == b.dtype || is_real(a) && is_real(b))
}

/// Compares every pair. `progress` is told the bytes of every block.
pub(crate) fn all(pairs: &[Pair<'_>], tolerance: Tolerance, progress: &mut dyn FnMut(u64)) -> Outcome<Vec<Change>> {
    let mut changes: Vec<Change> =
        pairs.iter().map(|(a, _)| Change { elements: a.elements, ..Change::default() }).collect();
    let (mut tasks, mut scattered) = (Vec::new(), Vec::new());
    for (pair, both) in pairs.iter().enumerate() {
        for part in parts_of(*both) {
            let is_scattered = matches!(part, Part::Elements(_));
            (if is_scattered { &mut scattered } else { &mut tasks }).push(Task { pair, part });
        }
    }
    // What is gathered from many places keeps many places in memory: not on every processor at once.
    for (tasks, threads) in [(tasks, parallel::threads()), (scattered, parallel::threads().min(2))] {
        let work = |task: &Task, room: &mut Room| compare(pairs[task.pair], &task.part, tolerance, room);
        let parts = parallel::map(threads, &tasks, work, &mut |task| progress(bytes_of(pairs[task.pair], &task.part)))?;
        for (task, part) in tasks.iter().zip(parts) {
            changes[task.pair].merge(part);
        }
    }
    Ok(changes)
}

/// Compares elements of one dtype that were read already. Gives the number of the one with the largest difference too.
pub(crate) fn of_bytes(dtype: DType, a: &[u8], b: &[u8], tolerance: Tolerance) -> (Change, Option<u64>) {
    let mut change = Change::default();
    let at = elements::compare(&mut change, dtype, a, b, tolerance);
    (change, at)
}

/// The bytes of B that comparing will read.
pub(crate) fn bytes_to_read(pairs: &[Pair<'_>]) -> u64 {
    pairs.iter().flat_map(|both| parts_of(*both).into_iter().map(|part| bytes_of(*both, &part))).sum()
}

/// Whether all bits are equal: two variables of one dtype and shape. Ends at the first difference.
pub(crate) fn is_equal(a: &Item, b: &Item) -> Outcome<bool> {
    if a.is_known_equal(b) {
        return Ok(true);
    }
    let mut room = Room::default();
    for part in parts_of((a, b)) {
        if compare((a, b), &part, Tolerance::NONE, &mut room)?.changed > 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

fn parts_of((a, b): Pair<'_>) -> Vec<Part> {
    if a.dtype == DType::String {
        return vec![Part::Strings];
    }
    if a.dtype == b.dtype && a.is_cut_alike(b) {
        let (ours, theirs) = (a.pieces(), b.pieces());
        let of_piece = |(piece, (a, b)): (usize, (&crate::opened::Piece<'_>, &crate::opened::Piece<'_>))| {
            let ranges = a.ranges_to_compare(b).into_iter().flat_map(blocks);
            ranges.map(|range| Part::Bytes { piece, range }).collect::<Vec<_>>()
        };
        return ours.iter().zip(&theirs).enumerate().flat_map(of_piece).collect();
    }
    let step = BLOCK_BYTES / 16;
    let starts = (0..a.elements).step_by(step as usize);
    starts.map(|start| Part::Elements(start..a.elements.min(start + step))).collect()
}

fn bytes_of((_, b): Pair<'_>, part: &Part) -> u64 {
    match part {
        Part::Bytes { range, .. } => range.end - range.start,
        Part::Elements(range) => (range.end - range.start) * b.dtype.element_bytes().unwrap_or(1) as u64,
        Part::Strings => b.bytes,
    }
}

fn compare((a, b): Pair<'_>, part: &Part, tolerance: Tolerance, room: &mut Room) -> Outcome<Change> {
    let mut change = Change { bytes_read: bytes_of((a, b), part), ..Change::default() };
    let mut first = 0;
    let mut place: Box<dyn Fn(u64) -> Vec<u64>> = Box::new(|flat| unravel(flat, &a.shape));
    match part {
        Part::Strings => {
            let (a, b) = (a.read_strings()?, b.read_strings()?);
            change.changed = a.strings()?.iter().zip(b.strings()?.iter()).filter(|(a, b)| a != b).count() as u64;
            return Ok(change);
        }
        Part::Bytes { piece, range } => {
            let (ours, theirs) = (&a.pieces()[*piece], &b.pieces()[*piece]);
            let len = (range.end - range.start) as usize;
            room.a.resize(len, 0);
            room.b.resize(len, 0);
            ours.read_into(range.start, &mut room.a)?;
            theirs.read_into(range.start, &mut room.b)?;
            first = range.start / a.dtype.element_bytes().unwrap_or(1) as u64;
            let (sizes, offset) = (ours.sizes().to_vec(), ours.offset().to_vec());
            place = Box::new(move |flat| {
                unravel(flat, &sizes).iter().zip(&offset).map(|(index, offset)| index + offset).collect()
            });
        }
        Part::Elements(range) => {
            for (item, into) in [(a, &mut room.a), (b, &mut room.b)] {
                into.clear();
                let mut flat = Flat::new(item, item.dtype.element_bytes().unwrap_or(1));
                flat.read(range.start, range.end - range.start, into)?;
            }
            first += range.start;
        }
    }
    let found = if a.dtype == b.dtype {
        elements::compare(&mut change, a.dtype, &room.a, &room.b, tolerance)
    } else {
        elements::compare_widened(&mut change, (a.dtype, &room.a), (b.dtype, &room.b), &mut room.wide, tolerance)
    };
    change.max_at = found.map(|flat| place(first + flat));
    Ok(change)
}

impl Change {
    /// Adds that of a later part of the same variable.
    pub(crate) fn merge(&mut self, other: Self) {
        self.changed += other.changed;
        self.new_nans += other.new_nans;
        self.new_infinities += other.new_infinities;
        self.bytes_read += other.bytes_read;
        self.sums.delta += other.sums.delta;
        self.sums.a += other.sums.a;
        self.sums.b += other.sums.b;
        self.sums.product += other.sums.product;
        if let Some(delta) = other.max_delta
            && self.max_delta.is_none_or(|known| known.max(delta) != known)
        {
            self.max_delta = Some(delta);
            self.max_at = other.max_at;
        }
    }

    /// The share of elements that changed.
    pub(crate) fn share(&self) -> f64 {
        if self.elements == 0 { 0.0 } else { self.changed as f64 / self.elements as f64 }
    }

    /// The length of the change.
    pub(crate) fn l2_delta(&self) -> Option<f64> {
        self.max_delta.map(|_| self.sums.delta.sqrt())
    }

    /// The length of the change relative to the length of A, over the elements that changed; infinite if they all were
    /// zero.
    pub(crate) fn l2_relative(&self) -> Option<f64> {
        let delta = self.l2_delta()?;
        Some(if delta == 0.0 { 0.0 } else { delta / self.sums.a.sqrt() })
    }

    /// The cosine of the angle between A and B, over the elements that changed; none if one of them is zero.
    pub(crate) fn cosine(&self) -> Option<f64> {
        let lengths = self.sums.a.sqrt() * self.sums.b.sqrt();
        (self.max_delta.is_some() && lengths > 0.0 && lengths.is_finite())
            .then(|| (self.sums.product / lengths).clamp(-1.0, 1.0))
    }
}
