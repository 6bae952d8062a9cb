//! What the figures were measured on.

use std::fs;
use std::path::Path;

use anyhow::Result;
use rustix::system::uname;

/// A line for people: processor, cores, memory, kernel, file system.
pub(crate) fn describe(dir: &Path) -> Result<String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let processor = line_of("/proc/cpuinfo", "model name").unwrap_or_else(|| "an unnamed processor".to_owned());
    let memory = line_of("/proc/meminfo", "MemTotal").and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    let kernel = uname().release().to_string_lossy().into_owned();
    let is_virtual = fs::read_to_string("/proc/cpuinfo").is_ok_and(|text| text.contains(" hypervisor"));
    Ok(format!(
        "{processor}, {cores} {}{}, {} GiB of memory; Linux {kernel}; {} on {}",
        if cores == 1 { "core" } else { "cores" },
        if is_virtual { " of a virtual machine" } else { "" },
        memory.map_or(0, |kibibytes| (kibibytes + (1 << 19)) >> 20),
        file_system(dir)?.0,
        file_system(dir)?.1,
    ))
}

/// The value of `name : value`, if the file has it.
fn line_of(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The type and the device of the file system that a folder is on.
fn file_system(dir: &Path) -> Result<(String, String)> {
    let dir = dir.canonicalize()?;
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let holds_dir = |fields: &Vec<&str>| fields.len() > 2 && dir.starts_with(fields[1]);
    let deepest = fields.filter(holds_dir).max_by_key(|fields| fields[1].len());
    Ok(deepest.map_or_else(
        || ("an unknown file system".to_owned(), "an unknown device".to_owned()),
        |fields| (fields[2].to_owned(), fields[0].to_owned()),
    ))
}
