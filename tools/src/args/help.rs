//! The commands that make what others read: pages, completions, manuals.

use std::ffi::OsString;
use std::path::PathBuf;

/// Make a page with pictures: one HTML file that opens anywhere, without a network
///
/// Where the bytes are, every variable with its histogram and how it moved over the checkpoints, how large updates are
/// against the weights, what is dead, exploding or not finite, and how any two checkpoints differ. Of a store with many or
/// large checkpoints it takes some, evenly spaced, the oldest and the newest among them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  varkeep report digits.varkeep
  varkeep report digits.varkeep -o page.html --checkpoints 12
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
