//! A checkpoint of any kind, written as files of a format.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::interop::carried::Carried;
use crate::interop::format::Format;
use crate::interop::names::Names;
use crate::interop::report::Note;
use crate::interop::source::{Source, SourceVariable};
use crate::interop::{numpy, safetensors, tensorflow};

/// Which names are meant.
type Chooses<'a> = Box<dyn Fn(&str) -> bool + 'a>;

/// How a checkpoint is written as files of a format.
#[must_use = "it says how `export` is to be done"]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub struct Export<'a> {
    format: Format,
    names: Names,
    only: Option<Chooses<'a>>,
    overwrite: bool,
    partial: bool,
    file_bytes: Option<u64>,
    deflate: bool,
    list: bool,
}

impl std::fmt::Debug for Export<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Export").field("format", &self.format).field("names", &self.names).finish_non_exhaustive()
    }
}

/// What an export wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportReport {
    /// The files, the one to open last.
    pub files: Vec<PathBuf>,
    /// Variables that were written; a partitioned one counts once.
    pub variables: u64,
    /// Bytes of their values.
    pub bytes: u64,
    /// What the format could not hold.
    pub notes: Vec<Note>,
}

/// What is to be written.
pub(crate) struct Outgoing<'a> {
    pub(crate) source: &'a dyn Source,
    /// In ascending order of their names there.
    pub(crate) variables: Vec<Named<'a>>,
    pub(crate) texts: BTreeMap<String, String>,
}

/// A variable to be written.
pub(crate) struct Named<'a> {
    pub(crate) name: String,
    /// Its number in the source.
    pub(crate) number: usize,
    pub(crate) held: &'a SourceVariable,
}

/// How the files are to be.
pub(crate) struct Manner<'a> {
    pub(crate) path: &'a Path,
    pub(crate) overwrite: bool,
    /// The most bytes of values in one file, where the format allows several.
    pub(crate) file_bytes: Option<u64>,
    pub(crate) deflate: bool,
    /// Whether the checkpoint is put on the list of its folder.
    pub(crate) list: bool,
}

impl<'a> Export<'a> {
    /// An export as this format.
    pub fn new(format: Format) -> Self {
        let (names, only) = (Names::Keep, None);
        let (overwrite, partial, file_bytes, deflate, list) = (false, false, None, false, false);
        Self { format, names, only, overwrite, partial, file_bytes, deflate, list }
    }

    /// How names are written there.
    pub fn names(mut self, names: Names) -> Self {
        self.names = names;
        self
    }

    /// Writes only what this chooses, by the names of the source.
    pub fn only(mut self, chooses: impl Fn(&str) -> bool + 'a) -> Self {
        self.only = Some(Box::new(chooses));
        self
    }

    /// Lets the files take the place of others.
    pub fn overwrite(mut self) -> Self {
        self.overwrite = true;
        self
    }

    /// Leaves out what the format cannot hold, and reports it. Without this it is an error, and nothing is written.
    pub fn partial(mut self) -> Self {
        self.partial = true;
        self
    }

    /// The most bytes of values in one file: safetensors become a set with an index.
    pub fn file_bytes(mut self, most: u64) -> Self {
        self.file_bytes = Some(most.max(1));
        self
    }

    /// Compresses the arrays of an `.npz`.
    pub fn deflate(mut self) -> Self {
        self.deflate = true;
        self
    }

    /// Puts a TensorFlow checkpoint on the list of its folder, the file `checkpoint`, as the newest.
    pub fn list(mut self) -> Self {
        self.list = true;
        self
    }

    /// Writes a source at `path`: a file, or the prefix of a TensorFlow checkpoint. Missing folders are made.
    ///
    /// The files are written under temporary names, made durable, and get their names when they are whole, the one to
    /// open last; when this returns they are there for good, and if it fails they are not.
    ///
    /// # Errors
    /// `name_taken`, if there is a file already or two names meet; `dtype_unsupported`, if the format cannot hold a
    /// variable and [`Export::partial`] was not said; `saver_no_variables`; `corrupt` of the source; `io`.
    pub fn run(self, source: &dyn Source, path: impl AsRef<Path>) -> Result<ExportReport> {
        let path = path.as_ref();
        let chooses = |name: &str| self.only.as_ref().is_none_or(|chooses| chooses(name));
        let mut notes = Vec::new();
        let mut chosen = Vec::new();
        for (number, held) in source.variables().iter().enumerate().filter(|(_, held)| chooses(&held.name)) {
            match self.obstacle(source, number, held)? {
                None => chosen.push((number, held)),
                Some(why) => notes.push(Note::of(&held.name, format!("it was left out: {why}"))),
            }
        }
        for refused in source.refused().iter().filter(|refused| chooses(&refused.name)) {
            notes.push(Note::of(&refused.name, format!("it was left out: {}", refused.why)));
        }
        if let Some(first) = notes.first().filter(|_| !self.partial) {
            let what = format!(
                "{} of {} variables cannot be written as {}, {first}",
                notes.len(),
                notes.len() + chosen.len(),
                self.format
            );
            let error = Error::new(ErrorKind::DtypeUnsupported, what.replace("it was left out: ", ""));
            return Err(error
                .of_variable(first.variable.clone().unwrap_or_default())
                .advise("choose a format that holds it, or leave such variables out expressly"));
        }
        if chosen.is_empty() {
            return Err(Error::new(ErrorKind::SaverNoVariables, "there is nothing to write").in_file(source.path()));
        }
        let names = self.names.all(chosen.iter().map(|(_, held)| held.name.as_str()), "")?;
        let carried = self.renamed(source, &names)?;
        notes.extend(self.losses(&carried));
        let mut variables: Vec<Named<'_>> = chosen
            .into_iter()
            .map(|(number, held)| Named { name: names[held.name.as_str()].clone(), number, held })
            .collect();
        variables.sort_by(|a, b| a.name.cmp(&b.name));
        let outgoing = Outgoing { source, variables, texts: carried.to_texts() };
        let Self { overwrite, file_bytes, deflate, list, .. } = self;
        let manner = Manner { path, overwrite, file_bytes, deflate, list };
        let mut bytes = 0;
        for variable in &outgoing.variables {
            for piece in 0..variable.held.pieces.len() {
                bytes += source.len_bytes(variable.number, piece)?;
            }
        }
        let files = match self.format {
            Format::SafeTensors => safetensors::write(&outgoing, &manner)?,
            Format::TensorFlow => tensorflow::write(&outgoing, &manner)?,
            Format::Npz => numpy::write_npz(&outgoing, &manner)?,
            Format::Npy => numpy::write_npy(&outgoing, &manner)?,
        };
        Ok(ExportReport { files, variables: outgoing.variables.len() as u64, bytes, notes })
    }

    /// Why the format cannot hold a variable.
    fn obstacle(&self, source: &dyn Source, number: usize, held: &SourceVariable) -> Result<Option<String>> {
        match self.format {
            Format::SafeTensors => Ok(safetensors::obstacle(held)),
            Format::TensorFlow => Ok(tensorflow::obstacle(held)),
            Format::Npz | Format::Npy => numpy::obstacle(source, number, held),
        }
    }

    /// What the source carries beside values, with the names of the other side, of what is written.
    fn renamed(&self, source: &dyn Source, names: &std::collections::HashMap<&str, String>) -> Result<Carried> {
        let mut carried = Carried::from_texts(source.metadata());
        let variables = std::mem::take(&mut carried.variables);
        carried.variables = variables
            .into_iter()
            .filter_map(|(name, facts)| Some((names.get(name.as_str())?.clone(), facts)))
            .collect();
        let aliases = std::mem::take(&mut carried.aliases);
        for (alias, target) in aliases {
            let Some(target) = names.get(target.as_str()) else { continue };
            let new = self.names.all([alias.as_str()], "")?.remove(alias.as_str()).unwrap_or_default();
            carried.aliases.insert(new, target.clone());
        }
        Ok(carried)
    }

    /// What the format has no room for.
    fn losses(&self, carried: &Carried) -> Vec<Note> {
        let mut notes = Vec::new();
        if self.format == Format::SafeTensors {
            return notes;
        }
        for (alias, target) in &carried.aliases {
            notes.push(Note::of(alias, format!("it stands for {target:?}, and {} has no such names", self.format)));
        }
        if !carried.variables.is_empty() {
            notes.push(Note::general(format!(
                "{} does not say which variables are trainable, nor their collections and regularizers",
                self.format
            )));
        }
        let is_cut = carried.variables.values().any(|facts| !facts.partitions.is_empty());
        if is_cut && self.format != Format::TensorFlow {
            notes.push(Note::general(format!("{} has no slices: partitioned variables are whole there", self.format)));
        }
        if carried.metadata.is_some() || !carried.texts.is_empty() {
            notes.push(Note::general(format!("{} has no room for the metadata of the checkpoint", self.format)));
        }
        notes
    }
}

impl Outgoing<'_> {
    /// A whole value from front to back, whatever pieces it lies in, with its length.
    pub(crate) fn stream_whole(
        &self,
        variable: &Named<'_>,
    ) -> Result<(u64, Box<dyn crate::interop::PieceStream + '_>)> {
        if variable.held.pieces.len() == 1 {
            let len = self.source.len_bytes(variable.number, 0)?;
            return Ok((len, self.source.stream(variable.number, 0)?));
        }
        let len = variable.held.len_bytes().ok_or_else(|| {
            Error::new(ErrorKind::DtypeUnsupported, "byte strings in several pieces are read at once")
                .of_variable(&variable.name)
        })?;
        Ok((len, Box::new(crate::interop::stream::Whole { source: self.source, variable: variable.number, at: 0 })))
    }
}
