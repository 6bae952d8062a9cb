//! The `varkeep` command, which `main.rs` only calls: so that what it parses and prints can be reached without a process.
//!
//! Parse → decide → do → render: [`args`] only parses; [`cmd`] does one thing per file and returns plain data;
//! [`render`] prints it, for people or as JSON. [`ui`] decides once what the terminal gets: colour, width, progress.
//! Data goes to standard output, everything else to standard error.

mod address;
#[cfg(test)]
mod agreement;
mod args;
mod cmd;
mod compare;
mod elements;
mod exit;
mod failure;
mod filter;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod hidden;
mod histogram;
mod likeness;
mod metadata;
mod number;
mod numpy;
mod opened;
mod parallel;
mod printable;
mod progress;
mod render;
mod report;
mod select;
mod slice;
mod stats;
mod ui;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
use exit::Exit;
use failure::{Failure, Outcome};
use ui::Ui;

/// Does what the command line of this process asks for.
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return refuse(&error).into(),
    };
    let ui = Ui::new(&args.output);
    let mut out = BufWriter::new(io::stdout().lock());
    let done = run(args.command, &ui, &mut out).and_then(|exit| {
        out.flush()?;
        Ok(exit)
    });
    match done {
        Ok(exit) => exit,
        Err(failure) => tell(&failure, &ui, &mut out),
    }
    .into()
}

fn run(command: Command, ui: &Ui, out: &mut dyn Write) -> Outcome<Exit> {
    match command {
        Command::Log(args) => {
            let log = cmd::log::run(&args)?;
            render::log(&log, ui, out)?;
            Ok(Exit::Yes)
        }
        Command::Inspect(args) => {
            let inspection = cmd::inspect::run(&args, ui)?;
            render::inspect(&inspection, ui, out)?;
            // Taking a hundred thousand rows apart would take as long as listing them, and the process ends.
            std::mem::forget(inspection);
            Ok(Exit::Yes)
        }
        Command::Show(args) => {
            let shown = cmd::show::run(&args, ui)?;
            render::show(&shown, out)?;
            Ok(Exit::Yes)
        }
        Command::Diff(args) => {
            let diff = cmd::diff::run(&args, ui)?;
            render::diff(&diff, ui, out)?;
            Ok(Exit::answer(diff.is_equal()))
        }
        Command::Restore(args) => {
            let restored = cmd::restore::run(&args)?;
            render::restore(&restored, ui, out)?;
            Ok(Exit::answer(restored.is_possible()))
        }
        Command::Report(args) => {
            let report = cmd::report::run(&args, ui)?;
            let bytes = render::html::write(&report)?;
            render::report(&(report, bytes), ui, out)?;
            Ok(Exit::Yes)
        }
        Command::Watch(args) => {
            let (store, mut lines) = (args.store.display().to_string(), 0);
            cmd::watch::run(&args, &mut |view| render::watch(view, &store, &mut lines, ui, out))?;
            Ok(Exit::Yes)
        }
        Command::Prune(args) => {
            let pruned = cmd::prune::run(&args)?;
            render::prune(&pruned, ui, out)?;
            Ok(Exit::Yes)
        }
        Command::Salvage(args) => {
            let salvaged = cmd::salvage::run(&args, ui)?;
            render::salvage(&salvaged, ui, out)?;
            Ok(Exit::answer(salvaged.is_all()))
        }
        Command::Stat(args) => {
            let stat = cmd::stat::run(&args)?;
            render::stat(&stat, ui, out)?;
            Ok(Exit::Yes)
        }
        Command::Completions(args) => {
            cmd::manual::completions(&args, out)?;
            Ok(Exit::Yes)
        }
        Command::Man(args) => {
            cmd::manual::man(&args, out)?;
            Ok(Exit::Yes)
        }
        Command::Import(args) => {
            let imported = cmd::import::run(&args)?;
            render::import(&imported, ui, out)?;
            Ok(Exit::Yes)
        }
        Command::Export(args) => {
            let exported = cmd::export::run(&args)?;
            render::export(&exported, ui, out)?;
            Ok(Exit::Yes)
        }
        Command::Verify(args) => {
            let health = cmd::verify::run(&args, ui)?;
            render::verify(&health, ui, out)?;
            Ok(Exit::answer(health.report.is_sound()))
        }
    }
}

/// Says what went wrong. A reader of our output that has seen enough is no trouble.
fn tell(failure: &Failure, ui: &Ui, out: &mut dyn Write) -> Exit {
    if failure.is_closed_pipe() {
        return Exit::Yes;
    }
    let told = if ui.is_json() {
        render::json::failure(failure, out).and_then(|()| out.flush())
    } else {
        render::text::failure(failure, ui, &mut io::stderr().lock())
    };
    // There is nowhere left to say that even this failed.
    drop(told);
    Exit::Trouble
}

/// A command line that cannot be parsed, or asks for help or the version.
fn refuse(error: &clap::Error) -> Exit {
    let wants_json = std::env::args_os().any(|arg| arg == "--json");
    let told = if wants_json && error.use_stderr() {
        render::json::failure(&Failure::usage_of(error), &mut io::stdout().lock())
    } else {
        error.print()
    };
    drop(told);
    if error.use_stderr() { Exit::Trouble } else { Exit::Yes }
}
