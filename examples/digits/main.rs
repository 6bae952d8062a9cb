//! Trains a small network to read handwritten digits, and may be killed at any moment: run again, it goes on from the
//! last save and ends with the very bits that an undisturbed run ends with.
//!
//! ```text
//! cargo run --release --example digits
//! ```
//!
//! Start reading at [`run`], then `training.rs`: what it keeps, and how a step changes it. `adam.rs` and `network.rs`
//! compute in place; `metrics.rs` shows variables that are never saved.

mod adam;
mod data;
mod metrics;
mod network;
mod options;
pub(crate) mod training;

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use data::Digits;
use indicatif::{ProgressBar, ProgressStyle};
use options::Command;
pub(crate) use options::Options;
use training::Training;
use varkeep::Store;

fn main() -> ExitCode {
    let mut out = std::io::stdout();
    let done = match options::parse(std::env::args_os().skip(1)) {
        Ok(Command::Train(options)) => run(&options, &mut out),
        Ok(Command::Help) => out.write_all(options::HELP.as_bytes()).map_err(Into::into),
        Err(error) => Err(format!("{error}; see `--help`").into()),
    };
    let Err(error) = done else { return ExitCode::SUCCESS };
    // Where stderr is closed too, the exit code has to do.
    let _closed = writeln!(std::io::stderr(), "digits: {error}");
    ExitCode::from(2)
}

/// Trains to the end, from wherever the store stands. Lines for people and for scripts go to `out`.
pub(crate) fn run(options: &Options, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let digits = Digits::load();
    let store = Store::options().seed(options.seed).open(&options.store)?;
    let training = Training::resume(&store, &digits, options)?;
    writeln!(out, "{}: {}", options.store.display(), training.standing()?)?;

    let bar = progress_bar(training.steps_all(), training.steps_done()?);
    while training.steps_done()? < training.steps_all() {
        training.step()?;
        bar.inc(1);
        if let Some(tag) = training.save_if_due()? {
            // From here on, no crash can take this checkpoint away. Say so at once, also into a pipe.
            bar.suspend(|| writeln!(out, "saved {tag}").and_then(|()| out.flush()))?;
            bar.set_message(training.summary()?);
        }
    }
    bar.finish_and_clear();

    let recognised = 100.0 * training.accuracy()?;
    writeln!(out, "{recognised:.1} % of {} digits never trained on are recognised", digits.held_back.len())?;
    Ok(())
}

/// On a terminal's stderr, so that it never mixes with the lines on stdout.
fn progress_bar(steps_all: u64, steps_done: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:32} step {pos}/{len}, {eta} to go  {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(steps_all).with_style(style).with_position(steps_done)
}
