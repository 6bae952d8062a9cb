//! varkeep beside other ways of keeping tensors: a raw writer, safetensors, candle, redb, sled. See `--help`.

mod args;
mod cases;
mod context;
mod files;
mod mapped;
mod measure;
mod memory;
mod peers;
mod report;
mod state;

use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use args::{Args, HELP, Task};
use cases::{GROUPS, Group};
use context::Context;
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
        Task::Child(name) => measure_here(&args, name)?,
        Task::Run => compare(&args)?,
    }
    Ok(())
}

fn list() {
    for group in GROUPS {
        println!("{:<18} {}", group.name, group.about);
    }
}

fn chosen(names: &[String]) -> Result<Vec<&'static Group>> {
    if let Some(unknown) = names.iter().find(|name| !GROUPS.iter().any(|group| group.name.contains(name.as_str()))) {
        bail!("there is no case {unknown:?}; --list lists them");
    }
    let is_chosen = |group: &&Group| names.is_empty() || names.iter().any(|name| group.name.contains(name.as_str()));
    Ok(GROUPS.iter().filter(is_chosen).collect())
}

/// Runs each group in a process of its own, so that none starts with the memory of another.
fn compare(args: &Args) -> Result<()> {
    let groups = chosen(&args.cases)?;
    let is_full_scale = args.scale == 1.0;
    eprintln!("page cache, where a case wants it cold: {}", context::eviction());
    if !is_full_scale {
        eprintln!("at scale {}: the bars are shown, not judged", args.scale);
    }
    let mut rows = Vec::new();
    for group in groups {
        eprintln!("{}: {}", group.name, group.about);
        let measured = measure_in_child(args, group).with_context(|| format!("{} failed", group.name))?;
        if args.is_json {
            measured.iter().for_each(|row| println!("{}", row.json(is_full_scale)));
        }
        rows.extend(measured);
    }
    if !args.is_json {
        print!("{}", report::table(&rows, is_full_scale));
    }
    Ok(())
}

fn measure_in_child(args: &Args, group: &Group) -> Result<Vec<Row>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--child", group.name, "--repeats", &args.repeats.to_string(), "--scale", &args.scale.to_string()]);
    command.arg("--dir").arg(&args.dir);
    if args.is_verbose {
        command.arg("--verbose");
    }
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "it ended with {}", output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn measure_here(args: &Args, name: &str) -> Result<()> {
    let group = GROUPS.iter().find(|group| group.name == name).context("there is no such group")?;
    let context = Context::new(&args.dir, args.repeats, args.scale, args.is_verbose)?;
    context.check_room(group.disk_bytes)?;
    let rows = (group.run)(&context)?;
    println!("{}", serde_json::to_string(&rows)?);
    Ok(())
}
