//! The command line as it is written: nothing is decided here.
//!
//! [`look`] has the commands that tell something, [`change`] those that change stores, [`foreign`]
//! those for other formats, [`help`] those that make what others read.

mod change;
mod foreign;
mod help;
mod look;

use clap::{Parser, Subcommand, ValueEnum};

pub(crate) use change::{Prune, Restore, Salvage};
pub(crate) use foreign::{Export, Import};
pub(crate) use help::{Completions, Man, Report};
pub(crate) use look::{Diff, Format, Inspect, Log, Show, SortKey, Stat, Verify, Watch};

const ADDRESSES: &str = "\
Addresses:
  PATH             the newest commit of the store at PATH
  PATH@TAG         the checkpoint with this tag
  PATH@commit:N    the commit with this number
  FILE             for inspect, show, diff, stat and report also a file of another format, read where it lies:
                   .safetensors or the index of a set, the prefix of a TensorFlow checkpoint, .npz, .npy

Exit codes:
  0  done; equal; sound      1  different; damaged      2  trouble";

/// Look into varkeep stores: what a checkpoint holds, what changed since the last, whether it is sound, and put one back
///
/// All commands but `restore`, `prune` and `import` leave stores as they are. They need no lock, and work while a trainer writes to the same store.
#[derive(Debug, Parser)]
#[command(name = "varkeep", version, after_help = ADDRESSES, max_term_width = 120)]
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
    Salvage(Salvage),
    Prune(Prune),
    Import(Import),
    Export(Export),
    Report(Report),
    Watch(Watch),
    Stat(Stat),
    Completions(Completions),
    Man(Man),
}
