//! The commands that bring checkpoints of other formats in, and take them out.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ValueEnum;

/// Which format a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Foreign {
    /// A .safetensors file, or the index of a set of them
    Safetensors,
    /// The prefix of a TensorFlow V2 checkpoint
    Tensorflow,
    /// A zip of NumPy arrays
    Npz,
    /// One NumPy array
    Npy,
}

impl From<Foreign> for varkeep::interop::Format {
    fn from(foreign: Foreign) -> Self {
        match foreign {
            Foreign::Safetensors => Self::SafeTensors,
            Foreign::Tensorflow => Self::TensorFlow,
            Foreign::Npz => Self::Npz,
            Foreign::Npy => Self::Npy,
        }
    }
}

/// How names are written on the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Names {
    /// As they are
    Keep,
    /// layer.0.weight becomes layer/0/weight
    DotsToSlashes,
    /// layer/0/weight becomes layer.0.weight
    SlashesToDots,
}

impl From<Names> for varkeep::interop::Names {
    fn from(names: Names) -> Self {
        match names {
            Names::Keep => Self::Keep,
            Names::DotsToSlashes => Self::DotsToSlashes,
            Names::SlashesToDots => Self::SlashesToDots,
        }
    }
}

/// Bring a checkpoint of another format into a store
///
/// Reads safetensors (one file, or a set by its index), TensorFlow V2 checkpoints (by their prefix) and NumPy's .npz and
/// .npy. All of it becomes one commit, or nothing does. A store that does not exist is made; in one that does, the
/// variables come beside those that are there.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  varkeep import model.safetensors model.varkeep
  varkeep import train/model.ckpt-1000 model.varkeep@step-1000
  varkeep import model.safetensors model.varkeep@v2 --names dots-to-slashes --prefix pretrained/
  varkeep import step-2000.safetensors model.varkeep@step-2000 --replace")]
pub(crate) struct Import {
    /// A file, a prefix, or a folder that holds a model under its usual name
    #[arg(value_name = "FROM")]
    pub(crate) from: PathBuf,
    /// The store, and the tag the checkpoint gets [default tag: imported]
    #[arg(value_name = "STORE[@TAG]")]
    pub(crate) store: OsString,
    /// The format, where the name and the first bytes do not tell
    #[arg(long = "as", value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<Foreign>,
    /// How names are written in the store
    #[arg(long, value_enum, default_value_t = Names::Keep, value_name = "HOW")]
    pub(crate) names: Names,
    /// What names begin with in the store
    #[arg(long, default_value = "", value_name = "TEXT")]
    pub(crate) prefix: String,
    /// Only variables whose names match
    #[arg(long, value_name = "GLOB")]
    pub(crate) only: Option<String>,
    /// Which variables are trainable, if the source does not say [default: the floating-point ones]
    #[arg(long, value_name = "GLOB")]
    pub(crate) trainable: Option<String>,
    /// Replace variables that the store has under the names, and a checkpoint of the tag
    #[arg(long)]
    pub(crate) replace: bool,
}

/// Write a checkpoint in another format
///
/// The files get their names when they are whole and durable. What the format cannot hold is an error, or is left out
/// with --partial; notes say what else it has no room for.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  varkeep export model.varkeep@step-1000 model.safetensors
  varkeep export model.varkeep model.safetensors --max-file-bytes 5000000000
  varkeep export model.varkeep ckpt/model-1000 --as tensorflow --list
  varkeep export model.varkeep arrays.npz --only 'hidden/*'
  varkeep export model.safetensors arrays.npz")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Export {
    /// The checkpoint: STORE, STORE@TAG, STORE@commit:N, or a file of another format
    #[arg(value_name = "FROM")]
    pub(crate) from: OsString,
    /// The file, or the prefix of the TensorFlow checkpoint
    #[arg(value_name = "TO")]
    pub(crate) to: PathBuf,
    /// The format, where the name does not tell
    #[arg(long = "as", value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<Foreign>,
    /// How names are written there
    #[arg(long, value_enum, default_value_t = Names::Keep, value_name = "HOW")]
    pub(crate) names: Names,
    /// Only variables whose names match
    #[arg(long, value_name = "GLOB")]
    pub(crate) only: Option<String>,
    /// Replace files that are there
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Leave out what the format cannot hold
    #[arg(long)]
    pub(crate) partial: bool,
    /// safetensors: a set of files with at most this many bytes of values each, and an index
    #[arg(long, value_name = "BYTES")]
    pub(crate) max_file_bytes: Option<u64>,
    /// npz: compress the arrays
    #[arg(long)]
    pub(crate) compress: bool,
    /// TensorFlow: name the checkpoint as the newest in the file `checkpoint` of its folder
    #[arg(long)]
    pub(crate) list: bool,
}
