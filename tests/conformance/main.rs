//! Replays the conformance programs through the public interface and compares every outcome with TensorFlow's.
//!
//! `VARKEEP_CONFORMANCE` names another folder of programs; with `VARKEEP_CONFORMANCE_ALL` set, every program, not only
//! some, is replayed with its store closed and opened again between any two steps.
//!
//! The last line printed is `conformance: N passed, M failed`.
#![expect(clippy::print_stdout, reason = "the test reports to whoever runs it")]
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod arguments;
mod dump;
mod program;
mod reopen;
mod replay;
mod session;
mod values;

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use program::Program;
use replay::{Replay, Watch};

/// Of so many programs one is replayed with reopening, unless all are to be.
const REOPENED_ONE_OF: usize = 10;

/// More failures than this are counted, but not told.
const FAILURES_TOLD: usize = 20;

/// What was found, over all programs.
#[derive(Default)]
struct Findings {
    failures: Mutex<Vec<String>>,
    failed: AtomicUsize,
    reopened: AtomicUsize,
    reopened_steps: AtomicUsize,
    skipped_steps: AtomicUsize,
}

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let started = Instant::now();
    let programs = program::load();
    let all = std::env::var_os("VARKEEP_CONFORMANCE_ALL").is_some();
    let (next, findings) = (AtomicUsize::new(0), Findings::default());
    // Most of the time the disk is waited for.
    let threads = 4 * std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((number, program)) = {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    programs.get(number).map(|program| (number, program))
                } {
                    check(program, all || number % REOPENED_ONE_OF == 0, &findings);
                }
            });
        }
    });
    let steps: usize = programs.iter().map(|program| program.steps.len()).sum();
    let untypable = programs.iter().flat_map(|program| &program.steps).filter(|step| step.is_untypable()).count();
    let failing = programs.iter().flat_map(|program| &program.steps).filter(|step| replay::is_failure(step)).count();
    let failures = findings.failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    for failure in failures.iter().take(FAILURES_TOLD) {
        println!("{failure}\n");
    }
    println!("{} programs, {steps} steps, in {:.1} s", programs.len(), started.elapsed().as_secs_f64());
    println!("{untypable} steps ask for what the types exclude: only that they fail was asked for");
    println!("{failing} steps fail, and after each of them the store was what it had been");
    println!(
        "{} programs reopened between every two steps: {} steps compared, {} that hang on variables that are not durable skipped",
        findings.reopened.into_inner(),
        findings.reopened_steps.into_inner(),
        findings.skipped_steps.into_inner()
    );
    let failed = findings.failed.into_inner();
    println!("conformance: {} passed, {failed} failed", programs.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Replays one program in every way, each in stores of its own.
fn check(program: &Program, reopen: bool, findings: &Findings) {
    let result = std::panic::catch_unwind(|| -> Result<(), String> {
        let folder = || tempfile::tempdir().expect("the folder for temporary files is writable");
        Replay::new(program, Watch::Outcomes).run(folder().path())?;
        Replay::new(program, Watch::Traces).run(folder().path())?;
        if reopen {
            let (one, other) = (folder(), folder());
            let counts = reopen::compare(program, one.path(), other.path())?;
            findings.reopened.fetch_add(1, Ordering::Relaxed);
            findings.reopened_steps.fetch_add(counts.compared, Ordering::Relaxed);
            findings.skipped_steps.fetch_add(counts.skipped, Ordering::Relaxed);
        }
        Ok(())
    });
    let failure = match result {
        Ok(Ok(())) => return,
        Ok(Err(difference)) => difference,
        Err(_) => "panicked".to_owned(),
    };
    findings.failed.fetch_add(1, Ordering::Relaxed);
    findings.failures.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{}: {failure}", program.id));
}
