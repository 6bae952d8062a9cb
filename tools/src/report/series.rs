//! One variable over checkpoints: each block of it is read once in every version that differs, and all versions are looked
//! at side by side.

use std::ops::Range;

use varkeep::DType;

use super::sketch::Sketch;
use super::units::{self, Columns, Units};
use crate::compare::{self, Change};
use crate::failure::Outcome;
use crate::opened::{Facts, Item, Opened, Piece};
use crate::stats::Stats;

/// Read at once of each version, if its chunks are no larger.
const BLOCK_BYTES: u64 = 1 << 20;

/// All versions that are in memory at once take no more than this.
const MEMORY_BYTES_MAX: u64 = 128 << 20;

/// One name over checkpoints, oldest first.
#[derive(Debug)]
pub(crate) struct Series {
    /// Of the newest checkpoint that holds it.
    pub(crate) facts: Facts,
    /// In which checkpoints it is, and with which form.
    pub(crate) forms: Vec<Option<Form>>,
    /// Statistics in each checkpoint, where it is there and holds numbers.
    pub(crate) points: Vec<Option<Point>>,
    /// How each pair of checkpoints differs: see [`Series::pair`].
    pairs: Vec<Delta>,
    /// Of the units of a layer, how many never moved, and how many there are.
    pub(crate) units_still: Option<(u64, u64)>,
    /// The bounds of all histograms.
    pub(crate) range: Option<(f64, f64)>,
}

/// What must agree for values to be compared element by element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) dtype: DType,
    pub(crate) shape: Vec<u64>,
}

/// A variable in one checkpoint.
#[derive(Debug, Default)]
pub(crate) struct Point {
    pub(crate) stats: Stats,
    /// Counts in equal bins of [`Series::range`].
    pub(crate) histogram: Vec<f64>,
    pub(crate) units: Option<UnitsFound>,
}

/// What was found of the units of a layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnitsFound {
    pub(crate) all: u64,
    pub(crate) zero: u64,
    pub(crate) exploding: u64,
}

/// How a variable differs from one checkpoint to a later one.
#[derive(Clone, Debug, Default)]
pub(crate) enum Delta {
    /// It is in neither.
    #[default]
    Nothing,
    Added,
    Removed,
    Equal,
    /// Another dtype or shape.
    Reformed,
    Changed(Box<Change>),
    /// Values that are no numbers.
    ChangedOtherwise,
}

/// How many variables can be read at the same time, so that memory stays bounded.
pub(crate) fn threads(checkpoints: usize, chunk_bytes_max: u64) -> usize {
    let each = checkpoints as u64 * (chunk_bytes_max.max(BLOCK_BYTES) + (1 << 18));
    crate::parallel::threads().min((MEMORY_BYTES_MAX / each.max(1)) as usize).max(1)
}

/// The number of a pair of checkpoints, the earlier first, among all pairs.
pub(crate) fn pair_number(i: usize, j: usize) -> usize {
    debug_assert!(i < j);
    j * (j - 1) / 2 + i
}

/// The checkpoints that share a form, and what is found of each.
struct Group<'a> {
    members: Vec<(usize, &'a Item)>,
    gathered: Vec<Gathered>,
    moved: Vec<bool>,
}

#[derive(Default)]
struct Gathered {
    stats: Stats,
    sketch: Sketch,
    units: Option<Units>,
}

impl Series {
    /// Reads the variable of a name in all checkpoints.
    pub(crate) fn read(name: &str, checkpoints: &[Opened]) -> Outcome<Self> {
        let items: Vec<Option<Item>> = checkpoints.iter().map(|one| one.find(name)).collect::<Outcome<_>>()?;
        let newest = items.iter().rev().flatten().next().expect("the name was found in a checkpoint");
        let form = |item: &Item| Form { dtype: item.dtype, shape: item.shape.clone() };
        let count = items.len();
        let mut series = Self {
            facts: Facts::clone(newest),
            forms: items.iter().map(|item| item.as_ref().map(form)).collect(),
            points: (0..count).map(|_| None).collect(),
            pairs: vec![Delta::Nothing; count * count.saturating_sub(1) / 2],
            units_still: None,
            range: None,
        };
        for j in 1..count {
            for i in 0..j {
                series.pairs[pair_number(i, j)] = match (&series.forms[i], &series.forms[j]) {
                    (None, None) => Delta::Nothing,
                    (None, Some(_)) => Delta::Added,
                    (Some(_), None) => Delta::Removed,
                    (Some(a), Some(b)) if a != b => Delta::Reformed,
                    (Some(_), Some(_)) => Delta::Equal,
                };
            }
        }
        // An alias says nothing that its target does not say.
        if !newest.has_own_value() {
            return Ok(series);
        }
        let mut left: Vec<(usize, &Item)> =
            items.iter().enumerate().filter_map(|(k, item)| Some((k, item.as_ref()?))).collect();
        while let Some((_, first)) = left.last().copied() {
            let (members, others): (Vec<_>, Vec<_>) =
                left.into_iter().partition(|(_, item)| form(item) == form(first) && item.is_cut_alike(first));
            left = others;
            if first.is_numeric() {
                series.read_group(members)?;
            } else {
                series.tell_apart(&members)?;
            }
        }
        series.tell_cuts_apart(&items)?;
        Ok(series)
    }

    /// How the variable differs from a checkpoint to a later one.
    pub(crate) fn pair(&self, i: usize, j: usize) -> &Delta {
        &self.pairs[pair_number(i, j)]
    }

    /// Whether it is the same in all checkpoints that hold it.
    pub(crate) fn is_still(&self) -> bool {
        self.pairs.iter().all(|delta| matches!(delta, Delta::Equal | Delta::Nothing))
    }

    /// Values that are no numbers are equal or not.
    fn tell_apart(&mut self, members: &[(usize, &Item)]) -> Outcome<()> {
        for (at, (j, later)) in members.iter().enumerate() {
            for (i, earlier) in &members[..at] {
                if !compare::is_equal(earlier, later)? {
                    self.pairs[pair_number(*i, *j)] = Delta::ChangedOtherwise;
                }
            }
        }
        Ok(())
    }

    /// Compares what has the same form and is cut into other pieces.
    fn tell_cuts_apart(&mut self, items: &[Option<Item>]) -> Outcome<()> {
        for (j, later) in items.iter().enumerate().filter_map(|(j, item)| Some((j, item.as_ref()?))) {
            for (i, earlier) in items[..j].iter().enumerate().filter_map(|(i, item)| Some((i, item.as_ref()?))) {
                let pair = pair_number(i, j);
                if !matches!(self.pairs[pair], Delta::Equal) || earlier.is_cut_alike(later) || !later.is_numeric() {
                    continue;
                }
                let change = compare::all(&[(earlier, later)], compare::Tolerance::NONE, &mut |_| {})?.remove(0);
                if change.changed > 0 {
                    self.pairs[pair] = Delta::Changed(Box::new(change));
                }
            }
        }
        Ok(())
    }

    /// Reads checkpoints in which the variable has one form and is cut alike.
    fn read_group(&mut self, members: Vec<(usize, &Item)>) -> Outcome<()> {
        let (_, any) = members[0];
        let units = units::has_units(any.dtype, &any.shape, any.trainable != Some(false))
            .then(|| any.shape[any.shape.len() - 1] as usize);
        let gathered = members.iter().map(|_| Gathered { units: units.map(Units::of), ..Gathered::default() });
        let mut group = Group { gathered: gathered.collect(), moved: vec![false; units.unwrap_or(0)], members };
        for piece in 0..any.pieces().len() {
            self.read_piece(&mut group, piece)?;
        }
        let (mut low, mut high) = self.range.unwrap_or((f64::INFINITY, f64::NEG_INFINITY));
        for gathered in &group.gathered {
            low = gathered.stats.min.map_or(low, |min| low.min(min.to_f64()));
            high = gathered.stats.max.map_or(high, |max| high.max(max.to_f64()));
        }
        // Of several forms, the newest rules the axis: groups come with the newest first.
        let range = self.range.or_else(|| (low <= high).then(|| widened(low, high)));
        for ((k, _), gathered) in group.members.iter().zip(group.gathered) {
            let Gathered { stats, sketch, units } = gathered;
            let histogram = range.map(|(low, high)| sketch.between(low, high)).unwrap_or_default();
            let units = units.map(|found| UnitsFound {
                all: any.shape[any.shape.len() - 1],
                zero: found.zero(),
                exploding: found.exploding(),
            });
            self.points[*k] = Some(Point { stats, histogram, units });
        }
        if self.range.is_none() && units.is_some() && group.members.len() > 1 {
            let still = group.moved.iter().filter(|moved| !**moved).count() as u64;
            self.units_still = Some((still, group.moved.len() as u64));
        }
        self.range = range;
        Ok(())
    }

    fn read_piece(&mut self, group: &mut Group<'_>, number: usize) -> Outcome<()> {
        let all: Vec<Vec<Piece<'_>>> = group.members.iter().map(|(_, item)| item.pieces()).collect();
        let pieces: Vec<&Piece<'_>> = all.iter().map(|pieces| &pieces[number]).collect();
        // What differs from the checkpoint before, as far as that is known without reading.
        let differing: Vec<Vec<Range<u64>>> =
            pieces.windows(2).map(|pair| pair[0].ranges_to_compare(pair[1])).collect();
        let step = pieces.iter().map(|piece| piece.chunk_bytes()).fold(BLOCK_BYTES, u64::max);
        let mut room = Room::default();
        for start in (0..pieces[0].len_bytes()).step_by(step as usize) {
            let block = start..pieces[0].len_bytes().min(start + step);
            room.read(&pieces, &differing, &block)?;
            self.look_at(group, pieces[0], &block, &mut room);
        }
        Ok(())
    }

    /// Looks at all versions of a block.
    fn look_at(&mut self, group: &mut Group<'_>, piece: &Piece<'_>, block: &Range<u64>, room: &mut Room) {
        let (_, any) = group.members[0];
        let size = any.dtype.element_bytes().expect("numbers have whole bytes");
        let columns = group.gathered[0].units.as_ref().map(|_| {
            let (axis, sizes) = (any.shape.len() - 1, piece.sizes());
            let width = sizes[axis] as usize;
            let first = (block.start / size as u64 % sizes[axis].max(1)) as usize;
            Columns { offset: piece.offset()[axis] as usize, width, first }
        });
        for (version, bytes) in room.versions[..room.used].iter().enumerate() {
            let mut stats = Stats::default();
            stats.add(any.dtype, bytes, &mut room.finite);
            room.sketch.clear();
            room.sketch.add(any.dtype, bytes);
            let mut units = group.gathered[0].units.clone();
            if let (Some(units), Some(columns)) = (&mut units, columns) {
                units.clear();
                units.add(any.dtype, bytes, columns);
            }
            let holders = group.gathered.iter_mut().zip(&room.version_of).filter(|(_, of)| **of == version);
            for (gathered, _) in holders {
                gathered.stats.merge(stats.clone());
                gathered.sketch.merge(&room.sketch);
                if let (Some(into), Some(units)) = (&mut gathered.units, &units) {
                    into.merge(units);
                }
            }
            if let (Some(columns), true) = (columns, version > 0) {
                units::mark_moved(&mut group.moved, size, &room.versions[version - 1], bytes, columns);
            }
        }
        for later in 1..room.used {
            for earlier in 0..later {
                let (a, b) = (&room.versions[earlier], &room.versions[later]);
                let (mut change, _) = compare::of_bytes(any.dtype, a, b, compare::Tolerance::NONE);
                if change.changed == 0 {
                    continue;
                }
                change.elements = any.elements;
                let holders = |version: usize| {
                    let members = group.members.iter().zip(&room.version_of);
                    members.filter(move |(_, of)| **of == version).map(|((k, _), _)| *k)
                };
                for j in holders(later) {
                    for i in holders(earlier) {
                        match &mut self.pairs[pair_number(i, j)] {
                            Delta::Changed(known) => known.merge(change.clone()),
                            other => *other = Delta::Changed(Box::new(change.clone())),
                        }
                    }
                }
            }
        }
    }
}

/// The versions of one block.
#[derive(Default)]
struct Room {
    versions: Vec<Vec<u8>>,
    /// How many of them are of this block.
    used: usize,
    /// Which version each checkpoint has.
    version_of: Vec<usize>,
    finite: Vec<f64>,
    sketch: Sketch,
}

impl Room {
    fn read(&mut self, pieces: &[&Piece<'_>], differing: &[Vec<Range<u64>>], block: &Range<u64>) -> Outcome<()> {
        self.used = 0;
        self.version_of.clear();
        for (k, piece) in pieces.iter().enumerate() {
            if k > 0 && !overlaps(&differing[k - 1], block) {
                self.version_of.push(self.used - 1);
                continue;
            }
            if self.versions.len() == self.used {
                self.versions.push(Vec::new());
            }
            let (before, rest) = self.versions.split_at_mut(self.used);
            rest[0].resize((block.end - block.start) as usize, 0);
            piece.read_into(block.start, &mut rest[0])?;
            if before.last() != Some(&rest[0]) {
                self.used += 1;
            }
            self.version_of.push(self.used - 1);
        }
        Ok(())
    }
}

/// Whether a block has anything of ranges in ascending order.
fn overlaps(ranges: &[Range<u64>], block: &Range<u64>) -> bool {
    let first = ranges.partition_point(|range| range.end <= block.start);
    ranges.get(first).is_some_and(|range| range.start < block.end)
}

/// Bounds that a histogram can be drawn between: a single value is in the midst.
fn widened(low: f64, high: f64) -> (f64, f64) {
    if low < high {
        return (low, high);
    }
    let around = if low == 0.0 { 0.5 } else { low.abs() / 2.0 };
    (low - around, high + around)
}
