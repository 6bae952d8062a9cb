//! Variables as a checkpoint holds them.

use std::sync::Arc;

use crate::checkpoint::view::{Reading, View};
use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::format::{Body, Entry, Statics, VariableRecord, WholeRecord};
use crate::id::{CommitId, ShardId, StoreId};
use crate::scope::Tiles;
use crate::shape::{PartialShape, Shape};
use crate::shard::{self, Payload, Stored, Verification};
use crate::tensor::{self, Tensor};
use crate::variable::{Read, ReadStrings};

/// One name of a checkpoint.
#[derive(Debug)]
pub struct SavedVariable {
    name: String,
    kind: Saved,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all names are variables in one piece")]
pub(crate) enum Saved {
    Single(SavedSingle),
    Whole { record: WholeRecord, slices: Vec<(Vec<u64>, SavedSingle)> },
    Alias { target: Box<SavedVariable>, ordinal: u64 },
}

#[derive(Debug)]
pub(crate) struct SavedSingle {
    pub(crate) name: String,
    pub(crate) statics: Statics,
    pub(crate) shape: Shape,
    pub(crate) stored: Arc<Stored>,
    payload: Arc<Payload>,
    reading: Reading,
    store: StoreId,
}

/// What a name of a checkpoint stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SavedKind {
    /// A variable in one piece.
    Variable,
    /// A slice of the partitioned variable of this name.
    SliceOf(String),
    /// A partitioned variable.
    Whole,
    /// Another name of the variable of this name.
    AliasOf(String),
}

/// Where a run of a variable's bytes lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The shard file.
    pub shard: ShardId,
    /// Where in the file, in bytes from its start.
    pub offset_bytes: u64,
    /// How many bytes.
    pub len_bytes: u64,
}

impl SavedSingle {
    fn new(view: &View, store: StoreId, name: String, record: VariableRecord) -> Result<Self> {
        let stored = view.stored(record.content).map_err(|error| error.of_variable(&name))?;
        let payload = Arc::new(view.payload(Arc::clone(&stored)));
        let reading = view.reading();
        Ok(Self { name, statics: record.statics, shape: record.shape, stored, payload, reading, store })
    }

    pub(crate) fn tensor(&self) -> Result<Tensor> {
        self.payload.tensor(self.statics.dtype, self.shape.clone()).map_err(|error| error.of_variable(&self.name))
    }

    /// The value where it lies, as a payload that is durable nowhere: for use in another store.
    pub(crate) fn fresh_payload(&self) -> Payload {
        Payload::on_disk(Arc::clone(&self.stored), self.reading.mode, self.reading.verification)
    }

    pub(crate) fn verification(&self) -> Verification {
        self.reading.verification
    }

    /// Whether both were saved by one store, so that the hashes of their chunks can be compared.
    pub(crate) fn is_of_store_of(&self, other: &Self) -> bool {
        self.store == other.store
    }

    fn is_same(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.stored.content(), other.stored.content());
        self.is_of_store_of(other)
            && ours.len_bytes == theirs.len_bytes
            && ours.chunk_bytes == theirs.chunk_bytes
            && ours.chunks == theirs.chunks
    }
}

impl SavedVariable {
    /// Reads an entry of a view.
    pub(crate) fn of_entry(view: &View, store: StoreId, entry: Entry) -> Result<Self> {
        let name = entry.name;
        let kind = match entry.body {
            Body::Variable(record) => Saved::Single(SavedSingle::new(view, store, name.clone(), record)?),
            Body::Whole(record) => {
                let tiles = Tiles::new(record.shape.clone(), &record.counts)
                    .map_err(|error| Error::corrupt("a partitioned variable does not tile").caused_by(error))?;
                let mut slices = Vec::with_capacity(record.slices.len());
                for (slice, tile) in record.slices.iter().zip(tiles.iter()) {
                    let single = match view.lookup(slice)?.map(|entry| entry.body) {
                        Some(Body::Variable(found))
                            if found.shape == tile.shape && found.statics.dtype == record.dtype =>
                        {
                            SavedSingle::new(view, store, slice.clone(), found)?
                        }
                        _ => {
                            let what = format!("slice {slice:?} of {name:?} is missing or of another shape or dtype");
                            return Err(Error::corrupt(what).of_variable(&name));
                        }
                    };
                    slices.push((tile.offset, single));
                }
                // A whole without elements has no tiles, and nobody makes one.
                if slices.is_empty() || slices.len() != record.slices.len() {
                    let what = format!("the {} slices of {name:?} do not tile it", record.slices.len());
                    return Err(Error::corrupt(what).of_variable(&name));
                }
                Saved::Whole { record, slices }
            }
            Body::Alias(record) => {
                let target = view.lookup(&record.target)?.filter(|entry| !matches!(entry.body, Body::Alias(_)));
                let Some(target) = target else {
                    let what = format!("alias {name:?} stands for {:?}, which is no variable", record.target);
                    return Err(Error::corrupt(what).of_variable(&name));
                };
                let target = Box::new(Self::of_entry(view, store, target)?);
                Saved::Alias { target, ordinal: record.ordinal }
            }
            Body::Removed | Body::Patch(_) => {
                return Err(Error::corrupt(format!("the entry of {name:?} is no variable")).of_variable(&name));
            }
        };
        Ok(Self { name, kind })
    }

    pub(crate) fn saved(&self) -> &Saved {
        match &self.kind {
            Saved::Alias { target, .. } => target.saved(),
            kind => kind,
        }
    }

    fn first(&self) -> &SavedSingle {
        match self.saved() {
            Saved::Single(single) => single,
            Saved::Whole { slices, .. } => &slices[0].1,
            Saved::Alias { .. } => unreachable!("an alias of an alias is refused when it is read"),
        }
    }

    pub(crate) fn singles(&self) -> Vec<&SavedSingle> {
        match self.saved() {
            Saved::Single(single) => vec![single],
            Saved::Whole { slices, .. } => slices.iter().map(|(_, slice)| slice).collect(),
            Saved::Alias { .. } => Vec::new(),
        }
    }

    /// The full name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the name stands for.
    pub fn kind(&self) -> SavedKind {
        match &self.kind {
            Saved::Single(single) => match &single.statics.slice {
                Some(place) => SavedKind::SliceOf(place.whole.clone()),
                None => SavedKind::Variable,
            },
            Saved::Whole { .. } => SavedKind::Whole,
            Saved::Alias { target, .. } => SavedKind::AliasOf(target.name.clone()),
        }
    }

    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        match self.saved() {
            Saved::Whole { record, .. } => record.dtype,
            _ => self.first().statics.dtype,
        }
    }

    /// The shape of the value.
    pub fn shape(&self) -> &Shape {
        match self.saved() {
            Saved::Whole { record, .. } => &record.shape,
            _ => &self.first().shape,
        }
    }

    /// The shape declared.
    pub fn declared_shape(&self) -> PartialShape {
        match self.saved() {
            Saved::Whole { record, .. } => PartialShape::from(&record.shape),
            _ => self.first().statics.declared.clone(),
        }
    }

    /// Whether it was made to be trained.
    pub fn is_trainable(&self) -> bool {
        self.first().statics.trainable
    }

    /// The collections it is in.
    pub fn collections(&self) -> &[String] {
        &self.first().statics.collections
    }

    /// Where it comes in the order of creation.
    pub fn ordinal(&self) -> u64 {
        match &self.kind {
            Saved::Single(single) => single.statics.ordinal,
            Saved::Whole { record, .. } => record.ordinal,
            Saved::Alias { ordinal, .. } => *ordinal,
        }
    }

    /// The commit that first held it.
    pub fn first_commit(&self) -> CommitId {
        self.first().statics.first_commit
    }

    /// Bytes of the value; those of all slices for a partitioned one.
    pub fn len_bytes(&self) -> u64 {
        self.singles().iter().map(|single| single.stored.len_bytes()).sum()
    }

    /// The slices of a partitioned variable: name, offset and shape, by offset.
    pub fn slices(&self) -> Vec<SavedSlice> {
        match self.saved() {
            Saved::Whole { slices, .. } => slices
                .iter()
                .map(|(offset, slice)| SavedSlice {
                    name: slice.name.clone(),
                    offset: offset.clone(),
                    shape: slice.shape.clone(),
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    /// How many slices there are along each axis; `None` for a variable in one piece.
    pub fn partition_counts(&self) -> Option<&[u64]> {
        match self.saved() {
            Saved::Whole { record, .. } => Some(&record.counts),
            _ => None,
        }
    }

    /// Where the bytes lie, in order.
    pub fn placements(&self) -> Vec<Placement> {
        let mut placements = Vec::new();
        for single in self.singles() {
            for extent in &single.stored.content().extents {
                let first = single.stored.range_of(extent.first_chunk).start;
                let last = single.stored.range_of(extent.first_chunk + extent.chunks - 1).end;
                placements.push(Placement {
                    shard: extent.shard,
                    offset_bytes: extent.offset,
                    len_bytes: last - first,
                });
            }
        }
        placements
    }

    /// Whether the values are known to be equal without reading them: both were saved by one store, and the hashes of
    /// their chunks are equal. `false` says nothing.
    pub fn is_known_equal(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.singles(), other.singles());
        self.dtype() == other.dtype()
            && self.shape() == other.shape()
            && ours.len() == theirs.len()
            && ours.iter().zip(theirs).all(|(a, b)| a.shape == b.shape && a.is_same(b))
    }

    /// Reads the value. Nothing is copied for a variable that lies in one piece in a mapped file.
    ///
    /// # Errors
    /// `dtype_mismatch`, `corrupt`, `io`.
    pub fn read<T: Element>(&self) -> Result<Read<T>> {
        match self.saved() {
            Saved::Single(single) => tensor::check_dtype::<T>(single.statics.dtype)
                .and_then(|()| single.payload.view(0, &single.shape))
                .map(Read::held)
                .map_err(|error| error.of_variable(&self.name)),
            _ => Read::assembled(&self.tensor()?).map_err(|error| error.of_variable(&self.name)),
        }
    }

    /// Reads a value of byte strings.
    ///
    /// # Errors
    /// As [`SavedVariable::read`].
    pub fn read_strings(&self) -> Result<ReadStrings> {
        ReadStrings::new(self.tensor()?)
    }

    /// Copies the value, whatever its type.
    ///
    /// # Errors
    /// `corrupt`, `io`.
    pub fn tensor(&self) -> Result<Tensor> {
        match self.saved() {
            Saved::Whole { record, slices } => {
                shard::check_can_be_held(slices.iter().map(|(_, slice)| &*slice.stored))
                    .map_err(|error| error.of_variable(&self.name))?;
                let parts = slices.iter().map(|(offset, slice)| Ok((offset.clone(), slice.tensor()?)));
                Tensor::assemble(record.dtype, &record.shape, &parts.collect::<Result<Vec<_>>>()?)
            }
            _ => self.first().tensor(),
        }
    }
}

/// One slice of a partitioned variable in a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedSlice {
    /// Its full name.
    pub name: String,
    /// Where in the whole it starts, one index per axis.
    pub offset: Vec<u64>,
    /// Its shape.
    pub shape: Shape,
}
