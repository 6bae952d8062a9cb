//! What a manifest says about one name.

use std::collections::HashSet;

use crate::dtype::DType;
use crate::format::bytes::to_u64;
use crate::format::content::{Content, Extent, Grid, PatchRecord, check_chunk_bytes};
use crate::format::regularizer_record;
use crate::id::{CommitId, ShardId};
use crate::limits::{NAME_BYTES_MAX, RANK_MAX};
use crate::scope::regularizer::RegularizerRecord;
use crate::shape::{PartialShape, Shape};

/// An addition of a later version that has to be understood has this bit in its tag; others are kept as they are.
pub(super) const EXTRA_REQUIRED: u32 = 1 << 31;

/// One name, and what it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) body: Body,
    /// Tagged additions that this version does not know: kept, in the order of their tags.
    pub(crate) extra: Vec<(u32, Vec<u8>)>,
}

/// What a name is.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "nearly all names are variables")]
pub(crate) enum Body {
    /// A variable; a slice of a partitioned one is a variable too.
    Variable(VariableRecord),
    /// A partitioned variable: the list of its slices.
    Whole(WholeRecord),
    /// Another name of a variable.
    Alias(AliasRecord),
    /// No longer anything. Only in deltas.
    Removed,
    /// The variable of an older manifest, some chunks replaced. Only in deltas.
    Patch(PatchRecord),
}

/// What is recorded of a variable when it is created, and does not change with its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Statics {
    /// Its place in the order of creation.
    pub(crate) ordinal: u64,
    pub(crate) dtype: DType,
    /// The shape as it was asked for.
    pub(crate) declared: PartialShape,
    pub(crate) trainable: bool,
    pub(crate) collections: Vec<String>,
    pub(crate) regularizer: Option<RegularizerRecord>,
    pub(crate) caching_device: Option<String>,
    pub(crate) validate_shape: bool,
    pub(crate) use_resource: bool,
    pub(crate) first_commit: CommitId,
    /// Of a slice: where in which whole.
    pub(crate) slice: Option<SlicePlace>,
    /// The chunk size its next value is written with.
    pub(crate) chunk_bytes: u64,
}

/// The place of a slice in its whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SlicePlace {
    pub(crate) whole: String,
    /// Which of the slices it is.
    pub(crate) ordinal: u32,
    /// Its first element along each axis of the whole.
    pub(crate) offset: Vec<u64>,
}

/// A variable with its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct VariableRecord {
    pub(crate) statics: Statics,
    /// The shape of the value it holds.
    pub(crate) shape: Shape,
    pub(crate) content: Content,
}

/// A partitioned variable.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WholeRecord {
    pub(crate) ordinal: u64,
    pub(crate) dtype: DType,
    pub(crate) shape: Shape,
    /// Into how many slices each axis is cut.
    pub(crate) counts: Vec<u64>,
    /// The names of the slices, in row-major order of their places.
    pub(crate) slices: Vec<String>,
    pub(crate) first_commit: CommitId,
}

/// Another name of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AliasRecord {
    pub(crate) ordinal: u64,
    pub(crate) target: String,
}

impl Entry {
    /// About how many bytes it takes in a manifest.
    pub(crate) fn size_hint(&self) -> u64 {
        const ENTRY_BYTES: usize = 100;
        const SUM_BYTES: usize = 20;
        const EXTENT_BYTES: usize = 12;
        let (sums, extents) = match &self.body {
            Body::Variable(record) => (record.content.chunks.len(), record.content.extents.len()),
            Body::Patch(patch) => {
                let sums: usize = patch.runs.iter().map(|run| run.chunks.len()).sum();
                (sums, patch.runs.iter().map(|run| run.extents.len()).sum())
            }
            Body::Whole(whole) => (0, whole.slices.len()),
            Body::Alias(_) | Body::Removed => (0, 0),
        };
        let bytes =
            [self.name.len(), ENTRY_BYTES, sums.saturating_mul(SUM_BYTES), extents.saturating_mul(EXTENT_BYTES)];
        to_u64(bytes.into_iter().fold(0, usize::saturating_add))
    }

    /// What an entry must fulfil, written or read; `shard_bytes` knows the lengths of the shards it may refer to.
    pub(super) fn check(&self, shard_bytes: &impl Fn(ShardId) -> Option<u64>) -> Result<(), String> {
        check_text("the name", &self.name)?;
        match &self.body {
            Body::Variable(variable) => {
                variable.check()?;
                variable.content.check(shard_bytes)?;
            }
            Body::Whole(whole) => whole.check()?,
            Body::Alias(alias) => {
                check_text("the target of an alias", &alias.target)?;
                if alias.target == self.name {
                    return Err("an alias is its own target".to_owned());
                }
            }
            Body::Removed => {}
            Body::Patch(patch) => patch.check(shard_bytes)?,
        }
        if !self.extra.iter().map(|(tag, _)| tag).is_sorted_by(|a, b| a < b) {
            return Err("its additions are not in the order of their tags".to_owned());
        }
        Ok(())
    }

    /// Every extent the entry refers to, and the grid that says how long it is.
    pub(super) fn extents(&self) -> impl Iterator<Item = (Grid, &Extent)> {
        let (grid, whole, runs) = match &self.body {
            Body::Variable(variable) => (Some(variable.content.grid()), &variable.content.extents[..], &[][..]),
            Body::Patch(patch) => (Some(patch.grid()), &[][..], &patch.runs[..]),
            Body::Whole(_) | Body::Alias(_) | Body::Removed => (None, &[][..], &[][..]),
        };
        let extents = whole.iter().chain(runs.iter().flat_map(|run| &run.extents));
        grid.into_iter().flat_map(move |grid| extents.clone().map(move |extent| (grid, extent)))
    }
}

impl VariableRecord {
    fn check(&self) -> Result<(), String> {
        let Statics { dtype, declared, collections, regularizer, caching_device, slice, chunk_bytes, .. } =
            &self.statics;
        if declared.rank().is_some_and(|rank| rank > RANK_MAX) {
            return Err(format!("its declared shape has more than {RANK_MAX} axes"));
        }
        collections.iter().try_for_each(|collection| check_text("a collection", collection))?;
        regularizer.iter().try_for_each(regularizer_record::check)?;
        caching_device.iter().try_for_each(|device| check_text("the caching device", device))?;
        check_chunk_bytes(*chunk_bytes)?;
        if let Some(SlicePlace { whole, offset, .. }) = slice {
            check_text("the whole of a slice", whole)?;
            let sizes = self.shape.sizes();
            if offset.len() != sizes.len() || offset.iter().zip(sizes).any(|(at, size)| at.checked_add(*size).is_none())
            {
                return Err(format!("offset {offset:?} is no place of a slice of shape {}", self.shape));
            }
        }
        let elements = self.shape.elements();
        let len_bytes = self.content.len_bytes;
        let fits = match dtype.bytes_of(elements) {
            Some(bytes) => bytes == len_bytes,
            // Byte strings: a table with one offset more than there are strings, and any number of bytes.
            None => elements.checked_add(1).and_then(|n| n.checked_mul(8)).is_some_and(|table| table <= len_bytes),
        };
        if !fits {
            return Err(format!("{len_bytes} bytes are not a value of {dtype}{}", self.shape));
        }
        Ok(())
    }
}

impl WholeRecord {
    fn check(&self) -> Result<(), String> {
        let Self { shape, counts, slices, .. } = self;
        let possible = counts.len() == shape.rank()
            && counts.iter().zip(shape.sizes()).all(|(count, size)| (1..=*size.max(&1)).contains(count));
        let product = counts.iter().try_fold(1_u64, |product, count| product.checked_mul(*count));
        if !possible || product != Some(to_u64(slices.len())) {
            return Err(format!("{} slices cannot be shape {shape} cut into {counts:?}", slices.len()));
        }
        slices.iter().try_for_each(|slice| check_text("a slice", slice))?;
        let mut seen = HashSet::new();
        match slices.iter().find(|slice| !seen.insert(slice.as_str())) {
            Some(slice) => Err(format!("slice {slice:?} is listed twice")),
            None => Ok(()),
        }
    }
}

fn check_text(what: &str, text: &str) -> Result<(), String> {
    if text.len() > NAME_BYTES_MAX {
        return Err(format!("{what} has {} bytes, and up to {NAME_BYTES_MAX} are possible", text.len()));
    }
    Ok(())
}
