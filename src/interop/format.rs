//! The formats, and which of them a path holds.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::interop::file;
use crate::interop::source::Source;
use crate::io::{Kind, kind_at};

/// A format of checkpoints other than varkeep's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// safetensors: one `.safetensors` file, or a set with an index.
    SafeTensors,
    /// TensorFlow's V2 checkpoints (TensorBundle): `PREFIX.index` with its data files.
    TensorFlow,
    /// NumPy's `.npz`: a zip of arrays.
    Npz,
    /// NumPy's `.npy`: one array.
    Npy,
}

impl Format {
    /// Every format.
    pub const ALL: &[Self] = &[Self::SafeTensors, Self::TensorFlow, Self::Npz, Self::Npy];

    /// The word for it, as the command line takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SafeTensors => "safetensors",
            Self::TensorFlow => "tensorflow",
            Self::Npz => "npz",
            Self::Npy => "npy",
        }
    }

    /// The format of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.name() == name)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a path turned out to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    SafeTensors(PathBuf),
    SafeTensorsSet(PathBuf),
    /// A prefix.
    TensorFlow(PathBuf),
    /// The text file that names the newest prefix.
    TensorFlowState(PathBuf),
    Npz(PathBuf),
    Npy(PathBuf),
}

impl Found {
    fn format(&self) -> Format {
        match self {
            Self::SafeTensors(_) | Self::SafeTensorsSet(_) => Format::SafeTensors,
            Self::TensorFlow(_) | Self::TensorFlowState(_) => Format::TensorFlow,
            Self::Npz(_) => Format::Npz,
            Self::Npy(_) => Format::Npy,
        }
    }
}

/// The suffix of the index of a TensorFlow checkpoint.
const BUNDLE_INDEX: &str = ".index";

const SAFETENSORS_INDEX: &str = ".safetensors.index.json";

impl Format {
    /// Which format the path holds, by its name and its first bytes. A folder counts if a model lies in it under its
    /// usual name. `None` if it is none of them, a store of varkeep's for example.
    ///
    /// # Errors
    /// `io`.
    pub fn detect(path: impl AsRef<Path>) -> Result<Option<Self>> {
        Ok(find(path.as_ref())?.map(|found| found.format()))
    }
}

/// Opens a checkpoint of another format for reading: a `.safetensors` file or the index of a set, the prefix of a
/// TensorFlow checkpoint (or one of its files, or its `checkpoint` file), an `.npz` or `.npy`, or a folder that holds
/// one under its usual name.
///
/// # Errors
/// `restore_no_checkpoint`, if there is none; `corrupt`, which names the file and the offset; `unsupported_format`;
/// `io`.
pub fn open(path: impl AsRef<Path>) -> Result<Box<dyn Source>> {
    let path = path.as_ref();
    match find(path)? {
        Some(found) => open_found(&found),
        None if kind_at(path).is_some() => {
            Err(Error::new(ErrorKind::RestoreNoCheckpoint, "this is no checkpoint of a format that varkeep reads")
                .in_file(path)
                .advise("give a .safetensors file, a TensorFlow checkpoint's prefix, an .npz or an .npy"))
        }
        None => Err(Error::new(ErrorKind::RestoreNoCheckpoint, "there is nothing here")
            .in_file(path)
            .advise("check the path")),
    }
}

/// Opens a checkpoint whose format is known, whatever its name looks like.
///
/// # Errors
/// As [`open`].
pub fn open_as(format: Format, path: impl AsRef<Path>) -> Result<Box<dyn Source>> {
    let path = path.as_ref();
    if let Some(found) = find(path)?.filter(|found| found.format() == format) {
        return open_found(&found);
    }
    open_found(&match format {
        Format::SafeTensors => Found::SafeTensors(path.to_owned()),
        Format::TensorFlow => Found::TensorFlow(path.to_owned()),
        Format::Npz => Found::Npz(path.to_owned()),
        Format::Npy => Found::Npy(path.to_owned()),
    })
}

fn open_found(found: &Found) -> Result<Box<dyn Source>> {
    match found {
        Found::SafeTensors(path) => super::safetensors::open(path),
        Found::SafeTensorsSet(path) => super::safetensors::open_set(path),
        Found::TensorFlow(prefix) => super::tensorflow::open(prefix),
        Found::TensorFlowState(path) => super::tensorflow::open_newest(path),
        Found::Npz(path) => super::numpy::open_npz(path),
        Found::Npy(path) => super::numpy::open_npy(path),
    }
}

fn find(path: &Path) -> Result<Option<Found>> {
    if kind_at(path) == Some(Kind::Folder) {
        return Ok(find_in_folder(path));
    }
    // A prefix is the name of no file, but a file may have the same name.
    let index = with_suffix(path, BUNDLE_INDEX);
    if kind_at(path).is_none() {
        return Ok(is_file(&index).then(|| Found::TensorFlow(path.to_owned())));
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if name.ends_with(SAFETENSORS_INDEX) {
        return Ok(Some(Found::SafeTensorsSet(path.to_owned())));
    }
    if name == "checkpoint" {
        return Ok(Some(Found::TensorFlowState(path.to_owned())));
    }
    if let Some(prefix) = bundle_prefix(&name) {
        let prefix = path.with_file_name(prefix);
        if is_file(&with_suffix(&prefix, BUNDLE_INDEX)) {
            return Ok(Some(Found::TensorFlow(prefix)));
        }
    }
    // The name decides where it says something: a damaged file is to be called damaged, not unknown.
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    Ok(match extension.as_deref() {
        Some("safetensors") => Some(Found::SafeTensors(path.to_owned())),
        Some("npz") => Some(Found::Npz(path.to_owned())),
        Some("npy") => Some(Found::Npy(path.to_owned())),
        _ => sniff(path)?.or_else(|| is_file(&index).then(|| Found::TensorFlow(path.to_owned()))),
    })
}

fn is_file(path: &Path) -> bool {
    kind_at(path) == Some(Kind::File)
}

fn find_in_folder(path: &Path) -> Option<Found> {
    let file = |name: &str| Some(path.join(name)).filter(|path| is_file(path));
    file("model.safetensors.index.json")
        .map(Found::SafeTensorsSet)
        .or_else(|| file("model.safetensors").map(Found::SafeTensors))
        .or_else(|| file("checkpoint").map(Found::TensorFlowState))
        // The variables of a SavedModel.
        .or_else(|| file("variables/variables.index").map(|_| Found::TensorFlow(path.join("variables/variables"))))
        .or_else(|| file("variables.index").map(|_| Found::TensorFlow(path.join("variables"))))
}

/// The prefix that a file of a TensorFlow checkpoint belongs to.
fn bundle_prefix(name: &str) -> Option<&str> {
    if let Some(prefix) = name.strip_suffix(BUNDLE_INDEX).or_else(|| name.strip_suffix(".meta")) {
        return Some(prefix);
    }
    let (prefix, numbers) = name.rsplit_once(".data-")?;
    let (shard, shards) = numbers.split_once("-of-")?;
    let is_number = |digits: &str| digits.len() == 5 && digits.bytes().all(|b| b.is_ascii_digit());
    (is_number(shard) && is_number(shards)).then_some(prefix)
}

/// The format that the first bytes show.
fn sniff(path: &Path) -> Result<Option<Found>> {
    if !is_file(path) {
        return Ok(None);
    }
    let file = file::open(path)?;
    let mut start = vec![0; file.len().min(10) as usize];
    file.read_exact_at(&mut start, 0)?;
    let path = || path.to_owned();
    Ok(match &start[..] {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Found::Npz(path())),
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => Some(Found::Npy(path())),
        // The header's length is below its limit, and JSON begins.
        [_, _, _, low, 0, 0, 0, 0, b'{', b'"' | b'}', ..] if *low < 6 => Some(Found::SafeTensors(path())),
        _ => None,
    })
}

/// The path with something appended to its last part, dots and all.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut text = path.as_os_str().to_owned();
    text.push(suffix);
    PathBuf::from(text)
}
