//! varkeep beside other ways of keeping tensors: a raw writer, safetensors, candle, redb, sled. See `--help`.

mod args;
mod cases;
mod context;
mod files;
mod growth;
mod machine;
mod mapped;
mod measure;
mod memory;
mod page;
mod peers;
mod report;
mod state;

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Serialize;
use serde::de::DeserializeOwned;

use args::{Args, HELP, Task};
use cases::{GROUPS, Group};
use context::Context;
use growth::{Growth, SWEEPS, Sweep};
use report::Row;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<()> {
    let args = Args::parse()?;
    match &args.task {
        Task::Help => println!("{HELP}"),
        Task::List => list(),
        Task::Cases => compare(&args)?,
        Task::Growth => grow(&args)?,
        Task::ChildCase(name) => {
            let group = GROUPS.iter().find(|group| group.name == name).context("there is no such group")?;
            answer(&args, group.disk_bytes, group.run)?;
        }
        Task::ChildSweep(name) => {
            let sweep = SWEEPS.iter().find(|sweep| sweep.name == name).context("there is no such sweep")?;
            answer(&args, sweep.disk_bytes, sweep.run)?;
        }
    }
    Ok(())
}

fn list() {
    for group in GROUPS {
        println!("{:<18} {}", group.name, group.about);
    }
    for sweep in SWEEPS {
        println!("growth {:<11} {}", sweep.name, sweep.about);
    }
}

/// Those whose names contain one of the words; all, if there is no word.
fn chosen<'a, T>(all: &'a [T], name_of: impl Fn(&T) -> &'static str, words: &[String]) -> Result<Vec<&'a T>> {
    if let Some(unknown) = words.iter().find(|word| !all.iter().any(|item| name_of(item).contains(word.as_str()))) {
        bail!("nothing is called {unknown:?}; --list lists what there is");
    }
    let is_chosen = |item: &&T| words.is_empty() || words.iter().any(|word| name_of(item).contains(word.as_str()));
    Ok(all.iter().filter(is_chosen).collect())
}

/// What was run, on what, and how.
fn preamble(args: &Args) -> Result<String> {
    let mut text = format!(
        "Measured on {}. Medians (and ranges) of {} rounds in turns; the page cache, where it is cold, is {}.",
        machine::describe(&args.dir)?,
        args.repeats,
        context::eviction(),
    );
    if args.scale != 1.0 {
        write!(text, " At scale {}: the bars are shown, not judged.", args.scale)?;
    }
    Ok(text)
}

fn compare(args: &Args) -> Result<()> {
    let groups = chosen(GROUPS, |group| group.name, &args.names)?;
    let is_full_scale = args.scale == 1.0;
    let preamble = preamble(args)?;
    eprintln!("{preamble}");
    let page = args.docs.as_ref().map(|docs| docs.join("PERFORMANCE.md"));
    if let Some(page) = &page {
        page::put(page, "machine", &preamble)?;
    }
    let mut failed = Vec::new();
    for Group { name, about, .. } in groups {
        eprintln!("{name}: {about}");
        // One that fails must not cost the figures of the others.
        let rows: Vec<Row> = match ask_child(args, "--child-case", name) {
            Ok(rows) => rows,
            Err(error) => {
                eprintln!("error: {error:#}");
                failed.push(*name);
                continue;
            }
        };
        let table = report::table(&rows, is_full_scale);
        if args.is_json {
            for row in &rows {
                println!("{}", row.json(is_full_scale)?);
            }
        } else {
            println!("{table}");
        }
        if let Some(page) = &page {
            page::put(page, name, &format!("**{about}**\n\n{table}"))?;
        }
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

fn grow(args: &Args) -> Result<()> {
    eprintln!("{}", preamble(args)?);
    for Sweep { name, about, .. } in chosen(SWEEPS, |sweep| sweep.name, &args.names)? {
        eprintln!("{name}: {about}");
        let growth: Growth = ask_child(args, "--child-sweep", name)?;
        if args.is_json {
            println!("{}", serde_json::to_string(&growth)?);
        } else {
            print!("{}", growth.table());
        }
        if let Some(docs) = &args.docs {
            let folder = docs.join("performance");
            fs::create_dir_all(&folder)?;
            fs::write(folder.join(format!("{name}.svg")), growth.svg()?)?;
        }
    }
    Ok(())
}

/// Runs a group of cases or a sweep in a process of its own, so that none starts with the memory of another.
fn ask_child<T: DeserializeOwned>(args: &Args, what: &str, name: &str) -> Result<T> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([what, name, "--repeats", &args.repeats.to_string(), "--scale", &args.scale.to_string()]);
    command.arg("--dir").arg(&args.dir);
    if args.is_verbose {
        command.arg("--verbose");
    }
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{name} ended with {}", output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The child's side of it.
fn answer<T: Serialize>(args: &Args, disk_bytes: u64, run: fn(&Context) -> Result<T>) -> Result<()> {
    let context = Context::new(&args.dir, args.repeats, args.scale, args.is_verbose)?;
    context.check_room(disk_bytes)?;
    println!("{}", serde_json::to_string(&run(&context)?)?);
    Ok(())
}
