//! An entry as it lies in a manifest: what is encoded, and in which order. These structs are the format; the records
//! of [`entry`](super::entry) and [`content`](super::content) are what the rest of the crate works with.
//!
//! The name lies beside the entry, so that a search reads names only; chunk sums lie in a section of their own, and
//! shards are numbers of rows of the manifest's table.

use serde::{Deserialize, Serialize};

use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::format::bytes::to_u64;
use crate::format::codec::List;
use crate::format::content::{ChunkSum, Content, Extent, Grid, PatchRecord, PatchRun};
use crate::format::entry::{
    AliasRecord, Body, EXTRA_REQUIRED, Entry, SlicePlace, Statics, VariableRecord, WholeRecord,
};
use crate::format::header::unsupported;
use crate::format::regularizer_record::{self, WireTerm};
use crate::id::{CommitId, ShardId};
use crate::shape::{PartialShape, Shape};

#[derive(Serialize, Deserialize)]
pub(super) struct WireEntry<'a> {
    #[serde(borrow)]
    body: WireBody<'a>,
    #[serde(borrow)]
    extra: List<(u32, &'a [u8])>,
}

#[derive(Serialize, Deserialize)]
enum WireBody<'a> {
    #[serde(borrow)]
    Variable(WireVariable<'a>),
    #[serde(borrow)]
    Whole(WireWhole<'a>),
    Alias {
        ordinal: u64,
        target: &'a str,
    },
    Removed,
    Patch(WirePatch),
}

#[derive(Serialize, Deserialize)]
struct WireVariable<'a> {
    ordinal: u64,
    dtype: u8,
    declared: Option<List<Option<u64>>>,
    trainable: bool,
    #[serde(borrow)]
    collections: List<&'a str>,
    #[serde(borrow)]
    regularizer: Option<List<WireTerm<'a>>>,
    #[serde(borrow)]
    caching_device: Option<&'a str>,
    validate_shape: bool,
    use_resource: bool,
    first_commit: CommitId,
    #[serde(borrow)]
    slice: Option<WireSlice<'a>>,
    next_chunk_bytes: u64,
    shape: List<u64>,
    content: WireContent,
}

#[derive(Serialize, Deserialize)]
struct WireSlice<'a> {
    whole: &'a str,
    ordinal: u32,
    offset: List<u64>,
}

#[derive(Serialize, Deserialize)]
struct WireContent {
    len_bytes: u64,
    chunk_bytes: u64,
    first_sum: u64,
    extents: List<WireExtent>,
}

/// An extent goes on with the chunk after those of the extent before it.
#[derive(Serialize, Deserialize)]
struct WireExtent {
    shard: u32,
    offset: u64,
    chunks: u64,
}

#[derive(Serialize, Deserialize)]
struct WireWhole<'a> {
    ordinal: u64,
    dtype: u8,
    shape: List<u64>,
    counts: List<u64>,
    #[serde(borrow)]
    slices: List<&'a str>,
    first_commit: CommitId,
}

#[derive(Serialize, Deserialize)]
struct WirePatch {
    len_bytes: u64,
    chunk_bytes: u64,
    runs: List<WireRun>,
}

#[derive(Serialize, Deserialize)]
struct WireRun {
    first_chunk: u64,
    chunks: u64,
    first_sum: u64,
    extents: List<WireExtent>,
}

/// What an encoder needs besides the entry.
pub(super) trait Place {
    /// The row of a shard in the manifest's table.
    fn shard_row(&mut self, shard: ShardId) -> Result<u32>;
    /// Appends chunk sums; says the row of the first.
    fn put_sums(&mut self, sums: &[ChunkSum]) -> u64;
}

/// What a decoder needs besides the entry's bytes.
pub(super) trait Lookup {
    /// The shard in a row of the manifest's table.
    fn shard(&self, row: u32) -> Result<ShardId>;
    /// So many chunk sums, from this row on; refused if they are not there, before anything is allocated.
    fn sums(&mut self, first: u64, count: u64) -> Result<Vec<ChunkSum>>;
}

impl<'a> WireEntry<'a> {
    /// The entry, ready to be encoded. It was checked.
    pub(super) fn of(entry: &'a Entry, place: &mut impl Place) -> Result<Self> {
        let body = match &entry.body {
            Body::Variable(variable) => WireBody::Variable(WireVariable::of(variable, place)?),
            Body::Whole(whole) => WireBody::Whole(WireWhole {
                ordinal: whole.ordinal,
                dtype: whole.dtype.number(),
                shape: whole.shape.sizes().iter().copied().collect(),
                counts: whole.counts.iter().copied().collect(),
                slices: whole.slices.iter().map(String::as_str).collect(),
                first_commit: whole.first_commit,
            }),
            Body::Alias(AliasRecord { ordinal, target }) => WireBody::Alias { ordinal: *ordinal, target },
            Body::Removed => WireBody::Removed,
            Body::Patch(patch) => WireBody::Patch(WirePatch {
                len_bytes: patch.len_bytes,
                chunk_bytes: patch.chunk_bytes,
                runs: patch.runs.iter().map(|run| WireRun::of(run, place)).collect::<Result<_>>()?,
            }),
        };
        let extra = entry.extra.iter().map(|(tag, bytes)| (*tag, bytes.as_slice())).collect();
        Ok(Self { body, extra })
    }

    /// The entry of this name. It is not checked yet.
    pub(super) fn into_entry(self, name: &str, lookup: &mut impl Lookup) -> Result<Entry> {
        let body = match self.body {
            WireBody::Variable(variable) => Body::Variable(variable.into_record(lookup)?),
            WireBody::Whole(whole) => Body::Whole(WholeRecord {
                ordinal: whole.ordinal,
                dtype: dtype(whole.dtype)?,
                shape: shape(whole.shape)?,
                counts: whole.counts.0,
                slices: texts(&whole.slices),
                first_commit: whole.first_commit,
            }),
            WireBody::Alias { ordinal, target } => Body::Alias(AliasRecord { ordinal, target: target.to_owned() }),
            WireBody::Removed => Body::Removed,
            WireBody::Patch(WirePatch { len_bytes, chunk_bytes, runs }) => Body::Patch(PatchRecord {
                len_bytes,
                chunk_bytes,
                runs: runs.0.into_iter().map(|run| run.into_record(lookup)).collect::<Result<_>>()?,
            }),
        };
        let List(extra) = self.extra;
        if let Some((tag, _)) = extra.iter().find(|(tag, _)| tag & EXTRA_REQUIRED != 0) {
            return Err(unsupported(format!("the entry has an addition {tag:#x} that is not known here")));
        }
        let extra = extra.into_iter().map(|(tag, bytes)| (tag, bytes.to_vec())).collect();
        Ok(Entry { name: name.to_owned(), body, extra })
    }
}

impl<'a> WireVariable<'a> {
    fn of(VariableRecord { statics, shape, content }: &'a VariableRecord, place: &mut impl Place) -> Result<Self> {
        Ok(Self {
            ordinal: statics.ordinal,
            dtype: statics.dtype.number(),
            declared: statics.declared.axes().map(|axes| axes.iter().copied().collect()),
            trainable: statics.trainable,
            collections: statics.collections.iter().map(String::as_str).collect(),
            regularizer: statics
                .regularizer
                .as_ref()
                .map(regularizer_record::to_wire)
                .transpose()
                .map_err(|what| Error::new(ErrorKind::InvalidArgument, what))?,
            caching_device: statics.caching_device.as_deref(),
            validate_shape: statics.validate_shape,
            use_resource: statics.use_resource,
            first_commit: statics.first_commit,
            slice: statics.slice.as_ref().map(|SlicePlace { whole, ordinal, offset }| WireSlice {
                whole,
                ordinal: *ordinal,
                offset: offset.iter().copied().collect(),
            }),
            next_chunk_bytes: statics.chunk_bytes,
            shape: shape.sizes().iter().copied().collect(),
            content: WireContent {
                len_bytes: content.len_bytes,
                chunk_bytes: content.chunk_bytes,
                first_sum: place.put_sums(&content.chunks),
                extents: extents_of(&content.extents, place)?,
            },
        })
    }

    fn into_record(self, lookup: &mut impl Lookup) -> Result<VariableRecord> {
        let WireContent { len_bytes, chunk_bytes, first_sum, extents } = self.content;
        let grid = Grid { len_bytes, chunk_bytes };
        grid.check().map_err(Error::corrupt)?;
        Ok(VariableRecord {
            statics: Statics {
                ordinal: self.ordinal,
                dtype: dtype(self.dtype)?,
                declared: self.declared.map_or_else(PartialShape::unknown, |List(axes)| PartialShape::with_axes(axes)),
                trainable: self.trainable,
                collections: texts(&self.collections),
                regularizer: self.regularizer.map(regularizer_record::from_wire).transpose().map_err(Error::corrupt)?,
                caching_device: self.caching_device.map(str::to_owned),
                validate_shape: self.validate_shape,
                use_resource: self.use_resource,
                first_commit: self.first_commit,
                slice: self.slice.map(|WireSlice { whole, ordinal, offset }| SlicePlace {
                    whole: whole.to_owned(),
                    ordinal,
                    offset: offset.0,
                }),
                chunk_bytes: self.next_chunk_bytes,
            },
            shape: shape(self.shape)?,
            content: Content {
                len_bytes,
                chunk_bytes,
                chunks: lookup.sums(first_sum, grid.chunks())?,
                extents: extents_from(extents, 0, lookup)?,
            },
        })
    }
}

impl WireRun {
    fn of(run: &PatchRun, place: &mut impl Place) -> Result<Self> {
        Ok(Self {
            first_chunk: run.first_chunk,
            chunks: to_u64(run.chunks.len()),
            first_sum: place.put_sums(&run.chunks),
            extents: extents_of(&run.extents, place)?,
        })
    }

    fn into_record(self, lookup: &mut impl Lookup) -> Result<PatchRun> {
        Ok(PatchRun {
            first_chunk: self.first_chunk,
            chunks: lookup.sums(self.first_sum, self.chunks)?,
            extents: extents_from(self.extents, self.first_chunk, lookup)?,
        })
    }
}

fn extents_of(extents: &[Extent], place: &mut impl Place) -> Result<List<WireExtent>> {
    let wire = |extent: &Extent| {
        let Extent { shard, offset, chunks, .. } = *extent;
        Ok(WireExtent { shard: place.shard_row(shard)?, offset, chunks })
    };
    extents.iter().map(wire).collect()
}

fn extents_from(List(extents): List<WireExtent>, first_chunk: u64, lookup: &impl Lookup) -> Result<Vec<Extent>> {
    let mut next = first_chunk;
    let record = |WireExtent { shard, offset, chunks }| {
        let first_chunk = next;
        next = next.checked_add(chunks).ok_or_else(|| Error::corrupt("an extent has too many chunks"))?;
        Ok(Extent { shard: lookup.shard(shard)?, offset, first_chunk, chunks })
    };
    extents.into_iter().map(record).collect()
}

fn dtype(number: u8) -> Result<DType> {
    DType::from_number(number).ok_or_else(|| unsupported(format!("the entry has the unknown dtype {number}")))
}

fn shape(List(sizes): List<u64>) -> Result<Shape> {
    Shape::new(sizes).map_err(|error| Error::corrupt("the entry has an impossible shape").caused_by(error))
}

fn texts(List(texts): &List<&str>) -> Vec<String> {
    texts.iter().copied().map(str::to_owned).collect()
}
