//! A checkpoint of a store, as a source.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use crate::checkpoint::{Checkpoint, SavedKind, SavedVariable};
use crate::error::Result;
use crate::interop::carried::{Carried, Facts};
use crate::interop::format::Format;
use crate::interop::source::{Source, SourcePiece, SourceVariable, by_range};
use crate::interop::stream::PieceStream;

/// A checkpoint with its variables listed.
#[derive(Debug)]
pub(crate) struct StoredSource {
    checkpoint: Checkpoint,
    saved: Vec<SavedVariable>,
    variables: Vec<SourceVariable>,
    texts: BTreeMap<String, String>,
}

impl Checkpoint {
    /// This checkpoint as a [`Source`]: to be exported, or compared with one of another format. Slices come as pieces of
    /// what they are slices of; aliases are told by the metadata.
    ///
    /// # Errors
    /// `corrupt`, `io`.
    pub fn to_source(&self) -> Result<Box<dyn Source>> {
        let mut all = Vec::new();
        let mut slices = HashSet::new();
        let mut carried = Carried::default();
        carried.set_metadata(&self.info().record().metadata);
        for saved in self.variables("") {
            let saved = saved?;
            slices.extend(saved.slices().into_iter().map(|slice| slice.name));
            match saved.kind() {
                SavedKind::AliasOf(target) => {
                    carried.aliases.insert(saved.name().to_owned(), target);
                }
                _ => all.push(saved),
            }
        }
        all.retain(|saved| !slices.contains(saved.name()));
        all.sort_by(|a, b| a.name().cmp(b.name()));
        let variables = all.iter().map(|saved| {
            let pieces = saved.pieces().into_iter().map(|piece| SourcePiece {
                offset: piece.offset().to_vec(),
                shape: piece.shape().clone(),
                place: None,
            });
            SourceVariable {
                name: saved.name().to_owned(),
                dtype: saved.dtype(),
                shape: saved.shape().clone(),
                pieces: pieces.collect(),
            }
        });
        let variables = variables.collect();
        for saved in &all {
            if let Some(facts) = Facts::of(saved) {
                carried.variables.insert(saved.name().to_owned(), facts);
            }
        }
        let texts = carried.to_texts();
        Ok(Box::new(StoredSource { checkpoint: self.clone(), saved: all, variables, texts }))
    }
}

impl Source for StoredSource {
    fn format(&self) -> Option<Format> {
        None
    }

    fn path(&self) -> &Path {
        self.checkpoint.path()
    }

    fn files(&self) -> Vec<PathBuf> {
        vec![self.checkpoint.path().to_owned()]
    }

    fn variables(&self) -> &[SourceVariable] {
        &self.variables
    }

    fn metadata(&self) -> &BTreeMap<String, String> {
        &self.texts
    }

    fn len_bytes(&self, variable: usize, piece: usize) -> Result<u64> {
        Ok(self.saved[variable].pieces()[piece].len_bytes())
    }

    fn read_at(&self, variable: usize, piece: usize, start: u64, buffer: &mut [u8]) -> Result<()> {
        self.saved[variable].pieces()[piece].read_into(start, buffer)
    }

    fn stream(&self, variable: usize, piece: usize) -> Result<Box<dyn PieceStream + '_>> {
        Ok(by_range(self, variable, piece))
    }
}
