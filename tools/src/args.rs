//! The command line as it is written: nothing is decided here.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

const ADDRESSES: &str = "\
Addresses:
  PATH             the newest commit of the store at PATH
  PATH@TAG         the checkpoint with this tag
  PATH@commit:N    the commit with this number

Exit codes:
  0  done; equal; sound      1  different; damaged      2  trouble";

/// Look into varkeep stores: what a checkpoint holds, what changed since the last, whether it is sound, and put one back
///
/// `restore` and `import` write to a store; all others only read. They need no lock, and work while a trainer writes to the same store.
#[derive(Debug, Parser)]
#[command(name = "varkeep", version, after_help = ADDRESSES, max_term_width = 100)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How the answer is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Output {
    /// Print one JSON object instead of text (its fields: docs/JSON.md)
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) json: bool,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN", help_heading = "Output")]
    pub(crate) color: Color,
    /// Fit tables into this many columns [default: the terminal's; unlimited elsewhere]
    #[arg(long, global = true, value_name = "COLUMNS", help_heading = "Output")]
    pub(crate) width: Option<usize>,
    /// Say less: no notes, no progress; `diff` and `verify` answer by their exit code alone
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Output")]
    pub(crate) quiet: bool,
    /// Say more: what is equal, sound or unused is listed too
    #[arg(short, long, global = true, help_heading = "Output")]
    pub(crate) verbose: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Also in files and pipes
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Log(Log),
    Inspect(Inspect),
    Show(Show),
    Diff(Diff),
    Restore(Restore),
    Verify(Verify),
    Import(Import),
    Export(Export),
}

/// List the checkpoints of a store, newest first
///
/// The row marked `*` holds the newest state, the one a trainer goes on from. NEW counts the bytes that were written
/// for a checkpoint; the rest of TOTAL it shares with earlier ones.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  varkeep log digits.varkeep
  varkeep log digits.varkeep --columns step,metrics.loss
  varkeep log digits.varkeep --json | jq -r '.checkpoints[].tag'")]
pub(crate) struct Log {
    /// The folder of the store
    pub(crate) store: PathBuf,
    /// Show these fields of each checkpoint's metadata; dots reach into nested fields
    #[arg(long, value_name = "FIELDS", value_delimiter = ',')]
    pub(crate) columns: Vec<String>,
}

/// List the variables of a checkpoint: names, types, shapes, sizes
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Patterns: `*` stands for any text, also across slashes, `?` for one character, `[ab]` for one of these,
`{a,b}` for one of these texts. A plain name stands for the variable or the whole scope of that name.

Examples:
  varkeep inspect digits.varkeep
  varkeep inspect digits.varkeep@step-1000 hidden
  varkeep inspect digits.varkeep@step-1000 '*/Adam*' --stats")]
pub(crate) struct Inspect {
    /// The checkpoint: STORE, STORE@TAG or STORE@commit:N
    #[arg(value_name = "STORE[@TAG]")]
    pub(crate) checkpoint: OsString,
    /// Only variables whose names match
    #[arg(value_name = "GLOB")]
    pub(crate) glob: Option<String>,
    /// Read the values and add minimum, maximum, mean, standard deviation, zeros, NaN and infinities
    #[arg(long)]
    pub(crate) stats: bool,
    /// List the slices of partitioned variables too
    #[arg(long)]
    pub(crate) slices: bool,
}

/// Print the values of a variable, as NumPy prints them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A slice is written as NumPy writes it, without brackets: indices, start:stop:step, `...`.
More than 1000 elements are shortened as NumPy does; `--format raw` and `--json` give all of them.

Examples:
  varkeep show digits.varkeep hidden/w
  varkeep show digits.varkeep@step-1000 hidden/w 0:10:2,...,-1
  varkeep show digits.varkeep hidden/w --format raw > w.bin")]
pub(crate) struct Show {
    /// The checkpoint: STORE, STORE@TAG or STORE@commit:N
    #[arg(value_name = "STORE[@TAG]")]
    pub(crate) checkpoint: OsString,
    /// The full name of the variable
    pub(crate) name: String,
    /// Which elements
    #[arg(allow_hyphen_values = true)]
    pub(crate) slice: Option<String>,
    /// How the values are written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// As NumPy prints
    Text,
    /// The same as --json
    Json,
    /// The bytes: row-major, little-endian
    Raw,
}

/// Compare two checkpoints, of one store or of two
///
/// Values are equal if all their bits are; with a tolerance, if |a - b| <= atol + rtol * |b|, as in NumPy's allclose.
/// REL L2 is the length of the change relative to the length of A, over the elements that changed. What both share is
/// known to be equal and is not read.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit code 0: equal. 1: different. 2: trouble.

Examples:
  varkeep diff digits.varkeep@step-900 digits.varkeep@step-1000
  varkeep diff digits.varkeep@step-1000 other.varkeep 'hidden/*'
  varkeep diff run-a.varkeep run-b.varkeep --rtol 1e-5 --quiet && echo same")]
pub(crate) struct Diff {
    /// The checkpoint to compare with: STORE, STORE@TAG or STORE@commit:N
    #[arg(value_name = "A")]
    pub(crate) a: OsString,
    /// The checkpoint that is compared
    #[arg(value_name = "B")]
    pub(crate) b: OsString,
    /// Only variables whose names match
    #[arg(value_name = "GLOB")]
    pub(crate) glob: Option<String>,
    /// Tolerance relative to the value in B
    #[arg(long, value_name = "X", default_value_t = 0.0)]
    pub(crate) rtol: f64,
    /// Absolute tolerance
    #[arg(long, value_name = "X", default_value_t = 0.0)]
    pub(crate) atol: f64,
}

/// Make a checkpoint the newest state of its store, or a new store
///
/// In the store itself no value is copied: a new commit takes over what the checkpoint refers to, and the next program
/// that opens the store goes on from there. Checkpoints with tags all stay. If the newest state has no tag it would be
/// lost; then keep it under one with --keep, or give it up with --force.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  varkeep restore digits.varkeep@step-900 --dry-run
  varkeep restore digits.varkeep@step-900
  varkeep restore digits.varkeep@step-900 --keep before-restore
  varkeep restore digits.varkeep@step-900 --to experiment.varkeep")]
pub(crate) struct Restore {
    /// The checkpoint: STORE@TAG or STORE@commit:N; with --to also STORE
    #[arg(value_name = "STORE@TAG")]
    pub(crate) checkpoint: OsString,
    /// Leave the store alone and make a new one here that holds this checkpoint
    #[arg(long, value_name = "DIR", conflicts_with_all = ["keep", "force"])]
    pub(crate) to: Option<PathBuf>,
    /// Keep the newest state under this tag first
    #[arg(long, value_name = "TAG")]
    pub(crate) keep: Option<String>,
    /// Go ahead even if the newest state has no tag and is lost
    #[arg(long)]
    pub(crate) force: bool,
    /// Only say what would happen
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
}

/// Check every byte of a store, or of one checkpoint
///
/// Reads every file, checks every checksum and reference, and says what is damaged, which checkpoints and variables
/// that hurts, and what can still be read.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit code 0: sound. 1: damaged. 2: trouble.

Examples:
  varkeep verify digits.varkeep
  varkeep verify digits.varkeep@step-1000")]
pub(crate) struct Verify {
    /// The store, or one checkpoint: STORE, STORE@TAG or STORE@commit:N
    #[arg(value_name = "STORE[@TAG]")]
    pub(crate) checkpoint: OsString,
}

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
