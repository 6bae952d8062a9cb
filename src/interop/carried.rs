//! What varkeep knows beyond values, as text that a format with room for words can carry.
//!
//! safetensors has a map of texts in its header. Under the keys here it holds what a store records of its variables, so
//! that a store written as safetensors and read again is the same store.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::checkpoint::Saved;
use crate::checkpoint::SavedVariable;
use crate::dtype::DType;
use crate::format::Statics;
use crate::limits::{CHUNK_BYTES_DEFAULT, CHUNK_BYTES_MAX, CHUNK_BYTES_MIN};
use crate::scope::collection::{GLOBAL_VARIABLES, TRAINABLE_VARIABLES};
use crate::scope::regularizer::{RegularizerRecord, TermRecord};
use crate::shape::{PartialShape, Shape};
use crate::variable::NO_COMMIT;

const VARIABLES: &str = "varkeep.variables";
const ALIASES: &str = "varkeep.aliases";
const METADATA: &str = "varkeep.metadata";

/// What is carried of a checkpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Carried {
    pub(crate) variables: BTreeMap<String, Facts>,
    /// Names that stand for others.
    pub(crate) aliases: BTreeMap<String, String>,
    /// The metadata of the checkpoint as it is stored.
    pub(crate) metadata: Option<Vec<u8>>,
    /// The other texts.
    pub(crate) texts: BTreeMap<String, String>,
    /// What was there and could not be understood.
    pub(crate) ill_formed: Vec<&'static str>,
}

/// What a store records of a variable, but its name, dtype, shape and value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Facts {
    pub(crate) ordinal: u64,
    pub(crate) trainable: bool,
    pub(crate) collections: Vec<String>,
    /// How many slices each axis is cut into; empty for a variable in one piece.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) partitions: Vec<u64>,
    /// The declared shape, if it is not simply the shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) declared: Option<Declared>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) regularizer: Option<Vec<Term>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) caching_device: Option<String>,
    #[serde(skip_serializing_if = "is_true")]
    pub(crate) validate_shape: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) use_resource: bool,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) chunk_bytes: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_true(value: &bool) -> bool {
    *value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(value: &bool) -> bool {
    !*value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// A declared shape that leaves something open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Declared {
    Unknown,
    Axes(Vec<Option<u64>>),
}

/// A term of a regularizer; scales are texts, so that they read back bit for bit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Term {
    L1(String),
    L2(String),
    Custom(Option<String>),
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            ordinal: 0,
            trainable: false,
            collections: Vec::new(),
            partitions: Vec::new(),
            declared: None,
            regularizer: None,
            caching_device: None,
            validate_shape: true,
            use_resource: false,
            chunk_bytes: 0,
        }
    }
}

impl Facts {
    /// What a checkpoint records of one of its variables.
    pub(crate) fn of(saved: &SavedVariable) -> Option<Self> {
        let (first, partitions) = match saved.saved() {
            Saved::Single(single) => (&single.statics, Vec::new()),
            Saved::Whole { record, slices } => (&slices.first()?.1.statics, record.counts.clone()),
            Saved::Alias { .. } => return None,
        };
        let declared = if partitions.is_empty() { declared(&first.declared, saved.shape()) } else { None };
        Some(Self {
            ordinal: saved.ordinal(),
            trainable: first.trainable,
            collections: first.collections.clone(),
            partitions,
            declared,
            regularizer: first.regularizer.as_ref().map(|record| record.terms.iter().map(Term::of).collect()),
            caching_device: first.caching_device.clone(),
            validate_shape: first.validate_shape,
            use_resource: first.use_resource,
            chunk_bytes: first.chunk_bytes,
        })
    }

    /// What is assumed of a variable of which nothing is carried.
    pub(crate) fn assumed(trainable: bool) -> Self {
        let mut collections = vec![GLOBAL_VARIABLES.to_owned()];
        if trainable {
            collections.push(TRAINABLE_VARIABLES.to_owned());
        }
        Self { trainable, collections, ..Self::default() }
    }

    /// Whether a store would keep such a variable: what is not durable there cannot be imported.
    pub(crate) fn is_durable(&self) -> bool {
        self.collections.iter().any(|key| key == GLOBAL_VARIABLES)
    }

    /// The record of a variable, or of a slice, with these facts.
    pub(crate) fn statics(&self, dtype: DType, shape: &Shape) -> Statics {
        let declared = match &self.declared {
            None => PartialShape::from(shape),
            Some(Declared::Unknown) => PartialShape::unknown(),
            Some(Declared::Axes(axes)) => PartialShape::with_axes(axes.clone()),
        };
        // A file may say anything.
        let declared =
            if declared.is_compatible_with(&PartialShape::from(shape)) { declared } else { PartialShape::from(shape) };
        let terms = self.regularizer.as_ref().and_then(|terms| terms.iter().map(Term::record).collect());
        let chunk_bytes = self.chunk_bytes;
        let is_possible = chunk_bytes.is_power_of_two() && (CHUNK_BYTES_MIN..=CHUNK_BYTES_MAX).contains(&chunk_bytes);
        let chunk_bytes = if is_possible { chunk_bytes } else { CHUNK_BYTES_DEFAULT };
        Statics {
            ordinal: 0,
            dtype,
            declared,
            trainable: self.trainable,
            collections: self.collections.clone(),
            regularizer: terms.map(|terms| RegularizerRecord { terms }),
            caching_device: self.caching_device.clone(),
            validate_shape: self.validate_shape,
            use_resource: self.use_resource,
            first_commit: NO_COMMIT,
            slice: None,
            chunk_bytes,
        }
    }
}

fn declared(declared: &PartialShape, shape: &Shape) -> Option<Declared> {
    match declared.axes() {
        None => Some(Declared::Unknown),
        Some(_) if *declared == PartialShape::from(shape) => None,
        Some(axes) => Some(Declared::Axes(axes.to_vec())),
    }
}

impl Term {
    fn of(record: &TermRecord) -> Self {
        match record {
            TermRecord::L1(scale) => Self::L1(format!("{scale:?}")),
            TermRecord::L2(scale) => Self::L2(format!("{scale:?}")),
            TermRecord::Custom { name } => Self::Custom(name.clone()),
        }
    }

    fn record(&self) -> Option<TermRecord> {
        Some(match self {
            Self::L1(scale) => TermRecord::L1(scale.parse().ok()?),
            Self::L2(scale) => TermRecord::L2(scale.parse().ok()?),
            Self::Custom(name) => TermRecord::Custom { name: name.clone() },
        })
    }
}

impl Carried {
    /// What the texts of a file carry.
    pub(crate) fn from_texts(texts: &BTreeMap<String, String>) -> Self {
        let mut carried = Self::default();
        for (key, text) in texts {
            let understood = match key.as_str() {
                VARIABLES => serde_json::from_str(text).map(|read| carried.variables = read).is_ok(),
                ALIASES => serde_json::from_str(text).map(|read| carried.aliases = read).is_ok(),
                METADATA => from_hex(text).map(|read| carried.metadata = Some(read)).is_some(),
                _ => {
                    carried.texts.insert(key.clone(), text.clone());
                    true
                }
            };
            if !understood {
                carried.ill_formed.extend([VARIABLES, ALIASES, METADATA].into_iter().find(|known| known == key));
            }
        }
        carried
    }

    /// The texts that carry this.
    pub(crate) fn to_texts(&self) -> BTreeMap<String, String> {
        let mut texts = self.texts.clone();
        let json = |value: serde_json::Result<String>| value.expect("maps with texts as keys can be written");
        if !self.variables.is_empty() {
            texts.insert(VARIABLES.to_owned(), json(serde_json::to_string(&self.variables)));
        }
        if !self.aliases.is_empty() {
            texts.insert(ALIASES.to_owned(), json(serde_json::to_string(&self.aliases)));
        }
        if let Some(metadata) = &self.metadata {
            texts.insert(METADATA.to_owned(), to_hex(metadata));
        }
        texts
    }

    /// The metadata that a checkpoint with this is saved with.
    pub(crate) fn metadata_bytes(&self) -> Vec<u8> {
        match &self.metadata {
            Some(metadata) => metadata.clone(),
            None if self.texts.is_empty() => Vec::new(),
            None => rmp_serde::to_vec_named(&self.texts).expect("a map of texts can be written"),
        }
    }

    /// Takes the metadata of a checkpoint: a map of texts as such.
    pub(crate) fn set_metadata(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        match rmp_serde::from_slice::<BTreeMap<String, String>>(bytes) {
            // What would be taken for something of ours is not put among the texts.
            Ok(texts)
                if !texts.is_empty()
                    && !texts.keys().any(|key| key.starts_with("varkeep."))
                    && rmp_serde::to_vec_named(&texts).is_ok_and(|again| again == bytes) =>
            {
                self.texts = texts;
            }
            _ => self.metadata = Some(bytes.to_owned()),
        }
    }
}

fn to_hex(bytes: &[u8]) -> String {
    let digit = |bits: u8| char::from_digit(u32::from(bits), 16).expect("four bits are a digit");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    digits.chunks(2).map(|pair| Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8)).collect()
}
