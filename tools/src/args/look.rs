//! The commands that tell something of stores and files.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ValueEnum;

/// List the checkpoints of a store, newest first
///
/// The row marked `*` holds the newest state, the one a trainer goes on from. NEW counts the bytes that were written
/// for a checkpoint; those that are SHARED were written for earlier ones. Where history branches, since training went on
/// from an earlier checkpoint, lines say what was made from what.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  varkeep log digits.varkeep
  varkeep log digits.varkeep --columns step,metrics.loss
  varkeep log digits.varkeep --plot metrics.loss
  varkeep log digits.varkeep --json | jq -r '.checkpoints[].tag'")]
pub(crate) struct Log {
    /// The folder of the store
    pub(crate) store: PathBuf,
    /// Show these fields of each checkpoint's metadata; dots reach into nested fields
    #[arg(long, value_name = "FIELDS", value_delimiter = ',')]
    pub(crate) columns: Vec<String>,
    /// Draw these numbers of the metadata as curves, oldest checkpoint first
    #[arg(long, value_name = "FIELDS", value_delimiter = ',')]
    pub(crate) plot: Vec<String>,
}

/// List the variables of a checkpoint: names, types, shapes, sizes
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Patterns: `*` stands for any text, also across slashes, `?` for one character, `[ab]` for one of these,
`{a,b}` for one of these texts. A plain name stands for the variable or the whole scope of that name.

Examples:
  varkeep inspect digits.varkeep
  varkeep inspect digits.varkeep@step-1000 hidden
  varkeep inspect digits.varkeep@step-1000 '*/Adam*' --stats
  varkeep inspect digits.varkeep --tree --depth 2
  varkeep inspect digits.varkeep --sort bytes --collection trainable_variables")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Inspect {
    /// The checkpoint: STORE, STORE@TAG, STORE@commit:N, or a file of another format
    #[arg(value_name = "STORE[@TAG]")]
    pub(crate) checkpoint: OsString,
    /// Only variables whose names match
    #[arg(value_name = "GLOB")]
    pub(crate) glob: Option<String>,
    /// Read the values and add minimum, maximum, mean, standard deviation, zeros, NaN, infinities and a histogram
    #[arg(long)]
    pub(crate) stats: bool,
    /// Show scopes as a tree, each with its totals
    #[arg(long)]
    pub(crate) tree: bool,
    /// Show the tree only so many scopes deep
    #[arg(long, value_name = "N", requires = "tree")]
    pub(crate) depth: Option<usize>,
    /// Sort by this: names and creation ascending, else the most first
    #[arg(long, value_enum, value_name = "KEY")]
    pub(crate) sort: Option<SortKey>,
    /// Turn the order round
    #[arg(long)]
    pub(crate) reverse: bool,
    /// Only variables in this collection
    #[arg(long, value_name = "NAME")]
    pub(crate) collection: Option<String>,
    /// List the slices of partitioned variables too
    #[arg(long)]
    pub(crate) slices: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SortKey {
    /// The full name
    Name,
    /// Bytes of the value
    Bytes,
    /// Number of elements
    Elements,
    /// The order of creation
    Created,
    /// The least element (reads the values, as all below)
    Min,
    /// The greatest element
    Max,
    /// The mean
    Mean,
    /// The standard deviation
    Std,
    /// The number of zeros
    Zeros,
    /// The number of NaN and infinities
    Nan,
}

/// Print the values of a variable, as NumPy prints them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A slice is written as NumPy writes it, without brackets: indices, start:stop:step, `...`.
More than 1000 elements are shortened as NumPy does; the other formats give all of them.

Examples:
  varkeep show digits.varkeep hidden/w
  varkeep show digits.varkeep@step-1000 hidden/w 0:10:2,...,-1
  varkeep show digits.varkeep hidden/w --format npy > w.npy
  varkeep show digits.varkeep hidden/w :10 --format csv | column -ts,")]
pub(crate) struct Show {
    /// The checkpoint: STORE, STORE@TAG, STORE@commit:N, or a file of another format
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
    /// Comma-separated, a line for each row, all digits; of more than two axes the row's index goes first
    Csv,
    /// NumPy's file format, for `numpy.load`
    Npy,
    /// The bytes: row-major, little-endian
    Raw,
}

/// Compare two checkpoints, of one store or of two
///
/// Values are equal if all their bits are; with a tolerance, if |a - b| <= atol + rtol * |b|, as in NumPy's allclose.
/// REL L2 is the length of the change relative to the length of A, and COSINE that of the angle between A and B, both over
/// the elements that changed. What both share is known to be equal and is not read. Rows marked `+` are only in B, `-` only
/// in A, `>` has the same content under another name, `~` differs; most changed first.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit code 0: equal. 1: different. 2: trouble.

Examples:
  varkeep diff digits.varkeep@step-900 digits.varkeep@step-1000
  varkeep diff digits.varkeep@step-1000 other.varkeep 'hidden/*'
  varkeep diff run-a.varkeep run-b.varkeep --rtol 1e-5 --quiet && echo same")]
pub(crate) struct Diff {
    /// The checkpoint to compare with: STORE, STORE@TAG, STORE@commit:N, or a file of another format
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

/// Follow a store that is being trained: checkpoints as they come, and how a metric goes
///
/// On a terminal the table stays in place; elsewhere each new checkpoint is a line, with --json an object. It ends with
/// Ctrl-C, or when the checkpoint of --until is there. A store that does not exist yet is waited for.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  varkeep watch digits.varkeep --plot loss
  varkeep watch digits.varkeep --columns step,loss >> training.log
  varkeep watch digits.varkeep --until final && varkeep report digits.varkeep")]
pub(crate) struct Watch {
    /// The folder of the store
    pub(crate) store: PathBuf,
    /// Show these fields of each checkpoint's metadata; dots reach into nested fields
    #[arg(long, value_name = "FIELDS", value_delimiter = ',')]
    pub(crate) columns: Vec<String>,
    /// Draw these numbers of the metadata as curves
    #[arg(long, value_name = "FIELDS", value_delimiter = ',')]
    pub(crate) plot: Vec<String>,
    /// Look again after so long
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0)]
    pub(crate) every: f64,
    /// End when there is a checkpoint with this tag
    #[arg(long, value_name = "TAG")]
    pub(crate) until: Option<String>,
}

/// Say what a store takes on the disk and what its newest state, or a checkpoint, is made of
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  varkeep stat digits.varkeep
  varkeep stat digits.varkeep@step-1000
  varkeep stat model.safetensors --json")]
pub(crate) struct Stat {
    /// The store, one checkpoint of it, or a file of another format
    #[arg(value_name = "STORE[@TAG]")]
    pub(crate) checkpoint: OsString,
}
