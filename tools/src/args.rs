//! The command line as it is written: nothing is decided here.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

const ADDRESSES: &str = "\
Addresses:
  PATH             the newest commit of the store at PATH
  PATH@TAG         the checkpoint with this tag
  PATH@commit:N    the commit with this number
  FILE             a .safetensors file or the .index.json of a set, the prefix of a TensorFlow checkpoint, an .npz
                   or .npy: inspect, show, diff and report read them where they lie

Exit codes:
  0  done; equal; sound      1  different; damaged      2  trouble";

/// Look into varkeep stores: what a checkpoint holds, what changed since the last, whether it is sound, and put one back
///
/// All commands but `restore` leave stores as they are. They need no lock, and work while a trainer writes to the same store.
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
    Report(Report),
    Watch(Watch),
    Stat(Stat),
    Completions(Completions),
    Man(Man),
}

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
pub(crate) struct Inspect {
    /// The checkpoint: STORE, STORE@TAG or STORE@commit:N
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
///
/// With --only, --rename or --into the present variables stay, and the checkpoint's values are loaded into them. Every one
/// of them must find its value, of its dtype and shape, unless --allow-missing or --allow-mismatched.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  varkeep restore digits.varkeep@step-900 --dry-run
  varkeep restore digits.varkeep@step-900
  varkeep restore digits.varkeep@step-900 --keep before-restore
  varkeep restore digits.varkeep@step-900 --to experiment.varkeep
  varkeep restore digits.varkeep@step-900 --only 'model/hidden' --dry-run
  varkeep restore old.varkeep --into new.varkeep --rename '^encoder/=model/encoder/' --allow-missing")]
pub(crate) struct Restore {
    /// The checkpoint: STORE@TAG or STORE@commit:N; with --to also STORE
    #[arg(value_name = "STORE@TAG")]
    pub(crate) checkpoint: OsString,
    /// Leave the store alone and make a new one here that holds this checkpoint
    #[arg(long, value_name = "DIR", conflicts_with_all = ["keep", "force", "only", "rename", "into"])]
    pub(crate) to: Option<PathBuf>,
    /// Load only into variables whose names match; may be given more than once
    #[arg(long, value_name = "GLOB", help_heading = "Loading into the present variables")]
    pub(crate) only: Vec<String>,
    /// Look for the checkpoint's variables under these names: REGEX is replaced wherever it matches, $1 is its first
    /// group; may be given more than once
    #[arg(long, value_name = "REGEX=REPLACEMENT", help_heading = "Loading into the present variables")]
    pub(crate) rename: Vec<String>,
    /// Load into the newest state of this store instead of the checkpoint's own
    #[arg(long, value_name = "STORE", help_heading = "Loading into the present variables")]
    pub(crate) into: Option<PathBuf>,
    /// Variables that the checkpoint lacks keep their values
    #[arg(long, help_heading = "Loading into the present variables")]
    pub(crate) allow_missing: bool,
    /// Variables of another dtype or shape keep their values
    #[arg(long, help_heading = "Loading into the present variables")]
    pub(crate) allow_mismatched: bool,
    /// Keep the newest state under this tag first
    #[arg(long, value_name = "TAG")]
    pub(crate) keep: Option<String>,
    /// Go ahead even if the newest state has no tag and is lost
    #[arg(long)]
    pub(crate) force: bool,
    /// Only say what would happen; exit code 1 if it would be refused
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

/// Make a page with pictures: one HTML file that opens anywhere, without a network
///
/// Where the bytes are, every variable with its histogram and how it moved over the checkpoints, how large updates are
/// against the weights, what is dead, exploding or not finite, and how any two checkpoints differ. Of a store with many or
/// large checkpoints it takes some, evenly spaced, the oldest and the newest among them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  varkeep report digits.varkeep
  varkeep report digits.varkeep -o /tmp/page.html --checkpoints 12
  varkeep report run-a.varkeep@final run-b.varkeep@final --only 'model/*' -o runs.html")]
pub(crate) struct Report {
    /// A store, with all its checkpoints; or the checkpoints to show, in this order
    #[arg(value_name = "STORE[@TAG]", required = true)]
    pub(crate) checkpoints: Vec<OsString>,
    /// The file to write [default: the store's name, with .html]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Show at most so many checkpoints of a store [default: as many as are read quickly, up to 24]
    #[arg(long = "checkpoints", value_name = "N")]
    pub(crate) at_most: Option<usize>,
    /// Only variables whose names match
    #[arg(long, value_name = "GLOB")]
    pub(crate) only: Option<String>,
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

/// Print what a shell needs to complete this command's arguments
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  varkeep completions bash > ~/.local/share/bash-completion/completions/varkeep
  varkeep completions zsh > ~/.zfunc/_varkeep
  varkeep completions fish > ~/.config/fish/completions/varkeep.fish")]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

/// Print the manual page, or write one for each command
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  varkeep man | man -l -
  varkeep man --to ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// Write all pages into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) to: Option<PathBuf>,
}
