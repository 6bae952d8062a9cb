//! What is asked for on the command line.

use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use lexopt::prelude::{Long, Short, Value, ValueExt};

pub(crate) const HELP: &str = "\
Measures varkeep beside other ways of keeping tensors, in turns, in one run.

    peers [OPTIONS] [CASE]...          a table
    peers growth [OPTIONS] [SWEEP]...  how cost grows: one picture for each sweep

A CASE is a group of cases, or a part of its name; without any, all are run. So is a SWEEP. `--list` lists both.

    --json          one line of JSON for each case, on standard output
    --repeats N     rounds of every contender (default 5)
    --scale X       multiplies sizes and counts; the bars are meant for 1, the default
    --docs PATH     puts the tables (or the pictures) where the documentation in this folder shows them
    --dir PATH      where files go, and are removed from (default: the system's temporary folder)
    --verbose       every sample as it comes, on standard error
    --list          list the cases and sweeps
    --help          this text";

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Task {
    Help,
    List,
    Cases,
    Growth,
    /// Runs one group of cases in this process, for a parent that shows what it came to.
    ChildCase(String),
    /// Runs one sweep in this process.
    ChildSweep(String),
}

/// The command line.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) task: Task,
    pub(crate) names: Vec<String>,
    pub(crate) is_json: bool,
    pub(crate) is_verbose: bool,
    pub(crate) repeats: usize,
    pub(crate) scale: f64,
    pub(crate) docs: Option<PathBuf>,
    pub(crate) dir: PathBuf,
}

impl Args {
    pub(crate) fn parse() -> Result<Self> {
        let mut args = Self {
            task: Task::Cases,
            names: Vec::new(),
            is_json: false,
            is_verbose: false,
            repeats: 5,
            scale: 1.0,
            docs: None,
            dir: std::env::temp_dir(),
        };
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Short('h') | Long("help") => args.task = Task::Help,
                Long("list") => args.task = Task::List,
                Long("json") => args.is_json = true,
                Long("verbose") => args.is_verbose = true,
                Long("repeats") => args.repeats = parser.value()?.parse()?,
                Long("scale") => args.scale = parser.value()?.parse()?,
                Long("dir") => args.dir = parser.value()?.into(),
                Long("docs") => args.docs = Some(parser.value()?.into()),
                Long("child-case") => args.task = Task::ChildCase(parser.value()?.string()?),
                Long("child-sweep") => args.task = Task::ChildSweep(parser.value()?.string()?),
                Value(word) if word == "growth" && args.names.is_empty() => args.task = Task::Growth,
                Value(name) => args.names.push(name.string()?),
                other => bail!("{}; see --help", other.unexpected()),
            }
        }
        ensure!(args.repeats > 0, "--repeats must be at least 1");
        ensure!(args.scale > 0.0 && args.scale <= 1.0, "--scale must be above 0 and at most 1");
        Ok(args)
    }
}
