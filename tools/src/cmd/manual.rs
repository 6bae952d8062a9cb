//! `completions` and `man`: what shells and `man` want to know, made of the command line itself.

use std::fs;
use std::io::Write;

use clap::CommandFactory;

use crate::args::{self, Args};
use crate::failure::{Failure, Outcome};

pub(crate) fn completions(args: &args::Completions, out: &mut dyn Write) -> Outcome<()> {
    // Into memory first: the generator does not take a closed pipe well.
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "varkeep", &mut text);
    Ok(out.write_all(&text)?)
}

/// Prints the manual page of the command, or writes those of all commands into a folder.
pub(crate) fn man(args: &args::Man, out: &mut dyn Write) -> Outcome<()> {
    let mut command = Args::command();
    command.build();
    let Some(folder) = &args.to else {
        clap_mangen::Man::new(command).render(out)?;
        return Ok(());
    };
    let write = |name: &str, command: clap::Command| {
        let path = folder.join(format!("{name}.1"));
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page)?;
        fs::write(&path, page).map_err(|error| Failure::cannot_write(&path, &error))
    };
    fs::create_dir_all(folder).map_err(|error| Failure::cannot_write(folder, &error))?;
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        let name = format!("varkeep-{}", inner.get_name());
        write(&name, inner.clone().name(name.clone()))?;
    }
    write("varkeep", command.clone())?;
    Ok(writeln!(out, "wrote {} pages into {}", command.get_subcommands().count(), folder.display())?)
}
