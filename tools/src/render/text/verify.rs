//! What `verify` says.

use std::io::{self, Write};

use varkeep::{CheckpointHealth, Damage, VerifyReport};

use super::table::{Cell, Column, Table};
use crate::cmd::label;
use crate::cmd::verify::Health;
use crate::printable::printable;
use crate::render::units;
use crate::ui::{Tone, Ui};

/// More names than this are counted, unless all are wanted.
const NAMES_MAX: usize = 5;

pub(crate) fn verify(health: &Health, ui: &Ui, out: &mut dyn Write) -> io::Result<()> {
    if ui.is_quiet() {
        return Ok(());
    }
    let report = &health.report;
    for damage in &report.damage {
        print_damage(damage, health, ui, out)?;
    }
    if !report.is_sound() || ui.is_verbose() {
        checkpoints(&report.checkpoints, ui, out)?;
    }
    if ui.is_verbose() {
        for path in &report.unused {
            writeln!(out, "{} {}", ui.paint(Tone::Dim, "unused:"), printable(&path.display().to_string()))?;
        }
    }
    let read = format!(
        "{}, {}, {}, {} read",
        units::counted(report.checkpoints.len() as u64, "checkpoint"),
        units::counted(report.files, "file"),
        units::counted(report.chunks, "chunk"),
        units::bytes(report.bytes)
    );
    if report.is_sound() {
        writeln!(out, "{} {read}", ui.paint(Tone::Good, "sound:"))?;
    } else {
        let places = units::counted(report.damage.len() as u64, "place");
        writeln!(out, "{} in {places}; {read}", ui.paint(Tone::Bad, "damaged"))?;
        if let Some(way_back) = way_back(health) {
            writeln!(out, "{} {way_back}", ui.paint(Tone::Good, "hint:"))?;
        }
    }
    let left_out = VerifyReport::NOT_COVERED.join(" and ");
    writeln!(out, "{}", ui.paint(Tone::Dim, &format!("not covered: {left_out}, which are made anew from the rest")))?;
    if !report.unused.is_empty() && !ui.is_verbose() {
        ui.note(&format!(
            "{} belong to no checkpoint (left by a crash, or being written); the next open for writing removes those of \
             the store; -v lists them",
            units::counted(report.unused.len() as u64, "file")
        ));
    }
    Ok(())
}

fn print_damage(damage: &Damage, health: &Health, ui: &Ui, out: &mut dyn Write) -> io::Result<()> {
    let place = damage.offset_bytes.map_or_else(String::new, |offset| format!(" at byte {offset}"));
    let path = printable(&damage.path.display().to_string());
    writeln!(out, "{} {path}{place}: {}", ui.paint(Tone::Bad, "damaged:"), printable(&damage.what))?;
    if !damage.variables.is_empty() {
        writeln!(out, "    {} {}", ui.paint(Tone::Dim, "variables:"), names(&damage.variables, ui))?;
    }
    if !damage.checkpoints.is_empty() {
        let known = |number: &u64| health.report.checkpoints.iter().find(|one| one.number == *number);
        let labels: Vec<String> = damage
            .checkpoints
            .iter()
            .map(|number| label(known(number).and_then(|one| one.tag.as_deref()), *number))
            .collect();
        writeln!(out, "    {} {}", ui.paint(Tone::Dim, "checkpoints:"), names(&labels, ui))?;
    }
    match &damage.advice {
        Some(advice) => writeln!(out, "    {} {}", ui.paint(Tone::Dim, "advice:"), printable(advice)),
        None => Ok(()),
    }
}

fn names(names: &[String], ui: &Ui) -> String {
    let shown = if ui.is_verbose() { names.len() } else { NAMES_MAX.min(names.len()) };
    let text = printable(&names[..shown].join(", "));
    if shown < names.len() { format!("{text} and {} more", names.len() - shown) } else { text }
}

fn checkpoints(checkpoints: &[CheckpointHealth], ui: &Ui, out: &mut dyn Write) -> io::Result<()> {
    let columns = vec![
        Column::left("CHECKPOINT", 0),
        Column::right("COMMIT", 2),
        Column::right("VARIABLES", 1),
        Column::left("STATE", 0),
    ];
    let mut table = Table::new(columns, 3);
    for health in checkpoints {
        let (state, tone) = if !health.readable {
            ("cannot be opened".to_owned(), Tone::Bad)
        } else if health.damaged.is_empty() {
            ("sound".to_owned(), Tone::Good)
        } else {
            (format!("all but {} can be read", names(&health.damaged, ui)), Tone::Changed)
        };
        table.push(vec![
            Cell::new(health.tag.as_deref().unwrap_or("(head)"), Tone::Name),
            Cell::plain(health.number.to_string()),
            Cell::plain(units::count(health.variables)),
            Cell::new(state, tone),
        ]);
    }
    table.print(ui, out)
}

/// The newest checkpoint that is sound, and how to get it out.
fn way_back(health: &Health) -> Option<String> {
    let checkpoints = &health.report.checkpoints;
    let Some(sound) = checkpoints.iter().find(|one| one.readable && one.damaged.is_empty()) else {
        let partly = checkpoints.iter().find(|one| one.readable)?;
        return Some(format!(
            "no checkpoint is whole; `varkeep export {}@{} NEW.safetensors --only PATTERN` gets out of this one what still reads",
            printable(&health.store),
            label(partly.tag.as_deref(), partly.number)
        ));
    };
    let tag = label(sound.tag.as_deref(), sound.number);
    Some(format!(
        "{tag} is sound; `varkeep restore {}@{tag} --to NEW` copies it into a store of its own, `varkeep \
         salvage` all that are",
        printable(&health.store)
    ))
}
