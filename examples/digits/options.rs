//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::{Arg, Error, Parser, ValueExt};

pub(crate) const HELP: &str = "\
Trains a two-layer network on handwritten digits. Kill it and run it again: it goes on.

Usage: digits [OPTIONS]

Options:
      --store DIR         where the model is kept [default: digits.varkeep]
      --seed N            what all randomness follows from [default: 1]
      --epochs N          how often every digit is shown [default: 400]
      --save-every STEPS  steps from one save to the next [default: 250]
  -h, --help              print this
";

pub(crate) enum Command {
    Help,
    Train(Options),
}

#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) store: PathBuf,
    pub(crate) seed: u64,
    pub(crate) epochs: u64,
    pub(crate) save_every: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { store: PathBuf::from("digits.varkeep"), seed: 1, epochs: 400, save_every: 250 }
    }
}

pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, Error> {
    let mut options = Options::default();
    let mut parser = Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
            Arg::Long("store") => options.store = parser.value()?.into(),
            Arg::Long("seed") => options.seed = parser.value()?.parse()?,
            Arg::Long("epochs") => options.epochs = at_least_one("--epochs", parser.value()?.parse()?)?,
            Arg::Long("save-every") => options.save_every = at_least_one("--save-every", parser.value()?.parse()?)?,
            other => return Err(other.unexpected()),
        }
    }
    Ok(Command::Train(options))
}

fn at_least_one(option: &str, number: u64) -> Result<u64, Error> {
    if number == 0 { Err(format!("{option} must be at least 1").into()) } else { Ok(number) }
}
