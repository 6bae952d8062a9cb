//! The commands that change stores.

use std::ffi::OsString;
use std::path::PathBuf;

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
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
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

/// Delete the checkpoints that no rule keeps
///
/// A checkpoint stays if any of the rules keeps it; the newest stays anyway. What other checkpoints share with a deleted one
/// stays too. The store must not be open elsewhere.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  varkeep prune digits.varkeep --keep-last 5 --keep-every 1000 --dry-run
  varkeep prune digits.varkeep --keep-last 5 --keep-lowest loss=3
  varkeep prune digits.varkeep --keep-younger-than 14d --from-now-on")]
pub(crate) struct Prune {
    /// The folder of the store
    pub(crate) store: PathBuf,
    /// Keep the newest N
    #[arg(long, value_name = "N")]
    pub(crate) keep_last: Option<u64>,
    /// Keep those whose step is a multiple of N; the step is in the metadata, or the last number in the tag
    #[arg(long, value_name = "N")]
    pub(crate) keep_every: Option<u64>,
    /// Keep the one, or so many, with the lowest value of a metric in the metadata
    #[arg(long, value_name = "METRIC[=COUNT]", conflicts_with = "keep_highest")]
    pub(crate) keep_lowest: Option<String>,
    /// Likewise with the highest value
    #[arg(long, value_name = "METRIC[=COUNT]")]
    pub(crate) keep_highest: Option<String>,
    /// Keep those younger than this: a number and s, m, h or d
    #[arg(long, value_name = "AGE")]
    pub(crate) keep_younger_than: Option<String>,
    /// Also let each later save delete what these rules do not keep; without a rule, nothing more
    #[arg(long)]
    pub(crate) from_now_on: bool,
    /// Only say what would go
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
}

/// Copy every checkpoint that is whole out of a damaged store, into a new one
///
/// The store is checked first, as by `verify`, and left as it is. The new store has the same tags, metadata and sharing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit code 0: all were whole. 1: some were left behind. 2: trouble.

Examples:
  varkeep salvage digits.varkeep --to rescued.varkeep
  varkeep salvage digits.varkeep --to rescued.varkeep && varkeep log rescued.varkeep")]
pub(crate) struct Salvage {
    /// The damaged store
    pub(crate) store: PathBuf,
    /// The folder of the new store
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
}
