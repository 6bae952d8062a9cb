//! One name of something opened.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Deref;
use std::sync::Arc;

use varkeep::interop::{Source, SourceVariable};
use varkeep::{CommitId, DType, SavedKind, SavedVariable};

use super::piece::{FOREIGN_CHUNK_BYTES, ForeignPiece};
use super::{Piece, Texts};
use crate::failure::Outcome;

/// One name: what is known of it, and its value, to be read.
#[derive(Debug)]
pub(crate) struct Item {
    facts: Facts,
    value: Value,
}

/// What is known of a name.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) dtype: DType,
    pub(crate) shape: Vec<u64>,
    pub(crate) elements: u64,
    /// Of the value; an alias has those of its target.
    pub(crate) bytes: u64,
    /// Whether it was made to be trained, where that is recorded.
    pub(crate) trainable: Option<bool>,
    /// Sorted. Many variables share one list.
    pub(crate) collections: Arc<[String]>,
    /// Slices along each axis of a partitioned variable.
    pub(crate) partition: Option<Vec<u64>>,
    pub(crate) slices: Vec<SliceFacts>,
    /// The largest chunk of its pieces: what is read at once.
    pub(crate) chunk_bytes: u64,
    /// Where it comes in the order of creation.
    pub(crate) ordinal: u64,
    /// The commit that first held it.
    pub(crate) first_commit: Option<CommitId>,
}

/// Lists of collections that were met before.
pub(super) type Met = HashSet<Arc<[String]>>;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Variable,
    /// A slice of the partitioned variable of this name.
    SliceOf(String),
    Partitioned,
    /// Another name of the variable of this name.
    AliasOf(String),
}

/// One slice of a partitioned variable.
#[derive(Clone, Debug)]
pub(crate) struct SliceFacts {
    pub(crate) name: String,
    pub(crate) offset: Vec<u64>,
    pub(crate) shape: Vec<u64>,
    pub(crate) bytes: u64,
}

/// Where the value is read from.
#[derive(Debug)]
enum Value {
    Saved(Box<SavedVariable>),
    /// The variable of this number.
    Foreign(Arc<dyn Source>, usize),
}

impl Deref for Item {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &self.facts
    }
}

impl AsRef<Facts> for Item {
    fn as_ref(&self) -> &Facts {
        &self.facts
    }
}

impl AsRef<Facts> for Facts {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl Facts {
    fn of_saved(variable: &SavedVariable, met: &mut Met) -> Self {
        let kind = match variable.kind() {
            SavedKind::SliceOf(whole) => Kind::SliceOf(whole),
            SavedKind::Whole => Kind::Partitioned,
            SavedKind::AliasOf(target) => Kind::AliasOf(target),
            _ => Kind::Variable,
        };
        let mut collections: Cow<'_, [String]> = variable.collections().into();
        if !collections.is_sorted() {
            collections.to_mut().sort_unstable();
        }
        let collections = met.get(&*collections).cloned().unwrap_or_else(|| {
            let list: Arc<[String]> = collections.into();
            met.insert(Arc::clone(&list));
            list
        });
        let pieces = variable.pieces();
        let bytes = pieces.iter().map(varkeep::SavedPiece::len_bytes).sum();
        let slices = variable.slices().into_iter().zip(&pieces).map(|(slice, piece)| SliceFacts {
            name: slice.name,
            offset: slice.offset,
            shape: slice.shape.sizes().to_vec(),
            bytes: piece.len_bytes(),
        });
        let slices = if kind == Kind::Variable { Vec::new() } else { slices.collect() };
        Self {
            name: variable.name().to_owned(),
            kind,
            dtype: variable.dtype(),
            shape: variable.shape().sizes().to_vec(),
            elements: variable.shape().elements(),
            bytes,
            trainable: Some(variable.is_trainable()),
            collections,
            partition: variable.partition_counts().map(<[u64]>::to_vec),
            slices,
            chunk_bytes: pieces.iter().map(varkeep::SavedPiece::chunk_bytes).max().unwrap_or(0),
            ordinal: variable.ordinal(),
            first_commit: Some(variable.first_commit()),
        }
    }

    fn of_source(source: &dyn Source, number: usize) -> Outcome<Self> {
        let variable = &source.variables()[number];
        let mut slices = Vec::new();
        let mut bytes = 0;
        for (piece, part) in variable.pieces.iter().enumerate() {
            let len = source.len_bytes(number, piece)?;
            bytes += len;
            slices.push(SliceFacts {
                // Foreign formats give their slices no names of their own.
                name: format!("{}/part_{piece}", variable.name),
                offset: part.offset.clone(),
                shape: part.shape.sizes().to_vec(),
                bytes: len,
            });
        }
        let is_cut = slices.len() > 1;
        Ok(Self {
            name: variable.name.clone(),
            kind: if is_cut { Kind::Partitioned } else { Kind::Variable },
            dtype: variable.dtype,
            shape: variable.shape.sizes().to_vec(),
            elements: variable.shape.elements(),
            bytes,
            trainable: None,
            collections: Arc::default(),
            partition: is_cut.then(|| counts(variable)),
            slices: if is_cut { slices } else { Vec::new() },
            chunk_bytes: FOREIGN_CHUNK_BYTES,
            ordinal: number as u64,
            first_commit: None,
        })
    }

    pub(crate) fn is_trainable(&self) -> bool {
        self.trainable == Some(true)
    }

    /// The name of the variable that this is another name of.
    pub(crate) fn alias_of(&self) -> Option<&str> {
        match &self.kind {
            Kind::AliasOf(target) => Some(target),
            _ => None,
        }
    }

    /// The bytes it adds to a total.
    pub(crate) fn bytes_own(&self) -> u64 {
        if self.has_own_value() { self.bytes } else { 0 }
    }

    /// Whether it is a variable of its own and not only another name of one.
    pub(crate) fn has_own_value(&self) -> bool {
        self.alias_of().is_none()
    }

    /// Whether its elements are numbers, or truth values, which count as 0 and 1.
    pub(crate) fn is_numeric(&self) -> bool {
        self.dtype != DType::String && !self.dtype.is_raw()
    }
}

impl Item {
    pub(super) fn of_saved(variable: SavedVariable, met: &mut Met) -> Self {
        Self { facts: Facts::of_saved(&variable, met), value: Value::Saved(Box::new(variable)) }
    }

    pub(super) fn of_source(source: &Arc<dyn Source>, number: usize) -> Outcome<Self> {
        Ok(Self { facts: Facts::of_source(&**source, number)?, value: Value::Foreign(Arc::clone(source), number) })
    }

    pub(crate) fn into_facts(self) -> Facts {
        self.facts
    }

    /// The parts the value consists of, by offset: one, unless it is partitioned.
    pub(crate) fn pieces(&self) -> Vec<Piece<'_>> {
        match &self.value {
            Value::Saved(variable) => variable.pieces().into_iter().map(Piece::Saved).collect(),
            Value::Foreign(source, variable) => (0..source.variables()[*variable].pieces.len())
                .map(|piece| {
                    let len_bytes = self.slices.get(piece).map_or(self.bytes, |slice| slice.bytes);
                    Piece::Foreign(ForeignPiece { source: &**source, variable: *variable, piece, len_bytes })
                })
                .collect(),
        }
    }

    /// Reads a value of byte strings.
    pub(crate) fn read_strings(&self) -> Outcome<Texts> {
        match &self.value {
            Value::Saved(variable) => Ok(Texts::Saved(variable.read_strings()?)),
            Value::Foreign(source, variable) => Ok(Texts::Foreign(source.tensor(*variable)?)),
        }
    }

    /// Whether the values are known to be equal without reading them. `false` says nothing.
    pub(crate) fn is_known_equal(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Value::Saved(a), Value::Saved(b)) => a.is_known_equal(b),
            _ => false,
        }
    }

    /// Whether both are cut into the same pieces.
    pub(crate) fn is_cut_alike(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.pieces(), other.pieces());
        ours.len() == theirs.len()
            && ours.iter().zip(&theirs).all(|(a, b)| a.offset() == b.offset() && a.sizes() == b.sizes())
    }
}

/// How many slices there are along each axis.
fn counts(variable: &SourceVariable) -> Vec<u64> {
    let starts = |axis: usize| variable.pieces.iter().map(move |piece| piece.offset[axis]).collect::<HashSet<u64>>();
    (0..variable.shape.rank()).map(|axis| starts(axis).len() as u64).collect()
}
