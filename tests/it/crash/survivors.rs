//! Which of the effects that were not synced survive a loss of power, and in which part.

use std::collections::BTreeSet;
use std::ops::Range;

use super::disk::Disk;
use crate::support::Seeded;

/// What a disk writes as one.
const SECTOR_BYTES: usize = 512;

/// Of so many effects all subsets are tried; of more, those that differ most and some by chance.
const ALL_SUBSETS_UP_TO: usize = 6;

/// Of so many at most, each is lost alone, survives alone, and is where a prefix ends; of more, some.
const EACH_UP_TO: usize = 32;

/// How many are tried by chance where not all subsets are.
const BY_CHANCE: usize = 24;

/// What becomes of one effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    Lost,
    Whole,
    /// A write of which only a beginning is there, so many bytes of a million.
    Cut(usize),
    /// The same, to the end of a sector.
    CutAtSector(usize),
    /// A write whose file has grown as it should, but some of whose sectors read as zeros: by a number that says which.
    Holes(u64),
}

impl Fate {
    /// The parts of a write that are there.
    pub(super) fn parts(self, len: usize) -> Vec<Range<usize>> {
        let cut = |share: usize| len * share / 1_000_000;
        match self {
            Self::Lost => Vec::new(),
            Self::Whole => std::iter::once(0..len).collect(),
            Self::Cut(share) => std::iter::once(0..cut(share)).collect(),
            Self::CutAtSector(share) => {
                std::iter::once(0..cut(share).next_multiple_of(SECTOR_BYTES).min(len)).collect()
            }
            Self::Holes(which) => {
                let sectors = (0..len).step_by(SECTOR_BYTES);
                let sectors = sectors.filter(|start| which >> (start / SECTOR_BYTES % 64) & 1 == 0);
                sectors.map(|start| start..(start + SECTOR_BYTES).min(len)).collect()
            }
        }
    }

    pub(super) fn reaches_its_end(self) -> bool {
        matches!(self, Self::Whole | Self::Holes(_))
    }

    fn torn(seeded: &mut Seeded) -> Self {
        match seeded.below(3) {
            0 => Self::Cut(seeded.below(1_000_000)),
            1 => Self::CutAtSector(seeded.below(1_000_000)),
            // At least the first sector is a hole.
            _ => Self::Holes(seeded.next() | 1 << seeded.below(2)),
        }
    }
}

/// Lists of fates to be tried of a disk, one for each effect that is pending; none is given twice.
pub(super) fn enumerate(disk: &Disk, seeded: &mut Seeded) -> BTreeSet<Vec<Fate>> {
    let is_write: Vec<bool> = disk.pending().map(super::disk::Effect::is_write).collect();
    let count = is_write.len();
    let survive = |which: &dyn Fn(usize) -> bool| -> Vec<Fate> {
        (0..count).map(|i| if which(i) { Fate::Whole } else { Fate::Lost }).collect()
    };
    let mut all = BTreeSet::from([survive(&|_| false), survive(&|_| true)]);
    if count <= ALL_SUBSETS_UP_TO {
        all.extend((0..1_usize << count).map(|subset| survive(&|i| subset >> i & 1 == 1)));
    } else {
        for at in some_of(count, seeded) {
            all.insert(survive(&|i| i < at));
            all.insert(survive(&|i| i != at));
            all.insert(survive(&|i| i == at));
        }
        for _ in 0..BY_CHANCE {
            let mut fates = survive(&|_| true);
            for (fate, is_write) in fates.iter_mut().zip(&is_write) {
                match seeded.below(6) {
                    0..3 => *fate = Fate::Lost,
                    3 if *is_write => *fate = Fate::torn(seeded),
                    _ => {}
                }
            }
            all.insert(fates);
        }
    }
    // The last write is torn, with nothing behind it or with all of it.
    let writes: Vec<usize> = (0..count).filter(|at| is_write[*at]).collect();
    for at in some_of(writes.len(), seeded).into_iter().map(|at| writes[at]) {
        for behind in [Fate::Lost, Fate::Whole] {
            let mut fates = survive(&|i| i < at);
            fates[at] = Fate::torn(seeded);
            fates[at + 1..].fill(behind);
            all.insert(fates);
        }
    }
    all
}

/// All numbers below `count`, or some if there are many.
fn some_of(count: usize, seeded: &mut Seeded) -> Vec<usize> {
    if count <= EACH_UP_TO { (0..count).collect() } else { (0..EACH_UP_TO).map(|_| seeded.below(count)).collect() }
}

/// The fates in short: a dot for what is lost, `1` for what is whole, `t` for what is torn.
pub(super) fn in_short(fates: &[Fate]) -> String {
    fates
        .iter()
        .map(|fate| {
            if *fate == Fate::Lost {
                '.'
            } else if *fate == Fate::Whole {
                '1'
            } else {
                't'
            }
        })
        .collect()
}
